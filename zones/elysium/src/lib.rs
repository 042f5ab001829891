//! Neutral ground: a house with a host who knows everybody by name and remembers who asked what, a doorkeeper who listens, and a
//! court with a prince who remembers how one behaved.
//!
//! `talk` is what the host remembers, `door` the doorkeeper's business, `court` etiquette, sides and titles. What people say is in
//! `dialogue/`. This file ties them to the zone's events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_zone::dialogue::Value;
use wod_zone::{
    ChatMode, Ctx, DialogueCall, DialogueCommand, EnterReason, Error, Heard, Interaction, LeaveReason, Npc, Player,
    Result, Sensed, Setting, Spawn, StartReason, Tag, TimerId, Zone,
};

mod court;
mod door;
mod talk;

use court::{Conduct, Court, Side};

/// How near the host must be to be talked to, m.
const TALKING_DISTANCE: f32 = 4.0;
/// Somebody who comes near again this soon is not greeted again, ms of game time.
const GREETED_LATELY_MS: u64 = 5 * 60 * 1000;

/// The house and everybody who works in it.
#[derive(Serialize, Deserialize)]
pub struct Elysium {
    /// Marguerite, who receives the guests.
    host: Npc,
    /// Marek, who minds the door of the salon.
    doorkeeper: Npc,
    /// Who asked about what, the latest last.
    asked: talk::Questions,
    /// When each guest was greeted last, ms of game time.
    greeted: BTreeMap<Player, u64>,
    /// When the salon's door falls shut, while it stands open.
    closing: Option<TimerId>,
    /// When the doorkeeper last explained himself, ms of game time.
    hinted_ms: Option<u64>,
    /// None only between a state that was saved before there was a court and [`Elysium::started`].
    #[serde(default)]
    court: Option<Court>,
}

/// What the house remembers of a guest, for ever.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Acquaintance {
    /// Evenings she was received.
    pub visits: u32,
    /// What she asked about last.
    pub last_topic: Option<talk::Topic>,
    /// Times she shouted in the house.
    pub shouts: u32,
    /// How the court thinks of her: of what she did, bows less breaches.
    pub standing: i32,
    /// Whom she has declared for.
    pub side: Option<Side>,
}

/// What the house waits for.
#[derive(Serialize, Deserialize)]
pub enum Timer {
    /// The salon's door falls shut.
    CloseDoor,
}

impl Zone for Elysium {
    const NAME: &'static str = "elysium";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const VERBS: &'static [&'static str] = &["talk", "knock"];
    const CONFIG: &'static [Setting] = &[Setting::text("password", "The word that opens the salon's door.", "ember")];

    type Timer = Timer;
    type Player = Acquaintance;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let spot = ctx.place("host")?;
        let host = ctx.spawn_npc(
            Spawn::new("Marguerite", spot.at)
                .tag(Tag::near("look", "evening gown"))
                .tag(Tag::near("title", "Host of the house"))
                .verb("talk", "Talk", TALKING_DISTANCE),
        )?;
        ctx.set_sensor(host, spot.radius)?;
        let post = ctx.place("doorkeeper")?.at;
        let doorkeeper = ctx.spawn_npc(
            Spawn::new("Marek", post).tag(Tag::near("look", "dark suit")).tag(Tag::near("title", "Doorkeeper")).verb(
                "knock",
                "Knock",
                TALKING_DISTANCE,
            ),
        )?;
        Ok(Self {
            host,
            doorkeeper,
            asked: talk::Questions::default(),
            greeted: BTreeMap::new(),
            closing: None,
            hinted_ms: None,
            court: Some(Court::assemble(ctx)?),
        })
    }

    fn started(&mut self, ctx: &mut Ctx<Self>, _why: StartReason, _players: &[Player]) -> Result {
        // A house that was opened by an older version has no court yet. Nothing else of its state has changed, so there is no
        // need for another `SCHEMA`.
        if self.court.is_none() {
            self.court = Some(Court::assemble(ctx)?);
        }
        Ok(())
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
        self.entitle(ctx, player)
    }

    fn left(&mut self, _ctx: &mut Ctx<Self>, player: Player, _why: LeaveReason) -> Result {
        self.greeted.remove(&player);
        if let Some(court) = &mut self.court {
            court.forget_tonight(player);
        }
        Ok(())
    }

    fn sensor(&mut self, ctx: &mut Ctx<Self>, sensed: Sensed) -> Result {
        let Some(guest) = ctx.as_player(sensed.subject) else { return Ok(()) };
        if self.host == sensed.sensor {
            return if sensed.inside { self.greet(ctx, guest) } else { Ok(()) };
        }
        match self.court.as_ref().and_then(|court| court.stepped(guest, sensed)) {
            Some(conduct) => self.conduct(ctx, guest, conduct),
            None => Ok(()),
        }
    }

