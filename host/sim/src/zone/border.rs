//! What neighbouring zones show each other: own entities within sight of the other, as ghosts there.
//!
//! A border is open while anybody on either side could see across; then both sides send frames, each tick with news and once a
//! second. Frames may be lost, doubled or late: they are numbered, they say how things are, and who missed one asks for all anew. A
//! closed border costs nothing, and a zone can sleep behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wod_protocol::bus::{Attribute, BorderCard, BorderFrame, Moved};
use wod_protocol::ids::{EntityId, Epoch, Hop, Tick, ZoneNo};
use wod_protocol::units::{Bounds, Fixed, UNITS_PER_METRE};

use super::Zone;
use super::frames::card;
use super::scene::{Entity, Scene};
use super::state::{Neighbour, Player, State};
use super::turn::Turn;
use crate::space::roster::{Reach, Roster};

/// A neighbour silent for so long has nobody here any more. Longer than a failed host's zones take to run elsewhere (lease and
/// recovery), so that nobody flickers meanwhile.
pub(super) const SILENCE_SECONDS: u64 = 5;
/// A border opens for a player this much before she could see across: the first frames take a moment.
const LOOK_AHEAD: Fixed = 10 * UNITS_PER_METRE;
/// Parts of a second between two requests for all anew, and between two answers to them.
const ASKS_PER_SECOND: u64 = 4;

/// What a zone and a neighbour have told each other.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Border {
    /// Players of ours look across.
    wants: bool,
    /// Players of the neighbour look across.
    peer_wants: bool,
    opened: bool,

    // What we show.
    /// Own entities that the neighbour was told of.
    shown: Roster,
    /// They count as watched by somebody.
    watched: bool,
    /// Number of the last frame.
    seq: u64,
    sent: Tick,
    full_due: bool,
    full_sent: Tick,
    /// A frame is due even if there is nothing in it.
    due: bool,

    // What we are shown.
    /// Of the last frame.
    epoch: Epoch,
    /// Number of the last frame.
    taken: u64,
    /// When it came; none: the neighbour is silent.
    heard: Option<Tick>,
    /// Nothing was missed since the last full frame.
    synced: bool,
}

impl Border {
    fn is_open(&self) -> bool {
        self.wants || self.peer_wants
    }

    /// Whether nothing is to be sent or waited for.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_open() && !self.opened && !self.due
    }

    /// A new owner, or everybody looks otherwise: all is shown anew.
    pub(super) fn show_anew(&mut self) {
        self.full_due = self.opened;
    }

    /// A new owner: its epoch's frames are counted from 1.
    pub(super) fn restart(&mut self) {
        self.seq = 0;
        self.show_anew();
    }

    /// Takes over a frame's head. False: it is old, or was there before.
    fn accept(&mut self, frame: &BorderFrame, now: Tick) -> bool {
        if frame.epoch < self.epoch || (frame.epoch == self.epoch && frame.seq <= self.taken) {
            return false;
        }
        let follows = frame.epoch == self.epoch && frame.seq == self.taken + 1;
        (self.epoch, self.taken, self.heard) = (frame.epoch, frame.seq, Some(now));
        self.peer_wants = frame.wants;
        let synced = frame.full || (self.synced && follows);
        // Ask at once.
        self.due |= self.synced && !synced;
        self.synced = synced;
        true
    }
}

impl Zone {
    /// A neighbour shows itself.
    pub(super) fn neighbour_shows(&mut self, frame: &BorderFrame) {
        let (from, now, second) = (frame.from, self.state.tick, self.rules.second());
        if frame.to != self.rules.number || !self.rules.is_neighbour(from) {
            return;
        }
        let border = self.state.borders.entry(from).or_default();
        if !border.accept(frame, now) {
            return;
        }
        if frame.missed && now.0 >= border.full_sent.0 + second / ASKS_PER_SECOND {
            border.full_due = true;
        }
        if !border.is_open() {
            // If it shows anything, it has not heard that nobody looks any more.
            border.due |= frame.full || !frame.moved.is_empty();
            border.synced = false;
            return self.drop_ghosts(from, |_| false);
        }
        if frame.full {
            let all: BTreeSet<EntityId> = frame.enter.iter().map(|shown| shown.card.id).collect();
            self.drop_ghosts(from, |id| all.contains(&id));
        }
        frame.enter.iter().for_each(|shown| self.ghost_enters(from, shown));
        frame.moved.iter().for_each(|moved| self.ghost_moves(from, moved));
        frame.changed.iter().for_each(|(id, what)| self.ghost_changes(from, *id, what));
        frame.leave.iter().for_each(|(id, to)| self.ghost_leaves(from, *id, *to));
    }

    /// Ghosts of neighbours that are silent too long are gone, and those that did not come where they were expected.
    pub(super) fn expire_ghosts(&mut self) {
        let (now, patience) = (self.state.tick, SILENCE_SECONDS * self.rules.second());
        let mut silent = Vec::new();
        for (zone, border) in &mut self.state.borders {
            if border.heard.is_some_and(|heard| heard.0 + patience < now.0) {
                (border.heard, border.peer_wants, border.synced) = (None, false, false);
                silent.push(*zone);
            }
        }
        for zone in silent {
            self.drop_ghosts(zone, |_| false);
        }
        self.drop_overdue_ghosts();
    }

