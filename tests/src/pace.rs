//! The rhythm in which a client claims where it is.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Client;

/// One claim every `period`, by the clock.
pub struct Pace {
    period: Duration,
    next: Instant,
    last: Instant,
    /// Time that the client was held up for, and did not walk.
    pub lost: Duration,
}

impl Pace {
    /// Begins now: the first claim is due one period later.
    pub fn new(period: Duration) -> Self {
        let now = Instant::now();
        Self { period, next: now + period, last: now, lost: Duration::ZERO }
    }

    /// The most that [`Self::step`] makes of a late claim. A client that was held up walks no further for it, as games do:
    /// its way between two claims stays short, and free of walls.
    pub fn longest_step(period: Duration) -> Duration {
        period * 3 / 2
    }

    /// Reads until the next claim is due, every message given to `each`. The time that the walk goes on by.
    pub async fn step(&mut self, client: &mut Client, mut each: impl FnMut(&Value)) -> anyhow::Result<Duration> {
        while let Some(message) = client.receive_before(self.next).await? {
            each(&message);
        }
        let now = Instant::now();
        let since = now - self.last;
        let step = since.min(Self::longest_step(self.period));
        self.lost += since - step;
        self.last = now;
        // Whoever is late does not hurry afterwards.
        self.next = (self.next + self.period).max(now + self.period / 2);
        Ok(step)
    }
}
