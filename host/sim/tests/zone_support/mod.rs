//! A small world in one thread: zones with a scripted module, a store, clients behind a gateway, and streams between zones that
//! may be lost and doubled. Every journaled tick is replayed by a second copy of its zone, which must come out the same.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "tests")]

pub mod client;
pub mod puppet;
pub mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use wod_protocol::bus::{BorderFrame, GatewayInput, ZoneStream};
use wod_protocol::ids::{Digest, Epoch, GatewayId, HostId, ZoneNo};
use wod_protocol::map::{Map, Place as Spot, Portal, Shape};
use wod_protocol::world::World;
use wod_sim::io::{Effects, Entry, Input, Outcome, Took};
use wod_sim::module::{Fault, FaultKind, Module};
use wod_sim::zone::{Modules, Prepared, Retrace, Zone};

pub use client::Client;
pub use puppet::Puppet;
use store::Store;

pub const GATE: &str = "g1";
/// West of `EAST`, which it borders at x = 100.
pub const WEST: ZoneNo = ZoneNo(1);
pub const EAST: ZoneNo = ZoneNo(2);
/// North of `WEST`, at y = 100; `EAST` touches it in a corner.
pub const NORTH: ZoneNo = ZoneNo(4);
/// In another region, behind a portal.
pub const FAR: ZoneNo = ZoneNo(3);

pub fn world() -> Arc<World> {
    let text = r#"
        start = "ny.west"
        [[zone]]
        name = "ny.west"
        number = 1
        module = "puppet"
        origin = [0, 0]
        size = [100, 100]
        players = 40
        [zone.portals]
        gate = "la.far/landing"
        [zone.config]
        greeting = "welcome"
        [[zone]]
        name = "ny.east"
        number = 2
        module = "puppet"
        origin = [100, 0]
        size = [100, 100]
        [[zone]]
        name = "ny.north"
        number = 4
        module = "puppet"
        origin = [0, 100]
        size = [100, 100]
        [[zone]]
        name = "la.far"
        number = 3
        module = "puppet"
        origin = [0, 0]
        size = [100, 100]
        [zone.portals]
        gate = "ny.west"
    "#;
    Arc::new(World::parse(text).unwrap())
}

/// 100 m square, a place `landing`, a portal `gate` in the corner, a spot for spawning in the middle.
pub fn map() -> Map {
    let mut map = Map::empty(100.0, 100.0);
    map.places.push(Spot { name: "landing".into(), at: [20.0, 20.0], radius: 0.0, properties: BTreeMap::new() });
    map.portals.push(Portal { name: "gate".into(), at: [90.0, 90.0], radius: 2.0 });
    map
}

/// The same with a wall over the spawn point.
pub fn walled_map() -> Map {
    let mut map = map();
    let points = vec![[45.0, 45.0], [55.0, 45.0], [55.0, 55.0], [45.0, 55.0]];
    map.walls.push(Shape { points, closed: true });
    map
}

/// What the test world's components are called by.
pub fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// Hands out puppets: `one` and `two` are versions, `three` has a schema that they can't load, `walled` has another map, `broken` does
/// not load, `loud` and `fragile` echo otherwise, `unmarked` does not say which event it
/// handles, `forgetful` saves nothing of players who poke, `hushed` and `strict` judge what players say.
#[derive(Default)]
pub struct Puppets {
    pub rebuilt: Option<Box<dyn Module>>,
}

impl Modules for Puppets {
    fn take(&mut self, wanted: &Digest) -> Result<Prepared, Fault> {
        let versions = ["one", "two", "three", "walled", "broken", "loud", "fragile", "unmarked", "forgetful"];
        let known = versions.into_iter().chain(["hushed", "strict"]).find(|name| digest(name) == *wanted);
        let fault = Fault { kind: FaultKind::NotLoadable, detail: "no such component".into(), event: None };
        let name = known.ok_or(fault)?;
        let map = if name == "walled" { walled_map() } else { map() };
        let map_digest = Digest::of(&map.to_json());
        Ok(Prepared { module: Box::new(Puppet::new(name)), map: Arc::new(map), map_digest })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        let fault = Fault { kind: FaultKind::NotLoadable, detail: "nothing was rebuilt".into(), event: None };
        self.rebuilt.take().ok_or(fault)
    }
}

/// A zone, what waits for it, and a copy that follows its journal.
pub struct Node {
    pub number: ZoneNo,
    pub zone: Zone,
    pub modules: Puppets,
    pub inbox: Vec<Input>,
    pub journal: Vec<Entry>,
    pub copy: Option<Zone>,
    pub effects: Effects,
    pub outcome: Outcome,
}

impl Node {
    pub fn new(number: ZoneNo) -> Self {
        let owned = Input::Owned { epoch: Epoch(1), host: HostId::from("h1"), how: Took::Fresh };
        let swap = Input::Swap { digest: digest("one"), probation: 0 };
        Self {
            number,
            zone: Zone::new(world(), number),
            modules: Puppets::default(),
            inbox: vec![owned, swap],
            journal: Vec::new(),
            copy: Some(Zone::new(world(), number)),
            effects: Effects::default(),
            outcome: Outcome::default(),
        }
    }