    /// Shows every neighbour what it can see.
    pub(super) fn look_across(&mut self) {
        let rules = Arc::clone(&self.rules);
        for neighbour in &rules.neighbours {
            self.open_or_close(neighbour);
            let State { tick, epoch, scene, players, borders, .. } = &mut self.state;
            let Some(border) = borders.get_mut(&neighbour.zone) else { continue };
            border.look(rules.sight, neighbour.bounds, scene, &mut self.turn);
            let full = std::mem::take(&mut border.full_due);
            let shown = border.show(full, scene, players, &self.turn);
            let pace = if border.synced { 1 } else { ASKS_PER_SECOND };
            let heartbeat = border.opened && tick.0 >= border.sent.0 + rules.second() / pace;
            if full || heartbeat || border.due || !shown.is_empty() {
                (border.seq, border.sent, border.due) = (border.seq + 1, *tick, false);
                if full {
                    border.full_sent = *tick;
                }
                self.turn.out.borders.push(BorderFrame {
                    from: rules.number,
                    to: neighbour.zone,
                    epoch: *epoch,
                    seq: border.seq,
                    wants: border.wants,
                    missed: border.opened && !border.synced,
                    full,
                    enter: shown.enter,
                    moved: shown.moved,
                    changed: shown.changed,
                    leave: shown.leave,
                });
            }
        }
    }

    /// A border is open while anybody looks across it.
    fn open_or_close(&mut self, neighbour: &Neighbour) {
        let State { scene, players, borders, .. } = &mut self.state;
        let sight = self.rules.sight;
        let wanted = borders.get(&neighbour.zone).is_some_and(|border| border.wants);
        let reach = LOOK_AHEAD + if wanted { sight.leave } else { sight.enter };
        let is_player = |id| players.contains_key(&id);
        let wants = !players.is_empty() && scene.ground.grid.any_around(neighbour.bounds, reach, is_player);
        if !wants && !borders.contains_key(&neighbour.zone) {
            return;
        }
        let border = borders.entry(neighbour.zone).or_default();
        border.due |= border.wants != wants;
        border.wants = wants;
        let open = border.is_open();
        if open == border.opened {
            return;
        }
        (border.opened, border.full_due, border.synced) = (open, open, false);
        if !open {
            border.watch_shown(false, scene, &mut self.turn);
            border.shown.clear();
            self.drop_ghosts(neighbour.zone, |_| false);
        }
    }
}

/// What a frame shows.
#[derive(Default)]
struct Shown {
    enter: Vec<BorderCard>,
    moved: Vec<Moved>,
    changed: Vec<(EntityId, Attribute)>,
    leave: Vec<(EntityId, Option<ZoneNo>)>,
}

impl Shown {
    fn is_empty(&self) -> bool {
        self.enter.is_empty() && self.moved.is_empty() && self.changed.is_empty() && self.leave.is_empty()
    }
}

impl Border {
    /// Brings up to date whom the neighbour sees. While it has players who look, those count as watched.
    fn look(&mut self, sight: Reach, bounds: Bounds, scene: &mut Scene, turn: &mut Turn) {
        if !self.opened {
            turn.changes.clear();
            return;
        }
        if self.watched && !self.peer_wants {
            self.watch_shown(false, scene, turn);
        }
        let entities = &scene.entities;
        let is_own = |id| entities.contains_key(&id);
        self.shown.update_around(sight, &scene.ground.grid, bounds, is_own, &mut turn.changes);
        if self.watched {
            for (ids, comes) in [(&turn.changes.enter, true), (&turn.changes.leave, false)] {
                turn.watched.extend(ids.iter().filter(|id| scene.watch(**id, comes)));
            }
        } else if self.peer_wants {
            self.watch_shown(true, scene, turn);
        }
    }

    fn watch_shown(&mut self, watched: bool, scene: &mut Scene, turn: &mut Turn) {
        if self.watched != watched {
            self.watched = watched;
            turn.watched.extend(self.shown.members().iter().filter(|id| scene.watch(**id, watched)));
        }
    }

    /// What this tick shows: after [`Border::look`], whose changes are in the turn.
    fn show(&self, full: bool, scene: &Scene, players: &BTreeMap<EntityId, Player>, turn: &Turn) -> Shown {
        let mut shown = Shown::default();
        let anew = if full { self.shown.members() } else { &turn.changes.enter };
        let card = |id: &EntityId| {
            let entity = scene.entities.get(id)?;
            let hop = players.get(id).map_or(Hop(0), |player| player.hop);
            Some(BorderCard { card: card(*id, entity, false), speed: entity.speed, hop })
        };
        shown.enter.extend(anew.iter().filter_map(card));
        if full || self.shown.members().is_empty() && turn.changes.leave.is_empty() {
            return shown;
        }
        let known = |id: &EntityId| self.shown.contains(*id) && anew.binary_search(id).is_err();
        for (id, flags) in turn.moved.iter().filter(|(id, _)| known(id)) {
            let Some(Entity { at, heading, .. }) = scene.entities.get(id) else { continue };
            shown.moved.push(Moved { id: *id, at: *at, heading: *heading, flags: *flags });
        }
        for (id, look) in turn.looks.iter().filter(|(id, _)| known(id)) {
            let what = scene.entities.get(id).and_then(|entity| entity.attribute(*look));
            shown.changed.extend(what.map(|what| (*id, what)));
        }
        shown.leave.extend(turn.changes.leave.iter().map(|id| (*id, scene.home(*id))));
        shown
    }
}
