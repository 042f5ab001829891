//! `wod zone build`: from a zone (a crate, or one in TypeScript) and its Tiled map to one component file. With `--content` from what was built before and
//! the maps as they are now, without Rust.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use wod_protocol::ids::Digest;
use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::map::Map;
use wod_sandbox::CONTENT_BYTES;

use super::crates::{self, Zone, cargo};
use super::maps::{ModuleMap, check_world};
use super::typescript;
use crate::commands::keys::read_module;
use crate::component::{self, Roots};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

const TARGET: &str = "wasm32-unknown-unknown";
/// What `--quick` is to cargo: what was compiled before is used again, function by function, and nothing is optimized across
/// crates. A profile of its own, so that neither kind of build undoes the other.
const QUICK: [&str; 7] = [
    "profile.quick.inherits=\"release\"",
    "profile.quick.incremental=true",
    "profile.quick.codegen-units=16",
    "profile.quick.lto=\"off\"",
    "profile.quick.opt-level=1",
    "profile.quick.debug=\"line-tables-only\"",
    "profile.quick.strip=\"none\"",
];
/// Whatever the crate's profile says: a fault is to tell where it was. What hosts do not need is taken out of the file after it.
const RELEASE: [&str; 2] = ["profile.release.debug=\"line-tables-only\"", "profile.release.strip=\"none\""];
/// A world file of this name, in the folder or the one above, is checked with the maps.
const WORLD: &str = "world.toml";

/// Arguments of `wod zone build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a zone crate, of a zone in TypeScript, or of a workspace of them [default: here if this is one, else ./zones]
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Where the component files go, one `<module>.wasm` a zone
    #[arg(long, value_name = "DIR", default_value = "target/zones")]
    out: PathBuf,
    /// Build in seconds rather than half a minute; the modules are larger and slower. For development. Zones in TypeScript are
    /// built the same either way
    #[arg(long)]
    quick: bool,
    /// Build no code: put maps and texts as they are now into the component files that are there. Needs no Rust
    #[arg(long, conflicts_with = "quick")]
    content: bool,
    /// The component file, of one zone, whose code gets the new content; what comes of it goes to OUT [default: OUT/<module>.wasm]
    #[arg(long, value_name = "FILE", requires = "content")]
    component: Option<PathBuf>,
    /// World file that the maps must fit: every portal leads somewhere, sizes agree [default: world.toml of DIR or the folder
    /// above, where there is one]
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Print a JSON list of what was built
    #[arg(long)]
    json: bool,
}

/// A component file that was made.
#[derive(serde::Serialize)]
pub(super) struct Built {
    pub(super) module: String,
    pub(super) file: PathBuf,
    bytes: usize,
    map_bytes: usize,
    digest: String,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let built = self.build()?;
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

    fn build(&self) -> Result<Vec<Built>, Failure> {
        let dirs = if self.dirs.is_empty() { vec![crates::default_dir()] } else { self.dirs.clone() };
        std::fs::create_dir_all(&self.out).with_context(|| format!("can't make the folder {}", self.out.display()))?;
        let zones_in = if self.content { crates::zones_by_manifest } else { crates::zones_in };
        let mut built = Vec::new();
        for dir in &dirs {
            let zones = zones_in(dir)?;
            // The content first: it takes milliseconds, and its faults are authors' most frequent ones.
            let maps = read_maps(&zones)?;
            if let Some(world) = self.world.clone().or_else(|| world_near(dir)) {
                check_world(&world, &maps)?;
            }
            if self.component.is_some() && zones.len() > 1 {
                let text = format!("--component is the file of one zone, {} has {}", dir.display(), zones.len());
                return Err(Failure::text(Exit::Usage, text).hint("name the folder of one zone"));
            }
            let books: Vec<Option<Vec<u8>>> = zones
                .iter()
                .map(|zone| zone.dialogue.as_deref().map(packed_dialogue).transpose())
                .collect::<Result<_, _>>()?;
            for ((zone, map), book) in zones.iter().zip(&maps).zip(&books) {
                let content = Content { map: &map.drawn.map, dialogue: book.as_deref() };
                let code = if self.content { self.built_before(zone)? } else { compile_component(zone, self.quick)? };
                built.push(pack(zone, &code, &content, &self.out)?);
            }
        }
        Ok(built)
    }

    /// A component without content.
    fn built_before(&self, zone: &Zone) -> Result<Vec<u8>, Failure> {
        let file = self.component.clone().unwrap_or_else(|| component_file(&self.out, zone));
        let whole = read_module(&file).map_err(|failure| match failure.exit() {
            Exit::NotFound => {
                failure.hint("build the code once with `wod zone build`, or name a file with --component")
            }
            _ => failure,
        })?;
        Ok(wod_sandbox::without_content(&whole).with_context(|| file.display().to_string())?)
    }
}

