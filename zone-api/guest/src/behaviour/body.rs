//! [`Body`]: an NPC as its behaviour moves it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Alarm, Behaved, Behaviour};
use crate::ctx;
use crate::handle::{EntityId, Npc, OrderId, Token};
use crate::host::Host;
use crate::memory::{Core, Pending};
use crate::types::{Filter, Goal, Kind, LogLevel, Neighbour, Point, Refusal, Setup, View};

/// Most others that an NPC sees at once: the nearest.
pub(super) const MOST_SEEN: u32 = 16;

/// An NPC as its behaviour moves it.
pub(crate) struct Body<'a> {
    pub(super) host: &'a mut dyn Host,
    pub(super) core: &'a mut Core,
    pub(super) setup: &'a Setup,
    pub(super) game_ms: u64,
    pub(super) npc: Npc,
    /// Somebody has it in sight.
    pub(super) watched: bool,
    pub(super) order: &'a mut Option<OrderId>,
    pub(super) alarms: &'a mut BTreeMap<Alarm, Token>,
    pub(super) reports: Vec<Behaved>,
}

impl Body<'_> {
    /// Where it is; none in the tick in which it was spawned.
    pub(super) fn at(&self) -> Option<Point> {
        self.view(self.npc.id()).map(|view| view.at)
    }

    pub(super) fn view(&self, entity: EntityId) -> Option<View> {
        self.host.entity(entity)
    }

    pub(super) fn report(&mut self, what: Behaved) {
        self.reports.push(what);
    }

    /// Walks; false: refused at once.
    pub(super) fn go(&mut self, goal: Goal, within: f32) -> bool {
        let order = self.host.go_to(self.npc.id(), goal, within);
        self.ordered("go", order)
    }

    /// Keeps up with somebody; false: refused at once.
    pub(super) fn follow(&mut self, target: EntityId, distance: f32) -> bool {
        let order = self.host.follow(self.npc.id(), target, distance);
        self.ordered("follow", order)
    }

    fn ordered(&mut self, what: &str, order: Result<Token, Refusal>) -> bool {
        *self.order = order.as_ref().ok().map(|token| (*token).into());
        if let Err(refusal) = order {
            self.complain(what, &refusal.to_string());
        }
        self.order.is_some()
    }

    pub(super) fn halt(&mut self) {
        if self.order.take().is_some()
            && let Err(refusal) = self.host.halt(self.npc.id())
        {
            self.complain("halt", &refusal.to_string());
        }
    }

    pub(super) fn jump(&mut self, at: Point) {
        if let Err(refusal) = self.host.place(self.npc.id(), at, None) {
            self.complain("jump", &refusal.to_string());
        }
    }

    pub(super) fn pace(&mut self, metres_a_second: f32) {
        if let Err(refusal) = self.host.set_speed(self.npc.id(), metres_a_second) {
            self.complain("change pace", &refusal.to_string());
        }
    }

    pub(super) fn face(&mut self, at: Point) {
        if let Err(refusal) = self.host.face(self.npc.id(), Goal::Point(at)) {
            self.complain("turn", &refusal.to_string());
        }
    }

    /// Rings after so long; replaces what this alarm was set to.
    pub(super) fn ring(&mut self, alarm: Alarm, after: Duration) {
        self.silence(alarm);
        let token = self.core.token();
        match self.host.set_timer(token, ctx::ticks(self.setup.tick_hz, after), None) {
            Ok(()) => {
                self.core.timers.insert(token, Pending::Mind(self.npc, alarm));
                self.alarms.insert(alarm, token);
            }
            Err(refusal) => self.complain("set an alarm", &refusal.to_string()),
        }
    }

    pub(super) fn silence(&mut self, alarm: Alarm) {
        if let Some(token) = self.alarms.remove(&alarm) {
            self.core.timers.remove(&token);
            self.host.cancel_timer(token);
        }
    }

    /// Ends its order and all that it waits for.
    pub(super) fn drop_all(&mut self) {
        self.halt();
        for token in std::mem::take(self.alarms).into_values() {
            self.core.timers.remove(&token);
            self.host.cancel_timer(token);
        }
    }

    /// Ends what one part of a behaviour was about, for another to take its place.
    pub(super) fn interrupt(&mut self, part: &mut Behaviour) {
        self.halt();
        self.silence(Alarm::Walk);
        self.silence(Alarm::Look);
        self.silence_parts(part);
        part.step_mut().give_way();
    }

    fn silence_parts(&mut self, part: &Behaviour) {
        if let Some(alarm) = part.step().alarm() {
            self.silence(alarm);
        }
        for inner in part.step().parts() {
            self.silence_parts(inner);
        }
    }

    /// Puts it where a behaviour belongs, unless it is there. For when nobody looks.
    pub(super) fn put_at_post(&mut self, part: &Behaviour) {
        const NEAR: f32 = 1.0;
        let Some(post) = part.step().post(&*self.host) else {
            return;
        };
        if self.at().is_none_or(|here| here.distance(post) > NEAR) {
            self.jump(post);
        }
    }

    /// A spot within `radius` metres of `center`, evenly; without sine or cosine, so the same everywhere.
    pub(super) fn spot_about(&mut self, center: Point, radius: f32) -> Point {
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
    pub(super) fn sees(&self, at: Point) -> bool {
        self.at().is_some_and(|here| self.host.line_of_sight(here, at))
    }

    /// Whether it could walk straight to that spot: on the map, with no wall between.
    pub(super) fn is_open(&self, spot: Point) -> bool {
        let (low, high) = (self.setup.south_west, self.setup.north_east);
        let on_map = (low.x..=high.x).contains(&spot.x) && (low.y..=high.y).contains(&spot.y);
        on_map && self.sees(spot)
    }

    /// Players within `radius` metres, nearest first, at most [`MOST_SEEN`]. Ghosts from beyond a border are among them.
    pub(super) fn players_within(&self, radius: f32) -> Vec<EntityId> {
        let rows = self.within(radius, &Filter::players());
        rows.into_iter().filter(|row| row.kind == Kind::Player).map(|row| row.id).collect()
    }

    /// Whom it could see within `radius` metres, nearest first, at most [`MOST_SEEN`].
    pub(super) fn within(&self, radius: f32, whom: &Filter) -> Vec<Neighbour> {
        self.at().map_or(Vec::new(), |here| self.host.nearby(here, radius, whom, MOST_SEEN))
    }

    /// Whether this one is of this zone: a ghost can't be gone after.
    pub(super) fn is_here(&self, who: EntityId) -> bool {
        self.view(who).is_some_and(|view| !view.ghost)
    }

    pub(super) fn complain(&mut self, what: &str, why: &str) {
        let message = format!("npc {} could not {what}: {why}", self.npc);
        self.host.log(LogLevel::Warn, message, Vec::new());
    }
}
