//! What a handler may do. Acts are collected and applied, in order, after the call.

use std::time::Duration;

use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::handle::{EntityId, Npc, Object, OrderId, Player, RequestId};
use crate::types::{ChatMode, Destination, Goal, Hearers, Kind, Point, Spawning, Tag, Verb};
use crate::zone::{Command, Zone};

/// Tags that the map's author writes beside a post or a thing.
const DRAWN_TAGS: [&str; 2] = ["look", "title"];

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
    ///
    /// ```
    /// use std::f32::consts::PI;
    /// use wod_zone::{Point, Spawn};
    /// /// A guard with his back to the river, which lies to the east.
    /// fn guard(at: Point) -> Spawn {
    ///     Spawn::new("Guard", at).heading(PI)
    /// }
    /// ```
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
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Point, Result, Spawn, Tag, Zone};
    /// fn informer<Z: Zone>(ctx: &mut Ctx<Z>, alley: Point) -> Result<Npc> {
    ///     let informer = ctx.spawn_npc(Spawn::new("Informer", alley).tag(Tag::near("look", "wet coat")))?;
    ///     ctx.say(informer, "Not so loud.")?;
    ///     Ok(informer)
    /// }
    /// ```
    pub fn spawn_npc(&mut self, what: Spawn) -> Result<Npc> {
        Ok(Npc(self.host.spawn(what.of(Kind::Npc))?.0))
    }

    /// Makes a thing. The handle is good at once; queries show it from the next tick.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Point, Result, Spawn, Zone};
    /// fn telephone<Z: Zone>(ctx: &mut Ctx<Z>, at: Point) -> Result<Object> {
    ///     ctx.spawn_object(Spawn::new("Telephone", at).verb("answer", "Answer it", 1.5))
    /// }
    /// ```
    pub fn spawn_object(&mut self, what: Spawn) -> Result<Object> {
        Ok(Object(self.host.spawn(what.of(Kind::Object))?.0))
    }

    /// Takes one of the zone's entities away, and whatever behaviour it had. An error when it is a container that is not empty.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn dawn<Z: Zone>(ctx: &mut Ctx<Z>, thing_of_the_night: Npc) -> Result {
    ///     ctx.emote(thing_of_the_night, "is ash")?;
    ///     ctx.despawn(thing_of_the_night)
    /// }
    /// ```
    pub fn despawn(&mut self, entity: impl Into<EntityId>) -> Result {
        let entity = entity.into();
        self.forget_object(Object(entity.0))?;
        self.forget_mind(Npc(entity.0));
        self.memory.core.watched.remove(&Npc(entity.0));
        Ok(self.host.despawn(entity)?)
    }

    /// A jump: players see no movement in between. For players and own entities.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn wakes_up<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     let gutter = ctx.place("gutter")?.at;
    ///     ctx.put(player, gutter)
    /// }
    /// ```
    pub fn put(&mut self, entity: impl Into<EntityId>, at: Point) -> Result {
        Ok(self.host.place(entity.into(), at, None)?)
    }

    /// Gives one of the zone's entities another name.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn unmasked<Z: Zone>(ctx: &mut Ctx<Z>, stranger: Npc) -> Result {
    ///     ctx.rename(stranger, "Marguerite's brother")
    /// }
    /// ```
    pub fn rename(&mut self, entity: impl Into<EntityId>, name: &str) -> Result {
        Ok(self.host.rename(entity.into(), name.to_owned())?)
    }

    /// Sets a tag. For players and own entities.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Result, Tag, Zone};
    /// fn switch_on<Z: Zone>(ctx: &mut Ctx<Z>, neon: Object) -> Result {
    ///     ctx.set_tag(neon, Tag::near("lit", true))
    /// }
    /// ```
    pub fn set_tag(&mut self, entity: impl Into<EntityId>, tag: Tag) -> Result {
        Ok(self.host.set_tags(entity.into(), vec![tag], Vec::new())?)
    }

    /// Takes a tag away; nothing happens when there is none.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn cleared<Z: Zone>(ctx: &mut Ctx<Z>, suspect: Player) -> Result {
    ///     ctx.remove_tag(suspect, "wanted")
    /// }
    /// ```
    pub fn remove_tag(&mut self, entity: impl Into<EntityId>, name: &str) -> Result {
        Ok(self.host.set_tags(entity.into(), Vec::new(), vec![name.to_owned()])?)
    }

    /// Replaces all that players can do with an entity.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Result, Verb, Zone};
    /// /// A lamp that is on can only be put out.
    /// fn lit<Z: Zone>(ctx: &mut Ctx<Z>, lamp: Object) -> Result {
    ///     ctx.set_verbs(lamp, vec![Verb::new("douse", "Put it out", 2.0)])
    /// }
    /// ```
    pub fn set_verbs(&mut self, entity: impl Into<EntityId>, verbs: Vec<Verb>) -> Result {
        Ok(self.host.set_verbs(entity.into(), verbs)?)
    }

    /// Makes an own entity look as this would: its name, its tags (`look` and `title` go where this has none) and its verbs; it stays
    /// where it is. For [`Zone::started`], because a swap spawns nobody anew: so what a writer changes in the map is seen at once.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Spawn, StartReason, Zone};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Bar { keeper: Npc }
    /// # impl Zone for Bar {
    /// # const NAME: &'static str = "bar"; type Timer = (); type Player = ();
    /// # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { keeper: Npc(7) }) }
    /// fn started(&mut self, ctx: &mut Ctx<Self>, _why: StartReason, _players: &[Player]) -> Result {
    ///     let post = ctx.post("keeper")?;
    ///     ctx.dress(self.keeper, Spawn::at_post(&post))
    /// }
    /// # }
    /// ```
    pub fn dress(&mut self, entity: impl Into<EntityId>, like: Spawn) -> Result {
        let (entity, Spawn { name, tags, verbs, .. }) = (entity.into(), like);
        let gone = DRAWN_TAGS.into_iter().filter(|drawn| tags.iter().all(|tag| tag.name != *drawn));
        let gone = gone.map(str::to_owned).collect();
        self.host.rename(entity, name)?;
        self.host.set_tags(entity, tags, gone)?;
        Ok(self.host.set_verbs(entity, verbs)?)
    }

    /// [`Zone::sensor`] is told who comes within so many metres, at most 100; 0 switches it off. Not of ghosts.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// /// The dog hears whoever comes within eight metres.
    /// fn let_loose<Z: Zone>(ctx: &mut Ctx<Z>, dog: Npc) -> Result {
    ///     ctx.set_sensor(dog, 8.0)
    /// }
    /// ```
    pub fn set_sensor(&mut self, entity: impl Into<EntityId>, radius: f32) -> Result {
        Ok(self.host.set_sensor(entity.into(), radius)?)
    }

    /// How fast it goes, 0 to 50 m/s. For a player: the most she may.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn shot_in_the_leg<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.set_speed(player, 1.2)
    /// }
    /// ```
    pub fn set_speed(&mut self, entity: impl Into<EntityId>, metres_a_second: f32) -> Result {
        Ok(self.host.set_speed(entity.into(), metres_a_second)?)
    }

    /// Closes a barrier of the map.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn raid<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     ctx.close_barrier("tunnel-gate")?;
    ///     ctx.tell_all("hint", &"Iron falls on stone somewhere below.")
    /// }
    /// ```
    pub fn close_barrier(&mut self, name: &str) -> Result {
        Ok(self.host.set_barrier(name, true)?)
    }

    /// Opens a barrier of the map.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn all_clear<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     ctx.open_barrier("tunnel-gate")
    /// }
    /// ```
    pub fn open_barrier(&mut self, name: &str) -> Result {
        Ok(self.host.set_barrier(name, false)?)
    }

    /// Sends an NPC to within `within` metres of a goal; [`Zone::moved`] tells how it ended. Replaces its current order.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, OrderId, Result, Zone};
    /// /// To the nearest of the map's places called `shelter`.
    /// fn it_rains<Z: Zone>(ctx: &mut Ctx<Z>, passer_by: Npc) -> Result<OrderId> {
    ///     ctx.go_to(passer_by, "shelter", 1.0)
    /// }
    /// ```
    pub fn go_to(&mut self, npc: Npc, goal: impl Into<Goal>, within: f32) -> Result<OrderId> {
        Ok(self.host.go_to(npc.id(), goal.into(), within)?.into())
    }

    /// Keeps an NPC within `distance` metres of somebody until halted or the target is lost.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn hired<Z: Zone>(ctx: &mut Ctx<Z>, bodyguard: Npc, client: Player) -> Result {
    ///     ctx.follow(bodyguard, client, 2.0)?;
    ///     ctx.whisper(bodyguard, client, "Walk as if I weren't here.")
    /// }
    /// ```
    pub fn follow(&mut self, npc: Npc, target: impl Into<EntityId>, distance: f32) -> Result<OrderId> {
        Ok(self.host.follow(npc.id(), target.into(), distance)?.into())
    }

    /// Ends an NPC's current order; without one, nothing happens.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn challenged<Z: Zone>(ctx: &mut Ctx<Z>, burglar: Npc) -> Result {
    ///     ctx.halt(burglar)?;
    ///     ctx.emote(burglar, "raises his hands")
    /// }
    /// ```
    pub fn halt(&mut self, npc: Npc) -> Result {
        Ok(self.host.halt(npc.id())?)
    }

    /// Turns an NPC towards a goal.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn notice<Z: Zone>(ctx: &mut Ctx<Z>, doorkeeper: Npc, guest: Player) -> Result {
    ///     ctx.face(doorkeeper, guest)?;
    ///     ctx.say(doorkeeper, "Members only.")
    /// }
    /// ```
    pub fn face(&mut self, npc: Npc, goal: impl Into<Goal>) -> Result {
        Ok(self.host.face(npc.id(), goal.into())?)
    }

    /// One of the zone's entities says something to those near.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn last_orders<Z: Zone>(ctx: &mut Ctx<Z>, barkeeper: Npc, minutes: u32) -> Result {
    ///     ctx.say(barkeeper, format!("{minutes} minutes, and then the sun is your affair."))
    /// }
    /// ```
    pub fn say(&mut self, speaker: impl Into<EntityId>, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Say, text.into(), None)?)
    }

    /// One of the zone's entities shouts.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn robbed<Z: Zone>(ctx: &mut Ctx<Z>, shopkeeper: Npc) -> Result {
    ///     ctx.shout(shopkeeper, "Stop her!")
    /// }
    /// ```
    pub fn shout(&mut self, speaker: impl Into<EntityId>, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Shout, text.into(), None)?)
    }

    /// One of the zone's entities does something that those near see: `straightens a glass`.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn unimpressed<Z: Zone>(ctx: &mut Ctx<Z>, barkeeper: Npc) -> Result {
    ///     ctx.emote(barkeeper, "straightens a glass")
    /// }
    /// ```
    pub fn emote(&mut self, speaker: impl Into<EntityId>, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Emote, text.into(), None)?)
    }

    /// One of the zone's entities says something to one listener alone.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn tip<Z: Zone>(ctx: &mut Ctx<Z>, informer: Npc, client: Player) -> Result {
    ///     ctx.whisper(informer, client, "The back door. Ten minutes.")
    /// }
    /// ```
    pub fn whisper(&mut self, speaker: impl Into<EntityId>, listener: Player, text: impl Into<String>) -> Result {
        Ok(self.host.chat(speaker.into(), ChatMode::Whisper, text.into(), Some(listener.id()))?)
    }

    /// Tells a player's client program something; arrives for sure, in order.
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// #[derive(Serialize)]
    /// struct Debt<'a> { to: &'a str, favours: u32 }
    ///
    /// fn remind<Z: Zone>(ctx: &mut Ctx<Z>, debtor: Player) -> Result {
    ///     ctx.tell(debtor, "debt", &Debt { to: "Marguerite", favours: 3 })
    /// }
    /// ```
    pub fn tell(&mut self, player: Player, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(Hearers::Player(player.id()), name.to_owned(), data, false)?)
    }

    /// Tells the client programs of everybody within `radius` metres of `center`.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Point, Result, Zone};
    /// fn shot<Z: Zone>(ctx: &mut Ctx<Z>, muzzle: Point) -> Result {
    ///     ctx.tell_near(muzzle, 80.0, "sound", &"shot")
    /// }
    /// ```
    pub fn tell_near(&mut self, center: Point, radius: f32, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(Hearers::Near(center, radius), name.to_owned(), data, false)?)
    }

    /// Tells the client programs of everybody in the zone.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn weather<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     ctx.tell_all("weather", &"rain")
    /// }
    /// ```
    pub fn tell_all(&mut self, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(Hearers::Zone, name.to_owned(), data, false)?)
    }

    /// Tells a client program a state of which only the latest counts (a meter, a countdown): a slow client skips some.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Hearers, Player, Result, Zone};
    /// fn meter<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, hunger: f32) -> Result {
    ///     ctx.show(Hearers::Player(player.id()), "hunger", &hunger)
    /// }
    /// ```
    pub fn show(&mut self, to: Hearers, name: &str, data: &impl Serialize) -> Result {
        let data = serde_json::to_string(data)?;
        Ok(self.host.tell(to, name.to_owned(), data, true)?)
    }

    /// Refuses a player's command, in the same tick: her client gets a `reject` with this code and text.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Interaction, Result, Zone};
    /// fn no_credit<Z: Zone>(ctx: &mut Ctx<Z>, interaction: &Interaction) -> Result {
    ///     ctx.refuse(interaction.command, "no_credit", "Your name is on the slate already.")
    /// }
    /// ```
    pub fn refuse(&mut self, command: Command, code: &str, text: &str) -> Result {
        Ok(self.host.refuse(command.player.id(), command.seq, code.to_owned(), text.to_owned())?)
    }

    /// Sends a player through one of the map's portals, wherever she stands.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn trapdoor<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.send_through(player, "cellar")
    /// }
    /// ```
    pub fn send_through(&mut self, player: Player, portal: &str) -> Result {
        Ok(self.host.send_to(player.id(), Destination::Portal(portal.to_owned()))?)
    }

    /// Sends a player to another zone, to a place of its map or its spawn point.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn found_in_the_river<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.send_to_zone(player, "old-town.morgue", Some("slab"))
    /// }
    /// ```
    pub fn send_to_zone(&mut self, player: Player, zone: &str, place: Option<&str>) -> Result {
        let destination = Destination::Zone(zone.to_owned(), place.map(str::to_owned));
        Ok(self.host.send_to(player.id(), destination)?)
    }

    /// Puts a player out of the world.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn third_warning<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.kick(player, "You were asked three times to keep the peace of the house.")
    /// }
    /// ```
    pub fn kick(&mut self, player: Player, reason: &str) -> Result {
        Ok(self.host.kick(player.id(), reason.to_owned())?)
    }

    /// Nobody hears the player for so long.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn gagged<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.mute(player, Duration::from_secs(60))
    /// }
    /// ```
    pub fn mute(&mut self, player: Player, duration: Duration) -> Result {
        let ticks = self.ticks(duration);
        Ok(self.host.mute(player.id(), ticks)?)
    }

    /// Everybody hears the player again.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn untied<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.unmute(player)
    /// }
    /// ```
    pub fn unmute(&mut self, player: Player) -> Result {
        Ok(self.host.mute(player.id(), 0)?)
    }

    /// Writes to another zone's module, at most 16 KiB; [`Zone::receipt`] tells whether it arrived.
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use wod_zone::{Ctx, OrderId, Player, Result, Zone, encode};
    /// #[derive(Serialize)]
    /// struct Fugitive { player: Player }
    ///
    /// /// The docks are warned before she gets there.
    /// fn warn_the_docks<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result<OrderId> {
    ///     ctx.send("harbour.docks", "fugitive", encode(&Fugitive { player })?)
    /// }
    /// ```
    pub fn send(&mut self, zone: &str, topic: &str, body: Vec<u8>) -> Result<OrderId> {
        Ok(self.host.send(zone, topic.to_owned(), body)?.into())
    }

    /// Answers an operator later than in [`Zone::admin`] itself.
    ///
    /// ```
    /// # use wod_zone::{Ctx, RequestId, Result, Zone};
    /// fn counted<Z: Zone>(ctx: &mut Ctx<Z>, request: RequestId) -> Result {
    ///     let guests = ctx.players().count();
    ///     ctx.reply(request, format!("{guests} guests tonight"))
    /// }
    /// ```
    pub fn reply(&mut self, request: RequestId, text: impl Into<String>) -> Result {
        Ok(self.host.reply(request.into(), text.into())?)
    }
}
