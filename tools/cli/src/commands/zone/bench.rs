//! `wod zone bench`: what a tick of a zone costs, by how many NPCs and players are in it, against the budgets of a host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use wod_protocol::client::TagValue;
use wod_protocol::units::Pos;
use wod_sandbox::{Compiled, TimeLimits};

use super::crates;
use super::sandbox::{component, with_sandbox};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::scenario::{Cost, Player, Stage};

/// A tick's length at 20 ticks a second.
const TICK: Duration = Duration::from_millis(50);
/// Before anything is measured, s of game time: everybody has set out, and what is allocated once is allocated.
const WARM_UP_SECONDS: f64 = 3.0;
/// How far from each other players set out in time, ticks: they don't all ask for a way at once.
const STAGGER: usize = 7;

/// Arguments of `wod zone bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a zone, which is built first, or a component file [default: here if this is a zone, else ./zones]
    #[arg(value_name = "DIR|FILE.wasm")]
    zone: Option<PathBuf>,
    /// How many players walk about, one measurement for each number
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "0,10,100,300")]
    players: Vec<usize>,
    /// How many NPCs: the module's setting for that with its values, each measured with each number of players
    #[arg(long, value_name = "SETTING=N,…", value_parser = crowds)]
    npcs: Option<Crowds>,
    /// How long each is measured, seconds of game time
    #[arg(long, value_name = "N", default_value_t = 20)]
    seconds: u32,
    /// A setting of the module other than its default; several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, TagValue)>,
    /// Exit code 6 when a tick's p99 is over so many milliseconds
    #[arg(long, value_name = "MS")]
    most_ms: Option<f64>,
    /// Where the component file goes that is built
    #[arg(long, value_name = "DIR", default_value = "target/zones")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A module's setting that says how many NPCs there are, and the numbers to try.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Crowds {
    setting: String,
    numbers: Vec<i64>,
}

/// One line of the report. Times in milliseconds.
#[derive(Serialize)]
struct Row {
    players: usize,
    /// NPCs and things.
    others: usize,
    ticks: usize,
    step: Percentiles,
    module: Percentiles,
    /// Of the module, a second of game time.
    calls_a_second: f64,
    /// Of a tick's length that the slowest hundredth takes.
    of_tick: f64,
    /// Of the module's budget that its slowest hundredth takes.
    of_budget: f64,
}

#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        with_sandbox(move |sandbox| {
            let zone = self.zone.clone().unwrap_or_else(crates::default_dir);
            let compiled = component(sandbox, &zone, &self.out)?;
            let mut rows = Vec::new();
            for config in self.configs() {
                for players in &self.players {
                    rows.push(measure(&compiled, &config, *players, self.seconds)?);
                }
            }
            if self.json {
                output::json(&rows);
            } else {
                print(&rows);
            }
            self.judge(&rows)
        })
    }

    /// The module's settings, for each number of NPCs.
    fn configs(&self) -> Vec<BTreeMap<String, TagValue>> {
        let config: BTreeMap<_, _> = self.set.iter().cloned().collect();
        let Some(Crowds { setting, numbers }) = &self.npcs else { return vec![config] };
        let with = |number: &i64| {
            let mut config = config.clone();
            config.insert(setting.clone(), TagValue::Int(*number));
            config
        };
        numbers.iter().map(with).collect()
    }

    fn judge(&self, rows: &[Row]) -> Outcome {
        let Some(most) = self.most_ms else { return Ok(()) };
        match rows.iter().find(|row| row.step.p99 > most) {
            None => Ok(()),
            Some(row) => Err(Failure::text(
                Exit::Faults,
                format!("with {} players a tick's p99 is {:.2} ms, over {most} ms", row.players, row.step.p99),
            )),
        }
    }
}

fn measure(
    compiled: &Compiled,
    config: &BTreeMap<String, TagValue>,
    players: usize,
    seconds: u32,
) -> Result<Row, Failure> {
    let refused = |fault| Failure::new(Exit::Faults, anyhow::Error::new(fault).context("the zone does not open"));
    let mut stage = Stage::open_with(compiled, &[], config).map_err(refused)?;
    let walkers: Vec<Player> = (0..players).map(|number| stage.add_player(&format!("Walker {number}"))).collect();
    walkers.iter().for_each(|walker| stage.log_in(*walker));
    if let Some(outside) = walkers.iter().position(|walker| !stage.is_here(*walker)) {
        return Err(Failure::text(Exit::Failed, format!("player {} of {players} is not let in", outside + 1)));
    }
    let goals = goals(&stage);
    let mut tick = 0;
    let mut walk_about = |stage: &mut Stage| -> Cost {
        for (number, walker) in walkers.iter().enumerate() {
            let stands = stage.client(*walker).way.is_empty();
            if stands && (tick + number) % STAGGER == 0 && !goals.is_empty() {
                // Whoever a portal has taken away comes back.
                stage.log_in(*walker);
                let goal = goals[(number * 31 + tick * 17) % goals.len()];
                stage.set_out(*walker, goal);
            }
        }
        tick += 1;
        stage.measured_tick()
    };
    let ticks = |seconds: f64| (seconds * 1000.0 / TICK.as_millis() as f64) as usize;
    let mut before = Cost::default();
    for _ in 0..ticks(WARM_UP_SECONDS) {
        before = walk_about(&mut stage);
    }
    let costs: Vec<Cost> = (0..ticks(f64::from(seconds))).map(|_| walk_about(&mut stage)).collect();
    if let Some(failure) = stage.failures().first() {
        let text = format!("the module failed after {:.1} s: {}", failure.seconds, failure.fault);
        return Err(Failure::text(Exit::Faults, text));
    }
    let step = Percentiles::of(costs.iter().map(|cost| cost.step));
    let module = Percentiles::of(costs.iter().map(|cost| cost.module));
    let calls = costs.last().map_or(0, |cost| cost.calls - before.calls);
    let budget = f64::from(TimeLimits::default().tick_ms);
    Ok(Row {
        players,
        others: stage.entities().saturating_sub(players),
        ticks: costs.len(),
        calls_a_second: calls as f64 / f64::from(seconds.max(1)),
        of_tick: step.p99 / (TICK.as_secs_f64() * 1000.0),
        of_budget: module.p99 / budget,
        step,
        module,
    })
}

