//! Shadow: in a replay, another version of the module is told what the zone's own is told, and what it orders (and how it judges what
//! players say) is only compared. The world follows the zone's own.
//!
//! Both see the same scene, draw the same numbers and are given the same ids. What the other version wants otherwise never
//! happens, so after its first difference it may go its own way: the first differences weigh more than the totals. What versions of
//! different schemas save of a player is not compared: it is written otherwise, whatever it says.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use wod_protocol::client::ChatMode;
use wod_protocol::ids::{Digest, EntityId, Tick};

use super::filter::one_each;
use super::modules::Slot;
use super::orders::Command;
use super::scene::{Luck, to_point};
use super::state::ModuleCard;
use super::{Modules, Prepared, Zone};
use crate::module::{Description, Event, Fault, Frame, HostCalls, Line, Module, Returned, StartReason, Verdict};

/// Differences that are told with their events; the rest is counted.
const FIRST_DIFFERENCES: usize = 8;
/// Faults that are told; the rest is counted.
const FIRST_FAULTS: usize = 8;
/// Longest text of an event or order, bytes.
const TEXT_BYTES: usize = 512;
/// Events told of one difference.
const EVENTS_TOLD: usize = 16;

/// What another version would do with what the running one saves, found out in a copy of the zone.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The running version.
    pub running: Arc<Description>,
    /// The other.
    pub other: Arc<Description>,
    /// Saved by the running one, bytes.
    pub saved_bytes: usize,
}

/// How another version compares to the running one.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// The tick it took over the state of.
    pub since: Tick,
    /// The last tick compared.
    pub until: Tick,
    /// Calls compared.
    pub calls: u64,
    /// Calls in which both ordered the same.
    pub same: u64,
    /// The tick of the first difference; none: there was none.
    pub differs_at: Option<Tick>,
    /// The first differences.
    pub first: Vec<Difference>,
    /// Orders by kind: those of calls that came out otherwise.
    pub kinds: BTreeMap<String, Orders>,
    /// How often the other version failed. It ends the comparison, until it is begun anew.
    pub faults: u64,
    /// The first of those: when, what, and at which event.
    pub first_faults: Vec<(Tick, String, Option<String>)>,
}

/// A call in which the two ordered otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// When.
    pub tick: Tick,
    /// What both were told, at most 16 events of it.
    pub events: Vec<String>,
    /// The first order of the running version that the other did not give at this place; none: it gave no more.
    pub running: Option<String>,
    /// What the other ordered in that place; none: it gave no more.
    pub other: Option<String>,
}

/// Orders of one kind, in calls that came out otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Orders {
    /// Given by the running version.
    pub running: u64,
    /// Given by the other.
    pub other: u64,
}

/// The other version, beside the zone's own.
pub(super) struct Beside {
    card: ModuleCard,
    /// None: it failed.
    module: Option<Box<dyn Module>>,
    comparison: Comparison,
}

/// Modules whose calls are held to their limits of time, though a replay's are not.
struct Enforcing<'a>(&'a mut dyn Modules);

impl Modules for Enforcing<'_> {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let mut prepared = self.0.take(digest)?;
        prepared.module.enforce_time(true);
        Ok(prepared)
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        self.0.rebuilt()
    }
}

impl Zone {
    /// What the swap to this version would meet: the running one saves, an instance of the other loads that and is dropped.
    /// For copies of a zone alone: a `save` that fails leaves it without a module.
    ///
    /// # Errors
    /// Why the swap would be refused.
    pub fn rehearse(&mut self, digest: Digest, modules: &mut dyn Modules) -> Result<Rehearsal, Fault> {
        let (_, rehearsal) = self.load_beside(digest, modules)?;
        Ok(rehearsal)
    }

