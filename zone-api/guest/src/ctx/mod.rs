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
///
/// ```
/// use wod_zone::{Ctx, Filter, Npc, Player, Result, Zone};
///
/// /// A handler asks first, then acts.
/// fn rescue<Z: Zone>(ctx: &mut Ctx<Z>, doctor: Npc, wounded: Player) -> Result {
///     let Some(at) = ctx.at(wounded) else { return Ok(()) };
///     let onlookers = ctx.nearby(at, 10.0, &Filter::players().except(wounded), 16).len();
///     ctx.go_to(doctor, wounded, 1.0)?;
///     let line = if onlookers > 3 { "Give her air!" } else { "Somebody hold the lamp." };
///     ctx.shout(doctor, line)
/// }
/// ```
pub struct Ctx<'a, Z: Zone> {
    pub(crate) host: &'a mut dyn Host,
    pub(crate) memory: &'a mut Memory<Z>,
    pub(crate) setup: &'a Setup,
    pub(crate) settings: &'a Settings,
    pub(crate) frame: Frame,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Milliseconds of game time since the zone began. Stands still while the zone does.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// /// Whoever was greeted within five minutes is not greeted again.
    /// fn is_greeted_lately<Z: Zone>(ctx: &Ctx<Z>, greeted_ms: u64) -> bool {
    ///     ctx.game_ms() - greeted_ms < 5 * 60 * 1000
    /// }
    /// ```
    pub fn game_ms(&self) -> u64 {
        self.frame.game_ms
    }

    /// The tick, counted since the zone began.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// /// One blow a tick, however many hands are raised.
    /// fn may_strike<Z: Zone>(ctx: &Ctx<Z>, last_blow: &mut u64) -> bool {
    ///     std::mem::replace(last_blow, ctx.tick()) != ctx.tick()
    /// }
    /// ```
    pub fn tick(&self) -> u64 {
        self.frame.tick
    }

    /// The zone's name, `region.zone`.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// /// One module runs both houses; the east side has the rougher doorkeeper.
    /// fn is_rough<Z: Zone>(ctx: &Ctx<Z>) -> bool {
    ///     ctx.zone_name() == "old-town.east-side"
    /// }
    /// ```
    pub fn zone_name(&self) -> &str {
        &self.setup.zone
    }

    /// The zone's south-west and north-east corner.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Point, Zone};
    /// fn anywhere<Z: Zone>(ctx: &mut Ctx<Z>) -> Point {
    ///     let (south_west, north_east) = ctx.bounds();
    ///     Point::new(ctx.random_in(south_west.x..north_east.x), ctx.random_in(south_west.y..north_east.y))
    /// }
    /// ```
    pub fn bounds(&self) -> (Point, Point) {
        (self.setup.south_west, self.setup.north_east)
    }

    /// A setting's value; none: [`Zone::CONFIG`] does not name it.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Value, Zone};
    /// /// The curfew is an hour, or `never`.
    /// fn curfew<Z: Zone>(ctx: &Ctx<Z>) -> Option<i64> {
    ///     match ctx.config("curfew") {
    ///         Some(Value::Int(hour)) => Some(*hour),
    ///         _ => None,
    ///     }
    /// }
    /// ```
    pub fn config(&self, name: &str) -> Option<&Value> {
        self.settings.get(name)
    }

    /// A setting's text; empty when it is no text.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Heard, Zone};
    /// fn is_password<Z: Zone>(ctx: &Ctx<Z>, heard: &Heard) -> bool {
    ///     heard.text.trim() == ctx.config_text("password")
    /// }
    /// ```
    pub fn config_text(&self, name: &str) -> &str {
        match self.settings.get(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A setting's number, whole or not; 0 when it is none.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// fn price_of_a_drink<Z: Zone>(ctx: &Ctx<Z>) -> u32 {
    ///     ctx.config_number("price").max(1.0) as u32
    /// }
    /// ```
    pub fn config_number(&self, name: &str) -> f64 {
        match self.settings.get(name) {
            Some(Value::Number(number)) => *number,
            Some(Value::Int(int)) => *int as f64,
            _ => 0.0,
        }
    }

    /// A setting's yes or no; no when it is neither.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn open<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     if ctx.config_flag("blackout") { ctx.tell_all("light", &0.1) } else { Ok(()) }
    /// }
    /// ```
    pub fn config_flag(&self, name: &str) -> bool {
        matches!(self.settings.get(name), Some(Value::Flag(true)))
    }

    /// A number from the zone's generator: the same on every replay.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// fn number_of_the_safe<Z: Zone>(ctx: &mut Ctx<Z>) -> String {
    ///     format!("{:06}", ctx.random() % 1_000_000)
    /// }
    /// ```
    pub fn random(&mut self) -> u64 {
        self.host.random()
    }

    /// A number in `range`, evenly. An empty range gives its start.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wod_zone::{Ctx, Zone};
    /// fn until_the_next_siren<Z: Zone>(ctx: &mut Ctx<Z>) -> Duration {
    ///     Duration::from_secs_f32(ctx.random_in(30.0..90.0))
    /// }
    /// ```
    pub fn random_in(&mut self, range: Range<f32>) -> f32 {
        random_in(self.host, range)
    }

    /// True once in `n` times on average; 0 counts as 1.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn cough<Z: Zone>(ctx: &mut Ctx<Z>, beggar: Npc) -> Result {
    ///     if ctx.one_in(6) { ctx.emote(beggar, "coughs") } else { Ok(()) }
    /// }
    /// ```
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
    ///
    /// ```
    /// # use wod_zone::{Ctx, LogLevel, Player, Zone};
    /// fn suspect<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, coins: u64) {
    ///     ctx.log(LogLevel::Warn, "more coins than the house has seen", &[("player", &player), ("coins", &coins)]);
    /// }
    /// ```
    pub fn log(&mut self, level: LogLevel, message: impl Into<String>, fields: &[(&str, &dyn Display)]) {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        self.host.log(level, message.into(), fields);
    }

    /// Adds to a counter that operators see.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// fn bitten<Z: Zone>(ctx: &mut Ctx<Z>) {
    ///     ctx.count("bites", 1);
    /// }
    /// ```
    pub fn count(&mut self, counter: &str, by: u64) {
        self.host.count(counter, by);
    }

    /// Sets a gauge that operators see.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// fn till<Z: Zone>(ctx: &mut Ctx<Z>, coins: u64) {
    ///     ctx.gauge("till_coins", coins as f64);
    /// }
    /// ```
    pub fn gauge(&mut self, gauge: &str, value: f64) {
        self.host.gauge(gauge, value);
    }

    /// Adds a value to a histogram that operators see.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Zone};
    /// /// How long hunts last, in seconds.
    /// fn hunt_is_over<Z: Zone>(ctx: &mut Ctx<Z>, began_ms: u64) {
    ///     ctx.observe("hunt_seconds", (ctx.game_ms() - began_ms) as f64 / 1000.0);
    /// }
    /// ```
    pub fn observe(&mut self, histogram: &str, value: f64) {
        self.host.observe(histogram, value);
    }

    /// Ticks that a duration takes at this zone's rate, rounded up, at least 1.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wod_zone::{Ctx, Zone};
    /// /// Half a second's grace after the bell.
    /// fn is_in_time<Z: Zone>(ctx: &Ctx<Z>, bell_tick: u64) -> bool {
    ///     ctx.tick() <= bell_tick + u64::from(ctx.ticks(Duration::from_millis(500)))
    /// }
    /// ```
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
