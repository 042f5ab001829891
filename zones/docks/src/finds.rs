//! Containers that nobody has asked for in years, whoever breaks their seals, and whoever sees it.

use std::time::Duration;

use wod_zone::goods::{Pick, Purse};
use wod_zone::objects::Container;
use wod_zone::verbs::{Begun, Deed, Interruption, Need, Rule};
use wod_zone::{Ctx, Interaction, Object, Player, Result, Verb};

use crate::{COIN, Docker, Docks, Timer, pay, price};

/// Opens seals, and is taken away by Halloran.
pub(crate) const CROWBAR: &str = "crowbar";
/// How far Halloran sees, m.
pub(crate) const SIGHT: f32 = 20.0;
/// A key that nobody has: a seal is not opened but broken.
const SEAL: &str = "seal";
/// What may lie in a container: its name, and what Mr. Lisle gives for one.
const FINDS: [(&str, u32); 6] = [
    ("tin of tea", 1),
    ("bottle without a label", 2),
    ("reel of copper", 3),
    ("shortwave radio", 4),
    ("box of glass eyes", 6),
    ("portrait with its face turned away", 8),
];
/// Sorts of things in a full container.
const SORTS: usize = 2;

/// Six seconds, seen by everybody near. Somebody who breaks a seal is no secret; it only matters who looks.
static PRY: Rule<Docker> = Rule::new("pry")
    .within(2.0)
    .needs(&[
        Need::Tag("locked", "That seal is broken already."),
        Need::Player(|docker: &Docker| docker.purse.count_of(CROWBAR) > 0, "Not with bare hands."),
    ])
    .takes(Duration::from_secs(6))
    .seen("sets a crowbar to a seal");

/// Puts the containers where the map has them, sealed and filled.
pub(crate) fn place(ctx: &mut Ctx<Docks>) -> Result<Vec<Object>> {
    let mut lost = Vec::new();
    for (number, place) in (1..).zip(ctx.places("lost")) {
        let container = Container::new(&format!("Container {number}"), place.at).room(FINDS.len()).locked_by(SEAL);
        let container = ctx.add_container(container)?;
        // Besides what every container offers.
        let verbs =
            [("pry", "Break the seal"), ("open", "Open"), ("close", "Close"), ("take", "Take"), ("put", "Put in")];
        ctx.set_verbs(container, verbs.map(|(id, label)| Verb::new(id, label, 2.0)).into())?;
        fill(ctx, container)?;
        lost.push(container);
    }
    Ok(lost)
}

/// What of a purse Mr. Lisle would buy: how many things, and what he gives for all of them.
pub(crate) fn worth(purse: &Purse) -> (u64, u64) {
    FINDS.iter().fold((0, 0), |(count, sum), (kind, each)| {
        let have = purse.count_of(kind);
        (count + have, sum + have * u64::from(*each))
    })
}

/// Sells all that Mr. Lisle buys.
pub(crate) fn sell(ctx: &mut Ctx<Docks>, player: Player) -> Result {
    let purse = &ctx.player(player)?.purse;
    let (_, offer) = worth(purse);
    let is_find = |kind: &str| FINDS.iter().any(|(find, _)| *find == kind);
    // Finds stack, so there are no more of them than sorts.
    let sold: Vec<Pick> =
        purse.things().iter().filter(|thing| is_find(thing.kind())).map(|thing| Pick::all(thing.id())).collect();
    ctx.consume(player, &sold)?;
    ctx.mint_stack(player, COIN, u32::try_from(offer).unwrap_or(u32::MAX))?;
    ctx.count("sold", sold.len() as u64);
    Ok(())
}

pub(crate) fn buy_crowbar(ctx: &mut Ctx<Docks>, player: Player) -> Result {
    pay(ctx, player, price(ctx, "crowbar"))?;
    ctx.mint(player, CROWBAR)?;
    Ok(())
}

/// A new seal, and something behind it when it was emptied. Not while somebody has it open.
pub(crate) fn reseal(ctx: &mut Ctx<Docks>, container: Object) -> Result {
    if ctx.container_holder(container).is_some() {
        ctx.after(Duration::from_secs(30), Timer::Reseal(container))?;
        return Ok(());
    }
    if ctx.contents(container).is_some_and(Purse::is_empty) {
        fill(ctx, container)?;
    }
    ctx.set_locked(container, true)
}

fn fill(ctx: &mut Ctx<Docks>, container: Object) -> Result {
    for _ in 0..SORTS {
        let (kind, _) = *ctx.pick(&FINDS).ok_or("there is nothing to find")?;
        let count = 1 + (ctx.random() % 3) as u32;
        ctx.mint_stack(container, kind, count)?;
    }
    Ok(())
}

impl Docks {
    pub(crate) fn pry(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let _: Begun = ctx.attempt(&PRY, interaction)?;
        self.caught_at_it(ctx, interaction.player())
    }

    pub(crate) fn pried(&mut self, ctx: &mut Ctx<Self>, deed: &Deed) -> Result {
        // He may have stood with his back to her when she began.
        if self.is_seen(ctx, deed.player) {
            return self.book(ctx, deed.player);
        }
        let container = self.lost.iter().find(|container| **container == deed.target).copied();
        let container = container.ok_or("that is none of the lost containers")?;
        ctx.set_locked(container, false)?;
        let minutes = ctx.config_number("reseal_minutes").clamp(0.1, 1440.0);
        ctx.after(Duration::from_secs_f64(minutes * 60.0), Timer::Reseal(container))?;
        ctx.count("seals", 1);
        Ok(())
    }

    /// If she is breaking a seal before Halloran's eyes, that is the end of it.
    pub(crate) fn caught_at_it(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        let is_at_it = ctx.doing(player).is_some_and(|deed| deed.verb == "pry");
        if !is_at_it || !self.is_seen(ctx, player) {
            return Ok(());
        }
        ctx.interrupt(player, Interruption::Stopped);
        self.book(ctx, player)
    }

    fn is_seen(&self, ctx: &Ctx<Self>, player: Player) -> bool {
        let halloran = self.halloran();
        ctx.distance(halloran, player).is_some_and(|metres| metres <= SIGHT) && ctx.sees(halloran, player)
    }

    /// Halloran takes the crowbar away, and writes it down.
    fn book(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        let crowbar = ctx.player(player)?.purse.pick(CROWBAR, 1)?;
        ctx.consume(player, &[crowbar])?;
        ctx.player_mut(player)?.caught += 1;
        let name = ctx.name(player).to_owned();
        ctx.face(self.halloran(), player)?;
        ctx.shout(self.halloran(), format!("You there! {name}! Leave that seal be. That goes in the book."))?;
        ctx.count("caught", 1);
        Ok(())
    }

    /// Which containers are sealed, and what is in them, for operators.
    pub(crate) fn seals(&self, ctx: &Ctx<Self>) -> String {
        let line = |(number, container): (usize, &Object)| {
            let is_sealed = ctx.entity(*container).is_some_and(|view| view.tag("locked") == Some(&true.into()));
            let things =
                ctx.contents(*container).map_or(0, |goods| goods.things().iter().map(|thing| thing.count()).sum());
            format!("container {number}: {}, {things} things", if is_sealed { "sealed" } else { "open" })
        };
        (1..).zip(&self.lost).map(line).collect::<Vec<_>>().join("\n")
    }
}
