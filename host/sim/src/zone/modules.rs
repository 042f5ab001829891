//! The zone's module: its calls and its faults.

use std::any::Any;
use std::sync::Arc;

use wod_protocol::client::RejectCode;

use super::Modules;
use super::Zone;
use super::calls::Calls;
use super::limits::{EVENTS_KEPT, EVENTS_PER_CALL, TIMERS};
use super::orders::{Command, Orders};
use super::scene::{Luck, Scene};
use crate::io::{CallOutcome, Outcome, Report};
use crate::module::{Event, Fault, FaultKind, Frame, HostCalls, Module, Returned, Saved};
use crate::space::path::Work;

/// The zone's instance.
pub(super) enum Slot {
    /// There was none yet.
    Empty,
    /// Ready to be called.
    Running(Box<dyn Module>),
    /// In a replay: as it stood before the original faulted.
    Parked(Box<dyn Module>),
    /// Faulted; the host rebuilds it.
    Missing,
}

impl Zone {
    /// Notes something for the module. A zone without one forgets it.
    pub(super) fn push_event(&mut self, event: Event) {
        let waiting = self.state.events.len();
        let full = waiting >= 2 * EVENTS_KEPT || (waiting >= EVENTS_KEPT && is_dispensable(&event));
        if full || self.state.module.is_none() || self.state.shelved.is_some() {
            self.leave_out(&event);
        } else {
            self.state.events.push_back(event);
        }
    }

    /// The module will never be told: whoever waits for its answer is.
    pub(super) fn leave_out(&mut self, event: &Event) {
        match event {
            Event::Interacted { player, seq, .. } | Event::Chose { player, seq, .. } => {
                self.reject(*player, *seq, &RejectCode::ModuleFault, "that failed; it was reported");
            }
            Event::Message { id, .. } => self.send_receipt(*id, false),
            Event::Admin { request, .. } => self.answer(request.0, Err("the module failed at this question".into())),
            _ => {}
        }
    }

    /// Takes note that the module was lost outside a call, or had been lost so in the original of a replay.
    pub(super) fn settle_loss(&mut self, obey: Option<&Outcome>, outcome: &mut Outcome) {
        match obey {
            Some(obeyed) if obeyed.lost => {
                self.park();
                outcome.lost = true;
            }
            Some(_) => {}
            None => outcome.lost = std::mem::take(&mut self.lost),
        }
        if outcome.lost {
            self.turn.out.binding = true;
            self.state.untold.get_or_insert(self.state.tick);
        }
    }

    /// Tells the module what happened since its last call.
    pub(super) fn call_module(&mut self, obey: Option<&Outcome>, outcome: &mut Outcome) {
        if self.state.events.is_empty() || !matches!(self.slot, Slot::Running(_)) {
            return;
        }
        let mut count = self.state.events.len().min(EVENTS_PER_CALL);
        if self.state.suspects > 0 {
            count = count.min(self.state.suspects.div_ceil(2));
        }
        let batch: Vec<Event> = self.state.events.drain(..count).collect();
        if let Some(Outcome { call: CallOutcome::Fault(fault), .. }) = obey {
            self.park();
            return self.call_failed(batch, fault.clone(), outcome);
        }
        let frame = self.call_frame();
        let luck = self.beside.is_some().then(|| self.state.scene.luck.clone());
        match self.call(|module, calls| module.tick(&frame, &batch, calls)) {
            Ok(((), commands)) => {
                self.state.suspects = self.state.suspects.saturating_sub(batch.len());
                if let Some(luck) = luck {
                    self.tell_beside(&frame, &batch, luck, Some(&commands));
                }
                for event in &batch {
                    if let Event::Message { id, .. } = event {
                        self.send_receipt(*id, true);
                    }
                }
                self.apply(commands);
            }
            Err(fault) => {
                if obey.is_some() {
                    self.diverged = Some(fault.clone());
                }
                self.slot = Slot::Missing;
                self.call_failed(batch, fault, outcome);
            }
        }
    }

    pub(super) fn call_frame(&self) -> Frame {
        Frame { tick: self.state.tick, game_ms: self.game_ms(), dilation: f32::from(self.state.dilation) / 1000.0 }
    }

