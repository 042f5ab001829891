//! Zone to zone, over a common border: what of one can be seen, heard and addressed from the other.

use serde::{Deserialize, Serialize};

use super::frame::{Attribute, EntityCard, Moved};
use crate::ids::{EntityId, Epoch, Hop, ZoneNo};

/// What a zone shows a neighbour in one tick: own entities within sight of it, which appear there as ghosts.
///
/// Sent while anybody looks across from either side, with news and once a second. It may be lost, doubled or late: it says how
/// things are, never what has to be done, and who misses one asks for everything anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BorderFrame {
    /// The sender.
    pub from: ZoneNo,
    /// The neighbour.
    pub to: ZoneNo,
    /// The sender's epoch: frames of an older one are dropped.
    pub epoch: Epoch,
    /// Counts the sender's frames for this neighbour within the epoch, from 1. A gap: something was missed.
    pub seq: u64,
    /// The sender has players who could see the neighbour's entities.
    pub wants: bool,
    /// The sender has missed something: it wants a full frame.
    pub missed: bool,
    /// `enter` is everybody: other ghosts of the sender are gone.
    pub full: bool,
    /// Came within sight, or is to be taken anew.
    pub enter: Vec<BorderCard>,
    /// Moved or turned.
    pub moved: Vec<Moved>,
    /// Changed looks; only those that everybody near sees.
    pub changed: Vec<(EntityId, Attribute)>,
    /// Out of sight or gone; with the zone that the entity crossed into, when it did.
    pub leave: Vec<(EntityId, Option<ZoneNo>)>,
}

/// An entity as its zone's neighbours have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BorderCard {
    /// As those who meet it see it.
    pub card: EntityCard,
    /// Metres a second × 256.
    pub speed: i32,
    /// Hand-offs of a player so far: of two zones that show her, the one with the higher count has her. 0 for others.
    pub hop: Hop,
}
