//! Shortest ways around walls and closed barriers.

use wod_protocol::units::Pos;

use super::terrain::Terrain;

/// Finds ways. Holds buffers and what it learned about the terrain; drop it with the terrain. Never part of a snapshot.
#[derive(Debug, Default)]
pub struct PathFinder {}

/// How much searching a call or tick may still do, in sight tests. Does not depend on what was cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work(pub u32);

impl Work {
    /// For one tick of a zone, and for one call of a module.
    pub const PER_TICK: Self = Self(400_000);
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// There is a way.
    Found,
    /// There is none, or it takes more than one search's limit.
    NoWay,
    /// The caller's [`Work`] is used up: ask again in another tick.
    Exhausted,
}

impl PathFinder {
    /// A new one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The way from `from` to `to` into `way` (cleared first): its corners and `to`, without `from`.
    pub fn find(&mut self, terrain: &Terrain, from: Pos, to: Pos, work: &mut Work, way: &mut Vec<Pos>) -> Search {
        let _ = (terrain, from, to, work, way);
        unimplemented!()
    }
}
