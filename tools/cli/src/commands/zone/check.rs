//! `wod zone check FILE`: whether a component would run, and what to do when not. With `--against OLD`, also whether it can
//! take the place of another version.

use std::path::{Path, PathBuf};

use serde::Serialize;
use wod_protocol::ids::Digest;
use wod_sandbox::{Compiled, Limits, Sandbox};
use wod_sim::module::Description;

use self::findings::{Finding, Level};
use super::against::{self, Verdict, Version};
use super::sandbox::with_sandbox;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

mod findings;

/// Arguments of `wod zone check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Component files, as `wod zone build` makes them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Play an evening under this older version, then let the (one) FILE take over and give back
    ///
    /// Both run in this process, in the simulation that hosts run: players walk about, use every verb they are offered, talk,
    /// leave and come back. Then the new version must load what the old one saves, and not fail as the evening goes on (else
    /// exit code 6); at last the old one is asked to load it back: if it can't, a rollback would rewind (a warning).
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is known of one file.
#[derive(Serialize)]
struct Checked {
    file: PathBuf,
    bytes: usize,
    digest: String,
    module: Option<Description>,
    map: Option<MapFacts>,
    /// Whether faults will say file and line.
    lines: bool,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct MapFacts {
    digest: String,
    bytes: usize,
    size: [f64; 2],
    walls: usize,
    barriers: usize,
    places: usize,
    portals: Vec<String>,
}

/// A file with what it was compiled to, when it would run.
type Candidate = (Checked, Option<Compiled>);

/// What `--against` prints as JSON.
#[derive(Serialize)]
struct Comparison<'a> {
    new: &'a Checked,
    old: &'a Checked,
    /// None: one of the two would not even run alone.
    swap: Option<&'a Verdict>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if self.against.is_some() && self.files.len() != 1 {
            let text = format!("--against takes one new FILE, here are {}", self.files.len());
            return Err(Failure::text(Exit::Usage, text));
        }
        with_sandbox(move |sandbox| match &self.against {
            Some(old) => self.check_against(sandbox, old),
            None => self.check_alone(sandbox),
        })
    }

    fn check_alone(&self, sandbox: &Sandbox) -> Outcome {
        let candidates = self.files.iter().map(|file| check(sandbox, file)).collect::<Result<Vec<_>, _>>()?;
        let checked: Vec<Checked> = candidates.into_iter().map(|(checked, _)| checked).collect();
        if self.json {
            output::json(&checked);
        } else {
            checked.iter().for_each(print);
        }
        all_run(&checked.iter().collect::<Vec<_>>())
    }

    fn check_against(&self, sandbox: &Sandbox, old: &Path) -> Outcome {
        let ((new, new_compiled), (old, old_compiled)) = (check(sandbox, &self.files[0])?, check(sandbox, old)?);
        if new.digest == old.digest {
            return Err(Failure::text(
                Exit::Usage,
                "both files are the same module: name the older version with --against",
            ));
        }
        let verdict = version(&old, old_compiled.as_ref())
            .zip(version(&new, new_compiled.as_ref()))
            .map(|(old, new)| against::compare(&old, &new));
        if self.json {
            output::json(&Comparison { new: &new, old: &old, swap: verdict.as_ref() });
        } else {
            [&new, &old].into_iter().for_each(print);
            verdict.iter().for_each(against::print);
        }
        all_run(&[&new, &old])?;
        match verdict.and_then(|verdict| verdict.fault()) {
            None => Ok(()),
            Some(fault) => Err(Failure::text(Exit::Faults, fault)),
        }
    }
}

fn all_run(checked: &[&Checked]) -> Outcome {
    match checked.iter().filter(|checked| checked.would_not_run()).count() {
        0 => Ok(()),
        count => Err(Failure::text(Exit::Faults, format!("{count} of {} file(s) would not run", checked.len()))),
    }
}

fn version<'a>(checked: &'a Checked, compiled: Option<&'a Compiled>) -> Option<Version<'a>> {
    Some(Version { compiled: compiled?, description: checked.module.as_ref()? })
}

fn check(sandbox: &Sandbox, file: &Path) -> Result<Candidate, Failure> {
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::new(Exit::NotFound, anyhow::Error::new(error).context(format!("can't read {}", file.display())))
            .hint("`wod zone build` makes it")
    })?;
    let digest = Digest::of(&bytes).to_string();
    let file = file.to_owned();
    let mut checked =
        Checked { file, bytes: bytes.len(), digest, module: None, map: None, lines: false, findings: Vec::new() };
    let compiled = match sandbox.compile(&bytes) {
        Ok(compiled) => compiled,
        Err(error) => {
            checked.findings.push(findings::refusal(&error));
            return Ok((checked, None));
        }
    };
    checked.lines = compiled.has_lines();
    checked.map = compiled.map().map(|packed| MapFacts {
        digest: packed.digest.to_string(),
        bytes: packed.json.len(),
        size: packed.map.size,
        walls: packed.map.walls.len(),
        barriers: packed.map.barriers.len(),
        places: packed.map.places.len(),
        portals: packed.map.portals.iter().map(|portal| portal.name.clone()).collect(),
    });
    // Links can be right and the module still fail: only a real instance shows.
    match compiled.instantiate(&Limits::default()) {
        Ok(instance) => {
            let description = instance.description();
            checked.findings.extend(findings::doubts(&compiled, description, bytes.len()));
            checked.module = Some(description.clone());
        }
        Err(error) => checked.findings.push(findings::refusal(&error)),
    }
    Ok((checked, Some(compiled)))
}

impl Checked {
    fn would_not_run(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }
}

fn print(checked: &Checked) {
    let size = output::bytes(checked.bytes as u64);
    output::line(format_args!("{}  {size}  digest {}", checked.file.display(), &checked.digest[..16]));
    if let Some(module) = &checked.module {
        output::line(format_args!("  module    {} {} (state schema {})", module.name, module.version, module.schema));
        if !module.verbs.is_empty() {
            output::line(format_args!("  verbs     {}", module.verbs.join(", ")));
        }
        for key in &module.config {
            let default = serde_json::to_string(&key.default).expect("a value is JSON");
            output::line(format_args!("  setting   {} = {default}: {}", key.name, key.about));
        }
    }
    if let Some(map) = &checked.map {
        let [width, height] = map.size;
        output::line(format_args!(
            "  map       {width} x {height} m, {} walls, {} barriers, {} places, portals: {}",
            map.walls,
            map.barriers,
            map.places,
            if map.portals.is_empty() { "none".into() } else { map.portals.join(", ") }
        ));
    }
    for Finding { level, what, place, mend } in &checked.findings {
        let level = match level {
            Level::Error => "ERROR",
            Level::Warning => "warning",
        };
        output::line(format_args!("  {level:<8}  {place}: {what}"));
        output::line(format_args!("  {:<8}  mend: {mend}", ""));
    }
    if !checked.would_not_run() {
        output::line("  ok        it compiles, instantiates and describes itself");
    }
}
