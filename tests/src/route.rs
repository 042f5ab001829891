//! Ways round the walls of a map, read from the JSON that PROTOCOL.md describes.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Metres in the region's plane.
pub type Spot = (f64, f64);

/// The distance between two points, metres.
pub fn distance(a: Spot, b: Spot) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The walls of a zone's map, its barriers among them, open or not.
pub struct Walls(Vec<(Spot, Spot)>);

impl Walls {
    /// Those of the zone that a `zone` message tells of, from a gateway at `ip:port`.
    pub async fn of(gateway: impl std::fmt::Display, zone: &Value) -> anyhow::Result<Self> {
        let digest = zone["map"].as_str().context("zone.map")?;
        let map: Value =
            reqwest::get(format!("http://{gateway}/maps/{digest}")).await?.error_for_status()?.json().await?;
        let list = |name: &str| map[name].as_array().cloned().unwrap_or_default();
        let barriers = list("barriers").into_iter().map(|barrier| barrier["shape"].clone());
        let corner = spot(&zone["bounds"])?;
        let mut segments = Vec::new();
        for shape in list("walls").into_iter().chain(barriers) {
            let points = shape["points"].as_array().context("a wall's points")?;
            let points: Vec<Spot> = points.iter().map(spot).collect::<Result<_, _>>()?;
            let points: Vec<Spot> = points.iter().map(|(x, y)| (x + corner.0, y + corner.1)).collect();
            segments.extend(points.windows(2).map(|pair| (pair[0], pair[1])));
            if let (true, [first, .., last]) = (shape["closed"] == true, points.as_slice()) {
                segments.push((*last, *first));
            }
        }
        ensure!(!segments.is_empty(), "the map has walls");
        Ok(Self(segments))
    }

    /// Whether no wall touches the line between.
    pub fn leg_is_free(&self, a: Spot, b: Spot) -> bool {
        !self.0.iter().any(|(c, d)| touch(a, b, *c, *d))
    }

    /// Points to walk to in turn: a shortest way over a grid of whole metres, by breadth first search. None: there is none within
    /// 100 m. Barriers count as closed.
    pub fn way(&self, from: Spot, to: Spot) -> Option<Vec<Spot>> {
        const FAR: i32 = 100;
        const ABOUT: [(i32, i32); 8] = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];
        let spot = |(x, y): (i32, i32)| (from.0 + f64::from(x), from.1 + f64::from(y));
        let mut came_from = BTreeMap::from([((0, 0), (0, 0))]);
        let mut edge = VecDeque::from([(0, 0)]);
        while let Some(at) = edge.pop_front() {
            if distance(spot(at), to) < 1.5 && self.leg_is_free(spot(at), to) {
                let mut way = vec![to];
                let mut back = at;
                while back != (0, 0) {
                    way.push(spot(back));
                    back = came_from[&back];
                }
                way.reverse();
                return Some(way);
            }
            for (dx, dy) in ABOUT {
                let next = (at.0 + dx, at.1 + dy);
                let near = next.0.abs() <= FAR && next.1.abs() <= FAR;
                if near && !came_from.contains_key(&next) && self.leg_is_free(spot(at), spot(next)) {
                    came_from.insert(next, at);
                    edge.push_back(next);
                }
            }
        }
        None
    }

    /// How far the nearest end of a wall is.
    fn nearest_corner(&self, at: Spot) -> f64 {
        self.0.iter().map(|(corner, _)| distance(at, *corner)).fold(f64::INFINITY, f64::min)
    }
}

fn spot(value: &Value) -> anyhow::Result<Spot> {
    value[0].as_f64().zip(value[1].as_f64()).with_context(|| format!("two numbers, not {value}"))
}

/// A round: from its last point it goes on to the first.
pub struct Route(Vec<Spot>);

impl Route {
    /// Over these points.
    pub fn round(points: Vec<Spot>) -> Self {
        Self(points)
    }

    /// Round a regular polygon.
    pub fn polygon(centre: Spot, radius: f64, corners: usize) -> Self {
        let angle = |corner: usize| (corner as f64 + 0.5) * std::f64::consts::TAU / corners as f64;
        let point = |corner| (centre.0 + radius * f64::cos(angle(corner)), centre.1 + radius * f64::sin(angle(corner)));
        Self((0..corners).map(point).collect())
    }

