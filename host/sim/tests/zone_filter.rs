//! A module that judges what players say: what it makes of lines, what its faults make of them, and that a replay comes out the same.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use wod_protocol::bus::{DetachReason, MessageBody};
use wod_protocol::client::ChatMode;
use wod_sim::io::{CallOutcome, Effects, Input, Report};
use wod_sim::module::FaultKind;
use wod_sim::zone::Zone;
use zone_support::{EAST, FAR, Puppets, Town, WEST, digest, world};

/// Ann and Bob in the west, where that version runs.
fn with(version: &str) -> (Town, usize, usize) {
    let mut town = Town::new(&[WEST, EAST, FAR]);
    let (ann, bob) = (town.join("Ann", WEST), town.join("Bob", WEST));
    town.node(WEST).inbox.push(Input::Swap { digest: digest(version), probation: 0 });
    town.step();
    (town, ann, bob)
}

fn say(town: &mut Town, who: usize, text: &str) {
    town.act(who, |client| client.say(text));
    town.step();
}

/// Says something that the module falls on, and has it rebuilt.
fn fall(town: &mut Town, who: usize, text: &str) -> CallOutcome {
    say(town, who, text);
    let outcome = town.node(WEST).outcome.filter.clone();
    assert!(town.node(WEST).zone.is_module_missing());
    town.node(WEST).inbox.push(Input::Rebuilt);
    town.step();
    assert!(!town.node(WEST).zone.is_module_missing());
    outcome
}

fn last_reject(town: &Town, who: usize) -> (String, String) {
    let reject = |message: &MessageBody| match message {
        MessageBody::Reject { code, message, .. } => Some((code.clone(), message.clone())),
        _ => None,
    };
    town.clients[who].messages.iter().rev().find_map(reject).unwrap()
}

#[test]
fn a_changed_line_is_what_everybody_hears_the_speaker_and_characters_too() {
    let (mut town, ann, bob) = with("hushed");
    say(&mut town, ann, "lower ECHO Amen");
    town.steps(2);
    for who in [ann, bob] {
        assert_eq!(town.clients[who].lines(), ["Ann: echo amen", "Puppet: amen"]);
    }
    assert!(town.clients[ann].rejects().is_empty());
    town.check_copies();
}

#[test]
fn a_vetoed_line_is_heard_by_nobody_and_its_speaker_is_told_why() {
    let (mut town, ann, bob) = with("hushed");
    say(&mut town, ann, "veto Not in here.");
    say(&mut town, ann, "veto ");
    assert!(town.clients[ann].lines().is_empty() && town.clients[bob].lines().is_empty());
    assert_eq!(town.clients[ann].rejects(), ["refused", "refused"]);
    assert_eq!(last_reject(&town, ann).1, "that is not said here");
    assert_eq!(town.clients[ann].acked, town.clients[ann].seq);
    assert_eq!(town.events(WEST, "Heard"), 0);
    town.check_copies();
}

#[test]
fn all_lines_of_a_tick_are_judged_in_one_call_and_keep_their_order() {
    let (mut town, ann, bob) = with("hushed");
    town.act(ann, |client| client.say("one"));
    town.act(bob, |client| client.chat(ChatMode::Shout, "lower TWO"));
    town.act(ann, |client| client.whisper("Bob", "veto three"));
    town.act(ann, |client| client.chat(ChatMode::Emote, "four"));
    town.steps(2);
    assert_eq!(town.clients[bob].lines(), ["Ann: one", "Bob: two", "Ann: veto three", "Ann: four"]);
    town.act(bob, |client| client.whisper("Ann", "nobody judges this"));
    town.steps(2);
    assert_eq!((town.events(WEST, "Judged 3 lines"), town.events(WEST, "Judged")), (1, 1));
    town.check_copies();
}

#[test]
fn what_it_orders_while_it_judges_comes_after_the_line() {
    let (mut town, ann, bob) = with("hushed");
    town.act(ann, |client| client.say("hiss"));
    town.act(bob, |client| client.say("what?"));
    town.step();
    let lines = town.clients[bob].lines();
    assert_eq!(lines[..2], ["Ann: hiss", "Bob: what?"]);
    assert!(lines[2].starts_with("Puppet: Hush! ("), "{lines:?}");
    town.check_copies();
}

