//! The scenario file: what players do in a zone, step by step, and what they are to see and hear of it. `wod zone test` plays it
//! ([`super::play`]).
//!
//! TOML: `about`, a table `config` with settings other than their defaults, and a `[[step]]` for each step. A step is of one player
//! (`who`), or of an operator; it does one thing or none, and then all that it expects must hold within `within` seconds.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use wod_protocol::client::{ChatMode, TagValue};

/// How long what is expected may take, s, where a step says nothing.
const WITHIN_SECONDS: f64 = 2.0;
/// Longest that one step may wait, s.
const LONGEST_SECONDS: f64 = 3600.0;
/// How near `goes_to` somebody comes, m, where a step says nothing.
const NEAR_METRES: f64 = 2.0;

/// A whole file.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) about: String,
    pub(crate) config: BTreeMap<String, TagValue>,
    pub(crate) steps: Vec<Step>,
}

/// One step.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// Where it begins in the file, from 1.
    pub(crate) line: u32,
    /// None: an operator's, or nobody's.
    pub(crate) who: Option<String>,
    pub(crate) action: Option<Action>,
    pub(crate) expects: Vec<Expectation>,
    /// For all of them, s.
    pub(crate) within: f64,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Enters,
    Leaves,
    LosesConnection,
    ComesBack,
    GoesTo { spot: Target, near: f64 },
    Says { mode: ChatMode, text: String, to: Option<String> },
    Uses { verb: String, on: String, args: serde_json::Value },
    Chooses(String),
    TurnsAway,
    Waits(f64),
    Asks(String),
}

/// Where somebody goes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Target {
    /// Metres from the map's south-west corner.
    At([f64; 2]),
    /// Somebody or something in sight, else a place, a post, a thing or a portal of the map.
    Named(String),
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expectation {
    Hears(Heard),
    HearsNot(Heard),
    Sees(String),
    SeesNot(String),
    /// An NPC's words in the open dialogue, or with which it ended.
    IsTold(String),
    /// Ids of its options, in order.
    Options(Vec<String>),
    /// Whether a dialogue is open.
    InDialogue(bool),
    Refused(String),
    Event {
        name: String,
        data: Option<serde_json::Value>,
    },
    /// Within a place of the map.
    IsAt(String),
    IsHere(bool),
    Answer(String),
    Barrier {
        name: String,
        closed: bool,
    },
}

/// A line: what it contains, and by whom.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Heard {
    Text(String),
    Of(HeardOf),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeardOf {
    pub(crate) from: Option<String>,
    #[serde(default)]
    pub(crate) text: String,
}

/// A file that can't be played.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// From 1.
    pub(crate) line: u32,
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    about: String,
    #[serde(default)]
    config: BTreeMap<String, TagValue>,
    #[serde(default)]
    step: Vec<Spanned<Fields>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    who: Option<String>,
    // What is done.
    enters: bool,
    leaves: bool,
    loses_connection: bool,
    comes_back: bool,
    goes_to: Option<Target>,
    near: Option<f64>,
    says: Option<String>,
    shouts: Option<String>,
    emotes: Option<String>,
    whispers: Option<String>,
    to: Option<String>,
    uses: Option<String>,
    on: Option<String>,
    args: Option<toml::Value>,
    chooses: Option<String>,
    turns_away: bool,
    waits: Option<f64>,
    asks: Option<String>,
    // What is expected.
    within: Option<f64>,
    hears: Option<Several<Heard>>,
    hears_not: Option<Several<Heard>>,
    sees: Option<Several<String>>,
    sees_not: Option<Several<String>>,
    is_told: Option<Several<String>>,
    options: Option<Vec<String>>,
    in_dialogue: Option<bool>,
    refused: Option<String>,
    event: Option<String>,
    data: Option<toml::Value>,
    is_at: Option<String>,
    is_here: Option<bool>,
    answer: Option<Several<String>>,
    open: Option<Several<String>>,
    closed: Option<Several<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Several<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Several<T> {
    fn list(this: Option<Self>) -> Vec<T> {
        match this {
            None => Vec::new(),
            Some(Self::One(one)) => vec![one],
            Some(Self::Many(many)) => many,
        }
    }
}

