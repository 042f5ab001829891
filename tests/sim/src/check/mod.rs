//! What must hold: along a run, whatever goes wrong, and at its end, when all is quiet.

mod replica;
mod rosters;
mod talk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wod_backplane::simulated::Simulation;
use wod_protocol::record::{Place, PlayerRecord};
use wod_protocol::world::World;

use crate::market::{Coin, Conduct, Done, endowment};
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
    pub(crate) fn new(simulation: Simulation, trace: Trace, world: Arc<World>, conduct: Conduct) -> Self {
        let replicas = world.zones.iter().map(|zone| Replica::new(&world, zone.number, conduct)).collect();
        Self { simulation, trace, world, replicas, faults: Vec::new(), history_lost: false }
    }

    /// The store is about to lose its tail.
    pub(crate) fn history_will_be_lost(&mut self) {
        self.along();
        self.history_lost = true;
        self.replicas.iter_mut().for_each(|replica| replica.begin_anew(&self.simulation));
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
        if !self.history_lost {
            talk::check(players, &mut faults);
        }
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

    /// Every coin is in one place. Excepted are those that changed hands in what is lost for good of a zone's history: there
    /// they are where they were, elsewhere where they went from there.
    fn goods(&self, players: &[Player], faults: &mut Vec<String>) {
        let mut places: BTreeMap<Coin, Vec<String>> =
            players.iter().flat_map(|player| endowment(&player.name)).map(|coin| (coin, Vec::new())).collect();
        for (replica, zone) in self.replicas.iter().zip(&self.world.zones) {
            let stall = replica.stall();
            let here: BTreeSet<_> = replica.players().into_iter().map(|(id, _)| id).collect();
            let mut put = |coins: &BTreeSet<Coin>, place: String| {
                for coin in coins {
                    places.entry(coin.clone()).or_default().push(place.clone());
                }
            };
            put(&stall.coins, format!("the box of {}", zone.name));
            for (_, purse) in stall.purses.iter().filter(|(id, _)| here.contains(id)) {
                put(&purse.coins, format!("{}'s purse in {}", purse.name, zone.name));
            }
        }
        let excepted: BTreeSet<Coin> = self.lost().filter_map(|done| done.coin).collect();
        for (coin, places) in places.iter().filter(|(coin, places)| places.len() != 1 && !excepted.contains(*coin)) {
            faults.push(format!("{coin} is in {} places: {places:?}", places.len()));
        }
    }

    /// What players had done in entries that are lost for good.
    fn lost(&self) -> impl Iterator<Item = Done> {
        self.replicas.iter().flat_map(|replica| replica.lost(&self.simulation))
    }

    /// What a player did took effect once and in order, unless that is lost for good; what was refused did not.
    fn deeds(&self, players: &[Player], faults: &mut Vec<String>) {
        let lost: BTreeSet<(String, u64)> = self.lost().map(|done| (done.name, done.deed)).collect();
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
                    Fate::Done(_) => took_effect || lost.contains(&(name.clone(), deed)),
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
