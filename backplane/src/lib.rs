//! The backplane: everything processes share. One handle, [`Backplane`], and two backends behind it: an embedded one for
//! the world in a single process, and Redis for one spread over several.
//!
//! It offers lossy inboxes (the bus), zone leases with fencing epochs, journals, snapshots, player records with a unique
//! index of names, heartbeats, blobs by digest and small named values. It knows nothing of what is in them.
//!
//! # What is promised
//!
//! *Inboxes* promise nothing but order within a sender's connection: a message may be lost, and then, where the backplane
//! can know, an [`InboxEvent::Gap`] stands in its place. A full inbox drops the newest messages and counts them.
//!
//! *Ownership.* The store itself compares host, epoch and token with every claim, renewal, transfer, append, trim and
//! snapshot, so an owner that does not know it was replaced cannot change anything. An epoch is never given twice. A lease
//! runs out 3 s after its last use ([`LEASE_TTL`](wod_protocol::limits::LEASE_TTL)); running out allows others to claim,
//! nothing else, so an owner that comes back before anybody claimed just goes on. After an outage everybody's lease has
//! run out at once; so for 3 s after a handle has connected, for the first time or again, it is refused zones whose last
//! owner is somebody else, while that owner can renew. The host of the current lease may always claim again (it was
//! restarted): it gets a new epoch, and its former self is fenced.
//!
//! *Everything stored* is there when the call returns `Ok`, in this sense:
//!
//! | backend | `Ok` means | survives |
//! |---|---|---|
//! | embedded, directory | synced to disk; concurrent writes share one sync | `kill -9`, power cut |
//! | embedded, memory | in memory | nothing |
//! | Redis, [`Durability::Process`] | in Redis's memory, in its AOF within a second | `kill -9` of any of ours; that of Redis takes what waits for a sync under way, a power cut up to the last second |
//! | Redis, [`Durability::Replicated`] | also in a replica's memory | the loss of one machine |
//! | Redis, [`Durability::Fsync`] | synced to Redis's disk | power cut |
//!
//! *Lost tails.* A replica that takes over (Sentinel, Cluster) lacks what had not reached it, and a Redis that was killed may lack its
//! last moments. What is left is a beginning of the history of each server, never a part without what came before it. That
//! this may have happened shows in [`Backplane::incarnation`], which compares the server's run and replication ids on every
//! connection, before anything else is done over it; it also changes when nothing was lost. Then
//!
//! - an owner that is refused as [`Error::Fenced`] may have been forgotten instead of replaced: [`Backplane::reassert`]
//!   puts its lease back if no other of its epoch or a higher one is stored. Last owners have the 3 s for that
//!   in which nobody else may claim;
//! - an append is [`Error::NotNext`] with an `expected` that the owner has appended already: it appends again from there,
//!   whatever epoch the entries had at first. [`Error::Diverged`]: another owner went on from there; stop;
//! - records, names and values are what they were before: who remembers writing later ones writes them again;
//! - epochs don't repeat: the first claim or transfer of a zone in a new history goes far past the stored one, up to the clock (ms).
//!
//! An error other than a transient one means: not done. After a transient one ([`Error::is_transient`]) nobody knows;
//! every operation is made so that doing it again, unchanged, is right: an append by its index and bytes, a record by its
//! version and bytes, a transfer by its token. The backplane never repeats anything by itself. No operation takes
//! longer than about 2 s to say so.
//!
//! *Outages* show in [`Backplane::health`] within 2 s, of a cluster when any of its slots is without a primary that answers.
//! Connections are rebuilt for as long as the handle lives. Under Sentinel the sentinels are asked for the primary on every
//! (re)connect and once a second; in a cluster each key's commands go to its slot's primary, wherever that is now.

mod embedded;
mod error;
#[cfg(feature = "testing")]
pub mod faults;
mod handle;
mod inbox;
mod redis;
#[cfg(feature = "testing")]
pub mod simulated;
#[cfg(feature = "testing")]
pub mod testing;
mod types;

pub use error::{Error, Source};
pub use handle::Backplane;
pub use inbox::{Inbox, InboxEvent};
pub use types::{Claim, Durability, Health, Lease, RedisOptions, Version};
