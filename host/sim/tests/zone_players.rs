//! Players in one zone: they come, walk, speak, lose their connection and go on.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{AttachProof, DetachReason, GoneReason, RefusedAttach};
use wod_protocol::client::{ChatMode, ZoneReason};
use wod_protocol::ids::{GatewayId, SessionId};
use wod_sim::io::Input;
use zone_support::{Client, Town, WEST};

#[test]
fn a_player_who_logs_in_stands_in_the_zone_and_is_seen() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    town.steps(2);
    let (ann_id, bob_id) = (town.clients[ann].you(), town.clients[bob].you());
    assert_ne!(ann_id, bob_id);
    assert!(town.clients[ann].roster.contains(&bob_id));
    assert!(town.clients[bob].roster.contains(&ann_id));
    assert_eq!(town.clients[ann].told, [ZoneReason::Entered]);
    assert_eq!(town.node(WEST).zone.players().len(), 2);
    town.check_copies();
}

#[test]
fn a_walk_at_walking_speed_is_never_corrected_and_one_refused_move_is_one_correction() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 70.0, 60.0);
    assert_eq!(town.clients[ann].corrections, 0);
    assert_eq!(town.clients[ann].at.metres(), (70.0, 60.0));
    // Four claims are under way before she hears of the correction.
    for step in 0..4 {
        town.act(ann, |client| client.move_to(20.0 + f64::from(step), 20.0));
    }
    town.step();
    town.step();
    assert_eq!(town.clients[ann].corrections, 1);
    assert_eq!(town.clients[ann].at.metres(), (70.0, 60.0));
    town.check_copies();
}

#[test]
fn each_way_to_speak_has_its_range() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    for (distance, mode, heard) in [
        (9.0, ChatMode::Say, true),
        (11.0, ChatMode::Say, false),
        (19.0, ChatMode::Emote, true),
        (21.0, ChatMode::Emote, false),
        (45.0, ChatMode::Shout, true),
    ] {
        town.walk(bob, 50.0 + distance, 50.0);
        let before = town.clients[bob].lines().len();
        town.act(ann, |client| client.chat(mode, "hi"));
        town.step();
        assert_eq!(town.clients[bob].lines().len() > before, heard, "{mode:?} at {distance} m");
    }
    // Her own lines came back to her, each once.
    assert_eq!(town.clients[ann].lines(), vec!["Ann: hi"; 5]);
    assert_eq!(town.clients[ann].acked, town.clients[ann].seq);
    town.check_copies();
}

#[test]
fn a_repeated_command_takes_effect_once_and_one_after_a_gap_not_at_all() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let first = town.clients[ann].say("one");
    let second = town.clients[ann].say("two");
    let third = town.clients[ann].say("three");
    for input in [&first, &third, &first] {
        town.give(WEST, input.clone());
    }
    town.step();
    assert_eq!(town.clients[ann].lines(), ["Ann: one"]);
    assert_eq!(town.clients[ann].acked.0, 1);
    for input in [second, third] {
        town.give(WEST, input);
    }
    town.step();
    assert_eq!(town.clients[ann].lines(), ["Ann: one", "Ann: two", "Ann: three"]);
    assert_eq!(town.clients[ann].acked.0, 3);
    town.check_copies();
}

#[test]
fn a_lost_connection_resumes_with_everything_that_was_said_meanwhile() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    town.act(ann, |client| client.detach(DetachReason::Lost));
    town.act(bob, |client| client.say("where are you?"));
    town.steps(40);
    assert!(town.node(WEST).zone.players()[0].gateway.is_none());
    assert!(town.clients[ann].lines().is_empty());
    town.act(ann, Client::resume);
    town.steps(2);
    assert_eq!(town.clients[ann].lines(), ["Bob: where are you?"]);
    assert!(town.clients[ann].roster.contains(&town.clients[bob].you()));
    assert_eq!(town.clients[ann].told, [ZoneReason::Entered, ZoneReason::Resumed]);
    assert!(town.node(WEST).zone.players()[0].gateway.is_some());
    town.check_copies();
}

