//! A gateway core between fake clients and fake zones, under a virtual clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wod_gateway_core::{ClientFrame, Config, ConnId, Core, Effect, Event, Identity, Seeds, Whereabouts};
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::codec::{decode_server, encode_client};
use wod_protocol::ids::*;
use wod_protocol::record::Place;
use wod_protocol::registry::Owner;
use wod_protocol::units::{Heading, Pos};
use wod_protocol::world::World;

pub(crate) const ELYSIUM: ZoneNo = ZoneNo(1);
pub(crate) const STREETS: ZoneNo = ZoneNo(2);
pub(crate) const LOS_ANGELES: ZoneNo = ZoneNo(3);

pub(crate) const WORLD: &str = r#"
start = "nyc.elysium"
[[zone]]
name = "nyc.elysium"
number = 1
module = "elysium"
origin = [0.0, 0.0]
size = [100.0, 100.0]
[[zone]]
name = "nyc.streets"
number = 2
module = "streets"
origin = [100.0, 0.0]
size = [200.0, 100.0]
[[zone]]
name = "la.streets"
number = 3
module = "streets"
origin = [0.0, 0.0]
size = [200.0, 100.0]
"#;

/// A gateway with everything around it.
pub(crate) struct Rig {
    pub(crate) core: Core,
    pub(crate) now: Duration,
    /// Whom the registry names.
    pub(crate) owners: BTreeMap<ZoneNo, Owner>,
    /// What the store says of players.
    pub(crate) records: BTreeMap<Sub, Whereabouts>,
    /// Tickets that are good.
    pub(crate) tickets: BTreeMap<String, Identity>,
    /// Whether records can be read.
    pub(crate) store_away: bool,
    encodings: BTreeMap<ConnId, Encoding>,
    received: BTreeMap<ConnId, Vec<ServerMsg>>,
    closed: BTreeMap<ConnId, (CloseCode, String)>,
    inputs: Vec<(HostId, ZoneNo, GatewayInput)>,
    pub(crate) sends: usize,
    /// No record is answered with: the test does that.
    pub(crate) records_are_slow: bool,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adapt: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            gateway: "gw-test".into(),
            region: "nyc".into(),
            world: Arc::new(World::parse(WORLD).unwrap()),
            allow_guests: true,
            max_connections: 100,
        };
        adapt(&mut config);
        let owner = |host: &str| Owner { host: host.into(), epoch: Epoch(1) };
        Self {
            core: Core::new(config),
            now: Duration::from_secs(1000),
            owners: [(ELYSIUM, owner("host-a")), (STREETS, owner("host-b")), (LOS_ANGELES, owner("host-c"))].into(),
            records: BTreeMap::new(),
            tickets: BTreeMap::new(),
            store_away: false,
            encodings: BTreeMap::new(),
            received: BTreeMap::new(),
            closed: BTreeMap::new(),
            inputs: Vec::new(),
            sends: 0,
            records_are_slow: false,
        }
    }

    /// Handles an event and everything that follows from it at once.
    pub(crate) fn event(&mut self, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut effects = Vec::new();
            self.core.handle(self.now, event, &mut effects);
            for effect in effects {
                events.extend(self.perform(effect));
            }
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Send { conn, frames } => {
                assert!(!self.closed.contains_key(&conn), "sent to a closed connection");
                self.sends += 1;
                let encoding = self.encodings[&conn];
                let messages = frames.iter().map(|frame| decode_server(encoding, frame).unwrap());
                self.received.entry(conn).or_default().extend(messages);
                None
            }
            Effect::Close { conn, code, reason } => {
                assert!(self.closed.insert(conn, (code, reason)).is_none(), "closed twice");
                None
            }
            Effect::VerifyTicket { conn, ticket } => {
                let verdict = self.tickets.get(&ticket).cloned().ok_or_else(|| "bad ticket".to_owned());
                Some(Event::Verdict { conn, verdict })
            }
            Effect::ReadRecord { .. } if self.records_are_slow => None,
            Effect::ReadRecord { conn, sub } => {
                let found = if self.store_away {
                    Err(wod_gateway_core::io::BackplaneAway)
                } else {
                    Ok(self.records.get(&sub).copied())
                };
                Some(Event::Record { conn, found })
            }
            Effect::LookupOwner(zone) => Some(Event::Owner { zone, owner: self.owners.get(&zone).cloned() }),
            Effect::Publish { to, envelope } => {
                assert_eq!(envelope.from, Process::Gateway("gw-test".into()));
                for part in envelope.parts {
                    let Part::ToZone(part) = part else { panic!("{part:?}") };
                    self.inputs.extend(part.inputs.into_iter().map(|input| (to.clone(), part.zone, input)));
                }
                None
            }
        }
    }

    pub(crate) fn open(&mut self, number: u64, encoding: Encoding) -> ConnId {
        let conn = ConnId(number);
        self.encodings.insert(conn, encoding);
        let seeds = Seeds { session: 1000 + number, nonce: 1_000_000 * number, token: [number as u8; 16] };
        self.event(Event::Opened { conn, encoding, seeds });
        conn
    }

    pub(crate) fn send(&mut self, conn: ConnId, message: ClientMsg) {
        let bytes = encode_client(self.encodings[&conn], &message);
        self.send_raw(conn, bytes);
    }

    pub(crate) fn send_raw(&mut self, conn: ConnId, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let frame = match self.encodings[&conn] {
            Encoding::Json => ClientFrame::Text(bytes),
            Encoding::MessagePack => ClientFrame::Binary(bytes),
        };
        self.event(Event::Frame { conn, frame });
    }

    pub(crate) fn frame(&mut self, from: &mut FakeZone, frame: ZoneFrame) {
        let envelope = Envelope { from: Process::Host(from.host.clone()), parts: vec![Part::Frame(Box::new(frame))] };
        // Over the very bytes of the bus.
        let envelope = Envelope::decode(&envelope.encode().unwrap()).unwrap();
        self.event(Event::Envelope(envelope));
    }

    /// Lets time pass with the shell's flushes and ticks.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            self.event(Event::Flush);
            if self.now.as_millis().is_multiple_of(100) {
                self.event(Event::Tick);
            }
        }
    }

    /// The same, with a zone that goes on living.
    pub(crate) fn pass_with(&mut self, time: Duration, zone: &mut FakeZone) {
        let end = self.now + time;
        while self.now < end {
            self.pass(Duration::from_millis(500));
            let frame = zone.tick();
            self.frame(zone, frame);
        }
    }

    /// What a client got since the last look.
    pub(crate) fn received(&mut self, conn: ConnId) -> Vec<ServerMsg> {
        std::mem::take(self.received.entry(conn).or_default())
    }

    pub(crate) fn closed(&self, conn: ConnId) -> Option<CloseCode> {
        self.closed.get(&conn).map(|(code, _)| *code)
    }

    /// What zones were sent since the last look, after a flush.
    pub(crate) fn inputs(&mut self) -> Vec<(ZoneNo, GatewayInput)> {
        self.event(Event::Flush);
        self.inputs.drain(..).map(|(_, zone, input)| (zone, input)).collect()
    }

    /// The same with the host each went to.
    pub(crate) fn inputs_by_host(&mut self) -> Vec<(HostId, ZoneNo, GatewayInput)> {
        self.event(Event::Flush);
        std::mem::take(&mut self.inputs)
    }

    pub(crate) fn attach_request(&mut self) -> (ZoneNo, AttachRequest) {
        let inputs = self.inputs();
        let found = inputs.iter().find_map(|(zone, input)| match input {
            GatewayInput::Attach(request) => Some((*zone, (**request).clone())),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no attach request among {inputs:?}"))
    }

    /// A guest says hello and is let in by the zone. What she got so far is thrown away.
    pub(crate) fn join(&mut self, zone: &mut FakeZone, number: u64, encoding: Encoding, name: &str) -> Guest {
        let conn = self.open(number, encoding);
        self.send(conn, hello_as(name));
        let (_, request) = self.attach_request();
        let mut frame = zone.tick();
        let attached = zone.attached(&request, number);
        frame.attached.push(attached.clone());
        frame.info = Some(Box::new(zone.card()));
        frame.rosters.push(RosterChange { session: request.session, full: true, enter: vec![], leave: vec![] });
        self.frame(zone, frame);
        let received = self.received(conn);
        let Some(ServerMsg::Welcome { session, token, .. }) = received.first() else { panic!("{received:?}") };
        Guest {
            conn,
            id: request.session,
            attach: attached.attach,
            you: attached.you,
            session: session.clone(),
            token: token.clone(),
        }
    }
}

/// A player let in by [`Rig::join`].
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) conn: ConnId,
    pub(crate) id: SessionId,
    pub(crate) attach: AttachNo,
    pub(crate) you: EntityId,
    pub(crate) session: String,
    pub(crate) token: String,
}

