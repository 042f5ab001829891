//! The zones' module: everybody has coins and can give one to somebody near, or put it into the zone's box and take one out.
//! Written to be watched: every coin has a name, and it keeps every deed it was told of, so that one told twice, or out of
//! order, shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use wod_host::testing::Natives;
use wod_protocol::client::{Kind, TagValue, Verb};
use wod_protocol::ids::{Digest, EntityId, Seq};
use wod_protocol::map::Map;
use wod_protocol::world::Zone as ZoneSettings;
use wod_sim::module::{
    Audience, Description, Destination, Event, Fault, FaultKind, Frame, HostCalls, Module, Point, Returned, Saved,
    Setup, Spawning, Tag,
};
use wod_sim::zone::{Modules, Prepared};

/// Coins of a player who was never in the world.
const ENDOWMENT: u32 = 3;
/// Its name, under which players' coins are saved.
const NAME: &str = "market";
/// Give a coin to a player.
pub(crate) const GIVE: &str = "give";
/// Put a coin into the box.
pub(crate) const PUT: &str = "put";
/// Take a coin out of it.
pub(crate) const TAKE: &str = "take";
/// Go to the zone that `args.zone` names.
pub(crate) const TRAVEL: &str = "travel";
/// From how far a verb works, metres.
pub(crate) const REACH: f64 = 15.0;

/// The versions, which load what any of them saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Every zone's first.
    One,
    /// The same, with another greeting.
    Two,
    /// It traps now and then, when it has half done what a player wants.
    Frail,
}

/// A frail version traps on a player's every deed of such a number.
const TRAP_EVERY: u64 = 6;

impl Version {
    /// What hosts call it by.
    pub(crate) fn digest(self) -> Digest {
        Digest::of(self.name().as_bytes())
    }

    fn name(self) -> &'static str {
        match self {
            Self::One => "market 1",
            Self::Two => "market 2",
            Self::Frail => "market 3",
        }
    }

    fn of(digest: &Digest) -> Option<Self> {
        [Self::One, Self::Two, Self::Frail].into_iter().find(|version| version.digest() == *digest)
    }
}

/// Whether the module does as it should; what else it does with every seventh command of a session is for a test of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It does.
    Sound,
    /// A coin that is given stays with the giver as well.
    DoublesCoins,
    /// It passes a verb over, and says nothing.
    PassesOver,
    /// It does a deed twice.
    RepeatsDeeds,
    /// Not with a command, but where it takes over from another: it forgets what is in the box.
    ForgetsTheBox,
}

impl Conduct {
    fn slips(self, seq: Seq, how: Self) -> bool {
        self == how && seq.0.is_multiple_of(7)
    }
}

/// A coin's name: whose it was first, and which of hers.
pub(crate) type Coin = String;

/// The coins that a player has when she first comes.
pub(crate) fn endowment(name: &str) -> impl Iterator<Item = Coin> {
    (1..=ENDOWMENT).map(move |number| format!("{name}'s {number}"))
}

/// A deed that took effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Done {
    /// Whose.
    pub(crate) name: String,
    /// Which of hers.
    pub(crate) deed: u64,
    /// What changed hands.
    pub(crate) coin: Option<Coin>,
}

/// Where a watched module writes down what it does.
type Ledger = Arc<Mutex<Vec<Done>>>;

/// What belongs to one player, kept with her wherever she is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Purse {
    /// Whose it is.
    pub(crate) name: String,
    /// What she has.
    pub(crate) coins: BTreeSet<Coin>,
    /// Numbers of the deeds that took effect, in the order in which they did.
    pub(crate) deeds: Vec<u64>,
}

/// The module's own state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Stall {
    /// Of the players who are here.
    pub(crate) purses: BTreeMap<EntityId, Purse>,
    /// What is in the box.
    pub(crate) coins: BTreeSet<Coin>,
    till: Option<EntityId>,
    swaps: u32,
}

/// What a client sends along with a verb.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Args {
    /// The player's own count of what she does.
    pub(crate) deed: u64,
    /// Where to, for [`TRAVEL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
}

struct Market {
    version: Version,
    conduct: Conduct,
    description: Description,
    stall: Arc<Mutex<Stall>>,
    /// None: nobody watches.
    ledger: Option<Ledger>,
}

