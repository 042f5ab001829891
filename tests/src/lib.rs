//! End to end: real processes, a real Redis, and a client that knows only PROTOCOL.md.
//!
//! [`cluster`] starts and ends processes, [`client`] is one player. Every wait is for a condition, with a deadline.

pub mod client;
pub mod cluster;
