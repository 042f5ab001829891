//! Doors, boards and containers, used by people.

use serde_json::{Value, json};
use wod_testkit::World;

use crate::hall::{BORDER, COINS, NORTH, STEP, census, flag, last_refusal, last_told, pick, some, west};

/// A wall with a door in it, north of where people stand.
fn with_door() -> World {
    let (x, y) = (f64::from(BORDER - STEP), f64::from(NORTH) + 2.0);
    let wall = west().wall(&[[150.0, y], [x - 1.0, y]]).barrier("door", &[[x - 1.0, y], [200.0, y]]);
    wall.place("doorway", x - 0.5, y, 0.0).start()
}

#[test]
fn a_door_opens_to_who_has_the_key_and_falls_shut_on_nobody() {
    let mut world = with_door();
    world.player("Ann").waits(0.2);
    assert_eq!(flag(&world, "Door", "open"), Some(false));
    world.player("Ann").does("open", "Door").waits(0.2);
    assert!(!world.is_closed("door"));
    assert_eq!(flag(&world, "Door", "open"), Some(true));
    // She stands in it: it waits.
    let (x, y) = (BORDER - STEP - 0.5, NORTH + 2.0);
    world.player("Ann").walks_to(x, y).waits(12.0).does("close", "Door");
    assert_eq!(last_refusal(&mut world, "Ann"), "Somebody stands in the doorway.");
    assert!(!world.is_closed("door"));
    world.player("Ann").walks_to(x, y + 1.8);
    world.run_until("the door falls shut", 3.0, |world| world.is_closed("door"));
    // Without her key she stays where she is.
    world.player("Bob").waits(0.2);
    world.player("Ann").does("open", "Door").walks_to(x, y - 1.8).does("close", "Door");
    assert!(world.is_closed("door"));
    let now = census(&mut world);
    world.player("Ann").does_with("give", "Bob", &json!({ "things": [pick(&now, "Ann", "key")] }));
    world.player("Ann").does("open", "Door");
    assert_eq!(last_refusal(&mut world, "Ann"), "It is locked.");
    assert!(world.is_closed("door"));
    assert_eq!(world.module_calls_during(30.0), 0, "a door that is shut costs nothing");
}

#[test]
fn a_door_falls_shut_also_after_a_killed_host() {
    let mut world = with_door();
    world.player("Ann").waits(0.2);
    world.player("Ann").does("open", "Door");
    world.crash();
    world.run_until("the door falls shut", 6.0, |world| world.is_closed("door"));
}

#[test]
fn one_at_a_time_has_a_container_open_and_takes_and_puts() {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    let now = census(&mut world);
    let chest = format!("container {}", world.npc("Chest").id);
    world.player("Ann").does_with("take", "Chest", &json!({ "things": [some(&now, &chest, "coin", 5)] }));
    assert_eq!(last_refusal(&mut world, "Ann"), "Open it first.");
    world.player("Ann").does("open", "Chest");
    let shown = last_told(&mut world, "Ann", "container");
    assert_eq!((&shown["room"], shown["things"].as_array().map(Vec::len)), (&json!(6), Some(3)));
    world.player("Bob").does("open", "Chest");
    assert_eq!(last_refusal(&mut world, "Bob"), "Ann has it open.");
    world.player("Ann").does_with(
        "take",
        "Chest",
        &json!({ "things": [some(&now, &chest, "coin", 5), pick(&now, &chest, "lamp")] }),
    );
    let changed = last_told(&mut world, "Ann", "container_changed");
    assert_eq!((&changed["set"][0]["count"], changed["gone"].as_array().map(Vec::len)), (&json!(10), Some(1)));
    let now = census(&mut world);
    assert_eq!(
        (now.held("Ann", "coin"), now.held(&chest, "coin"), now.held("Ann", "lamp")),
        (u64::from(COINS) + 5, 10, 1)
    );
    world
        .player("Ann")
        .does_with("put", "Chest", &json!({ "things": [pick(&now, "Ann", "key")] }))
        .does("close", "Chest");
    assert_eq!(last_told(&mut world, "Ann", "container_closed")["container"], json!(world.npc("Chest").id.0));
    world.player("Bob").does("open", "Chest").does_with(
        "take",
        "Chest",
        &json!({ "things": [pick(&now, "Ann", "key")] }),
    );
    assert_eq!(census(&mut world).held("Bob", "key"), 2);
}

