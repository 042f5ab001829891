//! Server messages joined from parts that are encoded once and copied into many players' messages.
//!
//! A zone's tick reaches a gateway as one frame for all its players there. What differs between two players is only which
//! entities each sees and which `n` a message has, so everything else is encoded once per encoding: an entity's position
//! ([`position`]), its card ([`card`]) and the body of a reliable message ([`Body`]). The bytes are what
//! [`encode_server`](crate::codec::encode_server) would make of the whole message, but for the width of numbers.

use bytes::Bytes;
use serde::Serialize;

use crate::client::{Encoding, RosterEntry};
use crate::codec;
use crate::ids::{EntityId, MsgNo, Tick};
use crate::units::{Heading, Pos, to_metres};

/// Appends an entity's `[id, x, y, h, flags?]`, a part of an [`update`].
pub fn position(encoding: Encoding, out: &mut Vec<u8>, id: EntityId, at: Pos, heading: Heading, flags: u8) {
    match encoding {
        Encoding::Json => {
            // Five digits tell all 65,536 headings apart.
            let h = heading.radians();
            write_text(out, format_args!("[{id},{},{},{h:.5}", to_metres(at.x), to_metres(at.y)));
            if flags != 0 {
                write_text(out, format_args!(",{flags}"));
            }
            out.push(b']');
        }
        Encoding::MessagePack => {
            pack(rmp::encode::write_array_len(out, if flags == 0 { 4 } else { 5 }).map(drop));
            pack(rmp::encode::write_uint(out, id.0).map(drop));
            write_metres(out, at.x);
            write_metres(out, at.y);
            pack(rmp::encode::write_f32(out, heading.radians() as f32));
            if flags != 0 {
                pack(rmp::encode::write_uint(out, u64::from(flags)).map(drop));
            }
        }
    }
}

/// Writes a whole `update` of entities encoded by [`position`] over what is in `out`. `dilation`, per mille, is told when
/// it is not 1000.
pub fn update<'a>(
    encoding: Encoding,
    out: &mut Vec<u8>,
    tick: Tick,
    dilation: u16,
    entities: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    out.clear();
    let slowed = (dilation != 1000).then(|| f32::from(dilation) / 1000.0);
    match encoding {
        Encoding::Json => {
            write_text(out, format_args!("{{\"t\":\"update\",\"tick\":{tick},\"e\":"));
            json_array(out, entities);
            if let Some(share) = slowed {
                write_text(out, format_args!(",\"dilation\":{share}"));
            }
            out.push(b'}');
        }
        Encoding::MessagePack => {
            head(out, "update", 2 + u32::from(slowed.is_some()));
            key(out, "tick");
            pack(rmp::encode::write_uint(out, tick.0).map(drop));
            key(out, "e");
            packed_array(out, entities);
            if let Some(share) = slowed {
                key(out, "dilation");
                pack(rmp::encode::write_f32(out, share));
            }
        }
    }
}

/// Appends an entity's card, a part of a [`roster`].
pub fn card(encoding: Encoding, out: &mut Vec<u8>, entry: &RosterEntry) {
    out.extend_from_slice(&codec::encode(encoding, entry));
}

/// Writes a whole `roster` of entities encoded by [`card`] over what is in `out`.
pub fn roster<'a>(
    encoding: Encoding,
    out: &mut Vec<u8>,
    enter: impl ExactSizeIterator<Item = &'a [u8]>,
    leave: &[EntityId],
    full: bool,
) {
    out.clear();
    match encoding {
        Encoding::Json => {
            out.extend_from_slice(b"{\"t\":\"roster\",\"enter\":");
            json_array(out, enter);
            out.extend_from_slice(b",\"leave\":[");
            for (index, id) in leave.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write_text(out, format_args!("{comma}{id}"));
            }
            out.push(b']');
            if full {
                out.extend_from_slice(b",\"full\":true");
            }
            out.push(b'}');
        }
        Encoding::MessagePack => {
            head(out, "roster", 2 + u32::from(full));
            key(out, "enter");
            packed_array(out, enter);
            key(out, "leave");
            pack(rmp::encode::write_array_len(out, length(leave.len())).map(drop));
            for id in leave {
                pack(rmp::encode::write_uint(out, id.0).map(drop));
            }
            if full {
                key(out, "full");
                pack(rmp::encode::write_bool(out, true));
            }
        }
    }
}