/// Where walkers go: wherever the map has something, but through no portal.
fn goals(stage: &Stage) -> Vec<Pos> {
    let Some(map) = stage.map() else { return Vec::new() };
    let [width, height] = map.size;
    let corners = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]].map(|[x, y]| [x * width, y * height]);
    let all = map.places.iter().map(|place| place.at).chain(map.spawns.iter().copied()).chain(corners);
    all.map(|[x, y]| Pos::from_metres(x, y)).collect()
}

impl Percentiles {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<f64> = times.map(|time| time.as_secs_f64() * 1000.0).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: usize| sorted.get((sorted.len() * share / 100).min(sorted.len().saturating_sub(1))).copied();
        let [p50, p99, max] = [50, 99, 100].map(|share| at(share).unwrap_or_default());
        Self { p50, p99, max }
    }
}

fn print(rows: &[Row]) {
    output::table(
        [
            "players",
            "others",
            "tick p50",
            "p99",
            "max",
            "of it module p50",
            "p99",
            "max",
            "calls/s",
            "of 50 ms",
            "of module's 20 ms",
        ],
        rows.iter().map(|row| {
            let ms = |time: f64| format!("{time:.2} ms");
            let percent = |share: f64| format!("{:.0} %", share * 100.0);
            [
                row.players.to_string(),
                row.others.to_string(),
                ms(row.step.p50),
                ms(row.step.p99),
                ms(row.step.max),
                ms(row.module.p50),
                ms(row.module.p99),
                ms(row.module.max),
                format!("{:.1}", row.calls_a_second),
                percent(row.of_tick),
                percent(row.of_budget),
            ]
        }),
        "nothing was measured",
    );
    output::line(
        "One thread, this machine. A host gives a zone 50 ms a tick, the module 20 ms of them; p99 is what counts.",
    );
}

/// `passers_by=0,300,1000`.
fn crowds(text: &str) -> anyhow::Result<Crowds> {
    let (name, numbers) = text.split_once('=').context("write SETTING=N,…")?;
    let numbers = numbers.split(',').map(|number| number.trim().parse::<i64>());
    let numbers = numbers.collect::<Result<Vec<_>, _>>().context("write whole numbers, with commas between")?;
    Ok(Crowds { setting: name.to_owned(), numbers })
}

/// `npcs=1000`: JSON where it is some, else a text.
pub(super) fn setting(text: &str) -> anyhow::Result<(String, TagValue)> {
    let (name, value) = text.split_once('=').context("write NAME=VALUE")?;
    if name.is_empty() {
        bail!("the name is missing: write NAME=VALUE");
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| TagValue::Text(value.to_owned()));
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn settings_have_the_type_they_are_written_as() {
        assert_eq!(setting("npcs=1000").unwrap(), ("npcs".into(), TagValue::Int(1000)));
        assert_eq!(setting("open=true").unwrap().1, TagValue::Flag(true));
        assert_eq!(setting("hunter=Hollow Tom=x").unwrap().1, TagValue::Text("Hollow Tom=x".into()));
        assert!(setting("npcs").is_err() && setting("=1").is_err());
    }

    #[test]
    fn numbers_of_npcs_are_a_setting_and_whole_numbers() {
        let parsed = crowds("passers_by=0,300, 1000").unwrap();
        assert_eq!(parsed, Crowds { setting: "passers_by".into(), numbers: vec![0, 300, 1000] });
        assert!(crowds("passers_by").is_err() && crowds("passers_by=some").is_err());
    }

    #[test]
    fn percentiles_are_of_all_ticks() {
        let times = (1..=200).map(Duration::from_millis);
        let Percentiles { p50, p99, max } = Percentiles::of(times);
        assert_eq!([p50, p99, max], [101.0, 199.0, 200.0]);
        assert_eq!(Percentiles::of([].into_iter()).p99, 0.0);
    }
}
