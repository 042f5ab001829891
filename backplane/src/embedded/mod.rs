//! The in-process backend: inboxes are queues in memory, everything that lasts is in one `redb` file.
//!
//! Writes go through the [`commit`] thread, which puts all that are waiting into one transaction and syncs once. Leases are
//! decided in memory (there is one process, so that is the truth) and written down whenever their owner or epoch changes.

mod commit;
mod journal;
mod ownership;
mod records;
mod snapshots;
mod tables;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use redb::{Database, ReadTransaction, WriteTransaction};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use wod_protocol::bus::Process;

use crate::error::Error;
use crate::inbox::{Inbox, InboxQueue};
use crate::types::Health;
use commit::{CommitQueue, Failure};
use ownership::Leases;

/// File name within the data directory.
const FILE: &str = "world.redb";
/// Pages that redb keeps in memory, bytes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

pub(crate) struct Embedded {
    store: Arc<Store>,
    commits: CommitQueue,
    leases: Arc<Leases>,
    inboxes: Mutex<HashMap<Process, Vec<Weak<InboxQueue>>>>,
    beats: Mutex<BTreeMap<(String, String), Beat>>,
    incarnation: watch::Sender<u64>,
}

/// What the commit thread and readers share.
struct Store {
    /// None once closed: the file is free then.
    database: RwLock<Option<Database>>,
    health: watch::Sender<Health>,
}

struct Beat {
    body: Bytes,
    expires: Instant,
}

impl Embedded {
    /// Opens the data directory, creating it when it is missing; none: in memory.
    pub(crate) async fn open(dir: Option<&Path>) -> Result<Self, Error> {
        const OPERATION: &str = "open the data directory";
        let dir = dir.map(Path::to_owned);
        let opened = tokio::task::spawn_blocking(move || {
            let database = open_database(dir.as_deref())?;
            let leases = tables::prepare(&database).map_err(|failure| failure.named(OPERATION))?;
            Ok::<_, Error>((database, leases))
        });
        let (database, leases) = opened.await.map_err(|panic| Error::store(OPERATION, panic))??;
        let store =
            Arc::new(Store { database: RwLock::new(Some(database)), health: watch::Sender::new(Health::Connected) });
        let commits = CommitQueue::start(store.clone()).map_err(|source| Error::store(OPERATION, source))?;
        Ok(Self {
            store,
            commits,
            leases: Arc::new(Leases::new(leases, Instant::now())),
            inboxes: Mutex::default(),
            beats: Mutex::default(),
            incarnation: watch::Sender::new(0),
        })
    }

    /// Waits for what is being written, then frees the file. Everything after that is refused.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.commits.close().await?;
        for queue in self.inboxes.lock().drain().flat_map(|(_, queues)| queues) {
            if let Some(queue) = queue.upgrade() {
                queue.close();
            }
        }
        Ok(())
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.store.health.subscribe()
    }

    /// Never changes: what was acknowledged is synced.
    pub(crate) fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }

    pub(crate) fn publish(&self, to: &Process, message: Bytes) {
        let mut inboxes = self.inboxes.lock();
        let Some(queues) = inboxes.get_mut(to) else { return };
        queues.retain(|queue| match queue.upgrade() {
            Some(queue) => {
                queue.push(message.clone());
                true
            }
            None => false,
        });
        if queues.is_empty() {
            inboxes.remove(to);
        }
    }

    pub(crate) fn subscribe(&self, me: &Process, capacity: usize) -> Inbox {
        let queue = InboxQueue::new(capacity);
        self.inboxes.lock().entry(me.clone()).or_default().push(Arc::downgrade(&queue));
        Inbox::new(queue, None)
    }

    pub(crate) fn beat(&self, kind: &str, id: &str, body: Bytes, ttl: Duration) {
        let beat = Beat { body, expires: Instant::now() + ttl };
        self.beats.lock().insert((kind.to_owned(), id.to_owned()), beat);
    }

    pub(crate) fn beats(&self, kind: &str) -> Vec<(String, Bytes)> {
        let now = Instant::now();
        let mut beats = self.beats.lock();
        beats.retain(|_, beat| beat.expires > now);
        let of_kind = beats.iter().filter(|((of, _), _)| of == kind);
        of_kind.map(|((_, id), beat)| (id.clone(), beat.body.clone())).collect()
    }

    pub(crate) fn end_beat(&self, kind: &str, id: &str) {
        self.beats.lock().remove(&(kind.to_owned(), id.to_owned()));
    }

    /// Runs `write` in the next commit and answers once it is synced.
    async fn write<T, F>(&self, operation: &'static str, write: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction) -> Result<T, Failure> + Send + 'static,
    {
        self.commits.write(operation, write).await
    }

    /// Runs `read` on a snapshot of everything committed, off the async threads.
    async fn read<T, F>(&self, operation: &'static str, read: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, Failure> + Send + 'static,
    {
        let store = self.store.clone();
        let (result_tx, result_rx) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            // Nobody waits any more when the caller was cancelled; then the result is of no use.
            let _ = result_tx.send(store.read(operation, read));
        });
        result_rx.await.map_err(|_| Error::Closed { operation })?
    }
}

impl Store {
    fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        use redb::ReadableDatabase as _;
        let database = self.database.read();
        let database = database.as_ref().ok_or(Error::Closed { operation })?;
        let transaction = database.begin_read().map_err(|source| Error::store(operation, source))?;
        read(&transaction).map_err(|failure| failure.named(operation))
    }
}

fn open_database(dir: Option<&Path>) -> Result<Database, Error> {
    const OPERATION: &str = "open the data directory";
    let mut builder = redb::Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    let Some(dir) = dir else {
        let memory = redb::backends::InMemoryBackend::new();
        return builder.create_with_backend(memory).map_err(|source| Error::store(OPERATION, source));
    };
    std::fs::create_dir_all(dir).map_err(|source| Error::store(OPERATION, source))?;
    let path = dir.join(FILE);
    let database = builder.create(&path).map_err(|source| match source {
        redb::DatabaseError::DatabaseAlreadyOpen => Error::InUse { path },
        other => Error::store(OPERATION, other),
    })?;
    // A file is as durable as its name in the directory.
    let named = std::fs::File::open(dir).and_then(|dir| dir.sync_all());
    named.map_err(|source| Error::store(OPERATION, source))?;
    Ok(database)
}
