//! The harbor of Los Angeles: a ship that keeps its hours, an inspector who wants to hear what a paper says, soup, and a girl whom
//! nobody wrote down.
//!
//! `timetable` is what lies in port at which hour, `berth` makes it so, `customs` is who gets past the inspector, `stowaway` is Kit.
//! What people say is in `dialogue/`. This file says who stands where and ties the zone's events to them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_zone::behaviour::{Clock, DAY_MINUTES, Patrol, Schedule, Stand};
use wod_zone::dialogue::Value;
use wod_zone::{
    Ctx, DialogueCall, DialogueCommand, EnterReason, EntityId, Error, Interaction, LeaveReason, Message, Moved, Npc,
    Object, Player, Result, Setting, Spawn, Tag, TimerId, Zone,
};

mod berth;
mod customs;
mod stowaway;
mod timetable;

use stowaway::Kit;

/// How near one must be to talk to somebody, m.
const TALKING_DISTANCE: f32 = 4.0;
/// Who can be talked to: the place where she stands, her name and look, and the node of `dialogue/` that she begins with.
const PEOPLE: [(&str, &str, &str, &str); 4] = [
    ("officer", "Inspector Calder", "pressed uniform, ink on the cuff", "Calder"),
    ("dockhand", "Bram", "gloves, bolt cutter", "Bram"),
    ("harbour-master", "Teague", "pea coat, spyglass", "Teague"),
    ("stall", "Pilar", "apron, ladle", "Pilar"),
];

/// Who works here, and how it stands with ships and passengers.
#[derive(Serialize, Deserialize)]
pub struct Harbor {
    /// In the order of [`PEOPLE`].
    people: Vec<Npc>,
    anglers: Vec<Npc>,
    kit: Kit,
    /// The board with the hours of the ships.
    timetable: Object,
    /// The ship in port, if there is one: its name, and what people see of it.
    in_port: Option<(String, Object)>,
    /// When the next one comes or goes; only while somebody is here to see it.
    tide: Option<TimerId>,
    /// What papers say of those who are expected, and have not passed the inspector.
    papers: BTreeMap<Player, String>,
}

/// What the harbor remembers of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Traveller {
    /// Times she came by ship, however that was.
    pub arrivals: u32,
    /// What she last told the inspector that she is.
    pub claimed: String,
    /// She carries a bowl of Pilar's soup.
    pub bowl: bool,
    /// She has promised Kit to help.
    pub promised: bool,
}

/// What the harbor waits for.
#[derive(Serialize, Deserialize)]
pub enum Timer {
    /// A ship comes or goes.
    Tide,
    /// The inspector has his back to the gate, and Kit sees it.
    KitSlips,
    /// Kit is behind the crates again.
    KitReturns,
}

impl Zone for Harbor {
    const NAME: &'static str = "harbor";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const VERBS: &'static [&'static str] = &["talk", "read"];
    const CONFIG: &'static [Setting] = &[
        DAY_MINUTES,
        Setting::number("gate_seconds", "How long the inspector holds the gate open, seconds.", 12.0),
        Setting::text("word", "What Kit tells those who helped her: the club's `password`.", "keel"),
    ];

