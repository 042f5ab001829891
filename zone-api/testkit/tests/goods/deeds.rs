//! What people do under conditions, and what takes its time.

use serde_json::json;
use wod_testkit::World;

use crate::hall::{BORDER, NORTH, STEP, flag, last_refusal, last_told, west};

fn ready() -> World {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    world.player("Ann").does("equip", "Safe");
    world
}

#[test]
fn what_takes_time_is_shown_and_done_when_the_time_is_over() {
    let mut world = ready();
    world.player("Ann").does("pick", "Safe");
    assert_eq!(last_told(&mut world, "Bob", "seen")["text"], "kneels down before the lock");
    world.run(1.5);
    let shown = last_told(&mut world, "Ann", "progress");
    let done_ms = shown["done_ms"].as_u64().unwrap();
    assert!((1000..=1800).contains(&done_ms) && shown["all_ms"] == 3000, "{shown}");
    assert_eq!(flag(&world, "Safe", "locked"), Some(true));
    world.run(1.6);
    assert_eq!(last_told(&mut world, "Ann", "progress_over")["how"], "done");
    assert_eq!(flag(&world, "Safe", "locked"), None);
    assert_eq!(world.ask("log").as_deref(), Ok("Ann did pick"));
    assert_eq!(world.module_calls_during(20.0), 0, "what is done costs nothing");
}

#[test]
fn a_condition_that_does_not_hold_is_told() {
    let mut world = west().start();
    world.player("Ann").waits(0.2).does("pick", "Safe");
    assert_eq!(last_refusal(&mut world, "Ann"), "You have nothing to pick a lock with.");
    world.player("Ann").does("equip", "Safe").walks_to(BORDER - STEP - 3.0, NORTH).does("pick", "Safe");
    assert_eq!(last_refusal(&mut world, "Ann"), "You are too far away.");
    world.player("Ann").walks_to(BORDER - STEP, NORTH).does("pick", "Safe").waits(3.2).does("pick", "Safe");
    assert_eq!(last_refusal(&mut world, "Ann"), "It is not locked.");
}

#[test]
fn a_pause_holds_for_its_player_and_verb_alone() {
    let mut world = ready();
    world.player("Ann").does("knock", "Safe").does("knock", "Safe");
    assert_eq!(last_refusal(&mut world, "Ann"), "You can do that again in 5 s.");
    world.crash();
    world.player("Ann").does("knock", "Safe");
    assert_eq!(world.player("Ann").refusals().len(), 2);
    world.player("Bob").does("knock", "Safe");
    assert_eq!(world.player("Bob").refusals(), []);
    world.run(5.0);
    world.player("Ann").does("knock", "Safe");
    assert_eq!(world.player("Ann").refusals().len(), 2);
    assert_eq!(world.ask("log").as_deref(), Ok("Now; Now; Now"));
}

#[test]
fn whoever_walks_off_is_hurt_leaves_is_lost_or_does_something_else_has_not_done_it() {
    type Deed = fn(&mut World);
    let deeds: [(&str, Deed, &str); 5] = [
        ("moved", |world| drop(world.player("Ann").walks_to(BORDER - STEP - 0.7, NORTH).waits(0.3)), "Moved"),
        ("hurt", |world| drop(world.player("Ann").does("hurt", "Safe")), "Hurt"),
        ("other_deed", |world| drop(world.player("Ann").does("pick", "Safe")), "OtherDeed"),
        ("", |world| world.player("Ann").leaves(), "Left"),
        (
            "away",
            |world| {
                world.player("Ann").loses_connection();
                world.run(0.5);
                world.player("Ann").comes_back();
            },
            "Away",
        ),
    ];
    for (how, deed, why) in deeds {
        let mut world = ready();
        world.player("Ann").does("pick", "Safe").waits(1.0);
        deed(&mut world);
        let log = world.ask("log").unwrap();
        assert!(log.starts_with(&format!("Ann did not pick: {why}")), "{why}: {log}");
        if !how.is_empty() {
            world.player("Ann").waits(0.2);
            assert_eq!(last_told(&mut world, "Ann", "progress_over")["how"], how);
        }
        if how != "other_deed" {
            world.run(4.0);
            assert_eq!(flag(&world, "Safe", "locked"), Some(true), "{why}");
        }
    }
}

#[test]
fn a_deed_goes_on_after_a_killed_host_and_may_fail_in_the_end() {
    let mut world = ready();
    world.player("Ann").does("pick", "Safe").waits(1.0);
    world.crash();
    world.set_config("watched", true).unwrap();
    world.run(3.0);
    let over = last_told(&mut world, "Ann", "progress_over");
    assert_eq!((&over["how"], &over["text"]), (&json!("failed"), &json!("They saw you.")));
    assert_eq!(flag(&world, "Safe", "locked"), Some(true));
}

#[test]
fn args_of_the_wrong_shape_are_refused_with_what_is_wrong() {
    let mut world = ready();
    for (args, wrong) in
        [(json!({}), "missing field `coins`"), (json!({ "coins": "many" }), "invalid type: string \"many\"")]
    {
        world.player("Ann").does_with("bet", "Safe", &args);
        let told = last_refusal(&mut world, "Ann");
        assert!(told.starts_with("`bet` can't be done like that: ") && told.contains(wrong), "{told}");
    }
}
