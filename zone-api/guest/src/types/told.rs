//! What a host tells a module, and what a module says of itself.

use serde::{Deserialize, Serialize};

use crate::handle::{EntityId, Token};
use crate::types::{ChatMode, Point, Value};

/// The tick a call stands for.
///
/// ```
/// use wod_zone::Frame;
/// let frame = Frame { tick: 1200, game_ms: 60_000, dilation: 0.5 };
/// assert!(frame.dilation < 1.0, "the zone is slowed down: a crowd");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Frame {
    /// Its number.
    pub tick: u64,
    /// Milliseconds of game time since the zone began; stands still while the zone does.
    pub game_ms: u64,
    /// 1.0, less when the zone is slowed down.
    pub dilation: f32,
}

/// Where a zone finds itself.
///
/// ```
/// use wod_zone::{Point, Setup};
/// let (south_west, north_east) = (Point::new(0.0, 0.0), Point::new(64.0, 64.0));
/// let (zone, region) = ("old-town.club".to_owned(), "old-town".to_owned());
/// let setup = Setup { zone, region, south_west, north_east, tick_hz: 20, config: Vec::new() };
/// assert_eq!(setup.south_west.distance(setup.north_east).round(), 91.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The zone's name, `region.zone`.
    pub zone: String,
    /// Its region.
    pub region: String,
    /// South-west corner.
    pub south_west: Point,
    /// North-east corner.
    pub north_east: Point,
    /// Ticks a second.
    pub tick_hz: u32,
    /// Settings, defaults filled in.
    pub config: Vec<(String, Value)>,
}

/// What a module says about itself.
///
/// ```
/// use wod_zone::{Runtime, Zone};
/// /// What an operator reads of a module before it is deployed.
/// fn card<Z: Zone>() -> String {
///     let about = Runtime::<Z>::describe();
///     format!("{} {}, schema {}, {} settings", about.name, about.version, about.schema, about.config.len())
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// [`Zone::NAME`](crate::Zone::NAME).
    pub name: String,
    /// [`Zone::VERSION`](crate::Zone::VERSION).
    pub version: String,
    /// [`Zone::SCHEMA`](crate::Zone::SCHEMA).
    pub schema: u32,
    /// [`Zone::VERBS`](crate::Zone::VERBS).
    pub verbs: Vec<String>,
    /// Name, explanation and default of each of [`Zone::CONFIG`](crate::Zone::CONFIG).
    pub config: Vec<(String, String, Value)>,
}

/// Why an act was refused.
///
/// ```
/// use wod_zone::{Ctx, Error, Npc, Point, Refusal, Result, Spawn, Zone};
/// /// The alley may be walled up: then he waits in the street.
/// fn post<Z: Zone>(ctx: &mut Ctx<Z>, alley: Point, street: Point) -> Result<Npc> {
///     match ctx.spawn_npc(Spawn::new("Informer", alley)) {
///         Err(Error::Refused(Refusal::Blocked | Refusal::OutOfBounds)) => ctx.spawn_npc(Spawn::new("Informer", street)),
///         done => done,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The zone has no such entity.
    NoSuchEntity,
    /// It is not this module's to command.
    NotYours,
    /// Outside the zone.
    OutOfBounds,
    /// Inside a wall.
    Blocked,
    /// The world has no such zone.
    NoSuchZone,
    /// The map has no such portal.
    NoSuchPortal,
    /// The map has no such place.
    NoSuchPlace,
    /// Over a limit in number.
    TooMany,
    /// Over a limit in bytes.
    TooLarge,
    /// An argument makes no sense.
    Invalid,
    /// A reason that a later host added.
    Other,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoSuchEntity => "no such entity",
            Self::NotYours => "not this module's",
            Self::OutOfBounds => "outside the zone",
            Self::Blocked => "inside a wall",
            Self::NoSuchZone => "no such zone",
            Self::NoSuchPortal => "no such portal on the map",
            Self::NoSuchPlace => "no such place on the map",
            Self::TooMany => "too many",
            Self::TooLarge => "too large",
            Self::Invalid => "invalid argument",
            Self::Other => "refused",
        })
    }
}

impl std::error::Error for Refusal {}

/// Why an instance of the module begins.
///
/// ```
/// use wod_zone::{Ctx, StartReason, Zone};
/// fn started<Z: Zone>(ctx: &mut Ctx<Z>, why: StartReason) {
///     if why == StartReason::ResumedWithoutMemory {
///         wod_zone::warn!(ctx, "the night begins anew: nobody remembers the last one");
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartReason {
    /// A new zone.
    Fresh,
    /// It replaces another version, whose state it loaded.
    Swapped,
    /// It is an older version again, which has loaded what the newer one saved.
    RolledBack,
    /// It is an older version again, as it was before the newer one came; what happened since was told to it once more, without
    /// effect on players and other zones. Each player here is told anew, with what is saved for her now: that holds.
    Rewound,
    /// Its state could not be had: entities of the module may stand here that it does not know.
    ResumedWithoutMemory,
}

