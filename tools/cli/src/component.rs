//! From a core wasm module to the component file that a content team publishes.

mod debug_info;

use anyhow::Context as _;
use wit_component::ComponentEncoder;

pub(crate) use debug_info::Roots;

/// Wraps a core module that was built against the SDK into a component; what the compiler says of source lines goes into a
/// table of its own, all other debug information is left out.
///
/// The encoder needs no adapter: a zone module imports `wod:zone` and nothing else, so a WASI import is an error here.
pub(crate) fn encode(core_module: &[u8], roots: &Roots) -> anyhow::Result<Vec<u8>> {
    let lines = debug_info::read(core_module, roots).context("can't read the module's debug information")?;
    let bare = wod_sandbox::without_sections(core_module, debug_info::is_debug)?;
    let component = ComponentEncoder::default()
        .module(&bare)
        .context(
            "the module does not say which world it implements: does it depend on `wod-zone` and export its zone?",
        )?
        .validate(true)
        .encode()
        .context("can't make a component of the module")?;
    debug_info::pack(&component, &bare, &lines)
}