    /// Begins to compare: this version takes over what the running one saves, and from now on is told what that is told. For
    /// replayed copies of a zone alone. What was compared before is kept and added to.
    ///
    /// # Errors
    /// Why the swap would be refused.
    pub fn begin_comparison(&mut self, digest: Digest, modules: &mut dyn Modules) -> Result<(), Fault> {
        let (loaded, _) = self.load_beside(digest, modules)?;
        let since = self.state.tick;
        let comparison = self
            .beside
            .take()
            .map_or(Comparison { since, until: since, ..Comparison::default() }, |before| before.comparison);
        self.beside = Some(Box::new(Beside { card: loaded.card, module: Some(loaded.module), comparison }));
        let frame = self.call_frame();
        let started = [self.started(StartReason::Swapped)];
        let luck = self.state.scene.luck.clone();
        self.tell_beside(&frame, &started, luck, None);
        Ok(())
    }

    /// What was found so far; none: no comparison was begun.
    pub fn comparison(&self) -> Option<&Comparison> {
        self.beside.as_ref().map(|beside| &beside.comparison)
    }

    /// Whether the other version still runs.
    pub fn is_comparing(&self) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.module.is_some())
    }

    fn load_beside(
        &mut self,
        digest: Digest,
        modules: &mut dyn Modules,
    ) -> Result<(super::swap::Loaded, Rehearsal), Fault> {
        let running = self.state.module.as_ref().map(|card| Arc::clone(&card.description));
        let running = running.ok_or_else(|| super::modules::refused("the zone has no module yet"))?;
        self.enforce_time(true);
        let carried = self.carry(digest, &mut Enforcing(modules));
        self.enforce_time(false);
        let (loaded, saved_bytes) = carried?;
        let rehearsal = Rehearsal { running, other: Arc::clone(&loaded.card.description), saved_bytes };
        Ok((loaded, rehearsal))
    }

    /// A replay obeys what was; what never was is held to its limits.
    fn enforce_time(&mut self, enforced: bool) {
        if let Slot::Running(module) = &mut self.slot {
            module.enforce_time(enforced);
        }
    }

    /// Tells the other version a call's events, with the scene and the luck that the running one had. `running`: its orders;
    /// none: it was not told these.
    pub(super) fn tell_beside(&mut self, frame: &Frame, events: &[Event], luck: Luck, running: Option<&[Command]>) {
        let one_schema = self.has_one_schema();
        let called = self.call_beside(luck, |module, calls| module.tick(frame, events, calls));
        let (Some(result), Some(beside)) = (called, &mut self.beside) else { return };
        beside.comparison.until = frame.tick;
        match result {
            Ok(((), orders)) => {
                if let Some(running) = running {
                    let (running, other) = (answers(&[], running), answers(&[], &orders));
                    beside.comparison.note(frame.tick, events, &running, &other, one_schema);
                }
            }
            Err(fault) => beside.comparison.note_fault(frame.tick, events, &fault),
        }
    }

    /// Whether another version is compared that would judge what players say.
    fn would_judge(&self) -> bool {
        self.beside.as_ref().and_then(|beside| beside.module.as_ref()).is_some_and(|module| module.filters())
    }

    /// A player says something that nobody judges: what the other version would make of it is asked later in this tick.
    pub(super) fn note_overheard(&mut self, speaker: EntityId, mode: ChatMode, text: &str) {
        if mode != ChatMode::Whisper
            && self.would_judge()
            && let Some(entity) = self.state.scene.entities.get(&speaker)
        {
            let at = to_point(entity.at);
            self.turn.overheard.push(Line { speaker, mode, text: text.to_owned(), at });
        }
    }

    /// Has the other version judge the same lines; one that does not judge lets all pass. `verdicts`, `orders`: the running one's.
    pub(super) fn show_beside(
        &mut self,
        frame: &Frame,
        lines: &[Line],
        luck: Luck,
        verdicts: &[Verdict],
        orders: &[Command],
    ) {
        if !self.is_comparing() {
            return;
        }
        let one_schema = self.has_one_schema();
        let result = if self.would_judge() {
            self.call_beside(luck, |module, calls| one_each(module.filter(frame, lines, calls), lines))
        } else {
            Some(Ok((vec![Verdict::Pass; lines.len()], Vec::new())))
        };
        let (Some(result), Some(beside)) = (result, &mut self.beside) else { return };
        beside.comparison.until = frame.tick;
        match result {
            Ok((others, other_orders)) => {
                let (running, other) = (answers(verdicts, orders), answers(&others, &other_orders));
                beside.comparison.note(frame.tick, lines, &running, &other, one_schema);
            }
            Err(fault) => beside.comparison.note_fault(frame.tick, lines, &fault),
        }
    }

    fn has_one_schema(&self) -> bool {
        let other = self.beside.as_ref().map(|beside| beside.card.description.schema);
        self.state.module.as_ref().is_some_and(|own| Some(own.description.schema) == other)
    }

    /// A call of the other version: it borrows the zone's place, and nothing of it stays. None: it does not run.
    fn call_beside<T: Default>(
        &mut self,
        luck: Luck,
        call: impl FnOnce(&mut dyn Module, Box<dyn HostCalls>) -> Returned<T>,
    ) -> Option<Result<(T, Vec<Command>), Fault>> {
        let beside = self.beside.as_mut()?;
        let (module, card) = (beside.module.take()?, beside.card.clone());
        let own_slot = std::mem::replace(&mut self.slot, Slot::Running(module));
        let own_card = self.state.module.replace(card);
        let own_luck = std::mem::replace(&mut self.state.scene.luck, luck);
        let (log_budget, reports) = (self.log_budget, self.turn.out.reports.len());
        let result = self.call(call);
        self.log_budget = log_budget;
        self.turn.out.reports.truncate(reports);
        self.state.scene.luck = own_luck;
        self.state.module = own_card;
        let slot = std::mem::replace(&mut self.slot, own_slot);
        if let (Ok(_), Slot::Running(module), Some(beside)) = (&result, slot, &mut self.beside) {
            beside.module = Some(module);
        }
        Some(result)
    }
}

