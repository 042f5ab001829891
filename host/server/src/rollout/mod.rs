//! Rollouts: one version into many zones, wave by wave. A rollout is a record in the backplane; whichever host drives it says so
//! in it every second, and any other goes on when it falls silent. So it survives whoever typed it and whoever drove it.

mod driver;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;
use wod_backplane::{Backplane, Error};
use wod_protocol::ids::{Digest, Generation, HostId};
use wod_protocol::world::World;

pub(crate) use driver::run;

/// Finished rollouts that are remembered.
const REMEMBERED: usize = 20;
/// Most waves.
const WAVES: usize = 16;

/// What an operator wants.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// `NAME@VERSION`.
    pub(crate) module: String,
    /// Zones' names, `*` for any part: of those that match, the ones whose module in the world file has this name.
    pub(crate) zones: String,
    /// How many zones have it after each wave: numbers, or per cent.
    pub(crate) waves: Vec<String>,
    #[serde(default)]
    pub(crate) shadow: u32,
    #[serde(default)]
    pub(crate) probation: u32,
    #[serde(default)]
    pub(crate) pause_on: PauseOn,
}

/// When a rollout waits for an operator. A breach (a step fails, a version does not settle) always stops it and rolls it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PauseOn {
    /// Never.
    #[default]
    Nothing,
    /// After a wave in which anything was not as before: the shadow run saw differences, or a zone has trouble.
    Any,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rollout {
    pub(crate) id: String,
    pub(crate) module: String,
    pub(crate) digest: Digest,
    pub(crate) shadow: u32,
    pub(crate) probation: u32,
    pub(crate) pause_on: PauseOn,
    /// Zones of each wave.
    pub(crate) waves: Vec<Vec<String>>,
    /// The wave under way.
    pub(crate) wave: usize,
    pub(crate) zones: BTreeMap<String, Progress>,
    pub(crate) state: State,
    /// Who drives it, and how often it has said so.
    pub(crate) driver: Option<HostId>,
    pub(crate) beat: u64,
    /// When it was begun, seconds since 1970 by the clock of the host that was asked: the oldest are forgotten first.
    pub(crate) begun_s: u64,
}

/// How far a rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub(crate) enum State {
    Running,
    /// Until an operator resumes or aborts it.
    Paused(String),
    /// What was swapped is taken back.
    RollingBack(String),
    Done,
    /// It was rolled back.
    Stopped(String),
}

/// How far a zone is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "what")]
pub(crate) enum Progress {
    Waiting,
    /// It ran the version before the rollout began: left alone.
    AlreadyThere,
    /// Its module was this old when it began.
    Deploying(Generation),
    /// With what was noticed on the way.
    Settled(Vec<String>),
    Failed(String),
    RolledBack,
    NotRolledBack(String),
}

impl State {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Stopped(_))
    }

    fn needs_driving(&self) -> bool {
        matches!(self, Self::Running | Self::RollingBack(_))
    }
}

/// A rollout as an order plans it.
pub(crate) fn plan(order: &Order, digest: Digest, world: &World) -> anyhow::Result<Rollout> {
    let (name, _) = order.module.split_once('@').context("a rollout is of a published version: NAME@VERSION")?;
    let pattern = WildMatch::new(&order.zones);
    let of_module = world.zones.iter().filter(|zone| zone.module == name && pattern.matches(zone.name.as_str()));
    let zones: Vec<String> = of_module.map(|zone| zone.name.to_string()).collect();
    if zones.is_empty() {
        let all: Vec<&str> =
            world.zones.iter().filter(|zone| zone.module == name).map(|zone| zone.name.as_str()).collect();
        bail!("`{}` matches no zone of module `{name}`; its zones are: {}", order.zones, all.join(", "));
    }
    if order.waves.is_empty() || order.waves.len() > WAVES {
        bail!("a rollout has 1 to {WAVES} waves, for example 1,25%,100%");
    }
    let mut waves = Vec::new();
    let mut begun = 0;
    for size in &order.waves {
        let reach = reach(size, zones.len())?;
        if reach > begun {
            waves.push(zones[begun..reach].to_vec());
            begun = reach;
        }
    }
    let taking_part = &zones[..begun];
    Ok(Rollout {
        id: format!("{:08x}", rand::random::<u32>()),
        module: order.module.clone(),
        digest,
        shadow: order.shadow,
        probation: order.probation,
        pause_on: order.pause_on,
        waves,
        wave: 0,
        zones: taking_part.iter().map(|zone| (zone.clone(), Progress::Waiting)).collect(),
        state: State::Running,
        driver: None,
        beat: 0,
        begun_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    })
}

