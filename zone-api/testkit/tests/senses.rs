//! Seeing, hearing, fleeing, following, and telling each other, in the real simulation.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_testkit::World;
use wod_zone::behaviour::{Behaved, Flee, Follow, Group, Hunt, Patrol, Senses, Stand, Trace, Wander, Wary, Watchful};
use wod_zone::{Ctx, Error, Interaction, Npc, Point, Result, Sensed, Spawn, Tag, Zone};

/// A guard at a gate, who reports.
#[derive(Serialize, Deserialize)]
struct Gate {
    reports: Vec<String>,
}

impl Zone for Gate {
    const NAME: &'static str = "gate";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let post = ctx.place("gate")?.at;
        let guard = ctx.spawn_npc(Spawn::new("Guard", post))?;
        let senses = Senses::of_players().sight(12.0).hearing(25.0);
        ctx.behave(guard, Watchful::with(senses).during(Stand::at(post)))?;
        Ok(Self { reports: Vec::new() })
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, _guard: Npc, what: Behaved) -> Result {
        self.reports.push(match what {
            Behaved::Noticed(who) => format!("sees {}", ctx.entity(who).ok_or("nobody there")?.name),
            Behaved::Lost(_, at) => format!("lost at {:.0},{:.0}", at.x, at.y),
            Behaved::Heard(_, at) => format!("hears at {:.0},{:.0}", at.x, at.y),
            other => format!("{other:?}"),
        });
        Ok(())
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(std::mem::take(&mut self.reports).join("; "))
    }
}

/// The guard stands at 50,50; a wall runs north and south, 5 m east of him.
fn gate() -> World {
    World::of::<Gate>().place("gate", 50.0, 50.0, 0.0).wall(&[[55.0, 44.0], [55.0, 90.0]]).spawn(95.0, 50.0).start()
}

#[test]
fn a_wall_hides_from_sight_but_not_from_hearing() {
    let mut world = gate();
    world.player("Ann").walks_to(58.0, 50.0).waits(3.0);
    assert_eq!(world.ask("?").as_deref(), Ok(""), "the wall stands between");
    world.player("Ann").says("Anybody there?");
    assert_eq!(world.ask("?").as_deref(), Ok("hears at 58,50"));
    world.player("Ann").walks_to(58.0, 40.0).walks_to(52.0, 42.0).waits(1.0);
    assert_eq!(world.ask("?").as_deref(), Ok("sees Ann"));
    world.player("Ann").walks_to(58.0, 40.0).walks_to(58.0, 50.0).waits(4.0);
    let lost = world.ask("?").expect("an answer");
    assert!(lost.starts_with("lost at 5"), "{lost}");
}

#[test]
fn what_is_too_far_away_is_neither_seen_nor_heard() {
    let mut world = gate();
    world.player("Ann").walks_to(50.0, 30.0).waits(2.0).emotes("waves.");
    assert_eq!(world.ask("?").as_deref(), Ok(""), "a gesture makes no sound");
    world.player("Ann").shouts("Hey!");
    assert_eq!(world.ask("?").as_deref(), Ok("hears at 50,30"));
    world.player("Ann").walks_to(50.0, 20.0).shouts("Hey!");
    assert_eq!(world.ask("?").as_deref(), Ok(""));
}

#[test]
fn senses_go_on_after_a_killed_host() {
    let mut world = gate();
    world.player("Ann").walks_to(52.0, 42.0).waits(1.0);
    assert_eq!(world.ask("?").as_deref(), Ok("sees Ann"));
    world.crash();
    world.player("Ann").walks_to(52.0, 34.0).waits(4.0);
    let lost = world.ask("?").expect("an answer");
    assert!(lost.starts_with("lost at 52,"), "{lost}");
}

