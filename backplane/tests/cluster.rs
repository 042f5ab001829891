//! What only a cluster can get wrong: a primary that dies, slots that move, writes that are confirmed by the wrong node.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "how long a fail-over took is a figure to look at")]

mod common;

use std::time::{Duration, Instant};

use common::*;
use wod_backplane::testing::RedisCluster;
use wod_backplane::{Backplane, Durability, Error, Health, InboxEvent, Lease, RedisOptions};
use wod_protocol::ids::ZoneNo;

/// From a primary's death to the first write to one of its zones that is acknowledged again.
const FAILED_OVER: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_dead_primarys_replica_takes_its_zones_over() {
    let mut redis = RedisCluster::start(3, 1).await.unwrap();
    let backplane = Backplane::redis(&redis.url(), RedisOptions::default()).await.unwrap();
    let leases = one_zone_a_primary(&redis, &backplane).await;
    let mut inboxes = Vec::new();
    for number in 0..8 {
        inboxes.push(backplane.subscribe(&gateway(&format!("gateway-{number}")), 10).await.unwrap());
    }
    let mut incarnation = backplane.incarnation();
    incarnation.mark_unchanged();
    redis.primaries[0].command(&["WAIT", "1", "1000"]).await.unwrap();

    let killed = Instant::now();
    redis.primaries[0].kill().unwrap();
    insist(async || backplane.append(&leases[0], at(2), bytes("entry 2")).await).await;
    let took = killed.elapsed();
    println!("primary of a cluster killed: the next append is acknowledged {took:.2?} later");
    assert!(took < FAILED_OVER, "{took:?}");
    assert!(incarnation.has_changed().unwrap());
    for lease in &leases[1..] {
        insist(async || backplane.append(lease, at(2), bytes("entry 2")).await).await;
    }
    for lease in &leases {
        assert_eq!(journal(&backplane, lease.zone, 1).await.len(), 2);
    }
    let mut health = backplane.health();
    within(health.wait_for(|health| *health == Health::Connected)).await.unwrap();
    for (number, inbox) in inboxes.iter_mut().enumerate() {
        hears(&backplane, inbox, &format!("gateway-{number}"), "again").await;
    }

    // The old primary comes back as a replica; nothing that is written goes to it.
    redis.primaries[0].restart().await.unwrap();
    for lease in &leases {
        insist(async || backplane.append(lease, at(3), bytes("entry 3")).await).await;
    }
}

#[tokio::test]
async fn a_key_is_found_while_its_slot_moves_and_afterwards() {
    let redis = RedisCluster::start(3, 0).await.unwrap();
    let backplane = Backplane::redis(&redis.url(), RedisOptions::default()).await.unwrap();
    let lease = one_zone_a_primary(&redis, &backplane).await.swap_remove(0);
    let slot = redis.primaries[0].command(&["CLUSTER", "KEYSLOT", &format!("{{wod:z:{}}}", lease.zone)]).await.unwrap();
    let slot = slot[0].parse().unwrap();

    redis.begin_moving(slot, 0, 1).await.unwrap();
    // Still there: served as ever. Not there any more: asked for at the other.
    backplane.append(&lease, at(2), bytes("entry 2")).await.unwrap();
    let key = format!("{{wod:z:{}}}", lease.zone);
    let port = redis.primaries[1].port().to_string();
    let journal_key = format!("{key}:journal");
    for key in [&key, &journal_key] {
        redis.primaries[0].command(&["MIGRATE", "127.0.0.1", &port, key, "0", "1000"]).await.unwrap();
    }
    backplane.append(&lease, at(3), bytes("entry 3")).await.unwrap();
    assert_eq!(journal(&backplane, lease.zone, 1).await.len(), 3);
    redis.finish_moving(slot, 0, 1).await.unwrap();
    insist(async || backplane.append(&lease, at(4), bytes("entry 4")).await).await;
    assert_eq!(journal(&backplane, lease.zone, 1).await.len(), 4);
    // Nobody else's epoch, and nothing sent twice: the same lease goes on.
    backplane.renew(&lease).await.unwrap();
}

#[tokio::test]
async fn an_inbox_moves_with_its_slot() {
    let redis = RedisCluster::start(3, 0).await.unwrap();
    let backplane = Backplane::redis(&redis.url(), RedisOptions::default()).await.unwrap();
    let mut inbox = backplane.subscribe(&gateway("here"), 10).await.unwrap();
    hears(&backplane, &mut inbox, "here", "before").await;
    let channel = format!("wod:inbox:{}", gateway("here"));
    let slot = redis.primaries[0].command(&["CLUSTER", "KEYSLOT", &channel]).await.unwrap()[0].parse().unwrap();
    let owner = usize::from(slot) * 3 / 16384;
    let target = (owner + 1) % 3;
    redis.begin_moving(slot, owner, target).await.unwrap();
    redis.finish_moving(slot, owner, target).await.unwrap();
    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Gap { dropped: 0 }));
    hears(&backplane, &mut inbox, "here", "after").await;
}

#[tokio::test]
async fn durability_replicated_waits_for_a_replica_of_the_primary_that_wrote() {
    let redis = RedisCluster::start(3, 1).await.unwrap();
    let plain = Backplane::redis(&redis.url(), RedisOptions::default()).await.unwrap();
    let leases = one_zone_a_primary(&redis, &plain).await;
    let options = RedisOptions { durability: Durability::Replicated, ..Default::default() };
    let backplane = Backplane::redis(&redis.url(), options).await.unwrap();
    insist(async || backplane.append(&leases[0], at(2), bytes("entry 2")).await).await;
    let alone = backplane.append(&leases[1], at(2), bytes("entry 2")).await.unwrap_err();
    assert!(matches!(alone, Error::NotReplicated { .. }), "{alone:?}");
}

#[tokio::test]
async fn a_single_node_and_a_cluster_are_not_taken_for_one_another() {
    let redis = RedisCluster::start(3, 0).await.unwrap();
    let said = |error: Error| std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let url = redis.primaries[0].url();
    let error = Backplane::redis(&url, RedisOptions::default()).await.unwrap_err();
    assert!(said(error).contains("redis+cluster://"));
    let single = wod_backplane::testing::RedisServer::start().await.unwrap();
    let url = single.url().replace("redis://", "redis+cluster://");
    let error = Backplane::redis(&url, RedisOptions::default()).await.unwrap_err();
    assert!(said(error).contains("cluster support disabled"));
}

// ---- helpers

/// A lease, and one entry, of a zone that lies with the first primary, of one with the second, and so on.
async fn one_zone_a_primary(redis: &RedisCluster, backplane: &Backplane) -> Vec<Lease> {
    let mut leases = Vec::new();
    let mut zone = 0;
    while leases.len() < redis.primaries.len() {
        zone += 1;
        let key = format!("{{wod:z:{zone}}}");
        let slot: usize = redis.primaries[0].command(&["CLUSTER", "KEYSLOT", &key]).await.unwrap()[0].parse().unwrap();
        if slot * redis.primaries.len() / 16384 == leases.len() {
            let lease = claim(backplane, ZoneNo(zone), "host").await;
            fill(backplane, &lease, 1).await;
            leases.push(lease);
        }
    }
    leases
}
