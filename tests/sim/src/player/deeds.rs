//! What a player did with verbs, as far as she knows what became of it.

use std::collections::BTreeMap;
use std::time::Duration;

use wod_protocol::ids::Seq;

/// A session that ends may take with it word of what became of deeds acked so shortly before.
const UNCERTAIN: Duration = Duration::from_secs(20);

/// What became of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not acked.
    Open,
    /// Acked then, and not rejected.
    Done(Duration),
    /// It must not have taken effect.
    Rejected,
    /// Its session ended before she heard.
    Unknown,
}

impl Fate {
    /// What is known of it from then on.
    pub(crate) fn when_session_ends(self, now: Duration) -> Self {
        match self {
            Self::Open => Self::Unknown,
            Self::Done(at) if at + UNCERTAIN > now => Self::Unknown,
            Self::Done(_) | Self::Rejected | Self::Unknown => self,
        }
    }
}

/// All of one player's.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    fates: BTreeMap<u64, Fate>,
    /// Of the current session.
    by_seq: BTreeMap<Seq, u64>,
}

impl Deeds {
    /// The next one's number, which goes out as command `seq`.
    pub(crate) fn begin(&mut self, seq: Seq) -> u64 {
        let deed = self.fates.len() as u64 + 1;
        self.fates.insert(deed, Fate::Open);
        self.by_seq.insert(seq, deed);
        deed
    }

    /// Commands up to `seq` are dealt with.
    pub(crate) fn acked(&mut self, seq: Seq, now: Duration) {
        for (_, deed) in self.by_seq.range(..=seq) {
            if let Some(fate @ Fate::Open) = self.fates.get_mut(deed) {
                *fate = Fate::Done(now);
            }
        }
    }

    /// Command `seq` was refused.
    pub(crate) fn rejected(&mut self, seq: Seq) {
        if let Some(deed) = self.by_seq.get(&seq) {
            self.fates.insert(*deed, Fate::Rejected);
        }
    }

    /// The session is over.
    pub(crate) fn end_session(&mut self, now: Duration) {
        for (_, deed) in std::mem::take(&mut self.by_seq) {
            if let Some(fate) = self.fates.get_mut(&deed) {
                *fate = fate.when_session_ends(now);
            }
        }
    }

    /// By number.
    pub(crate) fn fates(&self) -> impl Iterator<Item = (u64, Fate)> + '_ {
        self.fates.iter().map(|(deed, fate)| (*deed, *fate))
    }
}
