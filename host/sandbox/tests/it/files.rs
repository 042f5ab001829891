//! Files that are no module, or not one for us.

use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::map::Map;
use wod_sandbox::{Limits, LoadError, with_map};

use crate::support::{attacker_file, sandbox, tiny};

#[track_caller]
fn refused(file: &[u8]) -> LoadError {
    sandbox().compile(file).err().expect("refused")
}

fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

#[test]
fn a_foreign_import_is_named() {
    let wat = r#"(component
        (import "wod:zone/random@1.0.0" (instance (export "next" (func (result u64)))))
        (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#;
    let error = refused(&component(wat));
    assert!(matches!(&error, LoadError::ForeignImport(name) if name == "wasi:clocks/wall-clock@0.2.0"), "{error}");
    assert!(error.to_string().contains("wasm32-unknown-unknown"), "{error}");
}

#[test]
fn a_package_that_only_begins_like_ours_is_foreign() {
    for import in ["wod:zones/x@1.0.0", "wod:zone-api/x@1.0.0", "wood:zone/x@1.0.0"] {
        let error = refused(&component(&format!(r#"(component (import "{import}" (instance)))"#)));
        assert!(matches!(&error, LoadError::ForeignImport(name) if name == import), "{error}");
    }
    let error = refused(&component(r#"(component (import "plain" (func)))"#));
    assert!(matches!(&error, LoadError::ForeignImport(name) if name == "plain"), "{error}");
}

#[test]
fn a_function_this_host_does_not_have_is_named() {
    let wat = r#"(component
        (import "wod:zone/query@1.1.0" (instance (export "weather" (func (result u32)))))
        (instance $i) (export "wod:zone/logic@1.0.0" (instance $i)))"#;
    let error = refused(&component(wat));
    assert!(matches!(error, LoadError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("weather"), "{error}");
}

#[test]
fn a_missing_or_other_export_is_named() {
    assert!(matches!(refused(&component("(component)")), LoadError::NoLogic));
    let exporting = |name: &str| component(&format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#));
    let error = refused(&exporting("wod:zone/logic@2.0.0"));
    assert!(error.to_string().contains("zone-api 2.0.0, this host serves 1.x"), "{error}");
    let error = refused(&exporting("wod:zone/logic@1.0.0"));
    assert!(matches!(error, LoadError::Mismatch { .. }), "{error}");
    let error = refused(&exporting("wod:zone/weather@1.0.0"));
    assert!(matches!(&error, LoadError::UnknownAbility(name) if name == "wod:zone/weather@1.0.0"), "{error}");
}

#[test]
fn a_core_module_and_garbage_are_told_apart() {
    assert!(matches!(refused(&component("(module)")), LoadError::CoreModule));
    assert!(matches!(refused(b""), LoadError::Malformed(_)));
    assert!(matches!(refused(b"#!/bin/sh"), LoadError::Malformed(_)));
    assert!(matches!(refused(&attacker_file()[..1000]), LoadError::Malformed(_)));
}

#[test]
fn a_file_over_the_size_limit_is_refused() {
    let error = refused(&vec![0; MODULE_BYTES + 1]);
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
}

#[test]
fn a_packed_map_comes_with_the_module_and_changes_its_digest() {
    let map = Map::empty(300.0, 200.0);
    let (bare, packed) = (tiny(""), with_map(&tiny(""), &map));
    let compiled = sandbox().compile(&packed).unwrap();
    assert_eq!(*compiled.map().unwrap().map, map);
    assert_ne!(compiled.digest(), sandbox().compile(&bare).unwrap().digest());
    compiled.instantiate(&Limits::default()).map(drop).unwrap();
}

#[test]
fn ten_thousand_damaged_files_are_each_refused_or_harmless() {
    let whole = with_map(&tiny(""), &Map::empty(300.0, 200.0));
    let mut dice = Dice(1);
    let mut refused = 0;
    for case in 0..10_000 {
        let mut file = whole.clone();
        for _ in 0..=dice.below(4) {
            damage(&mut file, &mut dice);
        }
        let loaded = sandbox().compile(&file).and_then(|compiled| compiled.instantiate(&crate::support::impatient()));
        if let Err(error) = loaded {
            refused += 1;
            assert!(!error.to_string().is_empty(), "case {case}");
        }
    }
    assert!(refused > 5_000, "only {refused} of the damaged files were refused: is the damage done where it matters?");
}

fn damage(file: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(file.len());
    match dice.below(6) {
        0 => file[at] ^= 1 << dice.below(8),
        1 => file[at] = dice.below(256) as u8,
        2 => file.truncate(at.max(1)),
        3 => drop(file.remove(at)),
        4 => file.insert(at, dice.below(256) as u8),
        _ => {
            let length = dice.below(64).min(file.len() - at);
            let from = dice.below(file.len() - length + 1);
            file.copy_within(from..from + length, at);
        }
    }
}

/// SplitMix64: the same cases on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
