//! What is heard where. On the floor a loud set drowns words; in the corners everybody is understood, so nobody may shout there; and
//! Jude, in the last of them, passes on what she is told.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};
use wod_zone::{ChatMode, Ctx, Line, Place, Player, Point, Result, Verdict};

use crate::{Club, bar};

/// Shouts in corners after which Marlow comes.
const SHOUTS_BORNE: u32 = 3;
/// Longest line, characters: the host lets nobody hear a longer one, and slurring makes lines longer.
const LINE_CHARS: usize = 500;
/// How near Jude must be to be spoken to, m.
const CONFIDING_DISTANCE: f32 = 4.0;

impl Club {
    /// What becomes of a line.
    pub(crate) fn weigh(&mut self, ctx: &mut Ctx<Self>, line: &Line) -> Result<Verdict> {
        let is_cornered = ctx.places("corner").iter().any(|corner| is_in(corner, line.at));
        match line.mode {
            ChatMode::Shout if is_cornered => self.hush(ctx, line.speaker),
            ChatMode::Emote => Ok(Verdict::Pass),
            _ => {
                let is_slurred = self.drinks_of(line.speaker) >= bar::SLURS;
                let text: String = match is_slurred {
                    true => bar::slurred(&line.text).chars().take(LINE_CHARS).collect(),
                    false => line.text.clone(),
                };
                // A shout carries over the floor, words don't.
                let is_drowned =
                    line.mode == ChatMode::Say && self.set(ctx).loud && is_in(&ctx.place("floor")?, line.at);
                Ok(match (is_drowned, is_slurred) {
                    (true, _) => Verdict::Change(drowned(&text)),
                    (false, true) => Verdict::Change(text),
                    (false, false) => Verdict::Pass,
                })
            }
        }
    }

    /// Somebody shouts in a corner. Nobody hears it; the third time Marlow carries her up the stairs.
    fn hush(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result<Verdict> {
        let guest = ctx.player_mut(player)?;
        guest.disturbed += 1;
        if guest.disturbed < SHOUTS_BORNE {
            return Ok(Verdict::Veto("A hand comes through the curtain and lays a finger on your lips.".to_owned()));
        }
        (guest.disturbed, guest.thrown_out, guest.sorry) = (0, guest.thrown_out + 1, false);
        let name = ctx.name(player).to_owned();
        ctx.emote(self.marlow(), format!("carries {name} up the stairs, not roughly."))?;
        ctx.count("thrown_out", 1);
        ctx.send_through(player, "stairs")?;
        Ok(Verdict::Veto("Marlow takes you under one arm, and the music gets smaller.".to_owned()))
    }

    /// Marlow sees who comes in.
    pub(crate) fn eye(&mut self, ctx: &mut Ctx<Self>, player: Player) -> Result {
        if ctx.player(player)?.is_served() {
            return Ok(());
        }
        let name = ctx.name(player).to_owned();
        ctx.face(self.marlow(), player)?;
        ctx.whisper(self.marlow(), player, format!("{name}. A word, before you order anything."))
    }

    /// Somebody tells Jude something.
    pub(crate) fn confide(&mut self, ctx: &mut Ctx<Self>, player: Player, text: &str) -> Result {
        let is_near = ctx.distance(self.jude(), player).is_some_and(|metres| metres <= CONFIDING_DISTANCE);
        if !is_near || !self.rumours.keep(player, text) {
            return Ok(());
        }
        ctx.count("rumours", 1);
        ctx.whisper(self.jude(), player, "Mm. It's gone in. Now ask me for one.")
    }
}

/// What was said to Jude, one of each guest, the oldest first. Players' own words: bounded, told without a name, and an operator can
/// read and clear them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Rumours {
    kept: VecDeque<Rumour>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rumour {
    from: Player,
    text: String,
}

impl Rumours {
    /// Older ones are forgotten.
    const KEPT: usize = 64;
    /// Nobody remembers a longer one, characters.
    const LONGEST: usize = 160;
    /// A shorter one says nothing, characters.
    const SHORTEST: usize = 8;
    /// How long the same one is told, ms of game time.
    const TOLD_MS: u64 = 30_000;

