//! Two hosts, two gateways and Redis, each with an address of its own, and the network between them fails: cables are pulled, packets
//! vanish without a word. Under a crowd that checks every promise, as in `chaos`.

use std::time::Duration;

use wod_backplane::testing::RedisServer;
use wod_tests::cluster::{Cluster, until};
use wod_tests::net::Net;
use wod_tests::trial::{Bounds, Trial};

const ZONE: &str = "nyc.elysium";
const OWNED_AGAIN: Duration = Duration::from_secs(20);

async fn for_seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_between_them_fails() {
    let Some(mut net) = Net::lay().unwrap() else { return };
    let (redis_space, redis_address) = net.add("redis").unwrap().namespace.unwrap();
    let names = ["host-1", "host-2", "gw-1", "gw-2"];
    let around = names.map(|name| net.add(name).unwrap());
    let redis = RedisServer::start_in(&redis_space, redis_address).await.unwrap();
    // Both of one region: whichever is left takes what the other has lost.
    let around = |id: &str| around[names.iter().position(|name| *name == id).unwrap()].clone();
    let cluster =
        Cluster::distributed_around(&redis.url(), [("host-1", "nyc"), ("host-2", "nyc")], around).await.unwrap();
    let mut trial = Trial::begin(cluster, &[]).await;
    let host_names = ["host-1", "host-2"];

    let host = async |cluster: &mut Cluster| {
        let owner = cluster.owner_of(ZONE).await.unwrap();
        net.block(host_names[owner], redis_address).unwrap();
        for_seconds(8).await;
        net.unblock(host_names[owner]).unwrap();
        let taken = async || Ok(cluster.owner_of(ZONE).await? != owner);
        until(OWNED_AGAIN, "another owner", taken).await.unwrap();
    };
    trial.survives("host cut off from Redis 8 s", Bounds::standstill(5), host).await;

    let gateway = async |_: &mut Cluster| {
        net.block("gw-2", redis_address).unwrap();
        for_seconds(5).await;
        net.unblock("gw-2").unwrap();
    };
    let told = Bounds { told: trial.bots_count as u64 / 4, ..Bounds::standstill(7) };
    trial.survives("gateway cut off from Redis 5 s", told, gateway).await;

    let clients = async |_: &mut Cluster| {
        net.block("gw-2", net.test()).unwrap();
        for_seconds(5).await;
        net.unblock("gw-2").unwrap();
    };
    // TCP tries again at growing intervals; who gives up meanwhile resumes.
    let half = trial.bots_count as u64 / 2;
    trial
        .survives("gateway cut off from clients 5 s", Bounds { sockets: half, ..Bounds::standstill(10) }, clients)
        .await;

    let everybody = async |_: &mut Cluster| {
        net.plug("redis", false).unwrap();
        for_seconds(5).await;
        net.plug("redis", true).unwrap();
    };
    trial.survives("Redis cut off from all 5 s", Bounds::standstill(7), everybody).await;
    trial.end().await;
}
