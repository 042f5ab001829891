//! [`World`]: one zone in the real simulation, with everything around it played by the testkit.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wod_protocol::bus::{GatewayInput, GoneReason, ZoneItem, ZoneStream};
use wod_protocol::client::TagValue;
use wod_protocol::ids::{Digest, Epoch, GatewayId, HostId, SessionId, Token, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::world::{self, Zone as ZoneRules};
use wod_sim::io::{CallOutcome, Effects, Entry, Input, Report, Took};
use wod_sim::module::LogLevel;
use wod_sim::space::path::{self, PathFinder, Search};
use wod_sim::space::terrain::Terrain;
use wod_sim::zone::Zone as Simulation;
use wod_zone::dialogue::CONTENT;
use wod_zone::{Value, Zone};

use crate::build::{Parts, WorldBuilder, packed};
use crate::client::{Client, GATEWAY};
use crate::convert::Translate;
use crate::modules::{Natives, Work};
use crate::person::Person;
use crate::scene::{Scene, Sight, spot};
use crate::store::Store;

/// A module's message to another zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The zone it is for.
    pub zone: String,
    /// What about.
    pub topic: String,
    /// Free bytes.
    pub body: Vec<u8>,
}

/// One zone under test. See the crate's documentation.
pub struct World {
    rules: Arc<world::World>,
    number: ZoneNo,
    map: Arc<Map>,
    zone: Simulation,
    modules: Natives,
    inbox: Vec<Input>,
    effects: Effects,
    /// What a crash is recovered from.
    snapshot: Vec<u8>,
    journal: Vec<Entry>,
    pub(crate) clients: BTreeMap<String, Client>,
    store: Store,
    /// By other zone: items it has sent.
    peers: BTreeMap<ZoneNo, u64>,
    pub(crate) scene: Scene,
    letters: Vec<Letter>,
    counters: BTreeMap<String, u64>,
    logs: Vec<(LogLevel, String)>,
    answers: BTreeMap<u64, Result<String, String>>,
    requests: u64,
    tolerant: bool,
}

impl World {
    /// A world around a zone; [`WorldBuilder::start`] begins it.
    pub fn of<Z: Zone + Send>() -> WorldBuilder
    where
        Z::Player: Send,
    {
        WorldBuilder::of::<Z>()
    }

    pub(crate) fn begin(parts: Parts, modules: Natives, digest: Digest) -> Self {
        let Parts { rules, number, map, tolerant, .. } = parts;
        let zone = Simulation::new(Arc::clone(&rules), number);
        let owned = Input::Owned { epoch: Epoch(1), host: HostId::from("testkit"), how: Took::Fresh };
        let swap = Input::Swap { digest, probation: 0 };
        let mut scene = Scene::default();
        scene.closed.extend(map.barriers.iter().filter(|barrier| barrier.closed).map(|barrier| barrier.name.clone()));
        let mut world = Self {
            rules,
            number,
            map,
            zone,
            modules,
            inbox: vec![owned, swap],
            effects: Effects::default(),
            snapshot: Vec::new(),
            journal: Vec::new(),
            clients: BTreeMap::new(),
            store: Store::default(),
            peers: BTreeMap::new(),
            scene,
            letters: Vec::new(),
            counters: BTreeMap::new(),
            logs: Vec::new(),
            answers: BTreeMap::new(),
            requests: 0,
            tolerant,
        };
        world.tick();
        world.take_snapshot();
        world
    }

    // ---- time

    /// One tick.
    ///
    /// # Panics
    /// When the module faults or logs an error, unless the world tolerates faults.
    pub fn tick(&mut self) {
        self.clients_act();
        let inputs = std::mem::take(&mut self.inbox);
        let outcome = self.zone.step(&inputs, &mut self.modules, &mut self.effects);
        let quiet = inputs.is_empty() && !self.effects.binding && outcome == Default::default();
        if let Some(Err(fault)) = &outcome.swap {
            self.scene.note(self.zone.tick().0, format!("! the module was refused: {fault}"));
            assert!(self.tolerant, "the module was refused: {fault}");
        }
        for call in [&outcome.filter, &outcome.call] {
            let CallOutcome::Fault(fault) = call else { continue };
            self.scene.note(self.zone.tick().0, format!("! the module failed: {fault}"));
            assert!(self.tolerant, "the module failed: {fault}\n{}", self.transcript());
        }
        if !quiet {
            self.journal.push(self.zone.entry(inputs, outcome, &self.effects));
        }
        self.deliver();
        if self.zone.is_module_missing() {
            self.rebuild();
        }
    }

