//! What processes say to each other over the backplane: one envelope per pair of processes and flush.
//!
//! Inboxes are lossy and unordered across senders. Loss is found by the frame numbers ([`ZoneFrame::seq`]) and the stream
//! numbers ([`ZoneStream::first`]) and repaired by resync and resend; nothing here may assume delivery.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::client::{ChatMode, DialogueOption, Kind, PauseReason, RejectCode, TagValue, Verb, ZoneReason};
use crate::ids::{
    AttachNo, CorrectionNo, Digest, EntityId, Epoch, GatewayId, Generation, Hop, HostId, MoveNo, MsgNo, Nonce, Seq,
    SessionId, Sub, Tick, Token, ZoneNo,
};
use crate::units::{Heading, Pos};

/// A process that has an inbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Process {
    /// A gateway, inbox `gw:{id}`.
    Gateway(GatewayId),
    /// A zone host, inbox `host:{id}`.
    Host(HostId),
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gateway(id) => write!(f, "gw:{id}"),
            Self::Host(id) => write!(f, "host:{id}"),
        }
    }
}

/// Everything one process has for another in one flush.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sent it.
    pub from: Process,
    /// In sending order.
    pub parts: Vec<Part>,
}

/// An envelope that does not decode, or does not encode.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It holds something that MessagePack has no form for.
    #[error("the envelope can't be encoded")]
    Encode(#[from] rmp_serde::encode::Error),
    /// Not the MessagePack of an envelope, nested too deep, or followed by other bytes.
    #[error("the envelope can't be decoded")]
    Decode(#[from] rmp_serde::decode::Error),
    /// Bytes follow the envelope.
    #[error("{0} bytes follow the envelope")]
    Trailing(usize),
}

impl Envelope {
    /// The bytes that travel: compact MessagePack, fields by position. Both ends run the same build or a newer one that
    /// only appends fields.
    ///
    /// # Errors
    /// Never for envelopes built from decoded or bounded parts; the error is there for collections over 2³² items.
    pub fn encode(&self) -> Result<Bytes, EnvelopeError> {
        let mut bytes = Vec::with_capacity(512);
        self.serialize(&mut rmp_serde::Serializer::new(&mut bytes))?;
        Ok(bytes.into())
    }

    /// Reads what [`Envelope::encode`] wrote, at most [`DECODE_DEPTH`](crate::limits::DECODE_DEPTH) levels deep.
    ///
    /// # Errors
    /// For anything else than exactly one envelope.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let mut rest = bytes;
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(crate::limits::DECODE_DEPTH);
        let envelope = Self::deserialize(&mut deserializer)?;
        drop(deserializer);
        if rest.is_empty() { Ok(envelope) } else { Err(EnvelopeError::Trailing(rest.len())) }
    }
}

/// One part of an envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// Gateway to host: inputs for one zone.
    ToZone(ToZone),
    /// Host to gateway: one tick of one zone, committed.
    Frame(Box<ZoneFrame>),
    /// Host to gateway: a zone stands still or goes on. Not part of the zone's history.
    Notice(ZoneNotice),
    /// Zone to zone.
    Stream(ZoneStream),
}

/// Inputs of one gateway for one zone, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToZone {
    /// The zone.
    pub zone: ZoneNo,
    /// What the gateway has for it.
    pub inputs: Vec<GatewayInput>,
}

/// What a gateway tells a zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum GatewayInput {
    /// A connection wants in: login or resume. Repeated with the same nonce until a frame answers it.
    Attach(Box<AttachRequest>),
    /// The connection of this attachment is gone.
    Detach {
        /// Whose.
        session: SessionId,
        /// Which of its connections.
        attach: AttachNo,
        /// Why; decides whether the avatar waits for a resume.
        why: DetachReason,
    },
    /// A claimed position. In the client's order; beyond the rate of a client only the latest of a flush is sent.
    Move(MoveClaim),
    /// A command; sent again until a frame acks its `seq`.
    Command {
        /// Whose.
        session: SessionId,
        /// Over which connection.
        attach: AttachNo,
        /// Its number; the zone applies only the last one's successor.
        seq: Seq,
        /// What.
        body: CommandBody,
    },
    /// The client has every reliable message up to `n`.
    AckMessages {
        /// Whose.
        session: SessionId,
        /// Over which connection.
        attach: AttachNo,
        /// The last of them.
        n: MsgNo,
    },
    /// The gateway missed frames, or has none: send everything its sessions need.
    Resync,
}

/// A claimed position on its way to the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveClaim {
    /// Whose.
    pub session: SessionId,
    /// Over which connection.
    pub attach: AttachNo,
    /// The client's number.
    pub m: MoveNo,
    /// The last correction the client had seen.
    pub c: CorrectionNo,
    /// Where it claims to be.
    pub at: Pos,
    /// Where it looks, when it said so.
    pub heading: Option<Heading>,
    /// When the gateway received it: milliseconds since this connection began, by the gateway's monotonic clock.
    pub received_ms: u64,
}

/// A connection's wish to be let in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttachRequest {
    /// The gateway's session; for a login a fresh one, for a resume the resumed one.
    pub session: SessionId,
    /// One per connection.
    pub nonce: Nonce,
    /// Where frames for it go.
    pub gateway: GatewayId,
    /// Who.
    pub sub: Sub,
    /// Her name, should she be new.
    pub name: String,
    /// Whether she is a guest: a guest's name must be free, and her record goes when she does.
    pub guest: bool,
    /// What she proved.
    pub proof: AttachProof,
    /// BLAKE3 of the resume token that `welcome` will give.
    #[serde(with = "serde_bytes")]
    pub token_hash: [u8; 32],
}

