//! A zone in the real simulation with a journal, lived by hand, and lived again from it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wod_protocol::bus::{CommandBody, GatewayInput};
use wod_protocol::ids::{Digest, EntityId, Epoch, GatewayId, HostId, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::units::Pos;
use wod_protocol::world::World;
use wod_sandbox::{Compiled, Limits};
use wod_sim::io::{Effects, Entry, Input, Report, Took};
use wod_sim::module::{Description, Event, Fault, FaultKind, Frame, HostCalls, Module, Returned, Saved, Setup};
use wod_sim::zone::{Diverged, Modules, Prepared, Zone};
use wod_testkit::{Client, GATEWAY, Store};

const HERE: ZoneNo = ZoneNo(1);
const TICK_MS: u64 = 50;
/// Longest wait for anything, ticks.
const PATIENCE: u32 = 400;

/// One zone, its players, and all that happened.
pub(crate) struct Life {
    world: Arc<World>,
    pub(crate) zone: Zone,
    modules: Instances,
    inbox: Vec<Input>,
    effects: Effects,
    pub(crate) journal: Vec<Entry>,
    pub(crate) players: Vec<Client>,
    store: Store,
    answers: Vec<Result<String, String>>,
    pub(crate) faults: Vec<Fault>,
    /// Lines the module logged.
    pub(crate) lines: Vec<String>,
    asked: u64,
}

impl Life {
    /// Opens a zone of the map's size.
    pub(crate) fn open(compiled: &Compiled) -> Self {
        let packed = compiled.map().expect("it was built with a map");
        let [width, height] = packed.map.size;
        let text = format!(
            "start = \"test.zone\"\n[[zone]]\nname = \"test.zone\"\nnumber = 1\nmodule = \"any\"\norigin = [0, 0]\nsize = [{width}, {height}]\n"
        );
        let world = Arc::new(World::parse(&text).unwrap());
        let owned = Input::Owned { epoch: Epoch(1), host: HostId::from("test"), how: Took::Fresh };
        let mut life = Self {
            zone: Zone::new(world.clone(), HERE),
            world,
            modules: Instances::of(compiled),
            inbox: vec![owned, Input::Swap { digest: compiled.digest(), probation: 0 }],
            effects: Effects::default(),
            journal: Vec::new(),
            players: Vec::new(),
            store: Store::default(),
            answers: Vec::new(),
            faults: Vec::new(),
            lines: Vec::new(),
            asked: 0,
        };
        life.tick();
        assert!(life.faults.is_empty(), "{:?}", life.faults);
        assert_eq!(life.zone.module_digest(), Some(compiled.digest()));
        life
    }

    pub(crate) fn tick(&mut self) {
        let mut inputs = Vec::new();
        self.players.iter_mut().for_each(|player| player.tick(TICK_MS, &mut inputs));
        inputs.into_iter().for_each(|input| self.give(input));
        let inputs = std::mem::take(&mut self.inbox);
        let outcome = self.zone.step(&inputs, &mut self.modules, &mut self.effects);
        if let Some(Err(fault)) = &outcome.swap {
            self.faults.push(fault.clone());
        }
        if !inputs.is_empty() || self.effects.binding {
            self.journal.push(self.zone.entry(inputs, outcome, &self.effects));
        }
        for (_, frame) in &self.effects.frames {
            self.players.iter_mut().for_each(|player| player.read(frame));
        }
        for (request, wish) in &self.effects.store {
            let answer = self.store.answer(HERE, wish);
            self.inbox.push(Input::Store { request: *request, answer });
        }
        self.answers.extend(self.effects.answers.iter().map(|(_, answer)| answer.clone()));
        for report in &self.effects.reports {
            match report {
                Report::Fault(fault, _) => self.faults.push(fault.clone()),
                Report::Log(_, line, _) => self.lines.push(line.clone()),
                _ => {}
            }
        }
    }

    /// Until it holds.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if holds(self) {
                return;
            }
            self.tick();
        }
        panic!("waited for {what} for {PATIENCE} ticks; faults: {:?}; log: {:?}", self.faults, self.lines);
    }

    /// Somebody logs in; her number.
    pub(crate) fn player(&mut self, name: &str) -> usize {
        let who = self.players.len();
        let mut client = Client::new(name, who as u64 + 1);
        let login = client.login();
        self.players.push(client);
        self.give(login);
        self.until("a login", |life| life.players[who].attached.is_some());
        who
    }

    /// Along these corners, metres.
    pub(crate) fn walk(&mut self, who: usize, corners: &[[f64; 2]]) {
        self.players[who].way = corners.iter().map(|[x, y]| Pos::from_metres(*x, *y)).collect();
        self.until("a walk", |life| life.players[who].way.is_empty());
    }

    /// A command, in the next tick.
    pub(crate) fn command(&mut self, who: usize, body: CommandBody) {
        let command = self.players[who].command(body).expect("she is in the zone");
        self.give(command);
    }

    /// The entity that isn't a player's, of those she sees.
    pub(crate) fn npc(&self, who: usize) -> EntityId {
        let avatars: Vec<_> = self.players.iter().filter_map(Client::id).collect();
        let mut others = self.players[who].roster.iter().filter(|id| !avatars.contains(id));
        *others.next().expect("an NPC stands here")
    }

    /// What the module answers an operator.
    pub(crate) fn ask(&mut self, text: &str) -> Result<String, String> {
        self.asked += 1;
        self.answers.clear();
        self.inbox.push(Input::Ask { request: self.asked, operator: "test".into(), text: text.to_owned() });
        self.until("an answer", |life| !life.answers.is_empty());
        self.answers.remove(0)
    }

    /// Gives the zone something else.
    pub(crate) fn input(&mut self, input: Input) {
        self.inbox.push(input);
    }

    /// The state when all of the journal is lived again: from the beginning, or from a snapshot and the entries after it.
    pub(crate) fn again(&self, from: Option<(&[u8], usize)>) -> Result<u64, Diverged> {
        let mut modules = self.modules.clone();
        let (mut zone, rest) = match from {
            Some((snapshot, done)) => {
                let zone = Zone::restore(self.world.clone(), HERE, snapshot, &mut modules).unwrap();
                (zone, &self.journal[done..])
            }
            None => (Zone::new(self.world.clone(), HERE), self.journal.as_slice()),
        };
        let mut effects = Effects::default();
        rest.iter().try_for_each(|entry| zone.replay(entry, &mut modules, &mut effects))?;
        // Ticks in which nothing happened have no entry.
        while zone.tick() < self.zone.tick() {
            zone.step(&[], &mut modules, &mut effects);
        }
        Ok(zone.state_hash())
    }

    /// How long each call of `tick` took, by its number of events, and forgets them.
    pub(crate) fn take_calls(&mut self) -> Vec<(usize, Duration)> {
        std::mem::take(&mut *lock(&self.modules.calls))
    }

    fn give(&mut self, input: GatewayInput) {
        self.inbox.push(Input::Gateway { gateway: GatewayId::from(GATEWAY), input });
    }
}

