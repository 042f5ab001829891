//! A zone as seen from this gateway: who owns it, which of its entities its players see, who those players are.

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexSet;
use wod_protocol::bus::{EntityCard, GatewayInput, ZoneCard};
use wod_protocol::client::{Encoding, PauseReason, ZoneInfo, ZoneReason};
use wod_protocol::ids::{EntityId, Epoch, Generation, HostId, Tick};
use wod_protocol::units::{Heading, Pos, to_metres};
use wod_protocol::world;

use crate::io::ConnId;
use crate::session::{Seen, Session};

/// One zone. Kept for the process's life once met: its frame numbers go on while no player of ours is in it.
pub(crate) struct ZoneView {
    pub(crate) facts: Facts,
    pub(crate) epoch: Epoch,
    pub(crate) generation: Generation,
    /// Number of the last frame of this epoch.
    pub(crate) seq: u64,
    pub(crate) tick: Tick,
    pub(crate) game_ms: u64,
    /// Per mille.
    pub(crate) dilation: u16,
    pub(crate) owner: Option<HostId>,
    pub(crate) card: Option<Box<ZoneCard>>,
    /// When its last frame came, or, before the first, when it was met.
    pub(crate) heard: Duration,
    /// Since when frames have come without a break.
    pub(crate) steady: Duration,
    pub(crate) pause: Option<Pause>,
    /// When a new owner last went on from before what players here had seen, and how many ticks before.
    pub(crate) set_back: Option<(Duration, u64)>,
    /// The last request for a resync.
    pub(crate) resynced: Option<Duration>,
    /// Another is due as soon as the interval allows.
    pub(crate) resync_due: bool,
    /// The last look for its owner.
    pub(crate) looked_up: Option<Duration>,
    /// Connections in it.
    pub(crate) members: IndexSet<ConnId>,
    pub(crate) entities: Entities,
    /// For its next envelope.
    pub(crate) inputs: Vec<GatewayInput>,
}

/// What the world file says of it, as `zone` messages want it.
#[derive(Clone)]
pub(crate) struct Facts {
    name: String,
    region: String,
    bounds: [f64; 4],
    tick_hz: u32,
}

/// It stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) reason: PauseReason,
    pub(crate) since: Duration,
    /// By its host's word; otherwise by this gateway's own judgement, which the next frame disproves.
    pub(crate) told: bool,
}

impl ZoneView {
    pub(crate) fn new(zone: &world::Zone, now: Duration) -> Self {
        let bounds = zone.bounds();
        Self {
            facts: Facts {
                name: zone.name.as_str().to_owned(),
                region: zone.region().to_owned(),
                bounds: [bounds.min.x, bounds.min.y, bounds.max.x, bounds.max.y].map(to_metres),
                tick_hz: zone.tick_hz,
            },
            epoch: Epoch(0),
            generation: Generation(0),
            seq: 0,
            tick: Tick(0),
            game_ms: 0,
            dilation: 1000,
            owner: None,
            card: None,
            heard: now,
            steady: now,
            pause: None,
            set_back: None,
            resynced: None,
            resync_due: false,
            looked_up: None,
            members: IndexSet::new(),
            entities: Entities::default(),
            inputs: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.facts.name
    }

    pub(crate) fn region(&self) -> &str {
        &self.facts.region
    }

    /// The `zone` message for a player in it; none before its first card has come.
    pub(crate) fn info(&self, session: &Session, reason: ZoneReason) -> Option<ZoneInfo> {
        let card = self.card.as_ref()?;
        let (x, y) = session.at.metres();
        Some(ZoneInfo {
            zone: self.facts.name.clone(),
            region: self.facts.region.clone(),
            bounds: self.facts.bounds,
            x,
            y,
            h: session.heading.radians(),
            c: session.c,
            speed: to_metres(session.speed),
            tick_hz: self.facts.tick_hz,
            tick: self.tick,
            game_ms: self.game_ms,
            map: card.map.to_string(),
            barriers: card.barriers.clone(),
            module: card.module.clone(),
            version: card.version.clone(),
            generation: self.generation,
            reason,
        })
    }

    /// Takes a player in, with an empty roster.
    pub(crate) fn join(&mut self, conn: ConnId) {
        self.members.insert(conn);
    }

    /// Lets a player out and forgets what only she saw.
    pub(crate) fn leave(&mut self, conn: ConnId, session: &mut Session) {
        self.members.swap_remove(&conn);
        self.forget_roster(session);
    }

    pub(crate) fn forget_roster(&mut self, session: &mut Session) {
        for seen in session.roster.drain(..) {
            self.entities.unwatch(seen.slot);
        }
    }

    /// Her roster has this entity from now on.
    pub(crate) fn watch(&mut self, session: &mut Session, card: &EntityCard) {
        match self.entities.slot(card.id) {
            Some(slot) if session.sees(slot) => self.entities.refresh(slot, card),
            Some(slot) => {
                self.entities.refresh(slot, card);
                self.entities.slots[slot as usize].watchers += 1;
                session.roster.push(Seen { slot, owed: None });
            }
            None => session.roster.push(Seen { slot: self.entities.insert(card), owed: None }),
        }
    }

    /// Her roster is without this entity from now on. False if it was already.
    pub(crate) fn unwatch(&mut self, session: &mut Session, id: EntityId) -> bool {
        let Some(slot) = self.entities.slot(id) else { return false };
        let Some(index) = session.roster.iter().position(|seen| seen.slot == slot) else { return false };
        session.roster.swap_remove(index);
        self.entities.unwatch(slot);
        true
    }
}

/// The entities in any player's roster, in slots that rosters refer to.
#[derive(Default)]
pub(crate) struct Entities {
    pub(crate) slots: Vec<Entity>,
    free: Vec<u32>,
    index: HashMap<EntityId, u32>,
}

/// An entity in at least one roster.
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) at: Pos,
    pub(crate) heading: Heading,
    /// Rosters it is in.
    watchers: u32,
    /// The frame (by this gateway's count) in which it last moved.
    pub(crate) moved: u64,
    /// Flags of that movement.
    pub(crate) flags: u8,
    /// Where that frame's buffers hold its position, by encoding.
    pub(crate) spans: [(u32, u32); 2],
}

/// Place of an encoding in a pair of buffers.
pub(crate) fn lane(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Json => 0,
        Encoding::MessagePack => 1,
    }
}

impl Entities {
    pub(crate) fn slot(&self, id: EntityId) -> Option<u32> {
        self.index.get(&id).copied()
    }

    pub(crate) fn get_mut(&mut self, id: EntityId) -> Option<&mut Entity> {
        let slot = *self.index.get(&id)?;
        Some(&mut self.slots[slot as usize])
    }

    fn refresh(&mut self, slot: u32, card: &EntityCard) {
        let entity = &mut self.slots[slot as usize];
        (entity.at, entity.heading) = (card.at, card.heading);
    }

    fn insert(&mut self, card: &EntityCard) -> u32 {
        let entity = Entity {
            id: card.id,
            at: card.at,
            heading: card.heading,
            watchers: 1,
            moved: 0,
            flags: 0,
            spans: [(0, 0); 2],
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = entity;
                slot
            }
            None => {
                self.slots.push(entity);
                u32::try_from(self.slots.len() - 1).expect("a zone has fewer than 2^32 entities")
            }
        };
        self.index.insert(card.id, slot);
        slot
    }

    fn unwatch(&mut self, slot: u32) {
        let entity = &mut self.slots[slot as usize];
        entity.watchers -= 1;
        if entity.watchers == 0 {
            self.index.remove(&entity.id);
            self.free.push(slot);
        }
    }
}
