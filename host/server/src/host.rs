//! What all parts of a host share: its zones' doors, who owns which zone, what operators wait for and should know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use wod_backplane::Backplane;
use wod_protocol::ids::{Digest, ZoneNo};
use wod_protocol::limits::TICKS_AWAITING_JOURNAL;
use wod_protocol::registry::{HostLoad, Owner, ZoneBeat, ZoneLoad};
use wod_sim::io::{Input, StoreRequest};
use wod_sim::module::Fault;

use crate::config::{HostConfig, STORE_CONCURRENCY, TRIALS};
use crate::follower::Source;
use crate::logs::ZoneLogs;
use crate::migration::Departures;
use crate::modules::ModuleStore;
use crate::notice::Notices;
use crate::port::ZonePort;
use crate::postman::Postman;
use crate::runner::Replaced;
use crate::seats::Seated;
use crate::threads::Threads;

/// How long a zone's trouble is shown after it was last seen.
const TROUBLE_SHOWN: Duration = Duration::from_secs(600);
/// How long a zone stays where an operator has moved it, however uneven loads are.
const LEFT_ALONE: Duration = Duration::from_secs(600);
/// More inputs than this waiting for one tick mean that the zone does not keep up.
const WAITING_INPUTS: u32 = 4096;
/// A worker looks at each zone at least once a second.
const UNATTENDED: Duration = Duration::from_secs(3);
/// Troubles shown for one zone; the newest are kept.
const TROUBLES_PER_ZONE: usize = 8;

pub(crate) struct Host {
    pub(crate) config: HostConfig,
    pub(crate) backplane: Backplane,
    pub(crate) modules: ModuleStore,
    pub(crate) postman: Postman,
    pub(crate) directory: Directory,
    pub(crate) operators: Operators,
    pub(crate) troubles: Troubles,
    pub(crate) logs: ZoneLogs,
    pub(crate) notices: Notices,
    pub(crate) threads: Threads,
    /// The longest that a message has waited in the inbox since the last heartbeat, ms.
    pub(crate) inbox_lag: AtomicU32,
    /// All zones of the world.
    pub(crate) zones: Vec<ZoneNo>,
    /// Zones tick at whole periods from here on.
    pub(crate) beat: Instant,
    /// It takes no zones and gives away what it has.
    draining: AtomicBool,
    /// Zones that an operator has moved here, and when.
    left_alone: Mutex<BTreeMap<ZoneNo, Instant>>,
    /// Migrations from here that are under way.
    pub(crate) departures: Departures,
    ports: RwLock<BTreeMap<ZoneNo, Arc<ZonePort>>>,
    /// Store requests under way, so that a zone's repeat is not a second one.
    requests: Mutex<BTreeSet<(ZoneNo, u64)>>,
    store_slots: Arc<Semaphore>,
    /// Copies of zones in which other versions are tried.
    pub(crate) trials: Semaphore,
}

impl Host {
    pub(crate) fn new(
        config: HostConfig,
        backplane: Backplane,
        modules: ModuleStore,
        notices: Notices,
        threads: Threads,
    ) -> Self {
        Self {
            zones: config.world.zones.iter().map(|zone| zone.number).collect(),
            beat: Instant::now(),
            inbox_lag: AtomicU32::new(0),
            draining: AtomicBool::new(false),
            left_alone: Mutex::default(),
            departures: Departures::default(),
            threads,
            config,
            backplane,
            modules,
            postman: Postman::new(),
            directory: Directory::default(),
            operators: Operators::default(),
            troubles: Troubles::default(),
            logs: ZoneLogs::new(u64::from(rand::random::<u32>())),
            notices,
            ports: RwLock::default(),
            requests: Mutex::default(),
            store_slots: Arc::new(Semaphore::new(STORE_CONCURRENCY)),
            trials: Semaphore::new(TRIALS),
        }
    }

    /// Where copies of zones read.
    pub(crate) fn source(&self) -> Source {
        Source {
            backplane: self.backplane.clone(),
            modules: self.modules.clone(),
            world: self.config.world.clone(),
            threads: self.threads.clone(),
        }
    }

    pub(crate) fn port(&self, zone: ZoneNo) -> Option<Arc<ZonePort>> {
        self.ports.read().get(&zone).cloned()
    }

    pub(crate) fn ports(&self) -> Vec<Arc<ZonePort>> {
        self.ports.read().values().cloned().collect()
    }

    pub(crate) fn add(&self, port: Arc<ZonePort>) {
        let mut ports = self.ports.write();
        ports.insert(port.zone, port);
        metrics::gauge!("wod_zones").set(ports.len() as f64);
    }

    /// The zone is not ours any more.
    pub(crate) fn forget(&self, port: &Arc<ZonePort>) {
        port.close();
        let mut ports = self.ports.write();
        if ports.get(&port.zone).is_some_and(|current| Arc::ptr_eq(current, port)) {
            ports.remove(&port.zone);
            metrics::gauge!("wod_zones").set(ports.len() as f64);
            self.operators.let_go(port.zone);
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Relaxed);
    }

