//! An honest player, written from PROTOCOL.md: says hello, keeps commands until they are acked, acks what is reliable, resumes
//! when her connection is lost, begins anew when that is impossible. Checks everything she is told.

mod behaviour;
mod deeds;
mod link;
mod talk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wod_gateway::testing::Connection;
use wod_protocol::client::{ChatMode, ClientMsg, CloseCode, Encoding, ResumeRequest, RosterEntry, ServerMsg, ZoneInfo};
use wod_protocol::codec::{decode_server, encode_client};
use wod_protocol::ids::{CorrectionNo, EntityId, MoveNo, MsgNo, Seq};
use wod_protocol::world::World;

use crate::Planted;
use crate::trace::Trace;
use behaviour::Mood;
pub(crate) use deeds::{Deeds, Fate};
use link::{Arrival, Link};
pub(crate) use talk::{Line, Talk};

/// A connection on which nothing came for so long is given up.
const SILENCE: Duration = Duration::from_secs(12);
/// She asks for an answer this often, so that what she hears tells whether her connection stands.
const PING_EVERY: Duration = Duration::from_secs(5);
/// She acks within this time.
const ACK_WITHIN: Duration = Duration::from_millis(500);
/// An avatar waits 30 s for its client. Away for less than this (the zone notices a loss later or earlier than she), she must be
/// able to resume.
const SURELY_RESUMABLE: Duration = Duration::from_secs(20);
/// Hello is answered within this time, or she tries elsewhere.
const HELLO_PATIENCE: Duration = Duration::from_secs(8);

/// Where players connect.
pub(crate) trait Doors {
    /// How many gateways there are.
    fn count(&self) -> usize;
    /// Opens a connection; none: nobody listens there.
    fn connect(&mut self, gateway: usize, encoding: Encoding) -> Option<Connection>;
    /// Whether a gateway's process is stopped.
    fn is_stopped(&self, gateway: usize) -> bool;
}

/// What the simulator says to all of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Orders {
    /// Stand still and stay connected.
    pub(crate) quiet: bool,
    /// The world has lost some of its history: she may be ahead of it.
    pub(crate) history_lost: bool,
}

/// One player.
pub(crate) struct Player {
    /// Her name and `sub`.
    pub(crate) name: String,
    rng: ChaCha8Rng,
    encoding: Encoding,
    trace: Trace,
    world: Arc<World>,
    stage: Stage,
    session: Option<Session>,
    /// What she sees; none: she is not in the world.
    pub(crate) sight: Option<Sight>,
    /// What she did.
    pub(crate) deeds: Deeds,
    /// What she said and heard.
    pub(crate) talk: Talk,
    mood: Mood,
    /// What goes wrong on purpose.
    planted: Option<Planted>,
    /// What the server did wrong.
    pub(crate) faults: Vec<String>,
    orders: Orders,
}

/// Whether she has a connection.
enum Stage {
    /// None; she tries then.
    Out { until: Duration },
    /// She has said hello.
    Greeting { link: Link, gateway: usize, since: Duration },
    /// She was welcomed.
    In { link: Link, gateway: usize, heard: Duration, pinged: Duration },
}

/// One login, over any number of connections.
struct Session {
    text: String,
    token: String,
    n: MsgNo,
    /// Not acked yet since then.
    owed: Option<Duration>,
    seq: Seq,
    acked: Seq,
    unacked: BTreeMap<Seq, ClientMsg>,
    m: MoveNo,
    /// When anything came last.
    contact: Duration,
    /// When a command was acked or anything reliable came last.
    news: Duration,
    said_bye: bool,
}

/// The world as she sees it.
pub(crate) struct Sight {
    /// Her avatar.
    pub(crate) you: EntityId,
    /// The zone.
    pub(crate) zone: ZoneInfo,
    /// Where she stands.
    pub(crate) at: (f64, f64),
    c: CorrectionNo,
    /// Who is near.
    pub(crate) roster: BTreeMap<EntityId, RosterEntry>,
    /// The zone stands still.
    pub(crate) paused: bool,
    /// Her roster came since she connected, or crossed.
    pub(crate) complete: bool,
}

