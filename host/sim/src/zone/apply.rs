//! What a module's call ordered takes effect, in order. Each order was valid when it was given; what an earlier one of the same
//! call has overtaken is left out.

use std::sync::Arc;

use wod_protocol::bus::{GoneReason, MessageBody, ZoneItem};
use wod_protocol::client::{ChatMode, DialogueOption, FLAG_JUMP, Kind};
use wod_protocol::ids::{EntityId, Tick, Token, ZoneNo};
use wod_protocol::units::{Heading, Pos, to_fixed};

use super::Zone;
use super::limits::{OPEN_DIALOGUES, TAGS};

use super::commands::heading_of;
use super::orders::{Command, Facing};
use super::scene::{Entity, to_point, to_pos};
use super::state::{Dialogue, Leaving, Link};
use super::turn::Look;
use crate::module::{Audience, Event, Hearers, LeaveReason, MoveEnd, Spawning, Tag};
use crate::space::mover::Aim;

impl Zone {
    pub(super) fn apply(&mut self, commands: Vec<Command>) {
        for command in commands {
            self.apply_one(command);
        }
    }

    fn apply_one(&mut self, command: Command) {
        match command {
            Command::Spawn(id, what, at) => self.spawn(id, *what, at),
            Command::Despawn(id) => self.despawn(id),
            Command::Place(id, at, heading) => self.place(id, at, heading),
            Command::Rename(id, name) => self.rename(id, name),
            Command::SetTags(id, put, remove) => self.set_tags(id, put, &remove),
            Command::SetVerbs(id, verbs) => {
                if let Some(entity) = self.state.scene.entities.get_mut(&id).filter(|entity| entity.verbs != verbs) {
                    entity.verbs = verbs;
                    self.turn.looks.insert((id, Look::Verbs));
                }
            }
            Command::SetSensor(id, radius) => {
                if self.state.scene.entities.contains_key(&id) {
                    self.state.scene.sensors.set(id, radius);
                }
            }
            Command::SetSpeed(id, speed) => self.set_speed(id, speed),
            Command::SetBarrier(name, closed) => self.set_barrier(name, closed),
            Command::Order(npc, order, aim) => self.order(npc, order, aim),
            Command::Halt(npc) => self.halt(npc),
            Command::Face(id, facing) => self.face(id, facing),
            Command::Chat { speaker, mode: ChatMode::Whisper, text, listener } => {
                self.speak(speaker, ChatMode::Whisper, &text, listener.as_slice());
            }
            Command::Chat { speaker, mode, text, .. } => self.say_aloud(speaker, mode, &text),
            Command::Dialogue { player, dialogue, npc, text, options } => {
                if self.state.players.contains_key(&player) {
                    let ids = options.iter().map(|option| option.id.clone()).collect();
                    let open = Dialogue { npc, led_by: None, options: ids };
                    self.open_dialogue(player, dialogue, open, text, options);
                } else {
                    let body = MessageBody::Dialogue { dialogue, npc, text, options };
                    self.tell_anywhere(body, &[player], false);
                }
            }
            Command::CloseDialogue { player, dialogue } => {
                if self.state.players.contains_key(&player) {
                    self.close_dialogue(player, dialogue, None);
                } else {
                    // Her own zone knows whose it was.
                    let (npc, text, options) = (EntityId::default(), String::new(), Vec::new());
                    self.tell_anywhere(MessageBody::Dialogue { dialogue, npc, text, options }, &[player], false);
                }
            }
            Command::Tell { to, name, data, latest } => self.tell_event(&to, name, data, latest),
            Command::Refuse { player, seq, code, text } => self.reject_as(player, seq, code, text),
            Command::SetTimer(token, after, every) => {
                self.state.timers.set(token, Tick(self.state.tick.0 + u64::from(after)), every);
            }
            Command::CancelTimer(token) => self.state.timers.cancel(token),
            Command::SavePlayer(id, bytes) => {
                let module = self.state.module.as_ref().map(|card| Arc::clone(&card.description));
                if let (Some(module), Some(player)) = (module, self.state.players.get_mut(&id)) {
                    player.saved.insert(module.name.clone(), bytes);
                }
            }
            Command::SendAway(id, to, place) => self.send_away(id, to, place),
            Command::Kick(id, reason) => {
                if self.state.players.contains_key(&id) {
                    // As with one who is sent away: at the end of this tick.
                    let leaving = Leaving::World { reason: LeaveReason::Kicked, gone: GoneReason::Kicked(reason) };
                    self.state.leaving.insert(id, leaving);
                }
            }
            Command::Mute(id, ticks) => {
                let until = if ticks == 0 { 0 } else { self.state.tick.0 + u64::from(ticks) };
                if let Some(player) = self.state.players.get_mut(&id) {
                    player.muted_until = Tick(until);
                }
            }
            Command::Send { to, order, topic, body } => self.send(to, order, topic, body),
            Command::Reply(request, text) => {
                if self.state.asks.open.contains_key(&request) {
                    self.answer(request, Ok(text));
                }
            }
        }
    }

