//! Messages of clients: what each may say when, and what a gateway refuses by itself.

use std::time::Duration;

use bytes::Bytes;
use wod_protocol::bus::{CommandBody, GatewayInput, MoveClaim};
use wod_protocol::client::{ChatMode, ClientMsg, CloseCode, Encoding, RejectCode, ServerMsg};
use wod_protocol::codec::decode_client;
use wod_protocol::ids::{Seq, Tick, Token};
use wod_protocol::limits::{ARGS_BYTES, CLIENT_FRAME_BYTES, HELLO_TIMEOUT, NAME_CHARS, PENDING_COMMANDS};
use wod_protocol::line;
use wod_protocol::units::{Heading, Pos};

use crate::conn::State;
use crate::core::Core;
use crate::io::{ClientFrame, ConnId};
use crate::limits::{FULL_RETRY_MS, ID_BYTES, RATE_RETRY_MS};
use crate::session::Pending;

impl Core {
    /// A WebSocket message has come.
    pub(crate) fn on_client_frame(&mut self, now: Duration, id: ConnId, frame: &ClientFrame) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.heard = now;
        self.stats.client_messages += 1;
        if !conn.rate.take(now) {
            return self.close(now, id, CloseCode::RateLimited, "too many messages", Some(RATE_RETRY_MS));
        }
        let bytes: &Bytes = match (conn.encoding, frame) {
            (Encoding::Json, ClientFrame::Text(bytes)) | (Encoding::MessagePack, ClientFrame::Binary(bytes)) => bytes,
            (Encoding::Json, _) => return self.malformed(now, id, "JSON goes in text frames"),
            (Encoding::MessagePack, _) => return self.malformed(now, id, "MessagePack goes in binary frames"),
        };
        if bytes.len() > CLIENT_FRAME_BYTES {
            return self.close(now, id, CloseCode::TooBig, "a message over 16 KiB", None);
        }
        match decode_client(conn.encoding, bytes) {
            Ok(message) => self.on_message(now, id, message),
            Err(error) => self.malformed(now, id, &error.to_string()),
        }
    }

    fn malformed(&mut self, now: Duration, id: ConnId, reason: &str) {
        self.close(now, id, CloseCode::Malformed, reason, None);
    }

    pub(crate) fn on_message(&mut self, now: Duration, id: ConnId, message: ClientMsg) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        match (&conn.state, message) {
            // It waited while this gateway stood still: whoever sent it may have given it up, and stand elsewhere by now.
            (State::AwaitingHello, ClientMsg::Hello { .. }) if now.saturating_sub(conn.opened) >= HELLO_TIMEOUT => {
                self.close(now, id, CloseCode::Full, "this gateway was slow to hear the hello", Some(FULL_RETRY_MS));
            }
            (State::AwaitingHello, ClientMsg::Hello { ticket, name, resume, client: _ }) => {
                self.on_hello(now, id, ticket, name, resume);
            }
            (State::AwaitingHello, _) => self.malformed(now, id, "hello comes first"),
            (_, ClientMsg::Hello { .. }) => self.malformed(now, id, "a second hello"),
            (_, ClientMsg::Ping { c }) => {
                let tick =
                    conn.session().and_then(|session| self.zones.get(&session.zone)).map_or(Tick(0), |view| view.tick);
                conn.stage(&ServerMsg::Pong { c, tick });
                self.touched.push(id);
            }
            (_, ClientMsg::Bye {}) => self.close(now, id, CloseCode::Bye, "bye", None),
            (State::Playing(_), message) => self.on_playing(now, id, message),
            // Not in the world yet: there is nowhere to move, and nothing to ack.
            (_, ClientMsg::Move { .. } | ClientMsg::Ack { .. }) => {}
            (_, command) if conn.early.len() < PENDING_COMMANDS => conn.early.push(command),
            _ => self.close(now, id, CloseCode::RateLimited, "too many commands before welcome", Some(RATE_RETRY_MS)),
        }
    }

    fn on_playing(&mut self, now: Duration, id: ConnId, message: ClientMsg) {
        match message {
            ClientMsg::Move { m, c, x, y, h } => {
                let heading = h.map(Heading::from_radians);
                self.on_move(now, id, |claim| {
                    (claim.m, claim.c, claim.at, claim.heading) = (m, c, Pos::from_metres(x, y), heading);
                });
            }
            ClientMsg::Ack { n } => {
                let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut()) else { return };
                // Nobody can have what was not sent.
                let n = n.min(session.n);
                if session.client_ack.is_none_or(|acked| acked < n) {
                    session.client_ack = Some(n);
                    self.mark_dirty(id);
                }
            }
            ClientMsg::Chat { seq, mode, text, to } => self.on_command(now, id, seq, || chat(mode, text, to)),
            ClientMsg::Interact { seq, target, verb, args } => self.on_command(now, id, seq, || {
                let args = args.map_or_else(|| "null".to_owned(), |args| args.to_string());
                if args.len() > ARGS_BYTES {
                    return void(RejectCode::TooLong, "args over 1 KiB");
                }
                if verb.len() > ID_BYTES {
                    return void(RejectCode::NoSuchVerb, "no verb has so long a name");
                }
                CommandBody::Interact { target, verb, args }
            }),
            ClientMsg::Choose { seq, dialogue, option } => self.on_command(now, id, seq, || {
                if option.as_ref().is_some_and(|option| option.len() > ID_BYTES) {
                    return void(RejectCode::TooLong, "no option has so long a name");
                }
                CommandBody::Choose { dialogue: Token(dialogue), option }
            }),
            ClientMsg::Ignore { seq, name } => self.on_command(now, id, seq, || {
                if name.as_ref().is_some_and(|name| !is_name(name)) {
                    return void(RejectCode::NoSuchPlayer, "nobody has such a name");
                }
                CommandBody::Ignore { name }
            }),
            ClientMsg::Unignore { seq, name } => self.on_command(now, id, seq, || {
                if !is_name(&name) {
                    return void(RejectCode::NoSuchPlayer, "nobody has such a name");
                }
                CommandBody::Unignore { name }
            }),
            // Dealt with before.
            ClientMsg::Hello { .. } | ClientMsg::Ping { .. } | ClientMsg::Bye {} => {}
        }
    }

    fn on_move(&mut self, now: Duration, id: ConnId, fill: impl FnOnce(&mut MoveClaim)) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let opened = conn.opened;
        let Some(session) = conn.session_mut() else { return };
        let mut claim = MoveClaim {
            session: session.id,
            attach: session.attach,
            m: Default::default(),
            c: Default::default(),
            at: session.at,
            heading: None,
            received_ms: u64::try_from((now - opened).as_millis()).unwrap_or(u64::MAX),
        };
        fill(&mut claim);
        session.m = claim.m;
        if claim.c == session.c {
            session.at = claim.at;
            session.heading = claim.heading.unwrap_or(session.heading);
        }
        // In order and whole while the client keeps its rate, also after a stall: a skipped claim would cut corners, and walls.
        if session.moves.take(now) {
            session.late_move = None;
            let zone = session.zone;
            self.give(now, zone, GatewayInput::Move(claim));
        } else {
            session.late_move = Some(claim);
            self.mark_dirty(id);
        }
    }

    fn on_command(&mut self, now: Duration, id: ConnId, seq: Seq, body: impl FnOnce() -> CommandBody) {
        let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut()) else { return };
        if seq <= session.received {
            return; // A repeat: it is with the zone, or dealt with.
        }
        if seq != session.received.next() {
            let reason = format!("seq {seq} came where {} was next", session.received.next());
            return self.malformed(now, id, &reason);
        }
        let mut body = body();
        if !session.commands.take(now) || session.pending.len() >= PENDING_COMMANDS {
            if !session.rejected.take(now) || session.pending.len() >= 2 * PENDING_COMMANDS {
                return self.close(now, id, CloseCode::RateLimited, "too many commands", Some(RATE_RETRY_MS));
            }
            body = void(RejectCode::TooMany, "too many commands");
        }
        if matches!(body, CommandBody::Void { .. }) {
            self.stats.rejected_commands += 1;
        }
        session.received = seq;
        let (zone, attach, session_id) = (session.zone, session.attach, session.id);
        session.pending.push_back(Pending { seq, body: body.clone(), received: now, sent: now });
        self.give(now, zone, GatewayInput::Command { session: session_id, attach, seq, body });
    }

    pub(crate) fn mark_dirty(&mut self, id: ConnId) {
        if let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session_mut())
            && !session.dirty
        {
            session.dirty = true;
            self.dirty.push(id);
        }
    }
}

fn chat(mode: ChatMode, text: String, to: Option<String>) -> CommandBody {
    let text = match line::clean(&text) {
        Ok(text) => text,
        Err(bad) => return void(RejectCode::TooLong, &bad.to_string()),
    };
    if mode == ChatMode::Whisper && !to.as_ref().is_some_and(|to| is_name(to)) {
        return void(RejectCode::NoSuchPlayer, "a whisper needs `to`, a player's name");
    }
    CommandBody::Chat { mode, text, to: to.filter(|_| mode == ChatMode::Whisper) }
}

/// Whether it could be a player's name.
fn is_name(name: &str) -> bool {
    NAME_CHARS.contains(&name.trim().chars().count())
}

fn void(code: RejectCode, message: &str) -> CommandBody {
    CommandBody::Void { code, message: message.to_owned() }
}
