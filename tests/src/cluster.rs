//! Starts `wod` processes on free ports of this machine and ends them by their ids.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wod_backplane::testing::RedisServer;

/// A cold start loads modules, compiles them and recovers zones, on two busy cores.
const START: Duration = Duration::from_secs(90);
/// For an answer of the operators' API.
const PATIENCE: Duration = Duration::from_secs(5);
/// What signs tickets for its gateways.
pub const TICKET_SECRET: &str = "signs tickets for tests and nothing else";
/// Hosts and their regions.
const HOSTS: [(&str, &str); 2] = [("host-nyc", "nyc"), ("host-la", "la")];
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(50);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// The `wod` program under test: `WOD_BIN`, else the newest of the target folder's.
pub fn wod() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("WOD_BIN") {
        return Ok(path.into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let newest = ["debug/wod", "release/wod"]
        .iter()
        .map(|path| target.join(path))
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max();
    Ok(newest.context("there is no `wod` to test: run `cargo build -p wod`, or `cargo xtask test`")?.1)
}

/// The tests' world: three zones in two regions.
pub fn world() -> PathBuf {
    root().join("tests/world.toml")
}

/// Where `wod zone build` puts the shipped modules: `WOD_MODULES`, else `target/zones`.
pub fn modules() -> PathBuf {
    std::env::var_os("WOD_MODULES").map_or_else(|| root().join("target/zones"), PathBuf::from)
}

/// A port that nobody listens on now.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Where and how a process runs, if not as the test does.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// A network namespace, and the address there.
    pub namespace: Option<(String, Ipv4Addr)>,
    /// Another way to Redis than the others'.
    pub redis: Option<String>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
}

impl Surroundings {
    /// A port that nobody listens on.
    fn address(&self) -> anyhow::Result<SocketAddr> {
        let free = free_address()?;
        Ok(self.namespace.as_ref().map_or(free, |(_, address)| (*address, free.port()).into()))
    }
}

/// One running `wod` process; ended when dropped.
pub struct Process {
    child: Child,
    surroundings: Surroundings,
    /// Its arguments, to start it again.
    args: Vec<String>,
    log: PathBuf,
}

impl Process {
    /// Starts `wod` with these arguments, its output in a file.
    pub fn start(args: &[String], log: &Path) -> anyhow::Result<Self> {
        Self::start_within(Surroundings::default(), args, log)
    }

    /// The same in other surroundings.
    pub fn start_within(surroundings: Surroundings, args: &[String], log: &Path) -> anyhow::Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = match &surroundings.namespace {
            Some((namespace, _)) => {
                // It becomes `wod`: the process id stays.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(wod()?);
                command
            }
            None => Command::new(wod()?),
        };
        let child = command
            .args(args)
            .env("RUST_LOG", "info")
            .envs(surroundings.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .context("starting wod")?;
        Ok(Self { child, surroundings, args: args.to_vec(), log: log.to_owned() })
    }

    /// `kill -9`, and waits for its end.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM, and its exit code.
    pub async fn terminate(&mut self) -> anyhow::Result<i32> {
        signal(self.child.id(), "TERM").await?;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        ended.context("it did not stop within 30 s of SIGTERM")??.code().context("it was killed by a signal")
    }

    /// SIGSTOP: it keeps its connections and does nothing.
    pub async fn pause(&self) -> anyhow::Result<()> {
        signal(self.child.id(), "STOP").await
    }

    /// SIGCONT.
    pub async fn resume(&self) -> anyhow::Result<()> {
        signal(self.child.id(), "CONT").await
    }

    /// Starts it again with the same arguments.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        *self = Self::start_within(self.surroundings.clone(), &self.args.clone(), &self.log.clone())?;
        Ok(())
    }

    /// How far its clock is off, whichever way: by the time that its first log line carries and the time that its file was begun.
    pub fn clock_off(&self) -> anyhow::Result<Duration> {
        let log = self.log();
        let line: Value = serde_json::from_str(log.lines().next().context("it has said nothing")?)?;
        let told = line["timestamp"].as_str().context("a line has a time")?;
        let output = std::process::Command::new("date").args(["-d", told, "+%s"]).output()?;
        let told = UNIX_EPOCH + Duration::from_secs(String::from_utf8(output.stdout)?.trim().parse()?);
        let begun = std::fs::metadata(&self.log)?.created()?;
        Ok(told.duration_since(begun).unwrap_or_else(|earlier| earlier.duration()))
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no log: {error})"))
    }
}

