//! Connections: who is let in, on what proof, and which of several connections counts.

use wod_protocol::bus::{
    AttachProof, AttachRefused, AttachRequest, Attached, DetachReason, Gone, GoneReason, RefusedAttach, Way,
};
use wod_protocol::client::ZoneReason;
use wod_protocol::ids::{AttachNo, CorrectionNo, Digest, EntityId, MoveNo, MsgNo, Nonce, Seq, SessionId};

use super::Zone;
use super::border::Border;
use super::requests::Purpose;
use super::state::{Leaving, Link, Messages, Session};
use super::turn::Look;
use crate::io::{StoreAnswer, StoreRequest, Took};
use crate::module::{EnterReason, LeaveReason};

impl Zone {
    /// A connection wants in.
    pub(super) fn attach(&mut self, request: &AttachRequest) {
        self.state.lost_gateways.retain(|gateway| *gateway != request.gateway);
        if let Some(id) = self.player_of(&request.sub) {
            return self.attach_standing(id, request);
        }
        let resumes = matches!(request.proof, AttachProof::Resume { .. });
        if let Some((_, to)) = self.state.outbox.traveller(&request.sub) {
            let taken = request.guest && !resumes;
            return self.refuse(request, if taken { RefusedAttach::NameTaken } else { RefusedAttach::Elsewhere(to) });
        }
        if resumes {
            return self.refuse(request, RefusedAttach::ResumeImpossible);
        }
        if self.state.requests.is_leaving(&request.sub) || self.state.module.is_none() {
            return self.refuse(request, RefusedAttach::Retry);
        }
        if let Some(pending) = self.state.requests.login_mut(&request.sub) {
            if pending.nonce == request.nonce {
                return;
            }
            if request.guest {
                return self.refuse(request, RefusedAttach::NameTaken);
            }
            let older = std::mem::replace(&mut **pending, request.clone());
            return self.refuse(&older, RefusedAttach::Retry);
        }
        if self.state.players.len() + self.state.requests.logins() >= self.rules.zone().players as usize {
            return self.refuse(request, RefusedAttach::Full);
        }
        let new_id = self.state.scene.luck.entity_id(self.rules.number);
        let claim =
            StoreRequest::Claim { sub: request.sub.clone(), name: request.name.clone(), guest: request.guest, new_id };
        self.state.requests.open(claim, Purpose::Login(Box::new(request.clone())));
    }

    /// The store's answer to a login.
    pub(super) fn claimed(&mut self, request: &AttachRequest, answer: &StoreAnswer) {
        match answer {
            StoreAnswer::Claimed { player, .. } => {
                if let Some(id) = self.player_of(&request.sub) {
                    return self.attach_standing(id, request);
                }
                if !self.state.requests.may_enter(player.id, player.hop) {
                    return self.refuse(request, RefusedAttach::Retry);
                }
                let session = Session {
                    id: request.session,
                    link: Link::Up(request.gateway.clone()),
                    attach: AttachNo(1),
                    nonce: request.nonce,
                    tokens: vec![Digest(request.token_hash)],
                    seq: Seq(0),
                    m: MoveNo(0),
                    c: CorrectionNo(0),
                    messages: Messages { touched: self.state.tick, ..Messages::default() },
                    wants_history: false,
                };
                let lost = self.state.lost_gateways.contains(&request.gateway);
                let mut player = (**player).clone();
                if !self.rules.bounds.contains(player.at) {
                    // Her record is of another zone, or of one that lay elsewhere.
                    player.way = Way::Portal(None);
                }
                let id = player.id;
                self.appear(player, session, ZoneReason::Entered, EnterReason::Login);
                if lost {
                    return self.lose_link(id);
                }
                self.answer_attached(id, Some(request.nonce));
            }
            StoreAnswer::Elsewhere(zone) if *zone != self.rules.number => {
                self.refuse(request, RefusedAttach::Elsewhere(*zone));
            }
            StoreAnswer::NameTaken => self.refuse(request, RefusedAttach::NameTaken),
            _ => self.refuse(request, RefusedAttach::Retry),
        }
    }

