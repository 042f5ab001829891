//! Client messages to bytes and back, in both encodings of protocol v1.
//!
//! Decoding is made for bytes from strangers: nesting is bounded, numbers may come in any number type of the encoding,
//! unknown fields are skipped, and everything else that is not exactly one known message is an error with a reason.

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::client::{ClientMsg, Encoding, ServerMsg};
use crate::ids::{CorrectionNo, EntityId, MoveNo, MsgNo, Seq};
use crate::limits::DECODE_DEPTH;

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The outermost value is not a JSON object or MessagePack map.
    #[error("a message is a map")]
    NotAMap,
    /// Arrays and maps nested over [`DECODE_DEPTH`].
    #[error("nested more than {DECODE_DEPTH} deep")]
    TooDeep,
    /// A `t` that this version does not have.
    #[error("`t` is {0:?}, which is no message of this version")]
    UnknownType(String),
    /// Broken JSON, or a field of the wrong type.
    #[error("bad JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// Broken MessagePack, or a field of the wrong type.
    #[error("bad MessagePack: {0}")]
    MessagePack(#[source] rmp_serde::decode::Error),
    /// Something follows the message.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
}

/// Every `t` of a client message.
pub const CLIENT_TYPES: [&str; 10] =
    ["hello", "move", "chat", "interact", "choose", "ignore", "unignore", "ack", "ping", "bye"];

/// Every `t` of a server message.
pub const SERVER_TYPES: [&str; 20] = [
    "welcome", "zone", "roster", "update", "correct", "history", "chat", "dialogue", "event", "tags", "verbs", "name",
    "barrier", "ack", "reject", "ignored", "paused", "resumed", "pong", "bye",
];

/// Reads one message of a client.
///
/// # Errors
/// For anything that is not exactly one message of this version.
pub fn decode_client(encoding: Encoding, bytes: &[u8]) -> Result<ClientMsg, DecodeError> {
    decode(encoding, bytes, &CLIENT_TYPES)
}

/// Reads one message of a gateway; what clients of ours (bots, tests) use.
///
/// # Errors
/// For anything that is not exactly one message of this version.
pub fn decode_server(encoding: Encoding, bytes: &[u8]) -> Result<ServerMsg, DecodeError> {
    decode(encoding, bytes, &SERVER_TYPES)
}

/// Writes one message of a client.
pub fn encode_client(encoding: Encoding, message: &ClientMsg) -> Bytes {
    encode(encoding, message)
}

/// Writes one message of a gateway.
pub fn encode_server(encoding: Encoding, message: &ServerMsg) -> Bytes {
    encode(encoding, message)
}

/// Any value of ours in this encoding. Messages have text keys and no value that could fail to encode.
pub(crate) fn encode<T: Serialize>(encoding: Encoding, value: &T) -> Bytes {
    match encoding {
        Encoding::Json => serde_json::to_vec(value).expect("messages have text keys only").into(),
        Encoding::MessagePack => {
            rmp_serde::to_vec_named(value).expect("messages have only values that MessagePack has too").into()
        }
    }
}

fn decode<T: DeserializeOwned>(encoding: Encoding, bytes: &[u8], types: &[&str]) -> Result<T, DecodeError> {
    #[derive(Deserialize)]
    struct Tagged {
        t: String,
    }
    check_shape(encoding, bytes)?;
    // A pass of its own: serde's tagged enums also take a variant's index for its name, and arrays for maps.
    let Tagged { t } = read(encoding, bytes)?;
    if !types.contains(&t.as_str()) {
        return Err(DecodeError::UnknownType(t.chars().take(40).collect()));
    }
    read(encoding, bytes)
}

fn read<T: DeserializeOwned>(encoding: Encoding, bytes: &[u8]) -> Result<T, DecodeError> {
    match encoding {
        Encoding::Json => serde_json::from_slice(bytes).map_err(DecodeError::Json),
        Encoding::MessagePack => {
            let mut rest = bytes;
            let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
            // The limit also ends an unknown field that would overflow the stack. It counts down to 0, which it refuses.
            deserializer.set_max_depth(DECODE_DEPTH + 1);
            let value = T::deserialize(&mut deserializer).map_err(|error| match error {
                rmp_serde::decode::Error::DepthLimitExceeded => DecodeError::TooDeep,
                other => DecodeError::MessagePack(other),
            })?;
            drop(deserializer);
            if rest.is_empty() { Ok(value) } else { Err(DecodeError::Trailing(rest.len())) }
        }
    }
}

/// What the parsers themselves don't check: the outermost value is a map, and JSON nests no deeper than MessagePack may.
fn check_shape(encoding: Encoding, bytes: &[u8]) -> Result<(), DecodeError> {
    let is_map = match encoding {
        Encoding::Json => bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'),
        Encoding::MessagePack => matches!(bytes.first(), Some(0x80..=0x8f | 0xde | 0xdf)),
    };
    if !is_map {
        return Err(DecodeError::NotAMap);
    }
    if encoding == Encoding::Json && json_depth(bytes) > DECODE_DEPTH {
        return Err(DecodeError::TooDeep);
    }
    Ok(())
}

/// The deepest nesting of brackets outside strings. Only a bound: whether they match is the parser's affair.
fn json_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut in_string = false;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => {
                bytes.next();
            }
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Largest whole number that every client can represent.
const MAX_WHOLE: u64 = (1 << 53) - 1;

/// A number of ours that clients send as a whole number below 2⁵³.
pub(crate) trait Whole: Sized {
    fn from_whole(number: u64) -> Self;
}

macro_rules! whole {
    ($($name:path),*) => {$(
        impl Whole for $name {
            fn from_whole(number: u64) -> Self {
                Self(number)
            }
        }
    )*};
}

whole!(Seq, MsgNo, MoveNo, CorrectionNo, EntityId);

impl Whole for u64 {
    fn from_whole(number: u64) -> Self {
        number
    }
}

/// For `deserialize_with`: a whole number from 0 to 2⁵³ − 1 in any number type, `5.0` included.
pub(crate) fn whole<'de, D: Deserializer<'de>, T: Whole>(deserializer: D) -> Result<T, D::Error> {
    struct AnyNumber;

    impl Visitor<'_> for AnyNumber {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number from 0 to 2^53 - 1")
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u64, E> {
            if number <= MAX_WHOLE { Ok(number) } else { Err(E::invalid_value(Unexpected::Unsigned(number), &self)) }
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u64, E> {
            match u64::try_from(number) {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
            }
        }

        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<u64, E> {
            if number >= 0.0 && number <= MAX_WHOLE as f64 && number.fract() == 0.0 {
                Ok(number as u64)
            } else {
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }
    }

    // Asked for whatever stands there: serde refuses `5.0` where a u64 is asked for.
    deserializer.deserialize_any(AnyNumber).map(T::from_whole)
}

/// For `deserialize_with`: a finite number in any number type.
pub(crate) fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(D::Error::invalid_value(Unexpected::Float(number), &"a finite number"))
    }
}

/// For `deserialize_with`: [`finite`], or none.
pub(crate) fn finite_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    struct Finite(#[serde(deserialize_with = "finite")] f64);
    Ok(Option::<Finite>::deserialize(deserializer)?.map(|Finite(number)| number))
}
