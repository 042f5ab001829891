//! The values of both sides, into each other.

use wod_protocol::client::{ChatMode, Kind, TagValue, Verb};
use wod_protocol::ids::EntityId;
use wod_sim::module::{
    Audience, ConfigKey, Description, Frame, LogLevel, NamedPlace, Neighbour, Point, Refusal, Setup, Tag, View,
};

use super::bindings::exports::wod::zone::logic;
use super::bindings::wod::zone::{events, query, types};

/// Enums whose cases are named alike, in the direction that is needed.
macro_rules! same_cases {
    ($from:ty => $to:ty: $($case:ident),+) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $(<$from>::$case => Self::$case,)+
                }
            }
        }
    };
}
pub(super) use same_cases;

same_cases!(types::Kind => Kind: Player, Npc, Object);
same_cases!(Kind => types::Kind: Player, Npc, Object);
same_cases!(types::ChatMode => ChatMode: Say, Shout, Emote, Whisper);
same_cases!(ChatMode => types::ChatMode: Say, Shout, Emote, Whisper);
same_cases!(types::Audience => Audience: Near, Owner, Server);
same_cases!(Audience => types::Audience: Near, Owner, Server);
same_cases!(types::LogLevel => LogLevel: Error, Warn, Info, Debug);
same_cases!(
    Refusal => types::Refusal:
    NoSuchEntity, NotYours, OutOfBounds, Blocked, NoSuchZone, NoSuchPortal, NoSuchPlace, TooMany, TooLarge, Invalid, Other
);

impl From<types::Point> for Point {
    fn from(types::Point { x, y }: types::Point) -> Self {
        Self { x, y }
    }
}

impl From<Point> for types::Point {
    fn from(Point { x, y }: Point) -> Self {
        Self { x, y }
    }
}

impl From<types::ValueResult> for TagValue {
    fn from(value: types::ValueResult) -> Self {
        match value {
            types::ValueResult::Flag(flag) => Self::Flag(flag),
            types::ValueResult::Int(int) => Self::Int(int),
            types::ValueResult::Number(number) => Self::Number(number),
            types::ValueResult::Text(text) => Self::Text(text),
        }
    }
}

impl From<TagValue> for types::ValueResult {
    fn from(value: TagValue) -> Self {
        match value {
            TagValue::Flag(flag) => Self::Flag(flag),
            TagValue::Int(int) => Self::Int(int),
            TagValue::Number(number) => Self::Number(number),
            TagValue::Text(text) => Self::Text(text),
        }
    }
}

impl<'a> From<&'a TagValue> for types::ValueParam<'a> {
    fn from(value: &'a TagValue) -> Self {
        match value {
            TagValue::Flag(flag) => Self::Flag(*flag),
            TagValue::Int(int) => Self::Int(*int),
            TagValue::Number(number) => Self::Number(*number),
            TagValue::Text(text) => Self::Text(text),
        }
    }
}

impl From<types::Tag> for Tag {
    fn from(types::Tag { name, value, audience }: types::Tag) -> Self {
        Self { name, value: value.into(), audience: audience.into() }
    }
}

impl From<Tag> for types::Tag {
    fn from(Tag { name, value, audience }: Tag) -> Self {
        Self { name, value: value.into(), audience: audience.into() }
    }
}

impl From<types::Verb> for Verb {
    fn from(types::Verb { id, label, reach }: types::Verb) -> Self {
        Self { id, label, reach }
    }
}

impl From<View> for types::View {
    fn from(view: View) -> Self {
        let View { id, kind, name, at, heading, speed, ghost, tags } = view;
        let tags = tags.into_iter().map(Into::into).collect();
        Self { id: id.0, kind: kind.into(), name, at: at.into(), heading, speed, ghost, tags }
    }
}

impl From<query::Filter> for wod_sim::module::Filter {
    fn from(query::Filter { kinds, tag, except }: query::Filter) -> Self {
        Self { kinds: kinds.map(Into::into), tag, except: except.map(EntityId) }
    }
}

impl From<Neighbour> for query::Neighbour {
    fn from(Neighbour { id, kind, at, distance }: Neighbour) -> Self {
        Self { id: id.0, kind: kind.into(), at: at.into(), distance }
    }
}

impl From<NamedPlace> for query::Place {
    fn from(NamedPlace { name, at, radius, properties }: NamedPlace) -> Self {
        let properties = properties.into_iter().map(|(name, value)| (name, value.into())).collect();
        Self { name, at: at.into(), radius, properties }
    }
}

impl From<&Frame> for events::Frame {
    fn from(frame: &Frame) -> Self {
        Self { tick: frame.tick.0, game_ms: frame.game_ms, dilation: frame.dilation }
    }
}

impl From<logic::Description> for Description {
    fn from(description: logic::Description) -> Self {
        let logic::Description { name, version, schema, verbs, config } = description;
        let key = |logic::ConfigKey { name, about, default }| ConfigKey { name, about, default: default.into() };
        Self { name, version, schema, verbs, config: config.into_iter().map(key).collect() }
    }
}

/// Settings as a component takes them; [`setup`] borrows them.
pub(super) fn settings(config: &[(String, TagValue)]) -> Vec<(&str, types::ValueParam<'_>)> {
    config.iter().map(|(name, value)| (name.as_str(), value.into())).collect()
}

pub(super) fn setup<'a>(setup: &'a Setup, config: &'a [(&'a str, types::ValueParam<'a>)]) -> logic::Setup<'a> {
    logic::Setup {
        zone: &setup.zone,
        region: &setup.region,
        bounds: (setup.bounds.0.into(), setup.bounds.1.into()),
        tick_hz: setup.tick_hz,
        config,
    }
}
