//! What every backend must do: each test below runs against the embedded backend, against a real Redis, and against the model
//! that simulations use.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::*;
use tempfile::TempDir;
use wod_backplane::simulated::Simulation;
use wod_backplane::testing::RedisServer;
use wod_backplane::{Backplane, Claim, Error, Health, InboxEvent, Lease, RedisOptions, Version};
use wod_protocol::ids::{Digest, Epoch, Sub, ZoneNo};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

macro_rules! conformance {
    ($($name:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let dir = tempfile::TempDir::new().unwrap();
                let backplane = wod_backplane::Backplane::embedded(Some(dir.path())).await.unwrap();
                super::$name(super::Store::Embedded(dir), backplane).await;
            })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let server = wod_backplane::testing::RedisServer::start().await.unwrap();
                let backplane = wod_backplane::Backplane::redis(&server.url(), Default::default()).await.unwrap();
                super::$name(super::Store::Redis(Box::new(server)), backplane).await;
            })+
        }
        mod simulated {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let simulation = wod_backplane::simulated::Simulation::in_real_time(1);
                let backplane = simulation.connect("process");
                super::$name(super::Store::Simulated(simulation), backplane).await;
            })+
        }
    };
}

conformance! {
    a_message_arrives_in_the_inbox_it_was_sent_to
    a_full_inbox_drops_the_newest_and_says_how_many
    closing_ends_the_inboxes
    of_many_claims_at_once_exactly_one_wins
    a_lease_that_ran_out_goes_to_another_with_a_higher_epoch
    an_owner_whose_lease_ran_out_goes_on_if_nobody_came
    the_same_host_may_claim_again_and_fences_its_former_self
    epochs_never_repeat_and_respect_what_the_claimant_saw
    a_released_zone_is_free_at_once
    a_transfer_fences_the_old_lease_and_may_be_repeated
    a_handed_over_lease_survives_serialisation
    only_the_holder_of_the_lease_changes_anything
    a_repeated_append_is_one_append
    another_entry_under_a_known_index_is_refused
    a_gap_is_refused_and_named
    a_batch_is_appended_whole_or_not_at_all
    a_batch_overlapping_what_is_there_adds_the_rest
    appends_keep_the_lease
    concurrent_zones_keep_their_journals_apart
    rivals_never_lose_or_overwrite_what_was_acknowledged
    reading_a_journal_stops_at_the_bytes_asked_for
    trimming_keeps_what_the_kept_snapshots_need
    a_snapshot_larger_than_a_chunk_comes_back_whole
    an_upload_that_broke_off_is_never_visible
    only_the_last_two_snapshots_are_kept
    a_snapshot_from_outside_the_journal_is_refused
    records_change_only_from_the_expected_version
    a_version_never_returns_after_a_delete
    a_name_belongs_to_one_player
    heartbeats_show_until_they_expire
    blobs_are_kept_under_their_digest_only
    values_are_listed_by_prefix
    a_value_is_replaced_only_by_who_knows_it
    everything_is_found_again_after_a_restart
    a_store_that_answers_is_healthy
}

/// What a backplane keeps its things in, to open it again.
enum Store {
    Embedded(TempDir),
    Redis(Box<RedisServer>),
    Simulated(Simulation),
}

impl Store {
    /// What a restart of everything does: closes the backplane, kills the Redis and starts it again.
    async fn reopen(&mut self, backplane: Backplane) -> Backplane {
        backplane.close().await.unwrap();
        match self {
            Self::Embedded(dir) => Backplane::embedded(Some(dir.path())).await.unwrap(),
            Self::Redis(server) => {
                server.restart().await.unwrap();
                Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap()
            }
            Self::Simulated(simulation) => simulation.connect("process"),
        }
    }
}

// ---- inboxes

