//! Rewind: the module alone goes back to before a swap, and lives again what happened since. Players, and whatever has left the
//! zone, stay as they are.
//!
//! The module of before is run in a copy of the zone ([`Retrace`]): from a snapshot of before the swap, through what was journaled
//! since, up to the tick from which on the zone's own module was told nothing. What it does there to players and other zones
//! is the copy's alone. Then its state, what it has spawned and its timers take the place of the zone's own.
//!
//! Ids that the copy gives out are not the zone's: each swap reserves some ([`super::scene::Luck::reserve_entities`]).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wod_protocol::ids::{Digest, EntityId, Tick};
use wod_protocol::limits::DECODE_DEPTH;

use super::modules::{Slot, refused};
use super::scene::Entity;
use super::state::{Player, Timers};
use super::{Diverged, Modules, Zone};
use crate::io::{CallOutcome, Effects, Entry, Input, Outcome};
use crate::module::{Event, Fault, Saved, StartReason};
use crate::space::mover::Movers;
use crate::space::roster::Sensors;

/// What of a copy takes the place of the zone's own.
#[derive(Serialize, Deserialize)]
struct Parts {
    digest: Digest,
    saved: Saved,
    /// Spawned by the module.
    entities: Vec<(EntityId, Entity)>,
    movers: Movers,
    sensors: Sensors,
    timers: Timers,
    closed_barriers: Vec<String>,
    /// Tokens given out.
    tokens: u64,
    /// About its own doings, not yet told.
    events: Vec<Event>,
}

/// A copy of a zone in which the module of before a swap lives again what was journaled since.
pub struct Retrace {
    zone: Zone,
    /// When the swap was.
    swapped: Tick,
    /// From when on the zone's own module was told nothing.
    until: Tick,
}

impl Retrace {
    /// Of a zone restored from a snapshot of before the swap of tick `swapped`; it ends with the entry of tick `until`.
    pub fn new(zone: Zone, swapped: Tick, until: Tick) -> Self {
        Self { zone, swapped, until }
    }

    /// Lives through an entry: before the swap as it was, from then on without it. True: that was the last.
    ///
    /// # Errors
    /// When the module fails, or the journal is not this zone's.
    pub fn step(&mut self, entry: &Entry, modules: &mut dyn Modules, effects: &mut Effects) -> Result<bool, Fault> {
        if entry.tick < self.swapped {
            return match self.zone.replay(entry, modules, effects) {
                Ok(()) | Err(Diverged::Effects { .. }) => Ok(false),
                Err(error) => Err(refused(&error.to_string())),
            };
        }
        self.zone.retracing = true;
        let woke = entry.inputs.iter().any(|input| matches!(input, Input::Woke { .. }));
        while self.zone.state.tick.next() < entry.tick && !(woke && self.zone.sleeps_before(entry.tick)) {
            self.live(&[], None, modules, effects)?;
        }
        let last = entry.tick >= self.until;
        let untold = Outcome { lost: true, ..Outcome::default() };
        self.live(&entry.inputs, last.then_some(&untold), modules, effects)?;
        Ok(last)
    }

    fn live(
        &mut self,
        inputs: &[Input],
        obey: Option<&Outcome>,
        modules: &mut dyn Modules,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        if let Slot::Running(module) = &mut self.zone.slot {
            module.enforce_time(true);
        }
        let Outcome { call, filter, .. } = self.zone.step_as(inputs, modules, effects, obey);
        match (filter, call) {
            (CallOutcome::Fault(fault), _) | (_, CallOutcome::Fault(fault)) => Err(fault),
            (CallOutcome::Fine, CallOutcome::Fine) => Ok(()),
        }
    }

    /// What [`Input::Rewound`] carries.
    ///
    /// # Errors
    /// When the module does not save its state.
    pub fn finish(self) -> Result<Bytes, Fault> {
        let mut zone = self.zone;
        let card = zone.state.module.take().ok_or_else(|| refused("there was no module before the swap"))?;
        let saved = match &mut zone.slot {
            Slot::Parked(module) | Slot::Running(module) => {
                module.enforce_time(true);
                module.save()?
            }
            Slot::Empty | Slot::Missing => return Err(refused("the module of before did not run")),
        };
        let scene = zone.state.scene;
        let parts = Parts {
            digest: card.digest,
            saved,
            closed_barriers: scene.ground.terrain.closed_barriers().map(str::to_owned).collect(),
            tokens: scene.luck.tokens(),
            entities: scene.entities.into_iter().filter(|(_, entity)| entity.is_own()).collect(),
            movers: scene.movers,
            sensors: scene.sensors,
            timers: zone.state.timers,
            events: zone.state.events.into_iter().filter(is_own).collect(),
        };
        let bytes = rmp_serde::to_vec(&parts).map_err(|error| refused(&format!("it does not encode: {error}")))?;
        Ok(bytes.into())
    }
}

