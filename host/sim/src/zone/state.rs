//! The zone's state: everything that a snapshot keeps, besides the module's own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wod_protocol::bus::{Gone, GoneReason, MessageBody, Way};
use wod_protocol::client::{TagValue, ZoneReason};
use wod_protocol::ids::{
    AttachNo, CorrectionNo, Digest, EntityId, Epoch, GatewayId, Generation, Hop, HostId, MoveNo, MsgNo, Nonce, Seq,
    SessionId, Sub, Tick, Token, ZoneNo,
};
use wod_protocol::limits::LINK_DEATH_GRACE;
use wod_protocol::units::{Bounds, Fixed, Pos, to_fixed};
use wod_protocol::world::World;

use super::border::Border;
use super::history::History;
use super::limits::GHOSTS_SHOWN;
use super::outbox::Outbox;
use super::requests::Requests;
use super::scene::{Ground, Scene};
use super::versions::{Shelved, Versions};
use crate::io::Degradation;
use crate::module::{Description, Event, LeaveReason};
use crate::space::claim::Allowance;
use crate::space::roster::{Reach, Roster};

/// Most lost gateways remembered.
const LOST_GATEWAYS: usize = 64;
/// More gateways than this are not remembered once nobody is connected to them any more.
const GATEWAYS: usize = 256;

/// What the world file says about the zone.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) world: Arc<World>,
    pub(super) number: ZoneNo,
    pub(super) bounds: Bounds,
    pub(super) tick_hz: u32,
    /// Ticks.
    pub(super) grace: u64,
    pub(super) reach: Reach,
    pub(super) say: Fixed,
    pub(super) shout: Fixed,
    pub(super) emote: Fixed,
    /// Of a player whose record knows none.
    pub(super) speed: Fixed,
    /// How near own entities must be to a neighbour to be seen or heard there.
    pub(super) sight: Reach,
    pub(super) neighbours: Vec<Neighbour>,
}

/// A zone of the same region within sight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbour {
    pub(super) zone: ZoneNo,
    pub(super) bounds: Bounds,
}

/// Where the world file says that a portal leads: the zone, and a place in it.
pub(super) struct Exit {
    pub(super) to: ZoneNo,
    pub(super) place: Option<String>,
}

impl Rules {
    /// None: the world has no such zone.
    pub(super) fn new(world: Arc<World>, number: ZoneNo) -> Option<Self> {
        let zone = world.zone(number)?;
        let ranges = world.ranges;
        let furthest = ranges.roster_enter.max(ranges.say).max(ranges.shout).max(ranges.emote);
        let sight = Reach {
            enter: to_fixed(furthest),
            leave: to_fixed(furthest + (ranges.roster_leave - ranges.roster_enter)),
            cap: GHOSTS_SHOWN,
        };
        let near = |other: &&wod_protocol::world::Zone| {
            other.number != number
                && other.region() == zone.region()
                && is_within(zone.bounds(), other.bounds(), sight.enter)
        };
        let neighbours = world.zones.iter().filter(near);
        let neighbours = neighbours.map(|other| Neighbour { zone: other.number, bounds: other.bounds() }).collect();
        Some(Self {
            number,
            bounds: zone.bounds(),
            tick_hz: zone.tick_hz,
            grace: LINK_DEATH_GRACE.as_secs() * u64::from(zone.tick_hz),
            reach: Reach {
                enter: to_fixed(ranges.roster_enter),
                leave: to_fixed(ranges.roster_leave),
                cap: ranges.roster_cap,
            },
            say: to_fixed(ranges.say),
            shout: to_fixed(ranges.shout),
            emote: to_fixed(ranges.emote),
            speed: to_fixed(ranges.speed),
            sight,
            neighbours,
            world,
        })
    }

    /// Whether that zone is within sight.
    pub(super) fn is_neighbour(&self, zone: ZoneNo) -> bool {
        self.neighbours.iter().any(|neighbour| neighbour.zone == zone)
    }

    /// The zone as the world file has it.
    pub(super) fn zone(&self) -> &wod_protocol::world::Zone {
        self.world.zone(self.number).expect("new() has seen it")
    }

    /// Ticks in a second.
    pub(super) fn second(&self) -> u64 {
        u64::from(self.tick_hz)
    }

