//! Honest work: a crate from the pile to the scale.

use std::time::Duration;

use wod_zone::verbs::{Begun, Need, Rule};
use wod_zone::{Ctx, Interaction, Object, Player, Result, Spawn, Tag};

use crate::{COIN, Docker, Docks, price};

/// From how far pile and scale offer their verbs, m. The pile is large; how near one must really be, its rule says.
const REACH: f32 = 4.0;

/// Takes two seconds on the spot. Who walks off meanwhile has lifted nothing.
static LIFT: Rule<Docker> = Rule::new("lift")
    .within(3.5)
    .needs(&[Need::Player(|docker: &Docker| !docker.loaded, "Your arms are full.")])
    .takes(Duration::from_secs(2))
    .seen("takes a crate from the pile");

static WEIGH: Rule<Docker> = Rule::new("weigh")
    .within(3.5)
    .needs(&[Need::Player(|docker: &Docker| docker.loaded, "There is nothing in your arms.")])
    .seen("sets a crate on the scale");

/// Puts pile and scale where the map has them.
pub(crate) fn place(ctx: &mut Ctx<Docks>) -> Result<(Object, Object)> {
    let pile = Spawn::new("Pile of crates", ctx.place("pile")?.at).tag(Tag::near("look", "crates on a pallet"));
    let scale = Spawn::new("Scale", ctx.place("scale")?.at).tag(Tag::near("look", "platform scale"));
    let pile = ctx.spawn_object(pile.verb("lift", "Lift a crate", REACH))?;
    Ok((pile, ctx.spawn_object(scale.verb("weigh", "Set the crate down", REACH))?))
}

pub(crate) fn lift(ctx: &mut Ctx<Docks>, interaction: &Interaction) -> Result {
    // It takes its time, so there is nothing to do yet: `lifted` follows.
    let _: Begun = ctx.attempt(&LIFT, interaction)?;
    Ok(())
}

pub(crate) fn lifted(ctx: &mut Ctx<Docks>, player: Player) -> Result {
    ctx.player_mut(player)?.loaded = true;
    Ok(())
}

impl Docks {
    pub(crate) fn weigh(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let player = interaction.player();
        let _: Begun = ctx.attempt(&WEIGH, interaction)?;
        // First what may fail, for want of room in her purse; then what she has done.
        ctx.mint_stack(player, COIN, price(ctx, "wage"))?;
        let docker = ctx.player_mut(player)?;
        (docker.loaded, docker.crates) = (false, docker.crates + 1);
        ctx.count("crates", 1);
        Ok(())
    }

    /// Somebody comes in whom the docks last saw with a crate: it lies at the gate, or wherever her light went out.
    pub(crate) fn left_it_lying(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        let docker = ctx.player_mut(player)?;
        (docker.loaded, docker.dropped) = (false, docker.dropped + 1);
        ctx.whisper(
            self.bea(),
            player,
            "That crate you had? It stayed. They do, at the gate. I'll remember it for you.",
        )
    }
}
