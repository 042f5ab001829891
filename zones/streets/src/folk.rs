//! The townsfolk: at the market by day and late into the evening, at their doors by night, and afraid of what hunts here.
//!
//! What each of them saw, or was told, of the hunter stays with her for a while: the group's memories fade.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_zone::behaviour::{Behaved, Clock, Group, Schedule, Senses, Stand, Trace, Wander, Wary};
use wod_zone::{Ctx, EntityId, Interaction, Npc, Point, Result, Spawn, Tag};

use crate::{PREDATOR, Streets, TALKING_DISTANCE};

/// Who lives here, each at one of the map's places `door`, in their order.
const NAMES: [&str; 4] = ["Nadia", "Mr. Boothe", "Lark", "Old Efrem"];
/// When the market opens, and when the last of them go home, h.
const MARKET: (f32, f32) = (7.0, 23.0);
/// How far they see the hunter, m.
const SIGHT: f32 = 16.0;
/// How far the alarm carries among them, m: over the market, and not to those who are at home.
const EARSHOT: f32 = 30.0;
/// How long they remember the hunter.
const REMEMBERED: Duration = Duration::from_secs(180);

/// What they can know of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rumour {
    /// That one hunts.
    Hunts,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Folk {
    group: Group<Rumour>,
}

// What a zone saved before there were any: nobody.
impl Default for Folk {
    fn default() -> Self {
        Self { group: Group::new().earshot(EARSHOT).fading_over(REMEMBERED) }
    }
}

impl Folk {
    /// Brings them here, unless they are.
    pub fn settle(&mut self, ctx: &mut Ctx<Streets>) -> Result {
        if self.group.members().next().is_some() {
            return Ok(());
        }
        for (name, door) in NAMES.into_iter().zip(ctx.places("door")) {
            let spawn = Spawn::new(name, door.at).tag(Tag::near("look", "shopping bag, quick step"));
            let npc = ctx.spawn_npc(spawn.verb("ask", "Ask what she has seen", TALKING_DISTANCE))?;
            self.group.join(npc)?;
        }
        let clock = crate::clock(ctx);
        self.live_by(ctx, clock)
    }

    /// Gives them their days by this clock.
    pub fn live_by(&self, ctx: &mut Ctx<Streets>, clock: Clock) -> Result {
        let market = ctx.place("market")?;
        let doors = ctx.places("door");
        for (npc, door) in self.group.members().zip(doors) {
            let stroll = Wander::about(market.at, market.radius).pausing(Duration::from_secs(7));
            let day = Schedule::by(clock).between(MARKET.0, MARKET.1, stroll).otherwise(Stand::at(door.at));
            // Their eyes are on those who bear the tag; lamps are where they run.
            let wary = Wary::with(Senses::of(PREDATOR).sight(SIGHT)).hiding_at("lamp").pace(4.5);
            ctx.behave(npc, wary.during(day))?;
        }
        Ok(())
    }

    /// Whether this NPC is one of them.
    pub fn has(&self, npc: Npc) -> bool {
        self.group.has(npc)
    }

    /// One of them has something to report.
    pub fn behaved(&mut self, ctx: &mut Ctx<Streets>, npc: Npc, what: Behaved) -> Result {
        match what {
            Behaved::Noticed(threat) => self.cry(ctx, npc, threat),
            Behaved::Safe => ctx.emote(npc, "leans on the wall until the breath comes back."),
            _ => Ok(()),
        }
    }

    /// One of them sees the hunter: those within earshot run too, whether they see it or not.
    fn cry(&mut self, ctx: &mut Ctx<Streets>, npc: Npc, threat: EntityId) -> Result {
        let at = ctx.at(threat).unwrap_or_default();
        let is_news = self.group.learn(npc, ctx.game_ms(), Trace::of(threat, Rumour::Hunts).at(at));
        if !is_news {
            // Whoever knows runs without a word.
            return Ok(());
        }
        let line = ctx.pick(&["It's out! Run!", "Behind you! Into the light!"]).copied().unwrap_or_default();
        ctx.shout(npc, line)?;
        for other in self.group.call(ctx, npc) {
            ctx.alert(other, threat, at);
        }
        Ok(())
    }

    /// Somebody asks one of them what she has seen.
    pub fn asked(&self, ctx: &mut Ctx<Streets>, npc: Npc, hunter: Npc, interaction: &Interaction) -> Result {
        let known = self.group.knows(npc).map_or(0.0, |memory| memory.strength(ctx.game_ms(), hunter, &Rumour::Hunts));
        let answer = if known > 0.5 {
            "It was right there. Don't stand in the dark with your back to a corner."
        } else if known > 0.0 {
            "Something ran there, a while ago. I did not look twice."
        } else {
            "A quiet evening. They say that means it is listening."
        };
        ctx.face(npc, interaction.player())?;
        ctx.say(npc, answer)
    }
}

/// Lets so many people stroll about, each round a spot of her own in sight of a lamp. They look out for the hunter like those who live
/// here, and tell nobody.
pub fn pass_by(ctx: &mut Ctx<Streets>, count: usize) -> Result {
    let lamps = ctx.places("lamp");
    let (south_west, north_east) = ctx.bounds();
    let mut left = count;
    // Some spots lie inside of walls.
    for _ in 0..16 * count {
        if left == 0 {
            break;
        }
        let spot = Point::new(ctx.random_in(south_west.x..north_east.x), ctx.random_in(south_west.y..north_east.y));
        if lamps.iter().any(|lamp| ctx.line_of_sight(spot, lamp.at)) {
            let npc = ctx.spawn_npc(Spawn::new("Passer-by", spot).tag(Tag::near("look", "collar up")))?;
            let stroll = Wander::about(spot, 8.0).pausing(Duration::from_secs(7));
            ctx.behave(npc, Wary::with(Senses::of(PREDATOR).sight(SIGHT)).hiding_at("lamp").pace(4.5).during(stroll))?;
            left -= 1;
        }
    }
    Ok(())
}
