//! A zone that is too full: what it leaves out at each level, and what it never does.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::ids::{EntityId, Tick};
use wod_sim::io::{Degradation, Input};
use zone_support::{EAST, Town, WEST};

/// Ticks in which an entity's moves are told while its player walks there and stands a while, and where it was last.
fn told(town: &mut Town, who: usize, id: EntityId, x: f64, y: f64) -> (Vec<Tick>, (f64, f64)) {
    let (mut ticks, mut last) = (Vec::new(), town.clients[who].at);
    for step in 0..100 {
        let (from_x, from_y) = town.clients[who].at.metres();
        let (dx, dy) = (x - from_x, y - from_y);
        let share = 0.25 / (dx * dx + dy * dy).sqrt().max(0.25);
        if step < 60 {
            town.act(who, |client| client.move_to(from_x + dx * share, from_y + dy * share));
        }
        town.step();
        for (_, frame) in &town.node(WEST).effects.frames {
            if let Some(moved) = frame.moved.iter().find(|moved| moved.id == id) {
                ticks.push(frame.tick);
                last = moved.at;
            }
        }
    }
    (ticks, last.metres())
}

fn longest_gap(ticks: &[Tick]) -> u64 {
    ticks.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or(0)
}

fn degrade(town: &mut Town, degradation: Degradation) {
    town.node(WEST).inbox.push(Input::Degrade(degradation));
    town.step();
}

#[test]
fn moves_of_those_far_from_everybody_are_told_less_often_and_where_they_rest() {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    town.walk(bob, 70.0, 50.0);
    let id = town.clients[bob].you();
    for (degradation, ticks_far, ticks_near) in
        [(Degradation::None, 60, 60), (Degradation::FarMoves, 15, 60), (Degradation::Rosters, 15, 30)]
    {
        degrade(&mut town, degradation);
        town.walk(bob, 70.0, 50.0);
        town.steps(4);
        let (ticks, last) = told(&mut town, bob, id, 85.0, 50.0);
        assert!(ticks.len().abs_diff(ticks_far) <= 1, "{degradation:?}, far: {} of 60", ticks.len());
        assert!(longest_gap(&ticks) <= 4, "{degradation:?}: PROTOCOL.md's promise");
        assert_eq!(last, (85.0, 50.0), "{degradation:?}: where it comes to rest");
        // Beside Ann.
        town.walk(ann, 78.0, 54.0);
        let (ticks, last) = told(&mut town, bob, id, 72.0, 50.0);
        assert!(
            ticks.len() + 15 >= ticks_near && ticks.len() <= ticks_near + 1,
            "{degradation:?}, near: {}",
            ticks.len()
        );
        assert!(longest_gap(&ticks) <= 4, "{degradation:?}: PROTOCOL.md's promise");
        assert_eq!(last, (72.0, 50.0), "{degradation:?}");
        town.walk(ann, 50.0, 50.0);
    }
    town.check_copies();
}

#[test]
fn a_jump_is_told_at_once_at_any_level() {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    town.walk(bob, 75.0, 50.0);
    degrade(&mut town, Degradation::Rosters);
    let id = town.clients[bob].you();
    for _ in 0..5 {
        town.act(bob, |client| client.chat(wod_protocol::client::ChatMode::Shout, "place"));
        town.step();
        let frame = &town.node(WEST).effects.frames[0].1;
        assert!(frame.moved.iter().any(|moved| moved.id == id && moved.flags == 1));
        assert_eq!(town.clients[ann].cards[&id].at, town.clients[bob].at);
    }
    town.check_copies();
}

#[test]
fn what_was_held_back_is_told_when_the_zone_is_itself_again() {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    town.walk(bob, 75.0, 50.0);
    degrade(&mut town, Degradation::FarMoves);
    let id = town.clients[bob].you();
    for tick in 0..8 {
        town.act(bob, |client| client.move_to(75.25 + 0.25 * f64::from(tick), 50.0));
        town.step();
        if town.clients[ann].cards[&id].at != town.clients[bob].at {
            degrade(&mut town, Degradation::None);
            assert_eq!(town.clients[ann].cards[&id].at, town.clients[bob].at);
            return town.check_copies();
        }
    }
    panic!("nothing was held back");
}

#[test]
fn rosters_shrink_to_the_nearest_without_flicker_and_fill_again() {
    let mut town = Town::new(&[WEST]);
    let people: Vec<usize> = (0..36).map(|number| town.join(&format!("Guest{number}"), WEST)).collect();
    for (place, who) in people.iter().enumerate() {
        town.walk(*who, 50.0 + place as f64, 40.0);
    }
    town.steps(2);
    let first = people[0];
    // The puppet too.
    assert_eq!(town.clients[first].roster.len(), 36);
    degrade(&mut town, Degradation::Rosters);
    let expected: Vec<EntityId> = people[1..24].iter().map(|who| town.clients[*who].you()).collect();
    assert_eq!(town.clients[first].roster.len(), 24);
    let missing: Vec<_> = expected.iter().filter(|id| !town.clients[first].roster.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Somebody at the edge of the nearest steps to and fro.
    let before = town.clients[first].comings.len();
    for x in [74.5, 73.5, 74.5, 73.5] {
        town.walk(people[24], x, 40.0);
    }
    assert!(town.clients[first].comings.len() <= before + 2);
    degrade(&mut town, Degradation::None);
    assert_eq!(town.clients[first].roster.len(), 36);
    town.check_copies();
}

#[test]
fn no_command_and_no_player_is_dropped_however_full_it_is() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    degrade(&mut town, Degradation::Rosters);
    town.node(WEST).inbox.push(Input::Dilation(100));
    for line in 0..50 {
        town.act(ann, |client| client.say(&format!("line {line}")));
        town.step();
    }
    assert_eq!(town.clients[ann].acked, town.clients[ann].seq);
    assert_eq!(town.clients[bob].lines().len(), 50);
    let frame = &town.node(WEST).effects.frames[0].1;
    assert_eq!(frame.dilation, 100, "players are told");
    town.cross(ann, 102.0, 50.0);
    assert_eq!(town.avatars("Ann"), 1);
    town.check_copies();
}
