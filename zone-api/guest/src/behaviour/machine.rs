//! States of the author's own, with timers that end with them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::handle::TimerId;
use crate::zone::Zone;

/// A state of an NPC's, or of a thing's, in the author's own type, and the timers set in it: they are cancelled when it changes, so
/// no handler has to ask whether a timer still means what it meant.
///
/// A value for the zone's own struct; the state is saved with it.
///
/// ```
/// # use std::time::Duration;
/// # use serde::{Deserialize, Serialize};
/// use wod_zone::behaviour::Machine;
/// use wod_zone::{Ctx, Interaction, Npc, Result, Spawn, Zone};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// enum Mood { Dozing, Awake { questions: u32 } }
///
/// #[derive(Serialize, Deserialize)]
/// struct Porch { porter: Npc, mood: Machine<Mood> }
///
/// #[derive(Serialize, Deserialize)]
/// enum Timer { PorterNods }
///
/// impl Zone for Porch {
///     const NAME: &'static str = "porch";
///     const VERBS: &'static [&'static str] = &["ask"];
///     type Timer = Timer;
///     type Player = ();
///
///     fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
///         let porter = ctx.spawn_npc(Spawn::new("Porter", ctx.place("porch")?.at).verb("ask", "Ask", 3.0))?;
///         Ok(Self { porter, mood: Machine::new(Mood::Dozing) })
///     }
///
///     fn interacted(&mut self, ctx: &mut Ctx<Self>, _: &Interaction) -> Result {
///         let questions = match self.mood.state() {
///             Mood::Dozing => 1,
///             Mood::Awake { questions } => questions + 1,
///         };
///         // A nod that was due is so no more: he is awake for half a minute from now.
///         self.mood.enter(ctx, Mood::Awake { questions });
///         self.mood.after(ctx, Duration::from_secs(30), Timer::PorterNods)?;
///         ctx.say(self.porter, format!("That makes {questions}."))
///     }
///
///     fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Timer) -> Result {
///         match timer {
///             Timer::PorterNods => self.mood.enter(ctx, Mood::Dozing),
///         }
///         ctx.emote(self.porter, "nods off.")
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine<S> {
    state: S,
    /// Since when, game ms.
    since_ms: u64,
    /// Set in this state; some may have rung.
    timers: Vec<TimerId>,
}

impl<S> Machine<S> {
    /// In its first state, since game time began.
    pub fn new(state: S) -> Self {
        Self { state, since_ms: 0, timers: Vec::new() }
    }

    /// The state.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The state's own data, to change it; its timers go on.
    ///
    /// ```
    /// use wod_zone::behaviour::Machine;
    /// enum Mood { Calm, Angry { at_whom: u32 } }
    /// let mut bouncer = Machine::new(Mood::Angry { at_whom: 1 });
    /// // One more, and he is as angry as he was: his timers go on.
    /// if let Mood::Angry { at_whom } = bouncer.state_mut() {
    ///     *at_whom += 1;
    /// }
    /// assert!(matches!(bouncer.state(), Mood::Angry { at_whom: 2 }));
    /// ```
    pub fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    /// How long it has been in this state.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wod_zone::behaviour::Machine;
    /// # use wod_zone::{Ctx, Zone};
    /// #[derive(PartialEq)]
    /// enum Lamp { Dark, Lit }
    /// /// A lamp that has been lit for long flickers.
    /// fn flickers<Z: Zone>(ctx: &Ctx<Z>, lamp: &Machine<Lamp>) -> bool {
    ///     lamp.is(&Lamp::Lit) && lamp.time_in(ctx) > Duration::from_secs(600)
    /// }
    /// ```
    pub fn time_in<Z: Zone>(&self, ctx: &Ctx<'_, Z>) -> Duration {
        Duration::from_millis(ctx.game_ms().saturating_sub(self.since_ms))
    }

    /// Enters a state, also the one that it is in, and cancels all that was set in the last.
    pub fn enter<Z: Zone>(&mut self, ctx: &mut Ctx<'_, Z>, state: S) {
        for timer in self.timers.drain(..) {
            ctx.cancel(timer);
        }
        (self.state, self.since_ms) = (state, ctx.game_ms());
    }

    /// Gives `timer` to [`Zone::timer`] after so long, unless the state changes before.
    pub fn after<Z: Zone>(&mut self, ctx: &mut Ctx<'_, Z>, delay: Duration, timer: Z::Timer) -> Result {
        self.timers.retain(|timer| ctx.is_pending(*timer));
        self.timers.push(ctx.after(delay, timer)?);
        Ok(())
    }

    /// Gives a copy of `timer` to [`Zone::timer`] again and again, until the state changes.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # use wod_zone::behaviour::Machine;
    /// # use wod_zone::{Ctx, Result, Zone};
    /// enum Telephone { Silent, Rings }
    /// #[derive(Serialize, Deserialize)]
    /// enum Timer { Ring }
    /// /// It rings every four seconds until it enters another state.
    /// fn call<Z: Zone<Timer = Timer>>(ctx: &mut Ctx<Z>, telephone: &mut Machine<Telephone>) -> Result {
    ///     telephone.enter(ctx, Telephone::Rings);
    ///     telephone.every(ctx, Duration::from_secs(4), Timer::Ring)
    /// }
    /// ```
    pub fn every<Z: Zone>(&mut self, ctx: &mut Ctx<'_, Z>, period: Duration, timer: Z::Timer) -> Result {
        self.timers.retain(|timer| ctx.is_pending(*timer));
        self.timers.push(ctx.every(period, timer)?);
        Ok(())
    }
}

impl<S: PartialEq> Machine<S> {
    /// Whether it is in this state.
    ///
    /// ```
    /// use wod_zone::behaviour::Machine;
    /// #[derive(PartialEq)]
    /// enum Vault { Sealed, Breached }
    /// let vault = Machine::new(Vault::Sealed);
    /// assert!(vault.is(&Vault::Sealed) && !vault.is(&Vault::Breached));
    /// ```
    pub fn is(&self, state: &S) -> bool {
        self.state == *state
    }
}