    /// The avatar stands here already: a resume, a newer connection, or the repeat of a request.
    pub(super) fn attach_standing(&mut self, id: EntityId, request: &AttachRequest) {
        let now = self.state.tick;
        let player = self.state.players.get_mut(&id).expect("the caller has found her");
        let session = &mut player.session;
        if session.nonce == request.nonce {
            return if session.link == Link::Up(request.gateway.clone()) {
                self.show_everything(id, Some(request.nonce));
            } else {
                self.refuse(request, RefusedAttach::Retry);
            };
        }
        let replaced = (session.id, session.attach);
        let newest = Digest(request.token_hash);
        let reason = match &request.proof {
            AttachProof::Resume { token_hash, n, history } => {
                let presented = Digest(*token_hash);
                let good = session.id == request.session && session.tokens.contains(&presented);
                if !good || !session.messages.can_resume(*n) {
                    return self.refuse(request, RefusedAttach::ResumeImpossible);
                }
                session.tokens = vec![presented, newest];
                session.messages.acknowledge(*n, now);
                session.wants_history = *history;
                ZoneReason::Resumed
            }
            AttachProof::Login if request.guest => return self.refuse(request, RefusedAttach::NameTaken),
            AttachProof::Login => {
                session.tokens = vec![newest];
                session.seq = Seq(0);
                session.m = MoveNo(0);
                session.messages.renumber();
                // Whatever had it before is replaced: the newer one knows nothing.
                session.wants_history = true;
                ZoneReason::Entered
            }
        };
        if matches!(self.state.leaving.get(&id), Some(Leaving::World { reason: LeaveReason::Logout, .. })) {
            // She is back before she was gone.
            self.state.leaving.remove(&id);
        }
        player.reason = reason;
        let was = std::mem::replace(&mut session.link, Link::Up(request.gateway.clone()));
        session.attach = session.attach.next();
        session.nonce = request.nonce;
        session.id = request.session;
        player.allowance.reattached();
        self.state.sessions.remove(&replaced.0);
        self.state.sessions.insert(request.session, id);
        match was {
            Link::Up(gateway) => {
                let gone = Gone { session: replaced.0, attach: replaced.1, why: GoneReason::Replaced };
                self.keep_gone(&gateway, gone);
            }
            Link::Down(_) => {
                self.set_away(id, false);
                self.push_entered(id, EnterReason::Resumed);
            }
        }
        self.show_everything(id, Some(request.nonce));
    }

    /// A player's connection gets all there is: who she is, her whole roster, her own tags, every unacknowledged message, and
    /// how far her commands are dealt with.
    pub(super) fn show_everything(&mut self, id: EntityId, nonce: Option<Nonce>) {
        self.answer_attached(id, nonce);
        self.show_history(id);
        self.repeat_messages(id);
        if let Some(player) = self.state.players.get_mut(&id) {
            player.full_roster = true;
            let (session, seq) = (player.session.id, player.session.seq);
            if let Link::Up(gateway) = &player.session.link {
                self.turn.draft(gateway).acks.insert(session, seq);
            }
        }
    }

    /// Tells a player's gateway that (and how) she is here.
    pub(super) fn answer_attached(&mut self, id: EntityId, nonce: Option<Nonce>) {
        let (Some(player), Some(entity)) = (self.state.players.get(&id), self.state.scene.entities.get(&id)) else {
            return;
        };
        let session = &player.session;
        let Link::Up(gateway) = &session.link else { return };
        let attached = Attached {
            session: session.id,
            nonce,
            sub: player.sub.clone(),
            attach: session.attach,
            you: id,
            name: entity.name.clone(),
            seq: session.seq,
            n: session.messages.n,
            at: entity.at,
            heading: entity.heading,
            c: session.c,
            speed: entity.speed,
            reason: player.reason,
        };
        let draft = self.turn.draft(gateway);
        draft.attached.retain(|known| known.session != attached.session);
        draft.attached.push(attached);
        self.turn.out.binding = true;
        self.turn.looks.insert((id, Look::OwnTags));
    }

