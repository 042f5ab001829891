//! A player's durable record in the backplane: where she is, and what she carries while she is nowhere.
//!
//! Only zone hosts write it, on behalf of a zone's journaled wish; gateways read it to find her zone. A player is in exactly one
//! place: in the zone that [`Place::Zone`] names (or in that zone's outbox), or in the record itself.

use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::bus::{Muted, Traveller, Way};
use crate::ids::{EntityId, Hop, Sub, ZoneNo};
use crate::limits::DECODE_DEPTH;
use crate::name::index_keys;
use crate::units::{Heading, Pos};

/// Schema of the records that this program writes. It reads every one before.
///
/// 1: place, hop, player, zone. 2: also `former`, `keys`, `deleted`.
pub const SCHEMA: u32 = 2;

/// The record of one player, stored under her `sub` with a version that compare-and-set checks.
///
/// Fields are stored by name: a later schema may add some, with a serde default for what was written before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayerRecord {
    /// [`SCHEMA`] of whoever wrote it.
    pub schema: u32,
    /// Where she is.
    pub place: Place,
    /// Hand-offs so far. A write with a lower count than the stored one is refused.
    pub hop: Hop,
    /// Who she is and what she carried when she was last written (current when `place` is `Offline`).
    pub player: Traveller,
    /// The zone she was last in: where she logs in again.
    pub zone: ZoneNo,
    /// Names that she had before, the oldest first: they stay hers.
    #[serde(default)]
    pub former: Vec<String>,
    /// What she holds in the index of names ([`index_keys`]) by all her names, as their rule was when she took them. None: what
    /// the rule of today says of her name.
    #[serde(default)]
    pub keys: Vec<String>,
    /// An operator has deleted her. What is left keeps late words of zones from bringing her back; her next login begins anew.
    #[serde(default)]
    pub deleted: bool,
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
        Self::of(player, Place::Offline, zone)
    }

    /// A player as she is, of whom nothing else is kept; `zone`: where she is or was last.
    pub fn of(player: Traveller, place: Place, zone: ZoneNo) -> Self {
        let hop = player.hop;
        Self { schema: SCHEMA, place, hop, player, zone, former: Vec::new(), keys: Vec::new(), deleted: false }
    }

    /// The same player as she is now: what only the record knows stays. A name that she does not bear any more is a former one.
    #[must_use]
    pub fn updated(&self, player: Traveller, place: Place, zone: ZoneNo) -> Self {
        let names = self.former.iter().chain([&self.player.name]);
        let former = names.filter(|name| **name != player.name).cloned().collect();
        Self { former, keys: self.keys.clone(), ..Self::of(player, place, zone) }
    }

    /// What is left of a deleted player, who must be nowhere: her number and her count of hand-offs, and the names that are yet to
    /// be given back.
    #[must_use]
    pub fn tombstone(&self) -> Self {
        let blank = Self::new(self.player.sub.clone(), String::new(), self.player.guest, self.player.id, self.zone);
        let hop = self.hop.next();
        let player = Traveller { hop, ..blank.player };
        Self { hop, player, keys: self.held_keys(), deleted: true, ..blank }
    }

    /// Everything that she holds in the index of names.
    pub fn held_keys(&self) -> Vec<String> {
        if self.keys.is_empty() && !self.deleted { index_keys(&self.player.name) } else { self.keys.clone() }
    }

    /// MessagePack, as stored. Named fields, so that later schemas can add some.
    pub fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("a record has no unserialisable value")
    }

    /// Reads what [`PlayerRecord::encode`] wrote, in this program or one before it.
    ///
    /// # Errors
    /// Also for a record of a later schema: written back, it would lose what that has added.
    pub fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
        decoder.set_max_depth(DECODE_DEPTH);
        let record = Self::deserialize(&mut decoder)?;
        if record.schema > SCHEMA {
            let found = record.schema;
            let text = format!("a later program has written it: schema {found}, and this one knows {SCHEMA}");
            return Err(rmp_serde::decode::Error::custom(text));
        }
        Ok(record)
    }
}

/// A name's spelling, in which case does not count. An index of names holds it under this; see [`index_keys`] for its looks.
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
