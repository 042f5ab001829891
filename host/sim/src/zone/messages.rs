//! Reliable messages to players: numbered here, kept until the client has them.

use std::sync::Arc;

use wod_protocol::bus::{GoneReason, MessageBody};
use wod_protocol::client::RejectCode;
use wod_protocol::ids::{EntityId, MsgNo, Seq, Tick};
use wod_protocol::limits::{UNACKED_BYTES, UNACKED_MESSAGES};

use super::Zone;
use super::state::{Link, Messages};

/// How many times the bounds a client may have that acknowledges in time; beyond it she is too slow at once.
const PATIENCE: usize = 2;
/// How many times the bounds are kept for a player who is away; beyond it her session can't be resumed.
const AWAY_PATIENCE: usize = 4;
/// What a message weighs besides its texts, bytes: names of fields and numbers.
const ENVELOPE_BYTES: usize = 64;

impl Messages {
    /// The number of the oldest message the client has not acknowledged.
    pub(super) fn first(&self) -> u64 {
        self.n.0 + 1 - self.unacked.len() as u64
    }

    /// Unacknowledged messages with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MsgNo, &Arc<MessageBody>)> {
        (self.first()..).map(MsgNo).zip(self.unacked.iter().map(|(body, _)| body))
    }

    /// Keeps a message under the next number.
    pub(super) fn push(&mut self, body: Arc<MessageBody>) -> MsgNo {
        let bytes = size(&body);
        self.n = self.n.next();
        self.bytes += bytes;
        self.history.note(self.n, &body);
        self.unacked.push_back((body, bytes as u32));
        self.n
    }

    /// The client has everything up to `n`. False: that says nothing new, or is not true.
    pub(super) fn acknowledge(&mut self, n: MsgNo, now: Tick) -> bool {
        if n > self.n || n.0 < self.first() {
            return false;
        }
        while self.first() <= n.0 {
            let (_, bytes) = self.unacked.pop_front().expect("numbers from first() to n are kept");
            self.bytes -= bytes as usize;
        }
        self.touched = now;
        true
    }

    /// Whether a client that has everything up to `n` can be brought up to date.
    pub(super) fn can_resume(&self, n: MsgNo) -> bool {
        !self.torn && n <= self.n && n.0 + 1 >= self.first()
    }

    /// Numbers what is unacknowledged from 1, for a client that knows nothing of the session.
    pub(super) fn renumber(&mut self) {
        self.history.renumber(self.first() - 1);
        self.n = MsgNo(self.unacked.len() as u64);
        self.torn = false;
    }

    fn is_over(&self, times: usize) -> bool {
        self.unacked.len() > UNACKED_MESSAGES * times || self.bytes > UNACKED_BYTES * times
    }

    fn drop_all(&mut self) {
        self.unacked.clear();
        self.bytes = 0;
        self.torn = true;
    }
}

/// About what the message takes encoded.
fn size(body: &MessageBody) -> usize {
    ENVELOPE_BYTES
        + match body {
            MessageBody::Chat { name, text, .. } => name.len() + text.len(),
            MessageBody::Dialogue { text, options, .. } => {
                text.len() + options.iter().map(|option| option.id.len() + option.text.len() + 16).sum::<usize>()
            }
            MessageBody::Event { name, data } => name.len() + data.len(),
            MessageBody::Reject { code, message, .. } => code.len() + message.len(),
            MessageBody::Ignored { names } => names.iter().map(|name| name.len() + 2).sum(),
        }
}

impl Zone {
    /// Numbers a message for these players and sends it. Who is not here is left out, and of a line who ignores its speaker.
    pub(super) fn tell(&mut self, body: MessageBody, to: &[EntityId]) {
        let body = Arc::new(body);
        let mut numbers = Vec::with_capacity(to.len());
        for id in to {
            let Some(player) = self.state.players.get_mut(id) else { continue };
            let unheard = matches!(&*body, MessageBody::Chat { from, .. } if player.ignored.contains_key(from));
            let messages = &mut player.session.messages;
            if unheard || messages.torn {
                continue;
            }
            if messages.unacked.is_empty() {
                messages.touched = self.state.tick;
            }
            let n = messages.push(Arc::clone(&body));
            let (over, torn) = (messages.is_over(PATIENCE), messages.is_over(AWAY_PATIENCE));
            match player.session.link {
                Link::Up(_) if over => self.too_slow(*id),
                Link::Up(_) => numbers.push((*id, n)),
                Link::Down(_) if torn => messages.drop_all(),
                Link::Down(_) => {}
            }
            self.turn.out.binding = true;
        }
        if !numbers.is_empty() {
            self.turn.messages.push((body, numbers));
        }
    }

    /// Refuses a command; it counts as dealt with.
    pub(super) fn reject(&mut self, player: EntityId, seq: Seq, code: &RejectCode, message: &str) {
        self.reject_as(player, seq, code_name(code).into(), message.into());
    }

    /// Refuses a command with a module's own code: maybe to a player who is a ghost here.
    pub(super) fn reject_as(&mut self, player: EntityId, seq: Seq, code: String, message: String) {
        self.tell_anywhere(MessageBody::Reject { seq, code, message }, &[player], false);
    }

    /// Sends a player everything unacknowledged with this tick, and nothing of it twice.
    pub(super) fn repeat_messages(&mut self, id: EntityId) {
        for (_, to) in &mut self.turn.messages {
            to.retain(|(player, _)| *player != id);
        }
        let Some(player) = self.state.players.get_mut(&id) else { return };
        player.session.messages.touched = self.state.tick;
        self.turn.messages.extend(player.session.messages.iter().map(|(n, body)| (Arc::clone(body), vec![(id, n)])));
    }

    /// Sends again what clients have not acknowledged for a second. Whose bound is full by then is too slow.
    pub(super) fn repeat_overdue_messages(&mut self) {
        let deadline = self.state.tick.0.saturating_sub(self.rules.second());
        let overdue: Vec<(EntityId, bool)> = self
            .state
            .players
            .iter()
            .filter(|(_, player)| matches!(player.session.link, Link::Up(_)))
            .filter(|(_, player)| {
                let messages = &player.session.messages;
                !messages.unacked.is_empty() && messages.touched.0 <= deadline
            })
            .map(|(id, player)| (*id, player.session.messages.is_over(1)))
            .collect();
        for (id, over) in overdue {
            if over { self.too_slow(id) } else { self.repeat_messages(id) }
        }
    }

    fn too_slow(&mut self, id: EntityId) {
        self.drop_link(id, GoneReason::TooSlow);
    }
}

/// A code as `reject` says it.
pub(super) fn code_name(code: &RejectCode) -> &'static str {
    match code {
        RejectCode::TooFar => "too_far",
        RejectCode::NoSuchTarget => "no_such_target",
        RejectCode::NoSuchVerb => "no_such_verb",
        RejectCode::NoSuchPlayer => "no_such_player",
        RejectCode::NoSuchDialogue => "no_such_dialogue",
        RejectCode::TooLong => "too_long",
        RejectCode::Muted => "muted",
        RejectCode::TooMany => "too_many",
        RejectCode::Refused => "refused",
        RejectCode::ModuleFault => "module_fault",
        RejectCode::NotDelivered => "not_delivered",
    }
}
