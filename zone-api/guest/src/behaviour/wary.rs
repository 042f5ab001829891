//! All of the hunted, out of the other behaviours.

use serde::{Deserialize, Serialize};

use super::senses::Percept;
use super::{Alarm, Behaved, Behaviour, Body, Cue, Flee, Senses, Stand, Step};
use crate::handle::EntityId;
use crate::host::Host;
use crate::types::Point;

/// Sees those it fears, flees from them, and goes back to what it did.
///
/// [`Behaved::Noticed`] when it sees one and runs, [`Behaved::Safe`] when it has got away, [`Behaved::Heard`] when a player speaks.
/// [`Ctx::alert`](crate::Ctx::alert) makes it run too. When nobody has it in sight any more it is over its fright, and back where it
/// belongs.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::behaviour::{Senses, Wander, Wary};
/// let market = Point::new(30.0, 12.0);
/// let shopper = Wary::with(Senses::of("predator").sight(14.0)).hiding_at("doorway").pace(4.0).during(Wander::about(market, 8.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wary {
    senses: Senses,
    /// The flight that begins when there is reason to; whom it is from counts not.
    way_out: Flee,
    routine: Box<Behaviour>,
    /// None: it is calm.
    fleeing: Option<Flee>,
}

impl Wary {
    /// Of those whom these senses see: runs at 4.5 m/s until 25 m away or out of sight for a while; stands where it is otherwise.
    pub fn with(senses: Senses) -> Self {
        let (way_out, routine) = (Flee::from(EntityId(0)), Box::new(Stand::here().into()));
        Self { senses, way_out, routine, fleeing: None }
    }

    /// Runs to the map's places of this name: see [`Flee::to`].
    #[must_use]
    pub fn hiding_at(mut self, places: &str) -> Self {
        self.way_out = self.way_out.to(places);
        self
    }

    /// Runs so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.way_out = self.way_out.pace(metres_a_second);
        self
    }

    /// Feels safe so far away, m.
    ///
    /// ```
    /// use wod_zone::behaviour::{Senses, Wary};
    /// /// Two streets are not enough.
    /// fn haunted() -> Wary {
    ///     Wary::with(Senses::of("predator")).until(60.0)
    /// }
    /// ```
    #[must_use]
    pub fn until(mut self, metres: f32) -> Self {
        self.way_out = self.way_out.until(metres);
        self
    }

    /// What it does when it is calm.
    #[must_use]
    pub fn during(mut self, routine: impl Into<Behaviour>) -> Self {
        self.routine = Box::new(routine.into());
        self
    }

    /// From whom it is running; none: it is calm.
    ///
    /// ```
    /// use wod_zone::behaviour::{Behaviour, Senses, Wary};
    /// use wod_zone::{Ctx, Npc, Zone};
    /// /// Who runs sells nothing.
    /// fn is_open_for_business<Z: Zone>(ctx: &Ctx<Z>, hawker: Npc) -> bool {
    ///     !matches!(ctx.behaviour(hawker), Some(Behaviour::Wary(wary)) if wary.flees_from().is_some())
    /// }
    /// assert_eq!(Wary::with(Senses::of_players()).flees_from(), None);
    /// ```
    pub fn flees_from(&self) -> Option<EntityId> {
        self.fleeing.as_ref().map(Flee::threat)
    }

    /// Reports what it has perceived, and runs when there is reason to. True: it runs now.
    fn react(&mut self, body: &mut Body<'_>, percepts: Vec<Percept>) -> bool {
        let mut runs = false;
        for percept in percepts {
            match percept {
                Percept::Saw(who) => {
                    body.report(Behaved::Noticed(who));
                    runs |= self.flee(body, who);
                }
                Percept::Heard(who, at) => body.report(Behaved::Heard(who, at)),
                // That it has got away is told when it feels safe.
                Percept::LostSight(..) => {}
            }
        }
        runs
    }

    /// Runs, unless it does already, or that one is gone or too far away to bother. True: it has set out.
    fn flee(&mut self, body: &mut Body<'_>, threat: EntityId) -> bool {
        let mut flight = self.way_out.anew_from(threat, self.senses.reach());
        if self.fleeing.is_some() || !flight.is_called_for(body) {
            return false;
        }
        body.interrupt(&mut self.routine);
        let is_safe = flight.set_out(body);
        self.fleeing = Some(flight);
        if is_safe {
            self.calm_down(body);
        }
        true
    }

    fn calm_down(&mut self, body: &mut Body<'_>) {
        self.fleeing = None;
        // Whoever still stands there is to be seen, and feared, anew.
        self.senses.sleep();
        body.report(Behaved::Safe);
        self.routine.step_mut().begin(body);
    }
}

impl Step for Wary {
    fn begin(&mut self, body: &mut Body<'_>) {
        let percepts = self.senses.wake(body);
        if !self.react(body, percepts) {
            self.routine.step_mut().begin(body);
        }
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        let percepts = self.senses.cue(body, cue);
        let was_calm = self.fleeing.is_none();
        let has_set_out = self.react(body, percepts);
        match cue {
            Cue::Due(Alarm::Sense) => {}
            Cue::Alerted { who, .. } => {
                self.flee(body, who);
            }
            Cue::Sensed { subject, inside } if has_set_out || !was_calm => {
                self.routine.step_mut().sensed_at_rest(subject, inside);
            }
            // What set it off is no part of the flight.
            _ if has_set_out => {}
            _ => match &mut self.fleeing {
                Some(flight) => {
                    if flight.go_on(body, cue) {
                        self.calm_down(body);
                    }
                }
                None => self.routine.step_mut().cue(body, cue),
            },
        }
    }

    fn sensed_at_rest(&mut self, subject: EntityId, inside: bool) {
        self.senses.feel(subject, inside);
        self.routine.step_mut().sensed_at_rest(subject, inside);
    }

    fn rest(&mut self, body: &mut Body<'_>) {
        self.senses.sleep();
        self.routine.step_mut().rest(body);
        if self.fleeing.take().is_some() {
            body.put_at_post(&self.routine);
        }
    }

    fn give_way(&mut self) {
        self.fleeing = None;
        self.senses.sleep();
        self.routine.step_mut().give_way();
    }

    fn hour(&mut self, body: &mut Body<'_>) {
        // In flight it has other cares; what the hour demands is asked again when the routine begins.
        if self.fleeing.is_none() {
            self.routine.step_mut().hour(body);
        }
    }

    fn next_hour(&self, game_ms: u64) -> Option<u64> {
        self.routine.step().next_hour(game_ms)
    }

    fn post(&self, host: &dyn Host) -> Option<Point> {
        self.routine.step().post(host)
    }

    fn sensor(&self) -> f32 {
        self.senses.sensor().max(self.routine.step().sensor())
    }

    fn alarm(&self) -> Option<Alarm> {
        Some(Alarm::Sense)
    }

    fn parts(&self) -> Vec<&Behaviour> {
        vec![&*self.routine]
    }
}
