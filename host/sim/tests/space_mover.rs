//! NPCs that the host walks: they arrive, at their speed, around walls, and every order ends once.
#![expect(clippy::unwrap_used, reason = "tests")]

mod space_support;

use std::collections::BTreeMap;

use space_support::{at, door, line, maze, rectangle, terrain};
use wod_protocol::ids::{EntityId, Token};
use wod_protocol::units::{Fixed, Pos};
use wod_sim::module::MoveEnd;
use wod_sim::space::mover::{Aim, Body, Movers, Steps};
use wod_sim::space::path::{PathFinder, Work};
use wod_sim::space::terrain::Terrain;

const NPC: EntityId = EntityId(1);
const OTHER: EntityId = EntityId(2);
const ORDER: Token = Token(7);

struct World {
    terrain: Terrain,
    movers: Movers,
    bodies: BTreeMap<EntityId, Body>,
    paths: PathFinder,
    work: Work,
    steps: Steps,
}

impl World {
    fn new(terrain: Terrain, npc: Pos, speed: f64) -> Self {
        let bodies = BTreeMap::from([(NPC, Body { at: npc, speed: (speed * 256.0) as Fixed })]);
        let (movers, paths, steps) = (Movers::default(), PathFinder::new(), Steps::default());
        Self { terrain, movers, bodies, paths, work: Work::PER_TICK, steps }
    }

    /// One tick of 50 ms; how orders ended. Checks that every step is free.
    fn tick(&mut self) -> Vec<(EntityId, Token, MoveEnd)> {
        let bodies = &self.bodies;
        let mut work = self.work;
        let body = |id: EntityId| bodies.get(&id).copied();
        self.movers.step(&self.terrain, &mut self.paths, &mut work, 50, body, &mut self.steps);
        for (id, at, _) in &self.steps.moved {
            let body = self.bodies.get_mut(id).unwrap();
            assert!(self.terrain.is_free(*at), "{at:?}");
            let most = f64::from(body.speed) * 0.05 + 2.0;
            assert!((body.at.distance_squared(*at) as f64).sqrt() <= most, "no faster than its speed");
            body.at = *at;
        }
        self.steps.ended.clone()
    }

    /// Ticks until an order ends; after how many, and how.
    fn run(&mut self, most: u32) -> Option<(u32, MoveEnd)> {
        (1..=most).find_map(|tick| self.tick().first().map(|(_, _, end)| (tick, *end)))
    }

    fn npc(&self) -> Pos {
        self.bodies[&NPC].at
    }
}

fn metres(a: Pos, b: Pos) -> f64 {
    (a.distance_squared(b) as f64).sqrt() / 256.0
}

fn point(at: Pos, within: f64) -> Aim {
    Aim::Point { at, within: (within * 256.0) as Fixed }
}

#[test]
fn an_npc_arrives_after_the_time_its_speed_takes() {
    let mut world = World::new(terrain(100.0, vec![], vec![]), at(10.0, 10.0), 1.37);
    world.movers.order(NPC, ORDER, point(at(40.0, 50.0), 0.0));
    let (ticks, end) = world.run(2000).unwrap();
    assert_eq!((end, world.npc()), (MoveEnd::Arrived, at(40.0, 50.0)));
    // The speed is kept to 1/256 m/s.
    let exact = 50.0 / ((1.37_f64 * 256.0).floor() / 256.0) * 20.0;
    assert!((f64::from(ticks) - exact).abs() <= 1.5, "{ticks} ticks, {exact} expected");
    assert!(world.movers.is_idle());
}

#[test]
fn an_npc_gets_out_of_a_u_on_a_way_at_most_a_tenth_too_long() {
    let u = terrain(60.0, vec![line(&[(20.0, 20.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0)])], vec![]);
    let mut world = World::new(u, at(38.0, 30.0), 5.0);
    world.movers.order(NPC, ORDER, point(at(45.0, 30.0), 0.0));
    let (ticks, end) = world.run(2000).unwrap();
    let shortest = 2.0 * (libm::hypot(18.0, 10.0) + 0.0) - libm::hypot(18.0, 10.0) + 20.0 + libm::hypot(5.0, 10.0);
    assert_eq!(end, MoveEnd::Arrived);
    assert!(f64::from(ticks) * 0.25 <= 1.1 * shortest, "{} m, shortest {shortest} m", f64::from(ticks) * 0.25);
}

