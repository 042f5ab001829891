//! Rate limits.

use std::time::Duration;

/// So many a second in the long run, and a burst at once (generic cell rate algorithm: one time stamp, no counter to refill).
#[derive(Debug, Clone)]
pub(crate) struct RateLimit {
    interval: Duration,
    tolerance: Duration,
    /// When the budget would be whole again.
    full_at: Duration,
}

impl RateLimit {
    /// `burst` at once, then `per_second`; both over 0.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, tolerance: interval * (burst - 1), full_at: Duration::ZERO }
    }

    /// Takes one if there is one.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let full_at = self.full_at.max(now);
        if full_at - now > self.tolerance {
            return false;
        }
        self.full_at = full_at + self.interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let mut limit = RateLimit::new(10, 3);
        let at = Duration::from_secs(5);
        assert_eq!((0..5).map(|_| limit.take(at)).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert!(limit.take(at + Duration::from_millis(100)));
        assert!(!limit.take(at + Duration::from_millis(150)));
        let later = at + Duration::from_secs(10);
        assert_eq!((0..4).filter(|_| limit.take(later)).count(), 3);
    }
}
