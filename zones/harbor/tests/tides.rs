//! Days in the harbor, played in the real simulation.

use docks::{Passenger, TOPIC};
use harbor::Harbor;
use wod_testkit::{Person, World, WorldBuilder};

/// Where the map's corner lies on the plane of Los Angeles.
const CORNER: (f32, f32) = (-160.0, 0.0);
/// On the pier's side of the inspector, and on the city's: metres on the map.
const PIER_SIDE: (f32, f32) = (64.5, 90.0);
const CITY_SIDE: (f32, f32) = (70.0, 90.0);
const STALL: (f32, f32) = (61.5, 45.0);
const KIT: (f32, f32) = (24.5, 90.0);

fn harbor() -> WorldBuilder {
    World::of::<Harbor>().map("../maps/harbor.tmx").dialogue("dialogue").world("../world.toml", "la.harbor")
}

fn go<'w>(person: Person<'w>, (x, y): (f32, f32)) -> Person<'w> {
    person.walks_to(CORNER.0 + x, CORNER.1 + y)
}

/// Through the gate to the pier, as somebody from the city who waits for the ship.
fn on_the_pier(world: &mut World, who: &str) {
    let person = go(world.player(who), CITY_SIDE).does("talk", "Inspector Calder");
    if person.options().contains(&"calder-aboard") {
        person.chooses("calder-aboard");
    } else {
        person.chooses("calder-too-early").chooses("calder-wait-out");
    }
    go(world.player(who), PIER_SIDE);
}

/// The docks have sent word of her.
fn paper(world: &mut World, who: &str, declared: &str) {
    let player = wod_zone::Player(world.player(who).id().0);
    let passenger = Passenger { player, declared: declared.to_owned() };
    world.letter_from("nyc.docks", TOPIC, &wod_zone::encode(&passenger).expect("it encodes"));
}

#[test]
fn the_ship_comes_and_goes_by_the_hour_and_the_gangway_with_her() {
    let mut world = harbor().start();
    // An hour takes two minutes; the day begins with the Patient Anna in port.
    world.player("Ann").waits(1.0);
    assert!(world.ask("ships").expect("an answer").contains("00:00-03:00 Patient Anna, New York, in port"));
    assert!(!world.is_closed("gangway"));
    world.run_until("she has cast off", 370.0, |world| world.is_closed("gangway"));
    assert!((359.0..364.0).contains(&world.seconds()), "{}", world.seconds());
    world.run_until("she is back", 370.0, |world| !world.is_closed("gangway"));
    assert!((719.0..724.0).contains(&world.seconds()), "{}", world.seconds());
}

#[test]
fn with_nobody_here_no_ship_wakes_the_zone_and_all_is_right_when_somebody_comes() {
    let mut world = harbor().start();
    world.player("Ann").waits(1.0).leaves();
    world.run(2.0);
    assert_eq!(world.module_calls_during(400.0), 0);
    world.player("Ann").waits(1.0);
    assert!(world.is_closed("gangway"), "it is past three");
}

#[test]
fn the_ship_does_not_sail_while_somebody_stands_on_the_gangway() {
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    go(world.player("Ann"), (18.0, 90.0));
    world.run(400.0);
    assert!(!world.is_closed("gangway"));
    go(world.player("Ann"), (24.0, 93.0));
    world.run_until("she casts off", 10.0, |world| world.is_closed("gangway"));
}

#[test]
fn the_hold_leads_to_new_york() {
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    world.player("Ann").sets_out_for(CORNER.0 + 12.0, CORNER.1 + 90.0).waits(12.0);
    assert!(world.transcript().contains("Ann goes to nyc.docks"), "{}", world.transcript());
}

#[test]
fn who_says_what_her_paper_says_is_let_through() {
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    paper(&mut world, "Ann", "oranges");
    assert_eq!(world.ask("papers").as_deref(), Ok("Ann: oranges"));
    let ann = world.player("Ann").does("talk", "Inspector Calder");
    assert_eq!(ann.options(), ["calder-parts", "calder-oranges", "calder-nothing", "calder-refuse"]);
    let ann = ann.chooses("calder-oranges");
    assert!(ann.last_told().contains("Welcome to Los Angeles."), "{}", ann.last_told());
    assert_eq!(world.ask("papers").as_deref(), Ok("no papers"));
    go(world.player("Ann"), CITY_SIDE);
}