async fn a_message_arrives_in_the_inbox_it_was_sent_to(_store: Store, backplane: Backplane) {
    let mut here = backplane.subscribe(&gateway("here"), 10).await.unwrap();
    let mut there = backplane.subscribe(&gateway("there"), 10).await.unwrap();
    assert!(here.is_connected());
    backplane.publish(&gateway("nobody"), bytes("lost")).await.unwrap();
    backplane.publish(&gateway("here"), bytes("one")).await.unwrap();
    backplane.publish(&gateway("here"), bytes("two")).await.unwrap();
    backplane.publish(&gateway("there"), bytes("three")).await.unwrap();
    assert_eq!(within(here.recv()).await, Some(InboxEvent::Message(bytes("one"))));
    assert_eq!(within(here.recv()).await, Some(InboxEvent::Message(bytes("two"))));
    assert_eq!(within(there.recv()).await, Some(InboxEvent::Message(bytes("three"))));
    assert_eq!(here.try_recv(), None);
}

async fn a_full_inbox_drops_the_newest_and_says_how_many(_store: Store, backplane: Backplane) {
    let mut inbox = backplane.subscribe(&gateway("slow"), 4).await.unwrap();
    let mut witness = backplane.subscribe(&gateway("witness"), 4).await.unwrap();
    for n in 1..=10 {
        backplane.publish(&gateway("slow"), bytes(&n.to_string())).await.unwrap();
    }
    within(async {
        while inbox.dropped() < 6 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The bus did not wait for the slow one.
    backplane.publish(&gateway("witness"), bytes("hello")).await.unwrap();
    assert_eq!(within(witness.recv()).await, Some(InboxEvent::Message(bytes("hello"))));

    for n in 1..=4 {
        assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Message(bytes(&n.to_string()))));
    }
    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Gap { dropped: 6 }));
    backplane.publish(&gateway("slow"), bytes("after")).await.unwrap();
    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Message(bytes("after"))));
}

async fn closing_ends_the_inboxes(_store: Store, backplane: Backplane) {
    let mut inbox = backplane.subscribe(&gateway("here"), 4).await.unwrap();
    let clone = backplane.clone();
    backplane.close().await.unwrap();
    assert_eq!(within(inbox.recv()).await, None);
    assert!(!inbox.is_connected());
    assert_eq!(*clone.health().borrow(), Health::Away);
    let refused = clone.put_value("key", bytes("value")).await.unwrap_err();
    assert!(matches!(refused, Error::Closed { .. } | Error::Away { .. }), "{refused:?}");
}

// ---- ownership

async fn of_many_claims_at_once_exactly_one_wins(_store: Store, backplane: Backplane) {
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..32 {
        let backplane = backplane.clone();
        claims.spawn(async move { backplane.claim(ZONE, &host(&format!("host-{n}")), Epoch(0)).await.unwrap() });
    }
    let claims = claims.join_all().await;
    let winners: Vec<_> = claims.iter().filter_map(|claim| won(claim)).collect();
    assert_eq!(winners.len(), 1);
    let owner = backplane.owner(ZONE).await.unwrap().unwrap();
    assert_eq!((&owner.host, owner.epoch), (&winners[0].host, winners[0].epoch));
    assert!(claims.iter().all(|claim| match claim {
        Claim::Won(_) => true,
        Claim::Held(by, _) => *by == owner,
    }));
}

async fn a_lease_that_ran_out_goes_to_another_with_a_higher_epoch(_store: Store, backplane: Backplane) {
    let first = claim(&backplane, ZONE, "first").await;
    let Claim::Held(owner, remaining) = backplane.claim(ZONE, &host("second"), Epoch(0)).await.unwrap() else {
        panic!("a running lease was given away");
    };
    assert_eq!(owner.host, host("first"));
    assert!(remaining <= Duration::from_secs(3));
    let second = claim_when_free(&backplane, ZONE, "second").await;
    assert!(second.epoch > first.epoch);
    assert!(backplane.renew(&first).await.unwrap_err().is_fenced());
    assert_eq!(backplane.owner(ZONE).await.unwrap().unwrap().host, host("second"));
}

