//! `wod:zone@1`: how its calls reach a component of that version, and the component's calls reach the zone.

mod act;
mod chat_filter;
mod convert;
mod events;
mod misc;
mod query;

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wod_sim::module::{
    Description, Event, Fault, FaultKind, Frame, HostCalls, Line, Module, Returned, Saved, Setup, Verdict,
};

use self::bindings::ZoneWithChatFilter;
use self::bindings::exports::wod::zone::{chat_filter as filter, logic};
use crate::cell::{Cell, Export, State};
use crate::description;
use crate::epoch::EpochTicker;
use crate::error::LoadError;
use crate::fault::truncate;
use crate::limits::Limits;
use crate::package::Beside;

/// The newest minor version served, as the WIT has it.
pub(crate) const VERSION: &str = "1.0.0";

/// Longest refusal of a module that is kept, bytes.
const REFUSAL_BYTES: usize = 1024;

// The world with every optional ability; each is looked for by itself.
mod bindings {
    // This crate's own unit tests serve a contract that has grown: see `api/growth.rs`.
    #[cfg(test)]
    wasmtime::component::bindgen!({
        path: "tests/growth/wit",
        world: "zone-with-chat-filter",
        imports: { default: trappable },
        trappable_error_type: { "wod:zone/types.refusal" => super::act::ActError },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
    #[cfg(not(test))]
    wasmtime::component::bindgen!({
        path: "../../zone-api/wit",
        world: "zone-with-chat-filter",
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
        ZoneWithChatFilter::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        Ok(Self { linker })
    }

    /// `filters`: it exports a chat filter.
    pub(crate) fn link(&self, component: &Component, filters: bool) -> wasmtime::Result<Linked> {
        let instance = self.linker.instantiate_pre(component)?;
        let logic = logic::GuestIndices::new(&instance)?;
        let filter = filters.then(|| filter::GuestIndices::new(&instance)).transpose()?;
        Ok(Linked { instance, logic, filter })
    }
}

/// A component whose imports are bound, and where in it its exports are.
#[derive(Clone)]
pub(crate) struct Linked {
    instance: InstancePre<State>,
    logic: logic::GuestIndices,
    filter: Option<filter::GuestIndices>,
}

impl Linked {
    pub(crate) fn instantiate(
        &self,
        ticker: Arc<EpochTicker>,
        beside: Beside,
        limits: &Limits,
    ) -> Result<Instance, LoadError> {
        let mut cell = Cell::new(self.instance.engine(), ticker, beside, limits);
        let started = cell.enter(Export::Describe, |store| {
            let instance = self.instance.instantiate(&mut *store)?;
            let logic = self.logic.load(&mut *store, &instance)?;
            let filter = self.filter.as_ref().map(|filter| filter.load(&mut *store, &instance)).transpose()?;
            let description = logic.call_describe(store)?;
            Ok((logic, filter, description))
        });
        let (logic, filter, description) = started.map_err(LoadError::Start)?;
        let description = Description::from(description);
        description::check(&description).map_err(LoadError::Description)?;
        Ok(Instance { cell, logic, filter, description })
    }
}

/// A running component.
pub(crate) struct Instance {
    cell: Cell,
    logic: logic::Guest,
    /// None: it judges nothing.
    filter: Option<filter::Guest>,
    description: Description,
}

impl Module for Instance {
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        let config = convert::settings(&setup.config);
        let setup = convert::setup(setup, &config);
        let Self { cell, logic, .. } = self;
        let (calls, answer) = cell.enter_with(Export::Init, calls, |store| logic.call_init(store, setup));
        Returned { calls, result: answer.and_then(accepted) }
    }

    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        let lists = events::Lists::of(events);
        let events = lists.lower(events);
        let Self { cell, logic, .. } = self;
        let (calls, result) =
            cell.enter_with(Export::Tick, calls, |store| logic.call_tick(store, frame.into(), &events));
        Returned { calls, result }
    }

    fn filters(&self) -> bool {
        self.filter.is_some()
    }

    fn filter(&mut self, frame: &Frame, lines: &[Line], calls: Box<dyn HostCalls>) -> Returned<Vec<Verdict>> {
        let Self { cell, filter, .. } = self;
        let Some(filter) = filter else {
            return Returned { calls, result: Ok(vec![Verdict::Pass; lines.len()]) };
        };
        let lines: Vec<filter::Line<'_>> = lines.iter().map(Into::into).collect();
        let (calls, verdicts) =
            cell.enter_with(Export::Filter, calls, |store| filter.call_filter(store, frame.into(), &lines));
        Returned { calls, result: verdicts.map(|verdicts| verdicts.into_iter().map(Into::into).collect()) }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        let Self { cell, logic, .. } = self;
        let logic::SnapshotResult { schema, bytes } = cell.enter(Export::Save, |store| logic.call_save(store))?;
        Ok(Saved { schema, bytes })
    }

    fn enforce_time(&mut self, enforced: bool) {
        self.cell.enforce_time(enforced);
    }

    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        let config = convert::settings(&setup.config);
        let setup = convert::setup(setup, &config);
        let snapshot = logic::SnapshotParam { schema: saved.schema, bytes: &saved.bytes };
        let Self { cell, logic, .. } = self;
        cell.enter(Export::Load, |store| logic.call_load(store, setup, snapshot)).and_then(accepted)
    }
}

/// A module's own answer to `init` or `load`.
fn accepted(answer: Result<(), String>) -> Result<(), Fault> {
    answer.map_err(|mut detail| {
        truncate(&mut detail, REFUSAL_BYTES);
        Fault { kind: FaultKind::Refused, detail, event: None }
    })
}
