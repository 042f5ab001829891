//! What a thousand NPCs cost a zone: nothing while nobody sees them, and little for those who are seen.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_testkit::{Work, World};
use wod_zone::behaviour::{
    Behaviour, Clock, Hunt, Need, Needs, Patrol, Schedule, Senses, Stand, Wander, Wary, Watchful,
};
use wod_zone::{Ctx, Point, Result, Spawn, Tag, Zone};

/// NPCs beside the entrance.
const NEAR: usize = 20;
/// All of them.
const ALL: usize = 1000;

/// A zone full of people, of every behaviour. Twenty of them stand about the entrance, nobody else within 90 m.
#[derive(Serialize, Deserialize)]
struct Crowd;

impl Zone for Crowd {
    const NAME: &'static str = "crowd";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        for (number, at) in spots().enumerate() {
            let npc = ctx.spawn_npc(Spawn::new(&format!("Somebody {number}"), at).tag(Tag::server("folk", true)))?;
            ctx.behave(npc, behaviour(number, at))?;
        }
        Ok(Self)
    }
}

fn spots() -> impl Iterator<Item = Point> {
    let grid = |side: usize, step: f32| {
        (0..side * side)
            .map(move |index| Point::new((index % side) as f32 * step + 4.0, (index / side) as f32 * step + 4.0))
    };
    let entrance = Point::new(14.0, 10.0);
    let far = grid(45, 4.2).filter(move |at| at.distance(entrance) > 90.0).take(ALL - NEAR);
    grid(5, 4.0).take(NEAR).chain(far)
}

/// An hour takes 10 s.
fn behaviour(number: usize, at: Point) -> Behaviour {
    let clock = Clock::day_of(Duration::from_secs(240)).starting_at(10.0);
    let stroll = Wander::about(at, 2.0).pausing(Duration::from_secs(4));
    match number % 8 {
        0 => stroll.into(),
        1 => Hunt::from(at).sight(8.0).hearing(20.0).between_hunts(stroll).into(),
        2 => Watchful::with(Senses::of_players().sight(8.0)).during(stroll).into(),
        3 => Wary::with(Senses::of("predator").sight(8.0)).during(stroll).into(),
        4 => Needs::of(Need::of("rest", Stand::at(at))).and(Need::of("air", stroll).at(0.3)).into(),
        5 => Schedule::by(clock).between(6.0, 18.0, stroll).otherwise(Stand::at(at)).into(),
        6 => Wary::with(Senses::of("predator").sight(8.0))
            .during(Schedule::by(clock).between(8.0, 20.0, stroll).otherwise(Stand::at(at)))
            .into(),
        _ => Patrol::along("beat").into(),
    }
}

fn crowd(spawn: (f64, f64)) -> World {
    World::of::<Crowd>()
        .place("beat", 100.0, 190.0, 0.0)
        .place("beat", 190.0, 100.0, 0.0)
        .spawn(spawn.0, spawn.1)
        .start()
}

fn work_during(world: &mut World, seconds: f64) -> Work {
    let before = world.module_work();
    world.run(seconds);
    world.module_work() - before
}

#[test]
fn a_thousand_whom_nobody_sees_cause_no_call() {
    let mut world = crowd((5.0, 5.0));
    world.run(1.0);
    // 6,000 ticks; a day and a quarter goes by.
    assert_eq!(work_during(&mut world, 300.0), Work::default());
}

#[test]
fn when_everybody_has_gone_they_sleep_again() {
    let mut world = crowd((5.0, 5.0));
    world.player("Ann").waits(20.0).leaves();
    world.run(1.0);
    assert_eq!(work_during(&mut world, 300.0), Work::default());
}

#[test]
fn those_who_are_seen_cost_what_they_do_and_the_others_nothing() {
    let mut world = crowd((24.0, 10.0));
    world.player("Ann").waits(5.0);
    let seen = (0..ALL).filter(|number| world.player("Ann").sees(&format!("Somebody {number}"))).count();
    assert_eq!(seen, NEAR, "the others are out of sight");
    // 2,000 ticks. At 18 and 20 h the schedules of all turn, in two calls.
    let work = work_during(&mut world, 100.0);
    let ticks = 2000;
    insta::assert_snapshot!(format!(
        "1,000 NPCs, {seen} seen, {ticks} ticks: {} calls, {} events, {} acts",
        work.calls, work.events, work.acts
    ));
    assert!(work.calls < ticks, "no call in a tick without an event");
    assert!(work.acts < ticks * NEAR as u64 / 10, "each of those seen acts every few seconds, not in every tick");
}
