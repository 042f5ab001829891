//! Whatever dies, hangs or restarts: players stand still for a while, and nothing of theirs is lost or doubled. Each test breaks
//! one thing under a crowd of bots that check every promise, and prints one line: how long the longest standstill was that any
//! of them saw, and what was lost. `cargo xtask chaos` runs them with 500 bots; `WOD_CHAOS_BOTS` says how many.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]
#![allow(clippy::print_stdout, reason = "the figures are there to be looked at")]

use std::time::Duration;

use wod_backplane::testing::RedisSentinels;
use wod_tests::bots::Bots;
use wod_tests::cluster::Cluster;

/// Bots in the tests of every day.
const BOTS: usize = 100;
/// Life before something breaks, and after it is whole again.
const QUIET: Duration = Duration::from_secs(3);
const AFTERWARDS: Duration = Duration::from_secs(10);
/// What two cores that also run the bots add to a standstill.
const SLACK: Duration = Duration::from_secs(3);

const NOBODY: u64 = 0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_hosts_zones_go_on_elsewhere() {
    let mut trial = Trial::begin("host kill -9", with_a_spare_host().await).await;
    trial.cluster.hosts[0].1.kill().await.unwrap();
    trial.end(Duration::from_secs(5), NOBODY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_slept_past_its_lease_does_no_harm() {
    let trial = Trial::begin("host SIGSTOP 8 s, SIGCONT", with_a_spare_host().await).await;
    let host = &trial.cluster.hosts[0].1;
    host.pause().await.unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    host.resume().await.unwrap();
    trial.end(Duration::from_secs(5), NOBODY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_gateways_clients_go_on_at_another() {
    let mut trial = Trial::begin("gateway kill -9", Cluster::distributed().await.unwrap()).await;
    // The other one: maps come from the first.
    trial.cluster.gateways[1].1.kill().await.unwrap();
    let half = trial.bots_count as u64 / 2;
    trial.end(Duration::from_secs(5), half).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_away_for_two_seconds() {
    redis_is_away("Redis restarted after 2 s", Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_away_for_fifteen_seconds() {
    redis_is_away("Redis restarted after 15 s", Duration::from_secs(15)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_away_for_a_minute() {
    redis_is_away("Redis restarted after 60 s", Duration::from_secs(60)).await;
}

async fn redis_is_away(name: &'static str, down: Duration) {
    let mut trial = Trial::begin(name, Cluster::distributed().await.unwrap()).await;
    let redis = trial.cluster.redis.as_mut().unwrap();
    redis.kill().unwrap();
    tokio::time::sleep(down).await;
    redis.restart().await.unwrap();
    trial.end(down + Duration::from_secs(2), NOBODY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_primary_fails_over() {
    let mut redis = RedisSentinels::start().await.unwrap();
    let trial = Trial::begin("Sentinel: primary kill -9", Cluster::distributed_on(&redis.url()).await.unwrap()).await;
    redis.servers[0].kill().unwrap();
    trial.end(Duration::from_secs(5), NOBODY).await;
}

/// A second host of the first one's region, which takes over at once: one of another region would wait five seconds more.
async fn with_a_spare_host() -> Cluster {
    let mut cluster = Cluster::distributed().await.unwrap();
    let redis = cluster.redis.as_ref().unwrap().url();
    cluster.add_host("host-spare", "nyc", &redis).await.unwrap();
    cluster
}

/// A world with a crowd in it.
struct Trial {
    name: &'static str,
    cluster: Cluster,
    bots: Bots,
    bots_count: usize,
}

impl Trial {
    async fn begin(name: &'static str, cluster: Cluster) -> Self {
        let bots_count = match std::env::var("WOD_CHAOS_BOTS") {
            Ok(count) => count.parse().unwrap(),
            Err(_) => BOTS,
        };
        let bots = Bots::start(&cluster, bots_count).await;
        let bots = bots.unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.logs()));
        tokio::time::sleep(QUIET).await;
        Self { name, cluster, bots, bots_count }
    }

    /// What is broken is whole again, or will be by itself: lives on, prints, judges. `sockets`: how many players may have lost
    /// their connection.
    async fn end(self, standstill: Duration, sockets: u64) {
        tokio::time::sleep(AFTERWARDS).await;
        let found = self.bots.report().await.unwrap_or_else(|error| panic!("{error:#}\n{}", self.cluster.logs()));
        let [lost, doubled] = found.commands();
        let [said, heard] = found.lines();
        println!(
            "{:<28} {} bots ({:.0} neighbours each, {said} lines said, {heard} heard): standstill {:.2} s (goal {:.0}); commands {lost} lost, \
             {doubled} doubled; messages {} lost; sockets {} lost",
            self.name,
            self.bots_count,
            found.neighbours(),
            found.longest_gap().as_secs_f64(),
            standstill.as_secs_f64(),
            found.messages_lost(),
            found.sockets_lost(),
        );
        let logs = self.cluster.logs();
        assert_eq!(found.broken(), "", "{}: promises were broken\n{logs}", self.name);
        assert!(found.sockets_lost() <= sockets, "{}: {} sockets lost\n{logs}", self.name, found.sockets_lost());
        let gap = found.longest_gap();
        assert!(gap <= standstill + SLACK, "{}: a standstill of {gap:.2?}\n{logs}", self.name);
    }
}
