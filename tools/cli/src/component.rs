//! From a core wasm module to the component file that a content team publishes.

use anyhow::Context as _;
use wit_component::ComponentEncoder;

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
