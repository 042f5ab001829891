//! How the contract grows, worked through in tests alone: these serve a `wod:zone@1.1.0` that has a function and an event more
//! than the real one (`tests/growth/wit`), by the very adapter that serves 1.0, to modules of both versions side by side. What a
//! host of 1.0 says to them is in `tests/it/growth.rs`. The recipe is in zone-api/API.md.

use std::path::Path;

use wod_protocol::ids::{Tick, Token};
use wod_sim::module::{Event, Frame, Module};

use crate::testing::{attacker, component};
use crate::{Limits, Sandbox, SandboxOptions};
use host::Host;

#[path = "../../tests/it/host.rs"]
mod host;

/// What `query.daylight` answers here.
pub(super) const DAYLIGHT: f32 = 0.25;

/// What the module replies to these events.
fn replies(module: &mut dyn Module, events: &[Event]) -> Vec<String> {
    let frame = Frame { tick: Tick(7), game_ms: 350, dilation: 1.0 };
    let returned = module.tick(&frame, events, Box::new(Host::default()));
    returned.result.expect("the module comes through");
    Host::of(returned.calls).replies
}

fn admin(text: &str) -> Event {
    Event::Admin { request: Token(1), operator: "ann".into(), text: text.into() }
}

#[test]
fn one_host_runs_a_module_of_1_0_untouched_beside_one_of_1_1() {
    let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox");
    let instance = |file: &[u8]| {
        let compiled = sandbox.compile(file).expect("it links");
        compiled.instantiate(&Limits::default().unlimited_time()).expect("it starts")
    };
    let mut old = instance(&attacker());
    let mut new = instance(&component("host/sandbox/tests/growth", "wod_growth.wasm"));
    let dusk = Event::Other { name: "dusk".into(), json: "0.5".into() };
    for count in 1..=3 {
        let said = replies(&mut *old, &[admin("add:1"), dusk.clone()]);
        assert!(said[0].starts_with(&format!("{count} at 7")), "{said:?}");
        assert_eq!(said[1], r#"Event::Other(("dusk", "0.5"))"#, "known by no name to 1.0, and no harm");
        let said = replies(&mut *new, &[admin("how light is it?"), dusk.clone()]);
        assert_eq!(said, [format!("it is {DAYLIGHT} light"), "it is 0.5 light still".into()]);
    }
    let saved = old.save().expect("1.0 saves as ever");
    assert_eq!(saved.bytes, 3_u64.to_le_bytes());
}

#[test]
fn the_version_that_refusals_name_is_the_contracts() {
    let wit = include_str!("../../../../zone-api/wit/zone.wit");
    assert!(wit.contains(&format!("package wod:zone@{};", super::v1::VERSION)));
}

#[test]
fn the_grown_contract_is_the_real_one_and_these_lines() {
    const ADDED: [&str; 4] = [
        "  /// How light it is outside, 0 to 1.",
        "  @since(version = 1.1.0)",
        "  daylight: func() -> f32;",
        "    /// Since 1.1.0: `dusk`, a JSON number, how light it still is.",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).expect("it is there");
    let real = read("../../zone-api/wit/zone.wit").replace("package wod:zone@1.0.0;", "package wod:zone@1.1.0;");
    let grown = read("tests/growth/wit/zone.wit");
    let mut rest = grown.lines().filter(|line| !ADDED.contains(line));
    for line in real.lines() {
        assert_eq!(rest.next(), Some(line), "copy the change of zone-api/wit/zone.wit to tests/growth/wit/zone.wit");
    }
    assert_eq!(rest.next(), None);
}
