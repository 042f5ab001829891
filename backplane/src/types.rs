//! What callers hand in and get back.

use std::time::Duration;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use wod_protocol::ids::{Digest, Epoch, HostId, ZoneNo};
use wod_protocol::registry::Owner;

/// The right to write a zone's history. Whoever holds the stored one may append; the store refuses every other.
///
/// It runs out [`LEASE_TTL`](wod_protocol::limits::LEASE_TTL) after the last claim, renewal or append. Running out only
/// allows somebody else to claim the zone: until that happens the holder may go on, and is the holder again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The zone.
    pub zone: ZoneNo,
    /// The holder.
    pub host: HostId,
    /// The fencing epoch: no other lease of this zone ever has it.
    pub epoch: Epoch,
    /// Tells this lease from one with the same epoch in a history that the store lost. Below 2⁵³.
    pub(crate) token: u64,
}

/// Snapshots that the store keeps of a zone, the newest ones.
pub(crate) const SNAPSHOTS_KEPT: usize = 2;

/// Tokens pass through the number types of Lua and JSON unharmed.
const TOKEN_BITS: u32 = 53;

impl Lease {
    /// Token of the lease that a transfer gives to `to`. A function of the old one, so that a repeated transfer is one transfer.
    pub(crate) fn token_for(&self, to: &HostId) -> u64 {
        let digest = Digest::of(format!("{}/{}/{}/{}/{to}", self.zone, self.host, self.epoch, self.token).as_bytes());
        let token = digest.0.iter().take(8).fold(0, |token, byte| token << 8 | u64::from(*byte));
        token >> (64 - TOKEN_BITS)
    }

    pub(crate) fn random_token() -> u64 {
        rand::rng().random_range(1..1 << TOKEN_BITS)
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { host: self.host.clone(), epoch: self.epoch }
    }
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The zone is the claimant's.
    Won(Lease),
    /// Somebody else's, or kept for its last owner; claim again after this time, if it is not renewed.
    Held(Owner, Duration),
}

/// Version of a stored record: grows with every write of it, never repeats, also not after a delete. Not always by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// What a record that does not exist has.
    pub const ABSENT: Self = Self(0);
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether the store answers. Changes within 2 s of the fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Connected,
    /// It does not: nothing can be written, nothing is received.
    Away,
}

/// What "stored" means on Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// In the memory of the Redis process, on its disk within a second (AOF `everysec`): survives a crash of ours and of
    /// Redis's process; a power cut may take the last second.
    #[default]
    Process,
    /// Also in the memory of one replica (`WAIT 1`): survives the loss of one machine.
    Replicated,
    /// On Redis's disk (AOF `always`): survives a power cut.
    Fsync,
}

/// How to use a Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// Begins every key and channel: several worlds can share one Redis. Without `{` and `}`. Default `wod`.
    pub prefix: String,
    /// What "stored" means. Default [`Durability::Process`].
    pub durability: Durability,
    /// Accept a Redis that keeps nothing on disk. For tests and throw-away worlds. Default false.
    pub allow_no_persistence: bool,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self { prefix: "wod".to_owned(), durability: Durability::default(), allow_no_persistence: false }
    }
}