/// How many of `all` zones a wave reaches: `3`, `25%`.
fn reach(size: &str, all: usize) -> anyhow::Result<usize> {
    let reach = match size.strip_suffix('%') {
        Some(share) => {
            let share: usize = share.parse().with_context(|| format!("`{size}` is no share: write 25%"))?;
            if share > 100 {
                bail!("`{size}` is more than all");
            }
            (all * share).div_ceil(100)
        }
        None => size.parse().with_context(|| format!("`{size}` is no number of zones: write 3 or 25%"))?,
    };
    Ok(reach.clamp(1, all))
}

fn key(id: &str) -> String {
    format!("rollout/{id}")
}

fn encode(rollout: &Rollout) -> Bytes {
    rmp_serde::to_vec_named(rollout).expect("a rollout has no unserialisable value").into()
}

fn decode(stored: &[u8]) -> anyhow::Result<Rollout> {
    rmp_serde::from_slice(stored).context("a rollout's record does not decode")
}

/// All that are remembered.
pub(crate) async fn list(backplane: &Backplane) -> anyhow::Result<Vec<Rollout>> {
    let stored = backplane.values("rollout/").await.context("listing rollouts")?;
    let read = |(key, stored): &(String, Bytes)| {
        decode(stored).inspect_err(|error| tracing::warn!(key, %error, "left out of the list")).ok()
    };
    Ok(stored.iter().filter_map(read).collect())
}

/// Begins one: from now on some host drives it.
pub(crate) async fn begin(backplane: &Backplane, rollout: &Rollout) -> anyhow::Result<()> {
    refuse_overlap(&list(backplane).await?, rollout)?;
    backplane.replace_value(&key(&rollout.id), None, encode(rollout)).await.context("beginning a rollout")?;
    // Two that were begun at once see each other now; the one with the larger id gives way.
    let mut known = list(backplane).await?;
    known.retain(|other| other.id < rollout.id);
    if let Err(overlap) = refuse_overlap(&known, rollout) {
        backplane.delete_value(&key(&rollout.id)).await.context("withdrawing a rollout")?;
        return Err(overlap);
    }
    let mut over: Vec<Rollout> = list(backplane).await?.into_iter().filter(|other| other.state.is_over()).collect();
    over.sort_by_key(|other| other.begun_s);
    for old in over.iter().take(over.len().saturating_sub(REMEMBERED)) {
        backplane.delete_value(&key(&old.id)).await.context("forgetting an old rollout")?;
    }
    Ok(())
}

fn refuse_overlap(known: &[Rollout], rollout: &Rollout) -> anyhow::Result<()> {
    for other in known.iter().filter(|other| !other.state.is_over()) {
        if let Some(shared) = other.zones.keys().find(|zone| rollout.zones.contains_key(*zone)) {
            bail!("rollout {} of {} is under way in {shared}: wait for it, or abort it", other.id, other.module);
        }
    }
    Ok(())
}

/// Whether zones may still be given its version.
pub(crate) async fn is_running(backplane: &Backplane, id: &str) -> anyhow::Result<bool> {
    let stored = backplane.value(&key(id)).await.context("reading a rollout")?;
    Ok(stored.map(|stored| decode(&stored)).transpose()?.is_some_and(|rollout| rollout.state == State::Running))
}

