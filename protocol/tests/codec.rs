//! The decoders against strangers: garbage, mutations and every number type.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};
use wod_protocol::bus::Envelope;
use wod_protocol::client::*;
use wod_protocol::codec::*;
use wod_protocol::ids::*;
use wod_protocol::record::PlayerRecord;

const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() }
}

fn pack(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

fn both(value: &Value) -> [Result<ClientMsg, DecodeError>; 2] {
    let json = decode_client(Encoding::Json, value.to_string().as_bytes());
    [json, decode_client(Encoding::MessagePack, &pack(value))]
}

#[test]
fn every_number_type_is_taken_for_every_number() {
    let expected = ClientMsg::Move { m: MoveNo(5), c: CorrectionNo(0), x: 3.0, y: -2.0, h: Some(1.0) };
    for text in [
        r#"{"t":"move","m":5,"c":0,"x":3,"y":-2,"h":1}"#,
        r#"{"t":"move","m":5.0,"c":0.0,"x":3.0,"y":-2.0,"h":1.0}"#,
        r#"{"t":"move","m":5e0,"c":-0.0,"x":0.3e1,"y":-20e-1,"h":10E-1}"#,
    ] {
        assert_eq!(decode_client(Encoding::Json, text.as_bytes()).unwrap(), expected, "{text}");
    }
    // u8, u16, u32, u64, i8, i16, i32, i64, f32 and f64 for `m`.
    let fives: [&[u8]; 11] = [
        &[5],
        &[0xcc, 5],
        &[0xcd, 0, 5],
        &[0xce, 0, 0, 0, 5],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0xd0, 5],
        &[0xd1, 0, 5],
        &[0xd2, 0, 0, 0, 5],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0xca, 0x40, 0xa0, 0, 0],
        &[0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0],
    ];
    for five in fives {
        let mut bytes = b"\x82\xa1t\xa3ack\xa1n".to_vec();
        bytes.extend(five);
        assert_eq!(decode_client(Encoding::MessagePack, &bytes).unwrap(), ClientMsg::Ack { n: MsgNo(5) }, "{five:x?}");
    }
}

#[test]
fn unknown_fields_are_skipped_and_null_is_none() {
    let value =
        json!({"t": "hello", "name": "Ann", "ticket": null, "resume": null, "new": [{"deep": [1]}], "client": null});
    for decoded in both(&value) {
        let expected = ClientMsg::Hello { ticket: None, name: Some("Ann".into()), resume: None, client: None };
        assert_eq!(decoded.unwrap(), expected);
    }
}