async fn an_owner_whose_lease_ran_out_goes_on_if_nobody_came(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "owner").await;
    within(async {
        while backplane.owner(ZONE).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    backplane.append(&lease, at(1), bytes("still here")).await.unwrap();
    assert_eq!(backplane.owner(ZONE).await.unwrap().unwrap().host, host("owner"));
}

async fn the_same_host_may_claim_again_and_fences_its_former_self(_store: Store, backplane: Backplane) {
    let former = claim(&backplane, ZONE, "host").await;
    let restarted = claim(&backplane, ZONE, "host").await;
    assert_eq!(restarted.epoch, former.epoch.next());
    assert!(backplane.append(&former, at(1), bytes("late")).await.unwrap_err().is_fenced());
    backplane.append(&restarted, at(1), bytes("mine")).await.unwrap();
}

async fn epochs_never_repeat_and_respect_what_the_claimant_saw(_store: Store, backplane: Backplane) {
    let mut last = Epoch(0);
    for round in 0..10 {
        let lease = claim(&backplane, ZONE, &format!("host-{round}")).await;
        assert!(lease.epoch > last);
        last = lease.epoch;
        backplane.release(&lease).await.unwrap();
    }
    let Claim::Won(lease) = backplane.claim(ZONE, &host("wise"), Epoch(1000)).await.unwrap() else { panic!("held") };
    assert_eq!(lease.epoch, Epoch(1001));
}

async fn a_released_zone_is_free_at_once(_store: Store, backplane: Backplane) {
    let first = claim(&backplane, ZONE, "first").await;
    backplane.release(&first).await.unwrap();
    backplane.release(&first).await.unwrap();
    assert_eq!(backplane.owner(ZONE).await.unwrap(), None);
    assert!(backplane.renew(&first).await.unwrap_err().is_fenced());
    assert!(backplane.append(&first, at(1), bytes("late")).await.unwrap_err().is_fenced());
    let second = claim(&backplane, ZONE, "second").await;
    assert!(backplane.release(&first).await.unwrap_err().is_fenced());
    backplane.renew(&second).await.unwrap();
}

async fn a_transfer_fences_the_old_lease_and_may_be_repeated(_store: Store, backplane: Backplane) {
    let old = claim(&backplane, ZONE, "old").await;
    let new = backplane.transfer(&old, &host("new")).await.unwrap();
    assert_eq!((new.host.clone(), new.epoch), (host("new"), old.epoch.next()));
    assert_eq!(backplane.transfer(&old, &host("new")).await.unwrap(), new);
    assert!(backplane.transfer(&old, &host("other")).await.unwrap_err().is_fenced());
    assert!(backplane.append(&old, at(1), bytes("late")).await.unwrap_err().is_fenced());
    backplane.append(&new, at(1), bytes("mine")).await.unwrap();
    let owners = backplane.owners(&[ZoneNo(99), ZONE]).await.unwrap();
    assert_eq!(owners[0], None);
    assert_eq!(owners[1].as_ref().unwrap().host, host("new"));
}

async fn a_handed_over_lease_survives_serialisation(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    let text = serde_json::to_string(&lease).unwrap();
    let received: Lease = serde_json::from_str(&text).unwrap();
    assert_eq!(received, lease);
    backplane.renew(&received).await.unwrap();
}

async fn only_the_holder_of_the_lease_changes_anything(_store: Store, backplane: Backplane) {
    let stale = claim(&backplane, ZONE, "host").await;
    let lease = claim(&backplane, ZONE, "host").await;
    // The right host and epoch with another token: what a store that lost its tail could have given out before.
    let mut forged = serde_json::to_value(&lease).unwrap();
    forged["token"] = 1.into();
    let forged: Lease = serde_json::from_value(forged).unwrap();
    fill(&backplane, &lease, 3).await;
    backplane.put_snapshot(&lease, at(1), bytes("one")).await.unwrap();

    for wrong in [&stale, &forged] {
        assert!(backplane.renew(wrong).await.unwrap_err().is_fenced());
        assert!(backplane.append(wrong, at(4), bytes("entry 4")).await.unwrap_err().is_fenced());
        assert!(backplane.append(wrong, at(3), bytes("entry 3")).await.unwrap_err().is_fenced());
        assert!(backplane.append_batch(wrong, at(4), vec![]).await.unwrap_err().is_fenced());
        assert!(backplane.put_snapshot(wrong, at(2), bytes("two")).await.unwrap_err().is_fenced());
        assert!(backplane.trim_journal(wrong, at(3)).await.unwrap_err().is_fenced());
        assert!(backplane.transfer(wrong, &host("thief")).await.unwrap_err().is_fenced());
        assert!(backplane.release(wrong).await.unwrap_err().is_fenced());
    }
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 3);
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(1), bytes("one"))));
    backplane.append(&lease, at(4), bytes("entry 4")).await.unwrap();
}

