//! `wod`: everything a content author or an operator types, and the processes themselves.
//!
//! One command is one file in [`commands`]; what several of them need stands beside it: [`config`] (settings of the
//! processes), [`output`] (tables and JSON), [`admin`] (the admin HTTP API), [`exit`] (exit codes), [`build`] (making zone
//! files), [`bots`] (load and checks over real sockets).

mod bots;
mod build;
mod commands;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
