//! Frames: `update` decoded by hand, because a run receives a hundred thousand positions a second; the rest by serde.

use anyhow::{Context as _, bail, ensure};
use wod_protocol::client::{ClientMsg, ServerMsg, UpdateEntry};
use wod_protocol::ids::EntityId;
use wod_protocol::limits::DECODE_DEPTH;

/// A frame from the server.
pub(super) enum Incoming {
    /// An `update`; its entries are in the buffer passed to [`decode`].
    Update {
        /// The zone's share of real time, when it says so.
        dilation: Option<f64>,
    },
    /// Anything else; none: a `t` this client doesn't know, which it ignores.
    Other(Option<Box<ServerMsg>>),
}

/// A client message as MessagePack.
pub(super) fn encode(message: &ClientMsg) -> Vec<u8> {
    rmp_serde::to_vec_named(message).expect("client messages have text keys and finite depth")
}

/// Reads a frame. `entries` is cleared, and holds the positions when it is an `update`.
pub(super) fn decode(frame: &[u8], entries: &mut Vec<UpdateEntry>) -> anyhow::Result<Incoming> {
    entries.clear();
    let mut reader = Reader(frame);
    let fields = reader.map()?;
    let mut kind: Option<&str> = None;
    let mut dilation = None;
    let mut entries_at = None;
    for _ in 0..fields {
        match reader.text()? {
            "t" => kind = Some(reader.text()?),
            "e" => {
                entries_at = Some(reader);
                reader.skip(0)?;
            }
            "dilation" => dilation = reader.optional_number()?,
            _ => reader.skip(0)?,
        }
        if kind.is_some_and(|kind| kind != "update") {
            break;
        }
    }
    let kind = kind.context("a message without `t`")?;
    if kind != "update" {
        return other(frame, kind);
    }
    let mut reader = entries_at.context("an `update` without `e`")?;
    for _ in 0..reader.array()? {
        let length = reader.array()?;
        ensure!((4..=16).contains(&length), "an entry of `update` with {length} values");
        let id = reader.number()? as u64;
        let (x, y, heading) = (reader.number()?, reader.number()?, reader.number()?);
        let flags = if length > 4 { reader.number()? as u8 } else { 0 };
        for _ in 5..length {
            reader.skip(0)?;
        }
        entries.push(UpdateEntry(EntityId(id), x, y, heading, flags));
    }
    Ok(Incoming::Update { dilation })
}

fn other(frame: &[u8], kind: &str) -> anyhow::Result<Incoming> {
    const KNOWN: &[&str] = &[
        "welcome", "zone", "roster", "correct", "chat", "dialogue", "event", "tags", "verbs", "name", "barrier", "ack",
        "reject", "paused", "resumed", "pong", "bye",
    ];
    if !KNOWN.contains(&kind) {
        return Ok(Incoming::Other(None));
    }
    let message = rmp_serde::from_slice(frame).with_context(|| format!("a `{kind}` that does not parse"))?;
    Ok(Incoming::Other(Some(Box::new(message))))
}

