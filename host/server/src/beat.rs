//! When ticks begin. The zones of a host tick at whole periods from one moment on, one after the other on each worker: what they
//! send to one process leaves together. A pure function of what was and is.

use std::time::Duration;

use tokio::time::Instant;

/// Whole periods from a moment that all zones of a host share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    pub(crate) since: Instant,
    /// Nominal length of a tick.
    pub(crate) period: Duration,
}

impl Beat {
    /// When the tick after one that was due then, and began so late, is due; `length`: how long a tick lasts, which is more than a
    /// period where time is dilated.
    ///
    /// At the beat nearest to that; but a zone that begins late keeps its own time, since rounding would give back to a busy
    /// worker what it is behind, and nobody would see that it is.
    pub(crate) fn next(self, due: Instant, late: Duration, length: Duration) -> Instant {
        if length != self.period || late > self.period / 2 {
            return due + length;
        }
        let since = (due + length + self.period / 2).duration_since(self.since);
        let beats = since.as_nanos() / self.period.as_nanos();
        self.since + Duration::from_nanos_u128(beats * self.period.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(50);
    const ZONES: usize = 10;

    /// How late each tick of a worker's last 200 began, and how far from a beat it was due, when its zones together work for this
    /// share of a period, per cent. They come at different moments.
    fn worker(busy: u32) -> Vec<(Duration, Duration)> {
        let beat = Beat { since: Instant::now(), period: PERIOD };
        let work = PERIOD * busy / 100 / ZONES as u32;
        let mut due: Vec<Instant> =
            (0..ZONES).map(|zone| beat.since + Duration::from_millis(7 * zone as u64)).collect();
        let (mut now, mut ticks) = (beat.since, Vec::new());
        while ticks.len() < 100 * ZONES {
            let mut idle = true;
            for due in &mut due {
                if now < *due {
                    continue;
                }
                idle = false;
                let late = now - *due;
                let off = Duration::from_nanos_u128((*due - beat.since).as_nanos() % PERIOD.as_nanos());
                ticks.push((late, off.min(PERIOD - off)));
                *due = beat.next(*due, late, PERIOD).max(now);
                now += work;
            }
            if idle {
                now = due.iter().copied().min().unwrap_or(now);
            }
        }
        ticks.split_off(ticks.len() - 200)
    }

    #[test]
    fn zones_that_come_at_any_moment_tick_together_after_a_while() {
        for busy in [10, 60, 95] {
            let ticks = worker(busy);
            assert!(ticks.iter().all(|(_, off)| off.is_zero()), "{busy} %: {ticks:?}");
            assert!(ticks.iter().all(|(late, _)| *late < PERIOD), "{busy} %: {ticks:?}");
        }
    }

    #[test]
    fn every_tick_of_a_worker_that_is_a_little_too_busy_begins_a_whole_tick_late() {
        for busy in [102, 105, 110, 150, 300] {
            let ticks = worker(busy);
            assert!(ticks.iter().all(|(late, _)| *late > PERIOD), "{busy} %: {ticks:?}");
        }
    }

    #[test]
    fn a_dilated_zone_has_a_time_of_its_own() {
        let beat = Beat { since: Instant::now(), period: PERIOD };
        let due = beat.since + Duration::from_millis(3);
        assert_eq!(beat.next(due, Duration::ZERO, PERIOD * 2), due + PERIOD * 2);
        assert_eq!(beat.next(due, Duration::ZERO, PERIOD), beat.since + PERIOD);
    }
}
