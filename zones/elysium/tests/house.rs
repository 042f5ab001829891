//! An evening in the house, played in the real simulation.

use std::collections::BTreeMap;

use elysium::Elysium;
use serde::{Deserialize, Serialize};
use wod_testkit::World;
use wod_zone::{Ctx, Npc, Player, Result, Spawn, Zone};

fn house() -> World {
    let house = World::of::<Elysium>().map("../maps/elysium.tmx").dialogue("dialogue");
    house.world("../world.toml", "nyc.elysium").start()
}

/// Before the host, near enough to be greeted and to talk.
const BEFORE_HOST: (f32, f32) = (68.0, 40.0);
/// Before the salon's door, where the doorkeeper hears what is said.
const BEFORE_DOOR: (f32, f32) = (37.0, 29.0);

#[test]
fn the_host_greets_by_name_whoever_comes_near_and_only_once() {
    let mut world = house();
    let ann = world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).waits(1.0);
    assert_eq!(ann.last_line_of("Marguerite"), "Good evening, Ann. You are new under this roof. Come and talk to me.");
    let ann = ann.walks_to(90.0, 40.0).walks_to(BEFORE_HOST.0, BEFORE_HOST.1).waits(1.0);
    assert_eq!(ann.lines().len(), 1, "one greeting an evening is enough");
}

#[test]
fn the_dialogue_branches_and_offers_gossip_only_to_whom_the_host_has_met() {
    let mut world = house();
    let ann = world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).does("talk", "Marguerite");
    assert_eq!(ann.options(), ["rules", "salon", "city", "leave"]);
    let ann = ann.chooses("salon").chooses("invited");
    assert!(ann.dialogue().expect("still talking").text.starts_with("No, dear."));
    let ann = ann.chooses("I am looking for someone.");
    assert!(ann.dialogue().expect("still talking").text.contains("\"ember\""), "the word of the settings");
    let ann = ann.chooses("Thank you.");
    assert_eq!(ann.options(), ["rules", "salon", "city", "gossip", "leave"]);
    let ann = ann.chooses("gossip");
    assert!(ann.dialogue().expect("still talking").text.starts_with("Nobody but you."));
    assert!(ann.chooses("I see.").chooses("leave").dialogue().is_none());
}

#[test]
fn an_option_that_is_not_offered_is_refused_and_the_talk_goes_on() {
    let mut world = house();
    let ann = world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).does("talk", "Marguerite").chooses("gossip");
    assert_eq!(ann.refusals().len(), 1);
    assert_eq!(ann.chooses("rules").options(), ["or-else", "back-from-rules"]);
}

#[test]
fn who_asked_what_survives_a_killed_host_and_changes_the_greeting() {
    let mut world = house();
    world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).does("talk", "Marguerite").chooses("rules").turns_away();
    world.crash();
    assert_eq!(world.ask("questions").as_deref(), Ok("Ann asked about the rules"));
    let bob = world.player("Bob").walks_to(64.0, 42.0).does("talk", "Marguerite").chooses("city").chooses("I will.");
    assert_eq!(
        bob.chooses("gossip").dialogue().expect("still talking").text,
        "Ann asked about the rules. I mention it because you would not."
    );

    world.player("Ann").leaves();
    world.restart();
    let ann = world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).waits(1.0);
    assert!(ann.last_line_of("Marguerite").starts_with("Ann, welcome back. You asked about the rules"));
}

#[test]
fn an_open_dialogue_goes_on_after_a_killed_host() {
    let mut world = house();
    world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).does("talk", "Marguerite").chooses("salon");
    world.crash();
    let ann = world.player("Ann").chooses("looking");
    assert_eq!(ann.options(), ["back-from-truth"]);
}

#[test]
fn an_open_dialogue_goes_on_after_the_writer_has_changed_it() {
    let mut world = house();
    world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).does("talk", "Marguerite").chooses("salon");
    world.rewrite("title: Salon\n---\nWell?\n-> Nobody. #line:nobody\n-> Someone. #line:looking\n    Who?\n===\n");
    world.swap::<Elysium>();
    let ann = world.player("Ann").chooses("looking");
    assert_eq!(ann.last_told(), "Who?");
}

