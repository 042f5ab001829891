//! Snapshots in Redis: a hash of chunks that expires unless a pointer names it. The pointer is written by a function that
//! checks the lease and that every chunk is there.

use std::time::Duration;

use bytes::Bytes;
use wod_protocol::ids::{Digest, JournalIndex, ZoneNo};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

use super::connection::Lane;
use super::{Command, Redis};
use crate::error::Error;
use crate::types::Lease;

/// Chunks that no pointer names by then belong to an upload that broke off.
const UPLOAD_EXPIRES: Duration = Duration::from_secs(600);
/// A snapshot that is replaced while it is read is looked up again; so often that only a broken store fails.
const LOAD_ATTEMPTS: usize = 5;

/// What the zone's hash says of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pointer {
    at: JournalIndex,
    upload: u64,
    chunks: usize,
    digest: Digest,
}

impl Redis {
    pub(crate) async fn put_snapshot(&self, lease: &Lease, at: JournalIndex, bytes: &Bytes) -> Result<(), Error> {
        const OPERATION: &str = "store a snapshot";
        let upload = Lease::random_token();
        let (zone, key) = (self.keys.zone(lease.zone), self.keys.snapshot(lease.zone, upload));
        let mut chunks = 0;
        for chunk in bytes.chunks(SNAPSHOT_CHUNK_BYTES) {
            let call = self.nodes.functions().call("upload", &[&key]);
            let call = call.arg(chunks).arg(chunk).arg(UPLOAD_EXPIRES.as_secs());
            Box::pin(self.call_over(OPERATION, Lane::Bulk, call)).await?.0.ok()?;
            chunks += 1;
        }
        let call = self.with_lease("point", &[&zone, &key], lease);
        let call = call.arg(at.0).arg(upload).arg(chunks).arg(Digest::of(bytes).to_string());
        let mut reply = self.call_to_write(OPERATION, call).await?;
        match reply.word() {
            "torn" => Err(Error::Torn { operation: OPERATION }),
            "out_of_order" => {
                let (newest, end) = (JournalIndex(reply.next()?), JournalIndex(reply.next()?));
                Err(Error::SnapshotOutOfOrder { operation: OPERATION, newest, end })
            }
            _ => reply.ok().map(drop),
        }
    }

    pub(crate) async fn snapshot(&self, zone: ZoneNo) -> Result<Option<(JournalIndex, Bytes)>, Error> {
        const OPERATION: &str = "load a snapshot";
        'look: for _ in 0..LOAD_ATTEMPTS {
            let pointers = self.pointers(OPERATION, zone).await?;
            if pointers.is_empty() {
                return Ok(None);
            }
            for pointer in pointers.iter().rev() {
                if let Some(bytes) = self.load(OPERATION, zone, pointer).await? {
                    return Ok(Some((pointer.at, bytes)));
                }
                if self.pointers(OPERATION, zone).await? != pointers {
                    continue 'look; // it was replaced meanwhile
                }
                tracing::error!(%zone, at = %pointer.at, "a snapshot is damaged; trying the one before");
            }
            return Err(Error::store(OPERATION, format!("no snapshot of zone {zone} is whole")));
        }
        Err(Error::store(OPERATION, format!("the snapshots of zone {zone} change faster than they can be read")))
    }

    pub(crate) async fn snapshots(&self, zone: ZoneNo) -> Result<Vec<JournalIndex>, Error> {
        let pointers = self.pointers("list snapshots", zone).await?;
        Ok(pointers.into_iter().map(|pointer| pointer.at).collect())
    }

    pub(crate) async fn snapshot_at(&self, zone: ZoneNo, at: JournalIndex) -> Result<Option<Bytes>, Error> {
        const OPERATION: &str = "load a snapshot";
        let pointers = self.pointers(OPERATION, zone).await?;
        match pointers.iter().find(|pointer| pointer.at == at) {
            Some(pointer) => self.load(OPERATION, zone, pointer).await,
            None => Ok(None),
        }
    }

    /// The kept snapshots, oldest first.
    async fn pointers(&self, operation: &'static str, zone: ZoneNo) -> Result<Vec<Pointer>, Error> {
        let command = Command::new("HMGET", self.keys.zone(zone)).arg(&["older", "newest"]);
        let texts: Vec<Option<String>> = self.query(operation, Lane::Store, command).await?;
        let unreadable = |text: &String| Error::store(operation, format!("unreadable snapshot pointer {text:?}"));
        texts.iter().flatten().map(|text| Pointer::parse(text).ok_or_else(|| unreadable(text))).collect()
    }

    /// The bytes; none when a chunk is missing or they are not those that were stored.
    async fn load(&self, operation: &'static str, zone: ZoneNo, pointer: &Pointer) -> Result<Option<Bytes>, Error> {
        let key = self.keys.snapshot(zone, pointer.upload);
        let bytes = self.chunks(operation, &key, pointer.chunks).await?;
        Ok(bytes.filter(|bytes| Digest::of(bytes) == pointer.digest))
    }

    /// A hash of chunks, numbered from 0, put together; none when one is missing.
    pub(super) async fn chunks(
        &self,
        operation: &'static str,
        key: &str,
        count: usize,
    ) -> Result<Option<Bytes>, Error> {
        let mut bytes = Vec::new();
        for number in 0..count {
            let command = Command::new("HGET", key.to_owned()).arg(number);
            let chunk: Option<Bytes> = self.query(operation, Lane::Bulk, command).await?;
            let Some(chunk) = chunk else { return Ok(None) };
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes.into()))
    }
}

impl Pointer {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self {
            at: JournalIndex(words.next()?.parse().ok()?),
            upload: words.next()?.parse().ok()?,
            chunks: words.next()?.parse().ok()?,
            digest: Digest::parse(words.next()?)?,
        })
    }
}
