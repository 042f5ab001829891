//! Who hears what is said: by distance within the zone, by name over the whole world.

use wod_protocol::bus::{MessageBody, WhisperOrigin, ZoneItem};
use wod_protocol::client::{ChatMode, Kind, RejectCode};
use wod_protocol::ids::{EntityId, Seq, ZoneNo};
use wod_protocol::limits::CHAT_CHARS;
use wod_protocol::record::fold_name;
use wod_protocol::units::Fixed;

use super::Zone;
use super::across::HOPS;
use super::limits::{SPEECH_BURST, SPEECH_MS};
use super::requests::{Purpose, WAITING_LOOKUPS};
use super::turn::Said;
use crate::io::{StoreAnswer, StoreRequest};
use crate::module::Event;

/// A whisper that looks for its addressee.
pub(super) struct Whisper<'a> {
    pub(super) speaker: EntityId,
    pub(super) name: &'a str,
    pub(super) seq: Seq,
    pub(super) text: &'a str,
}

impl Zone {
    /// A player says something.
    pub(super) fn say(&mut self, id: EntityId, seq: Seq, mode: ChatMode, text: &str, to: Option<&str>) {
        if text.chars().count() > CHAT_CHARS {
            return self.reject(id, seq, &RejectCode::TooLong, "a line has at most 500 characters");
        }
        if let Some(why) = self.why_muted(id) {
            return self.reject(id, seq, &RejectCode::Muted, &why);
        }
        if !self.draws_breath(id) {
            return self.reject(id, seq, &RejectCode::TooMany, "not so fast");
        }
        let said = || Said { speaker: id, seq, mode, text: text.to_owned(), to: to.map(str::to_owned) };
        // A whisper is not judged, but never heard before what the same speaker has said.
        let waits = mode == ChatMode::Whisper && self.turn.said.iter().any(|said| said.speaker == id);
        if waits || (mode != ChatMode::Whisper && self.filters()) {
            return self.await_verdict(said());
        }
        self.note_overheard(id, mode, text);
        self.utter(id, seq, mode, text, to);
    }

    /// Takes a line from what she may say, if there is one.
    fn draws_breath(&mut self, id: EntityId) -> bool {
        let now = self.game_ms();
        let Some(player) = self.state.players.get_mut(&id) else { return false };
        let rested_at = player.rested_at.max(now);
        if rested_at - now > SPEECH_MS * (SPEECH_BURST - 1) {
            return false;
        }
        player.rested_at = rested_at + SPEECH_MS;
        true
    }

    /// What a player says is heard.
    pub(super) fn utter(&mut self, id: EntityId, seq: Seq, mode: ChatMode, text: &str, to: Option<&str>) {
        if mode == ChatMode::Whisper {
            return self.whisper(id, seq, text, to);
        }
        let (hearers, listeners) = self.hearers(id, self.range(mode));
        self.speak(id, mode, text, &hearers);
        for listener in listeners {
            self.push_event(Event::Heard { listener, speaker: id, mode, text: text.to_owned() });
        }
    }

    /// Players and characters within earshot, the module's own apart from the others; the speaker is among the players when she is
    /// one.
    fn hearers(&mut self, speaker: EntityId, range: Fixed) -> (Vec<EntityId>, Vec<EntityId>) {
        let scene = &self.state.scene;
        let Some(entity) = scene.entities.get(&speaker) else { return (Vec::new(), Vec::new()) };
        let hears = |id| scene.present(id).is_some_and(|entity| entity.kind != Kind::Object);
        scene.ground.grid.within(entity.at, range, hears, &mut self.turn.near);
        let (own, others): (Vec<EntityId>, _) =
            self.turn.near.iter().map(|near| near.id).partition(|id| scene.is_own(*id));
        (others, own.into_iter().filter(|id| *id != speaker).collect())
    }

    /// A character of the module says something to everybody near.
    pub(super) fn say_aloud(&mut self, speaker: EntityId, mode: ChatMode, text: &str) {
        let (mut hearers, _) = self.hearers(speaker, self.range(mode));
        // Characters hear players only, beyond a border too.
        hearers.retain(|id| self.state.players.contains_key(id) || self.is_ghost_player(*id));
        self.speak(speaker, mode, text, &hearers);
    }

    /// Tells these players, ghosts too, that somebody here says something.
    pub(super) fn speak(&mut self, speaker: EntityId, mode: ChatMode, text: &str, to: &[EntityId]) {
        let Some(entity) = self.state.scene.entities.get(&speaker) else { return };
        let body = MessageBody::Chat { from: speaker, name: entity.name.clone(), mode, text: text.to_owned() };
        self.tell_anywhere(body, to, false);
    }

