//! What bad clients send.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::chance::Chance;
use crate::client::Encoding;

/// Frames that break the rules of PROTOCOL.md in every encoding: what it is, the frame, and the code that it is closed with.
pub fn frames(encoding: Encoding) -> Vec<(&'static str, Message, u16)> {
    let either = [
        ("an unknown t", json!({ "t": "fly" }), 4000),
        ("no t", json!({ "seq": 1 }), 4000),
        ("a list", json!(["ping", 1]), 4000),
        ("a second hello", json!({ "t": "hello", "name": "Twice" }), 4000),
        ("a field of the wrong type", json!({ "t": "move", "m": "one", "c": 0, "x": 1, "y": 1 }), 4000),
        ("a field that lacks", json!({ "t": "move", "m": 1, "c": 0, "x": 1 }), 4000),
        ("a number that must be whole", json!({ "t": "ping", "c": 1.5 }), 4000),
        ("a number below 0", json!({ "t": "ack", "n": -1 }), 4000),
        ("a seq that skips one", json!({ "t": "chat", "seq": 77, "mode": "say", "text": "hi" }), 4000),
        ("too large", json!({ "t": "ping", "c": 1, "x": "a".repeat(17_000) }), 1009),
    ];
    let own = match encoding {
        Encoding::Json => vec![
            ("not JSON", Message::text("{"), 4000),
            ("nothing", Message::text(""), 4000),
            ("the wrong kind of frame", Message::binary(vec![0x80]), 4000),
            (
                "nested beyond reason",
                Message::text(format!("{{\"t\":\"ping\",\"c\":1,\"x\":{}", "[".repeat(9000))),
                4000,
            ),
            ("a place that is no number", Message::text(r#"{"t":"move","m":1,"c":0,"x":1e999,"y":0}"#), 4000),
        ],
        Encoding::MessagePack => vec![
            ("not MessagePack", Message::binary(vec![0xc1]), 4000),
            ("nothing", Message::binary(Vec::new()), 4000),
            ("the wrong kind of frame", Message::text("{}"), 4000),
            ("nested beyond reason", Message::binary(vec![0x91; 9000]), 4000),
            ("a map that claims to be huge", Message::binary(vec![0xdf, 0xff, 0xff, 0xff, 0xff]), 4000),
            ("a text that claims to be huge", Message::binary(vec![0x81, 0xdb, 0xff, 0xff, 0xff, 0xff]), 4000),
            ("a place that is no number", Message::binary(not_a_place()), 4000),
        ],
    };
    either.into_iter().map(|(what, message, code)| (what, encoded(encoding, &message), code)).chain(own).collect()
}

/// Messages that were whole once: cut, or with some bits turned. Some still mean something, which is no offence.
pub fn damaged(encoding: Encoding, chance: &mut Chance) -> Message {
    let whole = [
        json!({ "t": "hello", "name": "Mangled" }),
        json!({ "t": "move", "m": 7, "c": 0, "x": 94.5, "y": 46.25, "h": 1.5 }),
        json!({ "t": "chat", "seq": 1, "mode": "whisper", "to": "Nobody", "text": "psst" }),
        json!({ "t": "interact", "seq": 1, "target": 68_719_476_740_u64, "verb": "talk", "args": { "topic": [1, 2, null] } }),
        json!({ "t": "choose", "seq": 1, "dialogue": 12, "option": "who" }),
        json!({ "t": "ack", "n": 1 }),
        json!({ "t": "ping", "c": 1_760_000_000_000_u64 }),
    ];
    let message = &whole[chance.below(whole.len() as u64) as usize];
    let mut bytes = match encoding {
        Encoding::Json => message.to_string().into_bytes(),
        Encoding::MessagePack => rmp_serde::to_vec_named(message).expect("a JSON value has a MessagePack form"),
    };
    if chance.below(4) == 0 {
        bytes.truncate(chance.below(bytes.len() as u64) as usize);
    } else {
        for _ in 0..=chance.below(4) {
            let at = chance.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << chance.below(8);
        }
    }
    match encoding {
        // As it is, also where it is no UTF-8 any more.
        Encoding::Json => Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true)),
        Encoding::MessagePack => Message::binary(bytes),
    }
}

/// What nobody speaks on a gateway's port: noise, half a request, a head without end.
pub fn noises(chance: &mut Chance) -> Vec<Vec<u8>> {
    let upgrade =
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    vec![
        chance.bytes(4096),
        upgrade.to_vec(),
        [&b"GET /ws HTTP/1.1\r\nX: "[..], &[b'a'; 100_000]].concat(),
        // A WebSocket, then noise in place of frames.
        [&upgrade[..], key, &chance.bytes(4096)].concat(),
        // One that claims a frame of 2^62 bytes, and one with control frames that are no such.
        [&upgrade[..], key, &[0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]].concat(),
        [&upgrade[..], key, &[0x09, 0xfe, 0x01, 0x00, 1, 2, 3, 4], &chance.bytes(256)].concat(),
    ]
}

/// Files that no zone may run, made of one that it may.
pub fn modules(component: &[u8], chance: &mut Chance) -> Vec<(&'static str, Vec<u8>)> {
    let cut = 9 + chance.below(component.len() as u64 - 9) as usize;
    let mut head = component.to_vec();
    head[chance.below(8) as usize] ^= 1 << chance.below(8);
    vec![
        ("nothing", Vec::new()),
        ("a text", b"hello".to_vec()),
        ("a core module", b"\0asm\x01\0\0\0".to_vec()),
        ("an empty component", b"\0asm\x0d\0\x01\0".to_vec()),
        ("noise", chance.bytes(20_000)),
        ("noise behind a good head", [&component[..8], &chance.bytes(20_000)].concat()),
        ("one that is cut", component[..cut].to_vec()),
        ("one with a damaged head", head),
        ("one twice", [component, component].concat()),
        ("one backwards", component.iter().rev().copied().collect()),
    ]
}

/// A component with some bytes turned anywhere: some of these are no component any more, others are another one.
pub fn damaged_module(component: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = component.to_vec();
    for _ in 0..=chance.below(8) {
        let at = chance.below(bytes.len() as u64) as usize;
        bytes[at] = chance.below(256) as u8;
    }
    bytes
}

fn encoded(encoding: Encoding, message: &Value) -> Message {
    match encoding {
        Encoding::Json => Message::text(message.to_string()),
        Encoding::MessagePack => {
            Message::binary(rmp_serde::to_vec_named(message).expect("a JSON value has a MessagePack form"))
        }
    }
}

/// A `move` to where x is not a number: JSON has no word for it.
fn not_a_place() -> Vec<u8> {
    let place =
        [("m", vec![1]), ("c", vec![0]), ("x", [&[0xcb][..], &f64::NAN.to_be_bytes()].concat()), ("y", vec![0])];
    let fields = place.into_iter().flat_map(|(name, value)| [&[0xa1, name.as_bytes()[0]][..], &value].concat());
    [0x85, 0xa1, b't', 0xa4].into_iter().chain(*b"move").chain(fields).collect()
}
