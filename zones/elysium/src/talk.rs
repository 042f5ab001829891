//! How the host greets, and what she remembers of who asked. What she says is in `dialogue/marguerite.yarn`.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};
use wod_zone::Player;

use crate::Acquaintance;

/// What guests ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topic {
    /// The rules of the house.
    Rules,
    /// The salon behind the door.
    Salon,
    /// The city outside.
    City,
}

impl Topic {
    /// As the dialogue names it in `<<remember topic>>`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "rules" => Some(Self::Rules),
            "salon" => Some(Self::Salon),
            "city" => Some(Self::City),
            _ => None,
        }
    }
}

/// How the host receives a guest, with `{name}` for her name.
pub(crate) fn greeting(known: &Acquaintance) -> &'static str {
    match (known.visits, known.last_topic, known.shouts) {
        (_, _, 3..) => "{name}. You may come in. Your voice stays outside.",
        (_, Some(Topic::Rules), _) => "{name}, welcome back. You asked about the rules; I trust you kept them.",
        (_, Some(Topic::Salon), _) => "{name}, welcome back. Did you find the one behind the door?",
        (_, Some(Topic::City), _) => "{name}, welcome back. You asked about the streets, and here you are, whole.",
        (0..=1, None, _) => "Good evening, {name}. You are new under this roof. Come and talk to me.",
        (_, None, _) => "{name}, again. You never ask me anything.",
    }
}

/// Who asked about what, the latest last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Questions {
    latest: VecDeque<Question>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    guest: Player,
    name: String,
    topic: Topic,
}

impl Questions {
    /// Older ones are forgotten.
    const KEPT: usize = 32;

    /// Remembers a question; the same of the same guest counts once.
    pub(crate) fn note(&mut self, guest: Player, name: &str, topic: Topic) {
        self.latest.retain(|known| known.guest != guest || known.topic != topic);
        if self.latest.len() >= Self::KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(Question { guest, name: name.to_owned(), topic });
    }

    /// What the host tells a guest about the others.
    pub(crate) fn gossip(&self, listener: Player) -> String {
        const TOLD: usize = 3;
        let others = self.latest.iter().rev().filter(|known| known.guest != listener);
        let told: Vec<String> = others.take(TOLD).map(ToString::to_string).collect();
        match told.as_slice() {
            [] => "Nobody but you. You have my whole attention.".to_owned(),
            told => format!("{}. I mention it because you would not.", told.join("; ")),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = match self.topic {
            Topic::Rules => "the rules",
            Topic::Salon => "the salon",
            Topic::City => "the streets",
        };
        write!(f, "{} asked about {about}", self.name)
    }
}

impl fmt::Display for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.latest.is_empty() {
            return f.write_str("nobody asked anything");
        }
        let lines: Vec<String> = self.latest.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
