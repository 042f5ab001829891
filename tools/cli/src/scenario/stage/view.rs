//! What can be seen of a play: by players, and of the zone's cost.

use std::time::Duration;

use wod_protocol::ids::EntityId;
use wod_testkit::Client;

use super::{Player, Stage, distance};

/// What one tick took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The whole step: simulation and module.
    pub(crate) step: Duration,
    /// The module's share.
    pub(crate) module: Duration,
    /// How often the module was called, ever.
    pub(crate) calls: u64,
}

impl Stage {
    /// What her client knows.
    pub(crate) fn client(&self, who: Player) -> &Client {
        &self.players[who.0]
    }

    /// The one of this name that she sees, the nearest of several.
    pub(crate) fn find(&self, who: Player, name: &str) -> Option<EntityId> {
        let client = self.client(who);
        let named = client.roster.iter().filter_map(|id| Some((*id, self.sights.get(id)?)));
        let named = named.filter(|(_, sight)| sight.name == name);
        named.min_by(|(_, a), (_, b)| distance(client.at, a.at).total_cmp(&distance(client.at, b.at))).map(|(id, _)| id)
    }

    /// Names of all that she sees, in order.
    pub(crate) fn in_sight(&self, who: Player) -> Vec<&str> {
        let seen = self.client(who).roster.iter().filter_map(|id| self.sights.get(id));
        let mut names: Vec<&str> = seen.map(|sight| sight.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether a barrier of the map stands closed; none: the map has no such barrier.
    pub(crate) fn is_closed(&self, barrier: &str) -> Option<bool> {
        let map = self.map()?;
        let is_there = map.barriers.iter().any(|known| known.name == barrier);
        is_there.then(|| self.closed_barriers.contains(barrier))
    }

    /// What the module logged as errors: when, seconds of game time, and what.
    pub(crate) fn errors(&self) -> &[(f64, String)] {
        &self.errors
    }

    /// How many entities the zone has, players included.
    pub(crate) fn entities(&self) -> usize {
        self.zone.entity_count()
    }

    /// One tick, measured.
    pub(crate) fn measured_tick(&mut self) -> Cost {
        let before = self.versions.spent();
        self.tick();
        let after = self.versions.spent();
        Cost { step: self.took, module: after.time.saturating_sub(before.time), calls: after.calls }
    }
}