/// A running world.
pub struct Cluster {
    /// Gateways, by `ip:port` for players.
    pub gateways: Vec<(SocketAddr, Process)>,
    /// Hosts, by `ip:port` for operators. Empty for a world in one process.
    pub hosts: Vec<(SocketAddr, Process)>,
    /// Where operators ask.
    pub admin: SocketAddr,
    /// Its Redis.
    pub redis: Option<RedisServer>,
    /// Holds the processes' data and logs; of several hosts also `key`, which signs modules, and `modules`, signed with it.
    pub folder: TempDir,
}

impl Cluster {
    /// The tests' world in one process, as `cargo xtask dev` starts it.
    pub async fn dev() -> anyhow::Result<Self> {
        Self::dev_of(&world(), &modules()).await
    }

    /// Another world in one process.
    pub async fn dev_of(world: &Path, modules: &Path) -> anyhow::Result<Self> {
        Self::dev_with(world, modules, &[]).await
    }

    /// As [`Cluster::dev_of`], with further arguments.
    pub async fn dev_with(world: &Path, modules: &Path, further: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (listen, admin) = (free_address()?, free_address()?);
        let mut args = common("dev", listen, admin, world, modules);
        args.extend(["--allow-unsigned".into(), "--data".into(), folder.path().join("data").display().to_string()]);
        args.extend(further.iter().map(|arg| (*arg).to_owned()));
        let process = Process::start(&args, &folder.path().join("dev.log"))?;
        let mut cluster = Self { gateways: vec![(listen, process)], hosts: Vec::new(), admin, redis: None, folder };
        cluster.until_ready().await?;
        Ok(cluster)
    }

    /// Another world in one process, with a Redis that a test can look into; it runs only what the cluster's key has signed, as
    /// the modules of this folder are.
    pub async fn signed_of(world: &Path, modules: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let redis = RedisServer::start().await?;
        let (modules, key) = sign_modules(modules, folder.path()).await?;
        let (listen, admin) = (free_address()?, free_address()?);
        let mut args = common("dev", listen, admin, world, &modules);
        args.extend(["--trusted-keys".to_owned(), format!("{}.pub", key.display())]);
        args.extend(["--redis".into(), redis.url(), "--data".into(), folder.path().join("data").display().to_string()]);
        let process = Process::start(&args, &folder.path().join("dev.log"))?;
        let gateways = vec![(listen, process)];
        let mut cluster = Self { gateways, hosts: Vec::new(), admin, redis: Some(redis), folder };
        cluster.until_ready().await?;
        Ok(cluster)
    }

    /// Redis, two gateways and two hosts, each its own process, as `cargo xtask distributed` starts them.
    pub async fn distributed() -> anyhow::Result<Self> {
        Self::distributed_with(&world(), |_, _| Vec::new()).await
    }

    /// The same where each gateway serves a region (the first New York, the second Los Angeles) and tells those who have travelled
    /// of the other.
    pub async fn regional() -> anyhow::Result<Self> {
        Self::regional_of(&world()).await
    }

    /// The same in another world.
    pub async fn regional_of(world: &Path) -> anyhow::Result<Self> {
        Self::distributed_with(world, |index, listen| {
            let (region, public) = (["nyc", "la"][index], format!("ws://{listen}/ws"));
            ["--region", region, "--public", &public, "--redirect"].map(str::to_owned).to_vec()
        })
        .await
    }

    /// `further`: more arguments of the gateway of that index at that address.
    async fn distributed_with(
        world: &Path,
        further: impl Fn(usize, SocketAddr) -> Vec<String>,
    ) -> anyhow::Result<Self> {
        let redis = RedisServer::start().await?;
        let around = |_: &str| Surroundings::default();
        let mut cluster = Self::over(world, &modules(), &redis.url(), HOSTS, further, around).await?;
        cluster.redis = Some(redis);
        Ok(cluster)
    }

    /// The same two gateways and two hosts over a Redis of the caller's, which may be several.
    pub async fn distributed_on(redis: &str) -> anyhow::Result<Self> {
        Self::distributed_around(redis, HOSTS, |_| Surroundings::default()).await
    }

    /// The same, each process (gateways are `gw-1`, `gw-2`) in surroundings of its own; `hosts`: name and region.
    pub async fn distributed_around(
        redis: &str,
        hosts: [(&str, &str); 2],
        around: impl Fn(&str) -> Surroundings,
    ) -> anyhow::Result<Self> {
        Self::distributed_of(&world(), &modules(), redis, hosts, around).await
    }

