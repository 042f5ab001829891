//! What a module's call has ordered: kept until the call came through, then applied in order.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use wod_protocol::client::{ChatMode, DialogueOption, Kind, Verb};
use wod_protocol::ids::{EntityId, Seq, Token, ZoneNo};
use wod_protocol::units::{Fixed, Heading, Pos};

use crate::io::Report;
use crate::module::{Hearers, Spawning, Tag};
use crate::space::mover::Aim;

/// What the call has ordered so far.
#[derive(Default)]
pub(super) struct Orders {
    pub(super) commands: Vec<Command>,
    pub(super) reports: Vec<Report>,
    /// The last event it said it was handling.
    pub(super) marked: Option<u32>,
    /// Log lines it may still write in this second.
    pub(super) log_budget: u32,
    /// Timers it may still set.
    pub(super) timers_left: usize,
    /// Figures it has reported.
    pub(super) figures: usize,
    pub(super) spawned: BTreeMap<EntityId, Kind>,
    pub(super) despawned: BTreeSet<EntityId>,
}

/// An order, checked against the state when the tick began.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Spawn(EntityId, Box<Spawning>, Pos),
    Despawn(EntityId),
    Place(EntityId, Pos, Option<Heading>),
    Rename(EntityId, String),
    SetTags(EntityId, Vec<Tag>, Vec<String>),
    SetVerbs(EntityId, Vec<Verb>),
    SetSensor(EntityId, Fixed),
    SetSpeed(EntityId, Fixed),
    SetBarrier(String, bool),
    Order(EntityId, Token, Aim),
    Halt(EntityId),
    Face(EntityId, Facing),
    Chat { speaker: EntityId, mode: ChatMode, text: String, listener: Option<EntityId> },
    Dialogue { player: EntityId, dialogue: Token, npc: EntityId, text: String, options: Vec<DialogueOption> },
    CloseDialogue { player: EntityId, dialogue: Token },
    Tell { to: Hearers, name: String, data: String, latest: bool },
    Refuse { player: EntityId, seq: Seq, code: String, text: String },
    SetTimer(Token, u32, Option<u32>),
    CancelTimer(Token),
    SavePlayer(EntityId, Bytes),
    SendAway(EntityId, ZoneNo, Option<String>),
    Kick(EntityId, String),
    Mute(EntityId, u32),
    Send { to: ZoneNo, order: Token, topic: String, body: Bytes },
    Reply(u64, String),
}

/// Where somebody turns to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Facing {
    Point(Pos),
    Entity(EntityId),
}

impl Command {
    /// The variant's name.
    pub(super) fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
    }
}

impl Orders {
    /// Of a call that may write so many log lines and set so many timers.
    pub(super) fn new(log_budget: u32, timers_left: usize) -> Self {
        Self { log_budget, timers_left, ..Self::default() }
    }
}
