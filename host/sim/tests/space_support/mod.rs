//! Maps and chance for the tests of `space`.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use wod_protocol::map::{Barrier, Map, Shape};
use wod_protocol::units::{Bounds, Pos};
use wod_sim::space::terrain::Terrain;

/// A point, metres from the south-west corner of the test zones.
pub fn at(x: f64, y: f64) -> Pos {
    let corner = corner();
    let here = Pos::from_metres(x, y);
    Pos { x: corner.x + here.x, y: corner.y + here.y }
}

/// Test zones lie somewhere odd, so that nothing depends on the origin.
fn corner() -> Pos {
    Pos::from_metres(-1000.0, 2000.0)
}

pub fn bounds(width: f64, height: f64) -> Bounds {
    Bounds { min: at(0.0, 0.0), max: at(width, height) }
}

pub fn line(points: &[(f64, f64)]) -> Shape {
    Shape { points: points.iter().map(|(x, y)| [*x, *y]).collect(), closed: false }
}

pub fn solid(points: &[(f64, f64)]) -> Shape {
    Shape { closed: true, ..line(points) }
}

pub fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Shape {
    solid(&[(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
}

pub fn door(name: &str, shape: Shape, closed: bool) -> Barrier {
    Barrier { name: name.into(), shape, closed }
}

pub fn map(side: f64, walls: Vec<Shape>, barriers: Vec<Barrier>) -> Map {
    let map = Map { walls, barriers, ..Map::empty(side, side) };
    map.check().expect("a test's map is valid");
    map
}

pub fn terrain(side: f64, walls: Vec<Shape>, barriers: Vec<Barrier>) -> Terrain {
    Terrain::new(&map(side, walls, barriers), bounds(side, side))
}

/// A small seeded generator (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.below(1 << 40) as f64 / (1u64 << 40) as f64)
    }

    pub fn point(&mut self, side: f64) -> Pos {
        at(self.between(0.0, side), self.between(0.0, side))
    }

    pub fn free_point(&mut self, terrain: &Terrain, side: f64) -> Pos {
        (0..10_000).map(|_| self.point(side)).find(|point| terrain.is_free(*point)).expect("the map has free ground")
    }
}

/// Walls of a maze of `cells` x `cells` rooms of `room` metres, one way between any two.
pub fn maze(seed: u64, cells: usize, room: f64) -> Vec<Shape> {
    let mut chance = Chance(seed);
    let mut joined: Vec<usize> = (0..cells * cells).collect();
    fn root(joined: &[usize], mut cell: usize) -> usize {
        while joined[cell] != cell {
            cell = joined[cell];
        }
        cell
    }
    let mut sides: Vec<(usize, usize, bool)> = (0..cells)
        .flat_map(|x| (0..cells).flat_map(move |y| [(x, y, true), (x, y, false)]))
        .filter(|(x, y, east)| if *east { x + 1 < cells } else { y + 1 < cells })
        .collect();
    for i in (1..sides.len()).rev() {
        sides.swap(i, chance.below(i as u64 + 1) as usize);
    }
    let mut walls = Vec::new();
    for (x, y, east) in sides {
        let (one, other) = (y * cells + x, if east { y * cells + x + 1 } else { (y + 1) * cells + x });
        let (one, other) = (root(&joined, one), root(&joined, other));
        if one != other {
            joined[one] = other;
            continue;
        }
        let (x, y) = (x as f64 * room, y as f64 * room);
        walls.push(if east {
            line(&[(x + room, y), (x + room, y + room)])
        } else {
            line(&[(x, y + room), (x + room, y + room)])
        });
    }
    walls
}
