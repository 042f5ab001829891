//! Looks after one zone's module: one task a zone, so that what is done for it is done one after the other.
//!
//! A module that failed is rebuilt off the worker, from snapshot and journal, without the event it failed on. On probation the
//! version before takes over then, and also where the new one is too slow. The way back ([`step_back`](Rescue::step_back)):
//! the version before loads what the newer one saves; where it can't it lives again what has happened since the swap (rewind);
//! where that is refused the module is shelved. A module that fails again and again is shelved too, and the version before takes
//! over from the shelf if there is one. A shelved module's zone goes on without it until an operator swaps one in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use wod_protocol::ids::{Digest, Generation, Tick};
use wod_sim::io::{Effects, Input};
use wod_sim::module::Module;
use wod_sim::zone::Retrace;

use crate::config::{FAULT_STORM, FAULT_WINDOW};
use crate::follower::Follower;
use crate::host::Host;
use crate::notice::Notice;
use crate::pin;
use crate::port::ZonePort;
use crate::runner::{RebuiltSlot, Replaced};
use crate::standing::Standing;

/// The first wait between two tries of a rebuild; each is twice the one before.
const RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(30);
/// How long the zone may take to carry out an input.
const INPUT_TIME: Duration = Duration::from_secs(10);
/// How long the version before is tried to be had.
const READY_TIME: Duration = Duration::from_secs(60);
/// Operators who wait for one zone's way back.
pub(crate) const STEPS_BACK: usize = 8;

/// An operator wants the version before.
pub(crate) struct StepBack {
    pub(crate) how: How,
    pub(crate) answer_tx: oneshot::Sender<Result<SteppedBack, String>>,
}

/// What an operator says of the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct How {
    /// Only if the zone runs this module.
    pub(crate) of: Option<Digest>,
    /// Do not carry the newer version's state back: live again what has happened since.
    pub(crate) rewind: bool,
    /// Though things may be lost or doubled by that.
    pub(crate) accept_loss: bool,
}

/// The version before runs again.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SteppedBack {
    /// `carried` or `rewound`; `not_needed`: the zone does not run what was to be taken back.
    pub(crate) how: &'static str,
    pub(crate) generation: Generation,
    pub(crate) digest: String,
    pub(crate) pause_ms: f64,
}

/// Why the version before does not run again.
enum Refused {
    /// Nobody knows yet: how the module stands will show.
    Open(String),
    /// The newer one goes on as if nothing had been asked.
    Unchanged(String),
    /// The newer one stands still.
    Stopped(String),
}

/// Why another module has not taken over.
enum NotReplaced {
    /// It may still.
    Open(String),
    Refused(String),
}

pub(crate) struct Rescue {
    host: Arc<Host>,
    port: Arc<ZonePort>,
    slot: RebuiltSlot,
    standing: watch::Receiver<Standing>,
    steps_rx: mpsc::Receiver<StepBack>,
    /// Faults dealt with.
    seen: u64,
    /// When it failed, within [`FAULT_WINDOW`].
    faults: VecDeque<Instant>,
    generation: Generation,
    /// Why the current version, on probation, has to go.
    condemned: Option<String>,
    /// Whether the version before was made ready for the current one's probation.
    prepared: bool,
    /// The current version is too slow, and can't be taken back.
    borne: bool,
}

impl Rescue {
    pub(crate) fn new(
        host: Arc<Host>,
        port: Arc<ZonePort>,
        slot: RebuiltSlot,
        steps_rx: mpsc::Receiver<StepBack>,
    ) -> Self {
        let standing = port.standing.subscribe();
        let generation = Generation(0);
        Self {
            host,
            port,
            slot,
            standing,
            steps_rx,
            seen: 0,
            faults: VecDeque::new(),
            generation,
            condemned: None,
            prepared: false,
            borne: false,
        }
    }

