//! Nights in the club, played in the real simulation.

use club::Club;
use wod_testkit::{Person, World, WorldBuilder};

/// Where the map's corner lies on New York's plane.
const CORNER: (f32, f32) = (1000.0, 1000.0);
/// Metres on the map.
const FLOOR: (f32, f32) = (31.0, 20.0);
const BAR: (f32, f32) = (29.0, 7.5);
const DECKS: (f32, f32) = (31.0, 31.5);
const JUDE: (f32, f32) = (9.0, 37.5);
const BOOTH: (f32, f32) = (10.0, 16.0);
const MARLOW: (f32, f32) = (56.0, 17.5);
const NASH: (f32, f32) = (43.0, 33.0);

fn club() -> WorldBuilder {
    World::of::<Club>().map("../maps/club.tmx").dialogue("dialogue").world("../world.toml", "nyc.club")
}

fn go<'w>(person: Person<'w>, (x, y): (f32, f32)) -> Person<'w> {
    person.walks_to(CORNER.0 + x, CORNER.1 + y)
}

#[test]
fn on_a_loud_floor_every_other_word_is_lost_and_in_a_corner_none() {
    let mut world = club().start();
    go(world.player("Bob"), FLOOR);
    let ann = go(world.player("Ann"), (FLOOR.0 + 2.0, FLOOR.1)).says("Meet me at the stairs");
    assert_eq!(ann.last_line_of("Ann"), "Meet … at … stairs", "she herself hears what is left");
    assert!(world.player("Bob").has_heard("Meet … at … stairs"));
    go(world.player("Bob"), (10.0, 17.5));
    go(world.player("Ann"), BOOTH).says("Meet me at the stairs");
    assert_eq!(world.player("Bob").last_line_of("Ann"), "Meet me at the stairs");
}

#[test]
fn when_nothing_loud_plays_the_floor_is_for_talking_too() {
    let mut world = club().start();
    // An hour takes two minutes, and at five comes slack water.
    world.player("Ann").waits(601.0);
    assert_eq!(world.ask("music").as_deref(), Ok("Slack water, then The pumps"));
    let ann = go(world.player("Ann"), FLOOR).says("So this is what you sound like.");
    assert_eq!(ann.last_line_of("Ann"), "So this is what you sound like.");
}

#[test]
fn music_changes_by_the_hour_and_everybody_is_told() {
    let mut world = club().start();
    go(world.player("Ann"), DECKS).waits(361.0);
    let sets: Vec<String> = music(&mut world, "Ann");
    assert_eq!(sets, ["Hull breach", "Undertow"]);
    assert_eq!(world.npc("Vesper").tag("music"), "Undertow");
}

#[test]
fn with_nobody_down_here_the_module_is_not_called() {
    let mut world = club().start();
    go(world.player("Ann"), FLOOR).waits(5.0).leaves();
    world.run(2.0);
    assert_eq!(world.module_calls_during(400.0), 0);
}

#[test]
fn the_crowd_dances_drinks_and_sits() {
    let mut world = club().start();
    go(world.player("Ann"), (16.0, 10.0));
    let bar = wod_zone::Point::new(CORNER.0 + 29.0, CORNER.1 + 9.0);
    world.run_until("somebody of the crowd comes to the bar", 600.0, |world| {
        ["Ines", "Kolya", "Bee", "Tomasz"].iter().any(|name| (world.npc(name).at.y - bar.y).abs() < 1.0)
    });
    let start = world.npc("Ruth").at;
    world.run_until("and somebody dances", 60.0, |world| world.npc("Ruth").at.distance(start) > 1.0);
}