    /// So many milliseconds of game time in ticks, rounded up.
    pub(super) fn ticks(&self, ms: u64) -> u64 {
        let ticks = (u128::from(ms) * u128::from(self.tick_hz)).div_ceil(1000);
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Milliseconds of game time when this tick begins.
    pub(super) fn game_ms(&self, tick: Tick) -> u64 {
        tick.0 * 1000 / u64::from(self.tick_hz)
    }

    /// Where a portal of the map leads; none: the world file does not say.
    pub(super) fn exit(&self, portal: &str) -> Option<Exit> {
        let destination = self.zone().portals.get(portal)?;
        let (zone, place) = match destination.split_once('/') {
            Some((zone, place)) => (zone, Some(place.to_owned())),
            None => (destination.as_str(), None),
        };
        let to = self.world.zone_named(zone)?.number;
        Some(Exit { to, place })
    }

    /// The zone of the same region that a point belongs to; never this one.
    pub(super) fn neighbour_at(&self, at: Pos) -> Option<ZoneNo> {
        let region = self.zone().region();
        self.world
            .zones
            .iter()
            .find(|zone| zone.number != self.number && zone.region() == region && zone.bounds().contains(at))
            .map(|zone| zone.number)
    }
}

/// Whether two rectangles are at most so far apart.
fn is_within(a: Bounds, b: Bounds, distance: Fixed) -> bool {
    let gap =
        |a: (Fixed, Fixed), b: (Fixed, Fixed)| i64::from(b.0).max(i64::from(a.0)) - i64::from(a.1).min(i64::from(b.1));
    let dx = gap((a.min.x, a.max.x), (b.min.x, b.max.x)).max(0);
    let dy = gap((a.min.y, a.max.y), (b.min.y, b.max.y)).max(0);
    dx * dx + dy * dy <= i64::from(distance) * i64::from(distance)
}

/// Everything a snapshot keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) tick: Tick,
    pub(super) epoch: Epoch,
    /// Empty before the first owner.
    pub(super) owner: HostId,
    pub(super) generation: Generation,
    pub(super) dilation: u16,
    pub(super) degradation: Degradation,
    /// Who has moved and is yet to be told of, with the protocol's flags.
    pub(super) untold_moves: BTreeMap<EntityId, u8>,
    /// None before the first swap.
    pub(super) module: Option<ModuleCard>,
    pub(super) scene: Scene,
    pub(super) players: BTreeMap<EntityId, Player>,
    /// Whose session.
    pub(super) sessions: BTreeMap<SessionId, EntityId>,
    /// Players by folded name.
    pub(super) names: BTreeMap<String, EntityId>,
    /// Players on their way to another zone or out of the world, as soon as the module has been told what they did here.
    pub(super) leaving: BTreeMap<EntityId, Leaving>,
    pub(super) versions: Versions,
    /// No instance runs: what is kept of the module.
    pub(super) shelved: Option<Shelved>,
    /// From this tick on the module was told nothing, until it is rebuilt or replaced.
    pub(super) untold: Option<Tick>,
    /// So many of the first waiting events brought the module down, and it does not say which.
    pub(super) suspects: usize,
    /// Not yet told to the module.
    pub(super) events: VecDeque<Event>,
    pub(super) timers: Timers,
    /// What operators set.
    pub(super) config: BTreeMap<String, TagValue>,
    pub(super) asks: Asks,
    /// Modules' messages among `events`, to be answered with a receipt: where from, and the sender's order.
    pub(super) mail: BTreeMap<u64, (ZoneNo, Token)>,
    /// The last number given to a message.
    pub(super) last_mail: u64,
    pub(super) requests: Requests,
    pub(super) outbox: Outbox,
    /// With neighbouring zones that were ever looked at from here, or looked here.
    pub(super) borders: BTreeMap<ZoneNo, Border>,
    pub(super) gateways: BTreeMap<GatewayId, Gateway>,
    pub(super) lost_gateways: VecDeque<GatewayId>,
}

/// Where a player is going.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Leaving {
    /// To another zone; `at`: where she will stand, none: where she stands now.
    Zone { to: ZoneNo, way: Way, at: Option<Pos> },
    /// Offline.
    World { reason: LeaveReason, gone: GoneReason },
}

impl State {
    /// A zone that never ran.
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            tick: Tick(0),
            epoch: Epoch(0),
            owner: HostId::from(""),
            generation: Generation(0),
            dilation: 1000,
            degradation: Degradation::None,
            untold_moves: BTreeMap::new(),
            module: None,
            versions: Versions::default(),
            shelved: None,
            untold: None,
            suspects: 0,
            scene: Scene::new(rules.number, Ground::plain(rules.bounds)),
            players: BTreeMap::new(),
            sessions: BTreeMap::new(),
            names: BTreeMap::new(),
            leaving: BTreeMap::new(),
            events: VecDeque::new(),
            timers: Timers::default(),
            config: BTreeMap::new(),
            asks: Asks::default(),
            mail: BTreeMap::new(),
            last_mail: 0,
            requests: Requests::default(),
            outbox: Outbox::default(),
            borders: BTreeMap::new(),
            gateways: BTreeMap::new(),
            lost_gateways: VecDeque::new(),
        }
    }

    pub(super) fn remember_lost(&mut self, gateway: GatewayId) {
        if self.gateways.len() > GATEWAYS {
            self.gateways.retain(|_, known| known.linger > Tick(0));
        }
        self.lost_gateways.retain(|known| *known != gateway);
        if self.lost_gateways.len() >= LOST_GATEWAYS {
            self.lost_gateways.pop_front();
        }
        self.lost_gateways.push_back(gateway);
    }
}

/// The running module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ModuleCard {
    pub(super) digest: Digest,
    pub(super) description: Arc<Description>,
}