/// Builds the one zone of a folder for another command: its component file, in `out`.
pub(super) fn build_one(dir: &Path, out: &Path, quick: bool) -> Result<Built, Failure> {
    let zones = crates::zones_in(dir)?;
    if zones.len() > 1 {
        let names: Vec<&str> = zones.iter().map(|zone| zone.module.as_str()).collect();
        return Err(Failure::text(Exit::Usage, format!("{} has several zones: {}", dir.display(), names.join(", ")))
            .hint("name the folder of one of them"));
    }
    let (dirs, out) = (vec![dir.to_owned()], out.to_owned());
    let built = Args { dirs, out, quick, content: false, component: None, world: None, json: false }.build()?;
    Ok(built.into_iter().next().context("a folder with one zone gives one module")?)
}

/// All of them, or the faults of all.
fn read_maps(zones: &[Zone]) -> anyhow::Result<Vec<ModuleMap>> {
    let (mut maps, mut faults) = (Vec::new(), Vec::new());
    for zone in zones {
        match ModuleMap::read(&zone.module, &zone.map) {
            Ok(map) => maps.push(map),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    for map in &maps {
        let warnings = map.cut_off();
        if !warnings.is_empty() {
            eprintln!("warning: {}{}", map.file.display(), wod_map::listed(&map.file, &warnings));
        }
    }
    Ok(maps)
}

fn world_near(dir: &Path) -> Option<PathBuf> {
    let dir = if dir.as_os_str() == "." { dir.canonicalize().ok()? } else { dir.to_owned() };
    [Some(dir.as_path()), dir.parent()].into_iter().flatten().map(|dir| dir.join(WORLD)).find(|file| file.is_file())
}

fn component_file(out: &Path, zone: &Zone) -> PathBuf {
    out.join(format!("{}.wasm", zone.module))
}

/// A component without content, of the zone's code.
fn compile_component(zone: &Zone, quick: bool) -> anyhow::Result<Vec<u8>> {
    if typescript::is_manifest(&zone.manifest) {
        return typescript::component(&zone.manifest);
    }
    let roots = Roots { workspace: zone.workspace.display().to_string() };
    component::encode(&compile(zone, quick)?, &roots).with_context(|| format!("the zone `{}`", zone.module))
}

/// What a component carries beside its code.
struct Content<'a> {
    map: &'a Map,
    /// The packed book.
    dialogue: Option<&'a [u8]>,
}

/// Puts code and content into one file, so that one digest covers both.
fn pack(zone: &Zone, code: &[u8], content: &Content<'_>, out: &Path) -> anyhow::Result<Built> {
    let mut component = wod_sandbox::with_map(code, content.map);
    if let Some(book) = content.dialogue {
        component = wod_sandbox::with_content(&component, wod_zone::dialogue::CONTENT, book);
    }
    if component.len() > MODULE_BYTES {
        bail!("`{}` is {} bytes: the most a host takes is {MODULE_BYTES}", zone.module, component.len());
    }
    let file = component_file(out, zone);
    write_whole(&file, &component)?;
    let digest = Digest::of(&component).to_string();
    Ok(Built {
        module: zone.module.clone(),
        file,
        bytes: component.len(),
        map_bytes: content.map.to_json().len(),
        digest,
    })
}

/// The zone's Yarn files as a component carries them.
fn packed_dialogue(yarn: &Path) -> anyhow::Result<Vec<u8>> {
    let book = wod_dialogue::book_of(yarn)?.encode()?;
    if book.len() > CONTENT_BYTES {
        bail!(
            "the dialogues of {} take {} bytes packed: at most {CONTENT_BYTES} are taken",
            yarn.display(),
            book.len()
        );
    }
    Ok(book)
}

/// Runs cargo and returns the core module it made. Cargo's progress and errors go to the terminal.
fn compile(zone: &Zone, quick: bool) -> anyhow::Result<Vec<u8>> {
    let mut cargo = cargo();
    cargo.arg("rustc");
    if quick {
        cargo.args(["--profile", "quick"]).args(QUICK.iter().flat_map(|setting| ["--config", setting]));
    } else {
        cargo.arg("--release").args(RELEASE.iter().flat_map(|setting| ["--config", setting]));
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

/// Whole or not at all: a host may be reading the file.
fn write_whole(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = file.with_extension("wasm.part");
    std::fs::write(&part, bytes).with_context(|| format!("can't write {}", part.display()))?;
    std::fs::rename(&part, file).with_context(|| format!("can't write {}", file.display()))
}
