//! A module's file: a component, and in custom sections of it whatever the host needs to know before it runs.
//!
//! Reading it here looks at the outermost sections only: a few microseconds, whatever the file holds. Whether the code in it
//! is valid is the compiler's question, asked in another process.

use std::sync::Arc;

use bytes::Bytes;
use wasmparser::{Encoding, Parser, Payload};
use wod_protocol::ids::Digest;
use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::map::{Map, SECTION};

use crate::error::LoadError;

/// The map that came with a module.
#[derive(Debug, Clone)]
pub struct PackedMap {
    /// What clients know it by: of `json`.
    pub digest: Digest,
    /// As packed; what `/maps/{digest}` serves.
    pub json: Bytes,
    /// As read and checked.
    pub map: Arc<Map>,
}

/// What a file says without being run or compiled.
pub(crate) struct Package {
    /// Names of its imports, in order.
    pub(crate) imports: Vec<String>,
    /// Names of its exports, in order.
    pub(crate) exports: Vec<String>,
    pub(crate) map: Option<PackedMap>,
}

impl Package {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() > MODULE_BYTES {
            return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MODULE_BYTES });
        }
        let malformed = |error: wasmparser::BinaryReaderError| LoadError::Malformed(error.to_string());
        let (mut imports, mut exports, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(malformed)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(LoadError::CoreModule),
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        imports.push(import.map_err(malformed)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        exports.push(export.map_err(malformed)?.name.name.to_owned());
                    }
                }
                Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => maps.push(section.data()),
                _ => {}
            }
        }
        let map = match maps.as_slice() {
            [] => None,
            [json] => Some(PackedMap::read(json)?),
            more => return Err(LoadError::TooManyMaps(more.len())),
        };
        Ok(Self { imports, exports, map })
    }
}

impl PackedMap {
    fn read(json: &[u8]) -> Result<Self, LoadError> {
        let map = Map::parse(json).map_err(LoadError::Map)?;
        Ok(Self { digest: Digest::of(json), json: Bytes::copy_from_slice(json), map: Arc::new(map) })
    }
}

/// The component (which must hold no map yet) with this map packed into it: what `wod zone build` writes.
pub fn with_map(component: &[u8], map: &Map) -> Vec<u8> {
    let json = map.to_json();
    let mut name = leb128(SECTION.len());
    name.extend_from_slice(SECTION.as_bytes());
    let mut file = component.to_vec();
    file.push(0); // The id of a custom section, in a component as in a core module.
    file.extend(leb128(name.len() + json.len()));
    file.extend(name);
    file.extend(json);
    file
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `\0asm`, then version and layer of a component.
    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_packed_map_comes_back_with_the_digest_of_its_bytes() {
        let map = Map::empty(200.0, 100.0);
        let package = Package::read(&with_map(EMPTY_COMPONENT, &map)).expect("a component");
        let packed = package.map.expect("the map");
        assert_eq!(*packed.map, map);
        assert_eq!(packed.digest, Digest::of(&map.to_json()));
    }

    #[test]
    fn a_broken_map_names_what_is_wrong_with_it() {
        let mut map = Map::empty(200.0, 100.0);
        map.spawns.clear();
        let error = Package::read(&with_map(EMPTY_COMPONENT, &map)).err().expect("refused");
        assert!(error.to_string().contains("no spawn point"), "{error}");
    }

    #[test]
    fn two_maps_are_refused() {
        let map = Map::empty(200.0, 100.0);
        let twice = with_map(&with_map(EMPTY_COMPONENT, &map), &map);
        assert!(matches!(Package::read(&twice), Err(LoadError::TooManyMaps(2))));
    }

    #[test]
    fn a_core_module_is_told_from_garbage() {
        assert!(matches!(Package::read(EMPTY_MODULE), Err(LoadError::CoreModule)));
        assert!(matches!(Package::read(b"not wasm at all"), Err(LoadError::Malformed(_))));
        assert!(matches!(Package::read(b""), Err(LoadError::Malformed(_))));
        assert!(matches!(Package::read(&EMPTY_COMPONENT[..6]), Err(LoadError::Malformed(_))));
    }

    #[test]
    fn a_file_over_the_size_limit_is_refused_unread() {
        let error = Package::read(&vec![0; MODULE_BYTES + 1]).err().expect("refused");
        assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    }
}
