//! Past the inspector: who has a paper must say what it says.

use std::time::Duration;

use serde::Deserialize;
use wod_zone::objects::Door;
use wod_zone::{Ctx, Npc, Player, Result};

use crate::{Harbor, Timer, berth, stowaway};

/// What a message about a passenger is about, as the docks send it.
pub(crate) const PASSENGER: &str = "passenger";
/// The barrier of the map, in the middle of the hall.
const GATE: &str = "customs-gate";
/// Papers of passengers who have not come; beyond it that of the lowest number is thrown away.
const PAPERS: usize = 1024;
/// Longest that a paper says, bytes: anything beyond was not written by the docks.
const PAPER_BYTES: usize = 100;

/// A passenger as the docks announce her. Another module wrote it: it may have fields that are not known here.
#[derive(Debug, Deserialize)]
struct Passenger {
    player: Player,
    declared: String,
}

/// Doors for both barriers; hung again, they take up changed settings.
pub(crate) fn hang_doors(ctx: &mut Ctx<Harbor>, officer: Npc) -> Result {
    let open = Duration::from_secs_f64(ctx.config_number("gate_seconds").clamp(2.0, 600.0));
    let doorway = ctx.place("customs-doorway")?.at;
    ctx.add_door(Door::new(GATE, doorway).width(2.0).stays_open(open).kept_by(officer))?;
    // This one stays open until the ship sails.
    let foot = ctx.place("gangway-foot")?.at;
    ctx.add_door(Door::new(berth::GANGWAY, foot).width(2.0))?;
    Ok(())
}

impl Harbor {
    /// The docks tell who comes.
    pub(crate) fn expect(&mut self, _ctx: &mut Ctx<Self>, body: &[u8]) -> Result {
        let passenger: Passenger = wod_zone::decode(body)?;
        if passenger.declared.len() > PAPER_BYTES {
            return Err(format!("a paper of {} bytes for player {}", passenger.declared.len(), passenger.player).into());
        }
        if self.papers.len() >= PAPERS && !self.papers.contains_key(&passenger.player) {
            self.papers.pop_first();
        }
        self.papers.insert(passenger.player, passenger.declared);
        Ok(())
    }

    /// The inspector opens, and is done with her paper.
    pub(crate) fn let_through(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        self.papers.remove(&player);
        ctx.open_door(GATE)?;
        ctx.emote(self.calder(), "stamps something, and a bolt slides back.")
    }

    /// Soup: the inspector turns round to eat it, and the gate is open.
    pub(crate) fn give_bowl(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        let traveller = ctx.player_mut(player)?;
        traveller.bowl = false;
        let for_kit = std::mem::take(&mut traveller.promised);
        self.papers.remove(&player);
        ctx.open_door(GATE)?;
        ctx.face(self.calder(), "harbour-master")?;
        ctx.emote(self.calder(), "turns his chair to the wall, and eats.")?;
        if for_kit {
            ctx.after(stowaway::COURAGE, Timer::KitSlips)?;
        }
        Ok(())
    }

    /// Whose papers are here, for operators.
    pub(crate) fn list_papers(&self, ctx: &Ctx<Self>) -> String {
        if self.papers.is_empty() {
            return "no papers".to_owned();
        }
        let who = |player: &Player| match ctx.name(*player) {
            "" => format!("player {player}, not here"),
            name => name.to_owned(),
        };
        let lines: Vec<String> = self.papers.iter().map(|(player, says)| format!("{}: {says}", who(player))).collect();
        lines.join("\n")
    }
}
