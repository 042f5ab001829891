//! `wod swap ZONE MODULE`: replaces a running zone's module, and tells each step.

use std::path::PathBuf;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wod_host::signature::Signature;

use super::keys::{Key, read_module};
use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Probation unless set otherwise, ticks.
const PROBATION: u32 = 600;

/// Differences, and events of each, that people are shown; `--json` has more.
const SHOWN: usize = 3;
/// Most characters of one event or order that people are shown.
const LINE_CHARS: usize = 140;

/// Arguments of `wod swap`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For example nyc.elysium
    #[arg(value_name = "ZONE")]
    zone: String,
    /// NAME@VERSION as published, a digest, or a component file (which is taken in without a version and swapped in at once)
    #[arg(value_name = "MODULE")]
    module: String,
    /// Compare so many ticks with what the running version does before the swap
    #[arg(long, value_name = "TICKS", default_value_t = 0)]
    shadow: u32,
    /// Ticks in which a fault or a slower pace brings the version before back by itself [default: 600; of a file: none]
    #[arg(long, value_name = "TICKS")]
    probation: Option<u32>,
    /// Stop before the swap, and tell what it would change
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
    /// Print JSON: how it ended, and the steps to it
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    step: String,
    state: String,
    ms: f64,
    text: String,
    #[serde(default)]
    facts: Value,
}

/// How the admin API says that the zone runs the new module.
#[derive(Serialize, Deserialize)]
pub(crate) struct Swapped {
    pub(crate) generation: u32,
    digest: String,
    #[serde(default)]
    pub(crate) module: String,
    /// How long the zone stood still for it.
    pub(crate) pause_ms: f64,
}

/// Replaces the module of a running zone with this component.
///
/// # Errors
/// The server's refusal: the old module goes on.
pub(crate) async fn swap(
    server: &Server,
    zone: &str,
    component: Vec<u8>,
    signature: Option<Signature>,
) -> Result<Swapped, Failure> {
    server.request(Method::PUT, &zone_path(zone, "/module")?, Body::Module(component, signature.map(Box::new))).await
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if self.module.ends_with(".wasm") { block_on(self.swap_file()) } else { block_on(self.deploy()) }
    }

    async fn swap_file(&self) -> Outcome {
        if self.plan || self.shadow > 0 || self.probation.is_some() {
            return Err(Failure::text(Exit::Usage, "--plan, --shadow and --probation are for published modules")
                .hint("`wod publish FILE.wasm`, then `wod swap ZONE NAME@VERSION --plan`"));
        }
        let bytes = read_module(&PathBuf::from(&self.module))?;
        let signature = self.key.sign(&bytes)?;
        let swapped = swap(&self.server, &self.zone, bytes, signature).await?;
        if self.json {
            output::json(&swapped);
            return Ok(());
        }
        output::line(format_args!(
            "{} runs {} (generation {}, digest {}); it stood still for {:.1} ms",
            self.zone,
            swapped.module,
            swapped.generation,
            swapped.digest.get(..16).unwrap_or(&swapped.digest),
            swapped.pause_ms
        ));
        Ok(())
    }

    async fn deploy(&self) -> Outcome {
        let path = zone_path(&self.zone, "/deploy")?;
        let Self { module, shadow, plan, .. } = self;
        let probation = self.probation.unwrap_or(PROBATION);
        let order = json!({ "module": module, "shadow": shadow, "probation": probation, "plan": plan });
        let mut lines: Vec<Line> = Vec::new();
        let told = self.server.follow(&path, order, |line: Line| {
            if !self.json {
                print(&line);
            }
            lines.push(line);
        });
        let told = told.await;
        if self.json {
            output::json(&lines);
        }
        told?;
        match lines.last() {
            Some(line) if line.state == "failed" => {
                let failure = Failure::text(Exit::Refused, format!("{}: {}", line.step, line.text));
                Err(line.facts["hint"].as_str().into_iter().fold(failure, Failure::hint))
            }
            Some(line) if *plan || line.step == "settled" => Ok(()),
            _ => Err(Failure::text(Exit::Failed, "the host broke off before the end")
                .hint("`wod zones` shows what the zone runs; a swap that had begun goes on")),
        }
    }
}

/// One step: what it is, how long it took, what it found; then, where there is more to say, a line each.
fn print(line: &Line) {
    let Line { step, state, ms, text, facts } = line;
    if state == "failed" {
        return;
    }
    let took = if state == "done" { format!("{ms:8.1} ms") } else { format!("{state:>11}") };
    output::line(format_args!("{step:<10} {took}  {text}"));
    let list = |key: &str| -> Vec<String> {
        facts[key].as_array().into_iter().flatten().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
    };
    for key in ["verbs_added", "verbs_removed", "settings_added", "settings_removed", "settings_retyped"] {
        let names = list(key);
        if !names.is_empty() {
            output::line(format_args!("{:24}{}: {}", "", key.replace('_', " "), names.join(", ")));
        }
    }
    for difference in facts["first"].as_array().into_iter().flatten().take(SHOWN) {
        let events = difference["events"].as_array().into_iter().flatten();
        output::line(format_args!("{:24}tick {}, told {} events", "", difference["tick"], events.clone().count()));
        for event in events.take(SHOWN) {
            output::line(format_args!("{:24}  {}", "", shortened(event)));
        }
        output::line(format_args!("{:24}  running  {}", "", shortened(&difference["running"])));
        output::line(format_args!("{:24}  new      {}", "", shortened(&difference["other"])));
    }
    for (kind, orders) in facts["kinds"].as_object().into_iter().flatten() {
        output::line(format_args!("{:24}{kind}: {} running, {} new", "", orders["running"], orders["other"]));
    }
    for fault in facts["first_faults"].as_array().into_iter().flatten() {
        output::line(format_args!("{:24}tick {}: {} at {}", "", fault[0], shortened(&fault[1]), shortened(&fault[2])));
    }
}

/// A text for one line of a terminal.
fn shortened(text: &Value) -> String {
    let text = text.as_str().unwrap_or("nothing more");
    match text.char_indices().nth(LINE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
