//! A native module that does what it hears: players pull its strings with chat lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_protocol::client::{ChatMode, Kind, TagValue, Verb};
use wod_protocol::ids::{EntityId, Token};
use wod_sim::module::{
    Audience, ConfigKey, Description, Destination, Event, Fault, FaultKind, Filter, Frame, Goal, Hearers, HostCalls,
    Line, Module, Point, Returned, Saved, Setup, Spawning, Tag, Verdict,
};

/// What is saved of a player who has poked.
pub const POKED: u8 = 200;

pub struct Puppet {
    version: &'static str,
    description: Description,
    state: State,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// The character it spawned first.
    npc: Option<EntityId>,
    spawned: Vec<EntityId>,
    /// Every event so far, as text.
    log: Vec<String>,
    visits: BTreeMap<EntityId, u8>,
    greeting: String,
    rotten: bool,
}

impl Puppet {
    pub fn new(version: &'static str) -> Self {
        let description = Description {
            name: "puppet".into(),
            version: version.into(),
            schema: if version == "three" { 2 } else { 1 },
            verbs: vec!["poke".into(), "trap".into(), "talk".into()],
            config: vec![ConfigKey {
                name: "greeting".into(),
                about: "said to everybody".into(),
                default: TagValue::Text("hello".into()),
            }],
        };
        Self { version, description, state: State::default() }
    }

    /// What is saved of a player: `three`'s in another schema, `forgetful`'s in the same.
    fn saves_otherwise(&self) -> bool {
        matches!(self.version, "three" | "forgetful")
    }

    fn handle(&mut self, event: &Event, calls: &mut dyn HostCalls) -> Result<(), Fault> {
        self.state.log.push(format!("{event:?}"));
        let tell = |calls: &mut dyn HostCalls, player, name: &str, data: String| {
            calls.tell(Hearers::Player(player), name.into(), serde_json::to_string(&data).unwrap(), false)
        };
        match event {
            Event::Entered { player, saved, .. } => {
                let visits = saved.first().copied().unwrap_or(0).wrapping_add(1);
                self.state.visits.insert(*player, visits);
                let _ = calls.save_player(*player, vec![visits]);
                let _ = tell(calls, *player, "visits", visits.to_string());
            }
            Event::Left { player, .. } => {
                self.state.visits.remove(player);
            }
            Event::Interacted { player, seq, target, verb, .. } => match verb.as_str() {
                "trap" => return Err(Fault { kind: FaultKind::Trap, detail: "trapped".into(), event: None }),
                "talk" => {
                    let choices = vec![("yes".into(), "Yes.".into()), ("no".into(), "No.".into())];
                    let _ = calls.say_dialogue(*player, Token(1), *target, "Well?".into(), choices);
                }
                _ => {
                    let _ = calls.save_player(*player, if self.saves_otherwise() { vec![] } else { vec![POKED] });
                    let _ = calls.refuse(*player, *seq, "ouch".into(), "That hurt.".into());
                }
            },
            Event::Chose { player, dialogue, .. } => {
                let _ = calls.close_dialogue(*player, *dialogue);
            }
            Event::Heard { speaker, text, .. } => self.obey(*speaker, text, calls)?,
            Event::Admin { request, text, .. } if text != "silence" => {
                // The text is the beginning of the events asked for.
                let count = self.state.log.iter().filter(|line| line.starts_with(text)).count();
                let _ = calls.reply(*request, format!("{count} events"));
            }
            Event::ConfigChanged(values) => {
                for (_, value) in values {
                    self.state.greeting = format!("{value:?}");
                }
            }
            Event::Message { topic, body, .. } => {
                let text = format!("{topic}:{}", String::from_utf8_lossy(body));
                let _ = calls.tell(Hearers::Zone, "news".into(), serde_json::to_string(&text).unwrap(), false);
            }
            _ => {}
        }
        Ok(())
    }

