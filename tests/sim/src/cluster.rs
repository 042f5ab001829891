//! All of the simulated world: machines, store, players, checks, and the one clock.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use wod_backplane::simulated::{Simulation, Weather};
use wod_gateway::testing::Connection;
use wod_protocol::bus::{Envelope, Part};
use wod_protocol::client::Encoding;
use wod_protocol::world::World;

use crate::check::Checks;
use crate::faults::{Act, GATEWAYS, HOSTS};
use crate::machines::{GatewayMachine, HostMachine, HostSettings};
use crate::market::{Conduct, Version};
use crate::player::{Doors, Orders, Player};
use crate::process::Clock;
use crate::tamper;
use crate::trace::Trace;
use crate::world::world;
use crate::{Planted, STEP};

/// Everything there is.
pub(crate) struct Cluster {
    now: Duration,
    rng: ChaCha8Rng,
    trace: Trace,
    world: Arc<World>,
    simulation: Simulation,
    hosts: Vec<HostMachine>,
    gateways: Gateways,
    players: Vec<Player>,
    orders: Orders,
    checks: Checks,
    planted: Option<Planted>,
}

/// The gateways, as players see them.
struct Gateways(Vec<GatewayMachine>);

impl Doors for Gateways {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn connect(&mut self, gateway: usize, encoding: Encoding) -> Option<Connection> {
        self.0[gateway].connect(encoding)
    }

    fn is_stopped(&self, gateway: usize) -> bool {
        self.0[gateway].machine.is_stopped()
    }
}