/// A market with a wolf that walks past it. Whoever sees it calls, and those who hear it run too.
#[derive(Serialize, Deserialize)]
struct Market {
    folk: Group<Danger>,
    wolf: Npc,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Danger {
    Wolf,
}

impl Zone for Market {
    const NAME: &'static str = "market";
    const VERBS: &'static [&'static str] = &["ask"];
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let lair = ctx.place("trail")?.at;
        let wolf = ctx.spawn_npc(Spawn::new("Wolf", lair).tag(Tag::server("predator", true)))?;
        ctx.behave(wolf, Patrol::along("trail").pace(3.0).pausing(Duration::from_secs(20)))?;
        let mut folk = Group::new().earshot(20.0).fading_over(Duration::from_secs(30));
        for (index, stall) in ctx.places("stall").into_iter().enumerate() {
            let name = ["Mia", "Leo", "Old Sam"][index];
            let npc = ctx.spawn_npc(Spawn::new(name, stall.at).verb("ask", "Ask", 5.0))?;
            let wary = Wary::with(Senses::of("predator").sight(12.0)).hiding_at("doorway").pace(5.0);
            ctx.behave(npc, wary.during(Stand::at(stall.at)))?;
            folk.join(npc)?;
        }
        Ok(Self { folk, wolf })
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        match what {
            Behaved::Noticed(threat) => {
                let at = ctx.at(threat).unwrap_or_default();
                if !self.folk.learn(npc, ctx.game_ms(), Trace::of(threat, Danger::Wolf).at(at)) {
                    return Ok(());
                }
                ctx.shout(npc, "A wolf!")?;
                for other in self.folk.call(ctx, npc) {
                    ctx.alert(other, threat, at);
                }
                Ok(())
            }
            Behaved::Safe => ctx.emote(npc, "breathes again."),
            Behaved::Home if npc != self.wolf => ctx.emote(npc, "is back at the stall."),
            _ => Ok(()),
        }
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let npc = Npc(interaction.target.0);
        let memory = self.folk.knows(npc).ok_or_else(|| Error::to_player("Nobody to ask."))?;
        let fear = memory.strength(ctx.game_ms(), self.wolf, &Danger::Wolf);
        ctx.say(npc, if fear > 0.0 { "There was a wolf!" } else { "A wolf? Here?" })
    }
}

/// Two stalls from which the trail can be seen, and Old Sam's, which is too far from it and behind a wall.
fn market() -> World {
    World::of::<Market>()
        .place("trail", 10.0, 40.0, 0.0)
        .place("trail", 90.0, 40.0, 0.0)
        .place("stall", 50.0, 50.0, 0.0)
        .place("stall", 54.0, 50.0, 0.0)
        .place("stall", 60.0, 55.0, 0.0)
        .place("doorway", 50.0, 80.0, 0.0)
        .place("doorway", 20.0, 55.0, 0.0)
        .wall(&[[58.0, 45.0], [58.0, 62.0]])
        .spawn(52.0, 66.0)
        .start()
}

#[test]
fn who_sees_a_wolf_calls_and_all_who_hear_it_run_until_it_has_passed() {
    let mut world = market();
    world.player("Ann").waits(0.5);
    world
        .run_until("everybody is back", 120.0, |world| world.transcript().matches("is back at the stall").count() == 3);
    insta::assert_snapshot!(world.transcript());
}

#[test]
fn what_they_saw_they_forget() {
    let mut world = market();
    world.player("Ann").waits(0.5);
    world.run_until("the alarm", 60.0, |world| world.transcript().contains("A wolf!"));
    world.run(20.0);
    assert_eq!(world.player("Ann").approaches("Leo", 3.0).does("ask", "Leo").last_line_of("Leo"), "There was a wolf!");
    assert_eq!(world.transcript().matches("A wolf!").count(), 1, "one cry is enough");
    world.crash();
    // It rests for a while, and comes back when nobody thinks of it any more.
    world.run_until("the second alarm", 60.0, |world| world.transcript().matches("A wolf!").count() == 2);
}

/// A cat that runs from whoever comes near, and a dog that goes with whoever calls it.
#[derive(Serialize, Deserialize)]
struct Yard {
    cat: Npc,
    dog: Npc,
    did: Vec<String>,
}

impl Zone for Yard {
    const NAME: &'static str = "yard";
    const VERBS: &'static [&'static str] = &["whistle"];
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let basket = ctx.place("basket")?.at;
        let cat = ctx.spawn_npc(Spawn::new("Cat", basket))?;
        ctx.set_sensor(cat, 8.0)?;
        let dog = ctx.spawn_npc(Spawn::new("Dog", Point::new(80.0, 50.0)).verb("whistle", "Whistle", 30.0))?;
        Ok(Self { cat, dog, did: Vec::new() })
    }

    fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
        // It has no behaviour until then, and somebody has been looking at it for long.
        match sensed.inside {
            true => ctx.behave(self.cat, Flee::from(sensed.subject).pace(7.0).until(20.0)),
            false => Ok(()),
        }
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        ctx.behave(self.dog, Follow::of(interaction.player()).distance(2.0).pace(7.0))
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        self.did.push(format!("{what:?}").split('(').next().unwrap_or_default().to_owned());
        match what {
            Behaved::Safe | Behaved::Lost(..) => ctx.behave(npc, Stand::here()),
            _ => Ok(()),
        }
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.did.join(" "))
    }
}

fn yard() -> World {
    yard_of(50.0, 50.0)
}

/// With the cat's basket there, and a wall west of the middle.
fn yard_of(x: f64, y: f64) -> World {
    World::of::<Yard>().place("basket", x, y, 0.0).wall(&[[30.0, 30.0], [30.0, 70.0]]).spawn(62.0, 50.0).start()
}

