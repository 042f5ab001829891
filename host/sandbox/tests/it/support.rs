//! Builds the attacker (tests/attacker) and drives modules.

use std::sync::OnceLock;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;
use wod_protocol::client::TagValue;
use wod_protocol::ids::{Tick, Token};
use wod_sandbox::{Compiled, Limits, Sandbox, SandboxOptions, TimeLimits};
use wod_sim::module::{Event, Fault, Frame, Module, Point, Setup};

use crate::host::Host;

/// One for all tests: that they share it is part of what they prove.
pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(SandboxOptions::default()).unwrap())
}

/// The attacker, compiled.
pub(crate) fn attacker() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| sandbox().compile(attacker_file()).unwrap())
}

/// An instance of it under the default limits, but for time: how fast this machine is proves nothing.
pub(crate) fn instance() -> Box<dyn Module> {
    attacker().instantiate(&patient()).unwrap()
}

/// The attacker's component file.
pub(crate) fn attacker_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(wod_sandbox::testing::attacker)
}

/// The attacker's file with another mode for `describe`.
pub(crate) fn attacker_describing(mode: &str) -> Vec<u8> {
    let (marker, dashes) = (b"describe-mode:", "-".repeat(18));
    let mut file = attacker_file().to_vec();
    let found = file.windows(32).position(|window| window == [marker, dashes.as_bytes()].concat()).unwrap();
    file[found + marker.len()..][..mode.len()].copy_from_slice(mode.as_bytes());
    file
}

/// A small whole module in WAT, with `extra` fields in its core module.
pub(crate) fn tiny(extra: &str) -> Vec<u8> {
    tiny_with(";; EXTRA", extra)
}

/// The same with one part of `tiny.wat` replaced.
pub(crate) fn tiny_with(part: &str, replacement: &str) -> Vec<u8> {
    let wat = include_str!("tiny.wat");
    assert!(wat.contains(part), "tiny.wat has no {part}");
    let wit = include_str!("../../../../zone-api/wit/zone.wit");
    against(wit, &wat.replace(part, replacement))
}

/// A core module in WAT as a component of this contract.
pub(crate) fn against(wit: &str, wat: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("zone.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("zone")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    encode(&module)
}

fn encode(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default().validate(true).module(module).unwrap().encode().unwrap()
}

/// Where the tests' zones are.
pub(crate) fn setup(mode: &str) -> Setup {
    Setup {
        zone: "nyc.elysium".into(),
        region: "nyc".into(),
        bounds: (Point { x: 0.0, y: 0.0 }, Point { x: 100.0, y: 100.0 }),
        tick_hz: 20,
        config: vec![("mode".into(), TagValue::Text(mode.into()))],
    }
}

/// One tick with an `admin` event for each text.
pub(crate) fn ask(module: &mut dyn Module, texts: &[&str]) -> (Host, Result<(), Fault>) {
    let events: Vec<_> = (0..).zip(texts).map(|(request, text)| admin(request, text)).collect();
    tick(module, &events)
}

/// One tick with these events.
pub(crate) fn tick(module: &mut dyn Module, events: &[Event]) -> (Host, Result<(), Fault>) {
    let frame = Frame { tick: Tick(7), game_ms: 350, dilation: 1.0 };
    let returned = module.tick(&frame, events, Box::new(Host::default()));
    (Host::of(returned.calls), returned.result)
}

pub(crate) fn admin(request: u64, text: &str) -> Event {
    Event::Admin { request: Token(request), operator: "ann".into(), text: text.into() }
}

/// The default limits without those of time.
pub(crate) fn patient() -> Limits {
    Limits::default().unlimited_time()
}

/// Limits that end an endless loop soon.
pub(crate) fn impatient() -> Limits {
    let time = TimeLimits { tick_ms: 5, start_ms: 20, save_ms: 5, ..TimeLimits::default() };
    Limits { time: Some(time), ..Limits::default() }
}
