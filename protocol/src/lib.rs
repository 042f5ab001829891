//! Everything that crosses a process border, as pure data and codecs: ids, client messages (protocol v1), bus
//! envelopes, the world file, packed maps, player records and heartbeats. No IO, no clock, no tokio.
//!
//! Reading order: [`ids`] and [`units`] first, then [`client`] (what a player's client and a gateway say to each other),
//! then [`bus`] (what gateways and zone hosts say to each other).

pub mod bus;
pub mod client;
pub mod ids;
pub mod limits;
pub mod map;
pub mod record;
pub mod registry;
pub mod units;
pub mod world;
