//! [`Stage`]: one zone in the real simulation, with everything around it played: players, store, another zone, operators.
//!
//! Time is the tick number and nothing is drawn by chance, so the same components and the same script give the same play.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wod_protocol::bus::{CommandBody, DetachReason, GatewayInput};
use wod_protocol::client::{ChatMode, DialogueOption, TagValue, Verb};
use wod_protocol::ids::{Digest, EntityId, Epoch, GatewayId, HostId, ZoneName, ZoneNo};
use wod_protocol::map::Map;
use wod_protocol::units::{Pos, UNITS_PER_METRE};
use wod_protocol::world::{Ranges, World, Zone as ZoneRules};
use wod_sandbox::Compiled;
use wod_sim::io::{Effects, Entry, Input, Took};
use wod_sim::module::Fault;
use wod_sim::space::path::{PathFinder, Search, Work};
use wod_sim::space::terrain::Terrain;
use wod_sim::zone::Zone;
use wod_testkit::{Client, GATEWAY, Store};

use super::versions::{Told, Versions};

mod around;
mod view;

pub(crate) use view::Cost;

/// Side of the field that a zone gets when neither version has a map, m.
const FIELD: f64 = 200.0;
const TICK_HZ: u32 = 20;
const HERE: ZoneNo = ZoneNo(1);
/// Where every portal leads.
const BEYOND: ZoneNo = ZoneNo(2);
const BEYOND_NAME: &str = "beyond.zone";

/// How long the zone may take to let somebody in, or to deal with a command or a question, s. (It answers a question by
/// itself after 5.)
const ANSWER_SECONDS: f64 = 6.0;
/// A walk that takes longer is given up, s.
const LONGEST_WALK_SECONDS: f64 = 60.0;
/// A version that failed more often is not played with any further: a host would have shelved it.
const FAULTS: usize = 10;

/// A player, by her number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Player(usize);

/// Somebody or something as players saw it last.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) name: String,
    pub(crate) at: Pos,
    pub(crate) verbs: Vec<Verb>,
}

/// A fault during the play.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// Of which version.
    pub(crate) version: Digest,
    /// When, seconds of game time.
    pub(crate) seconds: f64,
    /// While it handled an event of this kind; none: outside an event.
    pub(crate) event: Option<&'static str>,
    pub(crate) fault: Fault,
}

/// See the module's documentation.
pub(crate) struct Stage {
    world: Arc<World>,
    zone: Zone,
    versions: Versions,
    inbox: Vec<Input>,
    effects: Effects,
    /// From the very first tick: what a failed instance is rebuilt from.
    journal: Vec<Entry>,
    players: Vec<Client>,
    store: Store,
    /// Items that the zone beyond has sent.
    sent_from_beyond: u64,
    sights: BTreeMap<EntityId, Sight>,
    closed_barriers: BTreeSet<String>,
    /// The ground of the version with this digest, and what is known of ways there.
    terrain: Option<(Digest, Terrain, PathFinder)>,
    /// How the last swap or rollback went.
    replaced: Option<Result<(), Fault>>,
    failures: Vec<Failure>,
    /// Lines that the module logged as errors: when, seconds of game time, and what.
    errors: Vec<(f64, String)>,
    answered: BTreeMap<u64, Result<String, String>>,
    asked: u64,
    /// What the last tick's step took.
    took: Duration,
    /// Why the play can't go on.
    over: Option<String>,
}

impl Stage {
    /// A zone that `first` has opened; `others` may take over.
    ///
    /// # Errors
    /// When it does not open: its own refusal or fault.
    pub(crate) fn open(first: &Compiled, others: &[&Compiled]) -> Result<Self, Fault> {
        Self::open_with(first, others, &BTreeMap::new())
    }

