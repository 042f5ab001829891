//! [`ThingId`]: 16 bytes in a state, 32 hexadecimal digits in JSON.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// A thing's id: unique in the world, for ever. A text of 32 hexadecimal digits for people and clients.
///
/// ```
/// use wod_zone::goods::ThingId;
/// let id: ThingId = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
/// # Ok::<(), wod_zone::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThingId(u128);

impl ThingId {
    pub(crate) fn of(number: u128) -> Self {
        Self(number)
    }
}

impl fmt::Display for ThingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ThingId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| Error::Other("a thing's id has 32 hexadecimal digits".into()))
    }
}

impl Serialize for ThingId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0.to_be_bytes())
        }
    }
}

impl<'de> Deserialize<'de> for ThingId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Reader)
        } else {
            deserializer.deserialize_bytes(Reader)
        }
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = ThingId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a thing's id")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ThingId, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<ThingId, E> {
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(ThingId(u128::from_be_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn an_id_is_the_same_in_a_state_and_in_json_and_nothing_else_is_one() {
        for id in [ThingId(0), ThingId(u128::MAX), ThingId(0x0123_4567_89ab_cdef)] {
            let bytes = crate::encode(&id).unwrap();
            assert_eq!(bytes.len(), 18);
            assert_eq!(crate::decode::<ThingId>(&bytes).unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{id}\""));
            assert_eq!(serde_json::from_str::<ThingId>(&json).unwrap(), id);
        }
        for text in ["", "12", "+0000000000000000000000000000001", "zz000000000000000000000000000000"] {
            assert!(text.parse::<ThingId>().is_err(), "{text}");
        }
    }
}
