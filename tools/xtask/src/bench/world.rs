//! A world of several hosts and gateways over Redis that is measured from outside: processor time by process, calls by Redis's own
//! count.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::de::DeserializeOwned;

use super::wod;
use crate::cluster::{Cluster, free_port, http_get, http_status, start_redis};
use crate::paths;
use crate::shell::Line;

/// The time in which every zone must run.
const READY: Duration = Duration::from_secs(60);
/// The file of the module that all zones run: a market without a map, so that zones may be of any size.
const MODULE: &str = "carrying";

/// Running processes, on ports of their own.
pub(super) struct World {
    _cluster: Cluster,
    redis: Server,
    hosts: Vec<Server>,
    gateways: Vec<Server>,
    /// Where players connect.
    pub(super) players: Vec<u16>,
}

/// A process and the port it answers operators at; of Redis, its only one.
struct Server {
    process: u32,
    port: u16,
}

/// A zone of a world file.
pub(super) struct Zone {
    pub(super) name: String,
    /// Metres.
    pub(super) origin: [u32; 2],
    pub(super) size: [u32; 2],
    /// The number of the host it is pinned to, from 1.
    pub(super) host: usize,
    /// Ticks a second.
    pub(super) tick_hz: u32,
}

/// What the processes have used and done up to a moment.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    at: Instant,
    hosts: Duration,
    gateways: Duration,
    redis: Duration,
    publishes: u64,
    functions: u64,
}

/// What they use and do in a second.
pub(super) struct Rates {
    /// Cores.
    pub(super) hosts: f64,
    pub(super) gateways: f64,
    pub(super) redis: f64,
    /// Envelopes.
    pub(super) publishes: f64,
    /// Calls of functions in Redis: journal entries, leases, records.
    pub(super) functions: f64,
}

