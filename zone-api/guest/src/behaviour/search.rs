//! Looking about where somebody was last seen.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::types::{Goal, Point};

/// How near a spot is near enough, m.
const WITHIN: f32 = 0.7;
/// How long it looks about at each spot.
const LOOK_FOR: Duration = Duration::from_millis(1500);

/// Goes to a spot, then to some more about it, looking about at each.
///
/// Ends with [`Behaved::GaveUp`]; then give the NPC something else to do.
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::behaviour::Search;
/// let search = Search::about(Point::new(3.0, 4.0)).spots(4).radius(10.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    center: Point,
    radius: f32,
    pace: f32,
    /// Spots still to go to, after the first.
    left: u8,
    /// Whether it has been at the centre.
    arrived: bool,
}

impl Search {
    /// About this spot: 3 more within 8 m, at 2.5 m/s.
    pub fn about(center: Point) -> Self {
        Self { center, radius: 8.0, pace: 2.5, left: 3, arrived: false }
    }

    /// Goes to so many more spots.
    #[must_use]
    pub fn spots(mut self, spots: u8) -> Self {
        self.left = spots;
        self
    }

    /// They lie within so many metres.
    #[must_use]
    pub fn radius(mut self, metres: f32) -> Self {
        self.radius = metres;
        self
    }

    /// Walks so fast, m/s.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::behaviour::Search;
    /// /// With a torch in hand one walks slowly.
    /// fn with_a_torch(noise: Point) -> Search {
    ///     Search::about(noise).pace(1.0)
    /// }
    /// ```
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    /// Sets out; true: it gives up.
    pub(super) fn set_out(&mut self, body: &mut Body<'_>) -> bool {
        body.pace(self.pace);
        if !self.arrived && body.go(Goal::Point(self.center), WITHIN) {
            return false;
        }
        self.arrived = true;
        body.ring(Alarm::Look, LOOK_FOR);
        false
    }

    /// Goes on after a cue; true: it gives up.
    pub(super) fn go_on(&mut self, body: &mut Body<'_>, cue: Cue) -> bool {
        match cue {
            Cue::Moved(_) => {
                self.arrived = true;
                body.ring(Alarm::Look, LOOK_FOR);
            }
            Cue::Due(Alarm::Look) => {
                let Some(left) = self.left.checked_sub(1) else {
                    return true;
                };
                self.left = left;
                let spot = body.spot_about(self.center, self.radius);
                // A spot that it can't see may lie inside a house: look about here once more instead.
                if !body.is_open(spot) || !body.go(Goal::Point(spot), WITHIN) {
                    body.ring(Alarm::Look, LOOK_FOR);
                }
            }
            _ => {}
        }
        false
    }
}

impl Step for Search {
    fn begin(&mut self, body: &mut Body<'_>) {
        if self.set_out(body) {
            body.report(Behaved::GaveUp);
        }
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        if self.go_on(body, cue) {
            body.report(Behaved::GaveUp);
        }
    }
}