impl Player {
    /// Somebody who was never in the world.
    pub(crate) fn new(
        name: String,
        seed: u64,
        encoding: Encoding,
        world: Arc<World>,
        trace: Trace,
        planted: Option<Planted>,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let until = Duration::from_millis(rng.random_range(100..3000));
        Self {
            name,
            mood: Mood::new(&mut rng),
            rng,
            encoding,
            trace,
            world,
            stage: Stage::Out { until },
            session: None,
            sight: None,
            deeds: Deeds::default(),
            talk: Talk::default(),
            planted,
            faults: Vec::new(),
            orders: Orders::default(),
        }
    }

    /// Time has passed.
    pub(crate) fn step(&mut self, now: Duration, doors: &mut dyn Doors, orders: Orders) {
        self.orders = orders;
        match &mut self.stage {
            Stage::Out { until } if now >= *until => self.dial(now, doors),
            Stage::Out { .. } => {}
            Stage::Greeting { link, gateway, .. } | Stage::In { link, gateway, .. } => {
                link.pump(now, doors.is_stopped(*gateway), &mut self.rng);
                self.read(now);
            }
        }
        let lost = match &self.stage {
            Stage::Out { .. } => false,
            Stage::Greeting { link, since, .. } => link.is_broken() || now > *since + HELLO_PATIENCE,
            Stage::In { link, heard, .. } => link.is_broken() || now > *heard + SILENCE,
        };
        if lost {
            self.lose_link(now, None);
        }
        if matches!(self.stage, Stage::In { .. }) {
            self.keep_up(now);
            self.behave(now);
        }
    }

    /// Her connection breaks, for instance because the gateway's process is gone.
    pub(crate) fn break_link(&mut self, now: Duration, at: Option<usize>) {
        let gateway = match &self.stage {
            Stage::Out { .. } => return,
            Stage::Greeting { gateway, .. } | Stage::In { gateway, .. } => *gateway,
        };
        if at.is_none_or(|at| at == gateway) {
            self.lose_link(now, None);
        }
    }

    /// In the world, everything acked, everything heard of.
    pub(crate) fn is_settled(&self) -> bool {
        let (Stage::In { .. }, Some(session), Some(sight)) = (&self.stage, &self.session, &self.sight) else {
            return false;
        };
        session.unacked.is_empty() && sight.complete && !sight.paused
    }

    /// For people: how she stands.
    pub(crate) fn describe(&self) -> String {
        let stage = match &self.stage {
            Stage::Out { until } => format!("not connected, tries at {until:?}"),
            Stage::Greeting { gateway, since, .. } => format!("greeting gateway {gateway} since {since:?}"),
            Stage::In { gateway, heard, .. } => format!("at gateway {gateway}, heard {heard:?}"),
        };
        let open = self.session.as_ref().map_or(0, |session| session.unacked.len());
        let place = self.sight.as_ref().map(|sight| {
            format!("in {} at {:?}, paused {}, complete {}", sight.zone.zone, sight.at, sight.paused, sight.complete)
        });
        format!("{}: {stage}; {open} commands open; {}", self.name, place.unwrap_or_default())
    }

    fn fault(&mut self, what: String) {
        self.faults.push(format!("{}: {what}", self.name));
    }

    // ---- connections

    fn dial(&mut self, now: Duration, doors: &mut dyn Doors) {
        let gateway = self.rng.random_range(0..doors.count());
        let Some(connection) = doors.connect(gateway, self.encoding) else {
            let until = now + Duration::from_millis(self.rng.random_range(200..800));
            self.stage = Stage::Out { until };
            return;
        };
        let mut link = Link::new(connection, self.encoding);
        let with_ticket = self.session.is_none() || self.rng.random_bool(0.5);
        let resume = self.session.as_ref().map(|session| ResumeRequest {
            session: session.text.clone(),
            token: session.token.clone(),
            n: session.n,
            history: false,
        });
        let ticket = with_ticket.then(|| self.name.clone());
        let hello = ClientMsg::Hello { ticket, name: None, resume, client: None };
        link.send(now, encode_client(self.encoding, &hello), &mut self.rng);
        self.stage = Stage::Greeting { link, gateway, since: now };
    }

