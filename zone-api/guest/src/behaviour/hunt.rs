//! The whole hunt, out of the other behaviours.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chase::Pursuit;
use super::{Alarm, Behaved, Body, Chase, Cue, GoHome, Patrol, Search, Step, Wander};
use crate::handle::EntityId;
use crate::host::Host;
use crate::types::Point;

/// How often it looks while somebody is near whom it does not see.
const LOOK_EVERY: Duration = Duration::from_millis(700);
/// How far from home is not at home any more, m.
const ASTRAY: f32 = 1.0;

/// Notices players who come near and can be seen, chases them, loses them, searches, goes home.
///
/// Costs nothing while no player is near: it notices through a sensor. When nobody has it in sight any more the hunt is over,
/// and it is home the next time it is seen.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::behaviour::{Hunt, Wander};
/// let den = Point::new(10.0, 10.0);
/// let hunt = Hunt::from(den).sight(18.0).pace(5.5).resting(Duration::from_secs(60)).between_hunts(Wander::about(den, 4.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hunt {
    home: Point,
    sight: f32,
    reach: f32,
    pace: f32,
    rest: Duration,
    routine: Routine,
    mood: Mood,
    /// Players within the sensor.
    near: BTreeSet<EntityId>,
    /// Whom it caught last, and until when (game ms) it leaves her alone.
    sated: Option<(EntityId, u64)>,
    /// How far it hears, m.
    #[serde(default)]
    hearing: f32,
}

/// What it does while it hunts nobody.
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::behaviour::{Hunt, Patrol, Routine};
/// /// On some nights it prowls, on others it waits at home.
/// fn hunter(den: Point, prowls: bool) -> Hunt {
///     let routine = if prowls { Patrol::along("prowl").into() } else { Routine::Stand };
///     Hunt::from(den).between_hunts(routine)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Routine {
    /// Stands at home.
    Stand,
    /// Walks its rounds.
    Patrol(Patrol),
    /// Strolls about.
    Wander(Wander),
}

/// How far the hunt is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Mood {
    Calm,
    Chasing(Chase),
    Searching(Search),
    GoingHome(GoHome),
}

impl From<Patrol> for Routine {
    fn from(patrol: Patrol) -> Self {
        Self::Patrol(patrol)
    }
}

impl From<Wander> for Routine {
    fn from(wander: Wander) -> Self {
        Self::Wander(wander)
    }
}

impl Hunt {
    /// A hunter whose home this is: deaf, sees 18 m far, runs 5 m/s, catches within 1.5 m, leaves whom it caught alone for 60 s, and
    /// stands at home meanwhile.
    pub fn from(home: Point) -> Self {
        Self {
            home,
            sight: 18.0,
            reach: 1.5,
            pace: 5.0,
            rest: Duration::from_secs(60),
            routine: Routine::Stand,
            mood: Mood::Calm,
            near: BTreeSet::new(),
            sated: None,
            hearing: 0.0,
        }
    }

    /// Notices players this near, m, at most 66: half as far again is the furthest it sees while it chases.
    #[must_use]
    pub fn sight(mut self, metres: f32) -> Self {
        self.sight = metres;
        self
    }

    /// Hears players speak this far away, m, and goes to see: [`Behaved::Heard`].
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::behaviour::Hunt;
    /// /// Blind, and the better it hears: a whisper is safer than a step.
    /// fn blind(den: Point) -> Hunt {
    ///     Hunt::from(den).sight(2.0).hearing(40.0)
    /// }
    /// ```
    #[must_use]
    pub fn hearing(mut self, metres: f32) -> Self {
        self.hearing = metres;
        self
    }

    /// Has caught a player this near, m.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::behaviour::Hunt;
    /// /// It has long arms.
    /// fn lurker(drain: Point) -> Hunt {
    ///     Hunt::from(drain).reach(3.0).pace(2.0)
    /// }
    /// ```
    #[must_use]
    pub fn reach(mut self, metres: f32) -> Self {
        self.reach = metres;
        self
    }

    /// Runs so fast, m/s.
    #[must_use]
    pub fn pace(mut self, metres_a_second: f32) -> Self {
        self.pace = metres_a_second;
        self
    }

