//! A player's client, which checks everything it is told.

use std::collections::{BTreeMap, VecDeque};

use wod_protocol::bus::{
    AttachProof, AttachRequest, Attached, Attribute, CommandBody, DetachReason, EntityCard, GatewayInput, Gone,
    MessageBody, MoveClaim, RefusedAttach, ZoneFrame,
};
use wod_protocol::client::{ChatMode, Kind, ZoneReason};
use wod_protocol::ids::{CorrectionNo, Digest, EntityId, GatewayId, MoveNo, MsgNo, Nonce, Seq, SessionId, Sub, ZoneNo};
use wod_protocol::record::fold_name;
use wod_protocol::units::Pos;

use super::{GATE, WEST};

/// A player's client together with her gateway's part.
#[derive(Debug, Clone)]
pub struct Client {
    pub name: String,
    pub guest: bool,
    pub session: SessionId,
    pub nonce: Nonce,
    pub token: u8,
    /// None: not let in, or the connection is over.
    pub attach: Option<Attached>,
    pub zone: ZoneNo,
    pub at: Pos,
    pub c: CorrectionNo,
    pub m: MoveNo,
    pub clock_ms: u64,
    pub seq: Seq,
    pub acked: Seq,
    /// Not acknowledged commands.
    pub pending: VecDeque<(Seq, CommandBody)>,
    /// Reliable messages, in order, each once.
    pub messages: Vec<MessageBody>,
    pub n: MsgNo,
    pub roster: Vec<EntityId>,
    /// Of everybody ever met, as last told.
    pub cards: BTreeMap<EntityId, EntityCard>,
    /// How often anybody came into and went out of the roster, in order.
    pub comings: Vec<(EntityId, bool)>,
    pub refused: Option<RefusedAttach>,
    pub gone: Vec<Gone>,
    pub corrections: usize,
    pub told: Vec<ZoneReason>,
    /// What she was told of what she has heard before.
    pub histories: Vec<Vec<String>>,
}

impl Client {
    pub fn new(name: &str, number: u64) -> Self {
        Self {
            name: name.into(),
            guest: false,
            session: SessionId(1000 + number),
            nonce: Nonce(number * 100),
            token: 0,
            attach: None,
            zone: WEST,
            at: Pos::default(),
            c: CorrectionNo(0),
            m: MoveNo(0),
            clock_ms: 0,
            seq: Seq(0),
            acked: Seq(0),
            pending: VecDeque::new(),
            messages: Vec::new(),
            n: MsgNo(0),
            roster: Vec::new(),
            cards: BTreeMap::new(),
            comings: Vec::new(),
            refused: None,
            gone: Vec::new(),
            corrections: 0,
            told: Vec::new(),
            histories: Vec::new(),
        }
    }

    pub fn you(&self) -> EntityId {
        self.attach.as_ref().unwrap().you
    }

    pub fn token_hash(&self, token: u8) -> [u8; 32] {
        *Digest::of(&[token, self.session.0 as u8]).0.first_chunk().unwrap()
    }

    fn request(&mut self, proof: AttachProof) -> GatewayInput {
        self.nonce = self.nonce.next();
        self.token += 1;
        self.clock_ms = 0;
        let sub = if self.guest { format!("guest:{}", fold_name(&self.name)) } else { format!("sub:{}", self.name) };
        GatewayInput::Attach(Box::new(AttachRequest {
            session: self.session,
            nonce: self.nonce,
            gateway: GatewayId::from(GATE),
            sub: Sub::from(sub),
            name: self.name.clone(),
            guest: self.guest,
            proof,
            token_hash: self.token_hash(self.token),
        }))
    }

    /// A new session, which knows nothing of an older one.
    pub fn login(&mut self) -> GatewayInput {
        self.session.0 += 100;
        (self.seq, self.acked, self.n, self.m) = (Seq(0), Seq(0), MsgNo(0), MoveNo(0));
        self.pending.clear();
        self.request(AttachProof::Login)
    }

    /// With the token of the last `welcome` that she saw.
    pub fn resume(&mut self) -> GatewayInput {
        self.resume_with(false)
    }

    /// The same, having lost what it showed or not.
    pub fn resume_with(&mut self, history: bool) -> GatewayInput {
        let token_hash = self.token_hash(self.token);
        let n = self.n;
        self.request(AttachProof::Resume { token_hash, n, history })
    }

    pub fn detach(&mut self, why: DetachReason) -> GatewayInput {
        let attach = self.attach.take().unwrap().attach;
        GatewayInput::Detach { session: self.session, attach, why }
    }

    /// Claims to be there, 50 ms after the last claim.
    pub fn move_to(&mut self, x: f64, y: f64) -> GatewayInput {
        self.m = self.m.next();
        self.clock_ms += 50;
        self.at = Pos::from_metres(x, y);
        GatewayInput::Move(MoveClaim {
            session: self.session,
            attach: self.attach.as_ref().unwrap().attach,
            m: self.m,
            c: self.c,
            at: self.at,
            heading: None,
            received_ms: self.clock_ms,
        })
    }

    pub fn command(&mut self, body: CommandBody) -> GatewayInput {
        self.seq = self.seq.next();
        self.pending.push_back((self.seq, body.clone()));
        let attach = self.attach.as_ref().unwrap().attach;
        GatewayInput::Command { session: self.session, attach, seq: self.seq, body }
    }

    pub fn chat(&mut self, mode: ChatMode, text: &str) -> GatewayInput {
        self.command(CommandBody::Chat { mode, text: text.into(), to: None })
    }

