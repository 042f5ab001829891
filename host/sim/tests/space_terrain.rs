//! Walls, solids and barriers: exact, whatever their shape, and the same as testing every segment.
#![expect(clippy::unwrap_used, reason = "tests")]

mod space_support;

use proptest::prelude::*;
use space_support::{Chance, at, bounds, door, line, map, maze, rectangle, solid, terrain};
use wod_protocol::map::{MAX_POINTS, MAX_SHAPES, Map, Shape};
use wod_protocol::units::{Bounds, Pos};
use wod_sim::space::terrain::Terrain;

#[test]
fn a_wall_may_be_neither_crossed_nor_touched() {
    let terrain = terrain(20.0, vec![line(&[(5.0, 10.0), (15.0, 10.0)])], vec![]);
    assert!(!terrain.leg_is_free(at(10.0, 5.0), at(10.0, 15.0)), "across");
    assert!(!terrain.leg_is_free(at(10.0, 5.0), at(10.0, 10.0)), "up to it");
    assert!(!terrain.leg_is_free(at(2.0, 10.0), at(18.0, 10.0)), "along it");
    assert!(!terrain.leg_is_free(at(0.0, 5.0), at(10.0, 15.0)), "through its end");
    assert!(!terrain.is_free(at(15.0, 10.0)) && !terrain.is_free(at(7.25, 10.0)));
    let hair = |pos: Pos, y: i32| Pos { y: pos.y + y, ..pos };
    assert!(terrain.leg_is_free(hair(at(2.0, 10.0), 1), hair(at(18.0, 10.0), 1)), "beside it");
    assert!(terrain.is_free(hair(at(7.0, 10.0), -1)));
}

#[test]
fn a_closed_outline_is_solid_and_an_open_one_has_an_inside() {
    let corners = [(5.0, 5.0), (15.0, 5.0), (15.0, 15.0), (5.0, 15.0)];
    let block = terrain(20.0, vec![solid(&corners)], vec![]);
    let room = terrain(20.0, vec![line(&[corners[0], corners[1], corners[2], corners[3], corners[0]])], vec![]);
    assert!(!block.is_free(at(10.0, 10.0)) && room.is_free(at(10.0, 10.0)));
    assert!(block.is_free(at(4.9, 10.0)) && block.is_free(at(16.0, 5.0)) && block.is_free(at(3.0, 15.0)));
    assert!(!room.leg_is_free(at(10.0, 10.0), at(18.0, 10.0)));
}

#[test]
fn nothing_outside_the_bounds_is_free_or_seen() {
    let terrain = terrain(20.0, vec![], vec![]);
    assert!(terrain.is_free(at(0.0, 0.0)) && !terrain.is_free(at(20.0, 10.0)) && !terrain.is_free(at(-0.1, 10.0)));
    assert!(!terrain.line_of_sight(at(10.0, 10.0), Pos { x: i32::MAX, y: i32::MIN }));
    assert!(terrain.nearest_free(Pos { x: i32::MAX, y: i32::MIN }).is_some());
}

#[test]
fn a_barrier_stands_while_it_is_closed() {
    let gate = door("gate", line(&[(0.0, 10.0), (20.0, 10.0)]), false);
    let crate_ = door("crate", rectangle(8.0, 2.0, 4.0, 4.0), true);
    let mut terrain = terrain(20.0, vec![], vec![gate, crate_]);
    let (south, north) = (at(3.0, 5.0), at(3.0, 15.0));
    assert!(terrain.leg_is_free(south, north) && !terrain.is_free(at(10.0, 4.0)));
    assert_eq!(terrain.closed_barriers().collect::<Vec<_>>(), ["crate"]);
    assert_eq!(terrain.set_barrier("gate", true), Some(true));
    assert_eq!(terrain.set_barrier("gate", true), Some(false), "nothing changed");
    assert_eq!(terrain.set_barrier("door", true), None);
    assert_eq!((terrain.barrier("gate"), terrain.barrier("door")), (Some(true), None));
    assert!(!terrain.leg_is_free(south, north) && !terrain.line_of_sight(south, north));
    terrain.restore_barriers(["gate", "of another map"]);
    assert_eq!(terrain.closed_barriers().collect::<Vec<_>>(), ["gate"]);
    assert!(terrain.is_free(at(10.0, 4.0)));
}

