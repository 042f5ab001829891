//! Walking home.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::host::Host;
use crate::types::{Goal, MoveEnd, Point};

/// How near home is near enough, m.
const WITHIN: f32 = 0.5;
/// How often it tries again before it jumps.
const TRIES: u8 = 5;
/// How long between two tries.
const RETRY: Duration = Duration::from_secs(2);

/// Walks home. Where no way leads there, it tries again a few times, then jumps.
///
/// Ends with [`Behaved::Home`]; then give the NPC something else to do.
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::behaviour::GoHome;
/// let home = GoHome::to(Point::new(1.0, 2.0)).pace(2.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoHome {
    home: Point,
    pace: f32,
    tries: u8,
}

impl GoHome {
    /// To this spot, at 1.8 m/s.
    pub fn to(home: Point) -> Self {
        Self { home, pace: 1.8, tries: 0 }
    }

    /// Walks so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    /// Sets out; true: it is home.
    pub(super) fn set_out(&mut self, body: &mut Body<'_>) -> bool {
        body.pace(self.pace);
        self.walk(body)
    }

    /// Goes on after a cue; true: it is home.
    pub(super) fn go_on(&mut self, body: &mut Body<'_>, cue: Cue) -> bool {
        match cue {
            Cue::Moved(MoveEnd::Arrived) => true,
            Cue::Moved(_) => self.stuck(body),
            Cue::Due(Alarm::Walk) => self.walk(body),
            _ => false,
        }
    }

    fn walk(&mut self, body: &mut Body<'_>) -> bool {
        !body.go(Goal::Point(self.home), WITHIN) && self.stuck(body)
    }

    fn stuck(&mut self, body: &mut Body<'_>) -> bool {
        self.tries += 1;
        if self.tries > TRIES {
            body.jump(self.home);
            return true;
        }
        body.report(Behaved::Stuck);
        body.ring(Alarm::Walk, RETRY);
        false
    }
}

impl Step for GoHome {
    fn begin(&mut self, body: &mut Body<'_>) {
        if self.set_out(body) {
            body.report(Behaved::Home);
        }
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        if self.go_on(body, cue) {
            body.report(Behaved::Home);
        }
    }

    fn post(&self, _host: &dyn Host) -> Option<Point> {
        Some(self.home)
    }
}
