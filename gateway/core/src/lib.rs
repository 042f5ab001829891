//! The gateway's state machine: players' connections on one side, zones on the other.
//!
//! Pure and synchronous: [`Core::handle`] takes the time and one [`Event`], and appends [`Effect`]s. It knows no socket, no
//! clock, no runtime and no random numbers; the shell (`wod-gateway`) owns those.
//!
//! - [`io`]: events in, effects out.
//! - `core`: the connections and how each begins and ends.
//! - `admission`: from `hello` to the zone's word that lets a connection in.
//! - `session`: a player in the world: her commands, moves and acks on their way to the zone.
//! - `zone`: a zone as seen from here: its entities, who sees which, where its owner is.
//! - `frame`: one tick of a zone becomes each player's messages.
//! - `health`: silence, pauses, lost frames, and what mends them.
//! - `nearer`: who is told of a gateway nearer to where she has travelled.
//! - `limits`: every bound and interval of a gateway, by name.

mod admission;
mod commands;
mod conn;
mod core;
mod frame;
mod health;
pub mod io;
pub mod limits;
mod nearer;
mod outgoing;
mod rate;
mod session;
mod zone;

pub use crate::core::{Config, Core, Stats};
pub use crate::io::{ClientFrame, ConnId, Effect, Event, Identity, Seeds, Whereabouts};
