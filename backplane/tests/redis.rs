//! What only the Redis backend can get wrong: outages, deaf subscribers, a Redis that forgets, functions that are gone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::*;
use wod_backplane::testing::RedisServer;
use wod_backplane::{Backplane, Claim, Durability, Error, Health, InboxEvent, RedisOptions};
use wod_protocol::ids::Epoch;

/// An outage must show within this time.
const NOTICED: Duration = Duration::from_secs(2);
/// No operation may take longer to say that the store is away: patience for a connection, an answer, and some air.
const REFUSED: Duration = Duration::from_millis(2500);

#[tokio::test]
async fn a_redis_without_aof_is_refused_with_advice() {
    let server = RedisServer::start_with(&["--appendonly", "no"]).await.unwrap();
    let refused = Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap_err();
    assert!(matches!(refused, Error::NotPersistent { .. }), "{refused:?}");
    assert!(refused.to_string().contains("--appendonly yes"), "{refused}");
    let options = RedisOptions { allow_no_persistence: true, ..Default::default() };
    Backplane::redis(&server.url(), options).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_evicts_any_key_is_refused_with_advice() {
    let evicting = ["--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = RedisServer::start_with(&evicting).await.unwrap();
    let refused = Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap_err();
    assert!(refused.to_string().contains("noeviction"), "{refused}");
}

#[tokio::test]
async fn durability_fsync_needs_a_redis_that_syncs_every_write() {
    let options = || RedisOptions { durability: Durability::Fsync, ..Default::default() };
    let lazy = RedisServer::start().await.unwrap();
    let refused = Backplane::redis(&lazy.url(), options()).await.unwrap_err();
    assert!(refused.to_string().contains("--appendfsync always"), "{refused}");
    let strict = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await.unwrap();
    let backplane = Backplane::redis(&strict.url(), options()).await.unwrap();
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
}

#[tokio::test]
async fn durability_replicated_waits_for_a_replica() {
    let primary = RedisServer::start().await.unwrap();
    let options = RedisOptions { durability: Durability::Replicated, ..Default::default() };
    let backplane = Backplane::redis(&primary.url(), options).await.unwrap();
    let alone = backplane.put_value("key", bytes("value")).await.unwrap_err();
    assert!(matches!(alone, Error::NotReplicated { .. }) && alone.is_transient(), "{alone:?}");

    let port = primary.port().to_string();
    let replica = RedisServer::start_with(&["--appendonly", "yes", "--replicaof", "127.0.0.1", &port]).await.unwrap();
    within(async {
        while backplane.put_value("key", bytes("value")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let lease = claim(&backplane, ZONE, "host").await;
    let appends = (1..=20).map(|zone| {
        let backplane = backplane.clone();
        async move {
            let lease = claim(&backplane, wod_protocol::ids::ZoneNo(100 + zone), "host").await;
            fill(&backplane, &lease, 10).await;
        }
    });
    futures_util::future::join_all(appends).await;

    // A replica that hangs: refused while it does, and the repeat is the same append.
    replica.pause().unwrap();
    let refused = backplane.append(&lease, at(1), bytes("entry 1")).await.unwrap_err();
    assert!(matches!(refused, Error::NotReplicated { .. }), "{refused:?}");
    assert_eq!(*backplane.health().borrow(), Health::Connected);
    replica.resume().unwrap();
    within(async {
        while backplane.append(&lease, at(1), bytes("entry 1")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 1);
    let refused = Backplane::redis(&replica.url(), RedisOptions::default()).await.unwrap_err();
    assert!(matches!(refused, Error::Away { .. }), "a replica takes no writes: {refused:?}");
}

#[tokio::test]
async fn a_wrong_address_is_an_error_at_once() {
    let wrong = Backplane::redis("http://nonsense", RedisOptions::default()).await.unwrap_err();
    assert!(!wrong.is_transient(), "{wrong:?}");
    let braces = RedisOptions { prefix: "{wod}".into(), ..Default::default() };
    assert!(!Backplane::redis("redis://127.0.0.1:1", braces).await.unwrap_err().is_transient());
    let nobody = Backplane::redis("redis://127.0.0.1:1", RedisOptions::default()).await.unwrap_err();
    assert!(matches!(nobody, Error::Away { .. }), "{nobody:?}");
}

#[tokio::test]
async fn a_dead_redis_shows_within_two_seconds_and_its_return_too() {
    let (mut server, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 2).await;
    let inbox = backplane.subscribe(&gateway("idle"), 10).await.unwrap();
    let mut health = backplane.health();

    server.until_written().await.unwrap();
    server.kill().unwrap();
    until(&mut health, Health::Away, NOTICED).await;
    until_disconnected(&inbox).await;
    let away = backplane.append(&lease, at(3), bytes("entry 3")).await.unwrap_err();
    assert!(matches!(away, Error::Away { .. }), "{away:?}");
    assert!(backplane.publish(&gateway("idle"), bytes("lost")).await.unwrap_err().is_transient());

    server.restart().await.unwrap();
    until(&mut health, Health::Connected, PATIENCE).await;
    backplane.append(&lease, at(3), bytes("entry 3")).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 3);
}

#[tokio::test]
async fn a_hanging_redis_shows_within_two_seconds_and_hangs_no_operation() {
    let (server, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 2).await;
    let mut inbox = backplane.subscribe(&gateway("idle"), 10).await.unwrap();
    let mut health = backplane.health();

    server.pause().unwrap();
    let append = backplane.append(&lease, at(3), bytes("entry 3"));
    let (answer, ()) = tokio::join!(tokio::time::timeout(REFUSED, append), until(&mut health, Health::Away, NOTICED));
    assert!(matches!(answer.unwrap().unwrap_err(), Error::Away { .. }));
    until_disconnected(&inbox).await;
    let snapshot = tokio::time::timeout(REFUSED, backplane.snapshot(ZONE)).await;
    assert!(matches!(snapshot.unwrap().unwrap_err(), Error::Away { .. }));

    // The append that was cut off may take effect when Redis goes on; repeating it is right either way.
    server.resume().unwrap();
    until(&mut health, Health::Connected, PATIENCE).await;
    backplane.append(&lease, at(3), bytes("entry 3")).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 3);
    hears(&backplane, &mut inbox, "idle", "again").await;
}

#[tokio::test]
async fn an_idle_subscriber_hears_again_after_two_seconds_down() {
    outage_of_an_idle_subscriber(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn an_idle_subscriber_hears_again_after_fifteen_seconds_down() {
    outage_of_an_idle_subscriber(Duration::from_secs(15)).await;
}

async fn outage_of_an_idle_subscriber(down: Duration) {
    let (mut server, backplane) = start().await;
    let mut idle = backplane.subscribe(&gateway("idle"), 10).await.unwrap();
    hears(&backplane, &mut idle, "idle", "before").await;
    server.kill().unwrap();
    until_disconnected(&idle).await;
    tokio::time::sleep(down).await;
    assert_eq!(idle.try_recv(), None);
    server.restart().await.unwrap();
    // The gap comes by itself, before any message over the new connection.
    assert_eq!(within(idle.recv()).await, Some(InboxEvent::Gap { dropped: 0 }));
    assert!(idle.is_connected());
    hears(&backplane, &mut idle, "idle", "after").await;
    assert_eq!(idle.dropped(), 0);
}

#[tokio::test]
async fn a_subscriber_that_redis_cut_off_comes_back() {
    let (server, backplane) = start().await;
    let mut inbox = backplane.subscribe(&gateway("cut"), 10).await.unwrap();
    raw(&server, &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Gap { dropped: 0 }));
    hears(&backplane, &mut inbox, "cut", "hello").await;
}

#[tokio::test]
async fn after_an_outage_only_the_last_owner_may_claim_for_a_while() {
    let (mut server, backplane) = start().await;
    let rival = Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap();
    let lease = claim(&backplane, ZONE, "owner").await;
    let mut health = rival.health();
    server.until_written().await.unwrap();
    server.kill().unwrap();
    until(&mut health, Health::Away, NOTICED).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    server.restart().await.unwrap();
    until(&mut health, Health::Connected, PATIENCE).await;

    let claimed = rival.claim(ZONE, &host("rival"), Epoch(0)).await.unwrap();
    assert!(matches!(&claimed, Claim::Held(owner, _) if owner.host == host("owner")), "{claimed:?}");
    let late = Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap();
    let claimed = late.claim(ZONE, &host("late"), Epoch(0)).await.unwrap();
    assert!(matches!(claimed, Claim::Held(..)), "also who connects only now must wait: {claimed:?}");
    within(async { while backplane.renew(&lease).await.is_err() {} }).await;

    // The owner does not come back again: the zone is not lost for ever.
    let taken = claim_when_free(&rival, ZONE, "rival").await;
    assert!(taken.epoch > lease.epoch);
}

#[tokio::test]
async fn functions_that_are_gone_are_loaded_again() {
    let (server, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    raw(&server, &["FUNCTION", "FLUSH"]).await;
    backplane.append(&lease, at(1), bytes("entry 1")).await.unwrap();
    raw(&server, &["FUNCTION", "FLUSH"]).await;
    assert_eq!(journal(&backplane, ZONE, 1).await.len(), 1);
}

#[tokio::test]
async fn a_flushed_redis_fences_the_owner_and_epochs_go_on_from_what_it_saw() {
    let (server, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    raw(&server, &["FLUSHALL"]).await;
    assert!(backplane.append(&lease, at(1), bytes("entry 1")).await.unwrap_err().is_fenced());
    let Claim::Won(again) = backplane.claim(ZONE, &host("host"), lease.epoch).await.unwrap() else { panic!("held") };
    assert!(again.epoch > lease.epoch);
}

#[tokio::test]
async fn a_restart_may_have_lost_something_and_a_broken_connection_has_not() {
    let (mut server, backplane) = start().await;
    let mut incarnation = backplane.incarnation();
    raw(&server, &["CLIENT", "KILL", "TYPE", "normal"]).await;
    insist(async || backplane.put_value("key", bytes("value")).await).await;
    assert!(!incarnation.has_changed().unwrap());
    server.restart().await.unwrap();
    within(incarnation.changed()).await.unwrap();
    let lease = insist(async || match backplane.claim(ZONE, &host("host"), Epoch(0)).await? {
        Claim::Won(lease) => Ok(lease),
        Claim::Held(owner, _) => panic!("held by {owner:?}"),
    });
    let lease = lease.await;
    server.restart().await.unwrap();
    within(incarnation.changed()).await.unwrap();
    let next = claim(&backplane, ZONE, "host").await;
    assert!(
        next.epoch.0.abs_diff(lease.epoch.0) > 1,
        "the file may lack epochs that were given, this one included: {next:?}"
    );
}

#[tokio::test]
async fn values_from_before_there_was_an_index_are_listed() {
    let (server, backplane) = start().await;
    raw(&server, &["HSET", "wod:values", "zone/2", "b", "zone/1", "a"]).await;
    let both = [("zone/1".to_owned(), bytes("a")), ("zone/2".to_owned(), bytes("b"))];
    assert_eq!(backplane.values("zone/").await.unwrap(), both);
    backplane.put_value("zone/3", bytes("c")).await.unwrap();
    assert_eq!(backplane.values("zone/").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let (server, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 2).await;
    backplane.put_snapshot(&lease, at(1), noise(600_000, 1)).await.unwrap();
    let [first] = &snapshot_keys(&server).await[..] else { panic!("one snapshot, one key") };
    backplane.put_snapshot(&lease, at(2), noise(600_000, 2)).await.unwrap();
    let keys = snapshot_keys(&server).await;
    let second = keys.iter().find(|key| *key != first).unwrap();
    raw(&server, &["HSET", second, "1", "garbage"]).await;
    assert_eq!(backplane.snapshot(ZONE).await.unwrap(), Some((at(1), noise(600_000, 1))));
    raw(&server, &["HDEL", first, "2"]).await;
    assert!(matches!(backplane.snapshot(ZONE).await.unwrap_err(), Error::Store { .. }));
}

#[tokio::test]
async fn nothing_is_left_of_snapshots_that_fell_out_and_uploads_expire() {
    let (server, backplane) = start().await;
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 6).await;
    for index in 1..=6 {
        backplane.put_snapshot(&lease, at(index), noise(1000, index)).await.unwrap();
    }
    for key in snapshot_keys(&server).await {
        assert_eq!(raw(&server, &["TTL", &key]).await, ["-1"], "a visible snapshot must not expire");
    }
    assert_eq!(snapshot_keys(&server).await.len(), 2);

    let stale = lease;
    claim(&backplane, ZONE, "host").await;
    assert!(backplane.put_snapshot(&stale, at(6), noise(1000, 7)).await.unwrap_err().is_fenced());
    let expiring = async |key: &String| raw(&server, &["TTL", key]).await != ["-1"];
    let mut left_over = 0;
    for key in &snapshot_keys(&server).await {
        left_over += usize::from(expiring(key).await);
    }
    assert_eq!(left_over, 1, "the refused upload goes by itself");
}

#[tokio::test]
async fn worlds_with_different_prefixes_share_a_redis_unseen() {
    let (server, one) = start().await;
    let options = RedisOptions { prefix: "other".into(), ..Default::default() };
    let other = Backplane::redis(&server.url(), options).await.unwrap();
    claim(&one, ZONE, "one").await;
    claim(&other, ZONE, "other").await;
    one.put_value("key", bytes("one")).await.unwrap();
    assert_eq!(other.values("").await.unwrap(), []);
}

// ---- helpers

async fn start() -> (RedisServer, Backplane) {
    let server = RedisServer::start().await.unwrap();
    let backplane = Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap();
    (server, backplane)
}

async fn until(health: &mut tokio::sync::watch::Receiver<Health>, wanted: Health, limit: Duration) {
    let seen = tokio::time::timeout(limit, health.wait_for(|health| *health == wanted)).await;
    seen.unwrap_or_else(|_| panic!("not {wanted:?} within {limit:?}")).unwrap();
}

async fn until_disconnected(inbox: &wod_backplane::Inbox) {
    let gone = async {
        while inbox.is_connected() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(NOTICED, gone).await.expect("the inbox did not notice the outage");
}

async fn raw(server: &RedisServer, command: &[&str]) -> Vec<String> {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut sent = redis::cmd(command[0]);
    sent.arg(&command[1..]);
    let answer: redis::Value = sent.query_async(&mut connection).await.unwrap();
    match answer {
        redis::Value::Array(_) => redis::from_redis_value(answer).unwrap(),
        single => vec![redis::from_redis_value(single).unwrap()],
    }
}

async fn snapshot_keys(server: &RedisServer) -> Vec<String> {
    raw(server, &["KEYS", "*:snapshot:*"]).await
}
