//! The simulated machines: zone hosts and gateways, each the real thing in a process of its own, started again when it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;
use wod_backplane::simulated::Simulation;
use wod_gateway::testing::{Connection, Gateway};
use wod_gateway_core::{Config, Seeds};
use wod_host::HostConfig;
use wod_host::signature::Trust;
use wod_host::testing::SimulatedHost;
use wod_protocol::client::Encoding;
use wod_protocol::ids::{GatewayId, HostId, ZoneNo};
use wod_protocol::world::World;

use crate::market::{Coinage, Markets, Version};
use crate::process::Process;

/// How long whoever looks after processes takes to start one again that has ended by itself.
const RESTART: Duration = Duration::from_millis(500);

/// What a process's task has to say, shared with the simulator.
type Said<T> = Arc<Mutex<Option<T>>>;

/// A machine with a host.
pub(crate) struct HostMachine {
    /// Its name, which it keeps over restarts.
    pub(crate) name: String,
    settings: HostSettings,
    process: Option<Process>,
    stop: CancellationToken,
    host: Said<SimulatedHost>,
    ended: Said<String>,
    start_at: Option<Duration>,
}

/// What differs from run to run.
#[derive(Clone)]
pub(crate) struct HostSettings {
    /// Whose zones it claims at once.
    pub(crate) region: &'static str,
    /// The world.
    pub(crate) world: Arc<World>,
    /// Journal entries from snapshot to snapshot.
    pub(crate) replay_entries: u64,
    /// How its module keeps account.
    pub(crate) coinage: Coinage,
}

impl HostMachine {
    /// It starts at once.
    pub(crate) fn new(name: String, settings: HostSettings) -> Self {
        Self {
            name,
            settings,
            process: None,
            stop: CancellationToken::new(),
            host: Said::default(),
            ended: Said::default(),
            start_at: Some(Duration::ZERO),
        }
    }

    /// Starts it when it is time to.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn look_after(&mut self, now: Duration, simulation: &Simulation) -> std::io::Result<Option<String>> {
        let ended = take(&self.ended);
        if ended.is_some() {
            self.process = None;
            self.start_at = Some(now + RESTART);
        }
        if self.start_at.is_some_and(|at| now >= at) {
            self.start_at = None;
            self.start(simulation)?;
        }
        Ok(ended)
    }

    fn start(&mut self, simulation: &Simulation) -> std::io::Result<()> {
        let process = Process::new()?;
        let HostSettings { region, world, replay_entries, coinage } = self.settings.clone();
        let config = HostConfig {
            host: HostId::from(self.name.as_str()),
            region: region.to_owned(),
            admin: ([127, 0, 0, 1], 0).into(),
            world,
            modules: PathBuf::new(),
            follow_modules: false,
            trust: Trust::Anybody,
            webhook: None,
            workers: 1,
            limits: wod_sandbox::Limits::default(),
            sandbox: wod_sandbox::SandboxOptions::default(),
            // Virtual time does not pass while a zone computes: entries alone decide.
            replay_budget: Duration::from_secs(3600),
            replay_entries,
            foreign_grace: Duration::from_secs(2),
            rebalance: true,
        };
        (self.stop, self.host, self.ended) = (CancellationToken::new(), Said::default(), Said::default());
        let (stop, host, ended) = (self.stop.clone(), self.host.clone(), self.ended.clone());
        let backplane = simulation.connect(&self.name);
        process.spawn(async move {
            let started = |running| put(&host, running);
            let run = SimulatedHost::run(config, backplane, Arc::new(Markets(coinage)), stop, started);
            put(&ended, run.await.map_or_else(|error| format!("{error:#}"), |()| "stopped".to_owned()));
        });
        self.process = Some(process);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, now: Duration, down: Duration) {
        self.process = None;
        self.start_at = Some(now + down);
    }

    /// SIGTERM: it gives its zones up and ends.
    pub(crate) fn terminate(&self) {
        self.stop.cancel();
    }

    /// Replaces a zone's module, if the zone is this host's.
    pub(crate) fn swap(&self, zone: ZoneNo, version: Version) {
        let host = self.host.lock().expect("the simulation has one thread").clone();
        if let (Some(process), Some(host)) = (&self.process, host) {
            process.spawn(async move {
                if let Err(error) = host.swap(zone, version.digest(), 0).await {
                    tracing::debug!(%zone, error = format!("{error:#}"), "no swap");
                }
            });
        }
    }

    /// Gives a zone to another host, if the zone is this host's.
    pub(crate) fn migrate(&self, zone: ZoneNo, to: &str) {
        let (host, to) = (self.host.lock().expect("the simulation has one thread").clone(), HostId::from(to));
        if let (Some(process), Some(host)) = (&self.process, host) {
            process.spawn(async move {
                if let Err(error) = host.migrate(zone, &to).await {
                    tracing::debug!(%zone, %to, error = format!("{error:#}"), "no migration");
                }
            });
        }
    }

    /// Has it give its zones away, or take some again.
    pub(crate) fn drain(&self, draining: bool) {
        if let Some(host) = &*self.host.lock().expect("the simulation has one thread") {
            host.drain(draining);
        }
    }

    /// Its process, while it has one.
    pub(crate) fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }
}

