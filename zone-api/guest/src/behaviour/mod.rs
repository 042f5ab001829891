//! What NPCs do by themselves: patrol, wander, chase, search, go home, hunt.
//!
//! A behaviour is a small state that the SDK keeps with the NPC, saves with the zone, and drives by events and timers alone:
//! there is no call per tick. While nobody has the NPC in sight it stands still and costs nothing. The zone gives one with
//! [`Ctx::behave`] and hears of what matters through [`Zone::behaved`]; a zone that composes its own gives the next behaviour
//! there. Orders ([`Ctx::go_to`], [`Ctx::follow`]) are not for an NPC that has one.
//!
//! ```
//! # use std::time::Duration;
//! # use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
//! use wod_zone::behaviour::{Hunt, Patrol};
//!
//! fn people<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
//!     let beat = ctx.place("beat")?.at;
//!     let watchman = ctx.spawn_npc(Spawn::new("Watchman", beat))?;
//!     ctx.behave(watchman, Patrol::along("beat").pausing(Duration::from_secs(4)))?;
//!
//!     let den = ctx.place("den")?.at;
//!     let hunter = ctx.spawn_npc(Spawn::new("Something thin", den))?;
//!     ctx.behave(hunter, Hunt::from(den).sight(18.0).between_hunts(Patrol::along("prowl")))
//! }
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctx::{self, Ctx};
use crate::error::Result;
use crate::handle::{EntityId, Npc, OrderId, Token};
use crate::host::Host;
use crate::memory::{Core, Pending};
use crate::types::{Filter, Goal, Kind, LogLevel, MoveEnd, Point, View};
use crate::zone::{Moved, Zone};

mod chase;
mod home;
mod hunt;
mod patrol;
mod search;
mod wander;

pub use chase::Chase;
pub use home::GoHome;
pub use hunt::{Hunt, Routine};
pub use patrol::Patrol;
pub use search::Search;
pub use wander::Wander;

/// What an NPC does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Behaviour {
    /// Walks from stop to stop, round and round.
    Patrol(Patrol),
    /// Strolls about a spot.
    Wander(Wander),
    /// Runs after somebody.
    Chase(Chase),
    /// Looks about where somebody was last seen.
    Search(Search),
    /// Walks home.
    GoHome(GoHome),
    /// All of these: notices, chases, loses, searches, goes home.
    Hunt(Hunt),
}

/// What [`Zone::behaved`] is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Behaved {
    /// [`Patrol`]: stands at this stop, counted from 0.
    Reached(usize),
    /// [`Hunt`]: has seen this player and runs after her.
    Noticed(EntityId),
    /// [`Chase`], [`Hunt`]: has come up to this player. A chase is over with it; a hunt goes home.
    Caught(EntityId),
    /// [`Chase`], [`Hunt`]: can't see this player any more; she was last seen there. A chase is over with it; a hunt searches.
    Lost(EntityId, Point),
    /// [`Search`], [`Hunt`]: found nobody. A search is over with it; a hunt goes home.
    GaveUp,
    /// [`GoHome`], [`Hunt`]: is home.
    Home,
    /// Can't get where it wants to. It tries again later.
    Stuck,
}

macro_rules! behaviours {
    ($($name:ident),*) => {$(
        impl From<$name> for Behaviour {
            fn from(behaviour: $name) -> Self {
                Self::$name(behaviour)
            }
        }
    )*};
}
behaviours!(Patrol, Wander, Chase, Search, GoHome, Hunt);

impl<Z: Zone> Ctx<'_, Z> {
    /// Gives an NPC a behaviour; replaces the one it had. It begins when somebody has the NPC in sight.
    pub fn behave(&mut self, npc: Npc, behaviour: impl Into<Behaviour>) -> Result {
        let watched = self.memory.core.minds.get(&npc).is_some_and(|mind| mind.watched);
        self.forget_mind(npc);
        let mut mind = Mind { behaviour: behaviour.into(), watched, order: None, alarms: BTreeMap::new() };
        let mut body = self.body(npc, &mut mind.order, &mut mind.alarms);
        mind.behaviour.step().equip(&mut body)?;
        if watched {
            mind.behaviour.step().begin(&mut body);
        }
        self.memory.core.minds.insert(npc, mind);
        Ok(())
    }

    /// What an NPC does by itself; none when it has no behaviour.
    pub fn behaviour(&self, npc: Npc) -> Option<&Behaviour> {
        self.memory.core.minds.get(&npc).map(|mind| &mind.behaviour)
    }

    /// Takes an NPC's behaviour away; it stops where it is.
    pub fn stop_behaving(&mut self, npc: Npc) -> Result {
        match self.forget_mind(npc) {
            true => self.halt(npc),
            false => Ok(()),
        }
    }

    /// Forgets a mind and its alarms. True when there was one.
    pub(crate) fn forget_mind(&mut self, npc: Npc) -> bool {
        let Some(mind) = self.memory.core.minds.remove(&npc) else {
            return false;
        };
        for token in mind.alarms.into_values() {
            self.memory.core.timers.remove(&token);
            self.host.cancel_timer(token);
        }
        true
    }

    fn body<'b>(
        &'b mut self,
        npc: Npc,
        order: &'b mut Option<OrderId>,
        alarms: &'b mut BTreeMap<Alarm, Token>,
    ) -> Body<'b> {
        Body {
            host: self.host,
            core: &mut self.memory.core,
            tick_hz: self.setup.tick_hz,
            game_ms: self.frame.game_ms,
            npc,
            order,
            alarms,
            reports: Vec::new(),
        }
    }
}

