//! NPCs that the host walks: orders, and their end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_protocol::ids::{EntityId, Token};
use wod_protocol::units::{Fixed, Heading, Pos, UNITS_PER_METRE};

use super::geometry::{along, distance, heading, thousandths};
use super::path::{PathFinder, Search, Work};
use super::terrain::Terrain;
use crate::module::MoveEnd;

/// A new way is looked for when the target went this far since the last, or an eighth of its distance, whichever is more.
const STRAYED: Fixed = UNITS_PER_METRE / 2;
/// Ways in a row that turn out blocked at their first step before the order ends as obstructed.
const MAX_BLOCKED: u8 = 3;

/// Every NPC with an order. Who has none costs nothing. Part of a zone's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Movers {
    walks: BTreeMap<EntityId, Walk>,
}

/// Where an order leads. (A place of the map is its point, and its radius the `within`.)
///
/// Lengths are 1/256 m. Near enough counts only with nothing but air in between, except for a target in or on a wall (a point,
/// an object), to which the nearest free point leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aim {
    /// There; done when at most `within` away.
    Point {
        /// Where.
        at: Pos,
        /// How near.
        within: Fixed,
    },
    /// To an entity, wherever it goes; done when at most `within` away.
    Reach {
        /// Whom.
        target: EntityId,
        /// How near.
        within: Fixed,
    },
    /// At most `distance` behind an entity, until halted, or it can't be followed.
    Follow {
        /// Whom.
        target: EntityId,
        /// How near.
        distance: Fixed,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Walk {
    order: Token,
    aim: Aim,
    /// The bends ahead, the next as the last, the end as the first. Empty: a way has to be found.
    way: Vec<Pos>,
    /// Where the target was when the way was found.
    target: Pos,
    /// The terrain changed since.
    stale: bool,
    /// Whether any way was found yet: without one it is no-way, afterwards obstructed.
    begun: bool,
    blocked: u8,
    /// What of the last tick's distance was less than 1/256 m, in thousandths of that.
    carry: i64,
}

/// An entity as a mover needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body {
    /// Where it is.
    pub at: Pos,
    /// How fast it walks, 1/256 m a second.
    pub speed: Fixed,
}

/// What a tick of walking did; buffers to be reused. Entries are in order of NPC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// Who moved: new position and heading.
    pub moved: Vec<(EntityId, Pos, Heading)>,
    /// Whose order ended. The NPC stands where its last entry in `moved` put it.
    pub ended: Vec<(EntityId, Token, MoveEnd)>,
    way: Vec<Pos>,
}

/// What walking works with in one tick.
struct Ground<'a> {
    terrain: &'a Terrain,
    paths: &'a mut PathFinder,
    work: &'a mut Work,
    tick_ms: u32,
    /// A new way is looked for in here.
    found: &'a mut Vec<Pos>,
}

impl Movers {
    /// Gives an NPC an order. Its former order, which ends `Stopped`, is returned.
    pub fn order(&mut self, npc: EntityId, order: Token, aim: Aim) -> Option<Token> {
        self.walks.insert(npc, Walk::new(order, aim)).map(|walk| walk.order)
    }

    /// Ends an NPC's order (it is halted, placed elsewhere, or gone), and returns it: it ends `Stopped`.
    pub fn halt(&mut self, npc: EntityId) -> Option<Token> {
        self.walks.remove(&npc).map(|walk| walk.order)
    }

    /// The order an NPC has.
    pub fn current(&self, npc: EntityId) -> Option<Token> {
        self.walks.get(&npc).map(|walk| walk.order)
    }

    /// Whether nobody has an order.
    pub fn is_idle(&self) -> bool {
        self.walks.is_empty()
    }

    /// A barrier opened or closed, or the map changed: every way is looked for anew.
    pub fn terrain_changed(&mut self) {
        for walk in self.walks.values_mut() {
            walk.stale = true;
        }
    }

    /// Walks everybody for one tick of `tick_ms` milliseconds of game time. `body` finds entities as they were when the tick
    /// began; the order of an NPC it does not find ends `Stopped`. `steps` is overwritten.
    pub fn step(
        &mut self,
        terrain: &Terrain,
        paths: &mut PathFinder,
        work: &mut Work,
        tick_ms: u32,
        body: impl Fn(EntityId) -> Option<Body>,
        steps: &mut Steps,
    ) {
        let Steps { moved, ended, way } = steps;
        moved.clear();
        ended.clear();
        let mut ground = Ground { terrain, paths, work, tick_ms, found: way };
        self.walks.retain(|npc, walk| {
            let end = match body(*npc) {
                Some(mover) => walk.step(&mut ground, *npc, mover, &body, moved),
                None => Some(MoveEnd::Stopped),
            };
            ended.extend(end.map(|end| (*npc, walk.order, end)));
            end.is_none()
        });
    }
}