/// Changes one; `change` says why it can't be. Tried again when somebody else was quicker.
pub(crate) async fn change(
    backplane: &Backplane,
    id: &str,
    change: impl Fn(&mut Rollout) -> Result<(), String>,
) -> anyhow::Result<Option<Result<Rollout, String>>> {
    loop {
        let Some(stored) = backplane.value(&key(id)).await.context("reading a rollout")? else { return Ok(None) };
        let mut rollout = decode(&stored)?;
        if let Err(refusal) = change(&mut rollout) {
            return Ok(Some(Err(refusal)));
        }
        match backplane.replace_value(&key(id), Some(stored), encode(&rollout)).await {
            Ok(()) => return Ok(Some(Ok(rollout))),
            Err(Error::Changed { .. }) => {}
            Err(error) => return Err(error).context("changing a rollout"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use super::*;

    fn world(zones: usize) -> World {
        let zone = |number: usize| {
            let (name, x) =
                (format!("{}.z{number}", if number.is_multiple_of(2) { "nyc" } else { "la" }), number * 100);
            format!(
                "[[zone]]\nname = \"{name}\"\nnumber = {}\nmodule = \"elysium\"\norigin = [{x}, 0]\nsize = [50, 50]\n",
                number + 1
            )
        };
        let zones: String = (0..zones).map(zone).collect();
        World::parse(&format!("start = \"nyc.z0\"\n{zones}")).unwrap()
    }

    fn order(zones: &str, waves: &[&str]) -> Order {
        Order {
            module: "elysium@2.0.0".into(),
            zones: zones.into(),
            waves: waves.iter().map(|wave| (*wave).to_owned()).collect(),
            shadow: 0,
            probation: 100,
            pause_on: PauseOn::Nothing,
        }
    }

    fn sizes(order: &Order, zones: usize) -> Vec<usize> {
        plan(order, Digest::of(b""), &world(zones)).unwrap().waves.iter().map(Vec::len).collect()
    }

    #[test]
    fn waves_reach_so_many_zones_together() {
        assert_eq!(sizes(&order("*", &["1", "25%", "100%"]), 20), [1, 4, 15]);
        assert_eq!(sizes(&order("*", &["1", "25%", "100%"]), 2), [1, 1], "a wave that reaches nobody new is none");
        assert_eq!(sizes(&order("nyc.*", &["50%"]), 20), [5], "the rest is left alone");
        assert_eq!(sizes(&order("nyc.z0", &["9"]), 20), [1]);
        for waves in [&["0%x"][..], &["101%"], &["many"], &[]] {
            assert!(plan(&order("*", waves), Digest::of(b""), &world(4)).is_err(), "{waves:?}");
        }
        let nothing = plan(&order("eu.*", &["1"]), Digest::of(b""), &world(2)).unwrap_err().to_string();
        assert!(nothing.contains("nyc.z0, la.z1"), "{nothing}");
    }

    #[tokio::test]
    async fn one_zone_is_in_one_rollout_and_old_ones_are_forgotten() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let planned = |zones: &str| plan(&order(zones, &["100%"]), Digest::of(b""), &world(4)).unwrap();
        let first = planned("nyc.*");
        begin(&backplane, &first).await.unwrap();
        let refused = begin(&backplane, &planned("*")).await.unwrap_err().to_string();
        assert!(refused.contains(&first.id), "{refused}");
        begin(&backplane, &planned("la.*")).await.unwrap();
        let end = |rollout: &mut Rollout| {
            rollout.state = State::Done;
            Ok(())
        };
        for _ in 0..2 * REMEMBERED {
            for rollout in list(&backplane).await.unwrap() {
                change(&backplane, &rollout.id, end).await.unwrap().unwrap().unwrap();
            }
            begin(&backplane, &planned("nyc.*")).await.unwrap();
        }
        assert_eq!(list(&backplane).await.unwrap().len(), REMEMBERED + 1, "and the one under way");
        assert!(change(&backplane, "nobody", end).await.unwrap().is_none());
    }
}
