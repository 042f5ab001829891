//! The last lines of chat that a player has heard: for a client that has lost what it showed.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wod_protocol::bus::MessageBody;
use wod_protocol::client::ChatLine;
use wod_protocol::ids::{EntityId, MsgNo};
use wod_protocol::limits::{HISTORY_BYTES, HISTORY_LINES};

use super::Zone;
use super::state::Link;

/// Bounded by [`HISTORY_LINES`] and [`HISTORY_BYTES`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// With the numbers under which they were told; 0: told to a client that is gone.
    lines: VecDeque<(MsgNo, Arc<MessageBody>)>,
    /// Of names and texts.
    bytes: usize,
}

impl History {
    /// Keeps it if it is a line.
    pub(super) fn note(&mut self, n: MsgNo, body: &Arc<MessageBody>) {
        let Some(bytes) = line_bytes(body) else { return };
        self.lines.push_back((n, Arc::clone(body)));
        self.bytes += bytes;
        while self.lines.len() > HISTORY_LINES || self.bytes > HISTORY_BYTES {
            let Some((_, oldest)) = self.lines.pop_front() else { return };
            self.bytes -= line_bytes(&oldest).unwrap_or_default();
        }
    }

    /// Every line with its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MsgNo, &MessageBody)> {
        self.lines.iter().map(|(n, body)| (*n, &**body))
    }

    /// What was number `dropped` is number 0 from now on.
    pub(super) fn renumber(&mut self, dropped: u64) {
        for (n, _) in &mut self.lines {
            n.0 = n.0.saturating_sub(dropped);
        }
    }

    /// The lines before this number.
    fn before(&self, n: u64) -> Vec<ChatLine> {
        let line = |body: &MessageBody| match body {
            MessageBody::Chat { from, name, mode, text } => {
                Some(ChatLine { from: *from, name: name.clone(), mode: *mode, text: text.clone() })
            }
            _ => None,
        };
        self.iter().filter(|(number, _)| number.0 < n).filter_map(|(_, body)| line(body)).collect()
    }
}

/// None: it is no line.
fn line_bytes(body: &MessageBody) -> Option<usize> {
    match body {
        MessageBody::Chat { name, text, .. } => Some(name.len() + text.len()),
        _ => None,
    }
}

impl Zone {
    /// Tells the client that has just come the lines it lacks and would not be told otherwise: those before the first reliable
    /// message that is repeated for it.
    pub(super) fn show_history(&mut self, id: EntityId) {
        let Some(player) = self.state.players.get(&id) else { return };
        let session = &player.session;
        let (true, Link::Up(gateway)) = (session.wants_history, &session.link) else { return };
        let lines = session.messages.history.before(session.messages.first());
        if lines.is_empty() {
            return;
        }
        let histories = &mut self.turn.draft(gateway).histories;
        histories.retain(|(known, _)| *known != session.id);
        histories.push((session.id, lines));
    }
}
