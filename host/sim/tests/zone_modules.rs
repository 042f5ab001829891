//! The zone's module: told what happens, replaced between two ticks, rebuilt after a fault.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{CommandBody, DetachReason, MessageBody};
use wod_protocol::client::{TagValue, ZoneReason};
use wod_protocol::ids::{Epoch, Generation, HostId, Tick, Token};
use wod_sim::io::{CallOutcome, Input, Took};
use wod_sim::module::{Fault, FaultKind};
use wod_sim::zone::{Sleep, SnapshotError, Zone};
use zone_support::{Client, Puppets, Town, WEST, digest, world};

fn swap(name: &str) -> Input {
    Input::Swap { digest: digest(name), probation: 0 }
}

fn puppet_of(town: &Town, who: usize) -> wod_protocol::ids::EntityId {
    town.clients[who].roster[0]
}

#[test]
fn a_fault_skips_one_event_and_every_other_is_told_to_the_rebuilt_module() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    let npc = puppet_of(&town, ann);
    town.act(bob, |client| client.say("draw"));
    town.act(ann, |client| client.use_on(npc, "trap"));
    town.act(bob, |client| client.say("echo again"));
    town.step();
    let outcome = town.node(WEST).outcome.clone();
    let event = Some(1);
    let expected = Fault { kind: FaultKind::Trap, detail: "trapped".into(), event };
    assert_eq!(outcome.call, CallOutcome::Fault(expected));
    assert!(town.node(WEST).zone.is_module_missing());
    assert_eq!(town.clients[ann].rejects(), ["module_fault"]);
    // While it is missing, players walk and talk.
    town.walk(ann, 55.0, 55.0);
    town.act(ann, |client| client.say("is anybody there?"));
    town.steps(5);
    assert_eq!(town.clients[ann].corrections, 0);
    assert!(town.clients[bob].lines().contains(&"Ann: is anybody there?".to_owned()));
    assert!(!town.clients[bob].lines().contains(&"Puppet: again".to_owned()));
    town.node(WEST).inbox.push(Input::Rebuilt);
    town.steps(2);
    assert!(!town.node(WEST).zone.is_module_missing());
    assert!(town.clients[bob].lines().contains(&"Puppet: again".to_owned()));
    let drawn = |message: &&MessageBody| matches!(message, MessageBody::Event { name, .. } if name == "drawn");
    assert_eq!(town.clients[bob].messages.iter().filter(drawn).count(), 1);
    town.check_copies();
}

#[test]
fn a_module_that_can_not_save_is_missing_and_the_next_outcome_says_so() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("rot"));
    town.step();
    assert!(matches!(town.node(WEST).zone.snapshot(), Err(SnapshotError::Fault(_))));
    assert!(matches!(town.node(WEST).zone.snapshot(), Err(SnapshotError::ModuleMissing)));
    town.step();
    assert!(town.node(WEST).outcome.lost);
    town.act(ann, |client| client.say("echo I live"));
    town.steps(2);
    town.node(WEST).inbox.push(Input::Rebuilt);
    town.steps(2);
    assert!(town.clients[ann].lines().contains(&"Puppet: I live".to_owned()));
    town.check_copies();
}

#[test]
fn a_swap_keeps_every_unacked_message_and_what_the_module_knew() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    for line in 0..20 {
        town.act(ann, |client| client.say(&format!("line {line}")));
        town.step();
    }
    let before = town.clients[ann].clone();
    town.act(ann, |client| client.say("in the tick of the swap"));
    town.node(WEST).inbox.push(swap("two"));
    town.step();
    assert_eq!(town.node(WEST).outcome.swap, Some(Ok(())));
    assert_eq!(town.node(WEST).zone.description().unwrap().version, "two");
    assert_eq!(town.node(WEST).zone.generation(), Generation(1));
    assert_eq!(town.clients[ann].told.last(), Some(&ZoneReason::Swapped));
    // A gateway that missed all of that gets every message again, in order.
    let after = town.clients[ann].messages.len();
    town.clients[ann] = Client { n: wod_protocol::ids::MsgNo(0), messages: Vec::new(), ..before };
    town.give(WEST, wod_protocol::bus::GatewayInput::Resync);
    town.step();
    assert_eq!(town.clients[ann].messages.len(), after);
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    town.check_copies();
}

#[test]
fn a_swap_that_fails_leaves_the_running_module_alone() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    for (name, kind) in [("broken", FaultKind::Refused), ("unheard of", FaultKind::NotLoadable)] {
        town.node(WEST).inbox.push(swap(name));
        town.step();
        let result = town.node(WEST).outcome.swap.clone().unwrap();
        assert_eq!(result.unwrap_err().kind, kind);
    }
    assert_eq!(town.node(WEST).zone.description().unwrap().version, "one");
    assert_eq!(town.node(WEST).zone.generation(), Generation(0));
    town.act(ann, |client| client.say("echo unmoved"));
    town.steps(2);
    assert!(town.clients[ann].lines().contains(&"Puppet: unmoved".to_owned()));
    town.check_copies();
}

