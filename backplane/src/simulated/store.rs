//! The modelled store itself: pure, every operation a function of what is stored and of the moment. Zones are in
//! [`super::zones`], the rest is here.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use wod_protocol::ids::{Digest, Sub, ZoneNo};

use super::faults::Bug;
use super::zones::ZoneKeys;
use crate::error::Error;
use crate::types::Version;

/// All that the store keeps. A clone is what a replica has that lags behind from now on.
#[derive(Clone, Default)]
pub(super) struct Store {
    pub(super) zones: BTreeMap<ZoneNo, ZoneKeys>,
    records: BTreeMap<Sub, Record>,
    names: BTreeMap<String, Sub>,
    beats: BTreeMap<(String, String), Beat>,
    blobs: BTreeMap<Digest, Bytes>,
    values: BTreeMap<String, Bytes>,
}

/// What an operation finds when it is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The store's clock.
    pub(super) now: Duration,
    /// For this time only the last owner may claim.
    pub(super) hold_off: Duration,
    /// Of the store: another one after a restart, and after a replica has become the primary.
    pub(super) history: u64,
    /// For a lease given out now.
    pub(super) token: u64,
    /// For a record written now. Counted past any loss of the store's tail, as Redis's clock does.
    pub(super) version: u64,
    /// What the store does wrong on purpose.
    pub(super) bug: Option<Bug>,
}

#[derive(Clone)]
struct Record {
    version: Version,
    before: Version,
    bytes: Bytes,
}

#[derive(Clone)]
struct Beat {
    body: Bytes,
    expires: Duration,
}

/// Records and names.
impl Store {
    pub(super) fn record(&self, sub: &Sub) -> Option<(Version, Bytes)> {
        self.records.get(sub).map(|record| (record.version, record.bytes.clone()))
    }

    pub(super) fn records(&self) -> Vec<(Sub, Bytes)> {
        self.records.iter().map(|(sub, record)| (sub.clone(), record.bytes.clone())).collect()
    }

    pub(super) fn put_record(
        &mut self,
        sub: &Sub,
        expected: Version,
        bytes: &Bytes,
        moment: &Moment,
    ) -> Result<Version, Error> {
        let stored = self.records.get(sub);
        let version = stored.map_or(Version::ABSENT, |record| record.version);
        if version != expected {
            let repeats = stored.is_some_and(|record| record.before == expected && record.bytes == *bytes);
            let conflict = Error::Conflict { operation: "write a record", stored: version };
            return if repeats { Ok(version) } else { Err(conflict) };
        }
        if moment.bug == Some(Bug::RecordsNotKept) && moment.version.is_multiple_of(3) {
            return Ok(Version(moment.version));
        }
        let record = Record { version: Version(moment.version), before: version, bytes: bytes.clone() };
        self.records.insert(sub.clone(), record);
        Ok(Version(moment.version))
    }

    pub(super) fn delete_record(&mut self, sub: &Sub, expected: Version) -> Result<(), Error> {
        match self.records.get(sub).map(|record| record.version) {
            Some(stored) if stored != expected => Err(Error::Conflict { operation: "delete a record", stored }),
            _ => {
                self.records.remove(sub);
                Ok(())
            }
        }
    }

    pub(super) fn reserve_name(&mut self, folded: &str, sub: &Sub) -> Option<Sub> {
        let holder = self.names.entry(folded.to_owned()).or_insert_with(|| sub.clone());
        (holder != sub).then(|| holder.clone())
    }

    pub(super) fn name_owner(&self, folded: &str) -> Option<Sub> {
        self.names.get(folded).cloned()
    }

    pub(super) fn release_name(&mut self, folded: &str, sub: &Sub) {
        if self.names.get(folded) == Some(sub) {
            self.names.remove(folded);
        }
    }
}

/// Heartbeats, blobs and values.
impl Store {
    pub(super) fn beat(&mut self, kind: &str, id: &str, body: &Bytes, ttl: Duration, moment: &Moment) {
        let beat = Beat { body: body.clone(), expires: moment.now + ttl };
        self.beats.insert((kind.to_owned(), id.to_owned()), beat);
    }

    pub(super) fn beats(&self, kind: &str, moment: &Moment) -> Vec<(String, Bytes)> {
        let alive = self.beats.iter().filter(|((of, _), beat)| of == kind && beat.expires > moment.now);
        alive.map(|((_, id), beat)| (id.clone(), beat.body.clone())).collect()
    }

    pub(super) fn end_beat(&mut self, kind: &str, id: &str) {
        self.beats.remove(&(kind.to_owned(), id.to_owned()));
    }

    pub(super) fn put_blob(&mut self, digest: Digest, bytes: Bytes) {
        self.blobs.insert(digest, bytes);
    }

    pub(super) fn blob(&self, digest: Digest) -> Option<Bytes> {
        self.blobs.get(&digest).cloned()
    }

    pub(super) fn delete_blob(&mut self, digest: Digest) {
        self.blobs.remove(&digest);
    }

    pub(super) fn put_value(&mut self, key: &str, bytes: Bytes) {
        self.values.insert(key.to_owned(), bytes);
    }

    pub(super) fn replace_value(&mut self, key: &str, expected: Option<&Bytes>, bytes: Bytes) -> Result<(), Error> {
        let stored = self.values.get(key);
        if stored != expected && stored != Some(&bytes) {
            return Err(Error::Changed { operation: "replace a value", stored: stored.cloned() });
        }
        self.put_value(key, bytes);
        Ok(())
    }

    pub(super) fn value(&self, key: &str) -> Option<Bytes> {
        self.values.get(key).cloned()
    }

    pub(super) fn delete_value(&mut self, key: &str) {
        self.values.remove(key);
    }

    pub(super) fn values(&self, prefix: &str) -> Vec<(String, Bytes)> {
        let from = self.values.range(prefix.to_owned()..);
        let found = from.take_while(|(key, _)| key.starts_with(prefix));
        found.map(|(key, bytes)| (key.clone(), bytes.clone())).collect()
    }
}
