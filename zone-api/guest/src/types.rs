//! The values that travel between a zone and its host, as plain Rust types. They mirror `zone-api/wit/zone.wit`.
//!
//! Here are those that a zone asks and acts with; those that it is told are in `told`.

use serde::{Deserialize, Serialize};

use crate::handle::EntityId;

mod told;

pub use told::{Description, EnterReason, Event, Frame, LeaveReason, MoveEnd, Refusal, Setup, StartReason};

/// A spot in the region's plane: metres east and north.
///
/// ```
/// use wod_zone::Point;
/// let (door, lamp) = (Point::new(12.0, 4.0), Point { x: 12.0, y: 9.0 });
/// assert!(door.distance(lamp) < 6.0, "the doorway is lit");
/// ```
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
///
/// ```
/// use wod_zone::{Kind, View};
/// fn can_be_robbed(view: &View) -> bool {
///     view.kind == Kind::Player && !view.is_away()
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Tag, Value};
/// let neon = Tag::near("lit", true);
/// assert_eq!(neon.value, Value::Flag(true));
/// assert_eq!(Value::from("violet"), Value::Text("violet".to_owned()));
/// ```
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
///
/// ```
/// use wod_zone::{Audience, Tag};
/// // Everybody sees the coat; how hungry she is she alone sees, and what she owes nobody.
/// let tags = [Tag::near("look", "long coat"), Tag::owner("hunger", 0.4), Tag::server("debt", 3_i64)];
/// assert_eq!(tags.map(|tag| tag.audience), [Audience::Near, Audience::Owner, Audience::Server]);
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, Npc, Result, Tag, Zone};
/// fn promote<Z: Zone>(ctx: &mut Ctx<Z>, guard: Npc) -> Result {
///     ctx.set_tag(guard, Tag::near("title", "Captain of the night watch"))
/// }
/// ```
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
    ///
    /// ```
    /// use wod_zone::{Ctx, Player, Result, Tag, Zone};
    /// fn starve<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, hunger: f64) -> Result {
    ///     ctx.set_tag(player, Tag::owner("hunger", hunger))
    /// }
    /// ```
    pub fn owner(name: &str, value: impl Into<Value>) -> Self {
        Self { name: name.to_owned(), value: value.into(), audience: Audience::Owner }
    }

    /// A tag that never leaves the host; queries filter by it.
    ///
    /// ```
    /// use wod_zone::{Filter, Tag};
    /// // Bystanders are found by a tag that no client can read.
    /// let mark = Tag::server("prey", true);
    /// let prey = Filter::players().tagged(&mark.name);
    /// assert_eq!(prey.tag.as_deref(), Some("prey"));
    /// ```
    pub fn server(name: &str, value: impl Into<Value>) -> Self {
        Self { name: name.to_owned(), value: value.into(), audience: Audience::Server }
    }
}

/// Something a player can do with an entity.
///
/// ```
/// use wod_zone::{Ctx, Object, Result, Verb, Zone};
/// /// A telephone that rings can be answered, and nothing else.
/// fn ring<Z: Zone>(ctx: &mut Ctx<Z>, telephone: Object) -> Result {
///     ctx.set_verbs(telephone, vec![Verb::new("answer", "Answer it", 1.5)])
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, EntityId, Zone};
/// fn describe<Z: Zone>(ctx: &Ctx<Z>, stranger: EntityId) -> Option<String> {
///     let view = ctx.entity(stranger)?;
///     let pace = if view.speed > 2.0 { "runs" } else { "walks" };
///     Some(format!("{} {pace} towards {:.0}, {:.0}", view.name, view.at.x, view.at.y))
/// }
/// ```
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
    ///
    /// ```
    /// use wod_zone::{Value, View};
    /// fn wears_the_pin(guest: &View) -> bool {
    ///     guest.tag("pin") == Some(&Value::from("silver"))
    /// }
    /// ```
    pub fn tag(&self, name: &str) -> Option<&Value> {
        self.tags.iter().find(|tag| tag.name == name).map(|tag| &tag.value)
    }

    /// Whether it is a player whose connection is lost.
    ///
    /// ```
    /// use wod_zone::{Ctx, Player, Zone};
    /// /// Nobody is bitten whose connection is lost.
    /// fn is_fair_game<Z: Zone>(ctx: &Ctx<Z>, player: Player) -> bool {
    ///     ctx.entity(player).is_some_and(|view| !view.is_away())
    /// }
    /// ```
    pub fn is_away(&self) -> bool {
        self.tag("away").is_some()
    }
}