impl World {
    /// Starts it, and returns when every zone runs. `ranges`: lines of the world file's `[ranges]`.
    pub(super) fn start(
        folder: &Path,
        [hosts, gateways]: [usize; 2],
        ranges: &str,
        zones: &[Zone],
    ) -> anyhow::Result<Self> {
        let (modules, key, world) = (folder.join("modules"), folder.join("key"), folder.join("world.toml"));
        if !key.exists() {
            std::fs::create_dir_all(&modules).context("can't make a folder")?;
            Line::new("").arg(paths::target().join("debug/examples/bazaar")).arg(&modules).arg(MODULE).run()?;
            wod(&["keys", "new"]).arg(&key).run()?;
            wod(&["keys", "sign", "--key"]).arg(&key).arg(modules.join(format!("{MODULE}.wasm"))).run()?;
        }
        std::fs::write(&world, world_file(ranges, zones))
            .with_context(|| format!("can't write {}", world.display()))?;
        let logs = new_folder(folder)?;
        let mut cluster = Cluster::default();
        let (process, port) = start_redis(&mut cluster, &logs)?;
        let redis = Server { process, port };
        let mut start = |role: &str, number: usize, more: &[&str]| {
            let (name, port) = (format!("{role}-{number}"), free_port()?);
            let mut command =
                wod(&[role, "--id", &name, "--redis", &format!("redis://127.0.0.1:{}", redis.port)]).command();
            command.arg("--world").arg(&world).args(["--admin", &format!("127.0.0.1:{port}")]).args(more);
            let process = cluster.start(&name, &logs, command.env("RUST_LOG", "warn,wod=info,wod_host=info"))?;
            anyhow::Ok(Server { process, port })
        };
        let [modules, trusted, data] =
            [modules, folder.join("key.pub"), logs.join("data")].map(|path| path.display().to_string());
        let hosts = (1..=hosts)
            .map(|number| {
                let data = format!("{data}-{number}");
                start(
                    "host",
                    number,
                    &["--modules", &modules, "--trusted-keys", &trusted, "--data", &data, "--no-rebalance"],
                )
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let players = (0..gateways).map(|_| free_port()).collect::<anyhow::Result<Vec<_>>>()?;
        let gateways = (1..=gateways)
            .map(|number| start("gateway", number, &["--listen", &format!("127.0.0.1:{}", players[number - 1])]))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let ready = || hosts.iter().chain(&gateways).all(|server| http_status(server.port, "/readyz") == Some(200));
        cluster.wait_until("a world with all its zones running", READY, ready)?;
        Ok(Self { _cluster: cluster, redis, hosts, gateways, players })
    }

    /// What everybody has used and done by now.
    pub(super) fn read(&self) -> anyhow::Result<Reading> {
        let sum =
            |servers: &[Server]| servers.iter().map(|server| processor_time(server.process)).sum::<anyhow::Result<_>>();
        let stats = commandstats(self.redis.port)?;
        let calls = |commands: &[&str]| commands.iter().map(|command| stats_of(&stats, command)).sum();
        Ok(Reading {
            at: Instant::now(),
            hosts: sum(&self.hosts)?,
            gateways: sum(&self.gateways)?,
            redis: processor_time(self.redis.process)?,
            publishes: calls(&["publish", "spublish"]),
            functions: calls(&["fcall"]),
        })
    }

    /// The largest value of a summary's quantile over zones and hosts, in the last minute; ms.
    pub(super) fn worst_ms(&self, metric: &str, quantile: &str) -> anyhow::Result<f64> {
        let mut worst: f64 = 0.0;
        for host in &self.hosts {
            let (_, text) = http_get(host.port, "/metrics").context("a host's metrics")?;
            let tail = format!("quantile=\"{quantile}\"}} ");
            let values = text.lines().filter(|line| line.starts_with(metric)).filter_map(|line| line.split_once(&tail));
            worst = values.filter_map(|(_, value)| value.parse().ok()).fold(worst, f64::max);
        }
        Ok(worst * 1000.0)
    }

    /// Runs `wod` as an operator; its JSON.
    pub(super) fn operator<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        let server = format!("http://127.0.0.1:{}", self.hosts[0].port);
        let mut command = wod(words).command();
        let output =
            command.args(["--json", "--server", &server]).stdin(Stdio::null()).output().context("can't run wod")?;
        let [text, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        ensure!(output.status.success(), "wod {} failed ({}): {text}{errors}", words.join(" "), output.status);
        serde_json::from_str(&text).with_context(|| format!("not the JSON that was due: {text}"))
    }
}

impl Reading {
    /// What came since an earlier reading, a second.
    pub(super) fn since(&self, before: &Self) -> Rates {
        let seconds = (self.at - before.at).as_secs_f64();
        let cores = |now: Duration, then: Duration| (now - then).as_secs_f64() / seconds;
        let rate = |now: u64, then: u64| (now - then) as f64 / seconds;
        Rates {
            hosts: cores(self.hosts, before.hosts),
            gateways: cores(self.gateways, before.gateways),
            redis: cores(self.redis, before.redis),
            publishes: rate(self.publishes, before.publishes),
            functions: rate(self.functions, before.functions),
        }
    }
}

/// A folder for the logs and data of one world of a run.
fn new_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let worlds = (1..).map(|number| folder.join(format!("world-{number}")));
    let path = worlds.into_iter().find(|path| !path.exists()).context("there is a number")?;
    std::fs::create_dir(&path).with_context(|| format!("can't make the folder {}", path.display()))?;
    Ok(path)
}

fn world_file(ranges: &str, zones: &[Zone]) -> String {
    let mut text = format!("start = \"{}\"\n[ranges]\n{ranges}\n", zones[0].name);
    for (index, Zone { name, origin, size, host, tick_hz }) in zones.iter().enumerate() {
        let number = index + 1;
        text += &format!(
            "[[zone]]\nname = \"{name}\"\nnumber = {number}\nmodule = \"{MODULE}\"\norigin = {origin:?}\nsize = {size:?}\n\
             hosts = [\"host-{host}\"]\ntick_hz = {tick_hz}\nconfig = {{ stalls = 0, items = 0, first_item = {}, people = 0 }}\n",
            1000 * number
        );
    }
    text
}

/// User and system time of a process so far (proc(5), fields 14 and 15 of `stat`).
fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).context("a process has ended")?;
    // The second field is the program's name, in brackets and with anything in it.
    let fields: Vec<&str> = stat.rsplit_once(')').context("no brackets")?.1.split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|index| fields.get(*index)?.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Redis's answer to `INFO commandstats`.
fn commandstats(port: u16) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("Redis does not listen")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"INFO commandstats\r\nQUIT\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("Redis does not answer")?;
    Ok(answer)
}

/// `cmdstat_publish:calls=12,usec=…` → 12; 0 when it was never called.
fn stats_of(stats: &str, command: &str) -> u64 {
    let head = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|line| line.strip_prefix(&head)?.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_redis_own_words() {
        let stats = "# Commandstats\r\ncmdstat_publish:calls=12,usec=9\r\ncmdstat_fcall:calls=7,usec=1\r\n";
        assert_eq!((stats_of(stats, "publish"), stats_of(stats, "fcall"), stats_of(stats, "spublish")), (12, 7, 0));
    }

    #[test]
    fn this_process_has_used_some_time() {
        let begun = Instant::now();
        while processor_time(std::process::id()).is_ok_and(|time| time.is_zero()) {
            assert!(begun.elapsed() < Duration::from_secs(10), "it has been busy for 10 s");
        }
    }
}
