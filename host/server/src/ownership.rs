//! Which zones this host owns: claims what nobody owns, recovers it, and puts it to work.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_backplane::{Claim, Lease};
use wod_protocol::ids::{Digest, Epoch, HostId, JournalIndex, ZoneNo};
use wod_protocol::limits::LEASE_TTL;
use wod_protocol::registry::{HostLoad, Owner};
use wod_protocol::world;
use wod_sim::io::{Input, Took};
use wod_sim::zone::Zone;

use crate::config::RECOVERIES;
use crate::estate::{Coming, Estate};
use crate::follower::Follower;
use crate::host::Host;
use crate::{load, pin, placement};

/// How often the store is asked who owns what.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a host waits for each one that suits an unowned zone better.
const PRECEDENCE: Duration = Duration::from_secs(1);
/// How long a zone is left alone whose module can't be had: somebody has to mend that.
const MEND_TIME: Duration = Duration::from_secs(5);

/// Looks after ownership until cancelled; then waits for every zone's last entry to be stored.
pub(crate) async fn run(estate: Arc<Estate>, stop: CancellationToken) {
    let host = &estate.host;
    let recoveries = Arc::new(Semaphore::new(RECOVERIES));
    let mut look = Look::default();
    let mut due = tokio::time::interval(LOOK_EVERY);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = due.tick() => {}
        }
        let seen = tokio::try_join!(host.backplane.owners(&host.zones), load::read(&host.backplane));
        let (owners, hosts) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(%error, "who owns which zone can't be read; trying again");
                continue;
            }
        };
        let owners: BTreeMap<_, _> =
            host.zones.iter().zip(owners).filter_map(|(zone, owner)| Some((*zone, owner?))).collect();
        host.directory.replace(owners.clone(), hosts.clone());
        for (zone, epoch) in look.wanted(host, &owners, &hosts) {
            // A lease that is left behind runs out, or is ours again at once after a restart.
            if let Some(coming) = estate.expect(zone.number) {
                let (estate, recoveries) = (estate.clone(), recoveries.clone());
                let (zone, stop) = (zone.clone(), stop.clone());
                estate.clone().tasks.spawn(async move {
                    stop.run_until_cancelled(adopt(&estate, &zone, epoch, coming, &recoveries)).await;
                });
            }
        }
    }
    estate.workers.stop().await;
    estate.tasks.close();
    estate.tasks.wait().await;
}

/// What was seen of zones without an owner.
#[derive(Default)]
struct Look {
    unowned: BTreeMap<ZoneNo, Instant>,
    /// Players when they were last counted.
    players: BTreeMap<ZoneNo, u32>,
}

impl Look {
    /// Zones that are ours to take now, the crowded ones first, and the highest epoch seen of each.
    fn wanted<'a>(
        &mut self,
        host: &'a Host,
        owners: &BTreeMap<ZoneNo, Owner>,
        hosts: &[HostLoad],
    ) -> Vec<(&'a world::Zone, Epoch)> {
        let me = &host.config.host;
        let mine = host.load();
        let counted = hosts.iter().flat_map(|host| &host.zones).map(|zone| (zone.zone, zone.players));
        self.players.extend(counted);
        let mut wanted = Vec::new();
        for zone in &host.config.world.zones {
            let number = zone.number;
            let last = host.directory.last_owner(number);
            let owner = owners.get(&number);
            // Our own lease without a running zone: we were restarted, or have let it go to recover it.
            // Unless the store has forgotten that we gave it away: then who has it says so, or its lease runs out.
            let is_newest = |owner: &Owner| last.as_ref().is_none_or(|last| last.epoch <= owner.epoch);
            let left_by_us = owner.is_some_and(|owner| owner.host == *me && is_newest(owner));
            if host.port(number).is_some() || owner.is_some() && !left_by_us {
                self.unowned.remove(&number);
                continue;
            }
            let since = *self.unowned.entry(number).or_insert_with(Instant::now);
            let patience = Self::patience(host, &mine, zone, hosts, last.as_ref().map(|owner| &owner.host));
            if left_by_us || patience.is_some_and(|patience| since.elapsed() >= patience) {
                wanted.push((zone, last.map_or(Epoch(0), |owner| owner.epoch)));
            }
        }
        wanted.sort_by_key(|(zone, _)| Reverse(self.players.get(&zone.number).copied().unwrap_or(0)));
        wanted
    }

    /// How long this host leaves an unowned zone to those who suit it better; none: it takes nothing.
    fn patience(
        host: &Host,
        mine: &HostLoad,
        zone: &world::Zone,
        hosts: &[HostLoad],
        lost_by: Option<&HostId>,
    ) -> Option<Duration> {
        let me = &host.config.host;
        if host.is_draining() {
            return None;
        }
        // Who has just lost it is dead, or does not want it; its load is still shown for a moment.
        let others = hosts.iter().filter(|other| other.host == *me || Some(&other.host) != lost_by).cloned();
        let others: Vec<HostLoad> = others.collect();
        let ranked = placement::ranking(&host.config.world, zone, &others);
        let tier = placement::tier(&host.config.world, zone, mine);
        let better = ranked.iter().take_while(|(_, other)| other.host != *me).count() as u32;
        // A zone that was lost is taken at once where nobody who suits it better is alive. One that was never seen with an owner
        // is left to those who are perhaps just being started.
        let outranked = ranked.iter().any(|(other, _)| *other < tier);
        let awaited = lost_by.is_none() && !tier.is_at_home();
        let grace = if outranked || awaited { host.config.foreign_grace } else { Duration::ZERO };
        Some(grace.max(if others.iter().any(|other| other.host == *me) { PRECEDENCE * better } else { Duration::ZERO }))
    }
}

