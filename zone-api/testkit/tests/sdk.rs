//! The SDK's promises, kept in the real simulation: memory of players, timers with data, new versions, faults.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_testkit::World;
use wod_zone::{
    Command, Ctx, EnterReason, Error, Interaction, LeaveReason, Message, Npc, OrderId, Player, Result, Spawn,
    StartReason, Zone, decode,
};

/// A bell in a field. Rung, it sounds after a while; it counts who rang it how often.
#[derive(Serialize, Deserialize)]
struct Bell {
    bell: Npc,
    rung: u32,
    left: Vec<String>,
}

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Ringer {
    times: u32,
}

#[derive(Serialize, Deserialize)]
enum Due {
    Sound { by: Player, strokes: u32 },
    Echo,
}

impl Zone for Bell {
    const NAME: &'static str = "bell";
    const VERBS: &'static [&'static str] = &["ring", "break", "refuse", "fail", "send", "count"];
    type Timer = Due;
    type Player = Ringer;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let mut spawn = Spawn::new("Bell", ctx.place("bell")?.at);
        for verb in Self::VERBS {
            spawn = spawn.verb(verb, verb, 10.0);
        }
        Ok(Self { bell: ctx.spawn_npc(spawn)?, rung: 0, left: Vec::new() })
    }

    fn left(&mut self, ctx: &mut Ctx<Self>, player: Player, _why: LeaveReason) -> Result {
        self.left.push(format!("{} ({})", ctx.name(player), ctx.player(player)?.times));
        Ok(())
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let by = interaction.player();
        match interaction.verb.as_str() {
            "ring" => {
                self.rung += 1;
                ctx.player_mut(by)?.times += 1;
                ctx.after(Duration::from_secs(3), Due::Sound { by, strokes: self.rung })?;
                Ok(())
            }
            "count" => ctx.tell(by, "times", &ctx.player(by)?.times.clone()),
            "send" => ctx.send("far.zone", "rung", vec![7]).map(|_: OrderId| ()),
            "refuse" => Err(Error::to_player("Not tonight.")),
            "fail" => Err("the rope is torn".into()),
            _ => panic!("the bell breaks"),
        }
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Due) -> Result {
        match timer {
            Due::Sound { by, strokes } => {
                ctx.after(Duration::from_secs(1), Due::Echo)?;
                let name = ctx.name(by).to_owned();
                ctx.say(self.bell, format!("{strokes} for {name}"))
            }
            Due::Echo => ctx.say(self.bell, "(and again)"),
        }
    }

    fn message(&mut self, ctx: &mut Ctx<Self>, message: &Message) -> Result {
        ctx.shout(self.bell, format!("{} of {}: {:?}", message.topic, message.sender, message.body))
    }

    fn receipt(&mut self, ctx: &mut Ctx<Self>, _order: OrderId, delivered: bool) -> Result {
        ctx.say(self.bell, format!("delivered: {delivered}"))
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(format!("rung {} times; left: {}", self.rung, self.left.join(", ")))
    }
}

fn field() -> World {
    World::of::<Bell>().place("bell", 50.0, 50.0, 0.0).spawn(52.0, 50.0).start()
}

#[test]
fn a_timer_brings_its_data_back_also_after_a_killed_host() {
    let mut world = field();
    world.player("Ann").does("ring", "Bell").does("ring", "Bell");
    world.crash();
    world.run(6.0);
    let ann = world.player("Ann");
    let heard: Vec<&str> = ann.lines().iter().map(|line| line.text.as_str()).collect();
    assert_eq!(heard, ["1 for Ann", "2 for Ann", "(and again)", "(and again)"]);
}

#[test]
fn what_is_remembered_of_a_player_returns_with_her() {
    let mut world = field();
    world.player("Ann").does("ring", "Bell").does("ring", "Bell").leaves();
    assert_eq!(world.ask("?").as_deref(), Ok("rung 2 times; left: Ann (2)"));
    let ann = world.player("Ann").does("count", "Bell");
    assert_eq!(ann.events().last(), Some(&("times".to_owned(), 2.into())));
}

#[test]
fn somebody_who_comes_back_over_a_new_connection_keeps_what_is_remembered() {
    let mut world = field();
    let ann = world.player("Ann").does("ring", "Bell").loses_connection().comes_back().does("count", "Bell");
    assert_eq!(ann.events().last(), Some(&("times".to_owned(), 1.into())));
}

#[test]
fn an_error_for_the_player_is_a_refusal_and_no_fault() {
    let mut world = field();
    let ann = world.player("Ann").does("refuse", "Bell");
    assert_eq!(ann.refusals(), [("refused".to_owned(), "Not tonight.".to_owned())]);
}

