//! Which server a key's commands go to: always the same one, or the primary of its slot.

use std::sync::Arc;

use ::redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::{Address, NodeAddr};
use super::cluster::Cluster;
use super::connection::{Connections, Lane, Link};
use super::dial::Target;
use super::functions::Functions;
use super::sentinel::Sentinels;
use super::slots::slot_of;
use crate::error::Error;
use crate::types::{Health, RedisOptions};

/// How often one command follows a MOVED or ASK.
const REDIRECTIONS: usize = 3;

/// All servers there are.
#[derive(Clone)]
pub(super) enum Nodes {
    One(Arc<Link>),
    Cluster(Arc<Cluster>),
}

/// An answer, and whom it is from.
pub(super) struct Answered<T> {
    pub(super) answer: Result<T, RedisError>,
    link: Arc<Link>,
    connections: Connections,
}

/// Whether an operation waits a little while its connection is being rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Some,
    None,
}

impl Nodes {
    /// Connects, and keeps what is connected up with `tasks` that end by `cancel`.
    pub(super) async fn connect(
        url: &str,
        options: RedisOptions,
        incarnation: Arc<watch::Sender<u64>>,
        cancel: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Self, Error> {
        let target = match Address::parse(url)? {
            Address::Server(client) => Target::Server(client),
            Address::Sentinels { sentinels, name, login } => {
                let sentinels = Sentinels::new(sentinels, name, login);
                Target::Primary(sentinels.map_err(|source| Error::store("read the Redis address", source))?)
            }
            Address::Cluster { seeds, login } => {
                let cluster = Cluster::connect(seeds, login, options, incarnation, cancel, tasks).await?;
                let kept_up = cluster.clone();
                tasks.spawn(async move { kept_up.keep_up().await });
                return Ok(Self::Cluster(cluster));
            }
        };
        let link = Link::new(target, Arc::new(Functions::new()), options, incarnation, cancel);
        link.connect().await?;
        let kept_up = link.clone();
        tasks.spawn(async move { kept_up.keep_up().await });
        Ok(Self::One(link))
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        match self {
            Self::One(link) => link.health(),
            Self::Cluster(cluster) => cluster.health(),
        }
    }

    pub(super) fn functions(&self) -> &Functions {
        match self {
            Self::One(link) => &link.functions,
            Self::Cluster(cluster) => cluster.functions(),
        }
    }

    /// The link that commands for this key take.
    pub(super) fn link(&self, operation: &'static str, key: &str) -> Result<Arc<Link>, Error> {
        match self {
            Self::One(link) => Ok(link.clone()),
            Self::Cluster(cluster) => cluster.link(operation, slot_of(key)),
        }
    }

    /// Sends one command to the primary of `key`, and where it sends us, as long as it has not run.
    pub(super) async fn send<T: FromRedisValue>(
        &self,
        operation: &'static str,
        key: &str,
        lane: Lane,
        command: &Cmd,
        patience: Patience,
    ) -> Result<Answered<T>, Error> {
        let mut link = self.link(operation, key)?;
        let mut asking = false;
        let mut redirections = 0;
        loop {
            let connections = match patience {
                Patience::Some => link.connections(operation).await?,
                Patience::None => link.connections_now(operation)?,
            };
            let answer = match asking {
                false => link.send(operation, &connections, lane, command).await?,
                true => link.send_asking(operation, &connections, lane, command).await?,
            };
            let redirected = answer.as_ref().err().and_then(|error| Redirected::by(error, connections.node.as_ref()?));
            match (self, redirected) {
                (Self::Cluster(cluster), Some(redirected)) if redirections < REDIRECTIONS => {
                    redirections += 1;
                    asking = matches!(redirected, Redirected::Ask(_));
                    link = match (redirected, &connections.node) {
                        (Redirected::Moved(to), Some(from)) => cluster.moved(operation, slot_of(key), from, to).await?,
                        (Redirected::Moved(to) | Redirected::Ask(to), _) => cluster.asked(operation, &to)?,
                    };
                }
                _ => return Ok(Answered { answer, link, connections }),
            }
        }
    }

    /// Returns when the key has another primary than these connections lead to.
    pub(super) async fn until_elsewhere(&self, key: &str, connections: &Connections) {
        let Some(node) = &connections.node else { return std::future::pending().await };
        match self {
            Self::Cluster(cluster) => cluster.until_served_elsewhere(slot_of(key), node).await,
            Self::One(link) => {
                let elsewhere = |now: &Option<Connections>| {
                    now.as_ref().and_then(|now| now.node.as_ref()).is_some_and(|now| now != node)
                };
                if link.watch().wait_for(elsewhere).await.is_err() {
                    std::future::pending().await // the link is gone, and its caller with it
                }
            }
        }
    }
}

impl<T> Answered<T> {
    /// Sends another command over the same connections.
    pub(super) async fn send_again<U: FromRedisValue>(
        &self,
        operation: &'static str,
        lane: Lane,
        command: &Cmd,
    ) -> Result<Result<U, RedisError>, Error> {
        self.link.send(operation, &self.connections, lane, command).await
    }

    /// Waits until what the command wrote is as durable as the options ask for.
    pub(super) async fn confirm(&self, operation: &'static str) -> Result<(), Error> {
        self.link.confirm(operation, &self.connections).await
    }
}

/// A cluster's refusal of a command that belongs to another node.
enum Redirected {
    /// The slot is that node's.
    Moved(NodeAddr),
    /// The key is not here any more: that node has it, or will.
    Ask(NodeAddr),
}

impl Redirected {
    fn by(error: &RedisError, asked: &NodeAddr) -> Option<Self> {
        let (node, _) = error.redirect_node()?;
        let node = NodeAddr::redirected(node, asked)?;
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => Some(Self::Moved(node)),
            ErrorKind::Server(ServerErrorKind::Ask) => Some(Self::Ask(node)),
            _ => None,
        }
    }
}
