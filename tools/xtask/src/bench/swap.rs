//! `cargo xtask bench swap`: a zone full of people alternates between two versions of its module whose saved states differ, while
//! bots check every promise of the protocol; beside it zones of the same host whose ticks must not suffer.

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::crowd::Bots;
use super::{Folder, Stop, spread, wod};
use crate::cluster::{Cluster, free_port, http_get, http_status};
use crate::shell::Line;
use crate::{machine, paths, test};

/// Bots that are at home in the small zone next door.
const NEXT_DOOR: u32 = 21;
/// The time in which every zone must run.
const READY: Duration = Duration::from_secs(60);
/// A tick, and the goal for the pause of a swap, ms.
const TICK_MS: f64 = 50.0;
/// The two versions, as published and as files.
const VERSIONS: [(&str, &str); 2] = [("bazaar@1.1.0", "carrying"), ("bazaar@2.0.0", "two")];
const ZONE: &str = "nyc.bazaar";

/// Arguments of `cargo xtask bench swap`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Players in the zone; those next door come on top
    #[arg(long, default_value_t = 504)]
    count: u32,
    /// NPCs that stroll about in the zone
    #[arg(long, default_value_t = 1000)]
    npcs: u32,
    /// Swaps, one after the other
    #[arg(long, default_value_t = 100)]
    swaps: u32,
    /// Milliseconds from one swap's order to the next; a swap that takes longer is followed at once
    #[arg(long, default_value_t = 1000)]
    every: u64,
    /// Seconds before the first swap, for comparison; over 60 nothing of the joining is left in the figures
    #[arg(long, default_value_t = 65)]
    quiet: u64,
    /// Leave out the tests of what goes wrong
    #[arg(long)]
    no_tests: bool,
    /// Use what is built already
    #[arg(long)]
    no_build: bool,
}

/// Measures, prints, and says by its exit code whether everything held.
pub(crate) fn run(args: &Args, stop: &Stop) -> anyhow::Result<ExitCode> {
    if !args.no_build {
        build()?;
    }
    let folder = Folder::new()?;
    let figures = match measure(args, &folder.0, stop) {
        Ok(figures) => figures,
        Err(error) => {
            folder.keep();
            return Err(error);
        }
    };
    let broken = figures.print(args);
    if !args.no_tests {
        println!("\n== what goes wrong with a swap or a rollback");
        machine::redis()?;
        test::deployments().run()?;
    }
    broken.iter().for_each(|promise| println!("BROKEN: {promise}"));
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build() -> anyhow::Result<()> {
    machine::wasm_target()?;
    println!("building the server (the first time takes some minutes)");
    Line::new("cargo build --release --package wod").run()?;
    // All of it, as `cargo xtask test` does: another selection would mean other features, and wasmtime built anew.
    Line::new("cargo build --workspace --all-targets --quiet").run()
}

/// What was measured.
#[derive(Default)]
struct Figures {
    /// ms.
    pauses: Vec<f64>,
    /// From the order to the last line of a swap, ms.
    whole: Vec<f64>,
    /// The largest state that was carried over.
    saved_bytes: u64,
    /// The bots' report.
    bots: Value,
    /// Of the zone itself, then of the others: before the first swap, and while they went on.
    quiet: Vec<ZoneFigures>,
    zones: Vec<ZoneFigures>,
}

/// A zone's ticks: the worst that any look at its metrics showed, ms. A look sees the last minute.
#[derive(Default)]
struct ZoneFigures {
    name: String,
    p99: f64,
    longest: f64,
    late_p99: f64,
    latest: f64,
}

fn measure(args: &Args, folder: &Path, stop: &Stop) -> anyhow::Result<Figures> {
    let world = Bench::start(args, folder)?;
    world.publish()?;
    println!("{} players and {} NPCs in {ZONE}, {NEXT_DOOR} players next door: joining", args.count, args.npcs);
    let more = ["--join-rate", "50", "--cross", "0.05", "--verb-rate", "0.2", "--effects"];
    let mut bots = Bots::start(&[world.players], args.count + NEXT_DOOR, &more, folder, stop)?;
    bots.until_measuring()?;
    println!("{} s without a swap", args.quiet);
    bots.live_for(Duration::from_secs(args.quiet))?;
    let mut figures = Figures::default();
    world.look(&mut figures.quiet)?;
    println!("{} swaps of {ZONE}, {} and {} in turn", args.swaps, VERSIONS[1].0, VERSIONS[0].0);
    for swap in 1..=args.swaps {
        let (version, _) = VERSIONS[swap as usize % 2];
        let begun = Instant::now();
        let Swapped { pause_ms, saved_bytes } = world.swap(version)?;
        figures.pauses.push(pause_ms);
        figures.saved_bytes = figures.saved_bytes.max(saved_bytes);
        figures.whole.push(begun.elapsed().as_secs_f64() * 1000.0);
        world.look(&mut figures.zones)?;
        bots.live_for(Duration::from_millis(args.every).saturating_sub(begun.elapsed()))?;
    }
    figures.bots = bots.report()?;
    Ok(figures)
}

/// What a swap said of itself.
struct Swapped {
    /// How long the zone stood still.
    pause_ms: f64,
    saved_bytes: u64,
}

/// The world that is measured: one process, so that gateway and host share the machine with the bots and nothing else.
struct Bench<'a> {
    _cluster: Cluster,
    players: u16,
    admin: u16,
    folder: &'a Path,
}

