//! What the hour demands and what is needed most, in the real simulation. And states with timers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_testkit::World;
use wod_zone::behaviour::{
    Behaved, Behaviour, Clock, Hunt, Machine, Need, Needs, Patrol, Schedule, Senses, Stand, Watchful,
};
use wod_zone::{Ctx, Interaction, Npc, Object, Point, Result, Spawn, Zone};

const HOME: Point = Point::new(10.0, 10.0);
const SHOP: Point = Point::new(150.0, 150.0);

/// An hour takes 10 s. It is 4 h when the zone begins.
fn clock() -> Clock {
    Clock::day_of(Duration::from_secs(240)).starting_at(4.0)
}

/// A baker: at home by night, in the shop from 6 to 18 h.
#[derive(Serialize, Deserialize)]
struct Town {
    baker: Npc,
}

impl Zone for Town {
    const NAME: &'static str = "town";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let baker = ctx.spawn_npc(Spawn::new("Baker", Point::new(100.0, 100.0)))?;
        let day =
            Schedule::by(clock()).between(6.0, 18.0, Stand::at(SHOP).pace(4.0)).otherwise(Stand::at(HOME).pace(4.0));
        ctx.behave(baker, Watchful::with(Senses::of_players()).during(day))?;
        Ok(Self { baker })
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        match what {
            Behaved::Turned(0) => ctx.say(npc, "To work."),
            Behaved::Turned(_) => ctx.say(npc, "Home."),
            _ => Ok(()),
        }
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        let at = ctx.at(self.baker).ok_or("no baker")?;
        Ok(format!("{:.0} h: {:.0},{:.0}", clock().hour(ctx.game_ms()).floor(), at.x, at.y))
    }
}

fn town(spawn: Point) -> World {
    World::of::<Town>().spawn(f64::from(spawn.x), f64::from(spawn.y)).start()
}

#[test]
fn who_has_a_schedule_begins_where_the_hour_demands() {
    let mut world = town(HOME);
    world.run(1.0);
    assert_eq!(world.ask("?").as_deref(), Ok("4 h: 10,10"));
}

#[test]
fn days_pass_without_a_call_while_nobody_is_here() {
    let mut world = town(HOME);
    world.run(1.0);
    assert_eq!(world.module_calls_during(1000.0), 0);
}

#[test]
fn the_first_who_comes_finds_everybody_where_they_belong() {
    let mut world = town(SHOP);
    world.run(75.0);
    world.player("Ann").waits(0.5);
    assert_eq!(world.ask("?").as_deref(), Ok("11 h: 150,150"));
    assert!(world.player("Ann").sees("Baker"));
}

#[test]
fn an_hour_that_nobody_sees_costs_one_call_and_moves_them_all_the_same() {
    // In sight of the shop, and too far away for him to look up.
    let mut world = town(Point::new(125.0, 150.0));
    world.player("Ann").waits(1.0);
    assert!(!world.player("Ann").sees("Baker"));
    world.run_until("it is almost 6 h", 30.0, |world| world.seconds() >= 19.0);
    // The call of the hour, and the one that tells that she sees him now.
    assert_eq!(world.module_calls_during(10.0), 2);
    assert!(world.player("Ann").sees("Baker"));
    assert_eq!(world.npc("Baker").at, SHOP);
}

#[test]
fn where_people_look_on_he_walks() {
    let mut world = town(Point::new(14.0, 10.0));
    world.player("Ann").waits(0.5);
    world.run_until("he is on his way", 30.0, |world| world.seconds() >= 22.0);
    let at = world.npc("Baker").at;
    assert!(at.distance(HOME) > 2.0 && at.distance(HOME) < 12.0, "{at:?}");
    // She goes along, so he is seen all the way.
    world.player("Ann").walks_to(145.0, 145.0);
    world.run_until("he is in the shop", 40.0, |world| world.npc("Baker").at.distance(SHOP) < 1.0);
    world.run_until("it is evening", 140.0, |world| world.player_heard("Home."));
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn the_hours_go_on_after_a_killed_host_and_a_restart() {
    let mut world = town(SHOP);
    world.player("Ann").waits(1.0);
    world.crash();
    world.run_until("it is past 6 h", 30.0, |world| world.seconds() >= 21.0);
    assert_eq!(world.npc("Baker").at, SHOP);
    world.restart();
    world.player("Ann").walks_to(60.0, 150.0);
    world.run_until("it is past 18 h", 130.0, |world| world.seconds() >= 141.0);
    assert_eq!(world.ask("?").as_deref(), Ok("18 h: 10,10"));
}

#[test]
fn with_the_last_player_the_clockwork_stops() {
    let mut world = town(SHOP);
    world.player("Ann").waits(1.0).leaves();
    world.run(1.0);
    assert_eq!(world.module_calls_during(300.0), 0);
}

/// Something that hunts until 6 h.
#[derive(Serialize, Deserialize)]
struct Woods {
    log: Vec<String>,
}

impl Zone for Woods {
    const NAME: &'static str = "woods";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let hunter = ctx.spawn_npc(Spawn::new("Hunter", HOME))?;
        let hunt = Hunt::from(HOME).sight(30.0).pace(5.0);
        ctx.behave(hunter, Schedule::by(clock()).between(20.0, 6.0, hunt).otherwise(Stand::at(HOME).pace(4.0)))?;
        Ok(Self { log: Vec::new() })
    }

    fn behaved(&mut self, _ctx: &mut Ctx<Self>, _npc: Npc, what: Behaved) -> Result {
        self.log.push(format!("{what:?}").split('(').next().unwrap_or_default().to_owned());
        Ok(())
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.log.join(" "))
    }
}

