//! What can be typed. One file a command; each has its arguments and a `run`.

mod zone;

use clap::{Parser, Subcommand};

use crate::exit::{EXIT_CODES, Outcome};

/// The World of Darkness server and its tools.
#[derive(Debug, Parser)]
#[command(name = "wod", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, build and check zone modules
    #[command(subcommand)]
    Zone(zone::Command),
}

impl Cli {
    /// Runs what was typed.
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Zone(command) => command.run(),
        }
    }
}