    /// Keeps it in place of the guest's last one. False: it is none.
    fn keep(&mut self, from: Player, text: &str) -> bool {
        let text = text.trim();
        if !(Self::SHORTEST..=Self::LONGEST).contains(&text.chars().count()) {
            return false;
        }
        self.forget(from);
        if self.kept.len() >= Self::KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Rumour { from, text: text.to_owned() });
        true
    }

    pub(crate) fn forget(&mut self, from: Player) {
        self.kept.retain(|rumour| rumour.from != from);
    }

    pub(crate) fn has_of(&self, player: Player) -> bool {
        self.kept.iter().any(|rumour| rumour.from == player)
    }

    /// How many there are that a guest can be told: not her own.
    pub(crate) fn count_for(&self, listener: Player) -> u32 {
        self.of_others(listener).count() as u32
    }

    /// One of them: another after a while. Empty: there is none.
    pub(crate) fn one_for(&self, listener: Player, game_ms: u64) -> String {
        let count = u64::from(self.count_for(listener)).max(1);
        let index = (game_ms / Self::TOLD_MS) % count;
        self.of_others(listener).nth(index as usize).map(|rumour| rumour.text.clone()).unwrap_or_default()
    }

    fn of_others(&self, listener: Player) -> impl Iterator<Item = &Rumour> {
        self.kept.iter().filter(move |rumour| rumour.from != listener)
    }
}

impl fmt::Display for Rumours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kept.is_empty() {
            return f.write_str("no rumours");
        }
        let lines: Vec<String> =
            self.kept.iter().map(|rumour| format!("player {}: {}", rumour.from, rumour.text)).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Whether the line contains the word, whatever its case and the signs about it.
pub(crate) fn speaks_word(line: &str, word: &str) -> bool {
    let wanted = word.to_lowercase();
    line.split(|c: char| !c.is_alphanumeric()).any(|spoken| !spoken.is_empty() && spoken.to_lowercase() == wanted)
}

fn is_in(place: &Place, at: Point) -> bool {
    place.at.distance(at) <= place.radius
}

/// What is left of a line on the floor: every other word.
fn drowned(line: &str) -> String {
    let words = line.split_whitespace().enumerate();
    words.map(|(index, word)| if index % 2 == 0 { word } else { "…" }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Player = Player(1);
    const BOB: Player = Player(2);

    #[test]
    fn the_floor_leaves_every_other_word() {
        assert_eq!(drowned("Meet me at the stairs"), "Meet … at … stairs");
        assert_eq!(drowned("Stop!"), "Stop!");
    }

    #[test]
    fn jude_keeps_one_of_each_and_tells_nobody_her_own() {
        let mut rumours = Rumours::default();
        assert!(rumours.keep(ANN, "I was not there.") && rumours.keep(ANN, "I was there after all."));
        assert_eq!((rumours.count_for(ANN), rumours.count_for(BOB)), (0, 1));
        assert_eq!(rumours.one_for(BOB, 0), "I was there after all.");
        assert_eq!(rumours.one_for(ANN, 0), "");
        assert!(!rumours.keep(BOB, "Hm.") && !rumours.keep(BOB, &"x".repeat(161)));
        rumours.forget(ANN);
        assert_eq!(rumours, Rumours::default());
    }

    #[test]
    fn a_box_of_rumours_is_never_full() {
        let mut rumours = Rumours::default();
        for player in 0..=Rumours::KEPT as u64 {
            assert!(rumours.keep(Player(player), "something true"));
        }
        assert!(!rumours.has_of(Player(0)) && rumours.has_of(Player(1)));
    }
}
