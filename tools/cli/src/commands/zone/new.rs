//! `wod zone new NAME`: a zone that builds, with a map and a passing test; a crate, or with `--lang ts` a package in TypeScript.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use wod_protocol::world::World;

use super::typescript;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod zone new`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Lower case letters, digits and -; also the module's name
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// The zones' cargo workspace, for a zone in TypeScript any folder; it is made where there is none
    #[arg(long = "in", value_name = "DIR", default_value = "zones")]
    workspace: PathBuf,
    /// The repository, whose SDK a new workspace uses [default: the one around this folder, or where this program was built]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
    /// In which language. A call of a TypeScript zone costs many times what one of a Rust zone does, and its file is 12 MB: see
    /// the new zone's README.md
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

/// What zones are written in.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Language {
    /// A crate against the SDK
    Rust,
    /// TypeScript, run by an engine that is part of the component
    Ts,
}

/// A new workspace, with `@sdk@` for the repository's folder.
const WORKSPACE: &str = include_str!("../../../templates/workspace/manifest.toml");
/// The compiler that modules are built with.
const TOOLCHAIN: &str = include_str!("../../../../../rust-toolchain.toml");

/// What a new zone crate consists of: path, and text with `@name@`, `@crate@` and `@Name@` in it.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../../templates/zone/manifest.toml")),
    ("src/lib.rs", include_str!("../../../templates/zone/lib.rs.template")),
    ("tests/keeper.rs", include_str!("../../../templates/zone/test.rs.template")),
    ("scenarios/greeting.toml", include_str!("../../../templates/zone/scenario.toml")),
    ("map.tmx", include_str!("../../../templates/zone/map.tmx")),
];

/// What a new zone in TypeScript consists of, beside what [`typescript::lay_out`] puts there: path, and text with `@name@` in it.
const TYPESCRIPT_FILES: &[(&str, &str)] = &[
    ("package.json", include_str!("../../../templates/zone-ts/package.json")),
    ("tsconfig.json", include_str!("../../../templates/zone-ts/tsconfig.json")),
    (".gitignore", include_str!("../../../templates/zone-ts/gitignore")),
    ("README.md", include_str!("../../../templates/zone-ts/README.md")),
    ("src/zone.ts", include_str!("../../../templates/zone-ts/zone.ts")),
    ("test/keeper.test.ts", include_str!("../../../templates/zone-ts/keeper.test.ts")),
    ("scenarios/greeting.toml", include_str!("../../../templates/zone/scenario.toml")),
    ("map.tmx", include_str!("../../../templates/zone/map.tmx")),
];

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let dir = self.workspace.join(&self.name);
        if dir.exists() {
            return Err(
                Failure::text(Exit::Failed, format!("{} exists already", dir.display())).hint("choose another name")
            );
        }
        let test = match self.lang {
            Language::Rust => self.write_crate(&dir)?,
            Language::Ts => self.write_package(&dir)?,
        };
        let (shown, name) = (dir.display(), &self.name);
        output::line(format_args!("{shown} is a new zone. What next:"));
        output::line(test);
        output::line(format_args!(
            "  wod zone test {shown}              play its scenarios against the built component"
        ));
        output::line(format_args!(
            "  wod zone run {shown}               play it in the browser; what you save is swapped in"
        ));
        output::line(format_args!("  wod zone build {shown}             make {name}.wasm"));
        output::line(format_args!("  open {shown}/map.tmx with Tiled    change its map"));
        let world = std::fs::read_to_string(self.workspace.join("world.toml")).ok();
        output::line(match world {
            Some(_) => "and give it a place in the world file (numbers are never used twice):",
            None => "and a world file, with this in it:",
        });
        output::line(place_for(&self.name, world));
        Ok(())
    }

    /// Returns what runs its test.
    fn write_crate(&self, dir: &Path) -> Result<String, Failure> {
        let manifest = self.workspace.join("Cargo.toml");
        if !manifest.exists() {
            let sdk = self.sdk.clone().or_else(sdk_near).map_or_else(|| Err(no_sdk()), |sdk| resolved(&sdk))?;
            make_workspace(&self.workspace, &sdk)?;
            output::line(format_args!("{} is a new workspace of zones", self.workspace.display()));
        }
        let text = std::fs::read_to_string(&manifest).with_context(|| format!("can't read {}", manifest.display()))?;
        let joined = with_member(&text, &self.name).with_context(|| manifest.display().to_string())?;
        write_all(dir, FILES, &self.name)?;
        std::fs::write(&manifest, joined).with_context(|| format!("can't write {}", manifest.display()))?;
        Ok(format!("  cd {} && cargo test -p {}      run its test", self.workspace.display(), self.name))
    }

    /// Returns what runs its test, once its packages are there.
    fn write_package(&self, dir: &Path) -> Result<String, Failure> {
        write_all(dir, TYPESCRIPT_FILES, &self.name)?;
        write(&dir.join("package-lock.json"), &lock_file(&self.name))?;
        typescript::lay_out(dir)?;
        Ok(format!("  cd {} && npm ci && npm test      run its test", dir.display()))
    }
}

/// A piece for the world file: the next number, and land north of the region where people begin. All of it where there is none.
fn place_for(name: &str, world: Option<String>) -> String {
    let world = world.and_then(|text| World::parse(&text).ok());
    let number =
        world.iter().flat_map(|world| &world.zones).map(|zone| zone.number.0.saturating_add(1)).max().unwrap_or(1);
    let region = world.as_ref().map_or("nyc", |world| world.start_zone().region());
    let neighbours = world.iter().flat_map(|world| &world.zones).filter(|zone| zone.region() == region);
    let north = neighbours.map(|zone| zone.origin[1] + zone.size[1]).fold(0.0, f64::max);
    let start = if world.is_none() { format!("  start = \"{region}.{name}\"\n\n") } else { String::new() };
    format!(
        "{start}  [[zone]]\n  name = \"{region}.{name}\"\n  number = {number}\n  module = \"{name}\"\n  origin = [0, {north}]\n  size = [64, 48]"
    )
}

const SDK: &str = "zone-api/guest/Cargo.toml";

fn sdk_near() -> Option<PathBuf> {
    let places = [std::env::current_dir(), std::env::current_exe()];
    let mut places = places.into_iter().filter_map(std::io::Result::ok);
    places.find_map(|place| place.ancestors().find(|folder| folder.join(SDK).is_file()).map(Path::to_owned))
}

fn no_sdk() -> Failure {
    Failure::text(Exit::NotFound, "the SDK is not found").hint("name the folder of the repository with --sdk DIR")
}

fn resolved(sdk: &Path) -> Result<PathBuf, Failure> {
    let is_there = sdk.join(SDK).is_file();
    let whole = is_there.then(|| sdk.canonicalize()).ok_or_else(no_sdk)?;
    Ok(whole.with_context(|| format!("can't resolve {}", sdk.display()))?)
}

/// A workspace without zones.
fn make_workspace(dir: &Path, sdk: &Path) -> anyhow::Result<()> {
    write(&dir.join("Cargo.toml"), &WORKSPACE.replace("@sdk@", &sdk.display().to_string()))?;
    write(&dir.join("rust-toolchain.toml"), TOOLCHAIN)?;
    write(&dir.join(".gitignore"), "/target\n")?;
    // The versions that the shipped zones are built with.
    let lock = sdk.join("zones/Cargo.lock");
    if lock.is_file() {
        std::fs::copy(&lock, dir.join("Cargo.lock")).with_context(|| format!("can't copy {}", lock.display()))?;
    }
    Ok(())
}

/// The template's text for a zone of this name.
fn fill(template: &str, name: &str) -> String {
    template.replace("@name@", name).replace("@crate@", &name.replace('-', "_")).replace("@Name@", &type_name(name))
}

/// The sample's, whose packages are the same: every zone is built with what was tried here, to the last of their dependencies.
fn lock_file(name: &str) -> String {
    let sample = include_str!("../../../../../zone-api/ts/sample/package-lock.json");
    sample.replace("\"name\": \"pawnshop\"", &format!("\"name\": \"{name}\""))
}

/// `old-docks` → `OldDocks`.
fn type_name(name: &str) -> String {
    let capital = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
    name.split('-').filter(|part| !part.is_empty()).map(capital).collect()
}

/// The workspace's manifest with one more member. Only its list is touched: comments and order stay.
fn with_member(manifest: &str, name: &str) -> anyhow::Result<String> {
    let list = manifest.find("members = [").context("there is no `members = […]`: is it a workspace?")?;
    let end = list + manifest[list..].find(']').context("the list of members does not end")?;
    let (head, tail) = manifest.split_at(end);
    let head = head.trim_end();
    let (separator, closing) = match (head.ends_with('['), head.ends_with(','), manifest[list..end].contains('\n')) {
        (true, _, _) => ("", ""),
        (_, true, true) => ("\n    ", ",\n"),
        (_, true, false) => (" ", ""),
        (_, false, true) => (",\n    ", ",\n"),
        (_, false, false) => (", ", ""),
    };
    Ok(format!("{head}{separator}\"{name}\"{closing}{tail}"))
}

fn write_all(dir: &Path, files: &[(&str, &str)], name: &str) -> anyhow::Result<()> {
    files.iter().try_for_each(|(path, template)| write(&dir.join(path), &fill(template, name)))
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().context("a file has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    std::fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
}

fn name(text: &str) -> anyhow::Result<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !begins || !text.bytes().all(legal) || text.len() > 32 || text.ends_with('-') {
        bail!("begin with a lower case letter, then letters, digits and -, at most 32");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_member_joins_every_shape_of_list() {
        let joined = |manifest| with_member(manifest, "docks").unwrap();
        assert_eq!(joined("members = []\n"), "members = [\"docks\"]\n");
        assert_eq!(joined("members = [\"a\", \"b\"]\nx"), "members = [\"a\", \"b\", \"docks\"]\nx");
        assert_eq!(joined("members = [\n    \"a\",\n]"), "members = [\n    \"a\",\n    \"docks\",\n]");
        assert!(with_member("[package]", "docks").is_err());
    }

    #[test]
    fn a_new_zone_gets_a_number_and_land_of_its_own() {
        let world = include_str!("../../../../../zones/world.toml");
        let place = place_for("crypt", Some(world.into()));
        World::parse(&format!("{world}\n{place}")).unwrap();
        let alone = place_for("crypt", None);
        assert!(alone.contains("number = 1\n") && alone.contains("origin = [0, 0]"), "{alone}");
        World::parse(&alone).unwrap();
    }

    #[test]
    fn names_become_crates_and_types() {
        assert_eq!(fill("@name@ @crate@ @Name@", "old-docks"), "old-docks old_docks OldDocks");
        assert!(name("old-docks").is_ok());
        assert!(["Docks", "1st", "", "a_b", "a-"].into_iter().all(|text| name(text).is_err()));
    }

    #[test]
    fn a_zone_in_typescript_has_the_samples_packages_and_its_lock_file_fits() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let package = TYPESCRIPT_FILES.iter().find(|(path, _)| *path == "package.json").unwrap().1;
        let package = json(&fill(package, "crypt"));
        let sample = json(include_str!("../../../../../zone-api/ts/sample/package.json"));
        let lock = json(&lock_file("crypt"));
        for key in ["devDependencies", "overrides", "scripts", "engines"] {
            assert_eq!(package[key], sample[key], "{key}");
        }
        let root = &lock["packages"][""];
        assert_eq!(
            ["name", "version", "devDependencies"].map(|key| &root[key]),
            ["name", "version", "devDependencies"].map(|key| &package[key])
        );
        assert_eq!(lock["name"], "crypt");
    }

    #[test]
    fn the_templates_map_keeps_the_conventions() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("map.tmx");
        std::fs::write(&file, FILES.iter().find(|(path, _)| *path == "map.tmx").unwrap().1).unwrap();
        let map = wod_map::read(&file).unwrap();
        assert_eq!((map.size, map.spawns.len(), map.places.len()), ([64.0, 48.0], 2, 1));
        assert_eq!(map.places[0].properties["npc"], wod_protocol::client::TagValue::Text("Keeper".into()));
    }

    #[test]
    fn the_templates_scenario_is_one() {
        let text = FILES.iter().find(|(path, _)| path.starts_with("scenarios/")).unwrap().1;
        assert_eq!(crate::scenario::script::Script::parse(text).unwrap().steps.len(), 4);
    }

    #[test]
    fn a_new_workspace_uses_the_sdk_where_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        make_workspace(dir.path(), &resolved(&sdk).map_err(|failure| failure.to_string()).unwrap()).unwrap();
        let manifest = std::fs::read_to_string(dir.path().join("Cargo.toml")).unwrap();
        let joined = with_member(&manifest, "docks").unwrap();
        assert!(joined.contains("members = [\"docks\"]"), "{joined}");
        let path = joined.split("wod-zone = { path = \"").nth(1).unwrap().split('"').next().unwrap();
        assert!(Path::new(path).join("Cargo.toml").is_file(), "{path}");
        assert!(resolved(dir.path()).is_err());
    }
}
