//! Two players and what they do to each other's purses.

use serde_json::{Value, json};
use wod_testkit::World;

use crate::hall::{COINS, Hall, census, last_refusal, last_told, pick, some, west};

/// Ann and Bob have agreed to trade.
pub(crate) fn agreed() -> World {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    world.player("Ann").does("trade", "Bob");
    world.player("Bob").does("trade", "Ann");
    world
}

/// Ann has laid her key on the table and Bob five coins.
pub(crate) fn laid_out() -> World {
    let mut world = agreed();
    let before = census(&mut world);
    offer(&mut world, "Ann", "Bob", &[pick(&before, "Ann", "key")]);
    offer(&mut world, "Bob", "Ann", &[some(&before, "Bob", "coin", 5)]);
    world
}

pub(crate) fn offer(world: &mut World, who: &str, with: &str, things: &[Value]) {
    world.player(who).does_with("trade", with, &json!({ "do": "offer", "things": things }));
}

/// Accepts what is on the table as she sees it.
pub(crate) fn acceptance(world: &mut World, who: &str) -> Value {
    json!({ "do": "accept", "turn": last_told(world, who, "trade")["turn"] })
}

pub(crate) fn accept(world: &mut World, who: &str, with: &str) {
    let wish = acceptance(world, who);
    world.player(who).does_with("trade", with, &wish);
}

/// What the two have: keys and coins of Ann, keys and coins of Bob.
pub(crate) fn holdings(world: &mut World) -> [u64; 4] {
    let now = census(world);
    [now.held("Ann", "key"), now.held("Ann", "coin"), now.held("Bob", "key"), now.held("Bob", "coin")]
}

pub(crate) const BEFORE: [u64; 4] = [1, COINS as u64, 1, COINS as u64];
pub(crate) const AFTER: [u64; 4] = [0, COINS as u64 + 5, 2, COINS as u64 - 5];

#[test]
fn two_players_have_what_they_agreed_on() {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    world.player("Cy").waits(0.2);
    world.player("Ann").does("trade", "Bob");
    assert_eq!(last_told(&mut world, "Ann", "trade")["state"], "asking");
    let asked = last_told(&mut world, "Bob", "trade");
    assert_eq!((&asked["state"], &asked["name"]), (&json!("asked"), &json!("Ann")));
    world.player("Bob").does("trade", "Ann");
    let before = census(&mut world);
    offer(&mut world, "Ann", "Bob", &[pick(&before, "Ann", "key")]);
    offer(&mut world, "Bob", "Ann", &[some(&before, "Bob", "coin", 5)]);
    let seen = last_told(&mut world, "Ann", "trade");
    assert_eq!((&seen["state"], &seen["turn"]), (&json!("open"), &json!(2)));
    assert_eq!(seen["yours"]["things"][0]["kind"], "key");
    assert_eq!(seen["theirs"]["things"][0]["count"], 5);
    accept(&mut world, "Ann", "Bob");
    assert_eq!(holdings(&mut world), BEFORE);
    assert_eq!(last_told(&mut world, "Bob", "trade")["theirs"]["accepted"], true);
    accept(&mut world, "Bob", "Ann");
    assert_eq!(holdings(&mut world), AFTER);
    for who in ["Ann", "Bob"] {
        assert_eq!(last_told(&mut world, who, "trade")["state"], "done", "{who}");
    }
    let told = last_told(&mut world, "Ann", "goods");
    assert_eq!(told["set"][0]["count"], COINS + 5);
    assert_eq!(told["gone"].as_array().map(Vec::len), Some(1));
    assert_eq!(last_told(&mut world, "Cy", "seen")["text"], "and Ann exchange something");
    assert_eq!(world.ask("log").as_deref(), Ok("Bob trades with Ann"));
    assert_eq!(census(&mut world).things().len(), before.things().len());
}

#[test]
fn a_change_of_the_offer_voids_what_was_accepted_and_nobody_accepts_what_she_has_not_seen() {
    let mut world = laid_out();
    let stale = acceptance(&mut world, "Ann");
    accept(&mut world, "Bob", "Ann");
    let now = census(&mut world);
    offer(&mut world, "Bob", "Ann", &[some(&now, "Bob", "coin", 1)]);
    assert_eq!(last_told(&mut world, "Ann", "trade")["theirs"]["accepted"], false);
    world.player("Ann").does_with("trade", "Bob", &stale);
    assert_eq!(last_refusal(&mut world, "Ann"), "The offer has changed. Look again.");
    accept(&mut world, "Ann", "Bob");
    assert_eq!(holdings(&mut world), BEFORE, "Bob has not accepted this");
    accept(&mut world, "Bob", "Ann");
    assert_eq!(holdings(&mut world), [0, u64::from(COINS) + 1, 2, u64::from(COINS) - 1]);
}

