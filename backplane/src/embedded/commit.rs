//! Group commit: one thread takes every write that is waiting, applies them in order in one transaction, syncs once, then
//! answers them all. While it syncs, the next group gathers; so the sync rate follows the disk, not the number of zones.

use std::sync::Arc;

use redb::WriteTransaction;
use tokio::sync::{mpsc, oneshot};

use super::Store;
use crate::error::Error;
use crate::types::Health;

/// Writes that may wait; beyond it callers wait for room.
const QUEUE: usize = 1024;
/// Most writes in one transaction, so that none waits behind an endless one.
const GROUP: usize = 256;

/// The way to the commit thread. The thread ends when this is dropped, or closed.
pub(super) struct CommitQueue {
    command_tx: mpsc::Sender<Command>,
}

enum Command {
    Write(Box<dyn Write>),
    Close(oneshot::Sender<Result<(), redb::DatabaseError>>),
}

/// Why a write or read did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// The request was wrong. It has changed nothing: a write decides before it touches a table.
    Refused(Error),
    /// The file failed.
    Store(redb::Error),
}

impl CommitQueue {
    pub(super) fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (command_tx, command_rx) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("backplane-commit".to_owned()).spawn(move || run(&store, command_rx))?;
        Ok(Self { command_tx })
    }

    pub(super) async fn write<T, F>(&self, operation: &'static str, apply: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction) -> Result<T, Failure> + Send + 'static,
    {
        let (answer_tx, answer_rx) = oneshot::channel();
        let write = Waiting { operation, state: State::Asked(apply), answer_tx };
        let closed = || Error::Closed { operation };
        self.command_tx.send(Command::Write(Box::new(write))).await.map_err(|_| closed())?;
        answer_rx.await.map_err(|_| closed())?
    }

    pub(super) async fn close(&self) -> Result<(), Error> {
        const OPERATION: &str = "close the backplane";
        let (closed_tx, closed_rx) = oneshot::channel();
        if self.command_tx.send(Command::Close(closed_tx)).await.is_err() {
            return Ok(()); // somebody closed it before
        }
        match closed_rx.await {
            Ok(Err(source)) => Err(Error::store(OPERATION, source)),
            Ok(Ok(())) | Err(_) => Ok(()), // an error: a close before ours came through
        }
    }
}

/// The thread. Ends when the queue is closed, or everybody who could write is gone.
fn run(store: &Store, mut command_rx: mpsc::Receiver<Command>) {
    let mut group = Vec::with_capacity(GROUP);
    let mut closing = None;
    while closing.is_none()
        && let Some(command) = command_rx.blocking_recv()
    {
        let mut next = Some(command);
        while let Some(command) = next {
            match command {
                Command::Write(write) => group.push(write),
                Command::Close(closed_tx) => closing = Some(closed_tx),
            }
            next = if closing.is_none() && group.len() < GROUP { command_rx.try_recv().ok() } else { None };
        }
        if !group.is_empty() && commit(store, &mut group).is_err() {
            break;
        }
    }
    // Waits for readers, which hold the lock for as long as they read.
    let database = store.database.write().take();
    store.health.send_replace(Health::Away);
    let closed = database.map_or(Ok(()), redb::Database::close);
    match closing {
        // Nobody waits any more when the closing caller was cancelled.
        Some(closed_tx) => drop(closed_tx.send(closed)),
        None => {
            if let Err(error) = closed {
                tracing::error!(%error, "the data file was not closed cleanly");
            }
        }
    }
}

/// After a failure the thread ends and everything is refused until the file is opened anew: nobody knows what a failed
/// sync has left on the disk, and leases were decided in memory for writes that are not there.
fn commit(store: &Store, group: &mut Vec<Box<dyn Write>>) -> Result<(), Arc<redb::Error>> {
    let outcome = apply_and_sync(store, group).map_err(Arc::new);
    if let Err(error) = &outcome {
        tracing::error!(%error, "the data file can't be written; the backplane is closed");
    }
    for write in group.drain(..) {
        write.answer(outcome.clone());
    }
    outcome
}

