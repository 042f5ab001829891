//! A host, its store and a module that misbehaves: what the host does when things go wrong that are seldom seen together.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

mod rig;

use std::time::{Duration, Instant};

use rig::{DEADLINE, Rig, attacker, has_trouble};
use wod_backplane::faults::Fault;
use wod_host::REPLAY_BUDGET;
use wod_sandbox::testing::marked;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_faults_shelves_the_module_and_a_mended_one_knows_what_it_knew() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    assert_eq!(rig.add(4).await, 5);
    let begin = Instant::now();
    while !has_trouble(&rig.zone().await, "runs without its module") {
        assert!(begin.elapsed() < DEADLINE, "{}", rig.zone().await);
        rig.ask("panic").await.unwrap_err();
    }
    rig.ask("add:1").await.unwrap_err();
    let before = rig.zone().await["tick"].as_u64();
    rig.until("it goes on ticking when there is something to do", |zone| zone["tick"].as_u64() >= before).await;
    let swapped = rig.swap(marked(attacker(), 1)).await.unwrap();
    assert_eq!(swapped["generation"], 1);
    assert_eq!(rig.add(1).await, 6, "nothing it knew is lost");
    rig.until("no trouble is left", |zone| zone["trouble"].as_array().unwrap().is_empty()).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_is_tried_again_until_the_store_answers() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    rig.backplane.faults().add("read_journal", Fault::Away, 3);
    rig.ask("panic").await.unwrap_err();
    assert_eq!(rig.add(1).await, 2);
    assert_eq!(rig.backplane.faults().left("read_journal"), 0, "it was tried again and again");
    rig.until("the next heartbeat tells of it", |zone| has_trouble(zone, "could not be rebuilt yet")).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_slow_to_take_a_snapshot_holds_up_neither_answers_nor_the_lease() {
    let rig = Rig::start(Duration::ZERO).await;
    let beating = rig.until("its first heartbeat", |zone| zone["epoch"] != 0).await;
    let epoch = beating["epoch"].clone();
    // Longer than a lease lives.
    let slow = Duration::from_secs(4);
    rig.backplane.faults().add("put_snapshot", Fault::Slow(slow), 1);
    let (begin, mut sum, mut longest) = (Instant::now(), 1, Duration::ZERO);
    while begin.elapsed() < slow + Duration::from_secs(1) {
        let asked = Instant::now();
        sum += 1;
        assert_eq!(rig.add(1).await, sum);
        longest = longest.max(asked.elapsed());
    }
    assert_eq!(rig.backplane.faults().left("put_snapshot"), 0);
    assert!(longest < slow / 2, "an answer took {longest:?}");
    assert_eq!(rig.zone().await["epoch"], epoch, "the lease was kept");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_with_an_unknown_result_is_repeated_and_nothing_is_done_twice() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    for round in 2..12 {
        rig.backplane.faults().add("append_batch", Fault::Away, 2);
        assert_eq!(rig.add(1).await, round);
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_swaps_at_once_are_two_generations() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    let (a, b) = tokio::join!(rig.swap(marked(attacker(), 1)), rig.swap(marked(attacker(), 2)));
    a.unwrap();
    b.unwrap();
    let zone = rig.until("both have run", |zone| zone["generation"] == 2).await;
    assert_eq!(rig.add(1).await, 2, "{zone}");
    rig.end().await;
}
