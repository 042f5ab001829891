//! A copy of a zone that follows its journal in the store, as a recovery would: what it says is what is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wod_backplane::simulated::Simulation;
use wod_protocol::bus::ZoneItem;
use wod_protocol::ids::{EntityId, Epoch, HostId, Tick, ZoneNo};
use wod_protocol::world::World;
use wod_sim::io::{Effects, Entry, Input, StoreRequest};
use wod_sim::zone::Zone;

use crate::market::{Conduct, Done, Stall, Watched};
use crate::trace::Trace;

/// The copy, and what its journal's entries so far allow the next ones to be.
pub(crate) struct Replica {
    number: ZoneNo,
    world: Arc<World>,
    conduct: Conduct,
    zone: Zone,
    modules: Watched,
    entries: usize,
    epoch: Epoch,
    tick: Tick,
    owners: BTreeMap<Epoch, HostId>,
    /// What players did, and which entry has it.
    done: Vec<(usize, Done)>,
    /// The journal as it was when the store lost its tail, and what players had done by then.
    former: Option<Former>,
}

struct Former {
    journal: Vec<(Epoch, Bytes)>,
    done: Vec<(usize, Done)>,
}

impl Replica {
    /// Of a zone that never ran.
    pub(crate) fn new(world: &Arc<World>, number: ZoneNo, conduct: Conduct) -> Self {
        let settings = world.zone(number).expect("the caller has it from there").clone();
        Self {
            number,
            world: world.clone(),
            conduct,
            zone: Zone::new(world.clone(), number),
            modules: Watched::new(settings, conduct),
            entries: 0,
            epoch: Epoch(0),
            tick: Tick(0),
            owners: BTreeMap::new(),
            done: Vec::new(),
            former: None,
        }
    }

    /// The store is about to lose its tail, and this zone's journal with it, as far as nobody puts it back: read it anew.
    pub(crate) fn begin_anew(&mut self, simulation: &Simulation) {
        let former = Former { journal: simulation.history(self.number), done: std::mem::take(&mut self.done) };
        *self = Self { former: Some(former), ..Self::new(&self.world, self.number, self.conduct) };
    }

    /// What players had done in entries that are lost for good.
    pub(crate) fn lost(&self, simulation: &Simulation) -> Vec<Done> {
        let Some(former) = &self.former else { return Vec::new() };
        let journal = simulation.history(self.number);
        let kept = former.journal.iter().zip(&journal).take_while(|(was, is)| was.1 == is.1).count();
        former.done.iter().filter(|(entry, _)| *entry > kept).map(|(_, done)| done.clone()).collect()
    }

    /// The last one read is what an owner before had written there when the store lost its tail; the owner then has put it back.
    fn is_put_back(&self, by: Epoch, entry: &Entry, bytes: &Bytes) -> bool {
        let was = self.former.as_ref().and_then(|former| former.journal.get(self.entries - 1));
        by > entry.epoch && was.is_some_and(|(epoch, was)| *epoch == entry.epoch && was == bytes)
    }

    /// Replays what was journaled since the last look, and checks that it may follow what was there.
    pub(crate) fn follow(&mut self, simulation: &Simulation, trace: &Trace, faults: &mut Vec<String>) {
        let zone = self.number;
        if simulation.history_len(zone) < self.entries {
            return faults.push(format!("zone {zone}: its journal became shorter"));
        }
        for (epoch, bytes) in simulation.history_from(zone, self.entries) {
            self.entries += 1;
            let at = self.entries;
            let entry = match Entry::decode(&bytes) {
                Ok(entry) => entry,
                Err(error) => return faults.push(format!("zone {zone}: entry {at} does not decode: {error}")),
            };
            let epoch = if self.is_put_back(epoch, &entry, &bytes) { entry.epoch } else { epoch };
            if epoch < self.epoch || entry.epoch != epoch {
                let (last, own) = (self.epoch, entry.epoch);
                faults.push(format!("zone {zone}: entry {at} of epoch {own} was written under {epoch} after {last}"));
            }
            if entry.tick <= self.tick {
                faults.push(format!("zone {zone}: entry {at} is of tick {} after {}", entry.tick, self.tick));
            }
            for input in &entry.inputs {
                if let Input::Owned { epoch, host, .. } = input
                    && let Some(other) = self.owners.insert(*epoch, host.clone())
                {
                    faults.push(format!("zone {zone}: epoch {epoch} is {other}'s and {host}'s"));
                }
            }
            if !self.owners.contains_key(&epoch) {
                faults.push(format!("zone {zone}: entry {at} of epoch {epoch}, which nobody has begun"));
            }
            (self.epoch, self.tick) = (epoch, entry.tick);
            let before = self.modules.stall();
            let mut effects = Effects::default();
            if let Err(diverged) = self.zone.replay(&entry, &mut self.modules, &mut effects) {
                faults.push(format!("zone {zone}: entry {at} replays otherwise: {diverged}"));
            }
            self.done.extend(self.modules.take_done().into_iter().map(|done| (at, done)));
            let after = self.modules.stall();
            if before != after {
                trace.note(simulation.now(), "", format_args!("zone {zone} entry {at} tick {}: {after:?}", entry.tick));
            }
        }
    }

    /// Who stands in it.
    pub(crate) fn players(&self) -> Vec<(EntityId, String)> {
        self.zone.players().into_iter().map(|player| (player.id, player.name)).collect()
    }

    /// What its module keeps.
    pub(crate) fn stall(&self) -> Stall {
        self.modules.stall()
    }

    /// Players who are on their way from here: in its outbox, or to their records.
    pub(crate) fn travellers(&self) -> Vec<String> {
        let mut open = Effects::default();
        self.zone.unfinished(&mut open);
        let items = open.streams.into_iter().flat_map(|stream| stream.items);
        let away = items.filter_map(|(_, item)| match item {
            ZoneItem::Player(traveller) | ZoneItem::PlayerRefused { traveller, .. } => Some(traveller.name),
            _ => None,
        });
        let offline = open.store.into_iter().filter_map(|(_, request)| match request {
            StoreRequest::Offline(traveller) => Some(traveller.name),
            _ => None,
        });
        away.chain(offline).collect()
    }
}
