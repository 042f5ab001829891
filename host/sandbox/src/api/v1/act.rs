//! `wod:zone/act`: what a module asks of the zone. Whether it may, the zone decides (`HostCalls`); this only translates.

use wod_protocol::client::Verb;
use wod_protocol::ids::{EntityId, Seq, Token};
use wod_sim::module::{self, HostCalls, Refusal, Tag};

use super::bindings::wod::zone::act::{Choice, Destination, Goal, Hearers, Host, Spawning};
use super::bindings::wod::zone::types::{self, ChatMode, Point};
use crate::cell::State;

/// How an act fails.
pub(crate) enum ActError {
    /// The module gets this answer.
    Refused(Refusal),
    /// No act may be called here: the module ends.
    Trap(wasmtime::Error),
}

impl From<Refusal> for ActError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl State {
    fn acting(&mut self, act: &'static str) -> Result<&mut dyn HostCalls, ActError> {
        self.calls(act).map_err(ActError::Trap)
    }
}

/// `Ok` is what the module gets.
type Answer<T = ()> = Result<T, ActError>;

impl Host for State {
    fn spawn(&mut self, what: Spawning) -> Answer<u64> {
        Ok(self.acting("act.spawn")?.spawn(what.into())?.0)
    }

    fn despawn(&mut self, entity: u64) -> Answer {
        Ok(self.acting("act.despawn")?.despawn(EntityId(entity))?)
    }

    fn place(&mut self, entity: u64, at: Point, heading: Option<f32>) -> Answer {
        Ok(self.acting("act.place")?.place(EntityId(entity), at.into(), heading)?)
    }

    fn rename(&mut self, entity: u64, name: String) -> Answer {
        Ok(self.acting("act.rename")?.rename(EntityId(entity), name)?)
    }

    fn set_tags(&mut self, entity: u64, put: Vec<types::Tag>, remove: Vec<String>) -> Answer {
        Ok(self.acting("act.set-tags")?.set_tags(EntityId(entity), tags(put), remove)?)
    }

    fn set_verbs(&mut self, entity: u64, list: Vec<types::Verb>) -> Answer {
        Ok(self.acting("act.set-verbs")?.set_verbs(EntityId(entity), verbs(list))?)
    }

    fn set_sensor(&mut self, entity: u64, radius: f32) -> Answer {
        Ok(self.acting("act.set-sensor")?.set_sensor(EntityId(entity), radius)?)
    }

    fn set_speed(&mut self, entity: u64, metres_a_second: f32) -> Answer {
        Ok(self.acting("act.set-speed")?.set_speed(EntityId(entity), metres_a_second)?)
    }

    fn set_barrier(&mut self, name: String, closed: bool) -> Answer {
        Ok(self.acting("act.set-barrier")?.set_barrier(&name, closed)?)
    }

    fn go_to(&mut self, npc: u64, goal: Goal, within: f32) -> Answer<u64> {
        Ok(self.acting("act.go-to")?.go_to(EntityId(npc), goal.into(), within)?.0)
    }

    fn follow(&mut self, npc: u64, target: u64, distance: f32) -> Answer<u64> {
        Ok(self.acting("act.follow")?.follow(EntityId(npc), EntityId(target), distance)?.0)
    }

    fn halt(&mut self, npc: u64) -> Answer {
        Ok(self.acting("act.halt")?.halt(EntityId(npc))?)
    }

    fn face(&mut self, npc: u64, goal: Goal) -> Answer {
        Ok(self.acting("act.face")?.face(EntityId(npc), goal.into())?)
    }

    fn chat(&mut self, speaker: u64, mode: ChatMode, text: String, listener: Option<u64>) -> Answer {
        let listener = listener.map(EntityId);
        Ok(self.acting("act.chat")?.chat(EntityId(speaker), mode.into(), text, listener)?)
    }

    fn say_dialogue(&mut self, player: u64, dialogue: u64, npc: u64, text: String, choices: Vec<Choice>) -> Answer {
        let choices = choices.into_iter().map(|Choice { id, text }| (id, text)).collect();
        let calls = self.acting("act.say-dialogue")?;
        Ok(calls.say_dialogue(EntityId(player), Token(dialogue), EntityId(npc), text, choices)?)
    }

    fn close_dialogue(&mut self, player: u64, dialogue: u64) -> Answer {
        Ok(self.acting("act.close-dialogue")?.close_dialogue(EntityId(player), Token(dialogue))?)
    }

    fn tell(&mut self, to: Hearers, name: String, data: String, latest: bool) -> Answer {
        Ok(self.acting("act.tell")?.tell(to.into(), name, data, latest)?)
    }

    fn refuse(&mut self, player: u64, seq: u64, code: String, text: String) -> Answer {
        Ok(self.acting("act.refuse")?.refuse(EntityId(player), Seq(seq), code, text)?)
    }

    fn set_timer(&mut self, token: u64, after: u32, every: Option<u32>) -> Answer {
        Ok(self.acting("act.set-timer")?.set_timer(Token(token), after, every)?)
    }

    fn cancel_timer(&mut self, token: u64) -> wasmtime::Result<()> {
        self.calls("act.cancel-timer")?.cancel_timer(Token(token));
        Ok(())
    }

    fn save_player(&mut self, player: u64, bytes: Vec<u8>) -> Answer {
        Ok(self.acting("act.save-player")?.save_player(EntityId(player), bytes)?)
    }

    fn send_to(&mut self, player: u64, destination: Destination) -> Answer {
        Ok(self.acting("act.send-to")?.send_to(EntityId(player), destination.into())?)
    }

    fn kick(&mut self, player: u64, reason: String) -> Answer {
        Ok(self.acting("act.kick")?.kick(EntityId(player), reason)?)
    }

    fn mute(&mut self, player: u64, ticks: u32) -> Answer {
        Ok(self.acting("act.mute")?.mute(EntityId(player), ticks)?)
    }

    fn send(&mut self, zone: String, topic: String, body: Vec<u8>) -> Answer<u64> {
        Ok(self.acting("act.send")?.send(&zone, topic, body)?.0)
    }

    fn reply(&mut self, request: u64, text: String) -> Answer {
        Ok(self.acting("act.reply")?.reply(Token(request), text)?)
    }
}

fn tags(tags: Vec<types::Tag>) -> Vec<Tag> {
    tags.into_iter().map(Into::into).collect()
}

fn verbs(verbs: Vec<types::Verb>) -> Vec<Verb> {
    verbs.into_iter().map(Into::into).collect()
}

impl From<Spawning> for module::Spawning {
    fn from(what: Spawning) -> Self {
        Self {
            kind: what.kind.into(),
            name: what.name,
            at: what.at.into(),
            heading: what.heading,
            tags: tags(what.tags),
            verbs: verbs(what.verbs),
        }
    }
}

impl From<Goal> for module::Goal {
    fn from(goal: Goal) -> Self {
        match goal {
            Goal::Point(point) => Self::Point(point.into()),
            Goal::Entity(entity) => Self::Entity(EntityId(entity)),
            Goal::Place(name) => Self::Place(name),
        }
    }
}

impl From<Hearers> for module::Hearers {
    fn from(hearers: Hearers) -> Self {
        match hearers {
            Hearers::Player(player) => Self::Player(EntityId(player)),
            Hearers::Near((point, metres)) => Self::Near(point.into(), metres),
            Hearers::Zone => Self::Zone,
        }
    }
}

impl From<Destination> for module::Destination {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Portal(name) => Self::Portal(name),
            Destination::Zone((zone, place)) => Self::Zone(zone, place),
        }
    }
}
