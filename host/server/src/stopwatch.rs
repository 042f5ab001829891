//! How long a module's calls take: processor time of the calling thread, so that a busy machine is not the module's fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wod_sandbox::thread_cpu_time;
use wod_sim::module::{Description, Event, Fault, Frame, HostCalls, Line, Module, Returned, Saved, Setup, Verdict};

/// A module whose calls are timed.
pub(crate) struct Stopwatch {
    module: Box<dyn Module>,
    meter: Arc<Meter>,
}

/// What a stopwatch has measured, nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    calls: AtomicU64,
    /// Of `tick` and `filter`.
    ticks: AtomicU64,
    save: AtomicU64,
    load: AtomicU64,
}

impl Meter {
    /// Calls of `tick`, and the time of all of them and of those of `filter`.
    pub(crate) fn ticks(&self) -> (u64, Duration) {
        (self.calls.load(Ordering::Relaxed), Duration::from_nanos(self.ticks.load(Ordering::Relaxed)))
    }

    /// The last call of `save`.
    pub(crate) fn save(&self) -> Duration {
        Duration::from_nanos(self.save.load(Ordering::Relaxed))
    }

    /// The last call of `load`.
    pub(crate) fn load(&self) -> Duration {
        Duration::from_nanos(self.load.load(Ordering::Relaxed))
    }
}

impl Stopwatch {
    pub(crate) fn over(module: Box<dyn Module>, meter: Arc<Meter>) -> Box<dyn Module> {
        Box::new(Self { module, meter })
    }
}

impl Module for Stopwatch {
    fn description(&self) -> &Description {
        self.module.description()
    }

    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        self.module.init(setup, calls)
    }

    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        let begun = thread_cpu_time();
        let returned = self.module.tick(frame, events, calls);
        self.meter.calls.fetch_add(1, Ordering::Relaxed);
        self.meter.ticks.fetch_add(nanos_since(begun), Ordering::Relaxed);
        returned
    }

    fn filters(&self) -> bool {
        self.module.filters()
    }

    fn filter(&mut self, frame: &Frame, lines: &[Line], calls: Box<dyn HostCalls>) -> Returned<Vec<Verdict>> {
        let begun = thread_cpu_time();
        let returned = self.module.filter(frame, lines, calls);
        self.meter.ticks.fetch_add(nanos_since(begun), Ordering::Relaxed);
        returned
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        let begun = thread_cpu_time();
        let saved = self.module.save();
        self.meter.save.store(nanos_since(begun), Ordering::Relaxed);
        saved
    }

    fn enforce_time(&mut self, enforced: bool) {
        self.module.enforce_time(enforced);
    }

    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        let begun = thread_cpu_time();
        let loaded = self.module.load(setup, saved);
        self.meter.load.store(nanos_since(begun), Ordering::Relaxed);
        loaded
    }
}

fn nanos_since(begun: Duration) -> u64 {
    thread_cpu_time().saturating_sub(begun).as_nanos() as u64
}

/// Tells a version that has become slow from the one before it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    meter: Arc<Meter>,
    /// Where the current window began.
    from: (u64, Duration),
    /// A call of the last whole window.
    mean: Option<Duration>,
    /// The same of the version before.
    before: Option<Duration>,
}

/// Calls over which a mean is taken.
const WINDOW: u64 = 100;
/// A version on probation may take so many times what the one before took.
const FACTOR: u32 = 3;
/// Below this a call is never too slow.
const FLOOR: Duration = Duration::from_millis(2);

impl Pace {
    /// Another version runs from now on, on this meter.
    pub(crate) fn replaced(&mut self, meter: Arc<Meter>) {
        let so_far = self.window();
        *self = Self { from: meter.ticks(), meter, mean: None, before: self.mean.or(so_far) };
    }

    /// Looks once a tick. Some: the version takes more than [`FACTOR`] times what the one before took, and over [`FLOOR`], in
    /// the mean of [`WINDOW`] calls.
    pub(crate) fn regression(&mut self) -> Option<String> {
        let (calls, _) = self.meter.ticks();
        if calls - self.from.0 < WINDOW {
            return None;
        }
        self.mean = self.window();
        self.from = self.meter.ticks();
        let (mean, before) = (self.mean?, self.before?);
        let slow = mean > FLOOR && mean > before * FACTOR;
        slow.then(|| {
            let [mean, before] = [mean, before].map(|time| time.as_secs_f64() * 1000.0);
            format!(
                "a call takes {mean:.1} ms, the version before took {before:.1} ms ({FACTOR} times that is too slow)"
            )
        })
    }

    /// The mean of the calls since the window began.
    fn window(&self) -> Option<Duration> {
        let (calls, time) = self.meter.ticks();
        let (calls, time) = (calls - self.from.0, time - self.from.1);
        (calls > 0).then(|| time / calls as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(meter: &Meter, calls: u64, each: Duration) {
        meter.calls.fetch_add(calls, Ordering::Relaxed);
        meter.ticks.fetch_add(calls * each.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Whether a version is found slow whose calls take `after`, where those of the one before took `before`.
    fn is_slow(before: Duration, after: Duration) -> bool {
        let mut pace = Pace::default();
        run(&pace.meter, 3 * WINDOW, before);
        assert_eq!(pace.regression(), None, "there is nothing before it");
        let next = Arc::new(Meter::default());
        pace.replaced(next.clone());
        run(&next, WINDOW - 1, after);
        assert_eq!(pace.regression(), None, "too early to say");
        run(&next, 1, after);
        pace.regression().is_some()
    }

    #[test]
    fn a_version_is_slow_when_it_takes_three_times_what_the_one_before_took_and_that_matters() {
        let micros = Duration::from_micros;
        assert!(is_slow(micros(1000), micros(3100)));
        assert!(!is_slow(micros(1000), micros(2900)));
        assert!(!is_slow(micros(100), micros(1900)), "nobody feels that");
        assert!(is_slow(micros(100), micros(2100)));
    }

    #[test]
    fn a_version_is_judged_by_its_own_calls_alone() {
        let mut pace = Pace::default();
        run(&pace.meter, 10, Duration::from_millis(1));
        let next = Arc::new(Meter::default());
        run(&next, 5, Duration::from_millis(500));
        pace.replaced(next.clone());
        run(&next, WINDOW, Duration::from_millis(1));
        assert_eq!(pace.regression(), None, "what it took before it took over is not counted");
    }
}