    /// The connection is over; she comes back after a while, or after `retry`.
    fn lose_link(&mut self, now: Duration, retry: Option<Duration>) {
        let pause = retry.unwrap_or_default() + Duration::from_millis(self.rng.random_range(100..1500));
        self.stage = Stage::Out { until: now + pause };
    }

    fn closed(&mut self, now: Duration, code: CloseCode) {
        let contact = self.session.as_ref().map(|session| (session.contact, session.said_bye));
        match code {
            CloseCode::Bye => self.end_session(now),
            CloseCode::ResumeImpossible => {
                if let Some((contact, false)) = contact
                    && now < contact + SURELY_RESUMABLE
                    && !self.orders.history_lost
                {
                    self.fault(format!("{now:?}: could not resume after only {:?}", now - contact));
                }
                self.end_session(now);
            }
            // Of two avatars that a lost history leaves, the older one's connection ends so.
            CloseCode::Replaced if self.orders.history_lost => self.end_session(now),
            CloseCode::GoingAway | CloseCode::TooSlow | CloseCode::RateLimited | CloseCode::Full => {}
            CloseCode::TooBig
            | CloseCode::Malformed
            | CloseCode::Unauthorised
            | CloseCode::HelloTimeout
            | CloseCode::Replaced
            | CloseCode::Kicked
            | CloseCode::VersionNotServed => self.fault(format!("{now:?}: was closed with {code:?}")),
        }
        self.lose_link(now, None);
    }

    fn end_session(&mut self, now: Duration) {
        self.session = None;
        self.sight = None;
        self.deeds.end_session(now);
        self.talk.end_session(now);
    }

    // ---- messages

    fn send(&mut self, now: Duration, message: &ClientMsg) {
        if let Stage::In { link, .. } = &mut self.stage {
            link.send(now, encode_client(self.encoding, message), &mut self.rng);
        }
    }

    fn read(&mut self, now: Duration) {
        loop {
            let arrival = match &mut self.stage {
                Stage::Out { .. } => return,
                Stage::Greeting { link, .. } => link.receive(now),
                Stage::In { link, heard, .. } => {
                    let arrival = link.receive(now);
                    if arrival.is_some() {
                        *heard = now;
                    }
                    arrival
                }
            };
            match arrival {
                None => return,
                Some(Arrival::Closed(code)) => {
                    self.trace.note(now, &self.name, format_args!("closed {code:?}"));
                    return self.closed(now, code);
                }
                Some(Arrival::Frame(_)) if self.planted == Some(Planted::FrameLost) && self.rng.random_bool(0.01) => {}
                Some(Arrival::Frame(bytes)) => match decode_server(self.encoding, &bytes) {
                    Ok(message) => self.hear(now, message),
                    Err(error) => self.fault(format!("{now:?}: was sent no message: {error}")),
                },
            }
        }
    }

