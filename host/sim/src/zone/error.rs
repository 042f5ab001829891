//! What can go wrong around a zone. (Within it, nothing: bad input is refused, a module's fault is an outcome.)

use wod_protocol::ids::{Digest, Tick, ZoneNo};

use crate::module::Fault;

/// Why a snapshot can't be had now.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The module failed while it saved; the zone is without a module now, and its next tick's outcome says so.
    #[error("the module failed to save its state: {0}")]
    Fault(#[source] Fault),
    /// The module is missing; rebuild it first.
    #[error("the zone's module is missing: rebuild it first")]
    ModuleMissing,
    /// The state does not encode.
    #[error("the zone's state does not encode: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
}

/// Why a snapshot can't be taken over.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Not a snapshot of this format.
    #[error("the snapshot does not decode: {0}")]
    Decode(#[from] rmp_serde::decode::Error),
    /// Written by another format version.
    #[error("the snapshot has format {found}, this program reads {expected}")]
    Format {
        /// Its format.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// Of another zone, or the world file has no such zone.
    #[error("the snapshot is of zone {found}, wanted was zone {expected} of the world file")]
    WrongZone {
        /// Whose it is.
        found: ZoneNo,
        /// Whose it should be.
        expected: ZoneNo,
    },
    /// The module does not load.
    #[error("module {digest} does not take the snapshot's state: {fault}")]
    Module {
        /// Which.
        digest: Digest,
        /// Why.
        #[source]
        fault: Fault,
    },
}

/// Why a replay stopped or is not the same as what was.
#[derive(Debug, thiserror::Error)]
pub enum Diverged {
    /// Another version of the simulation wrote it: it can be taken over at a snapshot only.
    #[error("tick {tick} was written by simulation version {found}, this is version {expected}")]
    Version {
        /// The entry's tick.
        tick: Tick,
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// The entry lies before the zone's state.
    #[error("the entry's tick {entry} is not after the zone's tick {zone}")]
    Past {
        /// The entry's tick.
        entry: Tick,
        /// The zone's.
        zone: Tick,
    },
    /// Its effects differ.
    #[error("tick {tick} had other effects (hash {found:016x}) than the journal says ({expected:016x})")]
    Effects {
        /// The tick.
        tick: Tick,
        /// The journal's hash.
        expected: u64,
        /// The replay's.
        found: u64,
    },
    /// A module call that went through failed in the replay.
    #[error("tick {tick}: the module came through, in the replay it failed: {fault}")]
    Module {
        /// The tick.
        tick: Tick,
        /// How.
        #[source]
        fault: Fault,
    },
}
