//! One zone on its worker: inputs in, step, journal entry and effects out, at the zone's own rate.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use wod_protocol::ids::{Generation, Tick, ZoneName, ZoneNo};
use wod_protocol::limits::TICKS_AWAITING_JOURNAL;
use wod_protocol::registry::{PlayerBeat, ZoneBeat};
use wod_protocol::world;
use wod_sim::io::{Effects, Input, Outcome};
use wod_sim::module::{Description, Module};
use wod_sim::zone::{PlayerInfo, Sleep, SnapshotError, Terms, Zone};

use crate::beat::Beat;
use crate::committer::{Commit, SwapDone, TickCommit};
use crate::host::Host;
use crate::migration::Departure;
use crate::modules::LiveModules;
use crate::port::ZonePort;
use crate::pressure::{Measures, Pressure, TickFigures};
use crate::reports::ModuleLabel;
use crate::standing::Observer;
use crate::stopwatch::Pace;

/// Where a rebuilt module instance waits for the `Input::Rebuilt` that announces it.
pub(crate) type RebuiltSlot = Arc<Mutex<Option<Box<dyn Module>>>>;

/// Tick durations kept for percentiles.
const DURATIONS: usize = 1024;
/// How often a zone's status is made anew.
const STATUS_EVERY: Duration = Duration::from_millis(500);
/// How often a version on probation is saved, to see whether it can be: 10 s at 20 ticks a second.
const PROVE_TICKS: u64 = 200;
/// What the newest share of the worker's time counts for in a zone's load: about two seconds' mean.
const LOAD_WEIGHT: f64 = 0.25;
/// How soon a zone that waits for the journal looks again.
const JOURNAL_POLL: Duration = Duration::from_millis(5);
/// The longest any worker sleeps.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Another module took over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replaced {
    pub(crate) generation: Generation,
    /// How long that held the zone up: the gap between the starts of two ticks, less the nominal tick.
    pub(crate) pause: Duration,
}

/// When to look at a zone again.
pub(crate) enum Poll {
    At(Instant),
    /// It is not ours any more, or has been put to rest.
    Gone,
}

/// A zone and everything it needs to tick.
pub(crate) struct ZoneRunner {
    pub(crate) port: Arc<ZonePort>,
    zone: Zone,
    modules: LiveModules,
    commit_tx: mpsc::Sender<Commit>,
    name: ZoneName,
    beat: Beat,
    pressure: Pressure,
    next_at: Instant,
    /// It is being given to another host: no tick any more.
    departing: bool,
    /// Time spent in ticks since the status was made last.
    busy: Duration,
    /// Per mille of the worker's time, smoothed over some seconds.
    load: f64,
    /// Since when, and at which tick, the zone sleeps.
    asleep: Option<(Instant, Tick)>,
    inputs: Vec<Input>,
    last_start: Option<Instant>,
    /// What a replay since the last snapshot would take, and over how many entries.
    replay_cost: Duration,
    replay_entries: u64,
    /// A snapshot is due when a replay would take longer, or over more entries.
    replay_budget: (Duration, u64),
    durations: VecDeque<u32>,
    /// Under the labels of the module that runs.
    tick_seconds: metrics::Histogram,
    status_at: Instant,
    observer: Observer,
    pace: Pace,
    /// The version on probation is too slow: how slow.
    slow: Option<String>,
    /// When it was last tried whether the version can be saved.
    proven: Tick,
}

impl ZoneRunner {
    pub(crate) fn new(
        zone: Zone,
        port: Arc<ZonePort>,
        modules: LiveModules,
        commit_tx: mpsc::Sender<Commit>,
        settings: &world::Zone,
        host: &Host,
        replayed: (Duration, u64),
    ) -> Self {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.replaced(modules.meter.clone());
        let tick_seconds = tick_seconds(port.zone, label(&zone));
        // What the owner before had to do about it.
        let pressure = Pressure::new(Measures { degradation: zone.degradation(), dilation: zone.dilation() });
        Self {
            port,
            zone,
            modules,
            commit_tx,
            name: settings.name.clone(),
            beat: Beat { since: host.beat, period: Duration::from_secs(1) / settings.tick_hz },
            pressure,
            next_at: now,
            departing: false,
            busy: Duration::ZERO,
            load: 0.0,
            asleep: None,
            inputs: Vec::new(),
            last_start: None,
            replay_cost: replayed.0,
            replay_entries: replayed.1,
            replay_budget: (host.config.replay_budget, host.config.replay_entries),
            durations: VecDeque::with_capacity(DURATIONS),
            tick_seconds,
            status_at: now,
            observer: Observer::default(),
            pace,
            slow: None,
            proven: Tick(0),
        }
    }

