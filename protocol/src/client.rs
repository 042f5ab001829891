//! Client protocol, version 1 (PROTOCOL.md): the messages between a player's client and a gateway, in JSON or MessagePack.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{CorrectionNo, Digest, EntityId, Generation, MoveNo, MsgNo, Seq, Tick};

/// Which of the two encodings a connection speaks; chosen by the WebSocket subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// `wod.v1.json`, text frames.
    Json,
    /// `wod.v1.msgpack`, binary frames, maps with the same names.
    MessagePack,
}

/// How a line is said, which decides who hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatMode {
    /// Heard near the speaker.
    Say,
    /// Heard further away.
    Shout,
    /// An action, seen near the speaker.
    Emote,
    /// Heard by one player, wherever she is.
    Whisper,
}

/// From client to server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientMsg {
    /// First message of every connection.
    Hello {
        /// Signed login (JWT).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<String>,
        /// Guest login.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Continue a session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<ResumeRequest>,
        /// Free text naming the client program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
    },
    /// A claimed position, metres.
    Move {
        /// Counts up over the session.
        #[serde(deserialize_with = "crate::codec::whole")]
        m: MoveNo,
        /// The last correction or jump seen.
        #[serde(deserialize_with = "crate::codec::whole")]
        c: CorrectionNo,
        /// East, m.
        #[serde(deserialize_with = "crate::codec::finite")]
        x: f64,
        /// North, m.
        #[serde(deserialize_with = "crate::codec::finite")]
        y: f64,
        /// Heading, radians.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::codec::finite_option")]
        h: Option<f64>,
    },
    /// A line of chat.
    Chat {
        /// Command number.
        #[serde(deserialize_with = "crate::codec::whole")]
        seq: Seq,
        /// Who hears it.
        mode: ChatMode,
        /// The line.
        text: String,
        /// A whisper's addressee, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// A verb on a target.
    Interact {
        /// Command number.
        #[serde(deserialize_with = "crate::codec::whole")]
        seq: Seq,
        /// The entity.
        #[serde(deserialize_with = "crate::codec::whole")]
        target: EntityId,
        /// One of the verbs it offers.
        verb: String,
        /// Any value up to 1 KiB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        args: Option<Value>,
    },
    /// An option of an open dialogue.
    Choose {
        /// Command number.
        #[serde(deserialize_with = "crate::codec::whole")]
        seq: Seq,
        /// The dialogue.
        #[serde(deserialize_with = "crate::codec::whole")]
        dialogue: u64,
        /// The option; none: leave the dialogue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        option: Option<String>,
    },
    /// Hear nothing of a player any more; or only ask whom one does not hear. Answered with `ignored`.
    Ignore {
        /// Command number.
        #[serde(deserialize_with = "crate::codec::whole")]
        seq: Seq,
        /// The player; none: only ask.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Hear a player again. Answered with `ignored`.
    Unignore {
        /// Command number.
        #[serde(deserialize_with = "crate::codec::whole")]
        seq: Seq,
        /// The player.
        name: String,
    },
    /// Every reliable message up to `n` has arrived.
    Ack {
        /// The last of them.
        #[serde(deserialize_with = "crate::codec::whole")]
        n: MsgNo,
    },
    /// Answered with `pong`.
    Ping {
        /// Returned as it is.
        #[serde(deserialize_with = "crate::codec::whole")]
        c: u64,
    },
    /// Leave now.
    Bye {},
}

/// How to continue a session after a lost connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// As given by `welcome`.
    pub session: String,
    /// The secret given by `welcome`.
    pub token: String,
    /// The last reliable message the client has.
    #[serde(deserialize_with = "crate::codec::whole")]
    pub n: MsgNo,
    /// Whether the client has lost what it showed, and wants the last lines up to `n` again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
}

/// From server to client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are PROTOCOL.md's, which documents each")]
pub enum ServerMsg {
    Welcome {
        session: String,
        token: String,
        you: EntityId,
        name: String,
        seq: Seq,
    },
    Zone(ZoneInfo),
    Roster {
        enter: Vec<RosterEntry>,
        leave: Vec<EntityId>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        full: bool,
    },
    Update {
        tick: Tick,
        e: Vec<UpdateEntry>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dilation: Option<f32>,
    },
    Correct {
        c: CorrectionNo,
        m: MoveNo,
        x: f64,
        y: f64,
        why: String,
    },
    History {
        lines: Vec<ChatLine>,
    },
    Chat {
        n: MsgNo,
        from: EntityId,
        name: String,
        mode: ChatMode,
        text: String,
    },
    Dialogue {
        n: MsgNo,
        dialogue: u64,
        npc: EntityId,
        text: String,
        options: Vec<DialogueOption>,
    },
    Event {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        n: Option<MsgNo>,
        name: String,
        data: Value,
    },
    Tags {
        id: EntityId,
        tags: Tags,
    },
    Verbs {
        id: EntityId,
        verbs: Vec<Verb>,
    },
    Name {
        id: EntityId,
        name: String,
    },
    Barrier {
        id: String,
        closed: bool,
    },
    Ack {
        seq: Seq,
    },
    Reject {
        n: MsgNo,
        seq: Seq,
        code: String,
        message: String,
    },
    Ignored {
        n: MsgNo,
        names: Vec<String>,
    },
    Paused {
        zone: String,
        reason: PauseReason,
    },
    Resumed {
        zone: String,
        reason: PauseReason,
    },
    Pong {
        c: u64,
        tick: Tick,
    },
    Bye {
        code: u16,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<String>,
    },
}

