//! Ballast, a club under the docks: a floor on which nobody is understood, corners in which everybody is, and a door by the decks.
//!
//! `music` is what plays at which hour, `crowd` those who dance to it, `bar` what Odile pours and what it does to one's voice,
//! `corners` what is heard where. What people say is in `dialogue/`; Mrs. Quill's game is written there whole. This file says who
//! stands where and ties the zone's events to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_zone::behaviour::{Behaved, DAY_MINUTES};
use wod_zone::dialogue::Value;
use wod_zone::objects::Door;
use wod_zone::{
    ChatMode, Ctx, DialogueCall, DialogueCommand, EnterReason, Error, Heard, Interaction, LeaveReason, Line, Npc,
    Player, Result, Sensed, Setting, Spawn, Tag, TimerId, Verdict, Zone,
};

mod bar;
mod corners;
mod crowd;
mod music;

/// How near one must be to talk to somebody, m.
const TALKING_DISTANCE: f32 = 4.0;
/// The barrier of the map that Nash minds.
const BACK_DOOR: &str = "back-door";
/// How long he holds it open.
const BACK_DOOR_OPEN: std::time::Duration = std::time::Duration::from_secs(12);
/// Who can be talked to: the place where she stands, her name and look, and the node of `dialogue/` that she begins with.
const PEOPLE: [(&str, &str, &str, &str); 5] = [
    ("doorkeeper", "Marlow", "very large, very clean shirt", "Marlow"),
    ("barkeep", "Odile", "bare arms, a slate", "Odile"),
    ("decks", "Vesper", "headphones, one ear", "Vesper"),
    ("confidante", "Jude", "curtain-coloured", "Jude"),
    ("card-table", "Mrs. Quill", "fingerless gloves", "Quill"),
];

/// Who is here, what plays, and what was whispered.
#[derive(Serialize, Deserialize)]
pub struct Club {
    /// In the order of [`PEOPLE`].
    people: Vec<Npc>,
    /// Who minds the back door, and says nothing.
    nash: Npc,
    crowd: Vec<Npc>,
    /// What guests last heard announced.
    playing: String,
    /// What somebody was allowed to ask for.
    request: Option<music::Request>,
    /// When the next set begins; only while somebody is here to hear it.
    next_set: Option<TimerId>,
    /// What guests have in them. Gone when they go: fresh air.
    drinks: BTreeMap<Player, u32>,
    rumours: corners::Rumours,
}

/// What the club remembers of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Guest {
    /// Drinks on Odile's slate.
    pub tab: u32,
    /// She carries Odile's note to Vesper.
    pub note: bool,
    /// Times she shouted in a corner since Marlow last saw to it.
    pub disturbed: u32,
    /// Times he carried her up the stairs.
    pub thrown_out: u32,
    /// She has told him that she is sorry.
    pub sorry: bool,
}

/// What the club waits for.
#[derive(Serialize, Deserialize)]
pub enum Timer {
    /// Another set, perhaps.
    NextSet,
    /// A drink wears off.
    Sobers(Player),
}

impl Zone for Club {
    const NAME: &'static str = "club";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const VERBS: &'static [&'static str] = &["talk", "knock"];
    const CONFIG: &'static [Setting] = &[
        DAY_MINUTES,
        Setting::text("password", "What Nash wants to hear before he opens the back door.", "keel"),
        Setting::int("slate", "Drinks after which Odile asks for a favour.", 4),
    ];
    /// The floor drowns words, drink slurs them, and corners stay quiet: `judge` below.
    const CHAT_FILTER: bool = true;