/// Numbers a zone's frames.
pub(crate) struct FakeZone {
    pub(crate) zone: ZoneNo,
    pub(crate) host: HostId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) tick: Tick,
}

impl FakeZone {
    pub(crate) fn elysium() -> Self {
        Self { zone: ELYSIUM, host: "host-a".into(), epoch: Epoch(1), seq: 0, tick: Tick(100) }
    }

    pub(crate) fn streets() -> Self {
        Self { zone: STREETS, host: "host-b".into(), epoch: Epoch(1), seq: 0, tick: Tick(500) }
    }

    pub(crate) fn la() -> Self {
        Self { zone: LOS_ANGELES, host: "host-c".into(), epoch: Epoch(1), seq: 0, tick: Tick(900) }
    }

    /// An empty frame of the next tick.
    pub(crate) fn tick(&mut self) -> ZoneFrame {
        self.seq += 1;
        self.tick = self.tick.next();
        ZoneFrame {
            zone: self.zone,
            epoch: self.epoch,
            generation: Generation(0),
            seq: self.seq,
            owner: self.host.clone(),
            tick: self.tick,
            game_ms: self.tick.0 * 50,
            dilation: 1000,
            attached: vec![],
            refused: vec![],
            rezoned: vec![],
            info: None,
            cards: vec![],
            rosters: vec![],
            moved: vec![],
            attributes: vec![],
            barriers: vec![],
            corrections: vec![],
            messages: vec![],
            latest: vec![],
            acks: vec![],
            gone: vec![],
            histories: vec![],
        }
    }

