//! A zone's door: where everything that is for it waits for its next tick, and where its owner sees how it does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_protocol::ids::{Epoch, GatewayId, JournalIndex, ZoneNo};
use wod_protocol::registry::ZoneBeat;
use wod_sim::io::Input;

use crate::config::ZONE_QUEUE;
use crate::migration::Departure;
use crate::rescue::StepBack;
use crate::standing::Standing;
use crate::worker::Bell;

struct Status {
    beat: ZoneBeat,
    gateways: Vec<GatewayId>,
    /// When its worker made it.
    at: Instant,
}

/// Shared between the zone's worker, its committer and everybody who has something for it.
pub(crate) struct ZonePort {
    pub(crate) zone: ZoneNo,
    /// The lease's by which it is ours. The zone itself knows of it from its first tick here.
    pub(crate) epoch: Epoch,
    queue: Mutex<VecDeque<Input>>,
    dropped: AtomicU64,
    /// The worker's, rung when something comes for a sleeping zone.
    worker: Mutex<Option<Arc<Bell>>>,
    asleep: AtomicBool,
    /// No longer ours: the worker lets it go at its next look.
    closed: CancellationToken,
    status: Mutex<Option<Status>>,
    /// Which worker ticks it, or shall from its next tick on.
    seat: AtomicUsize,
    /// How its module stands.
    pub(crate) standing: watch::Sender<Standing>,
    /// The journal after this entry is kept, whatever snapshots there are: a rewind would need it.
    pinned: Mutex<Option<JournalIndex>>,
    /// Where the zone shall go, at its worker's next look.
    departure: Mutex<Option<Departure>>,
    /// Held by whoever replaces the module or moves the zone.
    pub(crate) replacing: Arc<tokio::sync::Mutex<()>>,
    /// To whoever looks after the module.
    pub(crate) rescue_tx: mpsc::Sender<StepBack>,
}

impl ZonePort {
    pub(crate) fn new(zone: ZoneNo, epoch: Epoch, rescue_tx: mpsc::Sender<StepBack>) -> Self {
        Self {
            zone,
            epoch,
            queue: Mutex::default(),
            dropped: AtomicU64::new(0),
            worker: Mutex::new(None),
            asleep: AtomicBool::new(false),
            closed: CancellationToken::new(),
            status: Mutex::new(None),
            seat: AtomicUsize::new(0),
            standing: watch::Sender::default(),
            pinned: Mutex::new(None),
            departure: Mutex::new(None),
            replacing: Arc::default(),
            rescue_tx,
        }
    }

    /// False when the queue is full or the zone is gone: the input was dropped and counted.
    pub(crate) fn push(&self, input: Input) -> bool {
        self.extend([input])
    }

    /// Adds all of them in order, as far as there is room; false when some were dropped.
    pub(crate) fn extend(&self, inputs: impl IntoIterator<Item = Input>) -> bool {
        let mut lost = 0;
        {
            let mut queue = self.queue.lock();
            for input in inputs {
                if queue.len() < ZONE_QUEUE && !self.is_closed() {
                    queue.push_back(input);
                } else {
                    lost += 1;
                }
            }
        }
        if self.asleep.load(Ordering::Acquire) {
            self.wake();
        }
        if lost > 0 {
            self.dropped.fetch_add(lost, Ordering::Relaxed);
            metrics::counter!("wod_zone_inputs_dropped_total", "zone" => self.zone.to_string()).increment(lost);
        }
        lost == 0
    }

    /// Adds all of them for one and the same tick, or none.
    pub(crate) fn push_all(&self, inputs: &[Input]) -> bool {
        let mut queue = self.queue.lock();
        if queue.len() + inputs.len() > ZONE_QUEUE || self.is_closed() {
            return false;
        }
        queue.extend(inputs.iter().cloned());
        drop(queue);
        if self.asleep.load(Ordering::Acquire) {
            self.wake();
        }
        true
    }

    /// Everything that waits, in order of arrival.
    pub(crate) fn drain_into(&self, inputs: &mut Vec<Input>) {
        inputs.extend(self.queue.lock().drain(..));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().is_empty()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// That worker has it now.
    pub(crate) fn sit(&self, seat: usize, bell: Arc<Bell>) {
        self.seat.store(seat, Ordering::Relaxed);
        *self.worker.lock() = Some(bell);
    }

    /// Has its worker hand it to another between two ticks.
    pub(crate) fn reseat(&self, seat: usize) {
        self.seat.store(seat, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn seat(&self) -> usize {
        self.seat.load(Ordering::Relaxed)
    }

    /// The worker sleeps on this zone until something comes. It must look at the queue once more after this.
    pub(crate) fn set_asleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Release);
    }

    pub(crate) fn close(&self) {
        self.closed.cancel();
        self.wake();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Returns when the zone is not ours any more.
    pub(crate) async fn until_closed(&self) {
        self.closed.cancelled().await;
    }

    pub(crate) fn pin(&self, at: Option<JournalIndex>) {
        *self.pinned.lock() = at;
    }

    pub(crate) fn pinned(&self) -> Option<JournalIndex> {
        *self.pinned.lock()
    }

    /// Has the worker stop after a tick, and the committer give the zone away.
    pub(crate) fn depart(&self, departure: Departure) {
        *self.departure.lock() = Some(departure);
        self.wake();
    }

    pub(crate) fn is_to_depart(&self) -> bool {
        self.departure.lock().is_some()
    }

    pub(crate) fn take_departure(&self) -> Option<Departure> {
        self.departure.lock().take()
    }

    pub(crate) fn wake(&self) {
        if let Some(bell) = self.worker.lock().as_ref() {
            bell.ring();
        }
    }

    pub(crate) fn set_status(&self, status: ZoneBeat, gateways: Vec<GatewayId>) {
        *self.status.lock() = Some(Status { beat: status, gateways, at: Instant::now() });
    }

    /// What it has told of itself, if it has told yet. It is locked meanwhile: take what is wanted.
    pub(crate) fn status<T>(&self, take: impl FnOnce(&ZoneBeat) -> T) -> Option<T> {
        self.status.lock().as_ref().map(|status| take(&status.beat))
    }

    /// How long its worker has not looked at it.
    pub(crate) fn unattended(&self) -> Duration {
        self.status.lock().as_ref().map_or(Duration::ZERO, |status| status.at.elapsed())
    }

    /// Inputs that wait for its next tick.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// Gateways that the zone believes its players to be connected to.
    pub(crate) fn gateways(&self) -> Vec<GatewayId> {
        self.status.lock().as_ref().map_or_else(Vec::new, |status| status.gateways.clone())
    }
}
