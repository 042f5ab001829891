//! Everything that crosses a process border, as pure data and codecs: ids, client messages (protocol v1), bus
//! envelopes, the world file, packed maps, player records and heartbeats. No IO, no clock, no tokio.
//!
//! Reading order: [`ids`] and [`units`] first, then [`client`] (what a player's client and a gateway say to each other;
//! [`codec`] reads and writes it, [`compose`] joins it from parts that are encoded once),
//! then [`bus`] (what gateways and zone hosts say to each other). [`line`] says what a line of chat may be made of.

pub mod bus;
pub mod client;
pub mod codec;
pub mod compose;
pub mod ids;
pub mod limits;
pub mod line;
pub mod map;
pub mod name;
pub mod record;
pub mod registry;
pub mod units;
pub mod world;
