//! From snapshot and journal to a zone as it stood: after a restart, after an owner was lost, and for a module that failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use wod_backplane::Backplane;
use wod_protocol::ids::{JournalIndex, ZoneNo};
use wod_protocol::world::World;
use wod_sim::io::{Effects, Entry};
use wod_sim::zone::{Diverged, Zone};

use crate::modules::{ModuleStore, ReplayModules};

/// Journal bytes read at a time.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// A zone as it stood after its last durable entry.
pub(crate) struct Recovered {
    /// None: it never ran.
    pub(crate) zone: Option<Zone>,
    /// Its last entry.
    pub(crate) end: JournalIndex,
    /// Entries replayed since the snapshot, and how long that took.
    pub(crate) entries: u64,
    pub(crate) took: Duration,
    /// Entries whose effects came out otherwise than the first time. Not zero: a bug of ours, or another program version.
    pub(crate) diverged: u64,
}

/// Reads the newest snapshot and replays the journal after it, to its end or to `until`.
pub(crate) async fn recover(
    backplane: &Backplane,
    modules: &ModuleStore,
    world: &Arc<World>,
    zone: ZoneNo,
    until: Option<JournalIndex>,
) -> anyhow::Result<Recovered> {
    let snapshot = backplane.snapshot(zone).await.context("reading the snapshot")?;
    let mut end = snapshot.as_ref().map_or(JournalIndex(0), |(at, _)| *at);
    let mut entries = Vec::new();
    loop {
        let page = backplane.read_journal(zone, end.next(), READ_BYTES).await.context("reading the journal")?;
        let Some((last, _)) = page.last() else { break };
        end = *last;
        entries.extend(page);
        if until.is_some_and(|until| end >= until) {
            break;
        }
    }
    if let Some(until) = until {
        entries.retain(|(index, _)| *index <= until);
        end = until;
    }
    if snapshot.is_none() && entries.is_empty() {
        return Ok(Recovered { zone: None, end, entries: 0, took: Duration::ZERO, diverged: 0 });
    }
    let settings = world.zone(zone).context("the world file has no such zone")?.clone();
    let mut source =
        ReplayModules { store: modules.clone(), zone: settings, runtime: tokio::runtime::Handle::current() };
    let world = world.clone();
    let count = entries.len() as u64;
    let (replayed, took, diverged) = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let (zone, diverged) = replay(world, zone, snapshot.as_ref().map(|(_, bytes)| bytes), &entries, &mut source)?;
        anyhow::Ok((zone, begun.elapsed(), diverged))
    })
    .await??;
    Ok(Recovered { zone: Some(replayed), end, entries: count, took, diverged })
}

fn replay(
    world: Arc<World>,
    number: ZoneNo,
    snapshot: Option<&Bytes>,
    entries: &[(JournalIndex, Bytes)],
    source: &mut ReplayModules,
) -> anyhow::Result<(Zone, u64)> {
    let mut zone = match snapshot {
        Some(bytes) => Zone::restore(world, number, bytes, source).context("loading the snapshot")?,
        None => Zone::new(world, number),
    };
    let mut effects = Effects::default();
    let mut diverged = 0;
    for (index, bytes) in entries {
        let entry = Entry::decode(bytes).with_context(|| format!("journal entry {index} does not decode"))?;
        if let Err(error) = zone.replay(&entry, source, &mut effects) {
            if let Diverged::Version { .. } = error {
                // Leaving the entry out would lose what was acknowledged.
                let what = format!("entry {index} of the journal can't be replayed by this program");
                let hint = "run the program that wrote it once and stop it in good order: that leaves a snapshot";
                return Err(anyhow::Error::new(error).context(format!("{what}; {hint}")));
            }
            tracing::warn!(zone = %number, entry = %index, %error, "a replayed tick came out otherwise");
            diverged += 1;
        }
    }
    Ok((zone, diverged))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use wod_backplane::Claim;
    use wod_protocol::ids::{Epoch, Generation, HostId, Tick};
    use wod_sandbox::{Limits, Sandbox, SandboxOptions};
    use wod_sim::io::{Outcome, SIM_VERSION};

    use super::*;

    const WORLD: &str = r#"
start = "lab.a"
[[zone]]
name = "lab.a"
number = 1
module = "none"
origin = [0, 0]
size = [50, 50]
"#;

    #[tokio::test]
    async fn a_journal_that_another_simulation_wrote_is_refused_not_left_out() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let sandbox = Arc::new(Sandbox::new(SandboxOptions::default()).unwrap());
        let modules = ModuleStore::new(sandbox, Limits::default(), backplane.clone());
        let world = Arc::new(World::parse(WORLD).unwrap());
        let Claim::Won(lease) = backplane.claim(ZoneNo(1), &HostId::from("lab"), Epoch(0)).await.unwrap() else {
            panic!("nobody else wants it")
        };
        let entry = Entry {
            sim: SIM_VERSION + 1,
            tick: Tick(1),
            epoch: lease.epoch,
            module: None,
            generation: Generation(0),
            inputs: Vec::new(),
            outcome: Outcome::default(),
            effects_hash: 0,
        };
        backplane.append(&lease, JournalIndex(1), entry.encode().into()).await.unwrap();
        let refused = recover(&backplane, &modules, &world, ZoneNo(1), None).await.err().unwrap();
        let text = format!("{refused:#}");
        assert!(text.contains("entry 1 of the journal can't be replayed by this program"), "{text}");
    }
}
