//! The workers that tick zones, a thread each: every one owns several zones and serves them by their own due times. A zone that
//! shall sit elsewhere is handed over whole, between two ticks ([`crate::seats`] decides).

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};

use parking_lot::Mutex;
use tokio::time::Instant;

use wod_sandbox::THREAD_STACK_BYTES;

use crate::runner::{LONGEST_SLEEP, Poll, ZoneRunner};

/// The workers of a host.
pub(crate) struct Workers {
    floor: Arc<Floor>,
    places: Mutex<Vec<Place>>,
}

/// Where all workers of a host sit.
struct Floor {
    seats: Vec<Seat>,
    stop: AtomicBool,
}

struct Seat {
    /// Zones that wait for the worker to take them up; none: it has ended.
    arriving: Mutex<Option<Vec<ZoneRunner>>>,
    bell: Arc<Bell>,
}

/// Where a worker works.
enum Place {
    Thread(JoinHandle<()>),
    /// On the runtime, in a simulation.
    #[cfg(feature = "testing")]
    Task(tokio::task::JoinHandle<()>),
}

/// Wakes a worker that sleeps.
#[derive(Default)]
pub(crate) struct Bell {
    thread: OnceLock<Thread>,
    #[cfg(feature = "testing")]
    task: tokio::sync::Notify,
}

impl Bell {
    pub(crate) fn ring(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
        #[cfg(feature = "testing")]
        self.task.notify_one();
    }
}

impl Workers {
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let floor = Floor::new(count);
        let mut places = Vec::with_capacity(count);
        for index in 0..count {
            let floor = floor.clone();
            let thread = std::thread::Builder::new()
                .name(format!("zones-{index}"))
                .stack_size(2 * THREAD_STACK_BYTES)
                .spawn(move || run(&floor, index))?;
            places.push(Place::Thread(thread));
        }
        Ok(Self { floor, places: Mutex::new(places) })
    }

    /// One worker on this runtime, whose time it has.
    #[cfg(feature = "testing")]
    pub(crate) fn start_as_task() -> Self {
        let floor = Floor::new(1);
        let place = Place::Task(tokio::spawn(run_as_task(floor.clone())));
        Self { floor, places: Mutex::new(vec![place]) }
    }

    pub(crate) fn count(&self) -> usize {
        self.floor.seats.len()
    }

    /// Gives the zone to that worker.
    pub(crate) fn adopt(&self, runner: ZoneRunner, seat: usize) {
        if let Some(runner) = self.floor.hand(runner, seat) {
            runner.finish();
        }
    }

    /// Every zone writes its last snapshot and is let go; returns when the workers have ended.
    pub(crate) async fn stop(&self) {
        self.floor.stop.store(true, Ordering::Release);
        self.floor.seats.iter().for_each(|seat| seat.bell.ring());
        let places = std::mem::take(&mut *self.places.lock());
        for place in places {
            let ended = match place {
                Place::Thread(thread) => tokio::task::spawn_blocking(|| thread.join().is_ok()).await,
                #[cfg(feature = "testing")]
                Place::Task(task) => task.await.map(|()| true),
            };
            if !matches!(ended, Ok(true)) {
                tracing::error!("a worker panicked; its zones go on from their journals");
            }
        }
    }
}

impl Floor {
    fn new(count: usize) -> Arc<Self> {
        let seat = || Seat { arriving: Mutex::new(Some(Vec::new())), bell: Arc::default() };
        Arc::new(Self { seats: (0..count).map(|_| seat()).collect(), stop: AtomicBool::new(false) })
    }

    /// Gives the zone, with all it has, to that worker, which ticks it when it is due; it comes back from one that has ended.
    fn hand(&self, zone: ZoneRunner, to: usize) -> Option<ZoneRunner> {
        let seat = &self.seats[to];
        let mut arriving = seat.arriving.lock();
        let Some(arriving) = &mut *arriving else { return Some(zone) };
        // From now on what comes for it wakes that worker.
        zone.port.sit(to, seat.bell.clone());
        arriving.push(zone);
        seat.bell.ring();
        None
    }
}

fn run(floor: &Floor, index: usize) {
    let bell = floor.seats[index].bell.thread.set(std::thread::current());
    debug_assert!(bell.is_ok(), "a worker has one thread");
    let mut zones = Vec::new();
    while let Some(next) = round(floor, index, &mut zones) {
        std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
    }
}

#[cfg(feature = "testing")]
async fn run_as_task(floor: Arc<Floor>) {
    let mut zones = Vec::new();
    while let Some(next) = round(&floor, 0, &mut zones) {
        tokio::select! {
            biased;
            () = floor.seats[0].bell.task.notified() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Serves every zone that is due, and says when the next will be. None: the workers were stopped.
fn round(floor: &Floor, index: usize, zones: &mut Vec<ZoneRunner>) -> Option<Instant> {
    if !take_up(floor, index, zones) {
        zones.drain(..).for_each(ZoneRunner::finish);
        return None;
    }
    let mut next = Instant::now() + LONGEST_SLEEP;
    let mut at = 0;
    while at < zones.len() {
        let seat = zones[at].port.seat();
        if seat != index {
            let zone = zones.swap_remove(at);
            if let Some(zone) = floor.hand(zone, seat) {
                // All are being stopped: it ends where it is.
                zone.port.sit(index, floor.seats[index].bell.clone());
                zones.push(zone);
            }
            continue;
        }
        match poll(&mut zones[at]) {
            Poll::At(due) => {
                next = next.min(due);
                at += 1;
            }
            Poll::Gone => zones.swap_remove(at).port.close(),
        }
    }
    Some(next)
}

/// Takes up what has arrived. False: the workers were stopped, and nothing is handed over to this one any more.
fn take_up(floor: &Floor, index: usize, zones: &mut Vec<ZoneRunner>) -> bool {
    let mut arriving = floor.seats[index].arriving.lock();
    zones.extend(arriving.iter_mut().flat_map(|arriving| arriving.drain(..)));
    let stopped = floor.stop.load(Ordering::Acquire);
    if stopped {
        *arriving = None;
    }
    !stopped
}

/// A panic of ours ends one zone's run, not its neighbours': it is recovered from its journal.
fn poll(zone: &mut ZoneRunner) -> Poll {
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| zone.poll(Instant::now())));
    polled.unwrap_or_else(|_| {
        tracing::error!(zone = %zone.port.zone, "a tick panicked: the zone is let go and recovered");
        Poll::Gone
    })
}
