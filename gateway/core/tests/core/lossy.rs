//! Random lives over a bus that loses envelopes both ways: clients come, talk, are cut off and resume, while a model zone
//! keeps what the protocol promises. In the end nothing may be lost, doubled or out of order, and everybody's roster is right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::*;
use wod_gateway_core::{ConnId, Event};
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::ids::*;

const NPCS: std::ops::Range<u64> = 100..112;
const TICK: Duration = Duration::from_millis(50);

/// Splitmix64: the same life for the same seed.
pub(crate) struct Luck(pub(crate) u64);

impl Luck {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// What the zone keeps of a player.
struct Resident {
    attach: AttachNo,
    nonce: Nonce,
    tokens: Vec<[u8; 32]>,
    connected: bool,
    seq: Seq,
    applied: Vec<u64>,
    n: MsgNo,
    unacked: Vec<(MsgNo, MessageBody)>,
    said: Vec<String>,
    roster: BTreeSet<u64>,
    you: EntityId,
    sub: Sub,
}

struct ModelZone {
    numbers: FakeZone,
    residents: BTreeMap<SessionId, Resident>,
    /// Sessions that the next frame tells everything.
    show: BTreeSet<SessionId>,
    lines: u64,
}

impl ModelZone {
    fn take(&mut self, input: GatewayInput, frame: &mut ZoneFrame) {
        match input {
            GatewayInput::Attach(request) => self.attach(&request, frame),
            GatewayInput::Detach { session, attach, .. } => {
                if let Some(resident) = self.residents.get_mut(&session)
                    && resident.attach == attach
                {
                    resident.connected = false;
                }
            }
            GatewayInput::Command { session, attach, seq, .. } => {
                let Some(resident) = self.residents.get_mut(&session) else { return };
                if resident.attach != attach || seq > resident.seq.next() {
                    return;
                }
                if seq == resident.seq.next() {
                    resident.seq = seq;
                    resident.applied.push(seq.0);
                    self.lines += 1;
                    let text = format!("line {}", self.lines);
                    self.tell_all(&text, frame);
                }
                let seq = self.residents[&session].seq;
                frame.acks.push((session, seq));
            }
            GatewayInput::AckMessages { session, attach, n } => {
                if let Some(resident) = self.residents.get_mut(&session)
                    && resident.attach == attach
                {
                    resident.unacked.retain(|(number, _)| *number > n);
                }
            }
            GatewayInput::Resync => {
                let connected = self.residents.iter().filter(|(_, resident)| resident.connected);
                self.show.extend(connected.map(|(session, _)| *session));
            }
            GatewayInput::Move(_) => {}
        }
    }

    fn attach(&mut self, request: &AttachRequest, frame: &mut ZoneFrame) {
        let number = self.residents.len() as u64 + 1;
        match (self.residents.get_mut(&request.session), &request.proof) {
            (Some(resident), _) if resident.nonce == request.nonce => {}
            (Some(resident), AttachProof::Resume { token_hash, n, .. }) if resident.tokens.contains(token_hash) => {
                resident.attach = resident.attach.next();
                resident.nonce = request.nonce;
                resident.tokens = vec![*token_hash, request.token_hash];
                resident.connected = true;
                resident.unacked.retain(|(number, _)| number > n);
            }
            (None, AttachProof::Login) => {
                let resident = Resident {
                    attach: AttachNo(1),
                    nonce: request.nonce,
                    tokens: vec![request.token_hash],
                    connected: true,
                    seq: Seq(0),
                    applied: vec![],
                    n: MsgNo(0),
                    unacked: vec![],
                    said: vec![],
                    roster: BTreeSet::new(),
                    you: EntityId(number),
                    sub: request.sub.clone(),
                };
                self.residents.insert(request.session, resident);
            }
            _ => {
                let why = RefusedAttach::ResumeImpossible;
                frame.refused.push(AttachRefused { session: request.session, nonce: request.nonce, why });
                return;
            }
        }
        self.show.insert(request.session);
    }

    fn tell_all(&mut self, text: &str, frame: &mut ZoneFrame) {
        let mut to = Vec::new();
        for (session, resident) in &mut self.residents {
            resident.n = resident.n.next();
            resident.said.push(text.to_owned());
            resident.unacked.push((resident.n, line(text)));
            if resident.connected {
                to.push((*session, resident.n));
            }
        }
        frame.messages.push((line(text), to));
    }

