//! The clock that interrupts running modules.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// How often a running module is looked at, and so how exact a time limit is.
const EPOCH: Duration = Duration::from_millis(1);

/// Raises the engine's epoch every [`EPOCH`] until it is dropped. Every instance holds it: none can run without.
pub(crate) struct EpochTicker {
    /// Never sent to: the thread stops when it is dropped.
    stop_tx: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EpochTicker {
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let (stop_tx, stop_rx) = mpsc::channel();
        let engine = engine.clone();
        let thread = thread::Builder::new().name("wod-epoch".into()).spawn(move || {
            while stop_rx.recv_timeout(EPOCH) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop_tx: Some(stop_tx), thread: Some(thread) })
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
