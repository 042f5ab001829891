//! Things are made, unmade and moved: whatever is done is done to copies first, and holds for every holder or for none.

use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::goods::{PAGE, PLAYER_BYTES, Pick, Purse, THINGS_AT_ONCE, Thing, ThingId, Trouble};
use crate::handle::{Object, Player};
use crate::host::Host;
use crate::zone::Zone;

/// A player's state that has a purse in it. See the [module](crate::goods).
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use wod_zone::goods::{Carries, Purse};
///
/// #[derive(Default, Serialize, Deserialize)]
/// #[serde(default)]
/// struct Visitor {
///     visits: u32,
///     purse: Purse,
/// }
///
/// impl Carries for Visitor {
///     fn purse(&self) -> &Purse {
///         &self.purse
///     }
///     fn purse_mut(&mut self) -> &mut Purse {
///         &mut self.purse
///     }
/// }
/// assert!(Visitor::default().purse().is_empty());
/// ```
pub trait Carries {
    /// What she carries.
    fn purse(&self) -> &Purse;
    /// The same, for the SDK to change: always the one of [`Carries::purse`].
    fn purse_mut(&mut self) -> &mut Purse;
}

/// Who or what has things: a player here, a container, or any purse in the zone's struct.
///
/// ```
/// use wod_zone::Player;
/// use wod_zone::goods::{Holder, Purse};
/// let mut till = Purse::default();
/// let (from, to): (Holder, Holder) = (Player(7).into(), (&mut till).into());
/// ```
#[derive(Debug)]
pub enum Holder<'a> {
    /// A player.
    Player(Player),
    /// A container of [`Ctx::add_container`](crate::Ctx::add_container).
    Container(Object),
    /// A purse of the zone's own.
    Purse(&'a mut Purse),
}

impl From<Player> for Holder<'_> {
    fn from(player: Player) -> Self {
        Self::Player(player)
    }
}

impl From<Object> for Holder<'_> {
    fn from(container: Object) -> Self {
        Self::Container(container)
    }
}

impl<'a> From<&'a mut Purse> for Holder<'a> {
    fn from(purse: &'a mut Purse) -> Self {
        Self::Purse(purse)
    }
}

/// The event `goods`.
#[derive(Debug, Serialize)]
pub(crate) struct Changes<'a> {
    set: Vec<&'a Thing>,
    gone: Vec<ThingId>,
}

/// One event `purse`.
#[derive(Serialize)]
struct PursePage<'a> {
    page: usize,
    pages: usize,
    room: usize,
    things: &'a [Thing],
}

impl<'a> Changes<'a> {
    /// What has become of one purse.
    pub(crate) fn between(before: &Purse, after: &'a Purse) -> Self {
        let changed = |thing: &&Thing| before.get(thing.id()) != Some(*thing);
        let gone = |thing: &&Thing| after.get(thing.id()).is_none();
        Self {
            set: after.things().iter().filter(changed).collect(),
            gone: before.things().iter().filter(gone).map(Thing::id).collect(),
        }
    }
}

