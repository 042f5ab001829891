//! Versions of a module: probation, the way back, what fails and what is blocked for it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::client::{TagValue, ZoneReason};
use wod_protocol::ids::{Generation, Tick};
use wod_sim::io::Input;
use wod_sim::module::Module as _;
use wod_sim::zone::Zone;
use zone_support::puppet::Puppet;
use zone_support::{EAST, Puppets, Town, WEST, digest, world};

const PROBATION: u32 = 100;

fn swap(town: &mut Town, name: &str, probation: u32) {
    town.node(WEST).inbox.push(Input::Swap { digest: digest(name), probation });
    town.step();
    assert_eq!(town.node(WEST).outcome.swap, Some(Ok(())));
}

fn version(town: &mut Town) -> String {
    town.node(WEST).zone.description().unwrap().version.clone()
}

fn answer(town: &Town, request: u64) -> Result<String, String> {
    town.answers.iter().find(|(number, _)| *number == request).unwrap().1.clone()
}

/// Stops the module, if it may be.
fn suspend(town: &mut Town, accept_loss: bool) -> Result<String, String> {
    let request = town.chance.next();
    town.node(WEST).inbox.push(Input::Suspend { request, accept_loss });
    town.step();
    answer(town, request)
}

#[test]
fn a_version_is_settled_when_its_probation_is_over_and_an_empty_zone_wakes_for_that() {
    let mut town = Town::new(&[WEST]);
    swap(&mut town, "two", PROBATION);
    let terms = town.node(WEST).zone.terms();
    assert_eq!(terms.probation, Some(Tick(terms.since.0 + u64::from(PROBATION))));
    assert_eq!(terms.previous, Some(digest("one")));
    town.steps(PROBATION as usize);
    let terms = town.node(WEST).zone.terms();
    assert_eq!((terms.probation, terms.previous), (None, Some(digest("one"))));
    town.check_copies();
}

#[test]
fn rolling_back_carries_what_the_newer_version_knows() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    swap(&mut town, "two", PROBATION);
    town.act(ann, |client| client.say("to the newer one"));
    town.steps(2);
    town.node(WEST).inbox.push(Input::RollBack);
    town.step();
    assert_eq!(town.node(WEST).outcome.swap, Some(Ok(())));
    assert_eq!(version(&mut town), "one");
    assert_eq!(town.node(WEST).zone.generation(), Generation(2));
    assert_eq!(town.clients[ann].told.last(), Some(&ZoneReason::RolledBack));
    assert_eq!(town.events(WEST, "Heard"), 1);
    assert_eq!(town.node(WEST).zone.terms().previous, None);
    // There is nothing before it.
    town.node(WEST).inbox.push(Input::RollBack);
    town.step();
    assert!(town.node(WEST).outcome.swap.clone().unwrap().is_err());
    town.check_copies();
}

#[test]
fn a_version_that_never_settled_is_nothing_to_return_to() {
    let mut town = Town::new(&[WEST]);
    swap(&mut town, "two", PROBATION);
    swap(&mut town, "three", PROBATION);
    assert_eq!(town.node(WEST).zone.terms().previous, Some(digest("one")));
}

#[test]
fn a_rewind_returns_to_before_the_first_of_several_swaps_that_never_settled() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    swap(&mut town, "two", PROBATION);
    town.act(ann, |client| client.say("to the second"));
    town.steps(3);
    swap(&mut town, "three", PROBATION);
    town.act(ann, |client| client.say("to the third"));
    town.steps(3);
    suspend(&mut town, false).unwrap();
    let rewound = town.node(WEST).retrace().unwrap();
    town.node(WEST).inbox.push(rewound);
    town.step();
    assert_eq!(town.node(WEST).outcome.swap, Some(Ok(())));
    assert_eq!(version(&mut town), "one");
    assert_eq!(town.events(WEST, "Heard"), 2, "each line once");
    assert_eq!(town.events(WEST, "Started { reason: Swapped"), 0, "it was never anybody's successor");
    town.check_copies();
}

#[test]
fn a_module_that_does_not_mark_its_events_loses_only_the_one_it_falls_on() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    swap(&mut town, "unmarked", 0);
    let lines = ["echo a", "echo b", "trap", "echo c", "echo d", "echo e", "echo f"];
    for line in lines {
        town.act(ann, |client| client.say(line));
    }
    let mut rebuilds = 0;
    for _ in 0..20 {
        town.step();
        if town.node(WEST).zone.is_module_missing() {
            rebuilds += 1;
            town.node(WEST).inbox.push(Input::Rebuilt);
        }
    }
    let echoes: Vec<String> =
        town.clients[ann].lines().into_iter().filter(|line| line.starts_with("Puppet: ")).collect();
    assert_eq!(echoes, ["a", "b", "c", "d", "e", "f"].map(|line| format!("Puppet: {line}")));
    assert!((2..=4).contains(&rebuilds), "{rebuilds} rebuilds to find one of {} events", lines.len());
    town.check_copies();
}

