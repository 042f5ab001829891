//! Doing what is needed most.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Behaved, Behaviour, Body, Cue, Step};
use crate::handle::EntityId;
use crate::host::Host;
use crate::types::{MoveEnd, Point};

/// How near to where a need is met it is there already, m.
const THERE: f32 = 2.0;
/// Shortest time between two decisions.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest time between two decisions, s: beyond it the alarm is set anew.
const LONGEST: f32 = 86_400.0;
/// Most changes of mind that are caught up with after nobody has looked for a while; what is beyond is left out.
const CAUGHT_UP: usize = 64;
/// Unseen for longer than this, s, it is found where it would be by then.
const LONG_UNSEEN: f32 = 10.0;

/// Something that an NPC needs, and what it does about it.
///
/// It grows from nothing to its full with time, and falls again while it is met: from when the NPC has come to where that is done.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::behaviour::{Need, Stand};
/// let thirst = Need::of("thirst", Stand::at(Point::new(4.0, 2.0))).full_in(Duration::from_secs(300)).met_in(Duration::from_secs(20));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Need {
    name: String,
    behaviour: Behaviour,
    /// 0 to 1.
    level: f32,
    /// Growth and fall, a second.
    growth: f32,
    fall: f32,
}

impl Need {
    /// Grows to its full in 10 min and is met in 1 min; nothing is needed yet.
    pub fn of(name: &str, behaviour: impl Into<Behaviour>) -> Self {
        Self { name: name.to_owned(), behaviour: behaviour.into(), level: 0.0, growth: 1.0 / 600.0, fall: 1.0 / 60.0 }
    }

    /// Grows from nothing to its full in so long.
    #[must_use]
    pub fn full_in(mut self, time: Duration) -> Self {
        self.growth = 1.0 / time.max(SHORTEST).as_secs_f32();
        self
    }

    /// Falls from its full to nothing in so long, once it is met.
    #[must_use]
    pub fn met_in(mut self, time: Duration) -> Self {
        self.fall = 1.0 / time.max(SHORTEST).as_secs_f32();
        self
    }

    /// Begins so pressing, 0 to 1.
    #[must_use]
    pub fn at(mut self, level: f32) -> Self {
        self.level = level.clamp(0.0, 1.0);
        self
    }
}

/// Does what it needs most, until that need is met, or another has become clearly more pressing than this one was when it began.
///
/// Reports [`Behaved::Turned`] when it turns to another need; [`Needs::pressing`] names it. Nothing is counted from tick to tick: how
/// pressing each is follows from the time, and an alarm rings when another takes the lead. Unseen, life goes on: it is found at what
/// it would be doing by then.
///
/// ```
/// # use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::behaviour::{Need, Needs, Stand, Wander};
/// let (bar, floor) = (Point::new(4.0, 2.0), Point::new(12.0, 8.0));
/// let guest = Needs::of(Need::of("company", Wander::about(floor, 5.0)).at(0.5))
///     .and(Need::of("thirst", Stand::at(bar)).full_in(Duration::from_secs(300)).met_in(Duration::from_secs(20)))
///     .margin(0.2);
/// assert_eq!(guest.pressing(), "company");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    needs: Vec<Need>,
    margin: f32,
    /// Which it sees to.
    current: usize,
    /// How pressing that was when it began with it: it finishes what it has begun.
    pull: f32,
    /// Whether it has come to where that is done.
    there: bool,
    /// When the levels were as they stand, game ms; none: it has not begun.
    as_of: Option<u64>,
    /// Nobody has it in sight.
    rests: bool,
}

impl Needs {
    /// This one, and those added with [`Needs::and`].
    pub fn of(need: Need) -> Self {
        Self { needs: vec![need], margin: 0.1, current: 0, pull: 0.0, there: false, as_of: None, rests: false }
    }

    /// And this one. Of two that are equally pressing, the one given first wins.
    #[must_use]
    pub fn and(mut self, need: Need) -> Self {
        self.needs.push(need);
        self.turn_to(self.most_pressing());
        self
    }

    /// Turns to another only when that is more pressing by so much, 0.01 to 0.9; otherwise 0.1. Also what is needed less than this is
    /// not worth a step.
    #[must_use]
    pub fn margin(mut self, margin: f32) -> Self {
        self.margin = margin.clamp(0.01, 0.9);
        self
    }

    /// The need that it sees to.
    pub fn pressing(&self) -> &str {
        &self.needs[self.current].name
    }

    /// How pressing a need is at this game time ([`Ctx::game_ms`](crate::Ctx::game_ms)), 0 to 1; 0 for one it does not have.
    ///
    /// ```
    /// use wod_zone::behaviour::{Need, Needs, Stand};
    /// let guest = Needs::of(Need::of("thirst", Stand::here()).at(0.75));
    /// assert_eq!((guest.level("thirst", 0), guest.level("sleep", 0)), (0.75, 0.0));
    /// ```
    pub fn level(&self, name: &str, game_ms: u64) -> f32 {
        let seconds = self.seconds_since(game_ms);
        let found = (0..self.needs.len()).find(|index| self.needs[*index].name == name);
        found.map_or(0.0, |index| self.level_in(index, seconds))
    }