#[test]
fn three_drinks_are_heard_and_two_waters_mend_it() {
    let mut world = club().start();
    go(world.player("Bob"), (33.0, 7.5));
    for _ in 0..3 {
        go(world.player("Ann"), BAR).does("talk", "Odile").chooses("odile-pilot");
    }
    assert_eq!(world.npc("Ann").tag("holds"), "slow pilot");
    let ann = go(world.player("Ann"), BOOTH).says("Yes, certainly.");
    assert_eq!(ann.last_line_of("Ann"), "Yesh, certainly.");
    let ann = go(ann, BAR).does("talk", "Odile");
    assert_eq!(ann.options(), ["odile-slur"]);
    world.player("Ann").turns_away();
    world.run(130.0);
    let ann = go(world.player("Ann"), BOOTH).says("Yes, certainly.");
    assert_eq!(ann.last_line_of("Ann"), "Yes, certainly.", "it wears off");
}

#[test]
fn a_full_slate_is_paid_with_a_note_and_a_note_with_a_song() {
    let mut world = club().config("slate", 2_i64).start();
    for _ in 0..2 {
        go(world.player("Ann"), BAR).does("talk", "Odile").chooses("odile-tide");
    }
    let ann = world.player("Ann").does("talk", "Odile").chooses("odile-note");
    assert!(ann.last_told().contains("the slate is clean"), "{}", ann.last_told());
    world.crash();
    let ann = go(world.player("Ann"), DECKS).does("talk", "Vesper");
    assert_eq!(ann.options(), ["vesper-slow", "vesper-loud", "vesper-any"]);
    ann.chooses("vesper-slow");
    assert_eq!(music(&mut world, "Ann").last().map(String::as_str), Some("Slack water"));
    world.run(181.0);
    assert_eq!(music(&mut world, "Ann").last().map(String::as_str), Some("Hull breach"), "three minutes of it");
    let ann = go(world.player("Ann"), BAR).does("talk", "Odile").chooses("odile-tab");
    assert!(ann.last_told().starts_with("0, so far."), "{}", ann.last_told());
}

#[test]
fn what_is_said_to_jude_is_told_to_the_next_and_not_from_whom() {
    let mut world = club().start();
    let ann = go(world.player("Ann"), JUDE).does("talk", "Jude");
    assert!(ann.options().contains(&"jude-first"));
    ann.turns_away().says("I kept the key.");
    assert!(world.player("Ann").has_heard("It's gone in."));
    go(world.player("Ann"), FLOOR);
    world.restart();
    go(world.player("Bob"), JUDE).says("Mine is shorter.").does("talk", "Jude");
    let bob = world.player("Bob").chooses("jude-tell");
    assert!(bob.last_told().contains("\"I kept the key.\""), "{}", bob.last_told());
    assert!(!bob.last_told().contains("Ann"));
    bob.turns_away();
    let ann = go(world.player("Ann"), JUDE).does("talk", "Jude").chooses("jude-forget");
    assert!(!ann.options().contains(&"jude-forget"));
    assert!(!world.ask("rumours").expect("an answer").contains("key"));
}

#[test]
fn an_operator_reads_and_clears_what_players_said() {
    let mut world = club().start();
    go(world.player("Ann"), JUDE).says("Something unkind about Bob.");
    assert!(world.ask("rumours").expect("an answer").ends_with("Something unkind about Bob."));
    assert_eq!(world.ask("forget rumours").as_deref(), Ok("forgotten"));
    assert_eq!(world.ask("rumours").as_deref(), Ok("no rumours"));
}

#[test]
fn nobody_hears_a_shout_in_a_corner_and_the_third_leads_up_the_stairs() {
    let mut world = club().start();
    go(world.player("Bob"), (12.0, 16.0));
    let ann = go(world.player("Ann"), BOOTH).shouts("HEY").shouts("HEY");
    assert_eq!(ann.refusals().len(), 2);
    assert!(ann.refusals()[0].1.contains("a finger on your lips"));
    ann.shouts("HEY").waits(0.5);
    assert!(!world.player("Bob").has_heard("HEY"));
    assert!(world.transcript().contains("Ann goes to nyc.docks"), "{}", world.transcript());
}