    /// What a line begins with says what becomes of it. None: it forgets to say.
    fn judge(&mut self, line: &Line, calls: &mut dyn HostCalls) -> Result<Option<Verdict>, Fault> {
        let (word, rest) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        Ok(Some(match word {
            _ if self.version == "strict" => Verdict::Veto("Silence!".into()),
            "lower" => Verdict::Change(rest.to_lowercase()),
            "veto" => Verdict::Veto(rest.into()),
            "stretch" => Verdict::Change("x".repeat(501)),
            "hiss" => {
                if let Some(npc) = self.state.npc {
                    let hush = format!("Hush! ({})", calls.random() % 7);
                    let _ = calls.chat(npc, ChatMode::Say, hush, None);
                }
                Verdict::Pass
            }
            "count" => return Ok(None),
            "stumble" => return Err(Fault { kind: FaultKind::Trap, detail: "stumbled".into(), event: None }),
            _ => Verdict::Pass,
        }))
    }

    fn obey(&mut self, speaker: EntityId, text: &str, calls: &mut dyn HostCalls) -> Result<(), Fault> {
        let Some(npc) = self.state.npc else { return Ok(()) };
        let Some(view) = calls.entity(speaker) else { return Ok(()) };
        let point = |calls: &mut dyn HostCalls| Point {
            x: view.at.x + (calls.random() % 20) as f32 - 10.0,
            y: view.at.y + (calls.random() % 20) as f32 - 10.0,
        };
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        // What is refused shows in the log of later calls; a puppet does not care.
        match word {
            "trap" => return Err(Fault { kind: FaultKind::OutOfTime, detail: "too slow".into(), event: None }),
            "draw" => {
                let drawn = calls.random();
                let _ = calls.tell(Hearers::Player(speaker), "drawn".into(), drawn.to_string(), false);
            }
            "come" => {
                let _ = calls.go_to(npc, Goal::Entity(speaker), 2.0);
            }
            "follow" => {
                let _ = calls.follow(npc, speaker, 3.0);
            }
            "halt" => {
                let _ = calls.halt(npc);
            }
            "go" => {
                let to = point(calls);
                let _ = calls.go_to(npc, Goal::Point(to), 0.5);
            }
            "spawn" => {
                let tags = vec![Tag { name: "colour".into(), value: TagValue::Int(3), audience: Audience::Near }];
                let at = point(calls);
                let heading = 1.0;
                let what = Spawning { kind: Kind::Object, name: "stone".into(), at, heading, tags, verbs: Vec::new() };
                self.state.spawned.extend(calls.spawn(what));
            }
            "despawn" => {
                if let Some(id) = self.state.spawned.pop() {
                    let _ = calls.despawn(id);
                }
            }
            "place" => {
                let to = point(calls);
                let _ = calls.place(speaker, to, None);
            }
            "jump" => {
                let to = point(calls);
                let _ = calls.place(npc, to, Some(2.0));
            }
            "kick" => {
                let _ = calls.kick(speaker, "begone".into());
            }
            "mute" => {
                let _ = calls.mute(speaker, 40);
            }
            "pardon" => {
                for player in self.state.visits.keys() {
                    let _ = calls.mute(*player, 0);
                }
            }
            "tag" => {
                let own = Tag { name: "thirst".into(), value: TagValue::Number(0.5), audience: Audience::Owner };
                let near =
                    Tag { name: "title".into(), value: TagValue::Text("Baron".into()), audience: Audience::Near };
                let _ = calls.set_tags(speaker, vec![own, near], vec!["nothing".into()]);
            }
            "echo" if self.version == "fragile" => {
                return Err(Fault { kind: FaultKind::Trap, detail: "broke".into(), event: None });
            }
            "echo" => {
                let text = if self.version == "loud" { rest.to_uppercase() } else { rest.to_owned() };
                let _ = calls.chat(npc, ChatMode::Say, text, None);
            }
            "latest" => {
                let _ = calls.tell(Hearers::Near(view.at, 30.0), "weather".into(), "\"rain\"".into(), true);
            }
            "portal" => {
                let _ = calls.send_to(speaker, Destination::Portal("gate".into()));
            }
            "zone" => {
                let _ = calls.send_to(speaker, Destination::Zone(rest.into(), None));
            }
            "timer" => {
                let _ = calls.set_timer(Token(7), 20, None);
            }
            "slowtimer" => {
                let _ = calls.set_timer(Token(8), 3000, None);
            }
            "rot" => self.state.rotten = true,
            "send" => {
                let _ = calls.send(rest, "greeting".into(), b"hi".to_vec());
            }
            "sense" => {
                let _ = calls.set_sensor(npc, 8.0);
            }
            "speed" => {
                let _ = calls.set_speed(speaker, 3.0);
            }
            "flood" => {
                for line in 0..400 {
                    let _ = calls.tell(Hearers::Player(speaker), "line".into(), line.to_string(), false);
                }
            }
            "look" => {
                let near = calls.nearby(view.at, 20.0, &Filter::default(), 10);
                let nearest = calls.nearest(view.at, 3, &Filter { kinds: Some(Kind::Npc), ..Filter::default() });
                let to = point(calls);
                self.state.log.push(format!("{near:?} {nearest:?} {}", calls.line_of_sight(view.at, to)));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Module for Puppet {
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, setup: &Setup, mut calls: Box<dyn HostCalls>) -> Returned {
        let ((x0, y0), (x1, y1)) = ((setup.bounds.0.x, setup.bounds.0.y), (setup.bounds.1.x, setup.bounds.1.y));
        let at = Point { x: (x0 + x1) / 2.0 + 1.0, y: (y0 + y1) / 2.0 };
        let verb = |id: &str| Verb { id: id.into(), label: id.into(), reach: 5.0 };
        let verbs = vec![verb("poke"), verb("trap"), verb("talk")];
        let what = Spawning { kind: Kind::Npc, name: "Puppet".into(), at, heading: 0.0, tags: Vec::new(), verbs };
        self.state.npc = calls.spawn(what).ok();
        self.state.greeting = format!("{:?}", setup.config);
        Returned { calls, result: Ok(()) }
    }

    fn tick(&mut self, _frame: &Frame, events: &[Event], mut calls: Box<dyn HostCalls>) -> Returned {
        for (index, event) in events.iter().enumerate() {
            let marks = self.version != "unmarked";
            if marks {
                calls.progress(index as u32);
            }
            if let Err(mut fault) = self.handle(event, &mut *calls) {
                fault.event = marks.then_some(index as u32);
                return Returned { calls, result: Err(fault) };
            }
        }
        Returned { calls, result: Ok(()) }
    }

    fn filters(&self) -> bool {
        matches!(self.version, "hushed" | "strict")
    }

    fn filter(&mut self, _frame: &Frame, lines: &[Line], mut calls: Box<dyn HostCalls>) -> Returned<Vec<Verdict>> {
        self.state.log.push(format!("Judged {} lines", lines.len()));
        let mut verdicts = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            calls.progress(index as u32);
            match self.judge(line, &mut *calls) {
                Ok(verdict) => verdicts.extend(verdict),
                Err(fault) => return Returned { calls, result: Err(fault) },
            }
        }
        Returned { calls, result: Ok(verdicts) }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        if self.state.rotten {
            return Err(Fault { kind: FaultKind::SaveTooLarge, detail: "rotten".into(), event: None });
        }
        Ok(Saved { schema: self.description.schema, bytes: rmp_serde::to_vec(&self.state).unwrap() })
    }

    fn load(&mut self, _setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        if self.version == "broken" || saved.schema > self.description.schema {
            return Err(Fault { kind: FaultKind::Refused, detail: "I can't read that".into(), event: None });
        }
        self.state = rmp_serde::from_slice(&saved.bytes).unwrap();
        Ok(())
    }
}
