//! Verbs with conditions: who may do it, how near, how often, how long it takes, and what those see who stand by.
//!
//! A [`Rule`] says it once, in a constant; [`Ctx::attempt`] holds a player's interaction against it. What takes time goes on by itself:
//! [`Zone::completed`] is called when it is done, [`Zone::interrupted`] when it came to nothing, because she walked off, left, did
//! something else, or because the zone says so ([`Ctx::interrupt`]).
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//! use wod_zone::verbs::{Begun, Deed, Interruption, Need, Rule};
//! use wod_zone::{Ctx, Interaction, Object, Result, Spawn, Tag, Zone};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! #[serde(default)]
//! struct Burglar {
//!     has_picks: bool,
//! }
//!
//! static PICK_LOCK: Rule<Burglar> = Rule::new("pick")
//!     .within(1.5)
//!     .needs(&[
//!         Need::Tag("locked", "It is not locked."),
//!         Need::Player(|burglar: &Burglar| burglar.has_picks, "You have nothing to pick a lock with."),
//!     ])
//!     .takes(Duration::from_secs(3))
//!     .cooldown(Duration::from_secs(20))
//!     .seen("kneels down before the lock");
//!
//! #[derive(Serialize, Deserialize)]
//! struct Vault {
//!     safe: Object,
//! }
//!
//! impl Zone for Vault {
//!     const NAME: &'static str = "vault";
//!     const VERBS: &'static [&'static str] = &["pick"];
//!     type Timer = ();
//!     type Player = Burglar;
//!
//!     fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
//!         let at = ctx.place("safe")?.at;
//!         let safe = Spawn::new("Safe", at).tag(Tag::near("locked", true)).verb("pick", "Pick the lock", 2.0);
//!         Ok(Self { safe: ctx.spawn_object(safe)? })
//!     }
//!
//!     fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
//!         match ctx.attempt(&PICK_LOCK, interaction)? {
//!             Begun::Now => unreachable!("it takes three seconds"),
//!             Begun::Later => Ok(()),
//!         }
//!     }
//!
//!     fn completed(&mut self, ctx: &mut Ctx<Self>, _deed: &Deed) -> Result {
//!         ctx.remove_tag(self.safe, "locked")
//!     }
//!
//!     fn interrupted(&mut self, ctx: &mut Ctx<Self>, deed: &Deed, _why: Interruption) -> Result {
//!         ctx.tell(deed.player, "hint", &"Hold still.")
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! # What clients are told
//!
//! | event | | data |
//! |---|---|---|
//! | `progress` | only the latest counts | `{"verb": "pick", "target": 68719476740, "done_ms": 1250, "all_ms": 3000}`, in game time, several times a second |
//! | `progress_over` | reliable, when it ends | `{"verb": "pick", "target": 68719476740, "how": "done"}`; `how`: `done`, `failed` (with `text`), `moved`, `left`, `away`, `target_gone`, `hurt`, `other_deed`, `stopped` |
//! | `seen` | to everybody within [`SEEN_METRES`] | `{"who": 68719476737, "name": "Ann", "target": 68719476740, "text": "kneels down before the lock"}`, to be read after the name |

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::{EntityId, Player};
use crate::types::Value;
use crate::zone::{Interaction, Zone};

mod deeds;

pub use deeds::{Deed, Interruption};
pub(crate) use deeds::{Deeds, due};

