//! `wod rollout MODULE --zones PATTERN --wave 1,25%,100%`: one version into many zones, wave by wave.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::{Body, Server, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// How often a rollout that is waited for is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Arguments of `wod rollout`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// NAME@VERSION as published
    #[arg(value_name = "MODULE", required_unless_present_any = ["resume", "abort"])]
    module: Option<String>,
    /// Zones by name, * for any part; of those that match, the ones whose module has this name
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    zones: String,
    /// How many zones have it after each wave: numbers, or per cent
    #[arg(long, value_name = "LIST", default_value = "1,25%,100%", value_delimiter = ',')]
    wave: Vec<String>,
    /// Ticks to compare before each swap
    #[arg(long, value_name = "TICKS", default_value_t = 0)]
    shadow: u32,
    /// Ticks of probation in each zone
    #[arg(long, value_name = "TICKS", default_value_t = 600)]
    probation: u32,
    /// Wait for an operator after a wave in which anything was not as before
    #[arg(long, value_name = "WHAT", value_parser = ["any"])]
    pause_on: Option<String>,
    /// Begin it, and don't wait: hosts carry it on
    #[arg(long)]
    detach: bool,
    /// Let a paused rollout go on
    #[arg(long, value_name = "ID", conflicts_with_all = ["module", "zones", "wave", "shadow", "probation", "pause_on", "abort"])]
    resume: Option<String>,
    /// Stop a rollout, and take back what it has swapped
    #[arg(long, value_name = "ID", conflicts_with_all = ["module", "zones", "wave", "shadow", "probation", "pause_on"])]
    abort: Option<String>,
    #[command(flatten)]
    server: Server,
    /// Print JSON: the rollout as it ended
    #[arg(long)]
    json: bool,
}

/// A rollout as hosts keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rollout {
    pub(crate) id: String,
    pub(crate) module: String,
    waves: Vec<Vec<String>>,
    wave: usize,
    zones: BTreeMap<String, Tagged>,
    state: Tagged,
    driver: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// A state, and what there is to say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tagged {
    is: String,
    #[serde(default, alias = "what", skip_serializing_if = "Value::is_null")]
    why: Value,
}

impl Tagged {
    fn text(&self) -> String {
        let why = match &self.why {
            Value::Null => String::new(),
            Value::String(why) => format!(": {why}"),
            // The generation that a zone began with.
            Value::Number(_) => String::new(),
            Value::Array(noticed) if noticed.is_empty() => String::new(),
            other => format!(": {other}"),
        };
        format!("{}{why}", self.is.replace('_', " "))
    }
}

impl Rollout {
    fn rests(&self) -> bool {
        matches!(self.state.is.as_str(), "done" | "stopped" | "paused")
    }

    /// From 1.
    fn wave_of(&self, zone: &str) -> usize {
        self.waves.iter().take_while(|wave| !wave.iter().any(|name| name == zone)).count() + 1
    }

    /// A row for a table of rollouts.
    pub(crate) fn row(&self) -> [String; 5] {
        let wave = format!("{} of {}", (self.wave + 1).min(self.waves.len()), self.waves.len());
        let settled = self.zones.values().filter(|zone| zone.is == "settled").count();
        let zones = format!("{settled} of {} settled", self.zones.len());
        [self.id.clone(), self.module.clone(), wave, zones, self.state.text()]
    }
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let rollout = self.ask().await?;
            if self.detach {
                if self.json {
                    output::json(&rollout);
                } else {
                    output::line(format_args!("rollout {} is under way; `wod rollouts` shows how far", rollout.id));
                }
                return Ok(());
            }
            let rollout = self.watch(rollout).await?;
            if self.json {
                output::json(&rollout);
            }
            match rollout.state.is.as_str() {
                "done" => Ok(()),
                "paused" => Err(Failure::text(Exit::Faults, rollout.state.text()).hint(format!(
                    "`wod rollout --resume {0}` goes on, `wod rollout --abort {0}` takes it back",
                    rollout.id
                ))),
                _ if self.abort.is_some() => Ok(()),
                _ => Err(Failure::text(Exit::Faults, rollout.state.text())
                    .hint("`wod rollouts` shows each zone; mend the version and publish it as another one")),
            }
        })
    }

    async fn ask(&self) -> Result<Rollout, Failure> {
        let verb = |id: &str, verb: &str| format!("/api/rollouts/{id}/{verb}");
        let (path, body) = match (&self.resume, &self.abort) {
            (Some(id), _) => (verb(id, "resume"), Body::Nothing),
            (None, Some(id)) => (verb(id, "abort"), Body::Nothing),
            (None, None) => {
                let pause_on = self.pause_on.as_deref().unwrap_or("nothing");
                let order = json!({
                    "module": self.module, "zones": self.zones, "waves": self.wave,
                    "shadow": self.shadow, "probation": self.probation, "pause_on": pause_on,
                });
                ("/api/rollouts".to_owned(), Body::Json(order))
            }
        };
        self.server.request(Method::POST, &path, body).await
    }

    /// Tells what changes until it rests.
    async fn watch(&self, mut rollout: Rollout) -> Result<Rollout, Failure> {
        let path = format!("/api/rollouts/{}", rollout.id);
        if !self.json {
            output::line(format_args!(
                "rollout {}: {} into {} zones; Ctrl-C leaves it to the hosts",
                rollout.id,
                rollout.module,
                rollout.zones.len()
            ));
        }
        while !rollout.rests() {
            tokio::time::sleep(LOOK).await;
            let now: Rollout = self.server.get(&path).await?;
            if !self.json {
                for (zone, progress) in
                    now.zones.iter().filter(|(zone, progress)| rollout.zones.get(*zone) != Some(progress))
                {
                    output::line(format_args!("wave {}  {zone}  {}", now.wave_of(zone), progress.text()));
                }
                if now.state != rollout.state {
                    output::line(now.state.text());
                }
            }
            rollout = now;
        }
        Ok(rollout)
    }
}
