//! Zones in TypeScript: a folder whose package.json has a `wod` key. Node does the work, by the scripts of the TypeScript SDK
//! (`zone-api/ts/sdk`); this program has them, and the contract, in itself and lays both into the zone's folder. So a zone needs
//! nothing of this repository.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use wod_sandbox::lines::{self, LineTableBuilder};

/// What describes such a zone.
const MANIFEST: &str = "package.json";
const LOCK: &str = "package-lock.json";
/// Folder of a zone that belongs to this program: SDK, contract, and what is made of them.
const OWN: &str = ".wod";
/// Oldest Node that the packages run on, as `node --version` counts.
const NODE: [u32; 2] = [20, 19];

/// What is laid into [`OWN`].
const SDK: &[(&str, &str)] = &[
    ("build.mjs", include_str!("../../../../../zone-api/ts/sdk/build.mjs")),
    ("contract.mjs", include_str!("../../../../../zone-api/ts/sdk/contract.mjs")),
    ("lines.mjs", include_str!("../../../../../zone-api/ts/sdk/lines.mjs")),
    ("test.mjs", include_str!("../../../../../zone-api/ts/sdk/test.mjs")),
    ("tsconfig.json", include_str!("../../../../../zone-api/ts/sdk/tsconfig.json")),
    ("globals.d.ts", include_str!("../../../../../zone-api/ts/sdk/globals.d.ts")),
    ("drawn.ts", include_str!("../../../../../zone-api/ts/sdk/drawn.ts")),
    ("entry.ts", include_str!("../../../../../zone-api/ts/sdk/entry.ts")),
    ("guard.ts", include_str!("../../../../../zone-api/ts/sdk/guard.ts")),
    ("index.ts", include_str!("../../../../../zone-api/ts/sdk/index.ts")),
    ("stack.ts", include_str!("../../../../../zone-api/ts/sdk/stack.ts")),
    ("state.ts", include_str!("../../../../../zone-api/ts/sdk/state.ts")),
    ("testing.ts", include_str!("../../../../../zone-api/ts/sdk/testing.ts")),
    ("wit/zone.wit", include_str!("../../../../../zone-api/wit/zone.wit")),
];

/// A zone's package.json, as far as it is about zones.
pub(super) struct Package {
    /// The module's name.
    pub(super) name: String,
    pub(super) manifest: PathBuf,
    /// The Tiled map.
    pub(super) map: PathBuf,
}

/// The zone of a folder; none: its package.json, if it has one, is of something else.
pub(super) fn zone_in(dir: &Path) -> anyhow::Result<Option<Package>> {
    #[derive(Deserialize)]
    struct Manifest {
        name: Option<String>,
        wod: Option<serde_json::Value>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wod {
        /// Relative to the folder.
        map: PathBuf,
    }
    let manifest = dir.join(MANIFEST);
    let text = match fs::read(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("can't read {}", manifest.display())),
    };
    let shown = || manifest.display().to_string();
    let Manifest { name, wod: Some(wod) } = serde_json::from_slice::<Manifest>(&text).with_context(shown)? else {
        return Ok(None);
    };
    let Wod { map } = serde_json::from_value::<Wod>(wod)
        .with_context(|| format!("{}: a zone's package.json has \"wod\": {{ \"map\": \"….tmx\" }}", shown()))?;
    let legal = |name: &String| {
        let mut bytes = name.bytes();
        !name.is_empty()
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    let name = name.filter(legal).with_context(|| {
        format!("{}: \"name\" is the module's and its file's: lower case letters, digits, - and _", shown())
    })?;
    Ok(Some(Package { name, map: dir.join(map), manifest }))
}

/// The zones in the folders right below one, in order of their paths.
pub(super) fn zones_below(dir: &Path) -> anyhow::Result<Vec<Package>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read the folder {}", dir.display()))?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    folders.sort();
    folders.iter().filter(|folder| folder.is_dir()).filter_map(|folder| zone_in(folder).transpose()).collect()
}

/// Whether a manifest is of a zone in TypeScript.
pub(super) fn is_manifest(manifest: &Path) -> bool {
    manifest.file_name().is_some_and(|name| name == MANIFEST)
}

/// Installs what is missing, and makes the component (without its map). What npm, compiler and engine say goes to standard error.
pub(super) fn component(manifest: &Path) -> anyhow::Result<Vec<u8>> {
    let folder = manifest.parent().context("a manifest has a folder")?;
    let folder = folder.canonicalize().with_context(|| format!("can't resolve {}", folder.display()))?;
    node()?;
    lay_out(&folder)?;
    install(&folder)?;
    let own = folder.join(OWN);
    let mut build = Command::new("node");
    build.arg(own.join("build.mjs"));
    if !run(&mut build, &folder)? {
        bail!("{} was not built: see above", folder.display());
    }
    let file = own.join("component.wasm");
    let component = fs::read(&file).with_context(|| format!("can't read {}", file.display()))?;
    // Its faults tell the author's lines themselves: the bundle holds a table of its own.
    Ok(wod_sandbox::with_section(&component, lines::SECTION, &LineTableBuilder::default().encode(0)))
}

