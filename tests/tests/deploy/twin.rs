//! What happened in a zone, lived once more from its journal: as it was, and with swaps tried in between that must leave no trace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use wod_backplane::{Backplane, RedisOptions};
use wod_protocol::ids::{Digest, JournalIndex, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::world::World;
use wod_sandbox::{Compiled, Limits, Sandbox, SandboxOptions};
use wod_sim::io::{Effects, Entry, Input};
use wod_sim::module::{Fault, FaultKind};
use wod_sim::zone::{Modules, Prepared, Zone};

use crate::market::{edition, world};

/// [`crate::market::MARKET`].
const ZONE: ZoneNo = ZoneNo(1);
/// How often the journal is read: before snapshots let its beginning go.
const READ: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 4 << 20;

/// Collects a zone's journal from its first entry on, as it grows.
pub(crate) struct Tap {
    stop_tx: watch::Sender<bool>,
    reading: JoinHandle<Vec<Entry>>,
}

impl Tap {
    pub(crate) async fn open(redis: &str) -> Self {
        let backplane = Backplane::redis(redis, RedisOptions::default()).await.unwrap();
        let (stop_tx, stop_rx) = watch::channel(false);
        let reading = tokio::spawn(async move {
            let (mut entries, mut next) = (Vec::new(), JournalIndex(1));
            loop {
                let last = *stop_rx.borrow();
                loop {
                    let page = backplane.read_journal(ZONE, next, READ_BYTES).await.unwrap();
                    let Some((end, _)) = page.last() else { break };
                    next = end.next();
                    entries.extend(page.iter().map(|(_, bytes)| Entry::decode(bytes).unwrap()));
                }
                if last {
                    return entries;
                }
                tokio::time::sleep(READ).await;
            }
        });
        Self { stop_tx, reading }
    }

    /// All of it so far.
    pub(crate) async fn close(self) -> Vec<Entry> {
        self.stop_tx.send(true).unwrap();
        self.reading.await.unwrap()
    }
}

/// A zone that lives a journal again.
pub(crate) struct Twin {
    zone: Zone,
    modules: Editions,
    effects: Effects,
}

impl Twin {
    /// At the beginning of a market of edition `first`; it knows these editions.
    pub(crate) fn new(first: &str, editions: &[&str]) -> Self {
        let world = Arc::new(World::parse(&world(first)).unwrap());
        let size = world.zone(ZONE).unwrap().size;
        let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
        let compile = |name: &&str| {
            let compiled = sandbox.compile(&std::fs::read(edition(name)).unwrap()).unwrap();
            (compiled.digest(), Arc::new(compiled))
        };
        let compiled = editions.iter().map(compile).collect();
        let modules = Editions { compiled, size, tried: None };
        Self { zone: Zone::new(world, ZONE), modules, effects: Effects::default() }
    }

    /// Lives an entry as it was.
    pub(crate) fn live(&mut self, entry: &Entry) {
        self.zone.replay(entry, &mut self.modules, &mut self.effects).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Lives an entry, and in the same tick tries a swap to this module, for real. Why it was refused.
    pub(crate) fn live_with(&mut self, entry: &Entry, tried: Digest) -> Fault {
        while self.zone.tick().next() < entry.tick {
            self.zone.step(&[], &mut self.modules, &mut self.effects);
        }
        self.modules.tried = Some(tried);
        let mut inputs = entry.inputs.clone();
        inputs.push(Input::Swap { digest: tried, probation: 0 });
        let outcome = self.zone.step(&inputs, &mut self.modules, &mut self.effects);
        self.modules.tried = None;
        outcome.swap.expect("a swap was tried").expect_err("it must be refused")
    }

    pub(crate) fn hash(&mut self) -> u64 {
        self.zone.state_hash()
    }
}

struct Editions {
    compiled: BTreeMap<Digest, Arc<Compiled>>,
    size: [f64; 2],
    /// Held to its time, as on a host; the others have shown that they keep to it.
    tried: Option<Digest>,
}

impl Modules for Editions {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let unknown = || Fault { kind: FaultKind::NotLoadable, detail: format!("no module {digest}"), event: None };
        let compiled = self.compiled.get(digest).ok_or_else(unknown)?;
        let mut module = compiled.instantiate(&Limits::default())?;
        module.enforce_time(self.tried == Some(*digest));
        let map = Map::empty(self.size[0], self.size[1]);
        let map_digest = Digest::of(&map.to_json());
        Ok(Prepared { module, map: Arc::new(map), map_digest })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn wod_sim::module::Module>, Fault> {
        Err(Fault { kind: FaultKind::NotLoadable, detail: "a replay rebuilds nothing".into(), event: None })
    }
}
