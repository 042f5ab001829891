//! The border between a zone and its module: what the zone tells it ([`Event`]), what it may ask and do ([`HostCalls`]), and
//! the trait that an instance implements ([`Module`]). Mirrors `zone-api/wit/zone.wit`, which documents each item for authors.
//!
//! A native module (testkit) and a sandboxed component (`host/sandbox`) implement the same trait.

use std::any::Any;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wod_protocol::client::{ChatMode, Kind, TagValue, Verb};
use wod_protocol::ids::{EntityId, Seq, Tick, Token};

/// A running instance of a zone's logic. Belongs to one zone; its calls never overlap.
///
/// After any [`Fault`] the instance is unusable: drop it and load another from saved state.
pub trait Module: Send {
    /// What the module says about itself; asked once, when it was instantiated.
    fn description(&self) -> &Description;

    /// First call of a zone that never had a module. What it spawns stands before the first tick.
    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned;

    /// Everything that happened since the last call, in order. Called only when there is something.
    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned;

    /// Whether it judges what players say here before anybody hears it. Never changes.
    fn filters(&self) -> bool {
        false
    }

    /// Judges what players said in this tick: one verdict a line, in order. Called before [`Module::tick`], only when
    /// [`Module::filters`] and there is a line. Lines are marked ([`HostCalls::progress`]) as events are.
    fn filter(&mut self, _frame: &Frame, lines: &[Line], calls: Box<dyn HostCalls>) -> Returned<Vec<Verdict>> {
        Returned { calls, result: Ok(vec![Verdict::Pass; lines.len()]) }
    }

    /// The whole of its state. Changes nothing.
    fn save(&mut self) -> Result<Saved, Fault>;

    /// Whether its calls are held to their limits of time; they are from the start. Not in a replay: what was out of time is in
    /// the journal, and a slower machine must not judge it anew. Instances without such limits ignore it.
    fn enforce_time(&mut self, _enforced: bool) {}

    /// Takes over what an instance (of this or of another version) saved. `Err` with kind [`FaultKind::Refused`]: it says it
    /// can't.
    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault>;
}

/// What a call gives back: the host's side of it, always, and whether the module came through.
pub struct Returned<T = ()> {
    /// As passed in, with the commands it gave.
    pub calls: Box<dyn HostCalls>,
    /// A fault voids those commands.
    pub result: Result<T, Fault>,
}

/// What went wrong in a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Fault {
    /// Which limit or rule.
    pub kind: FaultKind,
    /// For people: the trap's message and, when known, the module's own function names.
    pub detail: String,
    /// Index, in this call's events (or lines), of the one it was handling (the SDK marks them).
    pub event: Option<u32>,
}

/// Which limit or rule a module broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FaultKind {
    /// A trap: panic, unreachable, out-of-bounds access, division by zero.
    Trap,
    /// Over its CPU time for this call.
    OutOfTime,
    /// Over its linear memory or tables.
    OutOfMemory,
    /// Recursion over its stack.
    StackOverflow,
    /// A list or text over what one host call may carry.
    HostCallTooLarge,
    /// A saved state over 8 MiB.
    SaveTooLarge,
    /// The module itself returned an error.
    Refused,
    /// The host has no such component, or it does not instantiate.
    NotLoadable,
    /// It answered something else than it was asked: another number of verdicts than lines.
    WrongAnswer,
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Trap => "trap",
            Self::OutOfTime => "out of time",
            Self::OutOfMemory => "out of memory",
            Self::StackOverflow => "stack overflow",
            Self::HostCallTooLarge => "host call too large",
            Self::SaveTooLarge => "saved state too large",
            Self::Refused => "refused by the module",
            Self::NotLoadable => "not loadable",
            Self::WrongAnswer => "wrong answer",
        })
    }
}

/// What a module says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Its name; what it saves for players is kept under it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Schema of its saved state.
    pub schema: u32,
    /// Every verb it may offer.
    pub verbs: Vec<String>,
    /// Settings it reads.
    pub config: Vec<ConfigKey>,
}

/// A setting a module reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigKey {
    /// Its name.
    pub name: String,
    /// For operators.
    pub about: String,
    /// Its value when nobody sets it; the type of every other value.
    pub default: TagValue,
}

/// Where a module finds itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The zone's name.
    pub zone: String,
    /// Its region.
    pub region: String,
    /// South-west and north-east corner, metres.
    pub bounds: (Point, Point),
    /// Ticks a second.
    pub tick_hz: u32,
    /// Settings, defaults filled in, in order of name.
    pub config: Vec<(String, TagValue)>,
}

/// A module's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// [`Description::schema`] of the module that saved it.
    pub schema: u32,
    /// At most [`SAVE_BYTES`].
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Largest saved state, bytes.
pub const SAVE_BYTES: usize = 8 * 1024 * 1024;
/// Most acts in one call; the next answers [`Refusal::TooMany`].
pub const ACTS_PER_CALL: usize = 4096;

/// Metres in the region's plane.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "east and north")]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// The tick a call stands for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Its number.
    pub tick: Tick,
    /// Milliseconds of game time since the zone began.
    pub game_ms: u64,
    /// 1.0, less when the zone is slowed down.
    pub dilation: f32,
}

