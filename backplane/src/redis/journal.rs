//! Journals in Redis: a stream a zone.

use bytes::Bytes;
use wod_protocol::ids::{JournalIndex, ZoneNo};

use super::connection::Lane;
use super::{Command, Redis};
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
        let call = self.with_lease("append", &[&zone, &journal], lease).arg(first.0);
        let call = entries.iter().fold(call, |call, entry| call.arg(&entry[..]));
        let mut reply = self.call_to_write(OPERATION, call).await?;
        match reply.word() {
            "not_next" => Err(Error::NotNext { operation: OPERATION, expected: JournalIndex(reply.next()?) }),
            "diverged" => Err(Error::Diverged { operation: OPERATION, at: JournalIndex(reply.next()?) }),
            _ => reply.ok().map(drop),
        }
    }

    pub(crate) async fn read_journal(
        &self,
        zone: ZoneNo,
        from: JournalIndex,
        max_bytes: usize,
    ) -> Result<Vec<(JournalIndex, Bytes)>, Error> {
        const OPERATION: &str = "read the journal";
        let from = from.max(JournalIndex(1));
        let call = self.nodes.functions().call("read", &[&self.keys.zone(zone), &self.keys.journal(zone)]);
        let mut reply = self.call(OPERATION, call.arg(from.0).arg(max_bytes)).await?.ok()?;
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
        let command = Command::new("HGET", self.keys.zone(zone)).arg("last");
        let last: Option<u64> = self.query("find the journal's end", Lane::Store, command).await?;
        Ok(JournalIndex(last.unwrap_or(0)))
    }

    pub(crate) async fn trim_journal(&self, lease: &Lease, before: JournalIndex) -> Result<(), Error> {
        let (zone, journal) = (self.keys.zone(lease.zone), self.keys.journal(lease.zone));
        let call = self.with_lease("trim", &[&zone, &journal], lease).arg(before.0);
        self.call_to_write("trim the journal", call).await?.ok()?;
        Ok(())
    }
}