impl Walk {
    fn new(order: Token, aim: Aim) -> Self {
        let target = Pos::default();
        Self { order, aim, way: Vec::new(), target, stale: false, begun: false, blocked: 0, carry: 0 }
    }

    fn step(
        &mut self,
        ground: &mut Ground<'_>,
        npc: EntityId,
        mover: Body,
        body: impl Fn(EntityId) -> Option<Body>,
        moved: &mut Vec<(EntityId, Pos, Heading)>,
    ) -> Option<MoveEnd> {
        let (target, within) = match self.aim {
            Aim::Point { at, within } => (at, within),
            Aim::Reach { target, within } | Aim::Follow { target, distance: within } => match body(target) {
                Some(body) => (body.at, within),
                None => return Some(MoveEnd::TargetLost),
            },
        };
        if near_enough(ground.terrain, mover.at, target, within) {
            return self.arrive();
        }
        if self.needs_way(mover.at, target)
            && let Err(end) = self.find_way(ground, mover.at, target, within)
        {
            return Some(end);
        }
        let (at, towards) = self.walk(ground, mover, target, within);
        if at != mover.at {
            moved.push((npc, at, towards));
        }
        if self.blocked >= MAX_BLOCKED {
            return Some(MoveEnd::Obstructed);
        }
        if near_enough(ground.terrain, at, target, within) { self.arrive() } else { None }
    }

    /// Near enough: an order is done, a follower waits.
    fn arrive(&mut self) -> Option<MoveEnd> {
        (self.begun, self.carry) = (true, 0);
        self.way.clear();
        (!matches!(self.aim, Aim::Follow { .. })).then_some(MoveEnd::Arrived)
    }

    fn needs_way(&self, at: Pos, target: Pos) -> bool {
        self.stale || self.way.is_empty() || {
            let strayed = distance(self.target, target);
            strayed > STRAYED && strayed > distance(at, target) / 8
        }
    }

    /// Finds a way, or the reason why the order ends. When the tick's work is used up it goes on as it did, unless walls moved.
    fn find_way(&mut self, ground: &mut Ground<'_>, at: Pos, target: Pos, within: Fixed) -> Result<(), MoveEnd> {
        let none = if self.begun { MoveEnd::Obstructed } else { MoveEnd::NoWay };
        let end = ground.terrain.nearest_free(target).ok_or(none)?;
        if end != target && distance(end, target) > within {
            return Err(none);
        }
        match ground.paths.find(ground.terrain, at, end, ground.work, ground.found) {
            Search::Found => {
                std::mem::swap(&mut self.way, ground.found);
                self.way.reverse();
                (self.target, self.stale, self.begun) = (target, false, true);
                Ok(())
            }
            Search::NoWay => Err(none),
            Search::Exhausted => {
                if self.stale {
                    self.way.clear();
                }
                Ok(())
            }
        }
    }

    /// Goes a tick's distance along the way, and says where that ends and in which direction it led.
    fn walk(&mut self, ground: &Ground<'_>, mover: Body, target: Pos, within: Fixed) -> (Pos, Heading) {
        let mut left = (i64::from(mover.speed.max(0)) * i64::from(ground.tick_ms) + self.carry).max(0);
        let (mut at, mut towards) = (mover.at, Heading::default());
        self.carry = 0;
        while let Some(next) = self.way.last().copied() {
            let length = thousandths(at, next);
            let whole = if self.way.len() == 1 && next == target { (length - inside(within)).max(0) } else { length };
            let part = left.min(whole);
            let to = if part >= length { next } else { along(at, next, part, length) };
            if !ground.terrain.leg_is_free(at, to) {
                (self.stale, self.blocked) = (true, self.blocked + 1);
                break;
            }
            if part < length {
                // What rounding to 1/256 m took or gave is settled in the next tick.
                self.carry = if part == left { left - thousandths(at, to) } else { 0 };
                towards = heading(at, to).unwrap_or(towards);
                at = to;
                break;
            }
            towards = heading(at, to).unwrap_or(towards);
            at = to;
            left -= part;
            self.blocked = 0;
            self.way.pop();
        }
        (at, towards)
    }
}

fn near_enough(terrain: &Terrain, at: Pos, target: Pos, within: Fixed) -> bool {
    distance(at, target) <= within && (terrain.leg_is_free(at, target) || !terrain.is_free(target))
}

/// How near, in thousandths, the last leg leads: a hair nearer than near enough, so that rounding never leaves it short.
fn inside(within: Fixed) -> i64 {
    i64::from((within - 2).max(0)) * 1000
}
