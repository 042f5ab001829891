//! What goes wrong between gateway and zones, noticed and mended: lost frames, silent zones, new owners, the backplane away.

use std::time::Duration;

use wod_protocol::bus::{GatewayInput, ZoneNotice};
use wod_protocol::client::{PauseReason, ServerMsg};
use wod_protocol::codec::encode_server;
use wod_protocol::ids::ZoneNo;
use wod_protocol::registry::Owner;

use crate::core::Core;
use crate::io::{ConnId, Effect};
use crate::limits::{
    LOOKUP_INTERVAL, LOST_CONFIRMATION, LOST_IN_TRANSIT, LOST_TRACK, RESYNC_INTERVAL, SET_BACK_SHOWN, SILENCE_REPEAT,
    TRANSIT_REPEAT, ZONE_SILENCE,
};
use crate::zone::{Pause, ZoneView, lane};

impl Core {
    /// The view of a zone, begun when it is met; none for one that the world file does not have.
    pub(crate) fn zone_view(&mut self, now: Duration, zone: ZoneNo) -> Option<&mut ZoneView> {
        if !self.zones.contains_key(&zone) {
            let view = ZoneView::new(self.config.world.zone(zone)?, now);
            self.zones.insert(zone, view);
        }
        self.zones.get_mut(&zone)
    }

    /// Asks for a zone's owner, not too often.
    pub(crate) fn look_up(&mut self, now: Duration, zone: ZoneNo) {
        let Some(view) = self.zones.get_mut(&zone) else { return };
        if view.looked_up.is_some_and(|at| now < at + LOOKUP_INTERVAL) {
            return;
        }
        view.looked_up = Some(now);
        self.effects.push(Effect::LookupOwner(zone));
    }

    /// The registry's word on a zone's owner.
    pub(crate) fn on_owner(&mut self, now: Duration, zone: ZoneNo, owner: Option<Owner>) {
        let Some(view) = self.zones.get_mut(&zone) else { return };
        let Some(owner) = owner else { return };
        if owner.epoch < view.epoch || view.owner.as_ref() == Some(&owner.host) {
            return;
        }
        view.owner = Some(owner.host);
        self.ask_waiting(now, zone);
        if self.zones.get(&zone).is_some_and(|view| view.resync_due || !view.members.is_empty()) {
            self.resync(now, zone);
        }
        self.remind_departed(now, zone);
    }

    /// Asks a zone to send everything anew, not too often.
    pub(crate) fn resync(&mut self, now: Duration, zone: ZoneNo) {
        let Some(view) = self.zones.get_mut(&zone) else { return };
        if view.owner.is_none() || view.resynced.is_some_and(|at| now < at + RESYNC_INTERVAL) {
            view.resync_due = true;
            if view.owner.is_none() {
                self.look_up(now, zone);
            }
            return;
        }
        view.resynced = Some(now);
        view.resync_due = false;
        self.stats.resyncs += 1;
        self.give(now, zone, GatewayInput::Resync);
    }

    /// The same for every zone with players of ours.
    pub(crate) fn resync_all(&mut self, now: Duration) {
        for zone in self.zones_with_players() {
            self.resync(now, zone);
        }
    }

    fn zones_with_players(&self) -> Vec<ZoneNo> {
        self.zones.iter().filter(|(_, view)| !view.members.is_empty()).map(|(zone, _)| *zone).collect()
    }

    /// A host says that its zone stands still or goes on.
    pub(crate) fn on_notice(&mut self, now: Duration, notice: &ZoneNotice) {
        let Some(view) = self.zones.get_mut(&notice.zone) else { return };
        if notice.epoch < view.epoch {
            return;
        }
        if notice.paused {
            self.pause(now, notice.zone, notice.reason, true);
        } else {
            self.resume(notice.zone);
        }
    }

    fn pause(&mut self, now: Duration, zone: ZoneNo, reason: PauseReason, told: bool) {
        let Some(view) = self.zones.get_mut(&zone) else { return };
        let before = view.pause.replace(Pause { reason, since: now, told });
        if before.is_none_or(|before| before.reason != reason) {
            let message = ServerMsg::Paused { zone: view.name().to_owned(), reason };
            self.tell_members(zone, &message);
        }
    }

    /// A zone goes on: its players are told if they were told otherwise.
    pub(crate) fn resume(&mut self, zone: ZoneNo) {
        let Some(view) = self.zones.get_mut(&zone) else { return };
        if let Some(pause) = view.pause.take() {
            let message = ServerMsg::Resumed { zone: view.name().to_owned(), reason: pause.reason };
            self.tell_members(zone, &message);
        }
    }

