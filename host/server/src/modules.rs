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
use wod_sim::module::{Description, Fault, FaultKind, Module};
use wod_sim::zone::{Modules, Prepared};

use crate::releases;
use crate::signature::{Signature, Trust};
use crate::stopwatch::{Meter, Stopwatch};
use crate::threads::Threads;

/// Compiled modules of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ModuleStore {
    kind: Kind,
    backplane: Backplane,
    trust: Arc<Trust>,
    /// The latest used last.
    compiled: Arc<Mutex<Vec<Arc<Compiled>>>>,
    /// One compiler at a time: each is bounded for a machine that it has for itself.
    compiling: Arc<tokio::sync::Mutex<()>>,
}

/// What modules are.
#[derive(Clone)]
enum Kind {
    /// WebAssembly components in a sandbox.
    Components { sandbox: Arc<Sandbox>, limits: Limits },
    /// Parts of this program.
    #[cfg(feature = "testing")]
    Natives(Arc<dyn Natives>),
}

/// Modules that are parts of this program: what a simulation runs, where nothing is compiled.
#[cfg(feature = "testing")]
pub trait Natives: Send + Sync {
    /// What this zone runs when it never ran before.
    fn first(&self, zone: &Zone) -> Digest;
    /// A fresh instance; none: there is no such module.
    fn instance(&self, digest: &Digest) -> Option<Box<dyn Module>>;
}

/// Compiled modules that a process keeps at hand; zones hold on to what they run.
pub(crate) const COMPILED: usize = 64;

