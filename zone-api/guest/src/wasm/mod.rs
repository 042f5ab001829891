//! The module's outer side on wasm: generated bindings, the [`Host`](crate::Host) they implement, the exports.
//!
//! Only [`export!`](crate::export) uses it.

use std::marker::PhantomData;

use crate::runtime::{Runtime, Snapshot};
use crate::zone::Zone;

mod convert;
mod imports;

#[allow(
    unsafe_code,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated: the canonical ABI is raw pointers"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "zone",
        pub_export_macro: true,
        export_macro_name: "export_component",
        generate_all,
    });
}

#[allow(
    unsafe_code,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated: the canonical ABI is raw pointers"
)]
pub mod chat_filter {
    // A world of its own, so that only a module which exports the ability says that it has it.
    wit_bindgen::generate!({
        inline: "package wod:sdk; world chat-filtering { export wod:zone/chat-filter@1.0.0; }",
        path: "../wit",
        world: "chat-filtering",
        with: {
            "wod:zone/types@1.0.0": crate::wasm::bindings::wod::zone::types,
            "wod:zone/events@1.0.0": crate::wasm::bindings::wod::zone::events,
        },
        pub_export_macro: true,
        export_macro_name: "export_chat_filter",
    });
}

pub use bindings::export_component;
pub use chat_filter::export_chat_filter;

use bindings::exports::wod::zone::logic;
use bindings::wod::zone::log;
use bindings::wod::zone::types::LogLevel;
use chat_filter::exports::wod::zone::chat_filter as judging;
use imports::Imports;

/// The crate's one zone, as `export!` makes it known.
pub trait Exported {
    /// Its type.
    type Zone: Zone;
    /// Runs `call` on the one instance.
    fn with<R>(call: impl FnOnce(&mut Runtime<Self::Zone>) -> R) -> R;
}

/// Implements the world's export, and those of every ability, for a zone.
pub struct Component<E>(PhantomData<E>);

impl<E: Exported> logic::Guest for Component<E> {
    fn describe() -> logic::Description {
        // The first call of every instance's life: from here on a panic tells its words before it traps.
        std::panic::set_hook(Box::new(|panic| log::write(LogLevel::Error, &panic.to_string(), &[])));
        Runtime::<E::Zone>::describe().into()
    }

    fn init(setup: logic::Setup) -> Result<(), String> {
        E::with(|runtime| runtime.init(&mut Imports, setup.into())).map_err(|error| error.to_string())
    }

    fn tick(frame: logic::Frame, events: Vec<logic::Event>) {
        let events = events.into_iter().map(Into::into).collect();
        E::with(|runtime| runtime.tick(&mut Imports, frame.into(), events));
    }

    fn save() -> logic::Snapshot {
        // The contract's `save` can't fail but by a trap, which names the reason to operators.
        let saved = E::with(|runtime| runtime.save()).unwrap_or_else(|error| panic!("save: {error}"));
        logic::Snapshot { schema: saved.schema, bytes: saved.bytes }
    }

    fn load(setup: logic::Setup, snapshot: logic::Snapshot) -> Result<(), String> {
        let saved = Snapshot { schema: snapshot.schema, bytes: snapshot.bytes };
        E::with(|runtime| runtime.load(setup.into(), &saved)).map_err(|error| error.to_string())
    }
}

impl<E: Exported> judging::Guest for Component<E> {
    fn filter(frame: judging::Frame, lines: Vec<judging::Line>) -> Vec<judging::Verdict> {
        let lines = lines.into_iter().map(Into::into).collect();
        let verdicts = E::with(|runtime| runtime.filter(&mut Imports, frame.into(), lines));
        verdicts.into_iter().map(Into::into).collect()
    }
}
