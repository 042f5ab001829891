//! The clock that interrupts running modules.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// How often a running module is looked at, and so how exact a time limit is.
const EPOCH: Duration = Duration::from_millis(1);
/// How often it is looked whether one runs: shorter than any time limit, and seldom enough to cost nothing.
const IDLE: Duration = Duration::from_millis(10);

/// Raises the engine's epoch every [`EPOCH`] while a module runs, until it is dropped. Every instance holds it: none can run without.
pub(crate) struct EpochTicker {
    /// Calls of modules under way.
    running: Arc<AtomicUsize>,
    /// Never sent to: the thread stops when it is dropped.
    stop_tx: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EpochTicker {
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let (stop_tx, stop_rx) = mpsc::channel();
        let (engine, running) = (engine.clone(), Arc::<AtomicUsize>::default());
        let calls = running.clone();
        let thread = thread::Builder::new().name("wod-epoch".into()).spawn(move || {
            let pause = || if calls.load(Ordering::Relaxed) > 0 { EPOCH } else { IDLE };
            while stop_rx.recv_timeout(pause()) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        })?;
        Ok(Self { running, stop_tx: Some(stop_tx), thread: Some(thread) })
    }

    /// A call is under way until this is dropped.
    pub(crate) fn running(&self) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.running.clone())
    }
}

/// A call of a module.
pub(crate) struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        drop(self.stop_tx.take());
        if let Some(thread) = self.thread.take() {
            // It has no way to panic, and a destructor no way to tell.
            let _ = thread.join();
        }
    }
}
