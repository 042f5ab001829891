//! A zone's state as bytes, and back.
//!
//! A snapshot outlives the program that wrote it, so its structs are MessagePack maps with the names of their fields. Whoever changes
//! what a zone keeps (`State` and everything in it):
//!
//! - adds a field, anywhere, with a serde default that stands for what was written before; removes one; gives one another name with
//!   an alias for the former. An enum's case is stored by its name as well.
//! - changes nothing else without a new [`FORMAT`], and code here that reads the one before.
//!
//! `tests/zone_saves.rs` loads what earlier programs wrote. Format 5 had fields by position, so until nobody can have a snapshot in it
//! any more (see [`OLDEST`]), structs that it had keep their fields in their order, and get new ones at their end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wod_protocol::ids::ZoneNo;
use wod_protocol::limits::DECODE_DEPTH;
use wod_protocol::world::World;
use xxhash_rust::xxh3::xxh3_64;

use super::modules::Slot;
use super::scene::Ground;
use super::state::{Rules, State};
use super::{Modules, Prepared, RestoreError, SnapshotError, Zone};
use crate::module::Saved;

/// The format that is written.
const FORMAT: u32 = 6;
/// The oldest that is read. 5: fields by position.
const OLDEST: u32 = 5;

#[derive(Serialize)]
struct Image<'a> {
    zone: ZoneNo,
    state: &'a State,
    closed_barriers: Vec<&'a str>,
    module: Option<&'a Saved>,
}

#[derive(Deserialize)]
struct Stored {
    zone: ZoneNo,
    state: State,
    closed_barriers: Vec<String>,
    module: Option<Saved>,
}

impl Zone {
    /// Everything, for [`Zone::restore`].
    ///
    /// # Errors
    /// While the module is missing, or when it fails to save its state: then the zone is without a module from now on, and
    /// the outcome of its next tick says so.
    pub fn snapshot(&mut self) -> Result<Vec<u8>, SnapshotError> {
        let saved = match self.slot {
            Slot::Empty => None,
            Slot::Running(_) => Some(self.save_module().map_err(SnapshotError::Fault)?),
            Slot::Parked(_) | Slot::Missing => return Err(SnapshotError::ModuleMissing),
        };
        let mut bytes = rmp_serde::to_vec(&FORMAT)?;
        self.image(saved.as_ref()).serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map())?;
        Ok(bytes)
    }

    /// XXH3 of what [`Zone::snapshot`] would give; while the module is missing, of the zone's own state.
    pub fn state_hash(&mut self) -> u64 {
        let saved = match &mut self.slot {
            Slot::Running(module) => module.save().ok(),
            Slot::Empty | Slot::Parked(_) | Slot::Missing => None,
        };
        let bytes = rmp_serde::to_vec(&self.image(saved.as_ref())).expect("the state has only values that encode");
        xxh3_64(&bytes)
    }

    fn image<'a>(&'a self, module: Option<&'a Saved>) -> Image<'a> {
        Image {
            zone: self.rules.number,
            state: &self.state,
            closed_barriers: self.state.scene.ground.terrain.closed_barriers().collect(),
            module,
        }
    }

    /// A zone as [`Zone::snapshot`] saved it, its module's state loaded into a fresh instance.
    ///
    /// # Errors
    /// When the bytes are not a snapshot of this zone, or its module is not to be had or refuses its state.
    pub fn restore(
        world: Arc<World>,
        number: ZoneNo,
        snapshot: &[u8],
        modules: &mut dyn Modules,
    ) -> Result<Self, RestoreError> {
        let Stored { state, closed_barriers, module: saved, zone: found } = decode(snapshot)?;
        let wrong_zone = || RestoreError::WrongZone { found, expected: number };
        let rules = Rules::new(world, number).filter(|_| found == number).ok_or_else(wrong_zone)?;
        let mut zone = Self::with(rules, state);
        let ground = match (&zone.state.module, saved) {
            (Some(card), Some(saved)) => {
                let digest = card.digest;
                let refused = |fault| RestoreError::Module { digest, fault };
                let Prepared { mut module, map, map_digest } = modules.take(&digest).map_err(refused)?;
                let setup = zone.setup(&card.description);
                module.load(&setup, &saved).map_err(refused)?;
                zone.slot = Slot::Running(module);
                Ground::new(map, map_digest, zone.rules.bounds)
            }
            // It lies on the shelf: its map is the ground all the same.
            (Some(card), None) => {
                let digest = card.digest;
                let Prepared { map, map_digest, .. } =
                    modules.take(&digest).map_err(|fault| RestoreError::Module { digest, fault })?;
                Ground::new(map, map_digest, zone.rules.bounds)
            }
            (None, _) => Ground::plain(zone.rules.bounds),
        };
        zone.state.scene.set_ground(ground);
        zone.state.scene.ground.terrain.restore_barriers(closed_barriers.iter().map(String::as_str));
        Ok(zone)
    }
}

