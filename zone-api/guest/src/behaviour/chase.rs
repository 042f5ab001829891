//! Running after somebody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::handle::EntityId;
use crate::types::Point;

/// How often it looks whether it still sees her.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many looks without seeing her end the chase: it runs on for a moment, round the corner.
const BLIND_LOOKS: u8 = 3;

/// Runs after somebody until it has caught or lost her.
///
/// Ends with [`Behaved::Caught`] or [`Behaved::Lost`]; then give the NPC something else to do.
///
/// ```
/// use wod_zone::EntityId;
/// use wod_zone::behaviour::Chase;
/// let chase = Chase::after(EntityId(42)).pace(5.0).reach(1.2).sight(30.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chase {
    pub(super) target: EntityId,
    pub(super) pace: f32,
    pub(super) reach: f32,
    pub(super) sight: f32,
    last_seen: Option<Point>,
    blind: u8,
}

/// Where a chase stands.
pub(super) enum Pursuit {
    /// It runs.
    On,
    /// It has her.
    Caught,
    /// She is gone; last seen there.
    Lost(Point),
}

impl Chase {
    /// After this one, at 5 m/s; caught within 1.5 m, out of sight beyond 30 m.
    pub fn after(target: impl Into<EntityId>) -> Self {
        Self { target: target.into(), pace: 5.0, reach: 1.5, sight: 30.0, last_seen: None, blind: 0 }
    }

    /// Runs so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    /// Has caught her this near, m.
    #[must_use]
    pub fn reach(mut self, metres: f32) -> Self {
        self.reach = metres;
        self
    }

    /// Sees no further, m.
    #[must_use]
    pub fn sight(mut self, metres: f32) -> Self {
        self.sight = metres;
        self
    }

    /// Sets out.
    pub(super) fn run(&mut self, body: &mut Body<'_>) -> Pursuit {
        body.pace(self.pace);
        // Half the reach, so that it gets near enough before it stands.
        if !body.follow(self.target, self.reach / 2.0) {
            return self.lost(body);
        }
        self.look(body)
    }

    /// Goes on after a cue.
    pub(super) fn pursue(&mut self, body: &mut Body<'_>, cue: Cue) -> Pursuit {
        match cue {
            Cue::Due(Alarm::Look) => self.look(body),
            Cue::Moved(_) => self.lost(body),
            _ => Pursuit::On,
        }
    }

    fn look(&mut self, body: &mut Body<'_>) -> Pursuit {
        let (Some(here), Some(target)) = (body.at(), body.view(self.target).filter(|view| !view.ghost)) else {
            return self.lost(body);
        };
        let distance = here.distance(target.at);
        let sees = distance <= self.sight && body.sees(target.at);
        if sees && distance <= self.reach {
            body.halt();
            body.silence(Alarm::Look);
            return Pursuit::Caught;
        }
        self.blind = if sees { 0 } else { self.blind + 1 };
        if sees || self.last_seen.is_none() {
            self.last_seen = Some(target.at);
        }
        if self.blind >= BLIND_LOOKS {
            return self.lost(body);
        }
        body.ring(Alarm::Look, LOOK_EVERY);
        Pursuit::On
    }

    fn lost(&mut self, body: &mut Body<'_>) -> Pursuit {
        body.halt();
        body.silence(Alarm::Look);
        Pursuit::Lost(self.last_seen.or(body.at()).unwrap_or_default())
    }

    fn tell(&mut self, body: &mut Body<'_>, pursuit: Pursuit) {
        match pursuit {
            Pursuit::On => {}
            Pursuit::Caught => body.report(Behaved::Caught(self.target)),
            Pursuit::Lost(at) => body.report(Behaved::Lost(self.target, at)),
        }
    }
}

impl Step for Chase {
    fn begin(&mut self, body: &mut Body<'_>) {
        let pursuit = self.run(body);
        self.tell(body, pursuit);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        let pursuit = self.pursue(body, cue);
        self.tell(body, pursuit);
    }
}
