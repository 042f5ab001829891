//! One process's way to the modelled store: every operation takes its time on the caller's own clock, and may fail as an
//! operation of Redis may.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wod_protocol::bus::Process;
use wod_protocol::ids::{Digest, Epoch, HostId, JournalIndex, Sub, ZoneNo};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;
use wod_protocol::registry::Owner;

use super::faults::Fate;
use super::network::{Belated, Network};
use super::store::{Moment, Store};
use crate::error::Error;
use crate::inbox::Inbox;
use crate::types::{Claim, Health, Lease, Version};

/// As the Redis backend: an operation waits this long for a connection that is being rebuilt.
const RECONNECT_PATIENCE: Duration = Duration::from_millis(400);
/// As the Redis backend: an operation that is not answered within this time has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1400);
/// How long each chunk of a snapshot takes.
const CHUNK_TIME: Duration = Duration::from_millis(1);

/// A connection. Dropped, its inboxes end.
pub(crate) struct Simulated {
    network: Arc<Mutex<Network>>,
    id: u64,
    health: watch::Sender<Health>,
    incarnation: watch::Sender<u64>,
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.close();
    }
}

impl Simulated {
    pub(super) fn connect(network: Arc<Mutex<Network>>, process: &str) -> Self {
        let (id, health, incarnation) = {
            let mut network = network.lock();
            let id = network.connect(process);
            let connection = &network.connections[&id];
            (id, connection.health.clone(), connection.incarnation.clone())
        };
        Self { network, id, health, incarnation }
    }

    pub(crate) fn close(&self) {
        self.network.lock().disconnect(self.id);
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(crate) fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }

    pub(crate) fn publish(&self, to: &Process, message: Bytes) -> Result<(), Error> {
        self.network.lock().publish(self.id, to, message)
    }

    pub(crate) fn subscribe(&self, me: &Process, capacity: usize) -> Result<Inbox, Error> {
        Ok(Inbox::new(self.network.lock().subscribe(self.id, me, capacity)?, None))
    }

    /// Carries out one operation; `about` says which, for the trace.
    async fn perform<T: Send + 'static>(
        &self,
        operation: &'static str,
        about: String,
        apply: impl FnOnce(&mut Store, &Moment) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let away = || Error::Away { operation, source: None };
        self.until_up(operation).await?;
        let (there, back, fate) = self.network.lock().plan();
        pass(there).await;
        let (result, generation) = match fate {
            Fate::Refused => {
                self.network.lock().observe_refusal(self.id, operation, &about);
                return Err(away());
            }
            Fate::Belated(after) => {
                let apply = Box::new(|store: &mut Store, moment: &Moment| apply(store, moment).map(drop));
                let belated = Belated { connection: self.id, operation, about, apply };
                self.network.lock().belate(after, belated);
                pass(ANSWER_TIMEOUT).await;
                return Err(away());
            }
            Fate::Done | Fate::Unanswered => self.network.lock().carry_out(self.id, operation, &about, apply)?,
        };
        pass(back).await;
        let answered = fate == Fate::Done && self.network.lock().generation(self.id) == Some(generation);
        if answered { result } else { Err(away()) }
    }

    /// A read that is answered at once, or refused: whoever replays a journal blocks on its reads, and in a simulation, which has
    /// one thread, nothing would end the wait.
    fn read<T>(
        &self,
        operation: &'static str,
        about: &str,
        read: impl FnOnce(&Store) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut network = self.network.lock();
        let (_, _, fate) = network.plan();
        if fate != Fate::Done {
            network.observe_refusal(self.id, operation, about);
            return Err(Error::Away { operation, source: None });
        }
        network.carry_out(self.id, operation, about, |store, _| read(store))?.0
    }

    /// An operation that can't be refused by the store.
    async fn ask<T: Send + 'static>(
        &self,
        operation: &'static str,
        about: String,
        apply: impl FnOnce(&mut Store, &Moment) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.perform(operation, about, |store, moment| Ok(apply(store, moment))).await
    }

    /// Waits a little for a connection that is down.
    async fn until_up(&self, operation: &'static str) -> Result<(), Error> {
        let came_up = {
            let network = self.network.lock();
            let connection = network.connections.get(&self.id).ok_or(Error::Closed { operation })?;
            match connection.since {
                Some(_) => return Ok(()),
                None => connection.came_up.clone().notified_owned(),
            }
        };
        let up = timeout(RECONNECT_PATIENCE, came_up).await;
        up.map_err(|_| Error::Away { operation, source: None })
    }
}

/// Also a time of nothing ends in a later poll, as that of a real connection does.
async fn pass(time: Duration) {
    if time.is_zero() { tokio::task::yield_now().await } else { sleep(time).await }
}