    type Timer = Timer;
    type Player = Guest;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let mut people = Vec::new();
        for (place, name, look, _) in PEOPLE {
            let spawn = Spawn::new(name, ctx.place(place)?.at).tag(Tag::near("look", look));
            people.push(ctx.spawn_npc(spawn.verb("talk", "Talk", TALKING_DISTANCE))?);
        }
        let post = ctx.place("doorkeeper")?;
        ctx.set_sensor(people[0], post.radius)?;
        let nash = Spawn::new("Nash", ctx.place("back-door-man")?.at).tag(Tag::near("look", "arms folded"));
        let nash = ctx.spawn_npc(nash.verb("knock", "Knock", TALKING_DISTANCE))?;
        let doorway = ctx.place("back-doorway")?.at;
        ctx.add_door(Door::new(BACK_DOOR, doorway).width(1.5).stays_open(BACK_DOOR_OPEN).kept_by(nash))?;
        let crowd = crowd::gather(ctx)?;
        Ok(Self {
            people,
            nash,
            crowd,
            playing: String::new(),
            request: None,
            next_set: None,
            drinks: BTreeMap::new(),
            rumours: corners::Rumours::default(),
        })
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
        let before = self.playing.clone();
        if self.next_set.is_none() {
            self.change_set(ctx)?;
        }
        // A set that begins with her is announced to her already.
        if self.playing == before { self.tell_music(ctx, player) } else { Ok(()) }
    }

    fn left(&mut self, ctx: &mut Ctx<Self>, player: Player, _why: LeaveReason) -> Result {
        self.drinks.remove(&player);
        let is_last = ctx.players().all(|other| other == player);
        if let Some(next_set) = self.next_set.take_if(|_| is_last) {
            ctx.cancel(next_set);
        }
        Ok(())
    }

    fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
        let guest = ctx.as_player(sensed.subject).filter(|_| sensed.inside && self.marlow() == sensed.sensor);
        guest.map_or(Ok(()), |guest| self.eye(ctx, guest))
    }

    /// Before anybody hears it.
    fn judge(&mut self, ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
        self.weigh(ctx, line)
    }

    fn heard(&mut self, ctx: &mut Ctx<Self>, heard: &Heard) -> Result {
        let Some(guest) =
            ctx.as_player(heard.speaker).filter(|_| matches!(heard.mode, ChatMode::Say | ChatMode::Whisper))
        else {
            return Ok(());
        };
        if self.jude() == heard.listener {
            return self.confide(ctx, guest, &heard.text);
        }
        let word = ctx.config_text("password");
        if self.nash == heard.listener && corners::speaks_word(&heard.text, word) {
            ctx.face(self.nash, guest)?;
            ctx.emote(self.nash, "unfolds his arms.")?;
            ctx.count("back_door", 1);
            return ctx.open_door(BACK_DOOR);
        }
        Ok(())
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let player = interaction.player();
        if self.nash == interaction.target {
            ctx.face(self.nash, player)?;
            return ctx.emote(self.nash, "looks at the one who knocks, and waits for a word.");
        }
        let who = self.people.iter().zip(PEOPLE).find(|(npc, _)| **npc == interaction.target);
        let (npc, (.., node)) = who.ok_or_else(|| Error::to_player("No answer. It may be the music."))?;
        ctx.face(*npc, player)?;
        ctx.converse(player, *npc, node)?;
        Ok(())
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        match what {
            // Somebody of the crowd has had enough of one thing and wants another.
            Behaved::Turned(_) if self.crowd.contains(&npc) => crowd::mutter(ctx, npc),
            _ => Ok(()),
        }
    }

    fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
        let player = command.player;
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        match (command.name.as_str(), words.as_slice()) {
            ("pour", [drink]) => self.pour(ctx, player, drink),
            ("take_note", []) => {
                ctx.player_mut(player)?.note = true;
                Ok(())
            }
            ("deliver_note", []) => {
                let guest = ctx.player_mut(player)?;
                (guest.note, guest.tab) = (false, 0);
                Ok(())
            }
            ("request", [set]) => self.grant(ctx, set),
            ("forgive", []) => {
                ctx.player_mut(player)?.sorry = true;
                Ok(())
            }
            ("forget", []) => {
                self.rumours.forget(player);
                Ok(())
            }
            _ => Err(format!("no command: {} {}", command.name, command.words.join(" ")).into()),
        }
    }

    fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<Value>> {
        let guest = ctx.player(call.player)?;
        let number = |amount: u32| Some(Value::Number(amount as f32));
        Ok(match call.name.as_str() {
            "tab" => number(guest.tab),
            "owes" => Some((f64::from(guest.tab) >= ctx.config_number("slate")).into()),
            "served" => Some(guest.is_served().into()),
            "has_note" => Some(guest.note.into()),
            "thrown_out" => number(guest.thrown_out),
            "is_sorry" => Some(guest.sorry.into()),
            "drinks" => number(self.drinks_of(call.player)),
            "set" => Some(self.set(ctx).name.into()),
            "next_set" => Some(music::after(ctx).name.into()),
            "gave" => Some(self.rumours.has_of(call.player).into()),
            "rumours" => number(self.rumours.count_for(call.player)),
            "rumour" => Some(self.rumours.one_for(call.player, ctx.game_ms()).into()),
            _ => None,
        })
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Timer) -> Result {
        match timer {
            Timer::NextSet => self.change_set(ctx),
            Timer::Sobers(player) => self.sobers(ctx, player),
        }
    }

    fn config(&mut self, ctx: &mut Ctx<Self>, changed: &[String]) -> Result {
        if changed.iter().any(|name| name == DAY_MINUTES.name) {
            crowd::keep_hours(ctx, &self.crowd)?;
            if ctx.players().next().is_some() {
                self.change_set(ctx)?;
            }
        }
        Ok(())
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            "music" => Ok(format!("{}, then {}", self.set(ctx).name, music::after(ctx).name)),
            "rumours" => Ok(self.rumours.to_string()),
            // What players say is players' words: an operator must be able to take them away.
            "forget rumours" => {
                self.rumours = corners::Rumours::default();
                Ok("forgotten".to_owned())
            }
            other => Err(format!("`{other}`? The club answers: music, rumours, forget rumours").into()),
        }
    }
}

impl Club {
    fn marlow(&self) -> Npc {
        self.people[0]
    }

    fn vesper(&self) -> Npc {
        self.people[2]
    }

    fn jude(&self) -> Npc {
        self.people[3]
    }
}

wod_zone::export!(Club, chat_filter);