    /// Opens a player's dialogue of that number, or replaces what was said in it; without options the talk is over.
    pub(super) fn open_dialogue(
        &mut self,
        player: EntityId,
        dialogue: Token,
        open: Dialogue,
        text: String,
        options: Vec<DialogueOption>,
    ) {
        let Some(known) = self.state.players.get_mut(&player) else { return };
        let npc = open.npc;
        known.dialogues.insert(dialogue, open);
        if options.is_empty() {
            known.dialogues.remove(&dialogue);
        }
        let others = known.dialogues.iter().map(|(other, open)| (*other, open.led_by));
        let others = others.filter(|(other, _)| *other != dialogue);
        let surplus = known.dialogues.len().saturating_sub(OPEN_DIALOGUES);
        for (other, led_by) in others.take(surplus).collect::<Vec<_>>() {
            self.close_dialogue(player, other, led_by);
        }
        self.tell(MessageBody::Dialogue { dialogue, npc, text, options }, &[player]);
    }

    /// Ends a dialogue that this zone's module leads, or that zone's.
    pub(super) fn close_dialogue(&mut self, player: EntityId, dialogue: Token, led_by: Option<ZoneNo>) {
        let Some(known) = self.state.players.get_mut(&player) else { return };
        if known.dialogues.get(&dialogue).is_none_or(|open| open.led_by != led_by) {
            return;
        }
        if let Some(Dialogue { npc, .. }) = known.dialogues.remove(&dialogue) {
            let over = MessageBody::Dialogue { dialogue, npc, text: String::new(), options: Vec::new() };
            self.tell(over, &[player]);
        }
    }

    fn spawn(&mut self, id: EntityId, what: Spawning, at: Pos) {
        let Spawning { kind, name, heading, mut tags, verbs, .. } = what;
        tags.sort_by(|a, b| a.name.cmp(&b.name));
        tags.dedup_by(|a, b| a.name == b.name);
        let entity = Entity {
            kind,
            name,
            at,
            heading: Heading::from_radians(f64::from(heading)),
            speed: self.rules.speed,
            tags,
            verbs,
            moved: Tick(0),
            watchers: 0,
            observed: false,
        };
        self.state.scene.insert(id, entity);
    }

    fn despawn(&mut self, id: EntityId) {
        if self.state.scene.is_own(id) {
            self.halt(id);
            self.state.scene.remove(id);
            self.forget_sensor(id);
        }
    }

    fn place(&mut self, id: EntityId, at: Pos, heading: Option<Heading>) {
        let Some(entity) = self.state.scene.entities.get(&id) else { return };
        let heading = heading.unwrap_or(entity.heading);
        if entity.kind == Kind::Player {
            return self.place_player(id, at, heading, "placed");
        }
        self.halt(id);
        if self.state.scene.put(id, at, heading, self.state.tick) {
            self.turn.note_move(id, FLAG_JUMP);
        }
    }

    fn rename(&mut self, id: EntityId, name: String) {
        if let Some(entity) = self.state.scene.entities.get_mut(&id).filter(|entity| entity.name != name) {
            entity.name = name;
            self.turn.looks.insert((id, Look::Name));
        }
    }

    fn set_tags(&mut self, id: EntityId, put: Vec<Tag>, remove: &[String]) {
        let Some(entity) = self.state.scene.entities.get_mut(&id) else { return };
        let (mut near, mut owner) = (false, false);
        let mut note = |audience: Audience| match audience {
            Audience::Near => near = true,
            Audience::Owner => owner = true,
            Audience::Server => {}
        };
        for name in remove {
            if let Some(audience) = entity.tag(name).map(|tag| tag.audience) {
                entity.remove_tag(name);
                note(audience);
            }
        }
        for tag in put {
            let (before, after) = (entity.tag(&tag.name).map(|tag| tag.audience), tag.audience);
            if (before.is_some() || entity.tags.len() < TAGS) && entity.set_tag(tag) {
                note(after);
                before.into_iter().for_each(&mut note);
            }
        }
        let is_player = entity.kind == Kind::Player;
        if near {
            self.turn.looks.insert((id, Look::Tags));
        }
        if owner && is_player {
            self.turn.looks.insert((id, Look::OwnTags));
        }
    }

