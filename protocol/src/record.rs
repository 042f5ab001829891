//! A player's durable record in the backplane: where she is, and what she carries while she is nowhere.
//!
//! Only zone hosts write it, on behalf of a zone's journaled wish; gateways read it to find her zone. A player is in exactly one
//! place: in the zone that [`Place::Zone`] names (or in that zone's outbox), or in the record itself.

use serde::{Deserialize, Serialize};

use crate::bus::Traveller;
use crate::ids::{Hop, ZoneNo};

/// The record of one player, stored under her `sub` with a version that compare-and-set checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayerRecord {
    /// Schema of this record, now 1.
    pub schema: u32,
    /// Where she is.
    pub place: Place,
    /// Hand-offs so far. A write with a lower count than the stored one is refused.
    pub hop: Hop,
    /// Who she is and what she carried when she was last written (current when `place` is `Offline`).
    pub player: Traveller,
    /// The zone she was last in: where she logs in again.
    pub zone: ZoneNo,
}

/// Where a player is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Nowhere: the record holds her.
    Offline,
    /// In this zone or its outbox.
    Zone(ZoneNo),
}
