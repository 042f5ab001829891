//! Zones whose owner and store died together, so that the end of their history is lost, beside zones that went on.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{DetachReason, GoneReason};
use wod_protocol::ids::{Epoch, HostId, ZoneNo};
use wod_protocol::record::Place;
use wod_sim::io::{Effects, Input, Took};
use wod_sim::zone::Zone;
use zone_support::{Client, EAST, Puppets, Town, WEST, world};

/// A new owner finds the zone's journal as it was when it had so many entries.
fn set_back(town: &mut Town, number: ZoneNo, entries: usize) {
    let node = town.node(number);
    node.journal.truncate(entries);
    node.zone = Zone::new(world(), number);
    node.copy = None;
    let mut effects = Effects::default();
    for entry in &node.journal {
        node.zone.replay(entry, &mut Puppets::default(), &mut effects).unwrap();
    }
    node.modules = Puppets::default();
    let epoch = Epoch(node.zone.epoch().0 + 1);
    node.inbox = vec![Input::Owned { epoch, host: HostId::from("h2"), how: Took::Recovered }];
}

fn entries(town: &mut Town, zone: ZoneNo) -> usize {
    town.node(zone).journal.len()
}

/// Ann, as another client.
fn log_in_again(town: &mut Town, zone: ZoneNo) {
    let mut again = Client { zone, ..Client::new("Ann", 9) };
    let login = again.login();
    town.clients.push(again);
    town.give(zone, login);
}

#[test]
fn a_zone_that_has_forgotten_whom_it_sent_away_lets_go_of_her_and_sends_others_after() {
    // Whether the zone that knows better is told of the loss before or after the other is back.
    for told_first in [true, false] {
        let mut town = Town::new(&[WEST, EAST]);
        let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
        town.steps(40);
        let before = (entries(&mut town, WEST), town.store.clone());
        town.cross(ann, 105.0, 50.0);
        town.steps(40);
        town.store = before.1;
        set_back(&mut town, WEST, before.0);
        if told_first {
            town.node(EAST).inbox.push(Input::StoreLost);
            town.steps(1);
        } else {
            town.steps(30);
            assert_eq!(town.avatars("Ann"), 2);
            // She is back at the avatar that is not the real one.
            let mut late = Client::new("Ann", 9);
            let login = late.login();
            town.clients.push(late);
            town.give(WEST, login);
            town.steps(2);
            assert!(town.clients.last().unwrap().attach.is_some());
            town.node(EAST).inbox.push(Input::StoreLost);
        }
        town.steps(60);
        assert_eq!(town.avatars("Ann"), 1);
        if !told_first {
            let why: Vec<_> = town.clients.last().unwrap().gone.iter().map(|gone| &gone.why).collect();
            assert_eq!(why, [&GoneReason::Outdated], "she starts anew, nobody has replaced her");
        }
        assert_eq!(town.node(EAST).zone.players().len(), 1);
        let ann = town.store.records.values().find(|record| record.player.name == "Ann").unwrap();
        assert_eq!((ann.place, ann.hop.0), (Place::Zone(EAST), 2));
        town.cross(bob, 105.0, 50.0);
        town.steps(40);
        assert_eq!((town.avatars("Bob"), town.node(EAST).zone.players().len()), (1, 2));
    }
}

#[test]
fn a_zone_that_has_forgotten_who_came_finds_her_in_her_record_and_goes_on_taking_others() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    let before = entries(&mut town, EAST);
    town.cross(ann, 105.0, 50.0);
    town.steps(60);
    set_back(&mut town, EAST, before);
    town.steps(60);
    assert_eq!(town.avatars("Ann"), 0);
    town.cross(bob, 105.0, 50.0);
    town.steps(40);
    assert_eq!(town.avatars("Bob"), 1);
    log_in_again(&mut town, EAST);
    town.steps(5);
    assert_eq!(town.avatars("Ann"), 1);
    assert_eq!(town.clients.last().unwrap().you(), town.clients[ann].you(), "the same avatar");
}

#[test]
fn a_logout_that_the_store_forgot_is_stored_again() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let before = town.store.clone();
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(40);
    let gone = town.store.clone();
    town.store = before;
    town.node(WEST).inbox.push(Input::StoreLost);
    town.steps(10);
    assert_eq!(town.store.records, gone.records);
}

#[test]
fn who_went_to_a_zone_that_has_forgotten_her_together_with_the_store_has_all_that_she_left_with() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.steps(40);
    let before = (entries(&mut town, EAST), town.store.clone());
    town.cross(ann, 105.0, 50.0);
    town.steps(40);
    assert_eq!(town.node(EAST).zone.players().len(), 1);
    town.store = before.1;
    set_back(&mut town, EAST, before.0);
    town.node(WEST).inbox.push(Input::StoreLost);
    town.steps(60);
    let record = town.store.records.values().find(|record| record.player.name == "Ann").unwrap();
    assert_eq!((record.place, record.hop.0), (Place::Zone(EAST), 2));
    assert!(record.player.at.x > 99 * 256, "as she was when she left: {:?}", record.player.at);
}

#[test]
fn a_login_does_not_go_by_what_the_store_knew_before_a_logout_that_it_forgot() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let before = town.store.clone();
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(40);
    let gone = town.store.clone();
    town.store = before;
    log_in_again(&mut town, WEST);
    town.steps(10);
    assert_eq!((town.avatars("Ann"), &town.store.records), (0, &gone.records), "the logout is stored again first");
    let login = town.clients[1].login();
    town.give(WEST, login);
    town.steps(10);
    assert_eq!(town.avatars("Ann"), 1);
    assert_eq!(town.store.records.values().next().unwrap().hop.0, 3);
}
