//! Keeping up with somebody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Body, Cue, Step};
use crate::handle::EntityId;
use crate::types::MoveEnd;

/// How long until it tries again where no way leads.
const RETRY: Duration = Duration::from_secs(2);

/// Walks with somebody, a little behind.
///
/// Ends with [`Behaved::Lost`] when that one is gone, over a border too; then give the NPC something else to do.
///
/// ```
/// use wod_zone::EntityId;
/// use wod_zone::behaviour::Follow;
/// let dog = Follow::of(EntityId(42)).distance(1.5).pace(5.5);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    target: EntityId,
    distance: f32,
    pace: f32,
}

impl Follow {
    /// Of this one, 2 m behind, at 6 m/s when it has to: as fast as people are.
    pub fn of(target: impl Into<EntityId>) -> Self {
        Self { target: target.into(), distance: 2.0, pace: 6.0 }
    }

    /// Stays so far behind, m, at most 100.
    #[must_use]
    pub fn distance(mut self, metres: f32) -> Self {
        self.distance = metres;
        self
    }

    /// Goes so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    /// Whom it follows.
    ///
    /// ```
    /// use wod_zone::behaviour::{Behaviour, Follow};
    /// use wod_zone::{Ctx, EntityId, Npc, Zone};
    /// /// Whose bodyguard he is just now.
    /// fn client<Z: Zone>(ctx: &Ctx<Z>, bodyguard: Npc) -> Option<EntityId> {
    ///     match ctx.behaviour(bodyguard) {
    ///         Some(Behaviour::Follow(follow)) => Some(follow.target()),
    ///         _ => None,
    ///     }
    /// }
    /// assert_eq!(Follow::of(EntityId(42)).target(), EntityId(42));
    /// ```
    pub fn target(&self) -> EntityId {
        self.target
    }

    fn set_out(&self, body: &mut Body<'_>) {
        if !body.is_here(self.target) || !body.follow(self.target, self.distance) {
            self.lost(body);
        }
    }

    fn lost(&self, body: &mut Body<'_>) {
        // Of one who is gone altogether nothing is known but that she was not far.
        let at = body.view(self.target).map(|view| view.at).or(body.at());
        body.report(Behaved::Lost(self.target, at.unwrap_or_default()));
    }
}

impl Step for Follow {
    fn begin(&mut self, body: &mut Body<'_>) {
        body.pace(self.pace);
        self.set_out(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        match cue {
            Cue::Moved(MoveEnd::TargetLost) => self.lost(body),
            Cue::Moved(_) => {
                body.report(Behaved::Stuck);
                body.ring(Alarm::Walk, RETRY);
            }
            Cue::Due(Alarm::Walk) => self.set_out(body),
            _ => {}
        }
    }
}
