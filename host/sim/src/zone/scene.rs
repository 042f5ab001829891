//! Where a zone's entities stand and what they look like: the part of its state that a module may read.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use wod_protocol::bus::Attribute;
use wod_protocol::client::{Kind, TagValue, Verb};
use wod_protocol::ids::{Digest, EntityId, Tick, Token, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::units::{Bounds, Fixed, Heading, Pos, UNITS_PER_METRE};

use super::ghosts::Ghost;
use super::turn::Look;
use crate::module::{Audience, Point, Tag};
use crate::space::grid::Grid;
use crate::space::mover::Movers;
use crate::space::path::{PathFinder, Work};
use crate::space::roster::Sensors;
use crate::space::terrain::Terrain;

/// Side of the grid's cells: about a quarter of what a roster reaches.
const CELL: Fixed = 16 * UNITS_PER_METRE;
/// An entity that has not moved for this many ticks stands.
const STANDING_AFTER: u64 = 4;

/// Entities that the version before a swap can spawn while it lives again what happened since. A zone's 2³⁶ ids last for a
/// million swaps.
const RESERVED_ENTITIES: u64 = 1 << 16;

/// Entities, the ghosts of neighbours' entities, and the ground they stand on. The grid holds both.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Scene {
    pub(super) entities: BTreeMap<EntityId, Entity>,
    /// Of neighbouring zones; never an id that is among `entities`.
    pub(super) ghosts: BTreeMap<EntityId, Ghost>,
    /// Gone, but still in so many rosters, until those look again. Who comes back meanwhile is watched by as many.
    pub(super) vanished: BTreeMap<EntityId, u32>,
    pub(super) movers: Movers,
    pub(super) sensors: Sensors,
    pub(super) luck: Luck,
    /// Players beyond a border whose doings here wait for the module, with the zone each did them from: they may be out of sight
    /// before it answers.
    #[serde(default)]
    pub(super) callers: BTreeMap<EntityId, ZoneNo>,
    #[serde(skip, default = "Ground::nowhere")]
    pub(super) ground: Ground,
}

/// What the map says, and what is rebuilt from it and the entities' positions. Never part of a snapshot.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) map: Arc<Map>,
    pub(super) digest: Digest,
    pub(super) terrain: Terrain,
    pub(super) grid: Grid,
    pub(super) paths: PathFinder,
    /// What a call of the module may still search.
    pub(super) work: Work,
}

/// Somebody or something in the zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entity {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) at: Pos,
    pub(super) heading: Heading,
    /// How fast it may walk, 1/256 m a second.
    pub(super) speed: Fixed,
    /// In order of name.
    pub(super) tags: Vec<Tag>,
    pub(super) verbs: Vec<Verb>,
    /// When it moved last.
    pub(super) moved: Tick,
    /// How many rosters have it.
    pub(super) watchers: u32,
    /// Whether the module was told that somebody watches.
    pub(super) observed: bool,
}

/// What a call draws from: a voided call has drawn nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Luck {
    random: ChaCha8Rng,
    entities: u64,
    tokens: u64,
}

impl Luck {
    fn new(zone: ZoneNo) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(u64::from(zone.0)), entities: 0, tokens: 0 }
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.random.next_u64()
    }

    pub(super) fn entity_id(&mut self, zone: ZoneNo) -> EntityId {
        self.entities += 1;
        EntityId::new(zone, self.entities)
    }

    /// Leaves out as many ids as a [`super::Retrace`] may need.
    pub(super) fn reserve_entities(&mut self) {
        self.entities += RESERVED_ENTITIES;
    }

    /// How many tokens were given out.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// As many tokens as somebody else has given out are not given out again.
    pub(super) fn skip_tokens(&mut self, given: u64) {
        self.tokens = self.tokens.max(given);
    }

    pub(super) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }
}

impl Ground {
    /// A map and the walls it has in the beginning, nobody on it.
    pub(super) fn new(map: Arc<Map>, digest: Digest, bounds: Bounds) -> Self {
        let terrain = Terrain::new(&map, bounds);
        Self { map, digest, terrain, grid: Grid::new(bounds, CELL), paths: PathFinder::new(), work: Work::PER_TICK }
    }

    /// An open plain of this size.
    pub(super) fn plain(bounds: Bounds) -> Self {
        let width = f64::from(bounds.max.x - bounds.min.x) / f64::from(UNITS_PER_METRE);
        let height = f64::from(bounds.max.y - bounds.min.y) / f64::from(UNITS_PER_METRE);
        let map = Map::empty(width, height);
        let digest = Digest::of(&map.to_json());
        Self::new(Arc::new(map), digest, bounds)
    }

    fn nowhere() -> Self {
        let corner = Pos { x: UNITS_PER_METRE, y: UNITS_PER_METRE };
        Self::plain(Bounds { min: Pos::default(), max: corner })
    }

    /// A point of the map in the region's plane.
    pub(super) fn on_map(&self, at: [f64; 2]) -> Pos {
        let corner = self.terrain.bounds().min;
        let at = Pos::from_metres(at[0], at[1]);
        self.terrain.bounds().clamp(Pos { x: corner.x + at.x, y: corner.y + at.y })
    }
}

impl Scene {
    /// An empty one.
    pub(super) fn new(zone: ZoneNo, ground: Ground) -> Self {
        Self {
            entities: BTreeMap::new(),
            ghosts: BTreeMap::new(),
            vanished: BTreeMap::new(),
            movers: Movers::default(),
            sensors: Sensors::default(),
            luck: Luck::new(zone),
            callers: BTreeMap::new(),
            ground,
        }
    }

