//! The zones of a folder: crates, as cargo knows them or (for writers, who need no Rust) as their Cargo.toml files say, and those in
//! TypeScript beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::typescript;
use crate::exit::{Exit, Failure};

/// One zone, as its Cargo.toml or package.json describes it.
pub(super) struct Zone {
    /// The module's name: the crate's or package's.
    pub(super) module: String,
    pub(super) manifest: PathBuf,
    /// The Tiled map.
    pub(super) map: PathBuf,
    /// The folder of its Yarn files, or the one file.
    pub(super) dialogue: Option<PathBuf>,
    /// Folder of the cargo workspace; that of the zone where it has none.
    pub(super) workspace: PathBuf,
}

/// Where one is when no folder is named.
pub(super) fn default_dir() -> PathBuf {
    let here_is_a_zone =
        std::fs::read_to_string("Cargo.toml").is_ok_and(|text| text.contains("[package.metadata.wod]"));
    let here_is_a_zone = here_is_a_zone || matches!(typescript::zone_in(Path::new(".")), Ok(Some(_)));
    if here_is_a_zone { ".".into() } else { "zones".into() }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    metadata: Option<PackageMetadata>,
}

#[derive(Deserialize)]
struct PackageMetadata {
    wod: Option<WodMetadata>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WodMetadata {
    /// The Tiled map, relative to the crate's folder.
    map: PathBuf,
    /// The folder of Yarn files, or the one file, relative to the crate's folder.
    dialogue: Option<PathBuf>,
}

/// The zone of a folder, or all of its workspace's and those in TypeScript in the folders right below.
pub(super) fn zones_in(dir: &Path) -> Result<Vec<Zone>, Failure> {
    let (mut zones, manifest) = in_typescript(dir)?;
    let Some(manifest) = manifest else { return found(zones, dir) };
    let metadata = metadata(&manifest)?;
    let is_package = metadata.packages.iter().any(|package| package.manifest_path == manifest);
    if is_package {
        zones.clear();
    }
    for package in metadata.packages {
        if is_package && package.manifest_path != manifest {
            continue;
        }
        let Some(wod) = package.metadata.and_then(|metadata| metadata.wod) else { continue };
        zones.push(Zone::of(package.name, package.manifest_path, &wod, metadata.workspace_root.clone())?);
    }
    found(zones, dir)
}

/// The same without cargo.
pub(super) fn zones_by_manifest(dir: &Path) -> Result<Vec<Zone>, Failure> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Option<PackageTable>,
        workspace: Option<Workspace>,
    }
    #[derive(Deserialize)]
    struct PackageTable {
        name: String,
        metadata: Option<PackageMetadata>,
    }
    #[derive(Deserialize)]
    struct Workspace {
        #[serde(default)]
        members: Vec<String>,
    }
    let (mut zones, own) = in_typescript(dir)?;
    let Some(own) = own else { return found(zones, dir) };
    let root: Manifest = read_toml(&own)?;
    if root.package.is_some() {
        zones.clear();
    }
    let folder = own.parent().context("a manifest has a folder")?.to_owned();
    let mut add = |manifest: PathBuf, package: Option<PackageTable>| -> anyhow::Result<()> {
        if let Some(PackageTable { name, metadata: Some(PackageMetadata { wod: Some(wod) }) }) = package {
            zones.push(Zone::of(name, manifest, &wod, folder.clone())?);
        }
        Ok(())
    };
    let members = root.workspace.map(|workspace| workspace.members).unwrap_or_default();
    add(own.clone(), root.package)?;
    for member in members {
        for manifest in member_manifests(&folder, &member)? {
            let package = read_toml::<Manifest>(&manifest)?.package;
            add(manifest, package)?;
        }
    }
    found(zones, dir)
}

/// The folder that a workspace's member names, or all that `FOLDER/*` does.
fn member_manifests(workspace: &Path, member: &str) -> anyhow::Result<Vec<PathBuf>> {
    let Some(folder) = member.strip_suffix('*') else { return Ok(vec![workspace.join(member).join("Cargo.toml")]) };
    let folder = workspace.join(folder);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("can't read the folder {}", folder.display()))?;
    let manifests = entries.map(|entry| Ok(entry?.path().join("Cargo.toml")));
    manifests.filter(|manifest| manifest.as_ref().map_or(true, |manifest: &PathBuf| manifest.is_file())).collect()
}

impl Zone {
    fn of(module: String, manifest: PathBuf, wod: &WodMetadata, workspace: PathBuf) -> anyhow::Result<Self> {
        let folder = manifest.parent().context("a manifest has a folder")?;
        let dialogue = wod.dialogue.as_ref().map(|dialogue| plain(&folder.join(dialogue)));
        Ok(Self { module, map: plain(&folder.join(&wod.map)), dialogue, manifest, workspace })
    }
}

