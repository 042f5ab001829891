//! What a handler may do. Acts are collected and applied, in order, after the call.

use std::time::Duration;

use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::handle::{EntityId, Npc, Object, OrderId, Player, RequestId};
use crate::types::{ChatMode, Destination, Goal, Hearers, Kind, Point, Spawning, Tag, Verb};
use crate::zone::{Command, Zone};

/// A new entity, step by step.
///
/// ```
/// use wod_zone::{Point, Spawn, Tag};
/// let lamp = Spawn::new("Lamp", Point::new(4.0, 2.0)).tag(Tag::near("look", "lamp")).verb("light", "Light it", 2.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Ctx::spawn_npc` or `Ctx::spawn_object`"]
pub struct Spawn {
    name: String,
    at: Point,
    heading: f32,
    tags: Vec<Tag>,
    verbs: Vec<Verb>,
}

impl Spawn {
    /// An entity of this name at this spot, looking east.
    pub fn new(name: &str, at: Point) -> Self {
        Self { name: name.to_owned(), at, heading: 0.0, tags: Vec::new(), verbs: Vec::new() }
    }

    /// Looks there, radians counter-clockwise from east.
    pub fn heading(mut self, radians: f32) -> Self {
        self.heading = radians;
        self
    }

    /// Bears this tag.
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Offers this verb from at most `reach` metres away; one of [`Zone::VERBS`].
    pub fn verb(mut self, id: &str, label: &str, reach: f32) -> Self {
        self.verbs.push(Verb::new(id, label, reach));
        self
    }

