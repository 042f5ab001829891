//! Where things are.

use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is tools/xtask")
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The `wod` program of a profile's folder: `debug` or `release`.
pub(crate) fn wod(profile: &str) -> PathBuf {
    binary(profile, "wod")
}

/// Any program of ours.
pub(crate) fn binary(profile: &str, name: &str) -> PathBuf {
    target().join(profile).join(name)
}

/// Where the built zones go.
pub(crate) fn zones() -> PathBuf {
    root().join("target/zones")
}

/// The built web client.
pub(crate) fn web() -> PathBuf {
    root().join("gateway/web/dist")
}

/// The sample world.
pub(crate) fn world() -> PathBuf {
    root().join("zones/world.toml")
}
