//! What a module asks and orders during a call: questions are answered from the scene as it stood when the tick began, orders
//! are checked as far as that shows, and kept until the call came through.
//!
//! Every argument comes from code we don't trust: any float, any length, any id.

use std::sync::Arc;

use wod_protocol::client::{ChatMode, DialogueOption, Kind, Verb};
use wod_protocol::ids::{EntityId, Seq, Tick, Token};
use wod_protocol::limits::CHAT_CHARS;
use wod_protocol::units::{Fixed, Heading, Pos, to_fixed};

use super::checks::{check_json, check_tags, check_text, check_verbs, clip, is_name};
use super::limits::{
    BODY_BYTES, CHOICES, CODE_BYTES, DATA_BYTES, DIALOGUE_CHARS, ENTITIES, FIELDS, FIGURES, HEARING_METRES, LOG_BYTES,
    REASON_CHARS, ROWS, SAVED_BYTES, SENSOR_METRES, SPEED_METRES, TAGS,
};
use super::orders::{Command, Facing, Orders};
use super::scene::{Scene, to_point, to_pos};
use super::state::Rules;
use crate::io::Report;
use crate::module::{
    ACTS_PER_CALL, Description, Destination, Filter, Goal, Hearers, HostCalls, LogLevel, NamedPlace, Neighbour, Point,
    Refusal, Spawning, Tag, View,
};
use crate::space::grid::Near;
use crate::space::mover::Aim;
use crate::space::path::Search;

/// A call in progress: it has the zone's scene while it lasts.
pub(super) struct Calls {
    pub(super) scene: Scene,
    pub(super) rules: Arc<Rules>,
    pub(super) tick: Tick,
    /// None only for the stand-in of a zone without a module.
    pub(super) description: Option<Arc<Description>>,
    pub(super) orders: Orders,
}

impl Calls {
    fn order(&mut self, command: Command) -> Result<(), Refusal> {
        if self.orders.commands.len() >= ACTS_PER_CALL {
            return Err(Refusal::TooMany);
        }
        self.orders.commands.push(command);
        Ok(())
    }

    fn has_room(&self) -> Result<(), Refusal> {
        if self.orders.commands.len() < ACTS_PER_CALL { Ok(()) } else { Err(Refusal::TooMany) }
    }

    /// What the entity is, with this call's own doings. A ghost is a neighbour's.
    fn kind(&self, id: EntityId) -> Result<Kind, Refusal> {
        if self.orders.despawned.contains(&id) {
            return Err(Refusal::NoSuchEntity);
        }
        if self.scene.home(id).is_some() {
            return Err(Refusal::NotYours);
        }
        let known = self.scene.kind(id).or_else(|| self.orders.spawned.get(&id).copied());
        known.ok_or(Refusal::NoSuchEntity)
    }

    fn own(&self, id: EntityId) -> Result<Kind, Refusal> {
        match self.kind(id)? {
            Kind::Player => Err(Refusal::NotYours),
            kind => Ok(kind),
        }
    }

    fn npc(&self, id: EntityId) -> Result<(), Refusal> {
        match self.kind(id)? {
            Kind::Npc => Ok(()),
            Kind::Player | Kind::Object => Err(Refusal::NotYours),
        }
    }

    fn player(&self, id: EntityId) -> Result<(), Refusal> {
        match self.kind(id)? {
            Kind::Player => Ok(()),
            Kind::Npc | Kind::Object => Err(Refusal::NotYours),
        }
    }

    /// A player who can be spoken to: here, or as a ghost.
    fn hearer(&self, id: EntityId) -> Result<(), Refusal> {
        match self.scene.present(id).map(|entity| entity.kind) {
            Some(Kind::Player) => Ok(()),
            _ => self.player(id),
        }
    }

    /// Where somebody can be walked to. A ghost stands off the zone.
    fn target(&self, id: EntityId) -> Result<(), Refusal> {
        if self.scene.home(id).is_some() { Err(Refusal::OutOfBounds) } else { self.kind(id).map(drop) }
    }

    fn point(&self, at: Point) -> Result<Pos, Refusal> {
        let at = to_pos(at).ok_or(Refusal::Invalid)?;
        if self.rules.bounds.contains(at) { Ok(at) } else { Err(Refusal::OutOfBounds) }
    }

