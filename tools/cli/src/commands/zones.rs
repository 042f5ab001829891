//! `wod zones`: every zone of the world, who runs it and how it does.

use serde::Deserialize;
use wod_protocol::registry::{REAL_TIME, ZoneBeat};

use crate::admin::{Server, block_on};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod zones`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Row {
    host: Option<String>,
    #[serde(flatten)]
    beat: ZoneBeat,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let answer: Vec<serde_json::Value> = self.server.get("/api/zones").await?;
            if self.json {
                output::json(&answer);
                return Ok(());
            }
            let rows: Vec<Row> =
                answer.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(|error| {
                    anyhow::anyhow!(error)
                        .context("the server describes zones in another way: is it of the same version?")
                })?;
            output::table(
                [
                    "zone", "host", "worker", "module", "gen", "players", "entities", "tick", "p50", "p99", "load",
                    "state",
                ],
                rows.into_iter().map(row),
                "the world has no zones",
            );
            Ok(())
        })
    }
}

fn row(Row { host, beat }: Row) -> [String; 12] {
    let mut state = match (beat.trouble.as_slice(), beat.asleep) {
        ([], true) => "asleep".to_owned(),
        ([], false) => "ok".to_owned(),
        (trouble, _) => trouble.join("; "),
    };
    match beat.degraded {
        0 => {}
        1 => state.push_str(", full: far moves less often"),
        _ => state.push_str(", full: nearest only"),
    }
    if beat.dilation < REAL_TIME {
        state.push_str(&format!(", time at {} %", beat.dilation / 10));
    }
    if beat.on_probation {
        state.push_str(", on probation");
    }
    [
        beat.name.to_string(),
        host.clone().unwrap_or_else(|| "–".into()),
        host.as_ref().map_or_else(|| "–".into(), |_| beat.worker.to_string()),
        beat.module_name,
        beat.generation.to_string(),
        beat.players.len().to_string(),
        beat.entities.to_string(),
        beat.tick.to_string(),
        micros(beat.tick_p50_us),
        micros(beat.tick_p99_us),
        format!("{}%", beat.load / 10),
        state,
    ]
}

fn micros(micros: u32) -> String {
    if micros < 1000 { format!("{micros} µs") } else { format!("{:.1} ms", f64::from(micros) / 1000.0) }
}
