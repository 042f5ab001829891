//! Ways around walls: near the shortest, found whatever the shape, clear of walls where there is room.
#![expect(clippy::unwrap_used, reason = "tests")]

mod space_support;

use space_support::{Chance, at, door, line, maze, rectangle, terrain};
use wod_protocol::map::Shape;
use wod_protocol::units::Pos;
use wod_sim::space::path::{PathFinder, SEARCH_WORK, Search, Work};
use wod_sim::space::terrain::Terrain;

/// The way, checked: every leg free. None: no way.
fn find(terrain: &Terrain, from: Pos, to: Pos) -> Option<Vec<Pos>> {
    find_with(&mut PathFinder::new(), terrain, from, to)
}

fn find_with(paths: &mut PathFinder, terrain: &Terrain, from: Pos, to: Pos) -> Option<Vec<Pos>> {
    let mut way = Vec::new();
    match paths.find(terrain, from, to, &mut Work::PER_TICK.clone(), &mut way) {
        Search::Found => {
            let mut here = from;
            for next in &way {
                assert!(terrain.leg_is_free(here, *next), "{here:?} to {next:?} is not free");
                here = *next;
            }
            assert_eq!(here, to);
            Some(way)
        }
        Search::NoWay => None,
        Search::Exhausted => panic!("one search takes at most a tick's work"),
    }
}

fn metres(a: Pos, b: Pos) -> f64 {
    (a.distance_squared(b) as f64).sqrt() / 256.0
}

fn length(from: Pos, way: &[Pos]) -> f64 {
    way.iter().fold((0.0, from), |(sum, here), next| (sum + metres(here, *next), *next)).0
}

/// Dijkstra over points 1.6 cm around every corner, all pairs tested.
fn shortest(terrain: &Terrain, walls: &[Shape], from: Pos, to: Pos) -> Option<f64> {
    let mut points = vec![from, to];
    for [x, y] in walls.iter().flat_map(|wall| &wall.points) {
        let corner = at(*x, *y);
        for (dx, dy) in [(4, 4), (4, -4), (-4, 4), (-4, -4)] {
            let point = Pos { x: corner.x + dx, y: corner.y + dy };
            if terrain.is_free(point) {
                points.push(point);
            }
        }
    }
    let mut best = vec![f64::INFINITY; points.len()];
    let mut done = vec![false; points.len()];
    best[0] = 0.0;
    loop {
        let here = (0..points.len()).filter(|i| !done[*i]).min_by(|a, b| best[*a].total_cmp(&best[*b]))?;
        if best[here].is_infinite() {
            return None;
        }
        if here == 1 {
            return Some(best[1]);
        }
        done[here] = true;
        for next in 0..points.len() {
            let length = best[here] + metres(points[here], points[next]);
            if !done[next] && length < best[next] && terrain.leg_is_free(points[here], points[next]) {
                best[next] = length;
            }
        }
    }
}

/// How much longer than the shortest; none: there is no way, and none was found.
fn compare(terrain: &Terrain, walls: &[Shape], from: Pos, to: Pos) -> Option<f64> {
    let way = find(terrain, from, to);
    let shortest = shortest(terrain, walls, from, to);
    assert_eq!(way.is_some(), shortest.is_some(), "{from:?} to {to:?}");
    Some(length(from, &way?) / shortest?)
}

#[test]
fn without_walls_the_way_is_straight() {
    let terrain = terrain(100.0, vec![], vec![]);
    assert_eq!(find(&terrain, at(1.0, 2.0), at(90.0, 80.0)), Some(vec![at(90.0, 80.0)]));
}

#[test]
fn a_way_out_of_a_u_is_at_most_a_tenth_longer_than_the_shortest() {
    let walls = vec![line(&[(20.0, 20.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0)])];
    let u = terrain(60.0, walls.clone(), vec![]);
    for (from, to) in
        [(at(35.0, 30.0), at(50.0, 30.0)), (at(39.9, 39.9), at(40.1, 40.1)), (at(30.0, 39.0), at(30.0, 41.0))]
    {
        assert!(compare(&u, &walls, from, to).unwrap() <= 1.1);
    }
}

