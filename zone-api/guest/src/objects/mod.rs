//! Things to be used: [doors](Door), [notice boards](Board), [containers](Container).
//!
//! A zone adds them in [`Zone::open`], names their verbs in [`Zone::VERBS`], and hands what players do with them to
//! [`Ctx::use_object`]. The SDK keeps what they are and hold, and minds the time.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use wod_zone::goods::{Carries, Purse};
//! use std::time::Duration;
//! use wod_zone::objects::{self, Board, Container, Door};
//! use wod_zone::{Ctx, Error, Interaction, Object, Point, Result, Zone};
//!
//! # #[derive(Default, Serialize, Deserialize)]
//! # #[serde(default)]
//! # struct Visitor { purse: Purse }
//! # impl Carries for Visitor {
//! #     fn purse(&self) -> &Purse { &self.purse }
//! #     fn purse_mut(&mut self) -> &mut Purse { &mut self.purse }
//! # }
//! #[derive(Serialize, Deserialize)]
//! struct Docks {
//!     crate_of_rum: Object,
//! }
//!
//! impl Zone for Docks {
//!     const NAME: &'static str = "docks";
//!     const VERBS: &'static [&'static str] = &objects::VERBS;
//!     type Timer = ();
//!     type Player = Visitor;
//!
//!     fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
//!         ctx.add_door(Door::new("gate", Point::new(40.0, 12.0)).shown_as("Gate").stays_open(Duration::from_secs(20)))?;
//!         ctx.add_board(Board::new("Harbour board", Point::new(20.0, 8.0)))?;
//!         let chest = Container::new("Crate", Point::new(22.0, 30.0)).room(16).locked_by("crate key");
//!         let crate_of_rum = ctx.add_container(chest)?;
//!         ctx.mint_stack(crate_of_rum, "rum", 12)?;
//!         Ok(Self { crate_of_rum })
//!     }
//!
//!     fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
//!         if ctx.use_object(interaction)? {
//!             return Ok(());
//!         }
//!         Err(Error::to_player("Nobody here does that."))
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! # Verbs and their args
//!
//! | of | verb | args |
//! |---|---|---|
//! | door, container | `open`, `close` | – |
//! | container | `take`, `put` | `{"things": [{"id": "5f0c…", "count": 3}]}`; all of a stack without `count`. Only for who has it open |
//! | board | `read` | none, or `{"page": 2}`, from 0 on |
//! | | `post` | `{"text": "Boat for sale."}` |
//! | | `remove` | `{"note": 17}`, one of hers |
//!
//! # What clients are told
//!
//! Doors and containers bear the tag `open` (true or false), and `locked` where they have a lock. By event (reliable):
//!
//! | event | to | data |
//! |---|---|---|
//! | `container` | who opens it, in pages from 0 on | `{"container": 68719476740, "page": 0, "pages": 1, "room": 16, "things": [{"id": "5f0c…", "kind": "rum", "count": 12}]}` |
//! | `container_changed` | who takes or puts | `{"container": 68719476740, "set": [{"id": "5f0c…", "kind": "rum", "count": 9}], "gone": []}` |
//! | `container_closed` | who had it open | `{"container": 68719476740}` |
//! | `board` | who reads, posts or removes | `{"board": 68719476740, "page": 0, "pages": 1, "notes": [{"note": 17, "by": "Ann", "yours": true, "age_s": 60, "text": "Boat for sale."}]}`, the newest first |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::goods::Carries;
use crate::handle::{EntityId, Object, Player};
use crate::types::Tag;
use crate::zone::{Interaction, Zone};

mod board;
mod container;
mod door;

pub(crate) use board::BoardState;
pub use board::{BOARD_NOTES, Board, NOTE_CHARS, NOTES_EACH};
pub use container::Container;
pub(crate) use container::{ContainerState, container_due};
pub use door::Door;
pub(crate) use door::{DoorState, door_due};

/// Every verb of these objects, for [`Zone::VERBS`].
pub const VERBS: [&str; 7] = ["open", "close", "take", "put", "read", "post", "remove"];
/// From how far they can be used unless set otherwise, m.
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::objects::{Board, REACH_METRES};
/// /// Hung high: from a step further away.
/// fn board(at: Point) -> Board {
///     Board::new("Departures", at).reach(REACH_METRES + 1.0)
/// }
/// ```
pub const REACH_METRES: f32 = 2.0;

