//! Makes port and gangway what the timetable says.

use std::time::Duration;

use wod_zone::behaviour::Clock;
use wod_zone::{Ctx, Player, Result, Spawn, Tag};

use crate::{Harbor, Timer, timetable};

/// The barrier at the foot of the gangway, before the portal into the hold.
pub(crate) const GANGWAY: &str = "gangway";
/// Whose ship takes passengers.
const BOUND_FOR: &str = "New York";
/// Somebody stands on the gangway: the ship waits that much longer.
const PATIENCE: Duration = Duration::from_secs(2);

impl Harbor {
    /// Looks what should lie in port by now, and sees to it. Sets the timer for the next change.
    pub(crate) fn turn_of_the_tide(&mut self, ctx: &mut Ctx<Self>) -> Result {
        if let Some(tide) = self.tide.take() {
            ctx.cancel(tide);
        }
        let (clock, now) = (Clock::of(ctx), ctx.game_ms());
        let due = timetable::in_port(&clock, now);
        let here = self.in_port.as_ref().map(|(ship, _)| ship.as_str());
        let mut wait = timetable::until_change(&clock, now);
        if here != due.map(|call| call.ship) {
            match self.casts_off(ctx) {
                Ok(()) => self.ties_up(ctx, due)?,
                // Nobody is shut in a gangway, nor left hanging on one.
                Err(wod_zone::Error::ToPlayer(_)) => wait = PATIENCE,
                Err(error) => return Err(error),
            }
        }
        self.tide = Some(ctx.after(wait, Timer::Tide)?);
        Ok(())
    }

    pub(crate) fn open_gangway_if_in_port(&mut self, ctx: &mut Ctx<Self>) -> Result {
        let call = timetable::in_port(&Clock::of(ctx), ctx.game_ms());
        match call.filter(|call| call.bound_for == BOUND_FOR) {
            Some(_) => ctx.open_door(GANGWAY),
            None => Ok(()),
        }
    }

    /// Somebody comes out of a container that has come from New York. Bram is there to open it.
    pub(crate) fn came_ashore(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        let traveller = ctx.player_mut(player)?;
        traveller.arrivals += 1;
        let is_first = traveller.arrivals == 1;
        let name = ctx.name(player).to_owned();
        let words = if is_first {
            format!(
                "Up you come, {name}. Los Angeles. It's salt and warm rubber, the smell; you'll stop noticing it, and then you'll miss it."
            )
        } else {
            format!("Up you come, {name}. Same city. They changed nothing for you.")
        };
        ctx.face(self.bram(), player)?;
        ctx.whisper(self.bram(), player, words)?;
        ctx.count("arrivals", 1);
        Ok(())
    }

    fn casts_off(&mut self, ctx: &mut Ctx<Self>) -> Result {
        if ctx.is_door_open(GANGWAY) {
            ctx.close_door(GANGWAY)?;
        }
        if let Some((ship, hull)) = self.in_port.take() {
            ctx.shout(self.teague(), format!("The {ship} casts off."))?;
            ctx.despawn(hull)?;
        }
        Ok(())
    }

    fn ties_up(&mut self, ctx: &mut Ctx<Self>, call: Option<&timetable::Call>) -> Result {
        let Some(call) = call else { return Ok(()) };
        let hull = Spawn::new(call.ship, ctx.place("ship")?.at)
            .tag(Tag::near("look", "a ship at her lines"))
            .tag(Tag::near("title", format!("bound for {}", call.bound_for)));
        self.in_port = Some((call.ship.to_owned(), ctx.spawn_object(hull)?));
        ctx.shout(self.teague(), format!("The {} is in, for {}.", call.ship, call.bound_for))?;
        self.open_gangway_if_in_port(ctx)
    }
}
