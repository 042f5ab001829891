//! Player records, names, heartbeats and blobs in Redis.

use std::time::Duration;

use bytes::Bytes;
use wod_protocol::ids::{Digest, Sub};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

use super::connection::Lane;
use super::{Command, Redis};
use crate::error::Error;
use crate::types::Version;

/// Field of a blob's hash that says how many chunks it has, written when all are there.
const BLOB_CHUNKS: &str = "chunks";

impl Redis {
    pub(crate) async fn record(&self, sub: &Sub) -> Result<Option<(Version, Bytes)>, Error> {
        let command = Command::new("HMGET", self.keys.named("record", sub.as_str())).arg(&["v", "b"]);
        let (version, bytes): (Option<u64>, Option<Bytes>) = self.query("read a record", Lane::Store, command).await?;
        Ok(version.map(Version).zip(bytes))
    }

    pub(crate) async fn put_record(&self, sub: &Sub, expected: Version, bytes: &[u8]) -> Result<Version, Error> {
        const OPERATION: &str = "write a record";
        let key = self.keys.named("record", sub.as_str());
        let call = self.nodes.functions().call("put_record", &[&key]).arg(expected.0).arg(bytes);
        let mut reply = self.call_to_write(OPERATION, call).await?;
        match reply.word() {
            "conflict" => Err(Error::Conflict { operation: OPERATION, stored: Version(reply.next()?) }),
            _ => Ok(Version(reply.ok()?.next()?)),
        }
    }

    pub(crate) async fn delete_record(&self, sub: &Sub, expected: Version) -> Result<(), Error> {
        const OPERATION: &str = "delete a record";
        let key = self.keys.named("record", sub.as_str());
        let call = self.nodes.functions().call("delete_record", &[&key]).arg(expected.0);
        let mut reply = self.call_to_write(OPERATION, call).await?;
        match reply.word() {
            "conflict" => Err(Error::Conflict { operation: OPERATION, stored: Version(reply.next()?) }),
            _ => reply.ok().map(drop),
        }
    }

    pub(crate) async fn reserve_name(&self, folded: &str, sub: &Sub) -> Result<Option<Sub>, Error> {
        let command = Command::new("SET", self.keys.named("name", folded)).arg(sub.as_str()).arg("NX").arg("GET");
        let holder: Option<String> = self.write("reserve a name", command).await?;
        Ok(holder.map(Sub::from).filter(|holder| holder != sub))
    }

    pub(crate) async fn name_owner(&self, folded: &str) -> Result<Option<Sub>, Error> {
        let command = Command::new("GET", self.keys.named("name", folded));
        let holder: Option<String> = self.query("look a name up", Lane::Store, command).await?;
        Ok(holder.map(Sub::from))
    }

    pub(crate) async fn release_name(&self, folded: &str, sub: &Sub) -> Result<(), Error> {
        let call = self.nodes.functions().call("release_name", &[&self.keys.named("name", folded)]).arg(sub.as_str());
        self.call_to_write("release a name", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn beat(&self, kind: &str, id: &str, body: &[u8], ttl: Duration) -> Result<(), Error> {
        let [expiries, bodies] = self.keys.beats(kind);
        let call = self.nodes.functions().call("beat", &[&expiries, &bodies]);
        self.call("send a heartbeat", call.arg(id).arg(body).arg(ttl.as_millis() as u64)).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn beats(&self, kind: &str) -> Result<Vec<(String, Bytes)>, Error> {
        let [expiries, bodies] = self.keys.beats(kind);
        let call = self.nodes.functions().call("beats", &[&expiries, &bodies]);
        let mut beats: Vec<(String, Bytes)> = self.call("list heartbeats", call).await?.ok()?.next()?;
        beats.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(beats)
    }

    pub(crate) async fn end_beat(&self, kind: &str, id: &str) -> Result<(), Error> {
        let [expiries, bodies] = self.keys.beats(kind);
        let call = self.nodes.functions().call("end_beat", &[&expiries, &bodies]).arg(id);
        self.call("end a heartbeat", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn put_blob(&self, digest: Digest, bytes: &Bytes) -> Result<(), Error> {
        const OPERATION: &str = "store a blob";
        let key = self.keys.named("blob", &digest.to_string());
        if self.blob_chunks(OPERATION, &key).await?.is_some() {
            return Ok(());
        }
        // An upload that broke off is simply gone over again: same digest, same chunks.
        let mut count = 0;
        for chunk in bytes.chunks(SNAPSHOT_CHUNK_BYTES) {
            let command = Command::new("HSET", key.clone()).arg(count).arg(chunk);
            self.query::<()>(OPERATION, Lane::Bulk, command).await?;
            count += 1;
        }
        self.write(OPERATION, Command::new("HSET", key).arg(BLOB_CHUNKS).arg(count)).await
    }

    pub(crate) async fn blob(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        const OPERATION: &str = "load a blob";
        let key = self.keys.named("blob", &digest.to_string());
        match self.blob_chunks(OPERATION, &key).await? {
            Some(count) => self.chunks(OPERATION, &key, count).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn delete_blob(&self, digest: Digest) -> Result<(), Error> {
        let command = Command::new("UNLINK", self.keys.named("blob", &digest.to_string()));
        self.write("delete a blob", command).await
    }

    async fn blob_chunks(&self, operation: &'static str, key: &str) -> Result<Option<usize>, Error> {
        let command = Command::new("HGET", key.to_owned()).arg(BLOB_CHUNKS);
        self.query(operation, Lane::Store, command).await
    }
}
