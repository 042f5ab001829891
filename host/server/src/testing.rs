//! A zone host as a part of a simulation: the host itself, on one thread and under that thread's clock, without HTTP, without
//! a sandbox.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_protocol::bus::Process;
use wod_protocol::ids::{Digest, Generation, HostId, ZoneNo};
use wod_protocol::registry::ZoneBeat;
use wod_sim::io::Input;

use crate::config::{HostConfig, INBOX_QUEUE};
use crate::host::Host;
use crate::migration;
use crate::modules::ModuleStore;
use crate::notice::Notices;
use crate::threads::Threads;
use crate::worker::Workers;

pub use crate::modules::Natives;

/// A host that runs, or is about to.
#[derive(Clone)]
pub struct SimulatedHost {
    host: Arc<Host>,
}

impl SimulatedHost {
    /// Runs a host on the current runtime, which must have one thread, until cancelled; `started` gets it once its inbox is open.
    ///
    /// # Errors
    /// When the backplane is away at the start, or a task of the host ended early.
    pub async fn run(
        config: HostConfig,
        backplane: Backplane,
        natives: Arc<dyn Natives>,
        stop: CancellationToken,
        started: impl FnOnce(Self),
    ) -> anyhow::Result<()> {
        let workers = Workers::start_as_task();
        Self::run_on(config, backplane, natives, stop, started, (Threads::One, workers)).await
    }

    /// The same in real time, with the threads that it has outside of simulations.
    ///
    /// # Errors
    /// As [`SimulatedHost::run`]; when the threads can't be started.
    pub async fn run_threaded(
        config: HostConfig,
        backplane: Backplane,
        natives: Arc<dyn Natives>,
        stop: CancellationToken,
        started: impl FnOnce(Self),
    ) -> anyhow::Result<()> {
        let workers = Workers::start(config.workers).context("starting worker threads")?;
        Self::run_on(config, backplane, natives, stop, started, (Threads::Many(Handle::current()), workers)).await
    }

    async fn run_on(
        config: HostConfig,
        backplane: Backplane,
        natives: Arc<dyn Natives>,
        stop: CancellationToken,
        started: impl FnOnce(Self),
        (threads, workers): (Threads, Workers),
    ) -> anyhow::Result<()> {
        let me = Process::Host(config.host.clone());
        let modules = ModuleStore::natives(natives, backplane.clone());
        let inbox = backplane.subscribe(&me, INBOX_QUEUE).await.context("opening this host's inbox")?;
        let (notices, _) = Notices::new(None);
        let host = Arc::new(Host::new(config, backplane, modules, notices, threads));
        started(Self { host: host.clone() });
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        crate::tend(host, workers, inbox, admin, JoinSet::new(), CancellationToken::new(), stop).await
    }

    /// How its zones do.
    pub fn zones(&self) -> Vec<ZoneBeat> {
        self.host.beats()
    }

    /// Moves a zone to another host, and returns when that has said that it goes on.
    ///
    /// # Errors
    /// As operators are told them.
    pub async fn migrate(&self, zone: ZoneNo, to: &HostId) -> anyhow::Result<()> {
        let port = self.host.port(zone).context("the zone is another host's")?;
        migration::migrate(&self.host, &port, to, true).await.map(drop)
    }

    /// Gives all zones away and takes none; or takes some again.
    pub fn drain(&self, drain: bool) {
        self.host.set_draining(drain);
    }

    /// Replaces a zone's module between two ticks.
    ///
    /// # Errors
    /// When the zone is not this host's, is let go meanwhile, or refuses.
    pub async fn swap(&self, zone: ZoneNo, digest: Digest, probation: u32) -> anyhow::Result<Generation> {
        let port = self.host.port(zone).context("the zone is another host's")?;
        let _replacing = port.replacing.lock().await;
        let input = Input::Swap { digest, probation };
        let done = self.host.operators.await_replacement(zone, input.clone());
        anyhow::ensure!(port.push(input), "the zone takes no inputs now");
        let replaced = done.await.context("the zone was let go")?;
        Ok(replaced.map_err(|fault| anyhow::anyhow!("the swap was refused: {fault}"))?.generation)
    }
}
