//! Ignore lists: whom a player does not hear, wherever either of them is, and for how long that is kept.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{CommandBody, DetachReason};
use wod_protocol::client::ChatMode;
use wod_protocol::ids::EntityId;
use wod_protocol::limits::IGNORED;
use zone_support::{Client, EAST, FAR, Town, WEST};

/// Has her ignore that player, and waits for the answer.
fn ignore(town: &mut Town, who: usize, name: &str) {
    town.act(who, |client| client.ignore(name));
    town.steps(4);
}

/// What she hears while that player says, shouts, does and whispers to her something.
fn heard(town: &mut Town, who: usize, speaker: usize) -> usize {
    let (before, name) = (town.clients[who].lines().len(), town.clients[who].name.clone());
    for mode in [ChatMode::Say, ChatMode::Shout, ChatMode::Emote] {
        town.act(speaker, |client| client.chat(mode, "hm"));
    }
    town.act(speaker, |client| client.whisper(&name, "psst"));
    town.steps(8);
    town.clients[who].lines().len() - before
}

#[test]
fn who_is_ignored_is_not_heard_by_her_and_by_everybody_else() {
    let mut town = Town::new(&[WEST]);
    let [ann, bob, eve] = ["Ann", "Bob", "Eve"].map(|name| town.join(name, WEST));
    ignore(&mut town, ann, " bob ");
    assert_eq!(town.clients[ann].ignored(), [["Bob"]]);
    assert_eq!(heard(&mut town, ann, bob), 0);
    assert_eq!(town.clients[bob].lines().len(), 4, "his own, and nothing tells him");
    assert_eq!(town.clients[eve].lines().len(), 3);
    assert!(town.clients[bob].rejects().is_empty());
    assert_eq!(town.events(WEST, "Heard"), 3, "characters hear him");
    assert_eq!(heard(&mut town, bob, ann), 4, "he hears her");
    town.act(ann, |client| client.unignore("BOB"));
    town.steps(2);
    assert_eq!(town.clients[ann].ignored().last().unwrap(), &Vec::<String>::new());
    assert_eq!(heard(&mut town, ann, bob), 4);
    town.check_copies();
}

#[test]
fn nothing_of_the_ignored_comes_over_a_border_or_the_ocean() {
    let mut town = Town::new(&[WEST, EAST, FAR]);
    let (ann, bob, cat) = (town.join("Ann", WEST), town.join("Bob", EAST), town.join("Cat", FAR));
    town.walk(ann, 98.0, 50.0);
    town.walk(bob, 102.0, 50.0);
    assert_eq!(heard(&mut town, ann, bob), 4);
    assert_eq!(heard(&mut town, ann, cat), 1);
    for name in ["Bob", "Cat"] {
        ignore(&mut town, ann, name);
    }
    assert_eq!(town.clients[ann].ignored().last().unwrap(), &["Bob", "Cat"]);
    assert_eq!((heard(&mut town, ann, bob), heard(&mut town, ann, cat)), (0, 0));
    let whispers = town.clients[cat].lines().iter().filter(|line| *line == "Cat: psst").count();
    assert_eq!((whispers, town.clients[cat].rejects().len()), (2, 0), "the whisperer is told as ever");
    town.check_copies();
}

#[test]
fn the_list_goes_with_her_over_borders_connections_and_logins() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", EAST));
    ignore(&mut town, ann, "Bob");
    town.cross(ann, 101.0, 50.0);
    town.walk(bob, 104.0, 50.0);
    assert_eq!(heard(&mut town, ann, bob), 0, "in the zone she has crossed into");
    town.act(ann, |client| client.detach(DetachReason::Lost));
    town.step();
    town.act(ann, Client::resume);
    town.steps(2);
    assert_eq!(heard(&mut town, ann, bob), 0, "over a new connection");
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(4);
    assert_eq!(town.avatars("Ann"), 0);
    town.act(ann, Client::login);
    town.steps(4);
    assert_eq!(heard(&mut town, ann, bob), 0, "as somebody whose record was read");
    town.act(ann, |client| client.command(CommandBody::Ignore { name: None }));
    town.steps(2);
    assert_eq!(town.clients[ann].ignored().last().unwrap(), &["Bob"]);
    town.check_copies();
}

#[test]
fn who_leaves_before_the_store_has_said_whom_she_ignores_takes_the_answer_along_once() {
    for (loss, doubling) in [(0, 0), (30, 30)] {
        let mut town = Town::new(&[WEST, EAST, FAR]);
        let (ann, cat) = (town.join("Ann", WEST), town.join("Cat", FAR));
        town.walk(ann, 99.9, 50.0);
        (town.loss, town.doubling) = (loss, doubling);
        town.act(ann, |client| client.ignore("Cat"));
        town.act(ann, |client| client.move_to(100.1, 50.0));
        town.steps(200);
        town.resend(ann);
        (town.loss, town.doubling) = (0, 0);
        town.steps(60);
        assert_eq!(town.clients[ann].zone, EAST);
        assert_eq!(town.clients[ann].ignored(), [["Cat"]], "with {loss} of 100 lost");
        assert_eq!(heard(&mut town, ann, cat), 0);
        town.check_copies();
    }
}

#[test]
fn it_is_the_person_who_is_ignored_and_not_the_name() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let guest = |town: &mut Town| {
        let mut client = Client::new("Bob", town.clients.len() as u64 + 1);
        client.guest = true;
        let login = client.login();
        town.clients.push(client);
        town.give(WEST, login);
        town.steps(3);
        town.clients.len() - 1
    };
    let first = guest(&mut town);
    ignore(&mut town, ann, "Bob");
    assert_eq!(heard(&mut town, ann, first), 0);
    town.act(first, |client| client.detach(DetachReason::Bye));
    town.steps(4);
    let second = guest(&mut town);
    assert_eq!(heard(&mut town, ann, second), 4, "another guest of that name");
    town.check_copies();
}

#[test]
fn what_can_not_be_ignored_is_refused_and_the_list_is_bounded() {
    let mut town = Town::new(&[WEST]);
    let (ann, _) = (town.join("Ann", WEST), town.join("Bob", WEST));
    ignore(&mut town, ann, "Ann");
    ignore(&mut town, ann, "Nobody");
    town.act(ann, |client| client.unignore("Bob"));
    town.steps(4);
    assert_eq!(town.clients[ann].rejects(), ["no_such_player"; 3]);
    // In her record, as if she had met them all.
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(4);
    let record = town.store.records.values_mut().find(|record| record.player.name == "Ann").unwrap();
    record.player.ignored = (1..=IGNORED as u64).map(|id| (EntityId(id), format!("Foe {id}"))).collect();
    town.act(ann, Client::login);
    town.steps(4);
    let messages = town.clients[ann].messages.len();
    ignore(&mut town, ann, "Bob");
    assert_eq!(town.clients[ann].rejects().last().unwrap(), "too_many");
    assert_eq!(town.clients[ann].messages.len(), messages + 1);
    town.act(ann, |client| client.unignore("foe 7"));
    town.steps(2);
    ignore(&mut town, ann, "Bob");
    let names = town.clients[ann].ignored().last().unwrap().clone();
    assert_eq!(names.len(), IGNORED);
    assert!(names.contains(&"Bob".to_owned()) && !names.contains(&"Foe 7".to_owned()));
    town.check_copies();
}
