//! Trades, deeds and objects: what the SDK keeps for them, and what it does with them by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::handle::{Object, Player, TimerId, Token};
use crate::memory::Pending;
use crate::objects::{self, Objects};
use crate::trade::{End, Trades};
use crate::types::{EnterReason, Hearers};
use crate::verbs::{self, Deeds, Interruption};
use crate::zone::Zone;

/// Part of the saved state.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Parts {
    pub(crate) trades: Trades,
    pub(crate) deeds: Deeds,
    pub(crate) objects: Objects,
}

/// What a timer of the SDK's own has an eye on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Watch {
    /// Whether the two are still there.
    Trade(Token),
    /// How far it is, and whether it goes on.
    Deed(Player),
    /// Whether a door falls shut, by its barrier.
    Door(String),
    /// Whether who has opened it is still at it.
    Container(Object),
}

/// It is time.
pub(crate) fn due<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>, what: Watch) -> Result {
    match what {
        Watch::Trade(id) => ctx.look_at_trade(id),
        Watch::Deed(player) => verbs::due(zone, ctx, player),
        Watch::Door(barrier) => objects::door_due(ctx, &barrier),
        Watch::Container(object) => objects::container_due(ctx, object),
    }
}

/// A player has come, or is back.
pub(crate) fn entered<Z: Zone>(ctx: &mut Ctx<'_, Z>, player: Player, how: EnterReason) {
    if how == EnterReason::Resumed {
        ctx.show_trade_again(player);
    }
}

/// A player has gone.
pub(crate) fn left<Z: Zone>(ctx: &mut Ctx<'_, Z>, player: Player) {
    ctx.end_trade_because(player, End::Left);
    ctx.interrupt(player, Interruption::Left);
    objects::left(ctx, player);
    let now_ms = ctx.game_ms();
    ctx.memory.core.parts.deeds.tidy(player, now_ms);
}

/// The zone is an older one again: what was going on between players is off.
pub(crate) fn set_back<Z: Zone>(ctx: &mut Ctx<'_, Z>) {
    ctx.end_all_trades();
}

/// Tells the zone what came to nothing while an event was handled.
pub(crate) fn tell_interrupted<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>) -> Result {
    while let Some((deed, why)) = ctx.memory.call.interrupted.pop() {
        zone.interrupted(ctx, &deed, why)?;
    }
    Ok(())
}

impl<Z: Zone> Ctx<'_, Z> {
    /// A timer of the SDK's own, once.
    pub(crate) fn watch(&mut self, after: Duration, what: Watch) -> Result<TimerId> {
        let ticks = self.ticks(after);
        let token = self.memory.core.token();
        self.host.set_timer(token, ticks, None)?;
        self.memory.core.timers.insert(token, Pending::Part(what));
        Ok(token.into())
    }

    /// Goes on though the host refused to tell something (there were too many acts in this call): what was done stays done.
    pub(crate) fn untold(&mut self, player: Player, what: &str, told: Result) {
        if let Err(error) = told {
            crate::warn!(self, player = player, "not told: {what}: {error}");
        }
    }

    /// As [`Ctx::tell`], of what is JSON already.
    pub(crate) fn tell_json(&mut self, player: Player, name: &str, data: String) -> Result {
        Ok(self.host.tell(Hearers::Player(player.id()), name.to_owned(), data, false)?)
    }
}
