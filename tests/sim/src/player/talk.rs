//! What a player said and what she heard, for the checks.

use std::collections::BTreeMap;
use std::time::Duration;

use wod_protocol::client::ChatMode;
use wod_protocol::ids::Seq;

use super::deeds::Fate;

/// A line of hers.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Whom she whispered to; none: she said it aloud.
    pub(crate) to: Option<String>,
    /// When she said it first.
    pub(crate) at: Duration,
    /// What became of it.
    pub(crate) fate: Fate,
    /// She has heard it herself, in the session in which she said it.
    pub(crate) echoed: bool,
}

/// Somebody's line that she heard.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Who said it, and which of theirs it is.
    pub(crate) line: (String, u32),
    /// Say or whisper.
    pub(crate) mode: ChatMode,
    /// When.
    pub(crate) at: Duration,
}

/// All of one player's.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// What she said, by number.
    pub(crate) said: BTreeMap<u32, Line>,
    /// What others said, in the order in which she heard it, over all her sessions.
    pub(crate) heard: Vec<Heard>,
    /// When she found herself in another zone than before.
    pub(crate) crossings: Vec<Duration>,
    /// When her session began.
    pub(crate) since: Duration,
    /// Of the current session.
    by_seq: BTreeMap<Seq, u32>,
    /// From here on, `heard` is of the current session.
    session: usize,
    /// A line that is kept back, on purpose.
    kept_back: Option<Heard>,
}

impl Talk {
    /// She says something, as command `seq`. The text.
    pub(crate) fn say(&mut self, seq: Seq, name: &str, to: Option<String>, at: Duration) -> String {
        let number = self.said.len() as u32 + 1;
        self.said.insert(number, Line { to, at, fate: Fate::Open, echoed: false });
        self.by_seq.insert(seq, number);
        format!("{name} {number}")
    }

    /// Commands up to `seq` are dealt with.
    pub(crate) fn acked(&mut self, seq: Seq, now: Duration) {
        for (_, number) in self.by_seq.range(..=seq) {
            if let Some(line) = self.said.get_mut(number)
                && line.fate == Fate::Open
            {
                line.fate = Fate::Done(now);
            }
        }
    }

    /// Command `seq` was refused.
    pub(crate) fn rejected(&mut self, seq: Seq) {
        if let Some(line) = self.by_seq.get(&seq).and_then(|number| self.said.get_mut(number)) {
            line.fate = Fate::Rejected;
        }
    }

    /// The session is over.
    pub(crate) fn end_session(&mut self, now: Duration) {
        for (_, number) in std::mem::take(&mut self.by_seq) {
            if let Some(line) = self.said.get_mut(&number) {
                line.fate = line.fate.when_session_ends(now);
            }
        }
        self.session = self.heard.len();
    }

    /// She hears a line of her own.
    pub(crate) fn hear_myself(&mut self, text: &str) {
        if let Some(line) = number(text).and_then(|number| self.said.get_mut(&number)) {
            line.echoed = true;
        }
    }

    /// She hears a line of somebody else's. False: not for the first time in this session; a new one may be told again what the old
    /// one had not acked.
    pub(crate) fn hear(&mut self, name: &str, text: &str, mode: ChatMode, at: Duration, swap: bool) -> bool {
        let Some(number) = number(text) else { return true };
        let heard = Heard { line: (name.to_owned(), number), mode, at };
        let is_new = self.heard[self.session..].iter().all(|known| known.line != heard.line);
        if swap && mode == ChatMode::Say {
            match self.kept_back.take_if(|kept| kept.line.0 == heard.line.0) {
                Some(kept) => self.heard.extend([heard, kept]),
                None => self.heard.extend(self.kept_back.replace(heard)),
            }
        } else {
            self.heard.push(heard);
        }
        is_new
    }
}

fn number(text: &str) -> Option<u32> {
    text.rsplit(' ').next()?.parse().ok()
}
