//! What goes to zones: one envelope per host and flush, with what must not be lost kept until the zone has it.

use std::collections::BTreeMap;
use std::time::Duration;

use wod_protocol::bus::{DetachReason, Envelope, GatewayInput, Part, Process, ToZone};
use wod_protocol::ids::{AttachNo, HostId, SessionId, ZoneNo};

use crate::core::Core;
use crate::io::{ConnId, Effect};
use crate::limits::{COMMAND_REPEAT, DEPARTED_MEMORY, DETACH_REPEAT, DETACH_SENDS, RESENDS};

/// A session whose connection ended here. Nothing acknowledges a detach, so it is told several times, and again whenever
/// the zone still mentions the session.
pub(crate) struct Departed {
    attach: AttachNo,
    zone: ZoneNo,
    why: DetachReason,
    sends: u32,
    next: Duration,
    forget: Duration,
}

impl Core {
    /// Adds an input to a zone's next envelope. Without a known owner it is dropped and the owner looked up: whatever must
    /// not be lost is kept elsewhere and comes again.
    pub(crate) fn give(&mut self, now: Duration, zone: ZoneNo, input: GatewayInput) {
        let Some(view) = self.zone_view(now, zone) else { return };
        if view.owner.is_none() {
            return self.look_up(now, zone);
        }
        let bytes = 48
            + match &input {
                GatewayInput::Attach(_) => 256,
                GatewayInput::Command { .. } => 128,
                _ => 0,
            };
        view.inputs.push(input);
        self.unflushed += bytes;
    }

    /// Coalesced inputs join the others, and every host gets its envelope.
    pub(crate) fn flush(&mut self, now: Duration) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.retain(|id| self.flush_session(now, *id));
        // Only sessions whose late move is still held back stay.
        self.dirty.append(&mut dirty);
        self.unflushed = 0;
        let mut parts: BTreeMap<HostId, Vec<Part>> = BTreeMap::new();
        for (&zone, view) in &mut self.zones {
            if view.inputs.is_empty() {
                continue;
            }
            let inputs = std::mem::take(&mut view.inputs);
            if let Some(owner) = &view.owner
                && !self.backplane_away
            {
                parts.entry(owner.clone()).or_default().push(Part::ToZone(ToZone { zone, inputs }));
            }
        }
        for (to, parts) in parts {
            let from = Process::Gateway(self.config.gateway.clone());
            self.effects.push(Effect::Publish { to, envelope: Envelope { from, parts } });
        }
    }

    /// True when something of the session must wait for a later flush.
    fn flush_session(&mut self, now: Duration, id: ConnId) -> bool {
        let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut()) else { return false };
        let (zone, session_id, attach) = (session.zone, session.id, session.attach);
        let ack = session.client_ack.take();
        let late = if session.late_move.is_some() && session.moves.take(now) { session.late_move.take() } else { None };
        session.dirty = session.late_move.is_some();
        let waits = session.dirty;
        if let Some(n) = ack {
            self.give(now, zone, GatewayInput::AckMessages { session: session_id, attach, n });
        }
        if let Some(claim) = late {
            self.give(now, zone, GatewayInput::Move(claim));
        }
        waits
    }

    /// Gives the zone every command of a session that it has not acked: the first now, the others behind them.
    pub(crate) fn resend(&mut self, now: Duration, id: ConnId) {
        let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut()) else { return };
        for command in &mut session.pending {
            command.sent = Duration::ZERO;
        }
        self.resend_since(now, id, Duration::ZERO);
    }

    /// The first of those last given before `before`, or just then.
    fn resend_since(&mut self, now: Duration, id: ConnId, before: Duration) {
        let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut()) else { return };
        let (zone, session_id, attach) = (session.zone, session.id, session.attach);
        let mut inputs = Vec::new();
        for command in session.pending.iter_mut().filter(|command| command.sent <= before).take(RESENDS) {
            command.sent = now;
            let body = command.body.clone();
            inputs.push(GatewayInput::Command { session: session_id, attach, seq: command.seq, body });
        }
        self.stats.repeated_commands += inputs.len() as u64;
        for input in inputs {
            self.give(now, zone, input);
        }
    }

    /// Commands that were not acked in time are given again.
    pub(crate) fn resend_overdue(&mut self, now: Duration) {
        let Some(before) = now.checked_sub(COMMAND_REPEAT) else { return };
        for index in 0..self.conns.len() {
            let Some((&id, conn)) = self.conns.get_index(index) else { break };
            let overdue = conn.session().is_some_and(|session| {
                session.transit.is_none() && session.pending.front().is_some_and(|command| command.sent <= before)
            });
            if overdue {
                self.resend_since(now, id, before);
            }
        }
    }

    /// Tells a zone that a connection has ended.
    pub(crate) fn depart(
        &mut self,
        now: Duration,
        session: SessionId,
        attach: AttachNo,
        zone: ZoneNo,
        why: DetachReason,
    ) {
        let forget = now + DEPARTED_MEMORY;
        let departed = Departed { attach, zone, why, sends: DETACH_SENDS - 1, next: now + DETACH_REPEAT, forget };
        self.departed.insert(session, departed);
        self.give(now, zone, GatewayInput::Detach { session, attach, why });
    }

    /// A zone's frame mentions a session that is not here (any more).
    pub(crate) fn mentioned(&mut self, now: Duration, zone: ZoneNo, session: SessionId) {
        let Some(departed) = self.departed.get_mut(&session) else { return };
        // She may have crossed just before her connection ended.
        departed.zone = zone;
        if now >= departed.next {
            departed.next = now + DETACH_REPEAT;
            let input = GatewayInput::Detach { session, attach: departed.attach, why: departed.why };
            self.give(now, zone, input);
        }
    }

    /// A zone's new owner may not have been told what the old one was.
    pub(crate) fn remind_departed(&mut self, now: Duration, zone: ZoneNo) {
        for departed in self.departed.values_mut().filter(|departed| departed.zone == zone) {
            (departed.sends, departed.next) = (DETACH_SENDS, now);
        }
    }

    pub(crate) fn tick_departed(&mut self, now: Duration) {
        let away = self.backplane_away;
        let mut due = Vec::new();
        self.departed.retain(|session, departed| {
            if !away && departed.sends > 0 && now >= departed.next {
                departed.sends -= 1;
                departed.next = now + DETACH_REPEAT;
                let input = GatewayInput::Detach { session: *session, attach: departed.attach, why: departed.why };
                due.push((departed.zone, input));
            }
            now < departed.forget
        });
        for (zone, input) in due {
            self.give(now, zone, input);
        }
    }
}
