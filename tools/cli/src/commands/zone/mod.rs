//! `wod zone …`: what a content author types.

mod build;
mod check;

use clap::Subcommand;

use crate::exit::Outcome;

/// The commands under `wod zone`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build zone modules: compile, make components, pack their Tiled maps into them
    Build(build::Args),
    /// Check that a component runs: compile it, instantiate it, let it describe itself
    Check(check::Args),
}

impl Command {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Build(args) => args.run(),
            Self::Check(args) => args.run(),
        }
    }
}
