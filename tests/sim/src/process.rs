//! One simulated process: a runtime of one thread whose clock moves only when the simulator says so. Killed, the runtime is
//! dropped; stopped (SIGSTOP), it is not stepped, and finds on waking how late it has become.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// A process that runs.
pub(crate) struct Process {
    runtime: Runtime,
    /// Time that has passed while it was stopped; none: it is not.
    stopped: Option<Duration>,
}

impl Process {
    /// A fresh one, with nothing to do yet.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        Ok(Self { runtime, stopped: None })
    }

    /// Gives it a task.
    pub(crate) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) {
        // It ends with the runtime.
        drop(self.runtime.spawn(task));
    }

    /// So much time passes for it, and what falls due in it happens.
    pub(crate) fn step(&mut self, time: Duration) {
        match &mut self.stopped {
            Some(missed) => *missed += time,
            None => self.runtime.block_on(async { tokio::time::sleep(time).await }),
        }
    }

    /// Stops it.
    pub(crate) fn stop(&mut self) {
        self.stopped.get_or_insert_default();
    }

    /// Lets it go on.
    pub(crate) fn go_on(&mut self) {
        if let Some(missed) = self.stopped.take() {
            self.runtime.block_on(async { tokio::time::advance(missed).await });
        }
    }

    /// Whether it is stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }
}