/// Which entities a query is about; the default: all.
///
/// ```
/// use wod_zone::{EntityId, Filter};
/// /// Everybody who owes the house something, but for the one who asks.
/// fn debtors(asking: EntityId) -> Filter {
///     Filter::players().tagged("debt").except(asking)
/// }
/// assert_eq!(debtors(EntityId(42)).except, Some(EntityId(42)));
/// assert_eq!(Filter::default().kinds, None);
/// ```
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
    ///
    /// ```
    /// use wod_zone::{Ctx, Filter, Point, Zone};
    /// fn is_guarded<Z: Zone>(ctx: &Ctx<Z>, vault: Point) -> bool {
    ///     !ctx.nearby(vault, 8.0, &Filter::npcs().tagged("guard"), 1).is_empty()
    /// }
    /// ```
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
///
/// ```
/// use wod_zone::{Ctx, Filter, Npc, Player, Zone};
/// /// Whoever is nearest the informer pays.
/// fn who_pays<Z: Zone>(ctx: &Ctx<Z>, informer: Npc) -> Option<Player> {
///     let nearest = ctx.nearest(ctx.at(informer)?, 1, &Filter::players());
///     let close = nearest.into_iter().find(|neighbour| neighbour.distance < 3.0)?;
///     ctx.as_player(close.id)
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, Point, Zone};
/// fn is_on_holy_ground<Z: Zone>(ctx: &Ctx<Z>, at: Point) -> bool {
///     ctx.places("chapel").iter().any(|chapel| chapel.at.distance(at) <= chapel.radius)
/// }
/// ```
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
///
/// ```
/// use wod_zone::{ChatMode, Heard};
/// fn disturbs_the_court(heard: &Heard) -> bool {
///     matches!(heard.mode, ChatMode::Shout | ChatMode::Emote)
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, LogLevel, Zone};
/// fn no_moon<Z: Zone>(ctx: &mut Ctx<Z>, night: u32) {
///     ctx.log(LogLevel::Warn, "the moon has no phase", &[("night", &night)]);
/// }
/// ```
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
///
/// ```
/// use wod_zone::{Goal, Player, Point};
/// // Orders take any of these as they are: a spot, somebody, a place of the map.
/// assert_eq!(Goal::from(Point::new(3.0, 4.0)), Goal::Point(Point::new(3.0, 4.0)));
/// assert_eq!(Goal::from(Player(42)), Goal::Entity(Player(42).id()));
/// assert_eq!(Goal::from("back-door"), Goal::Place("back-door".to_owned()));
/// ```
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
///
/// ```
/// use wod_zone::{Ctx, Hearers, Point, Result, Zone};
/// /// A clock tower that only the square sees; who is slow sees it jump.
/// fn tower<Z: Zone>(ctx: &mut Ctx<Z>, square: Point, minutes: u32) -> Result {
///     ctx.show(Hearers::Near(square, 60.0), "tower", &minutes)
/// }
/// ```
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
///
/// ```
/// use wod_zone::Destination;
/// // What `Ctx::send_through` and `Ctx::send_to_zone` ask the host for.
/// let tunnel = Destination::Portal("tunnel".to_owned());
/// let morgue = Destination::Zone("old-town.morgue".to_owned(), Some("slab".to_owned()));
/// assert_ne!(tunnel, morgue);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Where a portal of this zone's map leads.
    Portal(String),
    /// A zone, and a place in it; none: its spawn point.
    Zone(String, Option<String>),
}

/// A new entity, as the host is asked for it. Authors use [`Spawn`](crate::Spawn).
///
/// ```
/// use wod_zone::{Kind, Point, Spawning};
/// let (name, at) = ("Ash".to_owned(), Point::new(3.0, 4.0));
/// let ash = Spawning { kind: Kind::Object, name, at, heading: 0.0, tags: Vec::new(), verbs: Vec::new() };
/// assert_eq!(ash.kind, Kind::Object);
/// ```
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
