//! What the players' clients have been shown together: who is who, where, and how they look. And the transcript of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wod_protocol::bus::{Attribute, EntityCard, MessageBody, ZoneFrame};
use wod_protocol::client::{ChatMode, Kind, TagValue};
use wod_protocol::ids::{EntityId, SessionId};
use wod_protocol::units::Pos;
use wod_zone::Point;

use crate::client::metres;

/// Ticks without a step after which somebody stands. Frames tell a walker at least every 4.
const STANDS_AFTER: u64 = 6;

/// Less is no walk worth telling, m.
const A_STEP: f32 = 0.5;

/// Somebody or something as it was last seen by any player.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// Who.
    pub id: wod_zone::EntityId,
    /// What.
    pub kind: wod_zone::Kind,
    /// Its name.
    pub name: String,
    /// Where, metres.
    pub at: Point,
    /// Its public tags.
    pub tags: BTreeMap<String, TagValue>,
    /// What can be done with it.
    pub verbs: Vec<String>,
}

impl Sight {
    /// A tag's text; empty when it has none.
    pub fn tag(&self, name: &str) -> &str {
        match self.tags.get(name) {
            Some(TagValue::Text(text)) => text,
            _ => "",
        }
    }
}

/// Everything seen so far.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) seen: BTreeMap<EntityId, Sight>,
    pub(crate) closed: BTreeSet<String>,
    /// Where somebody set out, and the tick of the last step.
    walks: BTreeMap<EntityId, (Point, u64)>,
    lines: Vec<(u64, String)>,
}

impl Scene {
    /// What happened, a line each, with the second it happened in.
    pub(crate) fn transcript(&self, tick_hz: u64) -> String {
        let mut text = String::new();
        for (tick, line) in &self.lines {
            let tenths = tick * 10 / tick_hz;
            let _ = writeln!(text, "{:>5}.{} {line}", tenths / 10, tenths % 10);
        }
        text
    }

    pub(crate) fn note(&mut self, tick: u64, line: impl Into<String>) {
        self.lines.push((tick, line.into()));
    }

    pub(crate) fn name(&self, id: EntityId) -> String {
        self.seen.get(&id).map_or_else(|| format!("somebody ({id})"), |sight| sight.name.clone())
    }

    /// Reads what the zone shows; `who` names the sessions.
    pub(crate) fn read(&mut self, frame: &ZoneFrame, who: &BTreeMap<SessionId, String>) {
        let tick = frame.tick.0;
        for card in &frame.cards {
            self.meet(card);
        }
        for moved in &frame.moved {
            self.step(moved.id, moved.at, tick);
        }
        for change in frame.attributes.iter().filter(|change| change.only.is_none()) {
            self.change(change.id, &change.what, tick);
        }
        for (barrier, closed) in &frame.barriers {
            let changed = if *closed { self.closed.insert(barrier.clone()) } else { self.closed.remove(barrier) };
            if changed {
                self.note(tick, format!("{barrier} {}", if *closed { "closes" } else { "opens" }));
            }
        }
        for (body, to) in &frame.messages {
            let names: Vec<&str> = to.iter().filter_map(|(session, _)| who.get(session).map(String::as_str)).collect();
            self.note_message(tick, body, &names.join(", "));
        }
        self.note_stops(tick);
    }

    fn meet(&mut self, card: &EntityCard) {
        let kind = match card.kind {
            Kind::Player => wod_zone::Kind::Player,
            Kind::Npc => wod_zone::Kind::Npc,
            Kind::Object => wod_zone::Kind::Object,
        };
        let sight = Sight {
            id: wod_zone::EntityId(card.id.0),
            kind,
            name: card.name.clone(),
            at: point(card.at),
            tags: card.tags.iter().cloned().collect(),
            verbs: card.verbs.iter().map(|verb| verb.id.clone()).collect(),
        };
        self.seen.insert(card.id, sight);
    }

