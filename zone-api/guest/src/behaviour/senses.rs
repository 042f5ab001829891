//! Seeing and hearing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::body::MOST_SEEN;
use super::{Alarm, Behaved, Behaviour, Body, Cue, Step};
use crate::handle::EntityId;
use crate::host::Host;
use crate::types::{Filter, Point};

/// How often it looks while there may be somebody to see.
const LOOK_EVERY: Duration = Duration::from_millis(700);
/// How many looks without seeing somebody lose her.
const BLIND_LOOKS: u8 = 4;

/// What an NPC sees and hears, and of whom.
///
/// It sees as far as it is told to, with no wall between, and it hears players who speak: as far as the world file lets their words
/// carry, and no further than it is told to. While nobody has the NPC in sight it senses nothing and costs nothing.
///
/// ```
/// use wod_zone::behaviour::Senses;
/// let watch = Senses::of_players().sight(18.0).hearing(40.0);
/// let timid = Senses::of("predator").sight(14.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Senses {
    of: Whom,
    sight: f32,
    hearing: f32,
    /// Players within the sensor.
    near: BTreeSet<EntityId>,
    /// Whom it has in sight, at most [`MOST_SEEN`].
    seen: BTreeMap<EntityId, Glimpse>,
}

/// Whom it looks out for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Whom {
    /// Players; a sensor tells when there is reason to look.
    Players,
    /// Whoever bears this tag. Sensors feel players alone, so it looks again and again.
    Tagged(String),
}

/// Somebody it has in sight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Glimpse {
    at: Point,
    /// Looks since.
    blind: u8,
}

/// What has been perceived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Percept {
    /// Came into sight.
    Saw(EntityId),
    /// Has been out of sight for a while; was last seen there.
    LostSight(EntityId, Point),
    /// Spoke there.
    Heard(EntityId, Point),
}

impl Senses {
    /// Of players: sees 15 m far, hears 30 m far.
    pub fn of_players() -> Self {
        Self { of: Whom::Players, sight: 15.0, hearing: 30.0, near: BTreeSet::new(), seen: BTreeMap::new() }
    }

    /// Of those who bear this tag, whatever they are, 15 m far; hears players 30 m far.
    pub fn of(tag: &str) -> Self {
        Self { of: Whom::Tagged(tag.to_owned()), ..Self::of_players() }
    }

    /// Sees so far, m; of players at most 100.
    #[must_use]
    pub fn sight(mut self, metres: f32) -> Self {
        self.sight = metres;
        self
    }

    /// Hears so far, m; 0: it is deaf.
    #[must_use]
    pub fn hearing(mut self, metres: f32) -> Self {
        self.hearing = metres;
        self
    }

