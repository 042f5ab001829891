//! One process of bots: its phases, what its bots share, and its report.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use wod_protocol::client::ZoneInfo;
use wod_protocol::map::Map;

use super::atlas::{Atlas, Home};
use super::bot::{Bot, Out, Phase, Scene, Task};
use super::checks::{Fault, FaultKind};
use super::client::{self, Gateway};
use super::clock::Clock;
use super::ground::Ground;
use super::report::{Counters, Report};
use crate::commands::ticket::Signer;
use crate::output;

/// Bots that find out what leads where: those that cross, at least and at most so many.
const SCOUTS: std::ops::RangeInclusive<usize> = 4..=16;
/// How often the phases look at the bots.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is said how the settling goes.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How long bots may take to get their last acks.
const DRAIN: Duration = Duration::from_secs(15);
/// How long bots may take to hand in what they have counted: each does so with its next step, if it has a connection.
const HAND_IN: Duration = Duration::from_secs(5);
/// Zones whose maps wait to be fetched.
const MAPS_WAITING: usize = 64;

/// What a process of bots is to do.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Bots start at these in turn, and come back at the next.
    pub(crate) gateways: Vec<Gateway>,
    /// Bots of this process.
    pub(crate) count: usize,
    /// Number of its first bot, of the run's.
    pub(crate) first: usize,
    /// What every bot's name begins with, in this run alone.
    pub(crate) prefix: String,
    /// Zero of the run's clock, µs since 1970.
    pub(crate) epoch_us: u64,
    /// How long to measure.
    pub(crate) measure: Duration,
    /// The longest time to join, look about and walk home.
    pub(crate) settle: Duration,
    /// Joins a second.
    pub(crate) join_rate: f64,
    /// Moves a second and bot.
    pub(crate) move_rate: f64,
    /// Lines a second and bot.
    pub(crate) chat_rate: f64,
    /// Verbs and answers in dialogues a second and bot.
    pub(crate) verb_rate: f64,
    /// Whether the zones' modules say of each that it took effect.
    pub(crate) effects: bool,
    /// Share of the bots that go from zone to zone.
    pub(crate) cross: f64,
    /// Bots in a cluster, who stay together.
    pub(crate) cluster: usize,
    /// Metres between the middles of clusters.
    pub(crate) spacing: f64,
    /// Come back after a lost connection.
    pub(crate) reconnect: bool,
    /// The world may lose what its store has lost.
    pub(crate) may_be_set_back: bool,
    /// Signs logins; none: guests.
    pub(crate) signer: Option<Arc<Signer>>,
    /// Say on standard error how it goes.
    pub(crate) talk: bool,
}

/// Runs the bots. Ends early, with a report, on Ctrl-C.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<Report> {
    let (map_wanted_tx, map_wanted_rx) = mpsc::channel(MAPS_WAITING);
    let shared = Arc::new(Shared::new(plan, map_wanted_tx));
    let mut helpers = JoinSet::new();
    helpers.spawn(fetch_maps(shared.clone(), map_wanted_rx));
    helpers.spawn(listen_for_ctrl_c(shared.clone()));
    let mut bots = JoinSet::new();
    let mut lap = signal(SignalKind::user_defined1()).context("can't listen for SIGUSR1")?;
    shared.settle(&mut bots, &mut lap).await?;
    shared.measure(&mut lap).await?;
    shared.drain().await;
    while let Some(ended) = bots.join_next().await {
        ended.context("a bot's task failed")?;
    }
    helpers.shutdown().await;
    Ok(std::mem::take(&mut *shared.report()))
}

/// What the bots of a process share.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) clock: Clock,
    pub(super) atlas: Atlas,
    phase: AtomicU8,
    /// For clusters in turn; grows while the world becomes known.
    homes: RwLock<Arc<[Home]>>,
    /// Zones that `homes` was made of.
    homes_of: AtomicUsize,
    /// By bot: [`IN`], [`SETTLED`], [`OWES`], [`SCOUTING`].
    states: Vec<AtomicU8>,
    /// The lap that is on, and by bot: the one in which it last handed in what it had counted.
    lap: AtomicU64,
    laps: Vec<AtomicU64>,
    over: CancellationToken,
    hurry: CancellationToken,
    interrupted: AtomicBool,
    measured_updates: AtomicU64,
    measured_positions: AtomicU64,
    report: Mutex<Report>,
    connect_error: Mutex<Option<String>>,
    map_wanted_tx: mpsc::Sender<ZoneInfo>,
}