    /// A connection is gone.
    pub(super) fn detach(&mut self, session: SessionId, attach: AttachNo, why: DetachReason) {
        let Some(id) = self.attached(session, attach) else { return };
        match why {
            DetachReason::Lost => self.lose_link(id),
            DetachReason::Bye => self.logout(id, LeaveReason::Logout, GoneReason::LoggedOut),
        }
    }

    /// Who speaks over this attachment; none when it is over. Her input proves that she has the newest token, and her history.
    pub(super) fn speaker(&mut self, session: SessionId, attach: AttachNo) -> Option<EntityId> {
        let id = self.attached(session, attach)?;
        let session = &mut self.state.players.get_mut(&id)?.session;
        session.wants_history = false;
        let tokens = &mut session.tokens;
        if tokens.len() > 1 {
            tokens.drain(..tokens.len() - 1);
        }
        Some(id)
    }

    fn attached(&self, session: SessionId, attach: AttachNo) -> Option<EntityId> {
        let id = *self.state.sessions.get(&session)?;
        let session = &self.state.players.get(&id)?.session;
        (session.attach == attach && matches!(session.link, Link::Up(_))).then_some(id)
    }

    /// The client has these messages.
    pub(super) fn acknowledge(&mut self, session: SessionId, attach: AttachNo, n: MsgNo) {
        let now = self.state.tick;
        if let Some(player) = self.speaker(session, attach).and_then(|id| self.state.players.get_mut(&id)) {
            player.session.messages.acknowledge(n, now);
        }
    }

    /// The gateway has missed frames: it gets all there is for its players, and what ended lately.
    pub(super) fn resync(&mut self, gateway: &wod_protocol::ids::GatewayId) {
        let here: Vec<(EntityId, Nonce)> = self
            .state
            .players
            .iter()
            .filter(|(_, player)| player.session.link == Link::Up(gateway.clone()))
            .map(|(id, player)| (*id, player.session.nonce))
            .collect();
        for (id, nonce) in here {
            self.show_everything(id, Some(nonce));
        }
        let ended: Vec<Gone> = match self.state.gateways.get(gateway) {
            Some(known) => known.gone.iter().map(|(_, gone)| gone.clone()).collect(),
            None => Vec::new(),
        };
        let draft = self.turn.draft(gateway);
        draft.due = true;
        draft.gone = ended;
    }

    /// The zone has a new owner: every gateway gets all there is, and sessions are told why.
    pub(super) fn rezone_all(&mut self, reason: ZoneReason) {
        let gateways: Vec<_> = self.state.gateways.keys().cloned().collect();
        for gateway in &gateways {
            self.resync(gateway);
        }
        self.rezone(reason);
    }

    /// Everybody connected is told of the zone anew, and who is near.
    pub(super) fn rezone(&mut self, reason: ZoneReason) {
        self.state.borders.values_mut().for_each(Border::show_anew);
        for (id, player) in &mut self.state.players {
            player.reason = reason;
            player.full_roster = true;
            if let Link::Up(gateway) = &player.session.link {
                self.turn.draft(gateway).rezoned.push((player.session.id, reason));
                self.turn.looks.insert((*id, Look::OwnTags));
            }
        }
    }

    fn refuse(&mut self, request: &AttachRequest, why: RefusedAttach) {
        let refused = AttachRefused { session: request.session, nonce: request.nonce, why };
        self.turn.draft(&request.gateway).refused.push(refused);
    }
}

/// How sessions are told about a new owner; none: nobody was here before.
pub(super) fn reason_of(how: Took) -> Option<ZoneReason> {
    match how {
        Took::Fresh => None,
        Took::Recovered => Some(ZoneReason::Recovered),
        Took::Migrated => Some(ZoneReason::Migrated),
    }
}
