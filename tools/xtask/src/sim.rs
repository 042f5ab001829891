//! `cargo xtask sim`: runs the simulator (`tests/sim`) over many seeds, or repeats one.

use std::process::ExitCode;

use crate::paths;
use crate::shell::Line;

/// Arguments of `cargo xtask sim`; what they mean is the simulator's to say.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// This one alone
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Let the store lose its tail in every run (true) or in none (false); otherwise in one of ten
    #[arg(long)]
    lossy: Option<bool>,
    /// Print everything that happens
    #[arg(long)]
    verbose: bool,
}

/// Builds it as the tests do, and runs it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    Line::new("cargo build --workspace --bin wod-simulate --quiet").run()?;
    let mut line = Line::new("").arg(paths::binary("debug", "wod-simulate"));
    line = match args.seed {
        Some(seed) => line.arg("--seed").arg(seed.to_string()),
        None => line.arg("--seeds").arg(args.seeds.to_string()).arg("--from").arg(args.from.to_string()),
    };
    if let Some(lossy) = args.lossy {
        line = line.arg("--lossy").arg(lossy.to_string());
    }
    if args.verbose {
        line = line.arg("--verbose");
    }
    let status = line.command().status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