/// Why an instance begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartReason {
    /// A new zone.
    Fresh,
    /// It replaces another version, whose state it loaded.
    Swapped,
    /// It is an older version again, whose state it carried over.
    RolledBack,
    /// It is an older version again, with its own state of before a swap; what happened since it was told anew.
    Rewound,
    /// Its state could not be had.
    ResumedWithoutMemory,
}

/// How a player came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum EnterReason {
    Login,
    Crossing,
    Portal,
    Resumed,
}

/// How a player went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum LeaveReason {
    Logout,
    TimedOut,
    Crossing,
    Portal,
    Kicked,
}

/// How an order to move ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum MoveEnd {
    Arrived,
    NoWay,
    Obstructed,
    TargetLost,
    Stopped,
}

/// What the zone tells its module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum Event {
    Started { reason: StartReason, players: Vec<EntityId>, mine: Vec<EntityId> },
    Entered { player: EntityId, name: String, saved: Bytes, reason: EnterReason },
    Left { player: EntityId, reason: LeaveReason },
    SensorEntered { sensor: EntityId, subject: EntityId },
    SensorLeft { sensor: EntityId, subject: EntityId },
    Heard { listener: EntityId, speaker: EntityId, mode: ChatMode, text: String },
    Interacted { player: EntityId, seq: Seq, target: EntityId, verb: String, args: String },
    Chose { player: EntityId, seq: Seq, dialogue: Token, choice: Option<String> },
    Moved { npc: EntityId, order: Token, end: MoveEnd, at: Point },
    Observed { entity: EntityId, by_anyone: bool },
    Timer(Token),
    Message { id: u64, sender: String, topic: String, body: Bytes },
    Receipt { order: Token, delivered: bool },
    Admin { request: Token, operator: String, text: String },
    ConfigChanged(Vec<(String, TagValue)>),
    Other { name: String, json: String },
}

impl Event {
    /// The player whose command it is, which counts as done unless the module refuses it.
    pub(crate) fn doer(&self) -> Option<EntityId> {
        match self {
            Self::Interacted { player, .. } | Self::Chose { player, .. } => Some(*player),
            _ => None,
        }
    }
}

/// A line that a player of this zone says, not heard by anybody yet.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct Line {
    pub speaker: EntityId,
    pub mode: ChatMode,
    pub text: String,
    pub at: Point,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is heard as it is.
    Pass,
    /// This is heard instead, by the speaker too.
    Change(String),
    /// Nobody hears it; the speaker is refused with this text.
    Veto(String),
}

/// Who is shown a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Everybody with the entity in the roster.
    Near,
    /// The player herself.
    Owner,
    /// Nobody outside the host.
    Server,
}

/// A named attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct Tag {
    pub name: String,
    pub value: TagValue,
    pub audience: Audience,
}

/// An entity as a module sees it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct View {
    pub id: EntityId,
    pub kind: Kind,
    pub name: String,
    pub at: Point,
    pub heading: f32,
    pub speed: f32,
    pub ghost: bool,
    pub tags: Vec<Tag>,
}

/// Which entities a query is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct Filter {
    pub kinds: Option<Kind>,
    pub tag: Option<String>,
    pub except: Option<EntityId>,
}

/// A query's row.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct Neighbour {
    pub id: EntityId,
    pub kind: Kind,
    pub at: Point,
    pub distance: f32,
}

/// A named spot of the map, in the region's plane.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct NamedPlace {
    pub name: String,
    pub at: Point,
    pub radius: f32,
    pub properties: Vec<(String, TagValue)>,
}

/// A new entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub struct Spawning {
    pub kind: Kind,
    pub name: String,
    pub at: Point,
    pub heading: f32,
    pub tags: Vec<Tag>,
    pub verbs: Vec<Verb>,
}

/// Where an order leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum Goal {
    Point(Point),
    Entity(EntityId),
    Place(String),
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum Hearers {
    Player(EntityId),
    Near(Point, f32),
    Zone,
}

/// Where a player is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// A portal of this zone's map.
    Portal(String),
    /// A zone, and a place in it; none: its spawn point.
    Zone(String, Option<String>),
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the usual levels")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// Why an act was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT documents them")]
pub enum Refusal {
    NoSuchEntity,
    NotYours,
    OutOfBounds,
    Blocked,
    NoSuchZone,
    NoSuchPortal,
    NoSuchPlace,
    TooMany,
    TooLarge,
    Invalid,
    Other,
}

/// What a module may ask and do during a call. Queries answer from the state when the tick began; acts are collected, and
/// applied after the call if it came through. Every argument may be hostile: any float, any length.
///
/// Implemented by the zone alone; a trait so that the sandbox's tests can stand in for it.
pub trait HostCalls: Any + Send {
    /// The entity; none when it is not here.
    fn entity(&self, id: EntityId) -> Option<View>;
    /// Nearest first, at most `limit` and never over 256.
    fn nearby(&self, center: Point, radius: f32, filter: &Filter, limit: u32) -> Vec<Neighbour>;
    /// The nearest, at any distance, at most 256.
    fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour>;
    /// Whether no wall or closed barrier stands between.
    fn line_of_sight(&self, a: Point, b: Point) -> bool;
    /// A way around walls; none when there is none or it takes more than the call's node limit.
    fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>>;
    /// The map's places of that name, in the map's order.
    fn places(&self, name: &str) -> Vec<NamedPlace>;

