//! From `hello` to the zone's word that lets a connection in: who speaks, where she is, asking there until it answers.
//!
//! The same search finds a player again whom this gateway has lost track of (a relocation): it resumes on her behalf.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use wod_protocol::bus::{AttachProof, AttachRefused, AttachRequest, Attached, GatewayInput, RefusedAttach};
use wod_protocol::client::{CloseCode, ResumeRequest, ServerMsg};
use wod_protocol::ids::{Digest, MsgNo, Nonce, SessionId, Sub, ZoneNo};
use wod_protocol::name::{NameFlaw, check_name};
use wod_protocol::record::{Place, fold_name};

use crate::conn::State;
use crate::core::Core;
use crate::io::{BackplaneAway, ConnId, Effect, Identity, Seeds, Whereabouts};
use crate::limits::{
    ADMISSION_TIMEOUT, ATTACH_REPEAT, CATCH_UP, FULL_RETRY_MS, MAX_DOUBTS, MAX_REDIRECTS, RECORD_RETRY, SUB_BYTES,
};
use crate::session::Session;

/// Subs of guests begin so, and no ticket's may.
const GUEST: &str = "guest:";

/// A search for the zone that lets a connection in.
pub(crate) struct Admission {
    session: SessionId,
    sub: Sub,
    name: String,
    /// What is wrong with the name in her ticket: it does not matter once she has a character.
    flaw: Option<NameFlaw>,
    proof: AttachProof,
    /// A login by this ticket is tried when the resume fails.
    fallback: Option<String>,
    pub(crate) nonce: Nonce,
    pub(crate) token_hash: [u8; 32],
    /// Gives up then; none: never, for a player who is in the world.
    deadline: Option<Duration>,
    redirects: u32,
    /// Left of the times that a zone to which another has pointed may know nothing of her.
    doubts: u32,
    /// The zone that knew nothing of her although her record named it. She may have gone from there since the record was read;
    /// when both say so once more, the resume is impossible.
    disbelieved: Option<ZoneNo>,
    step: Step,
}

/// How far the search is.
enum Step {
    /// Her record is being read.
    Reading,
    /// Her record is read again then.
    Waiting { until: Duration },
    /// That zone is asked, and asked again then.
    Asking { zone: ZoneNo, again: Duration },
}

impl Admission {
    /// A login: a fresh session.
    fn login(seeds: &Seeds, attempt: u64, identity: Identity, now: Duration) -> Self {
        let (name, flaw) = match check_name(&identity.name) {
            Ok(name) => (name, None),
            Err(flaw) => (identity.name, Some(flaw)),
        };
        Self {
            session: session_id(seeds),
            sub: identity.sub,
            name,
            flaw,
            proof: AttachProof::Login,
            fallback: None,
            nonce: Nonce(seeds.nonce.wrapping_add(attempt)),
            token_hash: token_hash(&token_text(seeds)),
            deadline: Some(now + ADMISSION_TIMEOUT),
            redirects: 0,
            doubts: MAX_DOUBTS,
            disbelieved: None,
            step: Step::Reading,
        }
    }

    /// The resume of a session; none when its text is none of ours.
    fn resume(seeds: &Seeds, resume: &ResumeRequest, fallback: Option<String>, now: Duration) -> Option<Self> {
        let (sub, session) = parse_session(&resume.session)?;
        Some(Self {
            session,
            sub,
            name: String::new(),
            flaw: None,
            proof: AttachProof::Resume { token_hash: token_hash(&resume.token), n: resume.n, history: resume.history },
            fallback,
            nonce: Nonce(seeds.nonce),
            token_hash: token_hash(&token_text(seeds)),
            deadline: Some(now + ADMISSION_TIMEOUT),
            redirects: 0,
            doubts: MAX_DOUBTS,
            disbelieved: None,
            step: Step::Reading,
        })
    }

    /// Finds a playing session again, by the token that its client holds anyway.
    pub(crate) fn relocate(seeds: &Seeds, attempt: u64, session: &Session) -> Self {
        Self {
            session: session.id,
            sub: session.sub.clone(),
            name: session.name.clone(),
            flaw: None,
            proof: AttachProof::Resume { token_hash: session.token_hash, n: session.n, history: false },
            fallback: None,
            nonce: Nonce(seeds.nonce.wrapping_add(attempt)),
            token_hash: session.token_hash,
            deadline: None,
            redirects: 0,
            doubts: MAX_DOUBTS,
            disbelieved: None,
            step: Step::Reading,
        }
    }

    /// The zone being asked.
    pub(crate) fn asks(&self) -> Option<ZoneNo> {
        match self.step {
            Step::Asking { zone, .. } => Some(zone),
            Step::Reading | Step::Waiting { .. } => None,
        }
    }

    pub(crate) fn is_resume(&self) -> bool {
        matches!(self.proof, AttachProof::Resume { .. })
    }