    fn hear(&mut self, now: Duration, message: ServerMsg) {
        self.trace.note(now, &self.name, format_args!("{message:?}"));
        if let Some(session) = &mut self.session
            && matches!(self.stage, Stage::In { .. })
        {
            session.contact = now;
        }
        if let Some(n) = number(&message) {
            match self.count(now, n) {
                Counted::Next => {}
                Counted::Known => return,
            }
        }
        match message {
            ServerMsg::Welcome { session, token, you, name, seq } => {
                self.welcomed(now, session, token, you, &name, seq)
            }
            ServerMsg::Zone(zone) => self.placed(now, zone),
            ServerMsg::Ack { seq } => self.acked(now, seq),
            ServerMsg::Reject { seq, code, .. } => {
                self.deeds.rejected(seq);
                self.talk.rejected(seq);
                self.trace.note(now, &self.name, format_args!("{seq} was rejected: {code}"));
            }
            ServerMsg::Chat { mode, text, from, name, .. } => self.hear_line(now, mode, &text, from, &name),
            ServerMsg::Roster { enter, leave, full } => self.meet(enter, &leave, full),
            ServerMsg::Update { e, .. } => {
                let mut strangers = Vec::new();
                if let Some(sight) = &mut self.sight {
                    for entry in e {
                        match sight.roster.get_mut(&entry.0) {
                            Some(known) => (known.x, known.y) = (entry.1, entry.2),
                            None if self.planted == Some(Planted::RosterForgets) => {}
                            None => strangers.push(entry.0),
                        }
                    }
                }
                for stranger in strangers {
                    self.fault(format!("{now:?}: was told of {stranger}, who is not in her roster"));
                }
            }
            ServerMsg::Correct { c, x, y, .. } => {
                if let Some(sight) = &mut self.sight {
                    (sight.c, sight.at) = (c, (x, y));
                }
                self.mood.arrived();
            }
            ServerMsg::Paused { .. } => self.set_paused(true),
            ServerMsg::Resumed { .. } => self.set_paused(false),
            ServerMsg::Dialogue { .. }
            | ServerMsg::Event { .. }
            | ServerMsg::Tags { .. }
            | ServerMsg::Verbs { .. }
            | ServerMsg::Name { .. }
            | ServerMsg::Barrier { .. }
            | ServerMsg::History { .. }
            | ServerMsg::Ignored { .. }
            | ServerMsg::Pong { .. }
            | ServerMsg::Bye { .. } => {}
        }
    }

    fn hear_line(&mut self, now: Duration, mode: ChatMode, text: &str, from: EntityId, name: &str) {
        if self.sight.as_ref().is_some_and(|sight| sight.you == from) {
            if self.planted != Some(Planted::LineMissed) || self.rng.random_bool(0.9) {
                self.talk.hear_myself(text);
            }
            return;
        }
        let swap = self.planted == Some(Planted::LinesSwapped);
        // Who had heard it in a history that was lost may hear it again.
        if !self.talk.hear(name, text, mode, now, swap) && !self.orders.history_lost {
            self.fault(format!("{now:?}: heard \"{text}\" twice"));
        }
    }

    /// Reliable messages come without gap, and those that come twice are known.
    fn count(&mut self, now: Duration, n: MsgNo) -> Counted {
        let Some(session) = &mut self.session else {
            self.fault(format!("{now:?}: message {n} without a session"));
            return Counted::Known;
        };
        if n <= session.n {
            return Counted::Known;
        }
        let (expected, last) = (session.n.next(), session.n);
        session.n = n;
        session.news = now;
        session.owed.get_or_insert(now);
        if n != expected {
            self.fault(format!("{now:?}: after reliable message {last} came {n}"));
        }
        Counted::Next
    }

    fn welcomed(&mut self, now: Duration, text: String, token: String, you: EntityId, name: &str, seq: Seq) {
        match std::mem::replace(&mut self.stage, Stage::Out { until: now }) {
            Stage::Greeting { link, gateway, .. } => self.stage = Stage::In { link, gateway, heard: now, pinged: now },
            other => {
                self.stage = other;
                return self.fault(format!("{now:?}: was welcomed twice"));
            }
        }
        if name != self.name {
            self.fault(format!("{now:?}: was welcomed as {name}"));
        }
        if self.session.as_ref().is_none_or(|session| session.text != text) {
            self.end_session(now);
            self.session = Some(Session::new(text, token, now));
            self.talk.since = now;
        } else if let Some(session) = &mut self.session {
            session.token = token;
            session.contact = now;
            let forgotten = seq < session.acked;
            if forgotten {
                let acked = session.acked;
                if !self.orders.history_lost {
                    self.fault(format!("{now:?}: command {acked} was acked, and now only {seq} are known"));
                }
                // She is ahead of the world: anew.
                self.end_session(now);
                return self.lose_link(now, None);
            }
        }
        self.sight = Some(Sight::new(you));
        self.acked(now, seq);
        let open: Vec<ClientMsg> = self.session.iter().flat_map(|session| session.unacked.values().cloned()).collect();
        for command in open {
            self.send(now, &command);
        }
    }