    /// Ticks when it is time to.
    pub(crate) fn poll(&mut self, now: Instant) -> Poll {
        if self.port.is_closed() || self.commit_tx.is_closed() {
            return Poll::Gone;
        }
        if now >= self.status_at {
            self.weigh(now);
            self.status_at = now + STATUS_EVERY;
            self.port.set_status(self.status(), self.zone.gateways());
            self.show_measures();
        }
        if self.departing {
            return Poll::At(now + LONGEST_SLEEP);
        }
        if let Some((since, tick)) = self.asleep {
            match self.wake(now, since, tick) {
                Some(input) => self.inputs.push(input),
                None => return Poll::At(self.sleeps_until(since, tick).unwrap_or(now + LONGEST_SLEEP)),
            }
        }
        if now < self.next_at {
            return Poll::At(self.next_at);
        }
        // Two places: the tick, and the snapshot that may follow it.
        if self.commit_tx.capacity() < 2 {
            metrics::counter!("wod_zone_journal_waits_total", "zone" => self.port.zone.to_string()).increment(1);
            return Poll::At(now + JOURNAL_POLL);
        }
        let late = now.duration_since(self.next_at);
        metrics::histogram!("wod_zone_late_seconds", "zone" => self.port.zone.to_string()).record(late.as_secs_f64());
        if !self.tick(now) {
            return Poll::Gone;
        }
        let figures = TickFigures { period: self.beat.period, took: now.elapsed(), late };
        let measures = self.pressure.note(figures);
        self.take_measures(measures);
        self.next_at = self.beat.next(self.next_at, late, self.tick_length()).max(now);
        // After a tick: what waited for the zone when it came here, and all since, is in it.
        if self.port.is_to_depart() && self.commit_tx.capacity() > 0 {
            return self.depart(now);
        }
        self.fall_asleep(now);
        Poll::At(self.next_at)
    }

    /// Stops, and has the committer give the zone away once everything of it is durable.
    fn depart(&mut self, now: Instant) -> Poll {
        if let Some(departure) = self.port.take_departure() {
            self.departing = true;
            self.hand_over(Commit::Depart(Departure { since: now, ..departure }));
        }
        Poll::At(now + LONGEST_SLEEP)
    }

    /// How much of the worker's time the zone takes.
    fn weigh(&mut self, now: Instant) {
        let span = STATUS_EVERY + now.duration_since(self.status_at);
        let share = std::mem::take(&mut self.busy).as_secs_f64() / span.as_secs_f64() * 1000.0;
        self.load += (share - self.load) * LOAD_WEIGHT;
    }

    /// A tick, as long as the zone's time dilation makes it.
    fn tick_length(&self) -> Duration {
        self.pressure.measures().stretch(self.beat.period)
    }

    /// For the next tick, so that they are journaled with it.
    fn take_measures(&mut self, measures: Option<Measures>) {
        let Some(measures) = measures else { return };
        tracing::info!(zone = %self.port.zone, ?measures, "the load of the zone has changed what it leaves out");
        self.inputs.extend(measures.inputs());
    }

    fn show_measures(&self) {
        let zone = self.port.zone.to_string();
        let Measures { degradation, dilation } = self.pressure.measures();
        metrics::gauge!("wod_zone_degraded", "zone" => zone.clone()).set(degradation as u8);
        metrics::gauge!("wod_zone_dilation", "zone" => zone).set(f64::from(dilation) / 1000.0);
    }

    /// The last snapshot before the zone is let go in good order.
    pub(crate) fn finish(mut self) {
        if !self.port.is_closed() && self.replay_entries > 0 && self.commit_tx.capacity() > 0 {
            self.snapshot();
        }
    }