/// An NPC's behaviour and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mind {
    behaviour: Behaviour,
    /// Somebody has the NPC in sight; otherwise it rests.
    watched: bool,
    /// The order it carries out.
    order: Option<OrderId>,
    /// Its timers.
    alarms: BTreeMap<Alarm, Token>,
}

/// What a mind's timer is for; setting one again replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Alarm {
    /// Go on with the way.
    Walk,
    /// Look about.
    Look,
}

/// What a behaviour is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cue {
    /// Its order has ended; never because of the SDK itself.
    Moved(MoveEnd),
    /// Its alarm rings.
    Due(Alarm),
    /// Somebody came into, or left, its sensor.
    Sensed { subject: EntityId, inside: bool },
}

/// One behaviour. Every method ends at once: what takes time is an order or an alarm.
pub(crate) trait Step {
    /// Given to the NPC: switch on what is needed. May be while nobody watches.
    fn equip(&mut self, _body: &mut Body<'_>) -> Result {
        Ok(())
    }
    /// Begin, or go on after a rest.
    fn begin(&mut self, body: &mut Body<'_>);
    /// Something happened. Not called while it rests.
    fn cue(&mut self, body: &mut Body<'_>, cue: Cue);
    /// Somebody came or went while it rests: keep count, do nothing.
    fn sensed_at_rest(&mut self, _subject: EntityId, _inside: bool) {}
    /// Nobody watches any more. Orders and alarms are cancelled by the caller.
    fn rest(&mut self, _body: &mut Body<'_>) {}
}

impl Behaviour {
    fn step(&mut self) -> &mut dyn Step {
        match self {
            Self::Patrol(step) => step,
            Self::Wander(step) => step,
            Self::Chase(step) => step,
            Self::Search(step) => step,
            Self::GoHome(step) => step,
            Self::Hunt(step) => step,
        }
    }
}

/// An NPC as its behaviour moves it.
pub(crate) struct Body<'a> {
    host: &'a mut dyn Host,
    core: &'a mut Core,
    tick_hz: u32,
    game_ms: u64,
    npc: Npc,
    order: &'a mut Option<OrderId>,
    alarms: &'a mut BTreeMap<Alarm, Token>,
    reports: Vec<Behaved>,
}

impl Body<'_> {
    /// Where it is; none in the tick in which it was spawned.
    fn at(&self) -> Option<Point> {
        self.view(self.npc.id()).map(|view| view.at)
    }

    fn view(&self, entity: EntityId) -> Option<View> {
        self.host.entity(entity)
    }

    fn report(&mut self, what: Behaved) {
        self.reports.push(what);
    }

    /// Walks; false: refused at once.
    fn go(&mut self, goal: Goal, within: f32) -> bool {
        let order = self.host.go_to(self.npc.id(), goal, within);
        self.ordered("go", order)
    }

    /// Keeps up with somebody; false: refused at once.
    fn follow(&mut self, target: EntityId, distance: f32) -> bool {
        let order = self.host.follow(self.npc.id(), target, distance);
        self.ordered("follow", order)
    }

    fn ordered(&mut self, what: &str, order: std::result::Result<Token, crate::types::Refusal>) -> bool {
        *self.order = order.as_ref().ok().map(|token| (*token).into());
        if let Err(refusal) = order {
            self.complain(what, &refusal.to_string());
        }
        self.order.is_some()
    }

    fn halt(&mut self) {
        if self.order.take().is_some()
            && let Err(refusal) = self.host.halt(self.npc.id())
        {
            self.complain("halt", &refusal.to_string());
        }
    }

    fn jump(&mut self, at: Point) {
        if let Err(refusal) = self.host.place(self.npc.id(), at, None) {
            self.complain("jump", &refusal.to_string());
        }
    }

    fn pace(&mut self, metres_a_second: f32) {
        if let Err(refusal) = self.host.set_speed(self.npc.id(), metres_a_second) {
            self.complain("change pace", &refusal.to_string());
        }
    }

    fn set_sensor(&mut self, radius: f32) -> Result {
        Ok(self.host.set_sensor(self.npc.id(), radius)?)
    }

    /// Rings after so long; replaces what this alarm was set to.
    fn ring(&mut self, alarm: Alarm, after: Duration) {
        self.silence(alarm);
        let token = self.core.token();
        match self.host.set_timer(token, ctx::ticks(self.tick_hz, after), None) {
            Ok(()) => {
                self.core.timers.insert(token, Pending::Mind(self.npc, alarm));
                self.alarms.insert(alarm, token);
            }
            Err(refusal) => self.complain("set an alarm", &refusal.to_string()),
        }
    }

    fn silence(&mut self, alarm: Alarm) {
        if let Some(token) = self.alarms.remove(&alarm) {
            self.core.timers.remove(&token);
            self.host.cancel_timer(token);
        }
    }

    /// A spot within `radius` metres of `center`, evenly; without sine or cosine, so the same everywhere.
    fn spot_about(&mut self, center: Point, radius: f32) -> Point {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let dx = ctx::random_in(self.host, -radius..radius);
            let dy = ctx::random_in(self.host, -radius..radius);
            if dx * dx + dy * dy <= radius * radius {
                return Point::new(center.x + dx, center.y + dy);
            }
        }
        center
    }

