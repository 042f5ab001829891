//! The values that travel between a zone and its host, as plain Rust types. They mirror `zone-api/wit/zone.wit`.

use serde::{Deserialize, Serialize};

use crate::handle::{EntityId, Token};

/// A spot in the region's plane: metres east and north.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// East, m.
    pub x: f32,
    /// North, m.
    pub y: f32,
}

impl Point {
    /// The point `x` metres east and `y` metres north of the region's origin.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Metres between two points.
    ///
    /// ```
    /// use wod_zone::Point;
    /// assert_eq!(Point::new(0.0, 0.0).distance(Point::new(3.0, 4.0)), 5.0);
    /// ```
    pub fn distance(self, other: Self) -> f32 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        (dx * dx + dy * dy).sqrt()
    }
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A person's avatar.
    Player,
    /// A module's character.
    Npc,
    /// A thing.
    Object,
}

/// The value of a tag or a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Number(f64),
    /// A text.
    Text(String),
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Who is shown a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Everybody who has the entity in sight.
    Near,
    /// The player herself.
    Owner,
    /// Nobody: it never leaves the host.
    Server,
}

/// A named attribute of an entity. `look`, `title` and `away` are reserved by the client protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Who sees it.
    pub audience: Audience,
}

impl Tag {
    /// A tag that everybody near sees.
    ///
    /// ```
    /// use wod_zone::{Audience, Tag};
    /// let tag = Tag::near("look", "coat");
    /// assert_eq!(tag.audience, Audience::Near);
    /// ```
    pub fn near(name: &str, value: impl Into<Value>) -> Self {
        Self { name: name.to_owned(), value: value.into(), audience: Audience::Near }
    }

    /// A tag that only the player herself sees.
    pub fn owner(name: &str, value: impl Into<Value>) -> Self {
        Self { name: name.to_owned(), value: value.into(), audience: Audience::Owner }
    }

    /// A tag that never leaves the host; queries filter by it.
    pub fn server(name: &str, value: impl Into<Value>) -> Self {
        Self { name: name.to_owned(), value: value.into(), audience: Audience::Server }
    }
}

/// Something a player can do with an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verb {
    /// What the client names; one of [`Zone::VERBS`](crate::Zone::VERBS).
    pub id: String,
    /// What people read.
    pub label: String,
    /// How near one must stand, m.
    pub reach: f32,
}

impl Verb {
    /// A verb to be done from at most `reach` metres away.
    pub fn new(id: &str, label: &str, reach: f32) -> Self {
        Self { id: id.to_owned(), label: label.to_owned(), reach }
    }
}

/// An entity as it was when the tick began.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Who.
    pub id: EntityId,
    /// What.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where.
    pub at: Point,
    /// Where it looks, radians counter-clockwise from east.
    pub heading: f32,
    /// Metres a second, 0 when standing.
    pub speed: f32,
    /// Belongs to a neighbouring zone: can be seen, heard and addressed, not commanded.
    pub ghost: bool,
    /// Its tags, of every audience.
    pub tags: Vec<Tag>,
}

impl View {
    /// The value of a tag; none when it has no such tag.
    pub fn tag(&self, name: &str) -> Option<&Value> {
        self.tags.iter().find(|tag| tag.name == name).map(|tag| &tag.value)
    }

    /// Whether it is a player whose connection is lost.
    pub fn is_away(&self) -> bool {
        self.tag("away").is_some()
    }
}

/// Which entities a query is about; the default: all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this kind alone.
    pub kinds: Option<Kind>,
    /// With this tag alone, whatever its value.
    pub tag: Option<String>,
    /// Without this one.
    pub except: Option<EntityId>,
}

impl Filter {
    /// Players alone.
    ///
    /// ```
    /// use wod_zone::{Filter, Kind};
    /// assert_eq!(Filter::players().kinds, Some(Kind::Player));
    /// ```
    pub fn players() -> Self {
        Self { kinds: Some(Kind::Player), ..Self::default() }
    }

    /// Characters of modules alone.
    pub fn npcs() -> Self {
        Self { kinds: Some(Kind::Npc), ..Self::default() }
    }

    /// With this tag alone.
    #[must_use]
    pub fn tagged(mut self, tag: &str) -> Self {
        self.tag = Some(tag.to_owned());
        self
    }

    /// Without this entity.
    #[must_use]
    pub fn except(mut self, entity: impl Into<EntityId>) -> Self {
        self.except = Some(entity.into());
        self
    }
}

/// One row of a query's answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Who.
    pub id: EntityId,
    /// What.
    pub kind: Kind,
    /// Where.
    pub at: Point,
    /// From the query's centre, m.
    pub distance: f32,
}

/// A named place of the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its name; several places may share one.
    pub name: String,
    /// Where.
    pub at: Point,
    /// How far it reaches, m; 0: a point.
    pub radius: f32,
    /// What the map's author wrote beside it.
    pub properties: Vec<(String, Value)>,
}

/// How a line is said, which decides who hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChatMode {
    /// Heard near the speaker.
    Say,
    /// Heard further away.
    Shout,
    /// An action, seen near the speaker.
    Emote,
    /// For one listener.
    Whisper,
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something is odd.
    Warn,
    /// Worth knowing.
    Info,
    /// For finding faults.
    Debug,
}

/// Where an order leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Goal {
    /// A spot.
    Point(Point),
    /// Where that entity is.
    Entity(EntityId),
    /// A named place of the map; the nearest of that name.
    Place(String),
}

impl From<Point> for Goal {
    fn from(at: Point) -> Self {
        Self::Point(at)
    }
}

impl From<&str> for Goal {
    fn from(place: &str) -> Self {
        Self::Place(place.to_owned())
    }
}

impl From<EntityId> for Goal {
    fn from(entity: EntityId) -> Self {
        Self::Entity(entity)
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Hearers {
    /// One player.
    Player(EntityId),
    /// Everybody within so many metres of the point.
    Near(Point, f32),
    /// Everybody in the zone.
    Zone,
}

/// Where a player is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Where a portal of this zone's map leads.
    Portal(String),
    /// A zone, and a place in it; none: its spawn point.
    Zone(String, Option<String>),
}

/// A new entity, as the host is asked for it. Authors use [`Spawn`](crate::Spawn).
#[derive(Debug, Clone, PartialEq)]
pub struct Spawning {
    /// What.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where.
    pub at: Point,
    /// Where it looks, radians.
    pub heading: f32,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What players can do with it.
    pub verbs: Vec<Verb>,
}

/// The tick a call stands for.
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