#[test]
fn dawn_ends_a_chase_and_dusk_begins_another() {
    let mut world = World::of::<Woods>().spawn(25.0, 10.0).start();
    // It is a little slower than she is, and after her for as long as it sees her.
    world.player("Ann").waits(0.3).sets_out_for(190.0, 10.0);
    world.run_until("it is almost 6 h", 30.0, |world| world.seconds() >= 19.5);
    assert_eq!(world.ask("?").as_deref(), Ok("Turned Noticed"));
    world.crash();
    world.run_until("it is day", 5.0, |world| world.seconds() >= 21.0);
    assert_eq!(world.ask("?").as_deref(), Ok("Turned Noticed Turned"));
    world.player("Ann").walks_to(16.0, 10.0);
    world.run_until("it is home", 60.0, |world| world.npc("Hunter").at.distance(HOME) < 1.0);
    world.run_until("it is almost 20 h", 120.0, |world| world.seconds() >= 159.0);
    assert_eq!(
        world.ask("?").as_deref(),
        Ok("Turned Noticed Turned Home"),
        "she stands beside it, and nothing happens"
    );
    // She has stood there since before it woke: no sensor tells of her.
    world.run_until("dusk", 5.0, |world| world.seconds() >= 162.5);
    let log = world.ask("?").expect("an answer");
    assert!(log.starts_with("Turned Noticed Turned Home Turned Noticed Caught"), "{log}");
}

/// Guests of a club: company on the floor, thirst at the bar.
#[derive(Serialize, Deserialize)]
struct Club {
    guest: Npc,
}

const BAR: Point = Point::new(40.0, 40.0);
const FLOOR: Point = Point::new(55.0, 40.0);

impl Zone for Club {
    const NAME: &'static str = "club";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let guest = ctx.spawn_npc(Spawn::new("Guest", FLOOR))?;
        let second = Duration::from_secs;
        let company = Need::of("company", Stand::at(FLOOR)).full_in(second(120)).met_in(second(60)).at(0.6);
        let thirst = Need::of("thirst", Stand::at(BAR)).full_in(second(90)).met_in(second(15)).at(0.2);
        ctx.behave(guest, Needs::of(company).and(thirst).margin(0.15))?;
        Ok(Self { guest })
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        let Some(Behaviour::Needs(needs)) = ctx.behaviour(npc) else {
            return Err("the guest has lost its needs".into());
        };
        let now = ctx.game_ms();
        let levels = format!("company {:.2}, thirst {:.2}", needs.level("company", now), needs.level("thirst", now));
        match what {
            Behaved::Turned(_) => {
                let line = format!("wants {} ({levels}).", needs.pressing());
                ctx.emote(npc, line)
            }
            Behaved::Home => ctx.emote(npc, format!("is there ({levels}).")),
            other => Err(format!("unexpected: {other:?}").into()),
        }
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        match ctx.behaviour(self.guest) {
            Some(Behaviour::Needs(needs)) => Ok(needs.pressing().to_owned()),
            _ => Err("no needs".into()),
        }
    }
}

fn club() -> World {
    World::of::<Club>().spawn(48.0, 44.0).start()
}

