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
use crate::lines::{self, LineTable};

/// Sections whose names begin with it are content: writers replace them all without building the code anew.
pub const CONTENT: &str = "wod:";
/// `\0asm` and a version: what any WebAssembly file begins with.
const HEADER_BYTES: usize = 8;
const CUSTOM: u8 = 0;

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
    /// What `/maps/{digest}` serves: as packed, but for what is the module's alone.
    pub json: Bytes,
    /// As read and checked.
    pub map: Arc<Map>,
}

/// What lies in a file beside its code and map.
#[derive(Clone)]
pub(crate) struct Beside {
    pub(crate) content: Content,
    /// Where in its sources the code is.
    pub(crate) lines: Option<Arc<LineTable>>,
}

/// What a file says without being run or compiled.
pub(crate) struct Package {
    /// Names of its imports, in order.
    pub(crate) imports: Vec<String>,
    /// Names of its exports, in order.
    pub(crate) exports: Vec<String>,
    pub(crate) map: Option<PackedMap>,
    pub(crate) beside: Beside,
}

impl Package {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() > MODULE_BYTES {
            return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MODULE_BYTES });
        }
        let malformed = |error: wasmparser::BinaryReaderError| LoadError::Malformed(error.to_string());
        let (mut imports, mut exports, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        let mut content = BTreeMap::new();
        let mut table = None;
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
                Payload::CustomSection(section) if depth == 0 => match section.name() {
                    SECTION => maps.push(section.data()),
                    lines::SECTION => table = Some(section.data()),
                    name => {
                        let Some(name) = name.strip_prefix(CONTENT_SECTION) else { continue };
                        let data = section.data();
                        if data.len() > CONTENT_BYTES {
                            return Err(LoadError::ContentTooLarge { name: name.to_owned(), bytes: data.len() });
                        }
                        if content.insert(name.to_owned(), Bytes::copy_from_slice(data)).is_some() {
                            return Err(LoadError::ContentTwice(name.to_owned()));
                        }
                    }
                },
                _ => {}
            }
        }
        let map = match maps.as_slice() {
            [] => None,
            [json] => Some(PackedMap::read(json)?),
            more => return Err(LoadError::TooManyMaps(more.len())),
        };
        let lines = table.map(LineTable::decode).transpose().map_err(|error| LoadError::Lines(error.to_string()))?;
        let beside = Beside { content: Arc::new(content), lines: lines.map(Arc::new) };
        Ok(Self { imports, exports, map, beside })
    }
}

impl PackedMap {
    fn read(json: &[u8]) -> Result<Self, LoadError> {
        let map = Map::parse(json).map_err(LoadError::Map)?;
        // A map that hides nothing is served as it was packed, to the byte.
        let json = map.for_clients().map_or_else(|| Bytes::copy_from_slice(json), |shown| shown.to_json().into());
        Ok(Self { digest: Digest::of(&json), json, map: Arc::new(map) })
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

/// The file with one more custom section, at its end.
pub fn with_section(file: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut head = leb128(name.len());
    head.extend_from_slice(name.as_bytes());
    let mut file = file.to_vec();
    file.push(CUSTOM);
    file.extend(leb128(head.len() + data.len()));
    file.extend(head);
    file.extend_from_slice(data);
    file
}

/// The file (a component, or a core module) without those of its custom sections whose names `unwanted` says yes to; all else
/// stays as it is, to the byte.
///
/// # Errors
/// When it is no such file, or is cut off.
pub fn without_sections(file: &[u8], unwanted: impl Fn(&str) -> bool) -> Result<Vec<u8>, LoadError> {
    let cut_off = || LoadError::Malformed("it is cut off, or no WebAssembly file".to_owned());
    if file.len() < HEADER_BYTES || !file.starts_with(b"\0asm") {
        return Err(cut_off());
    }
    let (mut kept, mut rest) = (file[..HEADER_BYTES].to_vec(), &file[HEADER_BYTES..]);
    // Each: an id, the length of what follows, and that; a custom section's begins with its name. Termination: each turn takes
    // at least the id.
    while let Some((id, after)) = rest.split_first() {
        let (length, after) = read_leb128(after).ok_or_else(cut_off)?;
        let payload = after.get(..length).ok_or_else(cut_off)?;
        let (whole, next) = rest.split_at(rest.len() - after.len() + length);
        let name = read_leb128(payload).and_then(|(length, text)| std::str::from_utf8(text.get(..length)?).ok());
        if *id != CUSTOM || !name.is_some_and(&unwanted) {
            kept.extend_from_slice(whole);
        }
        rest = next;
    }
    Ok(kept)
}

/// The component without its map and whatever else is content of it ([`CONTENT`]): what new content is packed into.
///
/// # Errors
/// When it is no component.
pub fn without_content(component: &[u8]) -> Result<Vec<u8>, LoadError> {
    // Content that can't be used is replaced like any other.
    let bare = without_sections(component, |name| name.starts_with(CONTENT))?;
    Package::read(&bare)?;
    Ok(bare)
}

/// A number of at most 32 bits, and what follows it.
fn read_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
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
        let content: Vec<_> = package.beside.content.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
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
    fn what_is_hidden_in_a_map_is_not_served() {
        let mut map = Map::empty(200.0, 100.0);
        let post = wod_protocol::map::Place {
            name: wod_protocol::map::POSTS.to_owned(),
            at: [1.0, 1.0],
            radius: 0.0,
            properties: [].into(),
        };
        map.places.push(post);
        let packed = Package::read(&with_map(EMPTY_COMPONENT, &map)).expect("a component").map.expect("the map");
        assert_eq!(*packed.map, map);
        let served = Map::parse(&packed.json).expect("a map");
        assert_eq!((served.places.len(), packed.digest), (0, Digest::of(&packed.json)));
    }

    #[test]
    fn new_content_takes_the_place_of_all_that_was() {
        let [old, new] = [100.0, 200.0].map(|width| Map::empty(width, 100.0));
        let code = with_section(EMPTY_COMPONENT, "producers", b"us");
        let whole = with_section(&with_map(&code, &old), "wod:words", &[7; 300]);
        let bare = without_content(&whole).expect("a component");
        assert_eq!(bare, code);
        assert_eq!(with_map(&bare, &new), with_map(&code, &new));
        // Also where it could not be used.
        assert_eq!(without_content(&with_map(&whole, &new)).expect("a component"), code);
        // Whatever the order, and again and again.
        assert_eq!(
            without_content(&with_section(&whole, "more", b"")).expect("a component"),
            with_section(&code, "more", b"")
        );
        assert_eq!(without_content(&code).expect("a component"), code);
    }

    #[test]
    fn content_is_packed_into_components_alone() {
        assert!(matches!(without_content(EMPTY_MODULE), Err(LoadError::CoreModule)));
        let whole = with_map(EMPTY_COMPONENT, &Map::empty(10.0, 10.0));
        for end in 0..whole.len() {
            if end != EMPTY_COMPONENT.len() {
                assert!(without_content(&whole[..end]).is_err(), "cut off at {end}");
            }
        }
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