#[test]
fn a_rewind_gives_the_module_back_what_it_was_and_all_that_happened_since_once() {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    let npc = town.clients[ann].roster.iter().copied().find(|id| *id != town.clients[bob].you()).unwrap();
    town.act(ann, |client| client.say("spawn"));
    town.steps(2);
    swap(&mut town, "three", PROBATION);
    town.act(ann, |client| client.say("spawn"));
    town.act(bob, |client| client.say("sense"));
    town.walk(ann, 55.0, 48.0);
    town.act(bob, |client| client.use_on(npc, "talk"));
    town.steps(3);
    town.node(WEST).inbox.push(Input::RollBack);
    town.step();
    assert!(town.node(WEST).outcome.swap.clone().unwrap().is_err(), "it can't load the newer schema");
    let eve = town.join("Eve", WEST);
    let before = [ann, bob, eve].map(|who| town.clients[who].clone());
    let anns_place = before[0].at;
    let entities = town.node(WEST).zone.entity_count();

    suspend(&mut town, false).unwrap();
    town.act(bob, |client| client.say("while it is suspended"));
    town.walk(bob, 51.0, 52.0);
    assert!(town.node(WEST).zone.is_module_missing());
    let rewound = town.node(WEST).retrace().unwrap();
    town.node(WEST).inbox.push(rewound);
    town.step();
    assert_eq!(town.node(WEST).outcome.swap, Some(Ok(())));
    assert_eq!(version(&mut town), "one");
    assert_eq!(town.clients[ann].told.last(), Some(&ZoneReason::RolledBack));
    // Spawned before and after the swap: both stand, and nothing of the newer version's.
    assert_eq!(town.node(WEST).zone.entity_count(), entities);
    assert_eq!(town.events(WEST, "Heard"), 4, "each line once");
    assert_eq!(town.events(WEST, "Started { reason: Rewound"), 1);
    assert_eq!(town.events(WEST, "Interacted"), 1);
    for (who, before) in [ann, bob, eve].into_iter().zip(before) {
        let now = &town.clients[who];
        assert_eq!(now.corrections, before.corrections);
        assert!(now.attach.is_some() && now.n >= before.n && now.seq >= before.seq);
    }
    assert_eq!(town.clients[ann].at, anns_place);
    // It goes on: the sensor it was given after the swap feels who comes, what it spawned can go, new ids are new.
    town.act(ann, |client| client.say("despawn"));
    town.act(ann, |client| client.say("spawn"));
    town.steps(3);
    assert_eq!(town.node(WEST).zone.entity_count(), entities);
    assert!(town.events(WEST, "SensorEntered") > 0);
    town.check_copies();
}

#[test]
fn a_rewind_from_a_fault_tells_the_version_before_the_event_that_the_newer_one_fell_on() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    swap(&mut town, "three", PROBATION);
    town.act(ann, |client| client.say("echo before"));
    town.steps(2);
    town.act(ann, |client| client.say("rot"));
    town.steps(2);
    assert!(town.node(WEST).zone.snapshot().is_err(), "it does not save any more");
    town.act(ann, |client| client.say("echo meanwhile"));
    town.steps(2);
    suspend(&mut town, false).unwrap();
    let rewound = town.node(WEST).retrace();
    // The version before rots too.
    assert!(rewound.is_none());
    town.check_copies();
}

#[test]
fn what_has_left_since_the_swap_forbids_a_rewind_unless_its_loss_is_accepted() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    swap(&mut town, "three", PROBATION);
    town.cross(ann, 120.0, 50.0);
    let refused = suspend(&mut town, false).unwrap_err();
    assert!(refused.contains("1 players have left"), "{refused}");
    assert!(!town.node(WEST).zone.is_module_missing());
    town.act(bob, |client| client.say("send ny.east"));
    town.steps(8);
    assert_eq!(town.node(WEST).zone.terms().delivered, 1);
    suspend(&mut town, true).unwrap();
    assert!(town.node(WEST).zone.is_module_missing());
    let rewound = town.node(WEST).retrace().unwrap();
    town.node(WEST).inbox.push(rewound);
    town.steps(2);
    assert_eq!(version(&mut town), "one");
    // It has lived through her leaving, and what it sent once more has not gone anywhere.
    assert_eq!(town.events(WEST, "Left"), 1);
    assert_eq!(town.events(EAST, "Message"), 1);
    assert_eq!(town.avatars("Ann"), 1);
    town.check_copies();
}

