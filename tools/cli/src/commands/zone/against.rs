//! The second half of `wod zone check NEW --against OLD`: whether the new version takes over what the old one has after an
//! evening in the real simulation, and whether the old one could take it back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wod_protocol::client::TagValue;
use wod_protocol::ids::Digest;
use wod_sandbox::Compiled;
use wod_sim::module::{Description, Fault};

use crate::output;
use crate::scenario::{Cast, Failure, Stage, Told};

/// One version, compiled, with what it says about itself.
pub(super) struct Version<'a> {
    pub(super) compiled: &'a Compiled,
    pub(super) description: &'a Description,
}

/// What swapping one for the other would do.
#[derive(Serialize)]
pub(super) struct Verdict {
    /// State schemas, old and new.
    schema: [u32; 2],
    verbs: Changes,
    settings: Changes,
    /// Game time played under both, s.
    seconds: f64,
    old: Played,
    new: Played,
    loads: Loads,
    rolls_back: RollsBack,
    /// Of the running versions, in order.
    faults: Vec<Broken>,
    warnings: Vec<String>,
}

/// Names of verbs, or of settings.
#[derive(Serialize)]
struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    /// With both types.
    retyped: Vec<String>,
}

/// How much a version was put through.
#[derive(Serialize)]
struct Played {
    /// Told, by kind.
    events: BTreeMap<&'static str, u64>,
    verbs_used: BTreeSet<String>,
    /// Declared, but no entity in reach offered them.
    verbs_unused: BTreeSet<String>,
    /// Of its state when it was to be replaced. None: it was not, or failed to save.
    saved_bytes: Option<usize>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "why")]
enum Loads {
    Yes,
    /// By the new one.
    Refused(String),
    OldDoesNotSave(String),
    NotTried(String),
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "why")]
enum RollsBack {
    /// The old one loads what the new one saved.
    Carries,
    /// It does not: going back loses what happened since the swap.
    WouldRewind(String),
    NewDoesNotSave(String),
    NotTried(String),
}

#[derive(Serialize)]
struct Broken {
    version: &'static str,
    /// Game time, s.
    seconds: f64,
    /// While it handled such an event.
    event: Option<&'static str>,
    fault: String,
}

/// Plays an evening under the old version, swaps, plays on, rolls back, plays on.
pub(super) fn compare(old: &Version<'_>, new: &Version<'_>) -> Verdict {
    let mut verdict = Verdict {
        schema: [old.description.schema, new.description.schema],
        verbs: changes(verb_names(old), verb_names(new)),
        settings: changes(setting_types(old), setting_types(new)),
        seconds: 0.0,
        old: played(old, &Told::default()),
        new: played(new, &Told::default()),
        loads: Loads::NotTried("the old one does not open a zone".into()),
        rolls_back: RollsBack::NotTried("the new one never ran".into()),
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    if old.description.name != new.description.name {
        let [before, after] = [old, new].map(|version| &version.description.name);
        verdict.warnings.push(format!(
            "its name changes from `{before}` to `{after}`: what `{before}` saved for players stays out of its reach"
        ));
    }
    let (before, after) = (old.compiled.digest(), new.compiled.digest());
    let mut stage = match Stage::open(old.compiled, &[new.compiled]) {
        Ok(stage) => stage,
        Err(fault) => {
            verdict.loads = Loads::NotTried(format!("the old one does not open a zone: {fault}"));
            return verdict;
        }
    };
    let cast = Cast::new(&mut stage);
    cast.evening(&mut stage);
    verdict.loads = loads(stage.swap(after), &stage, before);
    if verdict.loads == Loads::Yes {
        cast.afterwards(&mut stage);
        verdict.rolls_back = rolls_back(stage.roll_back(), &stage, after);
        if verdict.rolls_back == RollsBack::Carries {
            cast.back_again(&mut stage);
        }
    }
    verdict.seconds = stage.seconds();
    verdict.old = played(old, &stage.told(&before));
    verdict.new = played(new, &stage.told(&after));
    verdict.faults = stage.failures().iter().map(|failure| broken(failure, before)).collect();
    verdict.warnings.extend(verdict.doubts());
    verdict
}

impl Verdict {
    /// Why the new version must not go live; none: it may.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match (&self.loads, &self.rolls_back) {
            (Loads::Refused(_), _) => Some("the new version does not load what the old one saves"),
            (Loads::OldDoesNotSave(_), _) => {
                Some("the old version does not save its state: nothing can be carried over")
            }
            (Loads::NotTried(_), _) => Some("the old version can't be played to the end"),
            (Loads::Yes, RollsBack::NewDoesNotSave(_)) => Some("the new version does not save its state"),
            (Loads::Yes, _) if self.faults.iter().any(|broken| broken.version == NEW) => {
                Some("the new version loads, and then fails")
            }
            (Loads::Yes, _) => None,
        }
    }

    /// What is no fault of the new version, but worth a thought.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if let RollsBack::WouldRewind(_) = self.rolls_back {
            doubts.push("a rollback would rewind: what the zone did since the swap would be lost".to_owned());
        }
        if self.faults.iter().any(|broken| broken.version == OLD) {
            doubts.push("the old version fails in play".to_owned());
        }
        if !self.old.verbs_unused.is_empty() {
            let unused: Vec<&str> = self.old.verbs_unused.iter().map(String::as_str).collect();
            doubts.push(format!("no entity in reach offered these verbs of the old version: {}", unused.join(", ")));
        }
        doubts
    }
}

const OLD: &str = "old";
const NEW: &str = "new";

