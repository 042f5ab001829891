//! From Tiled's objects to the map, class by class.

use std::collections::BTreeMap;

use tiled::{Layer, LayerType, Object, ObjectShape, Orientation, PropertyValue};
use wod_protocol::client::TagValue;
use wod_protocol::map::{Barrier, Decor, HIDDEN, MAX_EXTENT, Map, POSTS, Place, Portal, Shape, THINGS};

use crate::properties::{free_properties, known_properties, metres, required_name};
use crate::source::Source;
use crate::{Drawn, MapFault, Spot, SpotKind, figures};

/// Tiled pixels in one metre; also the size a tile must have, so that the map's size in tiles is its size in metres.
const PIXELS_PER_METRE: u32 = 32;
/// For whoever has chosen none, or another.
const CLASSES: &str = "wall, barrier, spawn, place, post, thing, portal or decor";

/// The map, or all that is wrong with it.
pub(crate) fn convert(map: &tiled::Map, source: &Source) -> Result<Drawn, Vec<MapFault>> {
    let mut reader = Reader::new(map, source)?;
    for layer in map.layers() {
        reader.layer(&layer);
    }
    reader.finish()
}

struct Reader<'s> {
    source: &'s Source,
    map: Map,
    faults: Vec<MapFault>,
    /// Names that must be unique, by class: where they are.
    names: BTreeMap<(&'static str, String), u32>,
    spots: Vec<Spot>,
    references: Vec<Reference>,
}

/// What an object says of another: checked when all are read.
struct Reference {
    line: u32,
    title: String,
    property: &'static str,
    names: String,
}

impl<'s> Reader<'s> {
    fn new(source: &tiled::Map, file: &'s Source) -> Result<Self, Vec<MapFault>> {
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
            return Err(faults.into_iter().map(|text| MapFault { line: file.map_line(), text }).collect());
        }
        let mut map = Map::empty(size[0], size[1]);
        map.spawns.clear();
        Ok(Self {
            source: file,
            map,
            faults: Vec::new(),
            names: BTreeMap::new(),
            spots: Vec::new(),
            references: Vec::new(),
        })
    }

    fn layer(&mut self, layer: &Layer<'_>) {
        if layer.offset_x != 0.0 || layer.offset_y != 0.0 {
            let text = format!("layer `{}` has an offset: set it to 0 and move the objects instead", layer.name);
            self.faults.push(MapFault { line: self.source.layer_line(layer.id()), text });
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
        let line = self.source.object_line(object.id());
        if let Err(fault) = self.read_object(object, line, &title) {
            self.faults.push(MapFault { line, text: format!("{title}: {fault}") });
        }
    }

    fn read_object(&mut self, object: &Object<'_>, line: u32, title: &str) -> Result<(), String> {
        let spot = |kind, name: &str, at| Spot { kind, name: name.to_owned(), line, title: title.to_owned(), at };
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
                self.spots.push(spot(SpotKind::Spawn, "", at));
                self.map.spawns.push(at);
            }
            "place" => {
                let name = required_name("place", object)?;
                if name.starts_with(HIDDEN) {
                    return Err(format!("a place's name does not begin with `{HIDDEN}`: choose another"));
                }
                let at = self.point(object)?;
                let radius = metres(object, "radius")?.unwrap_or(0.0);
                let properties = free_properties(object, &["radius"])?;
                self.spots.push(spot(SpotKind::Place, &name, at));
                self.map.places.push(Place { name, at, radius, properties });
            }
            "post" => {
                let name = self.unique_name("post", object)?;
                let at = self.point(object)?;
                let properties = figures::post(&name, free_properties(object, &[])?)?;
                self.refer(&properties, &["patrol"], line, title);
                self.spots.push(spot(SpotKind::Post, &name, at));
                self.map.places.push(Place { name: POSTS.to_owned(), at, radius: 0.0, properties });
            }
            "thing" => {
                let name = required_name("thing", object)?;
                let at = self.point(object)?;
                let properties = figures::thing(&name, free_properties(object, &[])?)?;
                self.refer(&properties, &["door"], line, title);
                self.spots.push(spot(SpotKind::Thing, &name, at));
                self.map.places.push(Place { name: THINGS.to_owned(), at, radius: 0.0, properties });
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
                self.spots.push(spot(SpotKind::Portal, &name, at));
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
                return Err(format!("has no class: set Class to {CLASSES}"));
            }
            other => {
                return Err(format!("class `{other}` is not known: use {CLASSES}"));
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
        let line = self.source.object_line(object.id());
        match self.names.insert((class, name.clone()), line) {
            None => Ok(name),
            Some(first) => {
                self.names.insert((class, name), first);
                Err(format!("another {class} has this name already (line {first}): give it another"))
            }
        }
    }

    /// Notes what the object says of others.
    fn refer(&mut self, properties: &BTreeMap<String, TagValue>, which: &[&'static str], line: u32, title: &str) {
        for property in which {
            if let Some(TagValue::Text(names)) = properties.get(*property) {
                self.references.push(Reference { line, title: title.to_owned(), property, names: names.clone() });
            }
        }
    }

    fn finish(mut self) -> Result<Drawn, Vec<MapFault>> {
        if self.map.spawns.is_empty() && self.faults.is_empty() {
            let text = "there is no spawn point: add a point object of class `spawn`".to_owned();
            self.faults.push(MapFault { line: self.source.map_line(), text });
        }
        for Spot { title, line, at, .. } in &self.spots {
            if self.map.walls.iter().any(|wall| wall.closed && encloses(&wall.points, *at)) {
                let text = format!("{title}: ({}, {}) m lies inside a wall: move it out", at[0], at[1]);
                self.faults.push(MapFault { line: *line, text });
            }
        }
        for Reference { line, title, property, names } in &self.references {
            let (class, is_there) = match *property {
                "door" => ("barrier", self.map.barriers.iter().any(|barrier| barrier.name == *names)),
                _ => ("place", self.map.places.iter().any(|place| place.name == *names)),
            };
            if !is_there {
                let text =
                    format!("{title}: property `{property}`: there is no {class} `{names}`: draw it, or name another");
                self.faults.push(MapFault { line: *line, text });
            }
        }
        if self.faults.is_empty() { Ok(Drawn { map: self.map, spots: self.spots }) } else { Err(self.faults) }
    }
}

/// Whether the point lies inside the polygon, by counting the edges to its east.
fn encloses(corners: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    edges.filter(|([ax, ay], [bx, by])| (ay > &y) != (by > &y) && x < ax + (y - ay) / (by - ay) * (bx - ax)).count() % 2
        == 1
}
