//! Who sees whom: area-of-interest rosters and sensors, with hysteresis.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_protocol::ids::EntityId;
use wod_protocol::units::{Fixed, Pos};

use super::grid::{Grid, Near};

/// When somebody enters and leaves a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// This near enters, 1/256 m.
    pub enter: Fixed,
    /// Beyond this leaves, 1/256 m; at least `enter`.
    pub leave: Fixed,
    /// Most members; the nearest win.
    pub cap: usize,
}

/// Who an observer is shown. Part of her state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roster {
    members: Vec<EntityId>,
}

/// What an update changed; buffers to be reused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Who came in, by id.
    pub enter: Vec<EntityId>,
    /// Who went out, by id.
    pub leave: Vec<EntityId>,
    near: Vec<Near>,
}

impl Roster {
    /// Members, by id.
    pub fn members(&self) -> &[EntityId] {
        &self.members
    }

    /// Whether it shows this entity.
    pub fn contains(&self, id: EntityId) -> bool {
        self.members.binary_search(&id).is_ok()
    }

    /// Empties it, so that the next update enters everybody again.
    pub fn clear(&mut self) {
        self.members.clear();
    }

    /// Takes an entity out at once (it is gone); false: it was not in.
    pub fn forget(&mut self, id: EntityId) -> bool {
        let _ = id;
        unimplemented!()
    }

    /// Looks around from `at`. Who fails the filter (the observer herself) is not seen. `changes` is overwritten.
    pub fn update(
        &mut self,
        reach: Reach,
        grid: &Grid,
        at: Pos,
        filter: impl FnMut(EntityId) -> bool,
        changes: &mut Changes,
    ) {
        let _ = (reach, grid, at, filter, &mut changes.near);
        unimplemented!()
    }
}

/// The sensors of a zone: who has one, how far it reaches, and whom it feels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensors {
    sensors: BTreeMap<EntityId, (Fixed, Roster)>,
}

/// Somebody came into, or went out of, a sensor's reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensed {
    /// Whose sensor.
    pub sensor: EntityId,
    /// Who.
    pub subject: EntityId,
    /// Came in; false: went out.
    pub entered: bool,
}

impl Sensors {
    /// Gives an entity a sensor of this radius, or changes it; 0 takes it away. Whom it felt is kept.
    pub fn set(&mut self, id: EntityId, radius: Fixed) {
        let _ = (id, radius);
        unimplemented!()
    }

    /// The entity is gone: its sensor too, and nobody feels it any more. What that ends is appended to `out`.
    pub fn forget(&mut self, id: EntityId, out: &mut Vec<Sensed>) {
        let _ = (id, out);
        unimplemented!()
    }

    /// Feels around every sensor that is in the grid; `subject` says who can be felt. Appends to `out`, by sensor, then leavers
    /// before enterers, by id.
    pub fn update(
        &mut self,
        grid: &Grid,
        subject: impl FnMut(EntityId) -> bool,
        changes: &mut Changes,
        out: &mut Vec<Sensed>,
    ) {
        let _ = (grid, subject, changes, out);
        unimplemented!()
    }
}
