//! Getting away from somebody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::handle::EntityId;
use crate::types::{Goal, Point};

/// How near where it runs to is near enough, m.
const WITHIN: f32 = 0.7;
/// How often it looks over its shoulder.
const LOOK_EVERY: Duration = Duration::from_millis(700);
/// Looks in a row without seeing whom it fears until it feels safe.
const CALM_LOOKS: u8 = 8;
/// How far beyond its sight the wary feel safe at least, m.
const OUT_OF_SIGHT: f32 = 2.0;
/// How far it looks for a way to run, m; the second when there is no room for the first.
const STRIDES: [f32; 2] = [10.0, 4.0];
/// Half of the square root of 2.
const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// The ways it may run; without sine or cosine, so the same everywhere.
const COMPASS: [(f32, f32); 8] = [
    (1.0, 0.0),
    (DIAGONAL, DIAGONAL),
    (0.0, 1.0),
    (-DIAGONAL, DIAGONAL),
    (-1.0, 0.0),
    (-DIAGONAL, -DIAGONAL),
    (0.0, -1.0),
    (DIAGONAL, -DIAGONAL),
];

/// Runs from somebody, into the open or to a refuge, until she is far enough or out of sight for a while.
///
/// Ends with [`Behaved::Safe`]; then give the NPC something else to do. With its back to the wall it stays there.
///
/// ```
/// use wod_zone::EntityId;
/// use wod_zone::behaviour::Flee;
/// let flee = Flee::from(EntityId(42)).to("lamp").pace(4.0).until(30.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flee {
    threat: EntityId,
    /// Name of the map's places where it hides.
    refuge: Option<String>,
    pace: f32,
    until: f32,
    /// Where it runs to.
    goal: Option<Point>,
    /// Looks without seeing whom it fears.
    calm: u8,
}

impl Flee {
    /// From this one, at 4.5 m/s, until 25 m away or out of sight for 6 s.
    pub fn from(threat: impl Into<EntityId>) -> Self {
        Self { threat: threat.into(), refuge: None, pace: 4.5, until: 25.0, goal: None, calm: 0 }
    }

    /// To that one of the map's places of this name that is best to reach: near, and far from whom it fears.
    #[must_use]
    pub fn to(mut self, places: &str) -> Self {
        self.refuge = Some(places.to_owned());
        self
    }

    /// Runs so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    /// Feels safe so far away, m.
    #[must_use]
    pub fn until(mut self, metres: f32) -> Self {
        self.until = metres;
        self
    }

    /// From whom.
    ///
    /// ```
    /// use wod_zone::EntityId;
    /// use wod_zone::behaviour::Flee;
    /// assert_eq!(Flee::from(EntityId(42)).threat(), EntityId(42));
    /// ```
    pub fn threat(&self) -> EntityId {
        self.threat
    }

    /// The same flight, from somebody who may be seen from `sight` metres away: safe is only who is further.
    pub(super) fn anew_from(&self, threat: EntityId, sight: f32) -> Self {
        let until = self.until.max(sight + OUT_OF_SIGHT);
        Self { threat, until, goal: None, calm: 0, ..self.clone() }
    }

    /// Whether there is reason to run.
    pub(super) fn is_called_for(&self, body: &Body<'_>) -> bool {
        match (body.at(), body.view(self.threat).filter(|view| !view.ghost)) {
            (Some(here), Some(threat)) => here.distance(threat.at) < self.until,
            _ => false,
        }
    }

    /// Sets out; true: it is safe.
    pub(super) fn set_out(&mut self, body: &mut Body<'_>) -> bool {
        body.pace(self.pace);
        self.look(body)
    }

    /// Goes on after a cue; true: it is safe.
    pub(super) fn go_on(&mut self, body: &mut Body<'_>, cue: Cue) -> bool {
        match cue {
            // The next look finds a way on.
            Cue::Moved(_) => {
                self.goal = None;
                false
            }
            Cue::Due(Alarm::Look) => self.look(body),
            _ => false,
        }
    }

    fn look(&mut self, body: &mut Body<'_>) -> bool {
        let (Some(here), Some(threat)) = (body.at(), body.view(self.threat).filter(|view| !view.ghost)) else {
            return self.safe(body);
        };
        let distance = here.distance(threat.at);
        self.calm = if body.sees(threat.at) { 0 } else { self.calm + 1 };
        if distance >= self.until || self.calm >= CALM_LOOKS {
            return self.safe(body);
        }
        // On as long as it comes there first.
        let keeps_on = self.goal.is_some_and(|goal| goal.distance(here) < goal.distance(threat.at));
        if !keeps_on {
            self.run(body, here, threat.at);
        }
        body.ring(Alarm::Look, LOOK_EVERY);
        false
    }

    /// Runs to the best refuge, or else to where it is furthest from the threat; with nowhere to run, it stays.
    fn run(&mut self, body: &mut Body<'_>, here: Point, threat: Point) {
        // How much later the threat would be there, in metres of way as the crow flies.
        let lead = |spot: Point| spot.distance(threat) - spot.distance(here);
        let places = self.refuge.as_ref().map(|name| body.host.places(name)).unwrap_or_default();
        let refuge = places.iter().map(|place| place.at).max_by(|a, b| lead(*a).total_cmp(&lead(*b)));
        if let Some(spot) = refuge.filter(|spot| lead(*spot) > 0.0) {
            // There already, and it can only hope.
            if spot.distance(here) > WITHIN {
                self.make_for(body, spot);
            }
            return;
        }
        for stride in STRIDES {
            let spots = COMPASS.iter().map(|(x, y)| Point::new(here.x + x * stride, here.y + y * stride));
            let open = spots.filter(|spot| spot.distance(threat) > here.distance(threat) && body.is_open(*spot));
            let best = open.max_by(|a, b| a.distance(threat).total_cmp(&b.distance(threat)));
            if best.is_some_and(|spot| self.make_for(body, spot)) {
                return;
            }
        }
    }

    fn make_for(&mut self, body: &mut Body<'_>, spot: Point) -> bool {
        let goes = body.go(Goal::Point(spot), WITHIN);
        self.goal = goes.then_some(spot);
        goes
    }

    fn safe(&mut self, body: &mut Body<'_>) -> bool {
        body.halt();
        body.silence(Alarm::Look);
        true
    }
}

impl Step for Flee {
    fn begin(&mut self, body: &mut Body<'_>) {
        (self.goal, self.calm) = (None, 0);
        if self.set_out(body) {
            body.report(Behaved::Safe);
        }
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        if self.go_on(body, cue) {
            body.report(Behaved::Safe);
        }
    }
}