#[test]
fn a_lie_is_asked_about_again_and_a_second_one_has_a_price() {
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    world.run_until("the gate has fallen shut", 30.0, |world| world.is_closed("customs-gate"));
    paper(&mut world, "Ann", "oranges");
    let ann = world.player("Ann").does("talk", "Inspector Calder").chooses("calder-parts");
    assert!(ann.last_told().contains("That's one."), "{}", ann.last_told());
    world.crash();
    let ann = world.player("Ann").chooses("calder-nothing");
    assert_eq!(ann.options(), ["calder-betray", "calder-loyal"]);
    assert!(world.is_closed("customs-gate"));
    let ann = world.player("Ann").chooses("calder-loyal").chooses("calder-oranges");
    assert!(ann.last_told().contains("Welcome to Los Angeles."));
    assert!(!world.is_closed("customs-gate"));
}

#[test]
fn whoever_gives_kit_away_is_let_through_and_kit_knows() {
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    paper(&mut world, "Ann", "oranges");
    let ann = world.player("Ann").does("talk", "Inspector Calder").chooses("calder-parts").chooses("calder-parts");
    ann.chooses("calder-betray");
    assert_eq!(world.counter("kit_found"), 1);
    // Later, when nobody looks, she is back behind the crates.
    go(world.player("Ann"), (150.0, 60.0)).waits(320.0);
    on_the_pier(&mut world, "Ann");
    let ann = go(world.player("Ann"), KIT).does("talk", "Kit");
    assert!(ann.last_told().starts_with("You. I heard you"), "{}", ann.last_told());
}

#[test]
fn soup_turns_the_inspector_round_and_kit_gets_out() {
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    go(world.player("Ann"), KIT).does("talk", "Kit").chooses("kit-help").chooses("kit-promise");
    go(world.player("Ann"), PIER_SIDE).does("talk", "Inspector Calder").chooses("calder-out");
    let ann = go(world.player("Ann"), STALL).does("talk", "Pilar");
    assert!(ann.options().contains(&"pilar-kit"), "{:?}", ann.options());
    ann.chooses("pilar-kit");
    go(world.player("Ann"), CITY_SIDE).does("talk", "Inspector Calder").chooses("calder-bowl-out");
    world.run_until("Kit sits at the stall", 60.0, |world| world.counter("kit_out") == 1);
    let ann = go(world.player("Ann"), STALL).approaches("Kit", 3.0).does("talk", "Kit");
    assert!(ann.last_told().contains("say \"keel\""), "{}", ann.last_told());
    // And what she did is remembered.
    let ann = ann.turns_away().does("talk", "Pilar").turns_away().does("talk", "Pilar");
    assert!(ann.last_told().starts_with("For you there's saffron"), "{}", ann.last_told());
}

#[test]
fn anglers_fish_by_night_and_are_elsewhere_by_day() {
    let mut world = harbor().start();
    let ann = go(world.player("Ann"), (36.0, 30.0)).waits(1.0);
    assert!(ann.sees("Ruiz"));
    let pier = (CORNER.0 + 41.0, CORNER.1 + 33.0);
    let fishes = move |world: &World| world.npc("Ruiz").at.x < pier.0 && world.npc("Ruiz").at.y < pier.1;
    assert!(fishes(&world), "midnight");
    world.run_until("he goes home in the morning", 700.0, |world| !fishes(world));
    assert!(world.seconds() > 600.0, "not before five: {}", world.seconds());
}

#[test]
fn the_timetable_can_be_read() {
    let mut world = harbor().start();
    let ann = go(world.player("Ann"), (84.0, 85.0)).does("read", "Timetable");
    let (name, text) = ann.events().last().expect("an event");
    assert_eq!(name, "timetable");
    assert!(text.as_str().expect("a text").contains("06:00-09:00 Patient Anna, New York"));
}

#[test]
fn letters_that_are_none_are_complained_about_and_nothing_else() {
    let mut world = harbor().tolerating_faults().start();
    world.letter_from("nyc.docks", TOPIC, b"not a passenger");
    world.letter_from("nyc.streets", "weather", b"");
    assert_eq!(world.logs().len(), 2, "{:?}", world.logs());
    assert_eq!(world.ask("papers").as_deref(), Ok("no papers"));
}

#[test]
fn an_arrival_reads_like_this() {
    // She comes as everybody does: out of the docks of New York.
    let mut world = harbor().start();
    on_the_pier(&mut world, "Ann");
    paper(&mut world, "Ann", "machine parts");
    go(world.player("Ann"), KIT).does("talk", "Kit").chooses("kit-where").chooses("kit-help").chooses("kit-no");
    go(world.player("Ann"), PIER_SIDE)
        .does("talk", "Inspector Calder")
        .chooses("calder-oranges")
        .chooses("calder-parts");
    go(world.player("Ann"), STALL)
        .does("talk", "Pilar")
        .chooses("pilar-ship")
        .chooses("pilar-say")
        .chooses("pilar-count");
    insta::assert_snapshot!(world.transcript());
}
