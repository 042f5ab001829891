//! `wod zone new NAME`: a zone that builds, with a map and a passing test; a crate, or with `--lang ts` a package in TypeScript.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::typescript;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod zone new`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Lower case letters, digits and -; also the module's name
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// The zones' cargo workspace; for a zone in TypeScript any folder
    #[arg(long = "in", value_name = "DIR", default_value = "zones")]
    workspace: PathBuf,
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

/// What a new zone in TypeScript consists of, beside what [`typescript::lay_out`] puts there: path, and text with `@name@` in it.
const TYPESCRIPT_FILES: &[(&str, &str)] = &[
    ("package.json", include_str!("../../../templates/zone-ts/package.json")),
    ("tsconfig.json", include_str!("../../../templates/zone-ts/tsconfig.json")),
    (".gitignore", include_str!("../../../templates/zone-ts/gitignore")),
    ("README.md", include_str!("../../../templates/zone-ts/README.md")),
    ("src/zone.ts", include_str!("../../../templates/zone-ts/zone.ts")),
    ("test/keeper.test.ts", include_str!("../../../templates/zone-ts/keeper.test.ts")),
    ("map.tmx", include_str!("../../../templates/zone/map.tmx")),
];

/// What a new zone crate consists of: path, and text with `@name@`, `@crate@` and `@Name@` in it.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../../templates/zone/manifest.toml")),
    ("src/lib.rs", include_str!("../../../templates/zone/lib.rs.template")),
    ("tests/keeper.rs", include_str!("../../../templates/zone/test.rs.template")),
    ("map.tmx", include_str!("../../../templates/zone/map.tmx")),
];

impl Args {
    pub(crate) fn run(self) -> Outcome {
        match self.lang {
            Language::Rust => self.rust()?,
            Language::Ts => self.typescript()?,
        }
        let (shown, name) = (self.dir(), &self.name);
        output::line(format_args!("  open {}/map.tmx with Tiled    change its map", shown.display()));
        output::line("and give it a place in the world file (numbers are never used twice):");
        output::line(format_args!(
            "  [[zone]]\n  name = \"nyc.{name}\"\n  number = 4\n  module = \"{name}\"\n  origin = [0, 100]\n  size = [64, 48]"
        ));
        Ok(())
    }

    fn dir(&self) -> PathBuf {
        self.workspace.join(&self.name)
    }

    fn rust(&self) -> Outcome {
        let manifest = self.workspace.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).map_err(|error| {
            let error = anyhow::Error::new(error).context(format!("can't read {}", manifest.display()));
            Failure::new(Exit::NotFound, error)
                .hint("zones live in one cargo workspace: name its folder with --in, or go to the repository's root")
        })?;
        self.must_be_new()?;
        let joined = with_member(&text, &self.name).with_context(|| manifest.display().to_string())?;
        self.write(FILES)?;
        std::fs::write(&manifest, joined).with_context(|| format!("can't write {}", manifest.display()))?;
        let (dir, name) = (self.dir(), &self.name);
        let shown = dir.display();
        output::line(format_args!("{shown} is a new zone. What next:"));
        output::line(format_args!("  cd {} && cargo test -p {name}      run its test", self.workspace.display()));
        output::line(format_args!("  wod zone build {shown}             make {name}.wasm"));
        Ok(())
    }

    fn typescript(&self) -> Outcome {
        if !self.workspace.is_dir() {
            let text = format!("there is no folder {}", self.workspace.display());
            return Err(Failure::text(Exit::NotFound, text).hint("name the folder to make the zone in with --in"));
        }
        self.must_be_new()?;
        self.write(TYPESCRIPT_FILES)?;
        let (dir, name) = (self.dir(), &self.name);
        write(&dir.join("package-lock.json"), &lock_file(name))?;
        typescript::lay_out(&dir)?;
        let shown = dir.display();
        output::line(format_args!("{shown} is a new zone in TypeScript. What next:"));
        output::line(format_args!("  wod zone build {shown}             install its packages, make {name}.wasm"));
        output::line(format_args!("  npm --prefix {shown} test          run its test"));
        Ok(())
    }

    fn must_be_new(&self) -> Outcome {
        let dir = self.dir();
        match dir.exists() {
            true => {
                Err(Failure::text(Exit::Failed, format!("{} exists already", dir.display()))
                    .hint("choose another name"))
            }
            false => Ok(()),
        }
    }

    fn write(&self, files: &[(&str, &str)]) -> anyhow::Result<()> {
        files.iter().try_for_each(|(path, template)| write(&self.dir().join(path), &fill(template, &self.name)))
    }
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
        assert_eq!((map.size, map.spawns.len(), map.places[0].name.as_str()), ([64.0, 48.0], 2, "keeper"));
    }
}
