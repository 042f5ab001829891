//! Shortest ways around walls and closed barriers: A* over the corners that see each other.
//!
//! Exact but for the clearance: a way bends 0.3 m off its corners where there is room, and prefers legs that keep 0.25 m from
//! every wall when that costs at most a sixteenth more. It knows no grid, so a gap of any width is found.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use wod_protocol::units::{Fixed, Pos};

use super::corners::Corner;
use super::terrain::{Plan, Sight, Terrain};

/// Most sight tests of one search; what takes more is no way. Enough for mazes of about 300 corners at their worst.
pub const SEARCH_WORK: u32 = 100_000;
/// Corners looked at from one corner, the nearest. On maps with more, very long legs past all of them may be missed.
const NEIGHBOURS: usize = 256;
/// A leg that keeps this far from walls costs its length, another a sixteenth more.
const COMFORT: Fixed = 64;
/// Lengths in a search are in 1/16 of 1/256 m.
const SCALE: i64 = 16;
/// What is learned is forgotten when it exceeds this many legs (16 bytes each).
const MAX_LEARNED: usize = 500_000;

/// Finds ways. Holds buffers and what it learned about the terrain, and never is part of a snapshot: what it finds does not
/// depend on what it was asked before.
#[derive(Debug, Default)]
pub struct PathFinder {
    /// What all this was learned about.
    plan: Option<Arc<Plan>>,
    /// By corner: what can be seen from it, once it was asked.
    seen: Vec<Option<Seen>>,
    learned: usize,
    /// By corner, and the goal as the last; valid when their `search` is the current one.
    labels: Vec<Label>,
    search: u32,
    open: BinaryHeap<Reverse<Candidate>>,
    near: Vec<(i64, u32)>,
}

/// How much searching a tick or call may still do, in sight tests (of about 0.3 µs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work(pub u32);

impl Work {
    /// For one tick of a zone, and for one call of a module.
    pub const PER_TICK: Self = Self(2 * SEARCH_WORK);
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// There is a way.
    Found,
    /// There is none, or it takes more than [`SEARCH_WORK`].
    NoWay,
    /// The caller's [`Work`] is used up: ask again in another tick.
    Exhausted,
}

#[derive(Debug)]
struct Seen {
    legs: Box<[Leg]>,
    /// What it takes to find them, charged also when they are known.
    work: u32,
}

#[derive(Debug, Clone, Copy)]
struct Leg {
    to: u32,
    cost: i64,
    /// Whether barriers decide about it: then its cost is not this.
    barrier: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Label {
    search: u32,
    done: bool,
    cost: i64,
    from: u32,
}

/// Where the search might go on. Ordered by the whole way's estimate; of equals the one nearer to the goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    estimate: i64,
    ahead: i64,
    to: u32,
    from: u32,
    cost: i64,
    /// Whether the leg to it is known to be free. Legs from the start are tested when their turn comes.
    tested: bool,
}

const START: u32 = u32::MAX;

impl PathFinder {
    /// A new one, that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The way from `from` to `to` into `way` (cleared first): its bends and `to`, without `from`.
    pub fn find(&mut self, terrain: &Terrain, from: Pos, to: Pos, work: &mut Work, way: &mut Vec<Pos>) -> Search {
        way.clear();
        let granted = work.0.min(SEARCH_WORK);
        let mut left = granted;
        let found = self.search(terrain, from, to, &mut left);
        work.0 -= granted - left;
        match found {
            Some(true) => {
                self.collect(terrain, to, way);
                Search::Found
            }
            Some(false) => Search::NoWay,
            None if granted == SEARCH_WORK => Search::NoWay,
            None => Search::Exhausted,
        }
    }

    /// Whether there is a way; none: `left` did not suffice.
    fn search(&mut self, terrain: &Terrain, from: Pos, to: Pos, left: &mut u32) -> Option<bool> {
        let corners = terrain.corners();
        let goal = corners.len() as u32;
        self.begin(terrain);
        charge(left, 2)?;
        if !terrain.is_free(from) || !terrain.is_free(to) {
            return Some(false);
        }
        if terrain.leg_is_free(from, to) {
            let cost = cost(terrain, from, to);
            if cost == length(from, to) {
                self.labels[goal as usize] = Label { search: self.search, done: true, cost, from: START };
                return Some(true);
            }
            self.offer(Candidate { estimate: cost, ahead: 0, to: goal, from: START, cost, tested: true });
        }
        self.look_around(terrain, from, None);
        for index in 0..self.near.len() {
            let corner = self.near[index].1;
            let at = corners[corner as usize].at;
            let (cost, ahead) = (length(from, at), length(at, to));
            self.offer(Candidate { estimate: cost + ahead, ahead, to: corner, from: START, cost, tested: false });
        }
        while let Some(Reverse(next)) = self.open.pop() {
            let label = self.labels[next.to as usize];
            if label.search == self.search && (label.done || next.cost > label.cost) {
                continue;
            }
            if next.to == goal {
                return Some(true);
            }
            let at = corners[next.to as usize].at;
            if !next.tested {
                charge(left, 1)?;
                if terrain.leg_is_free(at, from) {
                    let cost = cost(terrain, from, at);
                    self.offer(Candidate { estimate: cost + next.ahead, cost, tested: true, ..next });
                }
                continue;
            }
            self.labels[next.to as usize].done = true;
            charge(left, 1)?;
            if terrain.leg_is_free(at, to) {
                let cost = next.cost + cost(terrain, at, to);
                self.offer(Candidate { estimate: cost, ahead: 0, to: goal, from: next.to, cost, tested: true });
            }
            self.expand(terrain, next, to, left)?;
        }
        Some(false)
    }