    /// The same with settings other than their defaults.
    ///
    /// # Errors
    /// When it does not open: its own refusal or fault.
    pub(crate) fn open_with(
        first: &Compiled,
        others: &[&Compiled],
        config: &BTreeMap<String, TagValue>,
    ) -> Result<Self, Fault> {
        let all = || std::iter::once(first).chain(others.iter().copied());
        let maps: Vec<_> = all().filter_map(|compiled| compiled.map()).collect();
        let size = maps.first().map_or([FIELD, FIELD], |packed| packed.map.size);
        let portals = maps.iter().flat_map(|packed| &packed.map.portals).map(|portal| portal.name.clone());
        let world = Arc::new(world(size, portals, config));
        let owned = Input::Owned { epoch: Epoch(1), host: HostId::from("stage"), how: Took::Fresh };
        let mut stage = Self {
            zone: Zone::new(Arc::clone(&world), HERE),
            world,
            versions: Versions::new(all(), size),
            inbox: vec![owned, Input::Swap { digest: first.digest(), probation: 0 }],
            effects: Effects::default(),
            journal: Vec::new(),
            players: Vec::new(),
            store: Store::default(),
            sent_from_beyond: 0,
            sights: BTreeMap::new(),
            closed_barriers: BTreeSet::new(),
            terrain: None,
            replaced: None,
            failures: Vec::new(),
            errors: Vec::new(),
            answered: BTreeMap::new(),
            asked: 0,
            took: Duration::ZERO,
            over: None,
        };
        stage.tick();
        stage.replaced.take().unwrap_or(Ok(()))?;
        Ok(stage)
    }

    // ---- time

    /// One tick; nothing once the play is over.
    pub(crate) fn tick(&mut self) {
        if self.over.is_some() {
            return;
        }
        self.walk_on();
        let inputs = std::mem::take(&mut self.inbox);
        let begun = Instant::now();
        let outcome = self.zone.step(&inputs, &mut self.versions, &mut self.effects);
        self.took = begun.elapsed();
        self.note_faults(&outcome);
        if !inputs.is_empty() || self.effects.binding {
            self.journal.push(self.zone.entry(inputs, outcome, &self.effects));
        }
        self.deliver();
        if self.zone.is_module_missing() {
            self.rebuild();
        }
    }

    /// So many seconds of game time.
    pub(crate) fn run(&mut self, seconds: f64) {
        self.run_until(seconds, |_| false);
    }

    /// Until it holds, for at most so many seconds of game time.
    pub(crate) fn run_until(&mut self, seconds: f64, holds: impl Fn(&Self) -> bool) {
        let ticks = (seconds * f64::from(TICK_HZ)).ceil() as u64;
        for _ in 0..ticks {
            if holds(self) {
                return;
            }
            self.tick();
        }
    }