#[test]
fn near_enough_is_enough_but_not_through_a_wall() {
    let mut world = World::new(terrain(60.0, vec![line(&[(30.0, 0.0), (30.0, 50.0)])], vec![]), at(10.0, 10.0), 6.0);
    world.movers.order(NPC, ORDER, point(at(20.0, 10.0), 2.0));
    assert_eq!(world.run(100).unwrap().1, MoveEnd::Arrived);
    assert!((metres(world.npc(), at(20.0, 10.0)) - 2.0).abs() < 0.02, "it stops there");
    world.movers.order(NPC, ORDER, point(at(31.0, 10.0), 3.0));
    assert_eq!(world.run(1000).unwrap().1, MoveEnd::Arrived);
    assert!(world.npc().x > at(30.0, 0.0).x, "on the other side");
}

#[test]
fn a_target_in_a_wall_is_reached_from_beside_it_or_not_at_all() {
    let block = || terrain(60.0, vec![rectangle(20.0, 20.0, 10.0, 10.0)], vec![]);
    let mut world = World::new(block(), at(10.0, 25.0), 6.0);
    world.movers.order(NPC, ORDER, point(at(20.5, 25.0), 1.0));
    assert_eq!(world.run(1000).unwrap().1, MoveEnd::Arrived);
    world.movers.order(NPC, ORDER, point(at(25.0, 25.0), 1.0));
    assert_eq!(world.run(1).unwrap().1, MoveEnd::NoWay);
}

#[test]
fn without_a_way_the_order_ends_at_once() {
    let cell = line(&[(10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0), (10.0, 10.0)]);
    let mut world = World::new(terrain(60.0, vec![cell], vec![]), at(15.0, 15.0), 6.0);
    world.movers.order(NPC, ORDER, point(at(30.0, 30.0), 0.0));
    assert_eq!(world.tick(), [(NPC, ORDER, MoveEnd::NoWay)]);
    assert_eq!(world.npc(), at(15.0, 15.0));
}

#[test]
fn a_gate_that_closes_ahead_sends_it_around_and_one_that_closes_the_only_way_obstructs_it() {
    for (around, expected) in [(true, MoveEnd::Arrived), (false, MoveEnd::Obstructed)] {
        let east = if around { 55.0 } else { 60.0 };
        let walls = vec![line(&[(0.0, 30.0), (19.0, 30.0)]), line(&[(21.0, 30.0), (east, 30.0)])];
        let gate = door("gate", line(&[(18.0, 30.0), (22.0, 30.0)]), false);
        let mut world = World::new(terrain(60.0, walls, vec![gate]), at(20.0, 20.0), 6.0);
        world.movers.order(NPC, ORDER, point(at(20.0, 40.0), 0.0));
        assert_eq!(world.run(20), None);
        world.terrain.set_barrier("gate", true).unwrap();
        world.movers.terrain_changed();
        assert_eq!(world.run(1000).unwrap().1, expected);
    }
}

#[test]
fn a_gate_that_opens_is_used() {
    let walls = vec![line(&[(0.0, 30.0), (19.0, 30.0)]), line(&[(21.0, 30.0), (58.0, 30.0)])];
    let gate = door("gate", line(&[(18.0, 30.0), (22.0, 30.0)]), true);
    let mut world = World::new(terrain(60.0, walls, vec![gate]), at(20.0, 20.0), 6.0);
    world.movers.order(NPC, ORDER, point(at(20.0, 40.0), 0.0));
    assert_eq!(world.run(5), None);
    world.terrain.set_barrier("gate", false).unwrap();
    world.movers.terrain_changed();
    let (ticks, end) = world.run(1000).unwrap();
    assert!(end == MoveEnd::Arrived && ticks < 80, "{ticks}");
}

