//! All connections of a gateway, and how each begins and ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use wod_protocol::bus::{DetachReason, Part};
use wod_protocol::client::{CloseCode, Encoding, ServerMsg};
use wod_protocol::ids::{GatewayId, Nonce, SessionId, ZoneNo};
use wod_protocol::limits::{HELLO_TIMEOUT, SILENCE_TIMEOUT};
use wod_protocol::world::World;

use crate::conn::{Congestion, Conn, State};
use crate::frame::Scratch;
use crate::io::{ConnId, Effect, Event, Seeds};
use crate::limits::{CATCH_UP, FULL_RETRY_MS, SLOW_BYTES, SLOW_TIME, STALL};
use crate::outgoing::Departed;
use crate::zone::ZoneView;

/// What a gateway is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// This process. Another one every time it starts: zones tell by it which connections have died with it.
    pub gateway: GatewayId,
    /// The region it is near to. Its players may be told of a gateway nearer to another; empty: of none.
    pub region: String,
    /// The world; every process has the same.
    pub world: Arc<World>,
    /// Whether a name without a ticket lets one in.
    pub allow_guests: bool,
    /// Connections at once, over 0; the next are closed with 4103.
    pub max_connections: usize,
}

/// The gateway's state. See the crate's docs.
pub struct Core {
    pub(crate) config: Config,
    pub(crate) conns: IndexMap<ConnId, Conn>,
    /// The connection of every playing session.
    pub(crate) sessions: BTreeMap<SessionId, ConnId>,
    /// The connection of every attach request under way.
    pub(crate) nonces: BTreeMap<Nonce, ConnId>,
    pub(crate) zones: BTreeMap<ZoneNo, ZoneView>,
    /// Sessions whose connection ended here, until their zone surely knows.
    pub(crate) departed: BTreeMap<SessionId, Departed>,
    /// Playing connections with something for the next flush.
    pub(crate) dirty: Vec<ConnId>,
    /// Bytes, about, that wait for the next flush.
    pub(crate) unflushed: usize,
    pub(crate) backplane_away: bool,
    draining: Option<u32>,
    /// When the last tick was.
    ticked: Option<Duration>,
    /// After it has stood still: when it has read what came meanwhile.
    caught_up_at: Duration,
    /// Other regions' gateways: region to address.
    pub(crate) nearer: BTreeMap<String, String>,
    /// Connections with staged messages, perhaps several times.
    pub(crate) touched: Vec<ConnId>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) scratch: Scratch,
    pub(crate) stats: Stats,
}

/// Counters since the start, and gauges, for metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections now.
    pub connections: u64,
    /// Of these, in the world.
    pub players: u64,
    /// Messages taken from clients.
    pub client_messages: u64,
    /// Messages given to clients.
    pub server_messages: u64,
    /// Bytes of these.
    pub server_bytes: u64,
    /// Frames taken from zones.
    pub zone_frames: u64,
    /// Frames of an older owner, or known already.
    pub stale_frames: u64,
    /// Frames that were missing.
    pub frame_gaps: u64,
    /// Requests for a resync.
    pub resyncs: u64,
    /// Reliable messages that came again and were not sent twice.
    pub repeated_messages: u64,
    /// Reliable messages that came too early, with one before them missing.
    pub message_gaps: u64,
    /// Commands rejected here (too many, too long).
    pub rejected_commands: u64,
    /// Commands given to a zone again.
    pub repeated_commands: u64,
    /// Times a client was congested.
    pub congestions: u64,
    /// Times a player had to be found again.
    pub relocations: u64,
    /// Zones with players of ours from which no frame has come for [`ZONE_SILENCE`](crate::limits::ZONE_SILENCE).
    pub silent: Vec<ZoneNo>,
    /// Ticks that players here had seen of zones whose new owners did not know them.
    pub ticks_lost: u64,
    /// Of these, by zone, what was lost within the last [`SET_BACK_SHOWN`](crate::limits::SET_BACK_SHOWN).
    pub set_back: Vec<(ZoneNo, u64)>,
    /// Players told of a gateway that is nearer.
    pub sent_on: u64,
    /// Connections closed, by code.
    pub closed: BTreeMap<u16, u64>,
}

/// What a client is told when its connection ends.
struct Farewell<'a> {
    code: CloseCode,
    reason: &'a str,
    /// Wait so long before coming back, ms.
    retry_ms: Option<u32>,
    /// Come back there.
    gateway: Option<&'a str>,
}