    pub fn say(&mut self, text: &str) -> GatewayInput {
        self.chat(ChatMode::Say, text)
    }

    pub fn whisper(&mut self, to: &str, text: &str) -> GatewayInput {
        self.command(CommandBody::Chat { mode: ChatMode::Whisper, text: text.into(), to: Some(to.into()) })
    }

    pub fn ignore(&mut self, name: &str) -> GatewayInput {
        self.command(CommandBody::Ignore { name: Some(name.into()) })
    }

    pub fn unignore(&mut self, name: &str) -> GatewayInput {
        self.command(CommandBody::Unignore { name: name.into() })
    }

    /// Whom she ignores, as often as she was told.
    pub fn ignored(&self) -> Vec<Vec<String>> {
        let told = |message: &MessageBody| match message {
            MessageBody::Ignored { names } => Some(names.clone()),
            _ => None,
        };
        self.messages.iter().filter_map(told).collect()
    }

    pub fn use_on(&mut self, target: EntityId, verb: &str) -> GatewayInput {
        self.command(CommandBody::Interact { target, verb: verb.into(), args: "null".into() })
    }

    pub fn ack(&mut self) -> GatewayInput {
        let attach = self.attach.as_ref().unwrap().attach;
        GatewayInput::AckMessages { session: self.session, attach, n: self.n }
    }

    /// Every chat line she has read.
    pub fn lines(&self) -> Vec<String> {
        let line = |message: &MessageBody| match message {
            MessageBody::Chat { name, text, .. } => Some(format!("{name}: {text}")),
            _ => None,
        };
        self.messages.iter().filter_map(line).collect()
    }

    /// Codes of her refused commands.
    pub fn rejects(&self) -> Vec<String> {
        let code = |message: &MessageBody| match message {
            MessageBody::Reject { code, .. } => Some(code.clone()),
            _ => None,
        };
        self.messages.iter().filter_map(code).collect()
    }

    pub fn read(&mut self, frame: &ZoneFrame) {
        for attached in frame.attached.iter().filter(|attached| attached.session == self.session) {
            let mine = attached.nonce.is_none_or(|nonce| nonce == self.nonce);
            if mine && self.attach.as_ref() != Some(attached) {
                assert!(attached.seq >= self.acked, "an acknowledged command was forgotten");
                (self.at, self.c, self.zone) = (attached.at, attached.c, frame.zone);
                self.told.push(attached.reason);
                self.attach = Some(attached.clone());
                self.refused = None;
                assert!(frame.info.is_some());
            }
        }
        for refused in frame.refused.iter().filter(|refused| refused.nonce == self.nonce) {
            self.refused = Some(refused.why.clone());
        }
        for (_, reason) in frame.rezoned.iter().filter(|(session, _)| *session == self.session) {
            self.told.push(*reason);
        }
        if self.zone != frame.zone {
            return;
        }
        for roster in frame.rosters.iter().filter(|roster| roster.session == self.session) {
            if roster.full {
                self.roster.clear();
            }
            self.roster.retain(|id| !roster.leave.contains(id));
            self.comings.extend(roster.leave.iter().map(|id| (*id, false)));
            for id in &roster.enter {
                let card = frame.cards.iter().find(|card| card.id == *id).expect("an entity entered without a card");
                let former = self.cards.insert(*id, card.clone());
                if self.roster.contains(id) {
                    // Who crosses (and maybe comes back in the same tick) is told anew, or who looks otherwise.
                    let anew = card.kind == Kind::Player || former.as_ref() != Some(card);
                    assert!(anew, "an entity entered twice");
                } else {
                    self.roster.push(*id);
                    self.comings.push((*id, true));
                }
            }
        }
        for moved in &frame.moved {
            if let Some(card) = self.cards.get_mut(&moved.id) {
                (card.at, card.heading) = (moved.at, moved.heading);
            }
        }
        for change in frame.attributes.iter().filter(|change| change.only.is_none()) {
            let Some(card) = self.cards.get_mut(&change.id) else { continue };
            match &change.what {
                Attribute::Tags(tags) => card.tags.clone_from(tags),
                Attribute::Verbs(verbs) => card.verbs.clone_from(verbs),
                Attribute::Name(name) => card.name.clone_from(name),
            }
        }
        for correction in frame.corrections.iter().filter(|correction| correction.session == self.session) {
            (self.at, self.c) = (correction.at, correction.c);
            self.corrections += 1;
        }
        for (_, lines) in frame.histories.iter().filter(|(session, _)| *session == self.session) {
            self.histories.push(lines.iter().map(|line| format!("{}: {}", line.name, line.text)).collect());
        }
        for (body, to) in &frame.messages {
            for (_, n) in to.iter().filter(|(session, _)| *session == self.session) {
                if *n > self.n {
                    assert_eq!(*n, self.n.next(), "{} lost a reliable message", self.name);
                    self.n = *n;
                    self.messages.push(body.clone());
                }
            }
        }
        for (_, seq) in frame.acks.iter().filter(|(session, _)| *session == self.session) {
            self.acked = self.acked.max(*seq);
            self.pending.retain(|(pending, _)| *pending > *seq);
        }
        for gone in frame.gone.iter().filter(|gone| gone.session == self.session) {
            if self.attach.as_ref().is_some_and(|attach| attach.attach == gone.attach) {
                if !matches!(gone.why, wod_protocol::bus::GoneReason::Crossed(_)) {
                    self.attach = None;
                }
                self.gone.push(gone.clone());
            }
        }
    }
}