    /// Steps, journals as a host does, and replays the entry with the copy.
    pub fn step(&mut self) {
        let inputs = std::mem::take(&mut self.inbox);
        if inputs.contains(&Input::Rebuilt) && self.zone.is_module_missing() {
            self.modules.rebuilt = Some(self.rebuild());
        }
        self.outcome = self.zone.step(&inputs, &mut self.modules, &mut self.effects);
        if inputs.is_empty() && !self.effects.binding {
            return;
        }
        let entry = self.zone.entry(inputs, self.outcome.clone(), &self.effects);
        let entry = Entry::decode(&entry.encode()).unwrap();
        if let Some(copy) = &mut self.copy {
            let mut effects = Effects::default();
            copy.replay(&entry, &mut Puppets::default(), &mut effects).unwrap();
        }
        self.journal.push(entry);
    }

    /// What a host does after a fault: another copy replays the journal, and its module stands as before the fault.
    pub fn rebuild(&self) -> Box<dyn Module> {
        let mut copy = Zone::new(world(), self.number);
        let mut effects = Effects::default();
        for entry in &self.journal {
            copy.replay(entry, &mut Puppets::default(), &mut effects).unwrap();
        }
        copy.take_parked_module().unwrap()
    }

    /// What a host makes of a suspended module: the version before lives the journal again. None: it fails at that.
    pub fn retrace(&self) -> Option<Input> {
        let terms = self.zone.terms();
        let mut retrace = Retrace::new(Zone::new(world(), self.number), terms.since, terms.untold?);
        let mut effects = Effects::default();
        let mut entries = self.journal.iter();
        while !retrace.step(entries.next()?, &mut Puppets::default(), &mut effects).ok()? {}
        Some(Input::Rewound { parts: retrace.finish().ok()? })
    }

    /// Catches the copy up with ticks that were not journaled, and compares.
    pub fn check_copy(&mut self) {
        let Some(copy) = &mut self.copy else { return };
        let mut effects = Effects::default();
        while copy.tick() < self.zone.tick() {
            copy.step(&[], &mut Puppets::default(), &mut effects);
        }
        assert_eq!(copy.state_hash(), self.zone.state_hash(), "the replayed copy differs");
    }
}

/// Zones, store and clients.
pub struct Town {
    pub nodes: BTreeMap<ZoneNo, Node>,
    pub store: Store,
    pub clients: Vec<Client>,
    /// Of 100 parts between zones, and of 100 answers of the store.
    pub loss: u64,
    pub doubling: u64,
    /// Of 100 border frames.
    pub border_loss: u64,
    /// Border frames come up to so many ticks late, and so in any order.
    pub lag: u64,
    pub chance: Chance,
    /// Still under way: to be delivered by a later tick.
    late: Vec<(ZoneNo, Input)>,
    /// The same, in so many ticks.
    lagging: Vec<(u64, ZoneNo, Input)>,
    pub answers: Vec<(u64, Result<String, String>)>,
}

impl Town {
    pub fn new(zones: &[ZoneNo]) -> Self {
        let mut town = Self {
            nodes: zones.iter().map(|number| (*number, Node::new(*number))).collect(),
            store: Store::default(),
            clients: Vec::new(),
            loss: 0,
            doubling: 0,
            border_loss: 0,
            lag: 0,
            chance: Chance(7),
            late: Vec::new(),
            lagging: Vec::new(),
            answers: Vec::new(),
        };
        town.step();
        town
    }

    pub fn node(&mut self, zone: ZoneNo) -> &mut Node {
        self.nodes.get_mut(&zone).unwrap()
    }

    /// A client that has been let into a zone.
    pub fn join(&mut self, name: &str, zone: ZoneNo) -> usize {
        let mut client = Client::new(name, self.clients.len() as u64 + 1);
        client.zone = zone;
        let login = client.login();
        self.clients.push(client);
        self.give(zone, login);
        self.steps(3);
        let who = self.clients.len() - 1;
        assert!(self.clients[who].attach.is_some(), "{name} was not let in");
        who
    }

    /// An input of the gateway for a zone's next tick.
    pub fn give(&mut self, zone: ZoneNo, input: GatewayInput) {
        self.node(zone).inbox.push(Input::Gateway { gateway: GatewayId::from(GATE), input });
    }

    /// What a client does, to the zone she is in.
    pub fn act(&mut self, who: usize, what: impl FnOnce(&mut Client) -> GatewayInput) {
        let input = what(&mut self.clients[who]);
        let zone = self.clients[who].zone;
        self.give(zone, input);
    }

