//! Plays a scenario file ([`Script`]) against a component in the real simulation: the first step that does not come out as it
//! says ends the play.

use std::collections::BTreeMap;

use serde::Serialize;
use wod_protocol::client::ChatMode;
use wod_protocol::map::{Map, POSTS, Place, THINGS};
use wod_protocol::units::Pos;
use wod_sandbox::Compiled;
use wod_testkit::Line;

use super::script::{Action, Expectation, Heard, Script, Step, Target};
use super::stage::{Player, Stage, distance};

/// How often somebody goes after one who walks away.
const APPROACHES: usize = 20;
/// A place without a radius is as wide as this, m.
const PLACE_METRES: f64 = 2.0;
/// Most that a failed step lists of what was instead.
const LISTED: usize = 8;

/// A play that came to its end.
#[derive(Debug, Serialize)]
pub(crate) struct Passed {
    pub(crate) steps: usize,
    /// Of game time.
    pub(crate) seconds: f64,
}

/// The step that came out otherwise.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Missed {
    /// Of the file, from 1.
    pub(crate) line: u32,
    /// Game time, s.
    pub(crate) seconds: f64,
    pub(crate) expected: String,
    pub(crate) got: String,
}

/// Plays it from a fresh zone to its end.
pub(crate) fn play(script: &Script, component: &Compiled) -> Result<Passed, Missed> {
    let stage = Stage::open_with(component, &[], &script.config).map_err(|fault| Missed {
        line: 1,
        seconds: 0.0,
        expected: "the zone opens".to_owned(),
        got: fault.to_string(),
    })?;
    let mut play = Play { stage, players: BTreeMap::new(), marks: BTreeMap::new(), answer: None };
    for step in &script.steps {
        let faults = (play.stage.failures().len(), play.stage.errors().len());
        let outcome = play.step(step).and_then(|()| play.no_faults_since(faults));
        outcome.map_err(|Otherwise { expected, got }| {
            // What went wrong in the module explains the rest.
            let why = play.no_faults_since(faults).err().filter(|fault| fault.got != got);
            let got = why.map_or_else(|| got.clone(), |fault| format!("{got}\n{}", fault.got));
            Missed { line: step.line, seconds: play.stage.seconds(), expected, got }
        })?;
    }
    Ok(Passed { steps: script.steps.len(), seconds: play.stage.seconds() })
}

struct Play {
    stage: Stage,
    players: BTreeMap<String, Player>,
    /// How much each had heard, been told and been refused when the last thing was done.
    marks: BTreeMap<String, Mark>,
    answer: Option<Result<String, String>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    lines: usize,
    events: usize,
    refusals: usize,
}

struct Otherwise {
    expected: String,
    got: String,
}

impl Otherwise {
    fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into() }
    }
}

impl Play {
    fn step(&mut self, step: &Step) -> Result<(), Otherwise> {
        if let Some(action) = &step.action {
            self.marks = self.players.iter().map(|(name, who)| (name.clone(), self.mark(*who))).collect();
            self.answer = None;
            self.stage.forget_told();
            self.act(step.who.as_deref().unwrap_or_default(), action)?;
        }
        let who = step.who.as_deref().unwrap_or_default();
        let (players, marks, answer) = (&self.players, &self.marks, self.answer.as_ref());
        let check = |stage: &Stage, expected: &Expectation| {
            let who = players.get(who).copied();
            let mark = marks.get(step.who.as_deref().unwrap_or_default()).copied().unwrap_or_default();
            Look { stage, who, mark, answer }.check(expected)
        };
        // What shall not be is looked at when all else is.
        let (never, some_time): (Vec<_>, Vec<_>) =
            step.expects.iter().partition(|expected| matches!(expected, Expectation::HearsNot(_)));
        self.stage.run_until(step.within, |stage| some_time.iter().all(|expected| check(stage, expected).is_ok()));
        for expected in some_time.into_iter().chain(never) {
            check(&self.stage, expected).map_err(|Otherwise { expected, got }| Otherwise {
                expected: format!("{expected} (within {} s)", step.within),
                got,
            })?;
        }
        // Whoever expects to be refused says so.
        let refused = step.expects.iter().any(|expected| matches!(expected, Expectation::Refused(_)));
        match (step.action.is_some() && !refused, players.get(who)) {
            (true, Some(player)) => {
                let mark = self.marks.get(who).copied().unwrap_or_default();
                let refusals = &self.stage.client(*player).refusals[mark.refusals..];
                let why = refusals.first().map(|(code, text)| format!("refused ({code}): {text}"));
                why.map_or(Ok(()), |got| Err(Otherwise::new("it is taken", got)))
            }
            _ => Ok(()),
        }
    }

