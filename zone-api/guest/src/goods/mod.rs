//! Things that players carry and containers hold: none is ever doubled, none gets lost.
//!
//! A [`Purse`] in [`Zone::Player`](crate::Zone::Player) is what a player carries; it goes with her to other zones of the module. Purses
//! of things and characters are part of the zone's state: a [`Container`](crate::objects::Container)'s, or any `Purse` in the zone's
//! struct. Things are made by [`Ctx::mint`](crate::Ctx::mint), unmade by [`Ctx::consume`](crate::Ctx::consume), and in between only ever
//! moved ([`Ctx::transfer`](crate::Ctx::transfer), [`Ctx::exchange`](crate::Ctx::exchange)): both sides in one operation that is done
//! whole or not at all.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use wod_zone::goods::{Carries, Pick, Purse};
//! use wod_zone::{Ctx, EnterReason, Interaction, Player, Result, Zone};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! #[serde(default)]
//! struct Visitor {
//!     purse: Purse,
//! }
//!
//! impl Carries for Visitor {
//!     fn purse(&self) -> &Purse {
//!         &self.purse
//!     }
//!     fn purse_mut(&mut self) -> &mut Purse {
//!         &mut self.purse
//!     }
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Stall {
//!     till: Purse,
//! }
//!
//! impl Zone for Stall {
//!     const NAME: &'static str = "stall";
//!     const VERBS: &'static [&'static str] = &["pay"];
//!     type Timer = ();
//!     type Player = Visitor;
//!
//!     fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
//!         Ok(Self { till: Purse::default() })
//!     }
//!
//!     fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, how: EnterReason) -> Result {
//!         if how == EnterReason::Login && ctx.player(player)?.purse.is_empty() {
//!             ctx.mint_stack(player, "coin", 10)?;
//!         }
//!         ctx.tell_purse(player)
//!     }
//!
//!     fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
//!         let player = interaction.player();
//!         let coins = ctx.player(player)?.purse.pick("coin", 3)?;
//!         ctx.transfer(player, &mut self.till, &[coins])
//!     }
//! }
//!
//! wod_zone::export!(Stall);
//! # fn main() {}
//! ```
//!
//! # Why nothing is doubled
//!
//! - A tick's events are handled in one call, and the host journals the tick before anybody learns of it: what a call has changed holds
//!   altogether or was never so, whatever dies. Should the host refuse to keep a player's part of a call that moved goods, the call fails.
//! - What is saved for a player goes with her. So goods move only to and from those who are here to keep it
//!   ([`Ctx::is_staying`](crate::Ctx::is_staying)): somebody who has crossed the border in this very tick has taken along what she had.
//! - A [`Thing`] can't be copied, and is never out of a purse while an author's code runs.
//! - Ids are drawn from the zone's generator, 128 bits, mixed with the zone, the tick and whom the thing is for: no counter that a
//!   lost state could set back.
//!
//! What this can't promise: after a rewind ([`StartReason::Rewound`](crate::StartReason)) players have what they had, while containers
//! are as the older version leaves them that has lived everything again. Where the two versions treat goods alike that is the same.
//! And a version from before there were goods, to which a zone is rolled back, knows neither purses nor containers: what it saves anew is
//! without them.
//!
//! # What clients are told
//!
//! The event `goods` (reliable) after every change, `set` things as they are now, `gone` those that are no more hers:
//!
//! ```json
//! {"set": [{"id": "5f0c…", "kind": "coin", "count": 7}], "gone": ["a31b…"]}
//! ```
//!
//! The event `purse` (reliable) is all of it, in pages from 0 on, when the zone calls [`Ctx::tell_purse`](crate::Ctx::tell_purse):
//!
//! ```json
//! {"page": 0, "pages": 1, "room": 256, "things": [{"id": "5f0c…", "kind": "coin", "count": 7}, {"id": "77e2…", "kind": "key"}]}
//! ```
//!
//! `id` is an opaque text, `count` is there for stacks alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

mod census;
mod moves;
mod thing_id;

pub use census::{Census, Counted};
pub use moves::{Carries, Holder};
pub(crate) use moves::{Changes, check_picks};
pub use thing_id::ThingId;

/// Most things of a purse or a container; a stack is one.
///
/// ```
/// use wod_zone::goods::{PURSE_THINGS, Purse};
/// assert_eq!(Purse::default().room(), PURSE_THINGS);
/// ```
pub const PURSE_THINGS: usize = 256;
/// Longest name of a kind, bytes.
///
/// ```
/// use wod_zone::goods::KIND_BYTES;
/// const _: () = assert!("letter of introduction, sealed in red".len() <= KIND_BYTES);
/// ```
pub const KIND_BYTES: usize = 64;
/// Largest stack.
///
/// ```
/// use wod_zone::goods::{Purse, STACK_MOST};
/// /// What the till can still take, all coins being one stack.
/// fn room_for_coins(till: &Purse) -> u64 {
///     u64::from(STACK_MOST).saturating_sub(till.count_of("coin"))
/// }
/// assert_eq!(room_for_coins(&Purse::default()), 1_000_000_000);
/// ```
pub const STACK_MOST: u32 = 1_000_000_000;
/// Most things that change hands at once, to either side.
///
/// ```
/// use wod_zone::goods::{Carries, Pick, Purse, THINGS_AT_ONCE};
/// use wod_zone::{Ctx, Player, Result, Zone};
/// /// Everything that was seized goes back, armful by armful.
/// fn give_back<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, seized: &mut Purse, owner: Player) -> Result {
///     let all: Vec<Pick> = seized.things().iter().map(|thing| Pick::all(thing.id())).collect();
///     all.chunks(THINGS_AT_ONCE).try_for_each(|armful| ctx.transfer(&mut *seized, owner, armful))
/// }
/// ```
pub const THINGS_AT_ONCE: usize = 16;
/// Most bytes that a full purse takes of what is kept with a player.
///
/// ```
/// use wod_zone::goods::{PLAYER_BYTES, PURSE_BYTES};
/// // So much is left for what a zone remembers of her besides.
/// assert_eq!((PLAYER_BYTES - PURSE_BYTES) / 1024, 32);
/// ```
pub const PURSE_BYTES: usize = 32 * 1024;
/// Most bytes that are kept with a player, her purse included: the host's bound on `save-player`.
///
/// ```
/// use wod_zone::goods::PLAYER_BYTES;
/// /// A diary that would not fit is cut before it hinders her from carrying anything.
/// fn cut(diary: &mut Vec<String>) {
///     while diary.iter().map(String::len).sum::<usize>() > PLAYER_BYTES / 4 {
///         diary.remove(0);
///     }
/// }
/// ```
pub const PLAYER_BYTES: usize = 64 * 1024;
/// Things in one event.
pub(crate) const PAGE: usize = 32;

/// A thing, or a stack of things that are all the same. Made by [`Ctx::mint`](crate::Ctx::mint) alone.
///
/// ```
/// use wod_zone::goods::{Purse, Thing};
/// # let json = r#"{"room": 8, "things": [{"id": "5f0c0000000000000000000000000001", "kind": "coin", "count": 7},
/// #     {"id": "5f0c0000000000000000000000000002", "kind": "key"}]}"#;
/// # let purse: Purse = serde_json::from_str(json)?;
/// /// As a pawnbroker writes it down.
/// fn entry(thing: &Thing) -> String {
///     match thing.is_stack() {
///         true => format!("{} × {}", thing.count(), thing.kind()),
///         false => format!("{}, number {}", thing.kind(), thing.id()),
///     }
/// }
/// assert_eq!(entry(&purse.things()[0]), "7 × coin");
/// assert!(entry(&purse.things()[1]).starts_with("key, number 5f0c"));
/// # Ok::<(), wod_zone::Error>(())
/// ```
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    id: ThingId,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl Thing {
    pub(crate) fn new(id: ThingId, kind: &str, count: Option<u32>) -> Result<Self, Trouble> {
        let is_kind = !kind.trim().is_empty() && kind.len() <= KIND_BYTES && !kind.chars().any(char::is_control);
        if !is_kind || count.is_some_and(|count| !(1..=STACK_MOST).contains(&count)) {
            return Err(Trouble::NoSuchKind);
        }
        Ok(Self { id, kind: kind.to_owned(), count })
    }

    /// Unique in the world, for ever. A part of a stack that goes another way gets a new one.
    ///
    /// ```
    /// use wod_zone::goods::{Pick, Thing};
    /// /// All of a thing, to be moved or consumed.
    /// fn whole(thing: &Thing) -> Pick {
    ///     Pick::all(thing.id())
    /// }
    /// ```
    pub fn id(&self) -> ThingId {
        self.id
    }

    /// What it is, in the author's words; at most [`KIND_BYTES`].
    ///
    /// ```
    /// use wod_zone::goods::Thing;
    /// fn is_contraband(thing: &Thing) -> bool {
    ///     matches!(thing.kind(), "blood" | "forged pass")
    /// }
    /// ```
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// How many; 1 of what does not stack.
    ///
    /// ```
    /// use wod_zone::goods::{Purse, Thing};
    /// /// What customs take of it, coin by coin and crate by crate.
    /// fn duty(purse: &Purse) -> u32 {
    ///     purse.things().iter().map(Thing::count).sum::<u32>() / 10
    /// }
    /// assert_eq!(duty(&Purse::default()), 0);
    /// ```
    pub fn count(&self) -> u32 {
        self.count.unwrap_or(1)
    }

    /// Whether it stacks with others of its kind.
    ///
    /// ```
    /// use wod_zone::goods::{Purse, Thing};
    /// /// Whatever there is only one of is worth a second look.
    /// fn curiosities(purse: &Purse) -> impl Iterator<Item = &Thing> {
    ///     purse.things().iter().filter(|thing| !thing.is_stack())
    /// }
    /// assert_eq!(curiosities(&Purse::default()).count(), 0);
    /// ```
    pub fn is_stack(&self) -> bool {
        self.count.is_some()
    }

    /// Only for a trial of which one side is thrown away.
    fn twin(&self) -> Self {
        Self { id: self.id, kind: self.kind.clone(), count: self.count }
    }
}

/// A thing, and how many of its stack. What clients write in a verb's args: `{"id": "5f0c…", "count": 3}`.
///
/// ```
/// use wod_zone::goods::{Pick, ThingId};
/// let id: ThingId = "5f0c0000000000000000000000000001".parse()?;
/// let three: Pick = serde_json::from_str(r#"{"id": "5f0c0000000000000000000000000001", "count": 3}"#)?;
/// assert_eq!(three, Pick::some(id, 3));
/// assert_eq!(Pick::all(id).count, None);
/// # Ok::<(), wod_zone::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// Which.
    pub id: ThingId,
    /// How many; none: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl Pick {
    /// All of it.
    ///
    /// ```
    /// use wod_zone::goods::{Carries, Pick, Purse};
    /// use wod_zone::{Ctx, Player, Result, Zone};
    /// /// The oldest thing in the lost property office goes to whoever asks.
    /// fn claim<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, lost: &mut Purse, player: Player) -> Result {
    ///     let oldest = lost.things().first().ok_or("nothing was lost")?.id();
    ///     ctx.transfer(lost, player, &[Pick::all(oldest)])
    /// }
    /// ```
    pub fn all(id: ThingId) -> Self {
        Self { id, count: None }
    }

    /// So many of a stack.
    ///
    /// ```
    /// use wod_zone::goods::{Pick, Thing};
    /// /// The house takes a tenth, and of little nothing.
    /// fn cut(winnings: &Thing) -> Option<Pick> {
    ///     let tenth = winnings.count() / 10;
    ///     (tenth > 0).then(|| Pick::some(winnings.id(), tenth))
    /// }
    /// ```
    pub fn some(id: ThingId, count: u32) -> Self {
        Self { id, count: Some(count) }
    }
}

