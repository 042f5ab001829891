//! Doors: barriers of the map that people open and that fall shut by themselves, but on nobody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctx::{Ctx, Spawn};
use crate::error::{Error, Result};
use crate::goods::Carries;
use crate::handle::{EntityId, Object, TimerId};
use crate::objects::{Lock, REACH_METRES, no_verb, show_open};
use crate::parts::Watch;
use crate::types::{Filter, Point, Tag};
use crate::zone::{Interaction, Zone};

/// Somebody stands in the doorway: it waits that much longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A door, to be given to [`Ctx::add_door`]. By itself it is only the map's barrier, opened by the zone ([`Ctx::open_door`]); with
/// [`Door::shown_as`] it is an object that people open and close.
///
/// ```
/// use std::time::Duration;
/// use wod_zone::Point;
/// use wod_zone::objects::Door;
/// let door = Door::new("salon-door", Point::new(33.0, 29.0))
///     .shown_as("Door of the salon")
///     .stays_open(Duration::from_secs(15))
///     .locked_by("salon key");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Ctx::add_door`"]
pub struct Door {
    barrier: String,
    middle: Point,
    width: f32,
    name: Option<String>,
    reach: f32,
    stays_open: Option<Duration>,
    keeper: Option<EntityId>,
    key: Option<String>,
}

/// A door as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DoorState {
    pub(crate) object: Option<Object>,
    pub(crate) lock: Option<Lock>,
    middle: Point,
    width: f32,
    stays_open_ms: Option<u64>,
    keeper: Option<EntityId>,
    open: bool,
    /// When it falls shut.
    closing: Option<TimerId>,
}

impl Door {
    /// The map's barrier of this name, closed; `middle`: of the doorway.
    pub fn new(barrier: &str, middle: Point) -> Self {
        Self {
            barrier: barrier.to_owned(),
            middle,
            width: 2.0,
            name: None,
            reach: REACH_METRES,
            stays_open: None,
            keeper: None,
            key: None,
        }
    }

    /// It stays open while somebody is within so many metres of its middle; 2 unless set.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::objects::Door;
    /// /// A gate for carts: nobody is crushed who stands three metres from its middle.
    /// fn gate(middle: Point) -> Door {
    ///     Door::new("yard-gate", middle).width(3.0)
    /// }
    /// ```
    pub fn width(mut self, metres: f32) -> Self {
        self.width = metres;
        self
    }

