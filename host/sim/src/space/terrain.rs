//! Walls and barriers of a zone's map: where one may stand, walk and see.

use wod_protocol::map::Map;
use wod_protocol::units::{Bounds, Pos};

/// A zone's walls and barriers in the region's plane. Built from the map; a snapshot keeps only the names of the barriers
/// that stand closed ([`Terrain::closed_barriers`], [`Terrain::restore_barriers`]).
///
/// People are points. A wall is a line that nobody may touch; a closed outline is solid.
#[derive(Debug, Clone)]
pub struct Terrain {
    bounds: Bounds,
}

impl Terrain {
    /// The map's walls, moved to the bounds' south-west corner; barriers as the map has them in the beginning.
    pub fn new(map: &Map, bounds: Bounds) -> Self {
        let _ = map;
        Self { bounds }
    }

    /// The zone's bounds.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Opens or closes a barrier; none: the map has no such barrier; otherwise whether that changed anything.
    ///
    /// After a barrier was closed, whoever is no longer free ([`Terrain::is_free`]) must be moved ([`Terrain::nearest_free`]),
    /// and [`super::mover::Movers::terrain_changed`] must be told.
    pub fn set_barrier(&mut self, name: &str, closed: bool) -> Option<bool> {
        let _ = (name, closed);
        unimplemented!()
    }

    /// Whether a barrier is closed; none: the map has no such barrier.
    pub fn barrier(&self, name: &str) -> Option<bool> {
        let _ = name;
        unimplemented!()
    }

    /// Names of the closed barriers, in the map's order.
    pub fn closed_barriers(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Closes exactly these; names that the map does not have are left out.
    pub fn restore_barriers<'a>(&mut self, closed: impl IntoIterator<Item = &'a str>) {
        let _ = closed.into_iter().count();
        unimplemented!()
    }

    /// Whether somebody who stands at `a`, a free point, can walk straight to `b`: inside the bounds, touching no wall and no
    /// closed barrier. Then `b` is free too.
    pub fn leg_is_free(&self, a: Pos, b: Pos) -> bool {
        let _ = (a, b);
        unimplemented!()
    }

    /// Whether neither wall nor closed barrier stands between two points. False when one lies outside the bounds.
    pub fn line_of_sight(&self, a: Pos, b: Pos) -> bool {
        let _ = (a, b);
        unimplemented!()
    }

    /// Whether one can stand there: inside the bounds, on no wall, in no solid.
    pub fn is_free(&self, at: Pos) -> bool {
        let _ = at;
        unimplemented!()
    }

    /// A free point near: the point itself when it is free. None when nothing near is free, nor any corner of the map.
    pub fn nearest_free(&self, at: Pos) -> Option<Pos> {
        let _ = at;
        unimplemented!()
    }
}