#[test]
fn the_right_word_said_softly_opens_the_door_and_it_closes_again() {
    let mut world = house();
    world.player("Ann").walks_to(BEFORE_DOOR.0, BEFORE_DOOR.1).says("Open the door, please.");
    assert!(world.is_closed("salon-door"));
    assert!(world.player("Ann").has_heard("those who know what to say"));
    world.player("Ann").says("Very well: Ember.");
    assert!(!world.is_closed("salon-door"));
    world.player("Ann").walks_to(24.0, 30.0);
    world.run_until("the door falls shut", 20.0, |world| world.is_closed("salon-door"));
}

#[test]
fn the_door_does_not_close_on_somebody() {
    let mut world = house();
    world.player("Ann").walks_to(BEFORE_DOOR.0, BEFORE_DOOR.1).says("ember").walks_to(34.0, 29.0).waits(30.0);
    assert!(!world.is_closed("salon-door"));
    world.player("Ann").walks_to(28.0, 30.0);
    world.run_until("the door falls shut", 5.0, |world| world.is_closed("salon-door"));
}

#[test]
fn an_operator_changes_the_word() {
    let mut world = house();
    world.set_config("password", "frost").expect("a setting of the module");
    world.player("Ann").walks_to(BEFORE_DOOR.0, BEFORE_DOOR.1).says("ember");
    assert!(world.is_closed("salon-door"));
    world.player("Ann").says("frost");
    assert!(!world.is_closed("salon-door"));
}

#[test]
fn shouting_is_borne_twice() {
    let mut world = house();
    let ann = world.player("Ann").walks_to(45.0, 40.0).shouts("HEY").shouts("HEY");
    assert!(ann.has_heard("Ann. Voices stay low under this roof."));
    let ann = ann.shouts("HEY");
    assert!(ann.has_heard("That was once too often, Ann."));
    let ann = ann.says("but");
    assert_eq!(ann.refusals().iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["muted"]);
}

/// Before the throne, on the carpet; and behind the others, off it.
const BEFORE_THRONE: (f32, f32) = (40.5, 40.0);
const ON_THE_CARPET: (f32, f32) = (39.0, 40.0);

#[test]
fn the_prince_remembers_who_bowed_and_who_did_not() {
    let mut world = house();
    let ann = world.player("Ann").walks_to(BEFORE_THRONE.0, BEFORE_THRONE.1).emotes("bows deeply");
    assert!(ann.has_heard("inclines his head to Ann"));
    let bob = world.player("Bob").walks_to(ON_THE_CARPET.0, 42.0).says("Nice chair.");
    assert!(bob.has_heard("looks at Bob until the room has seen it."));
    world.crash();
    let ann = world.player("Ann").does("talk", "Prince Ambrose").chooses("prince-favoured");
    assert!(ann.last_told().starts_with("You: bowed, and meant it."), "{}", ann.last_told());
    let ann = ann.chooses("prince-displeased");
    assert!(
        ann.last_told().starts_with("Bob: spoke before bowing. Bob: walked upon the carpet"),
        "{}",
        ann.last_told()
    );
}

#[test]
fn each_conduct_counts_once_a_visit_and_what_one_is_called_follows() {
    let mut world = house();
    world.player("Bob").walks_to(45.0, 40.0);
    let ann =
        world.player("Ann").walks_to(BEFORE_THRONE.0, BEFORE_THRONE.1).emotes("bows").emotes("bows").emotes("bows");
    ann.does("talk", "Lady Sorrel").chooses("sorrel-wants").chooses("sorrel-side");
    assert_eq!(world.npc("Ann").tag("title"), "Seen with Lady Sorrel");
    for _ in 0..2 {
        world.player("Ann").leaves();
        world.player("Ann").walks_to(BEFORE_THRONE.0, BEFORE_THRONE.1).emotes("bows");
    }
    assert_eq!(world.npc("Ann").tag("title"), "Sworn to the old court", "three evenings, three bows");
    world.player("Bob").shouts("HEY").shouts("HEY");
    world.player("Bob").walks_to(BEFORE_THRONE.0, 39.0).does("talk", "Prince Ambrose").chooses("prince-slight");
    assert_eq!(world.npc("Bob").tag("title"), "Out of favour");
}