    /// People see it by this name, and open and close it.
    pub fn shown_as(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// From at most so many metres; [`REACH_METRES`] unless set.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::objects::Door;
    /// /// Opened by a bell pull beside it.
    /// fn lift(middle: Point) -> Door {
    ///     Door::new("lift", middle).shown_as("Lift").reach(3.5)
    /// }
    /// ```
    pub fn reach(mut self, metres: f32) -> Self {
        self.reach = metres;
        self
    }

    /// Falls shut after so long. Without it the door stays open until somebody closes it.
    pub fn stays_open(mut self, time: Duration) -> Self {
        self.stays_open = Some(time);
        self
    }

    /// This one, who stands at the door, is never in its way.
    ///
    /// ```
    /// use wod_zone::objects::Door;
    /// use wod_zone::{Npc, Point};
    /// /// The doorkeeper leans in the doorway, and it closes all the same.
    /// fn salon(middle: Point, doorkeeper: Npc) -> Door {
    ///     Door::new("salon-door", middle).kept_by(doorkeeper)
    /// }
    /// ```
    pub fn kept_by(mut self, keeper: impl Into<EntityId>) -> Self {
        self.keeper = Some(keeper.into());
        self
    }

    /// Only who carries a thing of this kind can open it, until it is unlocked ([`Ctx::set_locked`]).
    pub fn locked_by(mut self, kind: &str) -> Self {
        self.key = Some(kind.to_owned());
        self
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Adds a door, closed. One for each barrier; adding it again replaces it.
    ///
    /// ```
    /// # use wod_zone::objects::Door;
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn open<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     let doorway = ctx.place("doorway")?.at;
    ///     ctx.add_door(Door::new("salon-door", doorway).shown_as("Door of the salon"))?;
    ///     Ok(())
    /// }
    /// ```
    pub fn add_door(&mut self, door: Door) -> Result<Option<Object>> {
        self.close_barrier(&door.barrier)?;
        let lock = door.key.as_deref().map(Lock::new);
        let object = match &door.name {
            Some(name) => {
                let mut spawn = Spawn::new(name, door.middle).tag(Tag::near("open", false));
                if lock.is_some() {
                    spawn = spawn.tag(Tag::near("locked", true));
                }
                let spawn = spawn.verb("open", "Open", door.reach).verb("close", "Close", door.reach);
                Some(self.spawn_object(spawn)?)
            }
            None => None,
        };
        let state = DoorState {
            object,
            lock,
            middle: door.middle,
            width: door.width,
            stays_open_ms: door.stays_open.map(|time| time.as_millis() as u64),
            keeper: door.keeper,
            open: false,
            closing: None,
        };
        let former = self.memory.core.parts.objects.doors.insert(door.barrier, state);
        if let Some(former) = former {
            if let Some(closing) = former.closing {
                self.cancel(closing);
            }
            if let Some(object) = former.object {
                self.despawn(object)?;
            }
        }
        Ok(object)
    }

    /// Opens a door, locked or not; one that is open stays open for its time anew.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn password_said<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     ctx.open_door("salon-door")
    /// }
    /// ```
    pub fn open_door(&mut self, barrier: &str) -> Result {
        let (object, stays_open_ms, closing) = {
            let door = self.door_mut(barrier)?;
            door.open = true;
            (door.object, door.stays_open_ms, door.closing.take())
        };
        if let Some(closing) = closing {
            self.cancel(closing);
        }
        self.open_barrier(barrier)?;
        if let Some(object) = object {
            show_open(self, object, true);
        }
        match stays_open_ms {
            Some(ms) => self.close_door_after(barrier, Duration::from_millis(ms)),
            None => Ok(()),
        }
    }

    /// Closes a door, unless somebody stands in the doorway.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn alarm<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
    ///     if ctx.is_door_open("vault") { ctx.close_door("vault") } else { Ok(()) }
    /// }
    /// ```
    ///
    /// # Errors
    /// For a player to read: somebody stands there.
    pub fn close_door(&mut self, barrier: &str) -> Result {
        if self.is_doorway_taken(barrier)? {
            return Err(Error::to_player("Somebody stands in the doorway."));
        }
        let (object, closing) = {
            let door = self.door_mut(barrier)?;
            door.open = false;
            (door.object, door.closing.take())
        };
        if let Some(closing) = closing {
            self.cancel(closing);
        }
        self.close_barrier(barrier)?;
        if let Some(object) = object {
            show_open(self, object, false);
        }
        Ok(())
    }

    /// Whether a door stands open.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Result, Zone};
    /// fn doorkeeper_nods<Z: Zone>(ctx: &mut Ctx<Z>, doorkeeper: Npc) -> Result {
    ///     let line = if ctx.is_door_open("salon-door") { "Go in." } else { "Not yet." };
    ///     ctx.say(doorkeeper, line)
    /// }
    /// ```
    pub fn is_door_open(&self, barrier: &str) -> bool {
        self.memory.core.parts.objects.doors.get(barrier).is_some_and(|door| door.open)
    }

    fn is_doorway_taken(&self, barrier: &str) -> Result<bool> {
        let doors = &self.memory.core.parts.objects.doors;
        let door = doors.get(barrier).ok_or_else(|| no_door(barrier))?;
        let is_taken = |mut filter: Filter| {
            filter.except = door.keeper;
            !self.nearby(door.middle, door.width, &filter, 1).is_empty()
        };
        Ok(is_taken(Filter::players()) || is_taken(Filter::npcs()))
    }

    fn close_door_after(&mut self, barrier: &str, time: Duration) -> Result {
        let closing = self.watch(time, Watch::Door(barrier.to_owned()))?;
        self.door_mut(barrier)?.closing = Some(closing);
        Ok(())
    }

    fn door_mut(&mut self, barrier: &str) -> Result<&mut DoorState> {
        self.memory.core.parts.objects.doors.get_mut(barrier).ok_or_else(|| no_door(barrier))
    }
}

impl<Z: Zone> Ctx<'_, Z>
where
    Z::Player: Carries,
{
    pub(super) fn use_door(&mut self, interaction: &Interaction, barrier: &str) -> Result {
        match interaction.verb.as_str() {
            "open" => {
                let lock = self.door_mut(barrier)?.lock.clone();
                self.check_lock(interaction.player(), lock.as_ref())?;
                self.open_door(barrier)
            }
            "close" => self.close_door(barrier),
            verb => Err(no_verb(interaction.target, verb)),
        }
    }
}

/// A door's time is over.
pub(crate) fn door_due<Z: Zone>(ctx: &mut Ctx<'_, Z>, barrier: &str) -> Result {
    match ctx.memory.core.parts.objects.doors.get_mut(barrier) {
        Some(door) if door.open => door.closing = None,
        _ => return Ok(()),
    }
    if ctx.is_doorway_taken(barrier)? { ctx.close_door_after(barrier, PATIENCE) } else { ctx.close_door(barrier) }
}

fn no_door(barrier: &str) -> Error {
    Error::Other(format!("no door was added for the barrier `{barrier}`"))
}
