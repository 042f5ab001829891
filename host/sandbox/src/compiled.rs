//! A module ready to be instantiated, any number of times.

use std::sync::Arc;

use wod_protocol::ids::Digest;
use wod_sim::module::Module;

use crate::api::Linked;
use crate::epoch::EpochTicker;
use crate::error::LoadError;
use crate::limits::Limits;
use crate::package::{Beside, Content, Package, PackedMap};

/// A checked and compiled module. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    linked: Linked,
    ticker: Arc<EpochTicker>,
    digest: Digest,
    map: Option<PackedMap>,
    beside: Beside,
}

impl Compiled {
    pub(crate) fn new(linked: Linked, ticker: Arc<EpochTicker>, digest: Digest, package: Package) -> Self {
        Self { linked, ticker, digest, map: package.map, beside: package.beside }
    }

    /// Of the whole file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The map that is packed into the file.
    pub fn map(&self) -> Option<&PackedMap> {
        self.map.as_ref()
    }

    /// What else is packed into the file, by name.
    pub fn content(&self) -> &Content {
        &self.beside.content
    }

    /// Whether faults of its instances name source files and lines.
    pub fn has_lines(&self) -> bool {
        self.beside.lines.is_some()
    }

    /// A new instance, which has described itself. Takes some 20 µs and [`TimeLimits::start_ms`](crate::TimeLimits) at most.
    ///
    /// Its calls may come from any thread with [`THREAD_STACK_BYTES`](crate::THREAD_STACK_BYTES) of stack.
    pub fn instantiate(&self, limits: &Limits) -> Result<Box<dyn Module>, LoadError> {
        self.linked.instantiate(self.ticker.clone(), self.beside.clone(), limits)
    }
}
