//! Runs zone modules: WebAssembly components that may do nothing but what `wod:zone` offers, under limits that none of them
//! can leave. A module that breaks one is a named [`Fault`](wod_sim::module::Fault); the thread, the process and every other
//! instance go on.
//!
//! Reading order: [`Sandbox`] compiles a file to a [`Compiled`], which instantiates to a
//! [`Module`](wod_sim::module::Module). What an instance may use are its [`Limits`]. `api/` holds one adapter per frozen
//! major version of the zone-api, one host interface a file. `cell` is how any call enters a component and how it comes out.
//!
//! Calls run on the caller's stack: give a thread that calls modules at least [`THREAD_STACK_BYTES`].

mod api;
mod cache;
mod cell;
mod child;
mod compiled;
mod description;
mod engine;
mod epoch;
mod error;
mod fault;
mod limits;
pub mod lines;
mod package;
mod sandbox;
#[cfg(feature = "testing")]
pub mod testing;

pub use cell::thread_cpu_time;
pub use child::{ChildCompiler, compile_child_main};
pub use compiled::Compiled;
pub use engine::THREAD_STACK_BYTES;
pub use error::{LoadError, SandboxError};
pub use limits::{Limits, TimeLimits};
pub use package::{
    CONTENT, CONTENT_BYTES, Content, PackedMap, with_content, with_map, with_section, without_content, without_sections,
};
pub use sandbox::{Compiler, Sandbox, SandboxOptions};
