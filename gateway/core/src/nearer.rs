//! Regions: a player who has come to stay in another region is told of a gateway that is nearer to it.
//!
//! Nobody is sent to and fro: never on to a gateway of this one's region, and who *resumes* here in a foreign zone has chosen this
//! gateway (perhaps because the nearer one can't be reached), so she is left alone until she next travels to another region.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::conn::{Conn, State};
use crate::core::Core;
use crate::io::ConnId;
use crate::limits::SETTLED_ABROAD;

impl Core {
    /// The shell has looked where other regions' gateways are.
    pub(crate) fn on_nearer(&mut self, gateways: Vec<(String, String)>) {
        self.nearer = gateways.into_iter().collect();
    }

    /// Sends those on who have stood abroad long enough and for whom nothing is under way.
    pub(crate) fn tick_nearer(&mut self, now: Duration) {
        if self.nearer.is_empty() || self.backplane_away {
            return;
        }
        let mut leaving: Vec<(ConnId, String)> = Vec::new();
        for view in self.zones.values().filter(|view| view.pause.is_none()) {
            let Some(gateway) = elsewhere(&self.nearer, &self.config.region, view.region()) else { continue };
            let settled = |id: &&ConnId| self.conns.get(*id).is_some_and(|conn| is_settled(conn, now));
            leaving.extend(view.members.iter().filter(settled).map(|id| (*id, gateway.to_owned())));
        }
        for (id, gateway) in leaving {
            self.stats.sent_on += 1;
            self.send_on(now, id, &gateway);
        }
    }
}

/// Where a zone's players had better connect; none: here.
fn elsewhere<'a>(nearer: &'a BTreeMap<String, String>, own: &str, region: &str) -> Option<&'a str> {
    (!own.is_empty() && region != own).then(|| nearer.get(region).map(String::as_str)).flatten()
}

/// Whether she has stood in her region for long enough, with nothing of hers under way.
fn is_settled(conn: &Conn, now: Duration) -> bool {
    let State::Playing(session) = &conn.state else { return false };
    let stood = session.travelled.is_some_and(|since| now.saturating_sub(since) >= SETTLED_ABROAD);
    let busy = !session.pending.is_empty()
        || session.client_ack.is_some()
        || session.late_move.is_some()
        || session.transit.is_some()
        || session.relocation.is_some();
    stood && !busy && conn.congestion.is_none()
}
