//! From a module's file to something that can be instantiated.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;
use wod_protocol::ids::Digest;

use crate::api::{Adapters, Api};
use crate::cache::{Cache, OwnCode};
use crate::child::ChildCompiler;
use crate::compiled::Compiled;
use crate::engine::engine;
use crate::epoch::EpochTicker;
use crate::error::{LoadError, SandboxError};
use crate::package::Package;

/// How a [`Sandbox`] works.
#[derive(Debug, Clone, Default)]
pub struct SandboxOptions {
    /// Where compiling happens. Default: in this process.
    pub compiler: Compiler,
    /// Directory for compiled modules and the key that proves them this host's; made when missing. Default: none is kept. For
    /// one host alone: whoever can read it can make this process run anything.
    pub cache: Option<PathBuf>,
}

/// Where compiling happens.
#[derive(Debug, Clone, Default)]
pub enum Compiler {
    /// In this process: for tools and tests, whose modules may not be hostile.
    #[default]
    InProcess,
    /// In a process of its own, which is bounded and may die.
    Child(ChildCompiler),
}

/// Compiles modules. Cheap to clone; all clones and everything compiled share one engine and its clock thread, which stops
/// with the last of them.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    ticker: Arc<EpochTicker>,
    adapters: Adapters,
    compiler: Compiler,
    cache: Option<Cache>,
}

impl Sandbox {
    /// Starts the clock thread and opens the cache.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        let engine = engine()?;
        let ticker = Arc::new(EpochTicker::start(&engine).map_err(SandboxError::Thread)?);
        let adapters = Adapters::new(&engine).map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let cache = options
            .cache
            .map(|path| Cache::open(&path, &engine).map_err(|error| SandboxError::Cache { path, error }))
            .transpose()?;
        let shared = Shared { engine, ticker, adapters, compiler: options.compiler, cache };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Checks and compiles a module's file. Blocks: for microseconds when the cache has it, up to
    /// [`ChildCompiler::time`] when not; never call it on a zone's worker.
    ///
    /// Whether it also runs is shown by [`Compiled::instantiate`] alone.
    pub fn compile(&self, file: &[u8]) -> Result<Compiled, LoadError> {
        let package = Package::read(file)?;
        let api = Api::of(&package)?;
        let digest = Digest::of(file);
        let component = self.component(file, digest)?;
        let linked = self.shared.adapters.link(api, &component)?;
        Ok(Compiled::new(linked, self.shared.ticker.clone(), digest, package))
    }

    fn component(&self, file: &[u8], digest: Digest) -> Result<Component, LoadError> {
        let Shared { engine, compiler, cache, .. } = &*self.shared;
        if let Some(code) = cache.as_ref().and_then(|cache| cache.get(digest)) {
            return component_of(engine, &code);
        }
        let code = OwnCode::just_compiled(match compiler {
            Compiler::Child(child) => child.compile(file)?,
            Compiler::InProcess => {
                engine.precompile_component(file).map_err(|error| LoadError::Invalid(format!("{error:#}")))?
            }
        });
        let component = component_of(engine, &code)?;
        if let Some(cache) = cache {
            cache.put(digest, &code);
        }
        Ok(component)
    }
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check compiled code; that it is our own compiler's is OwnCode's meaning"
)]
fn component_of(engine: &Engine, code: &OwnCode) -> Result<Component, LoadError> {
    // SAFETY: an `OwnCode` holds only what wasmtime's compiler in this process or its child wrote, unchanged since: either
    // straight from it, or from a file whose keyed BLAKE3 matched.
    let component = unsafe { Component::deserialize(engine, code.bytes()) };
    component.map_err(|error| LoadError::Invalid(format!("{error:#}")))
}
