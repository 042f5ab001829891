//! Everything that happens, as one hash: the same seed must give the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3Default;

/// Takes every line of a trace.
pub type Show = Box<dyn FnMut(&str) + Send>;

/// The trace of one run. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Trace {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    hash: Xxh3Default,
    lines: u64,
    now: Duration,
    /// Where every line goes besides.
    shown: Option<Show>,
}

impl Trace {
    /// An empty one; `shown` gets every line.
    pub(crate) fn new(shown: Option<Show>) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { hash: Xxh3Default::new(), lines: 0, now: Duration::ZERO, shown })) }
    }

    /// Something happened.
    pub(crate) fn note(&self, at: Duration, who: &str, what: std::fmt::Arguments<'_>) {
        let mut inner = self.inner.lock().expect("the simulation has one thread");
        let line = format!("{:>8.3} {who:<8} {what}", at.as_secs_f64());
        inner.hash.update(line.as_bytes());
        inner.lines += 1;
        if let Some(shown) = &mut inner.shown {
            shown(&line);
        }
    }

    /// Something that is only shown: its hash is in another line.
    pub(crate) fn show(&self, what: impl FnOnce() -> String) {
        let mut inner = self.inner.lock().expect("the simulation has one thread");
        if let Some(shown) = &mut inner.shown {
            shown(&format!("{:>19}{}", "", what()));
        }
    }

    /// It is that late now.
    pub(crate) fn set_now(&self, now: Duration) {
        self.inner.lock().expect("the simulation has one thread").now = now;
    }

    /// How late it became.
    pub(crate) fn now(&self) -> Duration {
        self.inner.lock().expect("the simulation has one thread").now
    }

    /// The hash of everything so far, and of how many lines.
    pub(crate) fn digest(&self) -> (u64, u64) {
        let inner = self.inner.lock().expect("the simulation has one thread");
        (inner.hash.digest(), inner.lines)
    }
}
