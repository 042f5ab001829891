//! Where the world's zone gets its module from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wod_protocol::ids::Digest;
use wod_protocol::map::Map;
use wod_sim::module::{Fault, FaultKind, Module};
use wod_sim::zone::{Modules, Prepared};
use wod_zone::Zone;

use crate::module::{Content, Native, Tally};

/// What a module has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Calls, its `init` included. A tick in which nothing happens makes none.
    pub calls: u64,
    /// Events told in these calls.
    pub events: u64,
    /// Acts it asked for in these calls, those included that were refused.
    pub acts: u64,
}

impl std::ops::Sub for Work {
    type Output = Self;

    /// What was done since.
    fn sub(self, earlier: Self) -> Self {
        Self { calls: self.calls - earlier.calls, events: self.events - earlier.events, acts: self.acts - earlier.acts }
    }
}

/// Versions of the zone's module by their digest, all with the world's one map.
pub(crate) struct Natives {
    map: Arc<Map>,
    map_digest: Digest,
    /// What versions that are added from now on carry beside their code.
    content: Arc<Content>,
    makers: BTreeMap<Digest, Box<dyn Fn() -> Box<dyn Module>>>,
    /// Waits to be taken after a fault.
    pub(crate) rebuilt: Option<Box<dyn Module>>,
    tally: Arc<Tally>,
}

impl Natives {
    pub(crate) fn new(map: Arc<Map>, content: Content) -> Self {
        let map_digest = Digest::of(&map.to_json());
        let content = Arc::new(content);
        Self { map, map_digest, content, makers: BTreeMap::new(), rebuilt: None, tally: Arc::default() }
    }

    /// Changes what the next version carries.
    pub(crate) fn set_content(&mut self, name: &str, bytes: Vec<u8>) {
        Arc::make_mut(&mut self.content).insert(name.to_owned(), bytes);
    }

    /// Makes a version known; gives the digest it goes by.
    pub(crate) fn add<Z: Zone + Send>(&mut self) -> Digest
    where
        Z::Player: Send,
    {
        let digest = Digest::of(format!("{}#{}", std::any::type_name::<Z>(), self.makers.len()).as_bytes());
        let (tally, content) = (Arc::clone(&self.tally), Arc::clone(&self.content));
        let make = move || Box::new(Native::<Z>::new(Arc::clone(&tally), Arc::clone(&content))) as Box<dyn Module>;
        self.makers.insert(digest, Box::new(make));
        digest
    }

    /// What the module has done so far.
    pub(crate) fn work(&self) -> Work {
        let Tally { calls, events, acts } = &*self.tally;
        let [calls, events, acts] = [calls, events, acts].map(|count| count.load(Ordering::Relaxed));
        Work { calls, events, acts }
    }

    /// Forgets what a replay did.
    pub(crate) fn set_work(&self, work: Work) {
        self.tally.calls.store(work.calls, Ordering::Relaxed);
        self.tally.events.store(work.events, Ordering::Relaxed);
        self.tally.acts.store(work.acts, Ordering::Relaxed);
    }
}

impl Modules for Natives {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let Some(make) = self.makers.get(digest) else {
            let detail = "the test world has no such module".to_owned();
            return Err(Fault { kind: FaultKind::NotLoadable, detail, event: None });
        };
        Ok(Prepared { module: make(), map: Arc::clone(&self.map), map_digest: self.map_digest })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        let detail = "nothing was rebuilt".to_owned();
        self.rebuilt.take().ok_or(Fault { kind: FaultKind::NotLoadable, detail, event: None })
    }
}
