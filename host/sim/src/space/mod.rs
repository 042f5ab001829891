//! Where things are and how they get about: proximity, walls, ways around them, claims of players, rosters and walking NPCs.
//!
//! Everything here is integers (1/256 m) and exact, so every processor computes the same, and everything a search does is
//! bounded by a named limit. State that a zone's snapshot must keep is serde; what can be rebuilt from the map is not.

pub mod claim;
mod corners;
pub mod geometry;
pub mod grid;
pub mod mover;
pub mod path;
pub mod roster;
pub mod terrain;
mod walls;
