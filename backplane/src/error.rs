//! What can go wrong, told apart by what the caller does next.

use std::path::PathBuf;

use bytes::Bytes;
use wod_protocol::ids::JournalIndex;

use crate::types::Version;

/// Where an error came from: the store's own library.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a backplane operation did not happen, or is not known to have happened.
///
/// Every operation is safe to repeat, so after a transient error ([`Error::is_transient`]) the right answer is to do
/// the same thing again, unchanged, after a short pause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store cannot be reached, or did not answer in time. Whether the operation took effect is not known.
    #[error("{operation}: the backplane is away")]
    Away {
        /// What was wanted.
        operation: &'static str,
        /// What the connection said; none when there was no connection to begin with.
        #[source]
        source: Option<Source>,
    },
    /// The lease is not the zone's current one: somebody else owns the zone. Stop; nothing of this owner counts any more.
    #[error("{operation}: the lease is no longer ours")]
    Fenced {
        /// What was wanted.
        operation: &'static str,
    },
    /// The entry would leave a gap in the journal, or another entry stands at its index already.
    #[error("{operation}: the journal goes on with entry {expected}")]
    NotNext {
        /// What was wanted.
        operation: &'static str,
        /// The only index that a new entry may have.
        expected: JournalIndex,
    },
    /// An entry of another owner stands where this one was to go: the store has lost what this owner wrote, and somebody
    /// else went on from there. Both histories were acknowledged; the stored one stands.
    #[error("{operation}: entry {at} is another owner's")]
    Diverged {
        /// What was wanted.
        operation: &'static str,
        /// The first entry that is.
        at: JournalIndex,
    },
    /// The journal no longer has that entry.
    #[error("{operation}: the journal was trimmed and begins with entry {first}")]
    Trimmed {
        /// What was wanted.
        operation: &'static str,
        /// The oldest entry that is left, or the next to come when none is.
        first: JournalIndex,
    },
    /// The snapshot is older than the newest stored one, or of an entry the journal does not have yet.
    #[error("{operation}: not between the newest snapshot ({newest}) and the journal's end ({end})")]
    SnapshotOutOfOrder {
        /// What was wanted.
        operation: &'static str,
        /// The newest stored snapshot, 0 when there is none.
        newest: JournalIndex,
        /// The journal's last entry, 0 when there is none.
        end: JournalIndex,
    },
    /// The store lost chunks of the snapshot before it was whole. Nothing of it is visible; put it again.
    #[error("{operation}: the store lost part of the snapshot before it was whole")]
    Torn {
        /// What was wanted.
        operation: &'static str,
    },
    /// The stored version is another one than expected (0: nothing is stored).
    #[error("{operation}: the stored version is {stored}")]
    Conflict {
        /// What was wanted.
        operation: &'static str,
        /// What is stored.
        stored: Version,
    },
    /// Another value is stored than the expected one, or none where one was expected.
    #[error("{operation}: the value was changed by somebody else")]
    Changed {
        /// What was wanted.
        operation: &'static str,
        /// What is stored now.
        stored: Option<Bytes>,
    },
    /// The bytes are not those that the digest names.
    #[error("{operation}: the bytes do not match their digest")]
    WrongDigest {
        /// What was wanted.
        operation: &'static str,
    },
    /// Written, but no replica has confirmed it in time ([`crate::Durability::Replicated`]). Repeat it.
    #[error("{operation}: no replica has confirmed the write; is one connected?")]
    NotReplicated {
        /// What was wanted.
        operation: &'static str,
    },
    /// This Redis would forget what it acknowledged.
    #[error("the Redis at {address} {problem}. {advice}")]
    NotPersistent {
        /// Host and port, without credentials.
        address: String,
        /// What is wrong with its configuration.
        problem: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Another process has the data directory open.
    #[error("{} is in use by another process: stop it, or choose another data directory", path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The backplane was closed by [`crate::Backplane::close`].
    #[error("{operation}: the backplane is closed")]
    Closed {
        /// What was wanted.
        operation: &'static str,
    },
    /// The store answered with an error of its own: disk full, file damaged, no permission.
    #[error("{operation}: the store failed")]
    Store {
        /// What was wanted.
        operation: &'static str,
        /// What the store said.
        #[source]
        source: Source,
    },
}

impl Error {
    /// Whether the same operation may succeed when it is simply done again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::NotReplicated { .. } | Self::Torn { .. })
    }

    /// Whether the zone has another owner by now.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }

    pub(crate) fn store(operation: &'static str, source: impl Into<Source>) -> Self {
        Self::Store { operation, source: source.into() }
    }
}