#[test]
fn whatever_is_not_one_message_is_an_error() {
    for value in [
        json!({"t": "dance"}),
        json!({"t": 0, "name": "Ann"}),
        json!({"t": null}),
        json!({"name": "Ann"}),
        json!(["ping", 5]),
        json!([]),
        json!("ping"),
        json!(7),
        json!(null),
        json!({"t": "ping"}),
        json!({"t": "ping", "c": -1}),
        json!({"t": "ping", "c": 1.5}),
        json!({"t": "ping", "c": "1"}),
        json!({"t": "ping", "c": true}),
        json!({"t": "ping", "c": 9_007_199_254_740_992_u64}),
        json!({"t": "chat", "seq": 1, "mode": "sing", "text": "la"}),
        json!({"t": "chat", "seq": 1, "mode": 0, "text": ["la"]}),
        json!({"t": "move", "m": 1, "c": 0, "x": "0", "y": 0}),
        json!({"t": "hello", "resume": {"session": "s"}}),
    ] {
        for decoded in both(&value) {
            assert!(decoded.is_err(), "{value}: {decoded:?}");
        }
    }
    for text in
        ["", " ", "{", "nul", r#"{"t":"bye"}{"t":"bye"}"#, r#"{"t":"bye","t":"bye"}"#, r#"{"t":"ping","c":1e999}"#]
    {
        assert!(decode_client(Encoding::Json, text.as_bytes()).is_err(), "{text}");
    }
    let mut trailing = pack(&json!({"t": "bye"}));
    trailing.push(0xc0);
    assert!(matches!(decode_client(Encoding::MessagePack, &trailing), Err(DecodeError::Trailing(1))));
}

#[test]
fn positions_that_are_not_finite_are_errors() {
    for (x, y, h) in [(f64::NAN, 0.0, 0.0), (0.0, f64::INFINITY, 0.0), (0.0, 0.0, f64::NEG_INFINITY)] {
        let message = ClientMsg::Move { m: MoveNo(1), c: CorrectionNo(0), x, y, h: Some(h) };
        let bytes = encode_client(Encoding::MessagePack, &message);
        assert!(decode_client(Encoding::MessagePack, &bytes).is_err());
    }
}

#[test]
fn nesting_is_bounded_also_inside_unknown_fields() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    for field in ["args", "unknown"] {
        let message = |depth| json!({"t": "interact", "seq": 1, "target": 2, "verb": "v", field: nested(depth)});
        assert!(both(&message(20)).iter().all(Result::is_ok), "{field}");
        assert!(both(&message(40)).iter().all(Result::is_err), "{field}");
    }
    // As deep as 16 KiB allow: must not touch the stack's end.
    let mut packed = b"\x82\xa1t\xa3bye\xa1u".to_vec();
    packed.extend(std::iter::repeat_n(0x91, 16_000));
    assert!(decode_client(Encoding::MessagePack, &packed).is_err());
    let text = format!(r#"{{"t":"bye","u":{}"#, "[".repeat(16_000));
    assert!(matches!(decode_client(Encoding::Json, text.as_bytes()), Err(DecodeError::TooDeep)));
    assert!(Envelope::decode(&[0x91; 16_000]).is_err());
    assert!(PlayerRecord::decode(&[0x91; 16_000]).is_err());
    // Brackets in texts are no nesting.
    let text = format!(r#"{{"t":"chat","seq":1,"mode":"say","text":"{}\"["}}"#, "[{".repeat(50));
    assert!(decode_client(Encoding::Json, text.as_bytes()).is_ok());
}

/// Numbers that have a short decimal form: serde_json's reader may err in the last digit of others.
fn metres() -> impl Strategy<Value = f64> {
    any::<i32>().prop_map(|fixed| f64::from(fixed) / 256.0)
}

fn any_client_message() -> impl Strategy<Value = ClientMsg> {
    let number = || 0..1_u64 << 53;
    let text = || "\\PC{0,40}";
    let mode = prop_oneof![Just(ChatMode::Say), Just(ChatMode::Shout), Just(ChatMode::Emote), Just(ChatMode::Whisper)];
    let resume = (text(), text(), number(), any::<bool>()).prop_map(|(session, token, n, history)| ResumeRequest {
        session,
        token,
        n: MsgNo(n),
        history,
    });
    let option = proptest::option::of::<&str>;
    prop_oneof![
        (option(text()), option(text()), proptest::option::of(resume), option(text()))
            .prop_map(|(ticket, name, resume, client)| ClientMsg::Hello { ticket, name, resume, client }),
        (number(), number(), metres(), metres(), proptest::option::of(metres()))
            .prop_map(|(m, c, x, y, h)| ClientMsg::Move { m: MoveNo(m), c: CorrectionNo(c), x, y, h }),
        (number(), mode, text(), option(text())).prop_map(|(seq, mode, text, to)| ClientMsg::Chat {
            seq: Seq(seq),
            mode,
            text,
            to
        }),
        (number(), number(), text(), proptest::option::of(any_json())).prop_map(|(seq, target, verb, args)| {
            ClientMsg::Interact {
                seq: Seq(seq),
                target: EntityId(target),
                verb,
                args: args.filter(|args| !args.is_null()),
            }
        }),
        (number(), number(), option(text())).prop_map(|(seq, dialogue, option)| ClientMsg::Choose {
            seq: Seq(seq),
            dialogue,
            option
        }),
        (number(), option(text())).prop_map(|(seq, name)| ClientMsg::Ignore { seq: Seq(seq), name }),
        (number(), text()).prop_map(|(seq, name)| ClientMsg::Unignore { seq: Seq(seq), name }),
        number().prop_map(|n| ClientMsg::Ack { n: MsgNo(n) }),
        number().prop_map(|c| ClientMsg::Ping { c }),
        Just(ClientMsg::Bye {}),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        metres().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("\\PC{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_message_comes_back_from_both_encodings(message in any_client_message()) {
        for encoding in ENCODINGS {
            let bytes = encode_client(encoding, &message);
            prop_assert_eq!(&decode_client(encoding, &bytes).unwrap(), &message);
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        // A random `bye` would take 7 matching bytes or more.
        for encoding in ENCODINGS {
            prop_assert!(decode_client(encoding, &bytes).is_err());
            prop_assert!(decode_server(encoding, &bytes).is_err());
        }
        prop_assert!(Envelope::decode(&bytes).is_err());
        prop_assert!(PlayerRecord::decode(&bytes).is_err());
    }

    #[test]
    fn mutated_messages_never_panic_and_what_still_decodes_is_a_message(
        message in any_client_message(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        for encoding in ENCODINGS {
            let mut bytes = encode_client(encoding, &message).to_vec();
            for (at, byte, edit) in &edits {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match edit {
                    0 => bytes[at] = *byte,
                    1 => bytes.insert(at, *byte),
                    _ => bytes.truncate(at),
                }
            }
            if let Ok(decoded) = decode_client(encoding, &bytes) {
                let again = encode_client(encoding, &decoded);
                prop_assert_eq!(decode_client(encoding, &again).unwrap(), decoded);
            }
        }
    }

    #[test]
    fn both_encodings_agree_on_any_map(fields in proptest::collection::btree_map("[a-z]{1,3}|seq|mode|text|name|verb", any_json(), 0..6), t in proptest::sample::select(CLIENT_TYPES.to_vec())) {
        let mut map: serde_json::Map<String, Value> = fields.into_iter().collect();
        map.insert("t".into(), t.into());
        let [json, packed] = both(&Value::Object(map));
        prop_assert_eq!(json.ok(), packed.ok());
    }
}