#[test]
fn a_container_has_room_for_so_much() {
    let mut world = west().start();
    world.player("Ann").waits(0.2);
    let now = census(&mut world);
    let chest = format!("container {}", world.npc("Chest").id);
    let [lamp, other] = {
        let lamps: Vec<Value> = now
            .things()
            .iter()
            .filter(|(_, counted)| counted.kind == "lamp")
            .map(|(id, _)| json!({ "id": id }))
            .collect();
        <[Value; 2]>::try_from(lamps).unwrap()
    };
    world.player("Ann").does("open", "Chest").does_with("take", "Chest", &json!({ "things": [lamp, other] }));
    // Three more of other people's keys fill it.
    for name in ["Bob", "Cy", "Dan", "Eve"] {
        world.player(name).waits(0.2);
        let key = pick(&census(&mut world), name, "key");
        world.player(name).does_with("give", "Ann", &json!({ "things": [key] }));
    }
    let keys: Vec<Value> = census(&mut world)
        .things()
        .iter()
        .filter(|(_, counted)| counted.holder == "Ann" && counted.kind == "key")
        .map(|(id, _)| json!({ "id": id }))
        .collect();
    assert_eq!(keys.len(), 5);
    world.player("Ann").does_with("put", "Chest", &json!({ "things": keys }));
    assert_eq!(census(&mut world).held(&chest, "key"), 5);
    world.player("Ann").does_with("put", "Chest", &json!({ "things": [lamp] }));
    assert_eq!(last_refusal(&mut world, "Ann"), "There is no room for that.");
    let coins = some(&census(&mut world), "Ann", "coin", 1);
    world.player("Ann").does_with("put", "Chest", &json!({ "things": [coins] }));
    assert_eq!(census(&mut world).held(&chest, "coin"), 16, "what stacks needs no room");
}

#[test]
fn whoever_walks_off_or_leaves_has_it_open_no_longer() {
    type Deed = fn(&mut World);
    let deeds: [Deed; 3] = [
        |world| drop(world.player("Ann").walks_to(190.0, 100.0).waits(1.1)),
        |world| world.player("Ann").leaves(),
        |world| {
            world.player("Ann").loses_connection();
            world.run(1.2);
        },
    ];
    for deed in deeds {
        let mut world = west().start();
        world.player("Ann");
        world.player("Bob").waits(0.2);
        world.player("Ann").does("open", "Chest").waits(0.2);
        assert_eq!(flag(&world, "Chest", "open"), Some(true));
        deed(&mut world);
        world.run(0.2);
        assert_eq!(flag(&world, "Chest", "open"), Some(false));
        let calls = world.module_calls_during(30.0);
        assert!(calls <= 1, "a shut container costs nothing; one call may tell that she has gone: {calls}");
        world.player("Bob").does("open", "Chest");
        assert_eq!(world.player("Bob").refusals(), []);
    }
}

#[test]
fn a_locked_container_opens_to_its_key_alone() {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    let now = census(&mut world);
    world
        .player("Ann")
        .does_with("give", "Bob", &json!({ "things": [pick(&now, "Ann", "key")] }))
        .does("open", "Coffer");
    assert_eq!(last_refusal(&mut world, "Ann"), "It is locked.");
    let coffer = format!("container {}", world.npc("Coffer").id);
    let crown = json!({ "things": [pick(&now, &coffer, "crown")] });
    world.player("Bob").does("open", "Coffer").does_with("take", "Coffer", &crown);
    assert_eq!(census(&mut world).held("Bob", "crown"), 1);
}

#[test]
fn people_write_to_each_other_on_a_board() {
    let mut world = west().start();
    world.player("Ann");
    world.player("Bob").waits(0.2);
    world.player("Ann").does_with("post", "Board", &json!({ "text": " Boat for sale. " }));
    world.crash();
    world.player("Bob").does("read", "Board");
    let board = last_told(&mut world, "Bob", "board");
    let note = &board["notes"][0];
    assert_eq!((&note["by"], &note["text"], &note["yours"]), (&json!("Ann"), &json!("Boat for sale."), &json!(false)));
    world.player("Bob").does_with("remove", "Board", &json!({ "note": note["note"] }));
    assert_eq!(last_refusal(&mut world, "Bob"), "That note is somebody else's.");
    world.player("Ann").does_with("remove", "Board", &json!({ "note": note["note"] }));
    assert_eq!(last_told(&mut world, "Ann", "board")["notes"], json!([]));
    world.player("Ann").does_with("post", "Board", &json!({ "text": "x".repeat(201) }));
    assert_eq!(last_refusal(&mut world, "Ann"), "A note has no more than 200 characters.");
    world.player("Ann").does("post", "Board");
    assert!(last_refusal(&mut world, "Ann").starts_with("`post` can't be done like that: "));
}