const IN: u8 = 1;
const SETTLED: u8 = 2;
const OWES: u8 = 4;
const SCOUTING: u8 = 8;

impl Shared {
    fn new(plan: Plan, map_wanted_tx: mpsc::Sender<ZoneInfo>) -> Self {
        Self {
            clock: Clock::since(plan.epoch_us),
            atlas: Atlas::default(),
            phase: AtomicU8::new(0),
            homes: RwLock::new(Arc::new([])),
            homes_of: AtomicUsize::new(0),
            states: (0..plan.count).map(|_| AtomicU8::new(0)).collect(),
            lap: AtomicU64::new(0),
            laps: (0..plan.count).map(|_| AtomicU64::new(0)).collect(),
            over: CancellationToken::new(),
            hurry: CancellationToken::new(),
            interrupted: AtomicBool::new(false),
            measured_updates: AtomicU64::new(0),
            measured_positions: AtomicU64::new(0),
            report: Mutex::new(Report { bots: plan.count, ..Report::default() }),
            connect_error: Mutex::default(),
            map_wanted_tx,
            plan,
        }
    }

    /// Everybody joins, the scouts look about, everybody walks home; SIGUSR1: that is enough.
    async fn settle(self: &Arc<Self>, bots: &mut JoinSet<()>, enough: &mut Signal) -> anyhow::Result<()> {
        let begin = Instant::now();
        let deadline = begin + self.plan.settle;
        let mut joins = interval(Duration::from_secs_f64(1.0 / self.plan.join_rate.max(0.1)));
        joins.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for index in 0..self.plan.count {
            tokio::select! {
                _ = joins.tick() => {}
                () = self.hurry.cancelled() => return Ok(()),
            }
            let bot = Bot::new(self.task(index)?, self.clock.now());
            let shared = self.clone();
            bots.spawn(async move { client::live(bot, &shared, index).await });
        }
        self.wait(deadline, enough, |shared| {
            shared.settle_what_is_known();
            // Scouts may be far from home when there is nothing left to find; nobody waits for their way back.
            let is_ready = |state: &AtomicU8| state.load(Ordering::Relaxed) & (SETTLED | SCOUTING) != 0;
            shared.atlas.is_known() && shared.states.iter().all(is_ready)
        })
        .await;
        let mut report = self.report();
        report.settling_seconds = begin.elapsed().as_secs_f64();
        report.settled = self.count_of(SETTLED);
        report.zones = self.atlas.zones();
        let homes = self.homes().len();
        report.clusters = homes.min(self.plan.count.div_ceil(self.plan.cluster));
        if self.count_of(IN) == 0 && !self.was_interrupted() {
            let why = self.connect_error.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.over.cancel();
            anyhow::bail!("no bot got in: {}", why.unwrap_or_else(|| "the gateway admitted nobody".into()));
        }
        Ok(())
    }