// ---- journal

async fn a_repeated_append_is_one_append(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(0));
    for _ in 0..3 {
        backplane.append(&lease, at(1), bytes("one")).await.unwrap();
    }
    backplane.append(&lease, at(2), bytes("two")).await.unwrap();
    backplane.append(&lease, at(1), bytes("one")).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 0).await, [(1, "one".to_owned()), (2, "two".to_owned())]);
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(2));
}

async fn another_entry_under_a_known_index_is_refused(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 2).await;
    assert_eq!(not_next(backplane.append(&lease, at(2), bytes("another")).await), at(3));
    // The same bytes, but written by a former owner: not this one's append.
    let next = backplane.transfer(&lease, &host("next")).await.unwrap();
    assert_eq!(not_next(backplane.append(&next, at(2), bytes("entry 2")).await), at(3));
    assert_eq!(journal(&backplane, ZONE, 2).await, [(2, "entry 2".to_owned())]);
}

async fn a_gap_is_refused_and_named(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    assert_eq!(not_next(backplane.append(&lease, at(2), bytes("two")).await), at(1));
    assert_eq!(not_next(backplane.append(&lease, at(0), bytes("zero")).await), at(1));
    fill(&backplane, &lease, 3).await;
    assert_eq!(not_next(backplane.append(&lease, at(5), bytes("five")).await), at(4));
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(3));
}

async fn a_batch_is_appended_whole_or_not_at_all(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    let batch = || vec![bytes("one"), bytes("two"), bytes("three")];
    backplane.append_batch(&lease, at(1), batch()).await.unwrap();
    backplane.append_batch(&lease, at(1), batch()).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 3);
    let contradiction = vec![bytes("three"), bytes("four")];
    assert_eq!(not_next(backplane.append_batch(&lease, at(2), contradiction).await), at(4));
    assert_eq!(not_next(backplane.append_batch(&lease, at(5), batch()).await), at(4));
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(3));
}

async fn a_batch_overlapping_what_is_there_adds_the_rest(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    let batch = (2..=5).map(|index| bytes(&format!("entry {index}"))).collect();
    backplane.append_batch(&lease, at(2), batch).await.unwrap();
    let expected: Vec<_> = (1..=5).map(|index| (index, format!("entry {index}"))).collect();
    assert_eq!(journal(&backplane, ZONE, 1).await, expected);
}

async fn appends_keep_the_lease(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "busy").await;
    let began = tokio::time::Instant::now();
    let mut index = at(0);
    while began.elapsed() < Duration::from_millis(3500) {
        index = index.next();
        backplane.append(&lease, index, bytes("tick")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let claim = backplane.claim(ZONE, &host("other"), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Held(..)), "{claim:?}");
}

async fn concurrent_zones_keep_their_journals_apart(_store: Store, backplane: Backplane) {
    let backplane = Arc::new(backplane);
    let mut zones = tokio::task::JoinSet::new();
    for zone in 1..=20 {
        let backplane = backplane.clone();
        zones.spawn(async move {
            let lease = claim(&backplane, ZoneNo(zone), "host").await;
            for index in 1..=20 {
                backplane.append(&lease, at(index), bytes(&format!("{zone}/{index}"))).await.unwrap();
            }
        });
    }
    zones.join_all().await;
    for zone in 1..=20 {
        let expected: Vec<_> = (1..=20).map(|index| (index, format!("{zone}/{index}"))).collect();
        assert_eq!(journal(&backplane, ZoneNo(zone), 1).await, expected);
    }
}