#[test]
fn a_hunter_reaches_who_runs_through_a_maze() {
    let mut world = World::new(terrain(40.0, maze(2, 8, 5.0), vec![]), at(2.5, 2.5), 6.0);
    world.bodies.insert(OTHER, Body { at: at(37.5, 37.5), speed: 3 * 256 });
    world.movers.order(OTHER, Token(1), point(at(2.5, 37.5), 0.0));
    world.movers.order(NPC, ORDER, Aim::Reach { target: OTHER, within: 256 });
    let caught = (0..4000).any(|_| world.tick().contains(&(NPC, ORDER, MoveEnd::Arrived)));
    assert!(caught && metres(world.npc(), world.bodies[&OTHER].at) < 1.5);
}

#[test]
fn a_follower_keeps_its_distance_until_it_is_halted() {
    let mut world = World::new(terrain(100.0, vec![], vec![]), at(10.0, 10.0), 6.0);
    world.bodies.insert(OTHER, Body { at: at(10.0, 20.0), speed: 4 * 256 });
    world.movers.order(OTHER, Token(1), point(at(90.0, 20.0), 0.0));
    world.movers.order(NPC, ORDER, Aim::Follow { target: OTHER, distance: 2 * 256 });
    for tick in 0..500 {
        assert!(world.tick().iter().all(|(id, _, _)| *id != NPC));
        let gap = metres(world.npc(), world.bodies[&OTHER].at);
        assert!(gap > 1.5 && (tick < 200 || gap < 3.0), "{gap} m at tick {tick}");
    }
    assert!(world.steps.moved.is_empty(), "both stand");
    assert_eq!(world.movers.halt(NPC), Some(ORDER));
    assert_eq!(world.movers.halt(NPC), None);
}

#[test]
fn an_order_ends_with_its_target() {
    let mut world = World::new(terrain(100.0, vec![], vec![]), at(10.0, 10.0), 6.0);
    world.bodies.insert(OTHER, Body { at: at(90.0, 20.0), speed: 0 });
    world.movers.order(NPC, ORDER, Aim::Reach { target: OTHER, within: 256 });
    assert_eq!(world.tick(), []);
    world.bodies.remove(&OTHER);
    assert_eq!(world.tick(), [(NPC, ORDER, MoveEnd::TargetLost)]);
}

#[test]
fn a_new_order_replaces_the_old_one_which_is_returned() {
    let mut world = World::new(terrain(100.0, vec![], vec![]), at(10.0, 10.0), 6.0);
    assert_eq!(world.movers.order(NPC, ORDER, point(at(20.0, 20.0), 0.0)), None);
    assert_eq!(world.movers.order(NPC, Token(8), point(at(10.0, 10.0), 0.0)), Some(ORDER));
    assert_eq!(world.movers.current(NPC), Some(Token(8)));
    assert_eq!(world.tick(), [(NPC, Token(8), MoveEnd::Arrived)], "who is there arrives at once");
}

#[test]
fn who_has_to_wait_for_a_search_stands_and_goes_on_later() {
    let mut world = World::new(terrain(40.0, maze(2, 8, 5.0), vec![]), at(2.5, 2.5), 6.0);
    world.movers.order(NPC, ORDER, point(at(37.5, 37.5), 0.0));
    world.work = Work(10);
    assert_eq!(world.run(5), None);
    assert_eq!(world.npc(), at(2.5, 2.5));
    world.work = Work::PER_TICK;
    assert_eq!(world.run(4000).unwrap().1, MoveEnd::Arrived);
}

#[test]
fn a_walk_goes_on_from_a_snapshot_exactly() {
    let mut one = World::new(terrain(40.0, maze(2, 8, 5.0), vec![]), at(2.5, 2.5), 1.3);
    one.movers.order(NPC, ORDER, point(at(37.5, 37.5), 0.0));
    for _ in 0..100 {
        one.tick();
    }
    let mut other = World::new(terrain(40.0, maze(2, 8, 5.0), vec![]), one.npc(), 1.3);
    other.movers = rmp_serde::from_slice(&rmp_serde::to_vec_named(&one.movers).unwrap()).unwrap();
    for _ in 0..500 {
        assert_eq!(one.tick(), other.tick());
        assert_eq!((one.npc(), &one.movers), (other.npc(), &other.movers));
    }
}
