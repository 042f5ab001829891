//! Streams between zones: what must happen elsewhere exactly once waits here until the other zone has dealt with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use wod_protocol::bus::{Traveller, ZoneItem, ZoneStream};
use wod_protocol::ids::{EntityId, Epoch, Sub, Tick, ZoneNo};

/// Most items waiting for one zone before whispers and modules' messages for it are refused. Players are never refused.
pub(super) const WAITING_ITEMS: usize = 1024;
/// Most items in one [`ZoneStream`]; the rest follows when these are acknowledged.
const ITEMS_PER_PART: usize = 64;
/// Bits of an item's number that count within an ownership; its epoch, of fewer than 44 bits, stands above them.
const COUNT_BITS: u32 = 20;
const EPOCHS: u64 = 1 << 44;
/// Most players remembered who were told of something before it came back from where it missed them.
const TOLD_AHEAD: usize = 4096;

/// The streams to and from every other zone.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Outbox {
    peers: BTreeMap<ZoneNo, Peer>,
    /// Items of this ownership have higher numbers.
    base: u64,
    /// Modules' messages that other zones have dealt with, ever.
    sent_messages: u64,
    /// Of our items for that zone, those after the first number up to the second somebody was told of here: she came from there before
    /// they had arrived. The next time she comes, what came back of these has come before her.
    #[serde(default)]
    told: BTreeMap<(ZoneNo, EntityId), (u64, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Peer {
    /// The last number given.
    last: u64,
    /// The peer has dealt with our items up to this.
    settled: u64,
    /// Not yet acknowledged, by number.
    waiting: VecDeque<(u64, ZoneItem)>,
    /// How many of `waiting` were sent at least once.
    sent: usize,
    /// When the peer last acknowledged something, or was sent the first of `waiting`.
    touched: Tick,
    /// The peer's items up to this were taken.
    taken: u64,
    /// Taken, but not to be acknowledged yet: they wait for the store.
    held: BTreeSet<u64>,
    /// The peer should be told how far we are.
    ack_due: bool,
}

impl Peer {
    fn new() -> Self {
        Self {
            last: 0,
            settled: 0,
            waiting: VecDeque::new(),
            sent: 0,
            touched: Tick(0),
            taken: 0,
            held: BTreeSet::new(),
            ack_due: false,
        }
    }

    fn acked(&self) -> u64 {
        self.held.first().map_or(self.taken, |held| held - 1)
    }

    fn push(&mut self, base: u64, item: ZoneItem) {
        self.last = self.last.max(self.settled).max(base) + 1;
        self.waiting.push_back((self.last, item));
    }

    /// The items from `begin` on, up to `end`.
    fn part(&self, us: ZoneNo, to: ZoneNo, begin: usize, end: usize) -> ZoneStream {
        let before = begin.checked_sub(1).and_then(|index| self.waiting.get(index));
        ZoneStream {
            from: us,
            to,
            after: before.map_or(self.settled, |(number, _)| *number),
            items: self.waiting.range(begin..end).cloned().collect(),
            acked: self.acked(),
            settled: self.settled,
        }
    }
}

impl Outbox {
    /// Whether whispers and messages for this zone are taken.
    pub(super) fn has_room(&self, to: ZoneNo) -> bool {
        self.peers.get(&to).is_none_or(|peer| peer.waiting.len() < WAITING_ITEMS)
    }

    /// Must happen in that zone.
    pub(super) fn push(&mut self, to: ZoneNo, item: ZoneItem) {
        self.sent_messages += u64::from(matches!(item, ZoneItem::Message { .. }));
        self.peers.entry(to).or_insert_with(Peer::new).push(self.base, item);
    }

    /// The player of that `sub` on her way, and where to.
    pub(super) fn traveller(&self, sub: &Sub) -> Option<(&Traveller, ZoneNo)> {
        self.travellers().find(|(traveller, _)| traveller.sub == *sub)
    }

    /// Where the player of that avatar is on her way to.
    pub(super) fn destination(&self, id: EntityId) -> Option<ZoneNo> {
        self.travellers().find(|(traveller, _)| traveller.id == id).map(|(_, to)| to)
    }

    fn travellers(&self) -> impl Iterator<Item = (&Traveller, ZoneNo)> {
        self.peers.iter().flat_map(|(to, peer)| {
            peer.waiting.iter().filter_map(|(_, item)| match item {
                ZoneItem::Player(traveller) | ZoneItem::PlayerRefused { traveller, .. } => Some((&**traveller, *to)),
                _ => None,
            })
        })
    }

    /// What is new in a part from another zone: the numbers and items that were not taken yet. A part that leaves a gap
    /// has nothing new; its sender repeats from what is acknowledged.
    pub(super) fn receive(&mut self, part: &ZoneStream) -> Vec<(u64, ZoneItem)> {
        let peer = self.peers.entry(part.from).or_insert_with(Peer::new);
        // What we have acknowledged and do not know is lost with the end of our history.
        peer.taken = peer.taken.max(part.settled);
        peer.ack_due |= !part.items.is_empty();
        if part.after > peer.taken {
            return Vec::new();
        }
        let known = peer.taken;
        let new: Vec<_> = part.items.iter().filter(|(number, _)| *number > known).cloned().collect();
        peer.taken = new.last().map_or(known, |(number, _)| *number);
        new
    }

    /// The items that another zone has dealt with, as a part from it says for the first time. Only when the part's own items were taken:
    /// who comes with them may have missed what was dealt with after she had left. So it waits where some before it are missing.
    pub(super) fn settle(&mut self, part: &ZoneStream, now: Tick) -> Vec<ZoneItem> {
        let peer = self.peers.entry(part.from).or_insert_with(Peer::new);
        let mut settled = Vec::new();
        if part.after > peer.taken {
            return settled;
        }
        while let Some((_, item)) = peer.waiting.pop_front_if(|(number, _)| *number <= part.acked) {
            peer.sent = peer.sent.saturating_sub(1);
            peer.touched = now;
            settled.push(item);
        }
        peer.settled = peer.settled.max(part.acked);
        settled
    }

    /// That zone's items up to this were taken.
    pub(super) fn taken(&self, from: ZoneNo) -> u64 {
        self.peers.get(&from).map_or(0, |peer| peer.taken)
    }

    /// What she was to be told in the zone she comes from and was not: the items after `heard`, for her alone. They will come back
    /// from there, and are known then.
    pub(super) fn missed_by(&mut self, id: EntityId, from: ZoneNo, heard: u64) -> Vec<ZoneItem> {
        let Some(peer) = self.peers.get(&from) else { return Vec::new() };
        let (mut missed, mut last) = (Vec::new(), heard);
        for (number, item) in peer.waiting.iter().filter(|(number, _)| *number > heard) {
            // What is on its way back there, she was told there: she has been there since.
            let ZoneItem::Told { origin, to, body, latest, hops, back: None } = item else { continue };
            if to.contains(&id) {
                last = *number;
                let (origin, body, latest, hops) = (*origin, body.clone(), *latest, *hops);
                missed.push(ZoneItem::Told { origin, to: vec![id], body, latest, hops, back: None });
            }
        }
        self.told.remove(&(from, id));
        if !missed.is_empty() {
            self.told.insert((from, id), (heard, last));
            while self.told.len() > TOLD_AHEAD {
                self.told.pop_first();
            }
        }
        missed
    }

    /// Whether she was told of this item here, when she last came from that zone.
    pub(super) fn was_told(&self, id: EntityId, from: ZoneNo, number: u64) -> bool {
        self.told.get(&(from, id)).is_some_and(|(heard, last)| *heard < number && number <= *last)
    }

    /// The peer is not told that this item was dealt with before [`Outbox::release`].
    pub(super) fn hold(&mut self, from: ZoneNo, number: u64) {
        self.peers.entry(from).or_insert_with(Peer::new).held.insert(number);
    }

    /// The item was dealt with durably.
    pub(super) fn release(&mut self, from: ZoneNo, number: u64) {
        let peer = self.peers.entry(from).or_insert_with(Peer::new);
        if peer.held.remove(&number) {
            peer.ack_due = true;
        }
    }

    /// How many messages modules have sent to other zones, ever.
    pub(super) fn sent_messages(&self) -> u64 {
        self.sent_messages
    }

    /// Whether nothing waits for another zone.
    pub(super) fn is_idle(&self) -> bool {
        self.peers.values().all(|peer| peer.waiting.is_empty() && peer.held.is_empty() && !peer.ack_due)
    }

    /// Adds what has to be sent in this tick: what is new, what is due for an acknowledgement, and again what was not
    /// acknowledged within `resend` ticks. Returns whether any item is sent for the first time or an acknowledgement goes.
    pub(super) fn flush(&mut self, us: ZoneNo, now: Tick, resend: u64, streams: &mut Vec<ZoneStream>) -> bool {
        let mut binding = false;
        for (to, peer) in &mut self.peers {
            let window = peer.waiting.len().min(ITEMS_PER_PART);
            let overdue = peer.sent > 0 && now.0 >= peer.touched.0 + resend;
            if overdue {
                peer.sent = 0;
            }
            let fresh = peer.sent < window;
            if !fresh && !peer.ack_due {
                continue;
            }
            binding |= peer.ack_due || (fresh && !overdue);
            streams.push(peer.part(us, *to, peer.sent.min(window), window));
            if fresh {
                if peer.sent == 0 {
                    peer.touched = now;
                }
                peer.sent = window;
            }
            peer.ack_due = false;
        }
        binding
    }

    /// Everything that waits, to be sent again.
    pub(super) fn unfinished(&self, us: ZoneNo, streams: &mut Vec<ZoneStream>) {
        for (to, peer) in &self.peers {
            if !peer.waiting.is_empty() || peer.taken > 0 {
                streams.push(peer.part(us, *to, 0, peer.waiting.len().min(ITEMS_PER_PART)));
            }
        }
    }

    /// A new owner: everything is sent again with its first tick.
    pub(super) fn restart(&mut self, epoch: Epoch) {
        self.base = epoch.0.min(EPOCHS - 1) << COUNT_BITS;
        for peer in self.peers.values_mut() {
            peer.sent = 0;
            peer.ack_due = peer.taken > 0;
        }
    }
}