    fn no_faults_since(&self, (faults, errors): (usize, usize)) -> Result<(), Otherwise> {
        let fault = self.stage.failures().get(faults).map(|failure| format!("the module failed: {}", failure.fault));
        let error = self.stage.errors().get(errors).map(|(_, text)| format!("the module logged an error: {text}"));
        let over = self.stage.over().map(|why| format!("the play can't go on: {why}"));
        fault.or(error).or(over).map_or(Ok(()), |got| Err(Otherwise::new("the module does its work", got)))
    }

    fn mark(&self, who: Player) -> Mark {
        let client = self.stage.client(who);
        Mark { lines: client.lines.len(), events: client.events.len(), refusals: client.refusals.len() }
    }

    fn act(&mut self, name: &str, action: &Action) -> Result<(), Otherwise> {
        if let Action::Waits(seconds) = action {
            self.stage.run(*seconds);
            return Ok(());
        }
        if let Action::Asks(question) = action {
            self.answer = self.stage.ask(question);
            return Ok(());
        }
        let who = match self.players.get(name) {
            Some(who) => *who,
            None => {
                let who = self.stage.add_player(name);
                self.players.insert(name.to_owned(), who);
                who
            }
        };
        match action {
            Action::Enters => self.stage.log_in(who),
            Action::ComesBack => self.stage.resume(who),
            _ if !self.stage.is_here(who) => {
                return Err(Otherwise::new(format!("{name} is in the zone"), "she is not: let her enter first"));
            }
            Action::Leaves => self.stage.log_out(who),
            Action::LosesConnection => self.stage.disconnect(who),
            Action::GoesTo { spot, near } => return self.go(name, who, spot, *near),
            Action::Says { mode, text, to } => self.stage.say(who, *mode, text, to.as_deref()),
            Action::Uses { verb, on, args } => {
                let Some(target) = self.stage.find(who, on) else { return Err(self.unseen(name, who, on)) };
                self.stage.use_verb_with(who, target, verb, args.to_string());
            }
            Action::Chooses(option) => {
                let Some(options) = self.stage.options(who) else {
                    return Err(Otherwise::new(format!("{name} is in a dialogue"), "no dialogue is open"));
                };
                let Some(chosen) = options.iter().find(|offered| offered.id == *option || offered.text == *option)
                else {
                    let offered = options.iter().map(|offered| format!("`{}` {:?}", offered.id, offered.text));
                    return Err(Otherwise::new(
                        format!("an option `{option}`"),
                        format!("options: {}", or_nothing(offered)),
                    ));
                };
                let chosen = chosen.id.clone();
                self.stage.choose(who, Some(&chosen));
            }
            Action::TurnsAway => self.stage.choose(who, None),
            Action::Waits(_) | Action::Asks(_) => {}
        }
        let here = matches!(action, Action::Enters | Action::ComesBack);
        if here && !self.stage.is_here(who) {
            let why =
                self.stage.client(who).refused.as_ref().map_or_else(|| "no answer".into(), |why| format!("{why:?}"));
            return Err(Otherwise::new(format!("{name} is let in"), why));
        }
        Ok(())
    }

    fn go(&mut self, name: &str, who: Player, spot: &Target, near: f64) -> Result<(), Otherwise> {
        let goal = match spot {
            Target::At([x, y]) => Pos::from_metres(*x, *y),
            Target::Named(named) if self.stage.find(who, named).is_some() => {
                return self.approach(name, who, named, near);
            }
            Target::Named(named) => {
                let map = self.stage.map();
                let Some([x, y]) = map.as_ref().and_then(|map| spot_of(map, named)) else {
                    let Otherwise { got, .. } = self.unseen(name, who, named);
                    let places =
                        map.map(|map| list(map.places.iter().map(|place| place.name.as_str()))).unwrap_or_default();
                    return Err(Otherwise::new(
                        format!("somebody or something in sight, or a place of the map, named `{named}`"),
                        format!("{got}; places: {places}"),
                    ));
                };
                Pos::from_metres(x, y)
            }
        };
        self.stage.walk(who, goal);
        let reached = self.stage.place_of(who);
        // A portal may have taken her away.
        if !self.stage.is_here(who) || distance(reached, goal) <= near {
            return Ok(());
        }
        let far = distance(reached, goal);
        let why = self.stage.client(who).corrections.last().map_or("there is no way", String::as_str);
        Err(Otherwise::new(format!("{name} comes within {near} m"), format!("she stands {far:.1} m away: {why}")))
    }

