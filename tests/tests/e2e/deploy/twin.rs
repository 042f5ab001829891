//! What happened in a zone, lived once more from its journal: as it was, and with swaps tried in between that must leave no trace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wod_backplane::{Backplane, Error, RedisOptions};
use wod_protocol::ids::{Digest, JournalIndex, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::world::World;
use wod_sandbox::{Compiled, Limits, Sandbox, SandboxOptions};
use wod_sim::io::{Effects, Entry, Input};
use wod_sim::module::{Fault, FaultKind};
use wod_sim::zone::{Modules, Prepared, Zone};
use wod_tests::bazaar::world;

use super::market::edition;

/// [`wod_tests::bazaar::MARKET`].
const ZONE: ZoneNo = ZoneNo(1);
/// How often the journal is read. A snapshot of the zone lets go of what the one before it does not need; it is seconds younger.
const READ: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 4 << 20;

/// Collects a zone's journal as it grows.
pub(crate) struct Tap {
    stop_tx: watch::Sender<bool>,
    reading: JoinHandle<Past>,
}

/// What happened in a zone.
pub(crate) struct Past {
    /// Where it begins; none: with the zone. The first snapshot lets everything before it go at once, read or not.
    snapshot: Option<Bytes>,
    pub(crate) entries: Vec<Entry>,
}

impl Tap {
    pub(crate) async fn open(redis: &str) -> Self {
        let backplane = Backplane::redis(redis, RedisOptions::default()).await.unwrap();
        let (stop_tx, stop_rx) = watch::channel(false);
        let reading = tokio::spawn(async move {
            let (mut past, mut next) = (Past { snapshot: None, entries: Vec::new() }, JournalIndex(1));
            loop {
                let last = *stop_rx.borrow();
                loop {
                    let page = match backplane.read_journal(ZONE, next, READ_BYTES).await {
                        Err(Error::Trimmed { .. }) if past.snapshot.is_none() => {
                            let (at, snapshot) = backplane.snapshot(ZONE).await.unwrap().unwrap();
                            (past, next) = (Past { snapshot: Some(snapshot), entries: Vec::new() }, at.next());
                            continue;
                        }
                        read => read.unwrap(),
                    };
                    let Some((end, _)) = page.last() else { break };
                    next = end.next();
                    past.entries.extend(page.iter().map(|(_, bytes)| Entry::decode(bytes).unwrap()));
                }
                if last {
                    return past;
                }
                tokio::time::sleep(READ).await;
            }
        });
        Self { stop_tx, reading }
    }

    /// All of it so far.
    pub(crate) async fn close(self) -> Past {
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
    /// At the beginning of the past of a market that began with edition `first`; it knows these editions.
    pub(crate) fn new(past: &Past, first: &str, editions: &[&str]) -> Self {
        let world = Arc::new(World::parse(&world(first)).unwrap());
        let size = world.zone(ZONE).unwrap().size;
        let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
        let compile = |name: &&str| {
            let compiled = sandbox.compile(&std::fs::read(edition(name)).unwrap()).unwrap();
            (compiled.digest(), Arc::new(compiled))
        };
        let compiled = editions.iter().map(compile).collect();
        let mut modules = Editions { compiled, size, tried: None };
        let zone = match &past.snapshot {
            None => Zone::new(world, ZONE),
            Some(snapshot) => Zone::restore(world, ZONE, snapshot, &mut modules).unwrap(),
        };
        Self { zone, modules, effects: Effects::default() }
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