    /// Until the zone is let go.
    pub(crate) async fn run(mut self) {
        loop {
            let port = self.port.clone();
            tokio::select! {
                biased;
                () = port.until_closed() => return,
                changed = self.standing.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.look().await;
                }
                Some(StepBack { how, answer_tx }) = self.steps_rx.recv() => {
                    let done = self.step_back(how, None).await.map_err(|refused| match refused {
                        // What stands still is rebuilt at the next look.
                        Refused::Open(why) | Refused::Unchanged(why) | Refused::Stopped(why) => why,
                    });
                    if answer_tx.send(done).is_err() {
                        tracing::debug!(zone = %self.port.zone, "the operator had gone when the rollback was done");
                    }
                    self.look().await;
                }
            }
        }
    }

    fn standing(&mut self) -> Standing {
        self.standing.borrow_and_update().clone()
    }

    /// Does whatever the module's standing asks for, until it asks for nothing.
    async fn look(&mut self) {
        loop {
            let standing = self.standing();
            if self.port.is_closed() {
                return;
            }
            if standing.generation != self.generation {
                self.generation = standing.generation;
                self.faults.clear();
                (self.condemned, self.prepared, self.borne) = (None, false, false);
            }
            let now = Instant::now();
            self.faults.retain(|at| now.duration_since(*at) < FAULT_WINDOW);
            self.faults
                .extend(std::iter::repeat_n(now, (standing.faults - self.seen).min(FAULT_STORM as u64 + 1) as usize));
            let failed = standing.faults > self.seen;
            self.seen = standing.faults;
            let on_trial = standing.terms.probation.is_some() && standing.terms.previous.is_some();
            if on_trial && !self.prepared {
                self.prepared = true;
                self.prepare_the_way_back(&standing);
            }
            if on_trial && failed {
                self.condemned = Some("it failed on probation".to_owned());
            } else if on_trial && !self.borne && self.condemned.is_none() {
                self.condemned = standing.slow.as_ref().map(|slow| format!("it is too slow: {slow}"));
            }
            let condemned = self.condemned.clone().filter(|_| on_trial);
            if standing.missing && self.faults.len() > FAULT_STORM {
                self.faults.clear();
                let why = format!("it failed more than {FAULT_STORM} times in {} s", FAULT_WINDOW.as_secs());
                self.quarantine(&standing, why).await;
            } else if standing.missing {
                let Some(module) = self.restore_module().await else { continue };
                match condemned {
                    Some(why) => self.fall_back(why, Some(module)).await,
                    None => self.go_on(module, &standing).await,
                }
            } else if let Some(why) = condemned {
                self.fall_back(why, None).await;
            } else {
                if standing.terms.probation.is_none() && self.port.pinned().is_some() {
                    self.release_pin().await;
                }
                return;
            }
        }
    }

    /// Compiles the version before, so that the way back needs nobody else.
    fn prepare_the_way_back(&self, standing: &Standing) {
        let (host, zone, previous) = (self.host.clone(), self.port.zone, standing.terms.previous);
        tokio::spawn(async move {
            let Some(previous) = previous else { return };
            if let Err(error) = host.modules.make_ready(previous).await {
                let error = format!("{error:#}");
                tracing::warn!(%zone, module = %previous, error, "the version before is not ready; tried again when it is needed");
            }
        });
    }

    async fn release_pin(&self) {
        let _replacing = self.port.replacing.lock().await;
        // Meanwhile another swap may have begun, which needs it.
        if self.standing.borrow().terms.probation.is_some() {
            return;
        }
        if let Err(error) = pin::release(&self.host.backplane, &self.port).await {
            let error = format!("{error:#}");
            tracing::warn!(zone = %self.port.zone, error, "what was kept for a rewind stays until the module is replaced again");
        }
    }

    /// A fresh instance with the state of just before the fault takes over.
    async fn go_on(&mut self, module: Box<dyn Module>, standing: &Standing) {
        *self.slot.lock() = Some(module);
        self.push(&[Input::Rebuilt]).await;
        let (rebuilds, generation, faults) = (standing.rebuilds, standing.generation, standing.faults);
        self.until(|now| now.rebuilds > rebuilds || now.generation != generation || now.faults > faults).await;
    }

    /// The host itself wants the version before. `rebuilt`: the instance that failed, as it stood before that.
    async fn fall_back(&mut self, why: String, rebuilt: Option<Box<dyn Module>>) {
        let from = self.standing();
        tracing::error!(zone = %self.port.zone, module = ?from.digest, generation = %from.generation, why, "rolling the module back");
        let failed = rebuilt.is_some();
        match self.step_back(How::default(), rebuilt).await {
            Ok(back) => {
                self.trouble(format!("rolled back ({}): {why}", back.how));
                self.tell("rolled_back", &from, format!("{why}; {} to {}", back.how, back.digest));
            }
            Err(Refused::Open(open)) => {
                tracing::warn!(zone = %self.port.zone, open, "whether the module was rolled back is not known yet");
            }
            // Slow logic is better than none.
            Err(Refused::Unchanged(refused)) if !failed => {
                (self.condemned, self.borne) = (None, true);
                let why = format!("{why}, and it can't be rolled back: {refused}");
                self.trouble(why.clone());
                self.tell("not_rolled_back", &from, why);
            }
            Err(Refused::Unchanged(refused) | Refused::Stopped(refused)) => {
                self.quarantine(&from, format!("{why}, and it can't be rolled back: {refused}")).await;
            }
        }
    }

    /// The version before takes over: carried, or rewound.
    async fn step_back(&mut self, how: How, rebuilt: Option<Box<dyn Module>>) -> Result<SteppedBack, Refused> {
        let standing = self.standing();
        if how.of.is_some_and(|of| standing.digest != Some(of)) {
            let digest = standing.digest.map(|digest| digest.to_string()).unwrap_or_default();
            return Ok(SteppedBack { how: "not_needed", generation: standing.generation, digest, pause_ms: 0.0 });
        }
        let Some(previous) = standing.terms.previous else {
            return Err(Refused::Unchanged("no version before this one is kept".to_owned()));
        };
        // After a move or a restart this host may never have run it.
        self.make_ready(previous).await.map_err(Refused::Unchanged)?;
        let _replacing = self.port.replacing.lock().await;
        if !how.rewind {
            // In one tick, so that it can't fail again in between.
            let rebuilt = rebuilt.map(|module| {
                *self.slot.lock() = Some(module);
                Input::Rebuilt
            });
            match self.replace(rebuilt, Input::RollBack).await {
                Ok(pause) => return Ok(self.stepped_back("carried", pause)),
                Err(NotReplaced::Open(why)) => return Err(Refused::Open(why)),
                Err(NotReplaced::Refused(fault)) => {
                    tracing::warn!(zone = %self.port.zone, fault, "the version before does not take the newer one's state: rewinding");
                }
            }
        }
        if self.port.pinned().is_none() {
            let why = "it can't be rewound: the version has settled, and nothing of before the swap is kept".to_owned();
            return Err(Refused::Unchanged(why));
        }
        let (request, answer) = self.host.operators.ask(self.port.zone);
        self.push(&[Input::Suspend { request, accept_loss: how.accept_loss }]).await;
        let until = tokio::time::timeout(INPUT_TIME, answer).await;
        let until = until.map_err(|_| Refused::Unchanged("the zone does not answer".to_owned()))?;
        let until =
            until.map_err(|_| Refused::Unchanged("the zone was let go".to_owned()))?.map_err(Refused::Unchanged)?;
        let parts = match self.retrace(&until).await {
            Ok(parts) => parts,
            Err(error) => return Err(Refused::Stopped(format!("{error:#}"))),
        };
        let pause = self.replace(None, Input::Rewound { parts }).await.map_err(|error| match error {
            NotReplaced::Open(why) => Refused::Open(why),
            NotReplaced::Refused(why) => Refused::Stopped(why),
        })?;
        Ok(self.stepped_back("rewound", pause))
    }

    fn stepped_back(&self, how: &'static str, replaced: Replaced) -> SteppedBack {
        let standing = self.standing.borrow().clone();
        let digest = standing.digest.map(|digest| digest.to_string()).unwrap_or_default();
        tracing::warn!(zone = %self.port.zone, module = digest, generation = %standing.generation, how, "the version before runs again");
        metrics::counter!("wod_module_rollbacks_total", "zone" => self.port.zone.to_string(), "how" => how)
            .increment(1);
        let pause_ms = replaced.pause.as_secs_f64() * 1000.0;
        SteppedBack { how, generation: replaced.generation, digest, pause_ms }
    }

    /// The module of before the swap lives what was journaled since, up to the tick `until`.
    async fn retrace(&self, until: &str) -> anyhow::Result<bytes::Bytes> {
        let until = Tick(until.parse().context("the zone answers something else than a tick")?);
        let swapped = self.standing.borrow().terms.since;
        let (source, port) = (self.host.source(), self.port.clone());
        self.host
            .threads
            .run(format!("rewind-{}", port.zone), move || {
                let mut follower = pin::follow(source, &port)?;
                let mut begun: Option<Retrace> = None;
                let mut effects = Effects::default();
                loop {
                    let page = follower.read()?;
                    if page.is_empty() {
                        bail!("the journal ends before the module was suspended");
                    }
                    for (index, entry) in page {
                        // What was before the swap is replayed as it was.
                        if entry.tick < swapped && begun.is_none() {
                            follower.replay(index, &entry)?;
                            continue;
                        }
                        let mut retrace = match begun.take() {
                            Some(retrace) => retrace,
                            None => Retrace::new(
                                follower.zone.take().context("the zone began with the swap")?,
                                swapped,
                                until,
                            ),
                        };
                        let failed = |fault| anyhow!("the version before fails at what has happened since: {fault}");
                        let last = retrace.step(&entry, &mut follower.modules, &mut effects);
                        if let Some(failure) = follower.modules.failure.take() {
                            return Err(failure);
                        }
                        if last.map_err(failed)? {
                            return retrace.finish().map_err(failed);
                        }
                        follower.at = index;
                        begun = Some(retrace);
                    }
                }
            })
            .await
    }

    /// The zone goes on without its module, which keeps what it knew as far as that can be had; then with the version before, if
    /// that takes it.
    async fn quarantine(&mut self, from: &Standing, why: String) {
        if self.standing().generation != from.generation {
            return;
        }
        tracing::error!(zone = %self.port.zone, module = ?from.digest, generation = %from.generation, why, "the module is quarantined");
        metrics::counter!("wod_module_quarantines_total", "zone" => self.port.zone.to_string()).increment(1);
        if !self.standing().missing {
            // What it is told from now on would be missing in what is kept.
            let (request, answer) = self.host.operators.ask(self.port.zone);
            self.push(&[Input::Suspend { request, accept_loss: true }]).await;
            let answered = tokio::time::timeout(INPUT_TIME, answer).await;
            tracing::debug!(zone = %self.port.zone, ?answered, "suspended to be shelved");
            self.until(|now| now.missing || now.generation != from.generation).await;
        }
        let Some(mut module) = self.restore_module().await else { return };
        let saved = self.host.threads.run(format!("save-{}", self.port.zone), move || Ok(module.save()?)).await;
        let (saved, what) = match saved {
            Ok(saved) => (Some(saved), "what it knew is kept".to_owned()),
            Err(error) => (None, format!("what it knew is lost, it does not save: {error:#}")),
        };
        let why = format!("{why}; {what}");
        let generation = from.generation;
        self.push(&[Input::Shelve { generation, saved, why: why.clone() }]).await;
        self.until(|now| now.terms.shelved.is_some() || now.generation != generation).await;
        if self.standing().terms.shelved.is_none() {
            tracing::warn!(zone = %self.port.zone, "the module was not shelved: another runs by now");
            return;
        }
        let fell_back = match from.terms.previous {
            None => false,
            Some(previous) => match self.take_from_the_shelf(previous).await {
                Ok(()) => true,
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(zone = %self.port.zone, error, "the version before does not take what is kept either");
                    false
                }
            },
        };
        let now = if fell_back { "the version before runs again" } else { "the zone runs without a module" };
        self.trouble(format!("quarantined: {why}; {now}"));
        self.tell("quarantined", from, format!("{why}; {now}"));
    }

    async fn take_from_the_shelf(&self, previous: Digest) -> anyhow::Result<()> {
        self.make_ready(previous).await.map_err(|error| anyhow!(error))?;
        let _replacing = self.port.replacing.lock().await;
        match self.replace(None, Input::RollBack).await {
            Ok(_) => Ok(()),
            Err(NotReplaced::Open(why) | NotReplaced::Refused(why)) => bail!(why),
        }
    }

    /// Tries for some time: a store that is away for a moment must not cost the zone its module.
    async fn make_ready(&self, module: Digest) -> Result<(), String> {
        let begun = Instant::now();
        let mut pause = RETRY;
        loop {
            let Err(error) = self.host.modules.make_ready(module).await else { return Ok(()) };
            if begun.elapsed() > READY_TIME || self.port.is_closed() {
                return Err(format!("the version before can't be had: {error:#}"));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }

    /// Has the zone carry out an input that gives it another module, after `before` in the same tick.
    async fn replace(&self, before: Option<Input>, input: Input) -> Result<Replaced, NotReplaced> {
        let done = self.host.operators.await_replacement(self.port.zone, input.clone());
        let inputs: Vec<Input> = before.into_iter().chain([input]).collect();
        self.push(&inputs).await;
        let done = tokio::time::timeout(INPUT_TIME, done).await;
        let done = done.map_err(|_| NotReplaced::Open("the zone does not answer".to_owned()))?;
        let done = done.map_err(|_| NotReplaced::Open("the zone was let go".to_owned()))?;
        done.map_err(|fault| NotReplaced::Refused(fault.to_string()))
    }

    /// A queue that is full now is empty after a tick.
    async fn push(&self, inputs: &[Input]) {
        while !self.port.push_all(inputs) && !self.port.is_closed() {
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Waits until the standing is so, for as long as an input may take.
    async fn until(&mut self, holds: impl FnMut(&Standing) -> bool) {
        if tokio::time::timeout(INPUT_TIME, self.standing.wait_for(holds)).await.is_err() {
            tracing::warn!(zone = %self.port.zone, "the zone has not carried out what its module needs in {INPUT_TIME:?}");
        }
    }

    /// The module's instance as it stood before it failed or was suspended; tried until it is there. None: the zone is not ours
    /// any more.
    async fn restore_module(&self) -> Option<Box<dyn Module>> {
        let mut pause = RETRY;
        loop {
            if self.port.is_closed() || !self.standing.borrow().missing {
                return None;
            }
            let (source, zone) = (self.host.source(), self.port.zone);
            let restored = self.host.threads.run(format!("rebuild-{zone}"), move || {
                let mut follower = Follower::open(source, zone)?;
                follower.advance()?;
                let failed = follower.zone.filter(wod_sim::zone::Zone::is_module_missing);
                failed.and_then(|mut zone| zone.take_parked_module()).context("in the journal it has not failed")
            });
            match restored.await {
                Ok(module) => return Some(module),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(%zone, error, "the module could not be rebuilt; trying again");
                    metrics::counter!("wod_module_rebuild_retries_total", "zone" => zone.to_string()).increment(1);
                    self.trouble(format!("its module could not be rebuilt yet: {error}"));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    fn trouble(&self, text: String) {
        self.host.troubles.add(self.port.zone, text);
    }

    fn tell(&self, event: &'static str, from: &Standing, why: String) {
        let zone = self.host.config.world.zone(self.port.zone).map(|zone| zone.name.to_string()).unwrap_or_default();
        let module = from.digest.map(|digest| digest.to_string());
        self.host.notices.tell(Notice { event, zone: Some(zone), module, generation: Some(from.generation), why });
    }
}