/// A line of chat that was heard before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are PROTOCOL.md's, which documents each")]
pub struct ChatLine {
    pub from: EntityId,
    pub name: String,
    pub mode: ChatMode,
    pub text: String,
}

/// Public attributes of an entity, by name, in order of their names.
pub type Tags = std::collections::BTreeMap<String, TagValue>;

/// The value of a tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TagValue {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Something a player can do with an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verb {
    /// What `interact` names.
    pub id: String,
    /// What people read.
    pub label: String,
    /// From how far, metres.
    pub reach: f32,
}

/// One answer a player can give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogueOption {
    /// What `choose` names.
    pub id: String,
    /// What people read.
    pub text: String,
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person's avatar.
    Player,
    /// A module's character.
    Npc,
    /// A thing.
    Object,
}

/// Somebody or something near the player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are PROTOCOL.md's, which documents each")]
pub struct RosterEntry {
    pub id: EntityId,
    pub kind: Kind,
    pub name: String,
    pub x: f64,
    pub y: f64,
    pub h: f64,
    #[serde(default)]
    pub tags: Tags,
    #[serde(default)]
    pub verbs: Vec<Verb>,
    #[serde(default)]
    pub ghost: bool,
}

/// `[id, x, y, h, flags?]` of an update; flags that are 0 are left out.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct UpdateEntry(pub EntityId, pub f64, pub f64, pub f64, #[serde(default)] pub u8);

impl Serialize for UpdateEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(id, x, y, h, flags) = self;
        if *flags == 0 { (id, x, y, h).serialize(serializer) } else { (id, x, y, h, flags).serialize(serializer) }
    }
}

/// [`UpdateEntry`] flag: a jump, do not interpolate.
pub const FLAG_JUMP: u8 = 1;

/// The zone a player is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are PROTOCOL.md's, which documents each")]
pub struct ZoneInfo {
    pub zone: String,
    pub region: String,
    /// `[x0, y0, x1, y1]`, metres.
    pub bounds: [f64; 4],
    pub x: f64,
    pub y: f64,
    pub h: f64,
    pub c: CorrectionNo,
    pub speed: f64,
    pub tick_hz: u32,
    pub tick: Tick,
    pub game_ms: u64,
    /// Digest of the map, JSON at `/maps/{digest}`; its coordinates are relative to the bounds' `x0`, `y0`.
    pub map: String,
    /// Barriers that stand closed now.
    pub barriers: Vec<String>,
    pub module: String,
    pub version: String,
    pub generation: Generation,
    pub reason: ZoneReason,
}

/// Why a `zone` message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md's words")]
pub enum ZoneReason {
    Entered,
    Crossed,
    Swapped,
    RolledBack,
    Recovered,
    Migrated,
    Resumed,
}

/// Why a zone stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md's words")]
pub enum PauseReason {
    Swap,
    Migrating,
    Recovering,
    Backplane,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md's words")]
pub enum RejectCode {
    TooFar,
    NoSuchTarget,
    NoSuchVerb,
    NoSuchPlayer,
    NoSuchDialogue,
    TooLong,
    Muted,
    TooMany,
    Refused,
    ModuleFault,
    NotDelivered,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "PROTOCOL.md's words")]
pub enum CloseCode {
    Bye = 1000,
    TooBig = 1009,
    Malformed = 4000,
    Unauthorised = 4001,
    HelloTimeout = 4002,
    Replaced = 4003,
    Kicked = 4004,
    VersionNotServed = 4005,
    GoingAway = 4100,
    TooSlow = 4101,
    RateLimited = 4102,
    Full = 4103,
    ResumeImpossible = 4104,
}

impl CloseCode {
    /// The number that goes over the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether a client should come back by itself after this code.
    pub fn comes_back(self) -> bool {
        matches!(self, Self::GoingAway | Self::TooSlow | Self::RateLimited | Self::Full | Self::ResumeImpossible)
    }
}

/// A map's digest as the `zone` message shows it.
pub fn map_ref(digest: Digest) -> String {
    digest.to_string()
}
