//! Gateway to host: what players want of a zone.

use serde::{Deserialize, Serialize};

use crate::client::{ChatMode, RejectCode};
use crate::ids::{
    AttachNo, CorrectionNo, EntityId, GatewayId, MoveNo, MsgNo, Nonce, Seq, SessionId, Sub, Token, ZoneNo,
};
use crate::units::{Heading, Pos};

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
        /// Whether it wants the last lines up to that one again.
        #[serde(default)]
        history: bool,
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
    /// Hear nothing of a player any more.
    Ignore {
        /// The player; none: only tell whom she does not hear.
        name: Option<String>,
    },
    /// Hear a player again.
    Unignore {
        /// The player.
        name: String,
    },
}
