//! The two versions of a module that a [`Stage`](super::Stage) runs, and what each of them was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wod_protocol::ids::Digest;
use wod_protocol::map::Map;
use wod_sandbox::{Compiled, Limits};
use wod_sim::module::{
    Description, EnterReason, Event, Fault, FaultKind, Frame, HostCalls, LeaveReason, Line, Module, Returned, Saved,
    Setup, StartReason, Verdict,
};
use wod_sim::zone::{Modules, Prepared};

/// What a version was told, and what became of its state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    /// Events by kind, see [`kind_of`].
    pub(crate) events: BTreeMap<&'static str, u64>,
    /// Verbs that players used.
    pub(crate) verbs: BTreeSet<String>,
    /// How its last `save` ended: bytes, or the fault. None: it was never asked.
    pub(crate) saved: Option<Result<usize, Fault>>,
}

/// What a version's ticks took, together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    pub(crate) calls: u64,
}

/// Gives a zone instances of the versions, and counts what they are told.
pub(crate) struct Versions {
    by_digest: BTreeMap<Digest, Version>,
    /// Waits to be taken after a fault.
    rebuilt: Option<Box<dyn Module>>,
}

struct Version {
    compiled: Compiled,
    map: Arc<Map>,
    told: Arc<Mutex<Told>>,
    spent: Arc<Mutex<Spent>>,
}

impl Versions {
    /// `size`: of the zone, metres; the ground of a component that has no map.
    pub(crate) fn new<'a>(versions: impl IntoIterator<Item = &'a Compiled>, size: [f64; 2]) -> Self {
        let version = |compiled: &Compiled| {
            let plain = || Arc::new(Map::empty(size[0], size[1]));
            let map = compiled.map().map_or_else(plain, |packed| Arc::clone(&packed.map));
            (
                compiled.digest(),
                Version { compiled: compiled.clone(), map, told: Arc::default(), spent: Arc::default() },
            )
        };
        Self { by_digest: versions.into_iter().map(version).collect(), rebuilt: None }
    }

    /// The map of a version.
    pub(crate) fn map(&self, digest: &Digest) -> Option<&Arc<Map>> {
        self.by_digest.get(digest).map(|version| &version.map)
    }

    /// What a version was told so far.
    pub(crate) fn told(&self, digest: &Digest) -> Told {
        self.by_digest.get(digest).map(|version| lock(&version.told).clone()).unwrap_or_default()
    }

    /// What all ticks of all versions took so far.
    pub(crate) fn spent(&self) -> Spent {
        let all = self.by_digest.values().map(|version| *lock(&version.spent));
        all.fold(Spent::default(), |sum, spent| Spent { time: sum.time + spent.time, calls: sum.calls + spent.calls })
    }

    /// An instance that a replay has brought to where the failed one of this version was.
    pub(crate) fn put_rebuilt(&mut self, digest: &Digest, module: Box<dyn Module>) {
        let version = self.by_digest.get(digest);
        self.rebuilt = version.map(|version| version.watched(module));
    }

    fn prepare(&self, digest: &Digest) -> Result<(&Version, Prepared), Fault> {
        let version = self.by_digest.get(digest).ok_or_else(|| not_loadable("no such version is on the stage"))?;
        let module = version.compiled.instantiate(&Limits::default())?;
        let map_digest = match version.compiled.map() {
            Some(packed) => packed.digest,
            None => Digest::of(&version.map.to_json()),
        };
        Ok((version, Prepared { module, map: Arc::clone(&version.map), map_digest }))
    }
}

impl Version {
    fn watched(&self, module: Box<dyn Module>) -> Box<dyn Module> {
        Box::new(Watched { module, told: Arc::clone(&self.told), spent: Arc::clone(&self.spent) })
    }
}

impl Modules for Versions {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let (version, Prepared { module, map, map_digest }) = self.prepare(digest)?;
        Ok(Prepared { module: version.watched(module), map, map_digest })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        self.rebuilt.take().ok_or_else(|| not_loadable("nothing was rebuilt"))
    }
}

/// The same versions for a replay: nothing is counted twice, and no time is limited.
pub(super) struct Replayed<'a>(pub(super) &'a Versions);

impl Modules for Replayed<'_> {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let (_, mut prepared) = self.0.prepare(digest)?;
        prepared.module.enforce_time(false);
        Ok(prepared)
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        Err(not_loadable("a replay has no rebuilt instance"))
    }
}

/// An instance whose calls are written down.
struct Watched {
    module: Box<dyn Module>,
    told: Arc<Mutex<Told>>,
    spent: Arc<Mutex<Spent>>,
}

impl Module for Watched {
    fn description(&self) -> &Description {
        self.module.description()
    }

    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        self.module.init(setup, calls)
    }

    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        {
            let mut told = lock(&self.told);
            for event in events {
                *told.events.entry(kind_of(event)).or_default() += 1;
                if let Event::Interacted { verb, .. } = event {
                    told.verbs.insert(verb.clone());
                }
            }
        }
        let begun = Instant::now();
        let returned = self.module.tick(frame, events, calls);
        let mut spent = lock(&self.spent);
        spent.time += begun.elapsed();
        spent.calls += 1;
        returned
    }

    fn filters(&self) -> bool {
        self.module.filters()
    }

    fn filter(&mut self, frame: &Frame, lines: &[Line], calls: Box<dyn HostCalls>) -> Returned<Vec<Verdict>> {
        self.module.filter(frame, lines, calls)
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        let saved = self.module.save();
        lock(&self.told).saved = Some(saved.as_ref().map(|saved| saved.bytes.len()).map_err(Clone::clone));
        saved
    }

    fn enforce_time(&mut self, enforced: bool) {
        self.module.enforce_time(enforced);
    }

    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        self.module.load(setup, saved)
    }
}

/// What the WIT calls the event, and its reason where it has one.
pub(crate) fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Started { reason, .. } => match reason {
            StartReason::Fresh => "started (fresh)",
            StartReason::Swapped => "started (swapped)",
            StartReason::RolledBack => "started (rolled-back)",
            StartReason::Rewound => "started (rewound)",
            StartReason::ResumedWithoutMemory => "started (resumed-without-memory)",
        },
        Event::Entered { reason, .. } => match reason {
            EnterReason::Login => "entered (login)",
            EnterReason::Crossing => "entered (crossing)",
            EnterReason::Portal => "entered (portal)",
            EnterReason::Resumed => "entered (resumed)",
        },
        Event::Left { reason, .. } => match reason {
            LeaveReason::Logout => "left (logout)",
            LeaveReason::TimedOut => "left (timed-out)",
            LeaveReason::Crossing => "left (crossing)",
            LeaveReason::Portal => "left (portal)",
            LeaveReason::Kicked => "left (kicked)",
        },
        Event::SensorEntered { .. } => "sensor-entered",
        Event::SensorLeft { .. } => "sensor-left",
        Event::Heard { .. } => "heard",
        Event::Interacted { .. } => "interacted",
        Event::Chose { .. } => "chose",
        Event::Moved { .. } => "moved",
        Event::Observed { .. } => "observed",
        Event::Timer(_) => "timer",
        Event::Message { .. } => "message",
        Event::Receipt { .. } => "receipt",
        Event::Admin { .. } => "admin",
        Event::ConfigChanged(_) => "config-changed",
        Event::Other { .. } => "other",
    }
}

/// Counts stay true when a thread that counted has died.
fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_loadable(detail: &str) -> Fault {
    Fault { kind: FaultKind::NotLoadable, detail: detail.to_owned(), event: None }
}
