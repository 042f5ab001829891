//! Players, whispers and messages between zones, over streams that lose and double what they carry.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{AttachProof, DetachReason, GoneReason, RefusedAttach};
use wod_protocol::client::ZoneReason;
use wod_protocol::ids::{Epoch, HostId};
use wod_protocol::record::Place;
use wod_sim::io::{Input, Took};
use zone_support::puppet::POKED;
use zone_support::{Client, EAST, FAR, Node, Town, WEST};

#[test]
fn walking_over_a_border_goes_on_at_that_very_position() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    let id = town.clients[ann].you();
    town.act(ann, |client| client.say("leaving"));
    town.cross(ann, 105.0, 50.0);
    let (x, y) = town.clients[ann].at.metres();
    assert!((100.0..100.5).contains(&x) && (y - 50.0).abs() < 0.1, "{x} {y}");
    assert_eq!(town.clients[ann].zone, EAST);
    assert_eq!(town.clients[ann].you(), id);
    assert_eq!(town.clients[ann].told, [ZoneReason::Entered, ZoneReason::Crossed]);
    assert_eq!(town.clients[ann].gone[0].why, GoneReason::Crossed(EAST));
    assert_eq!(town.clients[ann].c.0, 1, "what was under way is void");
    town.walk(ann, 120.0, 50.0);
    assert_eq!(town.clients[ann].corrections, 0);
    town.act(ann, |client| client.say("arrived"));
    town.steps(3);
    assert_eq!(town.clients[ann].lines(), ["Ann: leaving", "Ann: arrived"]);
    let record = town.store.records.values().next().unwrap();
    assert_eq!((record.place, record.hop.0), (Place::Zone(EAST), 2));
    town.check_copies();
}

#[test]
fn what_she_did_when_she_crossed_takes_effect_before_she_goes_even_where_the_module_must_be_rebuilt_for_it() {
    for fails in [false, true] {
        let mut town = Town::new(&[WEST, EAST]);
        let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
        let npc = *town.clients[ann].roster.iter().find(|id| **id != town.clients[bob].you()).unwrap();
        town.act(ann, |client| client.say("follow"));
        town.walk(ann, 99.9, 50.0);
        town.steps(1000);
        if fails {
            town.act(bob, |client| client.say("follow"));
            town.walk(bob, 98.0, 50.0);
            town.steps(100);
            town.act(bob, |client| client.use_on(npc, "trap"));
        }
        town.act(ann, |client| client.use_on(npc, "poke"));
        town.act(ann, |client| client.move_to(100.1, 50.0));
        // The next zone's, where the puppet is a ghost: it comes back over the border.
        town.act(ann, |client| client.use_on(npc, "poke"));
        town.steps(5);
        if fails {
            assert_eq!(town.clients[ann].zone, WEST, "what she did is yet to be told");
            town.node(WEST).inbox.push(Input::Rebuilt);
        }
        town.steps(20);
        town.resend(ann);
        town.steps(5);
        assert_eq!(town.clients[ann].zone, EAST, "fails: {fails}");
        assert_eq!(town.clients[ann].rejects(), ["ouch", "ouch"], "fails: {fails}");
        assert_eq!(town.avatars("Ann"), 1);
        town.check_copies();
    }
}

#[test]
fn what_she_did_in_the_call_in_which_the_module_sends_her_away_goes_with_her() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    let npc = town.clients[ann].roster[0];
    town.act(ann, |client| client.say("zone ny.east"));
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.steps(20);
    assert_eq!(town.clients[ann].zone, EAST);
    assert_eq!(town.clients[ann].rejects(), ["ouch"]);
    let record = town.store.records.values().find(|record| record.player.name == "Ann").unwrap();
    assert_eq!(record.player.saved["puppet"][..], [POKED]);
    town.check_copies();
}

#[test]
fn what_she_did_when_she_logged_out_is_in_her_record() {
    for fails in [false, true] {
        let mut town = Town::new(&[WEST]);
        let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
        let npc = *town.clients[ann].roster.iter().find(|id| **id != town.clients[bob].you()).unwrap();
        if fails {
            town.act(bob, |client| client.use_on(npc, "trap"));
        }
        town.act(ann, |client| client.use_on(npc, "poke"));
        town.act(ann, |client| client.detach(DetachReason::Bye));
        town.steps(5);
        if fails {
            assert_eq!(town.avatars("Ann"), 1, "what she did is yet to be told");
            town.node(WEST).inbox.push(Input::Rebuilt);
            town.steps(5);
        }
        assert_eq!(town.avatars("Ann"), 0);
        let record = town.store.records.values().find(|record| record.player.name == "Ann").unwrap();
        assert_eq!(record.player.saved["puppet"][..], [POKED], "fails: {fails}");
        town.check_copies();
    }
}

