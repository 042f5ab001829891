//! Snapshots.

use std::time::Duration;

use wod_backplane::{Backplane, Error};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

use super::Store;
use super::common::*;

pub(super) async fn a_snapshot_larger_than_a_chunk_comes_back_whole(_store: Store, backplane: Backplane) {
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

pub(super) async fn an_upload_that_broke_off_is_never_visible(store: Store, backplane: Backplane) {
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

pub(super) async fn only_the_last_two_snapshots_are_kept(_store: Store, backplane: Backplane) {
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

pub(super) async fn a_snapshot_from_outside_the_journal_is_refused(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 5).await;
    backplane.put_snapshot(&lease, at(3), bytes("three")).await.unwrap();
    for wrong in [2, 6] {
        let refused = backplane.put_snapshot(&lease, at(wrong), bytes("wrong")).await.unwrap_err();
        assert!(matches!(refused, Error::SnapshotOutOfOrder { newest, end, .. } if newest == at(3) && end == at(5)));
    }
    assert_eq!(backplane.snapshots(ZONE).await.unwrap(), [at(3)]);
}