    /// From the zone's seeded generator.
    fn random(&mut self) -> u64;
    /// The module begins with event `index` of this call.
    fn progress(&mut self, index: u32);
    /// The last mark of this call.
    fn marked(&self) -> Option<u32>;
    /// A log line; over the limit a second they are counted and dropped.
    fn log(&mut self, level: LogLevel, message: String, fields: Vec<(String, String)>);
    /// Adds to a counter.
    fn count(&mut self, counter: String, by: u64);
    /// Sets a gauge.
    fn gauge(&mut self, gauge: String, value: f64);
    /// Observes a value.
    fn observe(&mut self, histogram: String, value: f64);

    /// The id is valid at once in later acts; queries show the entity from the next tick.
    fn spawn(&mut self, what: Spawning) -> Result<EntityId, Refusal>;
    /// Own entity.
    fn despawn(&mut self, entity: EntityId) -> Result<(), Refusal>;
    /// A jump: player or own entity.
    fn place(&mut self, entity: EntityId, at: Point, heading: Option<f32>) -> Result<(), Refusal>;
    /// Own entity.
    fn rename(&mut self, entity: EntityId, name: String) -> Result<(), Refusal>;
    /// Player or own entity.
    fn set_tags(&mut self, entity: EntityId, put: Vec<Tag>, remove: Vec<String>) -> Result<(), Refusal>;
    /// Player or own entity.
    fn set_verbs(&mut self, entity: EntityId, verbs: Vec<Verb>) -> Result<(), Refusal>;
    /// Radius at most 100 m, 0 switches off.
    fn set_sensor(&mut self, entity: EntityId, radius: f32) -> Result<(), Refusal>;
    /// 0 to 50 m/s.
    fn set_speed(&mut self, entity: EntityId, metres_a_second: f32) -> Result<(), Refusal>;
    /// A named barrier of the map.
    fn set_barrier(&mut self, name: &str, closed: bool) -> Result<(), Refusal>;
    /// Ends with one `Moved` that names the order.
    fn go_to(&mut self, npc: EntityId, goal: Goal, within: f32) -> Result<Token, Refusal>;
    /// Ends with one `Moved` that names the order.
    fn follow(&mut self, npc: EntityId, target: EntityId, distance: f32) -> Result<Token, Refusal>;
    /// Ends the current order with `Stopped`.
    fn halt(&mut self, npc: EntityId) -> Result<(), Refusal>;
    /// Turns towards the goal.
    fn face(&mut self, npc: EntityId, goal: Goal) -> Result<(), Refusal>;
    /// An own entity says something; whisper needs a `listener`.
    fn chat(
        &mut self,
        speaker: EntityId,
        mode: ChatMode,
        text: String,
        listener: Option<EntityId>,
    ) -> Result<(), Refusal>;
    /// Opens or replaces the player's dialogue of that token.
    fn say_dialogue(
        &mut self,
        player: EntityId,
        dialogue: Token,
        npc: EntityId,
        text: String,
        choices: Vec<(String, String)>,
    ) -> Result<(), Refusal>;
    /// Ends it.
    fn close_dialogue(&mut self, player: EntityId, dialogue: Token) -> Result<(), Refusal>;
    /// `data` is JSON text.
    fn tell(&mut self, to: Hearers, name: String, data: String, latest: bool) -> Result<(), Refusal>;
    /// Answers an `Interacted` or `Chose` with a `reject`.
    fn refuse(&mut self, player: EntityId, seq: Seq, code: String, text: String) -> Result<(), Refusal>;
    /// Ticks from now; again replaces.
    fn set_timer(&mut self, token: Token, after: u32, every: Option<u32>) -> Result<(), Refusal>;
    /// Nothing happens when there is none.
    fn cancel_timer(&mut self, token: Token);
    /// At most 64 KiB, kept under the module's name.
    fn save_player(&mut self, player: EntityId, bytes: Vec<u8>) -> Result<(), Refusal>;
    /// Away to another zone.
    fn send_to(&mut self, player: EntityId, destination: Destination) -> Result<(), Refusal>;
    /// Out of the world.
    fn kick(&mut self, player: EntityId, reason: String) -> Result<(), Refusal>;
    /// For that many ticks; 0 ends it.
    fn mute(&mut self, player: EntityId, ticks: u32) -> Result<(), Refusal>;
    /// To another zone's module, at most 16 KiB; ends with one `Receipt`.
    fn send(&mut self, zone: &str, topic: String, body: Vec<u8>) -> Result<Token, Refusal>;
    /// Answers an `Admin`.
    fn reply(&mut self, request: Token, text: String) -> Result<(), Refusal>;
}