    /// The call's commands are void. The event it was handling is left out, the others are told again. Where the module does not
    /// mark its events the culprit is found by halving: of what failed, half is told next.
    fn call_failed(&mut self, batch: Vec<Event>, fault: Fault, outcome: &mut Outcome) {
        let marked = fault.event.map(|index| index as usize).filter(|index| *index < batch.len());
        let skipped = marked.or((batch.len() == 1).then_some(0));
        self.state.suspects = if skipped.is_some() { 0 } else { batch.len() };
        let culprit = skipped.map(|index| batch[index].clone());
        if let Some((player, verb)) = culprit.as_ref().and_then(|event| self.state.versions.note_fault(event)) {
            self.turn.report(Report::Blocked { player, verb });
        }
        self.state.untold.get_or_insert(self.state.tick);
        let (left_out, again): (Vec<_>, Vec<_>) =
            batch.into_iter().enumerate().partition(|(index, _)| skipped == Some(*index));
        for (_, event) in again.into_iter().rev() {
            self.state.events.push_front(event);
        }
        for (_, event) in left_out {
            if matches!(event, Event::Message { .. }) {
                self.state.versions.note_bounce();
            }
            self.leave_out(&event);
        }
        self.turn.report(Report::Fault(fault.clone(), culprit));
        self.turn.out.binding = true;
        outcome.call = CallOutcome::Fault(fault);
    }

    /// Lends the scene to a call of the module: its answer, and what it ordered. A call that failed has drawn no numbers.
    pub(super) fn call<T: Default>(
        &mut self,
        call: impl FnOnce(&mut dyn Module, Box<dyn HostCalls>) -> Returned<T>,
    ) -> Result<(T, Vec<Command>), Fault> {
        let Slot::Running(module) = &mut self.slot else { return Ok(Default::default()) };
        self.state.scene.ground.work = Work::PER_TICK;
        let luck: Luck = self.state.scene.luck.clone();
        let stand_in = self.stand_in.take().unwrap_or_else(Scene::stand_in);
        let scene = std::mem::replace(&mut self.state.scene, stand_in);
        let description = self.state.module.as_ref().map(|card| Arc::clone(&card.description));
        let orders = Orders::new(self.log_budget, TIMERS.saturating_sub(self.state.timers.len()));
        let calls = Calls { scene, rules: Arc::clone(&self.rules), tick: self.state.tick, description, orders };
        let Returned { calls, result } = call(module.as_mut(), Box::new(calls));
        let calls: Box<dyn Any> = calls;
        let calls: Box<Calls> = calls.downcast().expect("a module gives back what it was given");
        let Calls { scene, orders, .. } = *calls;
        self.stand_in = Some(std::mem::replace(&mut self.state.scene, scene));
        self.log_budget = orders.log_budget;
        self.turn.out.reports.extend(orders.reports);
        match result {
            Ok(answer) => Ok((answer, orders.commands)),
            Err(mut fault) => {
                fault.event = fault.event.or(orders.marked);
                self.state.scene.luck = luck;
                Err(fault)
            }
        }
    }

    /// In a replay: the instance stays as the original was before its fault.
    pub(super) fn park(&mut self) {
        self.slot = match std::mem::replace(&mut self.slot, Slot::Missing) {
            Slot::Running(module) => Slot::Parked(module),
            other => other,
        };
    }

    /// The module failed outside a call; the next outcome says so.
    pub(super) fn lose_module(&mut self, fault: &Fault) {
        self.slot = Slot::Missing;
        self.lost = true;
        self.turn.report(Report::Fault(fault.clone(), None));
    }

    /// The running module's state; a fault leaves the zone without a module.
    pub(super) fn save_module(&mut self) -> Result<Saved, Fault> {
        let Slot::Running(module) = &mut self.slot else {
            return Err(refused("the zone's module is missing"));
        };
        let saved = module.save();
        if let Err(fault) = &saved {
            self.lose_module(fault);
        }
        saved
    }

    /// The host has a rebuilt instance.
    pub(super) fn rebuilt(&mut self, modules: &mut dyn Modules, obey: Option<&Outcome>, outcome: &mut Outcome) {
        self.slot = match (std::mem::replace(&mut self.slot, Slot::Missing), obey) {
            (Slot::Parked(module), Some(obeyed)) if obeyed.rebuilt => {
                outcome.rebuilt = true;
                Slot::Running(module)
            }
            (Slot::Missing, None) => match modules.rebuilt() {
                Ok(module) => {
                    self.lost = false;
                    outcome.rebuilt = true;
                    Slot::Running(module)
                }
                Err(fault) => {
                    self.lose_module(&fault);
                    Slot::Missing
                }
            },
            (other, _) => other,
        };
        if matches!(self.slot, Slot::Running(_)) {
            self.state.untold = None;
        }
    }
}

fn is_dispensable(event: &Event) -> bool {
    matches!(
        event,
        Event::Heard { .. }
            | Event::SensorEntered { .. }
            | Event::SensorLeft { .. }
            | Event::Observed { .. }
            | Event::Other { .. }
    )
}

pub(super) fn refused(detail: &str) -> Fault {
    Fault { kind: FaultKind::Refused, detail: detail.to_owned(), event: None }
}