/// Processes under one host name, which the store lets take the zone from each other at any moment: the worst of hand-overs.
async fn rivals_never_lose_or_overwrite_what_was_acknowledged(_store: Store, backplane: Backplane) {
    let mut rivals = tokio::task::JoinSet::new();
    for rival in 0..4 {
        let backplane = backplane.clone();
        rivals.spawn(async move {
            let mut acknowledged = Vec::new();
            for round in 0..25 {
                let lease = claim(&backplane, ZONE, "host").await;
                for n in 0..3 {
                    let index = backplane.journal_end(ZONE).await.unwrap().next();
                    let entry = format!("{rival}.{round}.{n} under {}", lease.epoch);
                    match backplane.append(&lease, index, bytes(&entry)).await {
                        Ok(()) => acknowledged.push((index.0, entry)),
                        Err(Error::Fenced { .. } | Error::NotNext { .. }) => break,
                        Err(other) => panic!("{other:?}"),
                    }
                }
            }
            acknowledged
        });
    }
    let mut acknowledged = rivals.join_all().await.concat();
    acknowledged.sort_unstable();
    let stored = journal(&backplane, ZONE, 1).await;
    assert_eq!(stored, acknowledged);
    let epochs: Vec<u64> = stored.iter().map(|(_, entry)| entry.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(epochs.is_sorted(), "an older owner wrote after a newer one");
}

async fn reading_a_journal_stops_at_the_bytes_asked_for(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    let entries: Vec<_> = (0..50).map(|n| noise(1000, n)).collect();
    backplane.append_batch(&lease, at(1), entries.clone()).await.unwrap();
    let page = backplane.read_journal(ZONE, at(1), 3500).await.unwrap();
    assert_eq!(page.len(), 3);
    assert_eq!(backplane.read_journal(ZONE, at(4), 10).await.unwrap(), [(at(4), entries[3].clone())]);
    assert_eq!(backplane.read_journal(ZONE, at(51), 10_000).await.unwrap(), []);

    let mut read = Vec::new();
    loop {
        let page = backplane.read_journal(ZONE, at(read.len() as u64 + 1), 20_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page.into_iter().map(|(_, entry)| entry));
    }
    assert_eq!(read, entries);
}

async fn trimming_keeps_what_the_kept_snapshots_need(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 10).await;
    backplane.trim_journal(&lease, at(10)).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 10, "without a snapshot everything is needed");

    backplane.put_snapshot(&lease, at(3), bytes("three")).await.unwrap();
    backplane.put_snapshot(&lease, at(6), bytes("six")).await.unwrap();
    backplane.trim_journal(&lease, at(2)).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 2).await.len(), 9);
    backplane.trim_journal(&lease, at(10)).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 4).await.len(), 7, "the older snapshot needs entry 4");
    let gone = backplane.read_journal(ZONE, at(2), 1000).await.unwrap_err();
    assert!(matches!(gone, Error::Trimmed { first, .. } if first == at(4)), "{gone:?}");

    // A journal trimmed to nothing still knows where it ends.
    backplane.put_snapshot(&lease, at(10), bytes("ten")).await.unwrap();
    backplane.put_snapshot(&lease, at(10), bytes("ten")).await.unwrap();
    fill_up(&backplane, &lease, 11..=12).await;
    backplane.put_snapshot(&lease, at(12), bytes("twelve")).await.unwrap();
    backplane.trim_journal(&lease, at(13)).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 11).await.len(), 2);
    fill_up(&backplane, &lease, 13..=13).await;
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(13));
}

// ---- snapshots

async fn a_snapshot_larger_than_a_chunk_comes_back_whole(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), None);
    fill(&backplane, &lease, 3).await;
    let sizes = [0, SNAPSHOT_CHUNK_BYTES, 5 * SNAPSHOT_CHUNK_BYTES + 17];
    for (index, size) in (1..).zip(sizes) {
        let state = noise(size, index);
        backplane.put_snapshot(&lease, at(index), state.clone()).await.unwrap();
        assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(index), state)));
    }
}

