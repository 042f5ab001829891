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

use crate::market::{Conduct, Markets, Version};
use crate::process::{Clock, Process};

/// How long whoever looks after processes takes to start one again that has ended by itself.
const RESTART: Duration = Duration::from_millis(500);

/// What a process's task has to say, shared with the simulator.
type Said<T> = Arc<Mutex<Option<T>>>;

/// A machine whose process is a `T`, once that runs.
pub(crate) struct Machine<T> {
    /// Its name, which it keeps over restarts.
    pub(crate) name: String,
    clock: Clock,
    // Before the process, whose tasks it aborts when it is dropped.
    running: Said<T>,
    process: Option<Process>,
    ended: Said<String>,
    start_at: Option<Duration>,
}

impl<T> Machine<T> {
    /// It starts at once.
    fn new(name: String, clock: Clock) -> Self {
        let (running, ended) = (Said::default(), Said::default());
        Self { name, clock, running, process: None, ended, start_at: Some(Duration::ZERO) }
    }

    /// Whoever looks after processes sees whether this one has ended, and how, and has it started again later.
    fn look_after(&mut self, now: Duration) -> Option<String> {
        let ended = take(&self.ended)?;
        self.kill(now, RESTART);
        Some(ended)
    }

    fn is_due(&self, now: Duration) -> bool {
        self.start_at.is_some_and(|at| now >= at)
    }

    /// A fresh process, with that to do: it says what runs, and how it ended.
    fn start<F>(&mut self, run: impl FnOnce(Said<T>, Said<String>) -> F) -> std::io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        (self.start_at, self.running, self.ended) = (None, Said::default(), Said::default());
        let process = self.process.insert(Process::new(self.clock.clone())?);
        process.spawn(run(self.running.clone(), self.ended.clone()));
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, now: Duration, down: Duration) {
        self.running = Said::default();
        self.process = None;
        self.start_at = Some(now + down);
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

/// A machine with a host.
pub(crate) struct HostMachine {
    /// The machine.
    pub(crate) machine: Machine<SimulatedHost>,
    settings: HostSettings,
    stop: CancellationToken,
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
    /// How its module behaves.
    pub(crate) conduct: Conduct,
}

impl HostMachine {
    /// It starts at once.
    pub(crate) fn new(name: String, settings: HostSettings, clock: Clock) -> Self {
        Self { machine: Machine::new(name, clock), settings, stop: CancellationToken::new() }
    }

    /// Starts it when it is time to. How it had ended, when it has.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn look_after(&mut self, now: Duration, simulation: &Simulation) -> std::io::Result<Option<String>> {
        let ended = self.machine.look_after(now);
        if self.machine.is_due(now) {
            self.start(simulation)?;
        }
        Ok(ended)
    }

    fn start(&mut self, simulation: &Simulation) -> std::io::Result<()> {
        let HostSettings { region, world, replay_entries, conduct } = self.settings.clone();
        let config = HostConfig {
            host: HostId::from(self.machine.name.as_str()),
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
        self.stop = CancellationToken::new();
        let (stop, backplane) = (self.stop.clone(), simulation.connect(&self.machine.name));
        self.machine.start(|host, ended| async move {
            let started = |running| put(&host, running);
            let run = SimulatedHost::run(config, backplane, Arc::new(Markets(conduct)), stop, started);
            put(&ended, run.await.map_or_else(|error| format!("{error:#}"), |()| "stopped".to_owned()));
        })
    }

    /// SIGTERM: it gives its zones up and ends.
    pub(crate) fn terminate(&self) {
        self.stop.cancel();
    }

    /// Replaces a zone's module, on probation for so many ticks, if the zone is this host's.
    pub(crate) fn swap(&self, zone: ZoneNo, version: Version, probation: u32) {
        self.order(|host| async move { host.swap(zone, version.digest(), probation).await.map(drop) });
    }

    /// Gives a zone to another host, if the zone is this host's.
    pub(crate) fn migrate(&self, zone: ZoneNo, to: &str) {
        let to = HostId::from(to);
        self.order(|host| async move { host.migrate(zone, &to).await });
    }

    fn order<F>(&self, what: impl FnOnce(SimulatedHost) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let Machine { process, running, .. } = &self.machine;
        let host = running.lock().expect("the simulation has one thread").clone();
        if let (Some(process), Some(host)) = (process, host) {
            let what = what(host);
            process.spawn(async move {
                if let Err(error) = what.await {
                    tracing::debug!(error = format!("{error:#}"), "not done");
                }
            });
        }
    }

    /// Has it give its zones away, or take some again.
    pub(crate) fn drain(&self, draining: bool) {
        if let Some(host) = &*self.machine.running.lock().expect("the simulation has one thread") {
            host.drain(draining);
        }
    }
}

/// A machine with a gateway.
pub(crate) struct GatewayMachine {
    /// The machine; each start adds a number to its name to make the gateway's id.
    pub(crate) machine: Machine<Gateway>,
    world: Arc<World>,
    rng: ChaCha8Rng,
    starts: u32,
}

impl GatewayMachine {
    /// It starts at once.
    pub(crate) fn new(name: String, world: Arc<World>, clock: Clock, seed: u64) -> Self {
        Self { machine: Machine::new(name, clock), world, rng: ChaCha8Rng::seed_from_u64(seed), starts: 0 }
    }

    /// Starts it when it is time to. How it had ended, when it has.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn look_after(&mut self, now: Duration, simulation: &Simulation) -> std::io::Result<Option<String>> {
        let ended = self.machine.look_after(now);
        if self.machine.is_due(now) {
            self.start(simulation)?;
        }
        Ok(ended)
    }

    fn start(&mut self, simulation: &Simulation) -> std::io::Result<()> {
        self.starts += 1;
        let config = Config {
            gateway: GatewayId::from(format!("{}-{}", self.machine.name, self.starts)),
            region: String::new(),
            world: self.world.clone(),
            allow_guests: true,
            max_connections: 100,
        };
        let mut rng = ChaCha8Rng::from_rng(&mut self.rng);
        let seeds = move || Seeds { session: rng.next_u64(), nonce: rng.next_u64(), token: rng.random() };
        let backplane = simulation.connect(&self.machine.name);
        self.machine.start(|gateway, ended| async move {
            match Gateway::start(config, backplane, seeds).await {
                Ok(running) => put(&gateway, running),
                Err(error) => put(&ended, format!("{error:#}")),
            }
        })
    }

    /// SIGTERM: it sends its clients elsewhere and ends.
    pub(crate) fn terminate(&mut self) {
        if let (Some(gateway), Some(process)) = (take(&self.machine.running), &self.machine.process) {
            let ended = self.machine.ended.clone();
            process.spawn(async move {
                let stopped = gateway.stop().await;
                put(&ended, stopped.map_or_else(|error| format!("{error:#}"), |()| "stopped".to_owned()));
            });
        }
    }

    /// Opens a connection; none: nobody listens.
    pub(crate) fn connect(&self, encoding: Encoding) -> Option<Connection> {
        self.machine.running.lock().expect("the simulation has one thread").as_mut()?.connect(encoding)
    }
}

fn put<T>(said: &Said<T>, what: T) {
    *said.lock().expect("the simulation has one thread") = Some(what);
}

fn take<T>(said: &Said<T>) -> Option<T> {
    said.lock().expect("the simulation has one thread").take()
}