#[test]
fn ways_through_mazes_are_at_most_a_tenth_longer_than_the_shortest() {
    for seed in 0..6 {
        let walls = maze(seed, 12, 4.0);
        let terrain = terrain(48.0, walls.clone(), vec![]);
        let (from, to) = (at(2.0, 2.0), at(46.0, 46.0));
        let ratio = compare(&terrain, &walls, from, to).unwrap();
        assert!(ratio <= 1.1, "seed {seed}: {ratio}");
    }
}

#[test]
fn ways_among_random_blocks_are_at_most_a_tenth_longer_than_the_shortest() {
    let mut chance = Chance(7);
    let mut worst: f64 = 0.0;
    for round in 0..40 {
        let count = 3 + chance.below(25);
        let walls: Vec<Shape> = (0..count)
            .map(|_| {
                let (width, height) = (chance.between(0.5, 20.0), chance.between(0.5, 20.0));
                rectangle(chance.between(0.0, 80.0 - width), chance.between(0.0, 80.0 - height), width, height)
            })
            .collect();
        let terrain = terrain(80.0, walls.clone(), vec![]);
        for _ in 0..5 {
            let from = chance.free_point(&terrain, 80.0);
            let to = chance.free_point(&terrain, 80.0);
            if metres(from, to) < 5.0 {
                continue;
            }
            if let Some(ratio) = compare(&terrain, &walls, from, to) {
                assert!(ratio <= 1.1, "round {round}: {ratio} from {from:?} to {to:?}");
                worst = worst.max(ratio);
            }
        }
    }
    assert!(worst > 1.0, "some of them lead around something");
}

#[test]
fn ways_among_random_lines_in_any_direction_are_near_the_shortest() {
    let mut chance = Chance(11);
    for round in 0..40 {
        let count = 3 + chance.below(25);
        let walls: Vec<Shape> = (0..count)
            .map(|_| {
                let mut point = || (chance.between(0.0, 60.0), chance.between(0.0, 60.0));
                line(&[point(), point(), point()])
            })
            .collect();
        let terrain = terrain(60.0, walls.clone(), vec![]);
        let from = chance.free_point(&terrain, 60.0);
        let to = chance.free_point(&terrain, 60.0);
        if metres(from, to) > 5.0
            && let Some(ratio) = compare(&terrain, &walls, from, to)
        {
            assert!(ratio <= 1.1, "round {round}: {ratio} from {from:?} to {to:?}");
        }
    }
}

#[test]
fn a_way_keeps_off_the_walls_where_there_is_room() {
    let block = terrain(40.0, vec![rectangle(10.0, 10.0, 20.0, 10.0)], vec![]);
    let way = find(&block, at(15.0, 5.0), at(35.0, 25.0)).unwrap();
    let corner = at(30.0, 10.0);
    assert!(way.iter().all(|bend| metres(*bend, corner) > 0.3), "{way:?}");
}

#[test]
fn a_gap_of_a_hands_breadth_is_a_way() {
    let walls = vec![line(&[(0.0, 20.0), (19.95, 20.0)]), line(&[(20.05, 20.0), (40.0, 20.0)])];
    let terrain = terrain(40.0, walls, vec![]);
    assert!(length(at(20.0, 10.0), &find(&terrain, at(20.0, 10.0), at(25.0, 30.0)).unwrap()) < 22.0);
}

#[test]
fn walls_that_meet_in_a_point_leave_no_way() {
    let walls = vec![line(&[(0.0, 20.0), (20.0, 20.0)]), line(&[(40.0, 20.0), (20.0, 20.0)])];
    let terrain = terrain(40.0, walls, vec![]);
    assert_eq!(find(&terrain, at(20.0, 10.0), at(20.0, 30.0)), None);
}

