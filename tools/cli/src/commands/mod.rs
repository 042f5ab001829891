//! What can be typed. One file a command; each has its arguments and a `run`.

mod ask;
mod bots;
mod completions;
mod config_set;
mod dev;
mod dialogue;
mod drain;
mod gateway;
mod gateways;
mod host;
mod hosts;
mod keys;
mod logs;
mod migrate;
mod modules;
mod mute;
mod players;
mod publish;
mod rollback;
mod rollout;
mod rollouts;
pub(crate) mod swap;
pub(crate) mod ticket;
mod unmute;
mod zone;
mod zones;

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
    /// Run the whole world in this process
    Dev(dev::Args),
    /// Run a gateway: players connect to it
    Gateway(gateway::Args),
    /// Run a zone host: it owns zones and runs their modules
    Host(host::Args),
    /// Make, build and check zone modules
    #[command(subcommand)]
    Zone(zone::Command),
    /// Play Yarn dialogues in the terminal
    Dialogue(dialogue::Args),
    /// List the zones: who runs them, how they do
    Zones(zones::Args),
    /// List the zone hosts
    Hosts(hosts::Args),
    /// List the gateways
    Gateways(gateways::Args),
    /// List the players, or find one; export, rename, delete one
    Players(players::Args),
    /// Keys that modules are signed with
    #[command(subcommand)]
    Keys(keys::Command),
    /// Publish a zone module: sign it and store it under its name and version
    Publish(publish::Args),
    /// List the published modules: who signed them, which zones run them
    Modules(modules::Args),
    /// Replace a running zone's module, step by step
    Swap(swap::Args),
    /// Give a zone the version before its last swap again
    Rollback(rollback::Args),
    /// Give a version to many zones, wave by wave
    Rollout(rollout::Args),
    /// List the rollouts
    Rollouts(rollouts::Args),
    /// Move a running zone to another host
    Migrate(migrate::Args),
    /// Move all zones of a host elsewhere
    Drain(drain::Args),
    /// Settings of running zones
    #[command(subcommand)]
    Config(config_set::Command),
    /// Ask a running zone's module something
    Ask(ask::Args),
    /// Have nobody hear a player for a while
    Mute(mute::Args),
    /// Have a player heard again
    Unmute(unmute::Args),
    /// What a running zone's module logs, and how it fails
    Logs(logs::Args),
    /// Make a signed login, for testing
    Ticket(ticket::Args),
    /// Many clients that walk, talk and check every promise of the protocol
    Bots(bots::Args),
    /// Print what a shell needs to complete commands
    Completions(completions::Args),
}

impl Cli {
    /// Runs what was typed.
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Dev(args) => args.run(),
            Command::Gateway(args) => args.run(),
            Command::Host(args) => args.run(),
            Command::Zone(command) => command.run(),
            Command::Dialogue(args) => args.run(),
            Command::Zones(args) => args.run(),
            Command::Hosts(args) => args.run(),
            Command::Gateways(args) => args.run(),
            Command::Players(args) => args.run(),
            Command::Keys(command) => command.run(),
            Command::Publish(args) => args.run(),
            Command::Modules(args) => args.run(),
            Command::Swap(args) => args.run(),
            Command::Rollback(args) => args.run(),
            Command::Rollout(args) => args.run(),
            Command::Rollouts(args) => args.run(),
            Command::Migrate(args) => args.run(),
            Command::Drain(args) => args.run(),
            Command::Config(command) => command.run(),
            Command::Ask(args) => args.run(),
            Command::Mute(args) => args.run(),
            Command::Unmute(args) => args.run(),
            Command::Logs(args) => args.run(),
            Command::Ticket(args) => args.run(),
            Command::Bots(args) => args.run(),
            Command::Completions(args) => args.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }
}
