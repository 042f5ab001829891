//! Where work goes that blocks or computes for long: to threads of its own. In a simulation, which has one thread, it is done on
//! the spot.

use anyhow::Context as _;
#[cfg(feature = "testing")]
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Whether there are threads beside the runtime's.
#[derive(Clone)]
pub(crate) enum Threads {
    /// There are; what they wait for happens on this runtime.
    Many(Handle),
    /// There is only the caller's.
    #[cfg(feature = "testing")]
    One,
}

impl Threads {
    /// Does the work on a thread of its own.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        name: String,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        #[cfg(feature = "testing")]
        if matches!(self, Self::One) {
            return work();
        }
        let (done_tx, done_rx) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name).stack_size(2 * wod_sandbox::THREAD_STACK_BYTES);
        let run = move || {
            if done_tx.send(work()).is_err() {
                tracing::debug!("nobody waits for a background thread any more");
            }
        };
        thread.spawn(run).context("starting a background thread")?;
        done_rx.await.context("a background thread panicked")?
    }

    /// Waits, on a thread that may.
    ///
    /// # Panics
    /// With one thread, when there is something to wait for: a simulated backplane answers what is read this way at once.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Many(runtime) => runtime.block_on(future),
            #[cfg(feature = "testing")]
            Self::One => future.now_or_never().expect("a simulated backplane answers reads at once"),
        }
    }
}
