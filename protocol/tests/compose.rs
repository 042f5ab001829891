//! Messages joined from shared parts are what the codec would write whole.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde::Serialize;
use wod_protocol::client::*;
use wod_protocol::codec::{decode_server, encode_server};
use wod_protocol::compose::{self, Body};
use wod_protocol::ids::*;
use wod_protocol::units::{Heading, Pos};

const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

type Entity = (u64, i32, i32, u16, u8);

fn entity() -> impl Strategy<Value = Entity> {
    (0..1_u64 << 53, any::<i32>(), any::<i32>(), any::<u16>(), 0..2_u8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_update_of_encoded_positions_decodes_to_those_positions(
        entities in proptest::collection::vec(entity(), 0..40),
        tick in any::<u32>(),
        dilation in prop_oneof![Just(1000_u16), 100..1000_u16],
    ) {
        for encoding in ENCODINGS {
            let parts: Vec<Vec<u8>> = entities.iter().map(|(id, x, y, h, flags)| {
                let mut part = Vec::new();
                compose::position(encoding, &mut part, EntityId(*id), Pos { x: *x, y: *y }, Heading(*h), *flags);
                part
            }).collect();
            let mut bytes = Vec::new();
            compose::update(encoding, &mut bytes, Tick(tick.into()), dilation, parts.iter().map(Vec::as_slice));
            let ServerMsg::Update { tick: told, e, dilation: slowed } = decode_server(encoding, &bytes).unwrap() else { panic!() };
            prop_assert_eq!(told, Tick(tick.into()));
            prop_assert_eq!(slowed.is_some(), dilation != 1000);
            prop_assert_eq!(e.len(), entities.len());
            for (UpdateEntry(id, x, y, h, flags), entity) in e.into_iter().zip(&entities) {
                let (wanted_x, wanted_y) = Pos { x: entity.1, y: entity.2 }.metres();
                prop_assert_eq!((id.0, x, y, flags), (entity.0, wanted_x, wanted_y, entity.4), "positions are exact");
                prop_assert_eq!(Heading::from_radians(h + 4e-5), Heading(entity.3), "headings are told apart");
            }
        }
    }

    #[test]
    fn a_roster_of_encoded_cards_decodes_to_those_cards(
        names in proptest::collection::vec("\\PC{1,24}", 0..20),
        leave in proptest::collection::vec(0..1_u64 << 53, 0..20),
        full in any::<bool>(),
    ) {
        let entries: Vec<RosterEntry> = names.into_iter().enumerate().map(|(index, name)| RosterEntry {
            id: EntityId(index as u64),
            kind: Kind::Player,
            name,
            x: 1.5,
            y: -2.25,
            h: 0.5,
            tags: [("look".to_owned(), TagValue::Int(index as i64))].into(),
            verbs: vec![Verb { id: "talk".into(), label: "Talk".into(), reach: 2.5 }],
            ghost: index % 2 == 0,
        }).collect();
        let leave: Vec<EntityId> = leave.into_iter().map(EntityId).collect();
        for encoding in ENCODINGS {
            let parts: Vec<Vec<u8>> = entries.iter().map(|entry| {
                let mut part = Vec::new();
                compose::card(encoding, &mut part, entry);
                part
            }).collect();
            let mut bytes = b"left over".to_vec();
            compose::roster(encoding, &mut bytes, parts.iter().map(Vec::as_slice), &leave, full);
            let whole = ServerMsg::Roster { enter: entries.clone(), leave: leave.clone(), full };
            prop_assert_eq!(&decode_server(encoding, &bytes).unwrap(), &whole);
            if encoding == Encoding::Json {
                prop_assert_eq!(&bytes, &encode_server(encoding, &whole));
            }
        }
    }

    #[test]
    fn a_numbered_body_decodes_to_the_whole_message(name in "\\PC{1,24}", text in "\\PC{0,500}", n in 1..1_u64 << 53) {
        #[derive(Serialize)]
        struct Chat<'a> { from: EntityId, name: &'a str, mode: ChatMode, text: &'a str }
        for encoding in ENCODINGS {
            let chat = Chat { from: EntityId(7), name: &name, mode: ChatMode::Shout, text: &text };
            let bytes = Body::new(encoding, "chat", &chat).message(Some(MsgNo(n)));
            let whole = ServerMsg::Chat { n: MsgNo(n), from: EntityId(7), name: name.clone(), mode: ChatMode::Shout, text: text.clone() };
            prop_assert_eq!(decode_server(encoding, &bytes).unwrap(), whole);
        }
    }
}
