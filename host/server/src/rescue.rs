//! What is done for a zone whose module fails. It is rebuilt off the worker, from snapshot and journal, without the event it failed
//! on. On probation the version before takes over from it then. Where it fails again and again it is shelved: the zone goes
//! on without it, and the version before takes over if there is one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use wod_protocol::ids::JournalIndex;
use wod_sim::io::Input;
use wod_sim::module::Module;
use wod_sim::zone::Terms;

use crate::config::{FAULT_STORM, FAULT_WINDOW};
use crate::host::Host;
use crate::port::ZonePort;
use crate::recovery::recover;
use crate::runner::RebuiltSlot;

/// The first wait between two tries of a rebuild; each is twice the one before.
const RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Looks after one zone's module.
pub(crate) struct Rescue {
    host: Arc<Host>,
    port: Arc<ZonePort>,
    slot: RebuiltSlot,
    /// When it failed, within [`FAULT_WINDOW`].
    faults: VecDeque<Instant>,
}

impl Rescue {
    pub(crate) fn new(host: Arc<Host>, port: Arc<ZonePort>, slot: RebuiltSlot) -> Self {
        Self { host, port, slot, faults: VecDeque::new() }
    }

    /// The module failed in the tick that the journal's entry `end` keeps.
    pub(crate) fn module_failed(&mut self, end: JournalIndex, terms: &Terms) {
        let now = Instant::now();
        self.faults.retain(|at| now.duration_since(*at) < FAULT_WINDOW);
        self.faults.push_back(now);
        let stormy = self.faults.len() > FAULT_STORM;
        if stormy {
            self.faults.clear();
            tracing::error!(zone = %self.port.zone, "the module fails again and again: the zone goes on without it");
        }
        let on_trial = terms.probation.is_some() && terms.previous.is_some();
        let has_previous = terms.previous.is_some();
        let (host, port, slot) = (self.host.clone(), self.port.clone(), self.slot.clone());
        tokio::spawn(async move {
            let Some(module) = restore_module(&host, &port, end).await else { return };
            let mut then = Vec::new();
            if stormy {
                then.push(shelve(module).await);
                then.extend(has_previous.then_some(Input::RollBack));
            } else {
                *slot.lock() = Some(module);
                then.push(Input::Rebuilt);
                then.extend(on_trial.then_some(Input::RollBack));
            }
            // Together or not at all: a queue that is full now is empty after a tick.
            while !port.push_all(&then) && !port.is_closed() {
                tokio::time::sleep(RETRY).await;
            }
        });
    }

    /// Another module runs: what the former one did is forgotten.
    pub(crate) fn replaced(&mut self) {
        self.faults.clear();
    }
}

/// The module's instance as it stood after that entry; tried until it is there. None: the zone is not ours any more.
async fn restore_module(host: &Host, port: &ZonePort, end: JournalIndex) -> Option<Box<dyn Module>> {
    let mut pause = RETRY;
    loop {
        if port.is_closed() {
            return None;
        }
        let recovered = recover(&host.backplane, &host.modules, &host.config.world, port.zone, Some(end)).await;
        let module = recovered.and_then(|recovered| {
            let module = recovered.zone.and_then(|mut zone| zone.take_parked_module());
            module.context("the journal holds none")
        });
        match module {
            Ok(module) => return Some(module),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(zone = %port.zone, error, "the module could not be rebuilt; trying again");
                metrics::counter!("wod_module_rebuild_retries_total", "zone" => port.zone.to_string()).increment(1);
                host.troubles.add(port.zone, format!("its module could not be rebuilt yet: {error}"));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_RETRY);
            }
        }
    }
}

async fn shelve(mut module: Box<dyn Module>) -> Input {
    let saved = tokio::task::spawn_blocking(move || module.save()).await;
    let (saved, what) = match saved {
        Ok(Ok(saved)) => (Some(saved), "what it knew is kept".to_owned()),
        Ok(Err(fault)) => (None, format!("what it knew is lost, it does not save: {fault}")),
        Err(panic) => (None, format!("what it knew is lost: {panic}")),
    };
    let window = FAULT_WINDOW.as_secs();
    Input::Shelve { saved, why: format!("it failed more than {FAULT_STORM} times in {window} s; {what}") }
}