    /// What stands in while a call has the real one.
    pub(super) fn stand_in() -> Self {
        Self::new(ZoneNo(0), Ground::nowhere())
    }

    /// Puts the entities on another ground: another map, or after decoding.
    pub(super) fn set_ground(&mut self, ground: Ground) {
        self.ground = ground;
        for (id, entity) in &self.entities {
            self.ground.grid.put(*id, entity.at);
        }
        for (id, ghost) in &self.ghosts {
            self.ground.grid.put(*id, ghost.entity.at);
        }
    }

    /// True: rosters still have it from before, with older looks.
    pub(super) fn insert(&mut self, id: EntityId, mut entity: Entity) -> bool {
        self.ground.grid.put(id, entity.at);
        let vanished = self.vanished.remove(&id);
        entity.watchers = vanished.unwrap_or(entity.watchers);
        self.entities.insert(id, entity);
        vanished.is_some()
    }

    pub(super) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        self.ground.grid.remove(id);
        let entity = self.entities.remove(&id)?;
        self.note_vanished(id, entity.watchers);
        Some(entity)
    }

    /// Whoever has it in the roster will see that it is gone when she looks again.
    pub(super) fn note_vanished(&mut self, id: EntityId, watchers: u32) {
        if watchers > 0 {
            self.vanished.insert(id, watchers);
        }
    }

    /// Moves an entity. False: it is not here, or was there already.
    pub(super) fn put(&mut self, id: EntityId, at: Pos, heading: Heading, now: Tick) -> bool {
        let Self { entities, ground, .. } = self;
        entities.get_mut(&id).is_some_and(|entity| entity.put(id, at, heading, now, &mut ground.grid))
    }

    /// Whether it is here and the module's.
    pub(super) fn is_own(&self, id: EntityId) -> bool {
        self.kind(id).is_some_and(|kind| kind != Kind::Player)
    }

    pub(super) fn kind(&self, id: EntityId) -> Option<Kind> {
        self.entities.get(&id).map(|entity| entity.kind)
    }

    /// Ids of everything the module spawned.
    pub(super) fn own(&self) -> impl Iterator<Item = EntityId> {
        self.entities.iter().filter(|(_, entity)| entity.is_own()).map(|(id, _)| *id)
    }
}

impl Entity {
    /// Moves it, in the grid too. False: it was there already.
    pub(super) fn put(&mut self, id: EntityId, at: Pos, heading: Heading, now: Tick, grid: &mut Grid) -> bool {
        if (self.at, self.heading) == (at, heading) {
            return false;
        }
        if self.at != at {
            grid.put(id, at);
            self.moved = now;
        }
        self.at = at;
        self.heading = heading;
        true
    }

    /// How that part of its looks is now, for everybody near; none: that is nobody's business.
    pub(super) fn attribute(&self, look: Look) -> Option<Attribute> {
        match look {
            Look::Tags => Some(Attribute::Tags(self.shown_tags(false))),
            Look::OwnTags => None,
            Look::Verbs => Some(Attribute::Verbs(self.verbs.clone())),
            Look::Name => Some(Attribute::Name(self.name.clone())),
        }
    }

    /// Metres a second × 256 it moves with now.
    pub(super) fn pace(&self, now: Tick) -> Fixed {
        if self.moved.0 > 0 && now.0 <= self.moved.0 + STANDING_AFTER { self.speed } else { 0 }
    }

    /// Whether the module has spawned it.
    pub(super) fn is_own(&self) -> bool {
        self.kind != Kind::Player
    }

    pub(super) fn tag(&self, name: &str) -> Option<&Tag> {
        self.tags.binary_search_by(|tag| tag.name.as_str().cmp(name)).ok().map(|index| &self.tags[index])
    }

    /// Sets a tag. False: it had that value already.
    pub(super) fn set_tag(&mut self, tag: Tag) -> bool {
        match self.tags.binary_search_by(|known| known.name.cmp(&tag.name)) {
            Ok(index) if self.tags[index] == tag => false,
            Ok(index) => {
                self.tags[index] = tag;
                true
            }
            Err(index) => {
                self.tags.insert(index, tag);
                true
            }
        }
    }

    /// Takes a tag away. False: there was none.
    pub(super) fn remove_tag(&mut self, name: &str) -> bool {
        let before = self.tags.len();
        self.tags.retain(|tag| tag.name != name);
        self.tags.len() != before
    }

    /// Tags that everybody near sees; with `owner`, those of the player herself too.
    pub(super) fn shown_tags(&self, owner: bool) -> Vec<(String, TagValue)> {
        self.tags
            .iter()
            .filter(|tag| tag.audience == Audience::Near || (owner && tag.audience == Audience::Owner))
            .map(|tag| (tag.name.clone(), tag.value.clone()))
            .collect()
    }
}

/// Metres as modules have them to the zone's integers; none when it is not a finite number.
pub(super) fn to_pos(at: Point) -> Option<Pos> {
    (at.x.is_finite() && at.y.is_finite()).then(|| Pos::from_metres(f64::from(at.x), f64::from(at.y)))
}

/// The zone's integers to metres as modules have them.
pub(super) fn to_point(at: Pos) -> Point {
    let (x, y) = at.metres();
    Point { x: x as f32, y: y as f32 }
}