    /// Walks a client straight there at 5 m/s, tick by tick, or until she leaves the zone.
    pub fn walk(&mut self, who: usize, x: f64, y: f64) {
        self.clients[who].gone.clear();
        for _ in 0..2000 {
            let (from_x, from_y) = self.clients[who].at.metres();
            let (dx, dy) = (x - from_x, y - from_y);
            let far = (dx * dx + dy * dy).sqrt();
            let share = if far <= 0.25 { 1.0 } else { 0.25 / far };
            self.act(who, |client| client.move_to(from_x + dx * share, from_y + dy * share));
            let zone = self.clients[who].zone;
            self.step();
            if far <= 0.25 || self.clients[who].zone != zone || !self.clients[who].gone.is_empty() {
                return;
            }
        }
    }

    /// Walks a client until she stands in another zone.
    pub fn cross(&mut self, who: usize, x: f64, y: f64) {
        let zone = self.clients[who].zone;
        self.walk(who, x, y);
        for _ in 0..2000 {
            if self.clients[who].zone != zone {
                return self.resend(who);
            }
            self.step();
        }
        panic!("{} never arrived", self.clients[who].name);
    }

    /// Sends her unacknowledged commands again, as a gateway does.
    pub fn resend(&mut self, who: usize) {
        let client = &self.clients[who];
        let (Some(attached), session, zone) = (&client.attach, client.session, client.zone) else { return };
        let attach = attached.attach;
        for (seq, body) in client.pending.clone() {
            self.give(zone, GatewayInput::Command { session, attach, seq, body });
        }
    }

    pub fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    /// One tick of every zone, and what it sets off.
    pub fn step(&mut self) {
        for (zone, input) in std::mem::take(&mut self.late) {
            if let Some(node) = self.nodes.get_mut(&zone) {
                node.inbox.push(input);
            }
        }
        let zones: Vec<ZoneNo> = self.nodes.keys().copied().collect();
        for zone in zones {
            let node = self.node(zone);
            node.step();
            let effects = std::mem::take(&mut node.effects);
            self.carry_out(zone, &effects);
            self.node(zone).effects = effects;
        }
        self.catch_up();
    }

    /// What is under way to zones.
    pub fn take_late(&mut self) -> Vec<(ZoneNo, Input)> {
        std::mem::take(&mut self.late)
    }

    fn carry_out(&mut self, zone: ZoneNo, effects: &Effects) {
        for (gateway, frame) in &effects.frames {
            assert_eq!(gateway.as_str(), GATE);
            for client in &mut self.clients {
                client.read(frame);
            }
        }
        for part in &effects.streams {
            let part: ZoneStream = rmp_serde::from_slice(&rmp_serde::to_vec(part).unwrap()).unwrap();
            self.deliver(part.to, Input::Stream(part));
        }
        for frame in &effects.borders {
            let frame: BorderFrame = rmp_serde::from_slice(&rmp_serde::to_vec(frame).unwrap()).unwrap();
            self.deliver_frame(frame);
        }
        for (request, what) in &effects.store {
            let answer = self.store.execute(zone, what);
            self.deliver(zone, Input::Store { request: *request, answer });
        }
        self.answers.extend(effects.answers.iter().cloned());
    }

    fn deliver_frame(&mut self, frame: BorderFrame) {
        if self.chance.below(100) < self.border_loss {
            return;
        }
        let (to, input) = (frame.to, Input::Border(Box::new(frame)));
        if self.lag == 0 {
            return self.deliver(to, input);
        }
        let ticks = self.chance.below(self.lag);
        self.lagging.push((ticks, to, input));
    }

    /// Border frames whose time has come are delivered.
    fn catch_up(&mut self) {
        for (ticks, to, input) in std::mem::take(&mut self.lagging) {
            match ticks {
                0 => self.deliver(to, input),
                _ => self.lagging.push((ticks - 1, to, input)),
            }
        }
    }

    fn deliver(&mut self, zone: ZoneNo, input: Input) {
        if !self.nodes.contains_key(&zone) || self.chance.below(100) < self.loss {
            return;
        }
        if self.chance.below(100) < self.doubling {
            self.late.push((zone, input.clone()));
        }
        self.late.push((zone, input));
    }

    /// How many events that begin so the module of a zone was told.
    pub fn events(&mut self, zone: ZoneNo, beginning: &str) -> usize {
        let request = self.chance.next();
        let ask = Input::Ask { request, operator: "op".into(), text: beginning.into() };
        self.node(zone).inbox.push(ask);
        self.steps(3);
        let answer = self.answers.iter().find(|(number, _)| *number == request).unwrap().1.clone().unwrap();
        answer.split(' ').next().unwrap().parse().unwrap()
    }

    /// How many avatars of that name stand in all zones together.
    pub fn avatars(&self, name: &str) -> usize {
        self.nodes.values().flat_map(|node| node.zone.players()).filter(|player| player.name == name).count()
    }

    pub fn check_copies(&mut self) {
        for node in self.nodes.values_mut() {
            node.check_copy();
        }
    }
}

/// A small seeded generator (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
