//! A module's file: a component, and in custom sections of it whatever the host needs to know before it runs.
//!
//! Reading it here looks at the outermost sections only: a few microseconds, whatever the file holds. Whether the code in it
//! is valid is the compiler's question, asked in another process.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wasmparser::{Encoding, Parser, Payload};
use wod_protocol::ids::Digest;
use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::map::{Map, SECTION};

use crate::error::LoadError;

/// What else came with a module, by name: what it reads by `content.read`.
pub type Content = Arc<BTreeMap<String, Bytes>>;

/// What the names of the custom sections begin with that hold [`Content`].
const CONTENT_SECTION: &str = "wod:content/";
/// Largest content under one name, bytes: one call of an import gives no more.
pub const CONTENT_BYTES: usize = 1 << 20;

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
    pub(crate) content: Content,
}

impl Package {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() > MODULE_BYTES {
            return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MODULE_BYTES });
        }
        let malformed = |error: wasmparser::BinaryReaderError| LoadError::Malformed(error.to_string());
        let (mut imports, mut exports, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        let mut content = BTreeMap::new();
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
                Payload::CustomSection(section) if depth == 0 => {
                    let Some(name) = section.name().strip_prefix(CONTENT_SECTION) else { continue };
                    let data = section.data();
                    if data.len() > CONTENT_BYTES {
                        return Err(LoadError::ContentTooLarge { name: name.to_owned(), bytes: data.len() });
                    }
                    if content.insert(name.to_owned(), Bytes::copy_from_slice(data)).is_some() {
                        return Err(LoadError::ContentTwice(name.to_owned()));
                    }
                }
                _ => {}
            }
        }
        let map = match maps.as_slice() {
            [] => None,
            [json] => Some(PackedMap::read(json)?),
            more => return Err(LoadError::TooManyMaps(more.len())),
        };
        Ok(Self { imports, exports, map, content: Arc::new(content) })
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
    with_section(component, SECTION, &map.to_json())
}

/// The component with content of this name packed into it (which must not be there yet), at most [`CONTENT_BYTES`].
pub fn with_content(component: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    with_section(component, &format!("{CONTENT_SECTION}{name}"), content)
}

fn with_section(component: &[u8], section: &str, data: &[u8]) -> Vec<u8> {
    let mut name = leb128(section.len());
    name.extend_from_slice(section.as_bytes());
    let mut file = component.to_vec();
    file.push(0); // The id of a custom section, in a component as in a core module.
    file.extend(leb128(name.len() + data.len()));
    file.extend(name);
    file.extend(data);
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
    fn packed_content_comes_back_under_its_name_beside_the_map() {
        let file = with_content(&with_map(EMPTY_COMPONENT, &Map::empty(200.0, 100.0)), "dialogue", b"words");
        let file = with_content(&file, "prices", b"");
        let package = Package::read(&file).expect("a component");
        let content: Vec<_> = package.content.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        assert_eq!(content, [("dialogue", &b"words"[..]), ("prices", b"")]);
        assert!(package.map.is_some());
    }

    #[test]
    fn content_that_is_doubled_or_too_large_is_refused_by_its_name() {
        let twice = with_content(&with_content(EMPTY_COMPONENT, "dialogue", b"a"), "dialogue", b"b");
        assert!(matches!(Package::read(&twice), Err(LoadError::ContentTwice(name)) if name == "dialogue"));
        let large = with_content(EMPTY_COMPONENT, "films", &vec![0; CONTENT_BYTES + 1]);
        let error = Package::read(&large).err().expect("refused");
        assert!(error.to_string().contains("`films` has 1048577 bytes"), "{error}");
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
