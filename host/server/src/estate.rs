//! The zones this host has: how one is put to work, and what serves it until it is let go.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use wod_backplane::Lease;
use wod_protocol::ids::{JournalIndex, ZoneNo};
use wod_protocol::limits::TICKS_AWAITING_JOURNAL;
use wod_protocol::world;
use wod_sim::io::Input;
use wod_sim::zone::Zone;

use crate::committer::Committer;
use crate::follower::Follower;
use crate::host::Host;
use crate::modules::LiveModules;
use crate::port::ZonePort;
use crate::rescue::{Rescue, STEPS_BACK};
use crate::runner::{RebuiltSlot, ZoneRunner};
use crate::seats;
use crate::worker::Workers;

pub(crate) struct Estate {
    pub(crate) host: Arc<Host>,
    pub(crate) workers: Workers,
    /// Committers, and what gets zones ready.
    pub(crate) tasks: TaskTracker,
    /// Zones that are being got ready, by whatever way.
    coming: Mutex<BTreeSet<ZoneNo>>,
}

/// A zone that is being got ready; dropped: it is not any more.
pub(crate) struct Coming {
    estate: Arc<Estate>,
    zone: ZoneNo,
}

impl Estate {
    pub(crate) fn new(host: Arc<Host>, workers: Workers) -> Arc<Self> {
        Arc::new(Self { host, workers, tasks: TaskTracker::new(), coming: Mutex::default() })
    }

    /// None: it is being got ready already, or works.
    pub(crate) fn expect(self: &Arc<Self>, zone: ZoneNo) -> Option<Coming> {
        let free = self.host.port(zone).is_none() && self.coming.lock().insert(zone);
        free.then(|| Coming { estate: self.clone(), zone })
    }

    /// Puts a zone to work that is ours by this lease. `copy` stands at the journal's end; `pinned`: where what is kept for a
    /// rewind begins; `inputs`: what it begins with; `incarnation`: the store's, watched since before the copy was made.
    pub(crate) fn settle(
        &self,
        zone: &world::Zone,
        lease: Lease,
        copy: Follower,
        pinned: Option<JournalIndex>,
        inputs: Vec<Input>,
        incarnation: watch::Receiver<u64>,
    ) {
        let host = &self.host;
        let Follower { zone: state, at, recent, entries, took, diverged, modules, .. } = copy;
        tracing::info!(
            zone = %zone.name, epoch = %lease.epoch, fresh = state.is_none(), entries,
            replay_ms = took.as_millis() as u64, diverged, "zone taken over"
        );
        if diverged > 0 {
            host.troubles.add(zone.number, format!("{diverged} replayed ticks came out otherwise"));
        }
        let (rescue_tx, steps_rx) = mpsc::channel(STEPS_BACK);
        let port = Arc::new(ZonePort::new(zone.number, lease.epoch, rescue_tx));
        // Where it is of no use any more, whoever looks after the module lets it go.
        port.pin(pinned);
        port.extend(inputs);
        let rebuilt = RebuiltSlot::default();
        // One place more than ticks may wait for: a snapshot follows its tick.
        let (commit_tx, commit_rx) = mpsc::channel(TICKS_AWAITING_JOURNAL + 2);
        let running = state.as_ref().and_then(Zone::module_digest);
        let modules = LiveModules {
            store: host.modules.clone(),
            zone: zone.clone(),
            rebuilt: rebuilt.clone(),
            meter: running.map(|digest| modules.meter(&digest)).unwrap_or_default(),
            taken: Arc::default(),
        };
        let state = state.unwrap_or_else(|| Zone::new(host.config.world.clone(), zone.number));
        let seat = seats::free(self.workers.count(), &host.seated());
        let runner = ZoneRunner::new(state, port.clone(), modules, commit_tx, zone, host, (took, entries));
        self.workers.adopt(runner, seat);
        host.add(port.clone());
        self.tasks.spawn(Rescue::new(host.clone(), port.clone(), rebuilt, steps_rx).run());
        self.tasks.spawn(Committer { host: host.clone(), port, lease, end: at, recent, incarnation, commit_rx }.run());
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.estate.coming.lock().remove(&self.zone);
    }
}