    /// So many seconds of game time.
    pub fn run(&mut self, seconds: f64) {
        for _ in 0..self.ticks(seconds) {
            self.tick();
        }
    }

    /// Until the condition holds, at most so many seconds.
    ///
    /// # Panics
    /// When it does not hold by then, with the transcript.
    pub fn run_until(&mut self, what: &str, seconds: f64, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..self.ticks(seconds) {
            if holds(self) {
                return;
            }
            self.tick();
        }
        assert!(holds(self), "not within {seconds} s: {what}\n{}", self.transcript());
    }

    /// Seconds of game time so far.
    pub fn seconds(&self) -> f64 {
        self.zone.game_ms() as f64 / 1000.0
    }

    // ---- people

    /// A player, who logs in if she is not here.
    ///
    /// # Panics
    /// When the zone does not let her in.
    pub fn player(&mut self, name: &str) -> Person<'_> {
        let number = self.clients.len() as u64 + 1;
        let client = self.clients.entry(name.to_owned()).or_insert_with(|| Client::new(name, number));
        if client.attached.is_none() {
            let login = client.login();
            self.give(login);
            self.await_attach(name);
        }
        Person::new(self, name)
    }

    /// An NPC or a thing as players saw it last.
    ///
    /// # Panics
    /// When no player has ever seen one of that name.
    pub fn npc(&self, name: &str) -> &Sight {
        let found = self.scene.seen.values().find(|sight| sight.name == name);
        found.unwrap_or_else(|| {
            let known: Vec<&str> = self.scene.seen.values().map(|sight| sight.name.as_str()).collect();
            panic!("no player has seen `{name}` yet; seen: {}", known.join(", "))
        })
    }

    /// Names of the players in the zone, those included whose connection is lost.
    pub fn players(&self) -> Vec<String> {
        self.zone.players().into_iter().map(|player| player.name).collect()
    }

    /// Somebody who has crossed over to another zone goes on in that world, which plays the zone: as it would, with all that was saved
    /// for her. False: she has not left this one.
    pub fn hand_over(&mut self, name: &str, to: &mut Self) -> bool {
        let Some(client) = self.clients.get(name) else { return false };
        if self.players().iter().any(|player| player == name) {
            return false;
        }
        let Some(record) = self.store.take(&client.sub) else { return false };
        to.store.adopt(record);
        to.player(name);
        true
    }

    // ---- what the module does

    /// Calls of the module so far (its `init` included). A tick in which nothing happens makes none.
    pub fn module_calls(&self) -> u64 {
        self.modules.work().calls
    }

    /// What the module has done so far: for tests of what a zone costs.
    pub fn module_work(&self) -> Work {
        self.modules.work()
    }

    /// Calls of the module while so many seconds pass.
    pub fn module_calls_during(&mut self, seconds: f64) -> u64 {
        let before = self.module_calls();
        self.run(seconds);
        self.module_calls() - before
    }

    /// What the module added to this counter.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// Lines the module logged.
    pub fn logs(&self) -> &[(LogLevel, String)] {
        &self.logs
    }

    /// Messages to other zones' modules; each is acknowledged.
    pub fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// Whether a barrier stands closed.
    pub fn is_closed(&self, barrier: &str) -> bool {
        self.scene.closed.contains(barrier)
    }

    /// What happened so far, for people and for snapshot tests: what players did and were shown.
    pub fn transcript(&self) -> String {
        self.scene.transcript(u64::from(self.zone_rules().tick_hz))
    }

    // ---- operators and other zones

    /// An operator asks, as by `wod ask`.
    pub fn ask(&mut self, question: &str) -> Result<String, String> {
        self.requests += 1;
        let request = self.requests;
        self.inbox.push(Input::Ask { request, operator: "tester".to_owned(), text: question.to_owned() });
        self.await_answer(request)
    }

    /// An operator changes a setting, as by `wod config set`.
    pub fn set_config(&mut self, name: &str, value: impl Into<Value>) -> Result<String, String> {
        self.requests += 1;
        let request = self.requests;
        let values: Vec<(String, TagValue)> = vec![(name.to_owned(), value.into().to())];
        self.inbox.push(Input::Config { request, values });
        let answer = self.await_answer(request);
        self.tick();
        answer
    }

    /// Another zone's module writes to this one.
    ///
    /// # Panics
    /// When the world has no such zone.
    pub fn letter_from(&mut self, zone: &str, topic: &str, body: &[u8]) {
        let from = self.rules.zone_named(zone).unwrap_or_else(|| panic!("the world has no zone `{zone}`")).number;
        let order = Token(1);
        let item = ZoneItem::Message { order, topic: topic.to_owned(), body: Bytes::copy_from_slice(body) };
        self.send_item(from, item, 0);
        self.tick();
    }

    // ---- what befalls hosts

    /// The host saves the zone, stops, and another goes on: as after an update or a move.
    ///
    /// # Panics
    /// When the zone can't be saved and restored.
    pub fn restart(&mut self) {
        self.take_snapshot();
        self.recover(Took::Migrated);
    }

    /// The host is killed: the zone goes on from an old snapshot and its journal. Nothing that anybody saw may be lost; every
    /// replayed tick must come out as it did.
    ///
    /// # Panics
    /// When a replayed tick comes out otherwise: the zone depends on something besides its state and its events.
    pub fn crash(&mut self) {
        self.recover(Took::Recovered);
    }

    /// Other dialogues for the versions that [`World::swap`] brings from now on: the text of a Yarn file.
    ///
    /// # Panics
    /// When it does not compile.
    pub fn rewrite(&mut self, yarn: &str) {
        let source = wod_dialogue::Source { name: "rewritten.yarn".to_owned(), text: yarn.to_owned() };
        let book = wod_dialogue::compile(&[source]).unwrap_or_else(|error| panic!("{error}"));
        self.modules.set_content(CONTENT, packed(&book));
    }

    /// Replaces the module by another version of it, as `wod swap` does.
    ///
    /// # Panics
    /// When the new version refuses the state of the old one, unless the world tolerates faults.
    pub fn swap<Z: Zone + Send>(&mut self)
    where
        Z::Player: Send,
    {
        let digest = self.modules.add::<Z>();
        self.inbox.push(Input::Swap { digest, probation: 0 });
        self.tick();
        self.tick();
    }

    // ---- inside

    pub(crate) fn give(&mut self, input: GatewayInput) {
        self.inbox.push(Input::Gateway { gateway: GatewayId::from(GATEWAY), input });
    }

    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.scene.note(self.zone.tick().0, line);
    }

    pub(crate) fn ticks(&self, seconds: f64) -> u64 {
        (seconds * f64::from(self.zone_rules().tick_hz)).ceil() as u64
    }

    pub(crate) fn await_attach(&mut self, name: &str) {
        const TICKS: u64 = 20;
        for _ in 0..TICKS {
            self.tick();
            let client = &self.clients[name];
            if let Some(refused) = &client.refused {
                panic!("{name} is not let in: {refused:?}");
            }
            if let Some(at) = client.attached.as_ref().map(|attached| attached.at) {
                return self.note(format!("{name} is here, at {}", spot(crate::scene::point(at))));
            }
        }
        panic!("{name} got no answer to her login");
    }

    /// The way from one point to another around everything that stands now; none: there is none.
    pub(crate) fn way(&self, name: &str, x: f32, y: f32) -> Option<Vec<wod_protocol::units::Pos>> {
        let mut terrain = Terrain::new(&self.map, self.zone_rules().bounds());
        terrain.restore_barriers(self.scene.closed.iter().map(String::as_str));
        let from = self.clients[name].at;
        let to = wod_protocol::units::Pos::from_metres(f64::from(x), f64::from(y));
        let mut way = Vec::new();
        let found = PathFinder::new().find(&terrain, from, to, &mut path::Work::PER_TICK.clone(), &mut way);
        (found == Search::Found).then_some(way)
    }

    fn zone_rules(&self) -> &ZoneRules {
        self.rules.zone(self.number).expect("the builder has found it")
    }

    fn clients_act(&mut self) {
        let tick_ms = 1000 / u64::from(self.zone_rules().tick_hz);
        let mut inputs = Vec::new();
        for client in self.clients.values_mut() {
            client.tick(tick_ms, &mut inputs);
        }
        inputs.into_iter().for_each(|input| self.give(input));
    }

    fn await_answer(&mut self, request: u64) -> Result<String, String> {
        const TICKS: u64 = 400;
        for _ in 0..TICKS {
            self.tick();
            if let Some(answer) = self.answers.remove(&request) {
                return answer;
            }
        }
        Err("no answer".to_owned())
    }

    /// Brings what the tick set off to clients, store and other zones.
    fn deliver(&mut self) {
        let effects = std::mem::take(&mut self.effects);
        let who: BTreeMap<SessionId, String> =
            self.clients.values().map(|client| (client.session, client.name.clone())).collect();
        for (_, frame) in &effects.frames {
            self.scene.read(frame, &who);
            self.clients.values_mut().for_each(|client| client.read(frame));
            for gone in &frame.gone {
                if let Some(name) = who.get(&gone.session) {
                    self.note_gone(name, &gone.why);
                }
            }
        }
        for (request, wish) in &effects.store {
            let answer = self.store.answer(self.number, wish);
            self.inbox.push(Input::Store { request: *request, answer });
        }
        for stream in &effects.streams {
            self.receive(stream);
        }
        self.answers.extend(effects.answers.iter().cloned());
        for report in &effects.reports {
            self.hear_report(report);
        }
        self.effects = effects;
    }

    fn note_gone(&mut self, name: &str, why: &GoneReason) {
        let line = match why {
            GoneReason::Crossed(zone) => {
                let zone = self.rules.zone(*zone).map(|zone| zone.name.to_string()).unwrap_or_default();
                format!("{name} goes to {zone}")
            }
            GoneReason::LoggedOut => format!("{name} has gone"),
            GoneReason::Kicked(reason) => format!("{name} is put out: {reason}"),
            GoneReason::Replaced | GoneReason::TooSlow | GoneReason::Outdated => format!("{name} loses her connection"),
        };
        self.note(line);
    }

    /// Another zone's end of a stream: everything is taken and acknowledged.
    fn receive(&mut self, stream: &ZoneStream) {
        let mut letters = Vec::new();
        for (_, item) in &stream.items {
            match item {
                ZoneItem::Player(player) => {
                    self.store.moved_on(player, stream.to);
                    self.store.set_offline(&player.sub);
                }
                ZoneItem::Message { order, topic, body } => {
                    let zone = self.rules.zone(stream.to).map(|zone| zone.name.to_string()).unwrap_or_default();
                    self.letters.push(Letter { zone, topic: topic.clone(), body: body.to_vec() });
                    letters.push(*order);
                }
                _ => {}
            }
        }
        let acked = stream.items.last().map_or(stream.after, |(number, _)| *number);
        let after = *self.peers.entry(stream.to).or_default();
        let part = ZoneStream { from: stream.to, to: self.number, after, items: vec![], acked, settled: after };
        self.inbox.push(Input::Stream(part));
        for order in letters {
            self.send_item(stream.to, ZoneItem::Receipt { order, delivered: true }, acked);
        }
    }

    fn send_item(&mut self, from: ZoneNo, item: ZoneItem, acked: u64) {
        let sent = self.peers.entry(from).or_default();
        let after = *sent;
        *sent += 1;
        let items = vec![(*sent, item)];
        self.inbox.push(Input::Stream(ZoneStream { from, to: self.number, after, items, acked, settled: after }));
    }

    fn hear_report(&mut self, report: &Report) {
        match report {
            Report::Log(level, text, _) => {
                self.logs.push((*level, text.clone()));
                if matches!(level, LogLevel::Error | LogLevel::Warn) {
                    self.note(format!("! {text}"));
                }
                let is_error = *level == LogLevel::Error;
                assert!(self.tolerant || !is_error, "the zone logged an error: {text}\n{}", self.transcript());
            }
            Report::Count(name, by) => *self.counters.entry(name.clone()).or_default() += by,
            _ => {}
        }
    }

    fn take_snapshot(&mut self) {
        self.snapshot = self.zone.snapshot().unwrap_or_else(|error| panic!("the zone can't be saved: {error}"));
        self.journal.clear();
    }

    /// Another owner takes the zone over from snapshot and journal.
    fn recover(&mut self, how: Took) {
        let work = self.modules.work();
        let epoch = self.zone.epoch().next();
        self.zone = self.replayed();
        self.modules.set_work(work);
        self.inbox.insert(0, Input::Owned { epoch, host: HostId::from("testkit"), how });
        self.note(if how == Took::Recovered {
            "--- the host is killed, another goes on"
        } else {
            "--- the host restarts"
        });
        self.tick();
    }

    /// A copy of the zone, out of snapshot and journal.
    fn replayed(&mut self) -> Simulation {
        let mut copy = Simulation::restore(Arc::clone(&self.rules), self.number, &self.snapshot, &mut self.modules)
            .unwrap_or_else(|error| panic!("the zone can't be restored: {error}"));
        let mut effects = Effects::default();
        for entry in &self.journal {
            if let Err(diverged) = copy.replay(entry, &mut self.modules, &mut effects) {
                panic!("replaying the zone came out otherwise: {diverged}");
            }
        }
        copy
    }

    /// After a fault: a new instance, with the state of just before it.
    fn rebuild(&mut self) {
        let work = self.modules.work();
        let mut copy = self.replayed();
        self.modules.set_work(work);
        self.modules.rebuilt = copy.take_parked_module();
        self.inbox.push(Input::Rebuilt);
    }
}