/// How a player came.
///
/// ```
/// use wod_zone::{Ctx, EnterReason, Npc, Player, Result, Zone};
/// /// Who crosses the border in a chase is not greeted.
/// fn entered<Z: Zone>(ctx: &mut Ctx<Z>, host: Npc, player: Player, how: EnterReason) -> Result {
///     match how {
///         EnterReason::Login | EnterReason::Portal => ctx.whisper(host, player, "Good evening."),
///         EnterReason::Crossing | EnterReason::Resumed => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnterReason {
    /// Logged in.
    Login,
    /// Over the border of a neighbouring zone.
    Crossing,
    /// Through a portal, or sent.
    Portal,
    /// Stood here already; the module learns of her anew.
    Resumed,
}

/// How a player went.
///
/// ```
/// use wod_zone::LeaveReason;
/// /// Who vanishes from a hunt has lost it; who walks out of the zone is still being hunted.
/// fn is_forfeit(why: LeaveReason) -> bool {
///     matches!(why, LeaveReason::Logout | LeaveReason::TimedOut)
/// }
/// assert!(!is_forfeit(LeaveReason::Crossing));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    /// Logged out.
    Logout,
    /// Did not come back after a lost connection.
    TimedOut,
    /// Over the border.
    Crossing,
    /// Through a portal, or sent.
    Portal,
    /// Put out by a module or an operator.
    Kicked,
}

/// How an order to move ended.
///
/// ```
/// use wod_zone::{Ctx, MoveEnd, Moved, Result, Zone};
/// fn moved<Z: Zone>(ctx: &mut Ctx<Z>, moved: Moved) -> Result {
///     match moved.end {
///         MoveEnd::Arrived => ctx.emote(moved.npc, "lights a cigarette"),
///         MoveEnd::NoWay | MoveEnd::Obstructed => ctx.say(moved.npc, "Who has shut this?"),
///         MoveEnd::TargetLost | MoveEnd::Stopped => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveEnd {
    /// It is there.
    Arrived,
    /// No way leads there.
    NoWay,
    /// Something is in the way that was not when it set out.
    Obstructed,
    /// Whom it followed is gone.
    TargetLost,
    /// It was told to stop, or to do something else.
    Stopped,
}

/// What the host tells a module. The runtime turns these into calls of [`Zone`](crate::Zone)'s handlers.
///
/// ```
/// use wod_zone::{EntityId, Event, LeaveReason};
/// let left = Event::Left { player: EntityId(42), reason: LeaveReason::Crossing };
/// assert_eq!(left.handler(), "left");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the WIT documents each; authors see the handlers")]
pub enum Event {
    Started { reason: StartReason, players: Vec<EntityId>, mine: Vec<EntityId> },
    Entered { player: EntityId, name: String, saved: Vec<u8>, reason: EnterReason },
    Left { player: EntityId, reason: LeaveReason },
    SensorEntered { sensor: EntityId, subject: EntityId },
    SensorLeft { sensor: EntityId, subject: EntityId },
    Heard { listener: EntityId, speaker: EntityId, mode: ChatMode, text: String },
    Interacted { player: EntityId, seq: u64, target: EntityId, verb: String, args: String },
    Chose { player: EntityId, seq: u64, dialogue: Token, choice: Option<String> },
    Moved { npc: EntityId, order: Token, end: MoveEnd, at: Point },
    Observed { entity: EntityId, by_anyone: bool },
    Timer(Token),
    Message { id: u64, sender: String, topic: String, body: Vec<u8> },
    Receipt { order: Token, delivered: bool },
    Admin { request: Token, operator: String, text: String },
    ConfigChanged(Vec<(String, Value)>),
    Other { name: String, json: String },
}

impl Event {
    /// The handler it leads to, for log lines.
    pub fn handler(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Entered { .. } => "entered",
            Self::Left { .. } => "left",
            Self::SensorEntered { .. } | Self::SensorLeft { .. } => "sensor",
            Self::Heard { .. } => "heard",
            Self::Interacted { .. } => "interacted",
            Self::Chose { .. } => "chose",
            Self::Moved { .. } => "moved",
            Self::Observed { .. } => "observed",
            Self::Timer(_) => "timer",
            Self::Message { .. } => "message",
            Self::Receipt { .. } => "receipt",
            Self::Admin { .. } => "admin",
            Self::ConfigChanged(_) => "config",
            Self::Other { .. } => "other",
        }
    }
}
