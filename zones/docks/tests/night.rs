//! Nights at the docks, played in the real simulation.

use docks::{Docks, Passenger, TOPIC};
use serde_json::json;
use wod_testkit::{Person, World, WorldBuilder};

/// Where the map's corner lies on New York's plane.
const CORNER: (f32, f32) = (120.0, -120.0);
/// Beside the pile, beside the scale, before the people: metres on the map.
const PILE: (f32, f32) = (93.0, 37.0);
const SCALE: (f32, f32) = (104.0, 71.0);
const BEA: (f32, f32) = (102.0, 44.0);
const LISLE: (f32, f32) = (87.0, 84.0);
const SABINE: (f32, f32) = (173.0, 75.0);
/// Before the first of the lost containers.
const CONTAINER: (f32, f32) = (41.0, 74.5);

fn docks() -> WorldBuilder {
    World::of::<Docks>().map("../maps/docks.tmx").dialogue("dialogue").world("../world.toml", "nyc.docks")
}

fn go<'w>(person: Person<'w>, (x, y): (f32, f32)) -> Person<'w> {
    person.walks_to(CORNER.0 + x, CORNER.1 + y)
}

/// Carries so many crates from the pile to the scale.
fn carries(world: &mut World, who: &str, crates: u32) {
    for _ in 0..crates {
        go(world.player(who), PILE).does("lift", "Pile of crates").waits(2.5);
        go(world.player(who), SCALE).does("weigh", "Scale");
    }
}

/// How many of a kind she has by what her client was told.
fn has(world: &mut World, who: &str, kind: &str) -> i64 {
    let census = world.ask("goods").expect("an answer");
    let line = census.lines().find(|line| line.ends_with(&format!(" {kind}\t{who}")));
    line.and_then(|line| line.split(' ').nth(1)).map_or(0, |count| count.parse().expect("a number"))
}

/// The id of her first thing of a kind, as clients know it.
fn id_of(world: &mut World, who: &str, kind: &str) -> String {
    let census = world.ask("goods").expect("an answer");
    let line = census.lines().find(|line| line.ends_with(&format!(" {kind}\t{who}")));
    line.and_then(|line| line.split(' ').next()).expect("she has one").to_owned()
}

#[test]
fn a_crate_brought_to_the_scale_is_paid() {
    let mut world = docks().start();
    carries(&mut world, "Ann", 2);
    assert_eq!((has(&mut world, "Ann", "coin"), world.counter("crates")), (6, 2));
    let ann = go(world.player("Ann"), BEA).does("talk", "Bea Tolliver");
    assert!(ann.last_told().starts_with("Hands. Show me."), "{}", ann.last_told());
}

#[test]
fn one_crate_at_a_time_and_none_for_who_walks_off() {
    let mut world = docks().start();
    let ann = go(world.player("Ann"), PILE).does("lift", "Pile of crates");
    go(ann, SCALE).does("weigh", "Scale");
    assert_eq!(world.player("Ann").refusals().last().expect("refused").1, "There is nothing in your arms.");
    let ann = go(world.player("Ann"), PILE).does("lift", "Pile of crates").waits(2.5).does("lift", "Pile of crates");
    assert_eq!(ann.refusals().last().expect("refused").1, "Your arms are full.");
}

#[test]
fn lifting_goes_on_after_a_killed_host() {
    let mut world = docks().start();
    go(world.player("Ann"), PILE).does("lift", "Pile of crates").waits(1.0);
    world.crash();
    world.run(2.5);
    go(world.player("Ann"), SCALE).does("weigh", "Scale");
    assert_eq!(has(&mut world, "Ann", "coin"), 3);
}

#[test]
fn whoever_goes_with_a_crate_has_let_it_fall_and_bea_knows() {
    let mut world = docks().start();
    go(world.player("Ann"), PILE).does("lift", "Pile of crates").waits(2.5).leaves();
    world.run(1.0);
    let ann = world.player("Ann").waits(0.5);
    assert!(ann.has_heard("It stayed."));
    let ann = go(ann, BEA).does("talk", "Bea Tolliver").turns_away().does("talk", "Bea Tolliver");
    assert!(ann.last_told().starts_with("Ann. The one who lets go."), "{}", ann.last_told());
    assert!(ann.options().contains(&"bea-sorry"));
}

