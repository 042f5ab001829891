//! Nights in the streets, played in the real simulation.

use streets::Streets;
use wod_testkit::World;

/// Los Angeles lies at the origin of its plane, so positions read as on the map.
fn streets() -> World {
    World::of::<Streets>().map("../maps/streets.tmx").world("../world.toml", "la.streets").start()
}

#[test]
fn with_nobody_near_the_module_is_not_called() {
    let mut world = streets();
    world.run(2.0);
    assert_eq!(world.module_calls_during(60.0), 0);
}

#[test]
fn a_crowd_of_passers_by_costs_nothing_until_somebody_sees_it() {
    let streets = World::of::<Streets>().map("../maps/streets.tmx").world("../world.toml", "la.streets");
    let mut world = streets.config("passers_by", 200).start();
    world.run(2.0);
    assert_eq!(world.module_calls_during(60.0), 0);
    assert!(world.player("Ann").walks_to(130.0, 68.0).sees("Passer-by"));
    assert!(world.module_calls_during(20.0) > 20, "they walk where they are seen");
}

#[test]
fn when_everybody_has_left_the_calls_end_again() {
    let mut world = streets();
    world.player("Ann").walks_to(130.0, 68.0).waits(10.0);
    assert!(world.module_calls_during(30.0) > 0, "the watch walks where it is seen");
    world.player("Ann").leaves();
    world.run(2.0);
    assert_eq!(world.module_calls_during(60.0), 0);
}

#[test]
fn the_watch_walks_its_beat() {
    let mut world = streets();
    world.player("Ann").waits(1.0);
    let start = world.npc("Watchwoman Kerr").at;
    world.run_until("she is at her next stop", 60.0, |world| world.npc("Watchwoman Kerr").at.distance(start) > 50.0);
}

#[test]
fn the_watch_answers_questions_and_calls_for_help() {
    let mut world = streets();
    world.player("Ann").waits(0.5);
    let ann = world.player("Ann").approaches("Watchwoman Kerr", 2.0).does("ask", "Watchwoman Kerr");
    assert!(ann.has_heard("The trains go from the square"));
    assert!(ann.shouts("Help!").has_heard("To the lamps!"));
}

#[test]
fn the_hunter_notices_chases_loses_searches_and_goes_home() {
    let mut world = streets();
    // Into the court, and out of it as soon as it is seen; people run 6 m/s, the hunter less.
    world.player("Ann").walks_to(172.0, 68.0).sets_out_for(172.0, 84.0);
    world.run_until("Ann is noticed", 30.0, |world| world.npc("Ash Mary").tag("mood") == "hunting");
    world.player("Ann").walks_to(172.0, 68.0).walks_to(120.0, 60.0);
    world.run_until("the hunter is home", 120.0, |world| world.npc("Ash Mary").tag("mood").is_empty());
    let events: Vec<String> = world.player("Ann").events().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(events, ["hunted", "escaped"]);
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn whoever_stands_still_is_caught_once_and_then_left_alone() {
    let mut world = streets();
    world.player("Ann").walks_to(172.0, 84.0);
    world.run_until("Ann is caught", 30.0, |world| world.counter("caught") == 1);
    assert_eq!(world.npc("Ash Mary").tag("mood"), "sated");
    world.run(30.0);
    assert_eq!(world.counter("caught"), 1, "it has had its fill for a while");
    world.run_until("it is hungry again", 60.0, |world| world.counter("caught") == 2);
}

#[test]
fn a_chase_goes_on_after_a_killed_host() {
    let mut world = streets();
    world.player("Ann").walks_to(172.0, 84.0);
    world.run_until("Ann is noticed", 30.0, |world| world.npc("Ash Mary").tag("mood") == "hunting");
    world.crash();
    world.run_until("Ann is caught", 30.0, |world| world.counter("caught") == 1);
}

#[test]
fn scars_go_where_their_bearer_goes() {
    let mut world = streets();
    world.player("Ann").walks_to(172.0, 84.0);
    world.run_until("Ann is caught", 30.0, |world| world.counter("caught") == 1);
    world.player("Ann").leaves();
    world.restart();
    let ann =
        world.player("Ann").walks_to(102.0, 50.0).approaches("Watchwoman Kerr", 2.0).does("ask", "Watchwoman Kerr");
    assert!(ann.has_heard("You again, and paler."));
}

#[test]
fn the_train_takes_people_away() {
    let mut world = streets();
    world.player("Ann").walks_to(102.0, 37.0).sets_out_for(102.0, 41.0).waits(3.0);
    assert!(world.players().is_empty());
    assert!(world.transcript().contains("Ann goes to nyc.streets"));
}

#[test]
fn an_operator_renames_the_hunter() {
    let mut world = streets();
    world.player("Ann").walks_to(150.0, 60.0);
    world.set_config("hunter", "The Quiet One").expect("a setting of the module");
    world.run(1.0);
    assert_eq!(world.npc("The Quiet One").name, "The Quiet One");
}
