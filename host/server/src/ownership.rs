//! Which zones this host owns: claims what nobody owns, recovers it, and puts it to work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_backplane::{Claim, Lease};
use wod_protocol::ids::{Digest, Epoch, JournalIndex, ZoneNo};
use wod_protocol::limits::{LEASE_TTL, TICKS_AWAITING_JOURNAL};
use wod_protocol::world;
use wod_sim::io::{Input, Took};
use wod_sim::zone::Zone;

use crate::committer::Committer;
use crate::follower::Follower;
use crate::host::Host;
use crate::modules::LiveModules;
use crate::pin;
use crate::port::ZonePort;
use crate::rescue::{Rescue, STEPS_BACK};
use crate::runner::{RebuiltSlot, ZoneRunner};
use crate::stopwatch::Meter;
use crate::worker::Workers;

/// How often the store is asked who owns what.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks after ownership until cancelled; then waits for every zone's last entry to be stored.
pub(crate) async fn run(host: Arc<Host>, workers: Workers, stop: CancellationToken) {
    let mut committers = JoinSet::new();
    let mut unowned_since: BTreeMap<ZoneNo, Instant> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = look.tick() => {}
            () = stop.cancelled() => break,
        }
        while let Some(ended) = committers.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "a committer failed");
            }
        }
        let numbers: Vec<ZoneNo> = host.config.world.zones.iter().map(|zone| zone.number).collect();
        let owners = match host.backplane.owners(&numbers).await {
            Ok(owners) => owners,
            Err(error) => {
                tracing::warn!(%error, "who owns which zone can't be read; trying again");
                continue;
            }
        };
        let known: BTreeMap<_, _> =
            numbers.iter().zip(&owners).filter_map(|(zone, owner)| Some((*zone, owner.clone()?))).collect();
        host.directory.replace(known.clone());
        for zone in &host.config.world.zones {
            // Our own lease without a running zone: we were restarted, or have let it go to recover it.
            let left_by_us = known.get(&zone.number).is_some_and(|owner| owner.host == host.config.host);
            if host.port(zone.number).is_some() || known.contains_key(&zone.number) && !left_by_us {
                unowned_since.remove(&zone.number);
                continue;
            }
            let since = *unowned_since.entry(zone.number).or_insert_with(Instant::now);
            let ours = left_by_us || host.config.region.is_empty() || host.config.region == zone.region();
            if !ours && since.elapsed() < host.config.foreign_grace {
                continue;
            }
            // A lease that is left behind runs out, or is ours again at once after a restart.
            let adopted = tokio::select! {
                biased;
                adopted = adopt(&host, &workers, zone) => adopted,
                () = stop.cancelled() => break,
            };
            match adopted {
                Ok(Some(committer)) => {
                    committers.spawn(committer.run());
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(zone = %zone.name, error = format!("{error:#}"), "the zone can't be taken over; trying again");
                }
            }
        }
    }
    workers.stop().await;
    while let Some(ended) = committers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a committer failed");
        }
    }
}