    fn approach(&mut self, name: &str, who: Player, named: &str, near: f64) -> Result<(), Otherwise> {
        for _ in 0..APPROACHES {
            let Some(id) = self.stage.find(who, named) else { return Err(self.unseen(name, who, named)) };
            let Some(at) = self.stage.sight(id).map(|sight| sight.at) else { break };
            if distance(self.stage.place_of(who), at) <= near {
                return Ok(());
            }
            self.stage.walk(who, at);
        }
        Err(Otherwise::new(
            format!("{name} comes within {near} m of `{named}`"),
            "she can't catch up, or there is no way",
        ))
    }

    fn unseen(&self, name: &str, who: Player, whom: &str) -> Otherwise {
        let seen = list(self.stage.in_sight(who));
        Otherwise::new(
            format!("{name} sees `{whom}`"),
            format!("in sight: {}", if seen.is_empty() { "nobody" } else { &seen }),
        )
    }
}

/// Where the map has a name: a place, a post, a thing, a portal.
fn spot_of(map: &Map, name: &str) -> Option<[f64; 2]> {
    let is_named = |place: &&Place| {
        let own = match place.name.as_str() {
            POSTS => place.properties.get("post"),
            THINGS => place.properties.get("thing"),
            plain => return plain == name,
        };
        matches!(own, Some(wod_protocol::client::TagValue::Text(own)) if own == name)
    };
    let place = map.places.iter().find(is_named).map(|place| place.at);
    place.or_else(|| map.portals.iter().find(|portal| portal.name == name).map(|portal| portal.at))
}

/// A moment of the play, as one player (or nobody) sees it.
struct Look<'a> {
    stage: &'a Stage,
    who: Option<Player>,
    mark: Mark,
    answer: Option<&'a Result<String, String>>,
}

