//! `wod:zone@1`: how its calls reach a component of that version, and the component's calls reach the zone.

mod act;
mod convert;
mod events;
mod misc;
mod query;

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};
use wod_sim::module::{Description, Event, Fault, FaultKind, Frame, HostCalls, Module, Returned, Saved, Setup};

use self::bindings::exports::wod::zone::logic;
use self::bindings::{Zone, ZonePre};
use crate::cell::{Cell, Export, State};
use crate::description;
use crate::epoch::EpochTicker;
use crate::error::LoadError;
use crate::fault::truncate;
use crate::limits::Limits;
use crate::lines::LineTable;

/// The newest minor version served, as the WIT has it.
pub(crate) const VERSION: &str = "1.0.0";

/// Longest refusal of a module that is kept, bytes.
const REFUSAL_BYTES: usize = 1024;

mod bindings {
    // This crate's own unit tests serve a contract that has grown: see `api/growth.rs`.
    #[cfg(test)]
    wasmtime::component::bindgen!({
        path: "tests/growth/wit",
        world: "zone",
        imports: { default: trappable },
        trappable_error_type: { "wod:zone/types.refusal" => super::act::ActError },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
    #[cfg(not(test))]
    wasmtime::component::bindgen!({
        path: "../../zone-api/wit",
        world: "zone",
        imports: { default: trappable },
        trappable_error_type: { "wod:zone/types.refusal" => super::act::ActError },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// Offers this version's imports.
pub(crate) struct Adapter {
    linker: Linker<State>,
}

impl Adapter {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        Zone::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        Ok(Self { linker })
    }

    pub(crate) fn link(&self, component: &Component) -> wasmtime::Result<Linked> {
        Ok(Linked { zone: ZonePre::new(self.linker.instantiate_pre(component)?)? })
    }
}

/// A component whose imports are bound.
#[derive(Clone)]
pub(crate) struct Linked {
    zone: ZonePre<State>,
}

impl Linked {
    pub(crate) fn instantiate(
        &self,
        ticker: Arc<EpochTicker>,
        limits: &Limits,
        lines: Option<Arc<LineTable>>,
    ) -> Result<Instance, LoadError> {
        let mut cell = Cell::new(self.zone.engine(), ticker, limits, lines);
        let started = cell.enter(Export::Describe, |store| {
            let zone = self.zone.instantiate(&mut *store)?;
            let description = zone.wod_zone_logic().call_describe(store)?;
            Ok((zone, description))
        });
        let (zone, description) = started.map_err(LoadError::Start)?;
        let description = Description::from(description);
        description::check(&description).map_err(LoadError::Description)?;
        Ok(Instance { cell, zone, description })
    }
}

/// A running component.
pub(crate) struct Instance {
    cell: Cell,
    zone: Zone,
    description: Description,
}

impl Module for Instance {
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        let config = convert::settings(&setup.config);
        let setup = convert::setup(setup, &config);
        let Self { cell, zone, .. } = self;
        let (calls, answer) =
            cell.enter_with(Export::Init, calls, |store| zone.wod_zone_logic().call_init(store, setup));
        Returned { calls, result: answer.and_then(accepted) }
    }

    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        let lists = events::Lists::of(events);
        let events = lists.lower(events);
        let Self { cell, zone, .. } = self;
        let (calls, result) =
            cell.enter_with(Export::Tick, calls, |store| zone.wod_zone_logic().call_tick(store, frame.into(), &events));
        Returned { calls, result }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        let Self { cell, zone, .. } = self;
        let logic::SnapshotResult { schema, bytes } =
            cell.enter(Export::Save, |store| zone.wod_zone_logic().call_save(store))?;
        Ok(Saved { schema, bytes })
    }

    fn enforce_time(&mut self, enforced: bool) {
        self.cell.enforce_time(enforced);
    }

    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        let config = convert::settings(&setup.config);
        let setup = convert::setup(setup, &config);
        let snapshot = logic::SnapshotParam { schema: saved.schema, bytes: &saved.bytes };
        let Self { cell, zone, .. } = self;
        cell.enter(Export::Load, |store| zone.wod_zone_logic().call_load(store, setup, snapshot)).and_then(accepted)
    }
}

/// A module's own answer to `init` or `load`.
fn accepted(answer: Result<(), String>) -> Result<(), Fault> {
    answer.map_err(|mut detail| {
        truncate(&mut detail, REFUSAL_BYTES);
        Fault { kind: FaultKind::Refused, detail, event: None }
    })
}