impl Script {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() as u32 + 1;
        let file: File = toml::from_str(text).map_err(|error| Unreadable {
            line: error.span().map_or(1, |span| line(span.start)),
            why: error.message().to_owned(),
        })?;
        let steps = file.step.into_iter().map(|fields| {
            let line = line(fields.span().start);
            Step::of(line, fields.into_inner()).map_err(|why| Unreadable { line, why })
        });
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        if steps.is_empty() {
            return Err(Unreadable { line: 1, why: "there is no [[step]]".to_owned() });
        }
        Ok(Self { about: file.about, config: file.config, steps })
    }
}

impl Step {
    fn of(line: u32, fields: Fields) -> Result<Self, String> {
        let within = fields.within.unwrap_or(WITHIN_SECONDS);
        let mut times = [Some(within), fields.waits].into_iter().flatten();
        if times.any(|seconds| !(0.0..=LONGEST_SECONDS).contains(&seconds)) {
            return Err(format!("a time must be 0 to {LONGEST_SECONDS} s"));
        }
        let who = fields.who.clone();
        let (action, expects) = fields.parts()?;
        let step = Self { line, who, action, expects, within };
        let of_nobody = |action: &Action| matches!(action, Action::Waits(_) | Action::Asks(_));
        if step.who.is_none() && step.action.as_ref().is_some_and(|action| !of_nobody(action)) {
            return Err("it does not say who does it: add `who = \"NAME\"`".to_owned());
        }
        if step.who.is_none() && step.expects.iter().any(Expectation::is_of_a_player) {
            return Err("it does not say who expects it: add `who = \"NAME\"`".to_owned());
        }
        if step.action.is_none() && step.expects.is_empty() {
            return Err("it does nothing and expects nothing".to_owned());
        }
        Ok(step)
    }
}

impl Fields {
    fn parts(self) -> Result<(Option<Action>, Vec<Expectation>), String> {
        let json = |value: toml::Value| serde_json::to_value(value).map_err(|error| format!("{error}"));
        let args = self.args.map(json).transpose()?;
        let data = self.data.map(json).transpose()?;
        let (near, to, on) = (self.near, self.to, self.on);
        let flag = |set: bool, action: Action| set.then_some(action);
        let chat = |mode, text: Option<String>| text.map(|text| Action::Says { mode, text, to: None });
        let whispers = match (self.whispers, &to) {
            (Some(text), Some(_)) => Some(Action::Says { mode: ChatMode::Whisper, text, to: to.clone() }),
            (Some(_), None) => return Err("`whispers` needs `to = \"NAME\"`".to_owned()),
            (None, Some(_)) => return Err("`to` belongs to `whispers`".to_owned()),
            (None, None) => None,
        };
        let uses = match (self.uses, on) {
            (Some(verb), Some(on)) => Some(Action::Uses { verb, on, args: args.clone().unwrap_or_default() }),
            (Some(_), None) => return Err("`uses` needs `on = \"NAME\"`".to_owned()),
            (None, Some(_)) => return Err("`on` belongs to `uses`".to_owned()),
            (None, None) if args.is_some() => return Err("`args` belongs to `uses`".to_owned()),
            (None, None) => None,
        };
        if near.is_some() && self.goes_to.is_none() {
            return Err("`near` belongs to `goes_to`".to_owned());
        }
        let near = near.unwrap_or(NEAR_METRES);
        let actions = [
            flag(self.enters, Action::Enters),
            flag(self.leaves, Action::Leaves),
            flag(self.loses_connection, Action::LosesConnection),
            flag(self.comes_back, Action::ComesBack),
            flag(self.turns_away, Action::TurnsAway),
            self.goes_to.map(|spot| Action::GoesTo { spot, near }),
            chat(ChatMode::Say, self.says),
            chat(ChatMode::Shout, self.shouts),
            chat(ChatMode::Emote, self.emotes),
            whispers,
            uses,
            self.chooses.map(Action::Chooses),
            self.waits.map(Action::Waits),
            self.asks.map(Action::Asks),
        ];
        let mut actions = actions.into_iter().flatten();
        let action = actions.next();
        if actions.next().is_some() {
            return Err("it does several things: make a [[step]] of each".to_owned());
        }
        if data.is_some() && self.event.is_none() {
            return Err("`data` belongs to `event`".to_owned());
        }
        let mut expects = Vec::new();
        expects.extend(Several::list(self.hears).into_iter().map(Expectation::Hears));
        expects.extend(Several::list(self.sees).into_iter().map(Expectation::Sees));
        expects.extend(Several::list(self.sees_not).into_iter().map(Expectation::SeesNot));
        expects.extend(Several::list(self.is_told).into_iter().map(Expectation::IsTold));
        expects.extend(self.options.map(Expectation::Options));
        expects.extend(self.in_dialogue.map(Expectation::InDialogue));
        expects.extend(self.refused.map(Expectation::Refused));
        expects.extend(self.event.map(|name| Expectation::Event { name, data }));
        expects.extend(self.is_at.map(Expectation::IsAt));
        expects.extend(self.is_here.map(Expectation::IsHere));
        expects.extend(Several::list(self.answer).into_iter().map(Expectation::Answer));
        let barriers =
            |list, closed| Several::list(list).into_iter().map(move |name| Expectation::Barrier { name, closed });
        expects.extend(barriers(self.open, false).chain(barriers(self.closed, true)));
        expects.extend(Several::list(self.hears_not).into_iter().map(Expectation::HearsNot));
        let answered = expects.iter().any(|expected| matches!(expected, Expectation::Answer(_)));
        if answered && !matches!(action, Some(Action::Asks(_))) {
            return Err("`answer` belongs to `asks`".to_owned());
        }
        Ok((action, expects))
    }
}

