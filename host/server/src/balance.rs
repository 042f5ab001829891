//! Gives zones away that are better placed elsewhere, one at a time: when loads are uneven, and all of them while the host drains.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_protocol::ids::ZoneNo;

use crate::host::Host;
use crate::migration;
use crate::placement::{self, Move};

/// How often it is looked whether something should move.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A zone moves to even loads out only when that has been wanted for this long without a break.
const SETTLED: Duration = Duration::from_secs(3);
/// A zone that could not be moved is left alone for this long.
const REST: Duration = Duration::from_secs(10);

/// Until cancelled.
pub(crate) async fn run(host: Arc<Host>, stop: CancellationToken) {
    let mut wanted: Option<(Move, Instant)> = None;
    let mut resting: Vec<(ZoneNo, Instant)> = Vec::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(look.tick()).await.is_some() {
        resting.retain(|(_, since)| since.elapsed() < REST);
        let draining = host.is_draining();
        if !host.config.rebalance && !draining {
            continue;
        }
        loop {
            let next = next_move(&host, &resting);
            let Some(next) = next else {
                wanted = None;
                break;
            };
            let since = match &wanted {
                Some((known, since)) if *known == next => *since,
                _ => Instant::now(),
            };
            wanted = Some((next.clone(), since));
            if !draining && since.elapsed() < SETTLED {
                break;
            }
            let Some(port) = host.port(next.zone) else { break };
            let Some(moved) = stop.run_until_cancelled(migration::migrate(&host, &port, &next.to, false)).await else {
                return;
            };
            if let Err(error) = moved {
                let error = format!("{error:#}");
                tracing::warn!(zone = %next.zone, to = %next.to, error, "the zone was not moved; trying again later");
                resting.push((next.zone, Instant::now()));
            }
            if !draining {
                // Loads are measured anew before the next.
                wanted = None;
                break;
            }
        }
    }
}

fn next_move(host: &Host, resting: &[(ZoneNo, Instant)]) -> Option<Move> {
    let me = &host.config.host;
    let mut hosts = host.directory.hosts();
    // Of ourselves we know better than what was last told.
    hosts.retain(|other| other.host != *me);
    let mut mine = host.load();
    mine.zones.retain(|load| resting.iter().all(|(zone, _)| *zone != load.zone));
    if !mine.draining {
        mine.zones.retain(|load| !host.is_left_alone(load.zone));
    }
    hosts.push(mine);
    placement::next_move(&host.config.world, me, &hosts)
}
