//! Shortest ways around walls and closed barriers: A* over the corners that see each other.
//!
//! It knows no grid, so a gap of any width is found, and a way is the shortest but for three comforts that together stay under a
//! tenth: it bends 0.3 m off its corners where there is room, prefers legs that keep 0.25 m from every wall when that costs at
//! most a sixteenth more, and is content with a 32th more than the best to be found soon.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use wod_protocol::units::{Fixed, Pos};

use super::corners::Corner;
use super::terrain::{Plan, Sight, Terrain};

/// Most legs that one search may consider; what takes more is no way.
pub const SEARCH_WORK: u32 = 150_000;
/// Corners looked at from one corner, the nearest. On maps with more, very long legs past all of them may be missed.
const NEIGHBOURS: usize = 256;
/// What lies ahead counts for a 32th more than the straight line: a search that goes for its goal is far shorter, and its
/// way is at most so much longer.
const EAGER: i64 = 32;
/// A leg that keeps this far from walls costs its length, another a sixteenth more.
const COMFORT: Fixed = 64;
/// Lengths in a search are in 1/16 of 1/256 m.
const SCALE: i64 = 16;
/// What was learned is forgotten when it exceeds this many legs (24 bytes each).
const MAX_LEARNED: usize = 500_000;

/// Finds ways. Holds buffers and what it learned about the terrain, and never is part of a snapshot: what it finds does not
/// depend on what it was asked before.
#[derive(Debug, Default)]
pub struct PathFinder {
    /// What all this was learned about.
    plan: Option<Arc<Plan>>,
    /// By corner, once it was asked: the legs from there.
    legs: Vec<Option<Box<[Leg]>>>,
    learned: usize,
    /// By corner, and the goal as the last; valid when their `search` is the current one.
    labels: Vec<Label>,
    search: u32,
    open: BinaryHeap<Reverse<Candidate>>,
    near: Vec<(i64, u32)>,
}

/// How much searching a tick or call may still do, in legs considered (of 0.1 to 0.8 µs). A search that runs out takes all it was
/// granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work(pub u32);

impl Work {
    /// For one tick of a zone, and for one call of a module.
    pub const PER_TICK: Self = Self(SEARCH_WORK + SEARCH_WORK / 2);
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

#[derive(Debug, Clone, Copy)]
struct Leg {
    to: u32,
    known: Known,
}

/// What is known of a leg.
#[derive(Debug, Clone, Copy)]
enum Known {
    Nothing,
    Blocked,
    /// It costs this more than its length.
    Free {
        extra: i64,
    },
    /// Barriers stand near: it is tested each time.
    ByBarriers,
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
    /// Whether the leg to it is known to be free. Most legs are never tested: their turn does not come.
    tested: bool,
    /// Which of the legs of `from` it is.
    index: u32,
}

const START: u32 = u32::MAX;

impl Candidate {
    /// The leg of that index, on from a place that was reached at this cost.
    fn leg(from: u32, cost: i64, index: usize, to: u32) -> Self {
        Self { estimate: 0, ahead: 0, to, from, cost, tested: false, index: index as u32 }
    }
}

impl PathFinder {
    /// A new one, that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The way from `from` to `to` into `way` (cleared first): its bends and `to`, without `from`.
    pub fn find(&mut self, terrain: &Terrain, from: Pos, to: Pos, work: &mut Work, way: &mut Vec<Pos>) -> Search {
        way.clear();
        let granted = work.0.min(SEARCH_WORK);
        // Where walls crowd, each test costs several.
        let mut left = granted / terrain.crowding();
        let found = self.search(terrain, from, to, &mut left);
        work.0 = match found {
            Some(_) => work.0 - (granted - left * terrain.crowding()),
            None => work.0 - granted,
        };
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
            let extra = extra(terrain, from, to);
            let cost = length(from, to) + extra;
            if extra == 0 {
                self.labels[goal as usize] = Label { search: self.search, done: true, cost, from: START };
                return Some(true);
            }
            self.offer(Candidate { estimate: cost, ahead: 0, to: goal, from: START, cost, tested: true, index: 0 });
        }
        self.look_around(terrain, from, None);
        charge(left, self.near.len() as u32)?;
        for index in 0..self.near.len() {
            let corner = self.near[index].1;
            self.offer_untested((from, to), at_of(corners, corner), Candidate::leg(START, 0, index, corner));
        }
        while let Some(Reverse(next)) = self.open.pop() {
            let label = self.labels[next.to as usize];
            if label.search == self.search && (label.done || next.cost > label.cost) {
                continue;
            }
            if next.to == goal {
                return Some(true);
            }
            if !next.tested {
                if let Some(extra) = self.test(terrain, from, next) {
                    let (estimate, cost) = (next.estimate + extra, next.cost + extra);
                    self.offer(Candidate { estimate, cost, tested: true, ..next });
                }
                continue;
            }
            self.labels[next.to as usize].done = true;
            let at = corners[next.to as usize].at;
            if terrain.leg_is_free(at, to) {
                let cost = next.cost + length(at, to) + extra(terrain, at, to);
                self.offer(Candidate {
                    estimate: cost,
                    ahead: 0,
                    to: goal,
                    from: next.to,
                    cost,
                    tested: true,
                    index: 0,
                });
            }
            let legs = self.legs[next.to as usize].take().unwrap_or_else(|| self.learn(terrain, next.to));
            // The price is the same whether they are known or not.
            let charged = charge(left, 1 + legs.len() as u32);
            for (index, leg) in legs.iter().enumerate().filter(|(_, leg)| !matches!(leg.known, Known::Blocked)) {
                self.offer_untested(
                    (at, to),
                    at_of(corners, leg.to),
                    Candidate::leg(next.to, next.cost, index, leg.to),
                );
            }
            self.legs[next.to as usize] = Some(legs);
            charged?;
        }
        Some(false)
    }

