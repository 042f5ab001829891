//! Reads a Tiled map into the map that hosts and clients use. The conventions are documented in `zones/README.md`.
//!
//! Every fault is collected, not only the first, and names the object as Tiled shows it, so that an author mends them in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tiled::{Layer, LayerType, Loader, Object, ObjectShape, Orientation, PropertyValue};
use wod_protocol::client::TagValue;
use wod_protocol::map::{Barrier, Decor, MAX_EXTENT, Map, MapError, Place, Portal, Shape};

/// Tiled pixels in one metre; also the size a tile must have, so that the map's size in tiles is its size in metres.
const PIXELS_PER_METRE: u32 = 32;

/// Why a Tiled file gives no map.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not there, or not a Tiled map.
    #[error("can't read the map {path}")]
    Load {
        /// The file.
        path: PathBuf,
        /// What Tiled's reader says.
        source: tiled::Error,
    },
    /// It breaks the conventions.
    #[error("the map {path} has {} fault(s):{}", faults.len(), faults.iter().map(|fault| format!("\n  - {fault}")).collect::<String>())]
    Faults {
        /// The file.
        path: PathBuf,
        /// All of them, each naming its object.
        faults: Vec<String>,
    },
    /// It breaks a bound that hosts rely on.
    #[error("the map {path}")]
    Bounds {
        /// The file.
        path: PathBuf,
        /// Which.
        source: MapError,
    },
}

/// Reads and checks the file. On faults: all of them, one a line, each naming its object.
pub fn read(path: &Path) -> Result<Map, ReadError> {
    let file = || path.to_owned();
    let source = Loader::new().load_tmx_map(path).map_err(|source| ReadError::Load { path: file(), source })?;
    let map = convert(&source).map_err(|faults| ReadError::Faults { path: file(), faults })?;
    map.check().map_err(|source| ReadError::Bounds { path: file(), source })?;
    Ok(map)
}

fn convert(source: &tiled::Map) -> Result<Map, Vec<String>> {
    let mut reader = Reader::new(source)?;
    for layer in source.layers() {
        reader.layer(&layer);
    }
    reader.finish()
}

struct Reader {
    map: Map,
    faults: Vec<String>,
    /// Names that must be unique, by class.
    names: BTreeSet<(&'static str, String)>,
    /// What must not stand inside a wall: who, and where.
    standing: Vec<(String, [f64; 2])>,
}

impl Reader {
    fn new(source: &tiled::Map) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        if source.orientation != Orientation::Orthogonal {
            faults.push("the map must be orthogonal: set Map > Map Properties > Orientation".to_owned());
        }
        if source.infinite() {
            faults.push("the map must have a fixed size: switch Map > Map Properties > Infinite off".to_owned());
        }
        if (source.tile_width, source.tile_height) != (PIXELS_PER_METRE, PIXELS_PER_METRE) {
            faults.push(format!(
                "tiles are {} x {} px: they must be {PIXELS_PER_METRE} x {PIXELS_PER_METRE} px, which is one metre",
                source.tile_width, source.tile_height
            ));
        }
        let size = [f64::from(source.width), f64::from(source.height)];
        if size.iter().any(|side| !(1.0..=MAX_EXTENT).contains(side)) {
            faults.push(format!("the map is {} x {} m: each side must be 1 to {MAX_EXTENT} m", size[0], size[1]));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut map = Map::empty(size[0], size[1]);
        map.spawns.clear();
        Ok(Self { map, faults, names: BTreeSet::new(), standing: Vec::new() })
    }

    fn layer(&mut self, layer: &Layer<'_>) {
        if layer.offset_x != 0.0 || layer.offset_y != 0.0 {
            self.faults.push(format!("layer `{}` has an offset: set it to 0 and move the objects instead", layer.name));
        }
        match layer.layer_type() {
            LayerType::Objects(objects) => objects.objects().for_each(|object| self.object(&layer.name, &object)),
            LayerType::Group(group) => group.layers().for_each(|inner| self.layer(&inner)),
            // Pictures for the author; clients draw `decor` objects.
            LayerType::Tiles(_) | LayerType::Image(_) => {}
        }
    }