/// The objects of a zone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Objects {
    /// By barrier.
    pub(crate) doors: BTreeMap<String, DoorState>,
    pub(crate) boards: BTreeMap<Object, BoardState>,
    pub(crate) containers: BTreeMap<Object, ContainerState>,
}

impl<Z: Zone> Ctx<'_, Z>
where
    Z::Player: Carries,
{
    /// Deals with an interaction with a door, a board or a container of this zone. False: it was with something else.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Error, Interaction, Result, Zone};
    /// /// What is no door, board or container is the zone's own business.
    /// fn interacted<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, interaction: &Interaction) -> Result {
    ///     if ctx.use_object(interaction)? {
    ///         return Ok(());
    ///     }
    ///     Err(Error::to_player("Nothing happens."))
    /// }
    /// ```
    ///
    /// # Errors
    /// What the player reads when it can't be done.
    pub fn use_object(&mut self, interaction: &Interaction) -> Result<bool> {
        let object = Object(interaction.target.0);
        let objects = &self.memory.core.parts.objects;
        let door =
            objects.doors.iter().find(|(_, door)| door.object == Some(object)).map(|(barrier, _)| barrier.clone());
        if let Some(barrier) = door {
            self.use_door(interaction, &barrier)?;
        } else if objects.boards.contains_key(&object) {
            self.use_board(interaction, object)?;
        } else if objects.containers.contains_key(&object) {
            self.use_container(interaction, object)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// # Errors
    /// For the player to read: it is locked, and she has no key.
    fn check_lock(&self, player: Player, lock: Option<&Lock>) -> Result {
        match lock {
            Some(lock) if lock.locked && self.player(player)?.purse().first(&lock.key).is_none() => {
                Err(Error::to_player("It is locked."))
            }
            _ => Ok(()),
        }
    }
}

/// A lock that a kind of thing opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// The kind of its key.
    key: String,
    locked: bool,
}

impl Lock {
    fn new(key: &str) -> Self {
        Self { key: key.to_owned(), locked: true }
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Locks or unlocks a door or a container that has a lock: without a key while it is locked, nobody opens it.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Result, Zone};
    /// fn picked<Z: Zone>(ctx: &mut Ctx<Z>, chest: Object) -> Result {
    ///     ctx.set_locked(chest, false)
    /// }
    /// ```
    ///
    /// # Errors
    /// When it is no such object, or has no lock.
    pub fn set_locked(&mut self, object: Object, locked: bool) -> Result {
        let objects = &mut self.memory.core.parts.objects;
        let door = objects.doors.values_mut().find(|door| door.object == Some(object)).map(|door| &mut door.lock);
        let container = objects.containers.get_mut(&object).map(|container| &mut container.lock);
        let lock = door.or(container).and_then(Option::as_mut);
        lock.ok_or_else(|| Error::Other(format!("object {object} has no lock")))?.locked = locked;
        self.set_tag(object, Tag::near("locked", locked))
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// An entity goes: no board, container or door is behind it any more.
    pub(crate) fn forget_object(&mut self, object: Object) -> Result {
        let objects = &mut self.memory.core.parts.objects;
        if let Some(container) = objects.containers.get(&object) {
            if !container.goods.is_empty() {
                let things = container.goods.len();
                return Err(Error::Other(format!(
                    "container {object} still holds {things} things: move or consume them first"
                )));
            }
            container::shut(self, object);
            self.memory.core.parts.objects.containers.remove(&object);
            return Ok(());
        }
        objects.boards.remove(&object);
        for door in objects.doors.values_mut().filter(|door| door.object == Some(object)) {
            door.object = None;
        }
        Ok(())
    }
}

/// A player has gone: what she had open is closed.
pub(crate) fn left<Z: Zone>(ctx: &mut Ctx<'_, Z>, player: Player) {
    let containers = &ctx.memory.core.parts.objects.containers;
    let hers: Vec<Object> =
        containers.iter().filter(|(_, state)| state.holder == Some(player)).map(|(object, _)| *object).collect();
    for object in hers {
        container::shut(ctx, object);
    }
}

/// An object's tag may be refused when there are too many acts; then it looks otherwise than it is, and nothing worse.
fn show_open<Z: Zone>(ctx: &mut Ctx<'_, Z>, object: Object, open: bool) {
    if let Err(error) = ctx.set_tag(object, Tag::near("open", open)) {
        crate::warn!(ctx, object = object, "it does not look as it is: {error}");
    }
}

fn no_verb(target: EntityId, verb: &str) -> Error {
    Error::Other(format!("object {target} offers `{verb}`, which is none of its kind"))
}
