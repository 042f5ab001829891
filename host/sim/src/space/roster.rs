//! Who sees whom: area-of-interest rosters and sensors, with hysteresis.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_protocol::ids::EntityId;
use wod_protocol::units::{Bounds, Fixed, Pos};

use super::grid::{Grid, Near};

/// When somebody enters and leaves a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// This near enters, 1/256 m.
    pub enter: Fixed,
    /// Beyond this leaves, 1/256 m; at least `enter`.
    pub leave: Fixed,
    /// Most members; the nearest win. Members count as nearer than they are, by `enter / leave`: of two at about the same
    /// distance, who is in stays in.
    pub cap: usize,
}

/// Who an observer is shown. Part of her state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roster {
    /// In order.
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
    ranked: Vec<(i128, EntityId)>,
    next: Vec<EntityId>,
}

impl Changes {
    /// Nothing changed.
    pub fn clear(&mut self) {
        self.enter.clear();
        self.leave.clear();
    }
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
        let place = self.members.binary_search(&id);
        if let Ok(place) = place {
            self.members.remove(place);
        }
        place.is_ok()
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
        grid.collect(at, reach.leave, filter, &mut changes.near);
        self.choose(reach, changes);
    }

    /// The same for everybody who stands in a rectangle together: distances are from its nearest point.
    pub fn update_around(
        &mut self,
        reach: Reach,
        grid: &Grid,
        area: Bounds,
        filter: impl FnMut(EntityId) -> bool,
        changes: &mut Changes,
    ) {
        grid.collect_around(area, reach.leave, filter, &mut changes.near);
        self.choose(reach, changes);
    }

    /// Makes the nearest of `changes.near` the members.
    fn choose(&mut self, reach: Reach, changes: &mut Changes) {
        let Changes { near, ranked, next, .. } = changes;
        let square = |length: Fixed| i64::from(length) * i64::from(length);
        let (enter, leave) = (square(reach.enter), square(reach.leave));
        ranked.clear();
        ranked.extend(near.iter().filter_map(|near| {
            let distance = i128::from(near.distance_squared);
            if self.contains(near.id) {
                Some((distance * i128::from(enter), near.id))
            } else {
                (near.distance_squared <= enter).then_some((distance * i128::from(leave), near.id))
            }
        }));
        if ranked.len() > reach.cap {
            if reach.cap > 0 {
                ranked.select_nth_unstable(reach.cap - 1);
            }
            ranked.truncate(reach.cap);
        }
        next.clear();
        next.extend(ranked.iter().map(|(_, id)| *id));
        next.sort_unstable();
        self.replace(changes);
    }

    /// Makes `changes.next` the members and tells the difference.
    fn replace(&mut self, changes: &mut Changes) {
        let Changes { enter, leave, next, .. } = changes;
        let absent = |from: &[EntityId], id: &EntityId| from.binary_search(id).is_err();
        enter.clear();
        enter.extend(next.iter().filter(|id| absent(&self.members, id)));
        leave.clear();
        leave.extend(self.members.iter().filter(|id| absent(next, id)));
        std::mem::swap(&mut self.members, next);
    }
}

/// The sensors of a zone: who has one, how far it reaches, and whom it feels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensors {
    sensors: BTreeMap<EntityId, Sensor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sensor {
    radius: Fixed,
    felt: Roster,
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

/// Least distance beyond a sensor's radius at which somebody leaves it, 0.25 m; otherwise a tenth of the radius.
const SENSOR_MARGIN: Fixed = 64;

impl Sensors {
    /// Gives an entity a sensor of this radius, or changes it; 0 takes it away. Whom it felt is kept.
    pub fn set(&mut self, id: EntityId, radius: Fixed) {
        if radius <= 0 {
            self.sensors.remove(&id);
        } else {
            self.sensors.entry(id).or_insert(Sensor { radius, felt: Roster::default() }).radius = radius;
        }
    }

    /// Whether nobody has one.
    pub fn is_empty(&self) -> bool {
        self.sensors.is_empty()
    }

    /// The entity is gone: its sensor too, and nobody feels it any more. What that ends for others is appended to `out`.
    pub fn forget(&mut self, id: EntityId, out: &mut Vec<Sensed>) {
        self.sensors.remove(&id);
        for (sensor, Sensor { felt, .. }) in &mut self.sensors {
            if felt.forget(id) {
                out.push(Sensed { sensor: *sensor, subject: id, entered: false });
            }
        }
    }

    /// Feels around every sensor that is in the grid; `subject` says who can be felt (nobody feels herself). Appends to `out`, by
    /// sensor, then leavers before enterers, by id.
    pub fn update(
        &mut self,
        grid: &Grid,
        mut subject: impl FnMut(EntityId) -> bool,
        changes: &mut Changes,
        out: &mut Vec<Sensed>,
    ) {
        for (sensor, Sensor { radius, felt }) in &mut self.sensors {
            let Some(at) = grid.position(*sensor) else { continue };
            let leave = radius.saturating_add((*radius / 10).max(SENSOR_MARGIN));
            let reach = Reach { enter: *radius, leave, cap: usize::MAX };
            felt.update(reach, grid, at, |id| id != *sensor && subject(id), changes);
            let event = |subject: &EntityId, entered| Sensed { sensor: *sensor, subject: *subject, entered };
            out.extend(changes.leave.iter().map(|subject| event(subject, false)));
            out.extend(changes.enter.iter().map(|subject| event(subject, true)));
        }
    }
}