#[test]
fn whoever_stands_in_a_wall_is_moved_to_free_ground_nearby() {
    let terrain = terrain(60.0, vec![rectangle(10.0, 10.0, 10.0, 10.0), line(&[(30.0, 0.0), (30.0, 60.0)])], vec![]);
    for (stuck, most) in [(at(12.0, 15.0), 2.3), (at(15.0, 15.0), 5.6), (at(30.0, 30.0), 0.4), (at(90.0, -5.0), 30.5)] {
        let free = terrain.nearest_free(stuck).unwrap();
        assert!(terrain.is_free(free));
        assert!((stuck.distance_squared(free) as f64).sqrt() / 256.0 <= most, "{stuck:?} to {free:?}");
    }
    assert_eq!(terrain.nearest_free(at(40.0, 40.0)), Some(at(40.0, 40.0)), "who is free stays");
}

#[test]
fn on_ground_that_is_all_wall_nobody_is_placed() {
    let block = rectangle(0.0, 0.0, 20.0, 20.0);
    assert_eq!(terrain(20.0, vec![block], vec![]).nearest_free(at(10.0, 10.0)), None);
}

#[test]
fn the_largest_map_is_built_and_asked() {
    let mut chance = Chance(1);
    let corners = MAX_POINTS / MAX_SHAPES;
    let walls = (0..MAX_SHAPES)
        .map(|_| {
            let (x, y) = (chance.between(20.0, 4060.0), chance.between(20.0, 4060.0));
            line(
                &(0..corners)
                    .map(|_| (x + chance.between(-20.0, 20.0), y + chance.between(-20.0, 20.0)))
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let map = Map { walls, ..Map::empty(4096.0, 4096.0) };
    map.check().unwrap();
    let terrain = Terrain::new(&map, bounds(4096.0, 4096.0));
    assert!(!terrain.line_of_sight(at(1.0, 1.0), at(4095.0, 4095.0)));
    assert!(terrain.is_free(terrain.nearest_free(at(2000.0, 2000.0)).unwrap()));
}

#[test]
fn outlines_without_extent_are_points_in_the_way() {
    let dot = line(&[(5.0, 5.0), (5.0, 5.0)]);
    let flat = solid(&[(10.0, 5.0), (12.0, 5.0), (10.0, 5.0)]);
    let terrain = terrain(20.0, vec![dot, flat], vec![]);
    assert!(!terrain.leg_is_free(at(4.0, 5.0), at(6.0, 5.0)) && !terrain.is_free(at(11.0, 5.0)));
    assert!(terrain.is_free(at(11.0, 5.1)));
}

/// Every segment tested, by solving for the point they share: another way than the terrain's.
fn blocked(shapes: &[Shape], corner: Pos, a: Pos, b: Pos) -> bool {
    let sum = |[x, y]: [f64; 2]| {
        let local = Pos::from_metres(x, y);
        (i128::from(corner.x + local.x), i128::from(corner.y + local.y))
    };
    let (a, b) = ((i128::from(a.x), i128::from(a.y)), (i128::from(b.x), i128::from(b.y)));
    shapes.iter().any(|shape| {
        let count = shape.points.len() - usize::from(!shape.closed);
        (0..count).any(|i| {
            let (c, d) = (sum(shape.points[i]), sum(shape.points[(i + 1) % shape.points.len()]));
            let (r, s, q) = ((b.0 - a.0, b.1 - a.1), (d.0 - c.0, d.1 - c.1), (c.0 - a.0, c.1 - a.1));
            let cross = |u: (i128, i128), v: (i128, i128)| u.0 * v.1 - u.1 * v.0;
            let dot = |u: (i128, i128), v: (i128, i128)| u.0 * v.0 + u.1 * v.1;
            let unit = |part: i128, whole: i128| part * whole.signum() >= 0 && part * whole.signum() <= whole.abs();
            let on = |point: (i128, i128), from: (i128, i128), along: (i128, i128)| {
                let to = (point.0 - from.0, point.1 - from.1);
                cross(to, along) == 0 && dot(to, along) >= 0 && dot(to, to) <= dot(along, along)
            };
            match cross(r, s) {
                0 => on(c, a, r) || on(d, a, r) || on(a, c, s) || on(b, c, s),
                whole => unit(cross(q, s), whole) && unit(cross(q, r), whole),
            }
        })
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    // A coarse raster makes touching, collinear and shared corners likely.
    let coarse = (0..=40_u8, 0..=40_u8).prop_map(|(x, y)| [f64::from(x), f64::from(y)]);
    let fine = (0..=10_240_u32, 0..=10_240_u32).prop_map(|(x, y)| [f64::from(x) / 256.0, f64::from(y) / 256.0]);
    let point = prop_oneof![coarse, fine];
    (prop::collection::vec(point, 3..6), any::<bool>()).prop_map(|(points, closed)| Shape { points, closed })
}

fn point() -> impl Strategy<Value = Pos> {
    let coarse = (0..40_u8, 0..40_u8).prop_map(|(x, y)| at(f64::from(x), f64::from(y)));
    let fine = (0..10_240_u32, 0..10_240_u32).prop_map(|(x, y)| at(f64::from(x) / 256.0, f64::from(y) / 256.0));
    prop_oneof![coarse, fine]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_leg_is_free_exactly_when_it_touches_no_segment(
        shapes in prop::collection::vec(shape(), 1..8),
        legs in prop::collection::vec((point(), point()), 50),
    ) {
        let terrain = terrain(40.0, shapes.clone(), vec![]);
        for (a, b) in legs {
            prop_assert_eq!(terrain.leg_is_free(a, b), !blocked(&shapes, at(0.0, 0.0), a, b), "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn a_free_leg_from_a_free_point_ends_on_a_free_point(
        shapes in prop::collection::vec(shape(), 1..8),
        legs in prop::collection::vec((point(), point()), 50),
    ) {
        let terrain = terrain(40.0, shapes, vec![]);
        for (a, b) in legs {
            if terrain.leg_is_free(a, b) {
                prop_assert_eq!(terrain.is_free(a), terrain.is_free(b), "{:?} {:?}", a, b);
            }
        }
    }

    #[test]
    fn a_point_is_in_a_solid_exactly_when_its_outline_winds_around_it(
        shapes in prop::collection::vec(shape(), 1..5),
        points in prop::collection::vec(point(), 50),
    ) {
        let terrain = terrain(40.0, shapes.clone(), vec![]);
        for here in points {
            let free = !blocked(&shapes, at(0.0, 0.0), here, here)
                && !shapes.iter().any(|shape| shape.closed && turns(shape, here) != 0);
            prop_assert_eq!(terrain.is_free(here), free, "{:?}", here);
        }
    }
}

/// How often an outline goes around a point that is not on it, by its angles.
fn turns(shape: &Shape, here: Pos) -> i64 {
    let (x, y) = (f64::from(here.x - at(0.0, 0.0).x) / 256.0, f64::from(here.y - at(0.0, 0.0).y) / 256.0);
    let angle = |[px, py]: [f64; 2]| libm::atan2(py - y, px - x);
    let count = shape.points.len();
    let sum: f64 = (0..count)
        .map(|i| {
            let turn = angle(shape.points[(i + 1) % count]) - angle(shape.points[i]);
            if turn > std::f64::consts::PI {
                turn - std::f64::consts::TAU
            } else if turn < -std::f64::consts::PI {
                turn + std::f64::consts::TAU
            } else {
                turn
            }
        })
        .sum();
    (sum / std::f64::consts::TAU).round() as i64
}

#[test]
fn a_clone_shares_the_walls_and_has_doors_of_its_own() {
    let mut one = Terrain::new(
        &map(40.0, maze(1, 4, 10.0), vec![door("gate", line(&[(0.0, 1.0), (9.0, 1.0)]), false)]),
        bounds(40.0, 40.0),
    );
    let other = one.clone();
    one.set_barrier("gate", true).unwrap();
    assert_eq!((one.barrier("gate"), other.barrier("gate")), (Some(true), Some(false)));
    assert_eq!(one.bounds(), Bounds { min: at(0.0, 0.0), max: at(40.0, 40.0) });
}
