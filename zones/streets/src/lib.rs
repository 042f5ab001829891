//! The streets between the houses: watchmen on their rounds, townsfolk at the market, and something in the eastern courts that hunts
//! by night.
//!
//! The SDK's behaviours move them all. This file says who watches and who hunts, and what it means to be noticed, lost or caught;
//! `folk.rs` is about those who run.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use wod_zone::behaviour::{Behaved, Behaviour, Clock, DAY_MINUTES, Hunt, Patrol, Schedule, Stand};
use wod_zone::{
    ChatMode, Ctx, EntityId, Error, Heard, Interaction, Npc, Player, Result, Setting, Spawn, StartReason, Tag, Zone,
};

pub mod folk;

use folk::Folk;

/// How near a watchman must be to be asked, m.
const TALKING_DISTANCE: f32 = 3.0;
/// The rounds of the watchmen: places of the map, and who walks them.
const BEATS: [(&str, &str); 2] = [("beat-north", "Watchman Ortiz"), ("beat-south", "Watchwoman Kerr")];
/// When the zone begins, h: with night falling, so that nobody waits for what is worth seeing.
const BEGINS: f32 = 21.0;
/// When the hunter wakes and when it lies down, h.
const NIGHT: (f32, f32) = (20.0, 6.0);
/// The tag that townsfolk look out for. Nobody else is shown it.
const PREDATOR: &str = "predator";
/// How far the hunter notices, m.
const SIGHT: f32 = 20.0;
/// How far away it hears people speak, m: a shout carries that far, and brings it.
const HEARING: f32 = 30.0;
/// How long it leaves alone whom it caught.
const SATED: Duration = Duration::from_secs(45);

/// Who walks these streets.
#[derive(Serialize, Deserialize)]
pub struct Streets {
    hunter: Npc,
    watch: Vec<Npc>,
    // Zones that were saved before there were any have none.
    #[serde(default)]
    folk: Folk,
}

/// What the streets remember of somebody, in every city.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scars {
    /// Times the hunter caught her.
    pub caught: u32,
    /// Times she got away.
    pub escaped: u32,
}

impl Zone for Streets {
    const NAME: &'static str = "streets";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const VERBS: &'static [&'static str] = &["ask"];
    const CONFIG: &'static [Setting] = &[
        Setting::text("hunter", "What people call the hunter here.", "Hollow Tom"),
        Setting::number("hunter_pace", "How fast it runs, m/s. People run 6.", 5.0),
        Setting::int(
            "passers_by",
            "How many people are about who have no name here, when the zone begins: 0 to 1500.",
            0,
        ),
        DAY_MINUTES,
    ];

    type Timer = ();
    type Player = Scars;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let mut watch = Vec::new();
        for (beat, name) in BEATS {
            let post = ctx.place(beat)?.at;
            let lantern = Tag::near("look", "long coat, lantern");
            let watchman =
                ctx.spawn_npc(Spawn::new(name, post).tag(lantern).verb("ask", "Ask the way", TALKING_DISTANCE))?;
            ctx.behave(watchman, Patrol::along(beat).pausing(Duration::from_secs(4)).pace(1.4))?;
            watch.push(watchman);
        }
        let den = ctx.place("den")?.at;
        let name = ctx.config_text("hunter").to_owned();
        let hunter = ctx.spawn_npc(Spawn::new(&name, den).tag(Tag::near("look", "too long in the arm")))?;
        let mut streets = Self { hunter, watch, folk: Folk::default() };
        streets.let_loose(ctx)?;
        streets.folk.settle(ctx)?;
        folk::pass_by(ctx, ctx.config_number("passers_by").clamp(0.0, 1500.0) as usize)?;
        Ok(streets)
    }

    fn started(&mut self, ctx: &mut Ctx<Self>, why: StartReason, _players: &[Player]) -> Result {
        match why {
            // The version before may have known neither night nor townsfolk. One that did goes on, in mid-chase too.
            StartReason::Swapped => {
                if !matches!(ctx.behaviour(self.hunter), Some(Behaviour::Schedule(_))) {
                    self.let_loose(ctx)?;
                }
                self.folk.settle(ctx)
            }
            _ => Ok(()),
        }
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        if self.folk.has(npc) {
            return self.folk.behaved(ctx, npc, what);
        }
        if npc != self.hunter {
            return Ok(());
        }
        match what {
            Behaved::Noticed(prey) => self.noticed(ctx, prey),
            Behaved::Caught(prey) => self.caught(ctx, prey),
            Behaved::Lost(prey, _) => self.lost(ctx, prey),
            Behaved::Heard(..) => self.mood(ctx, "searching", "turns an ear."),
            Behaved::GaveUp => self.mood(ctx, "prowling", "turns away, and listens to something else."),
            // Back at its den: from the hunt by night, or for the day.
            Behaved::Home if self.is_awake(ctx) => ctx.remove_tag(self.hunter, "mood"),
            Behaved::Turned(_) if self.is_awake(ctx) => ctx.remove_tag(self.hunter, "mood"),
            Behaved::Turned(_) => self.mood(ctx, "asleep", "folds itself into the dark, and is still."),
            _ => Ok(()),
        }
    }

    fn heard(&mut self, ctx: &mut Ctx<Self>, heard: &Heard) -> Result {
        let watchman = self.watch.iter().find(|npc| **npc == heard.listener).copied();
        let calls_for_help = heard.mode == ChatMode::Shout && heard.text.to_lowercase().contains("help");
        match (watchman, ctx.as_player(heard.speaker)) {
            (Some(watchman), Some(_)) if calls_for_help => {
                ctx.face(watchman, heard.speaker)?;
                ctx.shout(watchman, "To the lamps! Run to the lamps!")
            }
            _ => Ok(()),
        }
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let asked = Npc(interaction.target.0);
        if self.folk.has(asked) {
            return self.folk.asked(ctx, asked, self.hunter, interaction);
        }
        let watchman = self.watch.iter().find(|npc| **npc == interaction.target).copied();
        let Some(watchman) = watchman.filter(|_| interaction.verb == "ask") else {
            return Err(Error::to_player("There is nobody to ask."));
        };
        let player = interaction.player();
        let answer = match ctx.player(player)?.caught {
            0 => {
                "The trains go from the square, south of the crossing. The house with the fountain lies at the west end."
            }
            1 => "You again, and paler. Keep out of the eastern courts, I said. Did I not say?",
            _ => "It knows your step by now. Take the train, stranger, and don't come back on foot.",
        };
        ctx.face(watchman, player)?;
        ctx.say(watchman, answer)
    }

    fn config(&mut self, ctx: &mut Ctx<Self>, _changed: &[String]) -> Result {
        let name = ctx.config_text("hunter").to_owned();
        ctx.rename(self.hunter, &name)?;
        self.let_loose(ctx)?;
        let clock = clock(ctx);
        self.folk.live_by(ctx, clock)
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            "hunter" => {
                let at = ctx.at(self.hunter).ok_or("the hunter is gone")?;
                Ok(format!("{} at ({:.0}, {:.0})", ctx.config_text("hunter"), at.x, at.y))
            }
            "hour" => Ok(format!("{:.1} h", clock(ctx).hour(ctx.game_ms()))),
            other => Err(format!("`{other}`? These streets answer: hunter, hour").into()),
        }
    }
}

