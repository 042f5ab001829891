//! `wod zone test`: scenarios, played against the built component in the real simulation.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use wod_sandbox::Sandbox;

use super::crates;
use super::sandbox::{component, with_sandbox};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::scenario::play::{Missed, Passed, play};
use crate::scenario::script::Script;

/// Folder of a crate's scenarios.
const FOLDER: &str = "scenarios";

/// Arguments of `wod zone test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a zone, with scenarios/*.toml in it [default: here if this is one, else ./zones]; or scenario files
    #[arg(value_name = "DIR|FILE.toml")]
    paths: Vec<PathBuf>,
    /// The component to play against, instead of building the crate's
    #[arg(long, value_name = "FILE.wasm")]
    component: Option<PathBuf>,
    /// Where the component files go that are built
    #[arg(long, value_name = "DIR", default_value = "target/zones")]
    out: PathBuf,
    /// Print a JSON list of what came out
    #[arg(long)]
    json: bool,
}

/// A crate, and what is played in it.
#[derive(Clone)]
struct Job {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

/// What came of one file.
#[derive(Serialize)]
struct Played {
    file: PathBuf,
    about: String,
    #[serde(flatten)]
    came: Came,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Came {
    Passed(Passed),
    Missed(Missed),
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let paths = if self.paths.is_empty() { vec![crates::default_dir()] } else { self.paths.clone() };
        let jobs = paths.iter().map(|path| jobs(path)).collect::<Result<Vec<_>, _>>()?.concat();
        if self.component.is_some() && jobs.len() > 1 {
            let text = format!("--component is of one zone, here are {}", jobs.len());
            return Err(Failure::text(Exit::Usage, text));
        }
        with_sandbox(move |sandbox| self.play(sandbox, &jobs))
    }

    fn play(&self, sandbox: &Sandbox, jobs: &[Job]) -> Outcome {
        let mut all = Vec::new();
        for job in jobs {
            // The files first: their faults are told before anything is compiled.
            let scripts = job.files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
            let compiled = component(sandbox, self.component.as_deref().unwrap_or(&job.folder), &self.out)?;
            for (file, script) in job.files.iter().zip(scripts) {
                let came = match play(&script, &compiled) {
                    Ok(passed) => Came::Passed(passed),
                    Err(missed) => Came::Missed(missed),
                };
                let played = Played { file: file.clone(), about: script.about, came };
                if !self.json {
                    played.print();
                }
                all.push(played);
            }
        }
        if self.json {
            output::json(&all);
        }
        let missed = all.iter().filter(|played| matches!(played.came, Came::Missed(_))).count();
        if missed == 0 {
            if !self.json {
                output::line(format_args!("all {} scenarios came out as they say", all.len()));
            }
            return Ok(());
        }
        Err(Failure::text(Exit::Faults, format!("{missed} of {} scenarios came out otherwise", all.len())))
    }
}

impl Played {
    fn print(&self) {
        let file = self.file.display();
        match &self.came {
            Came::Passed(Passed { steps, seconds }) => {
                output::line(format_args!("ok    {file}: {} ({steps} steps, {seconds:.1} s of game time)", self.about));
            }
            Came::Missed(Missed { line, seconds, expected, got }) => {
                output::line(format_args!("FAIL  {file}:{line}: {} (after {seconds:.1} s of game time)", self.about));
                output::line(format_args!("      expected  {expected}"));
                for (index, line) in got.lines().enumerate() {
                    output::line(format_args!("      {}  {line}", if index == 0 { "got     " } else { "        " }));
                }
            }
        }
    }
}

/// What one argument names.
fn jobs(path: &Path) -> Result<Vec<Job>, Failure> {
    if path.is_dir() {
        let zones = crates::zones_by_manifest(path)?;
        let jobs = zones.iter().map(|zone| {
            let folder = zone.manifest.parent().context("a manifest has a folder")?.to_owned();
            let files = scenarios(&folder.join(FOLDER))?;
            Ok(Job { folder, files })
        });
        let jobs: Vec<Job> = jobs.collect::<anyhow::Result<_>>()?;
        let jobs: Vec<Job> = jobs.into_iter().filter(|job| !job.files.is_empty()).collect();
        if jobs.is_empty() {
            return Err(Failure::text(Exit::NotFound, format!("{} has no {FOLDER}/*.toml", path.display()))
                .hint("zones/README.md shows how to write one; `wod zone new` makes a zone with one"));
        }
        return Ok(jobs);
    }
    if !path.is_file() {
        return Err(Failure::text(Exit::NotFound, format!("there is no file or folder {}", path.display())));
    }
    // `docks/scenarios/greeting.toml` is of `docks`.
    let whole = path.canonicalize().with_context(|| format!("can't resolve {}", path.display()))?;
    let folder = whole.parent().and_then(Path::parent).context("a scenario lies in a folder of its crate")?.to_owned();
    Ok(vec![Job { folder, files: vec![path.to_owned()] }])
}

/// In order of their names.
fn scenarios(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("can't read the folder {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Script, Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    Script::parse(&text)
        .map_err(|error| Failure::text(Exit::Failed, format!("{}:{}: {}", file.display(), error.line, error.why)))
}
