//! A primary, its replica, and three sentinels that watch over them.

use std::io;

use super::{RedisServer, until};

/// What the sentinels call the primary.
const NAME: &str = "world";
const SENTINELS: usize = 3;

/// Everything that a fail-over needs. The sentinels act when the primary has been silent for a second.
#[derive(Debug)]
pub struct RedisSentinels {
    /// The primary and the replica as they were started.
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
        let replica = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &port];
        let replica = RedisServer::start_with(&replica).await?;
        // Sentinels look for replicas only every ten seconds: this one must be there when they begin.
        let synchronised = "master_link_status:up";
        until("the replica has the primary's data", async || replica.says(&["INFO"], synchronised).await).await?;
        let configuration = format!(
            "sentinel monitor {NAME} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 3000\n"
        );
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            sentinels.push(RedisServer::start_configured(&["--sentinel"], &configuration).await?);
        }
        let started = Self { servers: [primary, replica], sentinels };
        until("the sentinels know everybody", async || started.is_ready().await).await?;
        Ok(started)
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

    async fn is_ready(&self) -> bool {
        for sentinel in &self.sentinels {
            let facts = sentinel.command(&["SENTINEL", "MASTER", NAME]).await.unwrap_or_default();
            let has = |name: &str, value: &str| facts.chunks_exact(2).any(|fact| fact[0] == name && fact[1] == value);
            if !has("num-slaves", "1") || !has("num-other-sentinels", &(SENTINELS - 1).to_string()) {
                return false;
            }
        }
        true
    }
}