    fn acked(&mut self, now: Duration, seq: Seq) {
        let Some(session) = &mut self.session else { return };
        if seq > session.seq {
            let last = session.seq;
            return self.fault(format!("{now:?}: command {seq} was acked, but {last} was her last"));
        }
        if seq > session.acked {
            session.news = now;
        }
        session.acked = session.acked.max(seq);
        session.unacked.retain(|open, _| *open > seq);
        self.deeds.acked(seq, now);
        self.talk.acked(seq, now);
    }

    fn placed(&mut self, now: Duration, zone: ZoneInfo) {
        let Some(sight) = &mut self.sight else { return };
        if sight.zone.zone != zone.zone {
            self.talk.crossings.push(now);
        }
        (sight.at, sight.c) = ((zone.x, zone.y), zone.c);
        sight.roster.clear();
        sight.complete = false;
        sight.paused = false;
        sight.zone = zone;
        self.mood.arrived();
    }

    fn meet(&mut self, enter: Vec<RosterEntry>, leave: &[EntityId], full: bool) {
        let Some(sight) = &mut self.sight else { return };
        if full {
            sight.roster.clear();
            sight.complete = true;
        }
        let mut enter = enter;
        if self.planted == Some(Planted::RosterForgets) && self.rng.random_bool(0.6) {
            enter.pop();
        }
        let myself = enter.iter().any(|entry| entry.id == sight.you);
        sight.roster.extend(enter.into_iter().map(|entry| (entry.id, entry)));
        sight.roster.retain(|id, _| !leave.contains(id));
        if myself {
            self.fault("met herself in her roster".into());
        }
    }

    fn set_paused(&mut self, paused: bool) {
        if let Some(sight) = &mut self.sight {
            sight.paused = paused;
        }
    }

    /// Acks what is reliable, and shows that she lives.
    fn keep_up(&mut self, now: Duration) {
        if let Some(session) = &mut self.session
            && session.owed.is_some_and(|since| now >= since + ACK_WITHIN)
        {
            session.owed = None;
            let n = session.n;
            self.send(now, &ClientMsg::Ack { n });
        }
        if let Stage::In { pinged, .. } = &mut self.stage
            && now >= *pinged + PING_EVERY
        {
            *pinged = now;
            self.send(now, &ClientMsg::Ping { c: now.as_millis() as u64 });
        }
    }
}

enum Counted {
    Next,
    Known,
}

fn number(message: &ServerMsg) -> Option<MsgNo> {
    match message {
        ServerMsg::Chat { n, .. }
        | ServerMsg::Dialogue { n, .. }
        | ServerMsg::Reject { n, .. }
        | ServerMsg::Ignored { n, .. } => Some(*n),
        ServerMsg::Event { n, .. } => *n,
        _ => None,
    }
}

impl Session {
    fn new(text: String, token: String, now: Duration) -> Self {
        Self {
            text,
            token,
            n: MsgNo(0),
            owed: None,
            seq: Seq(0),
            acked: Seq(0),
            unacked: BTreeMap::new(),
            m: MoveNo(0),
            contact: now,
            news: now,
            said_bye: false,
        }
    }
}

impl Sight {
    /// Before `zone` has come.
    fn new(you: EntityId) -> Self {
        let nowhere = ZoneInfo {
            zone: String::new(),
            region: String::new(),
            bounds: [0.0; 4],
            x: 0.0,
            y: 0.0,
            h: 0.0,
            c: CorrectionNo(0),
            speed: 0.0,
            tick_hz: 1,
            tick: wod_protocol::ids::Tick(0),
            game_ms: 0,
            map: String::new(),
            barriers: Vec::new(),
            module: String::new(),
            version: String::new(),
            generation: wod_protocol::ids::Generation(0),
            reason: wod_protocol::client::ZoneReason::Entered,
        };
        Self {
            you,
            zone: nowhere,
            at: (0.0, 0.0),
            c: CorrectionNo(0),
            roster: BTreeMap::new(),
            paused: false,
            complete: false,
        }
    }
}
