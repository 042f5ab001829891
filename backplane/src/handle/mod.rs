//! The handle that everybody has: opening and closing it, whether the store answers, and the bus. Its other operations stand by what
//! they are about.

mod players;
mod values;
mod zones;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use wod_protocol::bus::Process;

use crate::error::Error;
use crate::inbox::Inbox;
use crate::types::{Health, RedisOptions};
use crate::{embedded, redis};
#[cfg(feature = "testing")]
use crate::{faults, simulated};

/// A handle to the backplane. Clones are cheap and share everything; the last one dropped ends it.
#[derive(Clone)]
pub struct Backplane {
    backend: Backend,
    #[cfg(feature = "testing")]
    faults: faults::Faults,
}

#[derive(Clone)]
enum Backend {
    Embedded(Arc<embedded::Embedded>),
    Redis(Arc<redis::Redis>),
    #[cfg(feature = "testing")]
    Simulated(Arc<simulated::Simulated>),
}

impl Backplane {
    /// Opens the embedded backend on a data directory, which is created when it is missing; none: in memory only.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has the directory open; [`Error::Store`] when the file can't be used.
    pub async fn embedded(dir: Option<&Path>) -> Result<Self, Error> {
        Ok(Self::over(Backend::Embedded(Arc::new(embedded::Embedded::open(dir).await?))))
    }

    /// Connects to a Redis 7 or newer:
    ///
    /// - `redis://[user:password@]host[:port][/db]`, one server;
    /// - `redis+sentinel://[user:password@]host[:port],host[:port]…/NAME[/db]`, the primary called NAME of these sentinels (port
    ///   26379); user and password are the primary's, sentinels are asked without;
    /// - `redis+cluster://[user:password@]host[:port],host[:port]…`, the cluster these nodes belong to.
    ///
    /// # Errors
    /// [`Error::Away`] when it can't be reached, [`Error::NotPersistent`] when it would not keep what it acknowledges at the
    /// wanted durability, [`Error::Store`] when the address or credentials are wrong.
    pub async fn redis(url: &str, options: RedisOptions) -> Result<Self, Error> {
        Ok(Self::over(Backend::Redis(Arc::new(redis::Redis::connect(url, options).await?))))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn simulated(handle: simulated::Simulated) -> Self {
        Self::over(Backend::Simulated(Arc::new(handle)))
    }

    fn over(backend: Backend) -> Self {
        Self {
            backend,
            #[cfg(feature = "testing")]
            faults: faults::Faults::default(),
        }
    }

    /// What a test lets go wrong with the journal and with snapshots.
    #[cfg(feature = "testing")]
    pub fn faults(&self) -> &faults::Faults {
        &self.faults
    }

    /// Where tests let things go wrong.
    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unused_async, clippy::unused_self, reason = "only tests have faults")
    )]
    async fn meet_faults(&self, _operation: &'static str) -> Result<(), Error> {
        #[cfg(feature = "testing")]
        self.faults.meet(_operation).await?;
        Ok(())
    }

    /// Finishes what is being written, ends all inboxes and frees files and connections. Other clones of the handle
    /// get [`Error::Closed`] (or [`Error::Away`]) from then on.
    ///
    /// # Errors
    /// [`Error::Store`] when the file can't be closed cleanly.
    pub async fn close(self) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.close().await,
            Backend::Redis(redis) => {
                redis.close().await;
                Ok(())
            }
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => {
                simulated.close();
                Ok(())
            }
        }
    }

    /// Whether the store answers, as it changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.health(),
            Backend::Redis(redis) => redis.health(),
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.health(),
        }
    }

    /// Counts how often the store may have lost acknowledged writes since this handle was made: it has restarted, or a replica
    /// that may have lagged has become the primary. Changes before any operation can meet the other state. What to do then is
    /// in the crate's documentation. The embedded backend never loses anything: always 0.
    pub fn incarnation(&self) -> watch::Receiver<u64> {
        match &self.backend {
            Backend::Embedded(embedded) => embedded.incarnation(),
            Backend::Redis(redis) => redis.incarnation(),
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.incarnation(),
        }
    }

    /// Puts a message into a process's inbox, if it has one. Fire and forget: `Ok` says that it was handed on.
    ///
    /// # Errors
    /// [`Error::Away`], at once when the store is known to be away: the message is lost.
    pub async fn publish(&self, to: &Process, message: Bytes) -> Result<(), Error> {
        #[cfg(feature = "testing")]
        if self.faults.loses(&message) {
            return Ok(());
        }
        match &self.backend {
            Backend::Embedded(embedded) => {
                embedded.publish(to, message);
                Ok(())
            }
            Backend::Redis(redis) => redis.publish(to, &message).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.publish(to, message),
        }
    }

    /// Opens a process's inbox with room for `capacity` messages. It stays subscribed through outages.
    ///
    /// # Errors
    /// [`Error::Away`] when the subscription can't be made now.
    pub async fn subscribe(&self, me: &Process, capacity: usize) -> Result<Inbox, Error> {
        match &self.backend {
            Backend::Embedded(embedded) => Ok(embedded.subscribe(me, capacity)),
            Backend::Redis(redis) => redis.subscribe(me, capacity).await,
            #[cfg(feature = "testing")]
            Backend::Simulated(simulated) => simulated.subscribe(me, capacity),
        }
    }
}

impl std::fmt::Debug for Backplane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.backend {
            Backend::Embedded(_) => "Backplane(embedded)",
            Backend::Redis(_) => "Backplane(redis)",
            #[cfg(feature = "testing")]
            Backend::Simulated(_) => "Backplane(simulated)",
        })
    }
}
