//! What can be typed. One file a command; each has its arguments and a `run`.

mod bots;
pub(crate) mod ticket;
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
    /// Make a signed login, for testing
    Ticket(ticket::Args),
    /// Many clients that walk, talk and check every promise of the protocol
    Bots(bots::Args),
}

impl Cli {
    /// Runs what was typed.
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Zone(command) => command.run(),
            Command::Ticket(args) => args.run(),
            Command::Bots(args) => args.run(),
        }
    }
}
