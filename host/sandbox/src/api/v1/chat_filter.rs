//! `wod:zone/chat-filter`: lines and verdicts, into each other's words.

use wod_sim::module;

use super::bindings::exports::wod::zone::chat_filter::{Line, Verdict};

impl<'a> From<&'a module::Line> for Line<'a> {
    fn from(line: &'a module::Line) -> Self {
        Self { speaker: line.speaker.0, mode: line.mode.into(), text: &line.text, at: line.at.into() }
    }
}

impl From<Verdict> for module::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Change(text) => Self::Change(text),
            Verdict::Veto(text) => Self::Veto(text),
        }
    }
}
