//! What processes say to each other over the backplane: one envelope per pair of processes and flush.
//!
//! Inboxes are lossy and unordered across senders. Loss is found by the frame numbers ([`ZoneFrame::seq`]) and the stream
//! numbers ([`ZoneStream::after`]) and repaired by resync and resend; nothing here may assume delivery.

mod border;
mod frame;
mod inputs;
mod migration;
mod stream;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{GatewayId, HostId};

pub use border::{BorderCard, BorderFrame};
pub use frame::{
    AttachRefused, Attached, Attribute, AttributeChange, Correction, EntityCard, Gone, GoneReason, LatestEvent,
    MessageBody, Moved, RefusedAttach, RosterChange, ZoneCard, ZoneFrame, ZoneNotice,
};
pub use inputs::{AttachProof, AttachRequest, CommandBody, DetachReason, GatewayInput, MoveClaim, ToZone};
pub use migration::{MigrationWord, ZoneMigration};
pub use stream::{Muted, Traveller, TravellingSession, Way, WhisperOrigin, ZoneItem, ZoneStream};

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
    /// Zone to neighbouring zone.
    Border(Box<BorderFrame>),
    /// Host to host: a zone changes hands.
    Migration(ZoneMigration),
}
