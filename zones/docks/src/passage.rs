//! Container 17: how one comes to Los Angeles without being seen.
//!
//! The map has the portal inside the container, behind a barrier; who has paid finds that open for a while. The zone on the other
//! side is told who comes and what the paper says she is: a message between modules, delivered exactly once.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_zone::{Ctx, Player, Result};

use crate::{Docks, pay, price};

/// The barrier of the map.
pub(crate) const DOOR: &str = "reefer-door";
/// How long it stays open; longer while somebody stands in it.
pub(crate) const DOOR_OPEN: Duration = Duration::from_secs(20);
/// What a message about a passenger is about.
pub const TOPIC: &str = "passenger";

/// Somebody who comes by container: what the harbor is told, as [`wod_zone::encode`] writes it. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passenger {
    /// Who; players keep their number wherever they go.
    pub player: Player,
    /// What the paper says she is.
    pub declared: String,
}

impl Docks {
    /// Takes the fare, opens the container, tells the harbor.
    pub(crate) fn board(&mut self, ctx: &mut Ctx<Self>, player: Player, declared: &str) -> Result {
        pay(ctx, player, price(ctx, "fare"))?;
        ctx.player_mut(player)?.passages += 1;
        ctx.open_door(DOOR)?;
        ctx.count("passages", 1);
        let harbor = ctx.config_text("harbor").to_owned();
        if harbor.is_empty() {
            return Ok(());
        }
        let passenger = Passenger { player, declared: declared.to_owned() };
        // A harbor that does not exist is the operator's mistake, not the passenger's.
        if let Err(error) = ctx.send(&harbor, TOPIC, wod_zone::encode(&passenger)?) {
            wod_zone::warn!(ctx, harbor = harbor, "the harbor is not told of a passenger: {error}");
        }
        Ok(())
    }
}
