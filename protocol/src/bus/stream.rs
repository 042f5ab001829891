//! Zone to zone: what must happen there exactly once, and players on their way.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::MessageBody;
use crate::client::TagValue;
use crate::ids::{
    AttachNo, CorrectionNo, Digest, EntityId, GatewayId, Hop, MoveNo, MsgNo, Nonce, Seq, SessionId, Sub, Token, ZoneNo,
};
use crate::units::{Heading, Pos};

/// Part of the numbered stream from one zone to another, and the acknowledgement of the stream the other way.
///
/// Both ends keep sending what is not acked, at most once a second, until it is; an item takes effect once. Numbers grow, with
/// leaps: each ownership of the sender numbers from its epoch on. So an owner whose store has lost the end of the zone's
/// history does not give a number again that the receiver has seen under the former one. That nothing is missing between two
/// items is known by `after`, not by their numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneStream {
    /// The sender.
    pub from: ZoneNo,
    /// The receiver.
    pub to: ZoneNo,
    /// Number of the item before the first of these; 0: there was none.
    pub after: u64,
    /// The items, by number, in order.
    pub items: Vec<(u64, ZoneItem)>,
    /// The sender has dealt with every item of the receiver's stream up to this, durably.
    pub acked: u64,
    /// The receiver has acknowledged the sender's items up to this: one that does not know them has lost its history, and
    /// them with it.
    pub settled: u64,
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
    /// The sender has that avatar by a later hand-off than any that brought it to the receiver, whose own is out of date.
    Superseded {
        /// The avatar.
        id: EntityId,
        /// Hand-offs so far.
        hop: Hop,
    },
    /// The fate of a module's message.
    Receipt {
        /// The order.
        order: Token,
        /// Whether a module got it.
        delivered: bool,
    },
    /// Something heard or told over a border: a message for these players, who were ghosts where it was said. Of a line of chat
    /// also for these characters.
    Told {
        /// Where it was said.
        origin: ZoneNo,
        /// To whom.
        to: Vec<EntityId>,
        /// What.
        body: MessageBody,
        /// Of an event: unnumbered, only the latest of its name counts.
        latest: bool,
        /// How often it was passed on behind somebody who has moved; after 8 it is dropped.
        hops: u8,
        /// Passed on to the zone that it came from: its number in that zone's own stream.
        #[serde(default)]
        back: Option<u64>,
    },
    /// A player uses something beyond the border.
    Interact {
        /// Who.
        player: EntityId,
        /// Where she stood.
        at: Pos,
        /// Her command, for the answer.
        seq: Seq,
        /// Whose verb.
        target: EntityId,
        /// Which.
        verb: String,
        /// JSON text.
        args: String,
    },
    /// A player answers a character beyond the border.
    Choose {
        /// Who.
        player: EntityId,
        /// Her command, for the answer.
        seq: Seq,
        /// The dialogue.
        dialogue: Token,
        /// The option; none: she leaves the talk.
        option: Option<String>,
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
    /// Players that she does not hear, and what they were called when she began; at most [`IGNORED`](crate::limits::IGNORED).
    /// By id: another name does not free anybody from it.
    #[serde(default)]
    pub ignored: std::collections::BTreeMap<EntityId, String>,
    /// For how long nobody hears her.
    #[serde(default)]
    pub muted: Muted,
}

/// What is left of a player's mutes: milliseconds of game time, so they stand still while she is away; 0: none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Muted {
    /// By modules: any zone's may end it.
    pub by_module: u64,
    /// By operators, who alone may end it.
    pub by_operator: u64,
    /// The operator's reason, for her to read; empty: none was given.
    pub reason: String,
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
    /// The last item of the receiver's own stream that the sender had taken when she left. What the receiver told her after that
    /// has missed her: it tells her itself.
    #[serde(default)]
    pub heard: u64,
    /// The last lines of chat that she has heard, with their numbers; some of them are among the unacked.
    #[serde(default)]
    pub history: Vec<(MsgNo, MessageBody)>,
}
