//! The zone's state machine: players, their sessions and commands, the module's calls, and what has to reach others.

mod error;

use std::sync::Arc;

use wod_protocol::ids::{Digest, EntityId, Epoch, Generation, Tick, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::world::World;

use crate::io::{Effects, Entry, Input, Outcome};
use crate::module::{Description, Fault, Module};

pub use error::{Diverged, RestoreError, SnapshotError};

/// Where a zone gets instances of modules. Implemented by the host (and the testkit).
pub trait Modules {
    /// A fresh instance of the component with this digest, nothing called yet but its description, and its map.
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault>;
    /// The instance that was rebuilt after a fault, with the state of just before it. Called for [`Input::Rebuilt`].
    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault>;
}

/// A module ready to be given to a zone.
pub struct Prepared {
    /// The instance; neither `init` nor `load` was called.
    pub module: Box<dyn Module>,
    /// The component's map.
    pub map: Arc<Map>,
    /// Digest of the map's JSON, for clients.
    pub map_digest: Digest,
}

/// Whether a zone may stop ticking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// Something goes on: every tick counts.
    No,
    /// Nothing happens before an input comes.
    UntilInput,
    /// Nothing happens before this tick; it must be stepped, with [`Input::Woke`] first.
    Until(Tick),
}

/// A player in the zone, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerInfo {
    /// Her avatar.
    pub id: EntityId,
    /// Her name.
    pub name: String,
    /// Whether her connection is lost and the zone waits for a resume.
    pub away: bool,
}

/// A zone: simulated state plus its running module.
pub struct Zone {
    world: Arc<World>,
    number: ZoneNo,
}

impl Zone {
    /// A zone that never ran. Its first input must be [`Input::Owned`] with [`crate::io::Took::Fresh`]; a [`Input::Swap`]
    /// gives it its module.
    ///
    /// # Panics
    /// When the world has no zone of this number.
    pub fn new(world: Arc<World>, number: ZoneNo) -> Self {
        assert!(world.zone(number).is_some(), "the world has a zone {number}");
        Self { world, number }
    }

    /// A zone as [`Zone::snapshot`] saved it, its module's state loaded into a fresh instance.
    pub fn restore(
        world: Arc<World>,
        number: ZoneNo,
        snapshot: &[u8],
        modules: &mut dyn Modules,
    ) -> Result<Self, RestoreError> {
        todo!()
    }

    /// One tick. `effects` is cleared first; its buffers are reused.
    pub fn step(&mut self, inputs: &[Input], modules: &mut dyn Modules, effects: &mut Effects) -> Outcome {
        todo!()
    }

    /// The journal's entry for the tick just stepped.
    pub fn entry(&self, inputs: Vec<Input>, outcome: Outcome, effects: &Effects) -> Entry {
        todo!()
    }

    /// Steps the silent ticks before the entry, then the entry itself, obeying its outcome. `effects` are those of the
    /// entry's tick.
    pub fn replay(&mut self, entry: &Entry, modules: &mut dyn Modules, effects: &mut Effects) -> Result<(), Diverged> {
        todo!()
    }

    /// Everything, for [`Zone::restore`]. A fault in the module's `save` leaves the zone without a module.
    pub fn snapshot(&mut self) -> Result<Vec<u8>, SnapshotError> {
        todo!()
    }

    /// XXH3 of what [`Zone::snapshot`] would give; 0 when it gives nothing.
    pub fn state_hash(&mut self) -> u64 {
        todo!()
    }

    /// After a recovery: every store request, stream item and operator's answer still open, to be sent again. Added to
    /// `effects`.
    pub fn unfinished(&self, effects: &mut Effects) {
        todo!()
    }

    /// The last tick stepped.
    pub fn tick(&self) -> Tick {
        todo!()
    }

    /// The owner's fencing epoch.
    pub fn epoch(&self) -> Epoch {
        todo!()
    }

    /// How many times the module was replaced.
    pub fn generation(&self) -> Generation {
        todo!()
    }

    /// The current module's digest, also while it is missing; none before the first swap.
    pub fn module_digest(&self) -> Option<Digest> {
        todo!()
    }

    /// What the current module says about itself.
    pub fn description(&self) -> Option<&Description> {
        todo!()
    }

    /// Players in the zone, link-dead ones included, in order of their ids.
    pub fn players(&self) -> Vec<PlayerInfo> {
        todo!()
    }

    /// Players, characters and things.
    pub fn entity_count(&self) -> usize {
        todo!()
    }

    /// Whether the host may stop ticking the zone.
    pub fn can_sleep_until(&self) -> Sleep {
        todo!()
    }

    /// The module faulted: the host must rebuild an instance and feed [`Input::Rebuilt`].
    pub fn is_module_missing(&self) -> bool {
        todo!()
    }

    /// From a replayed copy of a zone whose module is missing: the instance as it stood before its fault.
    pub fn take_parked_module(&mut self) -> Option<Box<dyn Module>> {
        todo!()
    }
}
