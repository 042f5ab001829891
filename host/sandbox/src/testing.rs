//! For tests, ours and others': components that are built when they are needed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A hostile module (`host/sandbox/tests/attacker`).
///
/// # Panics
/// When it does not build.
pub fn attacker() -> Vec<u8> {
    component("host/sandbox/tests/attacker", "wod_attacker.wasm")
}

/// Builds a crate for wasm, its examples too, and makes a component of what it was built to. The crate is a workspace of its
/// own and must be the only one of its folder's name; several processes may ask for it at once.
///
/// `folder`: the crate's, from the repository's root. `module`: the core module, from the folder where cargo puts it
/// (`NAME.wasm`, `examples/NAME.wasm`).
///
/// # Panics
/// When it does not build, or is no module of a zone.
pub fn component(folder: &str, module: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = root.join(folder);
    let name = source.file_name().expect("a crate's folder has a name");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join(name);
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked", "--release", "--lib", "--examples"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .current_dir(&source)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{folder} does not build");
    let file = target.join("wasm32-unknown-unknown/release").join(module);
    let module = std::fs::read(&file).unwrap_or_else(|error| panic!("cargo has not built {}: {error}", file.display()));
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.validate(true).module(&module).expect("it is made for components").encode().expect("it is a component")
}

/// The same component with another digest: a custom section more.
pub fn marked(component: &[u8], mark: u8) -> Vec<u8> {
    [component, &[0, 2, 1, mark]].concat()
}