    /// False when there is nobody to commit to.
    fn tick(&mut self, now: Instant) -> bool {
        self.port.drain_into(&mut self.inputs);
        let gap = self.last_start.replace(now).map_or(Duration::ZERO, |last| now.duration_since(last));
        // One swap a tick: a second one, and what follows it, waits for the next.
        let mut swaps = self.inputs.iter().enumerate().filter(|(_, input)| input.replaces_module());
        let swap = swaps.next().map(|(_, input)| input.clone());
        let second = swaps.next().map(|(index, _)| index);
        let later = second.map(|index| self.inputs.split_off(index)).unwrap_or_default();
        let mut effects = Effects::default();
        let was_missing = self.zone.is_module_missing();
        let outcome = self.zone.step(&self.inputs, &mut self.modules, &mut effects);
        let suspended = self.inputs.iter().any(|input| matches!(input, Input::Suspend { .. })) && !outcome.is_fault();
        let failed =
            self.zone.is_module_missing() && !suspended && (!was_missing || outcome.is_fault() || outcome.lost);
        self.observer.count(failed, outcome.rebuilt);
        if matches!(outcome.swap, Some(Ok(()))) {
            self.modules.meter = self.modules.taken.clone();
            self.pace.replaced(self.modules.meter.clone());
            self.slow = None;
            self.tick_seconds = tick_seconds(self.port.zone, label(&self.zone));
        }
        if let Some(slow) = self.pace.regression() {
            self.slow = self.zone.is_on_probation().then_some(slow);
        }
        let swap = swap.zip(outcome.swap.clone()).map(|(input, result)| {
            // What the swap itself took; the gap before it is the ordinary one.
            let nominal = self.tick_length();
            let pause = gap.saturating_sub(nominal).max(now.elapsed().saturating_sub(nominal));
            let generation = self.zone.generation();
            SwapDone { input, result: result.map(|()| Replaced { generation, pause }) }
        });
        if swap.is_some() {
            // Whoever waits for the swap asks next what runs now.
            self.port.set_status(self.status(), self.zone.gateways());
        }
        let must = !self.inputs.is_empty() || effects.binding || outcome != Outcome::default();
        let inputs = std::mem::replace(&mut self.inputs, later);
        let entry = must.then(|| Bytes::from(self.zone.entry(inputs, outcome, &effects).encode()));
        self.replay_entries += u64::from(entry.is_some());
        let took = now.elapsed();
        self.replay_cost += took;
        self.busy += took;
        self.measure(took);
        let module = label(&self.zone);
        let reports = !effects.reports.is_empty();
        let version = reports.then(|| self.zone.description().map(version)).flatten().unwrap_or_default();
        let standing = self.observer.look(&self.zone, self.slow.as_deref());
        let commit = Commit::Tick(Box::new(TickCommit { entry, effects, swap, module, version, standing }));
        if !self.hand_over(commit) {
            return false;
        }
        let (time, entries) = self.replay_budget;
        let due = self.replay_cost > time || self.replay_entries > entries || self.has_to_prove_itself();
        if self.replay_entries > 0 && due {
            self.snapshot();
        }
        true
    }

    /// A version is saved before its probation is over, and every so often until then: one that can't be has failed on it.
    fn has_to_prove_itself(&self) -> bool {
        if !self.zone.is_on_probation() {
            return false;
        }
        let Terms { probation: Some(until), since, .. } = self.zone.terms() else { return false };
        let wait = PROVE_TICKS.min(until.0.saturating_sub(since.0) / 2);
        self.zone.tick().0 >= self.proven.max(since).0 + wait
    }

    fn snapshot(&mut self) {
        if self.zone.is_module_missing() {
            return;
        }
        // Whatever comes of it: what can't be stored now is not tried again at every tick.
        self.proven = self.zone.tick();
        match self.zone.snapshot() {
            Ok(bytes) => {
                self.replay_cost = Duration::ZERO;
                self.replay_entries = 0;
                self.hand_over(Commit::Snapshot(bytes.into()));
            }
            // The next tick's outcome says that it is lost: that entry is what a rebuild replays up to.
            Err(SnapshotError::Fault(fault)) => {
                tracing::error!(zone = %self.port.zone, %fault, "the module does not save; it is rebuilt from the journal");
            }
            Err(error) => tracing::error!(zone = %self.port.zone, %error, "no snapshot"),
        }
    }

