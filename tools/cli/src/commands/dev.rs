//! `wod dev`: the whole world in one process.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wod_backplane::{Backplane, Error};
use wod_gateway::GatewayConfig;
use wod_host::HostConfig;
use wod_host::signature::Trust;
use wod_protocol::world::World;

use crate::admin::Server;
use crate::config::{Flags, Role, Settings};
use crate::exit::{Exit, Failure, Outcome};
use crate::watch::{Sources, Watch};
use crate::{output, service};

/// Arguments of `wod dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Begin the world anew: forget what is stored in the data folder
    #[arg(long, conflicts_with = "redis")]
    fresh: bool,
    /// Run modules that nobody has signed: on your own machine only
    #[arg(long, conflicts_with = "trusted_keys")]
    allow_unsigned: bool,
    /// Build the zones of this folder whenever a file of theirs is saved, and swap in what changed
    #[arg(long, value_name = "DIR", requires = "allow_unsigned")]
    watch: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let settings = self.flags.settings(Role::Dev)?;
        let world = settings.read_world()?;
        let trust = settings.read_trust(self.allow_unsigned)?;
        let sources = self.watch.map(|dir| Sources { dir, also: Vec::new() });
        play(Play { settings, world, trust, fresh: self.fresh, sources, open: false })
    }
}

/// A whole world in this process.
pub(crate) struct Play {
    pub(crate) settings: Settings,
    pub(crate) world: Arc<World>,
    pub(crate) trust: Trust,
    /// Forget what is stored in the data folder.
    pub(crate) fresh: bool,
    /// Zones that are built whenever a file of theirs is saved.
    pub(crate) sources: Option<Sources>,
    /// Show the page in a browser.
    pub(crate) open: bool,
}

/// Runs it until told to stop.
pub(crate) fn play(play: Play) -> Outcome {
    let Play { settings, world, trust, fresh, sources, open: show } = play;
    if fresh {
        forget(&settings.data.join("world"))?;
    }
    let host = service::host_config(&settings, world.clone(), trust, true)?;
    // Operators of a single process have one port, the host's.
    let mut gateway = GatewayConfig { admin: None, ..service::gateway_config(&settings, world.clone())? };
    let mut watch = None;
    if let Some(sources) = &sources {
        let (begun, notice_rx) = Watch::begin(sources, &settings, world)?;
        gateway.notice = Some(notice_rx);
        watch = Some(begun);
    }
    service::run("warn,wod=info", |stop| async move {
        let backplane = match settings.redis {
            Some(_) => service::connect(&settings, "dev").await?,
            None => open(&settings.data.join("world")).await?,
        };
        let ended = Box::pin(serve(&settings, host, gateway, watch, show, backplane.clone(), stop)).await;
        backplane.close().await.context("can't close the world's file")?;
        ended
    })
}

/// Runs host and gateway until told to stop: then first the gateway, so that the last inputs still reach their zones. Zones are
/// watched as long as players are let in.
async fn serve(
    settings: &Settings,
    host: HostConfig,
    gateway: GatewayConfig,
    watch: Option<Watch>,
    show: bool,
    backplane: Backplane,
    stop: CancellationToken,
) -> Outcome {
    let metrics = service::start_metrics()?;
    let stop_host = CancellationToken::new();
    let (admin_tx, admin_rx) = oneshot::channel();
    let (listen_tx, listen_rx) = oneshot::channel();
    let host = Box::pin(wod_host::run(host, backplane.clone(), metrics, stop_host.clone(), admin_tx));
    let gateway = Box::pin(wod_gateway::run(gateway, backplane, stop.clone(), listen_tx));
    let greet = async {
        // A part that does not get ready has ended with the error that is told.
        if let (Ok(admin), Ok(addresses)) = tokio::join!(admin_rx, listen_rx) {
            output::line(format_args!("players    http://{}", addresses.listen));
            output::line(format_args!("operators  http://{admin}"));
            if show {
                show_page(&format!("http://{}", addresses.listen));
            }
            let stored =
                settings.redis.as_deref().map_or_else(|| settings.data.display().to_string(), |_| "Redis".into());
            output::line(format_args!("The world runs; it is kept in {stored}. Ctrl-C stops it."));
            if let Some(watch) = watch {
                stop.run_until_cancelled(watch.run(&Server::at(admin))).await;
            }
        }
        anyhow::Ok(())
    };
    let gateway = async {
        let ended = gateway.await;
        stop_host.cancel();
        ended
    };
    let host = async {
        let ended = host.await;
        stop.cancel();
        ended
    };
    let (gateway, host, greeted) = tokio::join!(gateway, host, greet);
    host.and(gateway).and(greeted)?;
    Ok(())
}

/// In the browser that the desktop has chosen.
fn show_page(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = std::process::Stdio::null;
    let started =
        std::process::Command::new(program).arg(address).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    if let Err(error) = started {
        eprintln!("warning: no browser could be opened ({program}: {error}): open {address} yourself");
    }
}

async fn open(dir: &Path) -> Result<Backplane, Failure> {
    std::fs::create_dir_all(dir).with_context(|| format!("can't make the folder {}", dir.display()))?;
    Backplane::embedded(Some(dir)).await.map_err(|error| {
        let in_use = matches!(error, Error::InUse { .. });
        let failure =
            Failure::new(Exit::Failed, anyhow::Error::new(error).context(format!("the world in {}", dir.display())));
        if in_use {
            failure.hint("another `wod dev` has it: stop that one, or choose another folder with --data")
        } else {
            failure
        }
    })
}

fn forget(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