    fn set_speed(&mut self, id: EntityId, speed: i32) {
        let Some(entity) = self.state.scene.entities.get_mut(&id).filter(|entity| entity.speed != speed) else {
            return;
        };
        entity.speed = speed;
        if let Some(player) = self.state.players.get_mut(&id) {
            // Only a `zone` message tells a client how fast it may walk.
            player.full_roster = true;
            if let Link::Up(gateway) = &player.session.link {
                self.turn.draft(gateway).rezoned.push((player.session.id, player.reason));
            }
            self.answer_attached(id, None);
        }
    }

    fn set_barrier(&mut self, name: String, closed: bool) {
        if self.state.scene.ground.terrain.set_barrier(&name, closed) == Some(true) {
            self.turn.barriers.insert(name, closed);
            self.free_the_stuck();
        }
    }

    fn order(&mut self, npc: EntityId, order: Token, aim: Aim) {
        let Some(entity) = self.state.scene.entities.get(&npc) else {
            // Despawned by the same call: the order ends at once.
            return self.push_event(Event::Moved { npc, order, end: MoveEnd::Stopped, at: to_point(Pos::default()) });
        };
        let at = to_point(entity.at);
        if let Some(former) = self.state.scene.movers.order(npc, order, aim) {
            self.push_event(Event::Moved { npc, order: former, end: MoveEnd::Stopped, at });
        }
    }

    /// Ends whatever order a character has.
    fn halt(&mut self, npc: EntityId) {
        let Some(order) = self.state.scene.movers.halt(npc) else { return };
        let at = self.state.scene.entities.get(&npc).map_or(Pos::default(), |entity| entity.at);
        self.push_event(Event::Moved { npc, order, end: MoveEnd::Stopped, at: to_point(at) });
    }

    fn face(&mut self, id: EntityId, facing: Facing) {
        let entities = &self.state.scene.entities;
        let target = match facing {
            Facing::Point(at) => Some(at),
            Facing::Entity(target) => self.state.scene.present(target).map(|entity| entity.at),
        };
        let (Some(target), Some(entity)) = (target, entities.get(&id)) else { return };
        let at = entity.at;
        let Some(heading) = heading_of(at, target) else { return };
        if self.state.scene.put(id, at, heading, self.state.tick) {
            self.turn.note_move(id, 0);
        }
    }

    fn tell_event(&mut self, to: &Hearers, name: String, data: String, latest: bool) {
        let hearers: Vec<EntityId> = match to {
            Hearers::Player(player) => vec![*player],
            Hearers::Zone => self.state.players.keys().copied().collect(),
            Hearers::Near(center, radius) => {
                let Some(center) = to_pos(*center) else { return };
                let scene = &self.state.scene;
                let radius = to_fixed(f64::from(*radius));
                let is_player = |id| scene.present(id).is_some_and(|entity| entity.kind == Kind::Player);
                scene.ground.grid.within(center, radius, is_player, &mut self.turn.near);
                self.turn.near.iter().map(|near| near.id).collect()
            }
        };
        self.tell_anywhere(MessageBody::Event { name, data }, &hearers, latest);
    }

    /// Tells players here who are connected something of which only the latest counts.
    pub(super) fn tell_latest(&mut self, name: String, data: String, hearers: Vec<EntityId>) {
        let up =
            |id: &EntityId| self.state.players.get(id).is_some_and(|player| matches!(player.session.link, Link::Up(_)));
        let hearers: Vec<EntityId> = hearers.into_iter().filter(up).collect();
        if !hearers.is_empty() {
            self.turn.latest.push((name, data, hearers));
        }
    }

    fn send(&mut self, to: ZoneNo, order: Token, topic: String, body: bytes::Bytes) {
        if to == self.rules.number {
            let id = self.note_mail(to, order);
            let sender = self.rules.zone().name.to_string();
            self.push_event(Event::Message { id, sender, topic, body });
        } else if !self.send_item(to, ZoneItem::Message { order, topic, body }) {
            self.push_event(Event::Receipt { order, delivered: false });
        }
    }
}
