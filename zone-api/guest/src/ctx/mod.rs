//! [`Ctx`]: what a handler may ask and do. Queries are in `query`, acts in `act`, players' memory in `players`, timers in
//! `timers`.

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use crate::host::{Host, Settings};
use crate::memory::Memory;
use crate::types::{Frame, LogLevel, Point, Setup, Value};
use crate::zone::Zone;

mod act;
mod players;
mod query;
mod timers;

pub use act::Spawn;

/// A handler's view of the zone. Queries answer from the state when the tick began: what was done in this tick is not seen yet.
pub struct Ctx<'a, Z: Zone> {
    pub(crate) host: &'a mut dyn Host,
    pub(crate) memory: &'a mut Memory<Z>,
    pub(crate) setup: &'a Setup,
    pub(crate) settings: &'a Settings,
    pub(crate) frame: Frame,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Milliseconds of game time since the zone began. Stands still while the zone does.
    pub fn game_ms(&self) -> u64 {
        self.frame.game_ms
    }

    /// The tick, counted since the zone began.
    pub fn tick(&self) -> u64 {
        self.frame.tick
    }

    /// The zone's name, `region.zone`.
    pub fn zone_name(&self) -> &str {
        &self.setup.zone
    }

    /// The zone's south-west and north-east corner.
    pub fn bounds(&self) -> (Point, Point) {
        (self.setup.south_west, self.setup.north_east)
    }

    /// A setting's value; none: [`Zone::CONFIG`] does not name it.
    pub fn config(&self, name: &str) -> Option<&Value> {
        self.settings.get(name)
    }

    /// A setting's text; empty when it is no text.
    pub fn config_text(&self, name: &str) -> &str {
        match self.settings.get(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A setting's number, whole or not; 0 when it is none.
    pub fn config_number(&self, name: &str) -> f64 {
        match self.settings.get(name) {
            Some(Value::Number(number)) => *number,
            Some(Value::Int(int)) => *int as f64,
            _ => 0.0,
        }
    }

    /// A setting's yes or no; no when it is neither.
    pub fn config_flag(&self, name: &str) -> bool {
        matches!(self.settings.get(name), Some(Value::Flag(true)))
    }

    /// A number from the zone's generator: the same on every replay.
    pub fn random(&mut self) -> u64 {
        self.host.random()
    }

    /// A number in `range`, evenly. An empty range gives its start.
    pub fn random_in(&mut self, range: Range<f32>) -> f32 {
        random_in(self.host, range)
    }

    /// True once in `n` times on average; 0 counts as 1.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.host.random().is_multiple_of(u64::from(n.max(1)))
    }

    /// One of these; none of an empty slice.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn mutter<Z: Zone>(ctx: &mut Ctx<Z>, npc: Npc) -> Result {
    ///     let line = ctx.pick(&["Hm.", "Cold night.", "You again."]).copied().unwrap_or_default();
    ///     ctx.say(npc, line)
    /// }
    /// ```
    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        let index = self.host.random().checked_rem(of.len() as u64)?;
        of.get(index as usize)
    }

    /// Writes a log line for operators; the macros [`info!`](crate::info!) and its like format it.
    pub fn log(&mut self, level: LogLevel, message: impl Into<String>, fields: &[(&str, &dyn Display)]) {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        self.host.log(level, message.into(), fields);
    }

    /// Adds to a counter that operators see.
    pub fn count(&mut self, counter: &str, by: u64) {
        self.host.count(counter, by);
    }

    /// Sets a gauge that operators see.
    pub fn gauge(&mut self, gauge: &str, value: f64) {
        self.host.gauge(gauge, value);
    }

    /// Adds a value to a histogram that operators see.
    pub fn observe(&mut self, histogram: &str, value: f64) {
        self.host.observe(histogram, value);
    }

    /// Ticks that a duration takes at this zone's rate, rounded up, at least 1.
    pub fn ticks(&self, duration: Duration) -> u32 {
        ticks(self.setup.tick_hz, duration)
    }
}

/// Ticks that a duration takes at this rate, rounded up, at least 1.
pub(crate) fn ticks(tick_hz: u32, duration: Duration) -> u32 {
    let ticks = (duration.as_millis() * u128::from(tick_hz)).div_ceil(1000);
    u32::try_from(ticks).unwrap_or(u32::MAX).max(1)
}

/// A number in the range, evenly, from 24 random bits.
pub(crate) fn random_in(host: &mut dyn Host, range: Range<f32>) -> f32 {
    let share = (host.random() >> 40) as f32 / (1u32 << 24) as f32;
    range.start + share * (range.end - range.start).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_up_to_ticks_and_never_to_none() {
        assert_eq!(ticks(20, Duration::from_secs(3)), 60);
        assert_eq!(ticks(20, Duration::from_millis(51)), 2);
        assert_eq!(ticks(20, Duration::ZERO), 1);
        assert_eq!(ticks(60, Duration::MAX), u32::MAX);
    }
}
