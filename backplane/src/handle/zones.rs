//! What belongs to zones: who owns them, their journals, their snapshots.

use bytes::Bytes;
use wod_protocol::ids::{Epoch, HostId, JournalIndex, ZoneNo};
use wod_protocol::registry::Owner;

use super::{Backend, Backplane};
use crate::error::Error;
use crate::types::{Claim, Lease};

/// Most that one read of a journal returns, bytes, so that it holds up nobody else.
const READ_BYTES: usize = 4 * 1024 * 1024;

impl Backplane {
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
}
