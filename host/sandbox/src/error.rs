//! Why a module can't be loaded, said so that its author or an operator knows what to do. Each text says it all, causes
//! included: it ends up in logs, tables and other processes' faults, where no chain of sources survives.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use wod_protocol::map::MapError;
use wod_sim::module::{Fault, FaultKind};

use crate::package::CONTENT_BYTES;

/// Why a file can't run as a zone module.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Over [`wod_protocol::limits::MODULE_BYTES`].
    #[error("the module has {bytes} bytes, at most {limit} are taken: build it in release mode and strip it")]
    TooLarge {
        /// Of the file.
        bytes: usize,
        /// Largest allowed.
        limit: usize,
    },
    /// A core module.
    #[error("this is a core WebAssembly module, not a component: `wod zone build` makes the component")]
    CoreModule,
    /// Not WebAssembly, or cut off, or damaged.
    #[error("this is not a WebAssembly component: {0}")]
    Malformed(String),
    /// It wants something that only a program outside the sandbox could have.
    #[error(
        "the module imports `{0}`; a zone module may import nothing but wod:zone. \
         Build it for wasm32-unknown-unknown (not wasm32-wasip2), without crates that need files, clocks or sockets"
    )]
    ForeignImport(String),
    /// No `wod:zone/logic` among its exports.
    #[error("the module does not export `wod:zone/logic`: is its zone exported (`wod_zone::export!`)?")]
    NoLogic,
    /// A major version of the zone-api that this host does not serve.
    #[error(
        "the module was built for zone-api {found}, this host serves {served}: update the host, or rebuild the module"
    )]
    ApiVersion {
        /// As its export says.
        found: String,
        /// Those of this host.
        served: &'static str,
    },
    /// An ability that this host would not use.
    #[error("the module exports `{0}`, which this host does not know: update the host, or build the module without it")]
    UnknownAbility(String),
    /// Its packed map.
    #[error("the module's map can't be used: {0}. Build it anew with `wod zone build`")]
    Map(MapError),
    /// Its table of source lines.
    #[error("the module's table of source lines is {0}: build it anew with `wod zone build`")]
    Lines(String),
    /// More than one map section.
    #[error("the module has {0} maps, at most one is taken: build it anew with `wod zone build`")]
    TooManyMaps(usize),
    /// Two contents of one name.
    #[error("the module has two contents named `{0}`: build it anew with `wod zone build`")]
    ContentTwice(String),
    /// Content over [`CONTENT_BYTES`].
    #[error("the module's content `{name}` has {bytes} bytes, at most {CONTENT_BYTES} are taken: split it")]
    ContentTooLarge {
        /// What it goes by.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// wasmtime refuses it.
    #[error("the module is not valid: {0}")]
    Invalid(String),
    /// It is a component, but its imports or exports have other types or functions than this host's.
    #[error(
        "the module was built for zone-api {found} and does not fit this host's, {served}: {what}. \
         Update the host, or build the module against the zone-api that the host serves"
    )]
    Mismatch {
        /// The version it was built for.
        found: String,
        /// The newest version of that major one which this host serves.
        served: &'static str,
        /// What is missing, or of another type.
        what: String,
    },
    /// Over the time for compiling.
    #[error(
        "compiling the module took over {} s: split its largest functions, or try again when the machine has less to do",
        .0.as_secs_f64()
    )]
    CompileTime(Duration),
    /// Over the memory for compiling, or the compiler failed.
    #[error("the compiler ended with {status} (it may use {memory_bytes} bytes): {detail}")]
    CompilerDied {
        /// Exit status of the process.
        status: String,
        /// Its memory limit.
        memory_bytes: u64,
        /// The last it said.
        detail: String,
    },
    /// The compiler could not be started.
    #[error("the compiler {} can't be run: {error}", .program.display())]
    CompilerMissing {
        /// The program.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It failed, or broke a limit, while it was instantiated or described itself.
    #[error("the module fails when it starts: {0}")]
    Start(Fault),
    /// What it says about itself.
    #[error("the module's description: {0}")]
    Description(String),
}

impl From<LoadError> for Fault {
    fn from(error: LoadError) -> Self {
        Self { kind: FaultKind::NotLoadable, detail: error.to_string(), event: None }
    }
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// wasmtime can't run here.
    #[error("wasmtime can't run on this machine: {0}")]
    Engine(String),
    /// No thread for the clock.
    #[error("no thread for the modules' clock: {0}")]
    Thread(io::Error),
    /// The directory for compiled modules.
    #[error("{} can't be used for compiled modules: {error}. Make it writable, or name another", .path.display())]
    Cache {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}