    fn begin(&mut self, terrain: &Terrain) {
        self.open.clear();
        if !self.plan.as_ref().is_some_and(|plan| Arc::ptr_eq(plan, terrain.plan())) {
            let corners = terrain.corners().len();
            self.plan = Some(terrain.plan().clone());
            self.labels = vec![Label::default(); corners + 1];
            self.seen = std::iter::repeat_with(|| None).take(corners).collect();
            (self.search, self.learned) = (0, 0);
        }
        if self.search == u32::MAX {
            self.labels.fill(Label::default());
            self.search = 0;
        }
        self.search += 1;
    }

    /// Takes a candidate, unless a way there that is no longer is known. Untested ones do not count as known.
    fn offer(&mut self, candidate: Candidate) {
        let label = &mut self.labels[candidate.to as usize];
        if label.search == self.search && (label.done || candidate.cost >= label.cost) {
            return;
        }
        if candidate.tested {
            *label = Label { search: self.search, done: false, cost: candidate.cost, from: candidate.from };
        }
        self.open.push(Reverse(candidate));
    }

    /// Offers everything that can be seen from a corner.
    fn expand(&mut self, terrain: &Terrain, here: Candidate, goal: Pos, left: &mut u32) -> Option<()> {
        let corners = terrain.corners();
        let seen = match self.seen[here.to as usize].take() {
            Some(seen) => seen,
            None => self.learn(terrain, here.to),
        };
        let charged = charge(left, seen.work);
        if charged.is_some() {
            for leg in &seen.legs {
                let at = corners[leg.to as usize].at;
                let mut length_of_leg = leg.cost;
                if leg.barrier {
                    let from = corners[here.to as usize].at;
                    if !terrain.leg_is_free(at, from) {
                        continue;
                    }
                    length_of_leg = cost(terrain, from, at);
                }
                let (cost, ahead) = (here.cost + length_of_leg, length(at, goal));
                self.offer(Candidate { estimate: cost + ahead, ahead, to: leg.to, from: here.to, cost, tested: true });
            }
        }
        self.seen[here.to as usize] = Some(seen);
        charged
    }

    fn learn(&mut self, terrain: &Terrain, from: u32) -> Seen {
        let corners = terrain.corners();
        let here = corners[from as usize];
        self.look_around(terrain, here.at, Some(&here));
        let legs: Box<[Leg]> = self
            .near
            .iter()
            .filter_map(|(_, to)| {
                let at = corners[*to as usize].at;
                let sight = terrain.sight(at, here.at, COMFORT);
                (sight != Sight::Never).then(|| Leg {
                    to: *to,
                    cost: cost(terrain, here.at, at),
                    barrier: sight == Sight::ByBarriers,
                })
            })
            .collect();
        self.learned += legs.len();
        if self.learned > MAX_LEARNED {
            self.seen.fill_with(|| None);
            self.learned = legs.len();
        }
        // A leg with a barrier is tested once more in every search.
        let barriers = legs.iter().filter(|leg| leg.barrier).count();
        Seen { legs, work: (self.near.len() + barriers) as u32 }
    }

    /// The nearest corners that may be worth bending at, into `near`; from a corner only where a bend there is worth it, too.
    fn look_around(&mut self, terrain: &Terrain, from: Pos, here: Option<&Corner>) {
        let worth = (0..).zip(terrain.corners()).filter(|(_, corner)| {
            corner.at != from && corner.is_worth_from(from) && here.is_none_or(|here| here.is_worth_from(corner.at))
        });
        self.near.clear();
        self.near.extend(worth.map(|(index, corner)| (from.distance_squared(corner.at), index)));
        if self.near.len() > NEIGHBOURS {
            self.near.select_nth_unstable(NEIGHBOURS - 1);
            self.near.truncate(NEIGHBOURS);
        }
    }

    fn collect(&self, terrain: &Terrain, to: Pos, way: &mut Vec<Pos>) {
        way.push(to);
        let mut here = self.labels[terrain.corners().len()].from;
        while here != START {
            way.push(terrain.corners()[here as usize].at);
            here = self.labels[here as usize].from;
        }
        way.reverse();
    }
}

fn charge(left: &mut u32, work: u32) -> Option<()> {
    *left = left.checked_sub(work)?;
    Some(())
}

fn length(a: Pos, b: Pos) -> i64 {
    (a.distance_squared(b) * (SCALE * SCALE)).isqrt()
}

fn cost(terrain: &Terrain, a: Pos, b: Pos) -> i64 {
    let length = length(a, b);
    if terrain.keeps_clear(a, b, COMFORT) { length } else { length + length / 16 }
}
