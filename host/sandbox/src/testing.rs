//! For tests, ours and the host's: a hostile module (`tests/attacker`).

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the attacker's component file.
///
/// # Panics
/// When it does not build.
pub fn attacker() -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacker");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from)
        .join("attacker");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked", "--release", "--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .current_dir(&source)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the attacker does not build");
    let module = std::fs::read(target.join("wasm32-unknown-unknown/release/wod_attacker.wasm"));
    let module = module.expect("cargo has built it");
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.validate(true).module(&module).expect("it is made for components").encode().expect("it is a component")
}

/// The same component with another digest: a custom section more.
pub fn marked(component: &[u8], mark: u8) -> Vec<u8> {
    [component, &[0, 2, 1, mark]].concat()
}
