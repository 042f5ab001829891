//! Hash slots: which of a cluster's primaries has a key.

use std::collections::BTreeMap;

use ::redis::{FromRedisValue as _, Value};

use super::address::NodeAddr;

/// Slots of every cluster.
const SLOTS: u16 = 16384;

/// Which primary serves which slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// The last slot of a range → its first, and who serves it.
    ranges: BTreeMap<u16, (u16, NodeAddr)>,
}

impl SlotMap {
    /// From the answer to `CLUSTER SLOTS` of the node `asked`; none when it makes no sense.
    pub(super) fn parse(answer: Vec<Vec<Value>>, asked: &NodeAddr) -> Option<Self> {
        let mut ranges = BTreeMap::new();
        for row in answer {
            let mut row = row.into_iter();
            let first = u16::from_redis_value(row.next()?).ok()?;
            let last = u16::from_redis_value(row.next()?).ok()?;
            let mut primary = Vec::<Value>::from_redis_value(row.next()?).ok()?.into_iter();
            // A node that does not know its own host leaves it out.
            let host = Option::<String>::from_redis_value(primary.next()?).ok()?.filter(|host| !host.is_empty());
            let port = u16::from_redis_value(primary.next()?).ok()?;
            ranges.insert(last, (first, NodeAddr::new(host.as_deref().unwrap_or(asked.host()), port)));
        }
        Some(Self { ranges })
    }

    /// Who serves a slot; none when nobody does.
    pub(super) fn primary(&self, slot: u16) -> Option<&NodeAddr> {
        let (_, (first, node)) = self.ranges.range(slot..).next()?;
        (*first <= slot).then_some(node)
    }

    /// Everybody who serves some slot.
    pub(super) fn primaries(&self) -> impl Iterator<Item = &NodeAddr> {
        self.ranges.values().map(|(_, node)| node)
    }

    /// Whether every slot is served.
    pub(super) fn is_whole(&self) -> bool {
        let mut next = 0;
        for (last, (first, _)) in &self.ranges {
            if *first != next {
                return false;
            }
            next = last + 1;
        }
        next == SLOTS
    }
}

/// The slot of a key or a shard channel: of what stands between its first braces, if anything does.
pub(super) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
}

/// CRC-16/XMODEM, which Redis Cluster's specification names.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot_of("foo"), 12182);
        assert_eq!(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
        assert_eq!(slot_of("foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    }

    #[test]
    fn a_slot_between_the_ranges_has_nobody() {
        let row = |first: i64, last: i64, port: i64| {
            let node = vec![Value::BulkString(b"".to_vec()), Value::Int(port), Value::BulkString(b"id".to_vec())];
            vec![Value::Int(first), Value::Int(last), Value::Array(node)]
        };
        let asked = NodeAddr::new("10.0.0.9", 1);
        let map = SlotMap::parse(vec![row(100, 16383, 2), row(0, 50, 1)], &asked).unwrap();
        assert!(!map.is_whole());
        assert_eq!(map.primary(0), Some(&NodeAddr::new("10.0.0.9", 1)));
        assert_eq!(map.primary(50), Some(&NodeAddr::new("10.0.0.9", 1)));
        assert_eq!(map.primary(51), None);
        assert_eq!(map.primary(16383), Some(&NodeAddr::new("10.0.0.9", 2)));
        let whole = SlotMap::parse(vec![row(51, 16383, 2), row(0, 50, 1)], &asked).unwrap();
        assert!(whole.is_whole());
    }
}