    fn step(&mut self, id: EntityId, to: Pos, tick: u64) {
        let Some(sight) = self.seen.get_mut(&id) else {
            return;
        };
        let from = std::mem::replace(&mut sight.at, point(to));
        self.walks.entry(id).or_insert((from, tick)).1 = tick;
    }

    fn change(&mut self, id: EntityId, what: &Attribute, tick: u64) {
        let Some(sight) = self.seen.get_mut(&id) else {
            return;
        };
        let line = match what {
            Attribute::Tags(tags) => {
                let before = std::mem::replace(&mut sight.tags, tags.iter().cloned().collect());
                let lost =
                    before.keys().filter(|name| !sight.tags.contains_key(*name)).map(|name| format!("no {name}"));
                let new = sight.tags.iter().filter(|(name, value)| before.get(*name) != Some(*value));
                let changes: Vec<String> =
                    new.map(|(name, value)| format!("{name} {}", word(value))).chain(lost).collect();
                if changes.is_empty() {
                    return;
                }
                format!("{} at {}: {}", sight.name, spot(sight.at), changes.join(", "))
            }
            Attribute::Verbs(verbs) => {
                sight.verbs = verbs.iter().map(|verb| verb.id.clone()).collect();
                format!("{} offers: {}", sight.name, sight.verbs.join(", "))
            }
            Attribute::Name(name) => {
                let before = std::mem::replace(&mut sight.name, name.clone());
                format!("{before} is called {name} now")
            }
        };
        self.note(tick, line);
    }

    fn note_message(&mut self, tick: u64, body: &MessageBody, to: &str) {
        if to.is_empty() {
            return;
        }
        let line = match body {
            MessageBody::Chat { name, mode: ChatMode::Emote, text, .. } => format!("* {name} {text}"),
            MessageBody::Chat { name, mode, text, .. } => {
                let how = match mode {
                    ChatMode::Say => "says",
                    ChatMode::Shout => "shouts",
                    ChatMode::Whisper => "whispers",
                    ChatMode::Emote => unreachable!("matched above"),
                };
                format!("{name} {how}: {text} ({to})")
            }
            MessageBody::Dialogue { npc, text, options, .. } => {
                let mut line = format!("{} to {to}: {text}", self.name(*npc));
                for option in options {
                    let _ = write!(line, "\n          [{}] {}", option.id, option.text);
                }
                line
            }
            MessageBody::Event { name, data } => format!("event {name} {data} ({to})"),
            MessageBody::Reject { code, message, .. } => format!("{to} is refused: {message} ({code})"),
            MessageBody::Ignored { names } => format!("{to} ignores [{}]", names.join(", ")),
        };
        self.note(tick, line);
    }

    /// Whoever has not stepped for a while has arrived.
    fn note_stops(&mut self, tick: u64) {
        let stopped: Vec<(EntityId, Point)> = self
            .walks
            .iter()
            .filter(|(_, (_, last))| last + STANDS_AFTER <= tick)
            .map(|(id, (from, _))| (*id, *from))
            .collect();
        for (id, from) in stopped {
            self.walks.remove(&id);
            // Turning round is told like a step.
            if let Some(sight) = self.seen.get(&id).filter(|sight| sight.at.distance(from) >= A_STEP) {
                let line = format!("{} has gone from {} to {}", sight.name, spot(from), spot(sight.at));
                self.note(tick, line);
            }
        }
    }
}

/// A point to the metre, for people.
pub(crate) fn spot(at: Point) -> String {
    format!("({}, {})", at.x.round() as i64, at.y.round() as i64)
}

pub(crate) fn point(at: Pos) -> Point {
    let (x, y) = metres(at);
    Point::new(x, y)
}

fn word(value: &TagValue) -> String {
    match value {
        TagValue::Flag(flag) => flag.to_string(),
        TagValue::Int(int) => int.to_string(),
        TagValue::Number(number) => number.to_string(),
        TagValue::Text(text) => text.clone(),
    }
}
