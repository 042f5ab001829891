//! Walking from stop to stop.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::host::Host;
use crate::types::{Goal, MoveEnd, Point};

/// How near a stop is near enough, m.
const WITHIN: f32 = 0.5;

/// Walks along the map's places of one name, in the map's order, round and round, pausing at each.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::behaviour::Patrol;
/// let patrol = Patrol::along("night-beat").pausing(Duration::from_secs(4)).pace(1.4);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patrol {
    places: String,
    pause: Duration,
    pace: f32,
    /// The stop it is on its way to.
    next: usize,
}

impl Patrol {
    /// Along the places of this name, at 1.4 m/s, pausing 3 s at each.
    pub fn along(places: &str) -> Self {
        Self { places: places.to_owned(), pause: Duration::from_secs(3), pace: 1.4, next: 0 }
    }

    /// Pauses so long at each stop.
    #[must_use]
    pub fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Walks so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    fn walk(&mut self, body: &mut Body<'_>) {
        let stops = body.host.places(&self.places);
        let Some(stop) = stops.get(self.next).or(stops.first()) else {
            body.complain("patrol", &format!("the map has no place `{}`", self.places));
            return body.report(Behaved::Stuck);
        };
        self.next = if self.next < stops.len() { self.next } else { 0 };
        if !body.go(Goal::Point(stop.at), WITHIN) {
            self.skip(body);
        }
    }

    /// The stop can't be reached now: on to the next, after a pause so that it ends.
    fn skip(&mut self, body: &mut Body<'_>) {
        self.next += 1;
        body.report(Behaved::Stuck);
        body.ring(Alarm::Walk, self.pause.max(Duration::from_secs(1)));
    }
}

impl Step for Patrol {
    fn begin(&mut self, body: &mut Body<'_>) {
        body.pace(self.pace);
        self.walk(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        match cue {
            Cue::Moved(MoveEnd::Arrived) => {
                body.report(Behaved::Reached(self.next));
                self.next += 1;
                body.ring(Alarm::Walk, self.pause);
            }
            Cue::Moved(_) => self.skip(body),
            Cue::Due(Alarm::Walk) => self.walk(body),
            _ => {}
        }
    }

    fn post(&self, host: &dyn Host) -> Option<Point> {
        let stops = host.places(&self.places);
        stops.get(self.next).or(stops.first()).map(|stop| stop.at)
    }
}
