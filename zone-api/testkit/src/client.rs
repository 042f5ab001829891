//! A fake player: her client and her gateway's part in one. Reads frames, acknowledges, walks. What of it is public is for
//! tools that play a zone without a [`World`](crate::World).

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;
use wod_protocol::bus::{
    AttachProof, AttachRequest, Attached, CommandBody, DetachReason, GatewayInput, GoneReason, MessageBody, MoveClaim,
    RefusedAttach, ZoneFrame,
};
use wod_protocol::client::{ChatMode, DialogueOption};
use wod_protocol::ids::{CorrectionNo, Digest, EntityId, GatewayId, MoveNo, MsgNo, Nonce, Seq, SessionId, Sub, Token};
use wod_protocol::units::{Pos, UNITS_PER_METRE};

/// Id of the one gateway of a test world.
pub const GATEWAY: &str = "testkit";

/// A line somebody heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who spoke.
    pub speaker: String,
    /// How.
    pub mode: ChatMode,
    /// What.
    pub text: String,
}

/// A dialogue that is open for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialogue {
    /// The number that a choice names.
    pub id: Token,
    /// What the NPC said last.
    pub text: String,
    /// What can be answered.
    pub options: Vec<DialogueOption>,
}

/// Everything a player's client knows.
pub struct Client {
    /// Her name.
    pub name: String,
    pub(crate) sub: Sub,
    /// Grows with every login.
    pub session: SessionId,
    nonce: Nonce,
    token: u64,
    /// How she was let in; none: she is not in the zone.
    pub attached: Option<Attached>,
    /// Why she was not let in, when she was not.
    pub refused: Option<RefusedAttach>,
    /// Why she is not here any more.
    pub gone: Option<GoneReason>,
    /// Where she stands.
    pub at: Pos,
    c: CorrectionNo,
    m: MoveNo,
    clock_ms: u64,
    seq: Seq,
    pub(crate) acked: Seq,
    n: MsgNo,
    acknowledged: MsgNo,
    /// Corners she still walks to.
    pub way: VecDeque<Pos>,
    /// Whom she sees.
    pub roster: BTreeSet<EntityId>,
    /// What she heard, her own lines included.
    pub lines: Vec<Line>,
    /// What an NPC waits for her to answer.
    pub dialogue: Option<Dialogue>,
    /// What was last said to her in a dialogue.
    pub told: String,
    /// What the zone told her client, name and data.
    pub events: Vec<(String, Value)>,
    /// Commands of hers that were refused: code and text.
    pub refusals: Vec<(String, String)>,
    /// Whom she ignores, as she was last told.
    pub ignored: Vec<String>,
    /// Why she was put somewhere else than she claimed.
    pub corrections: Vec<String>,
}

impl Client {
    /// A player with an account, not yet logged in. `number` is hers alone.
    pub fn new(name: &str, number: u64) -> Self {
        Self {
            name: name.to_owned(),
            sub: Sub::from(format!("test:{name}")),
            session: SessionId(number * 1000),
            nonce: Nonce(number * 1_000_000),
            token: 0,
            attached: None,
            refused: None,
            gone: None,
            at: Pos::default(),
            c: CorrectionNo(0),
            m: MoveNo(0),
            clock_ms: 0,
            seq: Seq(0),
            acked: Seq(0),
            n: MsgNo(0),
            acknowledged: MsgNo(0),
            way: VecDeque::new(),
            roster: BTreeSet::new(),
            lines: Vec::new(),
            dialogue: None,
            told: String::new(),
            events: Vec::new(),
            refusals: Vec::new(),
            ignored: Vec::new(),
            corrections: Vec::new(),
        }
    }

    /// Logs in with a new session.
    pub fn login(&mut self) -> GatewayInput {
        self.session = self.session.next();
        (self.seq, self.acked, self.m) = (Seq(0), Seq(0), MoveNo(0));
        (self.n, self.acknowledged) = (MsgNo(0), MsgNo(0));
        self.dialogue = None;
        self.gone = None;
        self.attach(AttachProof::Login)
    }

    /// Comes back after a lost connection.
    pub fn resume(&mut self) -> GatewayInput {
        let (token_hash, n) = (self.token_hash(), self.n);
        self.attach(AttachProof::Resume { token_hash, n, history: false })
    }

    /// Goes, for good or not.
    pub fn detach(&mut self, why: DetachReason) -> Option<GatewayInput> {
        let attach = self.attached.take()?.attach;
        self.way.clear();
        Some(GatewayInput::Detach { session: self.session, attach, why })
    }

    /// A numbered command; none: she is not in the zone.
    pub fn command(&mut self, body: CommandBody) -> Option<GatewayInput> {
        let attach = self.attached.as_ref()?.attach;
        self.seq = self.seq.next();
        Some(GatewayInput::Command { session: self.session, attach, seq: self.seq, body })
    }

    /// Whether every command of hers is dealt with.
    pub fn is_answered(&self) -> bool {
        self.acked >= self.seq
    }

    /// Her avatar; none: she is not in the zone.
    pub fn id(&self) -> Option<EntityId> {
        self.attached.as_ref().map(|attached| attached.you)
    }