impl Network {
    /// The operation's result, and the connection's generation that its answer has to find.
    fn carry_out<T>(
        &mut self,
        id: u64,
        operation: &'static str,
        about: &str,
        apply: impl FnOnce(&mut Store, &Moment) -> Result<T, Error>,
    ) -> Result<(Result<T, Error>, u32), Error> {
        let connection = self.connections.get(&id).ok_or(Error::Closed { operation })?;
        if connection.since.is_none() {
            return Err(Error::Away { operation, source: None });
        }
        let (process, generation) = (connection.process.clone(), connection.generation);
        let moment = self.moment(id);
        let result = apply(&mut self.store, &moment);
        match &result {
            Ok(_) => self.observe(&process, operation, about, None),
            Err(error) => self.observe(&process, operation, &format!("{about}: {error}"), None),
        }
        Ok((result, generation))
    }

    fn observe_refusal(&mut self, id: u64, operation: &'static str, about: &str) {
        let Some(connection) = self.connections.get(&id) else { return };
        let process = connection.process.clone();
        self.observe(&process, operation, &format!("{about}: refused by chance"), None);
    }

    fn generation(&self, id: u64) -> Option<u32> {
        self.connections.get(&id).map(|connection| connection.generation)
    }
}

/// Ownership, journals, snapshots.
impl Simulated {
    pub(crate) async fn claim(&self, zone: ZoneNo, host: &HostId, at_least: Epoch) -> Result<Claim, Error> {
        let (about, host) = (format!("{zone} for {host}"), host.clone());
        self.ask("claim a zone", about, move |store, moment| store.claim(zone, &host, at_least, moment)).await
    }

    pub(crate) async fn renew(&self, lease: &Lease) -> Result<(), Error> {
        let lease = lease.clone();
        self.perform("renew a lease", about(&lease), move |store, moment| store.renew(&lease, moment)).await
    }

    pub(crate) async fn reassert(&self, lease: &Lease) -> Result<(), Error> {
        let lease = lease.clone();
        self.perform("put a lease back", about(&lease), move |store, moment| store.reassert(&lease, moment)).await
    }

    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let lease = lease.clone();
        self.perform("release a zone", about(&lease), move |store, _| store.release(&lease)).await
    }

    pub(crate) async fn transfer(&self, lease: &Lease, to: &HostId, at_least: Epoch) -> Result<Lease, Error> {
        let (lease, to) = (lease.clone(), to.clone());
        let about = format!("{} to {to}", about(&lease));
        self.perform("hand a zone over", about, move |store, moment| store.transfer(&lease, &to, at_least, moment))
            .await
    }

    pub(crate) async fn owners(&self, zones: &[ZoneNo]) -> Result<Vec<Option<Owner>>, Error> {
        let zones = zones.to_vec();
        self.ask("look owners up", String::new(), move |store, moment| store.owners(&zones, moment.now)).await
    }

    pub(crate) async fn append(&self, lease: &Lease, first: JournalIndex, entries: Vec<Bytes>) -> Result<(), Error> {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        entries.iter().for_each(|entry| hash.update(entry));
        let about = format!("{} {first}+{} {:016x}", about(lease), entries.len(), hash.digest());
        let lease = lease.clone();
        let append = move |store: &mut Store, moment: &Moment| store.append(&lease, first, &entries, moment);
        self.perform("append to the journal", about, append).await
    }

    pub(crate) fn read_journal(
        &self,
        zone: ZoneNo,
        from: JournalIndex,
        max_bytes: usize,
    ) -> Result<Vec<(JournalIndex, Bytes)>, Error> {
        let about = format!("{zone} from {from}");
        self.read("read the journal", &about, |store| store.read_journal(zone, from, max_bytes))
    }

    pub(crate) async fn journal_end(&self, zone: ZoneNo) -> Result<JournalIndex, Error> {
        self.ask("find the journal's end", zone.to_string(), move |store, _| store.journal_end(zone)).await
    }

    pub(crate) async fn trim_journal(&self, lease: &Lease, before: JournalIndex) -> Result<(), Error> {
        let (about, lease) = (format!("{} before {before}", about(lease)), lease.clone());
        self.perform("trim the journal", about, move |store, moment| store.trim_journal(&lease, before, moment)).await
    }

    pub(crate) async fn put_snapshot(&self, lease: &Lease, at: JournalIndex, bytes: Bytes) -> Result<(), Error> {
        let chunks = bytes.len().div_ceil(SNAPSHOT_CHUNK_BYTES);
        pass(CHUNK_TIME * u32::try_from(chunks).unwrap_or(u32::MAX)).await;
        let about = format!("{} at {at} {:016x}", about(lease), xxhash_rust::xxh3::xxh3_64(&bytes));
        let lease = lease.clone();
        let put = move |store: &mut Store, moment: &Moment| store.put_snapshot(&lease, at, &bytes, moment);
        self.perform("store a snapshot", about, put).await
    }

    pub(crate) fn snapshot(&self, zone: ZoneNo) -> Result<Option<(JournalIndex, Bytes)>, Error> {
        self.read("load a snapshot", &zone.to_string(), |store| Ok(store.snapshot(zone)))
    }

    pub(crate) async fn snapshots(&self, zone: ZoneNo) -> Result<Vec<JournalIndex>, Error> {
        self.ask("list snapshots", zone.to_string(), move |store, _| store.snapshots(zone)).await
    }

    pub(crate) fn snapshot_at(&self, zone: ZoneNo, at: JournalIndex) -> Result<Option<Bytes>, Error> {
        self.read("load a snapshot", &format!("{zone} at {at}"), |store| Ok(store.snapshot_at(zone, at)))
    }
}