    fn wander(&mut self, luck: &mut Luck, frame: &mut ZoneFrame) {
        for (session, resident) in &mut self.residents {
            if !luck.percent(30) {
                continue;
            }
            let id = NPCS.start + luck.below(NPCS.end - NPCS.start);
            let change = if resident.roster.remove(&id) {
                leaves(*session, &[id])
            } else {
                resident.roster.insert(id);
                enters(*session, &[id])
            };
            if resident.connected && !self.show.contains(session) {
                frame.rosters.push(change);
            }
        }
        frame.cards = NPCS.map(|id| entity(id, "Npc", id as f64, 0.0)).collect();
        for id in NPCS {
            if luck.percent(30) {
                frame.moved.push(moved(id, id as f64, luck.below(50) as f64));
            }
        }
    }

    fn show_everything(&mut self, frame: &mut ZoneFrame) {
        for session in std::mem::take(&mut self.show) {
            let resident = &self.residents[&session];
            if !resident.connected {
                continue;
            }
            frame.attached.push(Attached {
                session,
                nonce: Some(resident.nonce),
                sub: resident.sub.clone(),
                attach: resident.attach,
                you: resident.you,
                name: "Somebody".into(),
                seq: resident.seq,
                n: MsgNo(u64::MAX),
                at: Default::default(),
                heading: Default::default(),
                c: CorrectionNo(0),
                speed: 256,
                reason: ZoneReason::Entered,
            });
            frame.info = Some(Box::new(self.numbers.card()));
            frame.rosters.retain(|change| change.session != session);
            let enter = resident.roster.iter().copied().map(EntityId).collect();
            frame.rosters.push(RosterChange { session, full: true, enter, leave: vec![] });
            frame.messages.iter_mut().for_each(|(_, to)| to.retain(|(known, _)| *known != session));
            frame.messages.extend(resident.unacked.iter().map(|(n, body)| (body.clone(), vec![(session, *n)])));
            frame.acks.push((session, resident.seq));
        }
    }
}

/// A client that keeps what PROTOCOL.md tells it to keep.
struct Player {
    name: String,
    conn: Option<ConnId>,
    secret: Option<(String, String)>,
    welcomed: bool,
    seq: u64,
    acked: u64,
    n: u64,
    heard: Vec<String>,
    roster: BTreeSet<u64>,
}

impl Player {
    fn take(&mut self, messages: Vec<ServerMsg>, rig: &mut Rig) {
        let Some(conn) = self.conn else { return };
        for message in messages {
            match message {
                ServerMsg::Welcome { session, token, seq, .. } => {
                    self.secret = Some((session, token));
                    self.welcomed = true;
                    self.acked = self.acked.max(seq.0);
                    self.roster.clear();
                    for again in seq.0 + 1..=self.seq {
                        rig.send(conn, say(again, "again"));
                    }
                }
                ServerMsg::Zone(_) => self.roster.clear(),
                ServerMsg::Roster { enter, leave, full } => {
                    if full {
                        self.roster.clear();
                    }
                    self.roster.extend(enter.iter().map(|entry| entry.id.0));
                    leave.iter().for_each(|id| assert!(self.roster.remove(&id.0), "{id} left twice"));
                }
                ServerMsg::Update { e, .. } => {
                    assert!(e.iter().all(|entry| self.roster.contains(&entry.0.0)), "an update of a stranger");
                }
                ServerMsg::Chat { n, text, .. } => {
                    // A repeat may come only with a resume; a gap never.
                    assert_eq!(n.0, self.n + 1, "{}", self.name);
                    self.n = n.0;
                    self.heard.push(text);
                }
                ServerMsg::Ack { seq } => {
                    assert!(seq.0 > self.acked && seq.0 <= self.seq);
                    self.acked = seq.0;
                }
                ServerMsg::Pong { .. } | ServerMsg::Paused { .. } | ServerMsg::Resumed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        if self.welcomed {
            rig.send(conn, ClientMsg::Ack { n: MsgNo(self.n) });
        }
    }

    fn connect(&mut self, number: u64, rig: &mut Rig) {
        let conn = rig.open(number, if number.is_multiple_of(2) { Encoding::Json } else { Encoding::MessagePack });
        (self.conn, self.welcomed) = (Some(conn), false);
        match &self.secret {
            None => rig.send(conn, hello_as(&self.name)),
            Some((session, token)) => {
                let resume =
                    ResumeRequest { session: session.clone(), token: token.clone(), n: MsgNo(self.n), history: false };
                rig.send(conn, ClientMsg::Hello { ticket: None, name: None, resume: Some(resume), client: None });
            }
        }
    }
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_on_a_bus_that_loses_a_tenth() {
    for seed in 0..150 {
        live(seed);
    }
}

fn live(seed: u64) {
    let mut luck = Luck(seed);
    let mut rig = Rig::new();
    let mut zone =
        ModelZone { numbers: FakeZone::elysium(), residents: BTreeMap::new(), show: BTreeSet::new(), lines: 0 };
    let mut next_conn = 1;
    let mut players: Vec<Player> = (0..4)
        .map(|number| Player {
            name: format!("Guest {number}"),
            conn: None,
            secret: None,
            welcomed: false,
            seq: 0,
            acked: 0,
            n: 0,
            heard: vec![],
            roster: BTreeSet::new(),
        })
        .collect();
    let lively = 400;
    for step in 0..lively + 400 {
        let calm = step >= lively;
        for player in &mut players {
            match player.conn {
                None if calm || luck.percent(10) => {
                    player.connect(next_conn, &mut rig);
                    next_conn += 1;
                }
                None => {}
                Some(conn) if rig.closed(conn).is_some() => panic!("seed {seed}: {:?}", rig.received(conn)),
                // A client that was never welcomed would lose its name with the model's simple logins.
                Some(conn) if !calm && player.secret.is_some() && luck.percent(2) => {
                    rig.event(Event::Closed { conn });
                    player.conn = None;
                }
                Some(conn) => {
                    if !calm && player.welcomed && luck.percent(8) {
                        player.seq += 1;
                        rig.send(conn, say(player.seq, "text"));
                    }
                    if !calm && luck.percent(3) {
                        rig.event(Event::Congested { conn });
                    } else if calm || luck.percent(20) {
                        rig.event(Event::Writable { conn });
                    }
                }
            }
        }
        tick(&mut rig, &mut zone, &mut luck, if calm { 0 } else { 10 });
        for player in &mut players {
            if let Some(conn) = player.conn {
                let messages = rig.received(conn);
                player.take(messages, &mut rig);
            }
        }
        for resident in zone.residents.values() {
            rig.records.insert(resident.sub.clone(), in_elysium());
        }
    }
    for (player, resident) in players.iter().zip(by_name(&zone)) {
        assert_eq!(resident.applied, (1..=player.seq).collect::<Vec<_>>(), "seed {seed}: commands of {}", player.name);
        assert_eq!(player.acked, player.seq, "seed {seed}");
        assert_eq!(player.heard, resident.said, "seed {seed}: messages to {}", player.name);
        assert_eq!(player.roster, resident.roster, "seed {seed}: roster of {}", player.name);
    }
}

/// One tick of the zone, which loses its inputs and its frame with this probability each, in percent.
fn tick(rig: &mut Rig, zone: &mut ModelZone, luck: &mut Luck, loss: u64) {
    rig.pass(TICK);
    let mut frame = zone.numbers.tick();
    let lost = luck.percent(loss);
    for (_, input) in rig.inputs() {
        if !lost {
            zone.take(input, &mut frame);
        }
    }
    if loss > 0 {
        zone.wander(luck, &mut frame);
    } else {
        frame.cards = NPCS.map(|id| entity(id, "Npc", id as f64, 0.0)).collect();
    }
    if frame.seq.is_multiple_of(20) {
        // Unacked messages are repeated each second without being asked.
        let connected = zone.residents.iter().filter(|(_, resident)| resident.connected);
        for (session, resident) in connected.filter(|(session, _)| !zone.show.contains(session)) {
            frame.messages.iter_mut().for_each(|(_, to)| to.retain(|(known, _)| known != session));
            frame.messages.extend(resident.unacked.iter().map(|(n, body)| (body.clone(), vec![(*session, *n)])));
        }
    }
    zone.show_everything(&mut frame);
    if !luck.percent(loss) {
        rig.frame(&mut zone.numbers, frame);
    }
}

fn by_name(zone: &ModelZone) -> Vec<&Resident> {
    let mut residents: Vec<&Resident> = zone.residents.values().collect();
    residents.sort_by(|a, b| a.sub.cmp(&b.sub));
    residents
}