/// A machine with a gateway.
pub(crate) struct GatewayMachine {
    /// Its name; each start adds a number to make the gateway's id.
    pub(crate) name: String,
    world: Arc<World>,
    rng: ChaCha8Rng,
    starts: u32,
    // Before the process, whose tasks it aborts when it is dropped.
    gateway: Said<Gateway>,
    process: Option<Process>,
    ended: Said<String>,
    start_at: Option<Duration>,
}

impl GatewayMachine {
    /// It starts at once.
    pub(crate) fn new(name: String, world: Arc<World>, seed: u64) -> Self {
        Self {
            name,
            world,
            rng: ChaCha8Rng::seed_from_u64(seed),
            starts: 0,
            gateway: Said::default(),
            process: None,
            ended: Said::default(),
            start_at: Some(Duration::ZERO),
        }
    }

    /// Starts it when it is time to.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn look_after(&mut self, now: Duration, simulation: &Simulation) -> std::io::Result<Option<String>> {
        let ended = take(&self.ended);
        if ended.is_some() {
            self.gateway = Said::default();
            self.process = None;
            self.start_at = Some(now + RESTART);
        }
        if self.start_at.is_some_and(|at| now >= at) {
            self.start_at = None;
            self.start(simulation)?;
        }
        Ok(ended)
    }

    fn start(&mut self, simulation: &Simulation) -> std::io::Result<()> {
        let process = Process::new()?;
        self.starts += 1;
        let config = Config {
            gateway: GatewayId::from(format!("{}-{}", self.name, self.starts)),
            region: String::new(),
            world: self.world.clone(),
            allow_guests: true,
            max_connections: 100,
        };
        (self.gateway, self.ended) = (Said::default(), Said::default());
        let (gateway, ended) = (self.gateway.clone(), self.ended.clone());
        let mut rng = ChaCha8Rng::from_rng(&mut self.rng);
        let seeds = move || Seeds { session: rng.next_u64(), nonce: rng.next_u64(), token: rng.random() };
        let backplane = simulation.connect(&self.name);
        process.spawn(async move {
            match Gateway::start(config, backplane, seeds).await {
                Ok(running) => put(&gateway, running),
                Err(error) => put(&ended, format!("{error:#}")),
            }
        });
        self.process = Some(process);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, now: Duration, down: Duration) {
        self.gateway = Said::default();
        self.process = None;
        self.start_at = Some(now + down);
    }

    /// SIGTERM: it sends its clients elsewhere and ends.
    pub(crate) fn terminate(&mut self) {
        if let (Some(gateway), Some(process)) = (take(&self.gateway), &self.process) {
            let ended = self.ended.clone();
            process.spawn(async move {
                let stopped = gateway.stop().await;
                put(&ended, stopped.map_or_else(|error| format!("{error:#}"), |()| "stopped".to_owned()));
            });
        }
    }

    /// Opens a connection; none: nobody listens.
    pub(crate) fn connect(&self, encoding: Encoding) -> Option<Connection> {
        self.gateway.lock().expect("the simulation has one thread").as_mut()?.connect(encoding)
    }

    /// Its process, while it has one.
    pub(crate) fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Whether its process stands still.
    pub(crate) fn is_stopped(&self) -> bool {
        self.process.as_ref().is_some_and(Process::is_stopped)
    }
}

fn put<T>(said: &Said<T>, what: T) {
    *said.lock().expect("the simulation has one thread") = Some(what);
}

fn take<T>(said: &Said<T>) -> Option<T> {
    said.lock().expect("the simulation has one thread").take()
}
