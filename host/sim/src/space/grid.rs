//! Who is near: a uniform grid over a zone's bounds.

use wod_protocol::ids::EntityId;
use wod_protocol::units::{Bounds, Fixed, Pos};

/// Positions of a zone's entities, by cell. Rebuilt from the entities, never stored.
#[derive(Debug, Clone)]
pub struct Grid {
    bounds: Bounds,
}

/// A query's row, ordered by distance, then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    /// Squared, (1/256 m)².
    pub distance_squared: i64,
    /// Who.
    pub id: EntityId,
    /// Where.
    pub at: Pos,
}

impl Grid {
    /// An empty grid with cells of this side (1/256 m, at least 1 m; larger when the bounds would need too many).
    pub fn new(bounds: Bounds, cell: Fixed) -> Self {
        let _ = cell;
        Self { bounds }
    }

    /// Puts an entity in, or moves it. Positions outside the bounds (ghosts) are kept in the nearest cell.
    pub fn put(&mut self, id: EntityId, at: Pos) {
        let _ = (id, at, self.bounds);
        unimplemented!()
    }

    /// Takes an entity out; false: it was not in.
    pub fn remove(&mut self, id: EntityId) -> bool {
        let _ = id;
        unimplemented!()
    }

    /// Where an entity is.
    pub fn position(&self, id: EntityId) -> Option<Pos> {
        let _ = id;
        unimplemented!()
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everybody at most `radius` away who passes the filter, nearest first, into `out` (cleared first).
    pub fn within(&self, center: Pos, radius: Fixed, filter: impl FnMut(EntityId) -> bool, out: &mut Vec<Near>) {
        let _ = (center, radius, filter, out);
        unimplemented!()
    }

    /// The `count` nearest who pass the filter, at any distance, nearest first, into `out` (cleared first).
    pub fn nearest(&self, center: Pos, count: usize, filter: impl FnMut(EntityId) -> bool, out: &mut Vec<Near>) {
        let _ = (center, count, filter, out);
        unimplemented!()
    }
}
