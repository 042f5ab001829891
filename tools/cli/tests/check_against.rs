//! `wod zone check NEW --against OLD`, as it is typed, on editions of one zone (`tests/modules/ledger`).

#![allow(clippy::unwrap_used, reason = "in tests a failed expectation is a failed test")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wod_protocol::map::{Map, Portal, Shape};
use wod_sandbox::testing::{component, marked};
use wod_sandbox::with_map;

/// An edition's component file.
fn edition(name: &str) -> Vec<u8> {
    component("tests/modules/ledger", &format!("examples/{name}.wasm"))
}

/// Exit code and standard output.
fn check(folder: &Path, new: &[u8], old: &[u8], more: &[&str]) -> (i32, String) {
    let files = ["new.wasm", "old.wasm"].map(|name| folder.join(name));
    for (file, bytes) in files.iter().zip([new, old]) {
        std::fs::write(file, bytes).unwrap();
    }
    let [new, old] = files;
    let output = Command::new(env!("CARGO_BIN_EXE_wod"))
        .args(["zone", "check"])
        .arg(new)
        .arg("--against")
        .arg(old)
        .args(more)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Exit code, and what it says of the swap.
fn swap(new: &[u8], old: &[u8]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(folder.path(), new, old, &["--json"]);
    let mut report: Value = serde_json::from_str(&text).unwrap();
    (code, report["swap"].take())
}

fn why(answer: &Value) -> &str {
    answer["why"].as_str().unwrap()
}

#[test]
fn a_version_of_the_same_schema_carries_both_ways_and_twice_gives_the_same_report() {
    let old = edition("one");
    let new = marked(&old, b'x');
    let (code, report) = swap(&new, &old);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!((&report["loads"], &report["rolls_back"]), (&json!({"answer": "yes"}), &json!({"answer": "carries"})));
    assert_eq!((&report["faults"], &report["warnings"]), (&json!([]), &json!([])));
    assert_eq!((&report["old"]["verbs_used"], &report["old"]["verbs_unused"]), (&json!(["sign"]), &json!([])));
    assert!(report["old"]["saved_bytes"].as_u64() > Some(0) && report["new"]["saved_bytes"].as_u64() > Some(0));
    let ways = ["entered (login)", "entered (resumed)", "left (logout)", "started (fresh)", "started (rolled-back)"];
    for kind in ["heard", "interacted", "chose", "timer", "admin", "config-changed"].iter().chain(&ways) {
        assert!(report["old"]["events"][kind].as_u64() > Some(0), "the evening has no `{kind}`: {report:#}");
    }
    assert_eq!(swap(&new, &old), (code, report));
}

#[test]
fn a_newer_schema_loads_and_the_old_version_would_rewind() {
    let (code, report) = swap(&edition("two"), &edition("one"));
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["loads"], json!({"answer": "yes"}));
    assert_eq!(report["rolls_back"]["answer"], "would_rewind");
    assert!(why(&report["rolls_back"]).contains("the book has schema 2, this clerk reads 1"), "{report:#}");
    assert!(report["warnings"].to_string().contains("a rollback would rewind"), "{report:#}");
    assert_eq!(report["schema"], json!([1, 2]));
    assert_eq!(report["verbs"], json!({"added": ["seal"], "removed": [], "retyped": []}));
    let settings = json!({"added": ["motto"], "removed": [], "retyped": ["fee: int → number"]});
    assert_eq!(report["settings"], settings);
}

#[test]
fn a_newer_schema_without_a_way_there_is_refused() {
    let (code, report) = swap(&edition("forgetful"), &edition("one"));
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["loads"]["answer"], "refused");
    assert!(why(&report["loads"]).contains("the book has schema 1, this clerk reads 2"), "{report:#}");
    assert_eq!(report["rolls_back"]["answer"], "not_tried");
}

#[test]
fn a_trap_in_load_is_told_with_its_text() {
    let (code, report) = swap(&edition("traps_in_load"), &edition("one"));
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["loads"]["answer"], "refused");
    assert!(why(&report["loads"]).contains("the ink has run"), "{report:#}");
}

#[test]
fn an_old_version_that_can_not_save_is_the_one_to_blame() {
    let (code, report) = swap(&edition("two"), &edition("traps_in_save"));
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["loads"]["answer"], "old_does_not_save");
    assert!(why(&report["loads"]).contains("the book is closed"), "{report:#}");
}

#[test]
fn a_new_version_that_can_not_save_is_found_when_it_is_rolled_back() {
    let (code, report) = swap(&edition("traps_in_save"), &edition("one"));
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["loads"], json!({"answer": "yes"}));
    assert_eq!(report["rolls_back"]["answer"], "new_does_not_save");
}

#[test]
fn a_new_version_that_fails_after_it_has_loaded_is_a_fault() {
    let (code, report) = swap(&edition("traps_in_play"), &edition("one"));
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["loads"], json!({"answer": "yes"}));
    let fault = &report["faults"][0];
    assert_eq!((&fault["version"], &fault["event"]), (&json!("new"), &json!("interacted")));
    assert!(fault["fault"].as_str().unwrap().contains("the pen is broken"), "{report:#}");
}

#[test]
fn an_old_version_that_fails_in_play_can_be_replaced_by_a_mended_one() {
    let (code, report) = swap(&edition("one"), &edition("traps_in_play"));
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["loads"], json!({"answer": "yes"}));
    assert_eq!(report["faults"][0]["version"], "old");
    assert!(report["warnings"].to_string().contains("the old version fails in play"), "{report:#}");
}

#[test]
fn an_old_version_that_fails_all_the_time_proves_nothing() {
    let (code, report) = swap(&edition("one"), &edition("never_well"));
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["loads"]["answer"], "not_tried");
    assert!(why(&report["loads"]).contains("failed 11 times"), "{report:#}");
    assert_eq!(report["faults"].as_array().unwrap().len(), 11);
    assert_eq!(report["faults"][0]["event"], "timer");
}

#[test]
fn who_left_through_a_portal_comes_back_under_the_new_version() {
    let mut map = Map::empty(120.0, 90.0);
    map.spawns = vec![[20.0, 20.0]];
    // Between the spawn point and everything else, with a gap at its northern end.
    map.walls.push(Shape { points: vec![[40.0, 0.0], [40.0, 80.0]], closed: false });
    map.portals.push(Portal { name: "gate".into(), at: [110.0, 10.0], radius: 2.0 });
    let [old, new] = ["one", "two"].map(|name| with_map(&edition(name), &map));
    let (code, report) = swap(&new, &old);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["old"]["verbs_used"], json!(["sign"]), "they find the way around the wall");
    assert_eq!(report["old"]["events"]["left (portal)"], 1);
    assert_eq!(report["new"]["events"]["entered (login)"], 1);
}

#[test]
fn people_read_the_same_as_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(folder.path(), &edition("two"), &edition("one"), &[]);
    assert_eq!(code, 0, "{text}");
    for line in [
        "schema    1 → 2",
        "verbs     +seal",
        "settings  +motto, ~fee: int → number",
        "loads     yes",
        "back      would rewind",
    ] {
        assert!(text.contains(line), "no `{line}` in:\n{text}");
    }
}

#[test]
fn two_new_files_or_the_same_file_twice_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let one = edition("one");
    assert_eq!(check(folder.path(), &one, &one, &[]).0, 2);
    let third = folder.path().join("third.wasm");
    std::fs::write(&third, marked(&one, b'y')).unwrap();
    assert_eq!(check(folder.path(), &one, &marked(&one, b'x'), &[third.to_str().unwrap()]).0, 2);
}