#[test]
fn what_is_on_offer_can_be_used_nowhere_else_and_the_rest_of_a_stack_can() {
    let mut world = laid_out();
    let now = census(&mut world);
    world.player("Ann").does_with("give", "Bob", &json!({ "things": [pick(&now, "Ann", "key")] }));
    assert_eq!(last_refusal(&mut world, "Ann"), "That is on offer in a trade.");
    world.player("Ann").does("open", "Chest").does_with(
        "put",
        "Chest",
        &json!({ "things": [pick(&now, "Ann", "key")] }),
    );
    assert_eq!(last_refusal(&mut world, "Ann"), "That is on offer in a trade.");
    world.player("Bob").does_with("bet", "Safe", &json!({ "coins": COINS - 4 }));
    assert_eq!(last_refusal(&mut world, "Bob"), "That is on offer in a trade.");
    world.player("Bob").does_with("bet", "Safe", &json!({ "coins": COINS - 5 }));
    assert_eq!(holdings(&mut world), [1, u64::from(COINS), 1, 5]);
    accept(&mut world, "Ann", "Bob");
    accept(&mut world, "Bob", "Ann");
    assert_eq!(holdings(&mut world), [0, u64::from(COINS) + 5, 2, 0]);
}

#[test]
fn an_offer_names_what_is_there_each_once_and_not_too_much() {
    let mut world = agreed();
    let now = census(&mut world);
    let (key, coins) = (pick(&now, "Ann", "key"), some(&now, "Ann", "coin", COINS + 1));
    for (things, refusal) in [
        (vec![pick(&now, "Bob", "key")], "That is not there any more."),
        (vec![coins], "There are not so many."),
        (vec![some(&now, "Ann", "coin", 0)], "There are not so many."),
        (vec![key.clone(), key.clone()], "The same thing can't be given twice."),
        (vec![key; 17], "No more than 16 things at once."),
    ] {
        offer(&mut world, "Ann", "Bob", &things);
        assert_eq!(last_refusal(&mut world, "Ann"), refusal, "{things:?}");
    }
    accept(&mut world, "Ann", "Bob");
    assert_eq!(last_refusal(&mut world, "Ann"), "Nothing is on the table.");
    for bad in [
        json!({ "do": "offer" }),
        json!({ "do": "steal" }),
        json!(7),
        json!({ "do": "offer", "things": [{ "id": 7 }] }),
    ] {
        world.player("Ann").does_with("trade", "Bob", &bad);
        assert!(last_refusal(&mut world, "Ann").starts_with("`trade` can't be done like that: "), "{bad}");
    }
}

#[test]
fn a_trade_for_which_there_is_no_room_leaves_everything_as_it_is() {
    let mut world = laid_out();
    // Her diary leaves no room for anything more.
    world.player("Ann").does_with("write", "Safe", &json!(20));
    let now = census(&mut world);
    offer(&mut world, "Ann", "Bob", &[some(&now, "Ann", "coin", 2)]);
    offer(&mut world, "Bob", "Ann", &[pick(&now, "Bob", "key")]);
    accept(&mut world, "Ann", "Bob");
    accept(&mut world, "Bob", "Ann");
    assert_eq!(last_refusal(&mut world, "Bob"), "That is more than one can carry.");
    assert_eq!(holdings(&mut world), BEFORE);
    let told = last_told(&mut world, "Ann", "trade");
    assert_eq!((&told["state"], &told["yours"]["accepted"]), (&json!("open"), &json!(false)));
    // With her diary shorter it goes.
    world.player("Ann").does_with("write", "Safe", &json!(30_000));
    accept(&mut world, "Ann", "Bob");
    accept(&mut world, "Bob", "Ann");
    assert_eq!(holdings(&mut world), [2, u64::from(COINS) - 2, 0, u64::from(COINS) + 2]);
}

#[test]
fn whoever_leaves_walks_off_or_is_lost_ends_it_and_keeps_what_is_hers() {
    type Deed = fn(&mut World);
    let ends: [(&str, Deed); 6] = [
        ("left", |world| world.player("Bob").leaves()),
        ("too_far", |world| drop(world.player("Bob").walks_to(190.0, 100.0).waits(1.1))),
        ("away", |world| {
            world.player("Bob").loses_connection();
            world.run(1.2);
        }),
        ("timed_out", |world| world.run(121.5)),
        ("cancelled", |world| drop(world.player("Ann").does_with("trade", "Bob", &json!({ "do": "cancel" })))),
        ("cancelled", |world| drop(world.player("Bob").does_with("trade", "Ann", &json!({ "do": "cancel" })))),
    ];
    for (why, deed) in ends {
        let mut world = laid_out();
        accept(&mut world, "Ann", "Bob");
        deed(&mut world);
        let told = last_told(&mut world, "Ann", "trade");
        assert_eq!((&told["state"], &told["why"]), (&json!("ended"), &json!(why)));
        world.player("Bob").waits(0.2);
        assert_eq!(holdings(&mut world), BEFORE, "{why}");
        let refused = world.player("Ann").refusals().len();
        accept(&mut world, "Ann", "Bob");
        assert_eq!(world.player("Ann").refusals().len(), refused + 1, "{why}: nothing is left to accept");
    }
}