impl<'a> Bench<'a> {
    fn start(args: &Args, folder: &'a Path) -> anyhow::Result<Self> {
        let mut editions = Line::new("").arg(paths::target().join("debug/examples/bazaar")).arg(folder);
        for (_, file) in VERSIONS {
            editions = editions.arg(file);
        }
        editions.run()?;
        let key = folder.join("key");
        wod(&["keys", "new"]).arg(&key).run()?;
        let first = folder.join(format!("{}.wasm", VERSIONS[0].1));
        wod(&["keys", "sign", "--key"]).arg(&key).arg(first).run()?;
        let world = folder.join("world.toml");
        std::fs::write(&world, world_file(args)).with_context(|| format!("can't write {}", world.display()))?;
        let (players, admin) = (free_port()?, free_port()?);
        let mut command = wod(&["dev", "--trusted-keys"]).arg(folder.join("key.pub")).command();
        command.args(["--listen", &format!("127.0.0.1:{players}"), "--admin", &format!("127.0.0.1:{admin}")]);
        command.arg("--world").arg(&world).arg("--modules").arg(folder).arg("--data").arg(folder.join("data"));
        let mut cluster = Cluster::default();
        cluster.start("dev", folder, command.env("RUST_LOG", "warn,wod=info,wod_host=info"))?;
        let ready = || [admin, players].iter().all(|port| http_status(*port, "/readyz") == Some(200));
        cluster.wait_until("a world with all its zones running", READY, ready)?;
        Ok(Self { _cluster: cluster, players, admin, folder })
    }

    fn server(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin)
    }

    fn publish(&self) -> anyhow::Result<()> {
        let files = VERSIONS.map(|(_, file)| self.folder.join(format!("{file}.wasm")));
        let line = wod(&["publish", "--server", &self.server(), "--key"]).arg(self.folder.join("key"));
        files.iter().fold(line, Line::arg).run()
    }

    fn swap(&self, version: &str) -> anyhow::Result<Swapped> {
        let mut command =
            wod(&["swap", ZONE, version, "--probation", "0", "--json", "--server", &self.server()]).command();
        let output = command.stdin(Stdio::null()).output().context("can't run wod swap")?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!(
                "the swap to {version} failed ({}): {text}{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let lines: Vec<Value> = serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))?;
        let facts = |step: &str| {
            lines.iter().find(|line| line["step"] == step && line["state"] == "done").map(|line| &line["facts"])
        };
        let pause_ms = facts("swap").and_then(|facts| facts["pause_ms"].as_f64());
        let saved_bytes = facts("dry_run").and_then(|facts| facts["saved_bytes"].as_u64());
        let (pause_ms, saved_bytes) = pause_ms.zip(saved_bytes).with_context(|| format!("no pause: {text}"))?;
        Ok(Swapped { pause_ms, saved_bytes })
    }

    /// Adds what the zones' metrics show now.
    fn look(&self, zones: &mut Vec<ZoneFigures>) -> anyhow::Result<()> {
        let (_, metrics) = http_get(self.admin, "/metrics").context("the host's metrics")?;
        if zones.is_empty() {
            let (_, rows) = http_get(self.admin, "/api/zones").context("the host's zones")?;
            let rows: Vec<Value> = serde_json::from_str(&rows).context("the host's zones")?;
            let name = |row: &Value| row["name"].as_str().unwrap_or_default().to_owned();
            zones.extend(rows.iter().map(|row| ZoneFigures { name: name(row), ..ZoneFigures::default() }));
        }
        for (index, zone) in zones.iter_mut().enumerate() {
            // Their numbers in the world file, in its order.
            let number = index + 1;
            // Its worst, over the generations of its module.
            let value = |metric: &str, quantile: &str| {
                let (head, tail) = (format!("{metric}{{zone=\"{number}\","), format!("quantile=\"{quantile}\"}} "));
                let seconds = |line: &str| line.strip_prefix(&head)?.split_once(&tail)?.1.parse::<f64>().ok();
                let worst = metrics.lines().filter_map(seconds).reduce(f64::max);
                worst.map(|seconds| seconds * 1000.0).with_context(|| format!("no metric {head}{tail}"))
            };
            zone.p99 = zone.p99.max(value("wod_zone_tick_seconds", "0.99")?);
            zone.longest = zone.longest.max(value("wod_zone_tick_seconds", "1")?);
            zone.late_p99 = zone.late_p99.max(value("wod_zone_late_seconds", "0.99")?);
            zone.latest = zone.latest.max(value("wod_zone_late_seconds", "1")?);
        }
        Ok(())
    }
}

