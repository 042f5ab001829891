//! What must hold: along a run, whatever goes wrong, and at its end, when all is quiet.

mod replica;
mod rosters;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wod_backplane::simulated::Simulation;
use wod_protocol::record::{Place, PlayerRecord};
use wod_protocol::world::World;

use crate::market::{Coinage, ENDOWMENT};
use crate::player::{Fate, Player};
use crate::trace::Trace;
use replica::Replica;

/// The checks of one run.
pub(crate) struct Checks {
    simulation: Simulation,
    trace: Trace,
    world: Arc<World>,
    replicas: Vec<Replica>,
    /// What does not hold.
    pub(crate) faults: Vec<String>,
    history_lost: bool,
}

impl Checks {
    /// Before anything has happened.
    pub(crate) fn new(simulation: Simulation, trace: Trace, world: Arc<World>, coinage: Coinage) -> Self {
        let replicas = world.zones.iter().map(|zone| Replica::new(&world, zone.number, coinage)).collect();
        Self { simulation, trace, world, replicas, faults: Vec::new(), history_lost: false }
    }

    /// The store has lost its tail.
    pub(crate) fn history_was_lost(&mut self) {
        self.history_lost = true;
        self.replicas.iter_mut().for_each(Replica::begin_anew);
    }

    /// What holds at any time, of what is durable now: one owner an epoch, epochs never go back, every entry replays as it was,
    /// nobody stands in two zones.
    pub(crate) fn along(&mut self) {
        let mut standing: BTreeMap<String, usize> = BTreeMap::new();
        for replica in &mut self.replicas {
            replica.follow(&self.simulation, &self.trace, &mut self.faults);
            for (_, name) in replica.players() {
                *standing.entry(name).or_default() += 1;
            }
        }
        if self.history_lost {
            // Of two avatars the one with more hops behind it wins, in its own time.
            return;
        }
        for (name, avatars) in standing.into_iter().filter(|(_, avatars)| *avatars > 1) {
            self.faults.push(format!("{name} stands in {avatars} zones"));
        }
    }

    /// What does not hold, of what must once all is quiet and everybody is in the world.
    pub(crate) fn at_rest(&self, players: &[Player]) -> Vec<String> {
        let mut faults = Vec::new();
        self.places(players, &mut faults);
        self.goods(players, &mut faults);
        self.deeds(players, &mut faults);
        rosters::check(&self.world, players, &mut faults);
        faults
    }

    /// Everybody is in exactly one place, and her record names it.
    fn places(&self, players: &[Player], faults: &mut Vec<String>) {
        let records: BTreeMap<String, PlayerRecord> = self
            .simulation
            .records()
            .into_iter()
            .filter_map(|(sub, bytes)| Some((sub.to_string(), PlayerRecord::decode(&bytes).ok()?)))
            .collect();
        for player in players {
            let name = &player.name;
            let mut places = Vec::new();
            for (replica, zone) in self.replicas.iter().zip(&self.world.zones) {
                places.extend(replica.players().iter().filter(|(_, who)| who == name).map(|_| zone.number));
                if replica.travellers().contains(name) {
                    faults.push(format!("{name} is still on her way from zone {}", zone.number));
                }
            }
            match records.get(name) {
                Some(record) if places.len() == 1 && record.place == Place::Zone(places[0]) => {}
                record => {
                    let place = record.map(|record| record.place);
                    faults.push(format!("{name} stands in zones {places:?}, her record says {place:?}"));
                }
            }
        }
    }

    /// No coin was lost, none was made.
    fn goods(&self, players: &[Player], faults: &mut Vec<String>) {
        let mut coins = 0;
        for replica in &self.replicas {
            let stall = replica.stall();
            let here: BTreeSet<_> = replica.players().into_iter().map(|(id, _)| id).collect();
            let purses = stall.purses.iter().filter(|(id, _)| here.contains(id));
            coins += stall.coins + purses.map(|(_, purse)| purse.coins).sum::<u32>();
        }
        let made = ENDOWMENT * players.len() as u32;
        if coins != made {
            faults.push(format!("{made} coins were made, there are {coins}"));
        }
    }

    /// What a player did took effect once and in order, what was refused did not.
    fn deeds(&self, players: &[Player], faults: &mut Vec<String>) {
        for player in players {
            let name = &player.name;
            let told = self.replicas.iter().find_map(|replica| {
                let (id, _) = replica.players().into_iter().find(|(_, who)| who == name)?;
                Some(replica.stall().purses.get(&id)?.deeds.clone())
            });
            let Some(told) = told else {
                faults.push(format!("no module knows {name}"));
                continue;
            };
            if !told.is_sorted_by(|a, b| a < b) {
                faults.push(format!("{name}'s deeds took effect twice or out of order: {told:?}"));
            }
            for (deed, fate) in player.deeds.fates() {
                let took_effect = told.contains(&deed);
                let right = match fate {
                    Fate::Done(_) => took_effect,
                    Fate::Rejected | Fate::Open => !took_effect,
                    Fate::Unknown => true,
                };
                if !right {
                    faults.push(format!("{name}'s deed {deed} is {fate:?}, took effect: {took_effect}"));
                }
            }
        }
    }
}
