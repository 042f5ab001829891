//! The Redis backend. What compares before it writes is a function that runs in Redis (`functions.lua`); the rest is plain
//! commands. [`connection`] keeps the connections up, [`pubsub`] the inboxes.

mod connection;
mod functions;
mod journal;
mod ownership;
mod pubsub;
mod records;
mod snapshots;

use std::sync::Arc;

use ::redis::{Cmd, FromRedisValue};
use tokio::sync::watch;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;
use wod_protocol::bus::Process;
use wod_protocol::ids::ZoneNo;

use crate::error::Error;
use crate::inbox::Inbox;
use crate::types::{Health, RedisOptions};
use connection::{Lane, Link};
use functions::Reply;

pub(crate) struct Redis {
    link: Arc<Link>,
    keys: Keys,
    /// The link's keeper and the inboxes' subscribers; they end when the link is cancelled.
    tasks: TaskTracker,
    _cancel_on_drop: DropGuard,
}

impl Redis {
    pub(crate) async fn connect(url: &str, options: RedisOptions) -> Result<Self, Error> {
        let keys = Keys::new(&options.prefix)?;
        let link = Link::connect(url, options).await?;
        let tasks = TaskTracker::new();
        let kept_up = link.clone();
        tasks.spawn(async move { kept_up.keep_up().await });
        Ok(Self { _cancel_on_drop: link.cancel.clone().drop_guard(), link, keys, tasks })
    }

    pub(crate) async fn close(&self) {
        self.link.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.link.health()
    }

    /// Plain PUBLISH, which every node of a cluster would see; the one place to change when the bus gets sharded.
    pub(crate) async fn publish(&self, to: &Process, message: &[u8]) -> Result<(), Error> {
        const OPERATION: &str = "publish";
        let connections = self.link.connections_now(OPERATION)?;
        let mut command = ::redis::cmd("PUBLISH");
        command.arg(self.keys.inbox(to)).arg(message);
        let answer = self.link.send::<()>(OPERATION, &connections, Lane::Bus, &command).await?;
        answer.map_err(|source| Error::store(OPERATION, source))
    }

    pub(crate) async fn subscribe(&self, me: &Process, capacity: usize) -> Result<Inbox, Error> {
        let channel = self.keys.inbox(me);
        pubsub::subscribe(self.link.client.clone(), channel, capacity, &self.link.cancel, &self.tasks).await
    }

    /// One command that reads, or whose loss does no harm.
    async fn query<T: FromRedisValue>(&self, operation: &'static str, lane: Lane, command: &Cmd) -> Result<T, Error> {
        let connections = self.link.connections(operation).await?;
        let answer = self.link.send(operation, &connections, lane, command).await?;
        answer.map_err(|source| Error::store(operation, source))
    }

    /// One command that writes something to be kept.
    async fn write<T: FromRedisValue>(&self, operation: &'static str, command: &Cmd) -> Result<T, Error> {
        let connections = self.link.connections(operation).await?;
        let answer = self.link.send(operation, &connections, Lane::Store, command).await?;
        let answer = answer.map_err(|source| Error::store(operation, source))?;
        self.link.confirm(operation, &connections).await?;
        Ok(answer)
    }

    /// A function that reads, or whose loss does no harm.
    async fn call(&self, operation: &'static str, command: &Cmd) -> Result<Reply, Error> {
        let connections = self.link.connections(operation).await?;
        self.call_on(&connections, operation, command).await
    }

    /// A function that writes something to be kept.
    async fn call_to_write(&self, operation: &'static str, command: &Cmd) -> Result<Reply, Error> {
        let connections = self.link.connections(operation).await?;
        let reply = self.call_on(&connections, operation, command).await?;
        self.link.confirm(operation, &connections).await?;
        Ok(reply)
    }

    async fn call_on(
        &self,
        connections: &connection::Connections,
        operation: &'static str,
        command: &Cmd,
    ) -> Result<Reply, Error> {
        let mut answer = self.link.send::<Vec<::redis::Value>>(operation, connections, Lane::Store, command).await?;
        if functions::is_missing(&answer) {
            // Not found means not run: calling again is no repeat.
            let load = self.link.functions.load();
            let loaded = self.link.send::<()>(operation, connections, Lane::Store, &load).await?;
            loaded.map_err(|source| Error::store(operation, source))?;
            answer = self.link.send(operation, connections, Lane::Store, command).await?;
        }
        Reply::parse(operation, answer.map_err(|source| Error::store(operation, source))?)
    }
}

/// Names of keys and channels. Braces mark what Redis Cluster hashes: everything of a zone lies in one slot.
struct Keys {
    prefix: String,
}

impl Keys {
    fn new(prefix: &str) -> Result<Self, Error> {
        if prefix.is_empty() || prefix.contains(['{', '}']) {
            return Err(Error::store("read the Redis options", "the prefix must not be empty or contain braces"));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    fn inbox(&self, process: &Process) -> String {
        format!("{}:inbox:{process}", self.prefix)
    }

    fn zone(&self, zone: ZoneNo) -> String {
        format!("{{{}:z:{zone}}}", self.prefix)
    }

    fn journal(&self, zone: ZoneNo) -> String {
        format!("{{{}:z:{zone}}}:journal", self.prefix)
    }

    fn snapshot(&self, zone: ZoneNo, upload: u64) -> String {
        format!("{{{}:z:{zone}}}:snapshot:{upload}", self.prefix)
    }

    fn named(&self, what: &str, name: &str) -> String {
        format!("{}:{what}:{name}", self.prefix)
    }

    fn beats(&self, kind: &str) -> [String; 2] {
        let expiries = format!("{{{}:beats:{kind}}}", self.prefix);
        let bodies = format!("{expiries}:bodies");
        [expiries, bodies]
    }

    fn values(&self) -> String {
        format!("{}:values", self.prefix)
    }
}
