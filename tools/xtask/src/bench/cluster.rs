//! `cargo xtask bench cluster`: what a world of several hosts and gateways costs, and what its players notice of it. Every part
//! starts a world of its own, with bots that check every promise.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::crowd::Bots;
use super::world::{Rates, World, Zone};
use super::{Folder, Stop, spread};
use crate::machine;
use crate::shell::Line;

/// Goals of the project, ms.
const CROSSING_GAP_MS: f64 = 150.0;
const MIGRATION_PAUSE_MS: f64 = 100.0;
/// Ticks a second of a zone.
const TICKS: u32 = 20;
/// Flushes of an outbox a second, at most.
const FLUSHES: f64 = 100.0;

/// Arguments of `cargo xtask bench cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// Seconds that each world is measured, once everybody is where they belong
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many players the part `players` has, one world after the other
    #[arg(long, value_delimiter = ',', default_value = "250,500,1000,2000,4000")]
    players: Vec<u32>,
    /// Use what is built already
    #[arg(long)]
    no_build: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Two zones side by side on two hosts: chat across the border and within, walking over it
    Border,
    /// 100 zones with 10 players each on 2 hosts and 2 gateways: envelopes a second
    Zones,
    /// 8 zones on 1, 2 and 4 hosts, 400 and 1,200 players: cost of a player
    Hosts,
    /// 8 zones on 2 hosts, 250 to 4,000 players: Redis messages a second
    Players,
    /// A zone with 500 players moves from host to host and back
    Migration,
}

const PARTS: [Part; 5] = [Part::Border, Part::Zones, Part::Hosts, Part::Players, Part::Migration];

/// A run: where its files lie, what was broken.
struct Bench<'a> {
    args: &'a Args,
    folder: &'a Path,
    stop: &'a Stop,
    broken: Vec<String>,
}

/// What was found under a crowd.
struct Measured {
    rates: Rates,
    /// The bots' report.
    bots: Value,
    /// Of any zone, ms.
    tick_p99: f64,
}

