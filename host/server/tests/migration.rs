//! Running zones move between hosts.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

mod rig;

use std::time::Duration;

use rig::{DEADLINE, Rig, config};
use serde_json::{Value, json};
use wod_host::{HostConfig, REPLAY_BUDGET};
use wod_protocol::bus::{Envelope, MigrationWord, Part};

fn balanced(host: &str, zones: u8) -> HostConfig {
    HostConfig { rebalance: true, ..config(host, zones) }
}

/// Two hosts; the first has all zones.
async fn pair(second: HostConfig, zones: u8) -> Rig {
    let first = HostConfig { replay_budget: REPLAY_BUDGET, ..config("a", zones) };
    let rig = Rig::of(vec![first], None).await;
    assert_eq!(rig.add(1).await, 1);
    for zone in 0..zones {
        let name = format!("lab.{}", char::from(b'a' + zone));
        rig.until_in(&name, "the first host has it", |zone| zone["host"] == "a").await;
    }
    let rig = rig.and(second).await;
    let both = async {
        while rig.get("hosts").await.as_array().unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, both).await.unwrap();
    rig
}

/// How many zones each of the two hosts runs.
async fn counts(rig: &Rig) -> (usize, usize) {
    let zones = rig.get("zones").await;
    let of = |host: &str| zones.as_array().unwrap().iter().filter(|zone| zone["host"] == host).count();
    (of("a"), of("b"))
}

async fn until_counts(rig: &Rig, wanted: (usize, usize)) {
    let reached = async {
        while counts(rig).await != wanted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, reached).await.is_ok(), "{wanted:?}, not {:?}", counts(rig).await);
}

async fn migrate(rig: &Rig, to: &str) -> Result<Value, Value> {
    rig.post("zones/lab.a/migrate", &json!({ "to": to })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_moves_with_all_it_knows_and_back() {
    let rig = pair(config("b", 1), 1).await;
    for round in 0..3 {
        let there = migrate(&rig, "b").await.unwrap();
        assert_eq!(there["host"], "b");
        assert_eq!(rig.add(1).await, 2 + 2 * round);
        let zone = rig.until("it says who has it", |zone| zone["host"] == "b").await;
        assert_eq!(zone["trouble"], json!([]));
        migrate(&rig, "a").await.unwrap();
        assert_eq!(rig.add(1).await, 3 + 2 * round);
        rig.until("it is back", |zone| zone["host"] == "a").await;
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_has_only_just_come_can_move_on_at_once() {
    let rig = pair(config("b", 1), 1).await;
    for host in ["b", "a", "b", "a"] {
        let moved = migrate(&rig, host).await;
        assert!(moved.is_ok(), "to {host}: {moved:?}");
    }
    assert_eq!(rig.add(1).await, 2);
    rig.end().await;
}

/// Whether this message to a process holds such a word of a migration.
fn says(message: &[u8], is_it: fn(&MigrationWord) -> bool) -> bool {
    let parts = Envelope::decode(message).unwrap().parts;
    parts.iter().any(|part| matches!(part, Part::Migration(migration) if is_it(&migration.word)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_gets_lost_at_the_last_step_is_said_again() {
    let rig = pair(config("b", 1), 1).await;
    rig.backplane.faults().lose(|message| says(message, |word| matches!(word, MigrationWord::Handed { .. })));
    migrate(&rig, "b").await.unwrap();
    assert_eq!((rig.add(1).await, rig.backplane.faults().still_to_lose()), (2, 0));
    rig.backplane.faults().lose(|message| says(message, |word| matches!(word, MigrationWord::Running)));
    migrate(&rig, "a").await.unwrap();
    assert_eq!((rig.add(1).await, rig.backplane.faults().still_to_lose()), (3, 0));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_can_not_be_leaves_the_zone_where_it_is() {
    // Its world has the second zone only.
    let mut world = (*rig::world(2)).clone();
    world.zones.remove(0);
    let rig = pair(HostConfig { world: std::sync::Arc::new(world), ..config("b", 1) }, 1).await;
    let unknown = migrate(&rig, "c").await.unwrap_err();
    assert!(unknown["error"].as_str().unwrap().contains("no host `c` is alive; there are: a, b"), "{unknown}");
    let itself = migrate(&rig, "a").await.unwrap_err();
    assert!(itself["error"].as_str().unwrap().contains("runs it already"), "{itself}");
    let other_world = migrate(&rig, "b").await.unwrap_err();
    assert!(other_world["error"].as_str().unwrap().contains("its world file has no such zone"), "{other_world}");
    let epoch = rig.zone().await["epoch"].clone();
    assert_eq!(rig.add(1).await, 2);
    assert_eq!((&rig.zone().await["host"], &rig.zone().await["epoch"]), (&json!("a"), &epoch));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_host_becomes_empty_and_gets_nothing_until_it_may_again() {
    let mut rig = pair(config("b", 3), 3).await;
    rig.post("hosts/a/drain", &json!({ "drain": true })).await.unwrap();
    until_counts(&rig, (0, 3)).await;
    assert_eq!(rig.add(1).await, 2);
    let refused = migrate(&rig, "a").await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("is being drained"), "{refused}");
    rig.post("hosts/a/drain", &json!({ "drain": false })).await.unwrap();
    rig.post("hosts/b/drain", &json!({ "drain": true })).await.unwrap();
    until_counts(&rig, (3, 0)).await;
    let nobody = rig.post("hosts/c/drain", &json!({ "drain": true })).await.unwrap_err();
    assert_eq!(nobody["hint"], "hosts alive are: a, b");
    rig.end_first().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_host_takes_its_share() {
    let first = balanced("a", 4);
    let rig = Rig::of(vec![first], None).await;
    until_counts(&rig, (4, 0)).await;
    let rig = rig.and(balanced("b", 4)).await;
    // The first that is idle is left alone once nobody has over twice as many.
    until_counts(&rig, (3, 1)).await;
    rig.end().await;
}
