//! What operators do to a player in her zone: another name, out of the world, all of her told.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{DetachReason, GoneReason};
use wod_protocol::ids::{Sub, ZoneNo};
use wod_protocol::record::Place;
use wod_sim::io::{Input, PlayerAct, PlayerAnswer};
use zone_support::{EAST, Town, WEST};

fn attend(town: &mut Town, zone: ZoneNo, sub: &str, act: PlayerAct) -> PlayerAnswer {
    let request = town.chance.next();
    town.node(zone).inbox.push(Input::Player { request, sub: Sub::from(sub), act });
    town.step();
    let (_, answer) = town.answers.iter().find(|(number, _)| *number == request).unwrap();
    serde_json::from_str(answer.as_ref().unwrap()).unwrap()
}

fn rename(to: &str) -> PlayerAct {
    PlayerAct::Rename(to.into())
}

#[test]
fn a_new_name_is_seen_heard_and_found_and_goes_with_her() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    let (ann_id, sub) = (town.clients[ann].you(), Sub::from("sub:Ann"));
    for _ in 0..2 {
        assert_eq!(attend(&mut town, WEST, "sub:Ann", rename("Bea")), PlayerAnswer::Done);
    }
    assert_eq!(town.clients[bob].cards[&ann_id].name, "Bea");
    assert_eq!(town.clients[ann].attach.as_ref().unwrap().name, "Bea", "she is told herself");
    town.steps(3);
    assert_eq!(town.store.records[&sub].player.name, "Bea");
    town.act(ann, |client| client.say("it is still me"));
    for name in ["bea", "Ann"] {
        town.act(bob, |client| client.whisper(name, &format!("psst {name}")));
        town.steps(3);
    }
    let lines = town.clients[ann].lines();
    for line in ["Bea: it is still me", "Bob: psst bea", "Bob: psst Ann"] {
        assert!(lines.contains(&line.to_owned()), "{line}: {lines:?}");
    }
    town.cross(ann, 110.0, 50.0);
    town.steps(3);
    assert_eq!(town.node(EAST).zone.players()[0].name, "Bea");
    assert_eq!((town.store.records[&sub].player.name.as_str(), town.avatars("Bea")), ("Bea", 1));
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    let record = &town.store.records[&sub];
    assert_eq!((record.player.name.as_str(), record.place), ("Bea", Place::Offline));
    town.check_copies();
}

#[test]
fn who_is_thrown_out_by_an_operator_hears_why_and_is_nowhere() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    assert_eq!(attend(&mut town, WEST, "sub:Ann", PlayerAct::Kick("goodbye".into())), PlayerAnswer::Done);
    town.steps(2);
    assert_eq!(town.clients[ann].gone[0].why, GoneReason::Kicked("goodbye".into()));
    assert_eq!(town.store.records[&Sub::from("sub:Ann")].place, Place::Offline);
    assert_eq!(attend(&mut town, WEST, "sub:Ann", PlayerAct::Kick("again".into())), PlayerAnswer::NotHere);
    town.check_copies();
}

#[test]
fn all_of_a_player_is_told_as_it_stands_and_asking_changes_nothing() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 60.0, 40.0);
    let tick = town.node(WEST).zone.tick();
    let answer = attend(&mut town, WEST, "sub:Ann", PlayerAct::Show);
    let PlayerAnswer::Shown { tick: at, player, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((at.0, player.at.metres()), (tick.0 + 1, (60.0, 40.0)));
    assert_eq!((&player.saved["puppet"][..], player.session), (&[1][..], None));
    town.check_copies();
}

#[test]
fn who_is_on_her_way_is_looked_for_where_she_goes() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 99.0, 50.0);
    town.loss = 100;
    town.walk(ann, 103.0, 50.0);
    assert_eq!(attend(&mut town, WEST, "sub:Ann", rename("Bea")), PlayerAnswer::Elsewhere(EAST));
    assert_eq!(attend(&mut town, EAST, "sub:Ann", rename("Bea")), PlayerAnswer::NotHere);
    town.loss = 0;
    town.steps(60);
    assert_eq!(attend(&mut town, EAST, "sub:Ann", rename("Bea")), PlayerAnswer::Done);
    assert_eq!((town.avatars("Ann"), town.avatars("Bea")), (0, 1));
    town.check_copies();
}