impl Zone {
    /// An operator or the host stops the module to rewind it. Answered with the last tick whose events the module was not told.
    ///
    /// In a replay [`Zone::call_module`] parks it.
    pub(super) fn suspend(&mut self, request: u64, accept_loss: bool, replaying: bool) {
        let answer = self.try_suspend(accept_loss, replaying).map(|until| until.to_string());
        self.answer(request, answer);
    }

    fn try_suspend(&mut self, accept_loss: bool, replaying: bool) -> Result<Tick, String> {
        let terms = self.terms();
        if terms.previous.is_none() || terms.shelved.is_some() {
            return Err("no version before this one is kept".into());
        }
        if !accept_loss && (terms.departed > 0 || terms.delivered > 0 || terms.bounced > 0) {
            return Err(format!(
                "since the swap {} players have left with something saved for them, {} messages were sent to other zones and {} \
                 from there were given back: a rewind does not take that back, so things could be lost or doubled",
                terms.departed, terms.delivered, terms.bounced
            ));
        }
        if matches!(self.slot, Slot::Running(_)) && !replaying {
            self.slot = Slot::Missing;
            self.lost = true;
        }
        Ok(*self.state.untold.get_or_insert(self.state.tick))
    }

    /// What a copy has lived through takes the place of the module and of what it spawned.
    pub(super) fn rewind(&mut self, parts: &[u8], modules: &mut dyn Modules) -> Result<(), Fault> {
        if !matches!(self.slot, Slot::Missing | Slot::Parked(_)) {
            return Err(refused("only a suspended module can be rewound"));
        }
        let parts = decode(parts).map_err(|error| refused(&format!("the rewind does not decode: {error}")))?;
        if parts.entities.iter().any(|(id, _)| self.state.players.contains_key(id)) {
            return Err(refused("the version before has spawned more than ids were reserved for at the swap"));
        }
        let (prepared, card, setup) = self.prepare(parts.digest, modules)?;
        let loaded = self.load(prepared, card, &setup, Some(&parts.saved))?;
        self.replace_own(&parts);
        self.close_dialogues();
        self.merge_events(parts.events);
        self.state.versions.back();
        self.take_over(loaded, StartReason::Rewound);
        let barriers = parts.closed_barriers.iter().map(String::as_str);
        self.state.scene.ground.terrain.restore_barriers(barriers);
        self.free_the_stuck();
        Ok(())
    }

    /// What waits to be told: of the copy about its own doings, of the zone about everybody else's.
    fn merge_events(&mut self, own: Vec<Event>) {
        let waiting = std::mem::take(&mut self.state.events);
        for event in own.into_iter().chain(waiting.into_iter().filter(|event| !is_own(event))) {
            let gone = |id: &EntityId| !self.state.scene.entities.contains_key(id);
            match &event {
                Event::Interacted { target: id, .. } | Event::Heard { listener: id, .. } if gone(id) => {
                    self.leave_out(&event);
                }
                _ => self.state.events.push_back(event),
            }
        }
    }

    fn replace_own(&mut self, parts: &Parts) {
        let scene = &mut self.state.scene;
        let own: Vec<EntityId> = scene.own().collect();
        let removed: Vec<_> = own.into_iter().filter_map(|id| Some((id, scene.remove(id)?))).collect();
        for (id, entity) in &parts.entities {
            // Rosters still hold those that stood here under the same id.
            let watchers = removed.iter().find(|(other, _)| other == id).map_or(0, |(_, entity)| entity.watchers);
            scene.insert(*id, Entity { watchers, ..entity.clone() });
            self.turn.watched.push(*id);
        }
        scene.movers = parts.movers.clone();
        scene.sensors = parts.sensors.clone();
        scene.luck.skip_tokens(parts.tokens);
        self.state.timers = parts.timers.clone();
    }

    fn close_dialogues(&mut self) {
        let open = |(id, player): (&EntityId, &Player)| {
            let id = *id;
            let own = player.dialogues.iter().filter(|(_, open)| open.led_by.is_none());
            own.map(move |(dialogue, _)| (id, *dialogue)).collect::<Vec<_>>()
        };
        for (player, dialogue) in self.state.players.iter().flat_map(open).collect::<Vec<_>>() {
            self.close_dialogue(player, dialogue, None);
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Parts, rmp_serde::decode::Error> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    decoder.set_max_depth(DECODE_DEPTH);
    Parts::deserialize(&mut decoder)
}

/// Whether an event is about the module's own doings, not about players, operators or other zones.
fn is_own(event: &Event) -> bool {
    matches!(
        event,
        Event::Moved { .. }
            | Event::Timer(_)
            | Event::SensorEntered { .. }
            | Event::SensorLeft { .. }
            | Event::Observed { .. }
    )
}
