//! What may go wrong between a process and the modelled store, and how often.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// How reliable store and network are. Chances are per mille; the rest goes well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// How long an operation usually takes each way, ms.
    pub latency_ms: RangeInclusive<u64>,
    /// It takes 100 ms instead.
    pub slow: u32,
    /// It takes a second instead, which is as long as a caller waits.
    pub very_slow: u32,
    /// It fails without having taken effect.
    pub refused: u32,
    /// It takes effect and the answer is lost.
    pub unanswered: u32,
    /// The caller is told that the store is away, and the operation takes effect afterwards.
    pub belated: u32,
    /// How long a message is on its way, ms.
    pub delay_ms: RangeInclusive<u64>,
    /// A message gets lost.
    pub lost: u32,
    /// A message arrives twice.
    pub doubled: u32,
    /// A message arrives up to 200 ms late, after some that were sent after it.
    pub overtaken: u32,
    /// The subscriber's connection broke: the message is lost and its inbox shows a gap.
    pub gap: u32,
}

/// What a store may do wrong on purpose, so that checks can be seen to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Whoever says it holds a lease is believed, and what it appends is put at the journal's end.
    LeaseNotCompared,
    /// An append that is repeated is appended twice.
    RepeatsAppended,
    /// Every third write of a record is acknowledged and not kept.
    RecordsNotKept,
}

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Refused,
    Unanswered,
    /// It is carried out this long after the caller asked.
    Belated(Duration),
}

/// What becomes of one message: when each copy of it arrives, if at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) delays: Vec<Duration>,
    /// Copies keep their place behind what was sent before.
    pub(super) in_order: bool,
    pub(super) gap: bool,
}

impl Weather {
    /// Nothing takes time, nothing goes wrong.
    pub fn still() -> Self {
        Self { latency_ms: 0..=0, delay_ms: 0..=0, ..Self::fair() }
    }

    /// Everything takes a little time, nothing goes wrong.
    pub fn fair() -> Self {
        Self {
            latency_ms: 0..=2,
            slow: 0,
            very_slow: 0,
            refused: 0,
            unanswered: 0,
            belated: 0,
            delay_ms: 0..=3,
            lost: 0,
            doubled: 0,
            overtaken: 0,
            gap: 0,
        }
    }

    /// The time until an operation reaches the store, the time until its answer is back, and what becomes of it.
    pub(super) fn operation(&self, rng: &mut ChaCha8Rng) -> (Duration, Duration, Fate) {
        let there = Duration::from_millis(rng.random_range(self.latency_ms.clone()));
        let mut back = Duration::from_millis(rng.random_range(self.latency_ms.clone()));
        let mut roll = rng.random_range(0..1000);
        let mut falls = |chance: u32| {
            let hit = roll < chance;
            roll = roll.wrapping_sub(chance);
            hit
        };
        let fate = if falls(self.refused) {
            Fate::Refused
        } else if falls(self.unanswered) {
            Fate::Unanswered
        } else if falls(self.belated) {
            Fate::Belated(Duration::from_millis(rng.random_range(500..3000)))
        } else {
            if falls(self.slow) {
                back = Duration::from_millis(100);
            } else if falls(self.very_slow) {
                back = Duration::from_secs(1);
            }
            Fate::Done
        };
        (there, back, fate)
    }

    pub(super) fn message(&self, rng: &mut ChaCha8Rng) -> Passage {
        let delay = Duration::from_millis(rng.random_range(self.delay_ms.clone()));
        let mut passage = Passage { delays: vec![delay], in_order: true, gap: false };
        if chance(rng, self.gap) {
            return Passage { gap: true, ..passage };
        }
        if chance(rng, self.lost) {
            passage.delays.clear();
        } else if chance(rng, self.doubled) {
            passage.delays.push(delay + Duration::from_millis(rng.random_range(0..50)));
        } else if chance(rng, self.overtaken) {
            passage = Passage {
                delays: vec![delay + Duration::from_millis(rng.random_range(20..200))],
                in_order: false,
                gap: false,
            };
        }
        passage
    }
}

fn chance(rng: &mut ChaCha8Rng, per_mille: u32) -> bool {
    rng.random_range(0..1000) < per_mille
}
