//! Night and day in the streets, and those who run from what hunts there.

use serde::{Deserialize, Serialize};
use streets::Streets;
use wod_testkit::World;
use wod_zone::behaviour::{Hunt, Patrol};
use wod_zone::{Ctx, Npc, Result, Spawn, Zone};

/// With a day of two minutes, so an hour of five seconds. It is 21 h when they begin.
fn quick_streets() -> World {
    let world = World::of::<Streets>().map("../maps/streets.tmx").world("../world.toml", "la.streets");
    world.config("day_minutes", 2.0).start()
}

/// With a day as long as it is played with.
fn streets() -> World {
    World::of::<Streets>().map("../maps/streets.tmx").world("../world.toml", "la.streets").start()
}

fn at_hour(world: &mut World, hour: f64) {
    // Seconds until that hour of the first day.
    let due = (hour + 24.0 - 21.0) * 5.0;
    world.run_until("the hour", 130.0, |world| world.seconds() >= due);
}

#[test]
fn by_day_the_hunter_sleeps_and_by_night_it_wakes() {
    let mut world = quick_streets();
    at_hour(&mut world, 8.0);
    world.player("Ann").walks_to(172.0, 92.0).waits(5.0);
    assert_eq!(world.npc("Ash Mary").tag("mood"), "asleep");
    assert_eq!(world.counter("caught"), 0, "one may stand beside it");
    world.run_until("Ann is caught", 60.0, |world| world.counter("caught") == 1);
    assert!(world.seconds() >= (20.0 + 24.0 - 21.0) * 5.0, "after 20 h: {} s", world.seconds());
}

#[test]
fn the_market_empties_late_and_fills_in_the_morning() {
    let mut world = quick_streets();
    let in_market = |world: &World| {
        let names = ["Nadia", "Mr. Boothe", "Lark", "Old Efrem"];
        names.iter().filter(|name| world.npc(name).at.distance(wod_zone::Point::new(116.0, 44.0)) < 8.0).count()
    };
    world.player("Ann").walks_to(104.0, 48.0);
    assert_eq!(in_market(&world), 4);
    at_hour(&mut world, 4.0);
    assert_eq!(in_market(&world), 0, "they are at their doors");
    at_hour(&mut world, 14.0);
    assert_eq!(in_market(&world), 4);
}

#[test]
fn one_sees_the_hunter_and_the_whole_market_runs() {
    let mut world = streets();
    world.player("Bob").walks_to(124.0, 52.0);
    // Ann leads the hunter out of its court and down the road to the market.
    world.player("Ann").walks_to(172.0, 70.0).sets_out_for(172.0, 82.0);
    world.run_until("Ann is noticed", 30.0, |world| world.npc("Ash Mary").tag("mood") == "hunting");
    world.player("Ann").walks_to(170.0, 61.0).walks_to(116.0, 58.0).walks_to(112.0, 46.0);
    world.run_until("they cry", 20.0, |world| world.transcript().contains("shouts: "));
    world.run(12.0);
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn who_saw_the_hunter_tells_of_it_for_a_while() {
    let mut world = streets();
    let ann = world.player("Ann").approaches("Lark", 2.5).does("ask", "Lark");
    assert!(ann.last_line_of("Lark").starts_with("A quiet evening."));
    world.player("Ann").walks_to(172.0, 70.0).sets_out_for(172.0, 82.0);
    world.run_until("Ann is noticed", 30.0, |world| world.npc("Ash Mary").tag("mood") == "hunting");
    world.player("Ann").walks_to(170.0, 61.0).walks_to(116.0, 58.0).walks_to(112.0, 46.0).walks_to(90.0, 46.0);
    world.run_until("they feel safe", 60.0, |world| world.transcript().contains("Lark leans on the wall"));
    let ann = world.player("Ann").approaches("Lark", 2.5).does("ask", "Lark");
    assert!(ann.last_line_of("Lark").starts_with("It was right there."), "{}", ann.last_line_of("Lark"));
    world.crash();
    world.run(100.0);
    let ann = world.player("Ann").approaches("Lark", 2.5).does("ask", "Lark");
    assert!(ann.last_line_of("Lark").starts_with("Something ran there"), "{}", ann.last_line_of("Lark"));
}

/// The streets as they were before there were townsfolk, and night.
#[derive(Serialize, Deserialize)]
struct OldStreets {
    hunter: Npc,
    watch: Vec<Npc>,
}

impl Zone for OldStreets {
    const NAME: &'static str = "streets";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let den = ctx.place("den")?.at;
        let hunter = ctx.spawn_npc(Spawn::new("Ash Mary", den))?;
        ctx.behave(hunter, Hunt::from(den).between_hunts(Patrol::along("prowl")))?;
        Ok(Self { hunter, watch: Vec::new() })
    }
}

#[test]
fn streets_saved_before_there_were_townsfolk_get_them_with_the_swap() {
    let world = World::of::<OldStreets>().map("../maps/streets.tmx").world("../world.toml", "la.streets");
    let mut world = world.config("day_minutes", 2.0).start();
    world.run(5.0);
    world.swap::<Streets>();
    world.player("Ann").walks_to(104.0, 48.0);
    assert!(world.player("Ann").sees("Lark") && world.player("Ann").sees("Nadia"));
    world.restart();
    at_hour(&mut world, 8.0);
    world.player("Ann").walks_to(172.0, 92.0).waits(1.0);
    assert_eq!(world.npc("Ash Mary").tag("mood"), "asleep");
}
