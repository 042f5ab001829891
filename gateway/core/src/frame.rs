//! One tick of a zone becomes each player's messages.
//!
//! The order of messages to a player is the protocol's: `welcome`, `zone`, `roster`, `history`, then attributes, corrections, reliable
//! messages, acks, and last `update`. What several players get is encoded once per encoding.

mod compose;

use std::cmp::Ordering;
use std::time::Duration;

use wod_protocol::bus::{Attached, Attribute, DetachReason, GatewayInput, Gone, GoneReason, ZoneFrame};
use wod_protocol::client::{CloseCode, ServerMsg, ZoneReason};
use wod_protocol::ids::{SessionId, ZoneNo};
use wod_protocol::limits::FRAME_HEARTBEAT;

use crate::conn::{Player, State};
use crate::core::Core;
use crate::io::ConnId;
use crate::limits::PAUSE_DOUBT;
use crate::session::Transit;

pub(crate) use compose::Scratch;

impl Core {
    /// A zone's frame has come.
    pub(crate) fn on_frame(&mut self, now: Duration, frame: &ZoneFrame) {
        let zone = frame.zone;
        let Some(anew) = self.accept(now, frame) else { return };
        for attached in &frame.attached {
            self.on_attached(now, frame, attached);
        }
        for refused in &frame.refused {
            self.on_refused(now, zone, refused);
        }
        for (session, reason) in &frame.rezoned {
            self.rezone(now, zone, *session, *reason);
        }
        if anew {
            self.resend_all(now, zone);
        }
        self.rosters(now, frame);
        for (session, lines) in &frame.histories {
            self.with_player(zone, *session, |mut player| {
                if std::mem::take(&mut player.session.wants_history) {
                    player.stage(&ServerMsg::History { lines: lines.clone() });
                }
            });
        }
        self.barriers(frame);
        self.attributes(frame);
        for correction in &frame.corrections {
            self.with_player(zone, correction.session, |mut player| {
                (player.session.at, player.session.c) = (correction.at, correction.c);
                let (x, y) = correction.at.metres();
                player.stage(&ServerMsg::Correct {
                    c: correction.c,
                    m: correction.m,
                    x,
                    y,
                    why: correction.why.clone(),
                });
            });
        }
        self.messages(now, frame);
        for (session, seq) in &frame.acks {
            let known = self.with_player(zone, *session, |mut player| {
                if let Some(ack) = player.session.acknowledge(*seq) {
                    player.stage(&ack);
                }
            });
            if !known {
                self.mentioned(now, zone, *session);
            }
        }
        self.updates(frame);
        for gone in &frame.gone {
            self.on_gone(now, zone, gone);
        }
    }

    /// Checks a frame's epoch and number and takes over its head. None: it is not to be followed. True: from a
    /// new owner of players here.
    fn accept(&mut self, now: Duration, frame: &ZoneFrame) -> Option<bool> {
        let zone = frame.zone;
        let view = self.zone_view(now, zone)?;
        // By the tick: a zone that took this gateway for dead counts its frames from 1 again.
        if frame.epoch < view.epoch || (frame.epoch == view.epoch && frame.tick <= view.tick) {
            self.stats.stale_frames += 1;
            return None;
        }
        let anew = frame.epoch > view.epoch;
        let inhabited = !view.members.is_empty();
        // Who arrives may be in the very frame that is missing, so a gap counts also where nobody of ours is known to be.
        let gap = if anew { inhabited || frame.seq != 1 } else { frame.seq != view.seq + 1 };
        let unknown = if anew && inhabited { (view.tick.0 + 1).saturating_sub(frame.tick.0) } else { 0 };
        if unknown > 0 {
            view.set_back = Some((now, unknown));
        }
        view.epoch = frame.epoch;
        view.generation = frame.generation;
        view.seq = frame.seq;
        view.tick = frame.tick;
        view.game_ms = frame.game_ms;
        if view.pause.is_some() || now.saturating_sub(view.heard) > 2 * FRAME_HEARTBEAT {
            view.steady = now;
        }
        view.heard = now;
        if view.owner.as_ref() != Some(&frame.owner) {
            view.owner = Some(frame.owner.clone());
        }
        if let Some(card) = &frame.info {
            view.card = Some(card.clone());
        }
        let goes_on = view.pause.is_some_and(|pause| !pause.told || now >= pause.since + PAUSE_DOUBT);
        self.stats.zone_frames += 1;
        self.stats.ticks_lost += unknown;
        if goes_on && !self.backplane_away {
            self.resume(zone);
        }
        if gap {
            self.stats.frame_gaps += 1;
            self.resync(now, zone);
        }
        if anew {
            self.remind_departed(now, zone);
        }
        Some(anew && inhabited)
    }

