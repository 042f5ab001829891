//! The connections to one Redis server and the task that keeps them up. What a new connection must pass is in [`dial`](super::dial).
//!
//! Why not the client library's own `ConnectionManager`: what must happen on every new connection (refuse a Redis that
//! forgets, load the functions, hold claims off) and what counts as lost (no answer to a PING in 1 s, a primary that
//! became a replica) is ours to decide. Nothing is ever sent twice by this module: a command whose connection breaks
//! fails, and whoever asked for it decides.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::address::NodeAddr;
use super::dial::{History, Target};
use super::functions::Functions;
use crate::error::{Error, Source};
use crate::types::{Durability, Health, RedisOptions};

/// An operation waits this long for a connection that is being rebuilt, so that callers who repeat do not spin.
pub(super) const RECONNECT_PATIENCE: Duration = Duration::from_millis(400);
/// A command must be answered within this time.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(1400);
/// A replica must confirm within this time.
const REPLICA_TIMEOUT: Duration = Duration::from_millis(500);
/// Waiting for the round to the replica before ours, and then for ours.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(1100);
/// How often the watchdog asks.
pub(super) const WATCHDOG_INTERVAL: Duration = Duration::from_millis(400);
/// How long the watchdog waits for the answer; with the interval, an outage shows within 1.4 s.
pub(super) const WATCHDOG_TIMEOUT: Duration = Duration::from_secs(1);
/// A whole attempt to connect, checks included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two attempts to connect.
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(200);

/// One set of connections, from one (re)connect to the next loss.
#[derive(Clone)]
pub(super) struct Connections {
    /// Tells this set from those before and after it.
    pub(super) generation: u64,
    /// When it came up.
    pub(super) since: Instant,
    /// Which server it leads to, where that is not always the same.
    pub(super) node: Option<NodeAddr>,
    /// Opens further connections to the same server.
    pub(super) client: Client,
    pub(super) history: History,
    /// Publishes and the watchdog: never behind anything slow.
    pub(super) bus: MultiplexedConnection,
    /// Everything that compares and writes. `WAIT` belongs to the connection that wrote.
    pub(super) store: MultiplexedConnection,
    /// Snapshots and blobs, which would hold up the others.
    pub(super) bulk: MultiplexedConnection,
    pub(super) replicas: Arc<Mutex<Confirmed>>,
}

/// Which connection a command takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lane {
    Bus,
    Store,
    Bulk,
}

/// What is shared by operations and the task that keeps the connections up.
pub(super) struct Link {
    pub(super) target: Target,
    pub(super) functions: Arc<Functions>,
    pub(super) options: RedisOptions,
    connections: watch::Sender<Option<Connections>>,
    health: watch::Sender<Health>,
    /// The generation of the connections that a command last found dead.
    suspected: watch::Sender<u64>,
    /// Of the whole backplane; it counts histories that may lack something.
    incarnation: Arc<watch::Sender<u64>>,
    /// The history of the last connections.
    known: parking_lot::Mutex<Option<History>>,
    /// Ends this link.
    pub(super) cancel: CancellationToken,
    /// Ends the backplane, and the link with it.
    closed: CancellationToken,
}

