//! PROTOCOL.md says what the codec does: every example in it is decoded, written again, and compared in both encodings.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::Value;
use wod_protocol::client::{CloseCode, Encoding, ServerMsg};
use wod_protocol::codec::{CLIENT_TYPES, SERVER_TYPES, decode_client, decode_server, encode_client, encode_server};
use wod_protocol::map::Map;

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../PROTOCOL.md")).unwrap()
}

/// The fenced examples marked ```` ```json {mark} ````, with the heading each stands under.
fn examples(page: &str, mark: &str) -> Vec<(String, String)> {
    let fence = format!("```json {mark}");
    let mut heading = String::new();
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("### ") {
            title.clone_into(&mut heading);
        } else if line == fence {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((heading.clone(), text.join("\n")));
        }
    }
    found
}

/// Fails on a field of the example that decoding and encoding lost or changed.
fn assert_same(example: &str, again: &[u8]) {
    let example: Value = serde_json::from_str(example).unwrap();
    let again: Value = serde_json::from_slice(again).unwrap();
    assert_eq!(example, again);
}

#[test]
fn every_client_example_is_decoded_alike_from_both_encodings() {
    let page = page();
    let mut seen = BTreeSet::new();
    for (heading, example) in examples(&page, "client") {
        let message =
            decode_client(Encoding::Json, example.as_bytes()).unwrap_or_else(|error| panic!("{example}: {error}"));
        let packed = encode_client(Encoding::MessagePack, &message);
        assert_eq!(decode_client(Encoding::MessagePack, &packed).unwrap(), message);
        // As a foreign MessagePack library would write the very example, integers for whole numbers included.
        let foreign = rmp_serde::to_vec_named(&serde_json::from_str::<Value>(&example).unwrap()).unwrap();
        assert_eq!(decode_client(Encoding::MessagePack, &foreign).unwrap(), message);
        let again = encode_client(Encoding::Json, &message);
        assert_eq!(decode_client(Encoding::Json, &again).unwrap(), message);
        let t = serde_json::from_slice::<Value>(&again).unwrap()["t"].as_str().unwrap().to_owned();
        assert_eq!(t, heading, "an example stands under another heading");
        seen.insert(t);
    }
    assert_eq!(seen, CLIENT_TYPES.into_iter().map(str::to_owned).collect());
}

#[test]
fn every_server_example_is_what_a_gateway_writes() {
    let page = page();
    let mut seen = BTreeSet::new();
    for (heading, example) in examples(&page, "server") {
        let message =
            decode_server(Encoding::Json, example.as_bytes()).unwrap_or_else(|error| panic!("{example}: {error}"));
        assert_same(&example, &encode_server(Encoding::Json, &message));
        let packed = encode_server(Encoding::MessagePack, &message);
        assert_eq!(decode_server(Encoding::MessagePack, &packed).unwrap(), message);
        let t = serde_json::from_str::<Value>(&example).unwrap()["t"].as_str().unwrap().to_owned();
        assert_eq!(t, heading, "an example stands under another heading");
        seen.insert(t);
        if let ServerMsg::Zone(info) = message {
            assert!(wod_protocol::ids::Digest::parse(&info.map).is_some());
        }
    }
    assert_eq!(seen, SERVER_TYPES.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_example_of_a_map_is_a_map() {
    let page = page();
    let maps = examples(&page, "map");
    assert_eq!(maps.len(), 1);
    let map = Map::parse(maps[0].1.as_bytes()).unwrap();
    assert_same(&maps[0].1, &map.to_json());
}

#[test]
fn no_example_is_left_unchecked() {
    let page = page();
    let fences = page.lines().filter(|line| line.starts_with("```json")).count();
    let checked: usize = ["client", "server", "map"].into_iter().map(|mark| examples(&page, mark).len()).sum();
    assert_eq!(fences, checked);
}

#[test]
fn the_table_of_close_codes_is_the_codecs() {
    use CloseCode::*;
    let codes = [
        Bye,
        TooBig,
        Malformed,
        Unauthorised,
        HelloTimeout,
        Replaced,
        Kicked,
        VersionNotServed,
        GoingAway,
        TooSlow,
        RateLimited,
        Full,
        ResumeImpossible,
    ];
    let page = page();
    let table = page.split("## Close codes").nth(1).unwrap();
    let listed = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u16>().ok());
    assert_eq!(listed.collect::<Vec<_>>(), codes.map(CloseCode::number));
}