fn decode(snapshot: &[u8]) -> Result<Stored, RestoreError> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(snapshot);
    decoder.set_max_depth(DECODE_DEPTH);
    let found = u32::deserialize(&mut decoder)?;
    if !(OLDEST..=FORMAT).contains(&found) {
        return Err(RestoreError::Format { found, expected: FORMAT });
    }
    // Of either format: a struct is read from a map as well as from a list.
    Ok(Stored::deserialize(&mut decoder)?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use wod_protocol::client::ZoneReason;
    use wod_protocol::ids::{AttachNo, CorrectionNo, Hop, MoveNo, Nonce, Seq, SessionId, Tick};

    use super::*;
    use crate::space::claim::Allowance;
    use crate::space::roster::Roster;
    use crate::zone::state::{Link, Messages, Player, Session, Silenced};

    /// A value written before its last fields were appended, each of these now with the bytes that are their default, reads as the
    /// same with that default. In a snapshot it is an array of its fields.
    #[track_caller]
    fn loads_without<T: Serialize + DeserializeOwned>(value: &T, appended: &[&[u8]]) {
        let now = rmp_serde::to_vec(value).unwrap();
        let added = appended.concat();
        let (rest, end) = now.split_at(now.len() - added.len());
        assert_eq!(end, added);
        let mut before = rest.to_vec();
        assert!((0x90..=0x9f).contains(&before[0]), "an array of at most 15");
        before[0] -= appended.len() as u8;
        let read: T = rmp_serde::from_slice(&before).unwrap();
        assert_eq!(rmp_serde::to_vec(&read).unwrap(), now);
    }

    fn session() -> Session {
        Session {
            id: SessionId(1),
            link: Link::Down(Tick(3)),
            attach: AttachNo(2),
            nonce: Nonce(4),
            tokens: Vec::new(),
            seq: Seq(5),
            m: MoveNo(6),
            c: CorrectionNo(7),
            messages: Messages::default(),
            wants_history: false,
        }
    }

    #[test]
    fn players_of_a_snapshot_before_ignore_lists_mutes_and_histories_still_load() {
        let player = Player {
            sub: "ann".into(),
            guest: false,
            hop: Hop(1),
            saved: BTreeMap::new(),
            session: session(),
            roster: Roster::default(),
            full_roster: true,
            allowance: Allowance::new(0),
            dialogues: BTreeMap::new(),
            muted_until: Tick(0),
            reason: ZoneReason::Entered,
            ignored: BTreeMap::new(),
            silenced: Silenced::default(),
            rested_at: 0,
        };
        // An empty map; tick 0 and an empty text; 0.
        loads_without(&player, &[&[0x80], &[0x92, 0, 0xa0], &[0]]);
        loads_without(&session(), &[&[0xc2]]);
        // No lines, of 0 bytes.
        loads_without(&Messages::default(), &[&[0x92, 0x90, 0]]);
    }
}
