//! World files, maps, envelopes and records that were damaged, made up or mean: an error that names what is wrong, never a panic,
//! and never something half-checked.
#![allow(clippy::unwrap_used, reason = "a test says more by panicking")]

use proptest::prelude::*;
use wod_protocol::bus::{Envelope, GatewayInput, Part, Process, ToZone};
use wod_protocol::ids::{EntityId, Sub, ZoneNo};
use wod_protocol::map::{Barrier, Map, Place, Portal, Shape};
use wod_protocol::record::PlayerRecord;
use wod_protocol::world::World;

const CASES: u32 = 10_000;

const WORLD: &str = r#"
start = "nyc.elysium"
[ranges]
say = 10.0
[[zone]]
name = "nyc.elysium"
number = 1
module = "elysium"
origin = [0.0, 0.0]
size = [100.0, 80.0]
portals = { out = "la.pier/quay" }
[[zone]]
name = "la.pier"
number = 2
module = "pier"
origin = [0.0, 0.0]
size = [50.0, 50.0]
config = { night = true }
"#;

fn map() -> Map {
    Map {
        walls: vec![Shape { points: vec![[1.0, 1.0], [9.0, 1.0], [9.0, 5.0]], closed: true }],
        barriers: vec![Barrier {
            name: "gate".into(),
            shape: Shape { points: vec![[20.0, 1.0], [20.0, 5.0]], closed: false },
            closed: true,
        }],
        places: vec![Place { name: "post".into(), at: [3.0, 9.0], radius: 1.0, properties: Default::default() }],
        portals: vec![Portal { name: "out".into(), at: [30.0, 30.0], radius: 2.0 }],
        ..Map::empty(100.0, 80.0)
    }
}

/// The bytes with some of them overwritten, cut out or doubled.
fn damaged(original: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = original.len();
    prop::collection::vec((0..length, any::<u8>(), 0..3_u8), 1..6).prop_map(move |wounds| {
        let mut bytes = original.clone();
        for (at, byte, how) in wounds {
            let at = at.min(bytes.len().saturating_sub(1));
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_world_file_is_an_error_or_a_sound_world(bytes in damaged(WORLD.as_bytes().to_vec())) {
        match World::parse(&String::from_utf8_lossy(&bytes)) {
            Ok(world) => {
                prop_assert!(world.check().is_ok());
                for zone in &world.zones {
                    prop_assert!(zone.number.0 > 0 && zone.size.iter().all(|side| *side > 0.0));
                    let bounds = zone.bounds();
                    prop_assert!(bounds.min.x <= bounds.max.x && bounds.min.y <= bounds.max.y);
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn a_damaged_map_is_an_error_or_a_sound_map(bytes in damaged(map().to_json())) {
        match Map::parse(&bytes) {
            Ok(map) => prop_assert!(!map.spawns.is_empty() && map.size.iter().all(|side| *side > 0.0)),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_no_map(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Map::parse(&bytes).is_err());
    }

    #[test]
    fn a_damaged_envelope_or_record_never_panics(wounds in damaged(envelope()), bytes in damaged(record())) {
        for result in [Envelope::decode(&wounds).err().map(|e| e.to_string()), PlayerRecord::decode(&bytes).err().map(|e| e.to_string())] {
            prop_assert!(result.is_none_or(|error| !error.is_empty()));
        }
    }
}

fn envelope() -> Vec<u8> {
    let to_zone = ToZone { zone: ZoneNo(1), inputs: vec![GatewayInput::Resync; 3] };
    Envelope { from: Process::Gateway("gw".into()), parts: vec![Part::ToZone(to_zone)] }.encode().unwrap().to_vec()
}

fn record() -> Vec<u8> {
    PlayerRecord::new(Sub::from("guest:ann"), "Ann".into(), true, EntityId(7), ZoneNo(1)).encode()
}

#[test]
fn the_undamaged_originals_are_fine() {
    World::parse(WORLD).unwrap();
    Map::parse(&map().to_json()).unwrap();
    Envelope::decode(&envelope()).unwrap();
    PlayerRecord::decode(&record()).unwrap();
}

#[test]
fn every_rule_of_a_world_file_names_the_zone_and_the_mend() {
    let cases = [
        (WORLD.replace("number = 2", "number = 1"), "shares its name or number"),
        (WORLD.replace("number = 2", "number = 0"), "1 to 65535"),
        (WORLD.replace("start = \"nyc.elysium\"", "start = \"nyc.nowhere\""), "no [[zone]] has that name"),
        (WORLD.replace("la.pier/quay", "la.moon"), "no zone has that name"),
        (WORLD.replace("\"la.pier\"", "\"nyc.pier\"").replace("la.pier/", "nyc.pier/"), "overlaps zone"),
        (WORLD.replace("say = 10.0", "say = nan"), "over 0 and at most 500"),
        (WORLD.replace("say = 10.0", "mumble = 1.0"), "unknown field `mumble`"),
        (WORLD.replace("module = \"pier\"", "module = \"../pier\""), "file stem"),
        (WORLD.replace("size = [50.0, 50.0]", "size = [50.0, -1.0]"), "each side"),
    ];
    for (text, expected) in cases {
        let error = World::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nshould say: {expected}");
    }
}