    pub(crate) fn card(&self) -> ZoneCard {
        ZoneCard { map: Digest::of(b"map"), barriers: vec![], module: "test".into(), version: "1.0.0".into() }
    }

    pub(crate) fn attached(&self, request: &AttachRequest, number: u64) -> Attached {
        Attached {
            session: request.session,
            nonce: Some(request.nonce),
            sub: request.sub.clone(),
            attach: AttachNo(1),
            you: EntityId::new(self.zone, number),
            name: if request.name.is_empty() { "Resumed".into() } else { request.name.clone() },
            seq: Seq(0),
            n: MsgNo(u64::MAX),
            at: Pos::from_metres(50.0, 50.0),
            heading: Heading(0),
            c: CorrectionNo(0),
            speed: 6 * 256,
            reason: ZoneReason::Entered,
        }
    }

    pub(crate) fn arrival(&self, guest: &Guest, attach: AttachNo, seq: Seq) -> Attached {
        Attached {
            session: guest.id,
            nonce: None,
            sub: "guest:ann".into(),
            attach,
            you: guest.you,
            name: "Ann".into(),
            seq,
            n: MsgNo(u64::MAX),
            at: Pos::from_metres(101.0, 50.0),
            heading: Heading(0),
            c: CorrectionNo(3),
            speed: 6 * 256,
            reason: ZoneReason::Crossed,
        }
    }
}

pub(crate) fn entity(id: u64, name: &str, x: f64, y: f64) -> EntityCard {
    EntityCard {
        id: EntityId(id),
        kind: Kind::Npc,
        name: name.into(),
        at: Pos::from_metres(x, y),
        heading: Heading(0),
        tags: vec![("look".into(), TagValue::Text("grey".into()))],
        verbs: vec![],
        ghost: false,
    }
}

pub(crate) fn moved(id: u64, x: f64, y: f64) -> Moved {
    Moved { id: EntityId(id), at: Pos::from_metres(x, y), heading: Heading(0), flags: 0 }
}

pub(crate) fn enters(session: SessionId, ids: &[u64]) -> RosterChange {
    RosterChange { session, full: false, enter: ids.iter().copied().map(EntityId).collect(), leave: vec![] }
}

pub(crate) fn leaves(session: SessionId, ids: &[u64]) -> RosterChange {
    RosterChange { session, full: false, enter: vec![], leave: ids.iter().copied().map(EntityId).collect() }
}

pub(crate) fn line(text: &str) -> MessageBody {
    MessageBody::Chat { from: EntityId(9), name: "Bob".into(), mode: ChatMode::Say, text: text.into() }
}

pub(crate) fn hello_as(name: &str) -> ClientMsg {
    ClientMsg::Hello { ticket: None, name: Some(name.into()), resume: None, client: None }
}

pub(crate) fn hello_with(ticket: &str) -> ClientMsg {
    ClientMsg::Hello { ticket: Some(ticket.into()), name: None, resume: None, client: None }
}

pub(crate) fn resume_of(guest: &Guest, n: u64, ticket: Option<&str>) -> ClientMsg {
    let resume =
        ResumeRequest { session: guest.session.clone(), token: guest.token.clone(), n: MsgNo(n), history: false };
    ClientMsg::Hello { ticket: ticket.map(Into::into), name: None, resume: Some(resume), client: None }
}

pub(crate) fn say(seq: u64, text: &str) -> ClientMsg {
    ClientMsg::Chat { seq: Seq(seq), mode: ChatMode::Say, text: text.into(), to: None }
}

pub(crate) fn walk(m: u64, x: f64, y: f64) -> ClientMsg {
    ClientMsg::Move { m: MoveNo(m), c: CorrectionNo(0), x, y, h: None }
}

pub(crate) fn in_elysium() -> Whereabouts {
    Whereabouts { place: Place::Zone(ELYSIUM), zone: ELYSIUM }
}

/// The numbers of the commands among a gateway's inputs.
pub(crate) fn commands(inputs: &[(ZoneNo, GatewayInput)]) -> Vec<(ZoneNo, u64)> {
    let command = |(zone, input): &(ZoneNo, GatewayInput)| match input {
        GatewayInput::Command { seq, .. } => Some((*zone, seq.0)),
        _ => None,
    };
    inputs.iter().filter_map(command).collect()
}

pub(crate) fn resyncs(inputs: &[(ZoneNo, GatewayInput)]) -> usize {
    inputs.iter().filter(|(_, input)| *input == GatewayInput::Resync).count()
}

pub(crate) fn kinds(messages: &[ServerMsg]) -> Vec<String> {
    messages.iter().map(|message| serde_json::to_value(message).unwrap()["t"].as_str().unwrap().to_owned()).collect()
}
