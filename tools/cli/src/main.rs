//! `wod`: everything a content author or an operator types, and the processes themselves.
//!
//! One command is one file in [`commands`]; what several of them need stands beside it: [`config`] (settings of the
//! processes) and [`service`] (how they run and end), [`output`] (tables and JSON), [`admin`] (the admin HTTP API), [`exit`]
//! (exit codes), [`component`] (making zone files), [`watch`] (zones rebuilt as they are saved), [`keyfile`] (keys for modules and
//! tickets), [`scenario`] (a zone played in this process), [`bots`] (load and checks over real sockets).

mod admin;
mod bots;
mod commands;
mod component;
mod config;
mod exit;
mod keyfile;
mod output;
mod scenario;
mod service;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // Before anything else: a compiling child runs under a tight memory limit and without an environment.
    if std::env::args_os().nth(1).is_some_and(|command| command == service::COMPILE_CHILD) {
        return wod_sandbox::compile_child_main();
    }
    match commands::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