    /// Her step of this tick, and the acknowledgement of what she has read, added to `inputs`.
    pub fn tick(&mut self, tick_ms: u64, inputs: &mut Vec<GatewayInput>) {
        self.clock_ms += tick_ms;
        let Some(attached) = &self.attached else {
            return;
        };
        let (session, attach) = (self.session, attached.attach);
        if self.n > self.acknowledged {
            self.acknowledged = self.n;
            inputs.push(GatewayInput::AckMessages { session, attach, n: self.n });
        }
        // A little under what she may, so that rounding never makes her too fast.
        let stride = i64::from(attached.speed) * tick_ms as i64 * 95 / 100_000;
        let start = self.at;
        // One leg a claim, for a claim is a straight line.
        if let Some(corner) = self.way.front().copied() {
            let distance = (self.at.distance_squared(corner) as f64).sqrt() as i64;
            if distance > stride {
                let part = |from: i32, to: i32| from + ((i64::from(to) - i64::from(from)) * stride / distance) as i32;
                self.at = Pos { x: part(self.at.x, corner.x), y: part(self.at.y, corner.y) };
            } else {
                self.at = corner;
                self.way.pop_front();
            }
        }
        if self.at != start {
            self.m = self.m.next();
            inputs.push(GatewayInput::Move(MoveClaim {
                session,
                attach,
                m: self.m,
                c: self.c,
                at: self.at,
                heading: None,
                received_ms: self.clock_ms,
            }));
        }
    }

    /// Reads what the zone sends.
    ///
    /// # Panics
    /// When the simulation breaks its promises to clients: a reliable message was lost.
    pub fn read(&mut self, frame: &ZoneFrame) {
        let session = self.session;
        for attached in frame.attached.iter().filter(|attached| attached.session == session) {
            if attached.nonce.is_none_or(|nonce| nonce == self.nonce) && self.attached.as_ref() != Some(attached) {
                (self.at, self.c, self.refused) = (attached.at, attached.c, None);
                self.attached = Some(attached.clone());
            }
        }
        for refused in frame.refused.iter().filter(|refused| refused.nonce == self.nonce) {
            self.refused = Some(refused.why.clone());
        }
        for roster in frame.rosters.iter().filter(|roster| roster.session == session) {
            if roster.full {
                self.roster.clear();
            }
            self.roster.retain(|id| !roster.leave.contains(id));
            self.roster.extend(&roster.enter);
        }
        for correction in frame.corrections.iter().filter(|correction| correction.session == session) {
            (self.at, self.c) = (correction.at, correction.c);
            self.way.clear();
            self.corrections.push(correction.why.clone());
        }
        for (body, to) in &frame.messages {
            for (_, n) in to.iter().filter(|(to, _)| *to == session) {
                if *n > self.n {
                    assert_eq!(*n, self.n.next(), "{} lost a reliable message", self.name);
                    self.n = *n;
                    self.read_message(body);
                }
            }
        }
        for latest in frame.latest.iter().filter(|latest| latest.to.contains(&session)) {
            self.events.push((latest.name.clone(), json(&latest.data)));
        }
        for (_, seq) in frame.acks.iter().filter(|(to, _)| *to == session) {
            self.acked = self.acked.max(*seq);
        }
        for gone in frame.gone.iter().filter(|gone| gone.session == session) {
            if self.attached.as_ref().is_some_and(|attached| attached.attach == gone.attach) {
                self.attached = None;
                self.way.clear();
                self.gone = Some(gone.why.clone());
            }
        }
    }

    fn read_message(&mut self, body: &MessageBody) {
        match body {
            MessageBody::Chat { name, mode, text, .. } => {
                self.lines.push(Line { speaker: name.clone(), mode: *mode, text: text.clone() });
            }
            MessageBody::Dialogue { dialogue, text, options, .. } => {
                let open = Dialogue { id: *dialogue, text: text.clone(), options: options.clone() };
                self.dialogue = (!options.is_empty()).then_some(open);
                if !text.is_empty() {
                    self.told.clone_from(text);
                }
            }
            MessageBody::Event { name, data } => self.events.push((name.clone(), json(data))),
            MessageBody::Reject { code, message, .. } => self.refusals.push((code.clone(), message.clone())),
            MessageBody::Ignored { names } => self.ignored.clone_from(names),
        }
    }

    fn attach(&mut self, proof: AttachProof) -> GatewayInput {
        self.nonce = self.nonce.next();
        self.token += 1;
        self.clock_ms = 0;
        self.refused = None;
        GatewayInput::Attach(Box::new(AttachRequest {
            session: self.session,
            nonce: self.nonce,
            gateway: GatewayId::from(GATEWAY),
            sub: self.sub.clone(),
            name: self.name.clone(),
            guest: false,
            proof,
            token_hash: self.token_hash(),
        }))
    }

    fn token_hash(&self) -> [u8; 32] {
        Digest::of(format!("{}/{}", self.session, self.token).as_bytes()).0
    }
}

/// What the zone sends as JSON is JSON: the simulation has checked it.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the zone told bad JSON ({error}): {text}"))
}

/// Metres of a position.
pub(crate) fn metres(at: Pos) -> (f32, f32) {
    let unit = UNITS_PER_METRE as f32;
    (at.x as f32 / unit, at.y as f32 / unit)
}