    /// Another world with the modules of that folder, as [`Cluster::distributed_around`].
    pub async fn distributed_of(
        world: &Path,
        modules: &Path,
        redis: &str,
        hosts: [(&str, &str); 2],
        around: impl Fn(&str) -> Surroundings,
    ) -> anyhow::Result<Self> {
        Self::over(world, modules, redis, hosts, |_, _| Vec::new(), around).await
    }

    async fn over(
        world: &Path,
        modules: &Path,
        redis: &str,
        names: [(&str, &str); 2],
        further: impl Fn(usize, SocketAddr) -> Vec<String>,
        around: impl Fn(&str) -> Surroundings,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (modules, _) = sign_modules(modules, folder.path()).await?;
        let mut hosts = Vec::new();
        for (id, region) in names {
            hosts.push(start_host(id, region, redis, folder.path(), world, around(id))?);
        }
        let mut gateways = Vec::new();
        for (index, id) in ["gw-1", "gw-2"].into_iter().enumerate() {
            let around = around(id);
            let (listen, admin) = (around.address()?, around.address()?);
            let mut args = common("gateway", listen, admin, world, &modules);
            let redis = around.redis.as_deref().unwrap_or(redis);
            args.extend(["--redis", redis, "--id", id, "--ticket-secret", TICKET_SECRET].map(str::to_owned));
            args.extend(further(index, listen));
            let log = folder.path().join(format!("{id}.log"));
            gateways.push((listen, Process::start_within(around, &args, &log)?));
        }
        let mut cluster = Self { gateways, admin: hosts[0].0, hosts, redis: None, folder };
        cluster.until_ready().await?;
        Ok(cluster)
    }

    /// Another world on two hosts without gateways: the first has all of it before the second starts.
    pub async fn hosts_of(world: &Path) -> anyhow::Result<Self> {
        let (folder, redis) = (tempfile::tempdir()?, RedisServer::start().await?);
        sign_modules(&modules(), folder.path()).await?;
        let alone = Surroundings::default;
        let hosts = vec![start_host("host-1", "nyc", &redis.url(), folder.path(), world, alone())?];
        let mut cluster = Self { gateways: Vec::new(), admin: hosts[0].0, hosts, redis: Some(redis), folder };
        cluster.until_ready().await?;
        let redis = cluster.redis.as_ref().context("it has one")?.url();
        cluster.hosts.push(start_host("host-2", "nyc", &redis, cluster.folder.path(), world, alone())?);
        cluster.admin = cluster.hosts[1].0;
        cluster.until_ready().await?;
        Ok(cluster)
    }

    /// Starts one more host for a region of [`Cluster::distributed_on`] `redis`, and waits until it is ready to take zones over.
    pub async fn add_host(&mut self, id: &str, region: &str, redis: &str) -> anyhow::Result<()> {
        let (admin, process) = start_host(id, region, redis, self.folder.path(), &world(), Surroundings::default())?;
        self.hosts.push((admin, process));
        self.until_host_is_ready(self.hosts.len() - 1).await
    }

    /// What signs modules for its hosts; only where they ask for it.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Waits until every zone runs and every gateway takes players.
    pub async fn until_ready(&mut self) -> anyhow::Result<()> {
        let mut urls = vec![format!("http://{}/readyz", self.admin)];
        urls.extend(self.gateways.iter().map(|(listen, _)| format!("http://{listen}/readyz")));
        for url in urls {
            until_ready(&url).await.with_context(|| self.logs())?;
        }
        Ok(())
    }

    /// The WebSocket address of one gateway.
    pub fn url(&self, gateway: usize) -> String {
        format!("ws://{}/ws", self.gateways[gateway].0)
    }

    /// A GET of the operators' API.
    pub async fn api(&self, path: &str) -> anyhow::Result<Value> {
        api_of(self.admin, path).await
    }

