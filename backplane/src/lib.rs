//! The backplane: everything processes share. One handle, [`Backplane`], and two backends behind it: an embedded one for
//! the world in a single process, and Redis for one spread over several.
//!
//! It offers lossy inboxes (the bus), zone leases with fencing epochs, journals, snapshots, player records with a unique
//! index of names, heartbeats, blobs by digest and small named values. It knows nothing of what is in them.
//!
//! # What is promised
//!
//! *Inboxes* promise nothing but order within a sender's connection: a message may be lost, and then, where the backplane
//! can know, an [`InboxEvent::Gap`] stands in its place. A full inbox drops the newest messages and counts them.
//!
//! *Ownership.* The store itself compares host, epoch and token with every claim, renewal, transfer, append, trim and
//! snapshot, so an owner that does not know it was replaced cannot change anything. An epoch is never given twice. A lease
//! runs out 3 s after its last use ([`LEASE_TTL`](wod_protocol::limits::LEASE_TTL)); running out allows others to claim,
//! nothing else, so an owner that comes back before anybody claimed just goes on. After an outage everybody's lease has
//! run out at once; so for 3 s after a handle has connected, for the first time or again, it is refused zones whose last
//! owner is somebody else, while that owner can renew. The host of the current lease may always claim again (it was
//! restarted): it gets a new epoch, and its former self is fenced.
//!
//! *Everything stored* is there when the call returns `Ok`, in this sense:
//!
//! | backend | `Ok` means | survives |
//! |---|---|---|
//! | embedded, directory | synced to disk; concurrent writes share one sync | `kill -9`, power cut |
//! | embedded, memory | in memory | nothing |
//! | Redis, [`Durability::Process`] | in Redis's memory, in its AOF within a second | `kill -9` of any of ours; that of Redis takes what waits for a sync under way, a power cut up to the last second |
//! | Redis, [`Durability::Replicated`] | also in a replica's memory | the loss of one machine |
//! | Redis, [`Durability::Fsync`] | synced to Redis's disk | power cut |
//!
//! *Lost tails.* A replica that takes over (Sentinel, Cluster) lacks what had not reached it, and a Redis that was killed may lack its
//! last moments. What is left is a beginning of the history of each server, never a part without what came before it. That
//! this may have happened shows in [`Backplane::incarnation`], which compares the server's run and replication ids on every
//! connection, before anything else is done over it; it also changes when nothing was lost. Then
//!
//! - an owner that is refused as [`Error::Fenced`] may have been forgotten instead of replaced: [`Backplane::reassert`]
//!   puts its lease back if no other of its epoch or a higher one is stored. Last owners have the 3 s for that
//!   in which nobody else may claim;
//! - an append is [`Error::NotNext`] with an `expected` that the owner has appended already: it appends again from there,
//!   whatever epoch the entries had at first. [`Error::Diverged`]: another owner went on from there; stop;
//! - records, names and values are what they were before: who remembers writing later ones writes them again;
//! - epochs don't repeat: the first claim or transfer of a zone in a new history goes far past the stored one, up to the clock (ms).
//!
//! An error other than a transient one means: not done. After a transient one ([`Error::is_transient`]) nobody knows;
//! every operation is made so that doing it again, unchanged, is right: an append by its index and bytes, a record by its
//! version and bytes, a transfer by its token. The backplane never repeats anything by itself. No operation takes
//! longer than about 2 s to say so.
//!
//! *Outages* show in [`Backplane::health`] within 2 s, of a cluster when any of its slots is without a primary that answers.
//! Connections are rebuilt for as long as the handle lives. Under Sentinel the sentinels are asked for the primary on every
//! (re)connect and once a second; in a cluster each key's commands go to its slot's primary, wherever that is now.

mod embedded;
mod error;
#[cfg(feature = "testing")]
pub mod faults;
mod inbox;
mod redis;
#[cfg(feature = "testing")]
pub mod simulated;
#[cfg(feature = "testing")]
pub mod testing;
mod types;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use wod_protocol::bus::Process;
use wod_protocol::ids::{Digest, Epoch, HostId, JournalIndex, Sub, ZoneNo};
use wod_protocol::registry::Owner;

pub use error::{Error, Source};
pub use inbox::{Inbox, InboxEvent};
pub use types::{Claim, Durability, Health, Lease, RedisOptions, Version};

/// Most that one read of a journal returns, bytes, so that it holds up nobody else.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// A handle to the backplane. Clones are cheap and share everything; the last one dropped ends it.
#[derive(Clone)]
pub struct Backplane {
    backend: Backend,
    #[cfg(feature = "testing")]
    faults: faults::Faults,
}

