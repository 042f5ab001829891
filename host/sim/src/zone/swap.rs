//! The zone's module is replaced between two ticks: by another version, by the one before, or by none.

use std::sync::Arc;

use wod_protocol::client::{FLAG_JUMP, Kind, TagValue, ZoneReason};
use wod_protocol::ids::{Digest, EntityId, Generation};

use super::modules::{Slot, refused};
use super::scene::{Ground, to_point};
use super::state::ModuleCard;
use super::versions::Shelved;
use super::{Modules, Prepared, Zone};
use crate::io::{Input, Outcome, Report};
use crate::module::{Description, EnterReason, Event, Fault, FaultKind, Module, Saved, Setup, StartReason};

/// A module that has taken over the zone's state, but not yet the zone.
pub(super) struct Loaded {
    pub(super) module: Box<dyn Module>,
    pub(super) card: ModuleCard,
    /// None: the ground stays as it is.
    pub(super) ground: Option<Ground>,
}

impl Zone {
    /// Carries out an input that gives the zone another module.
    pub(super) fn replace_module(
        &mut self,
        input: &Input,
        modules: &mut dyn Modules,
        obey: Option<&Outcome>,
        outcome: &mut Outcome,
    ) {
        if outcome.swap.is_some() {
            let second = refused("another swap was done in the same tick");
            return self.turn.report(Report::Fault(second, None));
        }
        let result = match (obey, input) {
            (Some(Outcome { swap: Some(Err(fault)), .. }), _) => Err(fault.clone()),
            (_, Input::Swap { digest, probation }) => self.swap(*digest, *probation, modules),
            (_, Input::RollBack) => self.roll_back(modules),
            (_, Input::Rewound { parts }) => self.rewind(parts, modules),
            _ => return,
        };
        if let Err(fault) = &result {
            if matches!(obey, Some(Outcome { swap: Some(Ok(())), .. })) {
                self.diverged = Some(fault.clone());
            }
            self.turn.report(Report::Fault(fault.clone(), None));
        }
        outcome.swap = Some(result);
    }

    /// Another version takes over what the running one saves; or the zone gets its first module.
    fn swap(&mut self, digest: Digest, probation: u32, modules: &mut dyn Modules) -> Result<(), Fault> {
        if self.state.module.is_none() {
            return self.open(digest, modules);
        }
        let (loaded, _) = self.carry(digest, modules)?;
        self.state.scene.luck.reserve_entities();
        let (tick, sent) = (self.state.tick, self.state.outbox.sent_messages());
        let former = self.state.module.take().filter(|_| self.state.shelved.is_none());
        self.state.versions.forward(former, tick, probation, sent);
        self.take_over(loaded, StartReason::Swapped);
        Ok(())
    }

    /// The version before takes over what the running one saves.
    fn roll_back(&mut self, modules: &mut dyn Modules) -> Result<(), Fault> {
        let previous = self.state.versions.previous.as_ref().map(|card| card.digest);
        let (loaded, _) =
            self.carry(previous.ok_or_else(|| refused("no version before this one is kept"))?, modules)?;
        self.state.versions.back();
        self.take_over(loaded, StartReason::RolledBack);
        Ok(())
    }

    /// The zone's first module. What `init` spawns stands at once; if it fails, it leaves no trace.
    fn open(&mut self, digest: Digest, modules: &mut dyn Modules) -> Result<(), Fault> {
        let (Prepared { module, map, map_digest }, card, setup) = self.prepare(digest, modules)?;
        let ground = Ground::new(map, map_digest, self.rules.bounds);
        let before = std::mem::replace(&mut self.state.scene.ground, ground);
        self.slot = Slot::Running(module);
        self.state.module = Some(card);
        match self.call(|module, calls| module.init(&setup, calls)) {
            Ok(((), commands)) => self.apply(commands),
            Err(fault) => {
                self.slot = Slot::Empty;
                self.state.module = None;
                self.state.scene.ground = before;
                return Err(fault);
            }
        }
        self.state.generation = Generation(0);
        self.rezone(ZoneReason::Swapped);
        self.turn.out.binding = true;
        let started = self.started(StartReason::Fresh);
        self.state.events.push_front(started);
        Ok(())
    }

    /// Loads what the running module (or, of a shelved one, the shelf) has into an instance of another; with how many bytes
    /// that is.
    pub(super) fn carry(&mut self, digest: Digest, modules: &mut dyn Modules) -> Result<(Loaded, usize), Fault> {
        if matches!(self.slot, Slot::Missing | Slot::Parked(_)) {
            return Err(refused("the zone's module is being rebuilt"));
        }
        let (prepared, card, setup) = self.prepare(digest, modules)?;
        let saved = match &self.state.shelved {
            Some(shelved) => shelved.saved.clone(),
            None => Some(self.save_module()?),
        };
        let bytes = saved.as_ref().map_or(0, |saved| saved.bytes.len());
        Ok((self.load(prepared, card, &setup, saved.as_ref())?, bytes))
    }

