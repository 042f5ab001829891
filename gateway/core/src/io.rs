//! What reaches the core and what it sets off.

use bytes::Bytes;
use wod_protocol::bus::Envelope;
use wod_protocol::client::{CloseCode, Encoding};
use wod_protocol::ids::{HostId, Sub, ZoneNo};
use wod_protocol::record::Place;
use wod_protocol::registry::Owner;

/// A client's connection; the shell never uses a number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Random numbers for one connection, from a cryptographic source: they name its session and are its resume token.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    /// Becomes the session's id.
    pub session: u64,
    /// Becomes the attach request's nonce.
    pub nonce: u64,
    /// Becomes the resume token.
    pub token: [u8; 16],
}

/// A WebSocket message of a client.
#[derive(Debug, Clone)]
pub enum ClientFrame {
    /// A text frame.
    Text(Bytes),
    /// A binary frame.
    Binary(Bytes),
}

/// Who a ticket speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The character, for ever.
    pub sub: Sub,
    /// Her name, should she be new.
    pub name: String,
}

/// Where a player's record says she is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// In a zone, or nowhere.
    pub place: Place,
    /// The zone she was last in.
    pub zone: ZoneNo,
}

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A WebSocket connection stands.
    Opened {
        /// Its number.
        conn: ConnId,
        /// By its subprotocol.
        encoding: Encoding,
        /// Fresh random numbers.
        seeds: Seeds,
    },
    /// A message came from a client.
    Frame {
        /// Over which connection.
        conn: ConnId,
        /// The message.
        frame: ClientFrame,
    },
    /// Another sign of life: a WebSocket ping or pong.
    Heard {
        /// Of which connection.
        conn: ConnId,
    },
    /// A client sent a message over `CLIENT_FRAME_BYTES`.
    TooBig {
        /// Over which connection.
        conn: ConnId,
    },
    /// A connection is gone, whoever ended it.
    Closed {
        /// Which.
        conn: ConnId,
    },
    /// More than the shell's bound waits to be written to this connection.
    Congested {
        /// Which.
        conn: ConnId,
    },
    /// A congested connection has taken everything.
    Writable {
        /// Which.
        conn: ConnId,
    },
    /// The answer to [`Effect::VerifyTicket`]; the error is for the person at the client.
    Verdict {
        /// For which connection.
        conn: ConnId,
        /// Whom the ticket speaks for, or why it is not good.
        verdict: Result<Identity, String>,
    },
    /// The answer to [`Effect::ReadRecord`].
    Record {
        /// For which connection.
        conn: ConnId,
        /// Where she is; none: she was never in the world. The error: the backplane did not answer.
        found: Result<Option<Whereabouts>, BackplaneAway>,
    },
    /// The answer to [`Effect::LookupOwner`].
    Owner {
        /// The zone.
        zone: ZoneNo,
        /// Its owner; none: nobody has it now, or the backplane did not answer.
        owner: Option<Owner>,
    },
    /// From a zone host.
    Envelope(Envelope),
    /// The inbox lost envelopes.
    Missed,
    /// The backplane can't be reached any more, or again.
    Backplane {
        /// Whether it is away.
        away: bool,
    },
    /// The gateways that other regions' players had better use: a region, and how players reach its gateway. In place of all that
    /// was said before; none: everybody stays.
    Nearer(Vec<(String, String)>),
    /// `FLUSH_INTERVAL` has passed.
    Flush,
    /// [`TICK_INTERVAL`](crate::limits::TICK_INTERVAL) has passed.
    Tick,
    /// This process is about to stop: send every client elsewhere, let no more in.
    Drain {
        /// When clients should come back, ms.
        retry_ms: u32,
    },
}

/// The backplane did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackplaneAway;

/// Something to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Queue these messages, in order, for a client; one socket write if possible.
    Send {
        /// Over which connection.
        conn: ConnId,
        /// Each a whole message in the connection's encoding.
        frames: Vec<Bytes>,
    },
    /// Close a connection once what was sent is written. The core has forgotten it already.
    Close {
        /// Which.
        conn: ConnId,
        /// With what code.
        code: CloseCode,
        /// And what words.
        reason: String,
    },
    /// Check a ticket's signature and expiry: [`Event::Verdict`].
    VerifyTicket {
        /// For which connection.
        conn: ConnId,
        /// The ticket.
        ticket: String,
    },
    /// Read a player's record: [`Event::Record`].
    ReadRecord {
        /// For which connection.
        conn: ConnId,
        /// Whose.
        sub: Sub,
    },
    /// Find a zone's owner: [`Event::Owner`].
    LookupOwner(ZoneNo),
    /// Send an envelope to a host's inbox; nobody waits for it.
    Publish {
        /// To whom.
        to: HostId,
        /// What.
        envelope: Envelope,
    },
}
