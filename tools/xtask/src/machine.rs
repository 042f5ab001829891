//! What this machine needs: looked for, installed where that is possible, otherwise named with the line to type.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};

use crate::paths;
use crate::shell::Line;

const WASM: &str = "wasm32-unknown-unknown";
/// Oldest Node that the web client's tools run on.
const NODE: u32 = 20;

/// The wasm target of the toolchain that `rust-toolchain.toml` names. Rustup installs it with the toolchain; this is for
/// toolchains that were there before.
pub(crate) fn wasm_target() -> anyhow::Result<()> {
    let library = || Line::new("rustc --print target-libdir --target").arg(WASM).output();
    let is_there = || library().is_some_and(|dir| Path::new(dir.trim()).is_dir());
    if is_there() {
        return Ok(());
    }
    println!("installing the {WASM} target");
    if Line::new("rustup target add").arg(WASM).run().is_err() || !is_there() {
        bail!("the Rust target {WASM} is missing; type: rustup target add {WASM}");
    }
    Ok(())
}

/// Node and npm, new enough.
pub(crate) fn node() -> anyhow::Result<()> {
    let version = Line::new("node --version").output();
    let major =
        version.as_deref().and_then(|text| text.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE => {}
        Some(major) => bail!("Node {major} is too old: install Node {NODE} or newer (https://nodejs.org)"),
        None => bail!("Node is missing: install Node {NODE} or newer (https://nodejs.org)"),
    }
    Line::new("npm --version").output().context("npm is missing: it comes with Node (https://nodejs.org)")?;
    Ok(())
}

/// `redis-server`, from apt when this is root.
pub(crate) fn redis() -> anyhow::Result<()> {
    debian_package("redis-server", || Line::new("redis-server --version").output().is_some())
}

/// What tests lay a network of namespaces with, and `libfaketime`, which sets a process's clock.
pub(crate) fn network_and_clocks() -> anyhow::Result<()> {
    debian_package("iproute2", || Line::new("ip -Version").output().is_some())?;
    debian_package("nftables", || Line::new("nft --version").output().is_some())?;
    debian_package("libfaketime", || {
        let folders = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten();
        folders.into_iter().any(|folder| folder.path().join("faketime/libfaketime.so.1").exists())
    })
}

/// `chromium`, from apt when this is root.
pub(crate) fn chromium() -> anyhow::Result<()> {
    debian_package("chromium", || Line::new("chromium --version").output().is_some())
}

/// A Debian package, unless what it brings is there.
fn debian_package(name: &str, is_there: impl Fn() -> bool) -> anyhow::Result<()> {
    if is_there() {
        return Ok(());
    }
    let by_hand = format!("{name} is missing; type: sudo apt-get install -y {name}");
    let is_root = Line::new("id -u").output().is_some_and(|id| id.trim() == "0");
    if !is_root || Line::new("apt-get --version").output().is_none() {
        bail!("{by_hand}");
    }
    println!("installing {name}");
    Line::new("apt-get update -qq").run().context(by_hand.clone())?;
    // Neither recommended packages nor a server that apt starts by itself.
    let install = Line::new("apt-get install -y -qq --no-install-recommends").arg(name).env("RUNLEVEL", "1");
    install.env("DEBIAN_FRONTEND", "noninteractive").run().context(by_hand.clone())?;
    if !is_there() {
        bail!("{by_hand}");
    }
    Ok(())
}

/// A folder's npm packages, when its lock file is newer than what is installed.
pub(crate) fn npm_packages(dir: &'static str) -> anyhow::Result<()> {
    let folder = paths::root().join(dir);
    let installed = changed(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(&folder.join("package-lock.json")) {
        return Ok(());
    }
    println!("installing the npm packages of {dir}");
    Line::new("npm ci --no-audit --no-fund --loglevel=error").dir(dir).run()
}

/// The web client, when something in its folder is newer than what was built.
pub(crate) fn web_client() -> anyhow::Result<()> {
    npm_packages("gateway/web")?;
    let built = changed(&paths::web().join("index.html"));
    let sources = ["src", "public", "index.html", "package-lock.json", "vite.config.js", "tsconfig.json"];
    let newest = sources.iter().filter_map(|name| newest_in(&paths::root().join("gateway/web").join(name))).max();
    if built.is_some() && built >= newest {
        return Ok(());
    }
    println!("building the web client");
    Line::new("npm run --silent build").dir("gateway/web").run()
}

fn changed(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// When the newest file of a folder, or the file, was changed; none when there is nothing.
fn newest_in(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = path.read_dir() else { return changed(path) };
    entries.flatten().filter_map(|entry| newest_in(&entry.path())).max()
}