async fn an_upload_that_broke_off_is_never_visible(store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 2).await;
    let whole = noise(3 * SNAPSHOT_CHUNK_BYTES, 1);
    backplane.put_snapshot(&lease, at(1), whole.clone()).await.unwrap();
    let torn = noise(40 * SNAPSHOT_CHUNK_BYTES, 2);
    for micros in [0, 500, 2000, 5000] {
        // Dropped on the way, as by the death of the process.
        let put = backplane.put_snapshot(&lease, at(2), torn.clone());
        let done = tokio::time::timeout(Duration::from_micros(micros), put).await.is_ok();
        assert!(!done, "the test's snapshot is too small to be cut");
        assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(1), whole.clone())));
    }
    let mut store = store;
    let backplane = store.reopen(backplane).await;
    assert_eq!(backplane.snapshots(ZONE).await.unwrap(), [at(1)]);
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(1), whole)));
}

async fn only_the_last_two_snapshots_are_kept(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 5).await;
    for index in [0, 2, 4] {
        backplane.put_snapshot(&lease, at(index), noise(1000, index)).await.unwrap();
    }
    backplane.put_snapshot(&lease, at(4), noise(2000, 4)).await.unwrap();
    assert_eq!(backplane.snapshots(ZONE).await.unwrap(), [at(2), at(4)]);
    assert_eq!(backplane.snapshot_at(ZONE, at(0)).await.unwrap(), None);
    assert_eq!(backplane.snapshot_at(ZONE, at(2)).await.unwrap(), Some(noise(1000, 2)));
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(4), noise(2000, 4))));
}

async fn a_snapshot_from_outside_the_journal_is_refused(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 5).await;
    backplane.put_snapshot(&lease, at(3), bytes("three")).await.unwrap();
    for wrong in [2, 6] {
        let refused = backplane.put_snapshot(&lease, at(wrong), bytes("wrong")).await.unwrap_err();
        assert!(matches!(refused, Error::SnapshotOutOfOrder { newest, end, .. } if newest == at(3) && end == at(5)));
    }
    assert_eq!(backplane.snapshots(ZONE).await.unwrap(), [at(3)]);
}

// ---- records, names, heartbeats, blobs, values

