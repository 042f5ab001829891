//! The streets between the houses: watchmen on their rounds, and something in the eastern courts that hunts.
//!
//! The SDK's behaviours move them all; this file says who they are and what it means to be noticed, lost or caught.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use wod_zone::behaviour::{Behaved, Hunt, Patrol};
use wod_zone::{ChatMode, Ctx, EntityId, Error, Heard, Interaction, Npc, Player, Result, Setting, Spawn, Tag, Zone};

/// How near a watchman must be to be asked, m.
const TALKING_DISTANCE: f32 = 3.0;
/// The rounds of the watchmen: places of the map, and who walks them.
const BEATS: [(&str, &str); 2] = [("beat-north", "Watchman Ortiz"), ("beat-south", "Watchwoman Kerr")];
/// How far the hunter notices, m.
const SIGHT: f32 = 20.0;
/// How long it leaves alone whom it caught.
const SATED: Duration = Duration::from_secs(45);

/// Who walks these streets.
#[derive(Serialize, Deserialize)]
pub struct Streets {
    hunter: Npc,
    watch: Vec<Npc>,
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
        let mut streets = Self { hunter, watch };
        streets.let_loose(ctx)?;
        Ok(streets)
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        if npc != self.hunter {
            return Ok(());
        }
        match what {
            Behaved::Noticed(prey) => self.noticed(ctx, prey),
            Behaved::Caught(prey) => self.caught(ctx, prey),
            Behaved::Lost(prey, _) => self.lost(ctx, prey),
            Behaved::GaveUp => self.mood(ctx, "prowling", "turns away, and listens to something else."),
            Behaved::Home => ctx.remove_tag(self.hunter, "mood"),
            Behaved::Reached(_) | Behaved::Stuck => Ok(()),
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
        self.let_loose(ctx)
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            "hunter" => {
                let at = ctx.at(self.hunter).ok_or("the hunter is gone")?;
                Ok(format!("{} at ({:.0}, {:.0})", ctx.config_text("hunter"), at.x, at.y))
            }
            other => Err(format!("`{other}`? These streets answer: hunter").into()),
        }
    }
}

impl Streets {
    /// Sets the hunter on its way, from its den.
    fn let_loose(&mut self, ctx: &mut Ctx<Self>) -> Result {
        let den = ctx.place("den")?.at;
        let pace = ctx.config_number("hunter_pace").clamp(0.5, 20.0) as f32;
        let prowl = Patrol::along("prowl").pausing(Duration::from_secs(6)).pace(1.0);
        ctx.behave(self.hunter, Hunt::from(den).sight(SIGHT).pace(pace).resting(SATED).between_hunts(prowl))
    }

    fn noticed(&mut self, ctx: &mut Ctx<Self>, prey: EntityId) -> Result {
        self.mood(ctx, "hunting", "lifts its head.")?;
        match ctx.as_player(prey) {
            Some(prey) => ctx.tell(prey, "hunted", &json!({ "by": self.hunter })),
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
        ctx.tell(prey, "caught", &json!({ "by": self.hunter, "times": times }))
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
        ctx.tell(prey, "escaped", &json!({ "times": times }))
    }

    /// Shows what the hunter is up to.
    fn mood(&mut self, ctx: &mut Ctx<Self>, mood: &str, emote: &str) -> Result {
        ctx.set_tag(self.hunter, Tag::near("mood", mood))?;
        ctx.emote(self.hunter, emote)
    }
}

wod_zone::export!(Streets);