#[test]
fn whoever_stands_in_a_new_wall_is_moved_out_of_it() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    assert_eq!(town.clients[ann].at.metres(), (50.0, 50.0));
    town.node(WEST).inbox.push(swap("walled"));
    town.step();
    assert_eq!(town.clients[ann].corrections, 1);
    let (x, y) = town.clients[ann].at.metres();
    assert!(!(45.0..=55.0).contains(&x) || !(45.0..=55.0).contains(&y), "{x} {y}");
    town.check_copies();
}

#[test]
fn an_operator_asks_and_sets() {
    let mut town = Town::new(&[WEST]);
    let ask = |request, text: &str| Input::Ask { request, operator: "op".into(), text: text.into() };
    let set = |request, name: &str, value| Input::Config { request, values: vec![(name.into(), value)] };
    town.node(WEST).inbox.extend([
        ask(1, "how many?"),
        ask(2, "silence"),
        set(3, "greeting", TagValue::Text("hail".into())),
        set(4, "greeting", TagValue::Int(3)),
        set(5, "colour", TagValue::Flag(true)),
    ]);
    town.steps(110);
    let answers = &town.answers;
    let of = |request| answers.iter().filter(|(number, _)| *number == request).collect::<Vec<_>>();
    assert!(of(1)[0].1.as_ref().unwrap().ends_with("events"));
    assert!(of(2)[0].1.as_ref().unwrap_err().contains("did not answer"));
    assert_eq!(of(3)[0].1, Ok("set".into()));
    assert!(of(4)[0].1.is_err() && of(5)[0].1.is_err());
    assert!((1..=5).all(|request| of(request).len() == 1));
    town.check_copies();
}

#[test]
fn a_sleeping_zone_wakes_for_its_timer() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("slowtimer"));
    town.steps(2);
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    let due = (0..400)
        .find_map(|_| {
            town.step();
            match town.node(WEST).zone.can_sleep_until() {
                Sleep::Until(tick) => Some(tick),
                _ => None,
            }
        })
        .expect("an empty zone falls asleep");
    assert!(due > town.node(WEST).zone.tick());
    // A host that wakes late does not skip the timer's tick.
    town.node(WEST).inbox.push(Input::Woke { tick: Tick(due.0 + 5) });
    town.step();
    assert_eq!(town.node(WEST).zone.tick(), due);
    assert_eq!(town.node(WEST).zone.can_sleep_until(), Sleep::UntilInput);
    town.node(WEST).inbox.push(Input::Woke { tick: Tick(due.0 + 10_000) });
    town.step();
    town.check_copies();
}

#[test]
fn a_zone_that_may_sleep_does_nothing_in_the_ticks_it_would_have_slept() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(400);
    assert_eq!(town.node(WEST).zone.can_sleep_until(), Sleep::UntilInput);
    let snapshot = town.node(WEST).zone.snapshot().unwrap();
    let mut asleep = Zone::restore(world(), WEST, &snapshot, &mut Puppets::default()).unwrap();
    for _ in 0..100 {
        town.step();
        assert_eq!(town.node(WEST).effects, wod_sim::io::Effects::default());
    }
    let tick = Tick(town.node(WEST).zone.tick().0 + 1);
    town.step();
    let mut effects = wod_sim::io::Effects::default();
    asleep.step(&[Input::Woke { tick }], &mut Puppets::default(), &mut effects);
    assert_eq!(asleep.state_hash(), town.node(WEST).zone.state_hash());
}

#[test]
fn ticks_can_not_be_skipped_while_somebody_is_here() {
    let mut town = Town::new(&[WEST]);
    town.join("Ann", WEST);
    let tick = town.node(WEST).zone.tick();
    town.node(WEST).inbox.push(Input::Woke { tick: Tick(tick.0 + 100) });
    town.step();
    assert_eq!(town.node(WEST).zone.tick(), tick.next());
    town.check_copies();
}

#[test]
fn a_dialogue_is_open_until_it_is_left() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let npc = puppet_of(&town, ann);
    let choose = |option: &str| CommandBody::Choose { dialogue: Token(1), option: Some(option.into()) };
    town.act(ann, |client| client.command(choose("yes")));
    town.act(ann, |client| client.use_on(npc, "talk"));
    town.act(ann, |client| client.use_on(npc, "fly"));
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.step();
    assert_eq!(town.clients[ann].rejects(), ["no_such_dialogue", "no_such_verb", "ouch"]);
    town.act(ann, |client| client.command(choose("perhaps")));
    town.act(ann, |client| client.command(choose("yes")));
    town.step();
    town.act(ann, |client| client.command(choose("yes")));
    town.walk(ann, 60.0, 60.0);
    town.act(ann, |client| client.use_on(npc, "talk"));
    town.step();
    let rejects = ["no_such_dialogue", "no_such_verb", "ouch", "no_such_dialogue", "no_such_dialogue", "too_far"];
    assert_eq!(town.clients[ann].rejects(), rejects);
    town.check_copies();
}

