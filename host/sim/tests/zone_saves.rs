//! Snapshots of every format there ever was are loaded for ever: `fixtures/zone-format-N.snapshot` was written by the program of its
//! day, of a zone in the middle of everything.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use std::path::PathBuf;

use wod_protocol::bus::DetachReason;
use wod_protocol::client::{Kind, TagValue};
use wod_protocol::ids::{Epoch, HostId, Sub};
use wod_protocol::record::Place;
use wod_sim::io::{Input, Took};
use wod_sim::zone::Zone;
use zone_support::puppet::POKED;
use zone_support::{Client, EAST, FAR, Puppets, Town, WEST, digest, world};

/// A question that the module never answers.
const UNANSWERED: u64 = 901;

fn fixture(format: u32) -> PathBuf {
    PathBuf::from(format!("{}/tests/fixtures/zone-format-{format}.snapshot", env!("CARGO_MANIFEST_DIR")))
}

/// The west in the middle of everything: settings, timers, sensors, tags, a walk, a dialogue, unread messages, a second version on
/// probation; Bob is muted, Cal's connection is lost, Gus is a guest and sees Eve beyond the border; Dan, a message of the module, Flo's
/// login, a whisper and a question wait for others.
fn full_house() -> Town {
    let mut town = Town::new(&[WEST, EAST, FAR]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    let cal = town.join("Cal", WEST);
    let dan = town.join("Dan", WEST);
    let eve = town.join("Eve", EAST);
    let gus = join_as_guest(&mut town, "Gus");
    town.node(WEST).inbox.push(Input::Swap { digest: digest("two"), probation: 1_000_000 });
    let values = vec![("greeting".to_owned(), TagValue::Text("good night".into()))];
    town.node(WEST).inbox.push(Input::Config { request: 900, values });
    town.step();
    for line in ["tag", "sense", "slowtimer", "spawn", "speed", "follow", "echo we stay"] {
        town.act(ann, |client| client.say(line));
        town.step();
    }
    let npc = town.clients[ann].cards.values().find(|card| card.kind == Kind::Npc).unwrap().id;
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.act(bob, |client| client.use_on(npc, "talk"));
    town.step();
    town.act(bob, |client| client.say("mute"));
    town.act(cal, |client| client.detach(DetachReason::Lost));
    town.walk(eve, 102.0, 50.0);
    town.walk(gus, 97.0, 50.0);
    town.walk(dan, 99.0, 52.0);
    town.steps(3);
    assert!(town.clients[gus].roster.contains(&town.clients[eve].you()), "Eve shows beyond the border");
    // From now on nothing reaches anybody.
    town.loss = 100;
    town.walk(dan, 103.0, 52.0);
    town.act(ann, |client| client.say("send ny.east"));
    town.act(ann, |client| client.whisper("Zoe", "are you there?"));
    let mut flo = Client::new("Flo", 40);
    let login = flo.login();
    town.give(WEST, login);
    town.node(WEST).inbox.push(Input::Ask { request: UNANSWERED, operator: "op".into(), text: "silence".into() });
    town.steps(2);
    town
}

fn join_as_guest(town: &mut Town, name: &str) -> usize {
    let mut client = Client::new(name, 30);
    client.guest = true;
    let login = client.login();
    town.clients.push(client);
    town.give(WEST, login);
    town.steps(3);
    town.clients.len() - 1
}

/// A format that is new is kept as it is written on its first day: run this with `WOD_KEEP_FIXTURE=1`, once.
#[test]
fn every_format_has_its_fixture() {
    let snapshot = full_house().node(WEST).zone.snapshot().unwrap();
    let path = fixture(u32::from(snapshot[0]));
    if std::env::var_os("WOD_KEEP_FIXTURE").is_some() && !path.exists() {
        std::fs::write(&path, snapshot).unwrap();
    }
    assert!(path.exists(), "{} is missing", path.display());
}

/// A town whose west goes on from that fixture, under another owner.
fn resumed(format: u32) -> Town {
    let snapshot = std::fs::read(fixture(format)).unwrap();
    let mut town = Town::new(&[WEST, EAST]);
    let west = town.node(WEST);
    west.zone = Zone::restore(world(), WEST, &snapshot, &mut Puppets::default()).unwrap();
    (west.copy, west.journal) = (None, Vec::new());
    west.inbox = vec![Input::Owned { epoch: Epoch(9), host: HostId::from("h2"), how: Took::Recovered }];
    town
}

fn names(town: &Town) -> Vec<String> {
    town.nodes[&WEST].zone.players().into_iter().map(|player| player.name).collect()
}

/// Comes anew, and takes over the avatar that stands.
fn enters(town: &mut Town, name: &str, number: u64) -> usize {
    let mut client = Client::new(name, number);
    let login = client.login();
    town.clients.push(client);
    town.give(WEST, login);
    town.steps(3);
    let who = town.clients.len() - 1;
    assert!(town.clients[who].attach.is_some(), "{name} was not let in: {:?}", town.clients[who].refused);
    who
}

fn goes_on(format: u32) {
    let mut town = resumed(format);
    assert_eq!(names(&town), ["Ann", "Bob", "Cal", "Gus"]);
    assert_eq!(town.node(WEST).zone.terms().previous, Some(digest("one")));
    assert!(town.node(WEST).zone.is_on_probation());
    let tick = town.node(WEST).zone.tick();
    town.steps(3);
    assert_eq!(town.node(WEST).zone.tick().0, tick.0 + 3);
    assert_eq!(town.avatars("Flo"), 1, "her login is asked for again");

    let (ann, bob) = (enters(&mut town, "Ann", 60), enters(&mut town, "Bob", 61));
    let puppet = town.clients[ann].cards.values().find(|card| card.kind == Kind::Npc).unwrap().clone();
    assert_eq!((puppet.name.as_str(), puppet.verbs.len()), ("Puppet", 3));
    assert!(town.clients[ann].cards.values().any(|card| card.name == "stone" && card.tags.len() == 1));
    let ann_id = town.clients[ann].you();
    let title = ("title".to_owned(), TagValue::Text("Baron".into()));
    assert!(town.clients[bob].cards[&ann_id].tags.contains(&title));
    assert!(town.clients[ann].lines().contains(&"Puppet: we stay".to_owned()), "she has not read that yet");
    assert!(town.clients[ann].rejects().contains(&"no_such_player".to_owned()), "nobody is called Zoe");
    town.act(bob, |client| client.whisper("ann", "psst"));
    town.steps(2);
    assert!(town.clients[ann].lines().contains(&"Bob: psst".to_owned()));

    town.steps(300);
    let unanswered = town.answers.iter().find(|(request, _)| *request == UNANSWERED).unwrap();
    assert!(unanswered.1.is_err());
    assert_eq!(town.avatars("Dan"), 1);
    assert!(town.nodes[&EAST].zone.players().iter().any(|player| player.name == "Dan"), "he arrives after all");
    town.steps(400);
    assert_eq!(names(&town), ["Ann", "Bob", "Flo"], "the others' grace is over");
    assert_eq!(town.store.records[&Sub::from("sub:Cal")].place, Place::Offline);
    let rang = town.events(WEST, "Timer");
    town.steps(3000);
    assert_eq!(town.events(WEST, "Timer"), rang + 1);
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    let kept = &town.store.records[&Sub::from("sub:Ann")];
    assert_eq!((kept.place, &kept.player.saved["puppet"][..]), (Place::Offline, &[POKED][..]));
}

#[test]
fn a_zone_saved_in_format_5_goes_on() {
    goes_on(5);
}

#[test]
fn a_zone_saved_in_format_6_goes_on() {
    goes_on(6);
}

#[test]
fn what_was_read_from_an_older_format_is_the_same_in_the_newest() {
    let older = std::fs::read(fixture(5)).unwrap();
    let mut zone = Zone::restore(world(), WEST, &older, &mut Puppets::default()).unwrap();
    let newest = zone.snapshot().unwrap();
    assert!(newest[0] > older[0]);
    let mut again = Zone::restore(world(), WEST, &newest, &mut Puppets::default()).unwrap();
    assert_eq!(again.state_hash(), zone.state_hash());
}
