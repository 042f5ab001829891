//! Goods, trades, objects and deeds in the real simulation.
//!
//! `hall` is the zone; `trade` what two players do, `crossing` what happens to it when one of them is about to be elsewhere, `random` all
//! of it at random over two zones; `objects` are doors, boards and containers, `deeds` what takes time, `versions` older states.
#![allow(clippy::unwrap_used, reason = "a test says more by panicking")]

mod crossing;
mod deeds;
mod hall;
mod objects;
mod random;
mod trade;
mod versions;
