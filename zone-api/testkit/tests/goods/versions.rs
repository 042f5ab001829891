//! States that were saved before there were goods.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wod_testkit::World;
use wod_zone::goods::{Carries, Purse};
use wod_zone::{Ctx, EnterReason, Interaction, Npc, Player, Result, Spawn, Zone};

/// A bell, as it was once.
#[derive(Serialize, Deserialize)]
struct Bell {
    bell: Npc,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Ringer {
    times: u32,
}

impl Zone for Bell {
    const NAME: &'static str = "bell";
    const VERBS: &'static [&'static str] = &["ring"];
    type Timer = ();
    type Player = Ringer;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let at = ctx.place("bell")?.at;
        Ok(Self { bell: ctx.spawn_npc(Spawn::new("Bell", at).verb("ring", "Ring", 10.0))? })
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        ctx.player_mut(interaction.player())?.times += 1;
        Ok(())
    }
}

/// The same bell: who has rung it gets a coin for each time.
#[derive(Serialize, Deserialize)]
struct PayingBell {
    bell: Npc,
    #[serde(default)]
    till: Purse,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct PaidRinger {
    times: u32,
    purse: Purse,
}

impl Carries for PaidRinger {
    fn purse(&self) -> &Purse {
        &self.purse
    }
    fn purse_mut(&mut self) -> &mut Purse {
        &mut self.purse
    }
}

impl Zone for PayingBell {
    const NAME: &'static str = "bell";
    const VERSION: &'static str = "0.2.0";
    const VERBS: &'static [&'static str] = &["ring"];
    type Timer = ();
    type Player = PaidRinger;

    fn open(_ctx: &mut Ctx<Self>) -> Result<Self> {
        Err("only ever replaces its elder".into())
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
        ctx.tell_purse(player)
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let player = interaction.player();
        let times = ctx.player(player)?.times;
        ctx.mint_stack(&mut self.till, "coin", times)?;
        let coins = self.till.pick("coin", times)?;
        ctx.transfer(&mut self.till, player, &[coins])
    }
}

#[test]
fn a_zone_and_its_players_of_before_goods_load_and_have_empty_purses() {
    let mut world = World::of::<Bell>().place("bell", 50.0, 50.0, 0.0).spawn(52.0, 50.0).start();
    world.player("Ann").does("ring", "Bell").does("ring", "Bell").does("ring", "Bell");
    world.player("Bob").waits(0.2).does("ring", "Bell").leaves();
    world.swap::<PayingBell>();
    world.player("Ann").does("ring", "Bell");
    let told = world.player("Ann").events().last().cloned();
    let (name, data) = told.unwrap();
    assert_eq!((name.as_str(), &data["set"][0]["count"]), ("goods", &json!(3)));
    // Her record was written before, too.
    let bob = world.player("Bob").waits(0.2);
    let (name, data) = bob.events().last().cloned().unwrap();
    assert_eq!((name.as_str(), &data["things"], &data["room"]), ("purse", &json!([]), &json!(256)));
}
