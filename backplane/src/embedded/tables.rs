//! The tables of the file, and what is put in order when it is opened.

use std::collections::{HashMap, HashSet};

use redb::{Database, ReadableTable as _, TableDefinition};
use wod_protocol::ids::{Epoch, HostId, ZoneNo};

use super::commit::Failure;
use crate::types::Lease;

/// zone → (host, empty when released; epoch; token).
pub(super) const LEASES: TableDefinition<u16, (&str, u64, u64)> = TableDefinition::new("leases");
/// (zone, index) → (epoch, entry).
pub(super) const JOURNAL: TableDefinition<(u16, u64), (u64, &[u8])> = TableDefinition::new("journal");
/// zone → the last index ever appended, which outlives trimming.
pub(super) const JOURNAL_ENDS: TableDefinition<u16, u64> = TableDefinition::new("journal-ends");
/// (zone, index) → (upload, chunks). The pointer that makes a snapshot visible.
pub(super) const SNAPSHOTS: TableDefinition<(u16, u64), (u64, u32)> = TableDefinition::new("snapshots");
/// (upload, number from 0) → bytes.
pub(super) const CHUNKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("snapshot-chunks");
/// sub → (version, the version before, bytes).
pub(super) const RECORDS: TableDefinition<&str, (u64, u64, &[u8])> = TableDefinition::new("records");
/// folded name → sub.
pub(super) const NAMES: TableDefinition<&str, &str> = TableDefinition::new("names");
/// digest → bytes.
pub(super) const BLOBS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("blobs");
/// key → bytes.
pub(super) const VALUES: TableDefinition<&str, &[u8]> = TableDefinition::new("values");
/// Named counters.
pub(super) const COUNTERS: TableDefinition<&str, u64> = TableDefinition::new("counters");

/// The next version of a record that did not exist: one counter for all, so that a version never comes back after a delete.
pub(super) const NEXT_VERSION: &str = "record-version";

/// Creates missing tables (readers need them), deletes chunks of snapshots that never became visible because the
/// process died, and returns the stored leases.
pub(super) fn prepare(database: &Database) -> Result<HashMap<ZoneNo, Lease>, Failure> {
    let transaction = database.begin_write()?;
    transaction.open_table(JOURNAL)?;
    transaction.open_table(JOURNAL_ENDS)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(NAMES)?;
    transaction.open_table(BLOBS)?;
    transaction.open_table(VALUES)?;
    transaction.open_table(COUNTERS)?;

    let mut uploads = HashSet::new();
    for pointer in transaction.open_table(SNAPSHOTS)?.iter()? {
        uploads.insert(pointer?.1.value().0);
    }
    transaction.open_table(CHUNKS)?.retain(|(upload, _), _| uploads.contains(&upload))?;

    let mut leases = HashMap::new();
    for row in transaction.open_table(LEASES)?.iter()? {
        let (zone, lease) = row?;
        let zone = ZoneNo(zone.value());
        let (host, epoch, token) = lease.value();
        leases.insert(zone, Lease { zone, host: HostId::from(host), epoch: Epoch(epoch), token });
    }
    transaction.commit()?;
    Ok(leases)
}
