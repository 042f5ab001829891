//! What processes show each other and share: heartbeats, blobs by digest, small values by name.

use std::time::Duration;

use bytes::Bytes;
use wod_protocol::ids::Digest;

use super::{Backend, Backplane};
use crate::error::Error;

impl Backplane {
    // ---- heartbeats

    /// Shows `body` under (`kind`, `id`) for `ttl` from now. Kinds are short words: `host`, `gateway`. Lost in a restart of
    /// the embedded backend.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn beat(&self, kind: &str, id: &str, body: Bytes, ttl: Duration) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => {
                embedded.beat(kind, id, body, ttl);
                Ok(())
            }
            Backend::Redis(redis) => redis.beat(kind, id, &body, ttl).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.beat(kind, id, body, ttl).await,
        }
    }

    /// Everything of that kind that has not expired, ordered by id.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn beats(&self, kind: &str) -> Result<Vec<(String, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => Ok(embedded.beats(kind)),
            Backend::Redis(redis) => redis.beats(kind).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.beats(kind).await,
        }
    }

    /// Ends a heartbeat before it expires.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn end_beat(&self, kind: &str, id: &str) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => {
                embedded.end_beat(kind, id);
                Ok(())
            }
            Backend::Redis(redis) => redis.end_beat(kind, id).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.end_beat(kind, id).await,
        }
    }

    // ---- blobs and values

    /// Stores immutable bytes under their digest. Storing them again costs little.
    ///
    /// # Errors
    /// [`Error::WrongDigest`] when the bytes are others; transient ones, [`Error::Store`].
    pub async fn put_blob(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        if Digest::of(&bytes) != digest {
            return Err(Error::WrongDigest { operation: "store a blob" });
        }
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_blob(digest, bytes).await,
            Backend::Redis(redis) => redis.put_blob(digest, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_blob(digest, bytes).await,
        }
    }

    /// The bytes with that digest, checked.
    ///
    /// # Errors
    /// [`Error::WrongDigest`] when the store has damaged them; transient ones, [`Error::Store`].
    pub async fn blob(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        let found = match &self.backend {
            Backend::Embedded(embedded) => embedded.blob(digest).await?,
            Backend::Redis(redis) => redis.blob(digest).await?,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.blob(digest)?,
        };
        match found {
            Some(bytes) if Digest::of(&bytes) != digest => Err(Error::WrongDigest { operation: "load a blob" }),
            found => Ok(found),
        }
    }

    /// Deletes the bytes with that digest, if they are there. The caller knows that nobody else needs them.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn delete_blob(&self, digest: Digest) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.delete_blob(digest).await,
            Backend::Redis(redis) => redis.delete_blob(digest).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.delete_blob(digest).await,
        }
    }

    /// Stores a small value under a name; the last writer wins. For configuration: hundreds of keys, kilobytes each.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn put_value(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_value(key, bytes).await,
            Backend::Redis(redis) => redis.put_value(key, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_value(key, bytes).await,
        }
    }

    /// Stores a value under a name if what is stored there is still `expected` (none: nothing is). With `None` a value is
    /// written once and for ever. Where `bytes` themselves are stored already it was done before, and `Ok`.
    ///
    /// # Errors
    /// [`Error::Changed`] with what is stored; transient ones, [`Error::Store`].
    pub async fn replace_value(&self, key: &str, expected: Option<Bytes>, bytes: Bytes) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.replace_value(key, expected, bytes).await,
            Backend::Redis(redis) => redis.replace_value(key, expected.as_deref(), &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.replace_value(key, expected, bytes).await,
        }
    }

    /// The value under that name.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn value(&self, key: &str) -> Result<Option<Bytes>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.value(key).await,
            Backend::Redis(redis) => redis.value(key).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.value(key),
        }
    }

    /// Deletes the value under that name, if there is one.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn delete_value(&self, key: &str) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.delete_value(key).await,
            Backend::Redis(redis) => redis.delete_value(key).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.delete_value(key).await,
        }
    }

    /// All values whose names begin with `prefix`, ordered by name. Costs what is found, however many others there are.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn values(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.values(prefix).await,
            Backend::Redis(redis) => redis.values(prefix).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.values(prefix).await,
        }
    }
}