#[test]
fn a_guest_goes_where_it_is_drawn_to_and_stays_for_a_while() {
    let mut world = club();
    world.player("Ann").waits(150.0);
    let turns = world.transcript().matches("wants").count();
    assert!((3..=8).contains(&turns), "{turns} changes of mind in 150 s");
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn needs_call_the_module_only_when_something_changes() {
    let mut world = club();
    world.player("Ann").waits(1.0);
    let calls = world.module_calls_during(120.0);
    assert!((2..=40).contains(&calls), "{calls} calls in 2,400 ticks");
    world.player("Ann").leaves();
    world.run(1.0);
    assert_eq!(world.module_calls_during(200.0), 0);
}

#[test]
fn unseen_life_goes_on() {
    let mut world = club();
    world.run(20.0);
    world.player("Ann").waits(0.5).leaves();
    world.run(33.0);
    world.player("Ann").waits(0.2);
    let pressing = world.ask("?").expect("an answer");
    let at = if pressing == "thirst" { BAR } else { FLOOR };
    assert!(world.npc("Guest").at.distance(at) < 1.0, "{pressing}: {:?}", world.npc("Guest").at);
}

/// A door that falls shut a while after it was last opened.
#[derive(Serialize, Deserialize)]
struct Hall {
    door: Object,
    leaf: Machine<Leaf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Leaf {
    Shut,
    Open { times: u32 },
}

#[derive(Serialize, Deserialize)]
enum Due {
    FallShut,
    Creak,
}

impl Zone for Hall {
    const NAME: &'static str = "hall";
    const VERBS: &'static [&'static str] = &["push", "shut"];
    type Timer = Due;
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let door = Spawn::new("Door", Point::new(50.0, 50.0)).verb("push", "Push", 5.0).verb("shut", "Shut", 5.0);
        Ok(Self { door: ctx.spawn_object(door)?, leaf: Machine::new(Leaf::Shut) })
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        if interaction.verb == "shut" {
            self.leaf.enter(ctx, Leaf::Shut);
            return ctx.emote(self.door, "is shut.");
        }
        let times = match self.leaf.state() {
            Leaf::Shut => 1,
            Leaf::Open { times } => times + 1,
        };
        self.leaf.enter(ctx, Leaf::Open { times });
        self.leaf.after(ctx, Duration::from_secs(5), Due::FallShut)?;
        self.leaf.every(ctx, Duration::from_secs(2), Due::Creak)
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Due) -> Result {
        let Leaf::Open { times } = *self.leaf.state() else {
            return Err("a timer of a state that was left".into());
        };
        match timer {
            Due::Creak => ctx.emote(self.door, "creaks."),
            Due::FallShut => {
                let open = self.leaf.time_in(ctx).as_secs();
                self.leaf.enter(ctx, Leaf::Shut);
                ctx.emote(self.door, format!("falls shut after {open} s; pushed {times} times."))
            }
        }
    }
}

#[test]
fn a_states_timers_end_with_the_state() {
    let mut world = World::of::<Hall>().spawn(51.0, 51.0).start();
    world.player("Ann").does("push", "Door").waits(3.0).does("push", "Door");
    world.crash();
    world.run(10.0);
    let heard: Vec<String> = world.player("Ann").lines().iter().map(|line| line.text.clone()).collect();
    assert_eq!(heard, ["creaks.", "creaks.", "creaks.", "falls shut after 5 s; pushed 2 times."]);
    world.player("Ann").does("push", "Door").waits(1.0).does("shut", "Door").waits(10.0);
    assert_eq!(world.player("Ann").last_line_of("Door"), "is shut.");
    assert_eq!(world.module_calls_during(20.0), 0);
}

/// A zone that nests what must not be nested.
#[derive(Serialize, Deserialize)]
struct Muddle;

impl Zone for Muddle {
    const NAME: &'static str = "muddle";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let npc = ctx.spawn_npc(Spawn::new("Clerk", HOME))?;
        let inner = Schedule::by(clock()).otherwise(Patrol::along("nowhere"));
        let needs = Needs::of(Need::of("order", inner));
        let refused = ctx.behave(npc, Schedule::by(clock()).between(6.0, 8.0, needs));
        ctx.behave(npc, Stand::here())?;
        match refused {
            Err(_) => Ok(Self),
            Ok(()) => Err("a schedule within a schedule was taken".into()),
        }
    }
}

#[test]
fn a_schedule_within_a_schedule_is_refused() {
    World::of::<Muddle>().start();
}

trait Heard {
    fn player_heard(&self, part: &str) -> bool;
}

impl Heard for World {
    fn player_heard(&self, part: &str) -> bool {
        self.transcript().contains(&format!("says: {part}"))
    }
}
