//! Mutes by operators and by modules: what they keep from being heard, for how long, and that they go with the player.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{DetachReason, MessageBody};
use wod_protocol::client::ChatMode;
use wod_protocol::ids::ZoneNo;
use wod_sim::io::Input;
use zone_support::{Client, EAST, Town, WEST};

/// An operator's word to a zone; its answer.
fn mute(town: &mut Town, zone: ZoneNo, name: &str, ms: u64, reason: &str) -> Result<String, String> {
    let request = town.chance.next();
    let mute = Input::Mute { request, name: name.into(), ms, reason: reason.into() };
    town.node(zone).inbox.push(mute);
    town.step();
    town.answers.iter().find(|(number, _)| *number == request).unwrap().1.clone()
}

/// Whether she is heard now; she hears herself.
fn is_heard(town: &mut Town, who: usize) -> bool {
    let before = town.clients[who].lines().len();
    town.act(who, |client| client.say("hm"));
    town.steps(2);
    town.clients[who].lines().len() > before
}

fn last_refusal(town: &Town, who: usize) -> String {
    let text = |message: &MessageBody| match message {
        MessageBody::Reject { message, .. } => Some(message.clone()),
        _ => None,
    };
    town.clients[who].messages.iter().rev().find_map(text).unwrap()
}

#[test]
fn a_muted_player_is_heard_by_nobody_and_told_why_and_for_how_long() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    assert_eq!(mute(&mut town, WEST, " ann", 90_000, "spam"), Ok("Ann is muted for 2 min".into()));
    for mode in [ChatMode::Say, ChatMode::Shout, ChatMode::Emote] {
        town.act(ann, |client| client.chat(mode, "hm"));
    }
    town.act(ann, |client| client.whisper("Bob", "hm"));
    town.steps(2);
    assert_eq!(town.clients[ann].rejects(), ["muted"; 4]);
    assert_eq!(last_refusal(&town, ann), "an operator has muted you for 2 min: spam");
    assert!(town.clients[bob].lines().is_empty());
    assert_eq!(mute(&mut town, WEST, "Ann", 0, ""), Ok("Ann is heard again".into()));
    assert!(is_heard(&mut town, ann));
    town.check_copies();
}

#[test]
fn a_mute_ends_by_itself() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    mute(&mut town, WEST, "Ann", 2_001, "").unwrap();
    town.steps(36);
    assert!(!is_heard(&mut town, ann), "38 ticks");
    assert_eq!(last_refusal(&town, ann), "an operator has muted you for 1 s");
    town.steps(2);
    assert!(is_heard(&mut town, ann), "2,001 ms are 41 ticks");
    town.check_copies();
}

#[test]
fn what_is_left_of_it_goes_with_her_over_borders_connections_and_logins() {
    let mut town = Town::new(&[WEST, EAST]);
    let ann = town.join("Ann", WEST);
    town.walk(ann, 99.9, 50.0);
    mute(&mut town, WEST, "Ann", 30_000, "spam").unwrap();
    town.cross(ann, 100.5, 50.0);
    assert!(!is_heard(&mut town, ann), "in another zone");
    town.act(ann, |client| client.detach(DetachReason::Lost));
    town.step();
    town.act(ann, Client::resume);
    town.steps(2);
    assert!(!is_heard(&mut town, ann), "over another connection");
    town.act(ann, |client| client.detach(DetachReason::Bye));
    // Longer than the mute: it stands still while she is away.
    town.steps(700);
    town.act(ann, Client::login);
    town.steps(4);
    assert!(!is_heard(&mut town, ann), "in another session");
    assert!(last_refusal(&town, ann).ends_with("s: spam"), "{}", last_refusal(&town, ann));
    town.steps(600);
    assert!(is_heard(&mut town, ann));
    town.check_copies();
}

#[test]
fn a_module_does_not_end_an_operators_mute_and_its_own_goes_with_her_too() {
    let mut town = Town::new(&[WEST, EAST]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    mute(&mut town, WEST, "Ann", 60_000, "").unwrap();
    town.act(bob, |client| client.say("pardon"));
    town.steps(3);
    assert!(!is_heard(&mut town, ann));
    mute(&mut town, WEST, "Ann", 0, "").unwrap();
    town.walk(ann, 99.9, 50.0);
    town.act(ann, |client| client.chat(ChatMode::Shout, "mute"));
    town.step();
    town.cross(ann, 100.5, 50.0);
    assert!(!is_heard(&mut town, ann), "the next zone is not a way out of it");
    assert_eq!(last_refusal(&town, ann), "you are muted for 2 s");
    town.steps(40);
    assert!(is_heard(&mut town, ann));
    mute(&mut town, EAST, "Ann", 60_000, "").unwrap();
    mute(&mut town, EAST, "Ann", 0, "").unwrap();
    assert!(is_heard(&mut town, ann));
    town.check_copies();
}

#[test]
fn who_connects_again_and_again_says_no_more_than_anybody_else() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    for _ in 0..8 {
        for _ in 0..20 {
            town.act(ann, |client| client.say("buy now"));
        }
        town.act(ann, |client| client.detach(DetachReason::Lost));
        town.act(ann, Client::resume);
        town.steps(1);
        town.resend(ann);
        town.act(ann, |client| client.ack());
    }
    town.steps(2);
    // 150 at once, and one in every two of the ticks.
    let rejects = town.clients[ann].rejects();
    assert!(rejects.iter().all(|code| code == "too_many"));
    assert!((4..=8).contains(&rejects.len()), "{}", rejects.len());
    town.steps(20);
    assert!(is_heard(&mut town, ann));
    town.check_copies();
}

#[test]
fn who_is_not_here_is_not_muted_and_the_operator_is_told() {
    let mut town = Town::new(&[WEST]);
    let ann = town.join("Ann", WEST);
    let refused = mute(&mut town, WEST, "Nobody", 1000, "").unwrap_err();
    assert!(refused.contains("no player of the name `Nobody`"), "{refused}");
    assert!(mute(&mut town, WEST, "Ann", u64::MAX, "").is_err());
    assert!(mute(&mut town, WEST, "Ann", 1000, &"x".repeat(201)).is_err());
    assert!(mute(&mut town, WEST, "Ann", 1000, "one\ntwo").is_err());
    assert!(is_heard(&mut town, ann));
    town.check_copies();
}
