//! Between the simulation's types and the SDK's.

use wod_protocol::client::{ChatMode, Kind, TagValue, Verb};
use wod_protocol::ids::{EntityId, Token};
use wod_sim::module as sim;
use wod_zone as sdk;

/// The same thing in the other crate's words. A trait of our own, because both types are foreign.
pub(crate) trait Translate<T> {
    fn to(self) -> T;
}

macro_rules! same_cases {
    ($($from:path => $to:path { $($case:ident),* })*) => {$(
        impl Translate<$to> for $from {
            fn to(self) -> $to {
                match self { $(<$from>::$case => <$to>::$case),* }
            }
        }
    )*};
}

same_cases! {
    Kind => sdk::Kind { Player, Npc, Object }
    sdk::Kind => Kind { Player, Npc, Object }
    ChatMode => sdk::ChatMode { Say, Shout, Emote, Whisper }
    sdk::ChatMode => ChatMode { Say, Shout, Emote, Whisper }
    sim::Audience => sdk::Audience { Near, Owner, Server }
    sdk::Audience => sim::Audience { Near, Owner, Server }
    sdk::LogLevel => sim::LogLevel { Error, Warn, Info, Debug }
    sim::StartReason => sdk::StartReason { Fresh, Swapped, RolledBack, Rewound, ResumedWithoutMemory }
    sim::EnterReason => sdk::EnterReason { Login, Crossing, Portal, Resumed }
    sim::LeaveReason => sdk::LeaveReason { Logout, TimedOut, Crossing, Portal, Kicked }
    sim::MoveEnd => sdk::MoveEnd { Arrived, NoWay, Obstructed, TargetLost, Stopped }
    sim::Refusal => sdk::Refusal {
        NoSuchEntity, NotYours, OutOfBounds, Blocked, NoSuchZone, NoSuchPortal, NoSuchPlace, TooMany, TooLarge, Invalid, Other
    }
}

impl Translate<sdk::EntityId> for EntityId {
    fn to(self) -> sdk::EntityId {
        sdk::EntityId(self.0)
    }
}

impl Translate<EntityId> for sdk::EntityId {
    fn to(self) -> EntityId {
        EntityId(self.0)
    }
}

impl Translate<sdk::Token> for Token {
    fn to(self) -> sdk::Token {
        sdk::Token(self.0)
    }
}

impl Translate<Token> for sdk::Token {
    fn to(self) -> Token {
        Token(self.0)
    }
}

impl Translate<sdk::Point> for sim::Point {
    fn to(self) -> sdk::Point {
        sdk::Point { x: self.x, y: self.y }
    }
}

impl Translate<sim::Point> for sdk::Point {
    fn to(self) -> sim::Point {
        sim::Point { x: self.x, y: self.y }
    }
}

impl Translate<sdk::Value> for TagValue {
    fn to(self) -> sdk::Value {
        match self {
            Self::Flag(flag) => sdk::Value::Flag(flag),
            Self::Int(int) => sdk::Value::Int(int),
            Self::Number(number) => sdk::Value::Number(number),
            Self::Text(text) => sdk::Value::Text(text),
        }
    }
}

impl Translate<TagValue> for sdk::Value {
    fn to(self) -> TagValue {
        match self {
            Self::Flag(flag) => TagValue::Flag(flag),
            Self::Int(int) => TagValue::Int(int),
            Self::Number(number) => TagValue::Number(number),
            Self::Text(text) => TagValue::Text(text),
        }
    }
}

impl Translate<sdk::Tag> for sim::Tag {
    fn to(self) -> sdk::Tag {
        sdk::Tag { name: self.name, value: self.value.to(), audience: self.audience.to() }
    }
}

impl Translate<sim::Tag> for sdk::Tag {
    fn to(self) -> sim::Tag {
        sim::Tag { name: self.name, value: self.value.to(), audience: self.audience.to() }
    }
}

impl Translate<Verb> for sdk::Verb {
    fn to(self) -> Verb {
        Verb { id: self.id, label: self.label, reach: self.reach }
    }
}

impl<T, U: Translate<T>> Translate<Vec<T>> for Vec<U> {
    fn to(self) -> Vec<T> {
        self.into_iter().map(Translate::to).collect()
    }
}

impl<T, U: Translate<T>> Translate<Option<T>> for Option<U> {
    fn to(self) -> Option<T> {
        self.map(Translate::to)
    }
}

impl<T, U: Translate<T>> Translate<Vec<(String, T)>> for Named<U> {
    fn to(self) -> Vec<(String, T)> {
        self.0.into_iter().map(|(name, value)| (name, value.to())).collect()
    }
}

/// Named values.
pub(crate) struct Named<T>(pub(crate) Vec<(String, T)>);

impl Translate<sdk::View> for sim::View {
    fn to(self) -> sdk::View {
        sdk::View {
            id: self.id.to(),
            kind: self.kind.to(),
            name: self.name,
            at: self.at.to(),
            heading: self.heading,
            speed: self.speed,
            ghost: self.ghost,
            tags: self.tags.to(),
        }
    }
}

impl Translate<sim::Filter> for &sdk::Filter {
    fn to(self) -> sim::Filter {
        sim::Filter { kinds: self.kinds.to(), tag: self.tag.clone(), except: self.except.to() }
    }
}

