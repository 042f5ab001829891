//! End to end: real processes, a real Redis, and a client that knows only PROTOCOL.md.
//!
//! [`cluster`] starts and ends processes, [`client`] is one player, [`pace`] and [`route`] are her walk, [`relay`] is her bad line,
//! [`sight`] what she sees of others, [`garbage`] what a bad client sends, [`bazaar`] where she shops,
//! [`bots`] a crowd,
//! [`trial`] what the crowd goes through. Every wait is for a condition, with a deadline.

pub mod bazaar;
pub mod bots;
pub mod chance;
pub mod client;
pub mod cluster;
pub mod garbage;
pub mod net;
pub mod pace;
pub mod relay;
pub mod route;
pub mod sight;
pub mod tap;
pub mod trial;