    /// There is room: `poll` has looked, and nobody else sends.
    fn hand_over(&self, commit: Commit) -> bool {
        match self.commit_tx.try_send(commit) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(_)) => {
                tracing::error!(zone = %self.port.zone, "the commit queue is full: the zone is let go and recovered");
                self.port.close();
                false
            }
        }
    }

    fn fall_asleep(&mut self, now: Instant) {
        let busy = !self.inputs.is_empty() || self.port.is_to_depart();
        if busy || matches!(self.zone.can_sleep_until(), Sleep::No) {
            return;
        }
        if self.zone.is_on_probation() && self.proven < self.zone.terms().since {
            // It may sleep until its probation is over.
            return self.snapshot();
        }
        if let Some(measures) = self.pressure.relax() {
            // The tick that takes them comes first.
            return self.take_measures(Some(measures));
        }
        self.port.set_asleep(true);
        if self.port.is_empty() {
            self.asleep = Some((now, self.zone.tick()));
        } else {
            self.port.set_asleep(false);
        }
    }

    /// The input that ends the sleep, when there is a reason to.
    fn wake(&mut self, now: Instant, since: Instant, tick: Tick) -> Option<Input> {
        // A zone that leaves takes the time it has slept with it.
        let due = self.port.is_to_depart() || self.sleeps_until(since, tick).is_some_and(|at| now >= at);
        if self.port.is_empty() && !due {
            return None;
        }
        self.port.set_asleep(false);
        self.asleep = None;
        // What was not recorded for long is not shown any more, until it is asked for anew.
        self.tick_seconds = tick_seconds(self.port.zone, label(&self.zone));
        self.last_start = None;
        self.next_at = now;
        // Asleep, it was not slowed down.
        let slept = (now.duration_since(since).as_nanos() / self.beat.period.as_nanos()) as u64;
        let mut wakes = Tick(tick.0 + slept.max(1));
        if let Sleep::Until(timer) = self.zone.can_sleep_until() {
            wakes = wakes.min(timer.max(tick.next()));
        }
        Some(Input::Woke { tick: wakes })
    }

    fn sleeps_until(&self, since: Instant, tick: Tick) -> Option<Instant> {
        match self.zone.can_sleep_until() {
            Sleep::No => Some(since),
            Sleep::UntilInput => None,
            Sleep::Until(timer) => {
                let ticks = timer.0.saturating_sub(tick.0).min(u64::from(u32::MAX)) as u32;
                Some(since + self.beat.period * ticks)
            }
        }
    }

    fn measure(&mut self, took: Duration) {
        if self.durations.len() == DURATIONS {
            self.durations.pop_front();
        }
        self.durations.push_back(took.as_micros() as u32);
        self.tick_seconds.record(took.as_secs_f64());
    }

    fn status(&self) -> ZoneBeat {
        let mut sorted: Vec<u32> = self.durations.iter().copied().collect();
        sorted.sort_unstable();
        let percentile = |share: usize| sorted.get(sorted.len() * share / 100).copied().unwrap_or(0);
        let mut trouble = Vec::new();
        if self.zone.is_module_missing() {
            trouble.push("its module has failed and is being rebuilt".to_owned());
        }
        if let Some(why) = self.zone.terms().shelved {
            trouble.push(format!("runs without its module until a mended one is swapped in: {why}"));
        }
        if self.port.dropped() > 0 {
            trouble.push(format!("{} inputs dropped: its queue was full", self.port.dropped()));
        }
        let description = self.zone.description();
        ZoneBeat {
            zone: self.port.zone,
            name: self.name.clone(),
            epoch: self.port.epoch,
            tick: self.zone.tick(),
            module: self.zone.module_digest(),
            module_name: description.map_or_else(String::new, version),
            generation: self.zone.generation(),
            on_probation: self.zone.is_on_probation(),
            shelved: self.zone.is_shelved(),
            players: self
                .zone
                .players()
                .into_iter()
                .map(|PlayerInfo { name, gateway, .. }| PlayerBeat { name, gateway })
                .collect(),
            entities: self.zone.entity_count() as u32,
            degraded: self.pressure.measures().degradation as u8,
            dilation: self.pressure.measures().dilation,
            tick_p50_us: percentile(50),
            tick_p99_us: percentile(99),
            load: self.load.round() as u32,
            worker: self.port.seat() as u32,
            waiting: 0,
            uncommitted: (TICKS_AWAITING_JOURNAL + 2 - self.commit_tx.capacity().min(TICKS_AWAITING_JOURNAL + 2))
                as u32,
            trouble,
            asleep: self.asleep.is_some(),
        }
    }
}

/// For people.
fn version(module: &Description) -> String {
    format!("{} {}", module.name, module.version)
}

fn label(zone: &Zone) -> ModuleLabel {
    ModuleLabel { digest: zone.module_digest(), generation: zone.generation() }
}

fn tick_seconds(zone: ZoneNo, module: ModuleLabel) -> metrics::Histogram {
    let generation = module.generation.to_string();
    metrics::histogram!(
        "wod_zone_tick_seconds", "zone" => zone.to_string(), "module" => module.to_string(), "generation" => generation
    )
}
