//! Components for commands that run them in this process.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use wod_sandbox::{ChildCompiler, Compiled, Compiler, Sandbox, SandboxOptions, THREAD_STACK_BYTES};

use super::build::build_one;
use crate::commands::keys::read_module;
use crate::exit::{Exit, Failure, Outcome};
use crate::service;

/// Longest time for compiling a file. More than a host's: an author's machine may be at work on other things, and a zone in
/// TypeScript is 15 s of processor time for all that it holds an engine.
const COMPILE_TIME: Duration = Duration::from_secs(180);

/// Runs `work` with a sandbox, on a thread that has the stack which modules need.
pub(super) fn with_sandbox(work: impl FnOnce(&Sandbox) -> Outcome + Send + 'static) -> Outcome {
    // As a host does it: the compiler in a process that can be stopped.
    let program = std::env::current_exe().context("can't find this program's own file")?;
    let child = ChildCompiler::new(program, vec![service::COMPILE_CHILD.into()]);
    let compiler = Compiler::Child(ChildCompiler { time: COMPILE_TIME, ..child });
    let sandbox = Sandbox::new(SandboxOptions { compiler, cache: None }).map_err(anyhow::Error::new)?;
    let thread = std::thread::Builder::new()
        .stack_size(THREAD_STACK_BYTES)
        .spawn(move || work(&sandbox))
        .context("can't start a thread for the modules")?;
    thread.join().map_err(|_| Failure::text(Exit::Failed, "running modules panicked: a fault of wod itself"))?
}

/// The component of a file, or of the crate in a folder, which is built first.
pub(super) fn component(sandbox: &Sandbox, at: &Path, out: &Path) -> Result<Compiled, Failure> {
    let file = if at.is_dir() { build_one(at, out, false)?.file } else { at.to_owned() };
    let compiled = sandbox.compile(&read_module(&file)?).with_context(|| file.display().to_string());
    compiled
        .map_err(|error| Failure::new(Exit::Faults, error).hint("`wod zone check FILE` explains findings one by one"))
}