#[test]
fn an_avatar_waits_thirty_seconds_and_then_leaves() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.detach(DetachReason::Lost));
    town.steps(599);
    assert_eq!(town.avatars("Ann"), 1);
    town.steps(5);
    assert_eq!(town.avatars("Ann"), 0);
    town.act(ann, Client::resume);
    town.step();
    assert_eq!(town.clients[ann].refused, Some(RefusedAttach::ResumeImpossible));
    // Logging in again brings her back as the same person, who remembers her visits.
    town.act(ann, Client::login);
    town.steps(4);
    assert_eq!(town.avatars("Ann"), 1);
    assert!(format!("{:?}", town.clients[ann].messages).contains("\\\"2\\\""), "{:?}", town.clients[ann].messages);
    town.check_copies();
}

#[test]
fn a_wrong_token_or_a_client_ahead_of_the_zone_is_not_resumed() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.detach(DetachReason::Lost));
    let mut thief = town.clients[ann].clone();
    thief.token = 77;
    town.give(WEST, thief.resume());
    town.step();
    assert!(town.node(WEST).zone.players()[0].gateway.is_none());
    let mut ahead = town.clients[ann].clone();
    ahead.n.0 += 1;
    town.give(WEST, ahead.resume());
    town.step();
    assert!(town.node(WEST).zone.players()[0].gateway.is_none());
    town.act(ann, Client::resume);
    town.step();
    assert!(town.node(WEST).zone.players()[0].gateway.is_some());
}

#[test]
fn the_token_before_stays_good_until_the_first_input_over_the_newest() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.detach(DetachReason::Lost));
    let before = town.clients[ann].clone();
    // Her `welcome` is lost, so she comes back with the token she has.
    town.act(ann, Client::resume);
    town.step();
    let mut again = before.clone();
    again.nonce.0 += 10;
    town.clients[ann] = again;
    town.act(ann, Client::resume);
    town.step();
    assert_eq!(town.clients[ann].refused, None);
    assert_eq!(town.clients[ann].attach.as_ref().unwrap().attach.0, 3);
    town.act(ann, |client| client.say("here"));
    town.step();
    let mut late = before;
    late.nonce.0 += 20;
    late.attach = None;
    town.clients[ann] = late;
    town.act(ann, Client::resume);
    town.step();
    assert_eq!(town.clients[ann].refused, Some(RefusedAttach::ResumeImpossible));
}

#[test]
fn inputs_of_an_old_attachment_are_void() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let mut old = town.clients[ann].clone();
    // Another device of hers logs in: the avatar is taken over.
    let mut device = Client::new("Ann", 9);
    let login = device.login();
    town.clients.push(device);
    town.give(WEST, login);
    town.step();
    assert_eq!(town.clients[ann].gone[0].why, GoneReason::Replaced);
    assert_eq!(town.clients[1].you(), old.you());
    for input in [old.say("I am still here"), old.move_to(51.0, 51.0), old.detach(DetachReason::Bye)] {
        town.give(WEST, input);
    }
    town.steps(2);
    assert_eq!(town.avatars("Ann"), 1);
    assert!(town.clients[1].lines().is_empty());
    assert!(town.node(WEST).zone.players()[0].gateway.is_some());
    town.act(1, |client| client.say("now I am"));
    town.step();
    assert_eq!(town.clients[1].lines(), ["Ann: now I am"]);
    town.check_copies();
}

#[test]
fn a_repeated_attach_request_is_one_attachment() {
    let mut town = Town::new(&[WEST]);
    let mut ann = Client::new("Ann", 1);
    let login = ann.login();
    town.clients.push(ann);
    for _ in 0..6 {
        town.give(WEST, login.clone());
        town.step();
    }
    assert_eq!(town.avatars("Ann"), 1);
    assert_eq!(town.clients[0].attach.as_ref().unwrap().attach.0, 1);
    assert!(town.clients[0].gone.is_empty());
    town.check_copies();
}

