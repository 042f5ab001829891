//! `cargo xtask distributed`: a real cluster on this machine, each part its own process.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cluster::{Cluster, http_status, is_free, start_redis};
use crate::shell::Line;
use crate::{dev, machine, paths};

/// Ports of the two gateways and the two hosts, as `(players, operators)`; hosts have no players' port.
const GATEWAYS: [(u16, u16); 2] = [(7700, 7702), (7710, 7712)];
const HOSTS: [u16; 2] = [7701, 7711];
/// The time in which every zone must run.
const READY: Duration = Duration::from_secs(60);

/// Arguments of `cargo xtask distributed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep Redis' data in ./data/redis and go on from it; otherwise the world is new and gone afterwards
    #[arg(long)]
    keep: bool,
    /// Stop by itself after this time
    #[arg(long, value_name = "N", conflicts_with = "once_ready")]
    seconds: Option<u64>,
    /// When the world is ready run this command (with `sh -c`), then stop everything and exit with its code
    #[arg(long, value_name = "CMD")]
    once_ready: Option<String>,
    /// Another world
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Use what is built already
    #[arg(long)]
    no_build: bool,
}

/// Starts the cluster and holds it until told to stop.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    machine::redis()?;
    if !args.no_build {
        dev::build(&[])?;
    }
    for port in GATEWAYS.iter().flat_map(|(players, operators)| [*players, *operators]).chain(HOSTS) {
        if !is_free(port) {
            bail!("port {port} is taken: is a `wod dev` or another cluster running? `ss -ltnp` shows by whom");
        }
    }
    // From now on Ctrl-C is a message, and everything started below is stopped.
    let (stop_tx, stop_rx) = mpsc::channel();
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("can't listen for Ctrl-C")?;
    std::thread::spawn(move || signals.forever().try_for_each(|_| stop_tx.send(())));

    let folder = Folder::new(args.keep)?;
    sign_modules(&folder.path)?;
    let mut cluster = Cluster::default();
    let (_, redis) = start_redis(&mut cluster, &folder.path)?;
    start_processes(&mut cluster, &folder, redis, args)?;
    let ready = || HOSTS.iter().chain(GATEWAYS.iter().map(|(_, operators)| operators)).all(|port| answers(*port));
    let mut told_to_stop = false;
    cluster.wait_until("a world with all its zones running", READY, || {
        told_to_stop |= stop_rx.try_recv().is_ok();
        told_to_stop || ready()
    })?;
    if told_to_stop {
        return Ok(ExitCode::SUCCESS);
    }
    print_addresses(redis, &folder.path);
    hold(&mut cluster, args, &stop_rx)
}

/// Copies the built modules into the cluster's folder and signs them there, with a key made at the first start.
fn sign_modules(folder: &Path) -> anyhow::Result<()> {
    let (modules, key) = (folder.join("modules"), folder.join("key"));
    std::fs::create_dir_all(&modules).with_context(|| format!("can't make the folder {}", modules.display()))?;
    if !key.exists() {
        Line::new("").arg(paths::wod("release")).arg("keys").arg("new").arg(&key).run()?;
    }
    let mut sign = Line::new("").arg(paths::wod("release")).arg("keys").arg("sign").arg("--key").arg(&key);
    let built = std::fs::read_dir(paths::zones()).context("the zones are not built")?;
    for entry in built {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            let copy = modules.join(file.file_name().context("a file has a name")?);
            std::fs::copy(&file, &copy).with_context(|| format!("can't write {}", copy.display()))?;
            sign = sign.arg(copy);
        }
    }
    sign.run()
}

fn answers(port: u16) -> bool {
    http_status(port, "/readyz") == Some(200)
}

