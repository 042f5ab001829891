//! Containers: things that hold things. One player at a time has one open, and nobody else takes or puts meanwhile.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctx::{Ctx, Spawn};
use crate::error::{Error, Result};
use crate::goods::{Carries, Changes, PAGE, PURSE_THINGS, Pick, Purse, Thing};
use crate::handle::{Object, Player, TimerId};
use crate::objects::{Lock, REACH_METRES, no_verb, show_open};
use crate::parts::Watch;
use crate::types::{Point, Tag};
use crate::zone::{Interaction, Zone};

/// How often the SDK looks whether who has it open is still at it.
const LOOK: Duration = Duration::from_secs(1);
/// So much further than the reach somebody may be who has it open, m.
const SLACK_METRES: f32 = 1.0;

/// A container, to be given to [`Ctx::add_container`].
///
/// ```
/// use wod_zone::Point;
/// use wod_zone::objects::Container;
/// let chest = Container::new("Chest", Point::new(4.0, 2.0)).room(16).locked_by("chest key");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Ctx::add_container`"]
pub struct Container {
    name: String,
    at: Point,
    room: usize,
    reach: f32,
    key: Option<String>,
}

/// A container and what is in it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContainerState {
    pub(crate) goods: Purse,
    pub(crate) lock: Option<Lock>,
    /// Who has it open.
    pub(crate) holder: Option<Player>,
    reach: f32,
    /// When it is looked at next; only while it is open.
    look: Option<TimerId>,
}

/// For saving alone: the copy is written and thrown away.
impl Clone for ContainerState {
    fn clone(&self) -> Self {
        let Self { goods, lock, holder, reach, look } = self;
        Self { goods: goods.twin(), lock: lock.clone(), holder: *holder, reach: *reach, look: *look }
    }
}

impl Container {
    /// An empty container of this name.
    pub fn new(name: &str, at: Point) -> Self {
        Self { name: name.to_owned(), at, room: PURSE_THINGS, reach: REACH_METRES, key: None }
    }

    /// With room for so many things, at most [`PURSE_THINGS`], which is also how many it has room for unless set.
    pub fn room(mut self, things: usize) -> Self {
        self.room = things;
        self
    }

    /// To be used from at most so many metres; [`REACH_METRES`] unless set.
    ///
    /// ```
    /// use wod_zone::Point;
    /// use wod_zone::objects::Container;
    /// /// A freight car is opened from the platform.
    /// fn car(at: Point) -> Container {
    ///     Container::new("Freight car", at).reach(4.0)
    /// }
    /// ```
    pub fn reach(mut self, metres: f32) -> Self {
        self.reach = metres;
        self
    }

    /// Only who carries a thing of this kind can open it, until it is unlocked ([`Ctx::set_locked`]).
    pub fn locked_by(mut self, kind: &str) -> Self {
        self.key = Some(kind.to_owned());
        self
    }
}

/// One event `container`.
#[derive(Serialize)]
struct ContainerPage<'a> {
    container: Object,
    page: usize,
    pages: usize,
    room: usize,
    things: &'a [Thing],
}

/// The event `container_changed`.
#[derive(Serialize)]
struct ContainerChanged<'a> {
    container: Object,
    #[serde(flatten)]
    changes: Changes<'a>,
}

/// The event `container_closed`.
#[derive(Serialize)]
struct ContainerClosed {
    container: Object,
}

/// The args of `take` and `put`.
#[derive(Deserialize)]
struct Picks {
    things: Vec<Pick>,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Adds a container: an object that people open, take from and put into.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::objects::Container;
    /// # use wod_zone::{Ctx, Result, Zone};
    /// fn open<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>) -> Result {
    ///     let at = ctx.place("cellar")?.at;
    ///     let barrel = ctx.add_container(Container::new("Barrel", at).room(8))?;
    ///     ctx.mint_stack(barrel, "wine", 40)?;
    ///     assert_eq!(ctx.contents(barrel).map(|goods| goods.count_of("wine")), Some(40));
    ///     assert_eq!(ctx.container_holder(barrel), None);
    ///     Ok(())
    /// }
    /// ```
    pub fn add_container(&mut self, container: Container) -> Result<Object> {
        let lock = container.key.as_deref().map(Lock::new);
        let mut spawn = Spawn::new(&container.name, container.at).tag(Tag::near("open", false));
        if lock.is_some() {
            spawn = spawn.tag(Tag::near("locked", true));
        }
        for (verb, label) in [("open", "Open"), ("close", "Close"), ("take", "Take"), ("put", "Put in")] {
            spawn = spawn.verb(verb, label, container.reach);
        }
        let object = self.spawn_object(spawn)?;
        let goods = Purse::with_room(container.room);
        let state = ContainerState { goods, lock, holder: None, reach: container.reach, look: None };
        self.memory.core.parts.objects.containers.insert(object, state);
        Ok(object)
    }

    /// What a container holds; none: it is no container.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Zone};
    /// fn is_looted<Z: Zone>(ctx: &Ctx<Z>, safe: Object) -> bool {
    ///     ctx.contents(safe).is_some_and(|goods| goods.is_empty())
    /// }
    /// ```
    pub fn contents(&self, container: Object) -> Option<&Purse> {
        self.memory.core.parts.objects.containers.get(&container).map(|state| &state.goods)
    }

