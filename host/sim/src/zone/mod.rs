//! The zone's state machine: players, their sessions and commands, the module's calls, and what has to reach others.
//!
//! Reading order: [`Zone::step`] below is the table of contents. `state` and `scene` are what a snapshot keeps, `turn` what a
//! tick gathers for its effects. Inputs are dealt with in `attach` (connections), `commands` and `chat` (what players do),
//! `travel` (other zones and the store), `border` (what neighbouring zones see of each other, as `ghosts`) and `across` (what is said and
//! done over it), `ignore` (who hears nothing of whom), `mutes` (whom nobody hears), `filter` (lines that the module judges before they are heard), `operators`, `modules` (calls and faults), `swap` and `rewind` (another version; `versions`
//! keeps on what terms, `shadow` compares one beside a replay). `calls` is the module's side of a call,
//! `checks` and `limits` its bounds, `orders` and `apply` what it ordered. `requests` and `outbox` hold what others have not answered yet, `messages`
//! what clients have not, and `history` what they have had last; `frames` tells gateways, `degradation` says what is left out when there is too much of it.

mod across;
mod apply;
mod attach;
mod border;
mod calls;
mod chat;
mod checks;
mod commands;
mod degradation;
mod error;
mod filter;
mod frames;
mod ghosts;
mod history;
mod ignore;
mod limits;
mod messages;
mod modules;
mod mutes;
mod operators;
mod orders;
mod outbox;
mod players;
mod requests;
mod rewind;
mod scene;
mod shadow;
mod snapshot;
mod state;
mod swap;
mod travel;
mod turn;
mod versions;
mod walks;

use std::sync::Arc;

use serde::Serialize;
use wod_protocol::bus::GatewayInput;

use wod_protocol::ids::{Digest, EntityId, Epoch, GatewayId, Generation, HostId, Tick, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::world::World;
use xxhash_rust::xxh3::Xxh3Default;

use crate::io::{Degradation, Effects, Entry, Input, Outcome, SIM_VERSION, Took};
use crate::module::{Description, Fault, Module};
use border::Border;
use modules::Slot;
use scene::Scene;
use state::{Link, Rules, State};
use turn::Turn;

pub use error::{Diverged, RestoreError, SnapshotError};
pub use rewind::Retrace;
pub use shadow::{Comparison, Difference, Orders, Rehearsal};
pub use versions::Terms;

/// Where a zone gets instances of modules. Implemented by the host (and the testkit).
pub trait Modules {
    /// A fresh instance of the component with this digest, nothing called yet but its description, and its map.
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault>;
    /// The instance that was rebuilt after a fault, with the state of just before it. Called for [`Input::Rebuilt`].
    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault>;
}

/// A module ready to be given to a zone.
pub struct Prepared {
    /// The instance; neither `init` nor `load` was called.
    pub module: Box<dyn Module>,
    /// The component's map.
    pub map: Arc<Map>,
    /// Digest of the map's JSON, for clients.
    pub map_digest: Digest,
}

/// Whether a zone may stop ticking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// Something goes on: every tick counts.
    No,
    /// Nothing happens before an input comes.
    UntilInput,
    /// Nothing happens before this tick; it must be stepped, with [`Input::Woke`] first.
    Until(Tick),
}

/// A player in the zone, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerInfo {
    /// Her avatar.
    pub id: EntityId,
    /// Her name.
    pub name: String,
    /// Through which gateway she is connected; none: her connection is lost, and the zone waits for a resume.
    pub gateway: Option<GatewayId>,
}

/// Log lines a module may write in a second.
const LOG_LINES: u32 = 20;
/// Dilation an operator's host may set, per mille of real time.
const DILATION: std::ops::RangeInclusive<u16> = 100..=1000;

/// A zone: simulated state plus its running module.
pub struct Zone {
    rules: Arc<Rules>,
    state: State,
    slot: Slot,
    /// The module failed since the last tick, outside a call of a tick.
    lost: bool,
    /// In a replay: how a call failed that had come through.
    diverged: Option<Fault>,
    /// In a [`Retrace`]: the module stays what it is, whatever the inputs say.
    retracing: bool,
    /// In a replay: another version, whose orders are only compared.
    beside: Option<Box<shadow::Beside>>,
    /// Not part of the state: nothing that is hashed or journaled depends on it.
    log_budget: u32,
    turn: Turn,
    /// Stands in while a call of the module has the scene.
    stand_in: Option<Scene>,
}

