//! What the modelled store keeps of zones: leases, journals, snapshots. Mirrors `redis/functions.lua`, rule for rule.

use std::time::Duration;

use bytes::Bytes;
use wod_protocol::ids::{Epoch, HostId, JournalIndex, ZoneNo};
use wod_protocol::limits::LEASE_TTL;
use wod_protocol::registry::Owner;

use super::faults::Bug;
use super::store::{Moment, Store};
use crate::error::Error;
use crate::types::{Claim, Lease, SNAPSHOTS_KEPT};

/// As in `redis/functions.lua`: the first epoch in a new history goes past what the old one may have given.
const EPOCHS_LOST_AT_MOST: u64 = 1000;

/// Everything of one zone.
#[derive(Clone, Default)]
pub(super) struct ZoneKeys {
    lease: Option<Held>,
    /// The store's when the epoch was last given.
    history: u64,
    /// Entry 1 first. Nothing is ever deleted: what was trimmed is for the checks alone.
    journal: Vec<(Epoch, Bytes)>,
    /// How many entries, from the first on, nobody may read any more.
    trimmed: usize,
    /// Oldest first.
    snapshots: Vec<(JournalIndex, Bytes)>,
}

#[derive(Clone)]
struct Held {
    lease: Lease,
    /// None when it was released: the epoch is kept, the zone is free.
    expires: Option<Duration>,
}

impl ZoneKeys {
    fn end(&self) -> JournalIndex {
        JournalIndex(self.journal.len() as u64)
    }

    /// Whether the lease is the zone's; then it is renewed.
    fn holds(&mut self, lease: &Lease, moment: &Moment, operation: &'static str) -> Result<(), Error> {
        match &mut self.lease {
            Some(held) if held.expires.is_some() && held.lease == *lease => {
                held.expires = Some(moment.now + LEASE_TTL);
                Ok(())
            }
            _ => Err(Error::Fenced { operation }),
        }
    }

    /// Beyond the stored one and the highest that whoever asks has seen.
    fn next_epoch(&mut self, stored: Epoch, seen: Epoch, moment: &Moment) -> Epoch {
        let mut epoch = stored.max(seen);
        if self.history != moment.history {
            self.history = moment.history;
            epoch = epoch.max(Epoch((stored.0 + EPOCHS_LOST_AT_MOST).max(moment.now.as_millis() as u64)));
        }
        epoch.next()
    }

    fn owner(&self, now: Duration) -> Option<Owner> {
        let held = self.lease.as_ref()?;
        held.expires.is_some_and(|expires| expires > now).then(|| held.lease.owner())
    }

    fn append(&mut self, epoch: Epoch, first: JournalIndex, entries: &[Bytes]) -> Result<(), Error> {
        let not_next = Error::NotNext { operation: "append to the journal", expected: self.end().next() };
        if first.0 == 0 || first > self.end().next() {
            return Err(not_next);
        }
        let known = &self.journal[first.0 as usize - 1..];
        let repeats = known.len().min(entries.len());
        for (index, ((of, known), entry)) in (first.0..).zip(known[..repeats].iter().zip(entries)) {
            if *of != epoch {
                let (operation, at) = ("append to the journal", JournalIndex(index));
                return Err(Error::Diverged { operation, at });
            }
            if known != entry {
                return Err(not_next);
            }
        }
        self.journal.extend(entries[repeats..].iter().map(|entry| (epoch, entry.clone())));
        Ok(())
    }
}

/// Operations on leases.
impl Store {
    pub(super) fn claim(&mut self, zone: ZoneNo, host: &HostId, at_least: Epoch, moment: &Moment) -> Claim {
        let keys = self.zones.entry(zone).or_default();
        let mut stored = Epoch(0);
        if let Some(held) = &keys.lease {
            let runs = held.expires.map(|expires| expires.saturating_sub(moment.now).max(moment.hold_off));
            if let Some(remaining) = runs
                && !remaining.is_zero()
                && held.lease.host != *host
            {
                return Claim::Held(held.lease.owner(), remaining);
            }
            stored = held.lease.epoch;
        }
        let epoch = keys.next_epoch(stored, at_least, moment);
        let lease = Lease { zone, host: host.clone(), epoch, token: moment.token };
        keys.lease = Some(Held { lease: lease.clone(), expires: Some(moment.now + LEASE_TTL) });
        Claim::Won(lease)
    }

    pub(super) fn reassert(&mut self, lease: &Lease, moment: &Moment) -> Result<(), Error> {
        const OPERATION: &str = "put a lease back";
        let keys = self.zones.entry(lease.zone).or_default();
        if keys.holds(lease, moment, OPERATION).is_ok() {
            return Ok(());
        }
        if keys.lease.as_ref().is_some_and(|held| held.lease.epoch >= lease.epoch) {
            return Err(Error::Fenced { operation: OPERATION });
        }
        keys.lease = Some(Held { lease: lease.clone(), expires: Some(moment.now + LEASE_TTL) });
        Ok(())
    }

    pub(super) fn renew(&mut self, lease: &Lease, moment: &Moment) -> Result<(), Error> {
        self.zones.entry(lease.zone).or_default().holds(lease, moment, "renew a lease")
    }

    pub(super) fn release(&mut self, lease: &Lease) -> Result<(), Error> {
        match &mut self.zones.entry(lease.zone).or_default().lease {
            Some(held) if held.lease == *lease => {
                held.expires = None;
                Ok(())
            }
            _ => Err(Error::Fenced { operation: "release a zone" }),
        }
    }

