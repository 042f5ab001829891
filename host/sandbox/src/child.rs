//! Compiles in a process of its own: a hostile component can make a compiler slow, huge or crash, and then it is that
//! process's time, memory and life.
//!
//! The parent runs the program it is told (its own executable with a hidden argument), which calls
//! [`compile_child_main`]. On the child's standard input: its memory limit, its processor seconds (each 8 bytes, little
//! endian), the component. On its standard output: the compiled code, or with exit code [`INVALID`] what is wrong.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use wod_protocol::limits::MODULE_BYTES;

use crate::engine::engine;
use crate::error::LoadError;

/// Exit code of a child that refuses the component.
const INVALID: u8 = 2;
/// Most compiled code a component may become, bytes.
const COMPILED_BYTES: u64 = 256 << 20;
/// Most of a child's last words that are kept, bytes.
const LAST_WORDS_BYTES: u64 = 4096;
/// Compiling leaves the processor to ticking zones: about a third of a zone's share.
const NICENESS: i32 = 5;
/// More threads would each need address space of the child's limit, and take processors from zones.
const COMPILER_THREADS: u64 = 2;

/// How to run the compiler.
#[derive(Debug, Clone)]
pub struct ChildCompiler {
    /// The program; a host's own executable.
    pub program: PathBuf,
    /// Arguments on which it calls [`compile_child_main`] and nothing else.
    pub args: Vec<OsString>,
    /// Longest time for one component. Default 30 s. It bounds the process's processor time too, should the parent die.
    pub time: Duration,
    /// Address space of the process, bytes. Default 1 GiB.
    pub memory_bytes: u64,
}

impl ChildCompiler {
    /// With the default bounds.
    pub fn new(program: PathBuf, args: Vec<OsString>) -> Self {
        Self { program, args, time: Duration::from_secs(30), memory_bytes: 1 << 30 }
    }

    /// The component's code for this machine. Blocks for up to [`ChildCompiler::time`].
    pub(crate) fn compile(&self, component: &[u8]) -> Result<Vec<u8>, LoadError> {
        let missing = |error| LoadError::CompilerMissing { program: self.program.clone(), error };
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(["RAYON_NUM_THREADS", "MALLOC_ARENA_MAX"].map(|name| (name, COMPILER_THREADS.to_string())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(missing)?;
        let mut stdin = child.stdin.take().expect("piped above");
        let stdout = child.stdout.take().expect("piped above");
        let stderr = child.stderr.take().expect("piped above");
        let cpu_seconds = self.time.as_secs().max(1) * COMPILER_THREADS;
        let job = [self.memory_bytes, cpu_seconds].map(u64::to_le_bytes).concat();

        let (done_tx, done_rx) = mpsc::channel();
        thread::scope(|scope| {
            // A child that does not read to the end says why by its exit status; killing it ends the write.
            scope.spawn(move || stdin.write_all(&job).and_then(|()| stdin.write_all(component)));
            let stdout = scope.spawn(move || {
                let read = read_up_to(stdout, COMPILED_BYTES + 1);
                // Nobody listens any more when the time was over.
                let _ = done_tx.send(());
                read
            });
            let stderr = scope.spawn(move || read_up_to(stderr, LAST_WORDS_BYTES));

            let late = done_rx.recv_timeout(self.time) == Err(RecvTimeoutError::Timeout);
            if late {
                child.kill().map_err(missing)?;
            }
            let status = child.wait().map_err(missing)?;
            let stdout = stdout.join().expect("reading a pipe does not panic").map_err(missing)?;
            let stderr = stderr.join().expect("reading a pipe does not panic").map_err(missing)?;
            if late {
                return Err(LoadError::CompileTime(self.time));
            }
            self.outcome(status, stdout, &stderr)
        })
    }

    fn outcome(&self, status: ExitStatus, stdout: Vec<u8>, stderr: &[u8]) -> Result<Vec<u8>, LoadError> {
        if status.success() && stdout.len() as u64 <= COMPILED_BYTES {
            return Ok(stdout);
        }
        if status.code() == Some(i32::from(INVALID)) {
            return Err(LoadError::Invalid(String::from_utf8_lossy(&stdout).into_owned()));
        }
        Err(LoadError::CompilerDied {
            status: status.to_string(),
            memory_bytes: self.memory_bytes,
            detail: String::from_utf8_lossy(stderr).trim().to_owned(),
        })
    }
}

fn read_up_to(pipe: impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    pipe.take(bytes).read_to_end(&mut read)?;
    Ok(read)
}

/// The whole `main` of a compiling child: bounds its own process, reads a component from standard input, writes compiled code
/// to standard output.
pub fn compile_child_main() -> ExitCode {
    match compile_stdin() {
        Ok(code) => code,
        Err(error) => {
            // The parent reads this as the child's last words.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn compile_stdin() -> io::Result<ExitCode> {
    let mut stdin = io::stdin().lock();
    let mut number = [0; 8];
    stdin.read_exact(&mut number)?;
    let memory_bytes = u64::from_le_bytes(number);
    stdin.read_exact(&mut number)?;
    bound_this_process(memory_bytes, u64::from_le_bytes(number))?;

    let component = read_up_to(stdin, MODULE_BYTES as u64)?;
    let engine = engine().map_err(io::Error::other)?;
    let mut stdout = io::stdout().lock();
    let (code, output) = match engine.precompile_component(&component) {
        Ok(compiled) => (ExitCode::SUCCESS, compiled),
        Err(error) => (ExitCode::from(INVALID), format!("{error:#}").into_bytes()),
    };
    stdout.write_all(&output)?;
    stdout.flush()?;
    Ok(code)
}

fn bound_this_process(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    let at_most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, at_most(memory_bytes))?;
    setrlimit(Resource::Cpu, at_most(cpu_seconds))?;
    setrlimit(Resource::Core, at_most(0))?;
    rustix::process::nice(NICENESS)?;
    Ok(())
}