    fn seconds_since(&self, game_ms: u64) -> f32 {
        self.as_of.map_or(0.0, |as_of| game_ms.saturating_sub(as_of) as f32 / 1000.0)
    }

    /// How pressing a need is so many seconds later, if it sees to the current one meanwhile.
    fn level_in(&self, index: usize, seconds: f32) -> f32 {
        (self.needs[index].level + self.slope(index) * seconds).clamp(0.0, 1.0)
    }

    /// How fast a need grows now, a second; under 0: it falls.
    fn slope(&self, index: usize) -> f32 {
        if index == self.current && self.there { -self.needs[index].fall } else { self.needs[index].growth }
    }

    /// Time goes by.
    fn pass(&mut self, seconds: f32) {
        for index in 0..self.needs.len() {
            self.needs[index].level = self.level_in(index, seconds);
        }
    }

    fn most_pressing(&self) -> usize {
        let mut most = 0;
        for (index, need) in self.needs.iter().enumerate() {
            if need.level > self.needs[most].level {
                most = index;
            }
        }
        most
    }

    /// How strongly it is bound to what it does: as when it began, until the need is met.
    fn hold(&self) -> f32 {
        match self.needs[self.current].level {
            level if level > 0.0 => level.max(self.pull),
            _ => 0.0,
        }
    }

    /// Which need takes over now; none: it goes on with the current one.
    fn successor(&self) -> Option<usize> {
        let most = self.most_pressing();
        let leads = self.needs[most].level >= self.hold() + self.margin;
        (most != self.current && leads).then_some(most)
    }

    /// Seconds until a need may take over; none: not before something else happens. Never too late, perhaps too early.
    fn until_successor(&self) -> Option<f32> {
        let others = self.needs.iter().enumerate().filter(|(index, _)| *index != self.current);
        let turns = others.map(|(_, need)| if self.there { self.turn_at(need) } else { self.turn_on_the_way(need) });
        turns.filter(|seconds| seconds.is_finite()).map(|seconds| seconds.max(0.0)).min_by(f32::total_cmp)
    }

    /// When, in seconds, this need takes over from the current one while that is met.
    fn turn_at(&self, need: &Need) -> f32 {
        let current = &self.needs[self.current];
        let met = current.level / current.fall;
        let overtakes = (self.hold() + self.margin - need.level) / need.growth;
        if overtakes <= met { overtakes } else { met.max((self.margin - need.level) / need.growth) }
    }

    /// When, in seconds, this need takes over from the current one while both grow; not finite: never.
    fn turn_on_the_way(&self, need: &Need) -> f32 {
        let closing = need.growth - self.needs[self.current].growth;
        if closing > 0.0 { (self.hold() + self.margin - need.level) / closing } else { f32::INFINITY }
    }

    /// What happened while nobody looked: it went from need to need, and was wherever it had to be at once.
    fn catch_up(&mut self, mut seconds: f32) {
        self.there = true;
        for _ in 0..CAUGHT_UP {
            let turn = self.until_successor().map_or(seconds, |turn| turn.max(SHORTEST.as_secs_f32()));
            self.pass(turn.min(seconds));
            if let Some(next) = self.successor() {
                self.turn_to(next);
            }
            seconds -= turn;
            if seconds <= 0.0 {
                return;
            }
        }
    }

    fn turn_to(&mut self, need: usize) {
        self.current = need;
        self.pull = self.needs[need].level;
    }

    fn part(&mut self) -> &mut Behaviour {
        &mut self.needs[self.current].behaviour
    }

    /// Begins with the current need.
    fn set_to(&mut self, body: &mut Body<'_>) {
        let post = self.needs[self.current].behaviour.step().post(&*body.host);
        self.there = match (post, body.at()) {
            (Some(post), Some(here)) => here.distance(post) <= THERE,
            _ => true,
        };
        self.part().step_mut().begin(body);
        self.wait(body);
    }

    /// Brings the levels up to now.
    fn update(&mut self, game_ms: u64) {
        self.pass(self.seconds_since(game_ms));
        self.as_of = Some(game_ms);
    }

    /// Turns to another need if one has taken the lead.
    fn decide(&mut self, body: &mut Body<'_>) {
        self.update(body.game_ms);
        let Some(next) = self.successor() else {
            return self.wait(body);
        };
        body.interrupt(self.part());
        self.turn_to(next);
        body.report(Behaved::Turned(next));
        self.set_to(body);
    }

    /// Sets the alarm for when a need may take the lead.
    fn wait(&self, body: &mut Body<'_>) {
        match self.until_successor() {
            Some(seconds) => {
                let wait = Duration::from_secs_f32(seconds.min(LONGEST));
                body.ring(Alarm::Need, wait.max(SHORTEST));
            }
            None => body.silence(Alarm::Need),
        }
    }
}

