//! Leases.

use std::time::Duration;

use wod_backplane::{Backplane, Claim, Lease};
use wod_protocol::ids::{Epoch, ZoneNo};

use super::Store;
use super::common::*;

pub(super) async fn of_many_claims_at_once_exactly_one_wins(_store: Store, backplane: Backplane) {
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

pub(super) async fn a_lease_that_ran_out_goes_to_another_with_a_higher_epoch(_store: Store, backplane: Backplane) {
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

pub(super) async fn an_owner_whose_lease_ran_out_goes_on_if_nobody_came(_store: Store, backplane: Backplane) {
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

/// What a store makes of it that has lost nothing: see the tests of fail-overs for the rest.
pub(super) async fn only_a_lease_that_the_store_knows_of_is_put_back(_store: Store, backplane: Backplane) {
    let incarnation = backplane.incarnation();
    let old = claim(&backplane, ZONE, "old").await;
    backplane.reassert(&old).await.unwrap();
    let new = backplane.transfer(&old, &host("new"), Epoch(0)).await.unwrap();
    assert!(backplane.reassert(&old).await.unwrap_err().is_fenced());
    backplane.reassert(&new).await.unwrap();
    backplane.release(&new).await.unwrap();
    assert!(backplane.reassert(&new).await.unwrap_err().is_fenced(), "it was given up, not lost");
    assert!(!incarnation.has_changed().unwrap());
}

pub(super) async fn the_same_host_may_claim_again_and_fences_its_former_self(_store: Store, backplane: Backplane) {
    let former = claim(&backplane, ZONE, "host").await;
    let restarted = claim(&backplane, ZONE, "host").await;
    assert_eq!(restarted.epoch, former.epoch.next());
    assert!(backplane.append(&former, at(1), bytes("late")).await.unwrap_err().is_fenced());
    backplane.append(&restarted, at(1), bytes("mine")).await.unwrap();
}

pub(super) async fn epochs_never_repeat_and_respect_what_the_claimant_saw(_store: Store, backplane: Backplane) {
    let mut last = Epoch(0);
    for round in 0..10 {
        let lease = claim(&backplane, ZONE, &format!("host-{round}")).await;
        assert!(lease.epoch > last);
        last = lease.epoch;
        backplane.release(&lease).await.unwrap();
    }
    let seen = Epoch(last.0 + 1000);
    let Claim::Won(lease) = backplane.claim(ZONE, &host("wise"), seen).await.unwrap() else { panic!("held") };
    assert_eq!(lease.epoch, seen.next());
}

pub(super) async fn a_released_zone_is_free_at_once(_store: Store, backplane: Backplane) {
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

pub(super) async fn a_transfer_fences_the_old_lease_and_may_be_repeated(_store: Store, backplane: Backplane) {
    let old = claim(&backplane, ZONE, "old").await;
    let new = backplane.transfer(&old, &host("new"), Epoch(0)).await.unwrap();
    assert_eq!((new.host.clone(), new.epoch), (host("new"), old.epoch.next()));
    assert_eq!(backplane.transfer(&old, &host("new"), Epoch(0)).await.unwrap(), new);
    assert!(backplane.transfer(&old, &host("other"), Epoch(0)).await.unwrap_err().is_fenced());
    assert!(backplane.append(&old, at(1), bytes("late")).await.unwrap_err().is_fenced());
    backplane.append(&new, at(1), bytes("mine")).await.unwrap();
    let seen = Epoch(new.epoch.0 + 1000);
    let wise = backplane.transfer(&new, &host("new"), seen).await.unwrap();
    assert_eq!(wise.epoch, seen.next(), "no epoch that was seen comes again");
    assert_eq!(backplane.transfer(&new, &host("new"), seen.next()).await.unwrap(), wise, "a repeat is a repeat");
    let owners = backplane.owners(&[ZoneNo(99), ZONE]).await.unwrap();
    assert_eq!(owners[0], None);
    assert_eq!(owners[1].as_ref().unwrap().host, host("new"));
}

pub(super) async fn a_handed_over_lease_survives_serialisation(_store: Store, backplane: Backplane) {
    let lease = claim(&backplane, ZONE, "host").await;
    let text = serde_json::to_string(&lease).unwrap();
    let received: Lease = serde_json::from_str(&text).unwrap();
    assert_eq!(received, lease);
    backplane.renew(&received).await.unwrap();
}

pub(super) async fn only_the_holder_of_the_lease_changes_anything(_store: Store, backplane: Backplane) {
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
        assert!(backplane.transfer(wrong, &host("thief"), Epoch(0)).await.unwrap_err().is_fenced());
        assert!(backplane.release(wrong).await.unwrap_err().is_fenced());
    }
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 3);
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(1), bytes("one"))));
    backplane.append(&lease, at(4), bytes("entry 4")).await.unwrap();
}

// ---- helpers

fn won(claim: &Claim) -> Option<&Lease> {
    match claim {
        Claim::Won(lease) => Some(lease),
        Claim::Held(..) => None,
    }
}
