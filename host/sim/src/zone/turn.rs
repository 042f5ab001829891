//! What a tick has gathered for its effects. Never part of a snapshot: empty between ticks, its buffers are reused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wod_protocol::bus::{AttachRefused, Attached, Correction, Gone, MessageBody, RosterChange};
use wod_protocol::client::{ChatLine, ChatMode, ZoneReason};
use wod_protocol::ids::{EntityId, GatewayId, MsgNo, Seq, SessionId};

use crate::io::{Effects, Report};
use crate::module::Line;
use crate::space::grid::Near;
use crate::space::mover::Steps;
use crate::space::roster::{Changes, Sensed};

/// What a tick has gathered.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The effects themselves, as far as they are final.
    pub(super) out: Effects,
    /// For one gateway each.
    pub(super) drafts: BTreeMap<GatewayId, Draft>,
    /// Who moved or turned, and the protocol's flags for it.
    pub(super) moved: BTreeMap<EntityId, u8>,
    /// Whose looks changed, and which.
    pub(super) looks: BTreeSet<(EntityId, Look)>,
    pub(super) barriers: BTreeMap<String, bool>,
    /// Reliable messages.
    pub(super) messages: Vec<Outgoing>,
    /// Events of which the latest of a name counts: name, JSON, who.
    pub(super) latest: Vec<(String, String, Vec<EntityId>)>,
    /// Who became a ghost, or own: whoever has them in the roster gets their cards anew.
    pub(super) renewed: BTreeSet<EntityId>,
    /// Whose count of watchers changed.
    pub(super) watched: Vec<EntityId>,
    /// What players say that waits for the module's verdict, and what they say behind it.
    pub(super) said: Vec<Said>,
    /// What was heard without a verdict, for another version in a comparison that would judge it.
    pub(super) overheard: Vec<Line>,
    /// Buffers.
    pub(super) changes: Changes,
    pub(super) near: Vec<Near>,
    pub(super) steps: Steps,
    pub(super) sensed: Vec<Sensed>,
}

/// A reliable message: body, and who gets it under which number.
pub(super) type Outgoing = (Arc<MessageBody>, Vec<(EntityId, MsgNo)>);

/// Something that a player says and nobody has heard yet.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) speaker: EntityId,
    pub(super) seq: Seq,
    pub(super) mode: ChatMode,
    pub(super) text: String,
    /// A whisper's addressee.
    pub(super) to: Option<String>,
}

/// What a tick has for one gateway alone.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) attached: Vec<Attached>,
    pub(super) refused: Vec<AttachRefused>,
    pub(super) rezoned: Vec<(SessionId, ZoneReason)>,
    pub(super) rosters: Vec<RosterChange>,
    pub(super) corrections: Vec<Correction>,
    pub(super) acks: BTreeMap<SessionId, Seq>,
    pub(super) gone: Vec<Gone>,
    pub(super) histories: Vec<(SessionId, Vec<ChatLine>)>,
    /// A frame is due even if there is nothing in it.
    pub(super) due: bool,
}

/// A part of an entity's looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Tags that everybody near sees.
    Tags,
    /// Tags as a player sees her own.
    OwnTags,
    Verbs,
    Name,
}

impl Turn {
    /// Begins with the caller's buffers.
    pub(super) fn begin(&mut self, effects: &mut Effects) {
        self.out = std::mem::take(effects);
        self.out.frames.clear();
        self.out.streams.clear();
        self.out.borders.clear();
        self.out.store.clear();
        self.out.answers.clear();
        self.out.reports.clear();
        self.out.binding = false;
    }

    /// Ends: everything gathered was put into `out`, which goes to the caller.
    pub(super) fn end(&mut self, effects: &mut Effects) {
        self.drafts.clear();
        self.moved.clear();
        self.looks.clear();
        self.barriers.clear();
        self.messages.clear();
        self.latest.clear();
        self.renewed.clear();
        self.watched.clear();
        *effects = std::mem::take(&mut self.out);
    }

    pub(super) fn draft(&mut self, gateway: &GatewayId) -> &mut Draft {
        if !self.drafts.contains_key(gateway) {
            self.drafts.insert(gateway.clone(), Draft::default());
        }
        self.drafts.get_mut(gateway).expect("just put in")
    }

    /// Notes a change of place or heading; a jump stays one.
    pub(super) fn note_move(&mut self, id: EntityId, flags: u8) {
        *self.moved.entry(id).or_default() |= flags;
    }

    pub(super) fn report(&mut self, report: Report) {
        self.out.reports.push(report);
    }
}
