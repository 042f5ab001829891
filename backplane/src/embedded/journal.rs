//! Journals: numbered entries a zone, appended only by the lease's holder and only without gaps.

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};
use tokio::time::Instant;
use wod_protocol::ids::{JournalIndex, ZoneNo};

use super::Embedded;
use super::commit::Failure;
use super::tables::{JOURNAL, JOURNAL_ENDS, SNAPSHOTS};
use crate::error::Error;
use crate::types::Lease;

impl Embedded {
    pub(crate) async fn append(&self, lease: &Lease, first: JournalIndex, entries: Vec<Bytes>) -> Result<(), Error> {
        const OPERATION: &str = "append to the journal";
        let (leases, lease, now) = (self.leases.clone(), lease.clone(), Instant::now());
        self.write(OPERATION, move |transaction| {
            leases.renew(&lease, OPERATION, now)?;
            append(transaction, &lease, first, &entries, OPERATION)
        })
        .await
    }

    pub(crate) async fn read_journal(
        &self,
        zone: ZoneNo,
        from: JournalIndex,
        max_bytes: usize,
    ) -> Result<Vec<(JournalIndex, Bytes)>, Error> {
        const OPERATION: &str = "read the journal";
        self.read(OPERATION, move |transaction| {
            let from = from.max(JournalIndex(1));
            let mut entries = Vec::new();
            let mut bytes = 0;
            for row in transaction.open_table(JOURNAL)?.range((zone.0, from.0)..=(zone.0, u64::MAX))? {
                let (key, entry) = row?;
                let entry = Bytes::copy_from_slice(entry.value().1);
                bytes += entry.len();
                if bytes > max_bytes && !entries.is_empty() {
                    break;
                }
                entries.push((JournalIndex(key.value().1), entry));
            }
            let end = journal_end(transaction, zone)?;
            let first = entries.first().map_or(end.next(), |(index, _)| *index);
            if from < first && from <= end {
                return Err(Failure::Refused(Error::Trimmed { operation: OPERATION, first }));
            }
            Ok(entries)
        })
        .await
    }

    pub(crate) async fn journal_end(&self, zone: ZoneNo) -> Result<JournalIndex, Error> {
        self.read("find the journal's end", move |transaction| journal_end(transaction, zone)).await
    }

    pub(crate) async fn trim_journal(&self, lease: &Lease, before: JournalIndex) -> Result<(), Error> {
        const OPERATION: &str = "trim the journal";
        let (leases, lease, now) = (self.leases.clone(), lease.clone(), Instant::now());
        self.write(OPERATION, move |transaction| {
            leases.renew(&lease, OPERATION, now)?;
            let zone = lease.zone.0;
            let snapshots = transaction.open_table(SNAPSHOTS)?;
            let oldest = snapshots.range((zone, 0)..=(zone, u64::MAX))?.next().transpose()?;
            let Some(needed) = oldest.map(|(key, _)| key.value().1 + 1) else { return Ok(()) };
            let trimmed = (zone, 0)..(zone, before.0.min(needed));
            transaction.open_table(JOURNAL)?.retain_in(trimmed, |_, _| false)?;
            Ok(())
        })
        .await
    }
}

fn append(
    transaction: &WriteTransaction,
    lease: &Lease,
    first: JournalIndex,
    entries: &[Bytes],
    operation: &'static str,
) -> Result<(), Failure> {
    let zone = lease.zone.0;
    let mut journal = transaction.open_table(JOURNAL)?;
    let mut ends = transaction.open_table(JOURNAL_ENDS)?;
    let end = ends.get(zone)?.map_or(0, |end| end.value());
    let not_next = || Failure::Refused(Error::NotNext { operation, expected: JournalIndex(end + 1) });
    if first.0 == 0 || first.0 > end + 1 {
        return Err(not_next());
    }
    let numbered = || (first.0..).zip(entries);
    // All checks come before the first insert: a refused append must leave no trace in the group's transaction.
    for (index, entry) in numbered().take_while(|(index, _)| *index <= end) {
        let stored = journal.get((zone, index))?;
        let Some((epoch, bytes)) = stored.as_ref().map(|stored| stored.value()) else { return Err(not_next()) };
        if epoch != lease.epoch.0 {
            return Err(Failure::Refused(Error::Diverged { operation, at: JournalIndex(index) }));
        }
        if bytes != &entry[..] {
            return Err(not_next());
        }
    }
    for (index, entry) in numbered().skip_while(|(index, _)| *index <= end) {
        journal.insert((zone, index), (lease.epoch.0, &entry[..]))?;
    }
    let last = first.0 + entries.len() as u64 - 1;
    if last > end {
        ends.insert(zone, last)?;
    }
    Ok(())
}

/// The last index ever appended, 0 for none.
pub(super) fn journal_end(transaction: &ReadTransaction, zone: ZoneNo) -> Result<JournalIndex, Failure> {
    Ok(JournalIndex(transaction.open_table(JOURNAL_ENDS)?.get(zone.0)?.map_or(0, |end| end.value())))
}