/// Why a connection may speak for a player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttachProof {
    /// A ticket (checked by the gateway) or, for guests, a free name: takes over a standing avatar of a ticket.
    Login,
    /// The resume token of the session. A zone that does not have that session answers `ResumeImpossible`.
    Resume {
        /// BLAKE3 of the token the client presented.
        #[serde(with = "serde_bytes")]
        token_hash: [u8; 32],
        /// The last reliable message the client has.
        n: MsgNo,
    },
}

/// Why a connection ended, as far as the zone must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DetachReason {
    /// Lost, or closed with a code after which clients come back: the avatar waits, tagged `away`.
    Lost,
    /// The client said `bye`, or may not come back: log out now.
    Bye,
}

/// A command of a player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CommandBody {
    /// A line of chat.
    Chat {
        /// Who hears it.
        mode: ChatMode,
        /// The line.
        text: String,
        /// A whisper's addressee, by name.
        to: Option<String>,
    },
    /// A verb on a target.
    Interact {
        /// The entity.
        target: EntityId,
        /// The verb.
        verb: String,
        /// JSON text; `null` when the client gave none.
        args: String,
    },
    /// A choice in a dialogue.
    Choose {
        /// The dialogue.
        dialogue: Token,
        /// The option; none: leave.
        option: Option<String>,
    },
    /// Refused by the gateway already (too long, too many): takes its place in the numbering and is rejected.
    Void {
        /// Why.
        code: RejectCode,
        /// For people.
        message: String,
    },
}

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

/// Part of the gapless numbered stream from one zone to another, and the acknowledgement of the stream the other way.
///
/// Both ends keep sending what is not acked, at most once a second, until it is; an item takes effect once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneStream {
    /// The sender.
    pub from: ZoneNo,
    /// The receiver.
    pub to: ZoneNo,
    /// Number of the first item; the rest follow without gaps. From 1 over the zones' whole life.
    pub first: u64,
    /// The items.
    pub items: Vec<ZoneItem>,
    /// The sender has dealt with every item of the receiver's stream up to this, durably.
    pub acked: u64,
}

/// Something that must happen in another zone exactly once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ZoneItem {
    /// A player arrives, with everything she carries.
    Player(Box<Traveller>),
    /// A player that this zone had sent is not taken: she is back.
    PlayerRefused {
        /// She.
        traveller: Box<Traveller>,
        /// For people.
        why: String,
    },
    /// A whisper for a player that the sender believes to be there.
    Whisper {
        /// The speaker.
        from: EntityId,
        /// Its name.
        name: String,
        /// The speaker's zone, session and command, for the answer.
        origin: WhisperOrigin,
        /// The addressee.
        to: EntityId,
        /// The line.
        text: String,
        /// How often it was passed on; after 8 it is not delivered.
        hops: u8,
    },
    /// A whisper's addressee was not to be found.
    WhisperLost(WhisperOrigin),
    /// A module's message.
    Message {
        /// The sending module's order.
        order: Token,
        /// What about.
        topic: String,
        /// Free bytes.
        body: Bytes,
    },
    /// The fate of a module's message.
    Receipt {
        /// The order.
        order: Token,
        /// Whether a module got it.
        delivered: bool,
    },
}

/// Whom to tell when a whisper is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhisperOrigin {
    /// The zone the whisper was said in.
    pub zone: ZoneNo,
    /// The speaker.
    pub speaker: EntityId,
    /// The command.
    pub seq: Seq,
}

/// A whole player on her way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traveller {
    /// Her avatar.
    pub id: EntityId,
    /// Who she is.
    pub sub: Sub,
    /// Her name.
    pub name: String,
    /// Whether her record goes when she does.
    pub guest: bool,
    /// Hand-offs so far, this one included.
    pub hop: Hop,
    /// Where she arrives.
    pub at: Pos,
    /// Where she looks.
    pub heading: Heading,
    /// Metres a second × 256.
    pub speed: i32,
    /// How she arrives.
    pub way: Way,
    /// Tags that go with her (`look`, `title`; a module's own stay behind).
    pub tags: Vec<(String, TagValue)>,
    /// What modules saved for her, by module name.
    pub saved: std::collections::BTreeMap<String, Bytes>,
    /// Her session; none when she is logged out (a record).
    pub session: Option<TravellingSession>,
}

/// How a player arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Over a border, at the very position.
    Border,
    /// To a named place, or the zone's spawn point.
    Portal(Option<String>),
}

/// A session on its way from zone to zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TravellingSession {
    /// Its id.
    pub session: SessionId,
    /// The gateway it is attached to; none: link-dead.
    pub gateway: Option<GatewayId>,
    /// The connection.
    pub attach: AttachNo,
    /// The nonce of the attach request, so that its repeats stay known.
    pub nonce: Nonce,
    /// Hashes of the resume tokens that are good: the newest, and the one before while no input has come over the newest.
    pub tokens: Vec<Digest>,
    /// The last command dealt with.
    pub seq: Seq,
    /// The last reliable message numbered.
    pub n: MsgNo,
    /// Messages the client has not acked.
    pub unacked: Vec<(MsgNo, MessageBody)>,
    /// The last move seen.
    pub m: MoveNo,
    /// The current correction.
    pub c: CorrectionNo,
    /// Left of the link-death grace, ms; none while connected.
    pub grace_ms: Option<u32>,
}