    /// Whether the client knows nothing of what was said before it came.
    pub(crate) fn wants_history(&self) -> bool {
        match self.proof {
            AttachProof::Login => true,
            AttachProof::Resume { history, .. } => history,
        }
    }
}

impl Core {
    /// `hello` has come.
    pub(crate) fn on_hello(
        &mut self,
        now: Duration,
        id: ConnId,
        ticket: Option<String>,
        name: Option<String>,
        resume: Option<ResumeRequest>,
    ) {
        let Some(conn) = self.conns.get(&id) else { return };
        let seeds = conn.seeds;
        if let Some(resume) = resume {
            match Admission::resume(&seeds, &resume, ticket.clone(), now) {
                Some(admission) => self.admit_by(id, admission),
                None => self.resume_failed(now, id, ticket),
            }
        } else if let Some(ticket) = ticket {
            self.verify(now, id, ticket);
        } else if let Some(name) = name {
            if !self.config.allow_guests {
                return self.close(now, id, CloseCode::Unauthorised, "guests are not let in here: get a ticket", None);
            }
            let name = match check_name(&name) {
                Ok(name) => name,
                Err(flaw) => return self.close(now, id, CloseCode::Unauthorised, &flaw.to_string(), None),
            };
            let sub = Sub::from(format!("{GUEST}{}", fold_name(&name)));
            self.admit_by(id, Admission::login(&seeds, 0, Identity { sub, name }, now));
        } else {
            self.close(now, id, CloseCode::Unauthorised, "hello needs a ticket, a name or a resume", None);
        }
    }