    /// The same round, the other way about.
    pub fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }

    /// Its length, metres.
    pub fn length(&self) -> f64 {
        self.legs().map(|(a, b)| distance(a, b)).sum()
    }

    /// How many corners it has.
    pub fn corners(&self) -> usize {
        self.0.len()
    }

    /// Where one is after so many metres.
    pub fn at(&self, metres: f64) -> Spot {
        let mut left = metres.rem_euclid(self.length());
        for (a, b) in self.legs() {
            let length = distance(a, b);
            if left <= length {
                let share = left / length;
                return (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share);
            }
            left -= length;
        }
        self.0[0]
    }

    /// That whoever claims every `step` metres of it, or more often, goes by the rules: no wall touches the way from claim to
    /// claim. And that it turns at corners of walls, at most `off` metres away in x and in y.
    pub fn check(&self, walls: &Walls, step: f64, off: f64) -> anyhow::Result<()> {
        for point in &self.0 {
            let corner = walls.nearest_corner(*point);
            ensure!(corner <= off * f64::sqrt(2.0) + 1e-9, "{point:?} is {corner} m from the nearest corner");
        }
        let grain = 0.02;
        for index in 0..(self.length() / grain) as usize {
            let from = index as f64 * grain;
            for part in [0.25, 0.5, 0.75, 1.0] {
                let (a, b) = (self.at(from), self.at(from + step * part));
                ensure!(walls.leg_is_free(a, b), "a wall stands between {a:?} and {b:?}");
            }
        }
        Ok(())
    }

    fn legs(&self) -> impl Iterator<Item = (Spot, Spot)> {
        self.0.iter().copied().zip(self.0.iter().copied().cycle().skip(1))
    }
}

/// Whether segment `ab` touches segment `cd`.
fn touch(a: Spot, b: Spot, c: Spot, d: Spot) -> bool {
    let side = |p: Spot, q: Spot, r: Spot| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    let beside = |p: Spot, q: Spot, r: Spot, s: Spot| side(p, q, r) * side(p, q, s) > 0.0;
    let apart = |a: f64, b: f64, c: f64, d: f64| a.max(b) < c.min(d) || c.max(d) < a.min(b);
    !beside(a, b, c, d) && !beside(c, d, a, b) && !apart(a.0, b.0, c.0, d.0) && !apart(a.1, b.1, c.1, d.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_goes_round_a_wall() {
        let walls = Walls(vec![((5.0, -3.0), (5.0, 3.5))]);
        let way = walls.way((0.2, 0.0), (9.0, 0.0)).expect("there is one");
        let legs = std::iter::once((0.2, 0.0)).chain(way.iter().copied()).zip(way.iter().copied());
        assert!(legs.into_iter().all(|(a, b)| walls.leg_is_free(a, b)), "{way:?}");
        assert!(way.len() < 15, "{way:?}");
        let shut = Walls(vec![
            ((-1.0, -1.0), (-1.0, 1.0)),
            ((-1.0, 1.0), (1.0, 1.0)),
            ((1.0, 1.0), (1.0, -1.0)),
            ((1.0, -1.0), (-1.0, -1.0)),
        ]);
        assert_eq!(shut.way((0.2, 0.0), (9.0, 0.0)), None);
    }

    #[test]
    fn a_route_too_near_to_a_corner_for_its_steps_is_noticed() {
        let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let walls = Walls(square.into_iter().zip(square.into_iter().cycle().skip(1)).collect());
        let around =
            |off: f64| Route::round(vec![(-off, -off), (1.0 + off, -off), (1.0 + off, 1.0 + off), (-off, 1.0 + off)]);
        assert!(around(0.2).check(&walls, 0.5, 0.2).is_ok());
        assert!(around(0.2).check(&walls, 1.0, 0.2).is_err(), "half a metre on both sides cuts the corner");
        assert!(around(0.2).check(&walls, 0.5, 0.1).is_err(), "it keeps away from the corners");
        assert!((around(0.5).at(9.0).0 - 0.5).abs() < 1e-9, "the second round: {:?}", around(0.5).at(9.0));
    }
}
