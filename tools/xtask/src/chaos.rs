//! `cargo xtask chaos`: kills, stops and restarts what a world consists of, one after the other, under a crowd that checks every
//! promise. Prints a line for each: how long players stood still, and what was lost.

use std::process::ExitCode;

use crate::shell::Line;
use crate::{dev, machine, test};

/// Arguments of `cargo xtask chaos`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Players
    #[arg(long, default_value_t = 500)]
    count: u32,
    /// Only the trials whose test's name contains this: `hosts`, `fails_over`, `clocks`, `network`, `hand_off`
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Use what is built already
    #[arg(long)]
    no_build: bool,
}

/// Runs the trials; a broken promise is a failure.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    machine::redis()?;
    machine::network_and_clocks()?;
    if !args.no_build {
        dev::build(&[])?;
        // All of it, as `cargo xtask test` does: another selection would mean other features, and wasmtime built anew.
        Line::new("cargo build --workspace --all-targets --quiet").run()?;
    }
    test::chaos(args.count, args.only.as_deref()).run()?;
    Ok(ExitCode::SUCCESS)
}