/// A reliable message without its number, encoded once for all who get it.
#[derive(Debug, Clone)]
pub struct Body {
    encoding: Encoding,
    t: &'static str,
    /// The fields' bytes: JSON from the first key on; MessagePack the pairs.
    fields: Bytes,
    /// How many fields.
    count: u32,
}

impl Body {
    /// Encodes the fields of message `t`, all but `n`. `fields` must serialize as a map of 1 to 15 fields.
    pub fn new<T: Serialize>(encoding: Encoding, t: &'static str, fields: &T) -> Self {
        let bytes = codec::encode(encoding, fields);
        // One byte opens the map in either encoding: `{`, or 0x80 plus the number of fields up to 15.
        let count = match encoding {
            Encoding::Json => 0,
            Encoding::MessagePack => u32::from(bytes[0] & 0x0f),
        };
        debug_assert!(encoding == Encoding::Json || (0x81..=0x8f).contains(&bytes[0]));
        Self { encoding, t, fields: bytes.slice(1..), count }
    }

    /// The whole message: with a number, or, for an unnumbered `event`, without.
    pub fn message(&self, n: Option<MsgNo>) -> Bytes {
        let mut out = Vec::with_capacity(self.fields.len() + 40);
        match self.encoding {
            Encoding::Json => {
                write_text(&mut out, format_args!("{{\"t\":\"{}\",", self.t));
                if let Some(n) = n {
                    write_text(&mut out, format_args!("\"n\":{n},"));
                }
            }
            Encoding::MessagePack => {
                head(&mut out, self.t, self.count + u32::from(n.is_some()));
                if let Some(n) = n {
                    key(&mut out, "n");
                    pack(rmp::encode::write_uint(&mut out, n.0).map(drop));
                }
            }
        }
        out.extend_from_slice(&self.fields);
        out.into()
    }
}

/// MessagePack: the map's length and its `t`; `fields` others follow.
fn head(out: &mut Vec<u8>, t: &str, fields: u32) {
    pack(rmp::encode::write_map_len(out, fields + 1).map(drop));
    key(out, "t");
    key(out, t);
}

fn key(out: &mut Vec<u8>, text: &str) {
    pack(rmp::encode::write_str(out, text));
}

/// Half the bytes where they hold the very value, which they do within 65 km of the region's origin.
fn write_metres(out: &mut Vec<u8>, fixed: i32) {
    let metres = to_metres(fixed);
    let short = metres as f32;
    if f64::from(short) == metres {
        pack(rmp::encode::write_f32(out, short));
    } else {
        pack(rmp::encode::write_f64(out, metres));
    }
}

fn json_array<'a>(out: &mut Vec<u8>, items: impl Iterator<Item = &'a [u8]>) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item);
    }
    out.push(b']');
}

fn packed_array<'a>(out: &mut Vec<u8>, items: impl ExactSizeIterator<Item = &'a [u8]>) {
    pack(rmp::encode::write_array_len(out, length(items.len())).map(drop));
    for item in items {
        out.extend_from_slice(item);
    }
}

fn length(items: usize) -> u32 {
    u32::try_from(items).expect("rosters are bounded")
}

fn write_text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    std::io::Write::write_fmt(out, text).expect("writing to memory can't fail");
}

fn pack<E: std::fmt::Debug>(written: Result<(), E>) {
    written.expect("writing to memory can't fail");
}
