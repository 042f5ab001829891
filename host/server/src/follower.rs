//! A copy of a zone that follows its journal: from the last snapshot, entry by entry, as far as the journal goes, and on as it
//! grows. What recovers a zone, rebuilds its module, and tries another version beside it.
//!
//! Blocks on the backplane and computes: only for threads that may.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tokio::time::Instant;
use wod_backplane::{Backplane, Error};
use wod_protocol::ids::{Digest, JournalIndex, ZoneNo};
use wod_protocol::world::World;
use wod_sim::io::{Effects, Entry};
use wod_sim::zone::{Diverged, Zone};

use crate::modules::{ModuleStore, ReplayModules};
use crate::recent::Recent;
use crate::threads::Threads;

/// Journal bytes read at a time.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// Where a follower reads.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) backplane: Backplane,
    pub(crate) modules: ModuleStore,
    pub(crate) world: Arc<World>,
    pub(crate) threads: Threads,
}

/// A copy of a zone.
pub(crate) struct Follower {
    source: Source,
    number: ZoneNo,
    /// None: nothing was journaled yet.
    pub(crate) zone: Option<Zone>,
    /// The last entry it has replayed, or its snapshot's.
    pub(crate) at: JournalIndex,
    /// The last entries up to that one.
    pub(crate) recent: Recent,
    pub(crate) modules: ReplayModules,
    effects: Effects,
    /// Entries replayed, and how long that took.
    pub(crate) entries: u64,
    pub(crate) took: Duration,
    /// Entries whose effects came out otherwise than the first time. Not zero: a bug of ours, or another program version.
    pub(crate) diverged: u64,
}

impl Follower {
    /// Begins at the zone's newest snapshot.
    pub(crate) fn open(source: Source, zone: ZoneNo) -> anyhow::Result<Self> {
        let snapshot = source.threads.block_on(source.backplane.snapshot(zone)).context("reading the snapshot")?;
        let (at, snapshot) = snapshot.map_or((JournalIndex(0), None), |(at, bytes)| (at, Some(bytes)));
        let last = match source.threads.block_on(source.backplane.read_journal(zone, at, 1)) {
            Err(Error::Trimmed { .. }) => None,
            read => read.context("reading the journal")?.into_iter().find(|(index, _)| *index == at),
        };
        let recent = Recent::after(last.map(|(_, entry)| Digest::of(&entry)));
        Ok(Self { recent, ..Self::open_at(source, zone, at, snapshot)? })
    }

    /// Begins at this snapshot, which stands after entry `at`; without one at the journal's beginning.
    pub(crate) fn open_at(
        source: Source,
        number: ZoneNo,
        at: JournalIndex,
        snapshot: Option<Bytes>,
    ) -> anyhow::Result<Self> {
        let settings = source.world.zone(number).context("the world file has no such zone")?.clone();
        let mut modules = ReplayModules::new(source.modules.clone(), settings, source.threads.clone());
        let restore = |bytes: Bytes| Zone::restore(source.world.clone(), number, &bytes, &mut modules);
        let zone = snapshot.map(restore).transpose().context("loading the snapshot")?;
        Ok(Self {
            source,
            number,
            zone,
            at,
            recent: Recent::after(None),
            modules,
            effects: Effects::default(),
            entries: 0,
            took: Duration::ZERO,
            diverged: 0,
        })
    }

    /// Replays everything that is there.
    pub(crate) fn advance(&mut self) -> anyhow::Result<()> {
        loop {
            let page = self.page()?;
            if page.is_empty() {
                return Ok(());
            }
            for (index, bytes) in page {
                self.replay(index, &decode(index, &bytes)?)?;
                self.recent.extend([bytes]);
            }
        }
    }

