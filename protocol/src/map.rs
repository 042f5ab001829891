//! A zone's map as it is packed into the component file (custom section [`SECTION`]) and, but for what is the module's alone
//! ([`Map::for_clients`]), served to clients at `/maps/{digest}`: JSON, metres, relative to the south-west corner of the zone's
//! bounds, y up.
//!
//! `wod zone build` makes it from a Tiled map; [`Map::parse`] checks everything a host relies on.

use serde::{Deserialize, Serialize};

use crate::client::TagValue;

/// Name of the component file's custom section that holds the map's JSON.
pub const SECTION: &str = "wod:map";
/// Most walls and barriers of a map together.
pub const MAX_SHAPES: usize = 4096;
/// Most corners of all walls and barriers together.
pub const MAX_POINTS: usize = 65_536;
/// Most places, spawn points and portals together.
pub const MAX_PLACES: usize = 4096;
/// Largest extent of a map, metres.
pub const MAX_EXTENT: f64 = 4096.0;
/// Places that are for the module alone have names that begin with it: clients are never sent them.
pub const HIDDEN: char = '@';
/// Name of the places where the map posts NPCs; the SDK reads their properties (`zone-api/guest/src/drawn.rs`).
pub const POSTS: &str = "@post";
/// Name of the places where the map puts things; the SDK reads their properties.
pub const THINGS: &str = "@thing";

/// A zone's map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// Width and height, metres. A world file's bounds must have this size.
    pub size: [f64; 2],
    /// Solid outlines; nobody walks or sees through them.
    #[serde(default)]
    pub walls: Vec<Shape>,
    /// Named walls that open and close.
    #[serde(default)]
    pub barriers: Vec<Barrier>,
    /// Named places.
    #[serde(default)]
    pub places: Vec<Place>,
    /// Where players without a better place appear; at least one.
    pub spawns: Vec<[f64; 2]>,
    /// Ways out.
    #[serde(default)]
    pub portals: Vec<Portal>,
    /// Ground textures and decoration for clients, free-form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decor: Vec<Decor>,
}

/// A line of connected segments; a closed one is a solid polygon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Corners in order, at least 2.
    pub points: Vec<[f64; 2]>,
    /// Whether the last corner joins the first.
    #[serde(default)]
    pub closed: bool,
}

/// A wall with a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Unique in the map.
    pub name: String,
    /// Its outline.
    pub shape: Shape,
    /// Whether it is closed when the zone begins.
    pub closed: bool,
}

/// A named spot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Several places may share a name (the stops of a patrol, in order). See [`HIDDEN`].
    pub name: String,
    /// Where.
    pub at: [f64; 2],
    /// How far it reaches, metres; 0: a point.
    #[serde(default)]
    pub radius: f64,
    /// Free attributes, in order of name.
    #[serde(default)]
    pub properties: std::collections::BTreeMap<String, TagValue>,
}

/// A way out: a player who walks into it is handed over to where the world file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portal {
    /// Unique in the map; the world file's `[zone.portals]` names its destination.
    pub name: String,
    /// Where.
    pub at: [f64; 2],
    /// How near one must come, metres.
    pub radius: f64,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decor {
    /// What, for the client's drawing: `road`, `water`, `floor`, `park`, …
    pub kind: String,
    /// Outline, at least 3 corners.
    pub points: Vec<[f64; 2]>,
}

/// What is wrong with a map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Not the JSON that this module describes.
    #[error("the map is not valid JSON of this format: {0}")]
    Json(#[from] serde_json::Error),
    /// It says something impossible; the text names the element and the mend.
    #[error("{0}")]
    Invalid(String),
}

impl Map {
    /// An empty map of this size with one spawn point in its middle.
    pub fn empty(width: f64, height: f64) -> Self {
        Self {
            size: [width, height],
            walls: Vec::new(),
            barriers: Vec::new(),
            places: Vec::new(),
            spawns: vec![[width / 2.0, height / 2.0]],
            portals: Vec::new(),
            decor: Vec::new(),
        }
    }

    /// Reads and checks a map's JSON.
    pub fn parse(json: &[u8]) -> Result<Self, MapError> {
        let map: Self = serde_json::from_slice(json)?;
        map.check()?;
        Ok(map)
    }

