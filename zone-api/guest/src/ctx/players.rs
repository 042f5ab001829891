//! Who is here, and what is remembered of them.

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::{EntityId, Player};
use crate::memory::PlayerSlot;
use crate::types::View;
use crate::zone::Zone;

impl<Z: Zone> Ctx<'_, Z> {
    /// Everybody here, in order of id.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// /// Everybody who is in the prince's debt.
    /// fn debtors<Z: Zone>(ctx: &Ctx<Z>) -> Vec<Player> {
    ///     ctx.players().filter(|player| ctx.has_flag(*player, "indebted")).collect()
    /// }
    /// ```
    pub fn players(&self) -> impl Iterator<Item = Player> + '_ {
        self.memory.players.keys().copied()
    }

    /// The entity as a player, if it is one of this zone's (not a ghost).
    ///
    /// ```
    /// # use wod_zone::{Ctx, Heard, Player, Zone};
    /// /// Of somebody beyond the border nothing is remembered.
    /// fn who_spoke<Z: Zone>(ctx: &Ctx<Z>, heard: &Heard) -> Option<Player> {
    ///     ctx.as_player(heard.speaker)
    /// }
    /// ```
    pub fn as_player(&self, entity: impl Into<EntityId>) -> Option<Player> {
        let player = Player(entity.into().0);
        self.memory.players.contains_key(&player).then_some(player)
    }

    /// Whether a player is here and stays so for this tick: what is changed of her now is kept. Not of one who has crossed the border,
    /// or gone otherwise, a moment before: the event that tells it ([`Zone::left`]) is yet to come, but she has taken along what was saved
    /// until then. Ask before you give somebody what another loses.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// fn can_be_paid<Z: Zone>(ctx: &Ctx<Z>, winner: Player) -> bool {
    ///     ctx.is_staying(winner)
    /// }
    /// ```
    pub fn is_staying(&self, player: Player) -> bool {
        self.staying(player).is_some()
    }

    /// The player as she stands here, if she is one who stays.
    pub(crate) fn staying(&self, player: Player) -> Option<View> {
        let known = self.memory.players.contains_key(&player) && !self.memory.call.is_leaving(player);
        self.entity(player).filter(|view| known && !view.ghost)
    }

    /// A player's name; empty when she is not here.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn announce<Z: Zone>(ctx: &mut Ctx<Z>, usher: Npc, guest: Player) -> Result {
    ///     let line = format!("{}, of nowhere in particular.", ctx.name(guest));
    ///     ctx.say(usher, line)
    /// }
    /// ```
    pub fn name(&self, player: Player) -> &str {
        self.memory.players.get(&player).map_or("", |slot| slot.name.as_str())
    }

    /// What is remembered of a player. An error when she is not here.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// #[derive(Default, Serialize, Deserialize)]
    /// #[serde(default)]
    /// struct Known { visits: u32 }
    ///
    /// fn is_regular<Z: Zone<Player = Known>>(ctx: &Ctx<Z>, player: Player) -> Result<bool> {
    ///     Ok(ctx.player(player)?.visits > 10)
    /// }
    /// ```
    pub fn player(&self, player: Player) -> Result<&Z::Player> {
        self.memory.players.get(&player).map(|slot| &slot.state).ok_or_else(|| absent(player))
    }

    /// What is remembered of a player, to change it: saved with her at the end of this tick.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// #[derive(Default, Serialize, Deserialize)]
    /// #[serde(default)]
    /// struct Known { visits: u32 }
    ///
    /// fn greet<Z: Zone<Player = Known>>(ctx: &mut Ctx<Z>, player: Player) -> Result<u32> {
    ///     let known = ctx.player_mut(player)?;
    ///     known.visits += 1;
    ///     Ok(known.visits)
    /// }
    /// ```
    pub fn player_mut(&mut self, player: Player) -> Result<&mut Z::Player> {
        Ok(&mut self.slot_mut(player)?.state)
    }

    /// Whether a script's flag is set for a player.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn at_the_door<Z: Zone>(ctx: &mut Ctx<Z>, doorkeeper: Npc, guest: Player) -> Result {
    ///     let line = if ctx.has_flag(guest, "banned") { "Not you." } else { "Good evening." };
    ///     ctx.say(doorkeeper, line)
    /// }
    /// ```
    pub fn has_flag(&self, player: Player, flag: &str) -> bool {
        self.memory.players.get(&player).is_some_and(|slot| slot.flags.contains(flag))
    }

    /// Sets a script's flag for a player; kept with her like [`Zone::Player`].
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn caught_feeding<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.set_flag(player, "banned")
    /// }
    /// ```
    pub fn set_flag(&mut self, player: Player, flag: &str) -> Result {
        if !self.has_flag(player, flag) {
            self.slot_mut(player)?.flags.insert(flag.to_owned());
        }
        Ok(())
    }

    /// Clears a script's flag for a player.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// fn pardoned<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> Result {
    ///     ctx.clear_flag(player, "banned")
    /// }
    /// ```
    pub fn clear_flag(&mut self, player: Player, flag: &str) -> Result {
        if self.has_flag(player, flag) {
            self.slot_mut(player)?.flags.remove(flag);
        }
        Ok(())
    }

    /// Her slot, marked for saving: its bytes of before are kept to see whether anything really changed.
    pub(crate) fn slot_mut(&mut self, player: Player) -> Result<&mut PlayerSlot<Z::Player>> {
        let slot = self.memory.players.get_mut(&player).ok_or_else(|| absent(player))?;
        if let std::collections::btree_map::Entry::Vacant(untouched) = self.memory.touched.entry(player) {
            untouched.insert(slot.encode::<Z>()?);
        }
        Ok(slot)
    }
}

fn absent(player: Player) -> Error {
    Error::Other(format!("player {player} is not in this zone"))
}
