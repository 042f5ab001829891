//! `wod zone …`: what a content author types.

mod against;
mod bench;
mod build;
mod check;
mod crates;
mod maps;
mod new;
mod run;
mod sandbox;
mod test;
mod typescript;

use clap::Subcommand;

use crate::exit::Outcome;

/// The commands under `wod zone`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a zone that builds, with a map and a passing test; in Rust, or with --lang ts in TypeScript
    New(new::Args),
    /// Play one zone alone in this process, built and swapped in anew whenever one of its files is saved
    Run(run::Args),
    /// Play scenarios (scenarios/*.toml) against the built component
    Test(test::Args),
    /// Measure what a tick costs, by how many NPCs and players are there
    Bench(bench::Args),
    /// Build zone modules: compile, make components, pack their Tiled maps into them
    Build(build::Args),
    /// Check that a component runs, and (with --against) that it can replace an older version
    Check(check::Args),
}

impl Command {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::New(args) => args.run(),
            Self::Run(args) => args.run(),
            Self::Test(args) => args.run(),
            Self::Bench(args) => args.run(),
            Self::Build(args) => args.run(),
            Self::Check(args) => args.run(),
        }
    }
}
