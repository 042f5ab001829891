//! NPCs that the host walks: orders, and their end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_protocol::ids::{EntityId, Token};
use wod_protocol::units::{Fixed, Heading, Pos};

use super::path::{PathFinder, Work};
use super::terrain::Terrain;
use crate::module::MoveEnd;

/// Every NPC with an order. Who has none costs nothing. Part of a zone's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Movers {
    walks: BTreeMap<EntityId, Walk>,
}

/// Where an order leads. (A place of the map is its point, and its radius the `within`.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aim {
    /// There; done when at most `within` (1/256 m) away.
    Point(Pos, Fixed),
    /// To an entity, wherever it goes; done when at most `within` away and in sight.
    Reach(EntityId, Fixed),
    /// At most `distance` behind an entity, for ever.
    Follow(EntityId, Fixed),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Walk {
    order: Token,
    aim: Aim,
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
}

impl Movers {
    /// Gives an NPC an order. Its former order, which ends `Stopped`, is returned.
    pub fn order(&mut self, npc: EntityId, order: Token, aim: Aim) -> Option<Token> {
        let _ = (npc, order, aim);
        unimplemented!()
    }

    /// Ends an NPC's order (it is halted, placed elsewhere, or gone), and returns it: it ends `Stopped`.
    pub fn halt(&mut self, npc: EntityId) -> Option<Token> {
        self.walks.remove(&npc).map(|walk| walk.order)
    }

    /// Whether somebody has an order.
    pub fn is_idle(&self) -> bool {
        self.walks.is_empty()
    }

    /// A barrier opened or closed, or the map changed: every way is looked for anew.
    pub fn terrain_changed(&mut self) {
        unimplemented!()
    }

    /// Walks everybody for one tick of `tick_ms` milliseconds of game time. `body` finds entities as they were when the tick
    /// began. `steps` is overwritten.
    pub fn step(
        &mut self,
        terrain: &Terrain,
        paths: &mut PathFinder,
        work: &mut Work,
        tick_ms: u32,
        body: impl Fn(EntityId) -> Option<Body>,
        steps: &mut Steps,
    ) {
        let _ = (terrain, paths, work, tick_ms, body, steps);
        unimplemented!()
    }
}