    /// An instance of a component that fits this zone, and what it is told of it.
    pub(super) fn prepare(
        &self,
        digest: Digest,
        modules: &mut dyn Modules,
    ) -> Result<(Prepared, ModuleCard, Setup), Fault> {
        let prepared = modules.take(&digest)?;
        let size = self.rules.zone().size;
        if prepared.map.size != size {
            let detail = format!("its map measures {:?} m, the world file has {size:?} m", prepared.map.size);
            return Err(Fault { kind: FaultKind::NotLoadable, detail, event: None });
        }
        let card = ModuleCard { digest, description: Arc::new(prepared.module.description().clone()) };
        let setup = self.setup(&card.description);
        Ok((prepared, card, setup))
    }

    /// Loads an instance; without anything saved it begins without memory.
    pub(super) fn load(
        &self,
        prepared: Prepared,
        card: ModuleCard,
        setup: &Setup,
        saved: Option<&Saved>,
    ) -> Result<Loaded, Fault> {
        let Prepared { mut module, map, map_digest } = prepared;
        if let Some(saved) = saved {
            module.load(setup, saved)?;
        }
        let ground =
            (map_digest != self.state.scene.ground.digest).then(|| Ground::new(map, map_digest, self.rules.bounds));
        Ok(Loaded { module, card, ground })
    }

    /// The zone is that module's from now on.
    pub(super) fn take_over(&mut self, loaded: Loaded, reason: StartReason) {
        let Loaded { module, card, ground } = loaded;
        self.slot = Slot::Running(module);
        self.lost = false;
        self.state.untold = None;
        self.state.module = Some(card);
        if let Some(ground) = ground {
            self.change_ground(ground);
        }
        self.state.generation = self.state.generation.next();
        self.turn.out.binding = true;
        let back = matches!(reason, StartReason::RolledBack | StartReason::Rewound);
        self.rezone(if back { ZoneReason::RolledBack } else { ZoneReason::Swapped });
        match self.state.shelved.take() {
            Some(Shelved { saved: None, .. }) => {
                self.tell_setup();
                self.introduce(StartReason::ResumedWithoutMemory);
            }
            // It was not told who came and went.
            Some(_) => self.introduce(reason),
            None if reason == StartReason::Rewound => self.introduce(reason),
            None => {
                let started = self.started(reason);
                self.state.events.push_front(started);
            }
        }
    }

    /// For an instance without memory, which was not loaded: where it finds itself. What it does of it is left out, whether that
    /// fails or not, so that a replay comes out the same: it opens the zone at the event that tells it that it knows nothing.
    fn tell_setup(&mut self) {
        let Some(card) = &self.state.module else { return };
        let (setup, luck) = (self.setup(&card.description), self.state.scene.luck.clone());
        let told = self.call(|module, calls| module.init(&setup, calls));
        self.state.scene.luck = luck;
        if let Err(fault) = told {
            self.turn.report(Report::Fault(fault, None));
        }
    }

    /// Who is here, for an instance's first event. Whose coming it is yet to be told is not among them.
    pub(super) fn started(&self, reason: StartReason) -> Event {
        Event::Started { reason, players: self.standing(), mine: self.state.scene.own().collect() }
    }

    /// For an instance that may not know who is here: each player is told as one who has just come, with what is saved for her.
    fn introduce(&mut self, reason: StartReason) {
        let module = self.state.module.as_ref().map(|card| card.description.name.clone()).unwrap_or_default();
        for id in self.standing().into_iter().rev() {
            let (Some(player), Some(entity)) = (self.state.players.get(&id), self.state.scene.entities.get(&id)) else {
                continue;
            };
            let saved = player.saved.get(&module).cloned().unwrap_or_default();
            let entered = Event::Entered { player: id, name: entity.name.clone(), saved, reason: EnterReason::Resumed };
            self.state.events.push_front(entered);
        }
        let mine = self.state.scene.own().collect();
        self.state.events.push_front(Event::Started { reason, players: Vec::new(), mine });
    }

    /// Players here whose coming is not among the events still to be told.
    fn standing(&self) -> Vec<EntityId> {
        let announced: Vec<EntityId> = self
            .state
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Entered { player, .. } => Some(*player),
                _ => None,
            })
            .collect();
        self.state.players.keys().copied().filter(|id| !announced.contains(id)).collect()
    }

    /// The module failed too often: the zone goes on without it, until another version takes over what is kept of it.
    /// Void for another generation than the one it was meant for.
    pub(super) fn shelve(&mut self, generation: Generation, saved: Option<&Saved>, why: &str) {
        if self.state.module.is_none() || generation != self.state.generation {
            return;
        }
        self.slot = Slot::Empty;
        self.lost = false;
        self.state.untold = None;
        self.state.shelved = Some(Shelved { saved: saved.cloned(), why: why.to_owned() });
        self.state.versions.probation = None;
        for event in std::mem::take(&mut self.state.events) {
            self.leave_out(&event);
        }
        self.turn.out.binding = true;
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
                Some(Kind::Player) => self.place_player(id, at, heading, "placed"),
                Some(Kind::Npc) => {
                    if self.state.scene.put(id, at, heading, self.state.tick) {
                        self.turn.note_move(id, FLAG_JUMP);
                    }
                }
                // Things may be built into walls.
                Some(Kind::Object) | None => {}
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
}