    fn range(&self, mode: ChatMode) -> Fixed {
        match mode {
            ChatMode::Say => self.rules.say,
            ChatMode::Shout => self.rules.shout,
            ChatMode::Emote => self.rules.emote,
            ChatMode::Whisper => 0,
        }
    }

    fn whisper(&mut self, id: EntityId, seq: Seq, text: &str, to: Option<&str>) {
        let Some(to) = to else {
            return self.reject(id, seq, &RejectCode::NoSuchPlayer, "a whisper needs an addressee");
        };
        if let Some(listener) = self.state.names.get(&fold_name(to)).copied() {
            return if listener == id {
                self.speak(id, ChatMode::Whisper, text, &[id]);
            } else {
                self.speak(id, ChatMode::Whisper, text, &[listener, id]);
            };
        }
        if self.state.requests.lookups() >= WAITING_LOOKUPS {
            return self.reject(id, seq, &RejectCode::NotDelivered, "too many whispers wait");
        }
        let Some(entity) = self.state.scene.entities.get(&id) else { return };
        let purpose = Purpose::Whisper { speaker: id, name: entity.name.clone(), seq, text: text.to_owned() };
        self.state.requests.open(StoreRequest::FindName(to.to_owned()), purpose);
    }

    /// The store says where a whisper's addressee is.
    pub(super) fn addressee_found(&mut self, whisper: &Whisper<'_>, answer: &StoreAnswer) {
        let Whisper { speaker, name, seq, text } = *whisper;
        let origin = WhisperOrigin { zone: self.rules.number, speaker, seq };
        let (to, zone) = match answer {
            StoreAnswer::Found { id, zone: Some(zone) } => (*id, *zone),
            StoreAnswer::NotFound => {
                return self.reject(speaker, seq, &RejectCode::NoSuchPlayer, "nobody has that name");
            }
            _ => return self.whisper_lost(&origin),
        };
        let line = |mode| MessageBody::Chat { from: speaker, name: name.to_owned(), mode, text: text.to_owned() };
        let zone = if zone == self.rules.number {
            if self.state.players.contains_key(&to) {
                return self.tell_anywhere(line(ChatMode::Whisper), &[to, speaker], false);
            }
            self.whereabouts(to)
        } else {
            Some(zone)
        };
        let item = ZoneItem::Whisper {
            from: speaker,
            name: name.to_owned(),
            origin: origin.clone(),
            to,
            text: text.to_owned(),
            hops: 0,
        };
        match zone {
            // She may have gone on meanwhile.
            Some(zone) if self.send_item(zone, item) => self.tell_anywhere(line(ChatMode::Whisper), &[speaker], false),
            _ => self.whisper_lost(&origin),
        }
    }

    /// A whisper came from another zone: its addressee is here, or on her way from here, or not to be found.
    pub(super) fn whisper_arrives(&mut self, item: &ZoneItem) {
        let ZoneItem::Whisper { from, name, origin, to, text, hops } = item else { return };
        if self.state.players.contains_key(to) {
            let body =
                MessageBody::Chat { from: *from, name: name.clone(), mode: ChatMode::Whisper, text: text.clone() };
            return self.tell(body, &[*to]);
        }
        let passed_on = self.whereabouts(*to).filter(|_| *hops < HOPS).is_some_and(|zone| {
            let item = ZoneItem::Whisper {
                from: *from,
                name: name.clone(),
                origin: origin.clone(),
                to: *to,
                text: text.clone(),
                hops: hops + 1,
            };
            self.send_item(zone, item)
        });
        if passed_on {
            return;
        }
        if origin.zone == self.rules.number {
            self.whisper_lost(origin);
        } else {
            self.state.outbox.push(origin.zone, ZoneItem::WhisperLost(origin.clone()));
        }
    }

    /// Tells the speaker, here or behind her on her way, that her whisper was not delivered.
    pub(super) fn whisper_lost(&mut self, origin: &WhisperOrigin) {
        if self.state.players.contains_key(&origin.speaker) {
            self.reject(origin.speaker, origin.seq, &RejectCode::NotDelivered, "she is not in the world");
        } else if let Some(zone) = self.whereabouts(origin.speaker) {
            self.state.outbox.push(zone, ZoneItem::WhisperLost(origin.clone()));
        }
    }

    /// Puts an item into the outbox if there is room, and the world has such a zone.
    pub(super) fn send_item(&mut self, to: ZoneNo, item: ZoneItem) -> bool {
        let known = to != self.rules.number && self.rules.world.zone(to).is_some();
        if known && self.state.outbox.has_room(to) {
            self.state.outbox.push(to, item);
            return true;
        }
        false
    }
}