impl Look<'_> {
    fn check(&self, expected: &Expectation) -> Result<(), Otherwise> {
        match expected {
            Expectation::Answer(part) => return self.answer(part),
            Expectation::Barrier { name, closed } => return self.barrier(name, *closed),
            _ => {}
        }
        let Some(who) = self.who else { return Err(Otherwise::new("somebody who has entered", "nobody of that name")) };
        let client = self.stage.client(who);
        let holds = |holds: bool, expected: String, got: &dyn Fn() -> String| {
            if holds { Ok(()) } else { Err(Otherwise::new(expected, got())) }
        };
        let is_of = |line: &&Line, heard: &Heard| {
            heard.from().is_none_or(|from| line.speaker == from) && line.text.contains(heard.text())
        };
        let lines = &client.lines[self.mark.lines.min(client.lines.len())..];
        match expected {
            Expectation::Hears(heard) => {
                let said = || or_nothing(lines.iter().rev().take(LISTED).rev().map(quoted));
                holds(lines.iter().any(|line| is_of(&line, heard)), described("a line", heard), &said)
            }
            Expectation::HearsNot(heard) => match lines.iter().find(|line| is_of(line, heard)) {
                None => Ok(()),
                Some(line) => Err(Otherwise::new(described("no line", heard), quoted(line))),
            },
            Expectation::Sees(name) => {
                let seen =
                    || format!("in sight: {}", or_nothing(self.stage.in_sight(who).into_iter().map(str::to_owned)));
                holds(self.stage.find(who, name).is_some(), format!("`{name}` in sight"), &seen)
            }
            Expectation::SeesNot(name) => {
                holds(self.stage.find(who, name).is_none(), format!("`{name}` not in sight"), &|| "in sight".to_owned())
            }
            Expectation::IsTold(part) => {
                // With its last words a talk is over: those of this step count.
                let told = self.stage.dialogue(who).map_or(client.told.as_str(), |(text, _)| text);
                let got = || if told.is_empty() { "no dialogue".to_owned() } else { format!("{told:?}") };
                holds(told.contains(part.as_str()), format!("a dialogue with {part:?}"), &got)
            }
            Expectation::Options(ids) => {
                let options = self.stage.dialogue(who).map(|(_, options)| options).unwrap_or_default();
                holds(options == *ids, format!("options: {}", list(ids.iter().map(String::as_str))), &|| {
                    format!("options: {}", or_nothing(options.iter().map(|option| (*option).to_owned())))
                })
            }
            Expectation::InDialogue(open) => {
                let is_open = self.stage.dialogue(who).is_some();
                let named = |open: bool| if open { "a dialogue is open" } else { "no dialogue is open" }.to_owned();
                holds(is_open == *open, named(*open), &|| named(is_open))
            }
            Expectation::Refused(part) => {
                let refusals = &client.refusals[self.mark.refusals.min(client.refusals.len())..];
                let is_it = |(code, text): &(String, String)| code == part || text.contains(part.as_str());
                holds(refusals.iter().any(is_it), format!("a refusal with {part:?}"), &|| {
                    or_nothing(refusals.iter().map(|(code, text)| format!("{code}: {text}")))
                })
            }
            Expectation::Event { name, data } => {
                let events = &client.events[self.mark.events.min(client.events.len())..];
                let is_it = |(known, value): &(String, serde_json::Value)| {
                    known == name && data.as_ref().is_none_or(|data| data == value)
                };
                let with = data.as_ref().map(|data| format!(" with {data}")).unwrap_or_default();
                holds(events.iter().any(is_it), format!("an event `{name}`{with}"), &|| {
                    or_nothing(events.iter().rev().take(LISTED).map(|(name, data)| format!("{name} {data}")))
                })
            }
            Expectation::IsAt(place) => self.place(who, place),
            Expectation::IsHere(here) => {
                let named = |here: bool| if here { "in the zone" } else { "not in the zone" }.to_owned();
                let is_here = self.stage.is_here(who);
                holds(is_here == *here, named(*here), &|| named(is_here))
            }
            Expectation::Answer(_) | Expectation::Barrier { .. } => Ok(()),
        }
    }

    fn answer(&self, part: &str) -> Result<(), Otherwise> {
        match self.answer {
            Some(Ok(text)) if text.contains(part) => Ok(()),
            Some(Ok(text)) => Err(Otherwise::new(format!("an answer with {part:?}"), format!("{text:?}"))),
            Some(Err(why)) => Err(Otherwise::new(format!("an answer with {part:?}"), format!("an error: {why}"))),
            None => Err(Otherwise::new(format!("an answer with {part:?}"), "no answer")),
        }
    }

    fn barrier(&self, name: &str, closed: bool) -> Result<(), Otherwise> {
        let named = |closed: bool| if closed { "closed" } else { "open" };
        match self.stage.is_closed(name) {
            Some(is_closed) if is_closed == closed => Ok(()),
            Some(is_closed) => Err(Otherwise::new(format!("barrier `{name}` {}", named(closed)), named(is_closed))),
            None => Err(Otherwise::new(format!("barrier `{name}` {}", named(closed)), "the map has no such barrier")),
        }
    }

    fn place(&self, who: Player, name: &str) -> Result<(), Otherwise> {
        let map = self.stage.map();
        let at = self.stage.place_of(who);
        let places = map.iter().flat_map(|map| &map.places).filter(|place| place.name == name);
        let distances = places.map(|place| {
            let [x, y] = place.at;
            distance(at, Pos::from_metres(x, y)) - if place.radius > 0.0 { place.radius } else { PLACE_METRES }
        });
        match distances.min_by(f64::total_cmp) {
            Some(far) if far <= 0.0 => Ok(()),
            Some(far) => Err(Otherwise::new(format!("she is at `{name}`"), format!("{far:.1} m away from it"))),
            None => Err(Otherwise::new(format!("she is at `{name}`"), "the map has no such place")),
        }
    }
}

fn described(what: &str, heard: &Heard) -> String {
    let from = heard.from().map(|from| format!(" of `{from}`")).unwrap_or_default();
    if heard.text().is_empty() { format!("{what}{from}") } else { format!("{what}{from} with {:?}", heard.text()) }
}

fn quoted(line: &Line) -> String {
    let how = match line.mode {
        ChatMode::Say => "",
        ChatMode::Shout => " (shouts)",
        ChatMode::Emote => " (emotes)",
        ChatMode::Whisper => " (whispers)",
    };
    format!("{}{how}: {:?}", line.speaker, line.text)
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn or_nothing(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join("; ") }
}
