//! How a test world is set up.

use std::path::Path;
use std::sync::Arc;

use wod_protocol::client::TagValue;
use wod_protocol::ids::{ZoneName, ZoneNo};
use wod_protocol::map::{Barrier, Map, Place, Portal, Shape};
use wod_protocol::world::{self, Ranges};
use wod_zone::dialogue::{Book, CONTENT};
use wod_zone::{Value, Zone};

use crate::convert::Translate;
use crate::module::Content;
use crate::modules::Natives;
use crate::world::World;

/// The side of the field that a zone without a map gets, m.
const FIELD: f64 = 200.0;

/// A world before it begins. By default: one zone, `test.zone`, an open field of 200 × 200 m with its south-west corner at
/// (0, 0), 20 ticks a second.
pub struct WorldBuilder {
    map: Map,
    world: Option<world::World>,
    zone: String,
    config: Vec<(String, TagValue)>,
    content: Content,
    tolerant: bool,
    start: fn(Parts) -> World,
}

/// What a world is made of.
pub(crate) struct Parts {
    pub(crate) rules: Arc<world::World>,
    pub(crate) number: ZoneNo,
    pub(crate) map: Arc<Map>,
    pub(crate) content: Content,
    pub(crate) tolerant: bool,
}

impl WorldBuilder {
    pub(crate) fn of<Z: Zone + Send>() -> Self
    where
        Z::Player: Send,
    {
        Self {
            map: Map::empty(FIELD, FIELD),
            world: None,
            zone: "test.zone".to_owned(),
            config: Vec::new(),
            content: Content::new(),
            tolerant: false,
            start: |mut parts| {
                let content = std::mem::take(&mut parts.content);
                let mut modules = Natives::new(Arc::clone(&parts.map), content);
                let digest = modules.add::<Z>();
                World::begin(parts, modules, digest)
            },
        }
    }

    /// On this Tiled map; the path counts from the crate's folder.
    ///
    /// # Panics
    /// When the map can't be read, with every fault it has.
    #[must_use]
    pub fn map(mut self, tmx: impl AsRef<Path>) -> Self {
        self.map = wod_map::read(tmx.as_ref()).unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            panic!("{error}{cause}")
        });
        self
    }

    /// With the dialogues of this folder of Yarn files, or of this one file; the path counts from the crate's folder.
    ///
    /// # Panics
    /// When they don't compile, with every mistake they have.
    #[must_use]
    pub fn dialogue(mut self, yarn: impl AsRef<Path>) -> Self {
        let book = wod_dialogue::book_of(yarn.as_ref()).unwrap_or_else(|error| panic!("{error}"));
        self.content.insert(CONTENT.to_owned(), packed(&book));
        self
    }

    /// With content packed beside the code, as `content.read` of the contract gives it.
    #[must_use]
    pub fn content(mut self, name: &str, bytes: &[u8]) -> Self {
        self.content.insert(name.to_owned(), bytes.to_vec());
        self
    }

    /// As this zone of this world file; the path counts from the crate's folder.
    ///
    /// # Panics
    /// When the file can't be read.
    #[must_use]
    pub fn world(mut self, toml: impl AsRef<Path>, zone: &str) -> Self {
        let path = toml.as_ref();
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.world = Some(world::World::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        self.zone = zone.to_owned();
        self
    }

    /// With a setting other than its default.
    #[must_use]
    pub fn config(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.config.push((name.to_owned(), value.into().to()));
        self
    }

    /// With a named place.
    #[must_use]
    pub fn place(mut self, name: &str, x: f64, y: f64, radius: f64) -> Self {
        self.map.places.push(Place { name: name.to_owned(), at: [x, y], radius, properties: Default::default() });
        self
    }

    /// With a wall from point to point.
    #[must_use]
    pub fn wall(mut self, points: &[[f64; 2]]) -> Self {
        self.map.walls.push(Shape { points: points.to_vec(), closed: false });
        self
    }

    /// With a closed barrier from point to point.
    #[must_use]
    pub fn barrier(mut self, name: &str, points: &[[f64; 2]]) -> Self {
        let shape = Shape { points: points.to_vec(), closed: false };
        self.map.barriers.push(Barrier { name: name.to_owned(), shape, closed: true });
        self
    }

    /// With a portal of 2 m radius to a zone named `far.zone`, which the test world does not run.
    #[must_use]
    pub fn portal(mut self, name: &str, x: f64, y: f64) -> Self {
        self.map.portals.push(Portal { name: name.to_owned(), at: [x, y], radius: 2.0 });
        self
    }

    /// With players appearing here.
    #[must_use]
    pub fn spawn(mut self, x: f64, y: f64) -> Self {
        self.map.spawns = vec![[x, y]];
        self
    }

    /// Faults and errors of the module don't fail the test: the world goes on as a real one would.
    #[must_use]
    pub fn tolerating_faults(mut self) -> Self {
        self.tolerant = true;
        self
    }

    /// Begins: the zone is opened, its first tick done.
    ///
    /// # Panics
    /// When world, map and zone don't fit together, or the zone refuses to open.
    pub fn start(self) -> World {
        let mut rules = self.world.unwrap_or_else(|| test_world(&self.map));
        let zone = rules.zones.iter_mut().find(|zone| zone.name.as_str() == self.zone);
        let zone = zone.unwrap_or_else(|| panic!("the world has no zone `{}`", self.zone));
        zone.config.extend(self.config);
        assert_eq!(zone.size, self.map.size, "the map and zone `{}` of the world differ in size", self.zone);
        let number = zone.number;
        self.map.check().unwrap_or_else(|error| panic!("the test world's map: {error}"));
        rules.check().unwrap_or_else(|error| panic!("the test world: {error}"));
        let (rules, map) = (Arc::new(rules), Arc::new(self.map));
        let parts = Parts { rules, number, map, content: self.content, tolerant: self.tolerant };
        (self.start)(parts)
    }
}

/// As `wod zone build` packs it.
pub(crate) fn packed(book: &Book) -> Vec<u8> {
    book.encode().unwrap_or_else(|error| panic!("the dialogues can't be packed: {error}"))
}

/// One zone of the map's size, and one far away where its portals lead.
fn test_world(map: &Map) -> world::World {
    let zone = |name: &str, number: u16| world::Zone {
        name: ZoneName::from(name),
        number: ZoneNo(number),
        module: "test".to_owned(),
        origin: [0.0, 0.0],
        size: map.size,
        tick_hz: 20,
        players: 1000,
        portals: Default::default(),
        hosts: Vec::new(),
        apart_from: Vec::new(),
        config: Default::default(),
    };
    let mut here = zone("test.zone", 1);
    here.portals = map.portals.iter().map(|portal| (portal.name.clone(), "far.zone".to_owned())).collect();
    world::World {
        start: ZoneName::from("test.zone"),
        ranges: Ranges::default(),
        zones: vec![here, zone("far.zone", 2)],
    }
}
