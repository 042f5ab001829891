//! What is there after a restart.

use wod_backplane::{Backplane, Claim, Health, Version};
use wod_protocol::ids::{Digest, Epoch, Sub};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

use super::Store;
use super::common::*;

pub(super) async fn everything_is_found_again_after_a_restart(mut store: Store, backplane: Backplane) {
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

pub(super) async fn a_store_that_answers_is_healthy(_store: Store, backplane: Backplane) {
    assert_eq!(*backplane.health().borrow(), Health::Connected);
}
