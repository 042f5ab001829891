//! One simulated process: a runtime of one thread whose clock moves only when the simulator says so. Killed, the runtime is
//! dropped; stopped (SIGSTOP), it is not stepped, and finds on waking how late it has become.

use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tokio::runtime::{Builder, Runtime};

/// How a machine's clock goes, beside the simulator's.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// What it shows when the run begins.
    ahead: Duration,
    /// How much faster it goes, parts in a million.
    faster_ppm: i64,
    /// Passed, but not shown yet: less than a millisecond, which is as finely as timers go.
    owed_ns: i64,
}

impl Clock {
    /// Up to an hour ahead, up to one per cent too fast or too slow.
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let ahead = Duration::from_secs(rng.random_range(0..3600));
        Self { ahead, faster_ppm: rng.random_range(-10_000..=10_000), owed_ns: 0 }
    }

    /// What passes on it in that time.
    fn pass(&mut self, time: Duration) -> Duration {
        const MILLI: i64 = 1_000_000;
        let time_ns = i64::try_from(time.as_nanos()).expect("a run lasts minutes");
        self.owed_ns += time_ns + time_ns / MILLI * self.faster_ppm;
        let shown_ms = self.owed_ns / MILLI;
        self.owed_ns -= shown_ms * MILLI;
        Duration::from_millis(shown_ms.unsigned_abs())
    }
}

/// A process that runs.
pub(crate) struct Process {
    runtime: Runtime,
    clock: Clock,
    /// Time that has passed while it was stopped; none: it is not.
    stopped: Option<Duration>,
}

impl Process {
    /// A fresh one, with nothing to do yet.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn new(clock: Clock) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(async { tokio::time::advance(clock.ahead).await });
        Ok(Self { runtime, clock, stopped: None })
    }

    /// Gives it a task.
    pub(crate) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) {
        // It ends with the runtime.
        drop(self.runtime.spawn(task));
    }

    /// So much time passes for it, and what falls due in it happens.
    pub(crate) fn step(&mut self, time: Duration) {
        let time = self.clock.pass(time);
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
