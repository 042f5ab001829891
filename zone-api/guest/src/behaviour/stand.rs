//! Standing at a post.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::host::Host;
use crate::types::{Goal, MoveEnd, Point};

/// How near the post is near enough, m.
const WITHIN: f32 = 0.5;
/// How long until it tries again where no way leads.
const RETRY: Duration = Duration::from_secs(5);

/// Stands at its post, and walks there when it is elsewhere.
///
/// Reports [`Behaved::Home`] when it has come there.
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::behaviour::Stand;
/// let guard = Stand::at(Point::new(10.0, 4.0)).facing(Point::new(10.0, 0.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stand {
    /// None: where it is.
    at: Option<Point>,
    facing: Option<Point>,
    pace: f32,
}

impl Stand {
    /// Wherever it is.
    ///
    /// ```
    /// use wod_zone::behaviour::Stand;
    /// use wod_zone::{Ctx, Npc, Result, Zone};
    /// /// Hands up.
    /// fn surrender<Z: Zone>(ctx: &mut Ctx<Z>, burglar: Npc) -> Result {
    ///     ctx.behave(burglar, Stand::here())
    /// }
    /// ```
    pub fn here() -> Self {
        Self { at: None, facing: None, pace: 1.4 }
    }

    /// At this spot, to which it walks at 1.4 m/s.
    pub fn at(post: Point) -> Self {
        Self { at: Some(post), ..Self::here() }
    }

    /// Looks to that point when it is there.
    #[must_use]
    pub fn facing(mut self, point: Point) -> Self {
        self.facing = Some(point);
        self
    }

    /// Walks so fast, m/s.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::behaviour::Stand;
    /// /// The alarm goes: to the gate, at a run.
    /// fn to_the_gate(gate: Point) -> Stand {
    ///     Stand::at(gate).pace(5.0)
    /// }
    /// ```
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    fn walk(&mut self, body: &mut Body<'_>) {
        let Some(post) = self.at.filter(|post| body.at().is_none_or(|here| here.distance(*post) > WITHIN)) else {
            return self.turn(body);
        };
        if !body.go(Goal::Point(post), WITHIN) {
            self.stuck(body);
        }
    }

    fn turn(&self, body: &mut Body<'_>) {
        if let Some(point) = self.facing {
            body.face(point);
        }
    }

    fn stuck(&self, body: &mut Body<'_>) {
        body.report(Behaved::Stuck);
        body.ring(Alarm::Walk, RETRY);
    }
}

impl Step for Stand {
    fn begin(&mut self, body: &mut Body<'_>) {
        body.pace(self.pace);
        self.walk(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        match cue {
            Cue::Moved(MoveEnd::Arrived) => {
                self.turn(body);
                body.report(Behaved::Home);
            }
            Cue::Moved(_) => self.stuck(body),
            Cue::Due(Alarm::Walk) => self.walk(body),
            _ => {}
        }
    }

    fn post(&self, _host: &dyn Host) -> Option<Point> {
        self.at
    }
}
