//! Between the generated types and the SDK's own.

use super::bindings::exports::wod::zone::logic as out;
use super::bindings::wod::zone::{act, events as ev, query, types as ty};
use super::chat_filter::exports::wod::zone::chat_filter as judging;
use super::imports::pairs;
use crate::handle::{EntityId, Player, Token};
use crate::types as sdk;
use crate::zone::{Line, Verdict};

macro_rules! same_cases {
    ($($from:path => $to:path { $($case:ident),* })*) => {$(
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$case => Self::$case),* }
            }
        }
    )*};
}

same_cases! {
    ty::Kind => sdk::Kind { Player, Npc, Object }
    sdk::Kind => ty::Kind { Player, Npc, Object }
    ty::Audience => sdk::Audience { Near, Owner, Server }
    sdk::Audience => ty::Audience { Near, Owner, Server }
    ty::ChatMode => sdk::ChatMode { Say, Shout, Emote, Whisper }
    sdk::ChatMode => ty::ChatMode { Say, Shout, Emote, Whisper }
    sdk::LogLevel => ty::LogLevel { Error, Warn, Info, Debug }
    ty::Refusal => sdk::Refusal {
        NoSuchEntity, NotYours, OutOfBounds, Blocked, NoSuchZone, NoSuchPortal, NoSuchPlace, TooMany, TooLarge, Invalid, Other
    }
    ev::StartReason => sdk::StartReason { Fresh, Swapped, RolledBack, Rewound, ResumedWithoutMemory }
    ev::EnterReason => sdk::EnterReason { Login, Crossing, Portal, Resumed }
    ev::LeaveReason => sdk::LeaveReason { Logout, TimedOut, Crossing, Portal, Kicked }
    ev::MoveEnd => sdk::MoveEnd { Arrived, NoWay, Obstructed, TargetLost, Stopped }
}

impl From<ty::Point> for sdk::Point {
    fn from(ty::Point { x, y }: ty::Point) -> Self {
        Self { x, y }
    }
}

impl From<sdk::Point> for ty::Point {
    fn from(sdk::Point { x, y }: sdk::Point) -> Self {
        Self { x, y }
    }
}

impl From<ty::Value> for sdk::Value {
    fn from(value: ty::Value) -> Self {
        match value {
            ty::Value::Flag(flag) => Self::Flag(flag),
            ty::Value::Int(int) => Self::Int(int),
            ty::Value::Number(number) => Self::Number(number),
            ty::Value::Text(text) => Self::Text(text),
        }
    }
}

impl From<sdk::Value> for ty::Value {
    fn from(value: sdk::Value) -> Self {
        match value {
            sdk::Value::Flag(flag) => Self::Flag(flag),
            sdk::Value::Int(int) => Self::Int(int),
            sdk::Value::Number(number) => Self::Number(number),
            sdk::Value::Text(text) => Self::Text(text),
        }
    }
}

impl From<ty::Tag> for sdk::Tag {
    fn from(ty::Tag { name, value, audience }: ty::Tag) -> Self {
        Self { name, value: value.into(), audience: audience.into() }
    }
}

impl From<sdk::Tag> for ty::Tag {
    fn from(sdk::Tag { name, value, audience }: sdk::Tag) -> Self {
        Self { name, value: value.into(), audience: audience.into() }
    }
}

impl From<sdk::Verb> for ty::Verb {
    fn from(sdk::Verb { id, label, reach }: sdk::Verb) -> Self {
        Self { id, label, reach }
    }
}

