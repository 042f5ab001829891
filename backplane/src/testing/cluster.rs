//! A Redis Cluster on loopback.

use std::io;

use super::{RedisServer, free_port, until};

const SLOTS: usize = 16384;
/// A primary that is silent for so long is replaced by a replica of its.
const NODE_TIMEOUT_MS: &str = "1000";

/// Primaries with an equal share of the slots each, and replicas of the first of them.
#[derive(Debug)]
pub struct RedisCluster {
    /// The primaries as they were started, in the order of their slots.
    pub primaries: Vec<RedisServer>,
    /// The first primary's replica, the second one's, and so on.
    pub replicas: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster, and returns when every node takes it for whole.
    ///
    /// # Errors
    /// When `redis-server` is not installed or something does not come up.
    pub async fn start(primaries: usize, replicas: usize) -> io::Result<Self> {
        let mut cluster = Self { primaries: Vec::new(), replicas: Vec::new() };
        for number in 0..primaries {
            let node = start_node().await?;
            let [first, last] = [number * SLOTS / primaries, (number + 1) * SLOTS / primaries - 1];
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await?;
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await?;
            cluster.primaries.push(node);
        }
        for _ in 0..replicas {
            cluster.replicas.push(start_node().await?);
        }
        for node in cluster.nodes() {
            let bus = node.command(&["CONFIG", "GET", "cluster-port"]).await?;
            let bus = bus.last().cloned().unwrap_or_default();
            let meet = ["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), &bus];
            cluster.primaries[0].command(&meet).await?;
        }
        for (primary, replica) in cluster.primaries.iter().zip(&cluster.replicas) {
            let id = id_of(primary).await?;
            // Refused until the replica has heard of it.
            let replicate = ["CLUSTER", "REPLICATE", &id];
            until("the replica has met its primary", async || replica.command(&replicate).await.is_ok()).await?;
        }
        cluster.until_whole().await?;
        Ok(cluster)
    }

    /// `redis+cluster://…`, of the primaries as they were started.
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.primaries.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    /// Kills every node, once its data is in its file, and starts it again.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn restart(&mut self) -> io::Result<()> {
        for node in self.primaries.iter_mut().chain(&mut self.replicas) {
            node.until_written().await?;
            node.kill()?;
        }
        for node in self.primaries.iter_mut().chain(&mut self.replicas) {
            node.restart().await?;
        }
        self.until_whole().await
    }

    /// Begins to move a slot from one primary to another: keys that are not there any more are asked for at the other.
    ///
    /// # Errors
    /// When a node is down.
    pub async fn begin_moving(&self, slot: u16, from: usize, to: usize) -> io::Result<()> {
        let (slot, source, target) = (slot.to_string(), &self.primaries[from], &self.primaries[to]);
        target.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id_of(source).await?]).await?;
        source.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id_of(target).await?]).await?;
        Ok(())
    }

    /// Moves the slot's keys, and then the slot.
    ///
    /// # Errors
    /// When a node is down.
    pub async fn finish_moving(&self, slot: u16, from: usize, to: usize) -> io::Result<()> {
        let (slot, source, target) = (slot.to_string(), &self.primaries[from], &self.primaries[to]);
        let port = target.port().to_string();
        for key in source.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]).await? {
            source.command(&["MIGRATE", "127.0.0.1", &port, &key, "0", "1000"]).await?;
        }
        let id = id_of(target).await?;
        target.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]).await?;
        source.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]).await?;
        Ok(())
    }

    fn nodes(&self) -> impl Iterator<Item = &RedisServer> {
        self.primaries.iter().chain(&self.replicas)
    }

    async fn until_whole(&self) -> io::Result<()> {
        until("every node takes the cluster for whole", async || {
            let count = self.nodes().count();
            for node in self.nodes() {
                if !node.says(&["CLUSTER", "INFO"], "cluster_state:ok").await
                    || !node.says(&["CLUSTER", "INFO"], &format!("cluster_known_nodes:{count}")).await
                {
                    return false;
                }
            }
            for replica in &self.replicas {
                if !replica.says(&["INFO"], "master_link_status:up").await {
                    return false;
                }
            }
            true
        })
        .await
    }
}

async fn start_node() -> io::Result<RedisServer> {
    let bus = free_port()?.to_string();
    let mut arguments = vec!["--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--cluster-enabled", "yes"];
    arguments.extend(["--cluster-port", &bus, "--cluster-node-timeout", NODE_TIMEOUT_MS]);
    RedisServer::start_with(&arguments).await
}

async fn id_of(node: &RedisServer) -> io::Result<String> {
    Ok(node.command(&["CLUSTER", "MYID"]).await?.swap_remove(0))
}