/// A person in the zone. Her looks and position are her entity's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Player {
    pub(super) sub: Sub,
    pub(super) guest: bool,
    pub(super) hop: Hop,
    /// By module name.
    pub(super) saved: BTreeMap<String, Bytes>,
    pub(super) session: Session,
    pub(super) roster: Roster,
    /// Her roster is due as a whole.
    pub(super) full_roster: bool,
    pub(super) allowance: Allowance,
    pub(super) dialogues: BTreeMap<Token, Dialogue>,
    /// Nobody hears her before this tick, by a module's word.
    pub(super) muted_until: Tick,
    /// Why she is here, as her `zone` message said it.
    pub(super) reason: ZoneReason,
    /// Whom she does not hear, and what they were called when she began.
    #[serde(default)]
    pub(super) ignored: BTreeMap<EntityId, String>,
    /// The same as `muted_until` by an operator's word, and why.
    #[serde(default)]
    pub(super) silenced: Silenced,
    /// When she may say as much at once as anybody who was silent, milliseconds of game time.
    #[serde(default)]
    pub(super) rested_at: u64,
}

/// An operator's mute.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Silenced {
    pub(super) until: Tick,
    pub(super) reason: String,
}

/// One login of a player, over any number of connections.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) link: Link,
    pub(super) attach: AttachNo,
    /// Of the request that made this attachment.
    pub(super) nonce: Nonce,
    /// Hashes of the tokens that resume it, the newest last: at most the newest and the one before.
    pub(super) tokens: Vec<Digest>,
    /// The last command dealt with.
    pub(super) seq: Seq,
    pub(super) m: MoveNo,
    pub(super) c: CorrectionNo,
    pub(super) messages: Messages,
    /// Her client has come without the lines that she has heard, and given no sign yet that it has them.
    #[serde(default)]
    pub(super) wants_history: bool,
}

/// Whether the session's connection stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Link {
    /// At this gateway.
    Up(GatewayId),
    /// Lost; she is logged out at this tick.
    Down(Tick),
}

/// Reliable messages of a session.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Messages {
    /// The last number.
    pub(super) n: MsgNo,
    /// Not acknowledged by the client, the last one's number is `n`.
    pub(super) unacked: VecDeque<(Arc<MessageBody>, u32)>,
    /// Size of `unacked`, bytes.
    pub(super) bytes: usize,
    /// When the client acknowledged last, or everything was sent.
    pub(super) touched: Tick,
    /// Some were dropped while she was away: the session can't be resumed.
    pub(super) torn: bool,
    /// The last lines of chat among all of them, acknowledged or not.
    #[serde(default)]
    pub(super) history: History,
}

/// An open dialogue: the NPC, and ids of the options.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Dialogue {
    pub(super) npc: EntityId,
    /// The zone whose module leads it; none: this one.
    pub(super) led_by: Option<ZoneNo>,
    pub(super) options: Vec<String>,
}

/// A gateway that had players here since this owner began.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Gateway {
    /// Of the last frame.
    pub(super) seq: u64,
    /// When it was sent.
    pub(super) sent: Tick,
    /// Frames go on until then without players, so that a lost last one is noticed.
    pub(super) linger: Tick,
    /// Attachments that ended lately, repeated when frames were lost.
    pub(super) gone: VecDeque<(Tick, Gone)>,
}

/// Timers of the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Timers {
    by_token: BTreeMap<Token, Timer>,
    by_tick: BTreeSet<(Tick, Token)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Timer {
    due: Tick,
    every: Option<u32>,
}

impl Timers {
    pub(super) fn len(&self) -> usize {
        self.by_token.len()
    }

    pub(super) fn set(&mut self, token: Token, due: Tick, every: Option<u32>) {
        self.cancel(token);
        self.by_token.insert(token, Timer { due, every });
        self.by_tick.insert((due, token));
    }

    pub(super) fn cancel(&mut self, token: Token) {
        if let Some(timer) = self.by_token.remove(&token) {
            self.by_tick.remove(&(timer.due, token));
        }
    }

    /// The next tick with a due timer.
    pub(super) fn next(&self) -> Option<Tick> {
        self.by_tick.first().map(|(due, _)| *due)
    }

    /// A timer that is due; a repeating one is set again, from now on.
    pub(super) fn pop(&mut self, now: Tick) -> Option<Token> {
        let (_, token) = self.by_tick.first().copied().filter(|(due, _)| *due <= now)?;
        let timer = *self.by_token.get(&token).expect("both indexes hold the same timers");
        match timer.every {
            Some(every) => self.set(token, Tick(now.0 + u64::from(every.max(1))), Some(every)),
            None => self.cancel(token),
        }
        Some(token)
    }
}

/// Operators' questions and their answers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Asks {
    /// Unanswered, and when that becomes an error.
    pub(super) open: BTreeMap<u64, Tick>,
    /// Given lately; a new owner gives them again.
    pub(super) given: VecDeque<(Tick, u64, Result<String, String>)>,
}
