//! The world file (TOML): regions, zones, what they run and where their portals lead. The same file goes to every process.

use serde::{Deserialize, Serialize};

use crate::client::TagValue;
use crate::ids::{HostId, ZoneName, ZoneNo};
use crate::units::{Bounds, Pos};

/// A whole world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The zone where new characters begin.
    pub start: ZoneName,
    /// How far is near.
    #[serde(default)]
    pub ranges: Ranges,
    /// The zones, each in a region of its name's first part.
    #[serde(rename = "zone")]
    pub zones: Vec<Zone>,
}

/// Distances, metres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ranges {
    /// A `say` is heard this far.
    pub say: f64,
    /// A `shout` is heard this far.
    pub shout: f64,
    /// An `emote` is seen this far.
    pub emote: f64,
    /// Somebody this near enters the roster.
    pub roster_enter: f64,
    /// Somebody this far leaves it; over `roster_enter`, so that nobody flickers at the edge.
    pub roster_leave: f64,
    /// Most entities in a roster, 1 to 128; the nearest win.
    pub roster_cap: usize,
    /// A player's walking speed, m/s, over 0 and at most 50.
    pub speed: f64,
}

impl Default for Ranges {
    fn default() -> Self {
        Self { say: 10.0, shout: 60.0, emote: 20.0, roster_enter: 60.0, roster_leave: 66.0, roster_cap: 64, speed: 6.0 }
    }
}

/// One zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// `region.name`.
    pub name: ZoneName,
    /// 1 to 65535, unique, never changed once the world has run: entity ids contain it.
    pub number: ZoneNo,
    /// Module file stem: `elysium` is `zones/…/elysium.wasm`.
    pub module: String,
    /// South-west corner in the region's plane, metres.
    pub origin: [f64; 2],
    /// Width and height, metres; the module's map has this size.
    pub size: [f64; 2],
    /// Ticks a second, 1 to 60.
    #[serde(default = "default_tick_hz")]
    pub tick_hz: u32,
    /// Most players at once.
    #[serde(default = "default_players")]
    pub players: u32,
    /// Portal name of the map → `zone` or `zone/place`.
    #[serde(default)]
    pub portals: std::collections::BTreeMap<String, String>,
    /// Hosts that run it while any of them is alive; empty: any host.
    #[serde(default)]
    pub hosts: Vec<HostId>,
    /// Zones that do not run on the same host while there is another.
    #[serde(default)]
    pub apart_from: Vec<ZoneName>,
    /// Settings for the module.
    #[serde(default)]
    pub config: std::collections::BTreeMap<String, TagValue>,
}

fn default_tick_hz() -> u32 {
    20
}

fn default_players() -> u32 {
    1000
}

/// What is wrong with a world file.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Not TOML of this shape.
    #[error("the world file does not parse: {0}")]
    Toml(#[from] toml::de::Error),
    /// It says something impossible; the text names the zone and the mend.
    #[error("{0}")]
    Invalid(String),
}

impl Zone {
    /// The region: the name up to the first dot.
    pub fn region(&self) -> &str {
        self.name.as_str().split('.').next().unwrap_or_default()
    }

    /// The zone's rectangle.
    pub fn bounds(&self) -> Bounds {
        let [x, y] = self.origin;
        let [width, height] = self.size;
        Bounds { min: Pos::from_metres(x, y), max: Pos::from_metres(x + width, y + height) }
    }
}

impl World {
    /// Reads and checks a world file.
    pub fn parse(text: &str) -> Result<Self, WorldError> {
        let world: Self = toml::from_str(text)?;
        world.check()?;
        Ok(world)
    }

    /// The zone of this number.
    pub fn zone(&self, number: ZoneNo) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.number == number)
    }

    /// The zone of this name.
    pub fn zone_named(&self, name: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.name.as_str() == name)
    }

    /// The zone where new characters begin.
    pub fn start_zone(&self) -> &Zone {
        self.zone_named(self.start.as_str()).expect("check() has seen it")
    }

    /// Checks every rule of this module's docs.
    pub fn check(&self) -> Result<(), WorldError> {
        let invalid = |text: String| Err(WorldError::Invalid(text));
        if self.zone_named(self.start.as_str()).is_none() {
            return invalid(format!("start = \"{}\": no [[zone]] has that name", self.start));
        }
        let ranges = &self.ranges;
        let lengths = [ranges.say, ranges.shout, ranges.emote, ranges.roster_enter, ranges.roster_leave];
        if lengths.iter().any(|length| !(*length > 0.0 && *length <= 500.0)) {
            return invalid("[ranges]: every distance must be over 0 and at most 500 m".into());
        }
        if ranges.roster_leave < ranges.roster_enter {
            return invalid("[ranges]: roster_leave must be at least roster_enter".into());
        }
        if !(1..=crate::limits::ROSTER_CAP).contains(&ranges.roster_cap) {
            return invalid(format!("[ranges]: roster_cap must be 1 to {}", crate::limits::ROSTER_CAP));
        }
        if !(ranges.speed > 0.0 && ranges.speed <= 50.0) {
            return invalid("[ranges]: speed must be over 0 and at most 50 m/s".into());
        }
        for (index, zone) in self.zones.iter().enumerate() {
            self.check_zone(index, zone)?;
        }
        Ok(())
    }

    fn check_zone(&self, index: usize, zone: &Zone) -> Result<(), WorldError> {
        let name = &zone.name;
        let invalid = |text: String| Err(WorldError::Invalid(format!("zone `{name}`: {text}")));
        let parts: Vec<_> = name.as_str().split('.').collect();
        let legal = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        if parts.len() != 2 || !parts.iter().all(legal) || name.as_str().len() > 64 {
            return invalid("a name is `region.zone` in lower case letters, digits, - and _".into());
        }
        if zone.number.0 == 0 {
            return invalid("number must be 1 to 65535".into());
        }
        let legal_file = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if zone.module.is_empty() || !zone.module.bytes().all(legal_file) {
            return invalid("module is a file stem: letters, digits, - and _".into());
        }
        let extent = crate::map::MAX_EXTENT;
        if zone.size.iter().any(|side| !(*side > 0.0 && *side <= extent)) {
            return invalid(format!("size: each side must be over 0 and at most {extent} m"));
        }
        if zone.origin.iter().any(|coordinate| coordinate.is_nan() || coordinate.abs() > 1_000_000.0) {
            return invalid("origin: each coordinate must lie within ±1,000,000 m".into());
        }
        if !(1..=60).contains(&zone.tick_hz) {
            return invalid("tick_hz must be 1 to 60".into());
        }
        for (portal, destination) in &zone.portals {
            let target = destination.split('/').next().unwrap_or_default();
            if self.zone_named(target).is_none() {
                return invalid(format!("portal `{portal}` leads to `{destination}`: no zone has that name"));
            }
        }
        for other in &zone.apart_from {
            if self.zone_named(other.as_str()).is_none_or(|other| other.number == zone.number) {
                return invalid(format!("apart_from names `{other}`: that is no other zone"));
            }
        }
        for other in &self.zones[..index] {
            if other.name == zone.name || other.number == zone.number {
                return invalid(format!("shares its name or number with zone `{}`", other.name));
            }
            let (a, b) = (zone.bounds(), other.bounds());
            let apart = a.max.x <= b.min.x || b.max.x <= a.min.x || a.max.y <= b.min.y || b.max.y <= a.min.y;
            if zone.region() == other.region() && !apart {
                return invalid(format!("overlaps zone `{}` of the same region", other.name));
            }
        }
        Ok(())
    }
}
