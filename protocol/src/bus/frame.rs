//! Host to gateway: what a tick of a zone means for players.

use serde::{Deserialize, Serialize};

use crate::client::{ChatLine, ChatMode, DialogueOption, Kind, PauseReason, TagValue, Verb, ZoneReason};
use crate::ids::{
    AttachNo, CorrectionNo, Digest, EntityId, Epoch, Generation, HostId, MoveNo, MsgNo, Nonce, Seq, SessionId, Sub,
    Tick, Token, ZoneNo,
};
use crate::units::{Heading, Pos};

/// One tick of one zone for one gateway with players in it. Leaves the host only after the tick is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneFrame {
    /// The zone.
    pub zone: ZoneNo,
    /// The owner's epoch: frames of an older one are dropped.
    pub epoch: Epoch,
    /// How many times the module was replaced.
    pub generation: Generation,
    /// Counts this zone's frames for this gateway within the epoch, from 1. A gap: ask for a resync.
    pub seq: u64,
    /// Where inputs for the zone go.
    pub owner: HostId,
    /// The tick.
    pub tick: Tick,
    /// Milliseconds of game time since the zone began.
    pub game_ms: u64,
    /// Per mille of real time the zone runs at: 1000, less when it is slowed down.
    pub dilation: u16,
    /// Connections let in by this tick.
    pub attached: Vec<Attached>,
    /// Connections not let in.
    pub refused: Vec<AttachRefused>,
    /// Sessions that are told about the zone anew: its module was replaced, it has a new owner.
    pub rezoned: Vec<(SessionId, ZoneReason)>,
    /// The zone as `zone` messages tell it; present when `attached` or `rezoned` is not empty.
    pub info: Option<Box<ZoneCard>>,
    /// Each entity that enters any roster below, once.
    pub cards: Vec<EntityCard>,
    /// Roster changes by session.
    pub rosters: Vec<RosterChange>,
    /// Entities in anybody's roster that moved or jumped, once.
    pub moved: Vec<Moved>,
    /// Changed attributes, for the sessions with the entity in their roster.
    pub attributes: Vec<AttributeChange>,
    /// Barriers that opened or closed.
    pub barriers: Vec<(String, bool)>,
    /// Players told to be elsewhere.
    pub corrections: Vec<Correction>,
    /// Reliable messages: the body once, then who gets it under which number.
    pub messages: Vec<(MessageBody, Vec<(SessionId, MsgNo)>)>,
    /// Unnumbered events, of which only the latest of a name counts.
    pub latest: Vec<LatestEvent>,
    /// Commands dealt with, by session: everything up to this `seq`.
    pub acks: Vec<(SessionId, Seq)>,
    /// Attachments that are over.
    pub gone: Vec<Gone>,
    /// The last lines that a player has heard, for a client that has come without them.
    #[serde(default)]
    pub histories: Vec<(SessionId, Vec<ChatLine>)>,
}

/// A connection was let in: the gateway says `welcome` and `zone`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attached {
    /// Whose. For a login that takes over a standing avatar: still the session of the request; the older one is in `gone`.
    pub session: SessionId,
    /// The request's nonce, so that a gateway finds the connection. None for an arrival from another zone.
    pub nonce: Option<Nonce>,
    /// Who, to route a later resume.
    pub sub: Sub,
    /// The number its inputs carry from now on.
    pub attach: AttachNo,
    /// The avatar.
    pub you: EntityId,
    /// Her name.
    pub name: String,
    /// The last command dealt with.
    pub seq: Seq,
    /// The last reliable message numbered. A client that has a later one, or an ack of a later command, lives in a world
    /// that its store has lost (4104).
    pub n: MsgNo,
    /// Where she stands.
    pub at: Pos,
    /// Where she looks.
    pub heading: Heading,
    /// Her current correction number.
    pub c: CorrectionNo,
    /// Metres a second × 256.
    pub speed: i32,
    /// What the `zone` message says.
    pub reason: ZoneReason,
}

/// A connection was not let in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttachRefused {
    /// The request's session.
    pub session: SessionId,
    /// The request's nonce.
    pub nonce: Nonce,
    /// Why.
    pub why: RefusedAttach,
}

/// Why a connection was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusedAttach {
    /// The player is, or is about to be, in that zone: ask there.
    Elsewhere(ZoneNo),
    /// Between two places: read her record again in a moment.
    Retry,
    /// The session is not known, the token is wrong or the client is ahead of the zone (4104, or the ticket instead).
    ResumeImpossible,
    /// A guest's name that somebody has (4001).
    NameTaken,
    /// The zone takes no more players (4103).
    Full,
}

