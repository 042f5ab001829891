//! The threads that tick zones: each owns several and serves them by their own due times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;

use wod_sandbox::THREAD_STACK_BYTES;

use crate::runner::{LONGEST_SLEEP, Poll, ZoneRunner};

/// The workers of a host.
pub(crate) struct Workers {
    workers: Vec<Worker>,
}

struct Worker {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    arriving: Mutex<Vec<ZoneRunner>>,
    zones: AtomicUsize,
    stop: AtomicBool,
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
            workers.push(Worker { shared, thread });
        }
        Ok(Self { workers })
    }

    /// Gives the zone to the worker with the fewest.
    pub(crate) fn adopt(&self, runner: ZoneRunner) {
        let worker = self
            .workers
            .iter()
            .min_by_key(|worker| worker.shared.zones.load(Ordering::Relaxed))
            .expect("a host has at least one worker");
        worker.shared.zones.fetch_add(1, Ordering::Relaxed);
        runner.port.set_worker(worker.thread.thread().clone());
        worker.shared.arriving.lock().push(runner);
        worker.thread.thread().unpark();
    }

    /// Every zone writes its last snapshot and is let go; returns when the threads have ended. Blocks.
    pub(crate) fn stop(self) {
        for worker in &self.workers {
            worker.shared.stop.store(true, Ordering::Release);
            worker.thread.thread().unpark();
        }
        for worker in self.workers {
            if worker.thread.join().is_err() {
                tracing::error!("a worker thread panicked; its zones go on from their journals");
            }
        }
    }
}

fn run(shared: &Shared) {
    let mut zones: Vec<ZoneRunner> = Vec::new();
    loop {
        zones.append(&mut shared.arriving.lock());
        if shared.stop.load(Ordering::Acquire) {
            zones.into_iter().for_each(ZoneRunner::finish);
            return;
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
        std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
    }
}

/// A panic of ours ends one zone's run, not its neighbours': it is recovered from its journal.
fn poll(zone: &mut ZoneRunner) -> Poll {
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| zone.poll(Instant::now())));
    polled.unwrap_or_else(|_| {
        tracing::error!(zone = %zone.port.zone, "a tick panicked: the zone is let go and recovered");
        Poll::Gone
    })
}