/// Things in somebody's or something's hold. Part of a state that is saved; see the [module](self) for how it fills.
///
/// ```
/// use wod_zone::goods::Purse;
/// let pocket = Purse::with_room(4);
/// assert_eq!((pocket.room(), pocket.len(), pocket.count_of("coin")), (4, 0, 0));
/// assert!(pocket.is_empty());
/// ```
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Purse {
    things: Vec<Thing>,
    room: u16,
}

impl Default for Purse {
    fn default() -> Self {
        Self::with_room(PURSE_THINGS)
    }
}

impl Purse {
    /// Empty, with room for so many things, at most [`PURSE_THINGS`].
    ///
    /// ```
    /// use wod_zone::goods::{PURSE_THINGS, Purse};
    /// // A glove compartment, and the largest vault there can be.
    /// assert_eq!(Purse::with_room(2).room(), 2);
    /// assert_eq!(Purse::with_room(100_000).room(), PURSE_THINGS);
    /// ```
    pub fn with_room(things: usize) -> Self {
        Self { things: Vec::new(), room: things.min(PURSE_THINGS) as u16 }
    }

    /// How many things it has room for.
    ///
    /// ```
    /// use wod_zone::goods::Purse;
    /// fn has_room_for(purse: &Purse, more: usize) -> bool {
    ///     purse.len() + more <= purse.room()
    /// }
    /// assert!(has_room_for(&Purse::with_room(2), 2) && !has_room_for(&Purse::with_room(2), 3));
    /// ```
    pub fn room(&self) -> usize {
        self.room.into()
    }

