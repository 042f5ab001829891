//! A module ready to be instantiated, any number of times.

use std::sync::Arc;

use wod_protocol::ids::Digest;
use wod_sim::module::Module;

use crate::api::Linked;
use crate::epoch::EpochTicker;
use crate::error::LoadError;
use crate::limits::Limits;
use crate::lines::LineTable;
use crate::package::PackedMap;

/// A checked and compiled module. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    pub(crate) linked: Linked,
    pub(crate) ticker: Arc<EpochTicker>,
    pub(crate) digest: Digest,
    pub(crate) map: Option<PackedMap>,
    pub(crate) lines: Option<Arc<LineTable>>,
}

impl Compiled {
    /// Of the whole file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The map that is packed into the file.
    pub fn map(&self) -> Option<&PackedMap> {
        self.map.as_ref()
    }

    /// Whether faults of its instances name source files and lines.
    pub fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// A new instance, which has described itself. Takes some 20 µs and [`TimeLimits::start_ms`](crate::TimeLimits) at most.
    ///
    /// Its calls may come from any thread with [`THREAD_STACK_BYTES`](crate::THREAD_STACK_BYTES) of stack.
    pub fn instantiate(&self, limits: &Limits) -> Result<Box<dyn Module>, LoadError> {
        self.linked.instantiate(self.ticker.clone(), limits, self.lines.clone())
    }
}