#[test]
fn a_corner_of_two_separate_walls_is_walked_around() {
    let walls = vec![line(&[(10.0, 20.0), (20.0, 20.0)]), line(&[(20.0, 20.0), (20.0, 0.0)])];
    let terrain = terrain(40.0, walls.clone(), vec![]);
    assert!(compare(&terrain, &walls, at(15.0, 10.0), at(25.0, 10.0)).unwrap() <= 1.1);
}

#[test]
fn a_closed_door_is_walked_around_and_an_open_one_walked_through() {
    let walls = vec![line(&[(0.0, 20.0), (19.0, 20.0)]), line(&[(21.0, 20.0), (38.0, 20.0)])];
    let mut terrain = terrain(40.0, walls, vec![door("gate", line(&[(19.0, 20.0), (21.0, 20.0)]), true)]);
    let (from, to) = (at(20.0, 10.0), at(20.0, 30.0));
    let mut paths = PathFinder::new();
    assert!(length(from, &find_with(&mut paths, &terrain, from, to).unwrap()) > 40.0);
    terrain.set_barrier("gate", false).unwrap();
    assert_eq!(find_with(&mut paths, &terrain, from, to), Some(vec![to]));
    terrain.set_barrier("gate", true).unwrap();
    assert!(length(from, &find_with(&mut paths, &terrain, from, to).unwrap()) > 40.0);
}

#[test]
fn nobody_gets_out_of_a_cell_or_into_a_wall() {
    let cell =
        terrain(40.0, vec![line(&[(10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0), (10.0, 10.0)])], vec![]);
    assert_eq!(find(&cell, at(15.0, 15.0), at(30.0, 30.0)), None);
    let block = terrain(40.0, vec![rectangle(10.0, 10.0, 10.0, 10.0)], vec![]);
    assert_eq!(find(&block, at(5.0, 5.0), at(15.0, 15.0)), None);
    assert_eq!(find(&block, at(5.0, 5.0), at(41.0, 15.0)), None, "outside");
}

#[test]
fn what_was_asked_before_changes_neither_way_nor_work() {
    let terrain = terrain(48.0, maze(3, 12, 4.0), vec![]);
    let mut warm = PathFinder::new();
    let mut chance = Chance(1);
    for _ in 0..50 {
        let (from, to) = (chance.free_point(&terrain, 48.0), chance.free_point(&terrain, 48.0));
        let answer = |paths: &mut PathFinder| {
            let (mut work, mut way) = (Work(SEARCH_WORK / 10), Vec::new());
            let found = paths.find(&terrain, from, to, &mut work, &mut way);
            (found, work, way)
        };
        assert_eq!(answer(&mut warm), answer(&mut PathFinder::new()));
    }
}

#[test]
fn a_search_stops_at_its_limit_and_says_so() {
    let terrain = terrain(48.0, maze(3, 12, 4.0), vec![]);
    let (mut work, mut way) = (Work(50), Vec::new());
    let mut paths = PathFinder::new();
    assert_eq!(paths.find(&terrain, at(2.0, 2.0), at(46.0, 46.0), &mut work, &mut way), Search::Exhausted);
    assert!(work.0 < 50 && way.is_empty());
}

#[test]
fn another_terrain_is_noticed() {
    let (from, to) = (at(20.0, 10.0), at(20.0, 30.0));
    let one = terrain(40.0, vec![line(&[(10.0, 20.0), (40.0, 20.0)])], vec![]);
    let other = terrain(40.0, vec![line(&[(0.0, 20.0), (30.0, 20.0)])], vec![]);
    let mut paths = PathFinder::new();
    let west = find_with(&mut paths, &one, from, to).unwrap();
    let east = find_with(&mut paths, &other, from, to).unwrap();
    assert!(west[0].x < from.x && east[0].x > from.x);
}