    /// Where somebody of this kind can stand: things may be built into walls.
    fn spot(&self, at: Point, kind: Kind) -> Result<Pos, Refusal> {
        let at = self.point(at)?;
        if kind == Kind::Object || self.scene.ground.terrain.is_free(at) { Ok(at) } else { Err(Refusal::Blocked) }
    }

    /// The nearest place of that name, seen from an entity, and its radius.
    fn nearest_place(&self, from: EntityId, name: &str) -> Result<(Pos, Fixed), Refusal> {
        let ground = &self.scene.ground;
        let from = self.scene.entities.get(&from).map_or(self.rules.bounds.min, |entity| entity.at);
        let named = ground.map.places.iter().filter(|place| place.name == name);
        let spots = named.map(|place| (ground.on_map(place.at), to_fixed(place.radius)));
        spots.min_by_key(|(at, _)| at.distance_squared(from)).ok_or(Refusal::NoSuchPlace)
    }

    fn rows(&self, near: &[Near], limit: usize) -> Vec<Neighbour> {
        let row = |near: &Near| {
            let distance = libm::sqrt(near.distance_squared as f64) / f64::from(wod_protocol::units::UNITS_PER_METRE);
            let kind = self.scene.present(near.id).map_or(Kind::Object, |entity| entity.kind);
            Neighbour { id: near.id, kind, at: to_point(near.at), distance: distance as f32 }
        };
        near.iter().take(limit.min(ROWS)).map(row).collect()
    }

    fn passes(&self, id: EntityId, filter: &Filter) -> bool {
        let Some(entity) = self.scene.present(id) else { return false };
        filter.except != Some(id)
            && filter.kinds.is_none_or(|kind| entity.kind == kind)
            && filter.tag.as_ref().is_none_or(|name| entity.tag(name).is_some())
    }

    fn figure(&mut self, name: &str, report: impl FnOnce(String) -> Report) {
        if self.orders.figures < FIGURES && is_name(name) {
            self.orders.figures += 1;
            self.orders.reports.push(report(name.to_owned()));
        }
    }
}

impl HostCalls for Calls {
    fn entity(&self, id: EntityId) -> Option<View> {
        let entity = self.scene.present(id)?;
        Some(View {
            id,
            kind: entity.kind,
            name: entity.name.clone(),
            at: to_point(entity.at),
            heading: entity.heading.radians() as f32,
            speed: (wod_protocol::units::to_metres(entity.pace(self.tick))) as f32,
            ghost: self.scene.home(id).is_some(),
            tags: entity.tags.clone(),
        })
    }

    fn nearby(&self, center: Point, radius: f32, filter: &Filter, limit: u32) -> Vec<Neighbour> {
        let (Some(center), true) = (to_pos(center), radius >= 0.0) else { return Vec::new() };
        let radius = to_fixed(f64::from(radius).min(wod_protocol::map::MAX_EXTENT * 2.0));
        let mut near = Vec::new();
        self.scene.ground.grid.within(center, radius, |id| self.passes(id, filter), &mut near);
        self.rows(&near, limit as usize)
    }

    fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour> {
        let Some(center) = to_pos(center) else { return Vec::new() };
        let mut near = Vec::new();
        let count = (count as usize).min(ROWS);
        self.scene.ground.grid.nearest(center, count, |id| self.passes(id, filter), &mut near);
        self.rows(&near, count)
    }

    fn line_of_sight(&self, a: Point, b: Point) -> bool {
        match (to_pos(a), to_pos(b)) {
            (Some(a), Some(b)) => self.scene.ground.terrain.line_of_sight(a, b),
            _ => false,
        }
    }

    fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>> {
        let (from, to) = (self.point(a).ok()?, self.point(b).ok()?);
        let ground = &mut self.scene.ground;
        let mut way = Vec::new();
        match ground.paths.find(&ground.terrain, from, to, &mut ground.work, &mut way) {
            Search::Found => Some(way.into_iter().map(to_point).collect()),
            Search::NoWay | Search::Exhausted => None,
        }
    }

