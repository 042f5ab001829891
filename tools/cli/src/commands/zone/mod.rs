//! `wod zone …`: what a content author types.

mod build;

use clap::Subcommand;

use crate::exit::Outcome;

/// The commands under `wod zone`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build zone modules: compile, make components, pack their Tiled maps into them
    Build(build::Args),
}

impl Command {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Build(args) => args.run(),
        }
    }
}