    type Timer = Timer;
    type Player = Traveller;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let mut people = Vec::new();
        for (place, name, look, _) in PEOPLE {
            let spawn = Spawn::new(name, ctx.place(place)?.at).tag(Tag::near("look", look));
            people.push(ctx.spawn_npc(spawn.verb("talk", "Talk", TALKING_DISTANCE))?);
        }
        let at = ctx.place("anglers")?.at;
        let angler = |name| Spawn::new(name, at).tag(Tag::near("look", "oilskin, rod"));
        let anglers = vec![ctx.spawn_npc(angler("Ruiz"))?, ctx.spawn_npc(angler("Old Moss"))?];
        keep_hours(ctx, &anglers)?;
        customs::hang_doors(ctx, people[0])?;
        let kit = Kit::hide(ctx)?;
        let board = Spawn::new("Timetable", ctx.place("timetable")?.at).tag(Tag::near("look", "brass letters on felt"));
        let timetable = ctx.spawn_object(board.verb("read", "Read", TALKING_DISTANCE))?;
        Ok(Self { people, anglers, kit, timetable, in_port: None, tide: None, papers: BTreeMap::new() })
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, how: EnterReason) -> Result {
        // The tide waits for nobody, but it needs no timer while nobody is here.
        if self.tide.is_none() {
            self.turn_of_the_tide(ctx)?;
        }
        match how {
            EnterReason::Portal => self.came_ashore(ctx, player),
            EnterReason::Login | EnterReason::Crossing | EnterReason::Resumed => Ok(()),
        }
    }

    fn left(&mut self, ctx: &mut Ctx<Self>, player: Player, _why: LeaveReason) -> Result {
        let is_last = ctx.players().all(|other| other == player);
        if let Some(tide) = self.tide.take_if(|_| is_last) {
            ctx.cancel(tide);
        }
        Ok(())
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let player = interaction.player();
        if self.timetable == interaction.target {
            return ctx.tell(player, "timetable", &timetable::board(&Clock::of(ctx), ctx.game_ms()));
        }
        let who = self.people.iter().zip(PEOPLE).find(|(npc, _)| **npc == interaction.target);
        let (npc, node) = match who {
            Some((npc, (.., node))) => (*npc, node),
            None => {
                (self.kit.npc_if(interaction.target).ok_or_else(|| Error::to_player("Only the gulls answer."))?, "Kit")
            }
        };
        ctx.face(npc, player)?;
        ctx.converse(player, npc, node)?;
        Ok(())
    }

    fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
        let player = command.player;
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        match (command.name.as_str(), words.as_slice()) {
            ("claim", [what]) => {
                (*what).clone_into(&mut ctx.player_mut(player)?.claimed);
                Ok(())
            }
            ("open_gate", []) => self.let_through(ctx, player),
            ("take_bowl", []) => {
                ctx.player_mut(player)?.bowl = true;
                Ok(())
            }
            ("give_bowl", []) => self.give_bowl(ctx, player),
            ("promise", []) => {
                ctx.player_mut(player)?.promised = true;
                Ok(())
            }
            ("betray", []) => self.kit_is_found(ctx),
            _ => Err(format!("no command: {} {}", command.name, command.words.join(" ")).into()),
        }
    }

    fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<Value>> {
        let traveller = ctx.player(call.player)?;
        let clock = Clock::of(ctx);
        Ok(match (call.name.as_str(), call.values.as_slice()) {
            ("has_paper", []) => Some(self.papers.contains_key(&call.player).into()),
            ("truthful", []) => Some((self.papers.get(&call.player) == Some(&traveller.claimed)).into()),
            ("has_bowl", []) => Some(traveller.bowl.into()),
            ("arrivals", []) => Some(Value::Number(traveller.arrivals as f32)),
            ("kit_hides", []) => Some(self.kit.is_hiding().into()),
            ("is_out", []) => Some(self.kit.is_out().into()),
            ("word", []) => Some(ctx.config_text("word").into()),
            ("time", []) => Some(timetable::hour(clock.hour(ctx.game_ms())).into()),
            ("ship", []) => Some(timetable::lies_in_port(&clock, ctx.game_ms()).into()),
            ("in_port", [Value::Text(bound_for)]) => {
                let call = timetable::in_port(&clock, ctx.game_ms());
                Some(call.is_some_and(|call| call.bound_for == bound_for).into())
            }
            ("next", [Value::Text(bound_for)]) => timetable::next(&clock, ctx.game_ms(), bound_for).map(Value::from),
            _ => None,
        })
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Timer) -> Result {
        match timer {
            Timer::Tide => self.turn_of_the_tide(ctx),
            Timer::KitSlips => self.kit_slips(ctx),
            Timer::KitReturns => self.kit_returns(ctx),
        }
    }

    fn moved(&mut self, ctx: &mut Ctx<Self>, moved: Moved) -> Result {
        self.kit_moved(ctx, moved)
    }

    fn observed(&mut self, _ctx: &mut Ctx<Self>, entity: EntityId, by_anyone: bool) -> Result {
        self.kit.observed(entity, by_anyone);
        Ok(())
    }

    fn message(&mut self, ctx: &mut Ctx<Self>, message: &Message) -> Result {
        match message.topic.as_str() {
            customs::PASSENGER => self.expect(ctx, &message.body),
            other => Err(format!("a message about `{other}` from {}", message.sender).into()),
        }
    }

    fn config(&mut self, ctx: &mut Ctx<Self>, changed: &[String]) -> Result {
        // Another length of the day is another hour: the ships are where they are by that.
        if changed.iter().any(|name| name == DAY_MINUTES.name) {
            keep_hours(ctx, &self.anglers)?;
            if ctx.players().next().is_some() {
                self.turn_of_the_tide(ctx)?;
            }
        }
        if changed.iter().any(|name| name == "gate_seconds") {
            customs::hang_doors(ctx, self.people[0])?;
            self.open_gangway_if_in_port(ctx)?;
        }
        Ok(())
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            "ships" => Ok(timetable::board(&Clock::of(ctx), ctx.game_ms())),
            "papers" => Ok(self.list_papers(ctx)),
            other => Err(format!("`{other}`? The harbor answers: ships, papers").into()),
        }
    }
}

impl Harbor {
    fn calder(&self) -> Npc {
        self.people[0]
    }

    fn bram(&self) -> Npc {
        self.people[1]
    }

    fn teague(&self) -> Npc {
        self.people[2]
    }
}

/// Who fishes does so from the second pier by night, and is elsewhere by day: a schedule, and nothing to be done about it here.
fn keep_hours(ctx: &mut Ctx<Harbor>, anglers: &[Npc]) -> Result {
    let bench = ctx.place("promenade")?.at;
    for angler in anglers {
        let pier = Patrol::along("anglers").pausing(Duration::from_secs(40)).pace(0.9);
        ctx.behave(*angler, Schedule::by(Clock::of(ctx)).between(19.0, 5.0, pier).otherwise(Stand::at(bench)))?;
    }
    Ok(())
}

wod_zone::export!(Harbor);