#[test]
fn a_court_that_tips_to_one_side_is_heard_to() {
    let mut world = house();
    let ann = world.player("Ann").walks_to(BEFORE_THRONE.0, BEFORE_THRONE.1);
    let ann = ann.does("talk", "Corvin").chooses("corvin-wants").chooses("corvin-side");
    assert!(ann.has_heard("Corvin has more friends than chairs."));
    world.player("Bob").walks_to(43.0, 41.0).does("talk", "Lady Sorrel").chooses("sorrel-wants").chooses("sorrel-side");
    assert!(world.player("Ann").has_heard("everybody is very polite"));
    assert_eq!(world.ask("court").as_deref(), Ok("old court 1, night market 1"));
}

/// The house as it was saved before there was a court: the fields of then, and their names.
#[derive(Serialize, Deserialize)]
struct Before {
    host: Npc,
    doorkeeper: Npc,
    asked: Asked,
    greeted: BTreeMap<Player, u64>,
    closing: Option<u64>,
    hinted_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Asked {
    latest: Vec<()>,
}

/// What was remembered of a guest.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    visits: u32,
    last_topic: Option<()>,
    shouts: u32,
}

impl Zone for Before {
    const NAME: &'static str = "elysium";
    type Timer = ();
    type Player = Known;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let (spot, doorkeeper) = (ctx.place("host")?, ctx.place("doorkeeper")?.at);
        let host = ctx.spawn_npc(Spawn::new("Marguerite", spot.at))?;
        ctx.set_sensor(host, spot.radius)?;
        Ok(Self {
            host,
            doorkeeper: ctx.spawn_npc(Spawn::new("Marek", doorkeeper))?,
            asked: Asked { latest: Vec::new() },
            greeted: BTreeMap::new(),
            closing: None,
            hinted_ms: None,
        })
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: wod_zone::EnterReason) -> Result {
        ctx.player_mut(player)?.visits = 3;
        Ok(())
    }
}

#[test]
fn a_house_of_before_there_was_a_court_has_one_after_the_swap_and_forgets_nobody() {
    let before = World::of::<Before>().map("../maps/elysium.tmx").dialogue("dialogue");
    let mut world = before.world("../world.toml", "nyc.elysium").start();
    world.player("Ann").walks_to(BEFORE_THRONE.0, BEFORE_THRONE.1);
    world.swap::<Elysium>();
    let ann = world.player("Ann").waits(0.5);
    assert!(ann.sees("Prince Ambrose"));
    let ann = ann.emotes("bows");
    assert!(ann.has_heard("inclines his head to Ann"));
    world.player("Ann").leaves();
    // Known from before: she has been here, and has asked nothing.
    let ann = world.player("Ann").walks_to(BEFORE_HOST.0, BEFORE_HOST.1).waits(1.0);
    assert_eq!(ann.last_line_of("Marguerite"), "Ann, again. You never ask me anything.");
}

#[test]
fn an_evening_reads_like_this() {
    let mut world = house();
    world
        .player("Ann")
        .walks_to(BEFORE_HOST.0, BEFORE_HOST.1)
        .does("talk", "Marguerite")
        .chooses("salon")
        .chooses("looking");
    world
        .player("Ann")
        .chooses("Thank you.")
        .turns_away()
        .walks_to(BEFORE_DOOR.0, BEFORE_DOOR.1)
        .says("ember")
        .walks_to(24.0, 30.0);
    world.run(16.0);
    insta::assert_snapshot!(world.transcript());
}