#[test]
fn who_was_carried_out_is_poured_nothing_before_she_is_sorry() {
    let mut world = club().start();
    go(world.player("Ann"), BOOTH).shouts("HEY").shouts("HEY").shouts("HEY").waits(0.5);
    assert!(world.players().is_empty(), "{}", world.transcript());
    // She comes back down.
    let ann = go(world.player("Ann"), MARLOW);
    assert!(ann.has_heard("Ann. A word, before you order anything."));
    let ann = go(ann, BAR).does("talk", "Odile");
    assert!(ann.last_told().starts_with("Not from this hand, Ann."), "{}", ann.last_told());
    ann.chooses("odile-unserved");
    let ann = go(world.player("Ann"), MARLOW).does("talk", "Marlow");
    assert_eq!(ann.options(), ["marlow-sorry", "marlow-important"]);
    ann.chooses("marlow-sorry");
    go(world.player("Ann"), BAR).does("talk", "Odile").chooses("odile-tide");
    assert_eq!(world.counter("drinks"), 1);
}

#[test]
fn the_longest_line_can_be_slurred() {
    let mut world = club().start();
    for _ in 0..3 {
        go(world.player("Ann"), BAR).does("talk", "Odile").chooses("odile-pilot");
    }
    let ann = go(world.player("Ann"), BOOTH).says(&"s".repeat(500));
    assert_eq!(ann.last_line_of("Ann"), "sh".repeat(250));
}

#[test]
fn nash_opens_for_the_word_of_the_settings() {
    let mut world = club().config("password", "ballast").start();
    let ann = go(world.player("Ann"), NASH).does("knock", "Nash").says("keel");
    assert!(ann.has_heard("waits for a word"));
    assert!(world.is_closed("back-door"));
    // He hears what is left of it: beyond the floor that is all of it.
    world.player("Ann").says("Ballast, I was told.");
    assert!(!world.is_closed("back-door"));
    go(world.player("Ann"), (52.0, 38.25));
    world.run_until("it falls shut", 20.0, |world| world.is_closed("back-door"));
}

#[test]
fn mrs_quill_deals_until_one_has_had_enough() {
    let mut world = club().start();
    go(world.player("Ann"), NASH).says("keel");
    let mut told = Vec::new();
    go(world.player("Ann"), (52.0, 38.25)).does("talk", "Mrs. Quill");
    for _ in 0..6 {
        world.player("Ann").chooses("quill-deal").chooses("quill-higher");
        told.push(world.player("Ann").last_told().to_owned());
    }
    let won = told.iter().filter(|text| text.contains("You have it")).count();
    let lost = told.iter().filter(|text| text.contains("An evening for me.")).count();
    assert_eq!(won + lost, 6, "{told:?}");
    let ann = world.player("Ann").chooses("quill-leave");
    assert!(ann.dialogue().is_none());
}

#[test]
fn an_evening_reads_like_this() {
    let mut world = club().start();
    go(world.player("Ann"), MARLOW).does("talk", "Marlow").chooses("marlow-set").chooses("marlow-who");
    go(world.player("Ann"), BAR).does("talk", "Odile").chooses("odile-tide");
    go(world.player("Ann"), FLOOR).says("Does anybody know the way to the back room?");
    go(world.player("Ann"), JUDE).says("I only came for the music.").does("talk", "Jude").chooses("jude-empty");
    go(world.player("Ann"), NASH).says("keel");
    let told: String = world.transcript();
    // What the crowd does is chance, and much.
    let ours = told.lines().filter(|line| !line.contains(" has gone from ") && !line.contains(" * "));
    insta::assert_snapshot!(ours.collect::<Vec<_>>().join("\n"));
}

/// Names of the sets that her client was told of, the last one last.
fn music(world: &mut World, who: &str) -> Vec<String> {
    let person = world.player(who);
    let sets = person.events().iter().filter(|(name, _)| name == "music");
    let mut sets: Vec<String> = sets.map(|(_, data)| data["set"].as_str().unwrap_or_default().to_owned()).collect();
    sets.dedup();
    sets
}
