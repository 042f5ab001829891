//! A place where players trade. Who comes for the first time is given coins and rings; a chest stands at hand. Operators ask `census`
//! for every thing here, and where it is.

use serde::{Deserialize, Serialize};
use wod_zone::goods::{Carries, Purse};
use wod_zone::objects::Container;
use wod_zone::trade::{GIVE, TRADE};
use wod_zone::{Ctx, EnterReason, Error, Interaction, Player, Point, Result, Zone};

/// What everybody begins with.
const COINS: u32 = 30;
const RINGS: u32 = 12;

#[derive(Serialize, Deserialize)]
struct Exchange {}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Trader {
    purse: Purse,
    known: bool,
}

impl Carries for Trader {
    fn purse(&self) -> &Purse {
        &self.purse
    }
    fn purse_mut(&mut self) -> &mut Purse {
        &mut self.purse
    }
}

impl Zone for Exchange {
    const NAME: &'static str = "exchange";
    const VERSION: &'static str = "1.0.0";
    const VERBS: &'static [&'static str] = &[TRADE, GIVE, "open", "close", "take", "put"];
    type Timer = ();
    type Player = Trader;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let (low, high) = ctx.bounds();
        let middle = Point::new((low.x + high.x) / 2.0, (low.y + high.y) / 2.0);
        let chest = ctx.add_container(Container::new("Chest", middle))?;
        ctx.mint_stack(chest, "coin", COINS)?;
        Ok(Self {})
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
        ctx.offer_trade(player)?;
        if !std::mem::replace(&mut ctx.player_mut(player)?.known, true) {
            ctx.mint_stack(player, "coin", COINS)?;
            for _ in 0..RINGS {
                ctx.mint(player, "ring")?;
            }
        }
        ctx.tell_purse(player)
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        if ctx.deal(interaction)?.is_some() || ctx.use_object(interaction)? {
            return Ok(());
        }
        Err(Error::to_player("Nobody here does that."))
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            "census" => Ok(ctx.census().to_string()),
            other => Err(format!("`{other}`? Only `census` is answered").into()),
        }
    }
}

wod_zone::export!(Exchange);