#[derive(Clone)]
enum Backend {
    Embedded(Arc<embedded::Embedded>),
    Redis(Arc<redis::Redis>),
    #[cfg(feature = "testing")]
    Simulated(Arc<simulated::Simulated>),
}

impl Backplane {
    /// Opens the embedded backend on a data directory, which is created when it is missing; none: in memory only.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has the directory open; [`Error::Store`] when the file can't be used.
    pub async fn embedded(dir: Option<&Path>) -> Result<Self, Error> {
        Ok(Self::over(Backend::Embedded(Arc::new(embedded::Embedded::open(dir).await?))))
    }

    /// Connects to a Redis 7 or newer:
    ///
    /// - `redis://[user:password@]host[:port][/db]`, one server;
    /// - `redis+sentinel://[user:password@]host[:port],host[:port]…/NAME[/db]`, the primary called NAME of these sentinels (port
    ///   26379); user and password are the primary's, sentinels are asked without;
    /// - `redis+cluster://[user:password@]host[:port],host[:port]…`, the cluster these nodes belong to.
    ///
    /// # Errors
    /// [`Error::Away`] when it can't be reached, [`Error::NotPersistent`] when it would not keep what it acknowledges at the
    /// wanted durability, [`Error::Store`] when the address or credentials are wrong.
    pub async fn redis(url: &str, options: RedisOptions) -> Result<Self, Error> {
        Ok(Self::over(Backend::Redis(Arc::new(redis::Redis::connect(url, options).await?))))
    }

    #[cfg(feature = "testing")]
    fn simulated(handle: simulated::Simulated) -> Self {
        Self::over(Backend::Simulated(Arc::new(handle)))
    }

    fn over(backend: Backend) -> Self {
        Self {
            backend,
            #[cfg(feature = "testing")]
            faults: faults::Faults::default(),
        }
    }

    /// What a test lets go wrong with the journal and with snapshots.
    #[cfg(feature = "testing")]
    pub fn faults(&self) -> &faults::Faults {
        &self.faults
    }

