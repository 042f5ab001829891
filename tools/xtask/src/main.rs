//! `cargo xtask`: set-up, builds, tests and checks of the house. `cargo xtask --help` lists what there is.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod bench;
mod chaos;
mod cluster;
mod dev;
mod distributed;
mod machine;
mod package;
mod paths;
mod shell;
mod sim;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and checks the World of Darkness server.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing, build everything and start the whole world in one process
    Dev(dev::Args),
    /// Install what the tests need and run every check and test
    Test(test::Args),
    /// Start a real cluster on this machine: Redis, two gateways, two zone hosts
    Distributed(distributed::Args),
    /// Put all that a machine needs into one folder: the program, modules, web client, world file, systemd units
    Package(package::Args),
    /// Measure, and print figures
    #[command(subcommand)]
    Bench(bench::Command),
    /// Kill, stop and restart every part of a world under players; print how long they stood still and what was lost
    Chaos(chaos::Args),
    /// Simulate a small world, processes, store and players in one thread, under faults drawn from a seed; over many seeds
    Sim(sim::Args),
    /// Check the rules of the house: who depends on whom, sizes of files, what the README lists, examples in the SDK's reference
    Tidy,
    /// Format all Rust code
    Fmt,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Distributed(args) => distributed::run(&args),
        Command::Package(args) => package::run(&args),
        Command::Bench(command) => bench::run(&command),
        Command::Chaos(args) => chaos::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Tidy => tidy::run(),
        Command::Fmt => test::format(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