impl Translate<sdk::Neighbour> for sim::Neighbour {
    fn to(self) -> sdk::Neighbour {
        sdk::Neighbour { id: self.id.to(), kind: self.kind.to(), at: self.at.to(), distance: self.distance }
    }
}

impl Translate<sdk::Place> for sim::NamedPlace {
    fn to(self) -> sdk::Place {
        sdk::Place { name: self.name, at: self.at.to(), radius: self.radius, properties: Named(self.properties).to() }
    }
}

impl Translate<sim::Spawning> for sdk::Spawning {
    fn to(self) -> sim::Spawning {
        sim::Spawning {
            kind: self.kind.to(),
            name: self.name,
            at: self.at.to(),
            heading: self.heading,
            tags: self.tags.to(),
            verbs: self.verbs.to(),
        }
    }
}

impl Translate<sim::Goal> for sdk::Goal {
    fn to(self) -> sim::Goal {
        match self {
            Self::Point(at) => sim::Goal::Point(at.to()),
            Self::Entity(id) => sim::Goal::Entity(id.to()),
            Self::Place(name) => sim::Goal::Place(name),
        }
    }
}

impl Translate<sim::Hearers> for sdk::Hearers {
    fn to(self) -> sim::Hearers {
        match self {
            Self::Player(id) => sim::Hearers::Player(id.to()),
            Self::Near(center, radius) => sim::Hearers::Near(center.to(), radius),
            Self::Zone => sim::Hearers::Zone,
        }
    }
}

impl Translate<sim::Destination> for sdk::Destination {
    fn to(self) -> sim::Destination {
        match self {
            Self::Portal(name) => sim::Destination::Portal(name),
            Self::Zone(zone, place) => sim::Destination::Zone(zone, place),
        }
    }
}

impl Translate<sdk::Setup> for &sim::Setup {
    fn to(self) -> sdk::Setup {
        sdk::Setup {
            zone: self.zone.clone(),
            region: self.region.clone(),
            south_west: self.bounds.0.to(),
            north_east: self.bounds.1.to(),
            tick_hz: self.tick_hz,
            config: Named(self.config.clone()).to(),
        }
    }
}

impl Translate<sdk::Frame> for &sim::Frame {
    fn to(self) -> sdk::Frame {
        sdk::Frame { tick: self.tick.0, game_ms: self.game_ms, dilation: self.dilation }
    }
}

impl Translate<sdk::Line> for sim::Line {
    fn to(self) -> sdk::Line {
        sdk::Line { speaker: sdk::Player(self.speaker.0), mode: self.mode.to(), text: self.text, at: self.at.to() }
    }
}

impl Translate<sim::Verdict> for sdk::Verdict {
    fn to(self) -> sim::Verdict {
        match self {
            Self::Pass => sim::Verdict::Pass,
            Self::Change(text) => sim::Verdict::Change(text),
            Self::Veto(text) => sim::Verdict::Veto(text),
        }
    }
}

impl Translate<sim::Description> for sdk::Description {
    fn to(self) -> sim::Description {
        let config = self.config.into_iter();
        sim::Description {
            name: self.name,
            version: self.version,
            schema: self.schema,
            verbs: self.verbs,
            config: config
                .map(|(name, about, default)| sim::ConfigKey { name, about, default: default.to() })
                .collect(),
        }
    }
}

impl Translate<sdk::Event> for sim::Event {
    fn to(self) -> sdk::Event {
        use sdk::Event as E;
        match self {
            Self::Started { reason, players, mine } => {
                E::Started { reason: reason.to(), players: players.to(), mine: mine.to() }
            }
            Self::Entered { player, name, saved, reason } => {
                E::Entered { player: player.to(), name, saved: saved.to_vec(), reason: reason.to() }
            }
            Self::Left { player, reason } => E::Left { player: player.to(), reason: reason.to() },
            Self::SensorEntered { sensor, subject } => E::SensorEntered { sensor: sensor.to(), subject: subject.to() },
            Self::SensorLeft { sensor, subject } => E::SensorLeft { sensor: sensor.to(), subject: subject.to() },
            Self::Heard { listener, speaker, mode, text } => {
                E::Heard { listener: listener.to(), speaker: speaker.to(), mode: mode.to(), text }
            }
            Self::Interacted { player, seq, target, verb, args } => {
                E::Interacted { player: player.to(), seq: seq.0, target: target.to(), verb, args }
            }
            Self::Chose { player, seq, dialogue, choice } => {
                E::Chose { player: player.to(), seq: seq.0, dialogue: dialogue.to(), choice }
            }
            Self::Moved { npc, order, end, at } => {
                E::Moved { npc: npc.to(), order: order.to(), end: end.to(), at: at.to() }
            }
            Self::Observed { entity, by_anyone } => E::Observed { entity: entity.to(), by_anyone },
            Self::Timer(token) => E::Timer(token.to()),
            Self::Message { id, sender, topic, body } => E::Message { id, sender, topic, body: body.to_vec() },
            Self::Receipt { order, delivered } => E::Receipt { order: order.to(), delivered },
            Self::Admin { request, operator, text } => E::Admin { request: request.to(), operator, text },
            Self::ConfigChanged(changed) => E::ConfigChanged(Named(changed).to()),
            Self::Other { name, json } => E::Other { name, json },
        }
    }
}
