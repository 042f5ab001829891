//! The border to the host: everything a module can ask and do, as a trait.
//!
//! On wasm the generated imports stand behind it; natively (`cargo test`) the testkit's real simulation does.

use crate::handle::{EntityId, Token};
use crate::types::{
    ChatMode, Destination, Filter, Goal, Hearers, LogLevel, Neighbour, Place, Point, Refusal, Spawning, Tag, Value,
    Verb, View,
};

/// What the host lets a module do. Authors use [`Ctx`](crate::Ctx), which says the same with typed handles.
///
/// Queries answer from the state when the tick began. Acts are collected and applied, in order, after the call; at most
/// 4,096 in one call, then [`Refusal::TooMany`].
#[expect(missing_docs, reason = "`Ctx` documents each for authors, the WIT for other languages")]
pub trait Host {
    fn entity(&self, id: EntityId) -> Option<View>;
    fn nearby(&self, center: Point, radius: f32, filter: &Filter, limit: u32) -> Vec<Neighbour>;
    fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour>;
    fn line_of_sight(&self, a: Point, b: Point) -> bool;
    fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>>;
    fn places(&self, name: &str) -> Vec<Place>;
    fn content(&self, name: &str) -> Option<Vec<u8>>;

    fn random(&mut self) -> u64;
    fn progress(&mut self, index: u32);
    fn log(&mut self, level: LogLevel, message: String, fields: Vec<(String, String)>);
    fn count(&mut self, counter: &str, by: u64);
    fn gauge(&mut self, gauge: &str, value: f64);
    fn observe(&mut self, histogram: &str, value: f64);

    fn spawn(&mut self, what: Spawning) -> Result<EntityId, Refusal>;
    fn despawn(&mut self, entity: EntityId) -> Result<(), Refusal>;
    fn place(&mut self, entity: EntityId, at: Point, heading: Option<f32>) -> Result<(), Refusal>;
    fn rename(&mut self, entity: EntityId, name: String) -> Result<(), Refusal>;
    fn set_tags(&mut self, entity: EntityId, put: Vec<Tag>, remove: Vec<String>) -> Result<(), Refusal>;
    fn set_verbs(&mut self, entity: EntityId, verbs: Vec<Verb>) -> Result<(), Refusal>;
    fn set_sensor(&mut self, entity: EntityId, radius: f32) -> Result<(), Refusal>;
    fn set_speed(&mut self, entity: EntityId, metres_a_second: f32) -> Result<(), Refusal>;
    fn set_barrier(&mut self, name: &str, closed: bool) -> Result<(), Refusal>;
    fn go_to(&mut self, npc: EntityId, goal: Goal, within: f32) -> Result<Token, Refusal>;
    fn follow(&mut self, npc: EntityId, target: EntityId, distance: f32) -> Result<Token, Refusal>;
    fn halt(&mut self, npc: EntityId) -> Result<(), Refusal>;
    fn face(&mut self, npc: EntityId, goal: Goal) -> Result<(), Refusal>;
    fn chat(
        &mut self,
        speaker: EntityId,
        mode: ChatMode,
        text: String,
        listener: Option<EntityId>,
    ) -> Result<(), Refusal>;
    fn say_dialogue(
        &mut self,
        player: EntityId,
        dialogue: Token,
        npc: EntityId,
        text: String,
        choices: Vec<(String, String)>,
    ) -> Result<(), Refusal>;
    fn close_dialogue(&mut self, player: EntityId, dialogue: Token) -> Result<(), Refusal>;
    fn tell(&mut self, to: Hearers, name: String, data: String, latest: bool) -> Result<(), Refusal>;
    fn refuse(&mut self, player: EntityId, seq: u64, code: String, text: String) -> Result<(), Refusal>;
    fn set_timer(&mut self, token: Token, after: u32, every: Option<u32>) -> Result<(), Refusal>;
    fn cancel_timer(&mut self, token: Token);
    fn save_player(&mut self, player: EntityId, bytes: Vec<u8>) -> Result<(), Refusal>;
    fn send_to(&mut self, player: EntityId, destination: Destination) -> Result<(), Refusal>;
    fn kick(&mut self, player: EntityId, reason: String) -> Result<(), Refusal>;
    fn mute(&mut self, player: EntityId, ticks: u32) -> Result<(), Refusal>;
    fn send(&mut self, zone: &str, topic: String, body: Vec<u8>) -> Result<Token, Refusal>;
    fn reply(&mut self, request: Token, text: String) -> Result<(), Refusal>;
}

/// A setting's value as the runtime keeps it.
pub(crate) type Settings = std::collections::BTreeMap<String, Value>;
