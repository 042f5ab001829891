//! What Odile pours, what she writes on the slate, and what it does to one's voice.

use std::time::Duration;

use wod_zone::{Ctx, Error, Player, Result, Tag};

use crate::{Club, Guest, Timer};

/// How long a drink stays with one.
const LASTS: Duration = Duration::from_secs(120);
/// From so many on, one hears it.
pub(crate) const SLURS: u32 = 3;

impl Club {
    /// A drink in the hand, and one on the slate. Water takes one of the others' place.
    pub(crate) fn pour(&mut self, ctx: &mut Ctx<Self>, player: Player, drink: &str) -> Result {
        // The dialogue asks before it offers; whatever a writer makes of it, this holds.
        if !ctx.player(player)?.is_served() {
            return Err(Error::to_player("She wipes the same glass again."));
        }
        let has_had = self.drinks_of(player);
        ctx.after(LASTS, Timer::Sobers(player))?;
        if drink == "water" {
            self.drinks.insert(player, has_had.saturating_sub(1));
        } else {
            self.drinks.insert(player, has_had + 1);
            ctx.player_mut(player)?.tab += 1;
            ctx.count("drinks", 1);
        }
        self.show_drink(ctx, player, Some(drink))
    }

    /// One drink less.
    pub(crate) fn sobers(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        // Gone meanwhile, and perhaps back: then she is sober already.
        let Some(drinks) = self.drinks.get_mut(&player).filter(|_| ctx.is_staying(player)) else { return Ok(()) };
        *drinks = drinks.saturating_sub(1);
        if *drinks == 0 {
            self.drinks.remove(&player);
            self.show_drink(ctx, player, None)?;
        }
        Ok(())
    }

    pub(crate) fn drinks_of(&self, player: Player) -> u32 {
        self.drinks.get(&player).copied().unwrap_or_default()
    }

    /// What she holds is seen by those near.
    fn show_drink(&self, ctx: &mut Ctx<Self>, player: Player, drink: Option<&str>) -> Result {
        match drink {
            Some(drink) => ctx.set_tag(player, Tag::near("holds", drink)),
            None => ctx.remove_tag(player, "holds"),
        }
    }
}

impl Guest {
    /// Whether Odile pours for her: not for one whom Marlow carried out and who has not said that she is sorry.
    pub(crate) fn is_served(&self) -> bool {
        self.thrown_out == 0 || self.sorry
    }
}

/// As one speaks who has had a few.
pub(crate) fn slurred(line: &str) -> String {
    let mut slurred = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        slurred.push(letter);
        // An `sh` is one already.
        let follows_h = letters.peek().is_some_and(|next| matches!(next, 'h' | 'H'));
        if matches!(letter, 's' | 'S') && !follows_h {
            slurred.push('h');
        }
    }
    slurred
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slurred_line_can_still_be_read() {
        assert_eq!(slurred("So she sells ships."), "Sho she shellsh shipsh.");
        assert_eq!(slurred(""), "");
    }
}
