//! What can happen to a zone in an evening, played against real components in the real simulation: the script.
//!
//! [`Stage`] is the zone with everything around it, `versions` the module's side; here is who does what, in order, when nobody
//! has written it down: players go wherever the map has a name, up to everybody they see, and do all they are offered. What an
//! author has written down is a [`script`], and [`play`] plays it.

pub(crate) mod play;
pub(crate) mod script;
mod stage;
mod versions;

use std::collections::BTreeSet;

use wod_protocol::client::ChatMode;
use wod_protocol::ids::EntityId;
use wod_protocol::units::Pos;

pub(crate) use stage::{Cost, Failure, Player, Stage};
pub(crate) use versions::Told;

/// Most points that the tour of the map visits, spread evenly over what it has.
const STOPS: usize = 48;
/// Between points of the tour where the map names none, m: from each one sees to the next.
const STRIDE_METRES: f64 = 50.0;
/// Most entities that one player goes up to in a round.
const MEETINGS: usize = 32;
/// How often a player goes after somebody who walks away.
const APPROACHES: usize = 3;
/// Nearer than a verb's reach by this, so that a step of the target does not matter, m.
const MARGIN_METRES: f64 = 0.5;
/// Where a target has no verb, m: near enough to be heard.
const TALKING_METRES: f64 = 4.0;
/// Most answers in one dialogue.
const ANSWERS: usize = 12;
/// How often one verb is used again because its dialogue still had answers that nobody had given.
const TALKS: usize = 4;
/// Everybody stands: what the module has begun ends, and its timers ring, s.
const QUIET_SECONDS: f64 = 180.0;
/// The same, shorter, s.
const BREATH_SECONDS: f64 = 10.0;

/// Those who play.
pub(crate) struct Cast {
    /// Stays to the end.
    ann: Player,
    /// Loses his connection, and goes under the second version.
    ben: Player,
    /// Goes under the first version, comes back under the second.
    eve: Player,
}

impl Cast {
    pub(crate) fn new(stage: &mut Stage) -> Self {
        Self { ann: stage.add_player("Ann"), ben: stage.add_player("Ben"), eve: stage.add_player("Eve") }
    }

    /// A whole evening under the first version.
    pub(crate) fn evening(&self, stage: &mut Stage) {
        let Self { ann, ben, eve } = *self;
        stage.log_in(ann);
        tour(stage, ann);
        stage.log_in(ben);
        stage.log_in(eve);
        for who in [ann, ben, eve] {
            meet_everybody(stage, who);
        }
        small_talk(stage, ann, "Ben");
        stage.set_defaults();
        stage.ask("help");
        stage.lose_connection(ben, BREATH_SECONDS);
        leave(stage, eve);
        stage.run(QUIET_SECONDS);
        // A timer may have put somebody out.
        stage.log_in(ann);
        stage.log_in(ben);
    }

    /// Under the version that took over: who was there goes on, who had left comes back.
    pub(crate) fn afterwards(&self, stage: &mut Stage) {
        let Self { ann, ben, eve } = *self;
        meet_everybody(stage, ann);
        stage.log_in(eve);
        meet_everybody(stage, eve);
        small_talk(stage, ben, "Ann");
        stage.ask("help");
        stage.log_out(ben);
        stage.run(BREATH_SECONDS);
    }

    /// Under the first version again.
    pub(crate) fn back_again(&self, stage: &mut Stage) {
        let Self { ann, ben, .. } = *self;
        stage.log_in(ben);
        meet_everybody(stage, ann);
        stage.ask("help");
        stage.run(BREATH_SECONDS);
    }
}

/// Walks over the map: to what has a name, then over what lies between.
fn tour(stage: &mut Stage, who: Player) {
    let Some(map) = stage.map() else { return };
    let [width, height] = map.size;
    let between =
        |length: f64| (0_u32..).map(|step| (f64::from(step) + 0.5) * STRIDE_METRES).take_while(move |at| *at < length);
    let grid = between(height).flat_map(|y| between(width).map(move |x| [x, y]));
    let stops: Vec<[f64; 2]> = map.places.iter().map(|place| place.at).chain(grid).collect();
    let step = stops.len().div_ceil(STOPS).max(1);
    for [x, y] in stops.into_iter().step_by(step) {
        // The way may lead through a portal.
        stage.log_in(who);
        stage.walk(who, Pos::from_metres(x, y));
    }
}

/// Goes up to everybody and everything that can be seen, says something, and uses every verb there is.
fn meet_everybody(stage: &mut Stage, who: Player) {
    let mut met = BTreeSet::new();
    let mut answers = BTreeSet::new();
    while met.len() < MEETINGS {
        stage.log_in(who);
        let Some(whom) = stage.known().into_iter().find(|id| !met.contains(id) && !stage.is_avatar(who, *id)) else {
            return;
        };
        met.insert(whom);
        meet(stage, who, whom, &mut answers);
    }
}

fn meet(stage: &mut Stage, who: Player, whom: EntityId, answers: &mut BTreeSet<(String, String)>) {
    for _ in 0..APPROACHES {
        let Some(sight) = stage.sight(whom) else { return };
        let reaches = sight.verbs.iter().map(|verb| f64::from(verb.reach) - MARGIN_METRES);
        let near = reaches.fold(TALKING_METRES, f64::min);
        let at = sight.at;
        if stage::distance(stage.place_of(who), at) <= near {
            break;
        }
        stage.walk(who, at);
    }
    if !stage.sees(who, whom) {
        return;
    }
    stage.say(who, ChatMode::Say, "good evening", None);
    let verbs: Vec<String> =
        stage.sight(whom).map(|sight| sight.verbs.iter().map(|verb| verb.id.clone()).collect()).unwrap_or_default();
    for verb in verbs {
        for _ in 0..TALKS {
            stage.use_verb(who, whom, &verb);
            if !answer(stage, who, answers) {
                break;
            }
        }
    }
}

/// Answers the dialogue that is open, if one is, and turns away in the end: with what nobody has answered yet, else with the
/// last option. Whether anything was new.
fn answer(stage: &mut Stage, who: Player, answers: &mut BTreeSet<(String, String)>) -> bool {
    let mut news = false;
    for _ in 0..ANSWERS {
        let Some((text, options)) = stage.dialogue(who) else { return news };
        let fresh = options.iter().find(|option| !answers.contains(&(text.to_owned(), (**option).to_owned())));
        let Some(option) = fresh.or(options.last()).map(|option| (*option).to_owned()) else { break };
        news |= answers.insert((text.to_owned(), option.clone()));
        stage.choose(who, Some(&option));
    }
    stage.choose(who, None);
    news
}

/// Every way of speaking.
fn small_talk(stage: &mut Stage, who: Player, whisper_to: &str) {
    stage.say(who, ChatMode::Say, "what a night", None);
    stage.say(who, ChatMode::Emote, "looks around", None);
    stage.say(who, ChatMode::Shout, "is anybody here?", None);
    stage.say(who, ChatMode::Whisper, "come closer", Some(whisper_to));
}

/// Through a portal of the map where there is one that can be reached, else out of the world.
fn leave(stage: &mut Stage, who: Player) {
    let portals = stage.map().map(|map| map.portals.clone()).unwrap_or_default();
    for portal in portals {
        if !stage.is_here(who) {
            break;
        }
        stage.walk(who, Pos::from_metres(portal.at[0], portal.at[1]));
    }
    stage.run(1.0);
    stage.log_out(who);
}