/// A part of what a version answers to a call.
#[derive(PartialEq)]
enum Answer<'a> {
    Verdict(&'a Verdict),
    Order(&'a Command),
}

impl Answer<'_> {
    /// The order's kind, or that it is a verdict.
    fn kind(&self) -> String {
        match self {
            Self::Verdict(_) => "Verdict".to_owned(),
            Self::Order(order) => order.kind(),
        }
    }
}

impl std::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(f, "Verdict::{verdict:?}"),
            Self::Order(order) => order.fmt(f),
        }
    }
}

fn answers<'a>(verdicts: &'a [Verdict], orders: &'a [Command]) -> Vec<Answer<'a>> {
    verdicts.iter().map(Answer::Verdict).chain(orders.iter().map(Answer::Order)).collect()
}

impl Comparison {
    fn note(
        &mut self,
        tick: Tick,
        told: &[impl Debug],
        running: &[Answer<'_>],
        other: &[Answer<'_>],
        one_schema: bool,
    ) {
        let same = |a: &Answer<'_>, b: &Answer<'_>| match (a, b) {
            (Answer::Order(Command::SavePlayer(a, _)), Answer::Order(Command::SavePlayer(b, _))) if !one_schema => {
                a == b
            }
            _ => a == b,
        };
        self.calls += 1;
        let place = running.iter().zip(other).take_while(|(a, b)| same(a, b)).count();
        if place == running.len() && place == other.len() {
            self.same += 1;
            return;
        }
        self.differs_at.get_or_insert(tick);
        for answer in running {
            self.kinds.entry(answer.kind()).or_default().running += 1;
        }
        for answer in other {
            self.kinds.entry(answer.kind()).or_default().other += 1;
        }
        if self.first.len() < FIRST_DIFFERENCES {
            self.first.push(Difference {
                tick,
                events: told.iter().take(EVENTS_TOLD).map(text).collect(),
                running: running.get(place).map(text),
                other: other.get(place).map(text),
            });
        }
    }

    fn note_fault(&mut self, tick: Tick, told: &[impl Debug], fault: &Fault) {
        self.faults += 1;
        if self.first_faults.len() < FIRST_FAULTS {
            let event = fault.event.and_then(|index| told.get(index as usize)).map(text);
            self.first_faults.push((tick, fault.to_string(), event));
        }
    }
}

fn text(what: &impl Debug) -> String {
    super::checks::clip(format!("{what:?}"), TEXT_BYTES)
}
