//! Player records, the index of names, blobs and named values.

use bytes::Bytes;
use redb::ReadableTable as _;
use wod_protocol::ids::{Digest, Sub};

use super::Embedded;
use super::commit::Failure;
use super::tables::{BLOBS, COUNTERS, NAMES, NEXT_VERSION, RECORDS, VALUES};
use crate::error::Error;
use crate::types::Version;

impl Embedded {
    pub(crate) async fn record(&self, sub: &Sub) -> Result<Option<(Version, Bytes)>, Error> {
        let sub = sub.clone();
        self.read("read a record", move |transaction| {
            let stored = transaction.open_table(RECORDS)?.get(sub.as_str())?;
            Ok(stored.map(|stored| {
                let (version, _, bytes) = stored.value();
                (Version(version), Bytes::copy_from_slice(bytes))
            }))
        })
        .await
    }

    pub(crate) async fn put_record(&self, sub: &Sub, expected: Version, bytes: Bytes) -> Result<Version, Error> {
        const OPERATION: &str = "write a record";
        let sub = sub.clone();
        self.write(OPERATION, move |transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            let (version, repeats) = match records.get(sub.as_str())? {
                None => (0, false),
                Some(stored) => {
                    let (version, before, stored) = stored.value();
                    (version, before == expected.0 && stored == &bytes[..])
                }
            };
            if version != expected.0 {
                let stored = Version(version);
                let conflict = Failure::Refused(Error::Conflict { operation: OPERATION, stored });
                return if repeats { Ok(stored) } else { Err(conflict) };
            }
            let mut counters = transaction.open_table(COUNTERS)?;
            let next = counters.get(NEXT_VERSION)?.map_or(1, |next| next.value());
            counters.insert(NEXT_VERSION, next + 1)?;
            records.insert(sub.as_str(), (next, version, &bytes[..]))?;
            Ok(Version(next))
        })
        .await
    }

    pub(crate) async fn delete_record(&self, sub: &Sub, expected: Version) -> Result<(), Error> {
        const OPERATION: &str = "delete a record";
        let sub = sub.clone();
        self.write(OPERATION, move |transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            let stored = records.get(sub.as_str())?.map(|stored| Version(stored.value().0));
            match stored {
                None => Ok(()), // a repeat
                Some(stored) if stored == expected => {
                    records.remove(sub.as_str())?;
                    Ok(())
                }
                Some(stored) => Err(Failure::Refused(Error::Conflict { operation: OPERATION, stored })),
            }
        })
        .await
    }

    pub(crate) async fn reserve_name(&self, folded: &str, sub: &Sub) -> Result<Option<Sub>, Error> {
        let (folded, sub) = (folded.to_owned(), sub.clone());
        self.write("reserve a name", move |transaction| {
            let mut names = transaction.open_table(NAMES)?;
            let holder = names.get(&*folded)?.map(|holder| Sub::from(holder.value()));
            if holder.is_none() {
                names.insert(&*folded, sub.as_str())?;
            }
            Ok(holder.filter(|holder| *holder != sub))
        })
        .await
    }

    pub(crate) async fn name_owner(&self, folded: &str) -> Result<Option<Sub>, Error> {
        let folded = folded.to_owned();
        self.read("look a name up", move |transaction| {
            Ok(transaction.open_table(NAMES)?.get(&*folded)?.map(|holder| Sub::from(holder.value())))
        })
        .await
    }

    pub(crate) async fn release_name(&self, folded: &str, sub: &Sub) -> Result<(), Error> {
        let (folded, sub) = (folded.to_owned(), sub.clone());
        self.write("release a name", move |transaction| {
            let mut names = transaction.open_table(NAMES)?;
            if names.get(&*folded)?.is_some_and(|holder| holder.value() == sub.as_str()) {
                names.remove(&*folded)?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn put_blob(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        self.write("store a blob", move |transaction| {
            let mut blobs = transaction.open_table(BLOBS)?;
            // Same digest, same bytes: the file is not written again at every start.
            if blobs.get(&digest.0)?.is_none() {
                blobs.insert(&digest.0, &bytes[..])?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn blob(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        self.read("load a blob", move |transaction| {
            let stored = transaction.open_table(BLOBS)?.get(&digest.0)?;
            Ok(stored.map(|stored| Bytes::copy_from_slice(stored.value())))
        })
        .await
    }

    pub(crate) async fn delete_blob(&self, digest: Digest) -> Result<(), Error> {
        self.write("delete a blob", move |transaction| {
            transaction.open_table(BLOBS)?.remove(&digest.0)?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn put_value(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        let key = key.to_owned();
        self.write("store a value", move |transaction| {
            transaction.open_table(VALUES)?.insert(&*key, &bytes[..])?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn replace_value(&self, key: &str, expected: Option<Bytes>, bytes: Bytes) -> Result<(), Error> {
        const OPERATION: &str = "replace a value";
        let key = key.to_owned();
        self.write(OPERATION, move |transaction| {
            let mut values = transaction.open_table(VALUES)?;
            let stored = values.get(&*key)?.map(|stored| Bytes::copy_from_slice(stored.value()));
            if stored != expected && stored.as_ref() != Some(&bytes) {
                return Err(Failure::Refused(Error::Changed { operation: OPERATION, stored }));
            }
            values.insert(&*key, &bytes[..])?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn value(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let key = key.to_owned();
        self.read("read a value", move |transaction| {
            let stored = transaction.open_table(VALUES)?.get(&*key)?;
            Ok(stored.map(|stored| Bytes::copy_from_slice(stored.value())))
        })
        .await
    }

    pub(crate) async fn delete_value(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.write("delete a value", move |transaction| {
            transaction.open_table(VALUES)?.remove(&*key)?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn values(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, Error> {
        let prefix = prefix.to_owned();
        self.read("list values", move |transaction| {
            let mut found = Vec::new();
            for row in transaction.open_table(VALUES)?.range(&*prefix..)? {
                let (key, bytes) = row?;
                if !key.value().starts_with(&prefix) {
                    break;
                }
                found.push((key.value().to_owned(), Bytes::copy_from_slice(bytes.value())));
            }
            Ok(found)
        })
        .await
    }
}