    fn places(&self, name: &str) -> Vec<NamedPlace> {
        let ground = &self.scene.ground;
        let named = ground.map.places.iter().filter(|place| place.name == name);
        named
            .map(|place| NamedPlace {
                name: place.name.clone(),
                at: to_point(ground.on_map(place.at)),
                radius: place.radius as f32,
                properties: place.properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            })
            .collect()
    }

    fn random(&mut self) -> u64 {
        self.scene.luck.draw()
    }

    fn progress(&mut self, index: u32) {
        self.orders.marked = Some(index);
    }

    fn marked(&self) -> Option<u32> {
        self.orders.marked
    }

    fn log(&mut self, level: LogLevel, message: String, fields: Vec<(String, String)>) {
        if self.orders.log_budget == 0 {
            if let Some(Report::LogDropped(lines)) = self.orders.reports.last_mut() {
                *lines = lines.saturating_add(1);
            } else {
                self.orders.reports.push(Report::LogDropped(1));
            }
            return;
        }
        self.orders.log_budget -= 1;
        let fields =
            fields.into_iter().take(FIELDS).map(|(name, value)| (clip(name, LOG_BYTES), clip(value, LOG_BYTES)));
        self.orders.reports.push(Report::Log(level, clip(message, LOG_BYTES), fields.collect()));
    }

    fn count(&mut self, counter: String, by: u64) {
        self.figure(&counter, |name| Report::Count(name, by));
    }

    fn gauge(&mut self, gauge: String, value: f64) {
        self.figure(&gauge, |name| Report::Gauge(name, value));
    }

    fn observe(&mut self, histogram: String, value: f64) {
        self.figure(&histogram, |name| Report::Observe(name, value));
    }

    fn spawn(&mut self, what: Spawning) -> Result<EntityId, Refusal> {
        self.has_room()?;
        if what.kind == Kind::Player || !what.heading.is_finite() || !is_name(&what.name) {
            return Err(Refusal::Invalid);
        }
        check_tags(&what.tags, &[])?;
        check_verbs(&what.verbs, self.description.as_deref())?;
        let at = self.spot(what.at, what.kind)?;
        if self.scene.entities.len() + self.orders.spawned.len() >= ENTITIES {
            return Err(Refusal::TooMany);
        }
        let id = self.scene.luck.entity_id(self.rules.number);
        self.orders.spawned.insert(id, what.kind);
        self.order(Command::Spawn(id, Box::new(what), at))?;
        Ok(id)
    }

    fn despawn(&mut self, entity: EntityId) -> Result<(), Refusal> {
        self.own(entity)?;
        self.order(Command::Despawn(entity))?;
        self.orders.despawned.insert(entity);
        Ok(())
    }

    fn place(&mut self, entity: EntityId, at: Point, heading: Option<f32>) -> Result<(), Refusal> {
        let kind = self.kind(entity)?;
        if heading.is_some_and(|heading| !heading.is_finite()) {
            return Err(Refusal::Invalid);
        }
        let at = self.spot(at, kind)?;
        let heading = heading.map(|heading| Heading::from_radians(f64::from(heading)));
        self.order(Command::Place(entity, at, heading))
    }

    fn rename(&mut self, entity: EntityId, name: String) -> Result<(), Refusal> {
        self.own(entity)?;
        if !is_name(&name) {
            return Err(Refusal::Invalid);
        }
        self.order(Command::Rename(entity, name))
    }

    fn set_tags(&mut self, entity: EntityId, put: Vec<Tag>, remove: Vec<String>) -> Result<(), Refusal> {
        self.kind(entity)?;
        check_tags(&put, &remove)?;
        if let Some(known) = self.scene.entities.get(&entity) {
            let added = put.iter().filter(|tag| known.tag(&tag.name).is_none()).count();
            if known.tags.len() + added > TAGS + remove.len() {
                return Err(Refusal::TooMany);
            }
        }
        self.order(Command::SetTags(entity, put, remove))
    }

    fn set_verbs(&mut self, entity: EntityId, verbs: Vec<Verb>) -> Result<(), Refusal> {
        self.kind(entity)?;
        check_verbs(&verbs, self.description.as_deref())?;
        self.order(Command::SetVerbs(entity, verbs))
    }