    fn object(&mut self, layer: &str, object: &Object<'_>) {
        let title = if object.name.is_empty() {
            format!("object {} in layer `{layer}`", object.id())
        } else {
            format!("object {} `{}` in layer `{layer}`", object.id(), object.name)
        };
        if let Err(fault) = self.read_object(object, &title) {
            self.faults.push(format!("{title}: {fault}"));
        }
    }

    fn read_object(&mut self, object: &Object<'_>, title: &str) -> Result<(), String> {
        let is_point = matches!(object.shape, ObjectShape::Point(..));
        if object.rotation != 0.0 && !is_point {
            return Err(format!("is rotated by {}°: set the rotation to 0 and draw its corners", object.rotation));
        }
        match object.user_type.as_str() {
            "wall" => {
                let shape = self.outline(object)?;
                known_properties(object, &[])?;
                self.map.walls.push(shape);
            }
            "barrier" => {
                let name = self.unique_name("barrier", object)?;
                let shape = self.outline(object)?;
                known_properties(object, &["closed"])?;
                let closed = match object.properties.get("closed") {
                    None => true,
                    Some(PropertyValue::BoolValue(closed)) => *closed,
                    Some(_) => return Err("property `closed` must be a bool".into()),
                };
                self.map.barriers.push(Barrier { name, shape, closed });
            }
            "spawn" => {
                let at = self.point(object)?;
                known_properties(object, &[])?;
                self.standing.push((title.to_owned(), at));
                self.map.spawns.push(at);
            }
            "place" => {
                let name = required_name("place", object)?;
                let at = self.point(object)?;
                let radius = metres(object, "radius")?.unwrap_or(0.0);
                let properties = free_properties(object)?;
                self.standing.push((title.to_owned(), at));
                self.map.places.push(Place { name, at, radius, properties });
            }
            "portal" => {
                let name = self.unique_name("portal", object)?;
                let at = self.point(object)?;
                known_properties(object, &["radius"])?;
                let radius = metres(object, "radius")?
                    .ok_or("needs a float property `radius`: how near one must come, metres")?;
                if !(radius > 0.0 && radius <= 100.0) {
                    return Err(format!("radius {radius} m: must be over 0 and at most 100"));
                }
                self.standing.push((title.to_owned(), at));
                self.map.portals.push(Portal { name, at, radius });
            }
            "decor" => {
                let Shape { points, closed: true } = self.outline(object)? else {
                    return Err("decor is an area: make it a polygon or a rectangle".into());
                };
                known_properties(object, &["kind"])?;
                let kind = match object.properties.get("kind") {
                    Some(PropertyValue::StringValue(kind)) if !kind.is_empty() => kind.clone(),
                    _ => return Err("needs a string property `kind`: what to draw, for example `road`".into()),
                };
                self.map.decor.push(Decor { kind, points });
            }
            "" => {
                return Err("has no class: set Class to wall, barrier, spawn, place, portal or decor".into());
            }
            other => {
                return Err(format!("class `{other}` is not known: use wall, barrier, spawn, place, portal or decor"));
            }
        }
        Ok(())
    }

    /// Corners in metres, counted from the south-west corner of the map, y up.
    fn outline(&self, object: &Object<'_>) -> Result<Shape, String> {
        let (corners, closed) = match &object.shape {
            ObjectShape::Rect { width, height } if *width > 0.0 && *height > 0.0 => {
                (vec![(0.0, 0.0), (*width, 0.0), (*width, *height), (0.0, *height)], true)
            }
            ObjectShape::Rect { .. } => return Err("is a rectangle without an area".into()),
            ObjectShape::Polygon { points } => (points.clone(), true),
            ObjectShape::Polyline { points } => (points.clone(), false),
            _ => return Err("must be a polygon, a polyline or a rectangle".into()),
        };
        let needed = if closed { 3 } else { 2 };
        if corners.len() < needed {
            return Err(format!("needs at least {needed} corners"));
        }
        let points: Vec<_> = corners.iter().map(|(x, y)| self.metres(object.x + x, object.y + y)).collect();
        let [width, height] = self.map.size;
        match points.iter().find(|[x, y]| !((0.0..=width).contains(x) && (0.0..=height).contains(y))) {
            Some([x, y]) => Err(format!("its corner ({x}, {y}) m lies off the map")),
            None => Ok(Shape { points, closed }),
        }
    }

