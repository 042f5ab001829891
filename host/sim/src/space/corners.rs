//! The corners that shortest ways bend around.
//!
//! A shortest way among walls is straight but for bends around convex corners of walls (as the walker sees them). Each such
//! corner gets one point at walking clearance from both its walls, two where the turn is sharp, as at the end of a wall.

use wod_protocol::units::{Bounds, Fixed, Pos};

use super::geometry::{cross, delta, segments_touch};
use super::walls::{Outline, ShapeNo, Walls};

/// Distance that ways keep from walls where there is room: 0.3 m.
pub(super) const CLEARANCE: Fixed = 77;
/// Distance of [`Corner::tight`] from its walls.
const TIGHT: f64 = 3.0;

/// A point to bend at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corner {
    /// At [`CLEARANCE`] from the walls of its outline, less where another wall stands near.
    pub(super) at: Pos,
    /// As near to the walls as can be.
    pub(super) tight: Pos,
    /// The outline it belongs to.
    pub(super) shape: ShapeNo,
    /// From the corner along its two walls; the same twice at a wall's end.
    arms: [(i64, i64); 2],
}

impl Corner {
    /// Whether somebody who comes from there may have reason to bend here: not when the corner points right at him.
    pub(super) fn is_worth_from(&self, from: Pos) -> bool {
        let (x, y) = delta(from, self.at);
        let [(ax, ay), (bx, by)] = self.arms;
        // Between the arms' directions, seen along the way onwards, both walls lie ahead: the way around starts elsewhere.
        let turn = ax * by - ay * bx;
        let (to_a, to_b) = (ax * y - ay * x, x * by - y * bx);
        turn == 0 || turn.signum() != to_a.signum() || turn.signum() != to_b.signum()
    }
}

/// Every corner of every outline that the walls (barriers open) leave free.
pub(super) fn find(walls: &Walls, bounds: Bounds, first_barrier: ShapeNo) -> Vec<Corner> {
    let is_wall = |shape: ShapeNo| shape < first_barrier;
    let is_free = |at: Pos| bounds.contains(at) && !walls.touched(at, at, is_wall) && !walls.in_solid(at, is_wall);
    let mut corners = Vec::new();
    for (shape, outline) in (0..).zip(walls.outlines()) {
        for (at, arms) in bends(outline) {
            let room = room(walls, at);
            for side in sides(arms) {
                let point = |radius: f64| {
                    let shift = |base: Fixed, by: f64| (f64::from(base) + by * radius).round() as Fixed;
                    let point = Pos { x: shift(at.x, side.0), y: shift(at.y, side.1) };
                    is_free(point).then_some(point)
                };
                let wide = [1.0, 0.5, 0.25].into_iter().find_map(|share| point((room * share).max(TIGHT)));
                if let Some(at) = wide.or_else(|| point(TIGHT)) {
                    corners.push(Corner { at, tight: point(TIGHT).unwrap_or(at), shape, arms });
                }
            }
        }
    }
    corners
}

/// An outline's corners that are no straight lines, each with its two arms: where the walls go from there.
fn bends(outline: &Outline) -> impl Iterator<Item = (Pos, [(i64, i64); 2])> {
    let corners = &outline.corners;
    let count = corners.len();
    (0..count).filter_map(move |i| {
        let at = corners[i];
        let before = (i > 0 || outline.solid).then(|| corners[(i + count - 1) % count]);
        let after = (i + 1 < count || outline.solid).then(|| corners[(i + 1) % count]);
        let arm = |end: Option<Pos>| end.map(|end| delta(at, end)).filter(|arm| *arm != (0, 0));
        match (arm(before), arm(after)) {
            (Some(a), Some(b)) => {
                let (turn, dot) = (a.0 * b.1 - a.1 * b.0, a.0 * b.0 + a.1 * b.1);
                (turn != 0 || dot > 0).then_some((at, [a, b]))
            }
            (Some(a), None) | (None, Some(a)) => Some((at, [a, a])),
            (None, None) => Some((at, [(1, 0), (1, 0)])),
        }
    })
}

/// Where the points of a corner lie, as multiples of the clearance.
fn sides([a, b]: [(i64, i64); 2]) -> impl Iterator<Item = (f64, f64)> {
    let unit = |(x, y): (i64, i64)| {
        let (x, y) = (x as f64, y as f64);
        let length = (x * x + y * y).sqrt();
        (x / length, y / length)
    };
    // Order the arms so that the open side, where one walks around, lies from `b` counter-clockwise to `a`.
    let (a, b) = if a.0 * b.1 - a.1 * b.0 >= 0 { (unit(a), unit(b)) } else { (unit(b), unit(a)) };
    let (normal_a, normal_b) = ((a.1, -a.0), (-b.1, b.0));
    let cos = normal_a.0 * normal_b.0 + normal_a.1 * normal_b.1;
    let one = if cos > -0.1 {
        // One point where the lines beside both walls meet.
        let mitre = 1.0 + cos;
        [Some(((normal_a.0 + normal_b.0) / mitre, (normal_a.1 + normal_b.1) / mitre)), None]
    } else {
        // Too sharp: one point beyond the end on each side.
        [Some((normal_a.0 - a.0, normal_a.1 - a.1)), Some((normal_b.0 - b.0, normal_b.1 - b.1))]
    };
    one.into_iter().flatten()
}

/// The clearance a corner's points can have: less than half of the gap to the next wall that does not touch the corner.
fn room(walls: &Walls, at: Pos) -> f64 {
    let mut room = f64::from(CLEARANCE);
    walls.around(at, 4 * CLEARANCE, |a, b| {
        if !segments_touch(at, at, a, b) {
            room = room.min(distance_to_segment(at, a, b) * 0.4);
        }
    });
    room
}

fn distance_to_segment(at: Pos, a: Pos, b: Pos) -> f64 {
    let ((bx, by), (px, py)) = (delta(a, b), delta(a, at));
    let (length, foot) = (bx * bx + by * by, bx * px + by * py);
    if foot <= 0 {
        (at.distance_squared(a) as f64).sqrt()
    } else if foot >= length {
        (at.distance_squared(b) as f64).sqrt()
    } else {
        (cross(a, b, at).abs() as f64) / (length as f64).sqrt()
    }
}
