//! What a bot remembers of its way, so that a needless correction explains itself.

use std::collections::VecDeque;

use wod_protocol::client::{ZoneInfo, ZoneReason};
use wod_protocol::ids::{CorrectionNo, MoveNo};

use crate::bots::clock::Micros;
use crate::bots::ground::Spot;

/// Claims remembered: more than are under way at a time.
const CLAIMS: usize = 32;

/// The last claims, in metres of the region's plane, and the last `zone`.
#[derive(Default)]
pub(super) struct Trail {
    claims: VecDeque<Claim>,
    told: Option<Told>,
}

struct Claim {
    at_us: Micros,
    m: MoveNo,
    c: CorrectionNo,
    spot: Spot,
}

struct Told {
    at_us: Micros,
    zone: String,
    reason: ZoneReason,
    c: CorrectionNo,
    bounds: [f64; 4],
}

impl Trail {
    pub(super) fn claimed(&mut self, now: Micros, m: MoveNo, c: CorrectionNo, spot: Spot) {
        self.claims.truncate(CLAIMS - 1);
        self.claims.push_front(Claim { at_us: now, m, c, spot });
    }

    pub(super) fn told(&mut self, now: Micros, info: &ZoneInfo) {
        let ZoneInfo { zone, reason, c, bounds, .. } = info;
        self.told = Some(Told { at_us: now, zone: zone.clone(), reason: *reason, c: *c, bounds: *bounds });
    }

    /// A `correct` that the bot has not earned, with the claim that it is about.
    pub(super) fn explain(&self, now: Micros, m: MoveNo, why: &str, [x, y]: Spot) -> String {
        let ms = |since: Micros| now.saturating_sub(since) / 1000;
        let zone = self.told.as_ref().map_or("no zone", |told| &told.zone);
        let claim = self.claims.iter().find(|claim| claim.m == m).map_or_else(
            || format!("move {m}, not among the last {CLAIMS}"),
            |Claim { at_us, c, spot, .. }| {
                format!("move {m} with c {c} to ({:.2}, {:.2}) {} ms ago", spot[0], spot[1], ms(*at_us))
            },
        );
        let told = self.told.as_ref().map_or_else(String::new, |Told { at_us, reason, c, bounds, .. }| {
            format!("; `zone` ({reason:?}) with c {c} and bounds {bounds:?} came {} ms ago", ms(*at_us))
        });
        format!("corrected in {zone}: {why}, put to ({x:.2}, {y:.2}); it was {claim}{told}")
    }
}
