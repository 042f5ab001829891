//! The last lines that a player has heard: told to a client that has lost what it showed, and never what is repeated to it anyway.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{DetachReason, GatewayInput};
use wod_protocol::ids::MsgNo;
use wod_protocol::limits::{HISTORY_BYTES, HISTORY_LINES};
use wod_sim::zone::Zone;
use zone_support::{Client, EAST, Puppets, Town, WEST, world};

/// Ann and Bob in the west.
fn two() -> (Town, usize, usize) {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    (town, ann, bob)
}

fn say(town: &mut Town, who: usize, text: &str) {
    town.act(who, |client| client.say(text));
    town.step();
}

fn ack(town: &mut Town, who: usize) {
    town.act(who, |client| client.ack());
    town.step();
}

/// Loses her connection and comes back, with or without what she showed.
fn come_back(town: &mut Town, who: usize, history: bool) {
    town.act(who, |client| client.detach(DetachReason::Lost));
    town.step();
    town.act(who, |client| client.resume_with(history));
    town.steps(2);
}

#[test]
fn a_page_that_was_loaded_anew_gets_what_it_had_and_one_that_was_not_gets_nothing() {
    let (mut town, ann, bob) = two();
    say(&mut town, bob, "one");
    say(&mut town, ann, "two");
    ack(&mut town, ann);
    say(&mut town, bob, "three, not acknowledged");
    come_back(&mut town, ann, false);
    assert!(town.clients[ann].histories.is_empty());
    come_back(&mut town, ann, true);
    assert_eq!(
        town.clients[ann].histories,
        [["Bob: one", "Ann: two", "Bob: three, not acknowledged"]],
        "all up to its n"
    );
    town.check_copies();
}

#[test]
fn what_is_repeated_as_a_message_is_not_told_as_history() {
    let (mut town, ann, bob) = two();
    say(&mut town, bob, "one");
    ack(&mut town, ann);
    town.act(ann, |client| client.detach(DetachReason::Lost));
    town.step();
    say(&mut town, bob, "two");
    town.act(ann, |client| client.resume_with(true));
    town.steps(2);
    assert_eq!(town.clients[ann].histories, [["Bob: one"]]);
    assert_eq!(town.clients[ann].lines(), ["Bob: one", "Bob: two"], "each once as a message");
    town.check_copies();
}

#[test]
fn it_is_repeated_until_her_client_gives_a_sign_and_then_no_more() {
    let (mut town, ann, bob) = two();
    say(&mut town, bob, "one");
    come_back(&mut town, ann, true);
    town.give(WEST, GatewayInput::Resync);
    town.step();
    assert_eq!(town.clients[ann].histories.len(), 2, "the frame may have been lost");
    ack(&mut town, ann);
    town.give(WEST, GatewayInput::Resync);
    town.step();
    assert_eq!(town.clients[ann].histories.len(), 2);
    town.check_copies();
}

#[test]
fn a_login_that_takes_over_a_standing_avatar_gets_what_is_not_repeated_to_it() {
    let (mut town, ann, bob) = two();
    say(&mut town, bob, "one");
    ack(&mut town, ann);
    say(&mut town, bob, "two");
    let before = town.clients[ann].messages.len();
    town.act(ann, Client::login);
    town.steps(2);
    assert_eq!(town.clients[ann].histories, [["Bob: one"]]);
    assert_eq!(town.clients[ann].messages.len(), before + 1);
    assert_eq!(town.clients[ann].n, MsgNo(1), "the other line is her new session's first message");
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(4);
    town.act(ann, Client::login);
    town.steps(4);
    assert_eq!(town.clients[ann].histories.len(), 1, "who has left begins anew");
    town.check_copies();
}

#[test]
fn it_goes_with_her_into_another_zone_and_through_a_snapshot() {
    let (mut town, ann, bob) = two();
    say(&mut town, bob, "one");
    ack(&mut town, ann);
    town.walk(ann, 99.0, 50.0);
    town.cross(ann, 101.0, 50.0);
    town.walk(ann, 101.0, 50.0);
    say(&mut town, ann, "two");
    ack(&mut town, ann);
    let snapshot = town.node(EAST).zone.snapshot().unwrap();
    let restored = Zone::restore(world(), EAST, &snapshot, &mut Puppets::default()).unwrap();
    town.node(EAST).zone = restored;
    come_back(&mut town, ann, true);
    assert_eq!(town.clients[ann].histories, [["Bob: one", "Ann: two"]]);
    town.check_copies();
}

#[test]
fn it_is_bounded_by_lines_and_by_bytes() {
    let (mut town, ann, _) = two();
    for line in 0..HISTORY_LINES + 8 {
        say(&mut town, ann, &line.to_string());
    }
    come_back(&mut town, ann, true);
    let lines = town.clients[ann].histories.pop().unwrap();
    assert_eq!((lines.len(), lines[0].as_str()), (HISTORY_LINES, "Ann: 8"));
    for _ in 0..8 {
        say(&mut town, ann, &"\u{1F312}".repeat(500));
        ack(&mut town, ann);
    }
    come_back(&mut town, ann, true);
    let lines = town.clients[ann].histories.pop().unwrap();
    assert_eq!(lines.len(), HISTORY_BYTES / (3 + 2000));
    town.check_copies();
}

#[test]
fn what_she_ignored_is_no_part_of_it() {
    let (mut town, ann, bob) = two();
    say(&mut town, bob, "one");
    town.act(ann, |client| client.ignore("Bob"));
    town.step();
    say(&mut town, bob, "two");
    come_back(&mut town, ann, true);
    assert_eq!(town.clients[ann].histories, [["Bob: one"]]);
    town.check_copies();
}
