//! Host to host: a running zone changes hands.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, JournalIndex, ZoneNo};

/// A word between a zone's owner and the host that takes it over. Any of them may be lost: the owner repeats `Prepare`, and
/// once the zone is handed over the store says so too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneMigration {
    /// The zone.
    pub zone: ZoneNo,
    /// The owner's epoch: words about another one are out of date.
    pub epoch: Epoch,
    /// What is said.
    pub word: MigrationWord,
}

/// See [`ZoneMigration`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationWord {
    /// Owner to target: make a copy and keep it up with the journal. Repeated while the owner waits.
    Prepare,
    /// Target to owner: the copy is close to the journal's end.
    Ready,
    /// Target to owner: it can't be; for people.
    Refused(String),
    /// Owner to target: the zone is yours.
    Handed {
        /// The backplane's lease, as it encodes it.
        lease: Bytes,
        /// The journal's last entry.
        end: JournalIndex,
        /// An operator wants it there: loads don't move it on for a while.
        stays: bool,
    },
    /// Target to owner: the zone ticks again.
    Running,
}