#[test]
fn a_guests_name_is_taken_while_she_is_here_and_free_after() {
    let mut town = Town::new(&[WEST]);
    let mut guests: Vec<Client> = (1..=2).map(|number| Client { guest: true, ..Client::new("Eve", number) }).collect();
    let (first, second) = (guests[0].login(), guests[1].login());
    town.clients = guests;
    town.give(WEST, first);
    town.steps(3);
    town.give(WEST, second);
    town.steps(3);
    assert_eq!(town.clients[1].refused, Some(RefusedAttach::NameTaken));
    town.act(0, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    assert!(town.store.records.is_empty());
    town.act(1, Client::login);
    town.steps(3);
    assert!(town.clients[1].attach.is_some());
}

#[test]
fn a_client_that_never_acknowledges_is_too_slow_and_can_resume() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    for line in 0..300 {
        if town.clients[ann].attach.is_some() {
            town.act(ann, |client| client.say(&line.to_string()));
            town.step();
        }
    }
    assert_eq!(town.clients[ann].gone[0].why, GoneReason::TooSlow);
    assert_eq!(town.avatars("Ann"), 1);
    town.act(ann, Client::resume);
    town.steps(2);
    assert!(town.clients[ann].attach.is_some());
    town.check_copies();
}

#[test]
fn a_whisper_is_heard_by_one_and_an_unknown_name_is_said_so() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    let eve = town.join("Eve", WEST);
    town.act(ann, |client| client.whisper("bOB", "psst"));
    town.act(ann, |client| client.whisper("Nobody", "psst"));
    town.steps(3);
    assert_eq!(town.clients[bob].lines(), ["Ann: psst"]);
    assert!(town.clients[eve].lines().is_empty());
    assert_eq!(town.clients[ann].rejects(), ["no_such_player"]);
    town.act(eve, |client| client.detach(DetachReason::Bye));
    town.steps(3);
    town.act(ann, |client| client.whisper("Eve", "psst"));
    town.steps(3);
    assert_eq!(town.clients[ann].rejects(), ["no_such_player", "not_delivered"]);
    town.check_copies();
}

#[test]
fn a_zone_has_room_for_so_many_and_no_more() {
    let mut town = Town::new(&[WEST]);
    for number in 0..40 {
        town.join(&format!("P{number}"), WEST);
    }
    let mut late = Client::new("Late", 99);
    let login = late.login();
    town.clients.push(late);
    town.give(WEST, login);
    town.step();
    assert_eq!(town.clients[40].refused, Some(RefusedAttach::Full));
}

#[test]
fn a_gateway_that_missed_frames_is_brought_up_to_date() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let bob = town.join("Bob", WEST);
    // A frame with a message, a roster change and a departure is lost.
    let missed = town.clients.clone();
    town.act(bob, |client| client.say("gone in a moment"));
    town.step();
    town.act(bob, |client| client.detach(DetachReason::Bye));
    town.steps(2);
    town.clients = missed;
    town.give(WEST, wod_protocol::bus::GatewayInput::Resync);
    town.step();
    assert_eq!(town.clients[ann].lines(), ["Bob: gone in a moment"]);
    let npc_alone = town.clients[ann].roster.len();
    assert_eq!(npc_alone, 1);
    assert_eq!(town.clients[bob].gone[0].why, GoneReason::LoggedOut);
    town.check_copies();
}

#[test]
fn a_lost_gateway_takes_its_connections_with_it_and_may_come_back() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    town.act(ann, |client| client.say("hello"));
    town.step();
    let seq = town.node(WEST).effects.frames[0].1.seq;
    town.node(WEST).inbox.push(Input::GatewayLost(GatewayId::from(zone_support::GATE)));
    town.step();
    assert!(town.node(WEST).zone.players()[0].gateway.is_none());
    assert!(town.node(WEST).zone.gateways().is_empty());
    assert!(town.node(WEST).effects.frames.is_empty());
    town.clients[ann].attach = None;
    town.act(ann, Client::resume);
    town.step();
    assert!(town.node(WEST).zone.players()[0].gateway.is_some());
    assert!(
        town.node(WEST).effects.frames[0].1.seq > seq + 1,
        "a gap, so that a gateway which lives asks who is still here"
    );
    town.check_copies();
}

#[test]
fn a_ticket_for_a_session_that_is_elsewhere_is_sent_there() {
    let mut town = Town::new(&[WEST, zone_support::EAST]);
    town.join("Ann", WEST);
    let mut other = Client::new("Ann", 5);
    other.session = SessionId(77);
    let login = other.login();
    assert!(matches!(&login, wod_protocol::bus::GatewayInput::Attach(request) if request.proof == AttachProof::Login));
    town.clients.push(other);
    town.give(zone_support::EAST, login);
    town.steps(3);
    assert_eq!(town.clients[1].refused, Some(RefusedAttach::Elsewhere(WEST)));
}
