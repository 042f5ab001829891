//! What plays at which hour, and whether one can hear oneself speak.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use wod_zone::behaviour::Clock;
use wod_zone::{Ctx, Player, Result, Tag};

use crate::{Club, Timer};

/// How long a request plays.
const REQUEST: Duration = Duration::from_secs(180);

/// Hours with the same music.
#[derive(Debug, PartialEq)]
pub(crate) struct Set {
    /// What it is called.
    pub(crate) name: &'static str,
    /// On the floor nobody is understood.
    pub(crate) loud: bool,
    /// How fast people move to it, m/s; 0: they don't.
    pub(crate) pace: f32,
    /// Hours of the day; the last one ends at midnight.
    pub(crate) from: f32,
    pub(crate) until: f32,
}

const fn set(name: &'static str, loud: bool, pace: f32, from: f32, until: f32) -> Set {
    Set { name, loud, pace, from, until }
}

/// The day, in order and without a gap. It is a club: the day begins at midnight.
pub(crate) const SETS: [Set; 7] = [
    set("Hull breach", true, 1.8, 0.0, 3.0),
    set("Undertow", true, 1.4, 3.0, 5.0),
    set("Slack water", false, 0.8, 5.0, 8.0),
    set("The pumps", false, 0.0, 8.0, 16.0),
    set("Soundcheck", false, 0.8, 16.0, 19.0),
    set("Flood tide", true, 1.3, 19.0, 22.0),
    set("Black water", true, 1.6, 22.0, 24.0),
];

/// A set out of its hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Which of [`SETS`].
    set: usize,
    until_ms: u64,
}

/// What would play without anybody's request.
fn scheduled(clock: &Clock, game_ms: u64) -> usize {
    SETS.iter().position(|set| clock.is_between(set.from, set.until, game_ms)).unwrap_or_default()
}

/// What the schedule has next.
pub(crate) fn after(ctx: &Ctx<Club>) -> &'static Set {
    &SETS[(scheduled(&Clock::of(ctx), ctx.game_ms()) + 1) % SETS.len()]
}

impl Club {
    /// What plays now.
    pub(crate) fn set(&self, ctx: &Ctx<Self>) -> &'static Set {
        match self.request.filter(|request| ctx.game_ms() < request.until_ms) {
            // A saved request of an older version may be of a set that is no more.
            Some(request) => SETS.get(request.set).unwrap_or(&SETS[0]),
            None => &SETS[scheduled(&Clock::of(ctx), ctx.game_ms())],
        }
    }

    /// Vesper plays what somebody has earned.
    pub(crate) fn grant(&mut self, ctx: &mut Ctx<Self>, name: &str) -> Result {
        let set = SETS.iter().position(|set| set.name == name).ok_or_else(|| format!("no set `{name}`"))?;
        self.request = Some(Request { set, until_ms: ctx.game_ms() + REQUEST.as_millis() as u64 });
        ctx.count("requests", 1);
        self.change_set(ctx)
    }

    /// Announces what plays, if it is another set than before, and sets the timer for the next.
    pub(crate) fn change_set(&mut self, ctx: &mut Ctx<Self>) -> Result {
        if let Some(next_set) = self.next_set.take() {
            ctx.cancel(next_set);
        }
        let set = self.set(ctx);
        if self.playing != set.name {
            set.name.clone_into(&mut self.playing);
            ctx.set_tag(self.vesper(), Tag::near("music", set.name))?;
            ctx.emote(self.vesper(), format!("lets one record die and another begin: {}.", set.name))?;
            ctx.tell_all("music", &news(set))?;
        }
        let wait = self.until_change(ctx);
        self.next_set = Some(ctx.after(wait, Timer::NextSet)?);
        Ok(())
    }

    pub(crate) fn tell_music(&self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        let set = self.set(ctx);
        ctx.tell(player, "music", &news(set))
    }

    fn until_change(&self, ctx: &Ctx<Self>) -> Duration {
        let now = ctx.game_ms();
        match self.request.filter(|request| now < request.until_ms) {
            Some(request) => Duration::from_millis(request.until_ms - now),
            None => {
                let clock = Clock::of(ctx);
                clock.until(SETS[scheduled(&clock, now)].until, now)
            }
        }
    }
}

/// What clients are told: name, and whether it is loud, for their own loudspeakers; a text for those that have none.
fn news(set: &Set) -> serde_json::Value {
    json!({ "set": set.name, "loud": set.loud, "text": format!("What plays: {}.", set.name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_music_at_every_hour_and_only_one() {
        assert_eq!((SETS[0].from, SETS[SETS.len() - 1].until), (0.0, 24.0));
        for pair in SETS.windows(2) {
            assert_eq!(pair[0].until, pair[1].from, "{} and {}", pair[0].name, pair[1].name);
        }
        // An hour takes a second.
        let clock = Clock::day_of(Duration::from_secs(24));
        assert_eq!(SETS[scheduled(&clock, 23_999)].name, "Black water");
        assert_eq!(SETS[scheduled(&clock, 24_000)].name, "Hull breach");
    }
}