    /// The entries after the last one, as many as one read gives; none: the journal ends here.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<(JournalIndex, Entry)>> {
        self.page()?.into_iter().map(|(index, bytes)| Ok((index, decode(index, &bytes)?))).collect()
    }

    fn page(&self) -> anyhow::Result<Vec<(JournalIndex, Bytes)>> {
        let Source { backplane, threads, .. } = &self.source;
        let page = threads.block_on(backplane.read_journal(self.number, self.at.next(), READ_BYTES));
        page.context("reading the journal")
    }

    /// Replays the next entry.
    pub(crate) fn replay(&mut self, index: JournalIndex, entry: &Entry) -> anyhow::Result<()> {
        let begun = Instant::now();
        let zone = self.zone.get_or_insert_with(|| Zone::new(self.source.world.clone(), self.number));
        let replayed = zone.replay(entry, &mut self.modules, &mut self.effects);
        if let Some(failure) = self.modules.failure.take() {
            return Err(failure.context(format!("entry {index} of the journal can't be replayed without that module")));
        }
        if let Err(error) = replayed {
            if let Diverged::Version { .. } = error {
                // Leaving the entry out would lose what was acknowledged.
                let what = format!("entry {index} of the journal can't be replayed by this program");
                let hint = "run the program that wrote it once and stop it in good order: that leaves a snapshot";
                return Err(anyhow::Error::new(error).context(format!("{what}; {hint}")));
            }
            tracing::warn!(zone = %self.number, entry = %index, %error, "a replayed tick came out otherwise");
            self.diverged += 1;
        }
        self.at = index;
        self.entries += 1;
        self.took += begun.elapsed();
        Ok(())
    }
}

fn decode(index: JournalIndex, bytes: &[u8]) -> anyhow::Result<Entry> {
    Entry::decode(bytes).with_context(|| format!("journal entry {index} does not decode"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use tokio::runtime::Handle;
    use wod_backplane::Claim;
    use wod_protocol::ids::{Epoch, Generation, HostId, Tick};
    use wod_sandbox::{Limits, Sandbox, SandboxOptions};
    use wod_sim::io::{Input, Outcome, SIM_VERSION};

    use super::*;
    use crate::signature::Trust;

    const WORLD: &str = r#"
start = "lab.a"
[[zone]]
name = "lab.a"
number = 1
module = "none"
origin = [0, 0]
size = [50, 50]
"#;

    /// What a follower says of a journal of this one entry.
    async fn refusal(sim: u32, inputs: Vec<Input>, outcome: Outcome) -> String {
        let backplane = Backplane::embedded(None).await.unwrap();
        let sandbox = Arc::new(Sandbox::new(SandboxOptions::default()).unwrap());
        let modules = ModuleStore::new(sandbox, Limits::default(), backplane.clone(), Trust::Anybody);
        let world = Arc::new(World::parse(WORLD).unwrap());
        let Claim::Won(lease) = backplane.claim(ZoneNo(1), &HostId::from("lab"), Epoch(0)).await.unwrap() else {
            panic!("nobody else wants it")
        };
        let entry = Entry {
            sim,
            tick: Tick(1),
            epoch: lease.epoch,
            module: None,
            generation: Generation(0),
            inputs,
            outcome,
            effects_hash: 0,
        };
        backplane.append(&lease, JournalIndex(1), entry.encode().into()).await.unwrap();
        let threads = Threads::Many(Handle::current());
        let source = Source { backplane, modules, world, threads: threads.clone() };
        let follow = move || Follower::open(source, ZoneNo(1))?.advance();
        let refused = threads.run("follower".into(), follow).await.unwrap_err();
        format!("{refused:#}")
    }

    #[tokio::test]
    async fn a_journal_that_another_simulation_wrote_is_refused_not_left_out() {
        let text = refusal(SIM_VERSION + 1, Vec::new(), Outcome::default()).await;
        assert!(text.contains("entry 1 of the journal can't be replayed by this program"), "{text}");
    }

    #[tokio::test]
    async fn a_swap_to_a_module_that_can_not_be_had_stops_the_replay_instead_of_failing_in_it() {
        let swap = Input::Swap { digest: Digest::of(b"gone"), probation: 0 };
        let text = refusal(SIM_VERSION, vec![swap], Outcome { swap: Some(Ok(())), ..Outcome::default() }).await;
        assert!(text.contains("entry 1 of the journal can't be replayed without that module"), "{text}");
        assert!(text.contains("the backplane has no module"), "{text}");
    }
}