/// A zone as its players are told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneCard {
    /// Map JSON's digest.
    pub map: Digest,
    /// Barriers that stand closed.
    pub barriers: Vec<String>,
    /// Module name.
    pub module: String,
    /// Module version.
    pub version: String,
}

/// An entity as those who meet it see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityCard {
    /// Who.
    pub id: EntityId,
    /// What.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where.
    pub at: Pos,
    /// Where it looks.
    pub heading: Heading,
    /// Tags everybody near sees.
    pub tags: Vec<(String, TagValue)>,
    /// What can be done with it.
    pub verbs: Vec<Verb>,
    /// Owned by a neighbouring zone.
    pub ghost: bool,
}

/// Who came near a player and who went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterChange {
    /// Whose roster.
    pub session: SessionId,
    /// Replaces all that was known.
    pub full: bool,
    /// Came near; each has a card in this frame.
    pub enter: Vec<EntityId>,
    /// Went.
    pub leave: Vec<EntityId>,
}

/// An entity's new position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Who.
    pub id: EntityId,
    /// Where.
    pub at: Pos,
    /// Where it looks.
    pub heading: Heading,
    /// Bits of the protocol's `flags`: 1, a jump.
    pub flags: u8,
}

/// A changed attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeChange {
    /// Whose.
    pub id: EntityId,
    /// Only this session is told (a tag for its owner); none: everybody with the entity in the roster.
    pub only: Option<SessionId>,
    /// What.
    pub what: Attribute,
}

/// An attribute's new value, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Attribute {
    /// All tags.
    Tags(Vec<(String, TagValue)>),
    /// All verbs.
    Verbs(Vec<Verb>),
    /// The name.
    Name(String),
}

/// A player is told where she is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// Whose.
    pub session: SessionId,
    /// The number her moves carry from now on.
    pub c: CorrectionNo,
    /// The refused move, or the last one seen.
    pub m: MoveNo,
    /// Where she is.
    pub at: Pos,
    /// For people: `too_fast`, `wall`, `out_of_bounds`, `placed`.
    pub why: String,
}

/// The body of a reliable message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MessageBody {
    /// A line of chat.
    Chat {
        /// The speaker.
        from: EntityId,
        /// Its name.
        name: String,
        /// How it was said.
        mode: ChatMode,
        /// The line.
        text: String,
    },
    /// An NPC speaks to the player.
    Dialogue {
        /// The dialogue.
        dialogue: Token,
        /// Who speaks.
        npc: EntityId,
        /// What.
        text: String,
        /// Answers; none: the talk is over.
        options: Vec<DialogueOption>,
    },
    /// Anything a module tells.
    Event {
        /// Its name.
        name: String,
        /// JSON text.
        data: String,
    },
    /// A command was refused.
    Reject {
        /// Its number.
        seq: Seq,
        /// Why: a [`RejectCode`]'s name, or a module's own.
        code: String,
        /// For people.
        message: String,
    },
    /// Whom she does not hear.
    Ignored {
        /// All of them, as they were called when she began, in order.
        names: Vec<String>,
    },
}

/// An event of which only the latest of its name counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestEvent {
    /// Its name.
    pub name: String,
    /// JSON text.
    pub data: String,
    /// Who is told.
    pub to: Vec<SessionId>,
}

/// An attachment is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Whose.
    pub session: SessionId,
    /// Which connection.
    pub attach: AttachNo,
    /// Why.
    pub why: GoneReason,
}

/// Why an attachment is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GoneReason {
    /// The player is on her way to that zone: keep the connection, follow its first frame.
    Crossed(ZoneNo),
    /// Logged out or timed out.
    LoggedOut,
    /// A newer connection has taken over (4003).
    Replaced,
    /// A module or an operator put her out (4004).
    Kicked(String),
    /// Too many unacked reliable messages (4101).
    TooSlow,
    /// That avatar is not the real one any more: another zone has her by a later hand-off (4104).
    Outdated,
}

/// A zone stands still, or goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneNotice {
    /// The zone.
    pub zone: ZoneNo,
    /// By whose word.
    pub epoch: Epoch,
    /// True: stands still.
    pub paused: bool,
    /// Why.
    pub reason: PauseReason,
}
