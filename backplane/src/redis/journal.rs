//! Journals in Redis: a stream a zone.

use bytes::Bytes;
use wod_protocol::ids::{JournalIndex, ZoneNo};

use super::Redis;
use super::connection::Lane;
use crate::error::Error;
use crate::types::Lease;

impl Redis {
    pub(crate) async fn append(&self, lease: &Lease, first: JournalIndex, entries: &[Bytes]) -> Result<(), Error> {
        const OPERATION: &str = "append to the journal";
        if first.0 == 0 {
            let expected = self.journal_end(lease.zone).await?.next();
            return Err(Error::NotNext { operation: OPERATION, expected });
        }
        let (zone, journal) = (self.keys.zone(lease.zone), self.keys.journal(lease.zone));
        let mut command = self.with_lease("append", &[&zone, &journal], lease);
        command.arg(first.0);
        for entry in entries {
            command.arg(&entry[..]);
        }
        let mut reply = self.call_to_write(OPERATION, &command).await?;
        if reply.word() == "not_next" {
            return Err(Error::NotNext { operation: OPERATION, expected: JournalIndex(reply.next()?) });
        }
        reply.ok()?;
        Ok(())
    }

    pub(crate) async fn read_journal(
        &self,
        zone: ZoneNo,
        from: JournalIndex,
        max_bytes: usize,
    ) -> Result<Vec<(JournalIndex, Bytes)>, Error> {
        const OPERATION: &str = "read the journal";
        let from = from.max(JournalIndex(1));
        let mut command = self.link.functions.call("read", &[&self.keys.zone(zone), &self.keys.journal(zone)]);
        command.arg(from.0).arg(max_bytes);
        let mut reply = self.call(OPERATION, &command).await?.ok()?;
        let end = JournalIndex(reply.next()?);
        let rows: Vec<(String, Bytes)> = reply.next()?;
        let mut entries = Vec::with_capacity(rows.len());
        for (id, bytes) in rows {
            let index = id.split('-').next().and_then(|index| index.parse().ok());
            let index = index.ok_or_else(|| Error::store(OPERATION, format!("the stream has an entry {id:?}")))?;
            entries.push((JournalIndex(index), bytes));
        }
        let first = entries.first().map_or(end.next(), |(index, _)| *index);
        if from < first && from <= end {
            return Err(Error::Trimmed { operation: OPERATION, first });
        }
        Ok(entries)
    }

    pub(crate) async fn journal_end(&self, zone: ZoneNo) -> Result<JournalIndex, Error> {
        let mut command = ::redis::cmd("HGET");
        command.arg(self.keys.zone(zone)).arg("last");
        let last: Option<u64> = self.query("find the journal's end", Lane::Store, &command).await?;
        Ok(JournalIndex(last.unwrap_or(0)))
    }

    pub(crate) async fn trim_journal(&self, lease: &Lease, before: JournalIndex) -> Result<(), Error> {
        let (zone, journal) = (self.keys.zone(lease.zone), self.keys.journal(lease.zone));
        let mut command = self.with_lease("trim", &[&zone, &journal], lease);
        command.arg(before.0);
        self.call_to_write("trim the journal", &command).await?.ok()?;
        Ok(())
    }
}