    fn set_sensor(&mut self, entity: EntityId, radius: f32) -> Result<(), Refusal> {
        self.kind(entity)?;
        if !(0.0..=SENSOR_METRES).contains(&radius) {
            return Err(Refusal::Invalid);
        }
        self.order(Command::SetSensor(entity, to_fixed(f64::from(radius))))
    }

    fn set_speed(&mut self, entity: EntityId, metres_a_second: f32) -> Result<(), Refusal> {
        self.kind(entity)?;
        if !(0.0..=SPEED_METRES).contains(&metres_a_second) {
            return Err(Refusal::Invalid);
        }
        self.order(Command::SetSpeed(entity, to_fixed(f64::from(metres_a_second))))
    }

    fn set_barrier(&mut self, name: &str, closed: bool) -> Result<(), Refusal> {
        if self.scene.ground.terrain.barrier(name).is_none() {
            return Err(Refusal::NoSuchPlace);
        }
        self.order(Command::SetBarrier(name.to_owned(), closed))
    }

    fn go_to(&mut self, npc: EntityId, goal: Goal, within: f32) -> Result<Token, Refusal> {
        self.has_room()?;
        self.npc(npc)?;
        if !(0.0..=wod_protocol::map::MAX_EXTENT as f32).contains(&within) {
            return Err(Refusal::Invalid);
        }
        let within = to_fixed(f64::from(within));
        let aim = match goal {
            Goal::Point(at) => Aim::Point { at: self.point(at)?, within },
            Goal::Entity(target) => {
                self.target(target)?;
                Aim::Reach { target, within }
            }
            Goal::Place(name) => {
                let (at, radius) = self.nearest_place(npc, &name)?;
                Aim::Point { at, within: within.max(radius) }
            }
        };
        let order = self.scene.luck.token();
        self.order(Command::Order(npc, order, aim))?;
        Ok(order)
    }

    fn follow(&mut self, npc: EntityId, target: EntityId, distance: f32) -> Result<Token, Refusal> {
        self.has_room()?;
        self.npc(npc)?;
        self.target(target)?;
        if npc == target || !(0.0..=SENSOR_METRES).contains(&distance) {
            return Err(Refusal::Invalid);
        }
        let order = self.scene.luck.token();
        self.order(Command::Order(npc, order, Aim::Follow { target, distance: to_fixed(f64::from(distance)) }))?;
        Ok(order)
    }

    fn halt(&mut self, npc: EntityId) -> Result<(), Refusal> {
        self.npc(npc)?;
        self.order(Command::Halt(npc))
    }

    fn face(&mut self, npc: EntityId, goal: Goal) -> Result<(), Refusal> {
        self.own(npc)?;
        let facing = match goal {
            Goal::Point(at) => Facing::Point(to_pos(at).ok_or(Refusal::Invalid)?),
            Goal::Entity(target) => {
                if self.scene.home(target).is_none() {
                    self.kind(target)?;
                }
                Facing::Entity(target)
            }
            Goal::Place(name) => Facing::Point(self.nearest_place(npc, &name)?.0),
        };
        self.order(Command::Face(npc, facing))
    }

    fn chat(
        &mut self,
        speaker: EntityId,
        mode: ChatMode,
        text: String,
        listener: Option<EntityId>,
    ) -> Result<(), Refusal> {
        self.own(speaker)?;
        check_text(&text, CHAT_CHARS)?;
        match (mode, listener) {
            (ChatMode::Whisper, None) => return Err(Refusal::Invalid),
            (ChatMode::Whisper, Some(listener)) => self.hearer(listener)?,
            _ => {}
        }
        self.order(Command::Chat { speaker, mode, text, listener })
    }

    fn say_dialogue(
        &mut self,
        player: EntityId,
        dialogue: Token,
        npc: EntityId,
        text: String,
        choices: Vec<(String, String)>,
    ) -> Result<(), Refusal> {
        self.hearer(player)?;
        self.own(npc)?;
        check_text(&text, DIALOGUE_CHARS)?;
        if choices.len() > CHOICES {
            return Err(Refusal::TooMany);
        }
        for (id, text) in &choices {
            check_text(text, CHAT_CHARS)?;
            if !is_name(id) {
                return Err(Refusal::Invalid);
            }
        }
        let options = choices.into_iter().map(|(id, text)| DialogueOption { id, text }).collect();
        self.order(Command::Dialogue { player, dialogue, npc, text, options })
    }