/// How far a deed is seen, m.
///
/// ```
/// use wod_zone::verbs::SEEN_METRES;
/// use wod_zone::{Ctx, Filter, Player, Zone};
/// /// Whether anybody reads what she does.
/// fn has_onlookers<Z: Zone>(ctx: &Ctx<Z>, player: Player) -> bool {
///     let others = Filter::players().except(player);
///     ctx.at(player).is_some_and(|at| !ctx.nearby(at, SEEN_METRES, &others, 1).is_empty())
/// }
/// ```
pub const SEEN_METRES: f32 = 20.0;
/// How far somebody may sway while a deed takes its time, m; more is walking off.
///
/// ```
/// use wod_zone::verbs::{Deed, SWAY_METRES};
/// use wod_zone::{Ctx, Zone};
/// /// She is about to step out of the light.
/// fn is_restless<Z: Zone>(ctx: &Ctx<Z>, deed: &Deed) -> bool {
///     ctx.at(deed.player).is_some_and(|at| at.distance(deed.at) > SWAY_METRES / 2.0)
/// }
/// ```
pub const SWAY_METRES: f32 = 0.5;
/// Most pauses that a zone keeps; beyond it the one that ends first is forgotten.
///
/// ```
/// use wod_zone::verbs::COOLDOWNS;
/// // Three verbs with a pause each: enough for a crowd.
/// assert!(COOLDOWNS / 3 > 2000);
/// ```
pub const COOLDOWNS: usize = 8192;

/// Under which conditions a verb can be used. `P` is the zone's [`Zone::Player`]; without [`Need::Player`] any will do.
///
/// ```
/// use std::time::Duration;
/// use wod_zone::verbs::{Need, Rule};
///
/// #[derive(Default)]
/// struct Burglar {
///     has_picks: bool,
/// }
///
/// static PICK_LOCK: Rule<Burglar> = Rule::new("pick")
///     .within(1.5)
///     .in_sight()
///     .needs(&[
///         Need::Tag("locked", "It is not locked."),
///         Need::Player(|burglar: &Burglar| burglar.has_picks, "You have nothing to pick a lock with."),
///     ])
///     .takes(Duration::from_secs(3))
///     .cooldown(Duration::from_secs(20))
///     .seen("kneels down before the lock");
/// ```
#[derive(Debug)]
#[must_use = "hold an interaction against it with `Ctx::attempt`"]
pub struct Rule<P: 'static> {
    verb: &'static str,
    within: Option<f32>,
    in_sight: bool,
    needs: &'static [Need<P>],
    cooldown: Duration,
    takes: Duration,
    seen: Option<&'static str>,
}

