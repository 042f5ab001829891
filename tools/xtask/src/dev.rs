//! `cargo xtask dev`: from a fresh checkout to a running world.

use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use crate::shell::Line;
use crate::{machine, paths};

/// Arguments of `cargo xtask dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Passed on to `wod dev`, for example `--fresh` or `--data DIR`
    #[arg(value_name = "ARGS", last = false, trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Installs and builds what is missing, then becomes `wod dev`, so that Ctrl-C drains the world itself.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    build(&["--quick"])?;
    let mut command = Line::new("")
        .arg(paths::wod("release"))
        .arg("dev")
        .arg("--allow-unsigned")
        .arg("--world")
        .arg(paths::world())
        .arg("--modules")
        .arg(paths::zones())
        .arg("--web")
        .arg(paths::web())
        .arg("--watch")
        .arg(paths::root().join("zones"))
        .command();
    command.args(&args.args);
    // Relative paths in the arguments, and the default `./data`, are the caller's.
    command.current_dir(std::env::current_dir()?);
    Err(anyhow::Error::new(command.exec()).context("can't start wod dev"))
}

/// Everything that a running world needs, in release form; the zones as these flags of `wod zone build` say.
pub(crate) fn build(zone_flags: &[&str]) -> anyhow::Result<()> {
    machine::wasm_target()?;
    machine::node()?;
    machine::web_client()?;
    println!("building the server (the first time takes some minutes)");
    Line::new("cargo build --release --package wod").run()?;
    println!("building the zones");
    let line = Line::new("").arg(paths::wod("release")).arg("zone").arg("build").arg("zones").arg("--out");
    zone_flags.iter().fold(line.arg(paths::zones()), Line::arg).run()
}
