//! `wod zone build`: from a zone crate (or a zone in TypeScript) and its Tiled map to one component file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use wod_protocol::ids::Digest;
use wod_protocol::limits::MODULE_BYTES;

use super::typescript;
use crate::component;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

const TARGET: &str = "wasm32-unknown-unknown";
/// What `--quick` is to cargo: what was compiled before is used again, function by function, and nothing is optimized across
/// crates. A profile of its own, so that neither kind of build undoes the other.
const QUICK: [&str; 5] = [
    "profile.quick.inherits=\"release\"",
    "profile.quick.incremental=true",
    "profile.quick.codegen-units=16",
    "profile.quick.lto=\"off\"",
    "profile.quick.opt-level=1",
];

/// Arguments of `wod zone build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a zone crate, of a zone in TypeScript, or of a workspace of them [default: here if this is one, else ./zones]
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Where the component files go, one `<module>.wasm` a zone
    #[arg(long, value_name = "DIR", default_value = "target/zones")]
    out: PathBuf,
    /// Build in a second rather than a quarter of a minute; the modules are larger and slower. For development. Of a zone in
    /// TypeScript it leaves out the type check alone
    #[arg(long)]
    quick: bool,
    /// Print a JSON list of what was built
    #[arg(long)]
    json: bool,
}

/// One zone, as its Cargo.toml or package.json describes it.
struct Zone {
    module: String,
    manifest: PathBuf,
    map: PathBuf,
}

#[derive(serde::Serialize)]
struct Built {
    module: String,
    file: PathBuf,
    bytes: usize,
    map_bytes: usize,
    digest: String,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let dirs = if self.dirs.is_empty() { vec![default_dir()] } else { self.dirs };
        std::fs::create_dir_all(&self.out).with_context(|| format!("can't make the folder {}", self.out.display()))?;
        let mut built = Vec::new();
        for dir in &dirs {
            for zone in zones_in(dir)? {
                built.push(build(&zone, &self.out, self.quick)?);
            }
        }
        if self.json {
            output::json(&built);
            return Ok(());
        }
        output::table(
            ["module", "file", "size", "of it map", "digest"],
            built.into_iter().map(|zone| {
                let sizes = [zone.bytes, zone.map_bytes].map(|size| output::bytes(size as u64));
                let [bytes, map_bytes] = sizes;
                [zone.module, zone.file.display().to_string(), bytes, map_bytes, zone.digest[..16].to_owned()]
            }),
            "nothing was built",
        );
        Ok(())
    }
}

fn default_dir() -> PathBuf {
    let here_is_a_zone =
        std::fs::read_to_string("Cargo.toml").is_ok_and(|text| text.contains("[package.metadata.wod]"));
    let here_is_a_zone = here_is_a_zone || matches!(typescript::zone_in(Path::new(".")), Ok(Some(_)));
    if here_is_a_zone { ".".into() } else { "zones".into() }
}

/// The zone of a folder, or all of its workspace's with those in TypeScript beside them.
fn zones_in(dir: &Path) -> Result<Vec<Zone>, Failure> {
    if let Some(package) = typescript::zone_in(dir)? {
        return Ok(vec![package.into()]);
    }
    let manifest = dir.join("Cargo.toml");
    let mut zones: Vec<Zone> = match dir.is_dir() {
        true => typescript::zones_below(dir)?.into_iter().map(Zone::from).collect(),
        false => Vec::new(),
    };
    if !manifest.is_file() {
        if !zones.is_empty() {
            return Ok(zones);
        }
        let text = format!("there is no Cargo.toml in {}, nor a package.json of a zone", dir.display());
        return Err(
            Failure::text(Exit::NotFound, text).hint("name the folder of a zone, or make one with `wod zone new NAME`")
        );
    }
    let metadata = metadata(&manifest)?;
    let manifest = manifest.canonicalize().with_context(|| format!("can't resolve {}", manifest.display()))?;
    let is_package = metadata.packages.iter().any(|package| package.manifest_path == manifest);
    if is_package {
        zones.clear();
    }
    for package in metadata.packages {
        if is_package && package.manifest_path != manifest {
            continue;
        }
        let Some(wod) = package.metadata.and_then(|metadata| metadata.wod) else { continue };
        let folder = package.manifest_path.parent().context("a manifest has a folder")?;
        zones.push(Zone { module: package.name, map: folder.join(wod.map), manifest: package.manifest_path });
    }
    if zones.is_empty() {
        return Err(Failure::text(Exit::NotFound, format!("there is no zone crate in {}", dir.display()))
            .hint("a zone crate's Cargo.toml has [package.metadata.wod] with map = \"….tmx\""));
    }
    zones.sort_by(|a, b| a.module.cmp(&b.module));
    Ok(zones)
}