/// A condition, and what the player reads when it does not hold.
///
/// ```
/// use wod_zone::verbs::{Need, Rule};
/// struct Guest {
///     glasses: u32,
/// }
/// static SERVE: Rule<Guest> = Rule::new("order").needs(&[
///     Need::NoTag("closed", "The bar is closed."),
///     Need::TagIs("mood", "generous", "He is not in the mood."),
///     Need::Player(|guest: &Guest| guest.glasses < 5, "You have had enough."),
/// ]);
/// ```
#[derive(Debug)]
pub enum Need<P> {
    /// The target bears this tag, and it is not false.
    Tag(&'static str, &'static str),
    /// The target does not bear this tag, or it is false.
    NoTag(&'static str, &'static str),
    /// The target's tag is this text.
    TagIs(&'static str, &'static str, &'static str),
    /// What the zone knows of the player satisfies this.
    Player(fn(&P) -> bool, &'static str),
}

impl<P: 'static> Rule<P> {
    /// A verb that can be used without further conditions, at once.
    ///
    /// ```
    /// use wod_zone::verbs::Rule;
    /// static RING: Rule<()> = Rule::new("ring");
    /// ```
    pub const fn new(verb: &'static str) -> Self {
        Self {
            verb,
            within: None,
            in_sight: false,
            needs: &[],
            cooldown: Duration::ZERO,
            takes: Duration::ZERO,
            seen: None,
        }
    }

    /// From at most so many metres away: nearer than the verb's reach, which the host has checked. As long as it takes.
    ///
    /// ```
    /// use wod_zone::verbs::Rule;
    /// // The lamp can be seen and named from afar, and lit only by who stands under it.
    /// static LIGHT: Rule<()> = Rule::new("light").within(1.0);
    /// ```
    pub const fn within(mut self, metres: f32) -> Self {
        self.within = Some(metres);
        self
    }

    /// With no wall in between.
    ///
    /// ```
    /// use wod_zone::verbs::Rule;
    /// // Not through the wall of the next room.
    /// static BECKON: Rule<()> = Rule::new("beckon").in_sight();
    /// ```
    pub const fn in_sight(mut self) -> Self {
        self.in_sight = true;
        self
    }

    /// When each of these holds, checked in this order. What takes time is only checked when it begins: [`Zone::completed`] asks
    /// [`Ctx::check`] again where that matters.
    ///
    /// ```
    /// use wod_zone::verbs::{Need, Rule};
    /// static ANSWER: Rule<()> = Rule::new("answer").needs(&[
    ///     Need::Tag("ringing", "It is not ringing."),
    ///     Need::NoTag("cut", "The wire is cut."),
    /// ]);
    /// ```
    pub const fn needs(mut self, needs: &'static [Need<P>]) -> Self {
        self.needs = needs;
        self
    }

    /// The same player can do it again only after so much game time; counted from when it is done.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wod_zone::verbs::Rule;
    /// // One question an evening.
    /// static ASK: Rule<()> = Rule::new("ask").cooldown(Duration::from_secs(3600));
    /// ```
    pub const fn cooldown(mut self, pause: Duration) -> Self {
        self.cooldown = pause;
        self
    }

    /// Takes so much game time, during which she must not walk off.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wod_zone::verbs::Rule;
    /// static SEARCH_THE_DESK: Rule<()> = Rule::new("search").takes(Duration::from_secs(6));
    /// ```
    pub const fn takes(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }

    /// What those near see her do, as it is read after her name: `kneels down before the lock`.
    ///
    /// ```
    /// use wod_zone::verbs::Rule;
    /// // Those near read: Ann slips something under the door.
    /// static SLIP: Rule<()> = Rule::new("slip").seen("slips something under the door");
    /// ```
    pub const fn seen(mut self, text: &'static str) -> Self {
        self.seen = Some(text);
        self
    }
}

/// What became of an attempt.
///
/// ```
/// use wod_zone::verbs::{Begun, Rule};
/// use wod_zone::{Ctx, Interaction, Result, Zone};
/// /// Good for rules that take their time and for those that don't.
/// fn try_it<Z: Zone>(ctx: &mut Ctx<Z>, rule: &Rule<Z::Player>, interaction: &Interaction) -> Result<bool> {
///     Ok(ctx.attempt(rule, interaction)? == Begun::Now)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what takes no time is to be done now"]
pub enum Begun {
    /// It is done: do what comes of it.
    Now,
    /// It takes its time; [`Zone::completed`] or [`Zone::interrupted`] will be called.
    Later,
}

impl Interaction {
    /// The args as a value of the author's: a struct with named fields, or an `Option` of one where they may be missing.
    ///
    /// ```
    /// use wod_zone::{Command, EntityId, Interaction, Player};
    /// #[derive(serde::Deserialize)]
    /// struct Bet { coins: u32 }
    /// # let command = Command { player: Player(1), seq: 1 };
    /// let interaction = Interaction { command, target: EntityId(2), verb: "bet".into(), args: r#"{"coins": 5}"#.into() };
    /// assert_eq!(interaction.args_as::<Bet>()?.coins, 5);
    /// assert!(interaction.args_as::<String>().is_err());
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    ///
    /// # Errors
    /// For the player to read, with what is wrong: a field is missing, or has another type.
    pub fn args_as<T: DeserializeOwned>(&self) -> Result<T> {
        parse(&self.verb, &self.args)
    }
}

fn parse<T: DeserializeOwned>(verb: &str, args: &str) -> Result<T> {
    serde_json::from_str(args).map_err(|error| {
        // Where in one line of JSON it is says nothing to anybody.
        let what = error.to_string();
        let what = what.split(" at line").next().unwrap_or_default();
        Error::to_player(format!("`{verb}` can't be done like that: {what}"))
    })
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Whether a rule's distance, sight and needs hold now.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Result, Zone};
    /// # use wod_zone::verbs::{Deed, Rule};
    /// fn completed<Z: Zone>(ctx: &mut Ctx<Z>, deed: &Deed, rule: &Rule<Z::Player>) -> Result {
    ///     // Meanwhile somebody else may have been quicker.
    ///     ctx.check(rule, deed.player, deed.target)
    /// }
    /// ```
    ///
    /// # Errors
    /// What the player reads: the first that does not hold.
    pub fn check(&self, rule: &Rule<Z::Player>, player: Player, target: EntityId) -> Result {
        let (here, there) = (self.entity(player).ok_or_else(gone)?, self.entity(target).ok_or_else(gone)?);
        if rule.within.is_some_and(|most| here.at.distance(there.at) > most) {
            return Err(Error::to_player("You are too far away."));
        }
        if rule.in_sight && !self.line_of_sight(here.at, there.at) {
            return Err(Error::to_player("There is a wall in between."));
        }
        for need in rule.needs {
            let is_set = |tag: &str| there.tag(tag).is_some_and(|value| *value != Value::Flag(false));
            let (holds, otherwise) = match need {
                Need::Tag(tag, otherwise) => (is_set(tag), otherwise),
                Need::NoTag(tag, otherwise) => (!is_set(tag), otherwise),
                Need::TagIs(tag, text, otherwise) => {
                    (matches!(there.tag(tag), Some(Value::Text(value)) if value == text), otherwise)
                }
                Need::Player(holds, otherwise) => (holds(self.player(player)?), otherwise),
            };
            if !holds {
                return Err(Error::to_player(*otherwise));
            }
        }
        Ok(())
    }

    /// Tells everybody near what a player does to something, as it is read after her name: the event `seen`.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Object, Player, Result, Zone};
    /// fn drink<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, well: Object) -> Result {
    ///     ctx.show_deed(player, well, "drinks from the well")
    /// }
    /// ```
    pub fn show_deed(&mut self, player: Player, target: impl Into<EntityId>, text: &str) -> Result {
        #[derive(Serialize)]
        struct Seen<'a> {
            who: Player,
            name: &'a str,
            target: EntityId,
            text: &'a str,
        }
        let at = self.at(player).ok_or_else(gone)?;
        let name = self.name(player).to_owned();
        self.tell_near(at, SEEN_METRES, "seen", &Seen { who: player, name: &name, target: target.into(), text })
    }

    fn show_rule(&mut self, rule: &Rule<Z::Player>, player: Player, target: EntityId) {
        if let Some(text) = rule.seen {
            let told = self.show_deed(player, target, text);
            self.untold(player, "seen", told);
        }
    }
}

fn gone() -> Error {
    Error::to_player("That is not here any more.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn args_that_do_not_fit_are_told_with_what_is_wrong() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only parsed")]
        struct Bet {
            coins: u32,
        }
        let wrong = |args: &str| parse::<Bet>("bet", args).map(drop).unwrap_err_text();
        assert_eq!(wrong("{}"), "`bet` can't be done like that: missing field `coins`");
        assert!(wrong("null").starts_with("`bet` can't be done like that: invalid type: null"));
        assert!(wrong(r#"{"coins": -1}"#).contains("-1"));
        assert!(parse::<Option<Bet>>("bet", "null").is_ok_and(|bet| bet.is_none()));
    }

    trait ErrText {
        fn unwrap_err_text(self) -> String;
    }
    impl ErrText for Result {
        fn unwrap_err_text(self) -> String {
            match self {
                Err(Error::ToPlayer(text)) => text,
                other => panic!("not for the player: {other:?}"),
            }
        }
    }
}
