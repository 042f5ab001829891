//! [`Host`] by the component's imports.

use super::bindings::wod::zone::{act, content, log, metrics, progress, query, random};
use crate::handle::{EntityId, Token};
use crate::host::Host;
use crate::types::{
    ChatMode, Destination, Filter, Goal, Hearers, LogLevel, Neighbour, Place, Point, Refusal, Spawning, Tag, Value,
    Verb, View,
};

/// The host, as the component reaches it.
pub(super) struct Imports;

type Done = Result<(), Refusal>;

fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(Into::into).collect()
}

impl Host for Imports {
    fn entity(&self, id: EntityId) -> Option<View> {
        query::entity(id.0).map(Into::into)
    }

    fn nearby(&self, center: Point, radius: f32, filter: &Filter, limit: u32) -> Vec<Neighbour> {
        all(query::nearby(center.into(), radius, &filter.into(), limit))
    }

    fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour> {
        all(query::nearest(center.into(), count, &filter.into()))
    }

    fn line_of_sight(&self, a: Point, b: Point) -> bool {
        query::line_of_sight(a.into(), b.into())
    }

    fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>> {
        query::path(a.into(), b.into()).map(all)
    }

    fn places(&self, name: &str) -> Vec<Place> {
        all(query::places(name))
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        content::read(name)
    }

    fn random(&mut self) -> u64 {
        random::next()
    }

    fn progress(&mut self, index: u32) {
        progress::at(index);
    }

    fn log(&mut self, level: LogLevel, message: String, fields: Vec<(String, String)>) {
        log::write(level.into(), &message, &fields);
    }

    fn count(&mut self, counter: &str, by: u64) {
        metrics::add(counter, by);
    }

    fn gauge(&mut self, gauge: &str, value: f64) {
        metrics::set(gauge, value);
    }

    fn observe(&mut self, histogram: &str, value: f64) {
        metrics::observe(histogram, value);
    }

    fn spawn(&mut self, what: Spawning) -> Result<EntityId, Refusal> {
        let id = act::spawn(&what.into())?;
        Ok(EntityId(id))
    }

    fn despawn(&mut self, entity: EntityId) -> Done {
        Ok(act::despawn(entity.0)?)
    }

    fn place(&mut self, entity: EntityId, at: Point, heading: Option<f32>) -> Done {
        Ok(act::place(entity.0, at.into(), heading)?)
    }

    fn rename(&mut self, entity: EntityId, name: String) -> Done {
        Ok(act::rename(entity.0, &name)?)
    }

    fn set_tags(&mut self, entity: EntityId, put: Vec<Tag>, remove: Vec<String>) -> Done {
        Ok(act::set_tags(entity.0, &all(put), &remove)?)
    }

    fn set_verbs(&mut self, entity: EntityId, verbs: Vec<Verb>) -> Done {
        Ok(act::set_verbs(entity.0, &all(verbs))?)
    }

    fn set_sensor(&mut self, entity: EntityId, radius: f32) -> Done {
        Ok(act::set_sensor(entity.0, radius)?)
    }

    fn set_speed(&mut self, entity: EntityId, metres_a_second: f32) -> Done {
        Ok(act::set_speed(entity.0, metres_a_second)?)
    }

    fn set_barrier(&mut self, name: &str, closed: bool) -> Done {
        Ok(act::set_barrier(name, closed)?)
    }

    fn go_to(&mut self, npc: EntityId, goal: Goal, within: f32) -> Result<Token, Refusal> {
        Ok(Token(act::go_to(npc.0, &goal.into(), within)?))
    }

    fn follow(&mut self, npc: EntityId, target: EntityId, distance: f32) -> Result<Token, Refusal> {
        Ok(Token(act::follow(npc.0, target.0, distance)?))
    }

    fn halt(&mut self, npc: EntityId) -> Done {
        Ok(act::halt(npc.0)?)
    }

    fn face(&mut self, npc: EntityId, goal: Goal) -> Done {
        Ok(act::face(npc.0, &goal.into())?)
    }

    fn chat(&mut self, speaker: EntityId, mode: ChatMode, text: String, listener: Option<EntityId>) -> Done {
        Ok(act::chat(speaker.0, mode.into(), &text, listener.map(|id| id.0))?)
    }

    fn say_dialogue(
        &mut self,
        player: EntityId,
        dialogue: Token,
        npc: EntityId,
        text: String,
        choices: Vec<(String, String)>,
    ) -> Done {
        let choices: Vec<_> = choices.into_iter().map(|(id, text)| act::Choice { id, text }).collect();
        Ok(act::say_dialogue(player.0, dialogue.0, npc.0, &text, &choices)?)
    }

    fn close_dialogue(&mut self, player: EntityId, dialogue: Token) -> Done {
        Ok(act::close_dialogue(player.0, dialogue.0)?)
    }

    fn tell(&mut self, to: Hearers, name: String, data: String, latest: bool) -> Done {
        Ok(act::tell(to.into(), &name, &data, latest)?)
    }

    fn refuse(&mut self, player: EntityId, seq: u64, code: String, text: String) -> Done {
        Ok(act::refuse(player.0, seq, &code, &text)?)
    }

    fn set_timer(&mut self, token: Token, after: u32, every: Option<u32>) -> Done {
        Ok(act::set_timer(token.0, after, every)?)
    }

    fn cancel_timer(&mut self, token: Token) {
        act::cancel_timer(token.0);
    }

    fn save_player(&mut self, player: EntityId, bytes: Vec<u8>) -> Done {
        Ok(act::save_player(player.0, &bytes)?)
    }

    fn send_to(&mut self, player: EntityId, destination: Destination) -> Done {
        Ok(act::send_to(player.0, &destination.into())?)
    }

    fn kick(&mut self, player: EntityId, reason: String) -> Done {
        Ok(act::kick(player.0, &reason)?)
    }

    fn mute(&mut self, player: EntityId, ticks: u32) -> Done {
        Ok(act::mute(player.0, ticks)?)
    }

    fn send(&mut self, zone: &str, topic: String, body: Vec<u8>) -> Result<Token, Refusal> {
        Ok(Token(act::send(zone, &topic, &body)?))
    }

    fn reply(&mut self, request: Token, text: String) -> Done {
        Ok(act::reply(request.0, &text)?)
    }
}

/// A setting's or tag's value crosses in both directions.
pub(super) fn pairs(items: Vec<(String, super::bindings::wod::zone::types::Value)>) -> Vec<(String, Value)> {
    items.into_iter().map(|(name, value)| (name, value.into())).collect()
}