/// Claims a zone, brings it to where its journal ends, and gives it to a worker. None: somebody else was quicker.
async fn adopt(host: &Arc<Host>, workers: &Workers, zone: &world::Zone) -> anyhow::Result<Option<Committer>> {
    let claim = host.backplane.claim(zone.number, &host.config.host, Epoch(0)).await.context("claiming the lease")?;
    let Claim::Won(lease) = claim else { return Ok(None) };
    let prepared = tokio::select! {
        biased;
        prepared = prepare(host, zone, &lease) => prepared,
        error = keep(host, &lease) => Err(error),
    };
    let (recovered, inputs) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            if let Err(release) = host.backplane.release(&lease).await {
                tracing::debug!(zone = %zone.name, %release, "the lease was not released");
            }
            return Err(error);
        }
    };
    let fresh = recovered.zone.is_none();
    tracing::info!(
        zone = %zone.name, epoch = %lease.epoch, fresh, entries = recovered.entries,
        replay_ms = recovered.took.as_millis() as u64, diverged = recovered.diverged, "zone taken over"
    );
    if recovered.diverged > 0 {
        host.troubles.add(zone.number, format!("{} replayed ticks came out otherwise", recovered.diverged));
    }
    let (rescue_tx, steps_rx) = mpsc::channel(STEPS_BACK);
    let port = Arc::new(ZonePort::new(zone.number, rescue_tx));
    // Where it is of no use any more, whoever looks after the module lets it go.
    port.pin(recovered.pinned);
    port.extend(inputs);
    let rebuilt = RebuiltSlot::default();
    // One place more than ticks may wait for: a snapshot follows its tick.
    let (commit_tx, commit_rx) = mpsc::channel(TICKS_AWAITING_JOURNAL + 2);
    let modules = LiveModules {
        store: host.modules.clone(),
        zone: zone.clone(),
        rebuilt: rebuilt.clone(),
        meter: recovered.meter,
        taken: Arc::default(),
    };
    let state = recovered.zone.unwrap_or_else(|| Zone::new(host.config.world.clone(), zone.number));
    let replayed = (recovered.took, recovered.entries);
    let budget = (host.config.replay_budget, host.config.replay_entries);
    workers.adopt(ZoneRunner::new(state, port.clone(), modules, commit_tx, zone, replayed, budget));
    host.add(port.clone());
    tokio::spawn(Rescue::new(host.clone(), port.clone(), rebuilt, steps_rx).run());
    Ok(Some(Committer { host: host.clone(), port, lease, end: recovered.at, commit_rx }))
}

/// A zone as it stood after its last durable entry.
struct Recovered {
    /// None: it never ran.
    zone: Option<Zone>,
    /// Its last entry.
    at: JournalIndex,
    /// Entries replayed since the snapshot, and how long that took.
    entries: u64,
    took: Duration,
    /// Where what is kept for a rewind begins.
    pinned: Option<JournalIndex>,
    /// Of them, those that came out otherwise.
    diverged: u64,
    /// What its module's instance measures.
    meter: Arc<Meter>,
}

/// The recovered zone, and the inputs it begins with.
async fn prepare(host: &Host, zone: &world::Zone, lease: &Lease) -> anyhow::Result<(Recovered, Vec<Input>)> {
    let (source, number) = (host.source(), zone.number);
    let recovered = host
        .threads
        .run(format!("recover-{number}"), move || {
            let mut follower = Follower::open(source, number)?;
            follower.advance()?;
            let Follower { zone, at, entries, took, diverged, modules, .. } = follower;
            let running = zone.as_ref().and_then(Zone::module_digest);
            let meter = running.map(|digest| modules.meter(&digest)).unwrap_or_default();
            Ok(Recovered { zone, at, entries, took, diverged, meter, pinned: None })
        })
        .await?;
    let recovered = Recovered { pinned: pin::find(&host.backplane, number).await?, ..recovered };
    let how = if recovered.zone.is_some() { Took::Recovered } else { Took::Fresh };
    let mut inputs = vec![Input::Owned { epoch: lease.epoch, host: lease.host.clone(), how }];
    let running = recovered.zone.as_ref().and_then(Zone::module_digest);
    inputs.extend(module_to_start_with(host, zone, running).await?);
    Ok((recovered, inputs))
}

/// Swaps the folder's module in, where it is wanted; `running` is the zone's own.
async fn module_to_start_with(
    host: &Host,
    zone: &world::Zone,
    running: Option<Digest>,
) -> anyhow::Result<Option<Input>> {
    if running.is_some() && !host.config.follow_modules {
        return Ok(None);
    }
    let digest = host.modules.first(&host.config.modules, zone).await?;
    Ok((running != Some(digest)).then_some(Input::Swap { digest, probation: 0 }))
}

/// Renews the lease while a zone is being recovered; returns only when it was lost.
async fn keep(host: &Host, lease: &Lease) -> anyhow::Error {
    loop {
        tokio::time::sleep(LEASE_TTL / 3).await;
        if let Err(error) = host.backplane.renew(lease).await
            && !error.is_transient()
        {
            return anyhow::Error::new(error).context("the lease was lost during recovery");
        }
    }
}