impl Cluster {
    /// At time zero: nothing runs yet.
    pub(crate) fn new(rng: &mut ChaCha8Rng, trace: Trace, planted: Option<Planted>) -> Self {
        let world = world();
        let simulation = Simulation::new(rng.random());
        if let Some(Planted::Store(bug)) = planted {
            simulation.plant(bug);
        }
        let noted = trace.clone();
        simulation.observe(Box::new(move |observed| {
            noted.note(observed.at, observed.process, format_args!("{}: {}", observed.operation, observed.detail));
            if let Some(message) = observed.message {
                noted.show(|| Envelope::decode(message).map_or_else(|error| error.to_string(), |it| tell(&it)));
            }
        }));
        let conduct = match planted {
            Some(Planted::CoinDoubled) => Conduct::DoublesCoins,
            Some(Planted::CommandIgnored) => Conduct::PassesOver,
            Some(Planted::CommandRepeated) => Conduct::RepeatsDeeds,
            Some(Planted::StateForgotten) => Conduct::ForgetsTheBox,
            _ => Conduct::Sound,
        };
        if let Some(planted) = planted {
            tamper::begin(&simulation, planted);
        }
        let replay_entries = rng.random_range(30..300);
        let mut host = |index: usize| {
            let region = if index < 2 { "ny" } else { "la" };
            let settings = HostSettings { region, world: world.clone(), replay_entries, conduct };
            HostMachine::new(format!("host{index}"), settings, Clock::draw(rng))
        };
        let hosts = (0..HOSTS).map(&mut host).collect();
        let gateways = (0..GATEWAYS)
            .map(|index| GatewayMachine::new(format!("gate{index}"), world.clone(), Clock::draw(rng), rng.random()))
            .collect();
        let count = rng.random_range(6..=8);
        let names: Vec<String> = (0..count).map(|index| format!("player{index}")).collect();
        let players = names.iter().map(|name| {
            let encoding = if rng.random_bool(0.5) { Encoding::Json } else { Encoding::MessagePack };
            let mut player = Player::new(name.clone(), rng.random(), encoding, world.clone(), trace.clone(), planted);
            player.set_friends(names.iter().filter(|other| *other != name).cloned().collect());
            player
        });
        Self {
            now: Duration::ZERO,
            players: players.collect(),
            rng: ChaCha8Rng::from_rng(rng),
            trace: trace.clone(),
            checks: Checks::new(simulation.clone(), trace.clone(), world.clone(), conduct),
            world,
            simulation,
            hosts,
            gateways: Gateways(gateways),
            orders: Orders::default(),
            planted,
        }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// A step of everything.
    pub(crate) fn step(&mut self) {
        self.look_after();
        let mut order: Vec<usize> = (0..HOSTS + GATEWAYS).collect();
        order.shuffle(&mut self.rng);
        for index in order {
            let process = match index.checked_sub(HOSTS) {
                None => self.hosts[index].machine.process(),
                Some(gateway) => self.gateways.0[gateway].machine.process(),
            };
            if let Some(process) = process {
                process.step(STEP);
            }
        }
        self.now += STEP;
        self.trace.set_now(self.now);
        self.simulation.advance(self.now);
        for player in &mut self.players {
            player.step(self.now, &mut self.gateways, self.orders);
        }
    }

    fn look_after(&mut self) {
        for host in &mut self.hosts {
            match host.look_after(self.now, &self.simulation) {
                Ok(Some(how)) => self.trace.note(self.now, &host.machine.name, format_args!("ended: {how}")),
                Ok(None) => {}
                Err(error) => self.checks.faults.push(format!("no runtime: {error}")),
            }
        }
        for (index, gateway) in self.gateways.0.iter_mut().enumerate() {
            match gateway.look_after(self.now, &self.simulation) {
                Ok(Some(how)) => {
                    self.trace.note(self.now, &gateway.machine.name, format_args!("ended: {how}"));
                    self.players.iter_mut().for_each(|player| player.break_link(self.now, Some(index)));
                }
                Ok(None) => {}
                Err(error) => self.checks.faults.push(format!("no runtime: {error}")),
            }
        }
    }

    /// Lets something happen.
    pub(crate) fn perform(&mut self, act: Act) {
        self.trace.note(self.now, "", format_args!("{act:?}"));
        match act {
            Act::KillHost(host, mut down) => {
                if self.planted == Some(Planted::HostsStayDead) {
                    down = Duration::from_secs(100_000);
                }
                self.hosts[host].machine.kill(self.now, down);
            }
            Act::KillGateway(gateway, down) => {
                self.gateways.0[gateway].machine.kill(self.now, down);
                self.players.iter_mut().for_each(|player| player.break_link(self.now, Some(gateway)));
            }
            Act::TerminateHost(host) => self.hosts[host].terminate(),
            Act::TerminateGateway(gateway) => self.gateways.0[gateway].terminate(),
            Act::StopHost(host) => stop(self.hosts[host].machine.process()),
            Act::ContinueHost(host) => go_on(self.hosts[host].machine.process()),
            Act::StopGateway(gateway) => stop(self.gateways.0[gateway].machine.process()),
            Act::ContinueGateway(gateway) => go_on(self.gateways.0[gateway].machine.process()),
            Act::CutHost(host, cut) => self.simulation.cut(&self.hosts[host].machine.name, cut),
            Act::CutGateway(gateway, cut) => self.simulation.cut(&self.gateways.0[gateway].machine.name, cut),
            Act::StoreAway => self.simulation.go_away(),
            Act::StoreBack(restarted) => self.simulation.come_back(restarted),
            Act::ReplicaLags => self.simulation.begin_lagging(),
            Act::FailOver => self.fail_over(),
            Act::Weather(weather) => self.simulation.set_weather(weather),
            Act::Migrate(zone, to) => {
                let (zone, to) = (self.world.zones[zone].number, self.hosts[to].machine.name.clone());
                self.hosts.iter().for_each(|host| host.migrate(zone, &to));
            }
            Act::Drain(host, draining) => self.hosts[host].drain(draining),
            Act::Swap(zone, version, probation) => {
                let zone = self.world.zones[zone].number;
                self.hosts.iter().for_each(|host| host.swap(zone, version, probation));
            }
        }
    }

    fn fail_over(&mut self) {
        if self.simulation.is_lagging() {
            self.orders.history_lost = true;
            self.checks.history_will_be_lost();
        }
        self.simulation.fail_over();
    }

    /// Nothing goes wrong any more, and everybody stands still.
    pub(crate) fn mend(&mut self) {
        self.trace.note(self.now, "", format_args!("everything is mended"));
        self.simulation.come_back(false);
        self.simulation.set_weather(Weather::fair());
        for host in &mut self.hosts {
            self.simulation.cut(&host.machine.name, false);
            go_on(host.machine.process());
            host.drain(false);
        }
        for gateway in &mut self.gateways.0 {
            self.simulation.cut(&gateway.machine.name, false);
            go_on(gateway.machine.process());
        }
        // What fails now and then is replaced.
        for zone in &self.world.zones {
            self.hosts.iter().for_each(|host| host.swap(zone.number, Version::One, 0));
        }
        self.orders.quiet = true;
    }

    /// The checks of what holds at any time.
    pub(crate) fn check_along(&mut self) {
        self.checks.along();
    }

    /// What is not yet as it must be once all is quiet.
    pub(crate) fn unrest(&self) -> Vec<String> {
        if self.players.iter().all(Player::is_settled) { self.checks.at_rest(&self.players) } else { self.describe() }
    }

    /// Whether anything did not hold.
    pub(crate) fn has_faults(&self) -> bool {
        !self.checks.faults.is_empty() || self.players.iter().any(|player| !player.faults.is_empty())
    }

    /// What did not hold.
    pub(crate) fn faults(&self) -> Vec<String> {
        let players = self.players.iter().flat_map(|player| &player.faults);
        self.checks.faults.iter().chain(players).cloned().collect()
    }

    /// For people: how everybody stands, when it does not become quiet.
    fn describe(&self) -> Vec<String> {
        let mut lines = vec![format!("at {:?} it is still not quiet", self.now)];
        lines.extend(self.world.zones.iter().map(|zone| {
            let owner = self.simulation.owner(zone.number);
            format!("{} is {}", zone.name, owner.map_or("nobody's".to_owned(), |owner| format!("{}'s", owner.host)))
        }));
        lines.extend(self.players.iter().filter(|player| !player.is_settled()).map(Player::describe));
        lines
    }
}

/// For people: what an envelope holds, without what is empty.
fn tell(envelope: &Envelope) -> String {
    let part = |part: &Part| match part {
        Part::Frame(frame) => {
            let mut text =
                format!("frame of {} epoch {} seq {} tick {}", frame.zone, frame.epoch, frame.seq, frame.tick);
            let mut add = |name: &str, list: &dyn std::fmt::Debug, empty: bool| {
                if !empty {
                    text += &format!(" {name} {list:?}");
                }
            };
            add("attached", &frame.attached, frame.attached.is_empty());
            add("refused", &frame.refused, frame.refused.is_empty());
            add("rosters", &frame.rosters, frame.rosters.is_empty());
            add("messages", &frame.messages, frame.messages.is_empty());
            add("acks", &frame.acks, frame.acks.is_empty());
            add("gone", &frame.gone, frame.gone.is_empty());
            text
        }
        other => format!("{other:?}"),
    };
    envelope.parts.iter().map(part).collect::<Vec<_>>().join("; ")
}

fn stop(process: Option<&mut crate::process::Process>) {
    if let Some(process) = process {
        process.stop();
    }
}

fn go_on(process: Option<&mut crate::process::Process>) {
    if let Some(process) = process {
        process.go_on();
    }
}
