//! wip
use serde::{Deserialize, Serialize};
use wod_zone::{Ctx, EnterReason, Player, Result, Zone};

/// wip
#[derive(Serialize, Deserialize)]
pub struct Lobby {
    visits: u64,
}

impl Zone for Lobby {
    const NAME: &'static str = "lobby";
    type Timer = ();
    type Player = ();

    fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
        Ok(Self { visits: 0 })
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
        self.visits += 1;
        wod_zone::info!(ctx, player = player, "hello {}", self.visits);
        ctx.tell(player, "visit", &self.visits)
    }
}

wod_zone::export!(Lobby);
