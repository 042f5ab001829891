//! Exact geometry on integers: no rounding decides who is inside a wall.
//!
//! Points are at most 2³⁰ units (4,000 km) apart, which every map (4 km) is far below; then nothing here overflows.

use wod_protocol::units::{Fixed, Heading, Pos};

/// Distance in 1/256 m, rounded down.
pub fn distance(a: Pos, b: Pos) -> Fixed {
    Fixed::try_from(a.distance_squared(b).isqrt()).unwrap_or(Fixed::MAX)
}

/// Distance in 1/1000 of 1/256 m, rounded down, for whoever moves less than 1/256 m at once.
pub fn thousandths(a: Pos, b: Pos) -> i64 {
    a.distance_squared(b).saturating_mul(1_000_000).isqrt()
}

/// The direction from one point to another; none when they are the same.
pub fn heading(from: Pos, to: Pos) -> Option<Heading> {
    let (dx, dy) = delta(from, to);
    (from != to).then(|| Heading::from_radians(libm::atan2(dy as f64, dx as f64)))
}

/// The point `part / whole` of the way from `a` to `b`, to the nearest 1/256 m. `part` is at most `whole`, `whole` over 0.
pub fn along(a: Pos, b: Pos, part: i64, whole: i64) -> Pos {
    let (dx, dy) = delta(a, b);
    let share = |d: i64| (d * part + (whole / 2) * d.signum()) / whole;
    let add = |base: Fixed, d: i64| Fixed::try_from(i64::from(base) + d).expect("lies between two points");
    Pos { x: add(a.x, share(dx)), y: add(a.y, share(dy)) }
}

/// `to - from` on both axes.
pub(super) fn delta(from: Pos, to: Pos) -> (i64, i64) {
    (i64::from(to.x) - i64::from(from.x), i64::from(to.y) - i64::from(from.y))
}

/// Twice the area of the triangle: over 0 when `c` lies to the left of the line from `a` to `b`.
pub(super) fn cross(a: Pos, b: Pos, c: Pos) -> i64 {
    let ((bx, by), (cx, cy)) = (delta(a, b), delta(a, c));
    bx * cy - by * cx
}

/// Whether two closed segments (or points) share a point.
pub(super) fn segments_touch(a: Pos, b: Pos, c: Pos, d: Pos) -> bool {
    if a.x.max(b.x) < c.x.min(d.x)
        || c.x.max(d.x) < a.x.min(b.x)
        || a.y.max(b.y) < c.y.min(d.y)
        || c.y.max(d.y) < a.y.min(b.y)
    {
        return false;
    }
    // With overlapping boxes, each segment's ends on both sides of (or on) the other's line is enough, also when collinear.
    let opposite = |one: i64, other: i64| one.signum() * other.signum() <= 0;
    opposite(cross(a, b, c), cross(a, b, d)) && opposite(cross(c, d, a), cross(c, d, b))
}

/// Whether a point is nearer to a segment than `radius`.
pub(super) fn nearer_to_segment(at: Pos, a: Pos, b: Pos, radius: Fixed) -> bool {
    let limit = i64::from(radius) * i64::from(radius);
    let ((bx, by), (px, py)) = (delta(a, b), delta(a, at));
    let (length, foot) = (bx * bx + by * by, bx * px + by * py);
    if foot <= 0 {
        at.distance_squared(a) < limit
    } else if foot >= length {
        at.distance_squared(b) < limit
    } else {
        let area = i128::from(cross(a, b, at));
        area * area < i128::from(limit) * i128::from(length)
    }
}

/// Whether two segments come nearer to each other than `radius`.
pub(super) fn segments_nearer(a: Pos, b: Pos, c: Pos, d: Pos, radius: Fixed) -> bool {
    segments_touch(a, b, c, d)
        || nearer_to_segment(a, c, d, radius)
        || nearer_to_segment(b, c, d, radius)
        || nearer_to_segment(c, a, b, radius)
        || nearer_to_segment(d, a, b, radius)
}
