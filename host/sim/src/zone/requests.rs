//! What the zone wants of the store and has no answer to yet.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use wod_protocol::bus::{AttachRequest, Traveller};
use wod_protocol::ids::{EntityId, Hop, Seq, Sub, Tick, ZoneNo};
use wod_protocol::record::Place;

use crate::io::StoreRequest;

/// Most names that may be looked up in the store at a time; the next whisper is not delivered.
pub(super) const WAITING_LOOKUPS: usize = 4096;

/// How long is kept who has left and where to, and most that are: a store that fails over loses its last second or so.
const KEPT_SECONDS: u64 = 10;
const KEPT: usize = 512;

/// Open requests by number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Requests {
    last: u64,
    open: BTreeMap<u64, Request>,
    /// Who has left lately and where to, should the store, or the zone she has gone to, forget it.
    left: VecDeque<(Tick, Departed)>,
}

/// Somebody who has left, as the store was told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Departed {
    /// Without a session; `hop` counts the hand-off by which she left.
    pub(super) player: Box<Traveller>,
    pub(super) to: Place,
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
    /// To make sure that her record has her where she has gone.
    Departure(Departed),
    /// To find a whisper's addressee.
    Whisper { speaker: EntityId, name: String, seq: Seq, text: String },
    /// To know whom she will not hear any more, or again.
    Ignore { player: EntityId, seq: Seq, name: String, on: bool },
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

    /// She has left, and the store has her where she has gone.
    pub(super) fn keep(&mut self, departed: Departed, now: Tick, second: u64) {
        while self.left.front().is_some_and(|(at, _)| at.0 + KEPT_SECONDS * second < now.0) {
            self.left.pop_front();
        }
        self.left.retain(|(_, known)| known.player.sub != departed.player.sub);
        if self.left.len() == KEPT {
            self.left.pop_front();
        }
        self.left.push_back((now, departed));
    }

    /// The zone that a player has gone to lately.
    pub(super) fn gone_to(&self, id: EntityId) -> Option<ZoneNo> {
        let open = self.open.values().filter_map(|request| match &request.purpose {
            Purpose::Departure(left) => Some(left),
            _ => None,
        });
        let departed = self.left.iter().map(|(_, left)| left).chain(open).find(|left| left.player.id == id)?;
        match departed.to {
            Place::Zone(zone) => Some(zone),
            Place::Offline => None,
        }
    }

    /// The store may have forgotten who has left: it is told again.
    pub(super) fn tell_departures_again(&mut self) {
        for (_, departed) in std::mem::take(&mut self.left) {
            self.tell_departure_again(departed);
        }
    }

    /// A guest who has gone to another zone is not brought back: she may have left the world from there, and then nothing is kept of
    /// her.
    fn tell_departure_again(&mut self, departed: Departed) {
        let what = match departed.to {
            Place::Offline if departed.player.guest => StoreRequest::Offline(departed.player.clone()),
            Place::Zone(_) if departed.player.guest => return,
            to => StoreRequest::Present(departed.player.clone(), to),
        };
        self.open(what, Purpose::Departure(departed));
    }

    /// The store says that a player is to come in by this hand-off. False: she has left by it or a later one, which the store has
    /// forgotten; it is told again.
    pub(super) fn may_enter(&mut self, id: EntityId, hop: Hop) -> bool {
        let is_stale = |left: &Departed| left.player.id == id && left.player.hop >= hop;
        if let Some(index) = self.left.iter().position(|(_, left)| is_stale(left)) {
            if let Some((_, departed)) = self.left.remove(index) {
                self.tell_departure_again(departed);
            }
            return false;
        }
        !self.open.values().any(|request| matches!(&request.purpose, Purpose::Departure(left) if is_stale(left)))
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

    /// How many names are looked up.
    pub(super) fn lookups(&self) -> usize {
        self.count(|purpose| matches!(purpose, Purpose::Whisper { .. } | Purpose::Ignore { .. }))
    }

    /// Whether a name is looked up that this player ignores, or does no more.
    pub(super) fn is_looking_for(&self, id: EntityId) -> bool {
        let hers = |purpose: &Purpose| matches!(purpose, Purpose::Ignore { player, .. } if *player == id);
        self.open.values().any(|request| hers(&request.purpose))
    }

    fn count(&self, is: impl Fn(&Purpose) -> bool) -> usize {
        self.open.values().filter(|request| is(&request.purpose)).count()
    }

    /// Whether the player is leaving the world and the store does not hold her yet, or may have forgotten it.
    pub(super) fn is_leaving(&self, leaver: &Sub) -> bool {
        self.open.values().any(|request| match &request.purpose {
            Purpose::Logout(sub) => sub == leaver,
            Purpose::Departure(left) => left.player.sub == *leaver,
            _ => false,
        })
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
