//! Grid, rosters and sensors against brute force.

mod space_support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use space_support::{Chance, at, bounds};
use wod_protocol::ids::EntityId;
use wod_protocol::units::{Bounds, Fixed, Pos};
use wod_sim::space::grid::{Grid, Near};
use wod_sim::space::roster::{Changes, Reach, Roster, Sensed, Sensors};

const CELL: Fixed = 16 * 256;

fn id(number: u64) -> EntityId {
    EntityId(number)
}

/// Everybody, nearest first.
fn all(entities: &BTreeMap<EntityId, Pos>, center: Pos) -> Vec<Near> {
    let mut all: Vec<Near> = entities
        .iter()
        .map(|(id, at)| Near { distance_squared: center.distance_squared(*at), id: *id, at: *at })
        .collect();
    all.sort();
    all
}

#[test]
fn the_grid_answers_as_if_it_looked_at_everybody() {
    for seed in 0..20 {
        let mut chance = Chance(seed);
        let mut grid = Grid::new(bounds(100.0, 100.0), CELL);
        let mut entities = BTreeMap::new();
        let mut out = Vec::new();
        for _ in 0..600 {
            let who = id(chance.below(60));
            // Some stand outside: ghosts of the next zone.
            let there = at(chance.between(-30.0, 130.0), chance.between(-30.0, 130.0));
            if chance.below(4) == 0 {
                assert_eq!(grid.remove(who), entities.remove(&who).is_some());
            } else {
                grid.put(who, there);
                entities.insert(who, there);
            }
            assert_eq!((grid.len(), grid.position(who)), (entities.len(), entities.get(&who).copied()));
            let center = at(chance.between(-50.0, 150.0), chance.between(-50.0, 150.0));
            let radius = chance.below(256 * 80) as Fixed;
            let odd = |id: EntityId| id.0 % 2 == 1;
            let expected = all(&entities, center).into_iter().filter(|near| odd(near.id));
            grid.within(center, radius, odd, &mut out);
            let limit = i64::from(radius) * i64::from(radius);
            assert_eq!(out, expected.clone().filter(|near| near.distance_squared <= limit).collect::<Vec<_>>());
            let count = chance.below(20) as usize;
            grid.nearest(center, count, odd, &mut out);
            assert_eq!(out, expected.take(count).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_grid_answers_the_most_absurd_questions() {
    let mut grid = Grid::new(bounds(4096.0, 4096.0), 1);
    grid.put(id(1), at(1.0, 1.0));
    grid.put(id(2), Pos { x: Fixed::MIN, y: Fixed::MAX });
    let mut out = Vec::new();
    for center in [Pos { x: Fixed::MAX, y: Fixed::MIN }, Pos { x: Fixed::MIN, y: Fixed::MIN }] {
        grid.nearest(center, usize::MAX, |_| true, &mut out);
        assert_eq!(out.len(), 2);
        grid.within(center, Fixed::MAX, |_| true, &mut out);
        grid.within(center, -1, |_| true, &mut out);
        assert_eq!(out, []);
    }
}

/// The rule in words: members up to `leave`, others up to `enter`; members count as nearer by `enter / leave`; the nearest `cap`.
fn oracle(
    members: &[EntityId],
    reach: Reach,
    entities: &BTreeMap<EntityId, Pos>,
    me: EntityId,
    at: Pos,
) -> Vec<EntityId> {
    let mut ranked: Vec<(i128, EntityId)> = entities
        .iter()
        .filter(|(id, _)| **id != me)
        .filter_map(|(id, there)| {
            let distance = i128::from(at.distance_squared(*there));
            let (enter, leave) = (i128::from(reach.enter).pow(2), i128::from(reach.leave).pow(2));
            let member = members.contains(id);
            let seen = distance <= if member { leave } else { enter };
            seen.then_some((distance * if member { enter } else { leave }, *id))
        })
        .collect();
    ranked.sort_unstable();
    let mut next: Vec<EntityId> = ranked.into_iter().take(reach.cap).map(|(_, id)| id).collect();
    next.sort_unstable();
    next
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_roster_follows_its_rule_and_tells_every_change(
        cap in 0_usize..12,
        steps in prop::collection::vec(prop::collection::vec((0_u64..20, 0_i32..20_000, 0_i32..20_000), 0..10), 1..20),
    ) {
        let reach = Reach { enter: 6_000, leave: 6_600, cap };
        let mut grid = Grid::new(bounds(100.0, 100.0), CELL);
        let mut entities = BTreeMap::new();
        let mut roster = Roster::default();
        let mut changes = Changes::default();
        let mut told = Vec::new();
        for step in steps {
            for (number, x, y) in step {
                let there = Pos { x: at(0.0, 0.0).x + x, y: at(0.0, 0.0).y + y };
                grid.put(id(number), there);
                entities.insert(id(number), there);
            }
            let Some(here) = grid.position(id(0)) else { continue };
            let expected = oracle(roster.members(), reach, &entities, id(0), here);
            roster.update(reach, &grid, here, |other| other != id(0), &mut changes);
            prop_assert_eq!(roster.members(), &expected[..]);
            told.retain(|id| !changes.leave.contains(id));
            told.extend(changes.enter.iter().copied());
            told.sort_unstable();
            prop_assert_eq!(&told, &expected, "the changes add up");
        }
    }
}

#[test]
fn the_roster_around_a_rectangle_shows_whoever_somebody_in_it_could_see() {
    for seed in 0..20 {
        let mut chance = Chance(seed);
        let mut grid = Grid::new(bounds(100.0, 100.0), CELL);
        let (mut roster, mut changes) = (Roster::default(), Changes::default());
        let reach = Reach { enter: 20 * 256, leave: 22 * 256, cap: 100 };
        let corner = at(chance.between(-60.0, 160.0), chance.between(-60.0, 160.0));
        let area = Bounds { min: corner, max: Pos { x: corner.x + 30 * 256, y: corner.y + 40 * 256 } };
        let mut entities = BTreeMap::new();
        for _ in 0..200 {
            let (who, there) = (id(chance.below(40)), at(chance.between(0.0, 100.0), chance.between(0.0, 100.0)));
            grid.put(who, there);
            entities.insert(who, there);
            let before = roster.clone();
            roster.update_around(reach, &grid, area, |_| true, &mut changes);
            let is_seen = |(id, at): (&EntityId, &Pos)| {
                let limit = i64::from(if before.contains(*id) { reach.leave } else { reach.enter });
                (at.distance_squared(area.clamp(*at)) <= limit * limit).then_some(*id)
            };
            assert_eq!(roster.members(), entities.iter().filter_map(is_seen).collect::<Vec<_>>());
            let anybody =
                entities.values().any(|at| at.distance_squared(area.clamp(*at)) <= i64::from(reach.enter).pow(2));
            assert_eq!(grid.any_around(area, reach.enter, |_| true), anybody);
        }
    }
}

#[test]
fn nobody_flickers_at_the_edge() {
    let reach = Reach { enter: 60 * 256, leave: 66 * 256, cap: 64 };
    let mut grid = Grid::new(bounds(200.0, 200.0), CELL);
    let (mut roster, mut changes) = (Roster::default(), Changes::default());
    let mut changed = 0;
    for step in 0..100 {
        // To and fro over the edge, 2 m each way.
        let x = if step % 2 == 0 { 61.0 } else { 59.0 };
        grid.put(id(1), at(10.0 + x, 10.0));
        roster.update(reach, &grid, at(10.0, 10.0), |_| true, &mut changes);
        changed += changes.enter.len() + changes.leave.len();
    }
    assert_eq!(changed, 1);
}

#[test]
fn nobody_flickers_where_the_cap_cuts() {
    let reach = Reach { enter: 60 * 256, leave: 66 * 256, cap: 1 };
    let mut grid = Grid::new(bounds(200.0, 200.0), CELL);
    let (mut roster, mut changes) = (Roster::default(), Changes::default());
    let mut entered = Vec::new();
    for step in 0..100 {
        let ahead = if step % 2 == 0 { 0.5 } else { -0.5 };
        grid.put(id(1), at(40.0 + ahead, 10.0));
        grid.put(id(2), at(40.0 - ahead, 10.0));
        roster.update(reach, &grid, at(10.0, 10.0), |_| true, &mut changes);
        entered.extend(changes.enter.iter().copied());
    }
    assert_eq!(entered, [id(2)]);
    grid.put(id(1), at(20.0, 10.0));
    roster.update(reach, &grid, at(10.0, 10.0), |_| true, &mut changes);
    assert_eq!((&changes.enter[..], &changes.leave[..]), (&[id(1)][..], &[id(2)][..]), "much nearer wins");
}

#[test]
fn a_roster_forgets_and_begins_anew() {
    let reach = Reach { enter: 2560, leave: 2816, cap: 64 };
    let mut grid = Grid::new(bounds(50.0, 50.0), CELL);
    let (mut roster, mut changes) = (Roster::default(), Changes::default());
    grid.put(id(1), at(1.0, 1.0));
    roster.update(reach, &grid, at(1.0, 1.0), |_| true, &mut changes);
    assert!(roster.contains(id(1)));
    assert!(roster.forget(id(1)) && !roster.forget(id(1)));
    roster.update(reach, &grid, at(1.0, 1.0), |_| true, &mut changes);
    assert_eq!(changes.enter, [id(1)]);
    roster.clear();
    roster.update(reach, &grid, at(1.0, 1.0), |_| true, &mut changes);
    assert_eq!((&changes.enter[..], &changes.leave[..]), (&[id(1)][..], &[][..]));
}

#[test]
fn a_sensor_tells_who_comes_and_goes_once() {
    let mut grid = Grid::new(bounds(50.0, 50.0), CELL);
    let mut sensors = Sensors::default();
    let mut changes = Changes::default();
    let mut feel = |sensors: &mut Sensors, grid: &Grid| {
        let mut out = Vec::new();
        sensors.update(grid, |subject| subject.0 < 10, &mut changes, &mut out);
        out
    };
    let event = |subject: u64, entered| Sensed { sensor: id(10), subject: id(subject), entered };
    grid.put(id(10), at(10.0, 10.0));
    grid.put(id(11), at(10.0, 11.0));
    grid.put(id(1), at(10.0, 15.0));
    grid.put(id(2), at(10.0, 15.2));
    sensors.set(id(10), 5 * 256);
    assert_eq!(
        feel(&mut sensors, &grid),
        [event(1, true)],
        "neither herself, nor who is no subject, nor who is too far"
    );
    grid.put(id(1), at(10.0, 15.4));
    grid.put(id(2), at(10.0, 14.0));
    assert_eq!(feel(&mut sensors, &grid), [event(2, true)], "a little beyond does not leave");
    grid.put(id(1), at(10.0, 15.6));
    assert_eq!(feel(&mut sensors, &grid), [event(1, false)]);
    let mut out = Vec::new();
    grid.remove(id(2));
    sensors.forget(id(2), &mut out);
    assert_eq!(out, [event(2, false)]);
    sensors.set(id(10), 20 * 256);
    assert_eq!(feel(&mut sensors, &grid), [event(1, true)]);
    sensors.set(id(10), 0);
    assert!(sensors.is_empty() && feel(&mut sensors, &grid).is_empty());
}