impl Zone {
    /// A zone that never ran. Its first input must be [`Input::Owned`] with [`Took::Fresh`]; a [`Input::Swap`] gives it its
    /// module.
    ///
    /// # Panics
    /// When the world has no zone of this number.
    pub fn new(world: Arc<World>, number: ZoneNo) -> Self {
        let rules = Rules::new(world, number).expect("the world has a zone of this number");
        let state = State::new(&rules);
        Self::with(rules, state)
    }

    fn with(rules: Rules, state: State) -> Self {
        Self {
            rules: Arc::new(rules),
            state,
            slot: Slot::Empty,
            lost: false,
            diverged: None,
            retracing: false,
            beside: None,
            log_budget: LOG_LINES,
            turn: Turn::default(),
            stand_in: None,
        }
    }

    /// One tick. `effects` is cleared first; its buffers are reused.
    pub fn step(&mut self, inputs: &[Input], modules: &mut dyn Modules, effects: &mut Effects) -> Outcome {
        if let Slot::Running(module) = &mut self.slot {
            // It may come from a replay.
            module.enforce_time(true);
        }
        self.step_as(inputs, modules, effects, None)
    }

    /// One tick, as it comes or as its outcome was.
    fn step_as(
        &mut self,
        inputs: &[Input],
        modules: &mut dyn Modules,
        effects: &mut Effects,
        obey: Option<&Outcome>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.turn.begin(effects);
        self.begin_tick(inputs);
        for input in inputs {
            self.take(input, modules, obey, &mut outcome);
        }
        self.expire_ghosts();
        self.expire_links();
        self.expire_asks();
        self.ring_timers();
        self.walk();
        self.sense();
        self.settle_loss(obey, &mut outcome);
        self.judge_lines(obey, &mut outcome);
        self.call_module(obey, &mut outcome);
        self.forget_callers();
        self.let_go();
        self.look_around();
        self.look_across();
        self.note_observed();
        self.repeat_overdue_messages();
        self.make_frames();
        self.send_to_others();
        self.turn.end(effects);
        outcome
    }

    fn begin_tick(&mut self, inputs: &[Input]) {
        let woke = inputs.iter().find_map(|input| match input {
            Input::Woke { tick } => Some(*tick),
            _ => None,
        });
        // Never beyond what could be slept through, so that a replay knows what was.
        let latest = match self.can_sleep_until() {
            Sleep::No => Tick(0),
            Sleep::UntilInput => Tick(u64::MAX),
            Sleep::Until(due) => due,
        };
        self.state.tick = woke.unwrap_or_default().min(latest).max(self.state.tick.next());
        self.state.versions.settle(self.state.tick);
        if self.state.tick.0.is_multiple_of(self.rules.second()) || woke.is_some() {
            self.log_budget = LOG_LINES;
        }
    }

    fn take(&mut self, input: &Input, modules: &mut dyn Modules, obey: Option<&Outcome>, outcome: &mut Outcome) {
        match input {
            Input::Owned { epoch, host, how } => self.change_owner(*epoch, host, *how),
            // begin_tick() has seen it.
            Input::Woke { .. } => {}
            Input::Gateway { gateway, input } => self.take_from_gateway(gateway, input),
            Input::GatewayLost(gateway) => self.lose_gateway(gateway),
            Input::Stream(part) => self.receive(part),
            Input::Border(frame) => self.neighbour_shows(frame),
            Input::Store { request, answer } => self.store_answers(*request, answer),
            Input::Swap { .. }
            | Input::RollBack
            | Input::Rewound { .. }
            | Input::Rebuilt
            | Input::Suspend { .. }
            | Input::Shelve { .. }
                if self.retracing => {}
            Input::Swap { .. } | Input::RollBack | Input::Rewound { .. } => {
                self.replace_module(input, modules, obey, outcome);
            }
            Input::Rebuilt => self.rebuilt(modules, obey, outcome),
            Input::Suspend { request, accept_loss } => self.suspend(*request, *accept_loss, obey.is_some()),
            Input::Shelve { generation, saved, why } => self.shelve(*generation, saved.as_ref(), why),
            Input::Config { request, values } => self.configure(*request, values),
            Input::Ask { request, operator, text } => self.ask(*request, operator, text),
            Input::Mute { request, name, ms, reason } => self.silence(*request, name, *ms, reason),
            Input::Player { request, sub, act } => self.attend_to(*request, sub, act),
            Input::StoreLost => self.tell_store_again(),
            Input::Degrade(degradation) => self.state.degradation = *degradation,
            Input::Dilation(per_mille) => self.state.dilation = (*per_mille).clamp(*DILATION.start(), *DILATION.end()),
        }
    }