    fn of(self, kind: Kind) -> Spawning {
        Spawning { kind, name: self.name, at: self.at, heading: self.heading, tags: self.tags, verbs: self.verbs }
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Makes a character. The handle is good at once; queries show it from the next tick.
    pub fn spawn_npc(&mut self, what: Spawn) -> Result<Npc> {
        Ok(Npc(self.host.spawn(what.of(Kind::Npc))?.0))
    }

    /// Makes a thing. The handle is good at once; queries show it from the next tick.
    pub fn spawn_object(&mut self, what: Spawn) -> Result<Object> {
        Ok(Object(self.host.spawn(what.of(Kind::Object))?.0))
    }

    /// Takes one of the zone's entities away, and whatever behaviour it had. An error when it is a container that is not empty.
    pub fn despawn(&mut self, entity: impl Into<EntityId>) -> Result {
        let entity = entity.into();
        self.forget_object(Object(entity.0))?;
        self.forget_mind(Npc(entity.0));
        self.memory.core.watched.remove(&Npc(entity.0));
        Ok(self.host.despawn(entity)?)
    }

    /// A jump: players see no movement in between. For players and own entities.
    pub fn put(&mut self, entity: impl Into<EntityId>, at: Point) -> Result {
        Ok(self.host.place(entity.into(), at, None)?)
    }

    /// Gives one of the zone's entities another name.
    pub fn rename(&mut self, entity: impl Into<EntityId>, name: &str) -> Result {
        Ok(self.host.rename(entity.into(), name.to_owned())?)
    }

    /// Sets a tag. For players and own entities.
    pub fn set_tag(&mut self, entity: impl Into<EntityId>, tag: Tag) -> Result {
        Ok(self.host.set_tags(entity.into(), vec![tag], Vec::new())?)
    }

    /// Takes a tag away; nothing happens when there is none.
    pub fn remove_tag(&mut self, entity: impl Into<EntityId>, name: &str) -> Result {
        Ok(self.host.set_tags(entity.into(), Vec::new(), vec![name.to_owned()])?)
    }

    /// Replaces all that players can do with an entity.
    pub fn set_verbs(&mut self, entity: impl Into<EntityId>, verbs: Vec<Verb>) -> Result {
        Ok(self.host.set_verbs(entity.into(), verbs)?)
    }

    /// [`Zone::sensor`] is told who comes within so many metres, at most 100; 0 switches it off. Not of ghosts.
    pub fn set_sensor(&mut self, entity: impl Into<EntityId>, radius: f32) -> Result {
        Ok(self.host.set_sensor(entity.into(), radius)?)
    }

    /// How fast it goes, 0 to 50 m/s. For a player: the most she may.
    pub fn set_speed(&mut self, entity: impl Into<EntityId>, metres_a_second: f32) -> Result {
        Ok(self.host.set_speed(entity.into(), metres_a_second)?)
    }

    /// Closes a barrier of the map.
    pub fn close_barrier(&mut self, name: &str) -> Result {
        Ok(self.host.set_barrier(name, true)?)
    }

    /// Opens a barrier of the map.
    pub fn open_barrier(&mut self, name: &str) -> Result {
        Ok(self.host.set_barrier(name, false)?)
    }

    /// Sends an NPC to within `within` metres of a goal; [`Zone::moved`] tells how it ended. Replaces its current order.
    pub fn go_to(&mut self, npc: Npc, goal: impl Into<Goal>, within: f32) -> Result<OrderId> {
        Ok(self.host.go_to(npc.id(), goal.into(), within)?.into())
    }

    /// Keeps an NPC within `distance` metres of somebody until halted or the target is lost.
    pub fn follow(&mut self, npc: Npc, target: impl Into<EntityId>, distance: f32) -> Result<OrderId> {
        Ok(self.host.follow(npc.id(), target.into(), distance)?.into())
    }

    /// Ends an NPC's current order; without one, nothing happens.
    pub fn halt(&mut self, npc: Npc) -> Result {
        Ok(self.host.halt(npc.id())?)
    }

    /// Turns an NPC towards a goal.
    pub fn face(&mut self, npc: Npc, goal: impl Into<Goal>) -> Result {
        Ok(self.host.face(npc.id(), goal.into())?)
    }

    /// One of the zone's entities says something to those near.
    pub fn say(&mut self, speaker: impl Into<EntityId>, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Say, text.into(), None)?)
    }

    /// One of the zone's entities shouts.
    pub fn shout(&mut self, speaker: impl Into<EntityId>, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Shout, text.into(), None)?)
    }

    /// One of the zone's entities does something that those near see: `straightens a glass`.
    pub fn emote(&mut self, speaker: impl Into<EntityId>, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Emote, text.into(), None)?)
    }

    /// One of the zone's entities says something to one listener alone.
    pub fn whisper(&mut self, speaker: impl Into<EntityId>, listener: Player, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Whisper, text.into(), Some(listener.id()))?)
    }

    /// Tells a player's client program something; arrives for sure, in order.
    pub fn tell(&mut self, player: Player, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(Hearers::Player(player.id()), name.to_owned(), data, false)?)
    }

    /// Tells the client programs of everybody within `radius` metres of `center`.
    pub fn tell_near(&mut self, center: Point, radius: f32, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(Hearers::Near(center, radius), name.to_owned(), data, false)?)
    }

    /// Tells the client programs of everybody in the zone.
    pub fn tell_all(&mut self, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(Hearers::Zone, name.to_owned(), data, false)?)
    }

    /// Tells a client program a state of which only the latest counts (a meter, a countdown): a slow client skips some.
    pub fn show(&mut self, to: Hearers, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(to, name.to_owned(), data, true)?)
    }

    /// Refuses a player's command, in the same tick: her client gets a `reject` with this code and text.
    pub fn refuse(&mut self, command: Command, code: &str, text: &str) -> Result {
        Ok(self.host.refuse(command.player.id(), command.seq, code.to_owned(), text.to_owned())?)
    }

    /// Sends a player through one of the map's portals, wherever she stands.
    pub fn send_through(&mut self, player: Player, portal: &str) -> Result {
        Ok(self.host.send_to(player.id(), Destination::Portal(portal.to_owned()))?)
    }

    /// Sends a player to another zone, to a place of its map or its spawn point.
    pub fn send_to_zone(&mut self, player: Player, zone: &str, place: Option<&str>) -> Result {
        let destination = Destination::Zone(zone.to_owned(), place.map(str::to_owned));
        Ok(self.host.send_to(player.id(), destination)?)
    }

    /// Puts a player out of the world.
    pub fn kick(&mut self, player: Player, reason: &str) -> Result {
        Ok(self.host.kick(player.id(), reason.to_owned())?)
    }

    /// Nobody hears the player for so long.
    pub fn mute(&mut self, player: Player, duration: Duration) -> Result {
        let ticks = self.ticks(duration);
        Ok(self.host.mute(player.id(), ticks)?)
    }

    /// Everybody hears the player again.
    pub fn unmute(&mut self, player: Player) -> Result {
        Ok(self.host.mute(player.id(), 0)?)
    }

    /// Writes to another zone's module, at most 16 KiB; [`Zone::receipt`] tells whether it arrived.
    pub fn send(&mut self, zone: &str, topic: &str, body: Vec<u8>) -> Result<OrderId> {
        Ok(self.host.send(zone, topic.to_owned(), body)?.into())
    }

    /// Answers an operator later than in [`Zone::admin`] itself.
    pub fn reply(&mut self, request: RequestId, text: impl Into<String>) -> Result {
        Ok(self.host.reply(request.into(), text.into())?)
    }
}
