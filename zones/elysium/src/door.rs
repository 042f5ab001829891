//! The doorkeeper: hears the word, minds the door, minds the manners.

use std::time::Duration;

use wod_zone::{Ctx, Filter, Player, Result};

use crate::court::Conduct;
use crate::{Elysium, Timer};

/// The barrier of the map.
const DOOR: &str = "salon-door";
/// How long it stays open.
const DOOR_OPEN: Duration = Duration::from_secs(15);
/// Nobody within so many metres of its middle when it falls shut.
const DOORWAY: f32 = 2.0;
/// Somebody stands in the doorway: he waits that much longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// He explains himself unasked at most this often, ms of game time.
const HINT_EVERY_MS: u64 = 10_000;
/// Shouts after which he does more than ask.
const SHOUTS_BORNE: u32 = 3;
/// What he does then.
const SILENCE: Duration = Duration::from_secs(30);

impl Elysium {
    /// Somebody says something near him.
    pub(crate) fn listen(&mut self, ctx: &mut Ctx<Self>, guest: Player, line: &str) -> Result {
        if speaks_word(line, ctx.config_text("password")) {
            return self.open_door(ctx, guest);
        }
        let about_the_door = ["door", "salon", "open"].iter().any(|word| speaks_word(line, word));
        let said_lately = self.hinted_ms.is_some_and(|then| ctx.game_ms() < then + HINT_EVERY_MS);
        if about_the_door && !said_lately { self.explain(ctx, guest) } else { Ok(()) }
    }

    /// Somebody shouts in the house: he is at her ear at once, wherever she stands.
    pub(crate) fn hush(&mut self, ctx: &mut Ctx<Self>, guest: Player) -> Result {
        let known = ctx.player_mut(guest)?;
        known.shouts += 1;
        let shouts = known.shouts;
        let name = ctx.name(guest).to_owned();
        self.conduct(ctx, guest, Conduct::Shouted)?;
        ctx.face(self.doorkeeper, guest)?;
        if shouts < SHOUTS_BORNE {
            return ctx.whisper(self.doorkeeper, guest, format!("{name}. Voices stay low under this roof."));
        }
        ctx.mute(guest, SILENCE)?;
        ctx.whisper(self.doorkeeper, guest, format!("That was once too often, {name}. Be silent for a while."))
    }

    /// Says what he waits for.
    pub(crate) fn explain(&mut self, ctx: &mut Ctx<Self>, guest: Player) -> Result {
        self.hinted_ms = Some(ctx.game_ms());
        ctx.face(self.doorkeeper, guest)?;
        ctx.say(self.doorkeeper, "The salon is for those who know what to say to me. Softly.")
    }

    /// The door falls shut, but on nobody.
    pub(crate) fn close_door(&mut self, ctx: &mut Ctx<Self>) -> Result {
        let doorway = ctx.place("doorway")?.at;
        if !ctx.nearby(doorway, DOORWAY, &Filter::default().except(self.doorkeeper), 1).is_empty() {
            self.closing = Some(ctx.after(PATIENCE, Timer::CloseDoor)?);
            return Ok(());
        }
        self.closing = None;
        ctx.close_barrier(DOOR)
    }

    fn open_door(&mut self, ctx: &mut Ctx<Self>, guest: Player) -> Result {
        let name = ctx.name(guest).to_owned();
        ctx.face(self.doorkeeper, guest)?;
        ctx.say(self.doorkeeper, format!("After you, {name}."))?;
        ctx.open_barrier(DOOR)?;
        if let Some(pending) = self.closing.take() {
            ctx.cancel(pending);
        }
        self.closing = Some(ctx.after(DOOR_OPEN, Timer::CloseDoor)?);
        ctx.count("door_opened", 1);
        Ok(())
    }
}

/// Whether the line contains the word, whatever its case and the signs about it.
fn speaks_word(line: &str, word: &str) -> bool {
    let wanted = word.to_lowercase();
    line.split(|c: char| !c.is_alphanumeric()).any(|spoken| !spoken.is_empty() && spoken.to_lowercase() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_in_any_case_and_only_as_a_whole() {
        assert!(speaks_word("They told me: Ember!", "ember"));
        assert!(!speaks_word("November", "ember"));
        assert!(!speaks_word("", ""));
    }
}
