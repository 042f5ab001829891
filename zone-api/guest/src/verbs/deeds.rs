//! What players do that takes time, and how long they wait before they may do it again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::{EntityId, Player, TimerId};
use crate::parts::Watch;
use crate::types::{Hearers, Point};
use crate::verbs::{Begun, COOLDOWNS, Rule, SWAY_METRES, gone, parse};
use crate::zone::{Interaction, Zone};

/// Between two looks at a deed in progress.
const LOOK: Duration = Duration::from_millis(250);

/// Something that a player does and that takes time.
///
/// ```
/// use wod_zone::verbs::Deed;
/// use wod_zone::{Ctx, Result, Zone};
/// #[derive(serde::Deserialize)]
/// struct Dial { number: String }
/// /// Done dialling: what she dialled is in the args, who and where she is in the deed.
/// fn completed<Z: Zone>(ctx: &mut Ctx<Z>, deed: &Deed) -> Result {
///     let Dial { number } = deed.args_as()?;
///     wod_zone::info!(ctx, number = number, "a call from the telephone at {:?}", deed.at);
///     ctx.show_deed(deed.player, deed.target, "hangs up")
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// Who does it.
    pub player: Player,
    /// To what.
    pub target: EntityId,
    /// The verb.
    pub verb: String,
    /// JSON text, as the interaction had it.
    pub args: String,
    /// Where she stood when she began.
    pub at: Point,
    begun_ms: u64,
    takes_ms: u64,
    within: Option<f32>,
    cooldown_ms: u64,
    #[serde(default)]
    look: Option<TimerId>,
}

impl Deed {
    /// The args as a value.
    ///
    /// # Errors
    /// As [`Interaction::args_as`].
    pub fn args_as<T: DeserializeOwned>(&self) -> Result<T> {
        parse(&self.verb, &self.args)
    }
}

/// Why a deed came to nothing.
///
/// ```
/// use wod_zone::verbs::{Deed, Interruption};
/// use wod_zone::{Ctx, Result, Zone};
/// /// Who is hurt drops the tools; who only walks off may come back.
/// fn interrupted<Z: Zone>(ctx: &mut Ctx<Z>, deed: &Deed, why: Interruption) -> Result {
///     match why {
///         Interruption::Hurt => ctx.clear_flag(deed.player, "has picks"),
///         _ => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// She walked off, or the target did.
    Moved,
    /// She left the zone.
    Left,
    /// Her connection is lost.
    Away,
    /// What she did it to is not here any more.
    TargetGone,
    /// Somebody hurt her: for the zone to say.
    Hurt,
    /// She began something else.
    OtherDeed,
    /// The zone stopped it.
    Stopped,
}