    fn verify(&mut self, now: Duration, id: ConnId, ticket: String) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.state = State::Verifying { deadline: now + ADMISSION_TIMEOUT };
            self.effects.push(Effect::VerifyTicket { conn: id, ticket });
        }
    }

    /// The shell has checked a ticket.
    pub(crate) fn on_verdict(&mut self, now: Duration, id: ConnId, verdict: Result<Identity, String>) {
        let Some(conn) = self.conns.get(&id) else { return };
        let State::Verifying { .. } = conn.state else { return };
        let seeds = conn.seeds;
        let identity = verdict.and_then(|identity| match identity_flaw(&identity) {
            Some(flaw) => Err(flaw.to_owned()),
            None => Ok(identity),
        });
        match identity {
            Ok(identity) => self.admit_by(id, Admission::login(&seeds, 1, identity, now)),
            Err(why) => self.close(now, id, CloseCode::Unauthorised, &why, None),
        }
    }

    fn admit_by(&mut self, id: ConnId, admission: Admission) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        self.nonces.insert(admission.nonce, id);
        self.effects.push(Effect::ReadRecord { conn: id, sub: admission.sub.clone() });
        conn.state = State::Admitting(Box::new(admission));
    }

    /// Looks for a playing session that got lost on the way between gateway and zones.
    pub(crate) fn relocate(&mut self, now: Duration, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let attempt = 2 + self.stats.relocations;
        let State::Playing(session) = &mut conn.state else { return };
        let admission = Admission::relocate(&conn.seeds, attempt, session);
        self.stats.relocations += 1;
        self.nonces.insert(admission.nonce, id);
        self.effects.push(Effect::ReadRecord { conn: id, sub: admission.sub.clone() });
        session.relocation = Some(Box::new(admission));
        // A relocation that fails is not begun again before these times have passed once more.
        if let Some(transit) = &mut session.transit {
            transit.since = now;
        }
        for command in &mut session.pending {
            command.received = now;
        }
    }

    /// A player's record was read.
    pub(crate) fn on_record(&mut self, now: Duration, id: ConnId, found: Result<Option<Whereabouts>, BackplaneAway>) {
        let Some(admission) = self.conns.get_mut(&id).and_then(|conn| conn.admission_mut()) else { return };
        let Step::Reading = admission.step else { return };
        let start = self.config.world.start_zone().number;
        let zone = match found {
            Err(BackplaneAway) => {
                admission.step = Step::Waiting { until: now + RECORD_RETRY };
                return;
            }
            Ok(Some(Whereabouts { place: Place::Zone(zone), .. })) => zone,
            // Only a new character is called as the ticket says.
            Ok(None) if admission.flaw.is_some() => {
                let flaw = admission.flaw.map(|flaw| flaw.to_string()).unwrap_or_default();
                return self.close(now, id, CloseCode::Unauthorised, &flaw, None);
            }
            Ok(_) if admission.is_resume() => return self.refuse(now, id, RefusedAttach::ResumeImpossible),
            Ok(Some(Whereabouts { zone, .. })) if self.config.world.zone(zone).is_some() => zone,
            Ok(_) => start,
        };
        self.ask(now, id, zone);
    }

    /// Asks a zone to let the connection in, now and every second.
    fn ask(&mut self, now: Duration, id: ConnId, zone: ZoneNo) {
        let known = self.zone_view(now, zone).is_some();
        let gateway = self.config.gateway.clone();
        let is_catching_up = self.is_catching_up(now);
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let current = conn.session().map(|session| session.n);
        let Some(admission) = conn.admission_mut() else { return };
        if let (AttachProof::Resume { n, .. }, Some(current)) = (&mut admission.proof, current) {
            // Messages may go on coming, and be acked, while she is looked for.
            *n = current;
        }
        if !known {
            // A world file without that zone: another process has a newer one.
            admission.step = Step::Waiting { until: now + RECORD_RETRY };
            return;
        }
        if is_catching_up && current.is_none() {
            admission.step = Step::Asking { zone, again: now + CATCH_UP };
            return;
        }
        admission.step = Step::Asking { zone, again: now + ATTACH_REPEAT };
        let request = AttachRequest {
            session: admission.session,
            nonce: admission.nonce,
            gateway,
            sub: admission.sub.clone(),
            name: admission.name.clone(),
            guest: admission.sub.as_str().starts_with(GUEST),
            proof: admission.proof.clone(),
            token_hash: admission.token_hash,
        };
        self.give(now, zone, GatewayInput::Attach(Box::new(request)));
    }

    /// Asks again at once where an owner was just found.
    pub(crate) fn ask_waiting(&mut self, now: Duration, zone: ZoneNo) {
        let waiting: Vec<ConnId> = self.nonces.values().copied().filter(|id| self.asks(*id) == Some(zone)).collect();
        for id in waiting {
            self.ask(now, id, zone);
        }
    }

    fn asks(&self, id: ConnId) -> Option<ZoneNo> {
        match &self.conns.get(&id)?.state {
            State::Admitting(admission) => admission.asks(),
            State::Playing(session) => session.relocation.as_ref()?.asks(),
            State::AwaitingHello | State::Verifying { .. } => None,
        }
    }

    /// A zone did not let a connection in.
    pub(crate) fn on_refused(&mut self, now: Duration, zone: ZoneNo, refused: &AttachRefused) {
        let Some(&id) = self.nonces.get(&refused.nonce) else { return };
        if self.asks(id) == Some(zone) {
            self.refuse(now, id, refused.why.clone());
        }
    }

    fn refuse(&mut self, now: Duration, id: ConnId, why: RefusedAttach) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let playing = matches!(conn.state, State::Playing(_));
        let seed = conn.seeds.nonce;
        let Some(admission) = conn.admission_mut() else { return };
        match why {
            RefusedAttach::Elsewhere(zone) if admission.redirects < MAX_REDIRECTS => {
                admission.redirects += 1;
                self.ask(now, id, zone);
            }
            RefusedAttach::Elsewhere(_) | RefusedAttach::Retry => {
                admission.redirects = 0;
                admission.step = Step::Waiting { until: now + RECORD_RETRY };
                if playing {
                    // A zone that took her, and has lost her link since, knows this request: it is a new one from now on.
                    self.nonces.remove(&admission.nonce);
                    admission.nonce = Nonce(seed.wrapping_add(2 + self.stats.relocations));
                    self.stats.relocations += 1;
                    self.nonces.insert(admission.nonce, id);
                }
            }
            // One zone has sent her on, the next has not got her yet: she is in between.
            RefusedAttach::ResumeImpossible if admission.redirects > 0 && admission.doubts > 0 => {
                admission.redirects = 0;
                admission.doubts -= 1;
                admission.step = Step::Waiting { until: now + RECORD_RETRY };
            }
            RefusedAttach::ResumeImpossible if admission.disbelieved != admission.asks() => {
                admission.disbelieved = admission.asks();
                admission.step = Step::Waiting { until: now + RECORD_RETRY };
            }
            RefusedAttach::ResumeImpossible if playing => {
                self.close(now, id, CloseCode::ResumeImpossible, "the world has lost this session", None);
            }
            RefusedAttach::ResumeImpossible => {
                let fallback = admission.fallback.take();
                self.nonces.remove(&admission.nonce);
                self.resume_failed(now, id, fallback);
            }
            RefusedAttach::NameTaken => {
                let why = "somebody has that name, or one that looks like it: choose another";
                self.close(now, id, CloseCode::Unauthorised, why, None);
            }
            RefusedAttach::Full => {
                self.close(now, id, CloseCode::Full, "that zone takes no more players", Some(FULL_RETRY_MS));
            }
        }
    }

    fn resume_failed(&mut self, now: Duration, id: ConnId, ticket: Option<String>) {
        match ticket {
            Some(ticket) => self.verify(now, id, ticket),
            None => self.close(now, id, CloseCode::ResumeImpossible, "that session is over: say hello anew", None),
        }
    }

    /// A zone let a connection of its own request in: `welcome`, `zone`, and she plays.
    pub(crate) fn welcome(&mut self, now: Duration, id: ConnId, zone: ZoneNo, attached: &Attached) {
        let Some(view) = self.zones.get_mut(&zone) else { return };
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let State::Admitting(admission) = &conn.state else { return };
        let n = match admission.proof {
            AttachProof::Login => MsgNo(0),
            AttachProof::Resume { n, .. } => n,
        };
        let session = Session::new(admission, attached, zone, n, now);
        // Without its card no `zone` message can be made; the request's repeat brings it.
        let Some(info) = view.info(&session, attached.reason) else { return };
        self.nonces.remove(&admission.nonce);
        conn.stage(&ServerMsg::Welcome {
            session: session_text(&session.sub, session.id),
            token: token_text(&conn.seeds),
            you: session.you,
            name: session.name.clone(),
            seq: session.acked,
        });
        conn.stage(&ServerMsg::Zone(info));
        view.join(id);
        let session_id = session.id;
        conn.state = State::Playing(Box::new(session));
        let early = std::mem::take(&mut conn.early);
        self.touched.push(id);
        self.departed.remove(&session_id);
        if let Some(older) = self.sessions.insert(session_id, id) {
            self.close_ended(now, older, CloseCode::Replaced, "a newer connection has taken over");
            // Closing the older one must not take the newer one's entry along.
            self.sessions.insert(session_id, id);
        }
        for command in early {
            self.on_message(now, id, command);
        }
    }

    /// Time passes for every search.
    pub(crate) fn tick_admissions(&mut self, now: Duration) {
        let mut due = Vec::new();
        for &id in self.nonces.values() {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            let Some(admission) = conn.admission_mut() else { continue };
            match admission.step {
                _ if admission.deadline.is_some_and(|deadline| now >= deadline) => due.push((id, Due::GiveUp)),
                Step::Waiting { until } if now >= until => {
                    admission.step = Step::Reading;
                    self.effects.push(Effect::ReadRecord { conn: id, sub: admission.sub.clone() });
                }
                Step::Asking { zone, again } if now >= again => due.push((id, Due::Ask(zone))),
                _ => {}
            }
        }
        due.sort_unstable_by_key(|(id, _)| *id);
        for (id, due) in due {
            match due {
                Due::GiveUp => {
                    self.close(now, id, CloseCode::Full, "no zone answered within 10 s", Some(FULL_RETRY_MS))
                }
                Due::Ask(zone) => {
                    // It may have a new owner that this gateway has not heard of.
                    self.look_up(now, zone);
                    self.ask(now, id, zone);
                }
            }
        }
    }
}