#[test]
fn a_line_that_the_filter_falls_on_is_heard_as_it_is_and_its_speaker_blocked_at_the_second_time() {
    let (mut town, ann, bob) = with("hushed");
    town.act(bob, |client| client.say("lower AMEN"));
    let outcome = fall(&mut town, ann, "stumble");
    assert!(matches!(&outcome, CallOutcome::Fault(fault) if fault.kind == FaultKind::Trap && fault.event == Some(1)));
    assert_eq!(town.clients[bob].lines(), ["Bob: lower AMEN", "Ann: stumble"], "nothing of that call holds");
    assert_eq!(town.events(WEST, "Judged"), 0);
    fall(&mut town, ann, "stumble again");
    say(&mut town, ann, "stumble once more");
    assert_eq!(town.clients[ann].rejects(), ["module_fault"]);
    say(&mut town, bob, "lower AMEN");
    assert_eq!(town.clients[ann].lines().last().unwrap(), "Bob: amen", "others are judged as ever");
    town.node(WEST).inbox.push(Input::Swap { digest: digest("hushed"), probation: 0 });
    town.step();
    say(&mut town, ann, "lower ME TOO");
    assert_eq!(town.clients[bob].lines().last().unwrap(), "Ann: me too", "the next version judges her anew");
    town.check_copies();
}

#[test]
fn while_the_module_is_missing_or_replaced_by_one_that_judges_nothing_people_talk_on() {
    let (mut town, ann, bob) = with("hushed");
    say(&mut town, ann, "stumble");
    say(&mut town, ann, "lower AS IT IS");
    town.node(WEST).inbox.push(Input::Rebuilt);
    town.step();
    town.act(ann, |client| client.say("lower IN THE TICK OF A SWAP"));
    town.node(WEST).inbox.push(Input::Swap { digest: digest("two"), probation: 0 });
    town.step();
    let expected = ["Ann: stumble", "Ann: lower AS IT IS", "Ann: lower IN THE TICK OF A SWAP"];
    assert_eq!(town.clients[bob].lines(), expected);
    town.check_copies();
}

#[test]
fn another_number_of_verdicts_than_lines_is_a_fault_and_nobodys_in_particular() {
    let (mut town, ann, bob) = with("hushed");
    for _ in 0..3 {
        town.act(bob, |client| client.say("hm"));
        let outcome = fall(&mut town, ann, "count");
        let CallOutcome::Fault(fault) = outcome else { panic!("no fault") };
        assert_eq!((fault.kind, fault.event), (FaultKind::WrongAnswer, None));
        assert!(fault.detail.contains("1 verdicts for 2 lines"), "{fault}");
    }
    say(&mut town, ann, "still here");
    assert_eq!(town.clients[bob].lines().last().unwrap(), "Ann: still here");
    town.check_copies();
}

#[test]
fn a_line_changed_to_what_is_none_is_not_said_and_no_fault() {
    let (mut town, ann, bob) = with("hushed");
    say(&mut town, ann, "stretch");
    assert!(!town.node(WEST).zone.is_module_missing());
    assert_eq!(town.clients[ann].rejects(), ["module_fault"]);
    assert!(town.clients[bob].lines().is_empty());
    let told = |report: &Report| matches!(report, Report::Log(_, text, _) if text.contains("at most 500 characters"));
    assert!(town.node(WEST).effects.reports.iter().any(told), "{:?}", town.node(WEST).effects.reports);
    say(&mut town, ann, "lower ");
    assert_eq!(town.clients[ann].rejects(), ["module_fault", "module_fault"]);
    town.check_copies();
}

#[test]
fn who_leaves_in_the_tick_of_her_words_is_heard_first() {
    let (mut town, ann, bob) = with("hushed");
    town.walk(ann, 99.9, 50.0);
    town.walk(bob, 98.0, 50.0);
    town.act(ann, |client| client.say("lower OVER THERE"));
    town.act(ann, |client| client.move_to(100.1, 50.0));
    town.steps(6);
    assert_eq!(town.clients[ann].zone, EAST);
    for who in [ann, bob] {
        assert_eq!(town.clients[who].lines(), ["Ann: over there"]);
    }
    town.act(bob, |client| client.say("lower GOOD NIGHT"));
    town.act(bob, |client| client.detach(DetachReason::Bye));
    town.steps(6);
    assert_eq!(town.clients[ann].lines().last().unwrap(), "Bob: good night", "over the border too");
    assert_eq!(town.avatars("Bob"), 0);
    town.check_copies();
}