impl Core {
    /// A gateway without connections.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            conns: IndexMap::new(),
            sessions: BTreeMap::new(),
            nonces: BTreeMap::new(),
            zones: BTreeMap::new(),
            departed: BTreeMap::new(),
            dirty: Vec::new(),
            unflushed: 0,
            backplane_away: false,
            draining: None,
            ticked: None,
            caught_up_at: Duration::ZERO,
            nearer: BTreeMap::new(),
            touched: Vec::new(),
            effects: Vec::new(),
            scratch: Scratch::default(),
            stats: Stats::default(),
        }
    }

    /// Takes one event in and appends what it sets off. `now` is the time since any fixed instant; it never goes back.
    pub fn handle(&mut self, now: Duration, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Opened { conn, encoding, seeds } => self.open(now, conn, encoding, seeds),
            Event::Frame { conn, frame } => self.on_client_frame(now, conn, &frame),
            Event::Heard { conn } => {
                if let Some(conn) = self.conns.get_mut(&conn) {
                    conn.heard = now;
                }
            }
            Event::TooBig { conn } => self.close(now, conn, CloseCode::TooBig, "a message over 16 KiB", None),
            Event::Closed { conn } => self.forget(now, conn, Some(DetachReason::Lost)),
            Event::Congested { conn } => self.congest(now, conn),
            Event::Writable { conn } => self.relieve(conn),
            Event::Verdict { conn, verdict } => self.on_verdict(now, conn, verdict),
            Event::Record { conn, found } => self.on_record(now, conn, found),
            Event::Owner { zone, owner } => self.on_owner(now, zone, owner),
            Event::Envelope(envelope) => {
                for part in envelope.parts {
                    match part {
                        Part::Frame(frame) => self.on_frame(now, &frame),
                        Part::Notice(notice) => self.on_notice(now, &notice),
                        // Meant for hosts; nothing here to do with them.
                        Part::ToZone(_) | Part::Stream(_) | Part::Border(_) | Part::Migration(_) => {}
                    }
                }
            }
            Event::Missed => self.resync_all(now),
            Event::Backplane { away } => self.on_backplane(now, away),
            Event::Nearer(gateways) => self.on_nearer(gateways),
            Event::Flush => self.flush(now),
            Event::Tick => self.tick(now),
            Event::Drain { retry_ms } => self.drain(now, retry_ms),
        }
        self.emit(now);
        if self.unflushed >= wod_protocol::limits::FLUSH_BYTES {
            self.flush(now);
        }
        effects.append(&mut self.effects);
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        Stats { connections: self.conns.len() as u64, players: self.sessions.len() as u64, ..self.stats.clone() }
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    fn open(&mut self, now: Duration, id: ConnId, encoding: Encoding, seeds: Seeds) {
        let full = self.conns.len() >= self.config.max_connections;
        self.conns.insert(id, Conn::new(encoding, seeds, now));
        if let Some(retry_ms) = self.draining {
            self.close(now, id, CloseCode::GoingAway, "this gateway is going away", Some(retry_ms));
        } else if full {
            self.close(now, id, CloseCode::Full, "this gateway is full", Some(FULL_RETRY_MS));
        }
    }

    /// Says `bye`, closes and forgets a connection. Its zone learns whether the client may come back.
    pub(crate) fn close(&mut self, now: Duration, id: ConnId, code: CloseCode, reason: &str, retry_ms: Option<u32>) {
        let detach = if code.comes_back() { DetachReason::Lost } else { DetachReason::Bye };
        self.end(now, id, Farewell { code, reason, retry_ms, gateway: None }, Some(detach));
    }

    /// [`Core::close`] for a player who is better served by that gateway and goes on there.
    pub(crate) fn send_on(&mut self, now: Duration, id: ConnId, gateway: &str) {
        let reason = "another gateway is nearer to you";
        let farewell = Farewell { code: CloseCode::GoingAway, reason, retry_ms: None, gateway: Some(gateway) };
        self.end(now, id, farewell, Some(DetachReason::Lost));
    }

    /// [`Core::close`] for a connection that its zone has already ended.
    pub(crate) fn close_ended(&mut self, now: Duration, id: ConnId, code: CloseCode, reason: &str) {
        self.end(now, id, Farewell { code, reason, retry_ms: None, gateway: None }, None);
    }

    fn end(&mut self, now: Duration, id: ConnId, farewell: Farewell<'_>, detach: Option<DetachReason>) {
        let Farewell { code, reason, retry_ms, gateway } = farewell;
        let Some(conn) = self.conns.get_mut(&id) else { return };
        // A close frame's reason holds 123 bytes; `bye` says the same words.
        let reason: String =
            reason.char_indices().take_while(|(at, c)| at + c.len_utf8() <= 120).map(|(_, c)| c).collect();
        let gateway = gateway.map(str::to_owned);
        conn.stage(&ServerMsg::Bye { code: code.number(), reason: reason.clone(), retry_ms, gateway });
        let frames = std::mem::take(&mut conn.staged);
        self.stats.server_messages += frames.len() as u64;
        self.effects.push(Effect::Send { conn: id, frames });
        self.effects.push(Effect::Close { conn: id, code, reason });
        *self.stats.closed.entry(code.number()).or_default() += 1;
        self.forget(now, id, detach);
    }

    /// Removes a connection and, when asked, tells its zone.
    fn forget(&mut self, now: Duration, id: ConnId, detach: Option<DetachReason>) {
        let Some(mut conn) = self.conns.swap_remove(&id) else { return };
        if let Some(admission) = conn.admission_mut() {
            self.nonces.remove(&admission.nonce);
        }
        let State::Playing(mut session) = conn.state else { return };
        if self.sessions.get(&session.id) == Some(&id) {
            self.sessions.remove(&session.id);
        }
        if let Some(view) = self.zones.get_mut(&session.zone) {
            view.leave(id, &mut session);
        }
        if let Some(why) = detach {
            self.depart(now, session.id, session.attach, session.zone, why);
        }
    }

    fn congest(&mut self, now: Duration, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && conn.congestion.is_none()
        {
            conn.congestion = Some(Congestion::new(now));
            self.stats.congestions += 1;
        }
    }

    /// The client has taken everything: send what it was owed, each entity's latest position once.
    fn relieve(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Some(congestion) = conn.congestion.take() else { return };
        conn.staged.extend(congestion.latest.into_values());
        if let Some(mut player) = conn.player_mut()
            && let Some(view) = self.zones.get(&player.session.zone)
        {
            self.scratch.update_owed(&mut player, view);
        }
        self.touched.push(id);
    }

    /// Staged messages leave, each connection's together.
    fn emit(&mut self, now: Duration) {
        while let Some(id) = self.touched.pop() {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            if conn.staged.is_empty() {
                continue;
            }
            let frames = std::mem::take(&mut conn.staged);
            let bytes: usize = frames.iter().map(bytes::Bytes::len).sum();
            self.stats.server_messages += frames.len() as u64;
            self.stats.server_bytes += bytes as u64;
            self.effects.push(Effect::Send { conn: id, frames });
            if let Some(congestion) = &mut conn.congestion {
                congestion.bytes += bytes;
                if congestion.bytes > SLOW_BYTES {
                    self.close(now, id, CloseCode::TooSlow, "too much waits to be read", None);
                }
            }
        }
    }

    fn drain(&mut self, now: Duration, retry_ms: u32) {
        self.draining = Some(retry_ms);
        let all: Vec<ConnId> = self.conns.keys().copied().collect();
        for id in all {
            self.close(now, id, CloseCode::GoingAway, "this gateway is going away", Some(retry_ms));
        }
        self.flush(now);
    }

    fn tick(&mut self, now: Duration) {
        let last = self.ticked.replace(now).unwrap_or(now);
        let stood_still = now.saturating_sub(last);
        // Who stood still has not yet read what clients sent meanwhile: it judges nobody before it could.
        if stood_still < STALL {
            self.close_overdue(now);
        } else {
            self.caught_up_at = now + CATCH_UP;
        }
        if stood_still >= HELLO_TIMEOUT {
            self.send_away_who_waited(now, last);
        }
        self.tick_admissions(now);
        self.tick_sessions(now);
        self.tick_zones(now);
        self.tick_departed(now);
        self.tick_nearer(now);
    }

    /// Whether this gateway has stood still, and may not have read yet that a client has gone.
    pub(crate) fn is_catching_up(&self, now: Duration) -> bool {
        self.ticked.is_some_and(|last| now.saturating_sub(last) >= STALL) || now < self.caught_up_at
    }

    /// This gateway stood still since then, for longer than clients wait: who was at its door may have given it up without a word and
    /// stand elsewhere by now, and must not be called away from there.
    fn send_away_who_waited(&mut self, now: Duration, since: Duration) {
        let waits = |conn: &Conn| matches!(conn.state, State::Verifying { .. } | State::Admitting(_));
        let waited = |conn: &Conn| waits(conn) && conn.opened <= since;
        let waited: Vec<ConnId> = self.conns.iter().filter(|(_, conn)| waited(conn)).map(|(id, _)| *id).collect();
        for id in waited {
            self.close(now, id, CloseCode::Full, "this gateway stood still", Some(FULL_RETRY_MS));
        }
    }

    /// Ends connections whose client is too slow, or silent.
    fn close_overdue(&mut self, now: Duration) {
        let mut over = std::mem::take(&mut self.scratch.over);
        for (id, conn) in &self.conns {
            let silent = now.saturating_sub(conn.heard) >= SILENCE_TIMEOUT;
            let verdict = match (&conn.state, &conn.congestion) {
                (State::AwaitingHello, _) if now.saturating_sub(conn.opened) >= HELLO_TIMEOUT => {
                    (CloseCode::HelloTimeout, "no hello within 5 s")
                }
                (State::Verifying { deadline }, _) if now >= *deadline => {
                    (CloseCode::Full, "the ticket could not be checked")
                }
                (_, Some(congestion)) if now.saturating_sub(congestion.since) >= SLOW_TIME => {
                    (CloseCode::TooSlow, "nothing was read for 10 s")
                }
                _ if silent => (CloseCode::TooSlow, "silent for 30 s"),
                _ => continue,
            };
            over.push((*id, verdict));
        }
        for (id, (code, reason)) in over.drain(..) {
            let retry_ms = (code == CloseCode::Full).then_some(FULL_RETRY_MS);
            self.close(now, id, code, reason, retry_ms);
        }
        self.scratch.over = over;
    }
}
