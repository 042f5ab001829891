//! What the zone wants of the store and has no answer to yet.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use wod_protocol::bus::AttachRequest;
use wod_protocol::ids::{EntityId, Seq, Sub, Tick, ZoneNo};

use crate::io::StoreRequest;

/// Most whispers that may wait for the store at a time; the next is not delivered.
pub(super) const WAITING_WHISPERS: usize = 4096;

/// How long a stored logout is kept, and most that are: a store that fails over loses its last second or so.
const KEPT_SECONDS: u64 = 10;
const KEPT: usize = 256;

/// Open requests by number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Requests {
    last: u64,
    open: BTreeMap<u64, Request>,
    /// Logouts that were stored lately, should the store forget them.
    stored: VecDeque<(Tick, StoreRequest)>,
}

/// An open request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) what: StoreRequest,
    pub(super) purpose: Purpose,
    /// None: not yet.
    sent: Option<Tick>,
}

/// What the answer is for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// To let somebody in.
    Login(Box<AttachRequest>),
    /// To let go of somebody.
    Logout(Sub),
    /// To tell the zone she came from that she is safe here: this item of its stream may be acknowledged.
    Arrival { from: ZoneNo, number: u64, id: EntityId },
    /// To make sure that her record has her here.
    Presence(EntityId),
    /// To find a whisper's addressee.
    Whisper { speaker: EntityId, name: String, seq: Seq, text: String },
}

impl Requests {
    /// Asks from this tick on, every second until the answer comes.
    pub(super) fn open(&mut self, what: StoreRequest, purpose: Purpose) {
        self.last += 1;
        self.open.insert(self.last, Request { what, purpose, sent: None });
    }

    /// The request that an answer belongs to; none when it was answered before.
    pub(super) fn close(&mut self, number: u64) -> Option<Request> {
        self.open.remove(&number)
    }

    /// She is not here any more, or not for long.
    pub(super) fn forget_presence(&mut self, id: EntityId) {
        self.open.retain(|_, request| !matches!(request.purpose, Purpose::Presence(other) if other == id));
    }

    /// A logout was stored.
    pub(super) fn keep(&mut self, what: StoreRequest, now: Tick, second: u64) {
        while self.stored.front().is_some_and(|(at, _)| at.0 + KEPT_SECONDS * second < now.0) {
            self.stored.pop_front();
        }
        if self.stored.len() == KEPT {
            self.stored.pop_front();
        }
        self.stored.push_back((now, what));
    }

    /// Logouts that the store may have forgotten, to be stored again.
    pub(super) fn take_kept(&mut self) -> VecDeque<(Tick, StoreRequest)> {
        std::mem::take(&mut self.stored)
    }

    /// The pending login of a player.
    pub(super) fn login_mut(&mut self, sub: &Sub) -> Option<&mut Box<AttachRequest>> {
        self.open.values_mut().find_map(|request| match &mut request.purpose {
            Purpose::Login(attach) if attach.sub == *sub => Some(attach),
            _ => None,
        })
    }

    /// Forgets the pending login of a player who has come another way: what the store says of it is out of date.
    pub(super) fn take_login(&mut self, sub: &Sub) -> Option<Box<AttachRequest>> {
        let is_hers = |request: &Request| matches!(&request.purpose, Purpose::Login(attach) if attach.sub == *sub);
        let number = self.open.iter().find(|(_, request)| is_hers(request)).map(|(number, _)| *number)?;
        match self.open.remove(&number)?.purpose {
            Purpose::Login(attach) => Some(attach),
            _ => None,
        }
    }

    /// How many logins wait.
    pub(super) fn logins(&self) -> usize {
        self.count(|purpose| matches!(purpose, Purpose::Login(_)))
    }

    /// How many whispers wait.
    pub(super) fn whispers(&self) -> usize {
        self.count(|purpose| matches!(purpose, Purpose::Whisper { .. }))
    }

    fn count(&self, is: impl Fn(&Purpose) -> bool) -> usize {
        self.open.values().filter(|request| is(&request.purpose)).count()
    }

    /// Whether the player is leaving the world and the store does not hold her yet.
    pub(super) fn is_leaving(&self, leaver: &Sub) -> bool {
        self.open.values().any(|request| matches!(&request.purpose, Purpose::Logout(sub) if sub == leaver))
    }

    /// Whether nothing is open.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds what is due: new requests, and those without an answer for `resend` ticks. Returns whether one is new.
    pub(super) fn flush(&mut self, now: Tick, resend: u64, store: &mut Vec<(u64, StoreRequest)>) -> bool {
        let mut binding = false;
        for (number, request) in &mut self.open {
            if request.sent.is_none_or(|sent| now.0 >= sent.0 + resend) {
                binding |= request.sent.is_none();
                request.sent = Some(now);
                store.push((*number, request.what.clone()));
            }
        }
        binding
    }

    /// Everything open.
    pub(super) fn unfinished(&self, store: &mut Vec<(u64, StoreRequest)>) {
        store.extend(self.open.iter().map(|(number, request)| (*number, request.what.clone())));
    }

    /// A new owner: everything is asked again with its first tick.
    pub(super) fn restart(&mut self) {
        for request in self.open.values_mut() {
            request.sent = None;
        }
    }
}
