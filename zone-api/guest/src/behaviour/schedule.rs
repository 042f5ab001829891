//! Doing what the hour demands.

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Behaviour, Body, Clock, Cue, Stand, Step};
use crate::handle::EntityId;
use crate::host::Host;
use crate::types::Point;

/// Does one thing by day and another by night: whatever the hours of a [`Clock`] demand.
///
/// Reports [`Behaved::Turned`] when it turns to another. Where people look on it walks there; where nobody does it is there at once, so
/// whoever comes to a place finds those who belong there at that hour. Nothing is asked from tick to tick: while there are players in
/// the zone, one timer for all schedules together rings at the next change; with none it does not, and all is put right when the first
/// one comes.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::behaviour::{Clock, Schedule, Stand, Wander};
/// let (market, bed) = (Point::new(30.0, 12.0), Point::new(4.0, 2.0));
/// let clock = Clock::day_of(Duration::from_secs(48 * 60));
/// let baker = Schedule::by(clock)
///     .between(4.0, 12.0, Stand::at(market))
///     .between(12.0, 20.0, Wander::about(market, 10.0))
///     .otherwise(Stand::at(bed));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    clock: Clock,
    spans: Vec<Span>,
    otherwise: Box<Behaviour>,
    /// Which span it is at, or one more than there are; none: it has not begun.
    current: Option<usize>,
}

/// What is done from one hour to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Span {
    from: f32,
    to: f32,
    behaviour: Behaviour,
}

impl Schedule {
    /// By this clock; stands where it is at hours for which nothing is said.
    pub fn by(clock: Clock) -> Self {
        Self { clock, spans: Vec::new(), otherwise: Box::new(Stand::here().into()), current: None }
    }

    /// From this hour to that, also over midnight. Of spans that overlap the one given first counts.
    #[must_use]
    pub fn between(mut self, from: f32, to: f32, behaviour: impl Into<Behaviour>) -> Self {
        self.spans.push(Span { from, to, behaviour: behaviour.into() });
        self
    }

    /// At all other hours.
    #[must_use]
    pub fn otherwise(mut self, behaviour: impl Into<Behaviour>) -> Self {
        self.otherwise = Box::new(behaviour.into());
        self
    }

    /// What it does at this game time, counted as in [`Behaved::Turned`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::behaviour::{Clock, Patrol, Schedule, Stand};
    /// let clock = Clock::day_of(Duration::from_secs(24)).starting_at(21.0);
    /// let watchman = Schedule::by(clock).between(20.0, 6.0, Patrol::along("rounds")).otherwise(Stand::here());
    /// // An hour takes a second: on his rounds, and nine hours later off them.
    /// assert_eq!((watchman.part_at(0), watchman.part_at(9000)), (0, 1));
    /// ```
    pub fn part_at(&self, game_ms: u64) -> usize {
        let found = self.spans.iter().position(|span| self.clock.is_between(span.from, span.to, game_ms));
        found.unwrap_or(self.spans.len())
    }

    fn part(&self, index: usize) -> &Behaviour {
        self.spans.get(index).map_or(&*self.otherwise, |span| &span.behaviour)
    }

    fn part_mut(&mut self, index: usize) -> &mut Behaviour {
        match self.spans.get_mut(index) {
            Some(span) => &mut span.behaviour,
            None => &mut self.otherwise,
        }
    }

    fn all_parts(&mut self) -> impl Iterator<Item = &mut Behaviour> {
        let spans = self.spans.iter_mut().map(|span| &mut span.behaviour);
        spans.chain(std::iter::once(&mut *self.otherwise))
    }

    /// Leaves what it does if the hour demands something else. The part to go on with, and whether it is another.
    fn turn(&mut self, body: &mut Body<'_>) -> (usize, bool) {
        let now = self.part_at(body.game_ms);
        if self.current == Some(now) {
            return (now, false);
        }
        if let Some(before) = self.current.replace(now) {
            body.interrupt(self.part_mut(before));
        }
        body.report(Behaved::Turned(now));
        (now, true)
    }

    /// The current part's step, once it has begun.
    fn current_mut(&mut self) -> Option<&mut dyn Step> {
        let index = self.current?;
        Some(self.part_mut(index).step_mut())
    }
}

impl Step for Schedule {
    fn begin(&mut self, body: &mut Body<'_>) {
        let (now, _) = self.turn(body);
        self.part_mut(now).step_mut().begin(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        if let Cue::Sensed { subject, inside } = cue {
            let current = self.current.unwrap_or_default();
            let others = self.all_parts().enumerate().filter(|(index, _)| *index != current);
            others.for_each(|(_, part)| part.step_mut().sensed_at_rest(subject, inside));
        }
        if let Some(step) = self.current_mut() {
            step.cue(body, cue);
        }
    }

    fn sensed_at_rest(&mut self, subject: EntityId, inside: bool) {
        self.all_parts().for_each(|part| part.step_mut().sensed_at_rest(subject, inside));
    }

    fn rest(&mut self, body: &mut Body<'_>) {
        if let Some(step) = self.current_mut() {
            step.rest(body);
        }
    }

    fn give_way(&mut self) {
        if let Some(step) = self.current_mut() {
            step.give_way();
        }
    }

    fn hour(&mut self, body: &mut Body<'_>) {
        match self.turn(body) {
            (now, true) if body.watched => self.part_mut(now).step_mut().begin(body),
            (now, true) => body.put_at_post(self.part(now)),
            (_, false) => {}
        }
    }

    fn next_hour(&self, game_ms: u64) -> Option<u64> {
        let hours = self.spans.iter().flat_map(|span| [span.from, span.to]);
        hours.map(|hour| self.clock.next(hour, game_ms)).min()
    }

    fn post(&self, host: &dyn Host) -> Option<Point> {
        self.current.and_then(|index| self.part(index).step().post(host))
    }

    fn sensor(&self) -> f32 {
        self.parts().iter().map(|part| part.step().sensor()).fold(0.0, f32::max)
    }

    fn alarm(&self) -> Option<Alarm> {
        Some(Alarm::Hour)
    }

    fn parts(&self) -> Vec<&Behaviour> {
        self.spans.iter().map(|span| &span.behaviour).chain(std::iter::once(&*self.otherwise)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_span_that_holds_the_hour_counts() {
        // An hour takes a second.
        let clock = Clock::day_of(Duration::from_secs(24));
        let schedule = Schedule::by(clock)
            .between(22.0, 6.0, Stand::here())
            .between(5.0, 12.0, Stand::here())
            .otherwise(Stand::here());
        let parts = [23, 5, 6, 12, 21].map(|hour| schedule.part_at(hour * 1000));
        assert_eq!(parts, [0, 0, 1, 2, 2]);
        assert_eq!(schedule.next_hour(4000), Some(5000));
        assert_eq!(schedule.next_hour(22_000), Some(29_000), "an hour that strikes now has struck");
    }

    #[test]
    fn who_does_the_same_at_all_hours_needs_no_timer() {
        let schedule = Schedule::by(Clock::day_of(Duration::from_secs(24))).otherwise(Stand::here());
        assert_eq!(schedule.next_hour(0), None);
    }
}