#[test]
fn a_verb_that_brings_the_module_down_twice_is_blocked_for_that_player_until_it_is_replaced() {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    let npc = town.clients[ann].roster.iter().copied().find(|id| *id != town.clients[bob].you()).unwrap();
    for _ in 0..3 {
        town.act(ann, |client| client.use_on(npc, "trap"));
        town.step();
        town.node(WEST).inbox.push(Input::Rebuilt);
        town.steps(2);
    }
    assert_eq!(town.clients[ann].rejects(), ["module_fault"; 3]);
    town.act(ann, |client| client.use_on(npc, "trap"));
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.step();
    assert!(!town.node(WEST).zone.is_module_missing(), "the module is not even told");
    assert_eq!(town.clients[ann].rejects().last().unwrap(), "ouch", "her other verbs work");
    town.act(bob, |client| client.use_on(npc, "trap"));
    town.step();
    assert!(town.node(WEST).zone.is_module_missing(), "it is another player's");
    town.node(WEST).inbox.push(Input::Rebuilt);
    town.step();
    swap(&mut town, "two", 0);
    town.act(ann, |client| client.use_on(npc, "trap"));
    town.step();
    assert!(town.node(WEST).zone.is_module_missing(), "another version may have mended it");
    town.check_copies();
}

#[test]
fn a_zone_whose_module_is_shelved_goes_on_and_its_successor_knows_what_was_saved_and_who_is_here() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let npc = town.clients[ann].roster[0];
    town.act(ann, |client| client.say("echo once"));
    town.steps(2);
    let mut module = town.node(WEST).rebuild();
    let saved = Some(module.save().unwrap());
    town.node(WEST).inbox.push(Input::Shelve { generation: Generation(0), saved, why: "it fails each time".into() });
    town.step();
    assert_eq!(town.node(WEST).zone.terms().shelved.as_deref(), Some("it fails each time"));
    assert!(!town.node(WEST).zone.is_module_missing(), "nothing is to be rebuilt");
    // People come, walk and talk; what only a module can do is refused at once.
    let bob = town.join("Bob", WEST);
    town.walk(ann, 52.0, 50.0);
    town.act(ann, |client| client.say("anybody?"));
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.steps(2);
    assert!(town.clients[bob].lines().contains(&"Ann: anybody?".to_owned()));
    assert_eq!(town.clients[ann].rejects(), ["module_fault"]);
    // Its snapshot stands for all of it.
    let snapshot = town.node(WEST).zone.snapshot().unwrap();
    let mut restored = Zone::restore(world(), WEST, &snapshot, &mut Puppets::default()).unwrap();
    assert_eq!(restored.state_hash(), town.node(WEST).zone.state_hash());

    swap(&mut town, "two", 0);
    assert_eq!(town.node(WEST).zone.terms().shelved, None);
    assert_eq!(town.events(WEST, "Heard"), 1, "what it had heard before it fell, and nothing of meanwhile");
    assert_eq!(town.events(WEST, "Entered"), 1 + 2, "everybody who is here is told anew");
    town.act(ann, |client| client.say("echo at last"));
    town.steps(2);
    assert!(town.clients[bob].lines().contains(&"Puppet: at last".to_owned()));
    town.check_copies();
}

#[test]
fn a_module_shelved_without_memory_begins_anew() {
    let mut town = Town::new(&[WEST]);
    town.join("Ann", WEST);
    let values = vec![("greeting".to_owned(), TagValue::Text("good night".into()))];
    town.node(WEST).inbox.push(Input::Config { request: 900, values });
    town.step();
    let stood = town.node(WEST).zone.entity_count();
    town.node(WEST).inbox.push(Input::Shelve {
        generation: Generation(0),
        saved: None,
        why: "it does not save".into(),
    });
    town.step();
    swap(&mut town, "two", 0);
    assert_eq!(town.events(WEST, "Started { reason: ResumedWithoutMemory"), 1);
    // It knows what operators have set, and what it did when it was told so did not happen.
    let knows = town.node(WEST).rebuild().save().unwrap().bytes;
    assert!(String::from_utf8_lossy(&knows).contains("good night"));
    assert_eq!(town.node(WEST).zone.entity_count(), stood);
    assert_eq!(Puppet::new("two").save().unwrap().schema, 1);
    town.check_copies();
}