/// A place in a MessagePack text.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count).context("a frame that ends too soon")?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> anyhow::Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A big-endian unsigned number of up to 8 bytes.
    fn unsigned(&mut self, bytes: usize) -> anyhow::Result<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn map(&mut self) -> anyhow::Result<u64> {
        match self.byte()? {
            marker @ 0x80..=0x8f => Ok(u64::from(marker & 0x0f)),
            0xde => self.unsigned(2),
            0xdf => self.unsigned(4),
            marker => bail!("expected a map, found marker {marker:#x}"),
        }
    }

    fn array(&mut self) -> anyhow::Result<u64> {
        match self.byte()? {
            marker @ 0x90..=0x9f => Ok(u64::from(marker & 0x0f)),
            0xdc => self.unsigned(2),
            0xdd => self.unsigned(4),
            marker => bail!("expected an array, found marker {marker:#x}"),
        }
    }

    fn text(&mut self) -> anyhow::Result<&'a str> {
        let length = match self.byte()? {
            marker @ 0xa0..=0xbf => u64::from(marker & 0x1f),
            0xd9 => self.unsigned(1)?,
            0xda => self.unsigned(2)?,
            0xdb => self.unsigned(4)?,
            marker => bail!("expected a text, found marker {marker:#x}"),
        };
        std::str::from_utf8(self.take(length as usize)?).context("a text that is not UTF-8")
    }

    fn optional_number(&mut self) -> anyhow::Result<Option<f64>> {
        if self.0.first() == Some(&0xc0) {
            self.byte()?;
            return Ok(None);
        }
        self.number().map(Some)
    }

    /// Any number type of the encoding.
    fn number(&mut self) -> anyhow::Result<f64> {
        Ok(match self.byte()? {
            marker @ 0x00..=0x7f => f64::from(marker),
            marker @ 0xe0..=0xff => f64::from(marker as i8),
            0xca => f64::from(f32::from_bits(self.unsigned(4)? as u32)),
            0xcb => f64::from_bits(self.unsigned(8)?),
            0xcc => self.unsigned(1)? as f64,
            0xcd => self.unsigned(2)? as f64,
            0xce => self.unsigned(4)? as f64,
            0xcf => self.unsigned(8)? as f64,
            0xd0 => f64::from(self.unsigned(1)? as i8),
            0xd1 => f64::from(self.unsigned(2)? as i16),
            0xd2 => f64::from(self.unsigned(4)? as i32),
            0xd3 => self.unsigned(8)? as i64 as f64,
            marker => bail!("expected a number, found marker {marker:#x}"),
        })
    }

    fn skip(&mut self, depth: usize) -> anyhow::Result<()> {
        ensure!(depth < DECODE_DEPTH, "a frame nested too deeply");
        let marker = self.byte()?;
        let (bytes, values) = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, 0),
            0x80..=0x8f => (0, 2 * u64::from(marker & 0x0f)),
            0x90..=0x9f => (0, u64::from(marker & 0x0f)),
            0xa0..=0xbf => (u64::from(marker & 0x1f), 0),
            0xc4 | 0xd9 => (self.unsigned(1)?, 0),
            0xc5 | 0xda => (self.unsigned(2)?, 0),
            0xc6 | 0xdb => (self.unsigned(4)?, 0),
            0xc7 => (self.unsigned(1)? + 1, 0),
            0xc8 => (self.unsigned(2)? + 1, 0),
            0xc9 => (self.unsigned(4)? + 1, 0),
            0xcc | 0xd0 => (1, 0),
            0xcd | 0xd1 | 0xd4 => (2, 0),
            0xd5 => (3, 0),
            0xca | 0xce | 0xd2 => (4, 0),
            0xd6 => (5, 0),
            0xcb | 0xcf | 0xd3 => (8, 0),
            0xd7 => (9, 0),
            0xd8 => (17, 0),
            0xdc => (0, self.unsigned(2)?),
            0xdd => (0, self.unsigned(4)?),
            0xde => (0, 2 * self.unsigned(2)?),
            0xdf => (0, 2 * self.unsigned(4)?),
            0xc1 => bail!("marker 0xc1 is not MessagePack"),
        };
        self.take(bytes as usize)?;
        for _ in 0..values {
            self.skip(depth + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use wod_protocol::ids::{Seq, Tick};

    #[test]
    fn an_update_is_read_whatever_the_order_of_its_fields() {
        let update = ServerMsg::Update {
            tick: Tick(7),
            e: vec![UpdateEntry(EntityId(1 << 36), 1.5, -2.0, 3.25, 1), UpdateEntry(EntityId(9), 0.0, 1.0, 2.0, 0)],
            dilation: Some(0.5),
        };
        let mut entries = vec![UpdateEntry(EntityId(5), 0.0, 0.0, 0.0, 0)];
        let frame = rmp_serde::to_vec_named(&update).unwrap();
        let Incoming::Update { dilation } = decode(&frame, &mut entries).unwrap() else { panic!("is an update") };
        assert_eq!(dilation, Some(0.5));
        let ServerMsg::Update { e, .. } = update else { unreachable!() };
        assert_eq!(entries, e);

        let reversed =
            serde_json::json!({ "e": [[1, 2, 3, 4]], "new": { "a": [1, "x", null] }, "t": "update", "tick": 1 });
        decode(&rmp_serde::to_vec_named(&reversed).unwrap(), &mut entries).unwrap();
        assert_eq!(entries, [UpdateEntry(EntityId(1), 2.0, 3.0, 4.0, 0)]);
    }

    #[test]
    fn other_messages_are_read_and_unknown_ones_ignored() {
        let mut entries = Vec::new();
        let ack = rmp_serde::to_vec_named(&ServerMsg::Ack { seq: Seq(3) }).unwrap();
        let Incoming::Other(Some(message)) = decode(&ack, &mut entries).unwrap() else { panic!("is an ack") };
        assert_eq!(*message, ServerMsg::Ack { seq: Seq(3) });
        let news = rmp_serde::to_vec_named(&serde_json::json!({ "t": "weather", "rain": true })).unwrap();
        assert!(matches!(decode(&news, &mut entries).unwrap(), Incoming::Other(None)));
    }

    #[test]
    fn a_cut_frame_is_an_error_at_every_length() {
        let update =
            ServerMsg::Update { tick: Tick(7), e: vec![UpdateEntry(EntityId(1), 1.5, -2.0, 3.25, 1)], dilation: None };
        let frame = rmp_serde::to_vec_named(&update).unwrap();
        for length in 0..frame.len() {
            assert!(decode(&frame[..length], &mut Vec::new()).is_err());
        }
    }
}
