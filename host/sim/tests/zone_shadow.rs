//! Another version beside a replay: told the same, and only compared.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_sim::io::{Effects, Input};
use wod_sim::module::FaultKind;
use wod_sim::zone::{Comparison, Zone};
use zone_support::{Puppets, Town, WEST, digest, world};

/// A copy of the zone that has replayed so many entries of the journal.
fn copy_of(town: &mut Town, entries: usize) -> Zone {
    let mut copy = Zone::new(world(), WEST);
    for entry in &town.node(WEST).journal[..entries] {
        copy.replay(entry, &mut Puppets::default(), &mut Effects::default()).unwrap();
    }
    copy
}

/// Two players who set off every kind of order, compared from the journal's middle on; how it ended, and that the copy is still the
/// zone.
fn compare(other: &str, lines: &[&str]) -> Comparison {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    town.act(ann, |client| client.say("spawn"));
    town.steps(3);
    let begin = town.node(WEST).journal.len();
    for line in lines {
        town.act(ann, |client| client.say(line));
        town.act(bob, |client| client.say("draw"));
        // As often as a player may speak.
        town.steps(20);
    }
    let mut copy = copy_of(&mut town, begin);
    copy.begin_comparison(digest(other), &mut Puppets::default()).unwrap();
    for entry in &town.node(WEST).journal[begin..] {
        // Its effects are what they were: nothing of the other version's reaches them.
        copy.replay(entry, &mut Puppets::default(), &mut Effects::default()).unwrap();
    }
    town.node(WEST).copy = Some(copy);
    town.check_copies();
    town.node(WEST).copy.as_ref().unwrap().comparison().unwrap().clone()
}

// What moves them out of each other's hearing comes last.
const LINES: [&str; 12] =
    ["spawn", "tag", "timer", "echo hello", "look", "despawn", "latest", "sense", "come", "go", "place", "jump"];

#[test]
fn a_version_that_does_the_same_is_found_to_do_the_same() {
    let found = compare("two", &LINES);
    assert!(found.calls > LINES.len() as u64, "{found:?}");
    assert_eq!((found.same, found.differs_at, found.faults), (found.calls, None, 0), "{found:?}");
    assert!(found.until > found.since);
}

#[test]
fn what_versions_of_different_schemas_save_of_a_player_is_not_compared() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let begin = town.node(WEST).journal.len();
    let npc = town.clients[ann].roster[0];
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.steps(3);
    for (other, differs) in [("two", false), ("forgetful", true), ("three", false)] {
        let mut copy = copy_of(&mut town, begin);
        copy.begin_comparison(digest(other), &mut Puppets::default()).unwrap();
        for entry in &town.node(WEST).journal[begin..] {
            copy.replay(entry, &mut Puppets::default(), &mut Effects::default()).unwrap();
        }
        let found = copy.comparison().unwrap();
        assert!(found.calls > 0);
        assert_eq!(found.differs_at.is_some(), differs, "{other}: {found:?}");
    }
}

#[test]
fn the_first_difference_is_told_with_its_event_and_the_totals_by_kind() {
    let found = compare("loud", &LINES);
    assert_eq!(found.calls - found.same, 1, "{found:?}");
    let [difference] = &found.first[..] else { panic!("{found:?}") };
    assert_eq!(found.differs_at, Some(difference.tick));
    assert!(difference.events.iter().any(|event| event.contains("echo hello")), "{difference:?}");
    assert!(difference.running.as_ref().unwrap().contains("hello"), "{difference:?}");
    assert!(difference.other.as_ref().unwrap().contains("HELLO"), "{difference:?}");
    let chat = found.kinds["Chat"];
    assert_eq!((chat.running, chat.other), (1, 1));
}

#[test]
fn a_version_that_fails_beside_the_zone_is_reported_and_can_be_begun_anew() {
    let found = compare("fragile", &LINES);
    assert_eq!(found.faults, 1, "{found:?}");
    let (_, fault, event) = &found.first_faults[0];
    assert!(fault.contains("broke") && event.as_ref().unwrap().contains("echo hello"), "{found:?}");

    let mut town = Town::new(&[WEST]);
    town.join("Ann", WEST);
    let mut copy = copy_of(&mut town, 1);
    copy.begin_comparison(digest("fragile"), &mut Puppets::default()).unwrap();
    assert!(copy.is_comparing());
    let refused = copy.begin_comparison(digest("broken"), &mut Puppets::default()).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Refused);
    assert!(copy.is_comparing(), "what was refused changes nothing");
}

#[test]
fn a_rehearsal_says_what_a_swap_would_meet() {
    let mut town = Town::new(&[WEST]);
    town.join("Ann", WEST);
    let entries = town.node(WEST).journal.len();
    let mut copy = copy_of(&mut town, entries);
    let rehearsal = copy.rehearse(digest("three"), &mut Puppets::default()).unwrap();
    assert_eq!((rehearsal.running.schema, rehearsal.other.schema), (1, 2));
    assert!(rehearsal.saved_bytes > 0);
    assert!(copy.rehearse(digest("broken"), &mut Puppets::default()).is_err());
    // It is the zone still.
    town.node(WEST).copy = Some(copy);
    town.steps(2);
    town.node(WEST).inbox.push(Input::Dilation(900));
    town.step();
    town.check_copies();
}
