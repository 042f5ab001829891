//! Players' records and names, with the rules of the host's store.

use std::collections::BTreeMap;

use wod_protocol::bus::Traveller;
use wod_protocol::ids::{EntityId, Sub, ZoneNo};
use wod_protocol::record::{Place, PlayerRecord, fold_name};
use wod_sim::io::{StoreAnswer, StoreRequest};

/// Records and names, as the host's store keeps them.
#[derive(Clone, Default)]
pub struct Store {
    pub records: BTreeMap<Sub, PlayerRecord>,
    pub names: BTreeMap<String, Sub>,
}

impl Store {
    pub fn execute(&mut self, zone: ZoneNo, request: &StoreRequest) -> StoreAnswer {
        match request {
            StoreRequest::Claim { sub, name, guest, new_id } => self.claim(zone, sub, name, *guest, *new_id),
            StoreRequest::Arrived(player) => self.put(player, Place::Zone(zone), zone),
            StoreRequest::Present(player, place) => {
                let before = self.records.get(&player.sub).map(|record| record.place);
                match (self.put(player, *place, zone), before) {
                    (StoreAnswer::Stored, Some(was @ Place::Zone(other))) if was != *place => StoreAnswer::Moved(other),
                    (answer, _) => answer,
                }
            }
            StoreRequest::Offline(player) => {
                let mine = self.records.get(&player.sub).is_some_and(|record| record.player.id == player.id);
                let answer = self.put(player, Place::Offline, zone);
                if player.guest && mine && answer == StoreAnswer::Stored {
                    self.records.remove(&player.sub);
                    self.names.remove(&fold_name(&player.name));
                }
                answer
            }
            StoreRequest::FindName(name) => {
                let found = self.names.get(&fold_name(name)).and_then(|sub| self.records.get(sub));
                found.map_or(StoreAnswer::NotFound, |record| StoreAnswer::Found {
                    id: record.player.id,
                    zone: match record.place {
                        Place::Zone(zone) => Some(zone),
                        Place::Offline => None,
                    },
                })
            }
        }
    }

    fn claim(&mut self, zone: ZoneNo, sub: &Sub, name: &str, guest: bool, new_id: EntityId) -> StoreAnswer {
        let new = !self.records.contains_key(sub);
        if new {
            if self.names.contains_key(&fold_name(name)) {
                return StoreAnswer::NameTaken;
            }
            self.names.insert(fold_name(name), sub.clone());
            let record = PlayerRecord::new(sub.clone(), name.into(), guest, new_id, zone);
            self.records.insert(sub.clone(), record);
        }
        let record = self.records.get_mut(sub).unwrap();
        match record.place {
            Place::Zone(other) if other != zone => StoreAnswer::Elsewhere(other),
            Place::Zone(_) => StoreAnswer::Claimed { player: Box::new(record.player.clone()), new: false },
            Place::Offline => {
                record.place = Place::Zone(zone);
                record.hop = record.hop.next();
                record.player.hop = record.hop;
                StoreAnswer::Claimed { player: Box::new(record.player.clone()), new }
            }
        }
    }

    fn put(&mut self, player: &Traveller, place: Place, zone: ZoneNo) -> StoreAnswer {
        let record = self.records.get(&player.sub);
        // A guest's record goes when she does: what an earlier bearer of the name had asked for is void.
        if player.guest && record.is_none_or(|record| record.player.id != player.id) {
            let gone =
                if place == Place::Offline { StoreAnswer::Stored } else { StoreAnswer::Outdated(player.hop.next()) };
            return gone;
        }
        let stored = record.map(|record| record.hop).unwrap_or_default();
        if stored > player.hop {
            return StoreAnswer::Outdated(stored);
        }
        let record = PlayerRecord::of(player.clone(), place, zone);
        self.records.insert(player.sub.clone(), record);
        StoreAnswer::Stored
    }
}