    /// Whom it has in sight.
    ///
    /// ```
    /// use wod_zone::behaviour::Behaviour;
    /// use wod_zone::{Ctx, Npc, Zone};
    /// /// How many the guard would be up against.
    /// fn sees_how_many<Z: Zone>(ctx: &Ctx<Z>, guard: Npc) -> usize {
    ///     match ctx.behaviour(guard) {
    ///         Some(Behaviour::Watchful(watchful)) => watchful.senses().in_sight().count(),
    ///         _ => 0,
    ///     }
    /// }
    /// ```
    pub fn in_sight(&self) -> impl Iterator<Item = EntityId> + '_ {
        self.seen.keys().copied()
    }

    /// How far its sensor reaches, m.
    pub(super) fn sensor(&self) -> f32 {
        if self.of == Whom::Players { self.sight } else { 0.0 }
    }

    /// How far it sees, m.
    pub(super) fn reach(&self) -> f32 {
        self.sight
    }

    /// Opens its eyes.
    pub(super) fn wake(&mut self, body: &mut Body<'_>) -> Vec<Percept> {
        if self.of == Whom::Players {
            // Whoever is near already is not told by the sensor again.
            let near = body.players_within(self.sight);
            self.near.extend(near.into_iter().filter(|player| body.is_here(*player)));
        }
        self.look(body)
    }

    /// Closes them, and forgets whom it saw: to be seen anew.
    pub(super) fn sleep(&mut self) {
        self.seen.clear();
    }

    /// Keeps count of who is near.
    pub(super) fn feel(&mut self, subject: EntityId, inside: bool) {
        if inside {
            self.near.insert(subject);
        } else {
            self.near.remove(&subject);
        }
    }

    /// What a cue lets it perceive.
    pub(super) fn cue(&mut self, body: &mut Body<'_>, cue: Cue) -> Vec<Percept> {
        match cue {
            Cue::Sensed { subject, inside } => {
                self.feel(subject, inside);
                if inside { self.look(body) } else { Vec::new() }
            }
            Cue::Due(Alarm::Sense) => self.look(body),
            Cue::Heard { speaker, at } if body.at().is_some_and(|here| here.distance(at) <= self.hearing) => {
                vec![Percept::Heard(speaker, at)]
            }
            _ => Vec::new(),
        }
    }

    fn look(&mut self, body: &mut Body<'_>) -> Vec<Percept> {
        let whom = match &self.of {
            Whom::Players => Filter::players(),
            Whom::Tagged(tag) => Filter::default().tagged(tag).except(body.npc),
        };
        let mut percepts = Vec::new();
        for glimpse in self.seen.values_mut() {
            glimpse.blind += 1;
        }
        for row in body.within(self.sight, &whom) {
            if !body.sees(row.at) {
                continue;
            }
            let seen = Glimpse { at: row.at, blind: 0 };
            let count = self.seen.len();
            match self.seen.entry(row.id) {
                Entry::Occupied(mut known) => *known.get_mut() = seen,
                // Somebody beyond the border is none to go after, or to run from.
                Entry::Vacant(new) if count < MOST_SEEN as usize && body.is_here(row.id) => {
                    new.insert(seen);
                    percepts.push(Percept::Saw(row.id));
                }
                Entry::Vacant(_) => {}
            }
        }
        self.seen.retain(|who, glimpse| {
            let lost = glimpse.blind >= BLIND_LOOKS;
            if lost {
                percepts.push(Percept::LostSight(*who, glimpse.at));
            }
            !lost
        });
        // With nobody to see, the sensor tells when there is.
        let looks_on = matches!(self.of, Whom::Tagged(_)) || !self.near.is_empty() || !self.seen.is_empty();
        if looks_on {
            body.ring(Alarm::Sense, LOOK_EVERY);
        } else {
            body.silence(Alarm::Sense);
        }
        percepts
    }
}

/// Reports what it sees and hears, and does something else meanwhile.
///
/// [`Behaved::Noticed`] when it sees somebody, [`Behaved::Lost`] when it does not any more, [`Behaved::Heard`] when somebody speaks.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::behaviour::{Patrol, Senses, Watchful};
/// let guard = Watchful::with(Senses::of_players().sight(12.0)).during(Patrol::along("rounds"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watchful {
    senses: Senses,
    routine: Box<Behaviour>,
}

impl Watchful {
    /// With these senses; stands where it is meanwhile.
    pub fn with(senses: Senses) -> Self {
        Self { senses, routine: Box::new(super::Stand::here().into()) }
    }

    /// What it does meanwhile.
    #[must_use]
    pub fn during(mut self, routine: impl Into<Behaviour>) -> Self {
        self.routine = Box::new(routine.into());
        self
    }

    /// What it senses with.
    ///
    /// ```
    /// use wod_zone::behaviour::{Senses, Watchful};
    /// let guard = Watchful::with(Senses::of_players().sight(12.0));
    /// assert_eq!(guard.senses().in_sight().count(), 0);
    /// ```
    pub fn senses(&self) -> &Senses {
        &self.senses
    }
}

fn tell(body: &mut Body<'_>, percepts: Vec<Percept>) {
    for percept in percepts {
        body.report(match percept {
            Percept::Saw(who) => Behaved::Noticed(who),
            Percept::LostSight(who, at) => Behaved::Lost(who, at),
            Percept::Heard(who, at) => Behaved::Heard(who, at),
        });
    }
}

impl Step for Watchful {
    fn begin(&mut self, body: &mut Body<'_>) {
        let percepts = self.senses.wake(body);
        tell(body, percepts);
        self.routine.step_mut().begin(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        let percepts = self.senses.cue(body, cue);
        tell(body, percepts);
        if cue != Cue::Due(Alarm::Sense) {
            self.routine.step_mut().cue(body, cue);
        }
    }

    fn sensed_at_rest(&mut self, subject: EntityId, inside: bool) {
        self.senses.feel(subject, inside);
        self.routine.step_mut().sensed_at_rest(subject, inside);
    }

    fn rest(&mut self, body: &mut Body<'_>) {
        self.senses.sleep();
        self.routine.step_mut().rest(body);
    }

    fn give_way(&mut self) {
        self.senses.sleep();
        self.routine.step_mut().give_way();
    }

    fn hour(&mut self, body: &mut Body<'_>) {
        self.routine.step_mut().hour(body);
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