#[test]
#[should_panic(expected = "the rope is torn")]
fn an_error_of_the_zone_fails_a_test() {
    field().player("Ann").does("fail", "Bell");
}

#[test]
#[should_panic(expected = "the bell breaks")]
fn a_panic_of_the_zone_fails_a_test() {
    field().player("Ann").does("break", "Bell");
}

#[test]
fn after_a_panic_a_tolerant_world_goes_on_without_that_event() {
    let mut world = World::of::<Bell>().place("bell", 50.0, 50.0, 0.0).spawn(52.0, 50.0).tolerating_faults().start();
    world.player("Ann").does("ring", "Bell").does("break", "Bell").does("ring", "Bell");
    world.run(1.0);
    assert_eq!(world.ask("?").as_deref(), Ok("rung 2 times; left: "));
    assert!(world.transcript().contains("the bell breaks"));
}

#[test]
fn modules_write_to_each_other() {
    let mut world =
        World::of::<Bell>().place("bell", 50.0, 50.0, 0.0).portal("gate", 90.0, 90.0).spawn(52.0, 50.0).start();
    let ann = world.player("Ann").does("send", "Bell").waits(1.0);
    assert!(ann.has_heard("delivered: true"));
    assert_eq!(world.letters()[0].body, [7]);
    world.letter_from("far.zone", "news", &[1, 2]);
    assert!(world.player("Ann").waits(0.5).has_heard("news of far.zone: [1, 2]"));
}

/// The next version: counts strokes in another field, and calls players something else.
#[derive(Serialize, Deserialize)]
struct BellTwo {
    bell: Npc,
    strokes: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct RingerTwo {
    strength: u32,
}

#[derive(Serialize, Deserialize)]
struct Ring {
    strokes: u32,
}

impl Zone for BellTwo {
    const NAME: &'static str = "bell";
    const VERSION: &'static str = "0.2.0";
    const SCHEMA: u32 = 2;
    const VERBS: &'static [&'static str] = &["count"];
    type Timer = Ring;
    type Player = RingerTwo;

    fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
        Err("only ever replaces its elder".into())
    }

    fn migrate(schema: u32, bytes: &[u8]) -> Result<Self> {
        assert_eq!(schema, 1);
        let old: Bell = decode(bytes)?;
        Ok(Self { bell: old.bell, strokes: old.rung.into() })
    }

    fn migrate_timer(_schema: u32, bytes: &[u8]) -> Result<Option<Ring>> {
        Ok(match decode(bytes)? {
            Due::Sound { strokes, .. } => Some(Ring { strokes }),
            Due::Echo => None,
        })
    }

    fn migrate_player(_schema: u32, bytes: &[u8]) -> Result<RingerTwo> {
        let old: Ringer = decode(bytes)?;
        Ok(RingerTwo { strength: old.times * 10 })
    }

    fn started(&mut self, ctx: &mut Ctx<Self>, why: StartReason, players: &[Player]) -> Result {
        ctx.say(self.bell, format!("{why:?} before {} after {}", players.len(), self.strokes))
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let Command { player, .. } = interaction.command;
        let strength = ctx.player(player)?.strength;
        ctx.tell(player, "strength", &strength)
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Ring) -> Result {
        ctx.say(self.bell, format!("a better bell: {}", timer.strokes))
    }
}

#[test]
fn another_version_takes_over_state_timers_and_players() {
    let mut world = field();
    world.player("Ann").does("ring", "Bell");
    world.swap::<BellTwo>();
    let ann = world.player("Ann").does("count", "Bell").waits(5.0);
    assert!(ann.has_heard("Swapped before 1 after 1"));
    assert!(ann.has_heard("a better bell: 1"));
    assert_eq!(ann.events().last(), Some(&("strength".to_owned(), 10.into())));
}

#[test]
fn a_version_that_refuses_the_state_leaves_the_running_one_alone() {
    /// Has another schema and no way to it.
    #[derive(Serialize, Deserialize)]
    struct Stranger;
    impl Zone for Stranger {
        const NAME: &'static str = "bell";
        const SCHEMA: u32 = 9;
        type Timer = ();
        type Player = ();
        fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
            Ok(Self)
        }
        fn entered(&mut self, _ctx: &mut Ctx<Self>, _player: Player, _how: EnterReason) -> Result {
            Err("never runs".into())
        }
    }
    let mut world = World::of::<Bell>().place("bell", 50.0, 50.0, 0.0).spawn(52.0, 50.0).tolerating_faults().start();
    world.player("Ann").does("ring", "Bell");
    world.swap::<Stranger>();
    assert!(world.transcript().contains("the saved state has schema 1, this version reads 9"));
    assert!(world.player("Ann").waits(4.0).has_heard("1 for Ann"));
}
