//! Snapshots: chunks under a fresh upload number first, each in a commit of its own so that appends go on between them, then
//! one pointer that makes the snapshot visible.

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};
use tokio::time::Instant;
use wod_protocol::ids::{JournalIndex, ZoneNo};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

use super::Embedded;
use super::commit::Failure;
use super::tables::{CHUNKS, JOURNAL_ENDS, SNAPSHOTS};
use crate::error::Error;
use crate::types::{Lease, SNAPSHOTS_KEPT};

impl Embedded {
    pub(crate) async fn put_snapshot(&self, lease: &Lease, at: JournalIndex, bytes: Bytes) -> Result<(), Error> {
        const OPERATION: &str = "store a snapshot";
        let upload = Lease::random_token();
        let mut chunks = 0;
        for chunk in bytes.chunks(SNAPSHOT_CHUNK_BYTES) {
            let (number, chunk) = (chunks, bytes.slice_ref(chunk));
            self.write(OPERATION, move |transaction| {
                transaction.open_table(CHUNKS)?.insert((upload, number), &chunk[..])?;
                Ok(())
            })
            .await?;
            chunks += 1;
        }
        let (leases, lease, now) = (self.leases.clone(), lease.clone(), Instant::now());
        self.write(OPERATION, move |transaction| {
            let shown = leases.renew(&lease, OPERATION, now).map_err(Failure::Refused);
            let shown = shown.and_then(|()| point(transaction, lease.zone, at, (upload, chunks), OPERATION));
            if let Err(Failure::Refused(refusal)) = shown {
                // The one write that goes with a refusal: chunks that nothing will ever point to.
                delete_upload(transaction, upload)?;
                return Ok(Err(refusal));
            }
            shown.map(Ok)
        })
        .await?
    }

    pub(crate) async fn snapshot(&self, zone: ZoneNo) -> Result<Option<(JournalIndex, Bytes)>, Error> {
        self.read("load a snapshot", move |transaction| {
            let snapshots = transaction.open_table(SNAPSHOTS)?;
            let Some(newest) = snapshots.range((zone.0, 0)..=(zone.0, u64::MAX))?.next_back().transpose()? else {
                return Ok(None);
            };
            let bytes = load(transaction, newest.1.value())?;
            Ok(Some((JournalIndex(newest.0.value().1), bytes)))
        })
        .await
    }

    pub(crate) async fn snapshots(&self, zone: ZoneNo) -> Result<Vec<JournalIndex>, Error> {
        self.read("list snapshots", move |transaction| {
            let snapshots = transaction.open_table(SNAPSHOTS)?;
            let rows = snapshots.range((zone.0, 0)..=(zone.0, u64::MAX))?;
            Ok(rows.map(|row| row.map(|(key, _)| JournalIndex(key.value().1))).collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn snapshot_at(&self, zone: ZoneNo, at: JournalIndex) -> Result<Option<Bytes>, Error> {
        self.read("load a snapshot", move |transaction| {
            let pointer = transaction.open_table(SNAPSHOTS)?.get((zone.0, at.0))?;
            pointer.map(|pointer| load(transaction, pointer.value())).transpose()
        })
        .await
    }
}

/// Makes an upload the newest snapshot and deletes what falls out of the kept ones.
fn point(
    transaction: &WriteTransaction,
    zone: ZoneNo,
    at: JournalIndex,
    pointer: (u64, u32),
    operation: &'static str,
) -> Result<(), Failure> {
    let end = transaction.open_table(JOURNAL_ENDS)?.get(zone.0)?.map_or(0, |end| end.value());
    let mut snapshots = transaction.open_table(SNAPSHOTS)?;
    let mut kept = Vec::with_capacity(SNAPSHOTS_KEPT + 1);
    for row in snapshots.range((zone.0, 0)..=(zone.0, u64::MAX))? {
        kept.push(row?.0.value().1);
    }
    let newest = kept.last().copied().unwrap_or(0);
    if at.0 < newest || at.0 > end {
        let (newest, end) = (JournalIndex(newest), JournalIndex(end));
        return Err(Failure::Refused(Error::SnapshotOutOfOrder { operation, newest, end }));
    }
    if let Some(replaced) = snapshots.insert((zone.0, at.0), pointer)? {
        delete_upload(transaction, replaced.value().0)?;
    } else {
        kept.push(at.0);
    }
    let surplus = kept.len().saturating_sub(SNAPSHOTS_KEPT);
    for old in kept.drain(..surplus) {
        if let Some(removed) = snapshots.remove((zone.0, old))? {
            delete_upload(transaction, removed.value().0)?;
        }
    }
    Ok(())
}

fn delete_upload(transaction: &WriteTransaction, upload: u64) -> Result<(), Failure> {
    Ok(transaction.open_table(CHUNKS)?.retain_in((upload, 0)..=(upload, u32::MAX), |_, _| false)?)
}

fn load(transaction: &ReadTransaction, (upload, count): (u64, u32)) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    let mut found = 0;
    for chunk in transaction.open_table(CHUNKS)?.range((upload, 0)..=(upload, u32::MAX))? {
        bytes.extend_from_slice(chunk?.1.value());
        found += 1;
    }
    // Pointer and chunks are written in the order that makes this impossible; a damaged file is not passed on.
    if found != count {
        let damage = format!("snapshot upload {upload} has {found} of {count} chunks");
        return Err(Failure::Store(redb::Error::Corrupted(damage)));
    }
    Ok(bytes.into())
}