    /// An operator has moved the zone here: loads don't move it on for a while.
    pub(crate) fn leave_alone(&self, zone: ZoneNo) {
        self.left_alone.lock().insert(zone, Instant::now());
    }

    pub(crate) fn is_left_alone(&self, zone: ZoneNo) -> bool {
        self.left_alone.lock().get(&zone).is_some_and(|since| since.elapsed() < LEFT_ALONE)
    }

    /// Load of each worker, per mille of its time.
    pub(crate) fn worker_loads(&self) -> Vec<u32> {
        let mut loads = vec![0; self.config.workers];
        for port in self.ports() {
            if let (Some(load), Some(zone)) = (loads.get_mut(port.seat()), port.status(|beat| beat.load)) {
                *load += zone;
            }
        }
        loads
    }

    /// Which worker every zone is on, and how busy it keeps it.
    pub(crate) fn seated(&self) -> Vec<Seated> {
        let seated = |port: &Arc<ZonePort>| Seated {
            zone: port.zone,
            seat: port.seat(),
            load: port.status(|beat| beat.load).unwrap_or(0),
        };
        self.ports.read().values().map(seated).collect()
    }

    /// How busy this host is.
    pub(crate) fn load(&self) -> HostLoad {
        let load = |beat: &ZoneBeat| {
            let load = ZoneLoad { zone: beat.zone, load: beat.load, players: beat.players.len() as u32 };
            (load, beat.module)
        };
        let (zones, modules): (Vec<ZoneLoad>, BTreeSet<Option<Digest>>) =
            self.ports().iter().filter_map(|port| port.status(load)).unzip();
        HostLoad {
            host: self.config.host.clone(),
            region: self.config.region.clone(),
            workers: self.config.workers as u32,
            draining: self.is_draining(),
            zones,
            modules: modules.into_iter().flatten().collect(),
        }
    }

    pub(crate) fn beats(&self) -> Vec<ZoneBeat> {
        let beat = |port: &Arc<ZonePort>| {
            let mut beat = port.status(ZoneBeat::clone)?;
            beat.waiting = port.waiting() as u32;
            beat.trouble.extend(sickness(port, &beat));
            beat.trouble.extend(self.troubles.of(beat.zone));
            Some(beat)
        };
        self.ports().iter().filter_map(beat).collect()
    }

    /// Carries out a zone's wish of the store; the answer is an input of the zone. What fails is repeated by the zone.
    pub(crate) fn carry_out(self: Arc<Self>, port: Arc<ZonePort>, request: u64, wish: StoreRequest) {
        if !self.requests.lock().insert((port.zone, request)) {
            return;
        }
        tokio::spawn(async move {
            let answer = match self.store_slots.acquire().await {
                Ok(_slot) => crate::store::execute(&self.backplane, port.zone, wish).await,
                Err(_) => return,
            };
            self.requests.lock().remove(&(port.zone, request));
            match answer {
                Ok(answer) => {
                    port.push(Input::Store { request, answer });
                }
                Err(error) => {
                    tracing::warn!(zone = %port.zone, request, %error, "a store request failed; it is repeated")
                }
            }
        });
    }
}

/// What is wrong with how a zone is served: what comes in, its ticks, what goes out, each by itself. Whether its frames arrive,
/// gateways tell ([`wod_protocol::registry::GatewayBeat::silent`]).
fn sickness(port: &ZonePort, beat: &ZoneBeat) -> Vec<String> {
    let unattended = port.unattended();
    let inbound = (beat.waiting > WAITING_INPUTS).then(|| format!("{} inputs wait for its next tick", beat.waiting));
    let ticks = (unattended > UNATTENDED)
        .then(|| format!("its worker has not looked at it for {:.0} s", unattended.as_secs_f64()));
    let outbound = (beat.uncommitted as usize >= TICKS_AWAITING_JOURNAL)
        .then(|| format!("stands still: {} ticks wait for the journal", beat.uncommitted));
    [inbound, ticks, outbound].into_iter().flatten().collect()
}

/// Who owns which zone, and how busy hosts are, as of the last look at the store.
#[derive(Default)]
pub(crate) struct Directory {
    owners: RwLock<BTreeMap<ZoneNo, Owner>>,
    /// Of each zone that ever had one, the owner with the highest epoch: the store may forget it.
    last: RwLock<BTreeMap<ZoneNo, Owner>>,
    hosts: RwLock<Vec<HostLoad>>,
}

impl Directory {
    pub(crate) fn owner(&self, zone: ZoneNo) -> Option<Owner> {
        self.owners.read().get(&zone).cloned()
    }

    pub(crate) fn hosts(&self) -> Vec<HostLoad> {
        self.hosts.read().clone()
    }