    /// SIGUSR1 ends a lap: what was found in it is written down as a line of JSON, and counting begins anew.
    async fn measure(&self, lap: &mut Signal) -> anyhow::Result<()> {
        self.set_phase(Phase::Measuring);
        let begin = Instant::now();
        self.say(format_args!("measuring for {} s", self.plan.measure.as_secs_f64()));
        let end = sleep(self.plan.measure);
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = self.hurry.cancelled() => break,
                () = &mut end => break,
                Some(()) = lap.recv() => self.end_lap().await?,
            }
        }
        let mut report = self.report();
        report.seconds = begin.elapsed().as_secs_f64();
        report.measured_updates = self.measured_updates.load(Ordering::Relaxed);
        report.measured_positions = self.measured_positions.load(Ordering::Relaxed);
        Ok(())
    }

    async fn end_lap(&self) -> anyhow::Result<()> {
        let lap = self.lap.fetch_add(1, Ordering::AcqRel) + 1;
        let deadline = Instant::now() + HAND_IN;
        while self.laps.iter().any(|of| of.load(Ordering::Acquire) < lap) && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        let mut report = self.report();
        output::line(serde_json::to_string(&report.json()).context("can't write the lap")?);
        report.begin_lap();
        Ok(())
    }

    /// Hands in what a bot has counted, once a lap.
    pub(super) fn hand_in(&self, index: usize, bot: &mut Bot) {
        let lap = self.lap.load(Ordering::Acquire);
        if self.laps[index].load(Ordering::Relaxed) < lap {
            self.count(&std::mem::take(&mut bot.counters));
            self.laps[index].store(lap, Ordering::Release);
        }
    }

    /// Silence, until every command is acked and every own line heard.
    async fn drain(&self) {
        self.set_phase(Phase::Draining);
        let deadline = Instant::now() + DRAIN;
        while Instant::now() < deadline && !self.over.is_cancelled() {
            sleep(LOOK).await;
            if self.count_of(OWES) == 0 && self.count_of(IN) == self.plan.count {
                break;
            }
        }
        self.over.cancel();
    }

    /// Gives every cluster a home when another zone has become known.
    fn settle_what_is_known(&self) {
        let surveyed = self.atlas.surveyed();
        if self.homes_of.swap(surveyed, Ordering::Relaxed) != surveyed {
            let homes = self.atlas.homes(self.plan.spacing).into();
            *self.homes.write().unwrap_or_else(PoisonError::into_inner) = homes;
        }
    }

    fn homes(&self) -> Arc<[Home]> {
        self.homes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn wait(&self, deadline: Instant, enough: &mut Signal, done: impl Fn(&Self) -> bool) {
        let mut said = Instant::now();
        while !done(self) && Instant::now() < deadline && !self.hurry.is_cancelled() {
            tokio::select! {
                biased;
                () = self.hurry.cancelled() => {}
                Some(()) = enough.recv() => return,
                () = sleep(LOOK) => {}
            }
            if said.elapsed() >= SAY_EVERY {
                said = Instant::now();
                let [inside, settled] = [IN, SETTLED].map(|flag| self.count_of(flag));
                let zones = self.atlas.surveyed();
                let count = self.plan.count;
                self.say(format_args!("settling: {inside} of {count} in, {zones} zone(s) found, {settled} at home"));
            }
        }
    }

    fn task(&self, index: usize) -> anyhow::Result<Task> {
        let plan = &self.plan;
        let name = format!("{}x{}", plan.prefix, plan.first + index);
        let ticket = plan.signer.as_ref().map(|signer| signer.sign(&name, &name, Duration::from_secs(24 * 3600)));
        // Spread evenly, so that no cluster is emptied.
        let crossing_before = |index: usize| (index as f64 * plan.cross).floor() as usize;
        let crosses = crossing_before(index + 1) > crossing_before(index);
        let scouts = index < *SCOUTS.start() || (crosses && crossing_before(index) < *SCOUTS.end());
        Ok(Task {
            index: plan.first + index,
            prefix: plan.prefix.clone(),
            ticket: ticket.transpose()?,
            move_rate: plan.move_rate,
            chat_rate: plan.chat_rate,
            verb_rate: plan.verb_rate,
            effects: plan.effects,
            crosses,
            scouts,
        })
    }

    fn count_of(&self, flag: u8) -> usize {
        self.states.iter().filter(|state| state.load(Ordering::Relaxed) & flag != 0).count()
    }

    fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        // Only counts are in it: good enough after any panic.
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, text: std::fmt::Arguments<'_>) {
        if self.plan.talk {
            eprintln!("bots: {text}");
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Settling,
            1 => Phase::Measuring,
            _ => Phase::Draining,
        }
    }

    pub(super) fn with_scene<R>(&self, index: usize, act: impl FnOnce(Scene<'_>) -> R) -> R {
        let homes = self.homes();
        let home = homes.get(((self.plan.first + index) / self.plan.cluster) % homes.len().max(1));
        act(Scene { phase: self.phase(), atlas: &self.atlas, home })
    }

    /// Where a bot stands, for the phases.
    pub(super) fn set_state(&self, index: usize, bot: &Bot) {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let progress = flag(bot.is_in(), IN) | flag(bot.is_settled(), SETTLED);
        let state = progress | flag(bot.owes(), OWES) | flag(bot.is_in() && bot.scouts(), SCOUTING);
        self.states[index].store(state, Ordering::Relaxed);
    }

    /// A bot was told of a zone: its map is fetched when nobody has it yet.
    pub(super) fn visit(&self, info: &ZoneInfo) {
        if self.atlas.enter(info) && self.map_wanted_tx.try_send(info.clone()).is_err() {
            // Bots stand still in a zone without a map; the report says how many did not get home.
            self.say(format_args!("over {MAPS_WAITING} zones at once: the map of {} is left out", info.zone));
        }
    }

    pub(super) fn count_measured(&self, positions: usize) {
        self.measured_updates.fetch_add(1, Ordering::Relaxed);
        self.measured_positions.fetch_add(positions as u64, Ordering::Relaxed);
    }

    /// Takes samples and faults out of what came of an event.
    pub(super) fn collect(&self, bot: &Bot, out: &mut Out) {
        if out.is_quiet() {
            return;
        }
        let mut report = self.report();
        out.move_ages.drain(..).for_each(|age| report.moves.record(age));
        out.chat_ages.drain(..).for_each(|age| report.chat.record(age));
        out.chat_ages_across.drain(..).for_each(|age| report.chat_across.record(age));
        out.crossing_gaps.drain(..).for_each(|gap| report.crossing_gaps.record(gap));
        out.notes.drain(..).for_each(|note| report.note(format!("{}: {note}", bot.name())));
        for (kind, detail) in out.faults.drain(..) {
            report.fault(self.as_fault(bot.name(), kind, detail));
        }
    }

    pub(super) fn fault(&self, bot: &Bot, kind: FaultKind, detail: String) {
        let fault = self.as_fault(bot.name(), kind, detail);
        self.report().fault(fault);
    }

    fn as_fault(&self, bot: &str, kind: FaultKind, detail: String) -> Fault {
        Fault { kind, bot: bot.to_owned(), at_ms: self.clock.now() / 1000, detail }
    }

    pub(super) fn count(&self, counters: &Counters) {
        self.report().count(counters);
    }

    pub(super) fn note_connect_error(&self, error: &anyhow::Error) {
        *self.connect_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{error:#}"));
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    pub(super) async fn over(&self) {
        self.over.cancelled().await;
    }

    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Fetches each new zone's map and works out where one can walk.
async fn fetch_maps(shared: Arc<Shared>, mut map_wanted_rx: mpsc::Receiver<ZoneInfo>) {
    while let Some(info) = map_wanted_rx.recv().await {
        match fetch_ground(&shared, &info).await {
            Ok(ground) => shared.atlas.survey(&info.zone, ground),
            Err(error) => {
                let detail = format!("the map of {}: {error:#}", info.zone);
                let fault = shared.as_fault("maps", FaultKind::Malformed, detail);
                shared.report().fault(fault);
            }
        }
    }
}

async fn fetch_ground(shared: &Shared, info: &ZoneInfo) -> anyhow::Result<Arc<Ground>> {
    let url = format!("http://{}/maps/{}", shared.plan.gateways[0].address, info.map);
    let response = reqwest::get(&url).await.and_then(reqwest::Response::error_for_status).context("can't fetch it")?;
    let json = response.bytes().await.context("can't read it")?;
    let map = Map::parse(&json)?;
    tokio::task::spawn_blocking(move || Arc::new(Ground::new(map))).await.context("can't survey it")
}

/// The first Ctrl-C ends the measuring, the second the run.
async fn listen_for_ctrl_c(shared: Arc<Shared>) {
    for token in [&shared.hurry, &shared.over] {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        shared.interrupted.store(true, Ordering::Relaxed);
        token.cancel();
    }
}