#[test]
fn a_new_owner_goes_on_from_snapshot_and_journal_and_tells_everybody() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("follow"));
    town.steps(10);
    let snapshot = town.node(WEST).zone.snapshot().unwrap();
    let from = town.node(WEST).journal.len();
    town.walk(ann, 60.0, 50.0);
    town.act(ann, |client| client.say("before the crash"));
    town.step();
    let said = town.clients[ann].messages.len();
    let mut successor = Zone::restore(world(), WEST, &snapshot, &mut Puppets::default()).unwrap();
    let mut effects = wod_sim::io::Effects::default();
    let node = town.node(WEST);
    for entry in &node.journal[from..] {
        successor.replay(entry, &mut Puppets::default(), &mut effects).unwrap();
    }
    assert_eq!(successor.state_hash(), node.zone.state_hash());
    node.zone = successor;
    node.inbox.push(Input::Owned { epoch: Epoch(2), host: HostId::from("h2"), how: Took::Recovered });
    town.steps(2);
    assert_eq!(town.clients[ann].told.last(), Some(&ZoneReason::Recovered));
    assert_eq!(town.clients[ann].messages.len(), said);
    assert_eq!(town.clients[ann].at.metres(), (60.0, 50.0));
    town.act(ann, |client| client.say("after it"));
    town.step();
    assert!(town.clients[ann].lines().contains(&"Ann: after it".to_owned()));
    town.check_copies();
}

#[test]
fn a_new_owner_has_the_module_that_the_former_one_could_not_rebuild() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("trap"));
    town.act(ann, |client| client.say("echo after all"));
    town.steps(3);
    assert!(town.node(WEST).zone.is_module_missing());
    let mut successor = Zone::new(world(), WEST);
    let mut effects = wod_sim::io::Effects::default();
    let node = town.node(WEST);
    for entry in &node.journal {
        successor.replay(entry, &mut Puppets::default(), &mut effects).unwrap();
    }
    node.zone = successor;
    node.inbox.push(Input::Owned { epoch: Epoch(2), host: HostId::from("h2"), how: Took::Recovered });
    town.steps(2);
    assert!(!town.node(WEST).zone.is_module_missing());
    assert!(town.clients[ann].lines().contains(&"Puppet: after all".to_owned()));
    town.check_copies();
}

#[test]
fn sensors_watchers_timers_and_walks_are_told() {
    let mut town = Town::new(&[WEST]);
    assert_eq!(town.events(WEST, "Observed"), 0);
    let ann = town.join("Ann", WEST);
    assert_eq!(town.events(WEST, "Observed"), 1);
    for word in ["sense", "timer"] {
        town.act(ann, |client| client.say(word));
    }
    town.steps(4);
    assert_eq!(town.events(WEST, "SensorEntered"), 1);
    town.walk(ann, 50.0, 59.9);
    assert_eq!(town.events(WEST, "SensorLeft"), 1);
    assert_eq!(town.events(WEST, "Timer(Token(7))"), 1);
    town.act(ann, |client| client.say("come"));
    town.steps(60);
    assert_eq!(town.events(WEST, "Moved"), 1);
    assert_eq!(town.events(WEST, "SensorEntered"), 2);
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    assert_eq!(town.events(WEST, "SensorLeft"), 2);
    assert_eq!(town.events(WEST, "Observed"), 2);
    assert_eq!(town.events(WEST, "Left"), 1);
    town.check_copies();
}

#[test]
fn a_module_mutes_kicks_and_marks_players() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("tag"));
    town.act(ann, |client| client.say("mute"));
    town.steps(2);
    town.act(ann, |client| client.say("mmh"));
    town.steps(2);
    assert_eq!(town.clients[ann].rejects(), ["muted"]);
    town.steps(40);
    town.act(ann, |client| client.say("kick"));
    town.steps(4);
    assert!(matches!(&town.clients[ann].gone[0].why, wod_protocol::bus::GoneReason::Kicked(why) if why == "begone"));
    assert_eq!(town.avatars("Ann"), 0);
    // Her title goes with her.
    let record = town.store.records.values().next().unwrap();
    assert_eq!(record.player.tags, [("title".to_owned(), TagValue::Text("Baron".into()))]);
    town.check_copies();
}