#[test]
fn a_broken_seal_gives_what_mr_lisle_pays_for() {
    // Nobody looks: Halloran is on the other side of the yard.
    let mut world = docks().config("wage", 6_i64).start();
    carries(&mut world, "Ann", 1);
    let ann = go(world.player("Ann"), LISLE).does("talk", "Mr. Lisle").chooses("lisle-crowbar");
    assert!(ann.last_told().contains("Never heard of you."), "{}", ann.last_told());
    ann.turns_away();
    go(world.player("Ann"), CONTAINER);
    world.run_until("nobody is in sight", 120.0, |world| world.npc("Halloran").at.x > CORNER.0 + 100.0);
    world.player("Ann").does("pry", "Container 1").waits(6.5).does("open", "Container 1");
    let things = last_event(&mut world, "Ann", "container")["things"].clone();
    let picks: Vec<_> = things.as_array().expect("things").iter().map(|thing| json!({ "id": thing["id"] })).collect();
    assert!(!picks.is_empty());
    world.player("Ann").does_with("take", "Container 1", &json!({ "things": picks })).does("close", "Container 1");
    let ann = go(world.player("Ann"), LISLE).does("talk", "Mr. Lisle");
    assert!(ann.options().contains(&"lisle-sell"), "{:?}", ann.options());
    ann.chooses("lisle-sell").chooses("lisle-done");
    assert!(has(&mut world, "Ann", "coin") > 0);
    let seals = world.ask("seals").expect("an answer");
    assert!(seals.starts_with("container 1: open, 0 things"), "{seals}");
}

#[test]
fn an_emptied_container_has_a_new_seal_and_something_in_it_after_a_while() {
    let mut world = docks().config("wage", 6_i64).config("reseal_minutes", 1.0).start();
    carries(&mut world, "Ann", 1);
    go(world.player("Ann"), LISLE).does("talk", "Mr. Lisle").chooses("lisle-crowbar").turns_away();
    go(world.player("Ann"), CONTAINER);
    world.run_until("nobody is in sight", 120.0, |world| world.npc("Halloran").at.x > CORNER.0 + 100.0);
    world.player("Ann").does("pry", "Container 1").waits(6.5);
    assert!(world.ask("seals").expect("an answer").starts_with("container 1: open"));
    world.run(61.0);
    assert!(world.ask("seals").expect("an answer").starts_with("container 1: sealed"));
    let ann = world.player("Ann").does("open", "Container 1");
    assert_eq!(ann.refusals().last().expect("refused").1, "It is locked.");
}

#[test]
fn halloran_sees_who_breaks_a_seal_and_takes_the_crowbar() {
    let mut world = docks().config("wage", 6_i64).start();
    carries(&mut world, "Ann", 1);
    go(world.player("Ann"), LISLE).does("talk", "Mr. Lisle").chooses("lisle-crowbar").turns_away();
    assert_eq!(has(&mut world, "Ann", "crowbar"), 1);
    go(world.player("Ann"), CONTAINER);
    // He comes down the lane at the eastern end of the rows.
    world.run_until("he is in sight", 300.0, |world| {
        let at = world.npc("Halloran").at;
        (CORNER.0 + 57.0..CORNER.0 + 59.0).contains(&at.x) && (at.y - CORNER.1 - 74.5).abs() < 1.0
    });
    world.player("Ann").does("pry", "Container 1").waits(0.5);
    assert!(world.player("Ann").has_heard("Leave that seal be."), "{}", world.transcript());
    assert_eq!((has(&mut world, "Ann", "crowbar"), world.counter("caught")), (0, 1));
    world.run(7.0);
    assert!(world.ask("seals").expect("an answer").starts_with("container 1: sealed"));
    let ann = world.player("Ann").does("pry", "Container 1");
    assert_eq!(ann.refusals().last().expect("refused").1, "Not with bare hands.");
}

#[test]
fn who_pays_goes_by_container_and_the_harbor_is_told_what_she_said() {
    let mut world = docks().config("wage", 9_i64).start();
    let ann = go(world.player("Ann"), SABINE).does("talk", "Sabine");
    assert!(ann.options().contains(&"sabine-broke") && !ann.options().contains(&"sabine-go"));
    ann.turns_away();
    carries(&mut world, "Ann", 1);
    let player = world.player("Ann").id();
    go(world.player("Ann"), SABINE).does("talk", "Sabine").chooses("sabine-go").chooses("sabine-oranges");
    assert!(!world.is_closed("reefer-door"));
    assert_eq!(has(&mut world, "Ann", "coin"), 0);
    let letter = world.letters().first().expect("a letter").clone();
    assert_eq!((letter.zone.as_str(), letter.topic.as_str()), ("la.harbor", TOPIC));
    let passenger: Passenger = wod_zone::decode(&letter.body).expect("a passenger");
    assert_eq!((passenger.player.id(), passenger.declared.as_str()), (player, "oranges"));
    world.player("Ann").sets_out_for(CORNER.0 + 187.0, CORNER.1 + 72.5).waits(6.0);
    assert!(world.transcript().contains("Ann goes to la.harbor"), "{}", world.transcript());
    // Somebody else finds it shut.
    world.player("Bob");
    world.run_until("the container is shut", 30.0, |world| world.is_closed("reefer-door"));
}

#[test]
fn a_harbor_that_does_not_exist_does_not_keep_passengers_here() {
    let mut world = docks().config("wage", 9_i64).config("harbor", "la.nowhere").start();
    carries(&mut world, "Ann", 1);
    go(world.player("Ann"), SABINE).does("talk", "Sabine").chooses("sabine-go").chooses("sabine-nothing");
    assert!(!world.is_closed("reefer-door"));
    assert!(world.logs().iter().any(|(_, line)| line.contains("is not told of a passenger")));
}

