//! `cargo xtask sim`: runs the simulator (`tests/sim`) over many seeds, or repeats one.

use std::process::ExitCode;

use crate::paths;
use crate::shell::Line;

/// Arguments of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Passed on to the simulator: `--seeds N`, `--from N`, `--seed N`, `--lossy true|false`, `--verbose`
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds it as the tests do, and runs it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    Line::new("cargo build --workspace --bin wod-simulate --quiet").run()?;
    let status = Line::new("").arg(paths::binary("debug", "wod-simulate")).command().args(&args.args).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