    fn close_dialogue(&mut self, player: EntityId, dialogue: Token) -> Result<(), Refusal> {
        self.hearer(player)?;
        self.order(Command::CloseDialogue { player, dialogue })
    }

    fn tell(&mut self, to: Hearers, name: String, data: String, latest: bool) -> Result<(), Refusal> {
        match to {
            Hearers::Player(player) => self.hearer(player)?,
            Hearers::Near(center, radius) => {
                if to_pos(center).is_none() || !(0.0..=HEARING_METRES).contains(&radius) {
                    return Err(Refusal::Invalid);
                }
            }
            Hearers::Zone => {}
        }
        if !is_name(&name) {
            return Err(Refusal::Invalid);
        }
        check_json(&data, DATA_BYTES)?;
        self.order(Command::Tell { to, name, data, latest })
    }

    fn refuse(&mut self, player: EntityId, seq: Seq, code: String, text: String) -> Result<(), Refusal> {
        if !self.scene.callers.contains_key(&player) {
            self.hearer(player)?;
        }
        if code.is_empty() || code.len() > CODE_BYTES {
            return Err(Refusal::Invalid);
        }
        check_text(&text, CHAT_CHARS)?;
        self.order(Command::Refuse { player, seq, code, text })
    }

    fn set_timer(&mut self, token: Token, after: u32, every: Option<u32>) -> Result<(), Refusal> {
        if after == 0 || every == Some(0) {
            return Err(Refusal::Invalid);
        }
        if self.orders.timers_left == 0 {
            return Err(Refusal::TooMany);
        }
        self.order(Command::SetTimer(token, after, every))?;
        self.orders.timers_left -= 1;
        Ok(())
    }

    fn cancel_timer(&mut self, token: Token) {
        // A flood of them is dropped like every other order; nothing can be said about it here.
        let _flooded = self.order(Command::CancelTimer(token));
    }

    fn save_player(&mut self, player: EntityId, bytes: Vec<u8>) -> Result<(), Refusal> {
        self.player(player)?;
        if bytes.len() > SAVED_BYTES {
            return Err(Refusal::TooLarge);
        }
        self.order(Command::SavePlayer(player, bytes.into()))
    }

    fn send_to(&mut self, player: EntityId, destination: Destination) -> Result<(), Refusal> {
        self.player(player)?;
        let (to, place) = match destination {
            Destination::Portal(name) => {
                let on_map = self.scene.ground.map.portals.iter().any(|portal| portal.name == name);
                let exit = self.rules.exit(&name).filter(|_| on_map).ok_or(Refusal::NoSuchPortal)?;
                (exit.to, exit.place)
            }
            Destination::Zone(name, place) => {
                let zone = self.rules.world.zone_named(&name).ok_or(Refusal::NoSuchZone)?;
                if place.as_ref().is_some_and(|place| !is_name(place)) {
                    return Err(Refusal::NoSuchPlace);
                }
                (zone.number, place)
            }
        };
        self.order(Command::SendAway(player, to, place))
    }

    fn kick(&mut self, player: EntityId, reason: String) -> Result<(), Refusal> {
        self.player(player)?;
        check_text(&reason, REASON_CHARS)?;
        self.order(Command::Kick(player, reason))
    }

    fn mute(&mut self, player: EntityId, ticks: u32) -> Result<(), Refusal> {
        self.player(player)?;
        self.order(Command::Mute(player, ticks))
    }

    fn send(&mut self, zone: &str, topic: String, body: Vec<u8>) -> Result<Token, Refusal> {
        self.has_room()?;
        let to = self.rules.world.zone_named(zone).ok_or(Refusal::NoSuchZone)?.number;
        if !is_name(&topic) {
            return Err(Refusal::Invalid);
        }
        if body.len() > BODY_BYTES {
            return Err(Refusal::TooLarge);
        }
        let order = self.scene.luck.token();
        self.order(Command::Send { to, order, topic, body: body.into() })?;
        Ok(order)
    }

    fn reply(&mut self, request: Token, text: String) -> Result<(), Refusal> {
        if text.len() > DATA_BYTES {
            return Err(Refusal::TooLarge);
        }
        self.order(Command::Reply(request.0, text))
    }
}
