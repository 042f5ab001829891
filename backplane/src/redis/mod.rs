//! The Redis backend: one server, the primary that sentinels name, or a cluster. What compares before it writes is a function
//! that runs in Redis (`functions.lua`); the rest is plain commands. [`address`] says what a Redis is called, [`nodes`] where
//! a key's commands go, [`connection`] keeps one server's connections up, [`cluster`] the view of a cluster, [`pubsub`] the
//! inboxes. Every command and every call touches keys of one slot.

mod address;
mod cluster;
mod connection;
mod dial;
mod functions;
mod journal;
mod nodes;
mod ownership;
mod pubsub;
mod records;
mod sentinel;
mod slots;
mod snapshots;
mod values;

use std::sync::Arc;

use ::redis::FromRedisValue;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use wod_protocol::bus::Process;
use wod_protocol::ids::ZoneNo;

use crate::error::Error;
use crate::inbox::Inbox;
use crate::types::{Health, RedisOptions};
use connection::Lane;
use functions::{Call, Reply};
use nodes::{Answered, Nodes, Patience};

pub(crate) struct Redis {
    nodes: Nodes,
    keys: Keys,
    incarnation: Arc<watch::Sender<u64>>,
    cancel: CancellationToken,
    /// The keepers of connections and the inboxes' subscribers; they end when cancelled.
    tasks: TaskTracker,
    _cancel_on_drop: DropGuard,
}

impl Redis {
    pub(crate) async fn connect(url: &str, options: RedisOptions) -> Result<Self, Error> {
        let keys = Keys::new(&options.prefix)?;
        let cancel = CancellationToken::new();
        let cancel_on_drop = cancel.clone().drop_guard();
        let tasks = TaskTracker::new();
        let incarnation = Arc::new(watch::Sender::new(0));
        let nodes = Nodes::connect(url, options, incarnation.clone(), &cancel, &tasks).await?;
        Ok(Self { nodes, keys, incarnation, cancel, tasks, _cancel_on_drop: cancel_on_drop })
    }

    pub(crate) async fn close(&self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.nodes.health()
    }

    pub(crate) fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }

    pub(crate) async fn publish(&self, to: &Process, message: &[u8]) -> Result<(), Error> {
        const OPERATION: &str = "publish";
        let channel = self.keys.inbox(to);
        let mut command = ::redis::cmd("SPUBLISH");
        command.arg(&channel).arg(message);
        let sent: Answered<()> = self.nodes.send(OPERATION, &channel, Lane::Bus, &command, Patience::None).await?;
        sent.answer.map_err(|source| Error::store(OPERATION, source))
    }

    pub(crate) async fn subscribe(&self, me: &Process, capacity: usize) -> Result<Inbox, Error> {
        let channel = self.keys.inbox(me);
        pubsub::subscribe(self.nodes.clone(), channel, capacity, &self.cancel, &self.tasks).await
    }

    /// One command that reads, or whose loss does no harm. Its first argument is its key.
    async fn query<T: FromRedisValue>(
        &self,
        operation: &'static str,
        lane: Lane,
        command: Command,
    ) -> Result<T, Error> {
        let Command { key, command } = command;
        // On the heap, like calls: otherwise each operation's future, and all that it is part of, would hold it.
        let sent = Box::pin(self.nodes.send(operation, &key, lane, &command, Patience::Some)).await?;
        sent.answer.map_err(|source| Error::store(operation, source))
    }

    /// One command that writes something to be kept.
    async fn write<T: FromRedisValue>(&self, operation: &'static str, command: Command) -> Result<T, Error> {
        let Command { key, command } = command;
        let mut sent = Box::pin(self.nodes.send(operation, &key, Lane::Store, &command, Patience::Some)).await?;
        let answer = std::mem::replace(&mut sent.answer, Ok(::redis::Value::Nil));
        let answer = answer.map_err(|source| Error::store(operation, source))?;
        sent.confirm(operation).await?;
        T::from_redis_value(answer).map_err(|source| Error::store(operation, source))
    }

    /// A function that reads, or whose loss does no harm.
    async fn call(&self, operation: &'static str, call: Call) -> Result<Reply, Error> {
        Ok(Box::pin(self.call_over(operation, Lane::Store, call)).await?.0)
    }

    /// A function that writes something to be kept.
    async fn call_to_write(&self, operation: &'static str, call: Call) -> Result<Reply, Error> {
        let (reply, sent) = Box::pin(self.call_over(operation, Lane::Store, call)).await?;
        sent.confirm(operation).await?;
        Ok(reply)
    }

    async fn call_over(
        &self,
        operation: &'static str,
        lane: Lane,
        call: Call,
    ) -> Result<(Reply, Answered<Vec<::redis::Value>>), Error> {
        let Call { key, command } = call;
        let mut sent = self.nodes.send(operation, &key, lane, &command, Patience::Some).await?;
        if functions::is_missing(&sent.answer) {
            // Not found means not run: calling again is no repeat.
            let loaded = sent.send_again::<()>(operation, lane, &self.nodes.functions().load()).await?;
            loaded.map_err(|source| Error::store(operation, source))?;
            sent.answer = sent.send_again(operation, lane, &command).await?;
        }
        let answer = std::mem::replace(&mut sent.answer, Ok(Vec::new()));
        let reply = Reply::parse(operation, answer.map_err(|source| Error::store(operation, source))?)?;
        Ok((reply, sent))
    }
}

/// A plain command whose first argument is its only key.
struct Command {
    key: String,
    command: ::redis::Cmd,
}

impl Command {
    fn new(name: &'static str, key: String) -> Self {
        let mut command = ::redis::cmd(name);
        command.arg(&key);
        Self { key, command }
    }

    fn arg(mut self, argument: impl ::redis::ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
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

    /// Values, and an index of their names in the same slot.
    fn values(&self) -> [String; 2] {
        let values = format!("{}:values", self.prefix);
        let names = format!("{{{values}}}:names");
        [values, names]
    }
}
