//! End to end, on real processes: hosts, gateways and Redis are started for each test, and clients play. One program for all of
//! them: linking one for each costs minutes.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test says more by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are there to be looked at")]

mod chaos;
mod characters;
mod chat;
mod crash;
mod crossing;
mod deploy;
mod dialogue;
mod evening;
mod feel;
mod handoff;
mod hostile;
mod hostile_module;
mod hostile_stream;
mod meeting;
mod memory;
mod migration;
mod partitions;
mod recovery;
mod regions;
mod swap;
mod trade;
mod watch;
