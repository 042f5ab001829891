//! From a core wasm module to the published component file: encode, then pack the map into it.

use anyhow::Context as _;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::ComponentEncoder;
use wod_protocol::map::{Map, SECTION};

/// Wraps a core module that was built against the SDK into a component.
///
/// The encoder needs no adapter: a zone module imports `wod:zone` and nothing else, so a WASI import is an error here.
pub(crate) fn encode(core_module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(core_module)
        .context(
            "the module does not say which world it implements: does it depend on `wod-zone` and export its zone?",
        )?
        .validate(true)
        .encode()
        .context("can't make a component of the module")
}

/// Appends the map as custom section `wod:map`, so that one digest covers code and map.
pub(crate) fn pack_map(component: &mut Vec<u8>, map: &Map) {
    let json = map.to_json();
    CustomSection { name: SECTION.into(), data: json.as_slice().into() }.append_to_component(component);
}
