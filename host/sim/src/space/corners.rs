//! The corners that shortest ways bend around.
//!
//! A shortest way among walls is straight but for bends around convex corners of walls (as the walker sees them). Each such
//! corner gets one point at walking clearance from both its walls, two where the turn is sharp, as at the end of a wall.

use wod_protocol::units::{Bounds, Fixed, Pos};

use super::geometry::{cross, delta, segments_touch};
use super::walls::{ShapeNo, Walls};

/// Distance that ways keep from walls where there is room: 0.3 m.
pub(super) const CLEARANCE: Fixed = 77;
/// Most segments looked at to find corners. Past it, on maps that crowd thousands of walls into one spot, corners are left out.
const MAX_VISITS: u64 = 10_000_000;
/// Distance of [`Corner::tight`] from its walls.
const TIGHT: f64 = 3.0;

/// A point to bend at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corner {
    /// At [`CLEARANCE`] from the walls of its outline, less where another wall stands near.
    pub(super) at: Pos,
    /// As near to the walls as can be.
    pub(super) tight: Pos,
    /// The barrier it belongs to; none: it belongs to walls.
    pub(super) barrier: Option<ShapeNo>,
    /// Its two walls; the same twice at a wall's end.
    arms: [Arm; 2],
}

/// From a corner along a wall.
type Arm = (i64, i64);

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

/// Every corner of walls and barriers that the walls (barriers open) leave free.
pub(super) fn find(walls: &Walls, bounds: Bounds, first_barrier: ShapeNo) -> Vec<Corner> {
    let is_wall = |shape: ShapeNo| shape < first_barrier;
    let is_free = |at: Pos| bounds.contains(at) && !walls.touched(at, at, is_wall) && !walls.in_solid(at, is_wall);
    // Where walls share a corner it is one corner; a barrier's is its own, as it comes and goes.
    let mut ends: Vec<(Option<ShapeNo>, Pos)> = (0..)
        .zip(walls.outlines())
        .flat_map(|(shape, outline)| outline.corners.iter().map(move |at| ((!is_wall(shape)).then_some(shape), *at)))
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let mut arms = Vec::new();
    let mut corners = Vec::new();
    let mut visits = 0;
    for (barrier, at) in ends {
        if visits > MAX_VISITS {
            break;
        }
        arms.clear();
        let mut room = f64::from(CLEARANCE);
        walls.around(at, 4 * CLEARANCE, |shape, a, b| {
            visits += 1;
            if !segments_touch(at, at, a, b) {
                // Less than half of the gap to the next wall.
                room = room.min(distance_to_segment(at, a, b) * 0.4);
            } else if is_wall(shape) || Some(shape) == barrier {
                arms.extend([delta(at, a), delta(at, b)].into_iter().filter(|arm| *arm != (0, 0)));
            }
        });
        let Some(arms) = open_side(&mut arms) else { continue };
        for side in sides(arms) {
            let point = |radius: f64| {
                let shift = |base: Fixed, by: f64| (f64::from(base) + by * radius).round() as Fixed;
                let point = Pos { x: shift(at.x, side.0), y: shift(at.y, side.1) };
                is_free(point).then_some(point)
            };
            let wide = [1.0, 0.5, 0.25].into_iter().find_map(|share| point((room * share).max(TIGHT)));
            if let Some(at) = wide.or_else(|| point(TIGHT)) {
                corners.push(Corner { at, tight: point(TIGHT).unwrap_or(at), barrier, arms });
            }
        }
    }
    corners
}

/// The two arms with more than half a turn of open ground between them, counter-clockwise from the second to the first. None:
/// nobody bends here.
fn open_side(arms: &mut Vec<Arm>) -> Option<[Arm; 2]> {
    let turn = |a: Arm, b: Arm| a.0 * b.1 - a.1 * b.0;
    let lower = |arm: Arm| arm.1 < 0 || (arm.1 == 0 && arm.0 < 0);
    arms.sort_unstable_by(|a, b| lower(*a).cmp(&lower(*b)).then(0.cmp(&turn(*a, *b))));
    arms.dedup_by(|a, b| lower(*a) == lower(*b) && turn(*a, *b) == 0);
    match arms[..] {
        // An outline whose corners are all the same is a point in the way.
        [] => Some([(1, 0), (1, 0)]),
        [only] => Some([only, only]),
        _ => {
            let next = |i: usize| arms[(i + 1) % arms.len()];
            (0..arms.len()).find(|i| turn(arms[*i], next(*i)) < 0).map(|i| [next(i), arms[i]])
        }
    }
}

/// Where the points of a corner lie, as multiples of the clearance.
fn sides([a, b]: [Arm; 2]) -> impl Iterator<Item = (f64, f64)> {
    let unit = |(x, y): Arm| {
        let (x, y) = (x as f64, y as f64);
        let length = (x * x + y * y).sqrt();
        (x / length, y / length)
    };
    let (a, b) = (unit(a), unit(b));
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
