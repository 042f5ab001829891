//! Strolling about.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Body, Cue, Step};
use crate::host::Host;
use crate::types::{Goal, Point};

/// How near the spot is near enough, m.
const WITHIN: f32 = 0.5;
/// How far beyond its radius it is astray, m: it was led away, or has just been given this.
const ASTRAY: f32 = 1.0;

/// Strolls to random spots about a centre, pausing at each. From elsewhere it walks there first.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::behaviour::Wander;
/// let wander = Wander::about(Point::new(30.0, 12.0), 6.0).pausing(Duration::from_secs(8));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wander {
    center: Point,
    radius: f32,
    pause: Duration,
    pace: f32,
}

impl Wander {
    /// Within `radius` metres of `center`, at 1.2 m/s, pausing 5 s at each spot.
    pub fn about(center: Point, radius: f32) -> Self {
        Self { center, radius, pause: Duration::from_secs(5), pace: 1.2 }
    }

    /// Pauses so long at each spot.
    #[must_use]
    pub fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Walks so fast, m/s.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::behaviour::Wander;
    /// /// In no state to hurry.
    /// fn drunk(corner: Point) -> Wander {
    ///     Wander::about(corner, 5.0).pace(0.6)
    /// }
    /// ```
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    fn pause(&self, body: &mut Body<'_>) {
        body.ring(Alarm::Walk, self.pause.max(Duration::from_secs(1)));
    }

    /// Walks back to where it belongs; false: it is there, or there is no way.
    fn goes_back(&self, body: &mut Body<'_>) -> bool {
        let is_astray = body.at().is_some_and(|here| here.distance(self.center) > self.radius + ASTRAY);
        is_astray && body.go(Goal::Point(self.center), WITHIN)
    }
}

impl Step for Wander {
    fn begin(&mut self, body: &mut Body<'_>) {
        body.pace(self.pace);
        if !self.goes_back(body) {
            self.pause(body);
        }
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        match cue {
            // Wherever it got to is as good a spot as any.
            Cue::Moved(_) => self.pause(body),
            Cue::Due(Alarm::Walk) if self.goes_back(body) => {}
            Cue::Due(Alarm::Walk) => {
                let spot = body.spot_about(self.center, self.radius);
                // Into a wall, or off the map: another spot after another pause.
                if !body.is_open(spot) || !body.go(Goal::Point(spot), WITHIN) {
                    self.pause(body);
                }
            }
            _ => {}
        }
    }

    fn post(&self, _host: &dyn Host) -> Option<Point> {
        Some(self.center)
    }
}