    /// How many things it has; a stack is one.
    ///
    /// ```
    /// use wod_zone::goods::Carries;
    /// use wod_zone::{Ctx, Player, Result, Zone};
    /// /// Who carries much is slow.
    /// fn weigh<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     let things = ctx.player(player)?.purse().len();
    ///     ctx.set_speed(player, if things > 20 { 2.5 } else { 6.0 })
    /// }
    /// ```
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether it is empty.
    ///
    /// ```
    /// use wod_zone::goods::Carries;
    /// use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn frisk<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, bouncer: Npc, guest: Player) -> Result {
    ///     let clean = ctx.player(guest)?.purse().is_empty();
    ///     ctx.say(bouncer, if clean { "In you go." } else { "What is this?" })
    /// }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Everything in it, in the order in which it came.
    ///
    /// ```
    /// use wod_zone::goods::Purse;
    /// /// How much a thief finds worth taking.
    /// fn loot(purse: &Purse) -> usize {
    ///     purse.things().iter().filter(|thing| thing.kind() != "key").count()
    /// }
    /// assert_eq!(loot(&Purse::default()), 0);
    /// ```
    pub fn things(&self) -> &[Thing] {
        &self.things
    }

    /// A thing by its id.
    ///
    /// ```
    /// use wod_zone::goods::{Pick, Purse};
    /// /// What a client has picked, by the name that people know it by.
    /// fn name_of<'a>(purse: &'a Purse, pick: &Pick) -> Option<&'a str> {
    ///     purse.get(pick.id).map(|thing| thing.kind())
    /// }
    /// ```
    pub fn get(&self, id: ThingId) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.id == id)
    }

    /// The first of a kind.
    ///
    /// ```
    /// use wod_zone::goods::Carries;
    /// use wod_zone::{Ctx, Player, Result, Zone};
    /// fn may_use_the_lift<Z: Zone<Player: Carries>>(ctx: &Ctx<Z>, player: Player) -> Result<bool> {
    ///     Ok(ctx.player(player)?.purse().first("penthouse key").is_some())
    /// }
    /// ```
    pub fn first(&self, kind: &str) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.kind == kind)
    }

    /// How many of a kind, stacked or not.
    ///
    /// ```
    /// use wod_zone::goods::Carries;
    /// use wod_zone::{Ctx, Player, Result, Zone};
    /// fn can_afford<Z: Zone<Player: Carries>>(ctx: &Ctx<Z>, player: Player, price: u64) -> Result<bool> {
    ///     Ok(ctx.player(player)?.purse().count_of("coin") >= price)
    /// }
    /// ```
    pub fn count_of(&self, kind: &str) -> u64 {
        self.things.iter().filter(|thing| thing.kind == kind).map(|thing| u64::from(thing.count())).sum()
    }

    /// So many of a kind that stacks, to be moved or consumed; of what does not stack, the first. An error that the player reads when
    /// there are not so many.
    ///
    /// ```
    /// use wod_zone::goods::Carries;
    /// use wod_zone::{Ctx, Player, Result, Zone};
    /// /// A coin for the jukebox; who has none reads so.
    /// fn insert_coin<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     let coin = ctx.player(player)?.purse().pick("coin", 1)?;
    ///     ctx.consume(player, &[coin])
    /// }
    /// ```
    pub fn pick(&self, kind: &str, count: u32) -> Result<Pick, Error> {
        match self.first(kind) {
            Some(thing) if thing.count() >= count => Ok(Pick { id: thing.id, count: Some(count) }),
            _ => Err(Trouble::TooFew.into()),
        }
    }

    /// A copy for a trial: one of the two is thrown away.
    pub(crate) fn twin(&self) -> Self {
        Self { things: self.things.iter().map(Thing::twin).collect(), room: self.room }
    }

    /// Takes it out; of a part of a stack, that part under an id of its own.
    pub(crate) fn take(&mut self, pick: &Pick, fresh: &mut dyn FnMut() -> ThingId) -> Result<Thing, Trouble> {
        let index = self.things.iter().position(|thing| thing.id == pick.id).ok_or(Trouble::NotThere)?;
        let thing = &mut self.things[index];
        let have = thing.count();
        match pick.count.unwrap_or(have) {
            0 => Err(Trouble::TooFew),
            wanted if wanted > have => Err(Trouble::TooFew),
            wanted if wanted == have => Ok(self.things.remove(index)),
            wanted => {
                thing.count = Some(have - wanted);
                Ok(Thing { id: fresh(), kind: thing.kind.clone(), count: Some(wanted) })
            }
        }
    }

    /// Puts it in: upon a stack of its kind, else beside the others.
    pub(crate) fn put(&mut self, thing: Thing) -> Result<(), Trouble> {
        let stack = thing.count.and_then(|more| {
            let own = self.things.iter_mut().find(|own| own.count.is_some() && own.kind == thing.kind)?;
            Some((own, more))
        });
        if let Some((own, more)) = stack {
            let sum = own.count().checked_add(more).filter(|sum| *sum <= STACK_MOST).ok_or(Trouble::NoRoom)?;
            own.count = Some(sum);
            return Ok(());
        }
        if self.things.len() >= self.room() {
            return Err(Trouble::NoRoom);
        }
        self.things.push(thing);
        Ok(())
    }
}

