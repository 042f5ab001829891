//! Ghosts: entities of neighbouring zones, which can be seen, heard and addressed here, and are commanded there.
//!
//! A ghost is in the grid and in rosters like an own entity, and nowhere else: sensors don't feel it, nobody walks to it (it stands
//! off the zone), it is never shown on. An own entity beats a ghost of the same id. Who crosses a border changes from one into the
//! other in the same tick, so that onlookers see nobody leave or enter.

use serde::{Deserialize, Serialize};
use wod_protocol::bus::{Attribute, BorderCard, Moved, Traveller};
use wod_protocol::client::{Kind, TagValue};
use wod_protocol::ids::{EntityId, Hop, Tick, ZoneNo};
use wod_protocol::units::{Heading, Pos};

use super::Zone;
use super::border::SILENCE_SECONDS;
use super::limits::GHOSTS;
use super::scene::{Entity, Scene};
use super::turn::Look;
use crate::module::{Audience, Tag};

/// A neighbour's entity.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ghost {
    /// The zone that owns it.
    pub(super) home: ZoneNo,
    /// Hand-offs so far: a zone that shows it with fewer is behind the time.
    hop: Hop,
    /// It is on its way into a zone that does not show it yet, and gone at this tick if it does not come. None: its home shows it.
    expected: Option<Tick>,
    pub(super) entity: Entity,
}

impl Scene {
    /// An own entity or a ghost.
    pub(super) fn present(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(&id).or_else(|| self.ghosts.get(&id).map(|ghost| &ghost.entity))
    }

    /// The zone that a ghost belongs to.
    pub(super) fn home(&self, ghost: EntityId) -> Option<ZoneNo> {
        self.ghosts.get(&ghost).map(|ghost| ghost.home)
    }

    /// One watcher more or less. False: nobody of that id is here.
    pub(super) fn watch(&mut self, id: EntityId, comes: bool) -> bool {
        let own = self.entities.get_mut(&id);
        if let Some(entity) = own.or_else(|| self.ghosts.get_mut(&id).map(|ghost| &mut ghost.entity)) {
            entity.watchers = if comes { entity.watchers + 1 } else { entity.watchers.saturating_sub(1) };
            return true;
        }
        if let Some(watchers) = self.vanished.get_mut(&id) {
            *watchers -= 1;
            if *watchers == 0 {
                self.vanished.remove(&id);
            }
        }
        false
    }

    /// True: rosters still have it from before, with older looks.
    fn insert_ghost(&mut self, id: EntityId, mut ghost: Ghost) -> bool {
        self.ground.grid.put(id, ghost.entity.at);
        let vanished = self.vanished.remove(&id);
        ghost.entity.watchers = vanished.unwrap_or(ghost.entity.watchers);
        self.ghosts.insert(id, ghost);
        vanished.is_some()
    }

    fn remove_ghosts(&mut self, is_gone: impl Fn(EntityId, &Ghost) -> bool) {
        let gone = self.ghosts.iter().filter(|(id, ghost)| is_gone(**id, ghost));
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove_ghost(id);
        }
    }

    fn remove_ghost(&mut self, id: EntityId) {
        if let Some(ghost) = self.ghosts.remove(&id) {
            self.ground.grid.remove(id);
            self.note_vanished(id, ghost.entity.watchers);
        }
    }

    fn put_ghost(&mut self, id: EntityId, at: Pos, heading: Heading, now: Tick) -> bool {
        let Self { ghosts, ground, .. } = self;
        ghosts.get_mut(&id).is_some_and(|ghost| ghost.entity.put(id, at, heading, now, &mut ground.grid))
    }
}

impl Zone {
    /// A player has gone over the border: she is seen on there, until the neighbour shows her or does not in time.
    pub(super) fn leave_ghost(&mut self, traveller: &Traveller, entity: Entity, to: ZoneNo) {
        if !self.rules.is_neighbour(to) {
            return;
        }
        let (id, now) = (traveller.id, self.state.tick);
        // As she will look there: the tags that go with her, the verbs that only this zone's module knows left behind.
        let tags = near_tags(&traveller.tags);
        let entity = Entity { at: traveller.at, tags, verbs: Vec::new(), moved: now, observed: false, ..entity };
        let ghost = Ghost { home: to, hop: traveller.hop, expected: Some(self.patience()), entity };
        self.state.scene.insert_ghost(id, ghost);
        self.turn.note_move(id, 0);
        self.turn.renewed.insert(id);
    }

    /// An own entity takes the place of its ghost; with how many watchers.
    pub(super) fn replace_ghost(&mut self, id: EntityId) -> u32 {
        let Some(ghost) = self.state.scene.ghosts.remove(&id) else { return 0 };
        self.turn.renewed.insert(id);
        self.turn.note_move(id, 0);
        ghost.entity.watchers
    }