    /// The same message for every player in a zone.
    pub(crate) fn tell_members(&mut self, zone: ZoneNo, message: &ServerMsg) {
        let Some(view) = self.zones.get(&zone) else { return };
        let mut encoded = [None, None];
        for id in &view.members {
            let Some(conn) = self.conns.get_mut(id) else { continue };
            let bytes = encoded[lane(conn.encoding)].get_or_insert_with(|| encode_server(conn.encoding, message));
            conn.staged.push(bytes.clone());
            self.touched.push(*id);
        }
    }

    /// The backplane went away, or is back.
    pub(crate) fn on_backplane(&mut self, now: Duration, away: bool) {
        if away == self.backplane_away {
            return;
        }
        self.backplane_away = away;
        if !away {
            let zones: Vec<ZoneNo> = self.zones.keys().copied().collect();
            for zone in zones {
                self.remind_departed(now, zone);
            }
        }
        for zone in self.zones_with_players() {
            if away {
                self.pause(now, zone, PauseReason::Backplane, false);
            } else {
                self.look_up(now, zone);
                self.resync(now, zone);
            }
        }
    }

    /// Time passes for every zone.
    pub(crate) fn tick_zones(&mut self, now: Duration) {
        let due: Vec<ZoneNo> = self.zones.iter().filter(|(_, view)| view.resync_due).map(|(zone, _)| *zone).collect();
        for zone in due {
            self.resync(now, zone);
        }
        let set_back = self.zones.iter().filter_map(|(zone, view)| Some((*zone, view.set_back?)));
        let lately = set_back.filter(|(_, (at, _))| now < *at + SET_BACK_SHOWN);
        self.stats.set_back = lately.map(|(zone, (_, ticks))| (zone, ticks)).collect();
        self.stats.silent.clear();
        for zone in self.zones_with_players() {
            let Some(view) = self.zones.get(&zone) else { continue };
            let silent = now.saturating_sub(view.heard) >= ZONE_SILENCE;
            if silent {
                self.stats.silent.push(zone);
            }
            let due = view.looked_up.is_none_or(|at| now >= at + SILENCE_REPEAT);
            if silent && due && !self.backplane_away {
                self.look_up(now, zone);
                self.resync(now, zone);
                if self.zones.get(&zone).is_some_and(|view| view.pause.is_none()) {
                    self.pause(now, zone, PauseReason::Recovering, false);
                }
            }
        }
    }

    /// Time passes for every player: commands are given again, and who got lost is looked for.
    pub(crate) fn tick_sessions(&mut self, now: Duration) {
        if self.backplane_away {
            return;
        }
        self.resend_overdue(now);
        self.ask_after_travellers(now);
        let lost: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| self.is_lost(now, conn)).map(|(id, _)| *id).collect();
        for id in lost {
            self.relocate(now, id);
        }
    }

    /// The first frame of the zone that a player goes to may be lost.
    fn ask_after_travellers(&mut self, now: Duration) {
        let mut asked = Vec::new();
        for conn in self.conns.values_mut() {
            if let Some(transit) = conn.session_mut().and_then(|session| session.transit.as_mut())
                && now >= transit.asked + TRANSIT_REPEAT
            {
                transit.asked = now;
                asked.push(transit.to);
            }
        }
        for zone in asked {
            if self.zone_view(now, zone).is_some() {
                self.resync(now, zone);
            }
        }
    }

    /// Whether a player's zone lives but does not answer her, or her crossing does not end.
    fn is_lost(&self, now: Duration, conn: &crate::conn::Conn) -> bool {
        let Some(session) = conn.session() else { return false };
        if session.relocation.is_some() {
            return false;
        }
        if let Some(transit) = session.transit {
            return now.saturating_sub(transit.since) >= LOST_IN_TRANSIT;
        }
        let Some(view) = self.zones.get(&session.zone) else { return false };
        let lives = view.pause.is_none() && now.saturating_sub(view.heard) < ZONE_SILENCE;
        if !lives || now < view.steady + LOST_CONFIRMATION {
            return false;
        }
        let left_out = |asked: Duration| session.confirmed < asked && now >= asked + LOST_CONFIRMATION;
        let unanswered = |since: Duration| now.saturating_sub(since) >= LOST_TRACK;
        view.resynced.is_some_and(left_out)
            || session.pending.front().is_some_and(|command| unanswered(command.received))
    }
}
