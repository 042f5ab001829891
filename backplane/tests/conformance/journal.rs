//! Journals.

use std::sync::Arc;
use std::time::Duration;

use wod_backplane::{Backplane, Claim, Error, Lease};
use wod_protocol::ids::{Epoch, ZoneNo};

use super::Store;
use super::common::*;

pub(super) async fn a_repeated_append_is_one_append(_store: Store, backplane: Backplane) {
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

pub(super) async fn another_entry_under_a_known_index_is_refused(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 2).await;
    assert_eq!(not_next(backplane.append(&lease, at(2), bytes("another")).await), at(3));
    // The same bytes, but written by a former owner: not this one's append.
    let next = backplane.transfer(&lease, &host("next"), Epoch(0)).await.unwrap();
    let diverged = backplane.append_batch(&next, at(2), vec![bytes("entry 2"), bytes("entry 3")]).await.unwrap_err();
    assert!(matches!(diverged, Error::Diverged { at: entry, .. } if entry == at(2)), "{diverged:?}");
    assert_eq!(journal(&backplane, ZONE, 2).await, [(2, "entry 2".to_owned())]);
}

pub(super) async fn a_gap_is_refused_and_named(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    assert_eq!(not_next(backplane.append(&lease, at(2), bytes("two")).await), at(1));
    assert_eq!(not_next(backplane.append(&lease, at(0), bytes("zero")).await), at(1));
    fill(&backplane, &lease, 3).await;
    assert_eq!(not_next(backplane.append(&lease, at(5), bytes("five")).await), at(4));
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(3));
}

pub(super) async fn a_batch_is_appended_whole_or_not_at_all(_store: Store, backplane: Backplane) {
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

pub(super) async fn a_batch_overlapping_what_is_there_adds_the_rest(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    let batch = (2..=5).map(|index| bytes(&format!("entry {index}"))).collect();
    backplane.append_batch(&lease, at(2), batch).await.unwrap();
    let expected: Vec<_> = (1..=5).map(|index| (index, format!("entry {index}"))).collect();
    assert_eq!(journal(&backplane, ZONE, 1).await, expected);
}

pub(super) async fn appends_keep_the_lease(_store: Store, backplane: Backplane) {
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

pub(super) async fn concurrent_zones_keep_their_journals_apart(_store: Store, backplane: Backplane) {
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
pub(super) async fn rivals_never_lose_or_overwrite_what_was_acknowledged(_store: Store, backplane: Backplane) {
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

pub(super) async fn reading_a_journal_stops_at_the_bytes_asked_for(_store: Store, backplane: Backplane) {
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

pub(super) async fn trimming_keeps_what_the_kept_snapshots_need(_store: Store, backplane: Backplane) {
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

// ---- helpers

async fn fill_up(backplane: &Backplane, lease: &Lease, indexes: std::ops::RangeInclusive<u64>) {
    for index in indexes {
        backplane.append(lease, at(index), bytes(&format!("entry {index}"))).await.unwrap();
    }
}

fn not_next(result: Result<(), Error>) -> wod_protocol::ids::JournalIndex {
    match result {
        Err(Error::NotNext { expected, .. }) => expected,
        other => panic!("expected NotNext, got {other:?}"),
    }
}
