//! What happens on every new set of connections: find the server, refuse one that would forget or takes no writes, see
//! whether its history is still the one we know, load the functions.

use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::time::{Instant, timeout};

use super::address::NodeAddr;
use super::connection::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, Connections, Link, Trouble};
use super::sentinel::Sentinels;
use crate::error::{Error, Source};
use crate::types::Durability;

/// The first Redis with functions.
const OLDEST_MAJOR: u32 = 7;
/// Commands of a connection that may wait to be written.
const PIPELINE: usize = 256;

/// Which server a link leads to.
pub(super) enum Target {
    /// Always this one.
    Server(Client),
    /// This node of a cluster.
    Node(NodeAddr, Client),
    /// Whoever is the primary when it is asked.
    Primary(Sentinels),
}

/// Where a server's data comes from. While it stays the same, nothing that was acknowledged is missing. It changes when the
/// process starts again (its file may lack the last moments) and when a replica becomes the primary (it may lack what
/// had not reached it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    run: String,
    replication: String,
}

impl Target {
    /// What logs call it; without credentials.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Server(client) => client.get_connection_info().addr().to_string(),
            Self::Node(node, _) => node.to_string(),
            Self::Primary(sentinels) => sentinels.describe(),
        }
    }

    async fn find(&self) -> Result<(Option<NodeAddr>, Client), Source> {
        Ok(match self {
            Self::Server(client) => (None, client.clone()),
            Self::Node(node, client) => (Some(node.clone()), client.clone()),
            Self::Primary(sentinels) => {
                let (node, client) = sentinels.primary().await?;
                (Some(node), client)
            }
        })
    }
}

impl Link {
    /// Connects, refuses a Redis that would forget, and loads the functions.
    pub(super) async fn dial(&self, generation: u64) -> Result<Connections, Error> {
        const OPERATION: &str = "connect to Redis";
        let away = |source: Source| Error::Away { operation: OPERATION, source: Some(source) };
        let failed = |error: RedisError| match Trouble::of(&error) {
            Trouble::Request => Error::store(OPERATION, error),
            Trouble::Server | Trouble::Connection => away(error.into()),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_pipeline_buffer_size(PIPELINE);
        let connect = async {
            let (node, client) = self.target.find().await.map_err(away)?;
            let one = || client.get_multiplexed_async_connection_with_config(&config);
            let (bus, mut store, bulk) = tokio::try_join!(one(), one(), one()).map_err(failed)?;
            let history = self.check_server(&mut store).await?;
            self.functions.load().exec_async(&mut store).await.map_err(failed)?;
            let since = Instant::now();
            let replicas = Arc::default();
            Ok(Connections { generation, since, node, client: client.clone(), history, bus, store, bulk, replicas })
        };
        timeout(CONNECT_TIMEOUT, connect).await.map_err(|elapsed| away(elapsed.into()))?
    }

    async fn check_server(&self, store: &mut MultiplexedConnection) -> Result<History, Error> {
        const OPERATION: &str = "check Redis";
        let away = |error: RedisError| Error::Away { operation: OPERATION, source: Some(error.into()) };
        let refuse = |problem, advice| Err(Error::NotPersistent { address: self.target.describe(), problem, advice });

        let info: String = ::redis::cmd("INFO").query_async(store).await.map_err(away)?;
        let says = |line: &str| info.lines().any(|said| said.starts_with(line));
        let fact = |name: &str| {
            let said = info.lines().find_map(|line| line.strip_prefix(name));
            said.ok_or_else(|| Error::store(OPERATION, format!("this Redis does not tell its {name} in INFO")))
        };
        let version = fact("redis_version:")?;
        if version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|major: u32| major < OLDEST_MAJOR)
        {
            return Err(Error::store(
                OPERATION,
                format!("this is Redis {version}; functions need {OLDEST_MAJOR} or newer"),
            ));
        }
        match (&self.target, says("cluster_enabled:1")) {
            (Target::Node(..), true) | (Target::Server(_) | Target::Primary(_), false) => {}
            (Target::Node(..), false) => return Err(Error::store(OPERATION, "this Redis is no node of a cluster")),
            (Target::Server(_) | Target::Primary(_), true) => {
                let advice = "this Redis is a node of a cluster: give its address as redis+cluster://HOST:PORT";
                return Err(Error::store(OPERATION, advice));
            }
        }
        if says("role:slave") {
            let source = "this Redis is a replica and takes no writes".into();
            return Err(Error::Away { operation: OPERATION, source: Some(source) });
        }
        if says("loading:1") {
            // It does not say yet what it will keep.
            let source = "this Redis is still loading its file".into();
            return Err(Error::Away { operation: OPERATION, source: Some(source) });
        }
        let history = History { run: fact("run_id:")?.into(), replication: fact("master_replid:")?.into() };
        if self.options.allow_no_persistence {
            return Ok(history);
        }
        if !says("aof_enabled:1") {
            return refuse(
                "keeps no append-only file, so a restart of it would lose the world",
                "Start it with `--appendonly yes`, or allow it with `allow_no_persistence` if nothing matters",
            );
        }
        if says("maxmemory_policy:allkeys") && !says("maxmemory:0") {
            return refuse(
                "throws keys away when memory gets short, whichever they are",
                "Start it with `--maxmemory-policy noeviction`",
            );
        }
        if self.options.durability == Durability::Fsync {
            let mut config = ::redis::cmd("CONFIG");
            config.arg("GET").arg("appendfsync");
            let setting: Vec<String> = config.query_async(store).await.map_err(away)?;
            if setting.last().is_none_or(|setting| setting != "always") {
                return refuse(
                    "does not sync every write, which durability `fsync` needs",
                    "Start it with `--appendfsync always`, or choose durability `process`",
                );
            }
        }
        Ok(history)
    }
}