#[test]
fn a_cat_runs_where_there_is_room_until_it_is_far_away() {
    let mut world = yard();
    world.player("Ann").waits(1.0).walks_to(57.0, 50.0);
    world.run_until("it has got away", 10.0, |world| world.npc("Cat").at.distance(Point::new(57.0, 50.0)) >= 20.0);
    world.run(1.0);
    assert_eq!(world.ask("did").as_deref(), Ok("Safe"));
    let cat = world.npc("Cat").at;
    world.run(2.0);
    assert_eq!(world.npc("Cat").at, cat, "and stays there");
    assert!((0.0..=200.0).contains(&cat.x) && (0.0..=200.0).contains(&cat.y));
}

#[test]
fn in_the_corner_of_the_map_it_runs_past_whom_it_fears() {
    let mut world = yard_of(4.0, 4.0);
    world.player("Ann").walks_to(20.0, 20.0).waits(1.0).walks_to(8.0, 8.0).waits(3.0);
    assert!(world.npc("Cat").at.distance(Point::new(0.0, 0.0)) < 4.0, "with its back to the corner it stays");
    world.player("Ann").walks_to(4.0, 4.0);
    world.run_until("it has got away", 15.0, |world| world.npc("Cat").at.distance(Point::new(4.0, 4.0)) >= 20.0);
    assert!(!world.logs().iter().any(|(_, line)| line.contains("could not")), "{:?}", world.logs());
}

#[test]
fn a_dog_keeps_up_with_whom_it_follows_until_she_is_gone() {
    let mut world = yard();
    world.player("Ann").waits(0.5).does("whistle", "Dog").walks_to(90.0, 60.0).walks_to(90.0, 90.0).waits(2.0);
    assert!(world.npc("Dog").at.distance(Point::new(90.0, 90.0)) < 3.0, "{:?}", world.npc("Dog").at);
    world.crash();
    world.player("Bob").walks_to(70.0, 90.0);
    world.player("Ann").walks_to(110.0, 90.0).waits(2.0);
    assert!(world.npc("Dog").at.distance(Point::new(110.0, 90.0)) < 3.0);
    world.player("Ann").leaves();
    world.run(1.0);
    assert_eq!(world.ask("did").as_deref(), Ok("Lost"));
    let dog = world.npc("Dog").at;
    world.player("Bob").waits(3.0);
    assert_eq!(world.npc("Dog").at, dog, "it stands where she went");
}

/// Two hounds of one pack, far apart.
#[derive(Serialize, Deserialize)]
struct Kennel {
    pack: Group<Danger>,
    log: Vec<String>,
}

impl Zone for Kennel {
    const NAME: &'static str = "kennel";
    type Timer = ();
    type Player = ();

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let mut pack = Group::new().earshot(60.0);
        for (name, x) in [("Argos", 40.0), ("Bran", 80.0)] {
            let home = Point::new(x, 50.0);
            let hound = ctx.spawn_npc(Spawn::new(name, home))?;
            ctx.behave(hound, Hunt::from(home).sight(10.0).hearing(30.0).between_hunts(Wander::about(home, 1.0)))?;
            pack.join(hound)?;
        }
        Ok(Self { pack, log: Vec::new() })
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        let name = ctx.entity(npc).map(|view| view.name).unwrap_or_default();
        let report = format!("{what:?}");
        self.log.push(format!("{name} {}", report.split('(').next().unwrap_or_default()));
        if let Behaved::Noticed(prey) = what {
            let at = ctx.at(prey).unwrap_or_default();
            self.pack.learn(npc, ctx.game_ms(), Trace::of(prey, Danger::Wolf).at(at));
            for other in self.pack.call(ctx, npc) {
                ctx.alert(other, prey, at);
            }
        }
        Ok(())
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.log.join(", "))
    }
}

#[test]
fn a_hound_goes_to_see_who_spoke_and_the_pack_comes_when_it_calls() {
    // Ann stands behind a wall, out of everybody's sight.
    let mut world = World::of::<Kennel>().wall(&[[30.0, 60.0], [60.0, 60.0]]).spawn(40.0, 66.0).start();
    world.player("Ann").waits(1.0).says("Who let the dogs out?");
    assert_eq!(world.ask("log").as_deref(), Ok(""), "a quiet word carries 10 m");
    world.player("Ann").shouts("Hello?");
    world.run(1.0);
    let log = world.ask("log").expect("an answer");
    assert!(log.contains("Argos Heard"), "{log}");
    world.run_until("she is caught", 60.0, |world| world.npc("Argos").at.distance(Point::new(40.0, 66.0)) < 2.0);
    world.run(4.0);
    let log = world.ask("log").expect("an answer");
    assert!(log.contains("Argos Noticed, ") && log.contains("Argos Caught"), "{log}");
    assert!(world.npc("Bran").at.distance(Point::new(80.0, 50.0)) > 3.0, "Bran comes: {log}");
}
