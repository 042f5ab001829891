//! Walls and barriers of a zone's map: where one may stand, walk and see.

use std::ops::RangeInclusive;
use std::sync::Arc;

use wod_protocol::map::Map;
use wod_protocol::units::{Bounds, Fixed, Pos, UNITS_PER_METRE};

use super::corners::{self, Corner};
use super::walls::{ShapeNo, Walls};

/// A zone's walls and barriers in the region's plane. Built from the map; a snapshot keeps only the names of the barriers
/// that stand closed ([`Terrain::closed_barriers`], [`Terrain::restore_barriers`]). Cheap to clone: the walls are shared.
///
/// People are points. A wall is a line that nobody may touch; a closed outline is solid.
#[derive(Debug, Clone)]
pub struct Terrain {
    bounds: Bounds,
    plan: Arc<Plan>,
    /// By barrier, in the map's order.
    closed: Vec<bool>,
}

/// What never changes.
#[derive(Debug)]
pub(super) struct Plan {
    walls: Walls,
    corners: Vec<Corner>,
    crowding: u32,
    /// Shapes before it are walls, from it on barriers.
    first_barrier: ShapeNo,
    names: Vec<String>,
}

impl Terrain {
    /// The map's walls, moved to the bounds' south-west corner; barriers as the map has them in the beginning. A wall that leaves
    /// the bounds is cut back to their edge (a checked map of the bounds' size has none).
    pub fn new(map: &Map, bounds: Bounds) -> Self {
        let walls = Walls::new(map, bounds);
        let first_barrier = map.walls.len() as ShapeNo;
        let corners = corners::find(&walls, bounds, first_barrier);
        let names = map.barriers.iter().map(|barrier| barrier.name.clone()).collect();
        let closed = map.barriers.iter().map(|barrier| barrier.closed).collect();
        let crowding = walls.crowding();
        Self { bounds, plan: Arc::new(Plan { walls, corners, crowding, first_barrier, names }), closed }
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
        let index = self.barrier_index(name)?;
        Some(std::mem::replace(&mut self.closed[index], closed) != closed)
    }

    /// Whether a barrier is closed; none: the map has no such barrier.
    pub fn barrier(&self, name: &str) -> Option<bool> {
        self.barrier_index(name).map(|index| self.closed[index])
    }

    /// Names of the closed barriers, in the map's order.
    pub fn closed_barriers(&self) -> impl Iterator<Item = &str> {
        self.plan.names.iter().zip(&self.closed).filter(|(_, closed)| **closed).map(|(name, _)| name.as_str())
    }

    /// Closes exactly these; names that the map does not have are left out.
    pub fn restore_barriers<'a>(&mut self, closed: impl IntoIterator<Item = &'a str>) {
        self.closed.fill(false);
        for name in closed {
            self.set_barrier(name, true);
        }
    }

    /// Whether somebody who stands at `a`, a free point, can walk straight to `b`: inside the bounds, touching no wall and no
    /// closed barrier. Then `b` is free too.
    pub fn leg_is_free(&self, a: Pos, b: Pos) -> bool {
        self.bounds.contains(a) && self.bounds.contains(b) && !self.plan.walls.touched(a, b, |shape| self.stands(shape))
    }

    /// Whether neither wall nor closed barrier stands between two points. False when one lies outside the bounds.
    pub fn line_of_sight(&self, a: Pos, b: Pos) -> bool {
        self.leg_is_free(a, b)
    }

    /// Whether one can stand there: inside the bounds, on no wall, in no solid.
    pub fn is_free(&self, at: Pos) -> bool {
        self.leg_is_free(at, at) && !self.plan.walls.in_solid(at, |shape| self.stands(shape))
    }

    /// A free point near: the point itself when it is free, otherwise the nearest free one of a fixed pattern up to 64 m around it,
    /// otherwise the nearest corner. None when none of those is free.
    pub fn nearest_free(&self, at: Pos) -> Option<Pos> {
        let at = self.bounds.clamp(at);
        if self.is_free(at) {
            return Some(at);
        }
        // Squares of points around it: every 1/4 m up to 16 m, then every 1 m up to 64 m.
        let fine = self.nearest_around(at, UNITS_PER_METRE / 4, 1..=64);
        let around = fine.or_else(|| self.nearest_around(at, UNITS_PER_METRE, 17..=64));
        around.or_else(|| {
            let free = self.plan.corners.iter().map(|corner| corner.at).filter(|point| self.is_free(*point));
            free.min_by_key(|point| (at.distance_squared(*point), *point))
        })
    }

    fn nearest_around(&self, at: Pos, step: Fixed, rings: RangeInclusive<i32>) -> Option<Pos> {
        let mut best: Option<(i64, Pos)> = None;
        for ring in rings {
            let inner = i64::from(ring * step);
            if best.is_some_and(|(distance, _)| distance <= inner * inner) {
                break;
            }
            let found = ring_points(at, ring, step).map(|point| (at.distance_squared(point), point));
            let nearer = found.filter(|entry| best.is_none_or(|best| *entry < best) && self.is_free(entry.1)).min();
            best = nearer.or(best);
        }
        best.map(|(_, point)| point)
    }

    /// What never changes; the same for clones.
    pub(super) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The corners that ways bend around, of walls and of all barriers.
    pub(super) fn corners(&self) -> &[Corner] {
        &self.plan.corners
    }

    /// Whether a shape is there now: a wall, or a closed barrier.
    fn stands(&self, shape: ShapeNo) -> bool {
        shape < self.plan.first_barrier || self.closed[(shape - self.plan.first_barrier) as usize]
    }

    /// What a sight test costs on this map, in tests on a sensible one.
    pub(super) fn crowding(&self) -> u32 {
        self.plan.crowding
    }

    /// Whether a corner is there now.
    pub(super) fn has(&self, corner: &Corner) -> bool {
        corner.barrier.is_none_or(|shape| self.stands(shape))
    }

    /// How a leg fares whatever the barriers' state: for what is learned about the terrain once.
    pub(super) fn sight(&self, a: Pos, b: Pos, comfort: Fixed) -> Sight {
        let is_wall = |shape: ShapeNo| shape < self.plan.first_barrier;
        if self.plan.walls.touched(a, b, is_wall) {
            Sight::Never
        } else if self.plan.walls.grazed(a, b, comfort, |shape| !is_wall(shape)) {
            Sight::ByBarriers
        } else {
            Sight::Always
        }
    }

    /// Whether a leg keeps this distance from every wall and closed barrier.
    pub(super) fn keeps_clear(&self, a: Pos, b: Pos, radius: Fixed) -> bool {
        !self.plan.walls.grazed(a, b, radius, |shape| self.stands(shape))
    }

    fn barrier_index(&self, name: &str) -> Option<usize> {
        self.plan.names.iter().position(|known| known == name)
    }
}

/// Whether a leg is free, and how comfortable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// No barrier stands near it.
    Always,
    /// That depends on barriers.
    ByBarriers,
    /// A wall stands there.
    Never,
}

/// The points of a square ring, counter-clockwise from its south-west corner.
fn ring_points(center: Pos, ring: i32, step: Fixed) -> impl Iterator<Item = Pos> {
    (0..8 * ring).map(move |i| {
        let (side, along) = (i / (2 * ring), i % (2 * ring) - ring);
        let (x, y) = match side {
            0 => (along, -ring),
            1 => (ring, along),
            2 => (-along, ring),
            _ => (-ring, -along),
        };
        Pos { x: center.x.saturating_add(x * step), y: center.y.saturating_add(y * step) }
    })
}