enum Due {
    GiveUp,
    Ask(ZoneNo),
}

fn session_id(seeds: &Seeds) -> SessionId {
    SessionId(seeds.session & ((1 << 53) - 1))
}

/// The secret as the client gets it.
fn token_text(seeds: &Seeds) -> String {
    BASE64.encode(seeds.token)
}

/// What goes over the bus instead of it.
fn token_hash(text: &str) -> [u8; 32] {
    Digest::of(text.as_bytes()).0
}

/// A session as clients name it. It holds the `sub`, so that any gateway can find the record, and with it the zone.
fn session_text(sub: &Sub, session: SessionId) -> String {
    format!("{}.{:x}", BASE64.encode(sub.as_str()), session.0)
}

fn parse_session(text: &str) -> Option<(Sub, SessionId)> {
    let (sub, session) = text.split_once('.')?;
    let sub = String::from_utf8(BASE64.decode(sub).ok()?).ok()?;
    let session = u64::from_str_radix(session, 16).ok()?;
    // A guest's sub is longer than her name by its prefix and, at worst, folding.
    (!sub.is_empty() && sub.len() <= 2 * SUB_BYTES).then(|| (Sub::from(sub), SessionId(session)))
}

fn identity_flaw(identity: &Identity) -> Option<&'static str> {
    let sub = identity.sub.as_str();
    if sub.is_empty() || sub.len() > SUB_BYTES {
        return Some("the ticket's sub must have 1 to 128 bytes");
    }
    if sub.starts_with(GUEST) {
        return Some("the ticket's sub is a guest's");
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_session_text_leads_back_to_sub_and_session() {
        for sub in ["ann", "guest:änn", "a.b/c+d"] {
            let text = session_text(&Sub::from(sub), SessionId(0x1f_ffff_ffff_ffff));
            assert_eq!(parse_session(&text).unwrap(), (Sub::from(sub), SessionId(0x1f_ffff_ffff_ffff)));
        }
        for garbage in ["", ".", "YW5u", "YW5u.", "YW5u.xyz", "!.1", ".1", "YW5u.1.2"] {
            assert_eq!(parse_session(garbage), None, "{garbage}");
        }
    }
}