    /// Leaves whom it caught alone for so long.
    #[must_use]
    pub fn resting(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// What it does while it hunts nobody.
    #[must_use]
    pub fn between_hunts(mut self, routine: impl Into<Routine>) -> Self {
        self.routine = routine.into();
        self
    }

    /// Looks for prey. True: it has seen somebody and runs.
    fn notice(&mut self, body: &mut Body<'_>) -> bool {
        if self.near.is_empty() {
            return false;
        }
        let seen = body.players_within(self.sight).into_iter().find(|player| {
            let sated = matches!(self.sated, Some((caught, until)) if caught == *player && body.game_ms < until);
            !sated && body.view(*player).is_some_and(|view| !view.ghost && body.sees(view.at))
        });
        let Some(prey) = seen else {
            return false;
        };
        body.halt();
        body.silence(Alarm::Walk);
        body.silence(Alarm::Look);
        body.report(Behaved::Noticed(prey));
        let mut chase = Chase::after(prey).pace(self.pace).reach(self.reach).sight(self.sight * 1.5);
        let pursuit = chase.run(body);
        self.mood = Mood::Chasing(chase);
        self.follow_up(body, prey, pursuit);
        true
    }

    /// What the chase leads to.
    fn follow_up(&mut self, body: &mut Body<'_>, prey: EntityId, pursuit: Pursuit) {
        match pursuit {
            Pursuit::On => {}
            Pursuit::Caught => {
                body.report(Behaved::Caught(prey));
                self.sated = Some((prey, body.game_ms + self.rest.as_millis() as u64));
                self.go_home(body);
            }
            Pursuit::Lost(at) => {
                body.report(Behaved::Lost(prey, at));
                self.search(body, at);
            }
        }
    }

    fn search(&mut self, body: &mut Body<'_>, at: Point) {
        let mut search = Search::about(at);
        let gave_up = search.set_out(body);
        self.mood = Mood::Searching(search);
        if gave_up {
            self.give_up(body);
        }
    }

    /// Somebody may be there: goes and searches, unless it is after somebody already.
    fn investigate(&mut self, body: &mut Body<'_>, at: Point) {
        if !matches!(self.mood, Mood::Chasing(_)) {
            body.halt();
            body.silence(Alarm::Walk);
            body.silence(Alarm::Look);
            self.search(body, at);
        }
    }

    fn give_up(&mut self, body: &mut Body<'_>) {
        body.report(Behaved::GaveUp);
        self.go_home(body);
    }

    fn go_home(&mut self, body: &mut Body<'_>) {
        let mut home = GoHome::to(self.home);
        let there = home.set_out(body);
        self.mood = Mood::GoingHome(home);
        if there {
            self.calm_down(body);
        } else {
            self.keep_looking(body);
        }
    }

    fn calm_down(&mut self, body: &mut Body<'_>) {
        body.report(Behaved::Home);
        self.mood = Mood::Calm;
        self.begin_routine(body);
        self.keep_looking(body);
    }

    fn begin_routine(&mut self, body: &mut Body<'_>) {
        match &mut self.routine {
            Routine::Stand => {}
            Routine::Patrol(patrol) => patrol.begin(body),
            Routine::Wander(wander) => wander.begin(body),
        }
    }

    /// While somebody is near, it looks again and again; with nobody near, its sensor tells.
    fn keep_looking(&self, body: &mut Body<'_>) {
        if self.near.is_empty() {
            body.silence(Alarm::Look);
        } else {
            body.ring(Alarm::Look, LOOK_EVERY);
        }
    }

    fn sensed(&mut self, subject: EntityId, inside: bool) {
        if inside {
            self.near.insert(subject);
        } else {
            self.near.remove(&subject);
        }
    }
}

impl Step for Hunt {
    fn begin(&mut self, body: &mut Body<'_>) {
        // Whoever is near already is not told by the sensor again.
        let near = body.players_within(self.sight);
        self.near.extend(near.into_iter().filter(|player| body.is_here(*player)));
        if self.notice(body) {
            return;
        }
        let is_astray = body.at().is_some_and(|here| here.distance(self.home) > ASTRAY);
        if self.routine == Routine::Stand && is_astray {
            return self.go_home(body);
        }
        self.begin_routine(body);
        self.keep_looking(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        if let Cue::Sensed { subject, inside } = cue {
            self.sensed(subject, inside);
        }
        let looks = matches!(cue, Cue::Due(Alarm::Look) | Cue::Sensed { inside: true, .. });
        if looks && !matches!(self.mood, Mood::Chasing(_)) && self.notice(body) {
            return;
        }
        match cue {
            Cue::Heard { speaker, at } if body.at().is_some_and(|here| here.distance(at) <= self.hearing) => {
                body.report(Behaved::Heard(speaker, at));
                return self.investigate(body, at);
            }
            Cue::Alerted { at, .. } => return self.investigate(body, at),
            _ => {}
        }
        match &mut self.mood {
            Mood::Calm => {
                match &mut self.routine {
                    Routine::Stand => {}
                    Routine::Patrol(patrol) => patrol.cue(body, cue),
                    Routine::Wander(wander) => wander.cue(body, cue),
                }
                if looks {
                    self.keep_looking(body);
                }
            }
            Mood::Chasing(chase) => {
                let prey = chase.target;
                let pursuit = chase.pursue(body, cue);
                self.follow_up(body, prey, pursuit);
            }
            Mood::Searching(search) => {
                if search.go_on(body, cue) {
                    self.give_up(body);
                }
            }
            Mood::GoingHome(home) => {
                if home.go_on(body, cue) {
                    self.calm_down(body);
                } else if looks {
                    self.keep_looking(body);
                }
            }
        }
    }

    fn sensed_at_rest(&mut self, subject: EntityId, inside: bool) {
        self.sensed(subject, inside);
    }

    fn rest(&mut self, body: &mut Body<'_>) {
        if self.mood != Mood::Calm {
            body.jump(self.home);
            self.mood = Mood::Calm;
        }
    }

    fn give_way(&mut self) {
        self.mood = Mood::Calm;
    }

    fn post(&self, host: &dyn Host) -> Option<Point> {
        match &self.routine {
            Routine::Stand => Some(self.home),
            Routine::Patrol(patrol) => patrol.post(host),
            Routine::Wander(wander) => wander.post(host),
        }
    }

    fn sensor(&self) -> f32 {
        self.sight
    }
}