    /// The owner with the highest epoch ever seen.
    pub(crate) fn last_owner(&self, zone: ZoneNo) -> Option<Owner> {
        self.last.read().get(&zone).cloned()
    }

    pub(crate) fn replace(&self, owners: BTreeMap<ZoneNo, Owner>, hosts: Vec<HostLoad>) {
        owners.iter().for_each(|(zone, owner)| self.remember(*zone, owner));
        *self.owners.write() = owners;
        *self.hosts.write() = hosts;
    }

    /// We have just given the zone away.
    pub(crate) fn set_owner(&self, zone: ZoneNo, owner: Owner) {
        self.remember(zone, &owner);
        self.owners.write().insert(zone, owner);
    }

    fn remember(&self, zone: ZoneNo, owner: &Owner) {
        let mut last = self.last.write();
        let known = last.entry(zone).or_insert_with(|| owner.clone());
        if known.epoch <= owner.epoch {
            known.clone_from(owner);
        }
    }
}

/// Operators who wait for a zone's answer.
pub(crate) struct Operators {
    next_request: AtomicU64,
    questions: Mutex<BTreeMap<u64, Question>>,
    swaps: Mutex<Vec<AwaitedSwap>>,
}

/// An operator who waits for an answer.
struct Question {
    zone: ZoneNo,
    answer_tx: oneshot::Sender<Result<String, String>>,
}

/// An operator who waits for a swap.
struct AwaitedSwap {
    zone: ZoneNo,
    input: Input,
    done_tx: oneshot::Sender<Result<Replaced, Fault>>,
}

impl Default for Operators {
    fn default() -> Self {
        // Zones keep open questions over a restart: numbers of another life must not come again.
        let next_request = AtomicU64::new(u64::from(rand::random::<u32>()) << 20);
        Self { next_request, questions: Mutex::default(), swaps: Mutex::default() }
    }
}

impl Operators {
    /// A new question's number, and where its answer will come.
    pub(crate) fn ask(&self, zone: ZoneNo) -> (u64, oneshot::Receiver<Result<String, String>>) {
        let (answer_tx, answer_rx) = oneshot::channel();
        let request = self.next_request.fetch_add(1, Ordering::Relaxed);
        let mut questions = self.questions.lock();
        questions.retain(|_, question| !question.answer_tx.is_closed());
        questions.insert(request, Question { zone, answer_tx });
        (request, answer_rx)
    }

    pub(crate) fn answer(&self, request: u64, answer: Result<String, String>) {
        if let Some(waiting) = self.questions.lock().remove(&request)
            && waiting.answer_tx.send(answer).is_err()
        {
            tracing::debug!(request, "the operator had gone when the answer came");
        }
    }

    /// The zone is not ours any more: whoever waits for it hears so.
    fn let_go(&self, zone: ZoneNo) {
        self.swaps.lock().retain(|swap| swap.zone != zone);
        self.questions.lock().retain(|_, question| question.zone != zone);
    }

    /// Where the result of this input, which replaces the module, will come.
    pub(crate) fn await_replacement(&self, zone: ZoneNo, input: Input) -> oneshot::Receiver<Result<Replaced, Fault>> {
        let (done_tx, done_rx) = oneshot::channel();
        let mut swaps = self.swaps.lock();
        swaps.retain(|swap| !swap.done_tx.is_closed());
        swaps.push(AwaitedSwap { zone, input, done_tx });
        done_rx
    }

    pub(crate) fn replaced(&self, zone: ZoneNo, input: &Input, result: Result<Replaced, Fault>) {
        let mut swaps = self.swaps.lock();
        let found = swaps.iter().position(|swap| swap.zone == zone && swap.input == *input);
        if let Some(index) = found
            && swaps.swap_remove(index).done_tx.send(result).is_err()
        {
            tracing::debug!(%zone, "the operator had gone when the swap was done");
        }
    }
}

/// What is, or lately was, wrong with zones.
#[derive(Default)]
pub(crate) struct Troubles {
    seen: Mutex<BTreeMap<ZoneNo, Vec<(Instant, String)>>>,
}

impl Troubles {
    pub(crate) fn add(&self, zone: ZoneNo, text: String) {
        let mut seen = self.seen.lock();
        let troubles = seen.entry(zone).or_default();
        troubles.retain(|(_, known)| *known != text);
        if troubles.len() == TROUBLES_PER_ZONE {
            troubles.remove(0);
        }
        troubles.push((Instant::now(), text));
    }

    /// A module that was replaced takes its troubles with it.
    pub(crate) fn clear(&self, zone: ZoneNo) {
        self.seen.lock().remove(&zone);
    }

    fn of(&self, zone: ZoneNo) -> Vec<String> {
        let mut seen = self.seen.lock();
        let Some(troubles) = seen.get_mut(&zone) else { return Vec::new() };
        troubles.retain(|(at, _)| at.elapsed() < TROUBLE_SHOWN);
        troubles.iter().map(|(_, text)| text.clone()).collect()
    }
}