    /// Runs `act` for a player if she is in this zone. False if she is not.
    fn with_player(&mut self, zone: ZoneNo, session: SessionId, act: impl FnOnce(Player<'_>)) -> bool {
        let Some(&id) = self.sessions.get(&session) else { return false };
        let Some(player) = self.conns.get_mut(&id).and_then(|conn| conn.player_mut()) else { return false };
        if player.session.zone != zone {
            return true; // Of ours, but this zone's word on her is out of date.
        }
        act(player);
        self.touched.push(id);
        true
    }

    /// A connection was let in, or a player has come over from another zone.
    fn on_attached(&mut self, now: Duration, frame: &ZoneFrame, attached: &Attached) {
        let zone = frame.zone;
        if let Some(nonce) = attached.nonce
            && let Some(&id) = self.nonces.get(&nonce)
        {
            return match self.conns.get(&id).map(|conn| &conn.state) {
                Some(State::Admitting(_)) => self.welcome(now, id, zone, attached),
                _ => self.arrive(now, id, frame, attached),
            };
        }
        let Some(&id) = self.sessions.get(&attached.session) else {
            // Its connection ended before the zone's answer came, or the zone has not heard of the end yet.
            let (session, attach) = (attached.session, attached.attach);
            return self.depart(now, session, attach, zone, DetachReason::Lost);
        };
        let Some(session) = self.conns.get(&id).and_then(|conn| conn.session()) else { return };
        let expected = session.transit.is_some_and(|transit| transit.to == zone);
        match attached.attach.cmp(&session.attach) {
            Ordering::Less => {}
            // A repeat, or, over a border, the first word or what is left of it after a loss.
            Ordering::Equal | Ordering::Greater if attached.nonce.is_none() || expected || session.zone == zone => {
                self.arrive(now, id, frame, attached);
            }
            Ordering::Equal => {}
            // A newer connection of the session, which is gone already; the zone ends this one by itself.
            Ordering::Greater => {
                let (session, attach) = (attached.session, attached.attach);
                self.give(now, zone, GatewayInput::Detach { session, attach, why: DetachReason::Lost });
            }
        }
    }

    /// A player of ours stands in this zone from now on.
    fn arrive(&mut self, now: Duration, id: ConnId, frame: &ZoneFrame, attached: &Attached) {
        let zone = frame.zone;
        let Some(player) = self.conns.get_mut(&id).and_then(|conn| conn.player_mut()) else { return };
        if player.session.is_ahead_of(attached) {
            let why = "the world was set back to before what you saw last: its store has lost it";
            return self.close(now, id, CloseCode::ResumeImpossible, why, None);
        }
        let Player { encoding, staged, session, .. } = player;
        session.confirmed = now;
        if session.name != attached.name {
            let renamed = ServerMsg::Name { id: session.you, name: attached.name.clone() };
            staged.push(wod_protocol::codec::encode_server(encoding, &renamed));
            self.touched.push(id);
        }
        if session.zone == zone && session.transit.is_none() && session.relocation.is_none() {
            // Only repeated, for a resync or before a `rezoned`. What told her of this `c` may be in the frame that was lost.
            let untold = attached.c != session.c && !tells_where(frame, session.id);
            session.stand(attached);
            if untold {
                staged.push(wod_protocol::codec::encode_server(encoding, &session.placed()));
                self.touched.push(id);
            }
            return;
        }
        if self.zones.get(&zone).is_none_or(|view| view.card.is_none()) {
            return;
        }
        if let Some(relocation) = &session.relocation {
            self.nonces.remove(&relocation.nonce);
        }
        let mut left = None;
        if let Some(former) = self.zones.get_mut(&session.zone) {
            former.leave(id, session);
            left = Some(former.region().to_owned());
        }
        session.arrive(attached, zone);
        if let Some(view) = self.zones.get_mut(&zone) {
            view.join(id);
            if left.as_deref() != Some(view.region()) {
                session.travelled = Some(now);
            }
            if let Some(info) = view.info(session, attached.reason) {
                staged.push(wod_protocol::codec::encode_server(encoding, &ServerMsg::Zone(info)));
            }
        }
        if let Some(ack) = session.acknowledge(attached.seq) {
            staged.push(wod_protocol::codec::encode_server(encoding, &ack));
        }
        self.touched.push(id);
        self.resend(now, id);
    }

    /// A player is told about her zone anew.
    fn rezone(&mut self, now: Duration, zone: ZoneNo, session: SessionId, reason: ZoneReason) {
        let Some(&id) = self.sessions.get(&session) else { return self.mentioned(now, zone, session) };
        let Some(view) = self.zones.get_mut(&zone) else { return };
        let Some(mut player) = self.conns.get_mut(&id).and_then(|conn| conn.player_mut()) else { return };
        if player.session.zone != zone {
            return;
        }
        if let Some(info) = view.info(player.session, reason) {
            view.forget_roster(player.session);
            player.stage(&ServerMsg::Zone(info));
            self.touched.push(id);
            self.resend(now, id);
        }
    }

    /// A new owner may lack what the old one was given.
    fn resend_all(&mut self, now: Duration, zone: ZoneNo) {
        let members: Vec<ConnId> =
            self.zones.get(&zone).map(|view| view.members.iter().copied().collect()).unwrap_or_default();
        for id in members {
            self.resend(now, id);
        }
    }

    /// Barriers opened or closed.
    fn barriers(&mut self, frame: &ZoneFrame) {
        for (name, closed) in &frame.barriers {
            if let Some(card) = self.zones.get_mut(&frame.zone).and_then(|view| view.card.as_mut()) {
                card.barriers.retain(|known| known != name);
                if *closed {
                    card.barriers.push(name.clone());
                }
            }
            self.tell_members(frame.zone, &ServerMsg::Barrier { id: name.clone(), closed: *closed });
        }
    }

    /// Attributes changed: told to the entity's owner alone, or to all who see it.
    fn attributes(&mut self, frame: &ZoneFrame) {
        for change in &frame.attributes {
            let id = change.id;
            let message = match &change.what {
                Attribute::Tags(tags) => ServerMsg::Tags { id, tags: tags.iter().cloned().collect() },
                Attribute::Verbs(verbs) => ServerMsg::Verbs { id, verbs: verbs.clone() },
                Attribute::Name(name) => ServerMsg::Name { id, name: name.clone() },
            };
            match change.only {
                Some(session) => {
                    self.with_player(frame.zone, session, |mut player| player.stage(&message));
                }
                None => self.tell_watchers(frame.zone, id, &message),
            }
        }
    }

    /// An attachment is over.
    fn on_gone(&mut self, now: Duration, zone: ZoneNo, gone: &Gone) {
        self.departed.remove(&gone.session);
        let Some(&id) = self.sessions.get(&gone.session) else { return };
        let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut()) else { return };
        if session.zone != zone || session.attach != gone.attach {
            return;
        }
        match &gone.why {
            GoneReason::Crossed(to) => {
                // A repeat does not put off the time when she is looked for.
                let known = session.transit.filter(|transit| transit.to == *to);
                session.transit = Some(known.unwrap_or(Transit { to: *to, since: now, asked: now }));
            }
            GoneReason::LoggedOut => self.close_ended(now, id, CloseCode::Bye, "logged out"),
            GoneReason::Replaced => {
                self.close_ended(now, id, CloseCode::Replaced, "a newer connection has taken over");
            }
            GoneReason::Kicked(reason) => self.close_ended(now, id, CloseCode::Kicked, reason),
            GoneReason::TooSlow => self.close_ended(now, id, CloseCode::TooSlow, "too many messages wait for an ack"),
            GoneReason::Outdated => {
                self.close_ended(now, id, CloseCode::ResumeImpossible, "another zone has you since later");
            }
        }
    }
}

/// Whether a frame says by itself where a player stands and what her `c` is.
fn tells_where(frame: &ZoneFrame, session: SessionId) -> bool {
    frame.corrections.iter().any(|correction| correction.session == session)
        || frame.rezoned.iter().any(|(rezoned, _)| *rezoned == session)
}