fn loads(swapped: Option<Result<(), Fault>>, stage: &Stage, old: Digest) -> Loads {
    match (swapped, stage.told(&old).saved) {
        (Some(Ok(())), _) => Loads::Yes,
        (Some(Err(_)), Some(Err(fault))) => Loads::OldDoesNotSave(fault.to_string()),
        (Some(Err(fault)), _) => Loads::Refused(fault.to_string()),
        (None, _) => Loads::NotTried(stage.over().unwrap_or_default().to_owned()),
    }
}

fn rolls_back(replaced: Option<Result<(), Fault>>, stage: &Stage, new: Digest) -> RollsBack {
    match (replaced, stage.told(&new).saved) {
        (Some(Ok(())), _) => RollsBack::Carries,
        (Some(Err(_)), Some(Err(fault))) => RollsBack::NewDoesNotSave(fault.to_string()),
        (Some(Err(fault)), _) => RollsBack::WouldRewind(fault.to_string()),
        (None, _) => RollsBack::NotTried(stage.over().unwrap_or_default().to_owned()),
    }
}

fn played(version: &Version<'_>, told: &Told) -> Played {
    Played {
        events: told.events.clone(),
        verbs_used: told.verbs.clone(),
        verbs_unused: version.description.verbs.iter().filter(|verb| !told.verbs.contains(*verb)).cloned().collect(),
        saved_bytes: told.saved.as_ref().and_then(|saved| saved.as_ref().ok()).copied(),
    }
}

fn broken(failure: &Failure, old: Digest) -> Broken {
    let version = if failure.version == old { OLD } else { NEW };
    Broken { version, seconds: failure.seconds, event: failure.event, fault: failure.fault.to_string() }
}

fn verb_names(version: &Version<'_>) -> BTreeMap<String, &'static str> {
    version.description.verbs.iter().map(|verb| (verb.clone(), "verb")).collect()
}

fn setting_types(version: &Version<'_>) -> BTreeMap<String, &'static str> {
    let type_of = |value: &TagValue| match value {
        TagValue::Flag(_) => "flag",
        TagValue::Int(_) => "int",
        TagValue::Number(_) => "number",
        TagValue::Text(_) => "text",
    };
    version.description.config.iter().map(|key| (key.name.clone(), type_of(&key.default))).collect()
}

/// Both by name, with their types.
fn changes(old: BTreeMap<String, &'static str>, new: BTreeMap<String, &'static str>) -> Changes {
    let missing_in = |these: &BTreeMap<String, _>, those: &BTreeMap<String, _>| {
        those.keys().filter(|name| !these.contains_key(*name)).cloned().collect()
    };
    let retyped = old.iter().filter_map(|(name, before)| {
        let after = new.get(name).filter(|after| *after != before)?;
        Some(format!("{name}: {before} → {after}"))
    });
    Changes { added: missing_in(&old, &new), removed: missing_in(&new, &old), retyped: retyped.collect() }
}

/// For people, under what `wod zone check` says of the two files.
pub(super) fn print(verdict: &Verdict) {
    let line = |name: &str, text: String| output::line(format_args!("  {name:<9} {text}"));
    output::line("the new one in place of the old one");
    line("schema", format!("{} → {}", verdict.schema[0], verdict.schema[1]));
    line("verbs", verdict.verbs.to_string());
    line("settings", verdict.settings.to_string());
    line("played", format!("{:.0} s of game time", verdict.seconds));
    for (name, played) in [(OLD, &verdict.old), (NEW, &verdict.new)] {
        line(name, played.to_string());
    }
    line(
        "loads",
        match &verdict.loads {
            Loads::Yes => "yes".to_owned(),
            Loads::Refused(why) => format!("refused: {why}"),
            Loads::OldDoesNotSave(why) => format!("not tried: the old one failed to save its state: {why}"),
            Loads::NotTried(why) => format!("not tried: {why}"),
        },
    );
    line(
        "back",
        match &verdict.rolls_back {
            RollsBack::Carries => "carries: the old one loads what the new one saves".to_owned(),
            RollsBack::WouldRewind(why) => format!("would rewind: {why}"),
            RollsBack::NewDoesNotSave(why) => format!("not tried: the new one failed to save its state: {why}"),
            RollsBack::NotTried(why) => format!("not tried: {why}"),
        },
    );
    verdict.warnings.iter().for_each(|warning| line("warning", warning.clone()));
    for Broken { version, seconds, event, fault } in &verdict.faults {
        let event = event.map_or_else(String::new, |event| format!(" at `{event}`"));
        line("FAULT", format!("of the {version} one after {seconds:.1} s{event}: {fault}"));
    }
    match verdict.fault() {
        Some(fault) => line("FAULT", fault.to_owned()),
        None => line("ok", "the new one loads what the old one saves".to_owned()),
    }
}

impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { added, removed, retyped } = self;
        let signed =
            |sign: &'static str, names: &[String]| names.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>();
        let all = [signed("+", added), signed("-", removed), signed("~", retyped)].concat();
        f.write_str(&if all.is_empty() { "the same".to_owned() } else { all.join(", ") })
    }
}

impl std::fmt::Display for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let events: Vec<String> = self.events.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let events = if events.is_empty() { "nothing".to_owned() } else { events.join(", ") };
        let (used, unused) = (self.verbs_used.len(), self.verbs_unused.len());
        write!(f, "was told {events}; {used} of {} verbs used", used + unused)?;
        match self.saved_bytes {
            Some(bytes) => write!(f, "; saved {}", output::bytes(bytes as u64)),
            None => Ok(()),
        }
    }
}