#[test]
fn whoever_comes_back_before_her_logout_stays() {
    let mut town = Town::new(&[WEST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    let npc = *town.clients[ann].roster.iter().find(|id| **id != town.clients[bob].you()).unwrap();
    town.act(bob, |client| client.use_on(npc, "trap"));
    town.act(ann, |client| client.use_on(npc, "poke"));
    town.act(ann, |client| client.detach(DetachReason::Bye));
    town.steps(2);
    let mut again = Client::new("Ann", 9);
    again.zone = WEST;
    let login = again.login();
    town.clients.push(again);
    town.give(WEST, login);
    town.steps(2);
    town.node(WEST).inbox.push(Input::Rebuilt);
    town.steps(5);
    assert_eq!(town.avatars("Ann"), 1);
    assert!(town.clients[2].attach.is_some());
    town.check_copies();
}

#[test]
fn the_edge_of_the_world_is_a_wall() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 50.0, 0.1);
    town.act(ann, |client| client.move_to(50.0, -0.1));
    town.step();
    assert_eq!(town.clients[ann].corrections, 1);
    assert_eq!(town.avatars("Ann"), 1);
}

#[test]
fn a_portal_leads_to_its_place_in_another_region() {
    let mut town = Town::new(&[WEST, FAR]);
    let ann = town.join("Ann", WEST);
    town.cross(ann, 90.0, 90.0);
    assert_eq!(town.clients[ann].zone, FAR);
    assert_eq!(town.clients[ann].at.metres(), (20.0, 20.0));
    // The module that sends somebody away takes the same road.
    town.walk(ann, 50.0, 50.0);
    town.act(ann, |client| client.say("portal"));
    town.steps(6);
    assert_eq!(town.clients[ann].zone, WEST);
    assert_eq!(town.avatars("Ann"), 1);
    town.check_copies();
}

#[test]
fn what_she_claims_before_she_hears_of_her_arrival_is_void() {
    for (from, word, to) in
        [(EAST, "zone la.far", FAR), (WEST, "portal", FAR), (FAR, "portal", WEST), (WEST, "zone ny.east", EAST)]
    {
        let mut town = Town::new(&[WEST, EAST, FAR]);
        let ann = town.join("Ann", from);
        let before = town.clients[ann].clone();
        town.act(ann, |client| client.say(word));
        town.steps(6);
        let arrived = town.clients[ann].clone();
        assert_eq!(arrived.zone, to, "{word}");
        assert!(arrived.c > before.c, "{word}");
        // Her gateway has followed her; her client walks on where it was, maybe in another plane.
        for step in 1..4 {
            let (x, y) = before.at.metres();
            town.act(ann, |client| {
                client.c = before.c;
                client.move_to(x + 0.25 * f64::from(step), y)
            });
            town.step();
        }
        assert_eq!(town.clients[ann].corrections, 0, "{word}");
        // Now it hears, and goes on from there.
        (town.clients[ann].at, town.clients[ann].c) = (arrived.at, arrived.c);
        let (x, y) = arrived.at.metres();
        town.walk(ann, x + 3.0, y);
        assert_eq!(town.clients[ann].corrections, 0, "{word}");
        town.check_copies();
    }
}

#[test]
fn crossing_back_and_forth_over_lossy_streams_leaves_one_avatar_and_loses_no_message() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    town.walk(ann, 98.0, 50.0);
    (town.loss, town.doubling) = (30, 30);
    let mut whispered = 0;
    for round in 0..12 {
        town.act(bob, |client| client.whisper("Ann", &format!("line {round}")));
        town.act(ann, |client| client.say(&format!("round {round}")));
        whispered += 1;
        let x = if town.clients[ann].zone == WEST { 102.0 } else { 98.0 };
        town.cross(ann, x, 50.0);
        let ack = town.clients[ann].ack();
        let zone = town.clients[ann].zone;
        town.give(zone, ack);
        town.walk(ann, x, 50.0);
        assert_eq!(town.avatars("Ann"), 1);
    }
    town.loss = 0;
    town.steps(200);
    town.resend(ann);
    town.steps(30);
    assert_eq!(town.avatars("Ann"), 1);
    let heard = town.clients[ann].lines().iter().filter(|line| line.starts_with("Bob: line")).count();
    let refused = town.clients[bob].rejects().len();
    assert_eq!(heard + refused, whispered, "every whisper is heard once or refused");
    let said = town.clients[ann].lines().iter().filter(|line| line.starts_with("Ann: round")).count();
    assert_eq!(said, 12, "every line takes effect once");
    assert_eq!(town.store.records.values().filter(|record| record.player.name == "Ann").count(), 1);
    let record = town.store.records.values().find(|record| record.player.name == "Ann").unwrap();
    assert_eq!(record.place, Place::Zone(town.clients[ann].zone));
    assert_eq!(record.hop.0, 13);
    town.check_copies();
}

