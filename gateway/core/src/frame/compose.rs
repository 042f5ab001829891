//! The parts of a frame whose cost is players × neighbours: rosters, reliable messages, updates.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use wod_protocol::bus::{EntityCard, MessageBody, ZoneFrame};
use wod_protocol::client::{ChatMode, CloseCode, DialogueOption, Encoding, RosterEntry, ServerMsg};
use wod_protocol::codec::encode_server;
use wod_protocol::compose::{self, Body};
use wod_protocol::ids::{EntityId, Seq, SessionId, ZoneNo};

use crate::conn::{Congestion, Player};
use crate::core::Core;
use crate::io::ConnId;
use crate::zone::{ZoneView, lane};

/// Buffers that every frame uses again.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Counts frames, from 1: entities are marked with it.
    frame: u64,
    /// Encoded positions of this frame's moved entities, by encoding.
    positions: [Vec<u8>; 2],
    /// Encoded cards of this frame, by encoding.
    cards: [Vec<u8>; 2],
    /// Where they are in there, by encoding and place in the frame; empty: not encoded yet.
    card_spans: [Vec<Range<usize>>; 2],
    /// Place of each card in the frame.
    card_index: HashMap<EntityId, usize>,
    /// Of the roster being composed: cards entering, by place in the frame.
    entering: Vec<usize>,
    /// Of the roster being composed: entities leaving.
    leaving: Vec<EntityId>,
    /// Of the update being composed: slots of moved entities.
    moved: Vec<u32>,
    /// The message being composed.
    message: Vec<u8>,
    /// Sessions of a frame that are not here.
    strangers: Vec<SessionId>,
    /// Connections that have run out of time, with code and reason.
    pub(crate) over: Vec<(ConnId, (CloseCode, &'static str))>,
}

impl Core {
    /// Who came near each player and who went.
    pub(super) fn rosters(&mut self, now: Duration, frame: &ZoneFrame) {
        let Self { conns, sessions, zones, touched, scratch, .. } = self;
        let Some(view) = zones.get_mut(&frame.zone) else { return };
        scratch.index_cards(&frame.cards);
        for change in &frame.rosters {
            let Some(&id) = sessions.get(&change.session) else {
                scratch.strangers.push(change.session);
                continue;
            };
            let Some(player) = conns.get_mut(&id).and_then(|conn| conn.player_mut()) else { continue };
            if player.session.zone != frame.zone {
                continue;
            }
            let Player { encoding, staged, session, .. } = player;
            if change.full {
                view.forget_roster(session);
            }
            scratch.entering.clear();
            let you = session.you;
            for entity in change.enter.iter().filter(|entity| **entity != you) {
                // Every entering entity has a card in its frame; one without can't be told of.
                let Some(&place) = scratch.card_index.get(entity) else { continue };
                view.watch(session, &frame.cards[place]);
                scratch.encode_card(encoding, place, &frame.cards[place]);
                scratch.entering.push(place);
            }
            scratch.leaving.clear();
            for entity in &change.leave {
                if view.unwatch(session, *entity) {
                    scratch.leaving.push(*entity);
                }
            }
            if change.full || !scratch.entering.is_empty() || !scratch.leaving.is_empty() {
                staged.push(scratch.roster(encoding, change.full));
                touched.push(id);
            }
        }
        let mut strangers = std::mem::take(&mut self.scratch.strangers);
        for session in strangers.drain(..) {
            self.mentioned(now, frame.zone, session);
        }
        self.scratch.strangers = strangers;
    }

    /// The same message for every player with this entity in her roster.
    pub(super) fn tell_watchers(&mut self, zone: ZoneNo, entity: EntityId, message: &ServerMsg) {
        let Some(view) = self.zones.get(&zone) else { return };
        let Some(slot) = view.entities.slot(entity) else { return };
        let mut encoded = [None, None];
        for id in &view.members {
            let Some(player) = self.conns.get_mut(id).and_then(|conn| conn.player_mut()) else { continue };
            if player.session.sees(slot) {
                let bytes =
                    encoded[lane(player.encoding)].get_or_insert_with(|| encode_server(player.encoding, message));
                player.staged.push(bytes.clone());
                self.touched.push(*id);
            }
        }
    }

    /// Reliable messages, each in its number's turn, and unnumbered events.
    pub(super) fn messages(&mut self, now: Duration, frame: &ZoneFrame) {
        let mut missing = false;
        for (body, receivers) in &frame.messages {
            let mut encoded: [Option<Body>; 2] = [None, None];
            for (session, n) in receivers {
                let (mut repeated, mut early) = (false, false);
                let known = self.with_player(frame.zone, *session, |player| {
                    let Player { encoding, staged, session, .. } = player;
                    if *n <= session.n {
                        repeated = true;
                    } else if *n > session.n.next() {
                        early = true;
                    } else {
                        session.n = *n;
                        let body = encoded[lane(encoding)].get_or_insert_with(|| encode_body(encoding, body));
                        staged.push(body.message(Some(*n)));
                    }
                });
                self.stats.repeated_messages += u64::from(repeated);
                self.stats.message_gaps += u64::from(early);
                missing |= early;
                if !known {
                    self.mentioned(now, frame.zone, *session);
                }
            }
        }
        for event in &frame.latest {
            let body = |encoding| encode_event(encoding, &event.name, &event.data).message(None);
            let mut encoded: [Option<Bytes>; 2] = [None, None];
            for session in &event.to {
                self.with_player(frame.zone, *session, |player| {
                    let bytes = encoded[lane(player.encoding)].get_or_insert_with(|| body(player.encoding)).clone();
                    match player.congestion {
                        Some(congestion) => Congestion::keep_latest(congestion, &event.name, bytes),
                        None => player.staged.push(bytes),
                    }
                });
            }
        }
        if missing {
            self.resync(now, frame.zone);
        }
    }

    /// Everybody's `update`: each moved entity's bytes are encoded once and copied to those who see it.
    pub(super) fn updates(&mut self, frame: &ZoneFrame) {
        let Self { conns, zones, touched, scratch, .. } = self;
        let Some(view) = zones.get_mut(&frame.zone) else { return };
        let dilated = view.dilation != frame.dilation;
        view.dilation = frame.dilation;
        if frame.moved.is_empty() && !dilated {
            return;
        }
        let mut used = [false; 2];
        for conn in view.members.iter().filter_map(|id| conns.get(id)) {
            used[lane(conn.encoding)] = true;
        }
        scratch.encode_positions(view, frame, used);
        for id in &view.members {
            let Some(player) = conns.get_mut(id).and_then(|conn| conn.player_mut()) else { continue };
            let Player { encoding, staged, congestion, session } = player;
            scratch.moved.clear();
            for seen in &mut session.roster {
                let entity = &view.entities.slots[seen.slot as usize];
                if entity.moved != scratch.frame {
                    continue;
                }
                if congestion.is_some() {
                    seen.owed = Some(seen.owed.unwrap_or(0) | entity.flags);
                } else {
                    scratch.moved.push(seen.slot);
                }
            }
            if !scratch.moved.is_empty() || (dilated && congestion.is_none()) {
                staged.push(scratch.update(encoding, view));
                touched.push(*id);
            }
        }
    }
}

impl Scratch {
    fn index_cards(&mut self, cards: &[EntityCard]) {
        self.card_index.clear();
        self.card_index.extend(cards.iter().enumerate().map(|(place, card)| (card.id, place)));
        for lane in 0..2 {
            self.cards[lane].clear();
            self.card_spans[lane].clear();
            self.card_spans[lane].resize(cards.len(), 0..0);
        }
    }

    fn encode_card(&mut self, encoding: Encoding, place: usize, card: &EntityCard) {
        let lane = lane(encoding);
        if !self.card_spans[lane][place].is_empty() {
            return;
        }
        let (x, y) = card.at.metres();
        let entry = RosterEntry {
            id: card.id,
            kind: card.kind,
            name: card.name.clone(),
            x,
            y,
            h: card.heading.radians(),
            tags: card.tags.iter().cloned().collect(),
            verbs: card.verbs.clone(),
            ghost: card.ghost,
        };
        let begin = self.cards[lane].len();
        compose::card(encoding, &mut self.cards[lane], &entry);
        self.card_spans[lane][place] = begin..self.cards[lane].len();
    }

    /// The `roster` of the cards entering and entities leaving.
    fn roster(&mut self, encoding: Encoding, full: bool) -> Bytes {
        let (cards, spans) = (&self.cards[lane(encoding)], &self.card_spans[lane(encoding)]);
        let enter = self.entering.iter().map(|place| &cards[spans[*place].clone()]);
        compose::roster(encoding, &mut self.message, enter, &self.leaving, full);
        Bytes::copy_from_slice(&self.message)
    }

    /// Takes over where the frame's moved entities are now, and encodes that once per encoding in use.
    fn encode_positions(&mut self, view: &mut ZoneView, frame: &ZoneFrame, used: [bool; 2]) {
        self.frame += 1;
        self.positions.iter_mut().for_each(Vec::clear);
        for moved in &frame.moved {
            let Some(entity) = view.entities.get_mut(moved.id) else { continue };
            (entity.at, entity.heading, entity.flags) = (moved.at, moved.heading, moved.flags);
            entity.moved = self.frame;
            for encoding in [Encoding::Json, Encoding::MessagePack] {
                if !used[lane(encoding)] {
                    continue;
                }
                let buffer = &mut self.positions[lane(encoding)];
                let begin = buffer.len() as u32;
                compose::position(encoding, buffer, moved.id, moved.at, moved.heading, moved.flags);
                entity.spans[lane(encoding)] = (begin, buffer.len() as u32);
            }
        }
    }

    /// The `update` of the moved entities.
    fn update(&mut self, encoding: Encoding, view: &ZoneView) -> Bytes {
        let buffer = &self.positions[lane(encoding)];
        let entities = self.moved.iter().map(|slot| {
            let (begin, end) = view.entities.slots[*slot as usize].spans[lane(encoding)];
            &buffer[begin as usize..end as usize]
        });
        compose::update(encoding, &mut self.message, view.tick, view.dilation, entities);
        Bytes::copy_from_slice(&self.message)
    }

    /// The `update` that a client was owed while it was congested.
    pub(crate) fn update_owed(&mut self, player: &mut Player<'_>, view: &ZoneView) {
        let buffer = &mut self.positions[lane(player.encoding)];
        buffer.clear();
        let mut spans = Vec::new();
        for seen in &mut player.session.roster {
            let Some(flags) = seen.owed.take() else { continue };
            let entity = &view.entities.slots[seen.slot as usize];
            let begin = buffer.len();
            compose::position(player.encoding, buffer, entity.id, entity.at, entity.heading, flags);
            spans.push(begin..buffer.len());
        }
        if !spans.is_empty() {
            let entities = spans.iter().map(|span| &buffer[span.clone()]);
            compose::update(player.encoding, &mut self.message, view.tick, view.dilation, entities);
            player.staged.push(Bytes::copy_from_slice(&self.message));
        }
    }
}

/// A reliable message's body, without its number.
fn encode_body(encoding: Encoding, body: &MessageBody) -> Body {
    #[derive(Serialize)]
    struct Chat<'a> {
        from: EntityId,
        name: &'a str,
        mode: ChatMode,
        text: &'a str,
    }
    #[derive(Serialize)]
    struct Dialogue<'a> {
        dialogue: u64,
        npc: EntityId,
        text: &'a str,
        options: &'a [DialogueOption],
    }
    #[derive(Serialize)]
    struct Reject<'a> {
        seq: Seq,
        code: &'a str,
        message: &'a str,
    }
    #[derive(Serialize)]
    struct Ignored<'a> {
        names: &'a [String],
    }
    match body {
        MessageBody::Chat { from, name, mode, text } => {
            Body::new(encoding, "chat", &Chat { from: *from, name, mode: *mode, text })
        }
        MessageBody::Dialogue { dialogue, npc, text, options } => {
            Body::new(encoding, "dialogue", &Dialogue { dialogue: dialogue.0, npc: *npc, text, options })
        }
        MessageBody::Event { name, data } => encode_event(encoding, name, data),
        MessageBody::Reject { seq, code, message } => {
            Body::new(encoding, "reject", &Reject { seq: *seq, code, message })
        }
        MessageBody::Ignored { names } => Body::new(encoding, "ignored", &Ignored { names }),
    }
}

fn encode_event(encoding: Encoding, name: &str, data: &str) -> Body {
    #[derive(Serialize)]
    struct Event<'a> {
        name: &'a str,
        data: serde_json::Value,
    }
    // Zones send JSON only. Should one not, the player's client gets its text rather than nothing.
    let data = serde_json::from_str(data).unwrap_or_else(|_| serde_json::Value::String(data.to_owned()));
    Body::new(encoding, "event", &Event { name, data })
}