impl<Z: Zone> Ctx<'_, Z>
where
    Z::Player: Carries,
{
    /// Makes a thing that does not stack.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn hand_out<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, guest: Player) -> Result {
    ///     ctx.mint(guest, "cellar key")?;
    ///     ctx.mint_stack(guest, "coin", 5)?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// For the player to read: there is no room for it, or she is going in this very tick.
    pub fn mint<'h>(&mut self, into: impl Into<Holder<'h>>, kind: &str) -> Result<ThingId> {
        self.make(into.into(), kind, None)
    }

    /// Makes so many of a thing that stacks with others of its kind: upon a stack that is there already, else as a new one.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// /// The night's wages: they come upon the coins that she has.
    /// fn pay<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, docker: Player, crates: u32) -> Result {
    ///     ctx.mint_stack(docker, "coin", 2 * crates)?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Ctx::mint`].
    pub fn mint_stack<'h>(&mut self, into: impl Into<Holder<'h>>, kind: &str, count: u32) -> Result<ThingId> {
        self.make(into.into(), kind, Some(count))
    }

    /// Unmakes things.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn eat<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     let apple = ctx.player(player)?.purse().pick("apple", 1)?;
    ///     ctx.consume(player, &[apple])
    /// }
    /// ```
    ///
    /// # Errors
    /// For the player to read: something of it is not there, or on offer in a trade. Then all stays as it is.
    pub fn consume<'h>(&mut self, from: impl Into<Holder<'h>>, what: &[Pick]) -> Result {
        let from = from.into();
        self.check_offers(&from, what)?;
        self.with_purses([from], |[purse], fresh| take_all(purse, what, fresh).map(drop))
    }

    /// Moves things from one holder to another.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Object, Player, Result, Zone};
    /// fn toll<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, payer: Player, chest: Object) -> Result {
    ///     let coins = ctx.player(payer)?.purse().pick("coin", 2)?;
    ///     ctx.transfer(payer, chest, &[coins])
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Ctx::exchange`].
    pub fn transfer<'h>(&mut self, from: impl Into<Holder<'h>>, to: impl Into<Holder<'h>>, what: &[Pick]) -> Result {
        self.exchange(from, what, to, &[])
    }

    /// Moves things both ways at once, at most [`THINGS_AT_ONCE`] each. Done whole or not at all.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::goods::Purse;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn buy<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, stock: &mut Purse, buyer: Player) -> Result {
    ///     let (price, rope) = (ctx.player(buyer)?.purse().pick("coin", 4)?, stock.pick("rope", 1)?);
    ///     ctx.exchange(buyer, &[price], stock, &[rope])
    /// }
    /// ```
    ///
    /// # Errors
    /// For the player to read: something of it is not there, is on offer in a trade, has no room on the other side, or one of the two is
    /// not here any more. Then all stays as it is.
    pub fn exchange<'h>(
        &mut self,
        a: impl Into<Holder<'h>>,
        gives: &[Pick],
        b: impl Into<Holder<'h>>,
        gets: &[Pick],
    ) -> Result {
        let (a, b) = (a.into(), b.into());
        let one = match (&a, &b) {
            (Holder::Player(a), Holder::Player(b)) => a == b,
            (Holder::Container(a), Holder::Container(b)) => a == b,
            _ => false,
        };
        if one {
            return Err(Trouble::OneHolder.into());
        }
        self.check_offers(&a, gives)?;
        self.check_offers(&b, gets)?;
        self.with_purses([a, b], |[a, b], fresh| {
            let (given, gotten) = (take_all(a, gives, fresh)?, take_all(b, gets, fresh)?);
            put_all(a, gotten)?;
            put_all(b, given)
        })
    }

    /// Tells a player's client everything that she carries: the event `purse`, in as many pages as it takes. For [`Zone::entered`].
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn entered<Z: Zone<Player: Carries>>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.tell_purse(player)
    /// }
    /// ```
    pub fn tell_purse(&mut self, player: Player) -> Result {
        let purse = self.player(player)?.purse();
        let (things, room) = (purse.things(), purse.room());
        let pages = things.len().div_ceil(PAGE).max(1);
        let page = |page: usize| -> Result<String> {
            let things = things.chunks(PAGE).nth(page).unwrap_or_default();
            Ok(serde_json::to_string(&PursePage { page, pages, room, things })?)
        };
        let told: Vec<String> = (0..pages).map(page).collect::<Result<_>>()?;
        told.into_iter().try_for_each(|data| self.tell_json(player, "purse", data))
    }

    fn make(&mut self, into: Holder<'_>, kind: &str, count: Option<u32>) -> Result<ThingId> {
        self.with_purses([into], |[purse], fresh| {
            let thing = Thing::new(fresh(), kind, count)?;
            let id = thing.id();
            purse.put(thing)?;
            // Upon a stack it has become a part of that.
            let stack = purse.things().iter().find(|own| own.is_stack() && own.kind() == kind).map(Thing::id);
            Ok(if count.is_some() { stack.unwrap_or(id) } else { id })
        })
    }

    /// What is on offer in a trade can't be used otherwise.
    fn check_offers(&self, from: &Holder<'_>, what: &[Pick]) -> Result {
        check_picks(what)?;
        let Holder::Player(player) = from else { return Ok(()) };
        let purse = self.player(*player)?.purse();
        for pick in what {
            let offered = self.memory.core.parts.trades.offered(*player, pick.id);
            let have = purse.get(pick.id).ok_or(Trouble::NotThere)?.count();
            if offered > 0 && have.saturating_sub(offered) < pick.count.unwrap_or(have) {
                return Err(Trouble::Offered.into());
            }
        }
        Ok(())
    }

    /// Runs `change` on copies of these holders' purses, which then take the originals' place; after an error all is as it was.
    fn with_purses<T, const N: usize>(
        &mut self,
        mut holders: [Holder<'_>; N],
        change: impl FnOnce(&mut [Purse; N], &mut dyn FnMut() -> ThingId) -> std::result::Result<T, Trouble>,
    ) -> Result<T> {
        let salt = self.salt(&holders);
        let mut purses = std::array::from_fn(|_| Purse::default());
        for (copy, holder) in purses.iter_mut().zip(&mut holders) {
            self.check_holder(holder)?;
            *copy = self.purse_of(holder)?.twin();
        }
        let done = change(&mut purses, &mut || fresh_id(self.host, salt))?;
        // From here on `purses` are those of before.
        self.swap_purses(&mut holders, &mut purses)?;
        if self.is_too_heavy(&holders)? {
            self.swap_purses(&mut holders, &mut purses)?;
            return Err(Trouble::TooHeavy.into());
        }
        self.memory.call.goods_moved = true;
        for (holder, before) in holders.iter().zip(&purses) {
            if let Holder::Player(player) = holder {
                self.tell_changes(*player, before)?;
            }
        }
        Ok(done)
    }

    fn check_holder(&self, holder: &Holder<'_>) -> std::result::Result<(), Trouble> {
        let containers = &self.memory.core.parts.objects.containers;
        match holder {
            Holder::Player(player) if !self.is_staying(*player) => Err(Trouble::Gone),
            Holder::Container(object) if !containers.contains_key(object) => Err(Trouble::NoContainer),
            _ => Ok(()),
        }
    }

    fn purse_of<'s>(&'s mut self, holder: &'s mut Holder<'_>) -> Result<&'s mut Purse> {
        match holder {
            Holder::Player(player) => Ok(self.player_mut(*player)?.purse_mut()),
            Holder::Container(object) => {
                let container = self.memory.core.parts.objects.containers.get_mut(object);
                Ok(&mut container.ok_or(Trouble::NoContainer)?.goods)
            }
            Holder::Purse(purse) => Ok(&mut **purse),
        }
    }

    fn swap_purses(&mut self, holders: &mut [Holder<'_>], purses: &mut [Purse]) -> Result {
        for (holder, purse) in holders.iter_mut().zip(purses) {
            std::mem::swap(self.purse_of(holder)?, purse);
        }
        Ok(())
    }

    /// Whether the host would not keep one of these players as she is now.
    fn is_too_heavy(&self, holders: &[Holder<'_>]) -> Result<bool> {
        for holder in holders {
            if let Holder::Player(player) = holder
                && let Some(slot) = self.memory.players.get(player)
                && slot.encode::<Z>()?.len() > PLAYER_BYTES
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn tell_changes(&mut self, player: Player, before: &Purse) -> Result {
        let changes = serde_json::to_string(&Changes::between(before, self.player(player)?.purse()))?;
        let told = self.tell_json(player, "goods", changes);
        self.untold(player, "goods", told);
        Ok(())
    }

    /// What makes an id of this zone, tick and holder unlike all others, though the generator should draw the same numbers again, as it
    /// does in a zone that was set back to an earlier time.
    fn salt(&self, holders: &[Holder<'_>]) -> [u64; 2] {
        let holder = match holders.first() {
            Some(Holder::Player(player)) => player.0,
            Some(Holder::Container(object)) => object.0,
            Some(Holder::Purse(_)) | None => 0,
        };
        let zone = self.zone_name().bytes().fold(0, |sum, byte| scatter(sum ^ u64::from(byte)));
        [scatter(zone ^ self.tick()), scatter(holder)]
    }
}

/// As [`Ctx::check_offers`](crate::Ctx), as far as the picks alone show.
pub(crate) fn check_picks(what: &[Pick]) -> std::result::Result<(), Trouble> {
    if what.len() > THINGS_AT_ONCE {
        return Err(Trouble::TooMany);
    }
    let repeated = |index: usize| what[..index].iter().any(|other| other.id == what[index].id);
    if (0..what.len()).any(repeated) { Err(Trouble::Repeated) } else { Ok(()) }
}

fn take_all(
    from: &mut Purse,
    what: &[Pick],
    fresh: &mut dyn FnMut() -> ThingId,
) -> std::result::Result<Vec<Thing>, Trouble> {
    what.iter().map(|pick| from.take(pick, fresh)).collect()
}

fn put_all(into: &mut Purse, things: Vec<Thing>) -> std::result::Result<(), Trouble> {
    things.into_iter().try_for_each(|thing| into.put(thing))
}

fn fresh_id(host: &mut dyn Host, salt: [u64; 2]) -> ThingId {
    let [high, low] = salt.map(|salt| host.random() ^ salt);
    ThingId::of(u128::from(high) << 64 | u128::from(low))
}

/// Spreads a number over 64 bits: two rounds of multiply and shift.
const fn scatter(number: u64) -> u64 {
    let mixed = (number ^ (number >> 32)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_client_is_told_what_has_changed_and_what_is_gone() {
        let thing = |id, kind, count| Thing::new(ThingId::of(id), kind, count).unwrap();
        let (mut before, mut after) = (Purse::default(), Purse::default());
        for purse in [&mut before, &mut after] {
            purse.put(thing(1, "coin", Some(5))).unwrap();
            purse.put(thing(2, "key", None)).unwrap();
            purse.put(thing(3, "map", None)).unwrap();
        }
        after.take(&Pick::some(ThingId::of(1), 2), &mut || ThingId::of(9)).unwrap();
        after.take(&Pick::all(ThingId::of(2)), &mut || ThingId::of(9)).unwrap();
        after.put(thing(4, "rope", None)).unwrap();
        let changes = serde_json::to_value(Changes::between(&before, &after)).unwrap();
        let id = |number| ThingId::of(number).to_string();
        let expected = serde_json::json!({
            "set": [{ "id": id(1), "kind": "coin", "count": 3 }, { "id": id(4), "kind": "rope" }],
            "gone": [id(2)],
        });
        assert_eq!(changes, expected);
    }

    #[test]
    fn neighbouring_numbers_scatter_far() {
        let numbers: std::collections::BTreeSet<u64> = (0..10_000).map(scatter).collect();
        assert_eq!(numbers.len(), 10_000);
        assert!((scatter(1) ^ scatter(2)).count_ones() > 16);
    }

    #[test]
    fn picks_are_few_and_each_thing_is_named_once() {
        let pick = |id| Pick::all(ThingId::of(id));
        assert_eq!(check_picks(&[pick(1), pick(2)]), Ok(()));
        assert_eq!(check_picks(&[pick(1), pick(2), pick(1)]), Err(Trouble::Repeated));
        let many: Vec<Pick> = (0..=THINGS_AT_ONCE as u128).map(pick).collect();
        assert_eq!(check_picks(&many), Err(Trouble::TooMany));
    }
}