#[test]
fn a_whisper_reaches_a_player_in_another_zone() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", EAST);
    town.act(ann, |client| client.whisper("Bob", "over there?"));
    town.steps(5);
    assert_eq!(town.clients[bob].lines(), ["Ann: over there?"]);
    assert_eq!(town.clients[ann].lines(), ["Ann: over there?"]);
    assert!(town.clients[ann].rejects().is_empty());
    town.check_copies();
}

#[test]
fn a_login_while_she_crosses_is_sent_after_her() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 99.0, 50.0);
    town.loss = 100;
    town.walk(ann, 101.0, 50.0);
    let mut device = Client::new("Ann", 9);
    let login = device.login();
    town.clients.push(device);
    town.give(WEST, login);
    town.step();
    assert_eq!(town.clients[1].refused, Some(RefusedAttach::Elsewhere(EAST)));
    town.loss = 0;
    town.steps(40);
    assert_eq!(town.avatars("Ann"), 1);
    assert_eq!(town.clients[ann].zone, EAST);
}

#[test]
fn a_player_whom_the_other_zone_refuses_is_back() {
    let mut town = Town::new(&[WEST]);
    let mut closed = Node::new(FAR);
    closed.inbox = vec![Input::Owned { epoch: Epoch(1), host: HostId::from("h2"), how: Took::Fresh }];
    town.nodes.insert(FAR, closed);
    let ann = town.join("Ann", WEST);
    let before = town.clients[ann].c;
    town.walk(ann, 90.0, 90.0);
    town.steps(10);
    assert_eq!(town.clients[ann].zone, WEST);
    assert!(town.clients[ann].c > before, "what she claimed meanwhile is void");
    assert_eq!(town.avatars("Ann"), 1);
    assert_eq!(town.clients[ann].at.metres(), (90.0, 90.0));
    town.act(ann, |client| client.say("still here"));
    town.steps(2);
    assert_eq!(town.clients[ann].lines(), ["Ann: still here"]);
    town.check_copies();
}

#[test]
fn a_link_dead_player_can_be_sent_away_and_resume_there() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("zone ny.east"));
    town.act(ann, |client| client.detach(DetachReason::Lost));
    town.steps(10);
    assert_eq!(town.node(EAST).zone.players()[0].name, "Ann");
    assert!(town.node(EAST).zone.players()[0].gateway.is_none());
    let resume = town.clients[ann].resume();
    assert!(matches!(&resume, wod_protocol::bus::GatewayInput::Attach(request)
        if matches!(request.proof, AttachProof::Resume { .. })));
    town.give(EAST, resume);
    town.steps(2);
    assert_eq!(town.clients[ann].zone, EAST);
    assert!(town.node(EAST).zone.players()[0].gateway.is_some());
    town.check_copies();
}

#[test]
fn a_modules_message_reaches_another_module_once() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", EAST);
    (town.loss, town.doubling) = (40, 40);
    town.act(ann, |client| client.say("send ny.east"));
    town.steps(300);
    let news = format!("{:?}", town.clients[bob].messages);
    assert_eq!(news.matches("greeting:hi").count(), 1, "{news}");
    town.check_copies();
}

#[test]
fn an_avatar_whose_record_knows_a_later_hand_off_goes() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 99.0, 50.0);
    // The store has heard of a later hand-off than the one that brings her east.
    let record = town.store.records.values_mut().next().unwrap();
    record.hop.0 = 9;
    town.walk(ann, 101.0, 50.0);
    town.steps(10);
    assert_eq!(town.avatars("Ann"), 0);
    assert!(town.store.records.values().all(|record| record.hop.0 == 9));
    town.check_copies();
}

#[test]
fn whispers_are_heard_though_streams_lose_half_and_never_pause() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", EAST);
    town.loss = 50;
    for line in 0..100 {
        town.act(ann, |client| client.whisper("Bob", &format!("{line:03}")));
        town.step();
        let (ack_ann, ack_bob) = (town.clients[ann].ack(), town.clients[bob].ack());
        town.give(WEST, ack_ann);
        town.give(EAST, ack_bob);
    }
    for _ in 0..60 {
        town.steps(20);
        let (ack_ann, ack_bob) = (town.clients[ann].ack(), town.clients[bob].ack());
        town.give(WEST, ack_ann);
        town.give(EAST, ack_bob);
    }
    assert_eq!(town.clients[bob].lines().len(), 100);
    town.check_copies();
}
