//! A guest zone as a native module of the simulation: no wasm, the same code.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wod_protocol::ids::Seq;
use wod_sim::module::{
    Description, Event, Fault, FaultKind, Frame, HostCalls, Line, Module, Returned, Saved, Setup, Verdict,
};
use wod_zone::{
    ChatMode, Destination, EntityId, Filter, Goal, Hearers, Host, LogLevel, Neighbour, Place, Point, Refusal, Runtime,
    Snapshot, Spawning, Tag, Token, Verb, View, Zone,
};

use crate::convert::Translate;

/// What is packed beside a module's code, by name.
pub(crate) type Content = BTreeMap<String, Vec<u8>>;
/// What a world's instances have done, over all of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Calls of `init`, `tick` and `filter`.
    pub(crate) calls: AtomicU64,
    /// Events told in these calls.
    pub(crate) events: AtomicU64,
    /// Acts asked for in these calls, those included that were refused.
    pub(crate) acts: AtomicU64,
}

/// An instance of the zone `Z`. A panic in it is a trap, as on wasm.
pub(crate) struct Native<Z: Zone> {
    runtime: Runtime<Z>,
    description: Description,
    tally: Arc<Tally>,
    content: Arc<Content>,
}

impl<Z: Zone + Send> Native<Z>
where
    Z::Player: Send,
{
    /// A fresh instance that counts what it does there.
    pub(crate) fn new(tally: Arc<Tally>, content: Arc<Content>) -> Self {
        Self { runtime: Runtime::new(), description: Runtime::<Z>::describe().to(), tally, content }
    }

    /// Runs the zone's code with the host behind it.
    fn call<T>(
        &mut self,
        mut calls: Box<dyn HostCalls>,
        run: impl FnOnce(&mut Runtime<Z>, &mut dyn Host) -> wod_zone::Result<T>,
    ) -> Returned<T> {
        self.tally.calls.fetch_add(1, Ordering::Relaxed);
        let mut host = Bridge(&mut *calls, &self.tally, &self.content);
        let ended = catch_unwind(AssertUnwindSafe(|| run(&mut self.runtime, &mut host)));
        let fault = |kind, detail| Fault { kind, detail, event: calls.marked() };
        let result = match ended {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(fault(FaultKind::Refused, error.to_string())),
            Err(panic) => Err(fault(FaultKind::Trap, words_of(&*panic))),
        };
        Returned { calls, result }
    }
}

impl<Z: Zone + Send> Module for Native<Z>
where
    Z::Player: Send,
{
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        self.call(calls, |runtime, host| runtime.init(host, setup.to()))
    }

    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        self.tally.events.fetch_add(events.len() as u64, Ordering::Relaxed);
        self.call(calls, |runtime, host| {
            runtime.tick(host, frame.to(), events.to_vec().to());
            Ok(())
        })
    }

    fn filters(&self) -> bool {
        Z::CHAT_FILTER
    }

    fn filter(&mut self, frame: &Frame, lines: &[Line], calls: Box<dyn HostCalls>) -> Returned<Vec<Verdict>> {
        self.call(calls, |runtime, host| Ok(runtime.filter(host, frame.to(), lines.to_vec().to()).to()))
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        let saved = self.runtime.save().map_err(refused)?;
        Ok(Saved { schema: saved.schema, bytes: saved.bytes })
    }

    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        let saved = Snapshot { schema: saved.schema, bytes: saved.bytes.clone() };
        self.runtime.load(setup.to(), &saved).map_err(refused)
    }
}

fn refused(error: wod_zone::Error) -> Fault {
    Fault { kind: FaultKind::Refused, detail: error.to_string(), event: None }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

/// The simulation's host calls in the SDK's words, what they are counted in, and what a file carries beside them.
struct Bridge<'a>(&'a mut dyn HostCalls, &'a Tally, &'a Content);

impl Bridge<'_> {
    /// The host, to act through.
    fn act(&mut self) -> &mut dyn HostCalls {
        self.1.acts.fetch_add(1, Ordering::Relaxed);
        self.0
    }
}

type Done = Result<(), Refusal>;

/// A result in the other crate's words.
fn done<T, U: Translate<T>>(result: Result<U, wod_sim::module::Refusal>) -> Result<T, Refusal> {
    result.map(Translate::to).map_err(Translate::to)
}

fn unit(result: Result<(), wod_sim::module::Refusal>) -> Done {
    result.map_err(Translate::to)
}

