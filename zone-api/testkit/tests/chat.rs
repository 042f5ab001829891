//! What zones and players make of what is said: a zone that judges lines, players who ignore each other.

use serde::{Deserialize, Serialize};
use wod_testkit::World;
use wod_zone::{ChatMode, Ctx, Error, Line, Npc, Result, Spawn, Verdict, Zone};

/// A chapel with a sexton. Whoever has said `hic` is drunk from then on.
#[derive(Serialize, Deserialize)]
struct Chapel {
    sexton: Npc,
    judged: u32,
}

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Guest {
    drunk: bool,
}

impl Zone for Chapel {
    const NAME: &'static str = "chapel";
    const CHAT_FILTER: bool = true;
    type Timer = ();
    type Player = Guest;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let at = ctx.place("altar")?.at;
        Ok(Self { sexton: ctx.spawn_npc(Spawn::new("Sexton", at))?, judged: 0 })
    }

    fn judge(&mut self, ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
        self.judged += 1;
        match (line.mode, line.text.as_str()) {
            (ChatMode::Shout, _) => {
                ctx.say(self.sexton, "Hush!")?;
                Ok(Verdict::Veto("Nobody shouts in a chapel.".into()))
            }
            (_, "damn") => Err(Error::to_player("Not before the altar.")),
            (_, "amen?") => Err("the sexton has lost his book".into()),
            (_, "boo") => panic!("the sexton faints"),
            (_, "hic") => {
                ctx.player_mut(line.speaker)?.drunk = true;
                Ok(Verdict::Pass)
            }
            (ChatMode::Say, text) if ctx.player(line.speaker)?.drunk => Ok(Verdict::Change(text.replace('s', "sh"))),
            _ => Ok(Verdict::Pass),
        }
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.judged.to_string())
    }
}

wod_zone::export!(Chapel, chat_filter);

fn chapel() -> wod_testkit::WorldBuilder {
    World::of::<Chapel>().place("altar", 50.0, 50.0, 0.0).spawn(52.0, 50.0)
}

#[test]
fn a_zone_hushes_and_slurs_what_is_said_in_it() {
    let mut world = chapel().start();
    world.player("Bob");
    let ann = world.player("Ann").shouts("Is anybody there?").says("damn").says("hic").says("so sorry");
    let refused = |text: &str| ("refused".to_owned(), text.to_owned());
    assert_eq!(ann.refusals(), [refused("Nobody shouts in a chapel."), refused("Not before the altar.")]);
    assert_eq!(ann.last_line_of("Ann"), "sho shorry");
    world.crash();
    world.player("Ann").says("yes");
    let heard: Vec<String> = world.player("Bob").lines().iter().map(|line| line.text.clone()).collect();
    assert_eq!(heard, ["Hush!", "hic", "sho shorry", "yesh"]);
    world.player("Ann").whispers("Bob", "damn");
    assert!(world.player("Bob").has_heard("damn"), "a whisper is private");
    assert_eq!(world.ask("?").as_deref(), Ok("5"));
}

#[test]
fn what_it_fails_on_is_heard_as_it_is() {
    let mut world = chapel().tolerating_faults().start();
    world.player("Bob");
    world.player("Ann").says("amen?").says("boo").waits(1.0).says("good evening");
    let heard: Vec<String> = world.player("Bob").lines().iter().map(|line| line.text.clone()).collect();
    assert_eq!(heard, ["amen?", "boo", "good evening"]);
    assert!(world.logs().iter().any(|(_, text)| text.contains("judge: the sexton has lost his book")));
    assert!(world.transcript().contains("the sexton faints"));
}

#[test]
fn it_is_called_once_a_tick_in_which_somebody_speaks_and_never_else() {
    let mut world = chapel().start();
    world.player("Ann").waits(1.0);
    assert_eq!(world.module_calls_during(5.0), 0);
    let before = world.module_calls();
    world.player("Ann").emotes("lights a candle");
    // The filter, and then the tick in which the sexton hears of it.
    assert_eq!(world.module_calls() - before, 2);
}

#[test]
fn players_hear_nothing_of_whom_they_ignore() {
    let mut world = chapel().start();
    world.player("Bob");
    assert_eq!(world.player("Ann").ignores("Bob").ignored(), ["Bob"]);
    world.player("Bob").says("psst").whispers("Ann", "psst");
    assert!(!world.player("Ann").has_heard("psst"));
    world.restart();
    world.player("Ann").leaves();
    world.player("Bob").says("psst");
    let ann = world.player("Ann").hears_again("Bob");
    assert!(ann.ignored().is_empty());
    world.player("Bob").says("good evening");
    assert!(world.player("Ann").has_heard("good evening"));
}
