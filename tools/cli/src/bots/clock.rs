//! Time as the bots of all processes share it, and the stamp that a move carries.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since the run began.
pub(super) type Micros = u64;

/// Counts from one moment of the system clock, steadily: later steps of the system clock don't matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose zero is this many microseconds after 1970.
    pub(super) fn since(epoch_us: u64) -> Self {
        let elapsed = unix_us().saturating_sub(epoch_us);
        let now = Instant::now();
        Self { start: now.checked_sub(Duration::from_micros(elapsed)).unwrap_or(now) }
    }

    pub(super) fn now(self) -> Micros {
        u64::try_from(self.start.elapsed().as_micros()).expect("a run is shorter than 500,000 years")
    }

    pub(super) fn instant(self, at: Micros) -> tokio::time::Instant {
        (self.start + Duration::from_micros(at)).into()
    }
}

/// Now, in microseconds since 1970.
pub(super) fn unix_us() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_micros()).expect("fits for 500,000 years")
}

/// What was due, and sets when it is due again. What was missed by more than a period is left out, not made up for in a burst.
pub(super) fn advance(due: &mut Micros, rate: f64, now: Micros) -> Micros {
    let period = (1e6 / rate) as Micros;
    let was = *due;
    *due = if now > was + period { now + period } else { was + period };
    was
}

/// A point in time as a heading: 65,536 steps of [`Stamp::STEP`] in a full turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(u16);

impl Stamp {
    /// Microseconds a step.
    pub(super) const STEP: Micros = 250;

    pub(super) fn of(at: Micros) -> Self {
        Self((at / Self::STEP) as u16)
    }

    /// The middle of the step, so that rounding on the way keeps it.
    pub(super) fn to_radians(self) -> f64 {
        (f64::from(self.0) + 0.5) / 65_536.0 * std::f64::consts::TAU
    }

    /// Reads what the server passed on: the lower end of the step.
    pub(super) fn from_radians(radians: f64) -> Self {
        Self((radians / std::f64::consts::TAU * 65_536.0).round() as i64 as u16)
    }

    /// How long ago it was, in whole steps; right up to 16.384 s.
    pub(super) fn age(self, now: Micros) -> Micros {
        u64::from(Self::of(now).0.wrapping_sub(self.0)) * Self::STEP
    }
}

/// A small seeded generator (SplitMix64): a bot's choices can be repeated.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 ≤ result < `bound`; 0 when the bound is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.roll() % bound as u64) as usize }
    }

    /// 0 ≤ result < 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wod_protocol::units::Heading;

    #[test]
    fn a_stamp_survives_the_servers_rounding() {
        for at in (0..20_000_000).step_by(997) {
            let stamp = Stamp::of(at);
            let passed_on = Heading::from_radians(stamp.to_radians()).radians();
            assert_eq!(Stamp::from_radians(passed_on), stamp);
            assert_eq!(Stamp::from_radians(f64::from(passed_on as f32)), stamp, "also as a 32-bit float");
        }
    }

    #[test]
    fn the_age_of_a_stamp_is_right_over_the_wrap() {
        let sent = 16_383_900;
        assert_eq!(Stamp::of(sent).age(sent + 40_000), 40_000 / Stamp::STEP * Stamp::STEP);
    }
}