impl Market {
    fn new(version: Version, conduct: Conduct, stall: Arc<Mutex<Stall>>) -> Self {
        let description = Description {
            name: NAME.into(),
            version: version.name().into(),
            schema: 1,
            verbs: [GIVE, PUT, TAKE, TRAVEL].map(String::from).to_vec(),
            config: Vec::new(),
        };
        Self { version, conduct, description, stall, ledger: None }
    }

    fn stall(&self) -> std::sync::MutexGuard<'_, Stall> {
        self.stall.lock().expect("the simulation has one thread")
    }

    /// False: it traps.
    fn handle(&self, event: &Event, calls: &mut dyn HostCalls) -> bool {
        let mut stall = self.stall();
        match event {
            // What is said to be saved of her is what was when she came back: a gift since then is not in it.
            Event::Entered { player, .. } if stall.purses.contains_key(player) => {}
            Event::Entered { player, name, saved, .. } => {
                let fresh = saved.is_empty();
                let purse = if fresh {
                    Purse { name: name.clone(), coins: endowment(name).collect(), deeds: Vec::new() }
                } else {
                    rmp_serde::from_slice(saved).expect("only this module writes it")
                };
                if fresh {
                    save(calls, *player, &purse);
                }
                stall.purses.insert(*player, purse);
                let refused = calls.set_verbs(*player, vec![verb(GIVE)]);
                if let Err(refusal) = refused {
                    tracing::debug!(%player, ?refusal, "she has left already");
                }
            }
            Event::Left { player, .. } => {
                stall.purses.remove(player);
            }
            Event::Interacted { player, seq, target, verb, args } => {
                if self.conduct.slips(*seq, Conduct::PassesOver) {
                    return true;
                }
                let done = deed(&mut stall, calls, *player, *target, verb, args);
                if self.conduct.slips(*seq, Conduct::RepeatsDeeds)
                    && let Err(why) = deed(&mut stall, calls, *player, *target, verb, args)
                {
                    tracing::debug!(why, "not twice");
                }
                match done {
                    Ok(done) if self.version == Version::Frail && done.deed.is_multiple_of(TRAP_EVERY) => return false,
                    Ok(done) => {
                        if self.conduct.slips(*seq, Conduct::DoublesCoins)
                            && let (Some(coin), Some(purse)) = (&done.coin, stall.purses.get_mut(player))
                        {
                            purse.coins.insert(coin.clone());
                        }
                        if let Some(ledger) = &self.ledger {
                            ledger.lock().expect("the simulation has one thread").push(done);
                        }
                    }
                    Err(why) => refuse(calls, *player, *seq, why),
                }
            }
            Event::Started { .. } => stall.swaps += 1,
            _ => {}
        }
        true
    }
}

/// Does what a player wants, whole or not at all.
fn deed(
    stall: &mut Stall,
    calls: &mut dyn HostCalls,
    player: EntityId,
    target: EntityId,
    verb: &str,
    args: &str,
) -> Result<Done, &'static str> {
    let args: Args = serde_json::from_str(args).map_err(|_| "a deed without a number")?;
    let mut hers = stall.purses.get(&player).cloned().ok_or("nobody I know")?;
    hers.deeds.push(args.deed);
    let mut done = Done { name: hers.name.clone(), deed: args.deed, coin: None };
    match verb {
        GIVE => {
            let mut theirs = stall.purses.get(&target).cloned().ok_or("nobody I know")?;
            if player == target {
                return Err("to yourself");
            }
            let coin = hers.coins.pop_first().ok_or("no coin")?;
            theirs.coins.insert(coin.clone());
            done.coin = Some(coin);
            // Acts can't be taken back: the one that may be refused comes first.
            if !save(calls, target, &theirs) {
                return Err("gone");
            }
            stall.purses.insert(target, theirs);
        }
        PUT => {
            let coin = hers.coins.pop_first().ok_or("no coin")?;
            stall.coins.insert(coin.clone());
            done.coin = Some(coin);
        }
        TAKE => {
            let coin = stall.coins.pop_first().ok_or("the box is empty")?;
            hers.coins.insert(coin.clone());
            done.coin = Some(coin);
        }
        TRAVEL => {
            let zone = args.zone.ok_or("where to?")?;
            // Before she goes, so that it goes with her.
            save(calls, player, &hers);
            calls.send_to(player, Destination::Zone(zone, None)).map_err(|_| "no way there")?;
        }
        _ => return Err("what?"),
    }
    if verb != TRAVEL {
        save(calls, player, &hers);
    }
    stall.purses.insert(player, hers);
    Ok(done)
}

