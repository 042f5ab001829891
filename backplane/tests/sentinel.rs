//! Fail-overs under Sentinel: how long they take, what the new primary may have lost, and how an owner puts it back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "how long a fail-over took is a figure to look at")]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::*;
use wod_backplane::testing::RedisSentinels;
use wod_backplane::{Backplane, Claim, Error, InboxEvent, RedisOptions};
use wod_protocol::ids::Epoch;

/// From the primary's death to the first write that is acknowledged again.
const FAILED_OVER: Duration = Duration::from_secs(5);

#[tokio::test]
async fn after_the_primarys_death_writes_work_again_within_five_seconds() {
    let (mut redis, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    let mut inbox = backplane.subscribe(&gateway("here"), 10).await.unwrap();
    let mut incarnation = backplane.incarnation();
    incarnation.mark_unchanged();
    reached_the_replica(&redis, 3).await;

    let killed = Instant::now();
    redis.servers[0].kill().unwrap();
    insist(async || backplane.append(&lease, at(4), bytes("entry 4")).await).await;
    let took = killed.elapsed();
    println!("primary killed: the next append is acknowledged {took:.2?} later");
    assert!(took < FAILED_OVER, "{took:?}");
    assert!(incarnation.has_changed().unwrap(), "what the replica lacked is missing: that must be known");
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 4);

    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Gap { dropped: 0 }));
    hears(&backplane, &mut inbox, "here", "again").await;

    // The former primary comes back, becomes a replica of the new one, and is not mistaken for the primary.
    redis.servers[0].restart().await.unwrap();
    let late = within(async {
        loop {
            match Backplane::redis(&redis.url(), RedisOptions::default()).await {
                Ok(late) => return late,
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    })
    .await;
    assert_eq!(journal(&late, ZONE, 1).await.len(), 4);
}

#[tokio::test]
async fn a_primary_that_hangs_is_left_within_five_seconds() {
    let (redis, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    reached_the_replica(&redis, 3).await;
    let stopped = Instant::now();
    redis.servers[0].pause().unwrap();
    insist(async || backplane.append(&lease, at(4), bytes("entry 4")).await).await;
    let took = stopped.elapsed();
    println!("primary stopped: the next append is acknowledged {took:.2?} later");
    // Whoever only starts finds the new primary too, while the old one still accepts connections.
    Backplane::redis(&redis.url(), RedisOptions::default()).await.unwrap();
    redis.servers[0].resume().unwrap();
    assert!(took < FAILED_OVER, "{took:?}");
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 4);
}

#[tokio::test]
async fn a_primary_that_was_replaced_while_it_lived_is_left() {
    let (redis, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    let mut inbox = backplane.subscribe(&gateway("here"), 10).await.unwrap();
    let mut incarnation = backplane.incarnation();
    redis.sentinels[0].command(&["SENTINEL", "FAILOVER", "world"]).await.unwrap();
    within(incarnation.changed()).await.unwrap();
    insist(async || backplane.append(&lease, at(4), bytes("entry 4")).await).await;
    let about = redis.servers[1].command(&["INFO", "replication"]).await.unwrap();
    assert!(about[0].contains("role:master"), "{about:?}");
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 4);
    hears(&backplane, &mut inbox, "here", "again").await;
}

#[tokio::test]
async fn an_owner_appends_again_what_a_fail_over_has_lost() {
    let (mut redis, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    reached_the_replica(&redis, 3).await;
    redis.cut_the_replica_off().await.unwrap();
    let tail: Vec<Bytes> = (4..=6).map(|index| bytes(&format!("entry {index}"))).collect();
    backplane.append_batch(&lease, at(4), tail.clone()).await.unwrap();

    redis.servers[0].kill().unwrap();
    // It goes on as if nothing had happened, and is told from where.
    let refused = refusal(async || backplane.append(&lease, at(7), bytes("entry 7")).await).await;
    assert!(matches!(refused, Error::NotNext { expected, .. } if expected == at(4)), "{refused:?}");
    insist(async || backplane.reassert(&lease).await).await;
    insist(async || backplane.append_batch(&lease, at(4), tail.clone()).await).await;
    insist(async || backplane.append(&lease, at(7), bytes("entry 7")).await).await;
    let expected: Vec<_> = (1..=7).map(|index| (index, format!("entry {index}"))).collect();
    assert_eq!(journal(&backplane, ZONE, 1).await, expected);
}

#[tokio::test]
async fn an_owner_that_a_fail_over_has_forgotten_puts_its_lease_back() {
    let (mut redis, backplane) = start().await;
    let former = claim(&backplane, ZONE, "former").await;
    fill(&backplane, &former, 2).await;
    reached_the_replica(&redis, 2).await;
    redis.cut_the_replica_off().await.unwrap();
    let owner = backplane.transfer(&former, &host("owner"), Epoch(0)).await.unwrap();
    backplane.append(&owner, at(3), bytes("entry 3")).await.unwrap();

    redis.servers[0].kill().unwrap();
    let refused = refusal(async || backplane.renew(&owner).await).await;
    assert!(refused.is_fenced(), "{refused:?}");
    insist(async || backplane.reassert(&owner).await).await;
    insist(async || backplane.append(&owner, at(3), bytes("entry 3")).await).await;
    // The store knew the former owner as the owner: not any more.
    assert!(backplane.reassert(&former).await.unwrap_err().is_fenced());
    assert!(backplane.append(&former, at(3), bytes("late")).await.unwrap_err().is_fenced());

    // Epochs that nobody alive remembers may be lost too: the next one is beyond them.
    let next = claim_when_free(&backplane, ZONE, "owner").await;
    assert!(next.epoch > Epoch(owner.epoch.0 + 100), "{next:?}");
}

#[tokio::test]
async fn an_owner_that_was_really_replaced_can_not_put_its_lease_back() {
    let (mut redis, backplane) = start().await;
    let known = claim(&backplane, ZONE, "known").await;
    fill(&backplane, &known, 2).await;
    reached_the_replica(&redis, 2).await;
    redis.cut_the_replica_off().await.unwrap();
    let forgotten = backplane.transfer(&known, &host("forgotten"), Epoch(0)).await.unwrap();
    backplane.append(&forgotten, at(3), bytes("forgotten")).await.unwrap();
    redis.servers[0].kill().unwrap();

    // It does not come back in time, and somebody who knows nothing of it goes on.
    let after = insist(async || match backplane.claim(ZONE, &host("known"), Epoch(0)).await {
        Ok(Claim::Won(lease)) => Ok(lease),
        Ok(Claim::Held(owner, _)) => panic!("held by {owner:?}"),
        Err(error) => Err(error),
    })
    .await;
    assert!(after.epoch > forgotten.epoch, "no epoch comes twice");
    insist(async || backplane.append(&after, at(3), bytes("went on")).await).await;
    assert!(backplane.reassert(&forgotten).await.unwrap_err().is_fenced());

    // Two owners in one history: the later one is told that the entry is another's, not that it is its own.
    let later = backplane.transfer(&after, &host("later"), Epoch(0)).await.unwrap();
    let diverged = backplane.append(&later, at(3), bytes("entry 3")).await.unwrap_err();
    assert!(matches!(diverged, Error::Diverged { at: entry, .. } if entry == at(3)), "{diverged:?}");
}

#[tokio::test]
async fn an_owner_that_hands_over_after_a_fail_over_gives_no_epoch_that_was_lost() {
    let (mut redis, backplane) = start().await;
    let known = claim(&backplane, ZONE, "known").await;
    fill(&backplane, &known, 2).await;
    reached_the_replica(&redis, 2).await;
    redis.cut_the_replica_off().await.unwrap();
    let forgotten = backplane.transfer(&known, &host("forgotten"), Epoch(0)).await.unwrap();
    assert_eq!(forgotten.epoch, known.epoch.next());
    redis.servers[0].kill().unwrap();

    // To whom it was given is dead; who had it goes on as if it had not given it away.
    let next = insist(async || backplane.transfer(&known, &host("next"), Epoch(0)).await).await;
    assert!(next.epoch > Epoch(forgotten.epoch.0 + 100), "{next:?}");
    let last = backplane.transfer(&next, &host("last"), Epoch(0)).await.unwrap();
    assert_eq!(last.epoch, next.epoch.next(), "once in a history is enough");
}

#[tokio::test]
async fn sentinels_that_know_no_such_primary_are_an_error_that_says_so() {
    let redis = RedisSentinels::start().await.unwrap();
    let url = redis.url().replace("/world", "/nonsense");
    let error = Backplane::redis(&url, RedisOptions::default()).await.unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert!(source.as_ref().is_some_and(|source| source.contains("nonsense")), "{error:?}");
}

// ---- helpers

async fn start() -> (RedisSentinels, Backplane) {
    let redis = RedisSentinels::start().await.unwrap();
    let backplane = Backplane::redis(&redis.url(), RedisOptions::default()).await.unwrap();
    (redis, backplane)
}

/// Waits until the replica has as many entries: replication is asynchronous.
async fn reached_the_replica(redis: &RedisSentinels, entries: u64) {
    let key = format!("{{wod:z:{ZONE}}}:journal");
    within(async {
        while redis.servers[1].command(&["XLEN", &key]).await.unwrap() != [entries.to_string()] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Does an operation until it fails for good.
async fn refusal<T: std::fmt::Debug>(operation: impl AsyncFn() -> Result<T, Error>) -> Error {
    let insisting = async {
        loop {
            match operation().await {
                Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return error,
                Ok(_) => tokio::task::yield_now().await, // the old primary was not yet known to be dead
            }
        }
    };
    within(insisting).await
}