    /// The extra cost of a leg that was offered untested; none: it is not free.
    fn test(&mut self, terrain: &Terrain, start: Pos, leg: Candidate) -> Option<i64> {
        let to = terrain.corners()[leg.to as usize].at;
        let now = |from: Pos| terrain.leg_is_free(to, from).then(|| extra(terrain, from, to));
        if leg.from == START {
            return now(start);
        }
        let from = terrain.corners()[leg.from as usize].at;
        let legs = self.legs[leg.from as usize].as_mut().expect("was learned when the leg was offered");
        let known = &mut legs[leg.index as usize].known;
        if matches!(known, Known::Nothing) {
            *known = match terrain.sight(to, from, COMFORT) {
                Sight::Never => Known::Blocked,
                Sight::Always => Known::Free { extra: extra(terrain, from, to) },
                Sight::ByBarriers => Known::ByBarriers,
            };
        }
        match *known {
            Known::Free { extra } => Some(extra),
            Known::ByBarriers => now(from),
            Known::Blocked | Known::Nothing => None,
        }
    }

    fn begin(&mut self, terrain: &Terrain) {
        self.open.clear();
        if !self.plan.as_ref().is_some_and(|plan| Arc::ptr_eq(plan, terrain.plan())) {
            let corners = terrain.corners().len();
            self.plan = Some(terrain.plan().clone());
            self.labels = vec![Label::default(); corners + 1];
            self.legs = std::iter::repeat_with(|| None).take(corners).collect();
            (self.search, self.learned) = (0, 0);
        }
        if self.learned > MAX_LEARNED {
            self.legs.fill_with(|| None);
            self.learned = 0;
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

    /// Offers a leg to a corner as if it were free and comfortable.
    fn offer_untested(&mut self, (from, goal): (Pos, Pos), to: Pos, leg: Candidate) {
        let (cost, ahead) = (leg.cost + length(from, to), length(to, goal));
        self.offer(Candidate { estimate: cost + ahead + ahead / EAGER, ahead, cost, ..leg });
    }

    fn learn(&mut self, terrain: &Terrain, from: u32) -> Box<[Leg]> {
        let here = terrain.corners()[from as usize];
        self.look_around(terrain, here.at, Some(&here));
        self.learned += self.near.len();
        self.near.iter().map(|(_, to)| Leg { to: *to, known: Known::Nothing }).collect()
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
    // Exact up to 23 km.
    ((a.distance_squared(b) * (SCALE * SCALE)) as f64).sqrt() as i64
}

/// What a free leg costs more than its length.
fn extra(terrain: &Terrain, a: Pos, b: Pos) -> i64 {
    if terrain.keeps_clear(a, b, COMFORT) { 0 } else { length(a, b) / 16 }
}

fn at_of(corners: &[Corner], corner: u32) -> Pos {
    corners[corner as usize].at
}