    /// Whether it can be seen from here, with no wall between.
    fn sees(&self, at: Point) -> bool {
        self.at().is_some_and(|here| self.host.line_of_sight(here, at))
    }

    /// Players of this zone within `radius` metres, nearest first.
    fn players_within(&self, radius: f32) -> Vec<EntityId> {
        const MOST: u32 = 16;
        let Some(here) = self.at() else {
            return Vec::new();
        };
        let near = self.host.nearby(here, radius, &Filter::players(), MOST);
        near.into_iter().filter(|row| row.kind == Kind::Player).map(|row| row.id).collect()
    }

    fn complain(&mut self, what: &str, why: &str) {
        let message = format!("npc {} could not {what}: {why}", self.npc);
        self.host.log(LogLevel::Warn, message, Vec::new());
    }
}

/// An order has ended. None: it was not a behaviour's.
pub(crate) fn moved<Z: Zone>(ctx: &mut Ctx<'_, Z>, moved: Moved) -> Option<Vec<Behaved>> {
    let mind = ctx.memory.core.minds.get(&moved.npc)?;
    if mind.order != Some(moved.order) {
        // An order that the behaviour itself replaced or halted.
        return Some(Vec::new());
    }
    Some(with_mind(ctx, moved.npc, |mind, body| {
        *body.order = None;
        mind.step().cue(body, Cue::Moved(moved.end));
    }))
}

/// Somebody came into, or left, an NPC's sensor.
pub(crate) fn sensed<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, subject: EntityId, inside: bool) -> Vec<Behaved> {
    match ctx.memory.core.minds.get_mut(&npc) {
        Some(mind) if !mind.watched => {
            mind.behaviour.step().sensed_at_rest(subject, inside);
            Vec::new()
        }
        _ => with_mind(ctx, npc, |mind, body| mind.step().cue(body, Cue::Sensed { subject, inside })),
    }
}

/// An alarm rings.
pub(crate) fn due<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, alarm: Alarm) -> Vec<Behaved> {
    with_mind(ctx, npc, |mind, body| {
        body.alarms.remove(&alarm);
        mind.step().cue(body, Cue::Due(alarm));
    })
}

/// Somebody, or nobody any more, has the NPC in sight.
pub(crate) fn observed<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, by_anyone: bool) -> Vec<Behaved> {
    match ctx.memory.core.minds.get_mut(&npc) {
        Some(mind) if mind.watched != by_anyone => mind.watched = by_anyone,
        _ => return Vec::new(),
    }
    with_mind(ctx, npc, |mind, body| {
        if by_anyone {
            mind.step().begin(body);
        } else {
            body.halt();
            body.silence(Alarm::Walk);
            body.silence(Alarm::Look);
            mind.step().rest(body);
        }
    })
}

/// Runs `change` on an NPC's behaviour; without one, nothing happens.
fn with_mind<Z: Zone>(
    ctx: &mut Ctx<'_, Z>,
    npc: Npc,
    change: impl FnOnce(&mut Behaviour, &mut Body<'_>),
) -> Vec<Behaved> {
    let Some(mut mind) = ctx.memory.core.minds.remove(&npc) else {
        return Vec::new();
    };
    let mut body = ctx.body(npc, &mut mind.order, &mut mind.alarms);
    change(&mut mind.behaviour, &mut body);
    let reports = body.reports;
    ctx.memory.core.minds.insert(npc, mind);
    reports
}