    fn take_from_gateway(&mut self, gateway: &GatewayId, input: &GatewayInput) {
        match input {
            GatewayInput::Attach(request) => self.attach(request),
            GatewayInput::Detach { session, attach, why } => self.detach(*session, *attach, *why),
            GatewayInput::Move(claim) => self.walk_to(claim),
            GatewayInput::Command { session, attach, seq, body } => self.command(*session, *attach, *seq, body),
            GatewayInput::AckMessages { session, attach, n } => self.acknowledge(*session, *attach, *n),
            GatewayInput::Resync => self.resync(gateway),
        }
    }

    /// Another process goes on with the zone: what it had sent may be lost, so everything open is sent again.
    fn change_owner(&mut self, epoch: Epoch, host: &HostId, how: Took) {
        self.state.epoch = epoch;
        self.state.owner = host.clone();
        let now = self.state.tick;
        self.state.gateways.retain(|_, known| known.linger > now);
        for gateway in self.state.gateways.values_mut() {
            gateway.seq = 0;
        }
        self.slot = match std::mem::replace(&mut self.slot, Slot::Missing) {
            // The former owner died before it had rebuilt the module; this replay has.
            Slot::Parked(module) => {
                self.state.untold = None;
                Slot::Running(module)
            }
            Slot::Missing => {
                self.lost = true;
                Slot::Missing
            }
            other => other,
        };
        self.state.requests.restart();
        self.state.outbox.restart(epoch);
        self.state.borders.values_mut().for_each(Border::restart);
        if let Some(reason) = attach::reason_of(how) {
            self.rezone_all(reason);
        }
        if how == Took::Recovered {
            self.tell_store_again();
        }
        self.turn.out.binding = true;
    }

    /// What has to reach other zones and the store.
    fn send_to_others(&mut self) {
        let (now, second) = (self.state.tick, self.rules.second());
        let out = &mut self.turn.out;
        out.binding |= self.state.outbox.flush(self.rules.number, now, second, &mut out.streams);
        out.binding |= self.state.requests.flush(now, second, &mut out.store);
    }

    /// The journal's entry for the tick just stepped.
    pub fn entry(&self, inputs: Vec<Input>, outcome: Outcome, effects: &Effects) -> Entry {
        Entry {
            sim: SIM_VERSION,
            tick: self.state.tick,
            epoch: self.state.epoch,
            module: self.module_digest(),
            generation: self.state.generation,
            inputs,
            outcome,
            effects_hash: hash(effects),
        }
    }

    /// Steps the silent ticks before the entry, then the entry itself, obeying its outcome. `effects` are those of the
    /// entry's tick.
    ///
    /// # Errors
    /// When the entry was written by another version of the simulation or lies in the past (nothing was stepped then), or
    /// when its tick, which was stepped, came out otherwise than it says.
    pub fn replay(&mut self, entry: &Entry, modules: &mut dyn Modules, effects: &mut Effects) -> Result<(), Diverged> {
        let tick = entry.tick;
        if entry.sim != SIM_VERSION {
            return Err(Diverged::Version { tick, found: entry.sim, expected: SIM_VERSION });
        }
        if tick <= self.state.tick {
            return Err(Diverged::Past { entry: tick, zone: self.state.tick });
        }
        let silent = Outcome::default();
        let woke = entry.inputs.iter().any(|input| matches!(input, Input::Woke { .. }));
        // A sleeping zone changes nothing but its clock, so what lies between falling asleep and waking need not be stepped.
        while self.state.tick.next() < tick && !(woke && self.sleeps_before(tick)) {
            self.step_as(&[], modules, effects, Some(&silent));
            self.check_call()?;
        }
        self.step_as(&entry.inputs, modules, effects, Some(&entry.outcome));
        self.check_call()?;
        match hash(effects) {
            found if found == entry.effects_hash => Ok(()),
            found => Err(Diverged::Effects { tick, expected: entry.effects_hash, found }),
        }
    }

    fn sleeps_before(&self, tick: Tick) -> bool {
        match self.can_sleep_until() {
            Sleep::No => false,
            Sleep::UntilInput => true,
            Sleep::Until(until) => until >= tick,
        }
    }

    fn check_call(&mut self) -> Result<(), Diverged> {
        match self.diverged.take() {
            Some(fault) => Err(Diverged::Module { tick: self.state.tick, fault }),
            None => Ok(()),
        }
    }