    /// Seconds of game time so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.zone.game_ms() as f64 / 1000.0
    }

    // ---- what came of it

    /// Every fault but those of swaps, in order.
    pub(crate) fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Why the play could not go on.
    pub(crate) fn over(&self) -> Option<&str> {
        self.over.as_deref()
    }

    /// What a version was told so far.
    pub(crate) fn told(&self, version: &Digest) -> Told {
        self.versions.told(version)
    }

    // ---- players

    /// Somebody with an account, who has not logged in yet.
    pub(crate) fn add_player(&mut self, name: &str) -> Player {
        let number = self.players.len();
        self.players.push(Client::new(name, number as u64 + 1));
        Player(number)
    }

    /// Logs in, if she is not here.
    pub(crate) fn log_in(&mut self, who: Player) {
        if self.is_here(who) {
            return;
        }
        let login = self.players[who.0].login();
        self.give(login);
        self.run_until(ANSWER_SECONDS, |stage| stage.is_here(who) || stage.players[who.0].refused.is_some());
    }

    pub(crate) fn log_out(&mut self, who: Player) {
        self.detach(who, DetachReason::Bye);
    }

    /// Her connection is lost, and is back after so many seconds.
    pub(crate) fn lose_connection(&mut self, who: Player, seconds: f64) {
        if !self.is_here(who) {
            return;
        }
        self.disconnect(who);
        self.run(seconds);
        self.resume(who);
    }

    /// Her connection is lost.
    pub(crate) fn disconnect(&mut self, who: Player) {
        self.detach(who, DetachReason::Lost);
    }

    /// Her connection is back.
    pub(crate) fn resume(&mut self, who: Player) {
        if self.is_here(who) {
            return;
        }
        let resume = self.players[who.0].resume();
        self.give(resume);
        self.run_until(ANSWER_SECONDS, |stage| stage.is_here(who) || stage.players[who.0].refused.is_some());
    }

    /// Whether she is in the zone and connected.
    pub(crate) fn is_here(&self, who: Player) -> bool {
        self.players[who.0].attached.is_some()
    }

    /// Where she stands.
    pub(crate) fn place_of(&self, who: Player) -> Pos {
        self.players[who.0].at
    }

    /// The map of the version that runs; its positions are the zone's.
    pub(crate) fn map(&self) -> Option<Arc<Map>> {
        self.versions.map(&self.zone.module_digest()?).cloned()
    }

    /// Walks as near as one can stand; gives up where there is no way, or it is too far.
    pub(crate) fn walk(&mut self, who: Player, to: Pos) {
        self.set_out(who, to);
        self.run_until(LONGEST_WALK_SECONDS, |stage| !stage.is_here(who) || stage.players[who.0].way.is_empty());
        self.players[who.0].way.clear();
    }

    /// The same, but she walks while the zone runs; whether there is a way.
    pub(crate) fn set_out(&mut self, who: Player, to: Pos) -> bool {
        let way = self.way(self.place_of(who), to);
        let found = !way.is_empty();
        self.players[who.0].way = way.into();
        found
    }

    /// Whether she sees it.
    pub(crate) fn sees(&self, who: Player, id: EntityId) -> bool {
        self.players[who.0].roster.contains(&id)
    }

    /// Everybody and everything that any player ever saw, in order.
    pub(crate) fn known(&self) -> Vec<EntityId> {
        self.sights.keys().copied().collect()
    }

    /// Whether that is herself.
    pub(crate) fn is_avatar(&self, who: Player, id: EntityId) -> bool {
        self.players[who.0].id() == Some(id)
    }

    /// As any player saw it last; none: nobody ever has.
    pub(crate) fn sight(&self, id: EntityId) -> Option<&Sight> {
        self.sights.get(&id)
    }

    pub(crate) fn say(&mut self, who: Player, mode: ChatMode, text: &str, to: Option<&str>) {
        self.command(who, CommandBody::Chat { mode, text: text.to_owned(), to: to.map(str::to_owned) });
    }

    pub(crate) fn use_verb(&mut self, who: Player, target: EntityId, verb: &str) {
        self.use_verb_with(who, target, verb, "null".to_owned());
    }

    /// `args`: JSON.
    pub(crate) fn use_verb_with(&mut self, who: Player, target: EntityId, verb: &str, args: String) {
        self.command(who, CommandBody::Interact { target, verb: verb.to_owned(), args });
    }

    /// What an NPC said to her last and what she can answer (ids); none: no dialogue is open.
    pub(crate) fn dialogue(&self, who: Player) -> Option<(&str, Vec<&str>)> {
        let dialogue = self.players[who.0].dialogue.as_ref()?;
        Some((&dialogue.text, dialogue.options.iter().map(|option| option.id.as_str()).collect()))
    }

    /// What was said in dialogues so far is of no interest any more.
    pub(crate) fn forget_told(&mut self) {
        self.players.iter_mut().for_each(|player| player.told.clear());
    }

    /// What she can answer in the open dialogue.
    pub(crate) fn options(&self, who: Player) -> Option<&[DialogueOption]> {
        Some(&self.players[who.0].dialogue.as_ref()?.options)
    }

    /// Answers the open dialogue; no option: turns away.
    pub(crate) fn choose(&mut self, who: Player, option: Option<&str>) {
        let Some(dialogue) = self.players[who.0].dialogue.as_ref().map(|open| open.id) else { return };
        if option.is_none() {
            self.players[who.0].dialogue = None;
        }
        self.command(who, CommandBody::Choose { dialogue, option: option.map(str::to_owned) });
    }

    // ---- operators

    /// An operator asks; what the module answers. None: it does not, in time.
    pub(crate) fn ask(&mut self, text: &str) -> Option<Result<String, String>> {
        self.asked += 1;
        let request = self.asked;
        self.inbox.push(Input::Ask { request, operator: "check".to_owned(), text: text.to_owned() });
        self.run_until(ANSWER_SECONDS, |stage| stage.answered.contains_key(&request));
        self.answered.remove(&request)
    }

    /// An operator sets every setting to its default.
    pub(crate) fn set_defaults(&mut self) {
        let keys = self.zone.description().map(|description| description.config.clone()).unwrap_or_default();
        let values: Vec<(String, TagValue)> = keys.into_iter().map(|key| (key.name, key.default)).collect();
        self.asked += 1;
        self.inbox.push(Input::Config { request: self.asked, values });
        self.tick();
    }

    /// Another version takes over what the running one saves. None: the play was over before.
    pub(crate) fn swap(&mut self, digest: Digest) -> Option<Result<(), Fault>> {
        self.inbox.push(Input::Swap { digest, probation: 0 });
        self.tick();
        self.replaced.take()
    }

    /// The version before takes over what the running one saves. None: the play was over before.
    pub(crate) fn roll_back(&mut self) -> Option<Result<(), Fault>> {
        self.inbox.push(Input::RollBack);
        self.tick();
        self.replaced.take()
    }

    // ---- inside

    fn give(&mut self, input: GatewayInput) {
        self.inbox.push(Input::Gateway { gateway: GatewayId::from(GATEWAY), input });
    }

    fn detach(&mut self, who: Player, why: DetachReason) {
        if let Some(detach) = self.players[who.0].detach(why) {
            self.give(detach);
            self.tick();
        }
    }

    /// Gives a command and waits until zone and module have dealt with it.
    fn command(&mut self, who: Player, body: CommandBody) {
        let Some(command) = self.players[who.0].command(body) else { return };
        self.give(command);
        self.run_until(ANSWER_SECONDS, |stage| !stage.is_here(who) || stage.players[who.0].is_answered());
        // What the module says to it comes with the same tick or the next.
        self.tick();
    }

    fn walk_on(&mut self) {
        let mut inputs = Vec::new();
        for player in &mut self.players {
            player.tick(u64::from(1000 / TICK_HZ), &mut inputs);
        }
        inputs.into_iter().for_each(|input| self.give(input));
    }

    fn way(&mut self, from: Pos, to: Pos) -> Vec<Pos> {
        let Some(digest) = self.zone.module_digest() else { return Vec::new() };
        if self.terrain.as_ref().is_none_or(|(of, ..)| *of != digest) {
            let bounds = self.world.zones[0].bounds();
            let ground = self.versions.map(&digest).map(|map| Terrain::new(map, bounds));
            self.terrain = ground.map(|terrain| (digest, terrain, PathFinder::new()));
        }
        let Some((_, terrain, finder)) = &mut self.terrain else { return Vec::new() };
        terrain.restore_barriers(self.closed_barriers.iter().map(String::as_str));
        let mut way = Vec::new();
        let Some(goal) = terrain.nearest_free(to) else { return way };
        let found = finder.find(terrain, from, goal, &mut Work::PER_TICK.clone(), &mut way);
        if found == Search::Found { way } else { Vec::new() }
    }
}

/// Metres between two positions.
pub(crate) fn distance(a: Pos, b: Pos) -> f64 {
    (a.distance_squared(b) as f64).sqrt() / f64::from(UNITS_PER_METRE)
}

/// One zone of that size, and another where its portals lead.
fn world(size: [f64; 2], portals: impl Iterator<Item = String>, config: &BTreeMap<String, TagValue>) -> World {
    let zone = |name: &str, number| ZoneRules {
        name: ZoneName::from(name),
        number,
        module: "module".to_owned(),
        origin: [0.0, 0.0],
        size,
        tick_hz: TICK_HZ,
        players: 1000,
        portals: Default::default(),
        hosts: Vec::new(),
        apart_from: Vec::new(),
        config: Default::default(),
    };
    let mut here = zone("check.zone", HERE);
    here.portals = portals.map(|portal| (portal, BEYOND_NAME.to_owned())).collect();
    here.config = config.clone();
    World { start: here.name.clone(), ranges: Ranges::default(), zones: vec![here, zone(BEYOND_NAME, BEYOND)] }
}