#[test]
fn who_does_not_want_to_trade_has_her_peace() {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    world.player("Cy").waits(0.2);
    world.player("Ann").does("trade", "Bob");
    world.player("Cy").does("trade", "Bob");
    assert_eq!(last_refusal(&mut world, "Cy"), "Bob is trading with somebody else.");
    world.player("Ann").does("trade", "Cy");
    assert_eq!(last_refusal(&mut world, "Ann"), "You are trading with somebody else.");
    offer(&mut world, "Ann", "Bob", &[]);
    assert_eq!(last_refusal(&mut world, "Ann"), "The question is not answered yet.");
    world.player("Bob").does_with("trade", "Ann", &json!({ "do": "cancel" }));
    assert_eq!(last_told(&mut world, "Ann", "trade")["why"], "declined");
    world.player("Ann").does("trade", "Bob");
    assert_eq!(last_refusal(&mut world, "Ann"), "You can do that again in 10 s.");
    world.run(10.0);
    world.player("Ann").does("trade", "Bob");
    assert_eq!(last_told(&mut world, "Bob", "trade")["state"], "asked");
    world.run(31.0);
    assert_eq!(last_told(&mut world, "Bob", "trade")["why"], "timed_out");
    let calls = world.module_calls_during(60.0);
    assert_eq!(calls, 0, "nothing is looked at when nobody trades");
}

#[test]
fn a_trade_goes_on_after_a_crash_a_move_and_a_swap_at_every_step() {
    type Event = fn(&mut World);
    let events: [Event; 3] = [World::crash, World::restart, World::swap::<Hall>];
    for event in events {
        let mut world = west().start();
        world.player("Ann");
        world.player("Bob").waits(0.2);
        let before = census(&mut world);
        world.player("Ann").does("trade", "Bob");
        event(&mut world);
        world.player("Bob").does("trade", "Ann");
        event(&mut world);
        offer(&mut world, "Ann", "Bob", &[pick(&before, "Ann", "key")]);
        offer(&mut world, "Bob", "Ann", &[some(&before, "Bob", "coin", 5)]);
        event(&mut world);
        accept(&mut world, "Ann", "Bob");
        event(&mut world);
        assert_eq!(holdings(&mut world), BEFORE);
        accept(&mut world, "Bob", "Ann");
        event(&mut world);
        assert_eq!(holdings(&mut world), AFTER);
        assert_eq!(last_told(&mut world, "Ann", "trade")["state"], "done");
    }
}

#[test]
fn who_comes_back_is_told_again_how_the_trade_stands() {
    let mut world = laid_out();
    let told = world.player("Ann").events().iter().filter(|(name, _)| name == "trade").count();
    world.player("Ann").loses_connection().comes_back().waits(0.2);
    let ann = world.player("Ann");
    let again: Vec<_> = ann.events().iter().filter(|(name, _)| name == "trade").skip(told).collect();
    assert_eq!((again.len(), &again[0].1["state"], &again[0].1["turn"]), (1, &json!("open"), &json!(2)));
}

#[test]
fn a_gift_goes_whole_or_in_part_and_not_at_all_when_it_can_not() {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    let now = census(&mut world);
    let gift = json!({ "things": [some(&now, "Ann", "coin", 3), pick(&now, "Ann", "key")] });
    world.player("Ann").does_with("give", "Bob", &gift);
    assert_eq!(holdings(&mut world), [0, u64::from(COINS) - 3, 2, u64::from(COINS) + 3]);
    assert_eq!(last_told(&mut world, "Bob", "seen")["text"], "hands something to Bob");
    let told = last_told(&mut world, "Ann", "goods");
    assert_eq!((&told["set"][0]["count"], told["gone"].as_array().map(Vec::len)), (&json!(COINS - 3), Some(1)));
    // One part of it is not hers any more: so nothing of it goes.
    world.player("Ann").does_with("give", "Bob", &gift);
    assert_eq!(last_refusal(&mut world, "Ann"), "That is not there any more.");
    world.player("Ann").does_with("give", "Bob", &json!({ "things": [] }));
    assert_eq!(last_refusal(&mut world, "Ann"), "Nothing is no gift.");
    world.player("Ann").does("give", "Bob");
    assert!(last_refusal(&mut world, "Ann").starts_with("`give` can't be done like that: "));
    assert_eq!(holdings(&mut world), [0, u64::from(COINS) - 3, 2, u64::from(COINS) + 3]);
}
