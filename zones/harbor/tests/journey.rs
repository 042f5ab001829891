//! From New York to Los Angeles: two zones of two modules, and what one tells the other.

use docks::Docks;
use harbor::Harbor;
use wod_testkit::World;

/// Where the maps' corners lie on their planes.
const DOCKS: (f32, f32) = (120.0, -120.0);
const HARBOR: (f32, f32) = (-160.0, 0.0);

#[test]
fn what_is_said_in_new_york_is_asked_for_in_los_angeles() {
    let docks = World::of::<Docks>().map("../maps/docks.tmx").dialogue("../docks/dialogue").config("wage", 9_i64);
    let mut docks = docks.world("../world.toml", "nyc.docks").start();
    // A crate carried is the fare.
    docks.player("Ann").walks_to(DOCKS.0 + 93.0, DOCKS.1 + 37.0).does("lift", "Pile of crates").waits(2.5);
    docks.player("Ann").walks_to(DOCKS.0 + 104.0, DOCKS.1 + 71.0).does("weigh", "Scale");
    let ann = docks.player("Ann").walks_to(DOCKS.0 + 173.0, DOCKS.1 + 75.0).does("talk", "Sabine");
    ann.chooses("sabine-go").chooses("sabine-nothing");
    docks.player("Ann").sets_out_for(DOCKS.0 + 187.0, DOCKS.1 + 72.5).waits(6.0);

    let harbor = World::of::<Harbor>().map("../maps/harbor.tmx").dialogue("dialogue");
    let mut harbor = harbor.world("../world.toml", "la.harbor").start();
    assert!(docks.hand_over("Ann", &mut harbor), "{}", docks.transcript());
    for letter in docks.letters() {
        harbor.letter_from("nyc.docks", &letter.topic, &letter.body);
    }
    assert_eq!(harbor.ask("papers").as_deref(), Ok("Ann: nothing at all"));
    let ann = harbor.player("Ann").walks_to(HARBOR.0 + 70.0, HARBOR.1 + 90.0).does("talk", "Inspector Calder");
    let ann = ann.chooses("calder-oranges");
    assert!(ann.last_told().contains("That's one."), "{}", ann.last_told());
    let ann = ann.chooses("calder-nothing");
    assert!(ann.last_told().contains("Welcome to Los Angeles."), "{}", ann.last_told());
}