    /// A neighbour shows an entity.
    pub(super) fn ghost_enters(&mut self, home: ZoneNo, shown: &BorderCard) {
        let BorderCard { card, speed, hop } = shown;
        let (id, now) = (card.id, self.state.tick);
        let scene = &mut self.state.scene;
        let former = scene.ghosts.get(&id);
        let outdated = former.is_some_and(|ghost| ghost.hop > *hop);
        let full = former.is_none() && scene.ghosts.len() >= GHOSTS;
        if scene.entities.contains_key(&id) || outdated || full {
            return;
        }
        let mut entity = Entity {
            kind: card.kind,
            name: card.name.clone(),
            at: card.at,
            heading: card.heading,
            speed: *speed,
            tags: near_tags(&card.tags),
            verbs: card.verbs.clone(),
            moved: Tick(0),
            watchers: 0,
            observed: false,
        };
        if let Some(Ghost { entity: former, .. }) = former {
            entity.watchers = former.watchers;
            entity.moved = if former.at == entity.at { former.moved } else { now };
            if (former.at, former.heading) != (entity.at, entity.heading) {
                self.turn.note_move(id, 0);
            }
            let looks = |entity: &Entity| (entity.kind, entity.name.clone(), entity.tags.clone(), entity.verbs.clone());
            if looks(former) != looks(&entity) {
                self.turn.renewed.insert(id);
            }
        }
        if scene.insert_ghost(id, Ghost { home, hop: *hop, expected: None, entity }) {
            self.turn.renewed.insert(id);
        }
    }

    /// A neighbour's entity has moved.
    pub(super) fn ghost_moves(&mut self, home: ZoneNo, moved: &Moved) {
        let Moved { id, at, heading, flags } = *moved;
        if self.is_shown_by(home, id) && self.state.scene.put_ghost(id, at, heading, self.state.tick) {
            self.turn.note_move(id, flags);
        }
    }

    /// A neighbour's entity looks otherwise.
    pub(super) fn ghost_changes(&mut self, home: ZoneNo, id: EntityId, what: &Attribute) {
        if !self.is_shown_by(home, id) {
            return;
        }
        let Some(Ghost { entity, .. }) = self.state.scene.ghosts.get_mut(&id) else { return };
        let look = match what {
            Attribute::Tags(tags) => {
                entity.tags = near_tags(tags);
                Look::Tags
            }
            Attribute::Verbs(verbs) => {
                entity.verbs.clone_from(verbs);
                Look::Verbs
            }
            Attribute::Name(name) => {
                entity.name.clone_from(name);
                Look::Name
            }
        };
        self.turn.looks.insert((id, look));
    }

    /// A neighbour's entity is out of sight, or has crossed into that zone: then it is expected to be shown from there, or to
    /// arrive here.
    pub(super) fn ghost_leaves(&mut self, home: ZoneNo, id: EntityId, to: Option<ZoneNo>) {
        if !self.is_shown_by(home, id) {
            return;
        }
        let (until, here) = (self.patience(), self.rules.number);
        match to {
            Some(to) if to == here || self.rules.is_neighbour(to) => {
                let Some(ghost) = self.state.scene.ghosts.get_mut(&id) else { return };
                ghost.expected = Some(until);
                if to != here {
                    (ghost.home, ghost.hop) = (to, ghost.hop.next());
                }
            }
            _ => self.state.scene.remove_ghost(id),
        }
    }

    /// Everything a neighbour shows, but those that `stay`, is gone; whoever is still expected there is not.
    pub(super) fn drop_ghosts(&mut self, home: ZoneNo, stay: impl Fn(EntityId) -> bool) {
        self.state.scene.remove_ghosts(|id, ghost| ghost.home == home && ghost.expected.is_none() && !stay(id));
    }

    /// Who was expected and has not come is gone.
    pub(super) fn drop_overdue_ghosts(&mut self) {
        let now = self.state.tick;
        self.state.scene.remove_ghosts(|_, ghost| ghost.expected.is_some_and(|until| until <= now));
    }

    /// Whether what that zone says of this ghost counts: an older word is overtaken by a crossing.
    fn is_shown_by(&self, home: ZoneNo, id: EntityId) -> bool {
        self.state.scene.ghosts.get(&id).is_some_and(|ghost| ghost.home == home && ghost.expected.is_none())
    }

    /// How long somebody who crosses is expected: as long as a silent neighbour's ghosts stay.
    fn patience(&self) -> Tick {
        Tick(self.state.tick.0 + SILENCE_SECONDS * self.rules.second())
    }

    /// Whether it is here and a ghost of a person's avatar.
    pub(super) fn is_ghost_player(&self, id: EntityId) -> bool {
        self.state.scene.ghosts.get(&id).is_some_and(|ghost| ghost.entity.kind == Kind::Player)
    }
}

fn near_tags(tags: &[(String, TagValue)]) -> Vec<Tag> {
    let tag =
        |(name, value): &(String, TagValue)| Tag { name: name.clone(), value: value.clone(), audience: Audience::Near };
    let mut tags: Vec<Tag> = tags.iter().map(tag).collect();
    // Entities look their tags up by name.
    tags.sort_by(|a, b| a.name.cmp(&b.name));
    tags
}