fn save(calls: &mut dyn HostCalls, player: EntityId, purse: &Purse) -> bool {
    calls.save_player(player, rmp_serde::to_vec(purse).expect("a purse is plain")).is_ok()
}

fn refuse(calls: &mut dyn HostCalls, player: EntityId, seq: Seq, why: &str) {
    if let Err(refusal) = calls.refuse(player, seq, "refused".into(), why.into()) {
        tracing::debug!(%player, ?refusal, "she has left already");
    }
}

fn verb(id: &str) -> Verb {
    Verb { id: id.into(), label: id.into(), reach: REACH as f32 }
}

impl Module for Market {
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, setup: &Setup, mut calls: Box<dyn HostCalls>) -> Returned {
        let (from, to) = setup.bounds;
        let at = Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 };
        let look = Tag { name: "look".into(), value: TagValue::Text("box".into()), audience: Audience::Near };
        let verbs = vec![verb(PUT), verb(TAKE), verb(TRAVEL)];
        let what = Spawning { kind: Kind::Object, name: "Box".into(), at, heading: 0.0, tags: vec![look], verbs };
        self.stall().till = calls.spawn(what).ok();
        Returned { calls, result: Ok(()) }
    }

    fn tick(&mut self, _frame: &Frame, events: &[Event], mut calls: Box<dyn HostCalls>) -> Returned {
        for (index, event) in (0..).zip(events) {
            calls.progress(index);
            if !self.handle(event, &mut *calls) {
                let detail = "the market is closed".into();
                let trap = Fault { kind: FaultKind::Trap, detail, event: Some(index) };
                return Returned { calls, result: Err(trap) };
            }
        }
        Returned { calls, result: Ok(()) }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        let bytes = rmp_serde::to_vec(&*self.stall()).expect("a stall is plain");
        Ok(Saved { schema: 1, bytes })
    }

    fn load(&mut self, _setup: &Setup, saved: &Saved) -> Result<(), Fault> {
        let mut stall: Stall = rmp_serde::from_slice(&saved.bytes).map_err(|error| Fault {
            kind: FaultKind::Refused,
            detail: format!("{} can't read that: {error}", self.version.name()),
            event: None,
        })?;
        if self.conduct == Conduct::ForgetsTheBox {
            stall.coins.clear();
        }
        *self.stall() = stall;
        Ok(())
    }
}

/// What hosts take the module from.
pub(crate) struct Markets(pub(crate) Conduct);

impl Natives for Markets {
    fn first(&self, _zone: &ZoneSettings) -> Digest {
        Version::One.digest()
    }

    fn instance(&self, digest: &Digest) -> Option<Box<dyn Module>> {
        Some(Box::new(Market::new(Version::of(digest)?, self.0, Arc::default())))
    }
}

/// What a replay of the checks takes it from: the state of the instance taken last can be looked at.
pub(crate) struct Watched {
    zone: ZoneSettings,
    conduct: Conduct,
    latest: Arc<Mutex<Stall>>,
    ledger: Ledger,
}

impl Watched {
    /// For a replay of this zone.
    pub(crate) fn new(zone: ZoneSettings, conduct: Conduct) -> Self {
        Self { zone, conduct, latest: Arc::default(), ledger: Arc::default() }
    }

    /// What took effect since this was asked last.
    pub(crate) fn take_done(&self) -> Vec<Done> {
        std::mem::take(&mut *self.ledger.lock().expect("the simulation has one thread"))
    }

    /// The state of the instance that was taken last.
    pub(crate) fn stall(&self) -> Stall {
        self.latest.lock().expect("the simulation has one thread").clone()
    }
}

impl Modules for Watched {
    fn take(&mut self, digest: &Digest) -> Result<Prepared, Fault> {
        let unknown = || Fault { kind: FaultKind::NotLoadable, detail: format!("no module {digest}"), event: None };
        let version = Version::of(digest).ok_or_else(unknown)?;
        self.latest = Arc::default();
        let map = Map::empty(self.zone.size[0], self.zone.size[1]);
        let map_digest = Digest::of(&map.to_json());
        let market = Market::new(version, self.conduct, self.latest.clone());
        let module = Box::new(Market { ledger: Some(self.ledger.clone()), ..market });
        Ok(Prepared { module, map: Arc::new(map), map_digest })
    }

    fn rebuilt(&mut self) -> Result<Box<dyn Module>, Fault> {
        Err(Fault { kind: FaultKind::NotLoadable, detail: "a replay rebuilds nothing".into(), event: None })
    }
}