    fn heard(&mut self, ctx: &mut Ctx<Self>, heard: &Heard) -> Result {
        let Some(guest) = ctx.as_player(heard.speaker) else { return Ok(()) };
        if let Some(conduct) = self.court.as_ref().and_then(|court| court.heard(ctx, guest, heard)) {
            return self.conduct(ctx, guest, conduct);
        }
        let at_the_door = (self.doorkeeper == heard.listener).then_some(guest);
        match (at_the_door, heard.mode) {
            (Some(guest), ChatMode::Shout) => self.hush(ctx, guest),
            (Some(guest), ChatMode::Say | ChatMode::Whisper) => self.listen(ctx, guest, &heard.text),
            (Some(_), ChatMode::Emote) | (None, _) => Ok(()),
        }
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let guest = interaction.player();
        match interaction.verb.as_str() {
            "talk" if self.host == interaction.target => self.talk(ctx, guest),
            "knock" if self.doorkeeper == interaction.target => self.explain(ctx, guest),
            "talk" => self.talk_at_court(ctx, interaction),
            _ => Err(Error::to_player("Nobody here does that.")),
        }
    }

    // The two below are what the Yarn files of `dialogue/` ask of this code.

    fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
        let word = command.words.first().map(String::as_str);
        match (command.name.as_str(), word) {
            ("remember", Some(topic)) => match talk::Topic::named(topic) {
                Some(topic) => self.remember(ctx, command.player, topic),
                None => Err(format!("nobody asks about `{topic}`").into()),
            },
            ("bow", None) => self.conduct(ctx, command.player, Conduct::Bowed),
            ("slight", None) => self.conduct(ctx, command.player, Conduct::Slighted),
            ("side", Some(side)) => self.take_side(ctx, command.player, side),
            _ => Err(format!("no command: {} {}", command.name, command.words.join(" ")).into()),
        }
    }

    fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<Value>> {
        let guest = call.player;
        let court = self.court.as_ref();
        Ok(match (call.name.as_str(), call.values.as_slice()) {
            ("password", []) => Some(ctx.config_text("password").into()),
            ("gossip", []) => Some(self.asked.gossip(guest).into()),
            ("standing", []) => Some(Value::Number(ctx.player(guest)?.standing as f32)),
            ("title", []) => Some(ctx.player(guest)?.title().into()),
            ("sides_with", [Value::Text(side)]) => Some(self.sides_with(ctx, guest, side)?.into()),
            ("bowed", []) => court.map(|court| court.has_bowed(guest).into()),
            ("favoured", []) => court.map(|court| court.remembers(guest, true).into()),
            ("displeased", []) => court.map(|court| court.remembers(guest, false).into()),
            ("leaning", []) => court.map(|court| court.leaning().into()),
            _ => None,
        })
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Timer) -> Result {
        match timer {
            Timer::CloseDoor => self.close_door(ctx),
        }
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            "questions" => Ok(self.asked.to_string()),
            "court" => Ok(self.court.as_ref().map(Court::report).unwrap_or_default()),
            other => Err(format!("`{other}`? This house answers: questions, court").into()),
        }
    }
}

impl Elysium {
    /// Receives somebody who comes near, by name and as well as the house knows her.
    fn greet(&mut self, ctx: &mut Ctx<Self>, guest: Player) -> Result {
        let now = ctx.game_ms();
        if self.greeted.get(&guest).is_some_and(|then| now < then + GREETED_LATELY_MS) {
            return Ok(());
        }
        self.greeted.insert(guest, now);
        let known = ctx.player_mut(guest)?;
        known.visits += 1;
        let words = talk::greeting(known);
        let name = ctx.name(guest).to_owned();
        ctx.face(self.host, guest)?;
        ctx.say(self.host, words.replace("{name}", &name))?;
        wod_zone::info!(ctx, guest = name, "received");
        Ok(())
    }

    fn talk(&mut self, ctx: &mut Ctx<Self>, guest: Player) -> Result {
        ctx.face(self.host, guest)?;
        ctx.converse(guest, self.host, "Marguerite")?;
        Ok(())
    }

    fn talk_at_court(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let member = self.court.as_ref().and_then(|court| court.member(interaction.target));
        let (npc, node) = member.ok_or_else(|| Error::to_player("Nobody here does that."))?;
        ctx.face(npc, interaction.player())?;
        ctx.converse(interaction.player(), npc, node)?;
        Ok(())
    }

    fn remember(&mut self, ctx: &mut Ctx<Self>, guest: Player, topic: talk::Topic) -> Result {
        self.asked.note(guest, ctx.name(guest), topic);
        ctx.player_mut(guest)?.last_topic = Some(topic);
        ctx.count("questions", 1);
        Ok(())
    }
}

wod_zone::export!(Elysium);
