//! What the host says, and what she remembers of who asked.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};
use wod_zone::dialogue::{Answer, Node, Script, When};
use wod_zone::{Choice, Player};

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

/// The host's dialogue.
pub(crate) static SCRIPT: Script = Script::new(
    "marguerite",
    &[
        Node::new(
            "welcome",
            "So you are {name}. I am Marguerite; the house is in my care, and tonight so are you. What would you know?",
            QUESTIONS,
        )
        .instead(&[(When::Has("met"), "again")]),
        Node::new("again", "{name}. Sit by me. What is it this time?", QUESTIONS),
        Node::new(
            "rules",
            "They are short. No blood, no blade, no raised voice. What was begun outside is not finished in here.",
            &[
                Answer::to("or-else", "And whoever breaks them?", "or-else"),
                Answer::to("back", "I understand.", "again"),
            ],
        ),
        Node::new(
            "or-else",
            "Is asked to leave. Nobody has had to be asked twice. I would rather not learn what I would do then.",
            &[Answer::to("back", "I will remember.", "again").sets(&["warned"])],
        ),
        Node::new(
            "salon",
            "Behind Marek. Old friends, older debts, and a table at which I no longer sit. Why would you want to go in?",
            &[
                Answer::to("invited", "I am expected.", "lie"),
                Answer::to("looking", "I am looking for someone.", "truth"),
                Answer::to("back", "Only curious.", "again"),
            ],
        ),
        Node::new(
            "lie",
            "No, dear. I write the invitations. Try again, with less polish.",
            &[
                Answer::to("looking", "I am looking for someone.", "truth"),
                Answer::to("back", "Another time.", "again"),
            ],
        ),
        Node::new(
            "truth",
            "Everybody who is any use to me is. Say \"{password}\" where Marek can hear it, and say it softly.",
            &[Answer::to("back", "Thank you.", "again").sets(&["trusted"])],
        ),
        Node::new(
            "city",
            "It is hungry, and it thinks nobody looks. Keep to the lamps on your way home; something in the eastern courts \
             does not.",
            &[Answer::to("back", "I will.", "again")],
        ),
        Node::new("gossip", "{gossip}", &[Answer::to("back", "I see.", "again")]),
    ],
);

const QUESTIONS: &[Answer] = &[
    Answer::to("rules", "What are the rules here?", "rules").sets(&["met"]),
    Answer::to("salon", "What is behind that door?", "salon").sets(&["met"]),
    Answer::to("city", "How are the streets tonight?", "city").sets(&["met"]),
    Answer::to("gossip", "Who else has been asking?", "gossip").when(When::Has("met")),
    Answer::end("leave", "Nothing. Good night."),
];

/// What an answer asked about; none: it was no question.
pub(crate) fn topic_of(choice: &Choice) -> Option<Topic> {
    let spot = choice.at.as_ref().filter(|spot| spot.script == SCRIPT.name)?;
    if !matches!(spot.node.as_str(), "welcome" | "again") {
        return None;
    }
    match choice.option.as_deref()? {
        "rules" => Some(Topic::Rules),
        "salon" => Some(Topic::Salon),
        "city" => Some(Topic::City),
        _ => None,
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
