//! Positions and headings as the zone keeps them: integers, so that every processor computes the same.

use serde::{Deserialize, Serialize};

/// A length in 1/256 m. The whole world lies within ±8,000 km.
pub type Fixed = i32;

/// Steps of [`Fixed`] in one metre.
pub const UNITS_PER_METRE: i32 = 256;

/// Metres to the nearest 1/256 m. Not-a-number gives 0; what is too large saturates.
pub fn to_fixed(metres: f64) -> Fixed {
    (metres * f64::from(UNITS_PER_METRE)).round() as i32
}

/// 1/256 m to metres, exact.
pub fn to_metres(fixed: Fixed) -> f64 {
    f64::from(fixed) / f64::from(UNITS_PER_METRE)
}

/// A point in a region's plane, 1/256 m.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Pos {
    /// East.
    pub x: Fixed,
    /// North.
    pub y: Fixed,
}

impl Pos {
    /// From metres.
    pub fn from_metres(x: f64, y: f64) -> Self {
        Self { x: to_fixed(x), y: to_fixed(y) }
    }

    /// To metres, exact.
    pub fn metres(self) -> (f64, f64) {
        (to_metres(self.x), to_metres(self.y))
    }

    /// Squared distance in (1/256 m)². Saturates from 11,000 km on (a module may ask about any point).
    pub fn distance_squared(self, other: Self) -> i64 {
        let dx = i64::from(self.x) - i64::from(other.x);
        let dy = i64::from(self.y) - i64::from(other.y);
        dx.saturating_mul(dx).saturating_add(dy.saturating_mul(dy))
    }
}

/// Half-open rectangle in a region's plane, 1/256 m: `min` belongs to it, `max` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bounds {
    /// South-west corner.
    pub min: Pos,
    /// North-east corner.
    pub max: Pos,
}

impl Bounds {
    /// Whether the point lies inside.
    pub fn contains(&self, at: Pos) -> bool {
        at.x >= self.min.x && at.x < self.max.x && at.y >= self.min.y && at.y < self.max.y
    }

    /// The nearest point inside.
    pub fn clamp(&self, at: Pos) -> Pos {
        Pos { x: at.x.clamp(self.min.x, self.max.x - 1), y: at.y.clamp(self.min.y, self.max.y - 1) }
    }
}

/// A direction as 1/65,536 of a full turn, counter-clockwise from +x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Heading(pub u16);

impl Heading {
    /// From radians; any finite number, other numbers give 0.
    pub fn from_radians(radians: f64) -> Self {
        if !radians.is_finite() {
            return Self(0);
        }
        let turns = radians / std::f64::consts::TAU;
        Self(((turns - turns.floor()) * 65_536.0) as u32 as u16)
    }

    /// In radians, 0 ≤ r < 2π.
    pub fn radians(self) -> f64 {
        f64::from(self.0) / 65_536.0 * std::f64::consts::TAU
    }
}
