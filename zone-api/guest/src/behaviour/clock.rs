//! The time of day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::zone::{Setting, Zone};

/// Shortest day, ms: an hour of it takes a second.
const SHORTEST_DAY_MS: u64 = 24_000;
/// Hours of a day.
const HOURS: f64 = 24.0;

/// A setting for [`Clock::of`]: put it into [`Zone::CONFIG`] and operators say how long a day is.
///
/// ```
/// use wod_zone::Setting;
/// use wod_zone::behaviour::DAY_MINUTES;
/// /// Beside the zone's own settings.
/// const CONFIG: &[Setting] = &[DAY_MINUTES, Setting::flag("fog", "Whether there is fog tonight.", true)];
/// assert_eq!(CONFIG.len(), 2);
/// ```
pub const DAY_MINUTES: Setting = Setting::number(
    "day_minutes",
    "How long a day and a night take together, minutes of game time, at least 0.4.",
    48.0,
);

/// Turns game time into the time of day: from 0 up to 24 h, wherever a zone began.
///
/// A value to be made anew whenever it is needed. Nothing ticks: ask it, or set a timer for when an hour comes.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::behaviour::Clock;
/// // A day of 48 minutes, so an hour of 2; when the zone begins it is 22 h.
/// let clock = Clock::day_of(Duration::from_secs(48 * 60)).starting_at(22.0);
/// assert_eq!(clock.hour(0), 22.0);
/// assert!(clock.is_night(0));
/// assert_eq!(clock.until(6.0, 0), Duration::from_secs(8 * 120));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Length of a day, ms of game time.
    day_ms: u64,
    /// The hour when game time began.
    first: f32,
    dawn: f32,
    dusk: f32,
}

impl Clock {
    /// A day takes so long, at least 24 s. It begins at midnight; the day lasts from 6 to 20 h.
    pub fn day_of(day: Duration) -> Self {
        let day_ms = u64::try_from(day.as_millis()).unwrap_or(u64::MAX).max(SHORTEST_DAY_MS);
        Self { day_ms, first: 0.0, dawn: 6.0, dusk: 20.0 }
    }

    /// A day takes as long as the setting [`DAY_MINUTES`] says; make schedules anew when [`Zone::config`] names it.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Setting, Zone};
    /// use wod_zone::behaviour::{Clock, DAY_MINUTES};
    /// const CONFIG: &[Setting] = &[DAY_MINUTES];
    /// fn is_dark<Z: Zone>(ctx: &Ctx<Z>) -> bool {
    ///     Clock::of(ctx).is_night(ctx.game_ms())
    /// }
    /// ```
    pub fn of<Z: Zone>(ctx: &Ctx<'_, Z>) -> Self {
        let minutes = ctx.config_number(DAY_MINUTES.name);
        // What is not a number, or less than nothing, becomes 0, and so the shortest day.
        Self::day_of(Duration::from_millis((minutes * 60_000.0) as u64))
    }

    /// Game time begins at this hour.
    #[must_use]
    pub fn starting_at(mut self, hour: f32) -> Self {
        self.first = hour;
        self
    }

    /// It is day between these hours, night otherwise.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::behaviour::Clock;
    /// // Midwinter.
    /// let clock = Clock::day_of(Duration::from_secs(24 * 60)).light_between(8.5, 16.0).starting_at(17.0);
    /// assert!(clock.is_night(0));
    /// ```
    #[must_use]
    pub fn light_between(mut self, dawn: f32, dusk: f32) -> Self {
        (self.dawn, self.dusk) = (dawn, dusk);
        self
    }

    /// The hour at this game time ([`Ctx::game_ms`]), 0 up to 24.
    pub fn hour(&self, game_ms: u64) -> f32 {
        (self.time_of_day(game_ms) as f64 / self.day_ms as f64 * HOURS) as f32
    }

    /// Days since the one on which game time began, 0 on that day.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::behaviour::Clock;
    /// // An hour takes a minute; it begins at 23 h.
    /// let clock = Clock::day_of(Duration::from_secs(24 * 60)).starting_at(23.0);
    /// assert_eq!((clock.day(0), clock.day(2 * 60_000)), (0, 1));
    /// ```
    pub fn day(&self, game_ms: u64) -> u64 {
        (game_ms + self.offset(self.first)) / self.day_ms
    }

