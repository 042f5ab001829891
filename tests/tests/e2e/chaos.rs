//! Whatever dies, hangs or restarts: players stand still for a while, and nothing of theirs is lost or doubled. Each test is one
//! crowd of bots that check every promise, under which things break one after the other; each breakage prints a line: how long
//! the longest standstill was that any of them saw, and what was lost. `cargo xtask chaos` runs them with 500 bots;
//! `WOD_CHAOS_BOTS` says how many, and adds what takes long.

use std::time::Duration;

use wod_backplane::testing::{RedisCluster, RedisSentinels, RedisServer};
use wod_tests::cluster::{Cluster, Process, Surroundings, TICKET_SECRET, until};
use wod_tests::trial::{Bounds, Trial};

/// What owners write when they put back what the store has lost.
const APPENDS_AGAIN: &str = "the store has lost entries of the journal";
const ZONE: &str = "nyc.elysium";
const FAIL_OVER: Duration = Duration::from_secs(20);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_redis_and_gateways_die_hang_and_restart() {
    let mut cluster = Cluster::distributed().await.unwrap();
    with_a_spare_host(&mut cluster).await;
    let mut trial = Trial::begin(cluster, &[]).await;

    let killed = async |cluster: &mut Cluster| {
        let owner = cluster.owner_of(ZONE).await.unwrap();
        cluster.hosts[owner].1.kill().await.unwrap();
        until_another_owns(cluster, owner).await;
        cluster.hosts[owner].1.restart().unwrap();
        cluster.until_host_is_ready(owner).await.unwrap();
    };
    trial.survives("host kill -9", Bounds::standstill(5), killed).await;

    let stopped = async |cluster: &mut Cluster| {
        let owner = cluster.owner_of(ZONE).await.unwrap();
        cluster.hosts[owner].1.pause().await.unwrap();
        tokio::time::sleep(seconds(8)).await;
        cluster.hosts[owner].1.resume().await.unwrap();
        until_another_owns(cluster, owner).await;
    };
    trial.survives("host SIGSTOP 8 s, SIGCONT", Bounds::standstill(5), stopped).await;

    let outages: &[(&str, u64)] =
        &[("Redis restarted after 2 s", 2), ("Redis restarted after 15 s", 15), ("Redis restarted after 60 s", 60)];
    let count = if Trial::is_long() { 3 } else { 2 };
    for (name, down) in &outages[..count] {
        let restarted = async |cluster: &mut Cluster| {
            let redis = cluster.redis.as_mut().unwrap();
            redis.kill().unwrap();
            tokio::time::sleep(seconds(*down)).await;
            redis.restart().await.unwrap();
        };
        trial.survives(name, Bounds::standstill(down + 2), restarted).await;
    }

    // The other one: maps come from the first.
    let gateway = async |cluster: &mut Cluster| cluster.gateways[1].1.kill().await.unwrap();
    let half = trial.bots_count as u64 / 2;
    trial.survives("gateway kill -9", Bounds { sockets: half, ..Bounds::standstill(5) }, gateway).await;
    trial.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_primary_fails_over_under_sentinel() {
    let mut redis = RedisSentinels::start().await.unwrap();
    let mut cluster = Cluster::distributed_on(&redis.url()).await.unwrap();
    cluster.add_host("host-spare", "nyc", &redis.url()).await.unwrap();
    // Bots with tickets, who can log in while their avatars stand.
    let mut trial = Trial::begin(cluster, &["--secret", TICKET_SECRET, "--may-be-set-back"]).await;

    redis.settle().await.unwrap();
    let killed = async |_: &mut Cluster| redis.servers[0].kill().unwrap();
    trial.survives("Sentinel: primary kill -9", Bounds::standstill(5), killed).await;
    redis.restore().await.unwrap();

    redis.settle().await.unwrap();
    let tail_lost = async |cluster: &mut Cluster| {
        redis.cut_the_replica_off().await.unwrap();
        tokio::time::sleep(seconds(2)).await;
        redis.servers[0].kill().unwrap();
        // Otherwise nothing was tried: the new primary lacks what only the owners know.
        let told = async || Ok(cluster.hosts.iter().any(|(_, host)| host.log().contains(APPENDS_AGAIN)));
        until(FAIL_OVER, "an owner that appends again", told).await.unwrap();
    };
    trial.survives("Sentinel: 2 s of writes lost", Bounds::standstill(5), tail_lost).await;
    redis.restore().await.unwrap();

    redis.settle().await.unwrap();
    let both = async |cluster: &mut Cluster| {
        let owner = cluster.owner_of(ZONE).await.unwrap();
        redis.cut_the_replica_off().await.unwrap();
        tokio::time::sleep(seconds(2)).await;
        redis.servers[0].kill().unwrap();
        cluster.hosts[owner].1.kill().await.unwrap();
        until_another_owns(cluster, owner).await;
    };
    trial.survives("Sentinel: host and primary", Bounds { set_back: true, ..Bounds::standstill(10) }, both).await;
    trial.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_of_a_redis_cluster_fails_over() {
    let mut redis = RedisCluster::start(3, 1).await.unwrap();
    let cluster = Cluster::distributed_on(&redis.url()).await.unwrap();
    let mut trial = Trial::begin(cluster, &[]).await;
    let killed = async |_: &mut Cluster| redis.primaries[0].kill().unwrap();
    trial.survives("Cluster: primary kill -9", Bounds::standstill(5), killed).await;
    trial.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_an_hour_apart_change_nothing() {
    let faketime = libfaketime().expect("libfaketime is missing; type: sudo apt-get install -y libfaketime");
    let redis = RedisServer::start().await.unwrap();
    let around = |id: &str| {
        // Of real time alone; the steady clock stays as it is.
        let off = |by: &str| {
            let set = [("LD_PRELOAD", faketime.as_str()), ("FAKETIME", by), ("DONT_FAKE_MONOTONIC", "1")];
            set.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
        };
        let env = match id {
            "host-nyc" => off("+1h"),
            "gw-2" => off("-1h"),
            _ => Vec::new(),
        };
        Surroundings { env, ..Surroundings::default() }
    };
    let hosts = [("host-nyc", "nyc"), ("host-la", "la")];
    let mut cluster = Cluster::distributed_around(&redis.url(), hosts, around).await.unwrap();
    cluster.add_host("host-spare", "nyc", &redis.url()).await.unwrap();
    let off = |process: &Process| process.clock_off().unwrap().as_secs_f64() / 60.0;
    let [ahead, right, behind] = [&cluster.hosts[0].1, &cluster.hosts[1].1, &cluster.gateways[1].1];
    assert!((59.0..61.0).contains(&off(ahead)), "{} minutes", off(ahead));
    assert!(off(right) < 1.0 && (59.0..61.0).contains(&off(behind)), "{} and {} minutes", off(right), off(behind));

    let mut trial = Trial::begin(cluster, &[]).await;
    let killed = async |cluster: &mut Cluster| {
        assert_eq!(cluster.owner_of(ZONE).await.unwrap(), 0, "the host that is ahead");
        cluster.hosts[0].1.kill().await.unwrap();
        until_another_owns(cluster, 0).await;
        cluster.hosts[0].1.restart().unwrap();
        cluster.until_host_is_ready(0).await.unwrap();
    };
    trial.survives("clocks an hour off, host kill -9", Bounds::standstill(5), killed).await;
    trial.end().await;
}

fn libfaketime() -> Option<String> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    Some(files.into_iter().find(|file| file.exists())?.display().to_string())
}

/// A second host of the first one's region, which takes over at once: one of another region would wait five seconds more.
async fn with_a_spare_host(cluster: &mut Cluster) {
    let redis = cluster.redis.as_ref().unwrap().url();
    cluster.add_host("host-spare", "nyc", &redis).await.unwrap();
}

async fn until_another_owns(cluster: &Cluster, former: usize) {
    let taken = async || Ok(cluster.owner_of(ZONE).await? != former);
    until(FAIL_OVER, "another owner", taken).await.unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.logs()));
}