impl Link {
    /// Away, until somebody connects it and keeps it up.
    pub(super) fn new(
        target: Target,
        functions: Arc<Functions>,
        options: RedisOptions,
        incarnation: Arc<watch::Sender<u64>>,
        closed: &CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            target,
            functions,
            options,
            connections: watch::Sender::new(None),
            health: watch::Sender::new(Health::Away),
            suspected: watch::Sender::new(0),
            incarnation,
            known: parking_lot::Mutex::new(None),
            cancel: closed.child_token(),
            closed: closed.clone(),
        })
    }

    /// Connects for the first time, and says so when that fails.
    pub(super) async fn connect(&self) -> Result<(), Error> {
        self.set(Some(self.dial(1).await?));
        Ok(())
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// The connections as they come and go.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Connections>> {
        self.connections.subscribe()
    }

    /// Watches the connections and rebuilds them when they are lost, until cancelled.
    pub(super) async fn keep_up(&self) {
        let address = self.target.describe();
        let mut generation = 1;
        loop {
            if self.connections.borrow().is_none() {
                generation += 1;
                let Some(connections) = self.cancel.run_until_cancelled(self.redial(generation)).await else { break };
                tracing::info!(%address, "connected to Redis");
                self.set(Some(connections));
            }
            if self.cancel.run_until_cancelled(self.until_lost()).await.is_none() {
                break;
            }
            tracing::warn!(%address, "Redis is away");
            self.set(None);
        }
        self.set(None);
    }

    /// The current connections, waiting a little for new ones.
    pub(super) async fn connections(&self, operation: &'static str) -> Result<Connections, Error> {
        let mut connections = self.connections.subscribe();
        let up = timeout(RECONNECT_PATIENCE, connections.wait_for(Option::is_some)).await;
        let up = up.ok().and_then(|up| up.ok()?.clone());
        up.ok_or_else(|| self.absent(operation))
    }

    /// The current connections, if there are any right now.
    pub(super) fn connections_now(&self, operation: &'static str) -> Result<Connections, Error> {
        self.connections.borrow().clone().ok_or_else(|| self.absent(operation))
    }

    fn absent(&self, operation: &'static str) -> Error {
        match self.closed.is_cancelled() {
            true => Error::Closed { operation },
            false => Error::Away { operation, source: None },
        }
    }

    /// Sends one command. Any failure of the connection, and silence, is [`Error::Away`].
    pub(super) async fn send<T: FromRedisValue>(
        &self,
        operation: &'static str,
        connections: &Connections,
        lane: Lane,
        command: &Cmd,
    ) -> Result<Result<T, RedisError>, Error> {
        let mut connection = connections.lane(lane);
        let answer = timeout(ANSWER_TIMEOUT, command.query_async(&mut connection)).await;
        self.judge(operation, connections, answer)
    }

    /// [`Self::send`] to a node that a slot is just being moved to, and that must be told that we know.
    pub(super) async fn send_asking<T: FromRedisValue>(
        &self,
        operation: &'static str,
        connections: &Connections,
        lane: Lane,
        command: &Cmd,
    ) -> Result<Result<T, RedisError>, Error> {
        let mut connection = connections.lane(lane);
        let mut both = ::redis::pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        let answer = timeout(ANSWER_TIMEOUT, both.query_async(&mut connection)).await;
        let answer = answer.map(|answer| answer.map(|(answer,): (T,)| answer));
        self.judge(operation, connections, answer)
    }

    /// Waits until what was written over these connections is as durable as the options ask for.
    pub(super) async fn confirm(&self, operation: &'static str, connections: &Connections) -> Result<(), Error> {
        if self.options.durability != Durability::Replicated {
            return Ok(());
        }
        let confirmed = timeout(CONFIRM_TIMEOUT, self.confirmed_by_a_replica(operation, connections)).await;
        if matches!(confirmed, Ok(Ok(true))) { Ok(()) } else { Err(Error::NotReplicated { operation }) }
    }

    /// Writes that were answered before a WAIT is sent share it: one round to the replica at a time, however many zones.
    async fn confirmed_by_a_replica(&self, operation: &'static str, connections: &Connections) -> Result<bool, Error> {
        let written = Instant::now();
        let mut confirmed = connections.replicas.lock().await;
        if confirmed.asked.is_none_or(|asked| asked <= written) {
            let asked = Instant::now();
            let mut wait = ::redis::cmd("WAIT");
            wait.arg(1).arg(REPLICA_TIMEOUT.as_millis() as u64);
            let replicas: u64 = self
                .send(operation, connections, Lane::Store, &wait)
                .await?
                .map_err(|source| Error::store(operation, source))?;
            *confirmed = Confirmed { asked: Some(asked), by_a_replica: replicas >= 1 };
        }
        Ok(confirmed.by_a_replica)
    }

    fn judge<T>(
        &self,
        operation: &'static str,
        connections: &Connections,
        answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>,
    ) -> Result<Result<T, RedisError>, Error> {
        let (source, lost): (Source, bool) = match answer {
            Ok(Ok(value)) => return Ok(Ok(value)),
            Ok(Err(error)) => match Trouble::of(&error) {
                Trouble::Request => return Ok(Err(error)),
                Trouble::Server => (error.into(), false),
                Trouble::Connection => (error.into(), true),
            },
            Err(elapsed) => (elapsed.into(), true),
        };
        if lost {
            self.suspected.send_replace(connections.generation);
        }
        Err(Error::Away { operation, source: Some(source) })
    }

    fn set(&self, connections: Option<Connections>) {
        if let Some(Connections { history, .. }) = &connections {
            // Before any operation can see the new connections.
            let before = self.known.lock().replace(history.clone());
            if before.is_some_and(|before| before != *history) {
                self.incarnation.send_modify(|incarnation| *incarnation += 1);
            }
        }
        let health = if connections.is_some() { Health::Connected } else { Health::Away };
        self.connections.send_replace(connections);
        self.health.send_if_modified(|current| std::mem::replace(current, health) != health);
    }

    /// Returns when the current connections are of no use any more.
    async fn until_lost(&self) {
        let Some(connections) = self.connections.borrow().clone() else { return };
        let replaced = async {
            match (&self.target, &connections.node) {
                (Target::Primary(sentinels), Some(primary)) => sentinels.until_another_than(primary).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.until_silent(&connections) => {}
            () = replaced => {}
        }
    }

    async fn until_silent(&self, connections: &Connections) {
        let mut suspected = self.suspected.subscribe();
        loop {
            let suspicion = suspected.wait_for(|generation| *generation == connections.generation);
            // A suspicion needs no PING: another connection of the set is dead, or the server has become read-only.
            if timeout(WATCHDOG_INTERVAL, suspicion).await.is_ok() {
                return;
            }
            let mut bus = connections.bus.clone();
            let pong = timeout(WATCHDOG_TIMEOUT, ::redis::cmd("PING").exec_async(&mut bus)).await;
            if !matches!(pong, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Tries for as long as it takes.
    async fn redial(&self, generation: u64) -> Connections {
        let address = self.target.describe();
        let mut told = None;
        loop {
            match self.dial(generation).await {
                Ok(connections) => return connections,
                Err(error) => {
                    // Once for each kind of trouble, not five times a second.
                    let error = describe(&error);
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(%address, %error, "Redis can't be used");
                        told = Some(error);
                    }
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }
}

impl Connections {
    fn lane(&self, lane: Lane) -> MultiplexedConnection {
        match lane {
            Lane::Bus => self.bus.clone(),
            Lane::Store => self.store.clone(),
            Lane::Bulk => self.bulk.clone(),
        }
    }
}

/// The outcome of the last `WAIT`, good for every write that was answered before it was sent.
#[derive(Default)]
pub(super) struct Confirmed {
    asked: Option<Instant>,
    by_a_replica: bool,
}

/// What an error of the client library says about where the trouble is.
pub(super) enum Trouble {
    /// The request itself was refused.
    Request,
    /// The server takes no writes for now: disk full, out of memory, too few replicas, its cluster out of order.
    Server,
    /// This connection is of no use any more.
    Connection,
}

impl Trouble {
    pub(super) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(
                ServerErrorKind::BusyLoading | ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown,
            ) => Self::Connection,
            _ if error.is_io_error() || error.is_unrecoverable_error() => Self::Connection,
            _ if matches!(
                error.code(),
                Some("MISCONF" | "OOM" | "NOREPLICAS" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN")
            ) =>
            {
                Self::Server
            }
            _ => Self::Request,
        }
    }
}

/// The error with everything below it, in one line.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