/// Why goods stay where they are. The player reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    NotThere,
    TooFew,
    NoRoom,
    TooMany,
    Repeated,
    Offered,
    Gone,
    OneHolder,
    NoContainer,
    NoSuchKind,
    TooHeavy,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThere => "That is not there any more.",
            Self::TooFew => "There are not so many.",
            Self::NoRoom => "There is no room for that.",
            Self::TooMany => return write!(f, "No more than {THINGS_AT_ONCE} things at once."),
            Self::Repeated => "The same thing can't be given twice.",
            Self::Offered => "That is on offer in a trade.",
            Self::Gone => "Nobody is there any more.",
            Self::OneHolder => "It is there already.",
            Self::NoContainer => "That holds nothing.",
            Self::NoSuchKind => "There is no such thing.",
            Self::TooHeavy => "That is more than one can carry.",
        })
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::to_player(trouble.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn purse(things: &[(u128, &str, Option<u32>)], room: usize) -> Purse {
        let mut purse = Purse::with_room(room);
        for (id, kind, count) in things {
            purse.put(Thing::new(ThingId::of(*id), kind, *count).unwrap()).unwrap();
        }
        purse
    }

    fn no_id() -> ThingId {
        unreachable!("nothing is split")
    }

    #[test]
    fn stacks_of_a_kind_become_one_and_single_things_stay_apart() {
        let purse = purse(&[(1, "coin", Some(3)), (2, "key", None), (3, "coin", Some(4)), (4, "key", None)], 8);
        let ids: Vec<_> = purse.things().iter().map(|thing| (thing.id(), thing.count())).collect();
        assert_eq!(ids, [(ThingId::of(1), 7), (ThingId::of(2), 1), (ThingId::of(4), 1)]);
        assert_eq!((purse.count_of("coin"), purse.count_of("key")), (7, 2));
    }

    #[test]
    fn a_part_of_a_stack_goes_under_a_new_id_and_the_whole_under_its_own() {
        let mut purse = purse(&[(1, "coin", Some(5))], 8);
        let part = purse.take(&Pick::some(ThingId::of(1), 2), &mut || ThingId::of(9)).unwrap();
        assert_eq!((part.id(), part.count(), purse.count_of("coin")), (ThingId::of(9), 2, 3));
        let rest = purse.take(&Pick::some(ThingId::of(1), 3), &mut no_id).unwrap();
        assert_eq!((rest.id(), rest.count(), purse.is_empty()), (ThingId::of(1), 3, true));
    }

    #[test]
    fn nobody_takes_more_than_there_is_or_nothing_at_all() {
        let mut purse = purse(&[(1, "coin", Some(5)), (2, "key", None)], 8);
        for (pick, trouble) in [
            (Pick::some(ThingId::of(1), 6), Trouble::TooFew),
            (Pick::some(ThingId::of(1), 0), Trouble::TooFew),
            (Pick::some(ThingId::of(2), 2), Trouble::TooFew),
            (Pick::all(ThingId::of(3)), Trouble::NotThere),
        ] {
            assert_eq!(purse.take(&pick, &mut no_id), Err(trouble), "{pick:?}");
        }
        assert_eq!((purse.count_of("coin"), purse.count_of("key")), (5, 1));
    }

    #[test]
    fn a_full_purse_takes_only_what_stacks() {
        let mut purse = purse(&[(1, "coin", Some(5))], 1);
        assert_eq!(purse.put(Thing::new(ThingId::of(2), "key", None).unwrap()), Err(Trouble::NoRoom));
        assert_eq!(purse.put(Thing::new(ThingId::of(3), "coin", Some(1)).unwrap()), Ok(()));
        assert_eq!(purse.put(Thing::new(ThingId::of(4), "coin", Some(STACK_MOST)).unwrap()), Err(Trouble::NoRoom));
        assert_eq!(purse.count_of("coin"), 6);
    }

    #[test]
    fn a_full_purse_of_the_longest_kinds_keeps_within_its_bytes() {
        let mut purse = Purse::default();
        for index in 0..PURSE_THINGS {
            let kind = format!("{index:0>width$}", width = KIND_BYTES);
            purse.put(Thing::new(ThingId::of(u128::MAX), &kind, Some(STACK_MOST)).unwrap()).unwrap();
        }
        assert_eq!(purse.len(), PURSE_THINGS);
        let bytes = crate::encode(&purse).unwrap().len();
        assert!(bytes <= PURSE_BYTES, "{bytes}");
        // An event carries 8 KiB at most; of all characters a quote is the longest to escape.
        let kind = "\"".repeat(KIND_BYTES);
        let page: Vec<_> = (0..PAGE).map(|_| Thing::new(ThingId::of(1), &kind, Some(STACK_MOST)).unwrap()).collect();
        let json = serde_json::to_string(&page).unwrap();
        assert!(json.len() < 7 * 1024, "{}", json.len());
    }

    #[test]
    fn a_purse_of_an_older_state_has_room() {
        #[derive(Default, Serialize, Deserialize)]
        #[serde(default)]
        struct Old {
            visits: u32,
        }
        #[derive(Default, Serialize, Deserialize)]
        #[serde(default)]
        struct New {
            visits: u32,
            purse: Purse,
        }
        let old = crate::encode(&Old { visits: 3 }).unwrap();
        let new: New = crate::decode(&old).unwrap();
        assert_eq!((new.visits, new.purse.room()), (3, PURSE_THINGS));
    }

    #[test]
    fn kinds_are_names_and_stacks_are_not_empty() {
        for (kind, count) in [("", None), ("a\nb", None), ("coin", Some(0)), ("coin", Some(STACK_MOST + 1))] {
            assert_eq!(Thing::new(ThingId::of(1), kind, count), Err(Trouble::NoSuchKind), "{kind:?} {count:?}");
        }
        assert_eq!(Thing::new(ThingId::of(1), &"x".repeat(KIND_BYTES + 1), None), Err(Trouble::NoSuchKind));
    }
}