impl Host for Bridge<'_> {
    fn entity(&self, id: EntityId) -> Option<View> {
        self.0.entity(id.to()).to()
    }

    fn nearby(&self, center: Point, radius: f32, filter: &Filter, limit: u32) -> Vec<Neighbour> {
        self.0.nearby(center.to(), radius, &filter.to(), limit).to()
    }

    fn nearest(&self, center: Point, count: u32, filter: &Filter) -> Vec<Neighbour> {
        self.0.nearest(center.to(), count, &filter.to()).to()
    }

    fn line_of_sight(&self, a: Point, b: Point) -> bool {
        self.0.line_of_sight(a.to(), b.to())
    }

    fn path(&mut self, a: Point, b: Point) -> Option<Vec<Point>> {
        self.0.path(a.to(), b.to()).to()
    }

    fn places(&self, name: &str) -> Vec<Place> {
        self.0.places(name).to()
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.2.get(name).cloned()
    }

    fn random(&mut self) -> u64 {
        self.0.random()
    }

    fn progress(&mut self, index: u32) {
        self.0.progress(index);
    }

    fn log(&mut self, level: LogLevel, message: String, fields: Vec<(String, String)>) {
        self.0.log(level.to(), message, fields);
    }

    fn count(&mut self, counter: &str, by: u64) {
        self.0.count(counter.to_owned(), by);
    }

    fn gauge(&mut self, gauge: &str, value: f64) {
        self.0.gauge(gauge.to_owned(), value);
    }

    fn observe(&mut self, histogram: &str, value: f64) {
        self.0.observe(histogram.to_owned(), value);
    }

    fn spawn(&mut self, what: Spawning) -> Result<EntityId, Refusal> {
        done(self.act().spawn(what.to()))
    }

    fn despawn(&mut self, entity: EntityId) -> Done {
        unit(self.act().despawn(entity.to()))
    }

    fn place(&mut self, entity: EntityId, at: Point, heading: Option<f32>) -> Done {
        unit(self.act().place(entity.to(), at.to(), heading))
    }

    fn rename(&mut self, entity: EntityId, name: String) -> Done {
        unit(self.act().rename(entity.to(), name))
    }

    fn set_tags(&mut self, entity: EntityId, put: Vec<Tag>, remove: Vec<String>) -> Done {
        unit(self.act().set_tags(entity.to(), put.to(), remove))
    }

    fn set_verbs(&mut self, entity: EntityId, verbs: Vec<Verb>) -> Done {
        unit(self.act().set_verbs(entity.to(), verbs.to()))
    }

    fn set_sensor(&mut self, entity: EntityId, radius: f32) -> Done {
        unit(self.act().set_sensor(entity.to(), radius))
    }

    fn set_speed(&mut self, entity: EntityId, metres_a_second: f32) -> Done {
        unit(self.act().set_speed(entity.to(), metres_a_second))
    }

    fn set_barrier(&mut self, name: &str, closed: bool) -> Done {
        unit(self.act().set_barrier(name, closed))
    }

    fn go_to(&mut self, npc: EntityId, goal: Goal, within: f32) -> Result<Token, Refusal> {
        done(self.act().go_to(npc.to(), goal.to(), within))
    }

    fn follow(&mut self, npc: EntityId, target: EntityId, distance: f32) -> Result<Token, Refusal> {
        done(self.act().follow(npc.to(), target.to(), distance))
    }

    fn halt(&mut self, npc: EntityId) -> Done {
        unit(self.act().halt(npc.to()))
    }

    fn face(&mut self, npc: EntityId, goal: Goal) -> Done {
        unit(self.act().face(npc.to(), goal.to()))
    }

    fn chat(&mut self, speaker: EntityId, mode: ChatMode, text: String, listener: Option<EntityId>) -> Done {
        unit(self.act().chat(speaker.to(), mode.to(), text, listener.to()))
    }

    fn say_dialogue(
        &mut self,
        player: EntityId,
        dialogue: Token,
        npc: EntityId,
        text: String,
        choices: Vec<(String, String)>,
    ) -> Done {
        unit(self.act().say_dialogue(player.to(), dialogue.to(), npc.to(), text, choices))
    }

    fn close_dialogue(&mut self, player: EntityId, dialogue: Token) -> Done {
        unit(self.act().close_dialogue(player.to(), dialogue.to()))
    }

    fn tell(&mut self, to: Hearers, name: String, data: String, latest: bool) -> Done {
        unit(self.act().tell(to.to(), name, data, latest))
    }

    fn refuse(&mut self, player: EntityId, seq: u64, code: String, text: String) -> Done {
        unit(self.act().refuse(player.to(), Seq(seq), code, text))
    }

    fn set_timer(&mut self, token: Token, after: u32, every: Option<u32>) -> Done {
        unit(self.act().set_timer(token.to(), after, every))
    }

    fn cancel_timer(&mut self, token: Token) {
        self.act().cancel_timer(token.to());
    }

    fn save_player(&mut self, player: EntityId, bytes: Vec<u8>) -> Done {
        unit(self.act().save_player(player.to(), bytes))
    }

    fn send_to(&mut self, player: EntityId, destination: Destination) -> Done {
        unit(self.act().send_to(player.to(), destination.to()))
    }

    fn kick(&mut self, player: EntityId, reason: String) -> Done {
        unit(self.act().kick(player.to(), reason))
    }

    fn mute(&mut self, player: EntityId, ticks: u32) -> Done {
        unit(self.act().mute(player.to(), ticks))
    }

    fn send(&mut self, zone: &str, topic: String, body: Vec<u8>) -> Result<Token, Refusal> {
        done(self.act().send(zone, topic, body))
    }

    fn reply(&mut self, request: Token, text: String) -> Done {
        unit(self.act().reply(request.to(), text))
    }
}