fn start_processes(cluster: &mut Cluster, folder: &Folder, redis: u16, args: &Args) -> anyhow::Result<()> {
    // The processes run in a folder of their own.
    let world = std::path::absolute(args.world.clone().unwrap_or_else(paths::world))?;
    let regions = regions(&world)?;
    let wod = |part: &str, id: String, region: &str| {
        let mut command = Command::new(paths::wod("release"));
        command.args([part, "--id", &id, "--region", region, "--redis", &format!("redis://127.0.0.1:{redis}")]);
        command.arg("--world").arg(&world).env("RUST_LOG", "info").current_dir(&folder.path);
        command
    };
    for (index, admin) in HOSTS.iter().enumerate() {
        // Each host serves the regions in its turn first, so that the zones are spread over both.
        let region = &regions[index % regions.len()];
        let mut host = wod("host", format!("host-{}", index + 1), region);
        host.arg("--modules").arg(folder.path.join("modules"));
        host.arg("--trusted-keys").arg(folder.path.join("key.pub")).args(["--admin", &format!("127.0.0.1:{admin}")]);
        cluster.start(&format!("host-{}", index + 1), &folder.path, &mut host)?;
    }
    for (index, (players, operators)) in GATEWAYS.iter().enumerate() {
        let mut gateway = wod("gateway", format!("gateway-{}", index + 1), &regions[index % regions.len()]);
        gateway.arg("--web").arg(paths::web());
        gateway.args(["--listen", &format!("127.0.0.1:{players}"), "--admin", &format!("127.0.0.1:{operators}")]);
        cluster.start(&format!("gateway-{}", index + 1), &folder.path, &mut gateway)?;
    }
    Ok(())
}

/// The regions of a world file, in its order.
fn regions(world: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(world).with_context(|| format!("can't read the world {}", world.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is no TOML", world.display()))?;
    let zones = table.get("zone").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut regions: Vec<String> = Vec::new();
    for zone in zones {
        let name = zone.get("name").and_then(toml::Value::as_str).unwrap_or_default();
        let region = name.split('.').next().unwrap_or_default().to_owned();
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    if regions.is_empty() {
        bail!("{} has no [[zone]]", world.display());
    }
    Ok(regions)
}

fn print_addresses(redis: u16, folder: &Path) {
    println!("\nThe world runs:");
    for (players, operators) in GATEWAYS {
        println!(
            "  gateway     players http://127.0.0.1:{players}   its own health http://127.0.0.1:{operators}/metrics"
        );
    }
    for admin in HOSTS {
        println!("  zone host   operators http://127.0.0.1:{admin}");
    }
    println!("  Redis       127.0.0.1:{redis}");
    println!("  logs        {}", folder.display());
    println!("  key         export WOD_KEY={} (`wod publish` signs with it)", folder.join("key").display());
    println!("\nTry:  wod zones    wod bots --url ws://127.0.0.1:7700/ws,ws://127.0.0.1:7710/ws --count 50");
    println!("Ctrl-C stops all of it.");
}

/// Until Ctrl-C, the time is over, the command has ended or a process has died.
fn hold(cluster: &mut Cluster, args: &Args, stop_rx: &mpsc::Receiver<()>) -> anyhow::Result<ExitCode> {
    if let Some(line) = &args.once_ready {
        println!("\nrunning: {line}");
        let status = Command::new("sh").args(["-c", line]).status().context("can't run the command")?;
        if let Some(dead) = cluster.dead()? {
            bail!("meanwhile {dead}");
        }
        println!("\nstopping");
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        return Ok(ExitCode::from(code));
    }
    const LOOK: Duration = Duration::from_millis(500);
    let mut left = args.seconds.map(Duration::from_secs);
    while left.is_none_or(|left| !left.is_zero()) {
        let step = left.map_or(LOOK, |left| left.min(LOOK));
        match stop_rx.recv_timeout(step) {
            Err(mpsc::RecvTimeoutError::Timeout) => left = left.map(|left| left - step),
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if let Some(dead) = cluster.dead()? {
            bail!("{dead}");
        }
    }
    println!("\nstopping");
    Ok(ExitCode::SUCCESS)
}

/// Where Redis keeps its data and everybody's log lies.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(keep: bool) -> anyhow::Result<Self> {
        let path = if keep {
            paths::root().join("data/redis")
        } else {
            std::env::temp_dir().join(format!("wod-distributed-{}", std::process::id()))
        };
        std::fs::create_dir_all(&path).with_context(|| format!("can't make the folder {}", path.display()))?;
        Ok(Self { path, temporary: !keep })
    }
}

impl Drop for Folder {
    /// Nothing is left behind, except after a panic, when the logs may tell why.
    fn drop(&mut self) {
        if self.temporary
            && !std::thread::panicking()
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            eprintln!("can't remove {}: {error}", self.path.display());
        }
    }
}
