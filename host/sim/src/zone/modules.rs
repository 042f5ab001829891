//! The zone's module: its calls, its faults, its replacement.

use std::any::Any;
use std::sync::Arc;

use wod_protocol::client::{FLAG_JUMP, RejectCode, TagValue, ZoneReason};
use wod_protocol::ids::{Digest, EntityId, Generation, Token};

use super::Zone;
use super::calls::{Calls, TIMERS};
use super::orders::{Command, Orders};
use super::scene::{Ground, Luck, Scene, to_point};
use super::state::ModuleCard;
use super::{Modules, Prepared};
use crate::io::{CallOutcome, Outcome, Report};
use crate::module::{
    Description, Event, Fault, FaultKind, Frame, HostCalls, Module, Returned, Saved, Setup, StartReason,
};
use crate::space::path::Work;

/// Most events in one call; the rest waits for the next tick.
const EVENTS_PER_CALL: usize = 4096;
/// Most events that wait for a module, missing or slow. Beyond it what can be done without (heard, sensed, observed) is left
/// out, beyond twice as many everything.
const EVENTS_KEPT: usize = 8192;
/// Seconds within which a module must answer an operator.
const ANSWER_SECONDS: u64 = 5;
/// Most unanswered questions of operators.
const OPEN_ASKS: usize = 256;
/// Most settings kept for a zone.
const SETTINGS: usize = 256;

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
        if full || self.state.module.is_none() {
            self.leave_out(&event);
        } else {
            self.state.events.push_back(event);
        }
    }

    /// The module will never be told: whoever waits for its answer is.
    fn leave_out(&mut self, event: &Event) {
        match event {
            Event::Interacted { player, seq, .. } | Event::Chose { player, seq, .. } => {
                self.reject(*player, *seq, &RejectCode::ModuleFault, "that failed; it was reported");
            }
            Event::Message { id, .. } => self.send_receipt(*id, false),
            Event::Admin { request, .. } => self.answer(request.0, Err("the module failed at this question".into())),
            _ => {}
        }
    }

    /// Tells the module what happened since its last call.
    pub(super) fn call_module(&mut self, obey: Option<&Outcome>, outcome: &mut Outcome) {
        match obey {
            Some(obeyed) if obeyed.lost => {
                self.park();
                outcome.lost = true;
            }
            Some(_) => {}
            None => outcome.lost = std::mem::take(&mut self.lost),
        }
        self.turn.out.binding |= outcome.lost;
        if self.state.events.is_empty() || !matches!(self.slot, Slot::Running(_)) {
            return;
        }
        let count = self.state.events.len().min(EVENTS_PER_CALL);
        let batch: Vec<Event> = self.state.events.drain(..count).collect();
        if let Some(Outcome { call: CallOutcome::Fault(fault), .. }) = obey {
            self.park();
            return self.call_failed(batch, fault.clone(), outcome);
        }
        let frame =
            Frame { tick: self.state.tick, game_ms: self.game_ms(), dilation: f32::from(self.state.dilation) / 1000.0 };
        match self.call(|module, calls| module.tick(&frame, &batch, calls)) {
            Ok(commands) => {
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

    /// The call's commands are void. The event it was handling is left out, the others are told again.
    fn call_failed(&mut self, batch: Vec<Event>, fault: Fault, outcome: &mut Outcome) {
        let skipped = fault.event.map(|index| index as usize).filter(|index| *index < batch.len());
        let culprit = skipped.map(|index| format!("{:?}", batch[index]));
        let (left_out, again): (Vec<_>, Vec<_>) =
            batch.into_iter().enumerate().partition(|(index, _)| skipped.is_none_or(|skipped| skipped == *index));
        for (_, event) in again.into_iter().rev() {
            self.state.events.push_front(event);
        }
        for (_, event) in left_out {
            self.leave_out(&event);
        }
        self.turn.report(Report::Fault(fault.clone(), culprit));
        self.turn.out.binding = true;
        outcome.call = CallOutcome::Fault(fault);
    }

    /// Lends the scene to a call of the module. A call that failed has drawn no numbers.
    fn call(
        &mut self,
        call: impl FnOnce(&mut dyn Module, Box<dyn HostCalls>) -> Returned,
    ) -> Result<Vec<Command>, Fault> {
        let Slot::Running(module) = &mut self.slot else { return Ok(Vec::new()) };
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
            Ok(()) => Ok(orders.commands),
            Err(mut fault) => {
                fault.event = fault.event.or(orders.marked);
                self.state.scene.luck = luck;
                Err(fault)
            }
        }
    }

    /// In a replay: the instance stays as the original was before its fault.
    fn park(&mut self) {
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
    pub(super) fn rebuilt(&mut self, modules: &mut dyn Modules, obey: Option<&Outcome>) {
        self.slot = match (std::mem::replace(&mut self.slot, Slot::Missing), obey) {
            (Slot::Parked(module), Some(obeyed)) if !obeyed.lost => Slot::Running(module),
            (Slot::Missing, None) => match modules.rebuilt() {
                Ok(module) => {
                    self.lost = false;
                    Slot::Running(module)
                }
                Err(fault) => {
                    self.lose_module(&fault);
                    Slot::Missing
                }
            },
            (other, _) => other,
        };
    }

    /// Replaces the module, or gives the zone its first.
    pub(super) fn swap(
        &mut self,
        (digest, generation, rollback): (Digest, Generation, bool),
        modules: &mut dyn Modules,
        obey: Option<&Outcome>,
        outcome: &mut Outcome,
    ) {
        if outcome.swap.is_some() {
            let second = refused("another swap was done in the same tick");
            return self.turn.report(Report::Fault(second, None));
        }
        let result = match obey {
            Some(Outcome { swap: Some(Err(fault)), .. }) => Err(fault.clone()),
            _ => self.try_swap(digest, generation, rollback, modules),
        };
        if let Err(fault) = &result {
            if matches!(obey, Some(Outcome { swap: Some(Ok(())), .. })) {
                self.diverged = Some(fault.clone());
            }
            self.turn.report(Report::Fault(fault.clone(), None));
        }
        outcome.swap = Some(result);
    }

    fn try_swap(
        &mut self,
        digest: Digest,
        generation: Generation,
        rollback: bool,
        modules: &mut dyn Modules,
    ) -> Result<(), Fault> {
        if matches!(self.slot, Slot::Missing | Slot::Parked(_)) {
            return Err(refused("the zone's module is being rebuilt"));
        }
        let Prepared { mut module, map, map_digest } = modules.take(&digest)?;
        let size = self.rules.zone().size;
        if map.size != size {
            let detail = format!("its map measures {:?} m, the world file has {size:?} m", map.size);
            return Err(Fault { kind: FaultKind::NotLoadable, detail, event: None });
        }
        let card = ModuleCard { digest, description: Arc::new(module.description().clone()) };
        let setup = self.setup(&card.description);
        let is_first = matches!(self.slot, Slot::Empty);
        if !is_first {
            let saved = self.save_module()?;
            module.load(&setup, &saved)?;
        }
        let ground = (map_digest != self.state.scene.ground.digest || is_first)
            .then(|| Ground::new(map, map_digest, self.rules.bounds));
        self.slot = Slot::Running(module);
        if is_first {
            // What stood here before is nothing: `init` may spawn on the new ground, and leaves no trace if it fails.
            let before = ground.map(|ground| std::mem::replace(&mut self.state.scene.ground, ground));
            self.state.module = Some(card);
            match self.call(|module, calls| module.init(&setup, calls)) {
                Ok(commands) => self.apply(commands),
                Err(fault) => {
                    self.slot = Slot::Empty;
                    self.state.module = None;
                    self.state.scene.ground = before.unwrap_or_else(|| Ground::plain(self.rules.bounds));
                    return Err(fault);
                }
            }
        } else {
            self.state.module = Some(card);
            if let Some(ground) = ground {
                self.change_ground(ground);
            }
        }
        self.state.generation = generation;
        let (start, reason) = match (is_first, rollback) {
            (true, _) => (StartReason::Fresh, ZoneReason::Swapped),
            (false, false) => (StartReason::Swapped, ZoneReason::Swapped),
            (false, true) => (StartReason::RolledBack, ZoneReason::RolledBack),
        };
        self.rezone(reason);
        self.turn.out.binding = true;
        let started = self.started(start);
        self.state.events.push_front(started);
        Ok(())
    }

    /// Who is here, for an instance's first event. Whose coming it is yet to be told is not among them.
    fn started(&self, reason: StartReason) -> Event {
        let announced: Vec<EntityId> = self
            .state
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Entered { player, .. } => Some(*player),
                _ => None,
            })
            .collect();
        let players = self.state.players.keys().copied().filter(|id| !announced.contains(id)).collect();
        Event::Started { reason, players, mine: self.state.scene.own().collect() }
    }

    /// Another map: barriers of the same name stay as they are, and whoever stands in a wall now is moved out of it.
    fn change_ground(&mut self, mut ground: Ground) {
        let old = &self.state.scene.ground.terrain;
        let names: Vec<String> = ground.map.barriers.iter().map(|barrier| barrier.name.clone()).collect();
        for name in names {
            if let Some(closed) = old.barrier(&name) {
                ground.terrain.set_barrier(&name, closed);
            }
        }
        self.state.scene.set_ground(ground);
        self.free_the_stuck();
    }

    /// Walls have changed: whoever is not free any more is moved to the nearest free spot, and ways are looked for anew.
    pub(super) fn free_the_stuck(&mut self) {
        self.state.scene.movers.terrain_changed();
        let terrain = &self.state.scene.ground.terrain;
        let stuck: Vec<_> = self
            .state
            .scene
            .entities
            .iter()
            .filter(|(_, entity)| !terrain.is_free(entity.at))
            .filter_map(|(id, entity)| Some((*id, entity.heading, terrain.nearest_free(entity.at)?)))
            .collect();
        for (id, heading, at) in stuck {
            match self.state.scene.kind(id) {
                Some(wod_protocol::client::Kind::Player) => self.place_player(id, at, heading, "placed"),
                Some(wod_protocol::client::Kind::Npc) => {
                    if self.state.scene.put(id, at, heading, self.state.tick) {
                        self.turn.note_move(id, FLAG_JUMP);
                    }
                }
                // Things may be built into walls.
                Some(wod_protocol::client::Kind::Object) | None => {}
            }
        }
    }

    /// What a module is told of where it finds itself.
    pub(super) fn setup(&self, description: &Description) -> Setup {
        let zone = self.rules.zone();
        let mut config: Vec<(String, TagValue)> =
            description.config.iter().map(|key| (key.name.clone(), self.setting(&key.name, &key.default))).collect();
        config.sort_by(|a, b| a.0.cmp(&b.0));
        Setup {
            zone: zone.name.to_string(),
            region: zone.region().to_owned(),
            bounds: (to_point(self.rules.bounds.min), to_point(self.rules.bounds.max)),
            tick_hz: self.rules.tick_hz,
            config,
        }
    }

    /// A setting as it holds: the operator's word before the world file's before the module's own. A value of another type
    /// than the module's own is not one.
    fn setting(&self, name: &str, default: &TagValue) -> TagValue {
        let settings = [&self.state.config, &self.rules.zone().config];
        let set = settings.iter().find_map(|settings| fit(settings.get(name)?, default));
        set.unwrap_or_else(|| default.clone())
    }

    /// An operator sets settings: all of them, or none.
    pub(super) fn configure(&mut self, request: u64, values: &[(String, TagValue)]) {
        let answer = self.try_configure(values);
        self.answer(request, answer);
    }

    fn try_configure(&mut self, values: &[(String, TagValue)]) -> Result<String, String> {
        let Some(card) = &self.state.module else { return Err("the zone has no module yet".into()) };
        let mut fitting = Vec::with_capacity(values.len());
        for (name, value) in values {
            let Some(key) = card.description.config.iter().find(|key| key.name == *name) else {
                let known: Vec<&str> = card.description.config.iter().map(|key| key.name.as_str()).collect();
                return Err(format!("the module has no setting `{name}`; it has: {}", known.join(", ")));
            };
            let Some(value) = fit(value, &key.default) else {
                return Err(format!("`{name}` must be of the type of its default, {:?}", key.default));
            };
            fitting.push((name.clone(), value));
        }
        let added = values.iter().filter(|(name, _)| !self.state.config.contains_key(name)).count();
        if self.state.config.len() + added > SETTINGS {
            return Err(format!("more than {SETTINGS} settings"));
        }
        self.state.config.extend(fitting.iter().cloned());
        self.push_event(Event::ConfigChanged(fitting));
        Ok("set".into())
    }

    /// An operator asks the module something.
    pub(super) fn ask(&mut self, request: u64, operator: &str, text: &str) {
        let asks = &mut self.state.asks;
        if asks.open.contains_key(&request) || asks.given.iter().any(|(_, given, _)| *given == request) {
            return;
        }
        if self.state.module.is_none() || asks.open.len() >= OPEN_ASKS {
            return self.answer(request, Err("the zone has no module, or too many questions are open".into()));
        }
        let deadline = self.state.tick.0 + ANSWER_SECONDS * self.rules.second();
        asks.open.insert(request, wod_protocol::ids::Tick(deadline));
        self.push_event(Event::Admin { request: Token(request), operator: operator.to_owned(), text: text.to_owned() });
    }

    /// Questions that the module left unanswered too long.
    pub(super) fn expire_asks(&mut self) {
        let now = self.state.tick;
        let over: Vec<u64> = self
            .state
            .asks
            .open
            .iter()
            .filter(|(_, deadline)| **deadline <= now)
            .map(|(request, _)| *request)
            .collect();
        for request in over {
            self.answer(request, Err(format!("the module did not answer within {ANSWER_SECONDS} s")));
        }
        let keep = ANSWER_SECONDS * self.rules.second();
        self.state.asks.given.retain(|(at, _, _)| at.0 + keep > now.0);
    }

    /// Answers an operator, once.
    pub(super) fn answer(&mut self, request: u64, answer: Result<String, String>) {
        let asks = &mut self.state.asks;
        asks.open.remove(&request);
        if asks.given.len() >= OPEN_ASKS {
            asks.given.pop_front();
        }
        asks.given.push_back((self.state.tick, request, answer.clone()));
        self.turn.out.answers.push((request, answer));
        self.turn.out.binding = true;
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

/// The value in the type of the default; none: it has another.
fn fit(value: &TagValue, default: &TagValue) -> Option<TagValue> {
    match (value, default) {
        (TagValue::Int(whole), TagValue::Number(_)) => Some(TagValue::Number(*whole as f64)),
        (TagValue::Number(number), TagValue::Number(_)) if !number.is_finite() => None,
        _ => (std::mem::discriminant(value) == std::mem::discriminant(default)).then(|| value.clone()),
    }
}

pub(super) fn refused(detail: &str) -> Fault {
    Fault { kind: FaultKind::Refused, detail: detail.to_owned(), event: None }
}
