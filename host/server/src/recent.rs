//! What an owner remembers of its zone's journal, its own entries and those it has replayed: a store that fails over may lack the last.

use std::collections::VecDeque;

use bytes::Bytes;
use wod_protocol::ids::Digest;

/// Bounds of what is kept of a zone's journal for a store that loses its end: at 20 ticks a second some minutes.
const RECENT_BYTES: usize = 8 * 1024 * 1024;
const RECENT_ENTRIES: usize = 4096;

/// The journal's last entries, kept for a store that loses them: as many as fit.
pub(crate) struct Recent {
    /// Digest of the entry before the first that is kept; none: there is none, or it was trimmed.
    before: Option<Digest>,
    entries: VecDeque<Bytes>,
    bytes: usize,
}

impl Recent {
    /// Of a journal whose last entry has this digest.
    pub(crate) fn after(last: Option<Digest>) -> Self {
        Self { before: last, entries: VecDeque::new(), bytes: 0 }
    }

    /// Entries that were appended, or replayed.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = Bytes>) {
        for entry in entries {
            self.bytes += entry.len();
            self.entries.push_back(entry);
        }
        while self.bytes > RECENT_BYTES || self.entries.len() > RECENT_ENTRIES {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes -= oldest.len();
            self.before = Some(Digest::of(&oldest));
        }
    }

    /// The last `count`, and the digest of the one before them; none: not so many are kept.
    pub(crate) fn last(&self, count: u64) -> Option<(Option<Digest>, Vec<Bytes>)> {
        let begin = (self.entries.len() as u64).checked_sub(count)? as usize;
        let before = begin.checked_sub(1).map_or(self.before, |before| Some(Digest::of(&self.entries[before])));
        Some((before, self.entries.range(begin..).cloned().collect()))
    }
}