    fn point(&self, object: &Object<'_>) -> Result<[f64; 2], String> {
        if !matches!(object.shape, ObjectShape::Point(..)) {
            return Err(format!("a {} must be a point object", object.user_type));
        }
        let [x, y] = self.metres(object.x, object.y);
        let [width, height] = self.map.size;
        if (0.0..width).contains(&x) && (0.0..height).contains(&y) {
            Ok([x, y])
        } else {
            Err(format!("({x}, {y}) m lies off the map"))
        }
    }

    fn metres(&self, x_px: f32, y_px: f32) -> [f64; 2] {
        let scale = f64::from(PIXELS_PER_METRE);
        [f64::from(x_px) / scale, self.map.size[1] - f64::from(y_px) / scale]
    }

    fn unique_name(&mut self, class: &'static str, object: &Object<'_>) -> Result<String, String> {
        let name = required_name(class, object)?;
        if self.names.insert((class, name.clone())) {
            Ok(name)
        } else {
            Err(format!("another {class} has this name already"))
        }
    }

    fn finish(mut self) -> Result<Map, Vec<String>> {
        if self.map.spawns.is_empty() && self.faults.is_empty() {
            self.faults.push("there is no spawn point: add a point object of class `spawn`".into());
        }
        for (title, at) in &self.standing {
            if self.map.walls.iter().any(|wall| wall.closed && encloses(&wall.points, *at)) {
                self.faults.push(format!("{title}: ({}, {}) m lies inside a wall", at[0], at[1]));
            }
        }
        if self.faults.is_empty() { Ok(self.map) } else { Err(self.faults) }
    }
}

fn required_name(class: &str, object: &Object<'_>) -> Result<String, String> {
    if object.name.is_empty() { Err(format!("a {class} needs a name")) } else { Ok(object.name.clone()) }
}

fn known_properties(object: &Object<'_>, known: &[&str]) -> Result<(), String> {
    let mut unknown: Vec<_> = object.properties.keys().filter(|name| !known.contains(&name.as_str())).collect();
    unknown.sort();
    match unknown.first() {
        None => Ok(()),
        Some(name) if known.is_empty() => Err(format!("property `{name}`: a {} has none", object.user_type)),
        Some(name) => Err(format!("property `{name}` is not known: a {} has {}", object.user_type, known.join(", "))),
    }
}

fn metres(object: &Object<'_>, name: &str) -> Result<Option<f64>, String> {
    match object.properties.get(name) {
        None => Ok(None),
        Some(PropertyValue::FloatValue(value)) if value.is_finite() && *value >= 0.0 => Ok(Some(decimal(*value))),
        Some(PropertyValue::IntValue(value)) if *value >= 0 => Ok(Some(f64::from(*value))),
        Some(_) => Err(format!("property `{name}` must be a float, 0 or more")),
    }
}

fn free_properties(object: &Object<'_>) -> Result<BTreeMap<String, TagValue>, String> {
    let rest = object.properties.iter().filter(|(name, _)| name.as_str() != "radius");
    rest.map(|(name, value)| {
        let value = match value {
            PropertyValue::BoolValue(flag) => TagValue::Flag(*flag),
            PropertyValue::IntValue(number) => TagValue::Int(i64::from(*number)),
            PropertyValue::FloatValue(number) if number.is_finite() => TagValue::Number(decimal(*number)),
            PropertyValue::StringValue(text) => TagValue::Text(text.clone()),
            _ => return Err(format!("property `{name}` must be a bool, an int, a finite float or a string")),
        };
        Ok((name.clone(), value))
    })
    .collect()
}

/// The number as the author typed it: 1.2 stays 1.2, where widening its bits gives 1.2000000476837158.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().expect("a finite float's text is a float")
}

/// Whether the point lies inside the polygon, by counting the edges to its east.
fn encloses(corners: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    edges.filter(|([ax, ay], [bx, by])| (ay > &y) != (by > &y) && x < ax + (y - ay) / (by - ay) * (bx - ax)).count() % 2
        == 1
}

#[cfg(test)]
mod tests;
