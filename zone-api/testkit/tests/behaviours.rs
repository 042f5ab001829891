//! Behaviours one by one, composed by a zone itself, in the real simulation.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_testkit::World;
use wod_zone::behaviour::{Behaved, Chase, GoHome, Patrol, Search, Wander};
use wod_zone::{Ctx, Interaction, Npc, Result, Sensed, Spawn, Zone};

/// A dog that chases whoever comes near, searches when it has lost her, goes home and wanders about.
#[derive(Serialize, Deserialize)]
struct Yard {
    dog: Npc,
    did: Vec<String>,
}

impl Zone for Yard {
    const NAME: &'static str = "yard";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let home = ctx.place("kennel")?.at;
        let dog = ctx.spawn_npc(Spawn::new("Dog", home))?;
        ctx.set_sensor(dog, 12.0)?;
        ctx.behave(dog, Wander::about(home, 4.0).pausing(Duration::from_secs(2)))?;
        Ok(Self { dog, did: Vec::new() })
    }

    fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
        if sensed.inside && ctx.as_player(sensed.subject).is_some() && ctx.sees(self.dog, sensed.subject) {
            ctx.behave(self.dog, Chase::after(sensed.subject).pace(4.0).reach(1.0).sight(20.0))?;
        }
        Ok(())
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        let home = ctx.place("kennel")?.at;
        self.did.push(format!("{what:?}").split('(').next().unwrap_or_default().to_owned());
        match what {
            Behaved::Lost(_, at) => ctx.behave(npc, Search::about(at).spots(1).radius(3.0)),
            Behaved::GaveUp | Behaved::Caught(_) => ctx.behave(npc, GoHome::to(home)),
            Behaved::Home => ctx.behave(npc, Wander::about(home, 4.0).pausing(Duration::from_secs(2))),
            _ => Ok(()),
        }
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.did.join(" "))
    }
}

fn yard() -> World {
    World::of::<Yard>().place("kennel", 50.0, 50.0, 0.0).spawn(80.0, 50.0).wall(&[[70.0, 40.0], [70.0, 90.0]]).start()
}

#[test]
fn a_zone_composes_its_own_hunt_out_of_the_parts() {
    let mut world = yard();
    world.player("Ann").walks_to(57.0, 42.0);
    world.player("Ann").walks_to(66.0, 36.0).walks_to(72.0, 39.0).walks_to(72.0, 80.0);
    world.run(40.0);
    assert_eq!(world.ask("did").as_deref(), Ok("Lost GaveUp Home"));
}

#[test]
fn whoever_waits_is_caught() {
    let mut world = yard();
    world.player("Ann").walks_to(55.0, 45.0);
    world.run(3.0);
    assert!(world.ask("did").is_ok_and(|did| did.starts_with("Caught")));
}

#[test]
fn a_wanderer_stays_about_its_spot_and_rests_when_nobody_looks() {
    let mut world = yard();
    world.player("Ann").walks_to(75.0, 60.0);
    let mut places = Vec::new();
    for _ in 0..30 {
        world.run(1.0);
        places.push(world.npc("Dog").at);
    }
    assert!(places.iter().any(|at| at.distance(places[0]) > 0.5), "it strolls");
    assert!(places.iter().all(|at| at.distance(wod_zone::Point::new(50.0, 50.0)) < 5.0), "not far");
    world.player("Ann").leaves();
    world.run(2.0);
    assert_eq!(world.module_calls_during(30.0), 0);
}

/// A beat with a stop that can't be reached.
#[derive(Serialize, Deserialize)]
struct Beat {
    reached: Vec<usize>,
    stuck: u32,
}

impl Zone for Beat {
    const NAME: &'static str = "beat";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let start = ctx.place("stop")?.at;
        let guard = ctx.spawn_npc(Spawn::new("Guard", start))?;
        ctx.behave(guard, Patrol::along("stop").pausing(Duration::from_secs(1)).pace(3.0))?;
        Ok(Self { reached: Vec::new(), stuck: 0 })
    }

    fn behaved(&mut self, _ctx: &mut Ctx<Self>, _npc: Npc, what: Behaved) -> Result {
        match what {
            Behaved::Reached(stop) => self.reached.push(stop),
            _ => self.stuck += 1,
        }
        Ok(())
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(format!("{:?} stuck {}", self.reached, self.stuck > 0))
    }
}

#[test]
fn a_patrol_skips_a_stop_that_it_can_not_reach() {
    let cell = [[59.0, 59.0], [61.0, 59.0], [61.0, 61.0], [59.0, 61.0], [59.0, 59.0]];
    let mut world = World::of::<Beat>()
        .place("stop", 50.0, 50.0, 0.0)
        .place("stop", 60.0, 60.0, 0.0)
        .place("stop", 70.0, 50.0, 0.0)
        .wall(&cell)
        .spawn(55.0, 45.0)
        .start();
    world.player("Ann").waits(30.0);
    let told = world.ask("how").expect("an answer");
    assert!(told.starts_with("[0, 2, 0") && told.ends_with("stuck true"), "{told}");
}

/// A bailiff who stands beside whoever comes in, and is told to chase her there and then.
#[derive(Serialize, Deserialize)]
struct Court {
    bailiff: Npc,
    did: Vec<String>,
}

impl Zone for Court {
    const NAME: &'static str = "court";
    const VERBS: &'static [&'static str] = &["mock", "puzzle"];
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let spawn = Spawn::new("Bailiff", wod_zone::Point::new(50.0, 50.0));
        let bailiff = ctx.spawn_npc(spawn.verb("mock", "Mock", 5.0).verb("puzzle", "Puzzle", 5.0))?;
        Ok(Self { bailiff, did: Vec::new() })
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        match interaction.verb.as_str() {
            "mock" => ctx.behave(self.bailiff, Chase::after(interaction.player()).reach(3.0)),
            _ => ctx.behave(self.bailiff, Patrol::along("nowhere")),
        }
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        match what {
            // What can't be done is not done by trying it again at once.
            Behaved::Stuck => ctx.behave(npc, Patrol::along("nowhere")),
            _ => {
                self.did.push(format!("{what:?}").split('(').next().unwrap_or_default().to_owned());
                Ok(())
            }
        }
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.did.join(" "))
    }
}

#[test]
fn what_a_behaviour_reports_the_moment_it_is_given_is_told() {
    let mut world = World::of::<Court>().spawn(52.0, 50.0).start();
    world.player("Ann").waits(0.5).does("mock", "Bailiff");
    assert_eq!(world.ask("did").as_deref(), Ok("Caught"));
}

#[test]
fn a_zone_and_a_behaviour_that_answer_each_other_without_end_are_stopped() {
    let mut world = World::of::<Court>().spawn(52.0, 50.0).start();
    world.player("Ann").waits(0.5).does("puzzle", "Bailiff").waits(1.0);
    let complaints = world.logs().iter().filter(|(_, line)| line.contains("without end")).count();
    assert_eq!(complaints, 1);
    assert_eq!(world.module_calls_during(5.0), 0);
}