#[test]
fn a_flood_of_lines_is_refused_beyond_what_a_call_may_carry() {
    let (mut town, ann, _) = with("strict");
    let longest = "\u{1F312}".repeat(500);
    for _ in 0..140 {
        town.act(ann, |client| client.say(&longest));
    }
    town.step();
    let rejects = town.clients[ann].rejects();
    let count = |code: &str| rejects.iter().filter(|reject| *reject == code).count();
    assert_eq!((count("refused"), count("too_many")), (131, 9), "131 of them are 262,000 bytes");
    assert_eq!(town.events(WEST, "Judged 131 lines"), 1);
    town.check_copies();
}

#[test]
fn a_version_before_lives_again_through_what_it_would_have_judged() {
    let (mut town, ann, bob) = with("hushed");
    town.node(WEST).inbox.push(Input::Swap { digest: digest("two"), probation: 1000 });
    town.step();
    say(&mut town, ann, "veto this, if you can");
    town.node(WEST).inbox.push(Input::Suspend { request: 1, accept_loss: true });
    town.act(bob, |client| client.say("lower NOT YET"));
    town.steps(2);
    let rewound = town.node(WEST).retrace().unwrap();
    town.node(WEST).inbox.push(rewound);
    town.step();
    assert_eq!(town.node(WEST).outcome.swap, Some(Ok(())));
    assert_eq!(
        town.clients[bob].lines(),
        ["Ann: veto this, if you can", "Bob: lower NOT YET"],
        "what was heard was heard"
    );
    assert_eq!(town.events(WEST, "Judged"), 1, "of what was said after it was suspended it knows nothing");
    say(&mut town, bob, "lower NOW");
    assert_eq!(town.clients[ann].lines().last().unwrap(), "Bob: now");
    town.check_copies();
}

/// How many calls of that version differ from what the west's has done, of Ann's lines.
fn compared(running: &str, other: &str) -> (u64, Vec<String>) {
    let (mut town, ann, _) = with(running);
    let begin = town.node(WEST).journal.len();
    for line in ["good evening", "veto Hush.", "lower AMEN", "hiss"] {
        say(&mut town, ann, line);
        town.steps(2);
    }
    let mut copy = Zone::new(world(), WEST);
    for (index, entry) in town.node(WEST).journal.iter().enumerate() {
        if index == begin {
            copy.begin_comparison(digest(other), &mut Puppets::default()).unwrap();
        }
        copy.replay(entry, &mut Puppets::default(), &mut Effects::default()).unwrap();
    }
    let found = copy.comparison().unwrap().clone();
    town.node(WEST).copy = Some(copy);
    town.check_copies();
    assert_eq!(found.faults, 0);
    let differences = found.first.iter().map(|difference| {
        format!("{} / {}", difference.running.clone().unwrap_or_default(), difference.other.clone().unwrap_or_default())
    });
    (found.calls - found.same, differences.collect())
}

#[test]
fn a_shadow_judges_the_same_lines_and_its_verdicts_are_compared() {
    assert_eq!(compared("hushed", "hushed"), (0, Vec::new()));
    let (calls, differences) = compared("hushed", "strict");
    assert_eq!(calls, 4, "{differences:?}");
    assert_eq!(differences[1], r#"Verdict::Veto("Hush.") / Verdict::Veto("Silence!")"#);
    let (calls, differences) = compared("hushed", "two");
    assert_eq!(calls, 3, "what it lets pass is no difference: {differences:?}");
    let (calls, differences) = compared("two", "strict");
    assert_eq!(calls, 4, "what was heard at once is judged too: {differences:?}");
    assert!(differences.iter().all(|told| told == r#"Verdict::Pass / Verdict::Veto("Silence!")"#), "{differences:?}");
}
