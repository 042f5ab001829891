//! Load and checks: many clients over real sockets, each checking every promise of the protocol that it can see.
//!
//! [`Bot`](bot::Bot) is the pure core: one player, told of time and messages, answering with messages, faults and samples.
//! Around it: [`client`] gives it a socket, [`run`] gives many of them phases and a report, [`spread`] gives them processes.
//! What a bot knows: [`checks`] (which promises hold), [`ground`] (where one can walk), [`atlas`] (what leads where).
//!
//! # How latency is measured
//!
//! From the time at which the sender was due to send (not when it got round to it) to the time at which a neighbour has the
//! message from its socket. Chat lines carry that time as text. Moves carry it in their heading, which the server passes on
//! in 65,536 steps: a step is 250 µs, so the heading wraps every 16.4 s ([`clock::Stamp`]). A neighbour counts each stamp of
//! each sender once. Senders in other processes share the clock, because all count from one moment of the system clock.

mod atlas;
mod bot;
mod checks;
mod client;
mod clock;
mod ground;
mod report;
mod run;
mod spread;
mod walker;
mod wire;

pub(crate) use client::Gateway;
pub(crate) use report::Report;
pub(crate) use run::{Plan, run};
pub(crate) use spread::{processes_for, run_spread};