/// Deeds in progress, and pauses before some can be done again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Deeds {
    /// At most one a player.
    running: BTreeMap<Player, Deed>,
    /// Until when, ms of game time, by player and verb.
    pauses: BTreeMap<Player, BTreeMap<String, u64>>,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Holds an interaction against a rule. What takes no time counts as done with it; what takes time begins, in place of whatever the
    /// player was doing.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wod_zone::verbs::{Begun, Rule};
    /// # use wod_zone::{Ctx, Interaction, Result, Zone};
    /// fn ring_the_bell<Z: Zone>(ctx: &mut Ctx<Z>, rule: &Rule<Z::Player>, interaction: &Interaction) -> Result {
    ///     match ctx.attempt(rule, interaction)? {
    ///         Begun::Now => ctx.tell_all("sound", &"bell"),
    ///         Begun::Later => Ok(()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// What the player reads: the condition that does not hold.
    pub fn attempt(&mut self, rule: &Rule<Z::Player>, interaction: &Interaction) -> Result<Begun> {
        let player = interaction.player();
        self.check(rule, player, interaction.target)?;
        self.check_cooldown(player, rule.verb)?;
        if rule.takes.is_zero() {
            self.start_cooldown(player, rule.verb, rule.cooldown);
            self.show_rule(rule, player, interaction.target);
            return Ok(Begun::Now);
        }
        let at = self.at(player).ok_or_else(gone)?;
        let deed = Deed {
            player,
            target: interaction.target,
            verb: rule.verb.to_owned(),
            args: interaction.args.clone(),
            at,
            begun_ms: self.game_ms(),
            takes_ms: millis(rule.takes),
            within: rule.within,
            cooldown_ms: millis(rule.cooldown),
            look: None,
        };
        // The zone hears of it at the end of this event.
        self.interrupt(player, Interruption::OtherDeed);
        self.memory.core.parts.deeds.running.insert(player, deed);
        if let Err(error) = self.look_at_deed_again(player) {
            self.memory.core.parts.deeds.running.remove(&player);
            return Err(error);
        }
        self.show_rule(rule, player, interaction.target);
        self.show_progress(player);
        Ok(Begun::Later)
    }

    /// What a player is doing that takes time.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// fn is_busy<Z: Zone>(ctx: &Ctx<Z>, player: Player) -> bool {
    ///     ctx.doing(player).is_some_and(|deed| deed.verb == "pick")
    /// }
    /// ```
    pub fn doing(&self, player: Player) -> Option<&Deed> {
        self.memory.core.parts.deeds.running.get(&player)
    }

    /// Ends what a player is doing, if it is anything; [`Zone::interrupted`] is called when this handler has ended. For what the SDK
    /// can't see: she is hurt, the alarm goes off.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Zone};
    /// # use wod_zone::verbs::Interruption;
    /// fn bite<Z: Zone>(ctx: &mut Ctx<Z>, victim: Player) {
    ///     ctx.interrupt(victim, Interruption::Hurt);
    /// }
    /// ```
    pub fn interrupt(&mut self, player: Player, why: Interruption) {
        let Some(deed) = self.memory.core.parts.deeds.running.remove(&player) else { return };
        if let Some(look) = deed.look {
            self.cancel(look);
        }
        self.tell_over(&deed, why.code(), None);
        self.memory.call.interrupted.push((deed, why));
    }

    /// Whether the player has to wait before she may do this again, and how long.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// fn oracle<Z: Zone>(ctx: &mut Ctx<Z>, oracle: Npc, player: Player) -> Result {
    ///     match ctx.cooldown(player, "ask") {
    ///         Some(left) => ctx.whisper(oracle, player, format!("Come back in {} minutes.", left.as_secs() / 60 + 1)),
    ///         None => ctx.whisper(oracle, player, "Ask."),
    ///     }
    /// }
    /// ```
    pub fn cooldown(&self, player: Player, verb: &str) -> Option<Duration> {
        let until = *self.memory.core.parts.deeds.pauses.get(&player)?.get(verb)?;
        until.checked_sub(self.game_ms()).filter(|left| *left > 0).map(Duration::from_millis)
    }

    /// The player can't do this again for so long. [`Ctx::attempt`] sets it by its rule; zero ends it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wod_zone::{Ctx, Player, Zone};
    /// fn forgiven<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) {
    ///     ctx.start_cooldown(player, "pick", Duration::ZERO);
    ///     assert_eq!(ctx.cooldown(player, "pick"), None);
    /// }
    /// ```
    pub fn start_cooldown(&mut self, player: Player, verb: &str, pause: Duration) {
        let now_ms = self.game_ms();
        self.memory.core.parts.deeds.pause(player, verb, now_ms, millis(pause));
    }

    /// # Errors
    /// For the player to read: she must wait.
    pub(crate) fn check_cooldown(&self, player: Player, verb: &str) -> Result {
        match self.cooldown(player, verb) {
            None => Ok(()),
            Some(left) => {
                let seconds = left.as_millis().div_ceil(1000);
                Err(Error::to_player(format!("You can do that again in {seconds} s.")))
            }
        }
    }

    fn look_at_deed_again(&mut self, player: Player) -> Result {
        let Some(deed) = self.memory.core.parts.deeds.running.get(&player) else { return Ok(()) };
        let left = (deed.begun_ms + deed.takes_ms).saturating_sub(self.game_ms());
        let look = self.watch(LOOK.min(Duration::from_millis(left)), Watch::Deed(player))?;
        if let Some(deed) = self.memory.core.parts.deeds.running.get_mut(&player) {
            deed.look = Some(look);
        }
        Ok(())
    }

    fn show_progress(&mut self, player: Player) {
        #[derive(Serialize)]
        struct Progress<'a> {
            verb: &'a str,
            target: EntityId,
            done_ms: u64,
            all_ms: u64,
        }
        let Some(deed) = self.memory.core.parts.deeds.running.get(&player) else { return };
        let done_ms = self.game_ms().saturating_sub(deed.begun_ms).min(deed.takes_ms);
        let progress = Progress { verb: &deed.verb, target: deed.target, done_ms, all_ms: deed.takes_ms };
        let data = serde_json::to_string(&progress).map_err(Error::from);
        let told = data
            .and_then(|data| Ok(self.host.tell(Hearers::Player(player.id()), "progress".to_owned(), data, true)?));
        self.untold(player, "progress", told);
    }

    /// Tells her that it is over. Who has gone is not told.
    fn tell_over(&mut self, deed: &Deed, how: &str, text: Option<&str>) {
        #[derive(Serialize)]
        struct Over<'a> {
            verb: &'a str,
            target: EntityId,
            how: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            text: Option<&'a str>,
        }
        if !self.is_staying(deed.player) {
            return;
        }
        let over = Over { verb: &deed.verb, target: deed.target, how, text };
        let told = self.tell(deed.player, "progress_over", &over);
        self.untold(deed.player, "progress_over", told);
    }

    /// Why a deed can't go on; none: it can.
    fn why_interrupted(&self, deed: &Deed) -> Option<Interruption> {
        let Some(doer) = self.staying(deed.player) else { return Some(Interruption::Left) };
        let Some(target) = self.entity(deed.target) else { return Some(Interruption::TargetGone) };
        if doer.is_away() {
            return Some(Interruption::Away);
        }
        let swayed = doer.at.distance(deed.at) > SWAY_METRES;
        let parted = deed.within.is_some_and(|most| doer.at.distance(target.at) > most);
        (swayed || parted).then_some(Interruption::Moved)
    }
}