    /// Whether it is this hour or later, and before that one. The span may go over midnight; from an hour to itself is a whole day.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::behaviour::Clock;
    /// let clock = Clock::day_of(Duration::from_secs(24 * 60)).starting_at(23.0);
    /// let is_open = |game_ms| clock.is_between(20.0, 4.0, game_ms);
    /// assert!(is_open(0) && is_open(4 * 60_000) && !is_open(6 * 60_000));
    /// ```
    pub fn is_between(&self, from: f32, to: f32, game_ms: u64) -> bool {
        let (from, to, now) = (self.offset(from), self.offset(to), self.time_of_day(game_ms));
        if from < to { (from..to).contains(&now) } else { now >= from || now < to }
    }

    /// Whether it is day.
    ///
    /// ```
    /// # use wod_zone::behaviour::Clock;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn steps_outside<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     if Clock::of(ctx).is_day(ctx.game_ms()) { ctx.tell(player, "hint", &"It burns.") } else { Ok(()) }
    /// }
    /// ```
    pub fn is_day(&self, game_ms: u64) -> bool {
        self.is_between(self.dawn, self.dusk, game_ms)
    }

    /// Whether it is night.
    pub fn is_night(&self, game_ms: u64) -> bool {
        !self.is_day(game_ms)
    }

    /// Game time until this hour comes next, more than none and at most a day: for [`Ctx::after`].
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use wod_zone::{Ctx, Result, Zone};
    /// # use wod_zone::behaviour::Clock;
    /// #[derive(Serialize, Deserialize)]
    /// enum Timer { LockUp }
    ///
    /// fn at_midnight<Z: Zone<Timer = Timer>>(ctx: &mut Ctx<Z>, clock: Clock) -> Result {
    ///     ctx.after(clock.until(0.0, ctx.game_ms()), Timer::LockUp)?;
    ///     Ok(())
    /// }
    /// ```
    pub fn until(&self, hour: f32, game_ms: u64) -> Duration {
        Duration::from_millis(self.next(hour, game_ms) - game_ms)
    }

    /// Game time, ms, at which this hour comes next after `game_ms`.
    pub(super) fn next(&self, hour: f32, game_ms: u64) -> u64 {
        let (hour, now) = (self.offset(hour), self.time_of_day(game_ms));
        let left = if hour > now { hour - now } else { self.day_ms - (now - hour) };
        game_ms + left
    }

    /// Ms from midnight to this hour; hours beyond a day count on into the next.
    fn offset(&self, hour: f32) -> u64 {
        let ms = f64::from(hour) * self.day_ms as f64 / HOURS;
        // A negative hour, and one that is not a number, is midnight.
        (ms + 0.5) as u64 % self.day_ms
    }

    /// Ms since midnight.
    fn time_of_day(&self, game_ms: u64) -> u64 {
        (game_ms + self.offset(self.first)) % self.day_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour takes a second.
    fn quick() -> Clock {
        Clock::day_of(Duration::from_secs(24))
    }

    #[test]
    fn hours_and_days_go_round() {
        let clock = quick().starting_at(23.0);
        assert_eq!((clock.hour(0), clock.day(0)), (23.0, 0));
        assert_eq!((clock.hour(1000), clock.day(1000)), (0.0, 1));
        assert_eq!((clock.hour(13_500), clock.day(13_500)), (12.5, 1));
        assert_eq!((clock.hour(25_000), clock.day(25_000)), (0.0, 2));
    }

    #[test]
    fn a_span_may_go_over_midnight() {
        let clock = quick();
        let night = |hour: u64| clock.is_between(20.0, 6.0, hour * 1000);
        assert_eq!([19, 20, 23, 24, 29, 30].map(night), [false, true, true, true, true, false]);
        assert!(clock.is_between(8.0, 8.0, 3000), "from an hour to itself is a whole day");
        assert!(clock.is_day(6000) && clock.is_night(5999) && clock.is_night(20_000));
    }

    #[test]
    fn the_next_of_an_hour_is_never_now() {
        let clock = quick();
        assert_eq!(clock.until(6.0, 0), Duration::from_secs(6));
        assert_eq!(clock.until(6.0, 6000), Duration::from_secs(24));
        assert_eq!(clock.until(6.0, 7000), Duration::from_secs(23));
        assert_eq!(clock.until(0.0, 0), Duration::from_secs(24));
    }

    #[test]
    fn nonsense_is_midnight_and_no_day_is_too_short() {
        let clock = Clock::day_of(Duration::ZERO).starting_at(f32::NAN);
        assert_eq!((clock.hour(0), clock.day_ms), (0.0, SHORTEST_DAY_MS));
        assert_eq!(clock.until(-3.0, 1000), Duration::from_secs(23));
    }
}