/// Records, names, heartbeats, blobs, values.
impl Simulated {
    pub(crate) async fn record(&self, sub: &Sub) -> Result<Option<(Version, Bytes)>, Error> {
        let (about, sub) = (sub.to_string(), sub.clone());
        self.ask("read a record", about, move |store, _| store.record(&sub)).await
    }

    pub(crate) async fn put_record(&self, sub: &Sub, expected: Version, bytes: Bytes) -> Result<Version, Error> {
        let about = format!("{sub} over {expected} {:016x}", xxhash_rust::xxh3::xxh3_64(&bytes));
        let sub = sub.clone();
        let put = move |store: &mut Store, moment: &Moment| store.put_record(&sub, expected, &bytes, moment);
        self.perform("write a record", about, put).await
    }

    pub(crate) async fn delete_record(&self, sub: &Sub, expected: Version) -> Result<(), Error> {
        let (about, sub) = (format!("{sub} at {expected}"), sub.clone());
        self.perform("delete a record", about, move |store, _| store.delete_record(&sub, expected)).await
    }

    pub(crate) async fn reserve_name(&self, folded: &str, sub: &Sub) -> Result<Option<Sub>, Error> {
        let (about, folded, sub) = (format!("{folded} for {sub}"), folded.to_owned(), sub.clone());
        self.ask("reserve a name", about, move |store, _| store.reserve_name(&folded, &sub)).await
    }

    pub(crate) async fn name_owner(&self, folded: &str) -> Result<Option<Sub>, Error> {
        let folded = folded.to_owned();
        self.ask("look a name up", folded.clone(), move |store, _| store.name_owner(&folded)).await
    }

    pub(crate) async fn release_name(&self, folded: &str, sub: &Sub) -> Result<(), Error> {
        let (about, folded, sub) = (format!("{folded} of {sub}"), folded.to_owned(), sub.clone());
        self.ask("release a name", about, move |store, _| store.release_name(&folded, &sub)).await
    }

    pub(crate) async fn beat(&self, kind: &str, id: &str, body: Bytes, ttl: Duration) -> Result<(), Error> {
        let (about, kind, id) = (format!("{kind} {id}"), kind.to_owned(), id.to_owned());
        self.ask("tell a heartbeat", about, move |store, moment| store.beat(&kind, &id, &body, ttl, moment)).await
    }

    pub(crate) async fn beats(&self, kind: &str) -> Result<Vec<(String, Bytes)>, Error> {
        let kind = kind.to_owned();
        self.ask("read heartbeats", kind.clone(), move |store, moment| store.beats(&kind, moment)).await
    }

    pub(crate) async fn end_beat(&self, kind: &str, id: &str) -> Result<(), Error> {
        let (about, kind, id) = (format!("{kind} {id}"), kind.to_owned(), id.to_owned());
        self.ask("end a heartbeat", about, move |store, _| store.end_beat(&kind, &id)).await
    }

    pub(crate) async fn put_blob(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        self.ask("store a blob", digest.to_string(), move |store, _| store.put_blob(digest, bytes)).await
    }

    pub(crate) fn blob(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        self.read("load a blob", &digest.to_string(), |store| Ok(store.blob(digest)))
    }

    pub(crate) async fn delete_blob(&self, digest: Digest) -> Result<(), Error> {
        self.ask("delete a blob", digest.to_string(), move |store, _| store.delete_blob(digest)).await
    }

    pub(crate) async fn put_value(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        let key = key.to_owned();
        self.ask("store a value", key.clone(), move |store, _| store.put_value(&key, bytes)).await
    }

    pub(crate) async fn replace_value(&self, key: &str, expected: Option<Bytes>, bytes: Bytes) -> Result<(), Error> {
        let (about, key) = (key.to_owned(), key.to_owned());
        let apply = move |store: &mut Store, _: &Moment| store.replace_value(&key, expected.as_ref(), bytes);
        self.perform("replace a value", about, apply).await
    }

    pub(crate) fn value(&self, key: &str) -> Result<Option<Bytes>, Error> {
        self.read("read a value", key, |store| Ok(store.value(key)))
    }

    pub(crate) async fn delete_value(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.ask("delete a value", key.clone(), move |store, _| store.delete_value(&key)).await
    }

    pub(crate) async fn values(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, Error> {
        let prefix = prefix.to_owned();
        self.ask("list values", prefix.clone(), move |store, _| store.values(&prefix)).await
    }
}

fn about(lease: &Lease) -> String {
    format!("{} under {} of {}", lease.zone, lease.epoch, lease.host)
}