/// Measures, prints, and says by its exit code whether everything held.
pub(crate) fn run(args: &Args, stop: &Stop) -> anyhow::Result<ExitCode> {
    machine::redis()?;
    if !args.no_build {
        machine::wasm_target()?;
        println!("building the server (the first time takes some minutes)");
        Line::new("cargo build --release --package wod").run()?;
        // All of it, as `cargo xtask test` does: another selection would mean other features, and wasmtime built anew.
        Line::new("cargo build --workspace --all-targets --quiet").run()?;
    }
    let folder = Folder::new()?;
    let mut bench = Bench { args, folder: &folder.0, stop, broken: Vec::new() };
    for part in PARTS.iter().filter(|part| args.only.is_none_or(|only| only == **part)) {
        if let Err(error) = bench.run(*part) {
            folder.keep();
            return Err(error);
        }
    }
    let broken = bench.broken;
    broken.iter().for_each(|promise| println!("BROKEN: {promise}"));
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench<'_> {
    fn run(&mut self, part: Part) -> anyhow::Result<()> {
        match part {
            Part::Border => self.border(),
            Part::Zones => self.zones(),
            Part::Hosts => self.hosts(),
            Part::Players => self.players(),
            Part::Migration => self.migration(),
        }
    }

    /// Both zones are so narrow that their crowds hear each other; a third of everybody walks to and fro.
    fn border(&mut self) -> anyhow::Result<()> {
        println!("\n== two zones side by side on two hosts, 60 players of whom 20 cross all the time");
        let zones = grid([2, 1], [24, 60], |column| column + 1);
        let world = World::start(self.folder, [2, 2], "say = 30", &zones)?;
        let more = ["--cluster", "10", "--spacing", "16", "--cross", "0.34", "--chat-rate", "0.5"];
        let Measured { bots, .. } = self.measure("border", &world, 60, &more, 3 * self.args.seconds)?;
        let latency = |key: &str| {
            let of = |quantile: &str| bots[key][quantile].as_f64().unwrap_or(f64::NAN);
            format!(
                "p50 {:.1}, p99 {:.1}, max {:.1} ({} samples)",
                of("p50"),
                of("p99"),
                of("max"),
                bots[key]["samples"]
            )
        };
        row("a line within a zone, ms", latency("chat_latency_ms"));
        row("a line across the border, ms", latency("chat_across_latency_ms"));
        row(
            "gap in updates at a crossing, ms",
            format!("{}; goal: p99 under {CROSSING_GAP_MS}", latency("crossing_gap_ms")),
        );
        row("crossings, corrections", format!("{}, {}", bots["crossings"], bots["corrections"]));
        let gap = bots["crossing_gap_ms"]["p99"].as_f64();
        self.must_be_under("the p99 of the gap at a crossing", gap.unwrap_or(f64::NAN), CROSSING_GAP_MS);
        if bots["corrections"] != serde_json::json!({}) {
            self.broken.push(format!("border: honest walkers were corrected: {}", bots["corrections"]));
        }
        Ok(())
    }

    fn zones(&mut self) -> anyhow::Result<()> {
        println!("\n== 100 zones with 10 players each, 2 hosts, 2 gateways");
        let zones = grid([10, 10], [24, 24], |column| if column < 5 { 1 } else { 2 });
        let world = World::start(self.folder, [2, 2], "", &zones)?;
        let more = ["--cluster", "10", "--cross", "0.02", "--chat-rate", "0.1", "--move-rate", "5"];
        let Measured { rates, bots, tick_p99 } = self.measure("zones", &world, 1000, &more, self.args.seconds)?;
        row("players where they belong", bots["settled"].to_string());
        row(
            "envelopes a second",
            format!(
                "{:.0}; 10 pairs of processes x {FLUSHES} flushes: {:.0}; 100 zones x 2 gateways x {TICKS} ticks: {}",
                rates.publishes,
                10.0 * FLUSHES,
                200 * TICKS
            ),
        );
        row(
            "functions in Redis a second",
            format!("{:.0}; 100 zones x {TICKS} ticks: {}", rates.functions, 100 * TICKS),
        );
        row("cores used", cores(&rates));
        row("a zone's tick, p99, ms", format!("{tick_p99:.1}"));
        Ok(())
    }

    /// A straight line through two crowds tells what players cost from what the processes cost whoever is there.
    fn hosts(&mut self) -> anyhow::Result<()> {
        const CROWDS: [u32; 2] = [400, 1200];
        println!(
            "\n== 8 zones, players who move 10 times a second, 2 gateways; us/s a player of hosts, gateways and Redis"
        );
        println!(
            "{:<7}{:>9}{:>10}{:>13}{:>9}{:>10}{:>9}{:>9}{:>14}{:>12}",
            "hosts",
            "players",
            "moves/s",
            "envelopes/s",
            "hosts",
            "gateways",
            "Redis",
            "all",
            "move p99, ms",
            "tick p99"
        );
        for hosts in [1, 2, 4] {
            let mut cost = Vec::new();
            for count in CROWDS {
                let zones = grid([4, 2], [80, 80], |column| column % hosts + 1);
                let world = World::start(self.folder, [hosts, 2], "roster_cap = 24", &zones)?;
                let what = format!("{hosts} hosts, {count} players");
                let Measured { rates, bots, tick_p99 } =
                    self.measure(&what, &world, count, &["--cross", "0.05"], self.args.seconds)?;
                let micros = [rates.hosts, rates.gateways, rates.redis].map(|cores| cores * 1e6);
                cost.push(micros.iter().sum::<f64>());
                let [host, gateway, redis] = micros.map(|micros| micros / f64::from(count));
                println!(
                    "{hosts:<7}{count:>9}{:>10.0}{:>13.0}{host:>9.0}{gateway:>10.0}{redis:>9.0}{:>9.0}{:>14.1}{tick_p99:>12.1}",
                    bots["moves_per_second"].as_f64().unwrap_or(f64::NAN),
                    rates.publishes,
                    host + gateway + redis,
                    bots["move_latency_ms"]["p99"].as_f64().unwrap_or(f64::NAN),
                );
            }
            let further = (cost[1] - cost[0]) / f64::from(CROWDS[1] - CROWDS[0]);
            let standing = cost[0] - further * f64::from(CROWDS[0]);
            println!("{hosts:<7}a further player costs {further:.0} us/s; the processes {:.0} ms/s", standing / 1000.0);
        }
        Ok(())
    }

    fn players(&mut self) -> anyhow::Result<()> {
        println!(
            "\n== 8 zones on 2 hosts, 2 gateways; players move once a second, zones tick 10 times, so that 2 cores carry the most of them"
        );
        println!(
            "{:<10}{:>12}{:>14}{:>16}{:>14}{:>14}{:>12}  cores",
            "players", "settled", "envelopes/s", "functions/s", "updates/s", "move p99, ms", "tick p99"
        );
        for count in self.args.players.iter().copied() {
            let mut zones = grid([4, 2], [80, 80], |column| column % 2 + 1);
            zones.iter_mut().for_each(|zone| zone.tick_hz = 10);
            let world = World::start(self.folder, [2, 2], "roster_cap = 24", &zones)?;
            let more = ["--cross", "0.01", "--move-rate", "1", "--chat-rate", "0.02"];
            let Measured { rates, bots, tick_p99 } =
                self.measure(&format!("{count} players"), &world, count, &more, self.args.seconds)?;
            let of = |key: &str| bots[key].as_f64().unwrap_or(f64::NAN);
            println!(
                "{count:<10}{:>12}{:>14.0}{:>16.0}{:>14.0}{:>14.1}{tick_p99:>12.1}  {}",
                of("settled"),
                rates.publishes,
                rates.functions,
                of("updates_per_second"),
                bots["move_latency_ms"]["p99"].as_f64().unwrap_or(f64::NAN),
                cores(&rates),
            );
        }
        Ok(())
    }

    fn migration(&mut self) -> anyhow::Result<()> {
        const MOVES: usize = 30;
        println!("\n== a zone with 500 players moves {MOVES} times between two hosts");
        let zone = |name: &str, origin, size, host| Zone { name: name.to_owned(), origin, size, host, tick_hz: TICKS };
        let zones = [zone("nyc.plaza", [0, 0], [400, 400], 1), zone("nyc.annex", [400, 100], [40, 40], 2)];
        let world = World::start(self.folder, [2, 2], "roster_cap = 24", &zones)?;
        let mut bots =
            Bots::start(&world.players, 521, &["--cross", "0.02", "--join-rate", "50"], self.folder, self.stop)?;
        bots.until_measuring()?;
        let mut pauses = Vec::new();
        for index in 0..MOVES {
            bots.live_for(Duration::from_secs(2))?;
            let Moved { pause_ms } = world.operator(&["migrate", "nyc.plaza", ["host-2", "host-1"][index % 2]])?;
            pauses.push(pause_ms);
        }
        bots.live_for(Duration::from_secs(3))?;
        let bots = bots.report()?;
        let pause = spread(&pauses);
        row("pause of the zone, ms", format!("{pause}; goal: p99 under {MIGRATION_PAUSE_MS}"));
        row("players settled, migrations seen", format!("{}, {}", bots["settled"], bots["recoveries"]));
        row("longest gap in updates, ms", bots["longest_gap_ms"].to_string());
        row("sockets lost, corrections", format!("{}, {}", bots["disconnects"], bots["corrections"]));
        self.must_be_under("the p99 of a migration's pause", pause.p99, MIGRATION_PAUSE_MS);
        self.judge("migration", &bots);
        Ok(())
    }

    /// Sends a crowd there and measures it.
    fn measure(
        &mut self,
        what: &str,
        world: &World,
        count: u32,
        more: &[&str],
        seconds: u64,
    ) -> anyhow::Result<Measured> {
        let more = [more, &["--join-rate", "100"]].concat();
        let mut bots = Bots::start(&world.players, count, &more, self.folder, self.stop)?;
        bots.until_measuring()?;
        // What the joining left over.
        bots.live_for(Duration::from_secs(2))?;
        let before = world.read()?;
        bots.live_for(Duration::from_secs(seconds))?;
        let rates = world.read()?.since(&before);
        let tick_p99 = world.worst_ms("wod_zone_tick_seconds", "0.99")?;
        let bots = bots.report()?;
        self.judge(what, &bots);
        Ok(Measured { rates, bots, tick_p99 })
    }

    /// Not a number is over every goal: nothing was measured.
    fn must_be_under(&mut self, what: &str, ms: f64, goal: f64) {
        if ms.is_nan() || ms >= goal {
            self.broken.push(format!("{what} is {ms:.1} ms, the goal under {goal}"));
        }
    }

    /// Whether the bots saw every promise kept. A socket that is lost is a fault; who was sent away (4103) before she was in has waited
    /// at the door.
    fn judge(&mut self, what: &str, bots: &Value) {
        if let Some(waited) = bots["disconnects"]["4103"].as_u64() {
            println!("  {waited} times somebody had to wait at the door (4103)");
        }
        let counts = |key: &str| bots[key].as_object().into_iter().flatten();
        let faults: u64 = counts("fault_counts").filter_map(|(_, count)| count.as_u64()).sum();
        let lost: u64 =
            counts("disconnects").filter(|(code, _)| *code != "4103").filter_map(|(_, count)| count.as_u64()).sum();
        if faults + lost > 0 {
            let (closes, kinds) = (&bots["disconnects"], &bots["fault_counts"]);
            self.broken.push(format!("{what}: {lost} sockets lost: {closes}, {faults} faults: {kinds}"));
            for fault in bots["faults"].as_array().into_iter().flatten().take(5) {
                println!("  {fault}");
            }
        }
    }
}

/// What `wod migrate` says.
#[derive(Deserialize)]
struct Moved {
    pause_ms: f64,
}

/// Zones side by side, all of one size; each on the host that its column names.
fn grid([columns, rows]: [u32; 2], size: [u32; 2], host: impl Fn(usize) -> usize) -> Vec<Zone> {
    // Players begin in the middle, so that nobody has far to go.
    let mut cells: Vec<[u32; 2]> = (0..columns).flat_map(|x| (0..rows).map(move |y| [x, y])).collect();
    cells.sort_by_key(|[x, y]| x.abs_diff(columns / 2) + y.abs_diff(rows / 2));
    let zone = |[x, y]: [u32; 2]| Zone {
        name: format!("nyc.{}{y}", char::from(b'a' + x as u8)),
        origin: [x * size[0], y * size[1]],
        size,
        host: host(x as usize),
        tick_hz: TICKS,
    };
    cells.into_iter().map(zone).collect()
}

fn row(name: &str, value: String) {
    println!("{name:<36}{value}");
}

fn cores(rates: &Rates) -> String {
    format!("hosts {:.2}, gateways {:.2}, Redis {:.2}", rates.hosts, rates.gateways, rates.redis)
}
