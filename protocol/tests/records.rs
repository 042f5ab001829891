//! Players' records of every schema there ever was are read for ever.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use wod_protocol::bus::Way;
use wod_protocol::client::TagValue;
use wod_protocol::ids::{EntityId, Hop, Sub, ZoneNo};
use wod_protocol::record::{Place, PlayerRecord};
use wod_protocol::units::{Heading, Pos};

fn fixture(schema: u32) -> PathBuf {
    PathBuf::from(format!("{}/tests/fixtures/record-schema-{schema}.msgpack", env!("CARGO_MANIFEST_DIR")))
}

/// Somebody with everything that a record of schema 1 could hold.
fn ann() -> PlayerRecord {
    let mut record = PlayerRecord::new(Sub::from("issuer|ann"), "Änn O'Hara".into(), false, EntityId(99), ZoneNo(3));
    (record.place, record.hop) = (Place::Zone(ZoneNo(7)), Hop(41));
    let player = &mut record.player;
    (player.hop, player.at, player.heading) = (Hop(41), Pos { x: -256, y: 123_456 }, Heading(777));
    (player.speed, player.way) = (1536, Way::Portal(Some("landing".into())));
    player.tags = vec![
        ("look".into(), TagValue::Text("regent".into())),
        ("rank".into(), TagValue::Int(-3)),
        ("thirst".into(), TagValue::Number(0.5)),
        ("title".into(), TagValue::Flag(true)),
    ];
    player.saved.insert("elysium".into(), vec![0x81, 0xa3, b'o', b'w', b'n', 0x05].into());
    player.saved.insert("streets".into(), vec![].into());
    record
}

#[test]
fn a_record_of_the_first_schema_is_read_with_everything_it_held() {
    let read = PlayerRecord::decode(&std::fs::read(fixture(1)).unwrap()).unwrap();
    let expected = ann();
    assert_eq!((read.place, read.hop, read.zone), (expected.place, expected.hop, expected.zone));
    assert_eq!(read.player, expected.player);
}

/// A schema that is new is kept as it is written on its first day: run this with `WOD_KEEP_FIXTURE=1`, once.
#[test]
fn every_schema_has_its_fixture() {
    let record = ann();
    let path = fixture(record.schema);
    if std::env::var_os("WOD_KEEP_FIXTURE").is_some() && !path.exists() {
        std::fs::write(&path, record.encode()).unwrap();
    }
    assert!(path.exists(), "{} is missing", path.display());
}