/// `zones/elysium/../maps/a.tmx` → `zones/maps/a.tmx`, and from here where it is below: as people read it.
fn plain(path: &Path) -> PathBuf {
    let Ok(whole) = path.canonicalize() else { return path.to_owned() };
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| whole.strip_prefix(here).map(Path::to_owned).ok()).unwrap_or(whole)
}

/// The zones in TypeScript of a folder, and the Cargo.toml whose crates are to be looked at beside them.
fn in_typescript(dir: &Path) -> Result<(Vec<Zone>, Option<PathBuf>), Failure> {
    let manifest = dir.join("Cargo.toml");
    if let Some(zone) = typescript::zone_in(dir)? {
        return Ok((vec![zone.try_into()?], None));
    }
    let below = if dir.is_dir() { typescript::zones_below(dir)? } else { Vec::new() };
    let zones = below.into_iter().map(Zone::try_from).collect::<anyhow::Result<Vec<_>>>()?;
    match manifest.is_file() {
        true => {
            let whole = manifest.canonicalize().with_context(|| format!("can't resolve {}", manifest.display()))?;
            Ok((zones, Some(whole)))
        }
        false if !zones.is_empty() => Ok((zones, None)),
        false => {
            let text = format!("there is no Cargo.toml in {}, nor a package.json of a zone", dir.display());
            Err(Failure::text(Exit::NotFound, text)
                .hint("name the folder of a zone, or make one with `wod zone new NAME`"))
        }
    }
}

impl TryFrom<typescript::Package> for Zone {
    type Error = anyhow::Error;

    fn try_from(package: typescript::Package) -> anyhow::Result<Self> {
        let workspace = package.manifest.parent().context("a manifest has a folder")?.to_owned();
        let (module, manifest, map) = (package.name, package.manifest, plain(&package.map));
        Ok(Self { module, manifest, map, dialogue: None, workspace })
    }
}

fn found(mut zones: Vec<Zone>, dir: &Path) -> Result<Vec<Zone>, Failure> {
    if zones.is_empty() {
        return Err(Failure::text(Exit::NotFound, format!("there is no zone in {}", dir.display())).hint(
            "a zone crate's Cargo.toml has [package.metadata.wod] with map = \"….tmx\", a TypeScript zone's package.json \
             \"wod\": { \"map\": \"….tmx\" }",
        ));
    }
    zones.sort_by(|a, b| a.module.cmp(&b.module));
    Ok(zones)
}

fn metadata(manifest: &Path) -> anyhow::Result<Metadata> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .stderr(Stdio::inherit())
        .output()
        .context("can't run cargo: is Rust installed (https://rustup.rs)?")?;
    if !output.status.success() {
        bail!("cargo can't read {}", manifest.display());
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{}: [package.metadata.wod] must have map = \"….tmx\" only", manifest.display()))
}

fn read_toml<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{}", file.display()))
}

/// Cargo in the caller's environment, but without what an outer `cargo run` set for its own package.
pub(super) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_PKG_NAME").stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn write(file: &Path, text: &str) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    #[test]
    fn writers_find_their_zones_without_cargo() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let zone = |name: &str| format!("[package]\nname = \"{name}\"\n[package.metadata.wod]\nmap = \"m.tmx\"\n");
        write(&root.join("Cargo.toml"), "[workspace]\nmembers = [\"docks\", \"more/*\", \"tool\"]\n");
        write(&root.join("docks/Cargo.toml"), &zone("docks"));
        write(&root.join("more/club/Cargo.toml"), &zone("club"));
        write(&root.join("more/notes/notes.txt"), "not a crate");
        write(&root.join("tool/Cargo.toml"), "[package]\nname = \"tool\"\n");
        let zones = zones_by_manifest(&root).map_err(|failure| failure.to_string()).unwrap();
        let names: Vec<_> = zones.iter().map(|zone| (zone.module.as_str(), zone.map.clone())).collect();
        assert_eq!(names, [("club", root.join("more/club/m.tmx")), ("docks", root.join("docks/m.tmx"))]);
        let one = zones_by_manifest(&root.join("docks")).map_err(|failure| failure.to_string()).unwrap();
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn a_folder_without_a_zone_says_what_a_zone_is() {
        let dir = tempfile::tempdir().unwrap();
        let failure = zones_by_manifest(dir.path()).err().unwrap();
        assert_eq!(failure.exit(), Exit::NotFound);
        write(&dir.path().join("Cargo.toml"), "[package]\nname = \"tool\"\n");
        let failure = zones_by_manifest(dir.path()).err().unwrap();
        assert!(failure.to_string().contains("[package.metadata.wod]"), "{failure}");
        write(&dir.path().join("Cargo.toml"), "[package]\nname = \"x\"\n[package.metadata.wod]\nmaps = \"m.tmx\"\n");
        let failure = zones_by_manifest(dir.path()).err().unwrap();
        assert!(failure.to_string().contains("maps"), "{failure}");
    }
}