fn apply_and_sync(store: &Store, group: &mut [Box<dyn Write>]) -> Result<(), redb::Error> {
    let database = store.database.read();
    let database = database.as_ref().expect("only the end of this thread takes the database away");
    let transaction = database.begin_write()?;
    for write in group {
        write.apply(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// One write of a group, whatever it returns.
trait Write: Send {
    fn apply(&mut self, transaction: &WriteTransaction) -> Result<(), redb::Error>;
    fn answer(self: Box<Self>, committed: Result<(), Arc<redb::Error>>);
}

struct Waiting<T, F> {
    operation: &'static str,
    state: State<T, F>,
    answer_tx: oneshot::Sender<Result<T, Error>>,
}

enum State<T, F> {
    Asked(F),
    Applied(Result<T, Error>),
    Spent,
}

impl<T, F> Write for Waiting<T, F>
where
    T: Send,
    F: FnOnce(&WriteTransaction) -> Result<T, Failure> + Send,
{
    fn apply(&mut self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let State::Asked(apply) = std::mem::replace(&mut self.state, State::Spent) else {
            return Ok(());
        };
        self.state = State::Applied(match apply(transaction) {
            Ok(value) => Ok(value),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Store(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Arc<redb::Error>>) {
        let operation = self.operation;
        let answer = match (committed, self.state) {
            (Ok(()), State::Applied(result)) => result,
            (Ok(()), State::Asked(_) | State::Spent) => Err(Error::Closed { operation }),
            (Err(source), _) => Err(Error::store(operation, source)),
        };
        // The caller may have given up waiting; its write stands all the same.
        let _ = self.answer_tx.send(answer);
    }
}

impl Failure {
    pub(super) fn named(self, operation: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Store(source) => Error::store(operation, source),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

macro_rules! store_failure {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Store(error.into())
            }
        })+
    };
}
store_failure!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use parking_lot::RwLock;
    use redb::ReadableTableMetadata as _;
    use tokio::sync::watch;
    use tokio::task::JoinSet;

    use super::super::open_database;
    use super::super::tables::{VALUES, prepare};
    use super::*;

    const WRITES: usize = 50;

    #[tokio::test]
    async fn writes_that_wait_share_one_commit() {
        let (store, commits) = start();
        // The first holds its transaction open until the others have gathered behind it.
        let (go_tx, go_rx) = std::sync::mpsc::channel();
        let first = commits.write("first", move |_| Ok(go_rx.recv().is_ok()));
        let others = async {
            let mut others = JoinSet::new();
            for n in 0..WRITES {
                let (commits, store) = (commits.clone(), store.clone());
                others.spawn(async move {
                    let write = move |transaction: &WriteTransaction| {
                        transaction.open_table(VALUES)?.insert(&*n.to_string(), &[][..])?;
                        Ok(committed_values(&store))
                    };
                    commits.write("other", write).await.unwrap()
                });
            }
            while commits.command_tx.capacity() > QUEUE - WRITES {
                tokio::task::yield_now().await;
            }
            go_tx.send(()).unwrap();
            others.join_all().await
        };
        let (_, seen) = tokio::join!(first, others);
        assert_eq!(seen, [0; WRITES], "each was applied before any of them was committed");
        assert_eq!(committed_values(&store), WRITES as u64);
    }

    #[tokio::test]
    async fn a_refused_write_leaves_the_others_of_its_group_standing() {
        let (store, commits) = start();
        let refuse = |_: &WriteTransaction| Err::<(), _>(Failure::Refused(Error::Fenced { operation: "refuse" }));
        let write = |transaction: &WriteTransaction| {
            transaction.open_table(VALUES)?.insert("key", &b"value"[..])?;
            Ok(())
        };
        let (refused, written) = tokio::join!(commits.write("refuse", refuse), commits.write("write", write));
        assert!(refused.unwrap_err().is_fenced());
        written.unwrap();
        assert_eq!(committed_values(&store), 1);
    }

    #[tokio::test]
    async fn after_a_failed_commit_nothing_is_accepted() {
        let (store, commits) = start();
        let fail = |_: &WriteTransaction| Err::<(), _>(Failure::Store(redb::Error::Corrupted("damaged".to_owned())));
        assert!(matches!(commits.write("fail", fail).await.unwrap_err(), Error::Store { .. }));
        let mut health = store.health.subscribe();
        health.wait_for(|health| *health == Health::Away).await.unwrap();
        assert!(matches!(commits.write("late", |_| Ok(())).await.unwrap_err(), Error::Closed { .. }));
    }

    fn start() -> (Arc<Store>, Arc<CommitQueue>) {
        let database = open_database(None).unwrap();
        prepare(&database).unwrap();
        let health = watch::Sender::new(Health::Connected);
        let store = Arc::new(Store { database: RwLock::new(Some(database)), health });
        (store.clone(), Arc::new(CommitQueue::start(store).unwrap()))
    }

    fn committed_values(store: &Store) -> u64 {
        store.read("count", |transaction| Ok(transaction.open_table(VALUES)?.len()?)).unwrap()
    }
}
