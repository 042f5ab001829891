//! Zone modules by digest: compiled once a process, fetched from the backplane, instantiated for zones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use parking_lot::Mutex;
use wod_backplane::Backplane;
use wod_protocol::ids::Digest;
use wod_protocol::map::Map;
use wod_protocol::world::Zone;
use wod_sandbox::{Compiled, Limits, PackedMap, Sandbox};
use wod_sim::module::{Fault, FaultKind, Module};
use wod_sim::zone::{Modules, Prepared};

/// Compiled modules of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ModuleStore {
    sandbox: Arc<Sandbox>,
    limits: Limits,
    backplane: Backplane,
    compiled: Arc<Mutex<BTreeMap<Digest, Arc<Compiled>>>>,
}

impl ModuleStore {
    pub(crate) fn new(sandbox: Arc<Sandbox>, limits: Limits, backplane: Backplane) -> Self {
        Self { sandbox, limits, backplane, compiled: Arc::default() }
    }

    /// Compiles a component file, proves that it instantiates, and stores it and its map where every host and gateway find
    /// them.
    pub(crate) async fn publish(&self, bytes: Bytes, zone: &Zone) -> anyhow::Result<Arc<Compiled>> {
        let compiled = self.compile(bytes.clone()).await?;
        self.backplane.put_blob(compiled.digest(), bytes).await.context("storing the module")?;
        let map = packed_map(&compiled, zone);
        self.backplane.put_blob(map.digest, map.json).await.context("storing the module's map")?;
        Ok(compiled)
    }

    /// Publishes the zone's file of the folder, `{module}.wasm`.
    pub(crate) async fn publish_file(&self, folder: &Path, zone: &Zone) -> anyhow::Result<Arc<Compiled>> {
        let path = folder.join(format!("{}.wasm", zone.module));
        let bytes = tokio::fs::read(&path).await.with_context(|| {
            format!("reading {}: build it with `wod zone build`, or name its folder with --modules", path.display())
        })?;
        self.publish(bytes.into(), zone).await.with_context(|| format!("module file {}", path.display()))
    }

    /// The compiled module, from memory or from the backplane.
    pub(crate) async fn ensure(&self, digest: Digest) -> anyhow::Result<Arc<Compiled>> {
        if let Some(compiled) = self.ready(&digest) {
            return Ok(compiled);
        }
        let bytes = self.backplane.blob(digest).await.context("fetching a module")?;
        let bytes = bytes.with_context(|| format!("the backplane has no module {digest}; publish it again"))?;
        self.compile(bytes).await
    }

    /// The compiled module, when this process has it already.
    pub(crate) fn ready(&self, digest: &Digest) -> Option<Arc<Compiled>> {
        self.compiled.lock().get(digest).cloned()
    }

    async fn compile(&self, bytes: Bytes) -> anyhow::Result<Arc<Compiled>> {
        let (sandbox, limits) = (self.sandbox.clone(), self.limits.clone());
        let compiled = tokio::task::spawn_blocking(move || -> anyhow::Result<Compiled> {
            let compiled = sandbox.compile(&bytes)?;
            compiled.instantiate(&limits)?;
            Ok(compiled)
        })
        .await??;
        let compiled = Arc::new(compiled);
        self.compiled.lock().insert(compiled.digest(), compiled.clone());
        Ok(compiled)
    }

    fn prepare(&self, compiled: &Compiled, zone: &Zone) -> Result<Prepared, Fault> {
        let packed = packed_map(compiled, zone);
        let module = compiled.instantiate(&self.limits)?;
        Ok(Prepared { module, map: packed.map, map_digest: packed.digest })
    }
}

/// The module's map; one that brings none gets the zone's bare ground.
fn packed_map(compiled: &Compiled, zone: &Zone) -> PackedMap {
    compiled.map().cloned().unwrap_or_else(|| {
        let map = Map::empty(zone.size[0], zone.size[1]);
        let json = Bytes::from(map.to_json());
        PackedMap { digest: Digest::of(&json), json, map: Arc::new(map) }
    })
}

/// What a live zone takes its modules from: only what was made ready before, so that a tick never waits.
pub(crate) struct LiveModules {
    pub(crate) store: ModuleStore,
    pub(crate) zone: Zone,
    /// The rebuilt instance that an `Input::Rebuilt` announces.
    pub(crate) rebuilt: Arc<Mutex<Option<Box<dyn Module>>>>,
}

impl Modules for LiveModules {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let compiled = self.store.ready(digest).ok_or_else(|| not_loadable(format!("module {digest} is not ready")))?;
        self.store.prepare(&compiled, &self.zone)
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        self.rebuilt.lock().take().ok_or_else(|| not_loadable("no rebuilt instance stands ready".into()))
    }
}

/// What a replay takes its modules from: waits for the backplane, and its instances run without deadlines. Only for threads
/// that may block.
pub(crate) struct ReplayModules {
    pub(crate) store: ModuleStore,
    pub(crate) zone: Zone,
    pub(crate) runtime: tokio::runtime::Handle,
}

impl Modules for ReplayModules {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let compiled =
            self.runtime.block_on(self.store.ensure(*digest)).map_err(|error| not_loadable(format!("{error:#}")))?;
        let mut prepared = self.store.prepare(&compiled, &self.zone)?;
        prepared.module.enforce_time(false);
        Ok(prepared)
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        // A replay never calls a module that failed, so the zone still holds the instance itself.
        Err(not_loadable("a replay has no rebuilt instance".into()))
    }
}

fn not_loadable(detail: String) -> Fault {
    Fault { kind: FaultKind::NotLoadable, detail, event: None }
}
