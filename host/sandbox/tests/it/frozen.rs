//! The contract is frozen: its text is what was released, and modules that were built against it run for ever. They are kept as
//! files, with what they saved then; nothing rebuilds them. What may change, and how: zone-api/API.md.
//!
//! A new version is kept beside the old ones: `WOD_KEEP_FIXTURE=1 cargo test -p wod-sandbox --test it frozen` writes the files of
//! [`VERSION`] where they are missing, and never over others.

use std::path::{Path, PathBuf};

use wod_protocol::client::ChatMode;
use wod_protocol::ids::{Digest, Tick};
use wod_protocol::map::Map;
use wod_sandbox::testing::component;
use wod_sandbox::{Compiled, with_content, with_map};
use wod_sim::module::{Frame, Line, Module, Point, Saved, Verdict};

use crate::contract::every_event;
use crate::host::Host;
use crate::support::{ask, attacker_file, patient, sandbox, setup, tick};

/// The version whose files are written when there are none.
const VERSION: &str = "1.0.0";
/// BLAKE3 of `zone-api/wit/zone.wit` as it was released.
const CONTRACT: &str = "6b6db9c338ab1d93e6ce7dbc67b66b36e8da308a0f0698f0e93d395147a91712";

fn kept(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen").join(VERSION).join(file)
}

/// The file as it was kept.
fn read(file: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = kept(file);
    if !path.exists() && std::env::var_os("WOD_KEEP_FIXTURE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, make()).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Written without an SDK: it hears every event, and calls every function that a module may.
fn bare() -> Compiled {
    let file = read("bare.wasm", || {
        let mapped = with_map(attacker_file(), &Map::empty(60.0, 40.0));
        with_content(&mapped, "words", b"In the beginning was the dark.")
    });
    sandbox().compile(&file).unwrap()
}

/// A zone of the SDK as it was then, with the chat filter.
fn of_the_sdk() -> Compiled {
    sandbox().compile(&read("sdk.wasm", || component("tests/modules/chapel", "chapel.wasm"))).unwrap()
}

fn start(compiled: &Compiled) -> Box<dyn Module> {
    let mut module = compiled.instantiate(&patient()).unwrap();
    module.init(&setup(""), Box::new(Host::default())).result.unwrap();
    module
}

fn judged(module: &mut dyn Module, text: &str) -> Vec<Verdict> {
    let frame = Frame { tick: Tick(7), game_ms: 350, dilation: 1.0 };
    let at = Point { x: 1.5, y: -2.0 };
    let speaker = wod_protocol::ids::EntityId(11);
    let line = Line { speaker, mode: ChatMode::Say, text: text.to_owned(), at };
    module.filter(&frame, &[line], Box::new(Host::default())).result.unwrap()
}

#[test]
fn the_contract_reads_as_it_was_released() {
    let wit = include_bytes!("../../../../zone-api/wit/zone.wit");
    assert_eq!(
        Digest::of(wit).to_string(),
        CONTRACT,
        "zone.wit has changed. Modules of {VERSION} are out there: zone-api/API.md says what may be added and how"
    );
}

#[test]
fn every_event_is_told_as_it_was() {
    let mut module = start(&bare());
    let (host, result) = tick(&mut *module, &every_event());
    assert_eq!(result, Ok(()));
    let told = String::from_utf8(read("every_event.txt", || host.replies.join("\n").into_bytes())).unwrap();
    // Later versions tell more events; those of this one stay as they were.
    let replies = host.replies.join("\n");
    assert!(replies.starts_with(&told), "\n{replies}\n\nwas\n\n{told}");
}

#[test]
fn every_function_can_be_called_and_content_and_map_are_found() {
    let compiled = bare();
    let (host, result) = ask(&mut *start(&compiled), &["odd-arguments", "content"]);
    assert_eq!(result, Ok(()));
    assert_eq!(host.replies, ["through", r#"Some("In the beginning was the dark.")"#]);
    let calls = format!("{} acts, {} queries, {} lines\n", host.acts, host.queries.get(), host.lines.len());
    assert_eq!(String::from_utf8(read("calls.txt", || calls.clone().into_bytes())).unwrap(), calls);
    assert_eq!(compiled.map().unwrap().map.size, [60.0, 40.0]);
}

#[test]
fn what_was_saved_then_loads_and_goes_on() {
    let bare = bare();
    let saved = read("bare.saved", || {
        let mut module = start(&bare);
        ask(&mut *module, &["add:40", "add:2"]).1.unwrap();
        module.save().unwrap().bytes
    });
    let mut module = bare.instantiate(&patient()).unwrap();
    module.load(&setup(""), &Saved { schema: 1, bytes: saved }).unwrap();
    let (host, result) = ask(&mut *module, &["add:1"]);
    assert_eq!(result, Ok(()));
    assert!(host.replies[0].starts_with("43 "), "{:?}", host.replies);

    let sdk = of_the_sdk();
    let saved = read("sdk.saved", || {
        let mut module = start(&sdk);
        judged(&mut *module, "hm");
        module.save().unwrap().bytes
    });
    let mut module = sdk.instantiate(&patient()).unwrap();
    let schema = module.description().schema;
    module.load(&setup(""), &Saved { schema, bytes: saved }).unwrap();
    assert_eq!(judged(&mut *module, "change amen"), [Verdict::Change("amen (2, at 1.5 -2)".into())]);
}

#[test]
fn the_sdk_of_today_reads_what_the_sdk_of_then_saved() {
    let saved = read("sdk.saved", || unreachable!("the test above keeps it"));
    let today = sandbox().compile(&component("tests/modules/chapel", "chapel.wasm")).unwrap();
    let mut module = today.instantiate(&patient()).unwrap();
    let schema = module.description().schema;
    module.load(&setup(""), &Saved { schema, bytes: saved }).unwrap();
    assert_eq!(judged(&mut *module, "change amen"), [Verdict::Change("amen (2, at 1.5 -2)".into())]);
}