    /// What clients are told of it; none: all.
    pub fn for_clients(&self) -> Option<Self> {
        let hidden = |place: &Place| place.name.starts_with(HIDDEN);
        self.places.iter().any(hidden).then(|| {
            let mut map = self.clone();
            map.places.retain(|place| !hidden(place));
            map
        })
    }

    /// The JSON that is packed and served; the same map gives the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a map has only finite numbers and text keys")
    }

    /// Checks every bound and rule of this module's docs.
    pub fn check(&self) -> Result<(), MapError> {
        let invalid = |text: String| Err(MapError::Invalid(text));
        let [width, height] = self.size;
        if !(width > 0.0 && height > 0.0 && width <= MAX_EXTENT && height <= MAX_EXTENT) {
            return invalid(format!(
                "map size {width} x {height} m: each side must be over 0 and at most {MAX_EXTENT} m"
            ));
        }
        let inside = |at: &[f64; 2]| at[0] >= 0.0 && at[0] < width && at[1] >= 0.0 && at[1] < height;
        let on_map = |at: &[f64; 2]| at[0] >= 0.0 && at[0] <= width && at[1] >= 0.0 && at[1] <= height;
        let shapes = || self.walls.iter().chain(self.barriers.iter().map(|barrier| &barrier.shape));
        if shapes().count() > MAX_SHAPES {
            return invalid(format!("more than {MAX_SHAPES} walls and barriers: join walls to longer outlines"));
        }
        if shapes().map(|shape| shape.points.len()).sum::<usize>() > MAX_POINTS {
            return invalid(format!("walls and barriers have more than {MAX_POINTS} corners"));
        }
        for (index, shape) in shapes().enumerate() {
            let needed = if shape.closed { 3 } else { 2 };
            if shape.points.len() < needed {
                return invalid(format!("wall {index}: needs at least {needed} corners"));
            }
            if let Some(at) = shape.points.iter().find(|at| !on_map(at)) {
                return invalid(format!("wall {index}: corner ({}, {}) lies off the map", at[0], at[1]));
            }
        }
        if self.spawns.is_empty() {
            return invalid("the map has no spawn point: add a point object of class `spawn`".into());
        }
        if self.places.len() + self.spawns.len() + self.portals.len() > MAX_PLACES {
            return invalid(format!("more than {MAX_PLACES} places, spawn points and portals"));
        }
        if let Some(at) = self.spawns.iter().find(|at| !inside(at)) {
            return invalid(format!("spawn point ({}, {}) lies off the map", at[0], at[1]));
        }
        for place in &self.places {
            if !(inside(&place.at) && place.radius >= 0.0 && place.radius <= MAX_EXTENT) {
                return invalid(format!("place `{}` lies off the map or has an impossible radius", place.name));
            }
        }
        for portal in &self.portals {
            if !(inside(&portal.at) && portal.radius > 0.0 && portal.radius <= 100.0) {
                return invalid(format!(
                    "portal `{}` must lie on the map with a radius over 0 and at most 100 m",
                    portal.name
                ));
            }
        }
        for decor in &self.decor {
            if decor.points.len() < 3 || decor.points.iter().any(|at| !on_map(at)) {
                return invalid(format!("decor `{}` needs at least 3 corners, all on the map", decor.kind));
            }
        }
        let names = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned())
        };
        if let Some(name) = names(self.barriers.iter().map(|barrier| barrier.name.as_str()).collect()) {
            return invalid(format!("two barriers are named `{name}`"));
        }
        if let Some(name) = names(self.portals.iter().map(|portal| portal.name.as_str()).collect()) {
            return invalid(format!("two portals are named `{name}`"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_not_sent_what_is_the_modules_alone() {
        let mut map = Map::empty(10.0, 10.0);
        assert_eq!(map.for_clients(), None);
        let place = |name: &str| Place { name: name.into(), at: [1.0, 1.0], radius: 0.0, properties: [].into() };
        map.places = vec![place(POSTS), place("bar"), place(THINGS)];
        let shown = map.for_clients().expect("something is left out");
        assert_eq!(shown.places, [place("bar")]);
        assert_eq!(Map { places: shown.places.clone(), ..map }, shown);
    }
}