impl Streets {
    /// Whether the hunter hunts at this hour.
    fn is_awake(&self, ctx: &Ctx<Self>) -> bool {
        clock(ctx).is_between(NIGHT.0, NIGHT.1, ctx.game_ms())
    }

    /// Sets the hunter on its way, from its den: by night it hunts, by day it lies there.
    fn let_loose(&mut self, ctx: &mut Ctx<Self>) -> Result {
        let den = ctx.place("den")?.at;
        let pace = ctx.config_number("hunter_pace").clamp(0.5, 20.0) as f32;
        let prowl = Patrol::along("prowl").pausing(Duration::from_secs(6)).pace(1.0);
        let hunt = Hunt::from(den).sight(SIGHT).hearing(HEARING).pace(pace).resting(SATED).between_hunts(prowl);
        ctx.set_tag(self.hunter, Tag::server(PREDATOR, true))?;
        ctx.behave(self.hunter, Schedule::by(clock(ctx)).between(NIGHT.0, NIGHT.1, hunt).otherwise(Stand::at(den)))
    }

    fn noticed(&mut self, ctx: &mut Ctx<Self>, prey: EntityId) -> Result {
        self.mood(ctx, "hunting", "lifts its head.")?;
        match ctx.as_player(prey) {
            Some(prey) => ctx.tell(prey, "hunted", &json!({ "by": self.hunter, "text": "Something has seen you." })),
            None => Ok(()),
        }
    }

    fn caught(&mut self, ctx: &mut Ctx<Self>, prey: EntityId) -> Result {
        let Some(prey) = ctx.as_player(prey) else {
            return Ok(());
        };
        let scars = ctx.player_mut(prey)?;
        scars.caught += 1;
        let times = scars.caught;
        let line = format!("lays a cold hand on {}, breathes in, and lets go.", ctx.name(prey));
        self.mood(ctx, "sated", &line)?;
        ctx.count("caught", 1);
        let text = "It has had what it wanted. You are cold, and alive.";
        ctx.tell(prey, "caught", &json!({ "by": self.hunter, "times": times, "text": text }))
    }

    fn lost(&mut self, ctx: &mut Ctx<Self>, prey: EntityId) -> Result {
        self.mood(ctx, "searching", "stops, and tastes the air.")?;
        match ctx.as_player(prey) {
            Some(prey) => self.escaped(ctx, prey),
            None => Ok(()),
        }
    }

    fn escaped(&mut self, ctx: &mut Ctx<Self>, prey: Player) -> Result {
        let scars = ctx.player_mut(prey)?;
        scars.escaped += 1;
        let times = scars.escaped;
        ctx.count("escaped", 1);
        ctx.tell(prey, "escaped", &json!({ "times": times, "text": "You have got away." }))
    }

    /// Shows what the hunter is up to.
    fn mood(&mut self, ctx: &mut Ctx<Self>, mood: &str, emote: &str) -> Result {
        ctx.set_tag(self.hunter, Tag::near("mood", mood))?;
        ctx.emote(self.hunter, emote)
    }
}

/// The time of day in these streets.
fn clock(ctx: &Ctx<Streets>) -> Clock {
    Clock::of(ctx).starting_at(BEGINS)
}

wod_zone::export!(Streets);
