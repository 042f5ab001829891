//! Checks where players claim to be.

use serde::{Deserialize, Serialize};
use wod_protocol::bus::MoveClaim;
use wod_protocol::ids::MoveNo;
use wod_protocol::units::{Fixed, Pos};

use super::terrain::Terrain;

/// What a player may still walk: part of her state in the zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    stamp_ms: u64,
    game_ms: u64,
    m: MoveNo,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// She is there now.
    Accepted,
    /// She stays where she was.
    Refused(Why),
}

/// Why a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Why {
    /// Further than her speed allows.
    TooFast,
    /// A wall or closed barrier stands in between.
    Wall,
    /// Outside the zone.
    OutOfBounds,
}

impl Why {
    /// As `correct.why` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooFast => "too_fast",
            Self::Wall => "wall",
            Self::OutOfBounds => "out_of_bounds",
        }
    }
}

impl Allowance {
    /// Of a player who just came into the zone, at this game time.
    pub fn new(game_ms: u64) -> Self {
        Self { stamp_ms: 0, game_ms, m: MoveNo(0) }
    }

    /// A new attachment: its stamps start at 0 again. What she had saved stays.
    pub fn reattached(&mut self) {
        self.stamp_ms = 0;
    }

    /// Judges a claim of a player who stands at `from` (a free point) and walks `speed` (1/256 m a second).
    ///
    /// The caller has dropped claims of older attachments, of older `c` and with a known `m`, and moves her if accepted.
    pub fn judge(&mut self, terrain: &Terrain, speed: Fixed, game_ms: u64, from: Pos, claim: &MoveClaim) -> Verdict {
        let _ = (terrain, speed, game_ms, from, claim);
        unimplemented!()
    }
}