impl Expectation {
    fn is_of_a_player(&self) -> bool {
        !matches!(self, Self::Answer(_) | Self::Barrier { .. })
    }
}

impl Heard {
    pub(crate) fn from(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Of(HeardOf { from, .. }) => from.as_deref(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Of(HeardOf { text, .. }) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    const FILE: &str = r#"
about = "An evening"

[config]
hunter = "Tom"
pace = 5.5

[[step]]
who = "Ann"
enters = true

[[step]]
who = "Ann"
uses = "greet"
on = "Keeper"
args = { loudly = true }
hears = [{ from = "Keeper", text = "Evening" }, "Ann"]
hears_not = "Ben"
within = 5

[[step]]
asks = "visitors"
answer = "1"
closed = "gate"
"#;

    #[test]
    fn a_file_is_steps_each_with_its_line() {
        let script = Script::parse(FILE).unwrap();
        assert_eq!((script.about.as_str(), script.config.len()), ("An evening", 2));
        let lines: Vec<u32> = script.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [8, 12, 21]);
        assert_eq!(script.steps[0].action, Some(Action::Enters));
        assert_eq!((script.steps[0].within, script.steps[1].within), (WITHIN_SECONDS, 5.0));
        let args = serde_json::json!({"loudly": true});
        let uses = Action::Uses { verb: "greet".into(), on: "Keeper".into(), args };
        assert_eq!(script.steps[1].action, Some(uses));
        let [Expectation::Hears(first), Expectation::Hears(second), Expectation::HearsNot(_)] =
            &script.steps[1].expects[..]
        else {
            panic!("{:?}", script.steps[1])
        };
        assert_eq!((first.from(), first.text(), second.from()), (Some("Keeper"), "Evening", None));
        assert_eq!(script.steps[2].expects.len(), 2);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        let refused = |step: &str, line: u32, why: &str| {
            let error =
                Script::parse(&format!("[[step]]\nwho = \"Ann\"\nenters = true\n[[step]]\n{step}\n")).unwrap_err();
            assert!(error.why.contains(why), "{error:?}");
            assert_eq!(error.line, line, "{error:?}");
        };
        refused("who = \"Ann\"\nsays = \"hi\"\nleaves = true", 4, "does several things");
        refused("says = \"hi\"", 4, "who = ");
        refused("sees = \"Ben\"", 4, "who = ");
        refused("who = \"Ann\"", 4, "does nothing");
        refused("who = \"Ann\"\nuses = \"greet\"", 4, "`uses` needs `on");
        refused("who = \"Ann\"\nwhispers = \"hi\"", 4, "`whispers` needs `to");
        refused("waits = 1\nanswer = \"x\"", 4, "`answer` belongs to `asks`");
        refused("waits = -1", 4, "a time must be");
        refused("who = \"Ann\"\nenter = true", 6, "unknown field `enter`");
        refused("who = \"Ann\"\nleaves = tru", 6, "");
        assert!(Script::parse("about = \"nothing\"").unwrap_err().why.contains("no [[step]]"));
    }
}
