//! What this host, which serves 1.0, says to modules of a contract that has grown. (How a host of 1.1 serves modules of 1.0
//! beside its own: `src/api/growth.rs`.)

use wod_sandbox::testing::component;
use wod_sandbox::{Limits, LoadError};

use crate::support::{against, sandbox};

/// The contract of 1.1 that the tests have made up.
const GROWN: &str = include_str!("../growth/wit/zone.wit");

/// A whole module of that version which uses nothing of it.
fn modest(wit: &str) -> Result<(), LoadError> {
    let file = against(wit, &include_str!("tiny.wat").replace("@1.0.0#", "@1.1.0#"));
    sandbox().compile(&file)?.instantiate(&Limits::default()).map(drop)
}

#[test]
fn a_module_of_a_later_minor_version_runs_while_it_uses_nothing_new() {
    modest(GROWN).unwrap();
}

#[test]
fn a_module_that_uses_a_newer_function_is_refused_and_told_what_to_do() {
    let file = component("host/sandbox/tests/growth", "wod_growth.wasm");
    let error = sandbox().compile(&file).err().expect("refused");
    assert!(matches!(error, LoadError::Mismatch { .. }), "{error}");
    for part in ["built for zone-api 1.1.0", "this host's, 1.0.0", "`daylight`", "Update the host"] {
        assert!(error.to_string().contains(part), "no `{part}` in: {error}");
    }
}

#[test]
fn a_newer_interface_is_missed_by_its_name() {
    let wat = r#"(component
        (import "wod:zone/almanac@1.1.0" (instance (export "moon" (func (result f32)))))
        (instance $i) (export "wod:zone/logic@1.1.0" (instance $i)))"#;
    let error = sandbox().compile(&wat::parse_str(wat).unwrap()).err().expect("refused");
    assert!(matches!(error, LoadError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("wod:zone/almanac@1.1.0"), "{error}");
}

/// Why there are rules: links are right, and only an instance shows that the types differ.
#[test]
fn a_variant_an_enum_or_a_record_that_has_grown_does_not_fit() {
    let event =
        ("    other(tuple<string, json>),", "    other(tuple<string, json>),\n    dusk(f32),", "16 cases, found 17");
    let start = ("    resumed-without-memory,", "    resumed-without-memory,\n    restored,", "5 names, found 6");
    let receipt =
        ("record receipt { order: token,", "record receipt { order: token, at: tick,", "record of 2 fields, found 3");
    for (part, grown, told) in [event, start, receipt] {
        assert_eq!(GROWN.matches(part).count(), 1, "{part}");
        let error = modest(&GROWN.replace(part, grown)).expect_err(part);
        assert!(matches!(error, LoadError::Start(_)) && error.to_string().contains(told), "{part}: {error}");
    }
}
