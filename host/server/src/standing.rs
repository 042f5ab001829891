//! How a zone's module stands, as far as that is durable: what whoever looks after it waits for.

use wod_protocol::ids::{Digest, Generation};
use wod_sim::zone::{Terms, Zone};

/// The zone's module after a tick whose entry is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// False: no tick was stored yet.
    pub(crate) known: bool,
    pub(crate) digest: Option<Digest>,
    pub(crate) generation: Generation,
    pub(crate) terms: Terms,
    /// It has to be rebuilt.
    pub(crate) missing: bool,
    /// Ticks in which it failed, since this host owns the zone.
    pub(crate) faults: u64,
    /// How often a rebuilt instance took over, since this host owns the zone.
    pub(crate) rebuilds: u64,
    /// It is on probation, and too slow: how slow.
    pub(crate) slow: Option<String>,
}

/// What changes when a [`Standing`] has to be told anew.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mark {
    generation: Generation,
    has_module: bool,
    on_probation: bool,
    shelved: bool,
    missing: bool,
    faults: u64,
    rebuilds: u64,
    slow: bool,
}

/// Counts what a zone's ticks do to its module.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    faults: u64,
    rebuilds: u64,
    told: Option<Mark>,
}

impl Observer {
    pub(crate) fn count(&mut self, failed: bool, rebuilt: bool) {
        self.faults += u64::from(failed);
        self.rebuilds += u64::from(rebuilt);
    }

    /// The standing after a tick, where it differs from what was last told.
    pub(crate) fn look(&mut self, zone: &Zone, slow: Option<&str>) -> Option<Standing> {
        let mark = Mark {
            generation: zone.generation(),
            has_module: zone.module_digest().is_some(),
            on_probation: zone.is_on_probation(),
            shelved: zone.is_shelved(),
            missing: zone.is_module_missing(),
            faults: self.faults,
            rebuilds: self.rebuilds,
            slow: slow.is_some(),
        };
        if self.told.as_ref() == Some(&mark) {
            return None;
        }
        let standing = Standing {
            known: true,
            digest: zone.module_digest(),
            generation: mark.generation,
            terms: zone.terms(),
            missing: mark.missing,
            faults: self.faults,
            rebuilds: self.rebuilds,
            slow: slow.map(str::to_owned),
        };
        self.told = Some(mark);
        Some(standing)
    }
}
