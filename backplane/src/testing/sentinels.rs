//! A primary, its replica, and three sentinels that watch over them.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::{RedisServer, until};

/// What the sentinels call the primary.
const NAME: &str = "world";
const SENTINELS: usize = 3;
/// How often they are asked: each time it is a dozen new connections.
const LOOK: Duration = Duration::from_millis(200);
/// They look for replicas every ten seconds, and put right what they find after some more.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(45);

/// Everything that a fail-over needs. The sentinels act when the primary has been silent for a second.
#[derive(Debug)]
pub struct RedisSentinels {
    /// The primary and the replica.
    pub servers: [RedisServer; 2],
    /// Those who watch.
    pub sentinels: Vec<RedisServer>,
}

impl RedisSentinels {
    /// Starts all of them, and returns when a fail-over is possible.
    ///
    /// # Errors
    /// When `redis-server` is not installed or something does not come up.
    pub async fn start() -> io::Result<Self> {
        let primary = RedisServer::start().await?;
        let port = primary.port().to_string();
        let replica = RedisServer::start_with(&replica_of(&port)).await?;
        // Sentinels look for replicas only every ten seconds: this one must be there when they begin.
        until_synchronised(&replica).await?;
        let configuration = format!(
            "sentinel monitor {NAME} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 3000\n"
        );
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            sentinels.push(RedisServer::start_configured(&["--sentinel"], &configuration).await?);
        }
        let mut started = Self { servers: [primary, replica], sentinels };
        started.settle().await?;
        Ok(started)
    }

    /// Returns when a fail-over is possible, with whoever is the primary by then first: on a machine with much else to do the sentinels
    /// take a primary for dead that is only slow.
    ///
    /// # Errors
    /// When they don't agree on one, or something is down.
    pub async fn settle(&mut self) -> io::Result<()> {
        let agree = async || {
            while !self.is_ready(0).await && !self.is_ready(1).await {
                tokio::time::sleep(LOOK).await;
            }
            self.is_ready(1).await
        };
        let turned = timeout(SETTLE_TIMEOUT, agree()).await;
        if turned.map_err(|_| io::Error::other("not in time: the sentinels know everybody"))? {
            self.servers.swap(0, 1);
        }
        Ok(())
    }

    /// `redis+sentinel://…/world`.
    pub fn url(&self) -> String {
        let sentinels: Vec<String> = self.sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port())).collect();
        format!("redis+sentinel://{}/{NAME}", sentinels.join(","))
    }

    /// From here on the replica gets nothing of what the primary is told, and would take over without it.
    ///
    /// # Errors
    /// When the replica is down.
    pub async fn cut_the_replica_off(&self) -> io::Result<()> {
        // The sentinels would put that right after eight seconds.
        self.servers[1].command(&["REPLICAOF", "127.0.0.1", "1"]).await?;
        Ok(())
    }

    /// After a fail-over: what was the primary comes back as the replica of what is, and the next fail-over is possible.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn restore(&mut self) -> io::Result<()> {
        self.servers.swap(0, 1);
        let [primary, replica] = &mut self.servers;
        let port = primary.port().to_string();
        replica.arguments = replica_of(&port).map(str::to_owned).to_vec();
        replica.restart().await?;
        until_synchronised(replica).await?;
        self.settle().await
    }

    /// Whether a fail-over from that one of the servers is possible.
    async fn is_ready(&self, primary: usize) -> bool {
        let port = self.servers[primary].port().to_string();
        for sentinel in &self.sentinels {
            let primary: BTreeMap<String, String> =
                sentinel.ask(&["SENTINEL", "MASTER", NAME]).await.unwrap_or_default();
            let replicas: Vec<BTreeMap<String, String>> =
                sentinel.ask(&["SENTINEL", "REPLICAS", NAME]).await.unwrap_or_default();
            let has = |facts: &BTreeMap<String, String>, name: &str, value: &str| {
                facts.get(name).is_some_and(|fact| fact == value)
            };
            let knows_primary = has(&primary, "port", &port)
                && has(&primary, "flags", "master")
                && has(&primary, "num-other-sentinels", &(SENTINELS - 1).to_string());
            if !knows_primary || replicas.len() != 1 || !has(&replicas[0], "flags", "slave") {
                return false;
            }
        }
        true
    }
}

fn replica_of(port: &str) -> [&str; 7] {
    ["--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", port]
}

async fn until_synchronised(replica: &RedisServer) -> io::Result<()> {
    until("the replica has the primary's data", async || replica.says(&["INFO"], "master_link_status:up").await).await
}