/// Time to look at what a player does.
pub(crate) fn due<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>, player: Player) -> Result {
    let Some(deed) = ctx.memory.core.parts.deeds.running.get(&player) else { return Ok(()) };
    if let Some(why) = ctx.why_interrupted(deed) {
        ctx.interrupt(player, why);
        return Ok(());
    }
    if ctx.game_ms() < deed.begun_ms + deed.takes_ms {
        ctx.show_progress(player);
        return ctx.look_at_deed_again(player);
    }
    let Some(deed) = ctx.memory.core.parts.deeds.running.remove(&player) else { return Ok(()) };
    ctx.start_cooldown(player, &deed.verb, Duration::from_millis(deed.cooldown_ms));
    match zone.completed(ctx, &deed) {
        Ok(()) => {
            ctx.tell_over(&deed, "done", None);
            Ok(())
        }
        Err(Error::ToPlayer(text)) => {
            ctx.tell_over(&deed, "failed", Some(&text));
            Ok(())
        }
        Err(error) => {
            ctx.tell_over(&deed, "failed", Some("That did not work."));
            Err(error)
        }
    }
}

impl Deeds {
    fn pause(&mut self, player: Player, verb: &str, now_ms: u64, pause_ms: u64) {
        if pause_ms == 0 {
            if let Some(mine) = self.pauses.get_mut(&player) {
                mine.remove(verb);
            }
            return;
        }
        self.tidy(player, now_ms);
        let kept: usize = self.pauses.values().map(BTreeMap::len).sum();
        if kept >= COOLDOWNS {
            self.make_room(now_ms);
        }
        let until = now_ms.saturating_add(pause_ms);
        self.pauses.entry(player).or_default().insert(verb.to_owned(), until);
    }

    /// Forgets a player's pauses that are over.
    pub(crate) fn tidy(&mut self, player: Player, now_ms: u64) {
        if let Some(mine) = self.pauses.get_mut(&player) {
            mine.retain(|_, until| *until > now_ms);
            if mine.is_empty() {
                self.pauses.remove(&player);
            }
        }
    }

    /// Forgets what is over, or else what is over first.
    fn make_room(&mut self, now_ms: u64) {
        let first = self.pauses.values().flat_map(BTreeMap::values).min().copied().unwrap_or_default();
        let least = first.max(now_ms);
        for mine in self.pauses.values_mut() {
            mine.retain(|_, until| *until > least);
        }
        self.pauses.retain(|_, mine| !mine.is_empty());
    }
}

impl Interruption {
    fn code(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Left => "left",
            Self::Away => "away",
            Self::TargetGone => "target_gone",
            Self::Hurt => "hurt",
            Self::OtherDeed => "other_deed",
            Self::Stopped => "stopped",
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_forgotten_when_they_are_over_and_the_first_to_end_when_there_are_too_many() {
        let mut deeds = Deeds::default();
        for index in 0..COOLDOWNS as u64 {
            deeds.pause(Player(index), "pick", 0, 1000 + index);
        }
        deeds.pause(Player(8000), "look", 1100, 5000);
        let kept: usize = deeds.pauses.values().map(BTreeMap::len).sum();
        assert_eq!(kept, COOLDOWNS - 101 + 1, "those that ended by 1100 ms are gone");
        for index in 0..200 {
            deeds.pause(Player(1_000_000 + index), "pick", 1100, 60_000);
        }
        let kept: usize = deeds.pauses.values().map(BTreeMap::len).sum();
        assert!(kept <= COOLDOWNS, "{kept}");
        assert!(deeds.pauses.contains_key(&Player(1_000_199)));
    }
}