impl Step for Needs {
    fn begin(&mut self, body: &mut Body<'_>) {
        let (before, unseen) = (self.current, self.seconds_since(body.game_ms));
        if self.as_of.is_some() {
            self.catch_up(unseen);
        }
        self.as_of = Some(body.game_ms);
        if self.current != before {
            self.needs[before].behaviour.step_mut().give_way();
            body.report(Behaved::Turned(self.current));
        }
        if std::mem::take(&mut self.rests) && unseen > LONG_UNSEEN {
            body.put_at_post(&self.needs[self.current].behaviour);
            self.there = true;
            self.part().step_mut().begin(body);
            return self.wait(body);
        }
        self.set_to(body);
    }

    fn cue(&mut self, body: &mut Body<'_>, cue: Cue) {
        if cue == Cue::Due(Alarm::Need) {
            return self.decide(body);
        }
        if let Cue::Sensed { subject, inside } = cue {
            let current = self.current;
            for (_, need) in self.needs.iter_mut().enumerate().filter(|(index, _)| *index != current) {
                need.behaviour.step_mut().sensed_at_rest(subject, inside);
            }
        }
        self.part().step_mut().cue(body, cue);
        if !self.there && cue == Cue::Moved(MoveEnd::Arrived) {
            // From now on it is met.
            self.update(body.game_ms);
            self.turn_to(self.current);
            self.there = true;
            self.wait(body);
        }
    }

    fn sensed_at_rest(&mut self, subject: EntityId, inside: bool) {
        for need in &mut self.needs {
            need.behaviour.step_mut().sensed_at_rest(subject, inside);
        }
    }

    fn rest(&mut self, body: &mut Body<'_>) {
        self.update(body.game_ms);
        self.rests = true;
        self.part().step_mut().rest(body);
    }

    fn give_way(&mut self) {
        self.part().step_mut().give_way();
    }

    fn hour(&mut self, body: &mut Body<'_>) {
        self.part().step_mut().hour(body);
    }

    fn next_hour(&self, game_ms: u64) -> Option<u64> {
        self.needs.iter().filter_map(|need| need.behaviour.step().next_hour(game_ms)).min()
    }

    fn post(&self, host: &dyn Host) -> Option<Point> {
        self.needs[self.current].behaviour.step().post(host)
    }

    fn sensor(&self) -> f32 {
        self.needs.iter().map(|need| need.behaviour.step().sensor()).fold(0.0, f32::max)
    }

    fn alarm(&self) -> Option<Alarm> {
        Some(Alarm::Need)
    }

    fn parts(&self) -> Vec<&Behaviour> {
        self.needs.iter().map(|need| &need.behaviour).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stand;
    use super::*;

    fn guest() -> Needs {
        let second = Duration::from_secs;
        Needs::of(Need::of("company", Stand::here()).full_in(second(100)).met_in(second(100)).at(0.5))
            .and(Need::of("thirst", Stand::here()).full_in(second(50)).met_in(second(10)).at(0.1))
    }

    /// Lets time pass as the alarm would, and says what it does when.
    fn days_of(mut needs: Needs, seconds: f32) -> Vec<(u32, String)> {
        let (mut now, mut turns) = (0.0, Vec::new());
        needs.there = true;
        while now < seconds {
            let wait = needs.until_successor().expect("every need grows").max(1.0);
            needs.pass(wait);
            now += wait;
            if let Some(next) = needs.successor() {
                needs.turn_to(next);
                turns.push((now as u32, needs.pressing().to_owned()));
            }
        }
        turns
    }

    #[test]
    fn it_turns_to_the_more_pressing_need_and_not_back_at_once() {
        let turns = days_of(guest(), 120.0);
        let told: Vec<&str> = turns.iter().map(|(_, name)| name.as_str()).collect();
        assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{turns:?}");
        assert!(told.len() >= 4 && told[0] == "thirst", "{turns:?}");
        // 0.5 + 0.1 = 0.1 + t / 50
        assert!((25..=26).contains(&turns[0].0), "{turns:?}");
        assert!(turns.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 3), "it finishes what it has begun: {turns:?}");
    }

    #[test]
    fn until_it_is_there_nothing_is_met() {
        let mut needs = guest();
        needs.pass(10.0);
        assert!((needs.needs[0].level - 0.6).abs() < 1e-5);
        needs.there = true;
        needs.pass(10.0);
        assert!((needs.needs[0].level - 0.5).abs() < 1e-5);
    }

    #[test]
    fn what_nobody_saw_is_caught_up_with_and_ends() {
        let mut watched = guest();
        watched.catch_up(27.0);
        assert_eq!(watched.pressing(), "thirst");
        let mut forgotten = guest();
        forgotten.catch_up(1e9);
        assert!(forgotten.needs.iter().all(|need| (0.0..=1.0).contains(&need.level)));
    }

    #[test]
    fn levels_stay_between_nothing_and_full() {
        let mut needs = guest();
        needs.pass(1e6);
        assert!(needs.needs.iter().all(|need| need.level == 1.0));
        assert_eq!(needs.successor(), None, "of equals the current one goes on");
    }

    #[test]
    fn a_single_need_is_never_left() {
        let needs = Needs::of(Need::of("rest", Stand::here()));
        assert_eq!((needs.until_successor(), needs.successor()), (None, None));
    }
}
