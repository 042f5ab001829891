//! What a player does while she is in the world: walks, crosses borders, talks, gives coins, leaves and comes back.

use std::time::Duration;

use rand::RngExt as _;
use rand::seq::IteratorRandom as _;
use rand_chacha::ChaCha8Rng;
use wod_protocol::client::{ChatMode, ClientMsg, Kind};
use wod_protocol::ids::EntityId;

use super::{Player, Stage};
use crate::market::{Args, GIVE, PUT, REACH, TAKE, TRAVEL};
use crate::world::{ZONES, zones_of};

/// Between two claims of a position.
const MOVE_EVERY: Duration = Duration::from_millis(100);
/// The same while she stands.
const STAND_EVERY: Duration = Duration::from_millis(500);
/// Of her speed, so that a claim that comes early is not too fast.
const PACE: f64 = 0.9;
/// She says goodbye when nothing was new for so long.
const LAST_NEWS: Duration = Duration::from_secs(2);
/// Commands she lets stand open.
const OPEN: usize = 8;

/// What she is about to do.
pub(super) struct Mood {
    goal: Option<(f64, f64)>,
    next_move: Duration,
    next_word: Duration,
    leaving: bool,
    /// Others she has heard of.
    friends: Vec<String>,
}

impl Mood {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        let next_word = Duration::from_millis(rng.random_range(0..2000));
        Self { goal: None, next_move: Duration::ZERO, next_word, leaving: false, friends: Vec::new() }
    }

    /// In a zone, perhaps another one.
    pub(super) fn arrived(&mut self) {
        self.goal = None;
    }
}

impl Player {
    /// Whom she may whisper to.
    pub(crate) fn set_friends(&mut self, friends: Vec<String>) {
        self.mood.friends = friends;
    }

    pub(super) fn behave(&mut self, now: Duration) {
        if self.orders.quiet {
            self.mood.leaving = false;
            return self.stand(now);
        }
        if self.mood.leaving {
            return self.leave(now);
        }
        if now >= self.mood.next_move {
            self.mood.next_move = now + MOVE_EVERY;
            self.walk(now);
        }
        if now >= self.mood.next_word {
            self.mood.next_word = now + Duration::from_millis(self.rng.random_range(200..1500));
            self.say_something(now);
        }
        // About once in half a minute each.
        if self.rng.random_bool(0.0003) {
            self.mood.leaving = true;
        } else if self.rng.random_bool(0.0003) {
            self.break_link(now, None);
        }
    }

    /// Leaves when everything is acked and nothing new has come for a while.
    fn leave(&mut self, now: Duration) {
        let Some(session) = &mut self.session else { return };
        if !session.unacked.is_empty() || now < session.news + LAST_NEWS || session.said_bye {
            return;
        }
        session.said_bye = true;
        self.mood.leaving = false;
        self.send(now, &ClientMsg::Bye {});
    }

    /// Says again where she is, in case that got lost.
    fn stand(&mut self, now: Duration) {
        if let Some(sight) = &self.sight
            && now >= self.mood.next_move
            && sight.complete
        {
            self.mood.next_move = now + STAND_EVERY;
            self.claim(now, sight.at);
        }
    }

    fn walk(&mut self, now: Duration) {
        let Some(sight) = &self.sight else { return };
        if sight.paused || !sight.complete {
            return;
        }
        let at = sight.at;
        let goal = match self.mood.goal {
            Some(goal) => goal,
            None => {
                let [x0, y0, x1, y1] = match self.rng.random_range(0..3) {
                    0 => {
                        let zones = zones_of(&self.world, &sight.zone.region);
                        zones.into_iter().choose(&mut self.rng).unwrap_or(sight.zone.bounds)
                    }
                    // To the box, where there is something to do and somebody to meet.
                    _ => {
                        let [x0, y0, x1, y1] = sight.zone.bounds;
                        let (x, y) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
                        [x - 5.0, y - 5.0, x + 5.0, y + 5.0]
                    }
                };
                (self.rng.random_range(x0..x1), self.rng.random_range(y0..y1))
            }
        };
        let (dx, dy) = (goal.0 - at.0, goal.1 - at.1);
        let far = dx.hypot(dy);
        let step = sight.zone.speed * MOVE_EVERY.as_secs_f64() * PACE;
        self.mood.goal = (far > step).then_some(goal);
        let share = if far <= step { 1.0 } else { step / far };
        self.claim(now, (at.0 + dx * share, at.1 + dy * share));
    }

    fn claim(&mut self, now: Duration, to: (f64, f64)) {
        let (Some(session), Some(sight)) = (&mut self.session, &mut self.sight) else { return };
        session.m = session.m.next();
        sight.at = to;
        let message = ClientMsg::Move { m: session.m, c: sight.c, x: to.0, y: to.1, h: None };
        self.send(now, &message);
    }

    fn say_something(&mut self, now: Duration) {
        let (Some(session), Some(sight)) = (&mut self.session, &self.sight) else { return };
        if session.unacked.len() >= OPEN || session.said_bye || !matches!(self.stage, Stage::In { .. }) {
            return;
        }
        let seq = session.seq.next();
        let near = |kind: Kind| {
            let (x, y) = sight.at;
            let ids = sight.roster.values().filter(move |entry| entry.kind == kind);
            ids.filter(move |entry| (entry.x - x).hypot(entry.y - y) < REACH - 2.0).map(|entry| entry.id)
        };
        let message = match self.rng.random_range(0..12) {
            0..=2 => {
                let text = self.talk.say(seq, &self.name, None, now);
                ClientMsg::Chat { seq, mode: ChatMode::Say, text, to: None }
            }
            3 | 4 => {
                let Some(friend) = self.mood.friends.iter().choose(&mut self.rng) else { return };
                let to = Some(friend.clone());
                let text = self.talk.say(seq, &self.name, to.clone(), now);
                ClientMsg::Chat { seq, mode: ChatMode::Whisper, text, to }
            }
            5..=7 => {
                let Some(target) = near(Kind::Player).choose(&mut self.rng) else { return };
                interact(seq, target, GIVE, self.deeds.begin(seq), None)
            }
            choice => {
                let Some(target) = near(Kind::Object).choose(&mut self.rng) else { return };
                let zone = ZONES[self.rng.random_range(0..ZONES.len())];
                let (verb, zone) = match choice {
                    8 | 9 => (PUT, None),
                    10 => (TAKE, None),
                    _ if zone != sight.zone.zone => (TRAVEL, Some(zone.to_owned())),
                    _ => (TAKE, None),
                };
                interact(seq, target, verb, self.deeds.begin(seq), zone)
            }
        };
        session.seq = seq;
        session.unacked.insert(seq, message.clone());
        self.send(now, &message);
    }
}

fn interact(seq: wod_protocol::ids::Seq, target: EntityId, verb: &str, deed: u64, zone: Option<String>) -> ClientMsg {
    let args = serde_json::to_value(Args { deed, zone }).expect("plain values");
    ClientMsg::Interact { seq, target, verb: verb.to_owned(), args: Some(args) }
}