    /// The same of any host that answers.
    pub async fn api_of_any_host(&self, path: &str) -> anyhow::Result<Value> {
        let mut last = anyhow::anyhow!("there is no host");
        for (admin, _) in &self.hosts {
            match api_of(*admin, path).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Which of the hosts runs this zone.
    pub async fn owner_of(&self, zone: &str) -> anyhow::Result<usize> {
        let zones = self.api_of_any_host("zones").await?;
        let row = zones.as_array().into_iter().flatten().find(|row| row["name"] == zone);
        let host = row.and_then(|row| row["host"].as_str()).with_context(|| format!("nobody runs {zone}: {zones}"))?;
        let is_it = |(_, process): &(SocketAddr, Process)| process.args.iter().any(|arg| arg == host);
        self.hosts.iter().position(is_it).with_context(|| format!("host {host} is none of ours"))
    }

    /// Waits until a host that was started again takes zones.
    pub async fn until_host_is_ready(&self, host: usize) -> anyhow::Result<()> {
        until_ready(&format!("http://{}/readyz", self.hosts[host].0)).await.with_context(|| self.logs())
    }

    /// Runs `wod` as an operator would, with `--json`; its exit code and output.
    pub async fn operator(&self, args: &[&str]) -> anyhow::Result<(i32, Value)> {
        let server = format!("http://{}", self.admin);
        let run = Command::new(wod()?).args(args).args(["--server", &server, "--json"]).output();
        let output = tokio::time::timeout(Duration::from_secs(60), run).await.context("wod does not end")??;
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|_| Value::String(format!("{text}{}", String::from_utf8_lossy(&output.stderr))));
        Ok((output.status.code().unwrap_or(-1), value))
    }

    /// The ends of all logs, for a test that failed.
    pub fn logs(&self) -> String {
        let processes = self.gateways.iter().chain(&self.hosts).map(|(_, process)| process);
        let tail = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        processes.map(|process| format!("--- wod {}\n{}\n", process.args.join(" "), tail(process.log()))).collect()
    }
}

async fn until_ready(url: &str) -> anyhow::Result<()> {
    until(START, url, async || Ok(reqwest::get(url).await?.status().is_success())).await
}

async fn api_of(admin: SocketAddr, path: &str) -> anyhow::Result<Value> {
    let answer = reqwest::Client::new().get(format!("http://{admin}/api/{path}")).timeout(PATIENCE).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

/// A host of a cluster of several, with its folder's modules and key.
fn start_host(
    id: &str,
    region: &str,
    redis: &str,
    folder: &Path,
    world: &Path,
    around: Surroundings,
) -> anyhow::Result<(SocketAddr, Process)> {
    let (listen, admin) = (around.address()?, around.address()?);
    let mut args = common("host", listen, admin, world, &folder.join("modules"));
    args.extend(["--trusted-keys".to_owned(), folder.join("key.pub").display().to_string()]);
    let redis = around.redis.as_deref().unwrap_or(redis);
    args.extend(["--redis", redis, "--region", region, "--id", id].map(str::to_owned));
    // Tests say themselves what runs where.
    args.push("--no-rebalance".to_owned());
    args.retain(|arg| arg != "--listen" && *arg != listen.to_string());
    args.extend(["--data".into(), folder.join(id).display().to_string()]);
    Ok((admin, Process::start_within(around, &args, &folder.join(format!("{id}.log")))?))
}

/// Sends a signal to a process of ours.
pub(crate) async fn signal(pid: Option<u32>, name: &str) -> anyhow::Result<()> {
    let pid = pid.context("it has ended already")?;
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().await?;
    ensure!(status.success(), "kill -{name} {pid} failed");
    Ok(())
}

/// Copies modules into a folder of the cluster's own and signs them with a new key; the folder, and the key.
async fn sign_modules(from: &Path, folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let (copies, key) = (folder.join("modules"), folder.join("key"));
    std::fs::create_dir(&copies)?;
    run_wod(&["keys".into(), "new".into(), key.display().to_string()]).await?;
    let mut sign = vec!["keys".to_owned(), "sign".into(), "--key".into(), key.display().to_string()];
    for entry in std::fs::read_dir(from)? {
        let file = entry?.path();
        if let Some(name) = file.file_name().filter(|_| file.extension().is_some_and(|extension| extension == "wasm")) {
            std::fs::copy(&file, copies.join(name))?;
            sign.push(copies.join(name).display().to_string());
        }
    }
    run_wod(&sign).await?;
    Ok((copies, key))
}

/// Runs `wod` where no server is asked.
pub async fn run_wod(args: &[String]) -> anyhow::Result<()> {
    let output = Command::new(wod()?).args(args).output().await.context("running wod")?;
    ensure!(output.status.success(), "wod {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn common(mode: &str, listen: SocketAddr, admin: SocketAddr, world: &Path, modules: &Path) -> Vec<String> {
    [
        mode,
        "--listen",
        &listen.to_string(),
        "--admin",
        &admin.to_string(),
        "--world",
        &world.display().to_string(),
        "--modules",
        &modules.display().to_string(),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Looks until the condition holds. Errors of a look count as "not yet".
pub async fn until(
    deadline: Duration,
    what: &str,
    mut holds: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + deadline;
    loop {
        let look = holds().await;
        if matches!(look, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("not within {deadline:?}: {what} ({look:?})");
        }
        tokio::time::sleep(LOOK).await;
    }
}
