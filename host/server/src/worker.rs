//! The workers that tick zones, a thread each: every one owns several zones and serves them by their own due times.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};

use parking_lot::Mutex;
use tokio::time::Instant;

use wod_sandbox::THREAD_STACK_BYTES;

use crate::runner::{LONGEST_SLEEP, Poll, ZoneRunner};

/// The workers of a host.
pub(crate) struct Workers {
    workers: Mutex<Vec<Worker>>,
}

struct Worker {
    shared: Arc<Shared>,
    place: Place,
}

/// Where a worker works.
enum Place {
    Thread(JoinHandle<()>),
    /// On the runtime, in a simulation.
    #[cfg(feature = "testing")]
    Task(tokio::task::JoinHandle<()>),
}

#[derive(Default)]
struct Shared {
    arriving: Mutex<Vec<ZoneRunner>>,
    zones: AtomicUsize,
    stop: AtomicBool,
    bell: Arc<Bell>,
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
        let mut workers = Vec::with_capacity(count);
        for index in 0..count {
            let shared = Arc::new(Shared::default());
            let theirs = shared.clone();
            let thread = std::thread::Builder::new()
                .name(format!("zones-{index}"))
                .stack_size(2 * THREAD_STACK_BYTES)
                .spawn(move || run(&theirs))?;
            workers.push(Worker { shared, place: Place::Thread(thread) });
        }
        Ok(Self { workers: Mutex::new(workers) })
    }

    /// One worker on this runtime, whose time it has.
    #[cfg(feature = "testing")]
    pub(crate) fn start_as_task() -> Self {
        let shared = Arc::new(Shared::default());
        let place = Place::Task(tokio::spawn(run_as_task(shared.clone())));
        Self { workers: Mutex::new(vec![Worker { shared, place }]) }
    }

    /// Gives the zone to the worker with the fewest.
    pub(crate) fn adopt(&self, runner: ZoneRunner) {
        let workers = self.workers.lock();
        let free = workers.iter().enumerate().min_by_key(|(_, worker)| worker.shared.zones.load(Ordering::Relaxed));
        let (seat, Worker { shared, .. }) = free.expect("a host has at least one worker");
        shared.zones.fetch_add(1, Ordering::Relaxed);
        runner.port.set_worker(seat, shared.bell.clone());
        shared.arriving.lock().push(runner);
        shared.bell.ring();
    }

    /// Every zone writes its last snapshot and is let go; returns when the workers have ended.
    pub(crate) async fn stop(&self) {
        for Worker { shared, .. } in self.workers.lock().iter() {
            shared.stop.store(true, Ordering::Release);
            shared.bell.ring();
        }
        let workers = std::mem::take(&mut *self.workers.lock());
        for worker in workers {
            let ended = match worker.place {
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

fn run(shared: &Shared) {
    let bell = shared.bell.thread.set(std::thread::current());
    debug_assert!(bell.is_ok(), "a worker has one thread");
    let mut zones = Vec::new();
    while let Some(next) = round(shared, &mut zones) {
        std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
    }
}

#[cfg(feature = "testing")]
async fn run_as_task(shared: Arc<Shared>) {
    let mut zones = Vec::new();
    while let Some(next) = round(&shared, &mut zones) {
        tokio::select! {
            biased;
            () = shared.bell.task.notified() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Serves every zone that is due, and says when the next will be. None: the worker was stopped.
fn round(shared: &Shared, zones: &mut Vec<ZoneRunner>) -> Option<Instant> {
    zones.append(&mut shared.arriving.lock());
    if shared.stop.load(Ordering::Acquire) {
        zones.drain(..).for_each(ZoneRunner::finish);
        return None;
    }
    let mut next = Instant::now() + LONGEST_SLEEP;
    let mut index = 0;
    while index < zones.len() {
        match poll(&mut zones[index]) {
            Poll::At(at) => {
                next = next.min(at);
                index += 1;
            }
            Poll::Gone => {
                zones.swap_remove(index).port.close();
                shared.zones.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
    Some(next)
}

/// A panic of ours ends one zone's run, not its neighbours': it is recovered from its journal.
fn poll(zone: &mut ZoneRunner) -> Poll {
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| zone.poll(Instant::now())));
    polled.unwrap_or_else(|_| {
        tracing::error!(zone = %zone.port.zone, "a tick panicked: the zone is let go and recovered");
        Poll::Gone
    })
}