impl ModuleStore {
    pub(crate) fn new(sandbox: Arc<Sandbox>, limits: Limits, backplane: Backplane, trust: Trust) -> Self {
        Self::of(Kind::Components { sandbox, limits }, backplane, trust)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn natives(natives: Arc<dyn Natives>, backplane: Backplane) -> Self {
        Self::of(Kind::Natives(natives), backplane, Trust::Anybody)
    }

    fn of(kind: Kind, backplane: Backplane, trust: Trust) -> Self {
        Self { kind, backplane, trust: Arc::new(trust), compiled: Arc::default(), compiling: Arc::default() }
    }

    fn sandbox(&self) -> anyhow::Result<(Arc<Sandbox>, Limits)> {
        match &self.kind {
            Kind::Components { sandbox, limits } => Ok((sandbox.clone(), limits.clone())),
            #[cfg(feature = "testing")]
            Kind::Natives(_) => anyhow::bail!("a simulation compiles nothing"),
        }
    }

    /// What a zone runs that never ran before.
    pub(crate) async fn first(&self, folder: &Path, zone: &Zone) -> anyhow::Result<Digest> {
        match &self.kind {
            Kind::Components { .. } => Ok(self.upload_file(folder, zone).await?.digest()),
            #[cfg(feature = "testing")]
            Kind::Natives(natives) => Ok(natives.first(zone)),
        }
    }

    /// Takes a component file in: whoever is trusted has signed it, it compiles and instantiates. It is stored where every
    /// host finds it, with its signature.
    pub(crate) async fn upload(&self, bytes: Bytes, signature: Option<Signature>) -> anyhow::Result<Arc<Compiled>> {
        let digest = Digest::of(&bytes);
        // Also where somebody else's is good: one that proves nothing must not take its place.
        if signature.is_some_and(|signature| !signature.proves(digest)) {
            let refusal =
                anyhow::anyhow!("the signature of module {digest} is of other bytes: sign the file as it is now");
            tracing::error!(module = %digest, %refusal, "module refused");
            metrics::counter!("wod_modules_refused_total").increment(1);
            return Err(refusal);
        }
        let mut signatures = releases::signatures(&self.backplane, digest).await?;
        signatures.extend(signature);
        self.trust(digest, &signatures)?;
        let compiled = self.compile(bytes.clone()).await?;
        self.backplane.put_blob(digest, bytes).await.context("storing the module")?;
        if let Some(signature) = &signature {
            releases::put_signature(&self.backplane, digest, signature).await?;
        }
        Ok(compiled)
    }

    /// Takes the zone's file of the folder in, `{module}.wasm`, signed in `{module}.wasm.sig`.
    async fn upload_file(&self, folder: &Path, zone: &Zone) -> anyhow::Result<Arc<Compiled>> {
        let path = folder.join(format!("{}.wasm", zone.module));
        let bytes = tokio::fs::read(&path).await.with_context(|| {
            format!("reading {}: build it with `wod zone build`, or name its folder with --modules", path.display())
        })?;
        let file = || format!("module file {}", path.display());
        let signature = read_signature(&path).await.with_context(file)?;
        let compiled = self.upload(bytes.into(), signature).await.with_context(file)?;
        self.offer_map(&compiled, zone).await?;
        Ok(compiled)
    }

    /// Stores the map that this module has in this zone where gateways find it.
    pub(crate) async fn offer_map(&self, compiled: &Compiled, zone: &Zone) -> anyhow::Result<()> {
        let map = packed_map(compiled, zone);
        self.backplane.put_blob(map.digest, map.json).await.context("storing the module's map")
    }

    /// The compiled module, from memory or from the backplane.
    pub(crate) async fn ensure(&self, digest: Digest) -> anyhow::Result<Arc<Compiled>> {
        if let Some(compiled) = self.ready(&digest) {
            return Ok(compiled);
        }
        let bytes = self.fetch(digest).await?;
        self.verify(digest).await?;
        self.compile(bytes).await
    }

    /// Has instances of the module at hand from now on.
    pub(crate) async fn make_ready(&self, digest: Digest) -> anyhow::Result<()> {
        match &self.kind {
            Kind::Components { .. } => self.ensure(digest).await.map(drop),
            #[cfg(feature = "testing")]
            Kind::Natives(natives) => natives.instance(&digest).map(drop).context("this program has no such module"),
        }
    }

    /// The file, from the backplane.
    pub(crate) async fn fetch(&self, digest: Digest) -> anyhow::Result<Bytes> {
        let bytes = self.backplane.blob(digest).await.context("fetching a module")?;
        bytes.with_context(|| format!("the backplane has no module {digest}; publish it again"))
    }

    /// Who vouches for the module, of those this host trusts; none: nobody has to.
    pub(crate) async fn verify(&self, digest: Digest) -> anyhow::Result<Option<String>> {
        let signatures = releases::signatures(&self.backplane, digest).await?;
        self.trust(digest, &signatures)
    }

    /// The same of many, for a list: a refusal is nothing that happened.
    pub(crate) fn vouched(&self, digest: Digest, signatures: &[Signature]) -> Result<Option<String>, String> {
        self.trust.check(digest, signatures).map_err(|refusal| refusal.to_string())
    }

    /// A refusal is logged, wherever the module came from.
    fn trust(&self, digest: Digest, signatures: &[Signature]) -> anyhow::Result<Option<String>> {
        self.trust.check(digest, signatures).inspect_err(|refusal| {
            tracing::error!(module = %digest, %refusal, "module refused");
            metrics::counter!("wod_modules_refused_total").increment(1);
        })
    }

    /// The compiled module, when this process has it already.
    pub(crate) fn ready(&self, digest: &Digest) -> Option<Arc<Compiled>> {
        let mut compiled = self.compiled.lock();
        let index = compiled.iter().position(|compiled| compiled.digest() == *digest)?;
        compiled[index..].rotate_left(1);
        compiled.last().cloned()
    }

    /// Whether a zone that runs the module could be taken over at once.
    pub(crate) fn is_ready(&self, digest: &Digest) -> bool {
        match &self.kind {
            Kind::Components { .. } => self.compiled.lock().iter().any(|compiled| compiled.digest() == *digest),
            #[cfg(feature = "testing")]
            Kind::Natives(_) => true,
        }
    }

    /// Of bytes that were verified.
    pub(crate) async fn compile(&self, bytes: Bytes) -> anyhow::Result<Arc<Compiled>> {
        let _compiling = self.compiling.lock().await;
        if let Some(compiled) = self.ready(&Digest::of(&bytes)) {
            return Ok(compiled);
        }
        let (sandbox, limits) = self.sandbox()?;
        let compiled = tokio::task::spawn_blocking(move || -> anyhow::Result<Compiled> {
            let compiled = sandbox.compile(&bytes)?;
            compiled.instantiate(&limits)?;
            Ok(compiled)
        })
        .await??;
        let compiled = Arc::new(compiled);
        let mut all = self.compiled.lock();
        all.retain(|other| other.digest() != compiled.digest());
        if all.len() >= COMPILED {
            all.remove(0);
        }
        all.push(compiled.clone());
        Ok(compiled)
    }

    /// What a module says about itself.
    pub(crate) async fn describe(&self, compiled: &Arc<Compiled>) -> anyhow::Result<Description> {
        let (compiled, (_, limits)) = (compiled.clone(), self.sandbox()?);
        let describe = move || compiled.instantiate(&limits).map(|instance| instance.description().clone());
        Ok(tokio::task::spawn_blocking(describe).await??)
    }

    /// An instance of a module that stands ready; none: it does not.
    fn instance(&self, digest: &Digest, zone: &Zone, meter: &Arc<Meter>) -> Result<Option<Prepared>, Fault> {
        let (module, packed) = match &self.kind {
            Kind::Components { limits, .. } => {
                let Some(compiled) = self.ready(digest) else { return Ok(None) };
                (compiled.instantiate(limits)?, packed_map(&compiled, zone))
            }
            #[cfg(feature = "testing")]
            Kind::Natives(natives) => {
                let Some(module) = natives.instance(digest) else { return Ok(None) };
                (module, bare_ground(zone))
            }
        };
        let module = Stopwatch::over(module, meter.clone());
        Ok(Some(Prepared { module, map: packed.map, map_digest: packed.digest }))
    }
}

async fn read_signature(module: &Path) -> anyhow::Result<Option<Signature>> {
    let mut path = module.as_os_str().to_owned();
    path.push(".sig");
    match tokio::fs::read_to_string(&path).await {
        Ok(text) => text.parse().map(Some).with_context(|| format!("{}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// The module's map; one that brings none gets the zone's bare ground.
fn packed_map(compiled: &Compiled, zone: &Zone) -> PackedMap {
    compiled.map().cloned().unwrap_or_else(|| bare_ground(zone))
}

fn bare_ground(zone: &Zone) -> PackedMap {
    let map = Map::empty(zone.size[0], zone.size[1]);
    let json = Bytes::from(map.to_json());
    PackedMap { digest: Digest::of(&json), json, map: Arc::new(map) }
}

/// What a live zone takes its modules from: only what was made ready before, so that a tick never waits.
pub(crate) struct LiveModules {
    pub(crate) store: ModuleStore,
    pub(crate) zone: Zone,
    /// The rebuilt instance that an `Input::Rebuilt` announces.
    pub(crate) rebuilt: Arc<Mutex<Option<Box<dyn Module>>>>,
    /// Of the version that runs.
    pub(crate) meter: Arc<Meter>,
    /// Of the instance that was last taken.
    pub(crate) taken: Arc<Meter>,
}

impl Modules for LiveModules {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let taken = Arc::default();
        let prepared = self.store.instance(digest, &self.zone, &taken)?;
        let prepared = prepared.ok_or_else(|| not_loadable(format!("module {digest} is not ready")))?;
        self.taken = taken;
        Ok(prepared)
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        let module =
            self.rebuilt.lock().take().ok_or_else(|| not_loadable("no rebuilt instance stands ready".into()))?;
        Ok(Stopwatch::over(module, self.meter.clone()))
    }
}

/// What a replay takes its modules from: waits for the backplane, and its instances run without deadlines. Only for threads
/// that may block.
pub(crate) struct ReplayModules {
    store: ModuleStore,
    zone: Zone,
    threads: Threads,
    meters: BTreeMap<Digest, Arc<Meter>>,
    /// A module that could not be had: what is replayed from then on is not what was.
    pub(crate) failure: Option<anyhow::Error>,
}

impl ReplayModules {
    pub(crate) fn new(store: ModuleStore, zone: Zone, threads: Threads) -> Self {
        Self { store, zone, threads, meters: BTreeMap::new(), failure: None }
    }

    /// What the last instance of this component measures.
    pub(crate) fn meter(&self, digest: &Digest) -> Arc<Meter> {
        self.meters.get(digest).cloned().unwrap_or_default()
    }
}

impl Modules for ReplayModules {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let meter = Arc::default();
        let mut prepared = self.store.instance(digest, &self.zone, &meter)?;
        if prepared.is_none() {
            self.threads.block_on(self.store.make_ready(*digest)).map_err(|error| {
                let fault = not_loadable(format!("{error:#}"));
                self.failure.get_or_insert(error);
                fault
            })?;
            prepared = self.store.instance(digest, &self.zone, &meter)?;
        }
        let mut prepared = prepared.ok_or_else(|| not_loadable(format!("module {digest} is not ready any more")))?;
        self.meters.insert(*digest, meter);
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