impl From<ty::View> for sdk::View {
    fn from(view: ty::View) -> Self {
        Self {
            id: EntityId(view.id),
            kind: view.kind.into(),
            name: view.name,
            at: view.at.into(),
            heading: view.heading,
            speed: view.speed,
            ghost: view.ghost,
            tags: view.tags.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&sdk::Filter> for query::Filter {
    fn from(filter: &sdk::Filter) -> Self {
        Self { kinds: filter.kinds.map(Into::into), tag: filter.tag.clone(), except: filter.except.map(|id| id.0) }
    }
}

impl From<query::Neighbour> for sdk::Neighbour {
    fn from(row: query::Neighbour) -> Self {
        Self { id: EntityId(row.id), kind: row.kind.into(), at: row.at.into(), distance: row.distance }
    }
}

impl From<query::Place> for sdk::Place {
    fn from(place: query::Place) -> Self {
        Self { name: place.name, at: place.at.into(), radius: place.radius, properties: pairs(place.properties) }
    }
}

impl From<sdk::Spawning> for act::Spawning {
    fn from(what: sdk::Spawning) -> Self {
        Self {
            kind: what.kind.into(),
            name: what.name,
            at: what.at.into(),
            heading: what.heading,
            tags: what.tags.into_iter().map(Into::into).collect(),
            verbs: what.verbs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<sdk::Goal> for act::Goal {
    fn from(goal: sdk::Goal) -> Self {
        match goal {
            sdk::Goal::Point(at) => Self::Point(at.into()),
            sdk::Goal::Entity(id) => Self::Entity(id.0),
            sdk::Goal::Place(name) => Self::Place(name),
        }
    }
}

impl From<sdk::Hearers> for act::Hearers {
    fn from(hearers: sdk::Hearers) -> Self {
        match hearers {
            sdk::Hearers::Player(id) => Self::Player(id.0),
            sdk::Hearers::Near(center, radius) => Self::Near((center.into(), radius)),
            sdk::Hearers::Zone => Self::Zone,
        }
    }
}

impl From<sdk::Destination> for act::Destination {
    fn from(destination: sdk::Destination) -> Self {
        match destination {
            sdk::Destination::Portal(name) => Self::Portal(name),
            sdk::Destination::Zone(zone, place) => Self::Zone((zone, place)),
        }
    }
}

impl From<sdk::Description> for out::Description {
    fn from(description: sdk::Description) -> Self {
        let config = description.config.into_iter();
        Self {
            name: description.name,
            version: description.version,
            schema: description.schema,
            verbs: description.verbs,
            config: config
                .map(|(name, about, default)| out::ConfigKey { name, about, default: default.into() })
                .collect(),
        }
    }
}

impl From<out::Setup> for sdk::Setup {
    fn from(setup: out::Setup) -> Self {
        Self {
            zone: setup.zone,
            region: setup.region,
            south_west: setup.bounds.0.into(),
            north_east: setup.bounds.1.into(),
            tick_hz: setup.tick_hz,
            config: pairs(setup.config),
        }
    }
}

impl From<judging::Line> for Line {
    fn from(line: judging::Line) -> Self {
        Self { speaker: Player(line.speaker), mode: line.mode.into(), text: line.text, at: line.at.into() }
    }
}

impl From<Verdict> for judging::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Change(text) => Self::Change(text),
            Verdict::Veto(text) => Self::Veto(text),
        }
    }
}

impl From<ev::Frame> for sdk::Frame {
    fn from(frame: ev::Frame) -> Self {
        Self { tick: frame.tick, game_ms: frame.game_ms, dilation: frame.dilation }
    }
}

fn ids(ids: Vec<u64>) -> Vec<EntityId> {
    ids.into_iter().map(EntityId).collect()
}

impl From<ev::Event> for sdk::Event {
    fn from(event: ev::Event) -> Self {
        match event {
            ev::Event::Started(ev::Started { reason, players, mine }) => {
                Self::Started { reason: reason.into(), players: ids(players), mine: ids(mine) }
            }
            ev::Event::Entered(ev::Entered { player, name, saved, reason }) => {
                Self::Entered { player: EntityId(player), name, saved, reason: reason.into() }
            }
            ev::Event::Left(ev::Left { player, reason }) => {
                Self::Left { player: EntityId(player), reason: reason.into() }
            }
            ev::Event::SensorEntered(ev::Sensed { sensor, subject }) => {
                Self::SensorEntered { sensor: EntityId(sensor), subject: EntityId(subject) }
            }
            ev::Event::SensorLeft(ev::Sensed { sensor, subject }) => {
                Self::SensorLeft { sensor: EntityId(sensor), subject: EntityId(subject) }
            }
            ev::Event::Heard(ev::Heard { listener, speaker, mode, text }) => {
                Self::Heard { listener: EntityId(listener), speaker: EntityId(speaker), mode: mode.into(), text }
            }
            ev::Event::Interacted(ev::Interacted { player, seq, target, verb, args }) => {
                Self::Interacted { player: EntityId(player), seq, target: EntityId(target), verb, args }
            }
            ev::Event::Chose(ev::Chosen { player, seq, dialogue, choice }) => {
                Self::Chose { player: EntityId(player), seq, dialogue: Token(dialogue), choice }
            }
            ev::Event::Moved(ev::Moved { npc, order, end, at }) => {
                Self::Moved { npc: EntityId(npc), order: Token(order), end: end.into(), at: at.into() }
            }
            ev::Event::Observed(ev::Observed { entity, by_anyone }) => {
                Self::Observed { entity: EntityId(entity), by_anyone }
            }
            ev::Event::Timer(token) => Self::Timer(Token(token)),
            ev::Event::Message(ev::Message { id, sender, topic, body }) => Self::Message { id, sender, topic, body },
            ev::Event::Receipt(ev::Receipt { order, delivered }) => Self::Receipt { order: Token(order), delivered },
            ev::Event::Admin(ev::Admin { request, operator, text }) => {
                Self::Admin { request: Token(request), operator, text }
            }
            ev::Event::ConfigChanged(changed) => Self::ConfigChanged(pairs(changed)),
            ev::Event::Other((name, json)) => Self::Other { name, json },
        }
    }
}