    pub(super) fn transfer(
        &mut self,
        lease: &Lease,
        to: &HostId,
        at_least: Epoch,
        moment: &Moment,
    ) -> Result<Lease, Error> {
        const OPERATION: &str = "hand a zone over";
        let (keys, token) = (self.zones.entry(lease.zone).or_default(), lease.token_for(to));
        if let Some(held) = &mut keys.lease
            && held.expires.is_some()
            && held.lease.host == *to
            && held.lease.token == token
        {
            held.expires = Some(moment.now + LEASE_TTL);
            return Ok(held.lease.clone());
        }
        keys.holds(lease, moment, OPERATION)?;
        let epoch = keys.next_epoch(lease.epoch, at_least, moment);
        let lease = Lease { zone: lease.zone, host: to.clone(), epoch, token };
        keys.lease = Some(Held { lease: lease.clone(), expires: Some(moment.now + LEASE_TTL) });
        Ok(lease)
    }

    pub(super) fn owners(&self, zones: &[ZoneNo], now: Duration) -> Vec<Option<Owner>> {
        zones.iter().map(|zone| self.zones.get(zone)?.owner(now)).collect()
    }
}

/// Operations on journals.
impl Store {
    pub(super) fn append(
        &mut self,
        lease: &Lease,
        first: JournalIndex,
        entries: &[Bytes],
        moment: &Moment,
    ) -> Result<(), Error> {
        let keys = self.zones.entry(lease.zone).or_default();
        let held = keys.holds(lease, moment, "append to the journal");
        if held.is_err() && moment.bug == Some(Bug::LeaseNotCompared) {
            keys.journal.extend(entries.iter().map(|entry| (lease.epoch, entry.clone())));
            return Ok(());
        }
        held?;
        if moment.bug == Some(Bug::RepeatsAppended) && first <= keys.end() {
            keys.journal.extend(entries.iter().map(|entry| (lease.epoch, entry.clone())));
            return Ok(());
        }
        keys.append(lease.epoch, first, entries)
    }

    pub(super) fn read_journal(
        &self,
        zone: ZoneNo,
        from: JournalIndex,
        max_bytes: usize,
    ) -> Result<Vec<(JournalIndex, Bytes)>, Error> {
        let Some(keys) = self.zones.get(&zone) else { return Ok(Vec::new()) };
        let from = from.max(JournalIndex(1));
        let skipped = from.0 as usize - 1;
        if skipped < keys.trimmed {
            let first = JournalIndex(keys.trimmed as u64 + 1);
            return Err(Error::Trimmed { operation: "read the journal", first });
        }
        let mut bytes = 0;
        let entries = (from.0..).map(JournalIndex).zip(keys.journal.iter().skip(skipped));
        let fitting = entries.take_while(|(index, (_, entry))| {
            bytes += entry.len();
            bytes <= max_bytes || *index == from
        });
        Ok(fitting.map(|(index, (_, entry))| (index, entry.clone())).collect())
    }

    pub(super) fn journal_end(&self, zone: ZoneNo) -> JournalIndex {
        self.zones.get(&zone).map(ZoneKeys::end).unwrap_or_default()
    }

    pub(super) fn trim_journal(&mut self, lease: &Lease, before: JournalIndex, moment: &Moment) -> Result<(), Error> {
        let keys = self.zones.entry(lease.zone).or_default();
        keys.holds(lease, moment, "trim the journal")?;
        if let Some((oldest, _)) = keys.snapshots.first() {
            let last = before.0.saturating_sub(1).min(oldest.0) as usize;
            keys.trimmed = keys.trimmed.max(last.min(keys.journal.len()));
        }
        Ok(())
    }

    /// The whole of a zone's journal, also what was trimmed, with the epochs it was written under.
    pub(super) fn history(&self, zone: ZoneNo) -> &[(Epoch, Bytes)] {
        self.zones.get(&zone).map_or(&[], |keys| &keys.journal)
    }
}

/// Operations on snapshots.
impl Store {
    pub(super) fn put_snapshot(
        &mut self,
        lease: &Lease,
        at: JournalIndex,
        bytes: &Bytes,
        moment: &Moment,
    ) -> Result<(), Error> {
        const OPERATION: &str = "store a snapshot";
        let keys = self.zones.entry(lease.zone).or_default();
        keys.holds(lease, moment, OPERATION)?;
        let newest = keys.snapshots.last().map(|(at, _)| *at).unwrap_or_default();
        let end = keys.end();
        if at < newest || at > end {
            return Err(Error::SnapshotOutOfOrder { operation: OPERATION, newest, end });
        }
        keys.snapshots.retain(|(other, _)| *other != at);
        keys.snapshots.push((at, bytes.clone()));
        if keys.snapshots.len() > SNAPSHOTS_KEPT {
            keys.snapshots.remove(0);
        }
        Ok(())
    }

    pub(super) fn snapshot(&self, zone: ZoneNo) -> Option<(JournalIndex, Bytes)> {
        self.zones.get(&zone)?.snapshots.last().cloned()
    }

    pub(super) fn snapshots(&self, zone: ZoneNo) -> Vec<JournalIndex> {
        self.zones.get(&zone).into_iter().flat_map(|keys| &keys.snapshots).map(|(at, _)| *at).collect()
    }

    pub(super) fn snapshot_at(&self, zone: ZoneNo, at: JournalIndex) -> Option<Bytes> {
        let snapshots = &self.zones.get(&zone)?.snapshots;
        snapshots.iter().find(|(stored, _)| *stored == at).map(|(_, bytes)| bytes.clone())
    }
}
