//! What a handler may ask.

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::EntityId;
use crate::types::{Filter, Neighbour, Place, Point, View};
use crate::zone::Zone;

impl<Z: Zone> Ctx<'_, Z> {
    /// The entity as it was when the tick began; none: not here, not even as a ghost.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// fn runs<Z: Zone>(ctx: &Ctx<Z>, player: Player) -> bool {
    ///     ctx.entity(player).is_some_and(|view| view.speed > 3.0)
    /// }
    /// ```
    pub fn entity(&self, id: impl Into<EntityId>) -> Option<View> {
        self.host.entity(id.into())
    }

    /// Where an entity is.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Object, Result, Spawn, Zone};
    /// /// Whoever is shot drops what he carries where he stands.
    /// fn drop_the_case<Z: Zone>(ctx: &mut Ctx<Z>, courier: Npc) -> Result<Object> {
    ///     let at = ctx.at(courier).ok_or("the courier is gone")?;
    ///     ctx.spawn_object(Spawn::new("Briefcase", at))
    /// }
    /// ```
    pub fn at(&self, id: impl Into<EntityId>) -> Option<Point> {
        self.entity(id).map(|view| view.at)
    }

    /// Metres between two entities; none when one of them is not here.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Zone};
    /// fn can_hear_a_whisper<Z: Zone>(ctx: &Ctx<Z>, npc: Npc, player: Player) -> bool {
    ///     ctx.distance(npc, player).is_some_and(|metres| metres < 2.0)
    /// }
    /// ```
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
    ///
    /// ```
    /// # use wod_zone::{Ctx, EntityId, Filter, Npc, Zone};
    /// fn next_prey<Z: Zone>(ctx: &Ctx<Z>, hunter: Npc) -> Option<EntityId> {
    ///     ctx.nearest(ctx.at(hunter)?, 1, &Filter::players()).first().map(|prey| prey.id)
    /// }
    /// ```
    pub fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour> {
        self.host.nearest(center, count, filter)
    }

    /// Whether no wall and no closed barrier stands between two points.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Point, Zone};
    /// fn is_in_the_lamplight<Z: Zone>(ctx: &Ctx<Z>, lamp: Point, player: Player) -> bool {
    ///     ctx.at(player).is_some_and(|at| at.distance(lamp) < 6.0 && ctx.line_of_sight(lamp, at))
    /// }
    /// ```
    pub fn line_of_sight(&self, a: Point, b: Point) -> bool {
        self.host.line_of_sight(a, b)
    }

    /// Whether both are here with no wall between them.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Zone};
    /// /// A theft is a crime when somebody saw it.
    /// fn is_witnessed<Z: Zone>(ctx: &Ctx<Z>, thief: Player, witnesses: &[Npc]) -> bool {
    ///     witnesses.iter().any(|witness| ctx.sees(*witness, thief))
    /// }
    /// ```
    pub fn sees(&self, a: impl Into<EntityId>, b: impl Into<EntityId>) -> bool {
        match (self.at(a), self.at(b)) {
            (Some(a), Some(b)) => self.host.line_of_sight(a, b),
            _ => false,
        }
    }

    /// The corners of a way around walls; none when there is none, or when finding it takes too long.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Point, Zone};
    /// fn way_in_metres<Z: Zone>(ctx: &mut Ctx<Z>, from: Point, to: Point) -> Option<f32> {
    ///     let corners = ctx.path(from, to)?;
    ///     Some(corners.windows(2).map(|leg| leg[0].distance(leg[1])).sum())
    /// }
    /// ```
    pub fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>> {
        self.host.path(a, b)
    }

    /// The map's places of that name, in the map's order.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Spawn, Zone};
    /// /// A lamp wherever the map wants one.
    /// fn light_the_street<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     for lamp in ctx.places("lamp") {
    ///         ctx.spawn_object(Spawn::new("Street lamp", lamp.at))?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn places(&self, name: &str) -> Vec<Place> {
        self.host.places(name)
    }

    /// The map's first place of that name. An error when it has none: the map and the module don't fit.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
    /// fn open<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Npc> {
    ///     let counter = ctx.place("counter")?;
    ///     ctx.spawn_npc(Spawn::new("Barkeeper", counter.at))
    /// }
    /// ```
    pub fn place(&self, name: &str) -> Result<Place> {
        let first = self.host.places(name).into_iter().next();
        first.ok_or_else(|| Error::Other(format!("the map has no place `{name}`")))
    }
}