impl From<typescript::Package> for Zone {
    fn from(package: typescript::Package) -> Self {
        Self { module: package.name, manifest: package.manifest, map: package.map }
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
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

fn build(zone: &Zone, out: &Path, quick: bool) -> anyhow::Result<Built> {
    // The map first: it takes milliseconds, and its faults are the author's most frequent ones.
    let map = wod_map::read(&zone.map)?;
    let component = if typescript::is_manifest(&zone.manifest) {
        typescript::component(&zone.manifest, quick)?
    } else {
        component::encode(&compile(zone, quick)?).with_context(|| format!("the zone `{}`", zone.module))?
    };
    // In one file, so that one digest covers code and map.
    let component = wod_sandbox::with_map(&component, &map);
    if component.len() > MODULE_BYTES {
        bail!("`{}` is {} bytes: the most a host takes is {MODULE_BYTES}", zone.module, component.len());
    }
    let file = out.join(format!("{}.wasm", zone.module));
    write_whole(&file, &component)?;
    let digest = Digest::of(&component).to_string();
    Ok(Built { module: zone.module.clone(), file, bytes: component.len(), map_bytes: map.to_json().len(), digest })
}

/// Runs cargo and returns the core module it made. Cargo's progress and errors go to the terminal.
fn compile(zone: &Zone, quick: bool) -> anyhow::Result<Vec<u8>> {
    let mut cargo = cargo();
    cargo.arg("rustc");
    if quick {
        cargo.args(["--profile", "quick"]).args(QUICK.iter().flat_map(|setting| ["--config", setting]));
    } else {
        cargo.arg("--release");
    }
    let output = cargo
        .args(["--lib", "--crate-type", "cdylib", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(&zone.manifest)
        .stderr(Stdio::inherit())
        .output()
        .context("can't run cargo: is Rust installed (https://rustup.rs)?")?;
    if !output.status.success() {
        bail!("the zone `{}` does not compile: see cargo's messages above", zone.module);
    }
    let file = wasm_artifact(&output.stdout, &zone.manifest).with_context(|| {
        format!(
            "cargo made no wasm file of `{}`: its Cargo.toml needs [lib] crate-type = [\"cdylib\", \"rlib\"]",
            zone.module
        )
    })?;
    std::fs::read(&file).with_context(|| format!("can't read {}", file.display()))
}

/// The `.wasm` file among cargo's messages, one JSON object a line, that belongs to this manifest.
fn wasm_artifact(messages: &[u8], manifest: &Path) -> anyhow::Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        manifest_path: Option<PathBuf>,
        #[serde(default)]
        filenames: Vec<PathBuf>,
    }
    for line in messages.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Message = serde_json::from_slice(line).context("can't read cargo's messages")?;
        if message.reason == "compiler-artifact" && message.manifest_path.as_deref() == Some(manifest) {
            let is_wasm = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
            if let Some(file) = message.filenames.into_iter().find(is_wasm) {
                return Ok(file);
            }
        }
    }
    Err(anyhow!("no artifact ends in .wasm"))
}

/// Cargo in the caller's environment, but without what an outer `cargo run` set for its own package.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_PKG_NAME").stdin(Stdio::null());
    command
}

/// Whole or not at all: a host may be reading the file.
fn write_whole(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = file.with_extension("wasm.part");
    std::fs::write(&part, bytes).with_context(|| format!("can't write {}", part.display()))?;
    std::fs::rename(&part, file).with_context(|| format!("can't write {}", file.display()))
}