/// The zone, one next door for those who cross, and two on the same host that nobody is in: all of them tick 20 times a second.
fn world_file(args: &Args) -> String {
    // A cluster of bots needs 76 m.
    let side = (f64::from(args.count.div_ceil(NEXT_DOOR)).sqrt().ceil() * 80.0).max(80.0);
    let zone = |name: &str, number: u32, origin: [f64; 2], size: f64, people: u32| {
        format!(
            "[[zone]]\nname = \"{name}\"\nnumber = {number}\nmodule = \"{}\"\norigin = {origin:?}\nsize = [{size}, {size}]\n\
             config = {{ stalls = 4, items = 200, first_item = {}, people = {people} }}\n",
            VERSIONS[0].1,
            1000 * number
        )
    };
    [
        // Whoever begins in the small zone finds the large one; its own scouts would look for the small one in the wrong place.
        "start = \"nyc.annex\"\n".to_owned(),
        zone(ZONE, 1, [0.0, 0.0], side, args.npcs),
        zone("nyc.annex", 2, [side, side / 2.0 - 20.0], 40.0, 10),
        zone("la.bazaar", 3, [0.0, 0.0], 80.0, 10),
        zone("la.annex", 4, [80.0, 0.0], 80.0, 10),
    ]
    .concat()
}

impl Figures {
    /// Promises that were broken.
    fn print(&self, args: &Args) -> Vec<String> {
        let Self { bots, .. } = self;
        let mut broken = Vec::new();
        let count = |key: &str| bots[key].as_u64().unwrap_or(0);
        let row = |name: &str, value: String| println!("{name:<30}{value}");
        println!();
        row("swaps", format!("{} of {}, every one carried out", self.pauses.len(), args.swaps));
        let pause = spread(&self.pauses);
        row("pause of the zone, ms", format!("{pause}; goal: p99 within {TICK_MS}"));
        if pause.p99 > TICK_MS {
            broken.push(format!("the pause's p99 is {:.1} ms", pause.p99));
        }
        row("order to settled, ms", spread(&self.whole).to_string());
        row("state carried over, bytes", format!("{} at the most", self.saved_bytes));
        row(
            "players",
            format!(
                "{} settled, {} moves, {} lines said, {} heard",
                count("settled"),
                count("moves"),
                count("lines_said"),
                count("lines_heard")
            ),
        );
        row(
            "verbs and answers",
            format!(
                "{} and {}; {} took effect, rejected: {}",
                count("verbs"),
                count("answers"),
                count("effects"),
                bots["rejects"]
            ),
        );
        row("crossings", count("crossings").to_string());
        row("swaps that players saw", count("swaps").to_string());
        row("longest gap in updates, ms", bots["longest_gap_ms"].to_string());
        let lost: u64 = bots["disconnects"].as_object().map_or(0, |all| all.values().filter_map(Value::as_u64).sum());
        row("sockets lost", lost.to_string());
        let fault =
            |kinds: &[&str]| kinds.iter().map(|kind| bots["fault_counts"][kind].as_u64().unwrap_or(0)).sum::<u64>();
        let [gaps, doubled, reordered] = ["gap", "doubled", "reordered"].map(|kind| fault(&[kind]));
        let missing = fault(&["line_lost"]);
        row(
            "reliable messages",
            format!("{}: {} lost, {doubled} doubled, {reordered} reordered", count("reliable"), gaps + missing),
        );
        let (unacked, twice) = (fault(&["unacked", "effect_lost", "bad_ack"]), fault(&["effect_twice"]));
        row("commands", format!("{unacked} lost, {twice} applied twice"));
        let all: u64 = bots["fault_counts"].as_object().map_or(0, |all| all.values().filter_map(Value::as_u64).sum());
        row("faults of every kind", format!("{all} {}", bots["fault_counts"]));
        row("corrections", bots["corrections"].to_string());
        for promise in bots["faults"].as_array().into_iter().flatten().take(10) {
            println!("  {promise}");
        }
        if lost + all > 0 {
            broken.push(format!("{lost} sockets lost, {all} faults"));
        }
        for (index, (quiet, zone)) in self.quiet.iter().zip(&self.zones).enumerate() {
            row(&format!("{}, ms", zone.name), zone.to_string());
            row("  before the first swap", quiet.to_string());
            if index > 0 && zone.longest > TICK_MS {
                broken.push(format!("a tick of {} took {:.1} ms", zone.name, zone.longest));
            }
        }
        broken
    }
}

impl std::fmt::Display for ZoneFigures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p99, longest, late_p99, latest, .. } = self;
        write!(f, "a tick took p99 {p99:.1}, max {longest:.1}; began late by p99 {late_p99:.1}, max {latest:.1}")
    }
}
