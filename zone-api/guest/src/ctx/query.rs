//! What a handler may ask.

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::EntityId;
use crate::types::{Filter, Neighbour, Place, Point, View};
use crate::zone::Zone;

impl<Z: Zone> Ctx<'_, Z> {
    /// The entity as it was when the tick began; none: not here, not even as a ghost.
    pub fn entity(&self, id: impl Into<EntityId>) -> Option<View> {
        self.host.entity(id.into())
    }

    /// Where an entity is.
    pub fn at(&self, id: impl Into<EntityId>) -> Option<Point> {
        self.entity(id).map(|view| view.at)
    }

    /// Metres between two entities; none when one of them is not here.
    pub fn distance(&self, a: impl Into<EntityId>, b: impl Into<EntityId>) -> Option<f32> {
        Some(self.at(a)?.distance(self.at(b)?))
    }

    /// Entities within `radius` metres of `center`, nearest first, at most `limit` and never over 256.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Filter, Npc, Zone};
    /// fn crowd<Z: Zone>(ctx: &Ctx<Z>, npc: Npc) -> usize {
    ///     ctx.at(npc).map_or(0, |at| ctx.nearby(at, 5.0, &Filter::players(), 64).len())
    /// }
    /// ```
    pub fn nearby(&self, center: Point, radius: f32, filter: &Filter, limit: u32) -> Vec<Neighbour> {
        self.host.nearby(center, radius, filter, limit)
    }

    /// The nearest `count` entities at any distance, at most 256.
    pub fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour> {
        self.host.nearest(center, count, filter)
    }

    /// Whether no wall and no closed barrier stands between two points.
    pub fn line_of_sight(&self, a: Point, b: Point) -> bool {
        self.host.line_of_sight(a, b)
    }

    /// Whether both are here with no wall between them.
    pub fn sees(&self, a: impl Into<EntityId>, b: impl Into<EntityId>) -> bool {
        match (self.at(a), self.at(b)) {
            (Some(a), Some(b)) => self.host.line_of_sight(a, b),
            _ => false,
        }
    }

    /// The corners of a way around walls; none when there is none, or when finding it takes too long.
    pub fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>> {
        self.host.path(a, b)
    }

    /// The map's places of that name, in the map's order.
    pub fn places(&self, name: &str) -> Vec<Place> {
        self.host.places(name)
    }

    /// The map's first place of that name. An error when it has none: the map and the module don't fit.
    pub fn place(&self, name: &str) -> Result<Place> {
        let first = self.host.places(name).into_iter().next();
        first.ok_or_else(|| Error::Other(format!("the map has no place `{name}`")))
    }
}