    /// After a recovery: every store request, stream item and operator's answer still open, to be sent again. Added to
    /// `effects`.
    pub fn unfinished(&self, effects: &mut Effects) {
        self.state.requests.unfinished(&mut effects.store);
        self.state.outbox.unfinished(self.rules.number, &mut effects.streams);
        let given = self.state.asks.given.iter().map(|(_, request, answer)| (*request, answer.clone()));
        effects.answers.extend(given);
        effects.binding = true;
    }

    /// The last tick stepped.
    pub fn tick(&self) -> Tick {
        self.state.tick
    }

    /// Milliseconds of game time since the zone began.
    pub fn game_ms(&self) -> u64 {
        self.rules.game_ms(self.state.tick)
    }

    /// The owner's fencing epoch.
    pub fn epoch(&self) -> Epoch {
        self.state.epoch
    }

    /// How many times the module was replaced.
    pub fn generation(&self) -> Generation {
        self.state.generation
    }

    /// The current module's digest, also while it is missing; none before the first swap.
    pub fn module_digest(&self) -> Option<Digest> {
        self.state.module.as_ref().map(|card| card.digest)
    }

    /// What the current module says about itself.
    pub fn description(&self) -> Option<&Description> {
        self.state.module.as_ref().map(|card| &*card.description)
    }

    /// Players in the zone, link-dead ones included, in order of their ids.
    pub fn players(&self) -> Vec<PlayerInfo> {
        let named = self.state.players.iter().filter_map(|(id, player)| {
            let entity = self.state.scene.entities.get(id)?;
            let gateway = match &player.session.link {
                Link::Up(gateway) => Some(gateway.clone()),
                Link::Down(_) => None,
            };
            Some(PlayerInfo { id: *id, name: entity.name.clone(), gateway })
        });
        named.collect()
    }

    /// Gateways that players here are connected through.
    pub fn gateways(&self) -> Vec<GatewayId> {
        let now = self.state.tick;
        self.state.gateways.iter().filter(|(_, known)| known.linger > now).map(|(id, _)| id.clone()).collect()
    }

    /// Players, characters and things.
    pub fn entity_count(&self) -> usize {
        self.state.scene.entities.len()
    }

    /// Per mille of real time the zone runs at.
    pub fn dilation(&self) -> u16 {
        self.state.dilation
    }

    /// What it leaves out because it is too full.
    pub fn degradation(&self) -> Degradation {
        self.state.degradation
    }

    /// Neighbours' entities that can be seen here, and whose they are, in order of their ids.
    pub fn ghosts(&self) -> Vec<(EntityId, ZoneNo)> {
        self.state.scene.ghosts.iter().map(|(id, ghost)| (*id, ghost.home)).collect()
    }

    /// Whether the host may stop ticking the zone.
    pub fn can_sleep_until(&self) -> Sleep {
        let state = &self.state;
        let idle = state.players.is_empty()
            && state.events.is_empty()
            && state.scene.movers.is_idle()
            && state.asks.open.is_empty()
            && state.asks.given.is_empty()
            && state.requests.is_idle()
            && state.outbox.is_idle()
            && state.borders.values().all(Border::is_idle)
            && state.gateways.values().all(|gateway| gateway.linger <= state.tick)
            && !self.lost
            && !matches!(self.slot, Slot::Missing | Slot::Parked(_));
        match state.timers.next().into_iter().chain(state.versions.probation).min() {
            _ if !idle => Sleep::No,
            None => Sleep::UntilInput,
            Some(due) => Sleep::Until(due),
        }
    }

    /// The module faulted: the host must rebuild an instance and feed [`Input::Rebuilt`].
    pub fn is_module_missing(&self) -> bool {
        matches!(self.slot, Slot::Missing | Slot::Parked(_))
    }

    /// The instance of a replayed copy, for a zone whose own is missing: as it stood before its fault.
    pub fn take_parked_module(&mut self) -> Option<Box<dyn Module>> {
        match std::mem::replace(&mut self.slot, Slot::Missing) {
            Slot::Parked(mut module) | Slot::Running(mut module) => {
                module.enforce_time(true);
                Some(module)
            }
            Slot::Empty | Slot::Missing => None,
        }
    }
}

/// XXH3 of everything that leaves the process, so without reports.
fn hash(effects: &Effects) -> u64 {
    struct Sink(Xxh3Default);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Sink(Xxh3Default::new());
    let Effects { frames, streams, borders, store, answers, reports: _, binding } = effects;
    (frames, streams, borders, store, answers, binding)
        .serialize(&mut rmp_serde::Serializer::new(&mut sink))
        .expect("effects have only values that encode, and hashing writes nowhere");
    sink.0.digest()
}
