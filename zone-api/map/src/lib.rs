//! Reads a Tiled map into the map that hosts and clients use. The conventions are documented in `zones/README.md`.
//!
//! Every fault is collected, not only the first, and tells the line of the file and the object as Tiled shows it, so that an author
//! mends them in one go.

use std::path::{Path, PathBuf};

use tiled::Loader;
use wod_protocol::map::{Map, MapError};

mod figures;
mod properties;
mod reader;
mod source;

use source::Source;

/// Why a Tiled file gives no map.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not there, or not readable.
    #[error("can't read the map {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a Tiled map.
    #[error("can't read the map {path}")]
    Load {
        /// The file.
        path: PathBuf,
        /// What Tiled's reader says.
        source: tiled::Error,
    },
    /// It breaks the conventions.
    #[error("the map {path} has {} fault(s):{}", faults.len(), listed(path, faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// All of them, in the file's order.
        faults: Vec<MapFault>,
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

/// What is wrong in a map, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapFault {
    /// Line of the file, from 1.
    pub line: u32,
    /// Which object, what, and how to mend it.
    pub text: String,
}

/// A map with what is known of the file it was drawn in.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The map.
    pub map: Map,
    /// Everything that stands at one point, in the file's order.
    pub spots: Vec<Spot>,
}

/// Something of a map that stands at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// What it is.
    pub kind: SpotKind,
    /// Its name; empty: it has none.
    pub name: String,
    /// Line of the file, from 1.
    pub line: u32,
    /// How Tiled shows it, for people: `object 3 `bar` in layer `places``.
    pub title: String,
    /// Where, as in the map.
    pub at: [f64; 2],
}

/// What stands at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpotKind {
    /// Where players appear.
    Spawn,
    /// A named place.
    Place,
    /// A way out.
    Portal,
    /// Where an NPC stands.
    Post,
    /// A thing.
    Thing,
}

/// Reads and checks the file. On faults: all of them, one a line, each with the line of the file.
pub fn read(path: &Path) -> Result<Map, ReadError> {
    read_drawn(path).map(|drawn| drawn.map)
}

/// The same with where in the file everything is.
pub fn read_drawn(path: &Path) -> Result<Drawn, ReadError> {
    let file = || path.to_owned();
    let text = std::fs::read_to_string(path).map_err(|source| ReadError::Open { path: file(), source })?;
    let faulty = |mut faults: Vec<MapFault>| {
        faults.sort();
        ReadError::Faults { path: file(), faults }
    };
    // First, for its errors tell the line.
    let source = Source::read(&text).map_err(|fault| faulty(vec![fault]))?;
    let tiled = Loader::new().load_tmx_map(path).map_err(|source| ReadError::Load { path: file(), source })?;
    let drawn = reader::convert(&tiled, &source).map_err(faulty)?;
    drawn.map.check().map_err(|source| ReadError::Bounds { path: file(), source })?;
    Ok(drawn)
}

/// Faults for people: one a line, as compilers say where.
pub fn listed(path: &Path, faults: &[MapFault]) -> String {
    let line = |fault: &MapFault| format!("\n  {}:{}: {}", path.display(), fault.line, fault.text);
    faults.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
