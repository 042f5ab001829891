//! Player records, and who has which name.

use bytes::Bytes;
use wod_protocol::ids::Sub;

use super::{Backend, Backplane};
use crate::error::Error;
use crate::types::Version;

impl Backplane {
    /// A player's record with its version.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn record(&self, sub: &Sub) -> Result<Option<(Version, Bytes)>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.record(sub).await,
            Backend::Redis(redis) => redis.record(sub).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.record(sub).await,
        }
    }

    /// Writes a record if the stored version is still `expected` ([`Version::ABSENT`]: there is none), and returns the new
    /// version. A repeat, with the same bytes and nothing written in between, is one write.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the stored version; transient ones, [`Error::Store`].
    pub async fn put_record(&self, sub: &Sub, expected: Version, bytes: Bytes) -> Result<Version, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.put_record(sub, expected, bytes).await,
            Backend::Redis(redis) => redis.put_record(sub, expected, &bytes).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.put_record(sub, expected, bytes).await,
        }
    }

    /// Deletes a record of that version. No record at all: nothing to do, and `Ok`.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the stored version; transient ones, [`Error::Store`].
    pub async fn delete_record(&self, sub: &Sub, expected: Version) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.delete_record(sub, expected).await,
            Backend::Redis(redis) => redis.delete_record(sub, expected).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.delete_record(sub, expected).await,
        }
    }

    /// Takes a name, folded by the caller, for a player. None: it is hers now, or was already. Otherwise: who has it.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn reserve_name(&self, folded: &str, sub: &Sub) -> Result<Option<Sub>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.reserve_name(folded, sub).await,
            Backend::Redis(redis) => redis.reserve_name(folded, sub).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.reserve_name(folded, sub).await,
        }
    }

    /// Who has that folded name.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn name_owner(&self, folded: &str) -> Result<Option<Sub>, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.name_owner(folded).await,
            Backend::Redis(redis) => redis.name_owner(folded).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.name_owner(folded).await,
        }
    }

    /// Frees a name if it is this player's; nothing happens otherwise.
    ///
    /// # Errors
    /// Transient ones, [`Error::Store`].
    pub async fn release_name(&self, folded: &str, sub: &Sub) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.release_name(folded, sub).await,
            Backend::Redis(redis) => redis.release_name(folded, sub).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.release_name(folded, sub).await,
        }
    }
}
