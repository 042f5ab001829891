//! The players' records, in memory: answers a zone's requests as the host's store does.

use std::collections::BTreeMap;

use wod_protocol::bus::Traveller;
use wod_protocol::ids::{EntityId, Sub, ZoneNo};
use wod_protocol::record::{Place, PlayerRecord, fold_name};
use wod_sim::io::{StoreAnswer, StoreRequest};

/// Records by player, and who bears which name.
#[derive(Default)]
pub struct Store {
    records: BTreeMap<Sub, PlayerRecord>,
    names: BTreeMap<String, Sub>,
}

impl Store {
    /// What the store says to a zone's request.
    pub fn answer(&mut self, zone: ZoneNo, request: &StoreRequest) -> StoreAnswer {
        match request {
            StoreRequest::Claim { sub, name, guest, new_id } => self.claim(zone, sub, name, *guest, *new_id),
            StoreRequest::Arrived(player) => self.put(player, Place::Zone(zone), zone),
            StoreRequest::Present(player, place) => self.put(player, *place, zone),
            StoreRequest::Offline(player) => self.put(player, Place::Offline, zone),
            StoreRequest::FindName(name) => self.find(name),
        }
    }

    /// Another zone has her now.
    pub fn moved_on(&mut self, player: &Traveller, zone: ZoneNo) {
        self.put(player, Place::Zone(zone), zone);
    }

    /// She is nowhere from now on, so that she can log in anywhere.
    pub fn set_offline(&mut self, sub: &Sub) {
        if let Some(record) = self.records.get_mut(sub) {
            record.place = Place::Offline;
        }
    }

    /// Her record leaves this store for another world's.
    pub fn take(&mut self, sub: &Sub) -> Option<PlayerRecord> {
        self.records.remove(sub)
    }

    /// A record of another world's store.
    pub fn adopt(&mut self, record: PlayerRecord) {
        self.names.insert(fold_name(&record.player.name), record.player.sub.clone());
        self.records.insert(record.player.sub.clone(), record);
    }

    fn claim(&mut self, zone: ZoneNo, sub: &Sub, name: &str, guest: bool, new_id: EntityId) -> StoreAnswer {
        let new = !self.records.contains_key(sub);
        if new && self.names.contains_key(&fold_name(name)) {
            return StoreAnswer::NameTaken;
        }
        self.names.insert(fold_name(name), sub.clone());
        let fresh = || PlayerRecord::new(sub.clone(), name.to_owned(), guest, new_id, zone);
        let record = self.records.entry(sub.clone()).or_insert_with(fresh);
        match record.place {
            Place::Zone(other) if other != zone => return StoreAnswer::Elsewhere(other),
            Place::Zone(_) => {}
            Place::Offline => {
                record.place = Place::Zone(zone);
                record.hop = record.hop.next();
                record.player.hop = record.hop;
            }
        }
        StoreAnswer::Claimed { player: Box::new(record.player.clone()), new }
    }

    fn put(&mut self, player: &Traveller, place: Place, zone: ZoneNo) -> StoreAnswer {
        let stored = self.records.get(&player.sub).map(|record| record.hop).unwrap_or_default();
        if stored > player.hop {
            return StoreAnswer::Outdated(stored);
        }
        let record = PlayerRecord::of(player.clone(), place, zone);
        self.records.insert(player.sub.clone(), record);
        StoreAnswer::Stored
    }

    fn find(&self, name: &str) -> StoreAnswer {
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
