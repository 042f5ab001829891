//! Checks where players claim to be.
//!
//! Two purses pay for every metre. The **stamp purse** earns by the gateway's receive stamps and holds little: whatever a bus
//! or a host does to the messages afterwards, a player who walks at her speed can pay, one who runs soon can't. The **zone
//! purse** earns by the zone's own clock and holds [`BURST_MS`]: stamps that lie or run ahead earn nothing more than that.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use wod_protocol::bus::MoveClaim;
use wod_protocol::ids::MoveNo;
use wod_protocol::units::{Fixed, Pos};

use super::geometry::thousandths;
use super::terrain::Terrain;

/// Walking time that a player who stood still can have saved; it covers jitter of as much. At 1.5 times her speed it lasts for
/// 0.7 to 0.8 s (`tests/tests/e2e/feel.rs` prints it); half a second would last for the whole second within which a runner is corrected.
pub const SAVED_MS: i64 = 400;
/// Walking time that can become due at once: after a stall, or when the gateway dropped the moves in between.
pub const BURST_MS: i64 = 1500;
/// What a second earns, in thousandths of a second's walk: clocks differ a little.
const RATE: i64 = 1020;
/// Most corners considered for the bends between two claims.
const BENDS: usize = 8;

/// What a player may still walk: part of her state in the zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Time of the last stamp, and of the zone when it last judged.
    stamp_ms: u64,
    game_ms: u64,
    /// The last move judged.
    m: MoveNo,
    /// The purses, in 1/1000 of 1/256 m; none: as much as they hold.
    purses: Option<Purses>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Purses {
    stamp: i64,
    zone: i64,
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
        Self { stamp_ms: 0, game_ms, m: MoveNo(0), purses: None }
    }

    /// A new attachment: its stamps start at 0 again. What she had saved stays.
    pub fn reattached(&mut self) {
        self.stamp_ms = 0;
    }

    /// Judges a claim of a player who stands at `from` (a free point) and walks `speed` (1/256 m a second). `game_ms` is the
    /// zone's clock.
    ///
    /// Every way she takes is free of walls: the straight leg, or else one round a corner or two that she can pay.
    ///
    /// The caller has dropped claims of older attachments, of older `c` and with a known `m`, and moves her if accepted.
    pub fn judge(&mut self, terrain: &Terrain, speed: Fixed, game_ms: u64, from: Pos, claim: &MoveClaim) -> Verdict {
        let moves_between = claim.m.0 > self.m.0.saturating_add(1);
        self.m = claim.m;
        let purses = self.earn(i64::from(speed.max(0)) * RATE / 1000, game_ms, claim.received_ms, moves_between);
        if !terrain.bounds().contains(claim.at) {
            return Verdict::Refused(Why::OutOfBounds);
        }
        let payable = purses.stamp.min(purses.zone);
        let straight = thousandths(from, claim.at);
        if straight > payable {
            return Verdict::Refused(Why::TooFast);
        }
        let walked =
            if terrain.leg_is_free(from, claim.at) { Some(straight) } else { bent(terrain, from, claim.at, payable) };
        let Some(walked) = walked else { return Verdict::Refused(Why::Wall) };
        purses.stamp -= walked;
        purses.zone -= walked;
        Verdict::Accepted
    }

    /// Lets both clocks earn, at `rate` (1/256 m a second).
    fn earn(&mut self, rate: i64, game_ms: u64, stamp_ms: u64, moves_between: bool) -> &mut Purses {
        let since = |now: u64, last: u64| i64::try_from(now.saturating_sub(last)).unwrap_or(i64::MAX).min(BURST_MS);
        let by_stamp = since(stamp_ms, self.stamp_ms) * rate;
        let by_zone = since(game_ms, self.game_ms) * rate;
        self.stamp_ms = self.stamp_ms.max(stamp_ms);
        self.game_ms = self.game_ms.max(game_ms);
        let purses = self.purses.get_or_insert(Purses { stamp: SAVED_MS * rate, zone: BURST_MS * rate });
        purses.stamp = (purses.stamp + by_stamp).min(SAVED_MS * rate);
        if moves_between {
            // She did not stand still since the last stamp: moves of hers were dropped on the way.
            purses.stamp = purses.stamp.max(by_stamp);
        }
        purses.zone = (purses.zone + by_zone).min(BURST_MS * rate);
        purses
    }
}

/// The length of a way with one or two bends, when there is one of at most `limit`: who slides along a wall round its end says
/// only now and then where she is, and of those moves the gateway keeps only the latest of a flush. Each leg of the way is free.
fn bent(terrain: &Terrain, from: Pos, to: Pos, limit: i64) -> Option<i64> {
    if !terrain.is_free(to) {
        return None;
    }
    // The corners with the shortest ways over them, and whether one sees them from each end.
    let mut bends: SmallVec<[(i64, Pos); BENDS]> = SmallVec::new();
    for corner in terrain.corners().iter().filter(|corner| terrain.has(corner)) {
        let entry = (thousandths(from, corner.tight) + thousandths(corner.tight, to), corner.tight);
        if entry.0 <= limit {
            let place = bends.partition_point(|other| *other <= entry);
            if place < BENDS {
                bends.truncate(BENDS - 1);
                bends.insert(place, entry);
            }
        }
    }
    let seen = |end: Pos| -> SmallVec<[Pos; BENDS]> {
        bends.iter().map(|(_, bend)| *bend).filter(|bend| terrain.leg_is_free(*bend, end)).collect()
    };
    let (firsts, lasts) = (seen(from), seen(to));
    let mut best = None;
    for first in &firsts {
        for last in &lasts {
            let length = thousandths(from, *first) + thousandths(*first, *last) + thousandths(*last, to);
            if length <= limit && best.is_none_or(|best| length < best) && terrain.leg_is_free(*first, *last) {
                best = Some(length);
            }
        }
    }
    best
}