/// Instances of one component, whichever digest is asked for: a swap to another digest is one to another instance.
#[derive(Clone)]
struct Instances {
    compiled: Compiled,
    map: Arc<Map>,
    map_digest: Digest,
    calls: Arc<Mutex<Vec<(usize, Duration)>>>,
}

impl Instances {
    fn of(compiled: &Compiled) -> Self {
        let packed = compiled.map().expect("it was built with a map");
        Self {
            compiled: compiled.clone(),
            map: Arc::clone(&packed.map),
            map_digest: packed.digest,
            calls: Arc::default(),
        }
    }
}

impl Modules for Instances {
    fn take(&mut self, _digest: &Digest) -> Result<Prepared, Fault> {
        // How fast this machine is proves nothing.
        let module = self.compiled.instantiate(&Limits::default().unlimited_time())?;
        let module = Box::new(Timed { module, calls: Arc::clone(&self.calls) });
        Ok(Prepared { module, map: Arc::clone(&self.map), map_digest: self.map_digest })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        Err(Fault { kind: FaultKind::NotLoadable, detail: "nothing is rebuilt here".into(), event: None })
    }
}

/// An instance whose ticks are timed.
struct Timed {
    module: Box<dyn Module>,
    calls: Arc<Mutex<Vec<(usize, Duration)>>>,
}

impl Module for Timed {
    fn description(&self) -> &Description {
        self.module.description()
    }

    fn init(&mut self, setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        self.module.init(setup, calls)
    }

    fn tick(&mut self, frame: &Frame, events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        let begin = Instant::now();
        let returned = self.module.tick(frame, events, calls);
        lock(&self.calls).push((events.len(), begin.elapsed()));
        returned
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        self.module.save()
    }

    fn enforce_time(&mut self, enforced: bool) {
        self.module.enforce_time(enforced);
    }

    fn load(&mut self, setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        self.module.load(setup, saved)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