/// Claims a zone, brings it to where its journal ends, and puts it to work; or lets it be.
async fn adopt(estate: &Arc<Estate>, zone: &world::Zone, seen: Epoch, _coming: Coming, recoveries: &Semaphore) {
    // Claimed only when its turn has come: meanwhile another host may be quicker.
    let Ok(turn) = recoveries.acquire().await else { return };
    let Err(error) = try_adopt(estate, zone, seen).await else { return };
    tracing::error!(zone = %zone.name, error = format!("{error:#}"), "the zone can't be taken over; trying again");
    drop(turn);
    if error.is::<NoModule>() {
        tokio::time::sleep(MEND_TIME).await;
    }
}

/// The folder's module was refused, or is not there.
#[derive(Debug, thiserror::Error)]
#[error("the zone has no module to begin with")]
struct NoModule;

async fn try_adopt(estate: &Estate, zone: &world::Zone, seen: Epoch) -> anyhow::Result<()> {
    let host = &estate.host;
    let incarnation = host.backplane.incarnation();
    let claim = host.backplane.claim(zone.number, &host.config.host, seen).await.context("claiming the lease")?;
    let Claim::Won(lease) = claim else { return Ok(()) };
    let prepared = tokio::select! {
        biased;
        prepared = prepare(host, zone, &lease) => prepared,
        error = keep(host, &lease) => Err(error),
    };
    match prepared {
        Ok((copy, pinned, inputs)) => {
            estate.settle(zone, lease, copy, pinned, inputs, incarnation);
            Ok(())
        }
        Err(error) => {
            if let Err(release) = host.backplane.release(&lease).await {
                tracing::debug!(zone = %zone.name, %release, "the lease was not released");
            }
            Err(error)
        }
    }
}

/// A copy of the zone as it stood after its last durable entry, where what is kept for a rewind begins, and the inputs it
/// begins with.
async fn prepare(
    host: &Host,
    zone: &world::Zone,
    lease: &Lease,
) -> anyhow::Result<(Follower, Option<JournalIndex>, Vec<Input>)> {
    let (source, number) = (host.source(), zone.number);
    let recover = move || {
        let mut follower = Follower::open(source, number)?;
        follower.advance()?;
        Ok(follower)
    };
    let copy = host.threads.run(format!("recover-{number}"), recover).await?;
    let pinned = pin::find(&host.backplane, number).await?;
    let how = if copy.zone.is_some() { Took::Recovered } else { Took::Fresh };
    let mut inputs = vec![Input::Owned { epoch: lease.epoch, host: lease.host.clone(), how }];
    let running = copy.zone.as_ref().and_then(Zone::module_digest);
    inputs.extend(module_to_start_with(host, zone, running).await?);
    Ok((copy, pinned, inputs))
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
    let digest = host.modules.first(&host.config.modules, zone).await.context(NoModule)?;
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