#[test]
fn players_give_each_other_what_they_have_earned() {
    let mut world = docks().start();
    carries(&mut world, "Ann", 1);
    go(world.player("Ann"), BEA);
    go(world.player("Bob"), (103.0, 44.0));
    let coins = id_of(&mut world, "Ann", "coin");
    world.player("Ann").does_with("give", "Bob", &json!({ "things": [{ "id": coins, "count": 2 }] }));
    assert_eq!((has(&mut world, "Ann", "coin"), has(&mut world, "Bob", "coin")), (1, 2));
}

#[test]
fn players_trade_and_both_must_accept() {
    let mut world = docks().start();
    carries(&mut world, "Ann", 1);
    carries(&mut world, "Bob", 2);
    go(world.player("Ann"), BEA);
    go(world.player("Bob"), (103.0, 44.0));
    let (hers, his) = (id_of(&mut world, "Ann", "coin"), id_of(&mut world, "Bob", "coin"));
    world.player("Ann").does("trade", "Bob");
    world.player("Bob").does("trade", "Ann");
    world.player("Ann").does_with("trade", "Bob", &json!({ "do": "offer", "things": [{ "id": hers, "count": 1 }] }));
    world.player("Bob").does_with("trade", "Ann", &json!({ "do": "offer", "things": [{ "id": his, "count": 4 }] }));
    let turn = last_event(&mut world, "Ann", "trade")["turn"].clone();
    world.player("Ann").does_with("trade", "Bob", &json!({ "do": "accept", "turn": turn }));
    assert_eq!((has(&mut world, "Ann", "coin"), world.counter("trades")), (3, 0), "one is not both");
    world.player("Bob").does_with("trade", "Ann", &json!({ "do": "accept", "turn": turn }));
    assert_eq!((has(&mut world, "Ann", "coin"), has(&mut world, "Bob", "coin")), (6, 3));
    assert_eq!(world.counter("trades"), 1);
}

#[test]
fn who_gives_her_coins_away_while_she_talks_does_not_go_by_container() {
    let mut world = docks().config("wage", 9_i64).start();
    carries(&mut world, "Ann", 1);
    go(world.player("Bob"), (172.0, 74.0));
    go(world.player("Ann"), SABINE).does("talk", "Sabine").chooses("sabine-go");
    let coins = id_of(&mut world, "Ann", "coin");
    world.player("Ann").does_with("give", "Bob", &json!({ "things": [{ "id": coins }] }));
    let ann = world.player("Ann").chooses("sabine-oranges");
    assert!(ann.last_told().starts_with("You had it a moment ago."), "{}", ann.last_told());
    assert!(world.is_closed("reefer-door"));
}

#[test]
fn notes_hang_on_the_board_for_whoever_comes_by() {
    let mut world = docks().start();
    go(world.player("Ann"), (75.5, 72.5)).does_with(
        "post",
        "Notice board",
        &json!({ "text": "Crowbar, hardly used." }),
    );
    world.crash();
    go(world.player("Bob"), (75.5, 75.5)).does("read", "Notice board");
    let notes = last_event(&mut world, "Bob", "board")["notes"].clone();
    assert_eq!((&notes[0]["by"], &notes[0]["text"]), (&json!("Ann"), &json!("Crowbar, hardly used.")));
}

#[test]
fn the_stairs_lead_down_to_the_music() {
    let mut world = docks().start();
    go(world.player("Ann"), (119.0, 91.0)).sets_out_for(CORNER.0 + 123.0, CORNER.1 + 91.0).waits(3.0);
    assert!(world.transcript().contains("Ann goes to nyc.club"));
}

#[test]
fn with_nobody_near_the_module_is_not_called() {
    let mut world = docks().start();
    world.run(2.0);
    assert_eq!(world.module_calls_during(60.0), 0);
}

#[test]
fn an_operator_changes_the_wage() {
    let mut world = docks().start();
    world.set_config("wage", 7_i64).expect("a setting of the module");
    carries(&mut world, "Ann", 1);
    assert_eq!(has(&mut world, "Ann", "coin"), 7);
    assert!(world.ask("weather").expect("an answer").contains("goods, seals"));
}

#[test]
fn an_evening_reads_like_this() {
    let mut world = docks().start();
    go(world.player("Ann"), BEA).does("talk", "Bea Tolliver").chooses("bea-work").chooses("bea-carry");
    carries(&mut world, "Ann", 3);
    go(world.player("Ann"), SABINE).does("talk", "Sabine").chooses("sabine-go").chooses("sabine-oranges");
    world.player("Ann").sets_out_for(CORNER.0 + 187.0, CORNER.1 + 72.5).waits(6.0);
    insta::assert_snapshot!(world.transcript());
}

/// The last event of this name that her client was told.
fn last_event(world: &mut World, who: &str, name: &str) -> serde_json::Value {
    let person = world.player(who);
    let event = person.events().iter().rev().find(|(known, _)| known == name);
    let known = event.map(|(_, data)| data.clone());
    known.unwrap_or_else(|| panic!("she was told of no `{name}`\n{}", world.transcript()))
}