async fn records_change_only_from_the_expected_version(_store: Store, backplane: Backplane) {
    let sub = Sub::from("player {1}: with \u{e9} and spaces");
    assert_eq!(backplane.record(&sub).await.unwrap(), None);
    assert_eq!(conflict(backplane.put_record(&sub, Version(5), bytes("x")).await), Version::ABSENT);

    let first = backplane.put_record(&sub, Version::ABSENT, bytes("first")).await.unwrap();
    assert_eq!(backplane.put_record(&sub, Version::ABSENT, bytes("first")).await.unwrap(), first, "a repeat");
    assert_eq!(conflict(backplane.put_record(&sub, Version::ABSENT, bytes("other")).await), first);
    let second = backplane.put_record(&sub, first, bytes("second")).await.unwrap();
    assert!(second > first);
    assert_eq!(backplane.put_record(&sub, first, bytes("second")).await.unwrap(), second, "a repeat");
    assert_eq!(conflict(backplane.put_record(&sub, first, bytes("late")).await), second);
    assert_eq!(backplane.record(&sub).await.unwrap(), Some((second, bytes("second"))));
    let third = backplane.put_record(&sub, second, bytes("second")).await.unwrap();
    assert!(third > second);
    assert_eq!(
        conflict(backplane.put_record(&sub, first, bytes("second")).await),
        third,
        "no repeat: one came between"
    );

    let mut writers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (backplane, sub) = (backplane.clone(), sub.clone());
        writers.spawn(async move { backplane.put_record(&sub, third, bytes(&n.to_string())).await.is_ok() });
    }
    assert_eq!(writers.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

async fn a_version_never_returns_after_a_delete(_store: Store, backplane: Backplane) {
    let sub = Sub::from("guest:ann");
    let mut seen = Vec::new();
    for _ in 0..5 {
        let version = backplane.put_record(&sub, Version::ABSENT, bytes("ann")).await.unwrap();
        assert!(!seen.contains(&version));
        assert_eq!(conflict(backplane.delete_record(&sub, Version(version.0 + 1)).await), version);
        backplane.delete_record(&sub, version).await.unwrap();
        backplane.delete_record(&sub, version).await.unwrap();
        assert_eq!(backplane.record(&sub).await.unwrap(), None);
        seen.push(version);
    }
}

async fn a_name_belongs_to_one_player(_store: Store, backplane: Backplane) {
    let (ann, bob) = (Sub::from("ann"), Sub::from("bob"));
    assert_eq!(backplane.reserve_name("nosferatu", &ann).await.unwrap(), None);
    assert_eq!(backplane.reserve_name("nosferatu", &ann).await.unwrap(), None);
    assert_eq!(backplane.reserve_name("nosferatu", &bob).await.unwrap(), Some(ann.clone()));
    backplane.release_name("nosferatu", &bob).await.unwrap();
    assert_eq!(backplane.name_owner("nosferatu").await.unwrap(), Some(ann.clone()));
    backplane.release_name("nosferatu", &ann).await.unwrap();
    assert_eq!(backplane.name_owner("nosferatu").await.unwrap(), None);
    assert_eq!(backplane.reserve_name("nosferatu", &bob).await.unwrap(), None);
}

async fn heartbeats_show_until_they_expire(_store: Store, backplane: Backplane) {
    let long = Duration::from_secs(600);
    backplane.beat("host", "b", bytes("old"), long).await.unwrap();
    backplane.beat("host", "b", bytes("new"), long).await.unwrap();
    backplane.beat("host", "a", bytes("a"), long).await.unwrap();
    backplane.beat("gateway", "g", bytes("g"), long).await.unwrap();
    backplane.beat("host", "short", bytes("short"), Duration::from_millis(30)).await.unwrap();
    let both = [("a".to_owned(), bytes("a")), ("b".to_owned(), bytes("new"))];
    within(async {
        while backplane.beats("host").await.unwrap() != both {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    backplane.end_beat("host", "a").await.unwrap();
    assert_eq!(backplane.beats("host").await.unwrap(), both[1..]);
    assert_eq!(backplane.beats("nothing").await.unwrap(), []);
}

async fn blobs_are_kept_under_their_digest_only(_store: Store, backplane: Backplane) {
    let module = noise(3 * SNAPSHOT_CHUNK_BYTES + 5, 9);
    let digest = Digest::of(&module);
    assert_eq!(backplane.blob(digest).await.unwrap(), None);
    let refused = backplane.put_blob(digest, module.slice(1..)).await.unwrap_err();
    assert!(matches!(refused, Error::WrongDigest { .. }));
    for _ in 0..2 {
        backplane.put_blob(digest, module.clone()).await.unwrap();
        assert_eq!(backplane.blob(digest).await.unwrap(), Some(module.clone()));
    }
    backplane.put_blob(Digest::of(b""), Bytes::new()).await.unwrap();
    assert_eq!(backplane.blob(Digest::of(b"")).await.unwrap(), Some(Bytes::new()));
    for _ in 0..2 {
        backplane.delete_blob(digest).await.unwrap();
        assert_eq!(backplane.blob(digest).await.unwrap(), None);
    }
    backplane.put_blob(digest, module.clone()).await.unwrap();
    assert_eq!(backplane.blob(digest).await.unwrap(), Some(module));
}

async fn values_are_listed_by_prefix(_store: Store, backplane: Backplane) {
    for (key, value) in [("zone/2", "b"), ("zone/1", "old"), ("zone/1", "a"), ("zonk", "c"), ("apple", "d")] {
        backplane.put_value(key, bytes(value)).await.unwrap();
    }
    let zones = [("zone/1".to_owned(), bytes("a")), ("zone/2".to_owned(), bytes("b"))];
    assert_eq!(backplane.values("zone/").await.unwrap(), zones);
    assert_eq!(backplane.values("").await.unwrap().len(), 4);
    backplane.delete_value("zonk").await.unwrap();
    assert_eq!(backplane.value("zonk").await.unwrap(), None);
    assert_eq!(backplane.value("zone/1").await.unwrap(), Some(bytes("a")));
}

async fn a_value_is_replaced_only_by_who_knows_it(_store: Store, backplane: Backplane) {
    let replace = async |expected: Option<&str>, value: &str| match backplane
        .replace_value("key", expected.map(bytes), bytes(value))
        .await
    {
        Ok(()) => None,
        Err(Error::Changed { stored, .. }) => Some(stored),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(replace(Some("one"), "two").await, Some(None), "there is none");
    assert_eq!(replace(None, "one").await, None);
    assert_eq!(replace(None, "one").await, None, "a repeat");
    assert_eq!(replace(None, "two").await, Some(Some(bytes("one"))));
    assert_eq!(replace(Some("one"), "").await, None);
    assert_eq!(replace(Some("one"), "three").await, Some(Some(bytes(""))));
    assert_eq!(replace(Some(""), "three").await, None);
    assert_eq!(backplane.value("key").await.unwrap(), Some(bytes("three")));
    let rivals = (0..16).map(|rival| {
        let backplane = backplane.clone();
        tokio::spawn(async move {
            backplane.replace_value("key", Some(bytes("three")), bytes(&format!("rival {rival}"))).await
        })
    });
    let mut won = 0;
    for rival in rivals.collect::<Vec<_>>() {
        won += u32::from(rival.await.unwrap().is_ok());
    }
    assert_eq!(won, 1);
}

// ---- restarts

async fn everything_is_found_again_after_a_restart(mut store: Store, backplane: Backplane) {
    let sub = Sub::from("ann");
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 4).await;
    let state = noise(2 * SNAPSHOT_CHUNK_BYTES, 4);
    backplane.put_snapshot(&lease, at(2), bytes("two")).await.unwrap();
    backplane.put_snapshot(&lease, at(4), state.clone()).await.unwrap();
    backplane.trim_journal(&lease, at(5)).await.unwrap();
    let version = backplane.put_record(&sub, Version::ABSENT, bytes("record")).await.unwrap();
    backplane.reserve_name("ann", &sub).await.unwrap();
    backplane.put_blob(Digest::of(&state), state.clone()).await.unwrap();
    backplane.put_value("key", bytes("value")).await.unwrap();

    let backplane = store.reopen(backplane).await;
    assert_eq!(journal(&backplane, ZONE, 3).await, [(3, "entry 3".to_owned()), (4, "entry 4".to_owned())]);
    assert_eq!(backplane.snapshots(ZONE).await.unwrap(), [at(2), at(4)]);
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(4), state.clone())));
    assert_eq!(backplane.record(&sub).await.unwrap(), Some((version, bytes("record"))));
    assert_eq!(backplane.name_owner("ann").await.unwrap(), Some(sub));
    assert_eq!(backplane.blob(Digest::of(&state)).await.unwrap(), Some(state));
    assert_eq!(backplane.value("key").await.unwrap(), Some(bytes("value")));

    // The last owner has its three seconds; its lease is good, others wait.
    let claimed = backplane.claim(ZONE, &host("other"), Epoch(0)).await.unwrap();
    assert!(matches!(&claimed, Claim::Held(owner, _) if owner.host == host("host")), "{claimed:?}");
    backplane.append(&lease, at(5), bytes("entry 5")).await.unwrap();
    let again = claim(&backplane, ZONE, "host").await;
    assert!(again.epoch > lease.epoch);
    assert!(backplane.append(&lease, at(6), bytes("late")).await.unwrap_err().is_fenced());
}

async fn a_store_that_answers_is_healthy(_store: Store, backplane: Backplane) {
    assert_eq!(*backplane.health().borrow(), Health::Connected);
}

// ---- helpers

async fn fill_up(backplane: &Backplane, lease: &Lease, indexes: std::ops::RangeInclusive<u64>) {
    for index in indexes {
        backplane.append(lease, at(index), bytes(&format!("entry {index}"))).await.unwrap();
    }
}

fn won(claim: &Claim) -> Option<&Lease> {
    match claim {
        Claim::Won(lease) => Some(lease),
        Claim::Held(..) => None,
    }
}

fn not_next(result: Result<(), Error>) -> wod_protocol::ids::JournalIndex {
    match result {
        Err(Error::NotNext { expected, .. }) => expected,
        other => panic!("expected NotNext, got {other:?}"),
    }
}

fn conflict<T: std::fmt::Debug>(result: Result<T, Error>) -> Version {
    match result {
        Err(Error::Conflict { stored, .. }) => stored,
        other => panic!("expected Conflict, got {other:?}"),
    }
}
