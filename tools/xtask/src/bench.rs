//! `cargo xtask bench`: measures a promise at its full size on this machine, and prints the figures.

mod swap;

use std::process::ExitCode;

/// What can be measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Swap a zone's module again and again under players who walk, talk and use dialogues; then everything that can go wrong with
    /// a swap or rollback
    Swap(swap::Args),
}

/// `cargo xtask bench …`.
pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Swap(args) => swap::run(args),
    }
}