    /// Where tests let things go wrong.
    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unused_async, clippy::unused_self, reason = "only tests have faults")
    )]
    async fn meet_faults(&self, _operation: &'static str) -> Result<(), Error> {
        #[cfg(feature = "testing")]
        self.faults.meet(_operation).await?;
        Ok(())
    }

    /// Finishes what is being written, ends all inboxes and frees files and connections. Other clones of the handle
    /// get [`Error::Closed`] (or [`Error::Away`]) from then on.
    ///
    /// # Errors
    /// [`Error::Store`] when the file can't be closed cleanly.
    pub async fn close(self) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.close().await,
            Backend::Redis(redis) => {
                redis.close().await;
                Ok(())
            }
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => {
                simulated.close();
                Ok(())
            }
        }
    }

    /// Whether the store answers, as it changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.health(),
            Backend::Redis(redis) => redis.health(),
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.health(),
        }
    }

    /// Counts how often the store may have lost acknowledged writes since this handle was made: it has restarted, or a replica
    /// that may have lagged has become the primary. Changes before any operation can meet the other state. What to do then is
    /// in the crate's documentation. The embedded backend never loses anything: always 0.
    pub fn incarnation(&self) -> watch::Receiver<u64> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.incarnation(),
            Backend::Redis(redis) => redis.incarnation(),
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.incarnation(),
        }
    }

    // ---- the bus

    /// Puts a message into a process's inbox, if it has one. Fire and forget: `Ok` says that it was handed on.
    ///
    /// # Errors
    /// [`Error::Away`], at once when the store is known to be away: the message is lost.
    pub async fn publish(&self, to: &Process, message: Bytes) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => {
                embedded.publish(to, message);
                Ok(())
            }
            Backend::Redis(redis) => redis.publish(to, &message).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.publish(to, message),
        }
    }

    /// Opens a process's inbox with room for `capacity` messages. It stays subscribed through outages.
    ///
    /// # Errors
    /// [`Error::Away`] when the subscription can't be made now.
    pub async fn subscribe(&self, me: &Process, capacity: usize) -> Result<Inbox, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => Ok(embedded.subscribe(me, capacity)),
            Backend::Redis(redis) => redis.subscribe(me, capacity).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.subscribe(me, capacity),
        }
    }

    // ---- ownership

    /// Asks for a zone. Won when it is free, its lease has run out, or the lease is this host's own; then with an epoch
    /// over both the stored one and `at_least` (the highest the claimant has ever seen, 0 for none).
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn claim(&self, zone: ZoneNo, host: &HostId, at_least: Epoch) -> Result<Claim, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.claim(zone, host, at_least).await,
            Backend::Redis(redis) => redis.claim(zone, host, at_least).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.claim(zone, host, at_least).await,
        }
    }

    /// Keeps a lease for another 3 s. Appends do so by themselves.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has another lease; transient ones.
    pub async fn renew(&self, lease: &Lease) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.renew(lease),
            Backend::Redis(redis) => redis.renew(lease).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.renew(lease).await,
        }
    }

    /// Puts a lease back that the store has lost, and renews it: `Ok` if it is the stored one, or of a higher epoch than the
    /// stored one. An owner that was fenced asks this when [`Self::incarnation`] has changed since its last success.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has, or had, a lease of that epoch or a higher one: this owner was really replaced;
    /// transient ones.
    pub async fn reassert(&self, lease: &Lease) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.renew(lease),
            Backend::Redis(redis) => redis.reassert(lease).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.reassert(lease).await,
        }
    }

    /// Gives a zone up: anybody may claim it at once.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has another lease; transient ones, [`Error::Store`].
    pub async fn release(&self, lease: &Lease) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.release(lease).await,
            Backend::Redis(redis) => redis.release(lease).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.release(lease).await,
        }
    }

    /// Gives a zone to another host, whose lease this returns, with an epoch over both this one and `at_least` (the highest the
    /// owner has ever seen). The old lease is fenced from then on.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has another lease; transient ones, [`Error::Store`].
    pub async fn transfer(&self, lease: &Lease, to: &HostId, at_least: Epoch) -> Result<Lease, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.transfer(lease, to, at_least).await,
            Backend::Redis(redis) => redis.transfer(lease, to, at_least).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.transfer(lease, to, at_least).await,
        }
    }

    /// Who holds a running lease of the zone; none when nobody does, or the last one has run out.
    ///
    /// # Errors
    /// Transient ones.
    pub async fn owner(&self, zone: ZoneNo) -> Result<Option<Owner>, Error> {
        Ok(self.owners(&[zone]).await?.pop().flatten())
    }

    /// [`Self::owner`] of each of these zones, in their order.
    ///
    /// # Errors
    /// Transient ones.
    pub async fn owners(&self, zones: &[ZoneNo]) -> Result<Vec<Option<Owner>>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => Ok(zones.iter().map(|zone| embedded.owner(*zone)).collect()),
            Backend::Redis(redis) => redis.owners(zones).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.owners(zones).await,
        }
    }

    // ---- journal

    /// Appends one entry and renews the lease: [`Self::append_batch`] of one.
    ///
    /// # Errors
    /// As [`Self::append_batch`].
    pub async fn append(&self, lease: &Lease, index: JournalIndex, entry: Bytes) -> Result<(), Error> {
        self.append_batch(lease, index, vec![entry]).await
    }

    /// Appends entries from index `first` on, all or none, and renews the lease. Indexes begin at 1 and have no gaps.
    /// Entries that are there already, written under the same epoch with the same bytes, count as appended: so a batch
    /// with an unknown result is repeated, alone or together with what came after it. Keep a batch under 1 MiB.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has another lease; [`Error::NotNext`] when the batch would leave a gap or contradict
    /// an entry of the same epoch that is there; [`Error::Diverged`] when such an entry is another epoch's; transient ones,
    /// [`Error::Store`].
    pub async fn append_batch(&self, lease: &Lease, first: JournalIndex, entries: Vec<Bytes>) -> Result<(), Error> {
        if entries.is_empty() {
            return self.renew(lease).await;
        }
        self.meet_faults("append_batch").await?;
        match &self.backend {
            Backend::Embedded(embedded) => embedded.append(lease, first, entries).await,
            Backend::Redis(redis) => redis.append(lease, first, &entries).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.append(lease, first, entries).await,
        }
    }

    /// Entries from index `from` on (0 is taken for 1), without gaps, as many as fit into `max_bytes` (and into 4 MiB), but at
    /// least one if there is one. Empty at the journal's end.
    ///
    /// # Errors
    /// [`Error::Trimmed`] when entry `from` is no longer there; transient ones, [`Error::Store`].
    pub async fn read_journal(
        &self,
        zone: ZoneNo,
        from: JournalIndex,
        max_bytes: usize,
    ) -> Result<Vec<(JournalIndex, Bytes)>, Error> {
        self.meet_faults("read_journal").await?;
        let max_bytes = max_bytes.min(READ_BYTES);
        match &self.backend {
            Backend::Embedded(embedded) => embedded.read_journal(zone, from, max_bytes).await,
            Backend::Redis(redis) => redis.read_journal(zone, from, max_bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.read_journal(zone, from, max_bytes),
        }
    }

    /// Index of the last entry ever appended, 0 when there was none.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn journal_end(&self, zone: ZoneNo) -> Result<JournalIndex, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.journal_end(zone).await,
            Backend::Redis(redis) => redis.journal_end(zone).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.journal_end(zone).await,
        }
    }

    /// Deletes entries below index `before`, except those that the older of the kept snapshots still needs: without a
    /// snapshot nothing is deleted.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has another lease; transient ones, [`Error::Store`].
    pub async fn trim_journal(&self, lease: &Lease, before: JournalIndex) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.trim_journal(lease, before).await,
            Backend::Redis(redis) => redis.trim_journal(lease, before).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.trim_journal(lease, before).await,
        }
    }

    // ---- snapshots

    /// Stores the zone's state after entry `at` (0: before the first). Visible only when it is whole. The newest two are kept;
    /// one at the same index replaces the former.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the zone has another lease; [`Error::SnapshotOutOfOrder`] when `at` is below the newest one or
    /// past the journal's end; transient ones, [`Error::Store`].
    pub async fn put_snapshot(&self, lease: &Lease, at: JournalIndex, bytes: Bytes) -> Result<(), Error> {
        self.meet_faults("put_snapshot").await?;
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_snapshot(lease, at, bytes).await,
            Backend::Redis(redis) => redis.put_snapshot(lease, at, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_snapshot(lease, at, bytes).await,
        }
    }

    /// The newest whole snapshot and the entry it stands after.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn snapshot(&self, zone: ZoneNo) -> Result<Option<(JournalIndex, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.snapshot(zone).await,
            Backend::Redis(redis) => redis.snapshot(zone).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.snapshot(zone),
        }
    }

    /// Where the kept snapshots stand, oldest first.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn snapshots(&self, zone: ZoneNo) -> Result<Vec<JournalIndex>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.snapshots(zone).await,
            Backend::Redis(redis) => redis.snapshots(zone).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.snapshots(zone).await,
        }
    }

    /// The snapshot after entry `at`, if it is kept.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn snapshot_at(&self, zone: ZoneNo, at: JournalIndex) -> Result<Option<Bytes>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.snapshot_at(zone, at).await,
            Backend::Redis(redis) => redis.snapshot_at(zone, at).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.snapshot_at(zone, at),
        }
    }

    // ---- player records

    /// A player's record with its version.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn record(&self, sub: &Sub) -> Result<Option<(Version, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.record(sub).await,
            Backend::Redis(redis) => redis.record(sub).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.record(sub).await,
        }
    }

    /// Writes a record if the stored version is still `expected` ([`Version::ABSENT`]: there is none), and returns the new
    /// version. A repeat, with the same bytes and nothing written in between, is one write.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the stored version; transient ones, [`Error::Store`].
    pub async fn put_record(&self, sub: &Sub, expected: Version, bytes: Bytes) -> Result<Version, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_record(sub, expected, bytes).await,
            Backend::Redis(redis) => redis.put_record(sub, expected, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_record(sub, expected, bytes).await,
        }
    }

    /// Deletes a record of that version. No record at all: nothing to do, and `Ok`.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the stored version; transient ones, [`Error::Store`].
    pub async fn delete_record(&self, sub: &Sub, expected: Version) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.delete_record(sub, expected).await,
            Backend::Redis(redis) => redis.delete_record(sub, expected).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.delete_record(sub, expected).await,
        }
    }

    /// Takes a name, folded by the caller, for a player. None: it is hers now, or was already. Otherwise: who has it.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn reserve_name(&self, folded: &str, sub: &Sub) -> Result<Option<Sub>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.reserve_name(folded, sub).await,
            Backend::Redis(redis) => redis.reserve_name(folded, sub).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.reserve_name(folded, sub).await,
        }
    }

    /// Who has that folded name.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn name_owner(&self, folded: &str) -> Result<Option<Sub>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.name_owner(folded).await,
            Backend::Redis(redis) => redis.name_owner(folded).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.name_owner(folded).await,
        }
    }

    /// Frees a name if it is this player's; nothing happens otherwise.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn release_name(&self, folded: &str, sub: &Sub) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.release_name(folded, sub).await,
            Backend::Redis(redis) => redis.release_name(folded, sub).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.release_name(folded, sub).await,
        }
    }

    // ---- heartbeats

    /// Shows `body` under (`kind`, `id`) for `ttl` from now. Kinds are short words: `host`, `gateway`. Lost in a restart of
    /// the embedded backend.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn beat(&self, kind: &str, id: &str, body: Bytes, ttl: Duration) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => {
                embedded.beat(kind, id, body, ttl);
                Ok(())
            }
            Backend::Redis(redis) => redis.beat(kind, id, &body, ttl).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.beat(kind, id, body, ttl).await,
        }
    }

    /// Everything of that kind that has not expired, ordered by id.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn beats(&self, kind: &str) -> Result<Vec<(String, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => Ok(embedded.beats(kind)),
            Backend::Redis(redis) => redis.beats(kind).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.beats(kind).await,
        }
    }

    /// Ends a heartbeat before it expires.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn end_beat(&self, kind: &str, id: &str) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => {
                embedded.end_beat(kind, id);
                Ok(())
            }
            Backend::Redis(redis) => redis.end_beat(kind, id).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.end_beat(kind, id).await,
        }
    }

    // ---- blobs and values

    /// Stores immutable bytes under their digest. Storing them again costs little.
    ///
    /// # Errors
    /// [`Error::WrongDigest`] when the bytes are others; transient ones, [`Error::Store`].
    pub async fn put_blob(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        if Digest::of(&bytes) != digest {
            return Err(Error::WrongDigest { operation: "store a blob" });
        }
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_blob(digest, bytes).await,
            Backend::Redis(redis) => redis.put_blob(digest, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_blob(digest, bytes).await,
        }
    }

    /// The bytes with that digest, checked.
    ///
    /// # Errors
    /// [`Error::WrongDigest`] when the store has damaged them; transient ones, [`Error::Store`].
    pub async fn blob(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        let found = match &self.backend {
            Backend::Embedded(embedded) => embedded.blob(digest).await?,
            Backend::Redis(redis) => redis.blob(digest).await?,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.blob(digest)?,
        };
        match found {
            Some(bytes) if Digest::of(&bytes) != digest => Err(Error::WrongDigest { operation: "load a blob" }),
            found => Ok(found),
        }
    }

    /// Deletes the bytes with that digest, if they are there. The caller knows that nobody else needs them.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn delete_blob(&self, digest: Digest) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.delete_blob(digest).await,
            Backend::Redis(redis) => redis.delete_blob(digest).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.delete_blob(digest).await,
        }
    }

    /// Stores a small value under a name; the last writer wins. For configuration: hundreds of keys, kilobytes each.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn put_value(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_value(key, bytes).await,
            Backend::Redis(redis) => redis.put_value(key, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_value(key, bytes).await,
        }
    }

    /// Stores a value under a name if what is stored there is still `expected` (none: nothing is). With `None` a value is
    /// written once and for ever. Where `bytes` themselves are stored already it was done before, and `Ok`.
    ///
    /// # Errors
    /// [`Error::Changed`] with what is stored; transient ones, [`Error::Store`].
    pub async fn replace_value(&self, key: &str, expected: Option<Bytes>, bytes: Bytes) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.replace_value(key, expected, bytes).await,
            Backend::Redis(redis) => redis.replace_value(key, expected.as_deref(), &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.replace_value(key, expected, bytes).await,
        }
    }

    /// The value under that name.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn value(&self, key: &str) -> Result<Option<Bytes>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.value(key).await,
            Backend::Redis(redis) => redis.value(key).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.value(key),
        }
    }

    /// Deletes the value under that name, if there is one.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn delete_value(&self, key: &str) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.delete_value(key).await,
            Backend::Redis(redis) => redis.delete_value(key).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.delete_value(key).await,
        }
    }

    /// All values whose names begin with `prefix`, ordered by name. Costs what is found, however many others there are.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn values(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.values(prefix).await,
            Backend::Redis(redis) => redis.values(prefix).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.values(prefix).await,
        }
    }
}

impl std::fmt::Debug for Backplane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.backend {
            Backend::Embedded(_) => "Backplane(embedded)",
            Backend::Redis(_) => "Backplane(redis)",
            #[cfg(feature = "testing")]
            Backend::Simulated(_) => "Backplane(simulated)",
        })
    }
}