    /// Who has a container open.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Object, Result, Zone};
    /// fn watchman_looks<Z: Zone>(ctx: &mut Ctx<Z>, watchman: Npc, safe: Object) -> Result {
    ///     match ctx.container_holder(safe) {
    ///         Some(burglar) if ctx.sees(watchman, burglar) => ctx.shout(watchman, "Hands off that safe!"),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// ```
    pub fn container_holder(&self, container: Object) -> Option<Player> {
        self.memory.core.parts.objects.containers.get(&container).and_then(|state| state.holder)
    }

    /// Whether somebody is still at the container that she has opened.
    fn is_at(&self, player: Player, object: Object, reach: f32) -> bool {
        let (Some(view), Some(at)) = (self.staying(player), self.at(object)) else { return false };
        !view.is_away() && view.at.distance(at) <= reach + SLACK_METRES
    }

    fn look_at_container_again(&mut self, object: Object) -> Result {
        let look = self.watch(LOOK, Watch::Container(object))?;
        if let Some(state) = self.memory.core.parts.objects.containers.get_mut(&object) {
            state.look = Some(look);
        }
        Ok(())
    }
}

impl<Z: Zone> Ctx<'_, Z>
where
    Z::Player: Carries,
{
    pub(super) fn use_container(&mut self, interaction: &Interaction, object: Object) -> Result {
        let player = interaction.player();
        match interaction.verb.as_str() {
            "open" => self.open_container(player, object),
            "close" => {
                self.check_holder_of(player, object)?;
                shut(self, object);
                Ok(())
            }
            "take" => self.use_contents(interaction, object, true),
            "put" => self.use_contents(interaction, object, false),
            verb => Err(no_verb(interaction.target, verb)),
        }
    }

    fn open_container(&mut self, player: Player, object: Object) -> Result {
        let Some(state) = self.memory.core.parts.objects.containers.get(&object) else { return Ok(()) };
        let (holder, reach) = (state.holder, state.reach);
        self.check_lock(player, state.lock.as_ref())?;
        match holder {
            Some(other) if other != player && self.is_at(other, object, reach) => {
                return Err(Error::to_player(format!("{} has it open.", self.name(other))));
            }
            Some(other) if other != player => shut(self, object),
            _ => {}
        }
        if self.container_holder(object).is_none() {
            self.look_at_container_again(object)?;
            show_open(self, object, true);
        }
        if let Some(state) = self.memory.core.parts.objects.containers.get_mut(&object) {
            state.holder = Some(player);
        }
        self.tell_contents(player, object)
    }

    fn use_contents(&mut self, interaction: &Interaction, object: Object, takes: bool) -> Result {
        let player = interaction.player();
        self.check_holder_of(player, object)?;
        let Picks { things } = interaction.args_as()?;
        let before = self.contents(object).map(Purse::twin).unwrap_or_default();
        if takes {
            self.transfer(object, player, &things)?;
        } else {
            self.transfer(player, object, &things)?;
        }
        let after = self.contents(object).map(Purse::twin).unwrap_or_default();
        let changed = ContainerChanged { container: object, changes: Changes::between(&before, &after) };
        let told = self.tell(player, "container_changed", &changed);
        self.untold(player, "container_changed", told);
        Ok(())
    }

    fn check_holder_of(&self, player: Player, object: Object) -> Result {
        if self.container_holder(object) == Some(player) { Ok(()) } else { Err(Error::to_player("Open it first.")) }
    }

    fn tell_contents(&mut self, player: Player, object: Object) -> Result {
        let Some(goods) = self.contents(object) else { return Ok(()) };
        let (things, room) = (goods.things(), goods.room());
        let pages = things.len().div_ceil(PAGE).max(1);
        let page = |page: usize| -> Result<String> {
            let things = things.chunks(PAGE).nth(page).unwrap_or_default();
            Ok(serde_json::to_string(&ContainerPage { container: object, page, pages, room, things })?)
        };
        let told: Vec<String> = (0..pages).map(page).collect::<Result<_>>()?;
        told.into_iter().try_for_each(|data| self.tell_json(player, "container", data))
    }
}

/// Time to look whether who has it open is still at it.
pub(crate) fn container_due<Z: Zone>(ctx: &mut Ctx<'_, Z>, object: Object) -> Result {
    let Some(state) = ctx.memory.core.parts.objects.containers.get_mut(&object) else { return Ok(()) };
    state.look = None;
    let (holder, reach) = (state.holder, state.reach);
    match holder {
        Some(player) if ctx.is_at(player, object, reach) => ctx.look_at_container_again(object),
        Some(_) => {
            shut(ctx, object);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Nobody has it open any more.
pub(super) fn shut<Z: Zone>(ctx: &mut Ctx<'_, Z>, object: Object) {
    let Some(state) = ctx.memory.core.parts.objects.containers.get_mut(&object) else { return };
    let (holder, look) = (state.holder.take(), state.look.take());
    if let Some(look) = look {
        ctx.cancel(look);
    }
    show_open(ctx, object, false);
    if let Some(player) = holder.filter(|player| ctx.is_staying(*player)) {
        let told = ctx.tell(player, "container_closed", &ContainerClosed { container: object });
        ctx.untold(player, "container_closed", told);
    }
}