/// Puts SDK and contract of this program's version into a zone's folder. What is the same stays as it is.
pub(super) fn lay_out(folder: &Path) -> anyhow::Result<()> {
    for (name, text) in SDK {
        let file = folder.join(OWN).join(name);
        if fs::read(&file).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        let parent = file.parent().context("a file has a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("can't make the folder {}", parent.display()))?;
        fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}

/// Node, new enough.
fn node() -> anyhow::Result<()> {
    let [major, minor] = NODE;
    let mend = format!("install Node {major}.{minor} or newer (https://nodejs.org), which brings npm");
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("can't run node, which zones in TypeScript are built with: {mend}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !is_new_enough(&version) {
        bail!("node {version} is too old for zones in TypeScript: {mend}");
    }
    Ok(())
}

/// `v20.19.4` and the like.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let found = [parts.next().unwrap_or(0), parts.next().unwrap_or(0)];
    found >= NODE
}

/// The zone's npm packages, when its lock file (package.json, where it has none) is newer than what is installed.
fn install(folder: &Path) -> anyhow::Result<()> {
    let changed = |file: &str| -> Option<SystemTime> { folder.join(file).metadata().ok()?.modified().ok() };
    let locked = changed(LOCK);
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_some() && installed >= locked.or_else(|| changed(MANIFEST)) {
        return Ok(());
    }
    eprintln!("installing the npm packages of {}", folder.display());
    let mut npm = Command::new("npm");
    // Exactly what the lock file says, where there is one.
    npm.arg(if locked.is_some() { "ci" } else { "install" }).args(["--no-audit", "--no-fund", "--loglevel=error"]);
    if !run(&mut npm, folder)? {
        bail!(
            "npm can't install the packages of {}: see above. It needs a registry to get them from, and a {LOCK} that fits \
             {MANIFEST} (`npm install` in that folder mends it)",
            folder.display()
        );
    }
    Ok(())
}

/// Whether it ended well. Its output goes to standard error: standard output is this program's own.
fn run(command: &mut Command, folder: &Path) -> anyhow::Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .with_context(|| format!("can't run {program}: it comes with Node (https://nodejs.org)"))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn write(file: &Path, text: &str) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn a_package_with_a_wod_key_is_a_zone_and_any_other_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = |folder: &str, text: &str| write(&dir.path().join(folder).join(MANIFEST), text);
        manifest("crypt", r#"{ "name": "crypt", "wod": { "map": "maps/crypt.tmx" } }"#);
        manifest("client", r#"{ "name": "client" }"#);
        write(&dir.path().join("notes/notes.txt"), "no package at all");
        let zones = zones_below(dir.path()).unwrap();
        let found: Vec<_> = zones.iter().map(|zone| (zone.name.as_str(), zone.map.clone())).collect();
        assert_eq!(found, [("crypt", dir.path().join("crypt/maps/crypt.tmx"))]);
        assert!(is_manifest(&zones[0].manifest) && !is_manifest(Path::new("crypt/Cargo.toml")));

        manifest("crypt", r#"{ "name": "crypt", "wod": { "maps": "crypt.tmx" } }"#);
        let error = format!("{:#}", zones_below(dir.path()).err().unwrap());
        assert!(error.contains("crypt/package.json") && error.contains("maps"), "{error}");
    }

    #[test]
    fn the_folder_holds_the_sdk_and_the_very_contract_and_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path()).unwrap();
        let wit = dir.path().join(OWN).join("wit/zone.wit");
        assert_eq!(fs::read_to_string(&wit).unwrap(), include_str!("../../../../../zone-api/wit/zone.wit"));
        let written = wit.metadata().unwrap().modified().unwrap();
        lay_out(dir.path()).unwrap();
        assert_eq!(wit.metadata().unwrap().modified().unwrap(), written);
        // An older program's file gives way.
        fs::write(&wit, "package wod:zone@0.9.0;").unwrap();
        lay_out(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(&wit).unwrap(), include_str!("../../../../../zone-api/wit/zone.wit"));
    }

    #[test]
    fn every_file_of_the_sdk_is_laid_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../zone-api/ts/sdk");
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut laid: Vec<_> = SDK.iter().map(|(name, _)| *name).filter(|name| *name != "wit/zone.wit").collect();
        laid.sort_unstable();
        assert_eq!(files, laid);
    }

    #[test]
    fn an_old_node_is_told_from_a_new_one() {
        assert!(["v20.19.0", "v20.20.2", "v22.0.0", "v100.1.2"].into_iter().all(is_new_enough));
        assert!(["v20.18.3", "v18.20.0", "", "nonsense"].into_iter().all(|version| !is_new_enough(version)));
    }
}
