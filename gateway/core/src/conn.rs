//! One client's connection: what state it is in and what waits to be sent.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use wod_protocol::client::{ClientMsg, Encoding, ServerMsg};
use wod_protocol::codec::encode_server;

use crate::admission::Admission;
use crate::io::Seeds;
use crate::limits::{FRAME_BURST, FRAMES_PER_SECOND, LATEST_NAMES};
use crate::rate::RateLimit;
use crate::session::Session;

/// A connection the core knows.
pub(crate) struct Conn {
    pub(crate) encoding: Encoding,
    pub(crate) opened: Duration,
    /// When the client last gave a sign of life.
    pub(crate) heard: Duration,
    pub(crate) seeds: Seeds,
    pub(crate) rate: RateLimit,
    pub(crate) state: State,
    /// Commands that came before `welcome`, in order; at most `PENDING_COMMANDS`.
    pub(crate) early: Vec<ClientMsg>,
    /// Messages of the event being handled; they leave together when it has been.
    pub(crate) staged: Vec<Bytes>,
    /// Set while the client does not take what it is sent.
    pub(crate) congestion: Option<Congestion>,
}

/// Where a connection is on its way into the world.
pub(crate) enum State {
    /// Nothing has come yet.
    AwaitingHello,
    /// Its ticket is being checked, until this time at most.
    Verifying { deadline: Duration },
    /// A zone is asked to let it in.
    Admitting(Box<Admission>),
    /// In the world.
    Playing(Box<Session>),
}

/// What a client that reads too slowly is owed. Its entities' movement is owed in the roster ([`crate::session::Seen`]).
pub(crate) struct Congestion {
    pub(crate) since: Duration,
    /// Bytes handed to the shell since.
    pub(crate) bytes: usize,
    /// Unnumbered events, only the latest of a name.
    pub(crate) latest: BTreeMap<String, Bytes>,
}

impl Congestion {
    pub(crate) fn new(since: Duration) -> Self {
        Self { since, bytes: 0, latest: BTreeMap::new() }
    }

    pub(crate) fn keep_latest(&mut self, name: &str, message: Bytes) {
        if let Some(kept) = self.latest.get_mut(name) {
            *kept = message;
            return;
        }
        if self.latest.len() >= LATEST_NAMES {
            self.latest.pop_first();
        }
        self.latest.insert(name.to_owned(), message);
    }
}

/// The parts of a playing connection, borrowed side by side.
pub(crate) struct Player<'a> {
    pub(crate) encoding: Encoding,
    pub(crate) staged: &'a mut Vec<Bytes>,
    pub(crate) congestion: &'a mut Option<Congestion>,
    pub(crate) session: &'a mut Session,
}

impl Player<'_> {
    pub(crate) fn stage(&mut self, message: &ServerMsg) {
        self.staged.push(encode_server(self.encoding, message));
    }
}

impl Conn {
    pub(crate) fn new(encoding: Encoding, seeds: Seeds, now: Duration) -> Self {
        Self {
            encoding,
            opened: now,
            heard: now,
            seeds,
            rate: RateLimit::new(FRAMES_PER_SECOND, FRAME_BURST),
            state: State::AwaitingHello,
            early: Vec::new(),
            staged: Vec::new(),
            congestion: None,
        }
    }

    pub(crate) fn stage(&mut self, message: &ServerMsg) {
        self.staged.push(encode_server(self.encoding, message));
    }

    /// None while it is not in the world.
    pub(crate) fn player_mut(&mut self) -> Option<Player<'_>> {
        match &mut self.state {
            State::Playing(session) => Some(Player {
                encoding: self.encoding,
                staged: &mut self.staged,
                congestion: &mut self.congestion,
                session,
            }),
            _ => None,
        }
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Playing(session) => Some(session),
            _ => None,
        }
    }

    pub(crate) fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.state {
            State::Playing(session) => Some(session),
            _ => None,
        }
    }

    /// The admission that runs for it: its first, or one that finds a player in the world again.
    pub(crate) fn admission_mut(&mut self) -> Option<&mut Admission> {
        match &mut self.state {
            State::Admitting(admission) => Some(admission),
            State::Playing(session) => session.relocation.as_deref_mut(),
            State::AwaitingHello | State::Verifying { .. } => None,
        }
    }
}
