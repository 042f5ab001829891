//! The connections to Redis and the task that keeps them up.
//!
//! Why not the client library's own `ConnectionManager`: what must happen on every new connection (refuse a Redis that
//! forgets, load the functions, hold claims off) and what counts as lost (no answer to a PING in 1 s, a primary that
//! became a replica) is ours to decide. Nothing is ever sent twice by this module: a command whose connection breaks
//! fails, and whoever asked for it decides.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::functions::Functions;
use crate::error::{Error, Source};
use crate::types::{Durability, Health, RedisOptions};

/// An operation waits this long for a connection that is being rebuilt, so that callers who repeat do not spin.
const RECONNECT_PATIENCE: Duration = Duration::from_millis(400);
/// A command must be answered within this time.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1400);
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
/// The first Redis with functions.
const OLDEST_MAJOR: u32 = 7;
/// Commands of a connection that may wait to be written.
const PIPELINE: usize = 256;

/// One set of connections, from one (re)connect to the next loss.
#[derive(Clone)]
pub(super) struct Connections {
    /// Tells this set from those before and after it.
    generation: u64,
    /// When it came up.
    pub(super) since: Instant,
    /// Publishes and the watchdog: never behind anything slow.
    bus: MultiplexedConnection,
    /// Everything that compares and writes. `WAIT` belongs to the connection that wrote.
    store: MultiplexedConnection,
    /// Snapshots and blobs, which would hold up the others.
    bulk: MultiplexedConnection,
    replicas: Arc<Mutex<Confirmed>>,
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
    pub(super) client: Client,
    pub(super) functions: Functions,
    options: RedisOptions,
    connections: watch::Sender<Option<Connections>>,
    health: watch::Sender<Health>,
    /// The generation of the connections that a command last found dead.
    suspected: watch::Sender<u64>,
    /// Ends everything that was started for this link.
    pub(super) cancel: CancellationToken,
}

impl Link {
    /// Connects for the first time.
    pub(super) async fn connect(url: &str, options: RedisOptions) -> Result<Arc<Self>, Error> {
        let client = Client::open(url).map_err(|source| Error::store("read the Redis address", source))?;
        let link = Self {
            client,
            functions: Functions::new(),
            options,
            connections: watch::Sender::new(None),
            health: watch::Sender::new(Health::Away),
            suspected: watch::Sender::new(0),
            cancel: CancellationToken::new(),
        };
        let connections = link.dial(1).await?;
        link.set(Some(connections));
        Ok(Arc::new(link))
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Watches the connections and rebuilds them when they are lost, until cancelled.
    pub(super) async fn keep_up(&self) {
        let mut generation = 1;
        while self.cancel.run_until_cancelled(self.until_lost()).await.is_some() {
            tracing::warn!(address = %self.address(), "Redis is away");
            self.set(None);
            generation += 1;
            let Some(connections) = self.cancel.run_until_cancelled(self.redial(generation)).await else { break };
            tracing::info!(address = %self.address(), "Redis is back");
            self.set(Some(connections));
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
        match self.cancel.is_cancelled() {
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

    /// Sends several commands at once; otherwise like [`Self::send`].
    pub(super) async fn send_all<T: FromRedisValue>(
        &self,
        operation: &'static str,
        connections: &Connections,
        lane: Lane,
        commands: &Pipeline,
    ) -> Result<Result<T, RedisError>, Error> {
        let mut connection = connections.lane(lane);
        let answer = timeout(ANSWER_TIMEOUT, commands.query_async(&mut connection)).await;
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
        let health = if connections.is_some() { Health::Connected } else { Health::Away };
        self.connections.send_replace(connections);
        self.health.send_if_modified(|current| std::mem::replace(current, health) != health);
    }

    /// Returns when the current connections are of no use any more.
    async fn until_lost(&self) {
        let Some(connections) = self.connections.borrow().clone() else { return };
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
        let mut told = None;
        loop {
            match self.dial(generation).await {
                Ok(connections) => return connections,
                Err(error) => {
                    // Once for each kind of trouble, not five times a second.
                    let error = describe(&error);
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(address = %self.address(), %error, "Redis can't be used");
                        told = Some(error);
                    }
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Connects, refuses a Redis that would forget, and loads the functions.
    async fn dial(&self, generation: u64) -> Result<Connections, Error> {
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
            let one = || self.client.get_multiplexed_async_connection_with_config(&config);
            let (bus, mut store, bulk) = tokio::try_join!(one(), one(), one()).map_err(failed)?;
            self.check_server(&mut store).await?;
            self.functions.load().exec_async(&mut store).await.map_err(failed)?;
            let replicas = Arc::default();
            Ok(Connections { generation, since: Instant::now(), bus, store, bulk, replicas })
        };
        timeout(CONNECT_TIMEOUT, connect).await.map_err(|elapsed| away(elapsed.into()))?
    }

    async fn check_server(&self, store: &mut MultiplexedConnection) -> Result<(), Error> {
        const OPERATION: &str = "check Redis";
        let away = |error: RedisError| Error::Away { operation: OPERATION, source: Some(error.into()) };
        let refuse = |problem, advice| Err(Error::NotPersistent { address: self.address(), problem, advice });

        let info: String = ::redis::cmd("INFO").query_async(store).await.map_err(away)?;
        let says = |line: &str| info.lines().any(|said| said.starts_with(line));
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or_default();
        if version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|major: u32| major < OLDEST_MAJOR)
        {
            return Err(Error::store(
                OPERATION,
                format!("this is Redis {version}; functions need {OLDEST_MAJOR} or newer"),
            ));
        }
        if says("role:slave") {
            let source = "this Redis is a replica and takes no writes".into();
            return Err(Error::Away { operation: OPERATION, source: Some(source) });
        }
        if self.options.allow_no_persistence {
            return Ok(());
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
        Ok(())
    }

    /// Host and port, without credentials.
    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
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
struct Confirmed {
    asked: Option<Instant>,
    by_a_replica: bool,
}

/// What an error of the client library says about where the trouble is.
enum Trouble {
    /// The request itself was refused.
    Request,
    /// The server takes no writes for now: disk full, out of memory, too few replicas.
    Server,
    /// This connection is of no use any more.
    Connection,
}

impl Trouble {
    fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown,
            ) => Self::Connection,
            _ if error.is_io_error() || error.is_unrecoverable_error() => Self::Connection,
            _ if matches!(error.code(), Some("MISCONF" | "OOM" | "NOREPLICAS" | "BUSY" | "TRYAGAIN")) => Self::Server,
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
