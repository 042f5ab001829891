//! A player's durable record in the backplane: where she is, and what she carries while she is nowhere.
//!
//! Only zone hosts write it, on behalf of a zone's journaled wish; gateways read it to find her zone. A player is in exactly one
//! place: in the zone that [`Place::Zone`] names (or in that zone's outbox), or in the record itself.

use serde::{Deserialize, Serialize};

use crate::bus::{Muted, Traveller, Way};
use crate::ids::{EntityId, Hop, Sub, ZoneNo};
use crate::limits::DECODE_DEPTH;
use crate::units::{Heading, Pos};

/// The record of one player, stored under her `sub` with a version that compare-and-set checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayerRecord {
    /// Schema of this record, now 1.
    pub schema: u32,
    /// Where she is.
    pub place: Place,
    /// Hand-offs so far. A write with a lower count than the stored one is refused.
    pub hop: Hop,
    /// Who she is and what she carried when she was last written (current when `place` is `Offline`).
    pub player: Traveller,
    /// The zone she was last in: where she logs in again.
    pub zone: ZoneNo,
}

/// Where a player is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Nowhere: the record holds her.
    Offline,
    /// In this zone or its outbox.
    Zone(ZoneNo),
}

impl PlayerRecord {
    /// Somebody who was never in the world. A speed of 0 and a portal way: the zone gives her its own.
    pub fn new(sub: Sub, name: String, guest: bool, id: EntityId, zone: ZoneNo) -> Self {
        let player = Traveller {
            id,
            sub,
            name,
            guest,
            hop: Hop(0),
            at: Pos::default(),
            heading: Heading(0),
            speed: 0,
            way: Way::Portal(None),
            tags: Vec::new(),
            saved: std::collections::BTreeMap::new(),
            session: None,
            ignored: std::collections::BTreeMap::new(),
            muted: Muted::default(),
        };
        Self { schema: 1, place: Place::Offline, hop: Hop(0), player, zone }
    }

    /// MessagePack, as stored. Named fields, so that later schemas can add some.
    pub fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("a record has no unserialisable value")
    }

    /// Reads what [`PlayerRecord::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
        decoder.set_max_depth(DECODE_DEPTH);
        Self::deserialize(&mut decoder)
    }
}

/// The form in which names are compared: two names with the same fold are the same name.
pub fn fold_name(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Ann as she comes and goes, with something of everything that later versions have added.
    fn ann() -> PlayerRecord {
        let mut record = PlayerRecord::new("ann".into(), "Ann".into(), false, EntityId(7), ZoneNo(1));
        record.player.ignored.insert(EntityId(9), "Bob".into());
        record.player.muted = Muted { by_module: 1, by_operator: 2, reason: "spam".into() };
        record
    }

    #[test]
    fn a_record_written_before_ignore_lists_and_mutes_still_loads() {
        let mut fields: serde_json::Value = rmp_serde::from_slice(
            &PlayerRecord { player: Traveller { ignored: Default::default(), ..ann().player }, ..ann() }.encode(),
        )
        .unwrap();
        let player = fields["player"].as_object_mut().unwrap();
        assert!(player.remove("ignored").is_some() && player.remove("muted").is_some());
        let old = rmp_serde::to_vec_named(&fields).unwrap();
        let expected = PlayerRecord::new("ann".into(), "Ann".into(), false, EntityId(7), ZoneNo(1));
        assert_eq!(PlayerRecord::decode(&old).unwrap(), expected);
        assert_eq!(PlayerRecord::decode(&ann().encode()).unwrap(), ann());
    }

    /// By position, as in envelopes, journals and snapshots: fields are only ever appended.
    #[test]
    fn a_traveller_written_before_ignore_lists_and_mutes_still_arrives() {
        let player = Traveller { ignored: Default::default(), muted: Muted::default(), ..ann().player };
        let mut bytes = rmp_serde::to_vec(&player).unwrap();
        // An array of 14: the last two are an empty map, and an array of two zeros and an empty text.
        let added = [0x80, 0x93, 0, 0, 0xa0];
        assert_eq!((bytes[0], &bytes[bytes.len() - added.len()..]), (0x9e, added.as_slice()));
        bytes[0] = 0x9c;
        bytes.truncate(bytes.len() - added.len());
        assert_eq!(rmp_serde::from_slice::<Traveller>(&bytes).unwrap(), player);
    }
}
