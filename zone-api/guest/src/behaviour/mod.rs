//! What NPCs do by themselves, in small parts that authors combine.
//!
//! A behaviour is a small state that the SDK keeps with the NPC, saves with the zone, and drives by events and timers alone:
//! there is no call per tick. While nobody has the NPC in sight it stands still and costs nothing. The zone gives one with
//! [`Ctx::behave`] and hears of what matters through [`Zone::behaved`]; a zone that composes its own gives the next behaviour
//! there. Orders ([`Ctx::go_to`], [`Ctx::follow`]) are not for an NPC that has one.
//!
//! | for | part |
//! |---|---|
//! | being somewhere | [`Stand`], [`Patrol`], [`Wander`], [`GoHome`] |
//! | going after somebody | [`Chase`], [`Search`], [`Follow`]; all of the hunt: [`Hunt`] |
//! | getting away | [`Flee`]; all of the hunted: [`Wary`] |
//! | seeing and hearing | [`Senses`], reported by [`Watchful`] |
//! | doing what is wanted most | [`Needs`] |
//! | doing what the hour demands | [`Schedule`], with a [`Clock`] |
//!
//! Kept by the zone in its own struct, and asked when it decides:
//!
//! | for | part |
//! |---|---|
//! | remembering for a while | [`FadingMemory`] |
//! | knowing what others of a group know | [`Group`] |
//! | states of its own, with timers | [`Machine`] |
//!
//! ```
//! # use std::time::Duration;
//! # use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
//! use wod_zone::behaviour::{Clock, Hunt, Patrol, Schedule, Stand};
//!
//! fn people<Z: Zone>(ctx: &mut Ctx<Z>) -> Result {
//!     let beat = ctx.place("beat")?.at;
//!     let watchman = ctx.spawn_npc(Spawn::new("Watchman", beat))?;
//!     ctx.behave(watchman, Patrol::along("beat").pausing(Duration::from_secs(4)))?;
//!
//!     let den = ctx.place("den")?.at;
//!     let hunter = ctx.spawn_npc(Spawn::new("Something thin", den))?;
//!     let hunt = Hunt::from(den).sight(18.0).between_hunts(Patrol::along("prowl"));
//!     let night = Schedule::by(Clock::day_of(Duration::from_secs(2400))).between(20.0, 6.0, hunt);
//!     ctx.behave(hunter, night.otherwise(Stand::at(den)))
//! }
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::{EntityId, Npc, OrderId, Token};
use crate::host::Host;
use crate::types::{MoveEnd, Point};
use crate::zone::Zone;

mod body;
mod chase;
mod clock;
mod drive;
mod flee;
mod follow;
mod group;
mod home;
mod hunt;
mod machine;
mod needs;
mod patrol;
mod recall;
#[cfg(test)]
mod saved;
mod schedule;
mod search;
mod senses;
mod stand;
mod wander;
mod wary;

pub use chase::Chase;
pub use clock::{Clock, DAY_MINUTES};
pub use flee::Flee;
pub use follow::Follow;
pub use group::Group;
pub use home::GoHome;
pub use hunt::{Hunt, Routine};
pub use machine::Machine;
pub use needs::{Need, Needs};
pub use patrol::Patrol;
pub use recall::{FadingMemory, Trace};
pub use schedule::Schedule;
pub use search::Search;
pub use senses::{Senses, Watchful};
pub use stand::Stand;
pub use wander::Wander;
pub use wary::Wary;

use body::Body;
pub(crate) use drive::{Hours, due, heard, moved, observed, sensed, wind_hours};

/// What an NPC does.
///
/// ```
/// use wod_zone::behaviour::{Behaviour, Patrol, Wander};
/// use wod_zone::{Ctx, Npc, Point, Result, Zone};
/// /// Whatever an NPC is given, of one type: here by the weather.
/// fn evening<Z: Zone>(ctx: &mut Ctx<Z>, vendor: Npc, square: Point, rains: bool) -> Result {
///     let what: Behaviour = if rains { Patrol::along("arcade").into() } else { Wander::about(square, 12.0).into() };
///     ctx.behave(vendor, what)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Behaviour {
    /// Walks from stop to stop, round and round.
    Patrol(Patrol),
    /// Strolls about a spot.
    Wander(Wander),
    /// Runs after somebody.
    Chase(Chase),
    /// Looks about where somebody was last seen.
    Search(Search),
    /// Walks home.
    GoHome(GoHome),
    /// Notices, chases, loses, searches, goes home.
    Hunt(Hunt),
    /// Stands at its post.
    Stand(Stand),
    /// Runs from somebody.
    Flee(Flee),
    /// Keeps up with somebody.
    Follow(Follow),
    /// Reports what it sees and hears, and does something else meanwhile.
    Watchful(Watchful),
    /// Flees from those it fears, and does something else meanwhile.
    Wary(Wary),
    /// Does what it needs most.
    Needs(Needs),
    /// Does what the hour demands.
    Schedule(Schedule),
}

/// What [`Zone::behaved`] is told.
///
/// ```
/// use wod_zone::behaviour::{Behaved, GoHome, Search};
/// use wod_zone::{Ctx, Npc, Point, Result, Zone};
/// /// What a chase of the zone's own making leads to.
/// fn behaved<Z: Zone>(ctx: &mut Ctx<Z>, hound: Npc, kennel: Point, what: Behaved) -> Result {
///     match what {
///         Behaved::Caught(_) => ctx.emote(hound, "bares its teeth"),
///         Behaved::Lost(_, last_seen) => ctx.behave(hound, Search::about(last_seen)),
///         Behaved::GaveUp => ctx.behave(hound, GoHome::to(kennel)),
///         _ => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Behaved {
    /// [`Patrol`]: stands at this stop, counted from 0.
    Reached(usize),
    /// [`Hunt`]: has seen this player and runs after her. [`Wary`]: has seen this one, and flees. [`Watchful`]: has seen this one.
    Noticed(EntityId),
    /// [`Hunt`], [`Watchful`], [`Wary`]: has heard this player, who was there.
    Heard(EntityId, Point),
    /// [`Chase`], [`Hunt`]: has come up to this player. A chase is over with it; a hunt goes home.
    Caught(EntityId),
    /// [`Chase`], [`Hunt`], [`Follow`], [`Watchful`]: can't see this one any more, who was last seen there. A chase, and following,
    /// is over with it; a hunt searches.
    Lost(EntityId, Point),
    /// [`Search`], [`Hunt`]: found nobody. A search is over with it; a hunt goes home.
    GaveUp,
    /// [`Flee`], [`Wary`]: has got away. Fleeing is over with it; the wary go back to what they did.
    Safe,
    /// [`GoHome`], [`Hunt`]: is home. [`Stand`]: has come to its post.
    Home,
    /// [`Schedule`], [`Needs`]: begins with this part, counted from 0 in the order in which they were given; a schedule's
    /// `otherwise` comes last.
    Turned(usize),
    /// Can't get where it wants to. It tries again later.
    Stuck,
}

macro_rules! behaviours {
    ($($name:ident),*) => {
        $(
            impl From<$name> for Behaviour {
                fn from(behaviour: $name) -> Self {
                    Self::$name(behaviour)
                }
            }
        )*

        impl Behaviour {
            fn step(&self) -> &dyn Step {
                match self {
                    $(Self::$name(step) => step,)*
                }
            }

            fn step_mut(&mut self) -> &mut dyn Step {
                match self {
                    $(Self::$name(step) => step,)*
                }
            }
        }
    };
}
behaviours!(Patrol, Wander, Chase, Search, GoHome, Hunt, Stand, Flee, Follow, Watchful, Wary, Needs, Schedule);

impl Behaviour {
    /// Parts of one kind share an alarm, so none may stand within another of its kind. Bounds how deep they nest, too.
    fn check(&self, above: &[Alarm]) -> Result {
        let own = self.step().alarm();
        if let Some(alarm) = own.filter(|alarm| above.contains(alarm)) {
            let kind = alarm.kind();
            return Err(Error::Other(format!("{kind} within {kind}: parts of one kind don't nest")));
        }
        let above: Vec<Alarm> = above.iter().copied().chain(own).collect();
        self.step().parts().into_iter().try_for_each(|part| part.check(&above))
    }
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Gives an NPC a behaviour; replaces the one it had. It begins when somebody has the NPC in sight.
    ///
    /// An error when a [`Schedule`] stands within a schedule, [`Needs`] within needs, or one of [`Watchful`] and [`Wary`] within the
    /// other; or when a sensor would reach further than 100 m.
    ///
    /// ```
    /// # use wod_zone::behaviour::Patrol;
    /// # use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
    /// fn night_watch<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Npc> {
    ///     let watchman = ctx.spawn_npc(Spawn::new("Night watchman", ctx.place("beat")?.at))?;
    ///     ctx.behave(watchman, Patrol::along("beat"))?;
    ///     Ok(watchman)
    /// }
    /// ```
    pub fn behave(&mut self, npc: Npc, behaviour: impl Into<Behaviour>) -> Result {
        let behaviour = behaviour.into();
        behaviour.check(&[])?;
        let former = self.memory.core.minds.get(&npc);
        let felt = former.map_or(0.0, |mind| mind.sensor);
        let walks = former.is_some_and(|mind| mind.order.is_some());
        let watched = former.is_some_and(|mind| mind.watched) || self.memory.core.watched.contains(&npc);
        let sensor = behaviour.step().sensor();
        // A sensor that the zone itself has set stays, under a behaviour that feels nobody.
        if sensor > 0.0 || felt > 0.0 {
            self.host.set_sensor(npc.id(), sensor)?;
        }
        if walks {
            self.host.halt(npc.id())?;
        }
        self.forget_mind(npc);
        let mind = Mind { behaviour, watched, order: None, alarms: BTreeMap::new(), sensor };
        self.memory.core.minds.insert(npc, mind);
        drive::with_mind(self, npc, |step, body| match body.watched {
            true => step.begin(body),
            false => step.hour(body),
        });
        drive::wind_hours_for(self, npc);
        Ok(())
    }

    /// Tells an NPC's behaviour where somebody is, as if it had been called: a [`Hunt`] goes and searches there, the [`Wary`] flee
    /// from her. Others go on; so does one that nobody has in sight.
    ///
    /// ```
    /// # use wod_zone::{Ctx, EntityId, Npc, Point, Zone};
    /// fn cry<Z: Zone>(ctx: &mut Ctx<Z>, pack: &[Npc], prey: EntityId, at: Point) {
    ///     for hound in pack {
    ///         ctx.alert(*hound, prey, at);
    ///     }
    /// }
    /// ```
    pub fn alert(&mut self, npc: Npc, who: impl Into<EntityId>, at: Point) {
        drive::cue_if_watched(self, npc, Cue::Alerted { who: who.into(), at });
    }

    /// What an NPC does by itself; none when it has no behaviour.
    ///
    /// ```
    /// # use wod_zone::behaviour::Behaviour;
    /// # use wod_zone::{Ctx, Npc, Zone};
    /// fn is_on_the_run<Z: Zone>(ctx: &Ctx<Z>, npc: Npc) -> bool {
    ///     matches!(ctx.behaviour(npc), Some(Behaviour::Flee(_)))
    /// }
    /// ```
    pub fn behaviour(&self, npc: Npc) -> Option<&Behaviour> {
        self.memory.core.minds.get(&npc).map(|mind| &mind.behaviour)
    }

    /// Takes an NPC's behaviour away; it stops where it is.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Npc, Player, Result, Zone};
    /// /// From here on the zone itself tells him where to go.
    /// fn hired<Z: Zone>(ctx: &mut Ctx<Z>, idler: Npc, client: Player) -> Result {
    ///     ctx.stop_behaving(idler)?;
    ///     ctx.follow(idler, client, 2.0)?;
    ///     Ok(())
    /// }
    /// ```
    pub fn stop_behaving(&mut self, npc: Npc) -> Result {
        match self.forget_mind(npc) {
            true => self.halt(npc),
            false => Ok(()),
        }
    }

    /// Forgets a mind and its alarms. True when there was one.
    pub(crate) fn forget_mind(&mut self, npc: Npc) -> bool {
        let Some(mind) = self.memory.core.minds.remove(&npc) else {
            return false;
        };
        for token in mind.alarms.into_values() {
            self.memory.core.timers.remove(&token);
            self.host.cancel_timer(token);
        }
        true
    }
}

/// An NPC's behaviour and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mind {
    behaviour: Behaviour,
    /// Somebody has the NPC in sight; otherwise it rests.
    watched: bool,
    /// The order it carries out.
    order: Option<OrderId>,
    /// Its timers.
    alarms: BTreeMap<Alarm, Token>,
    /// How far the sensor reaches that the behaviour has switched on, m; 0: it has none.
    #[serde(default)]
    sensor: f32,
}

/// What a mind's timer is for; setting one again replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Alarm {
    /// Go on with the way.
    Walk,
    /// Look about.
    Look,
    /// Use the senses.
    Sense,
    /// See whether another need is more pressing.
    Need,
    /// Never set: the hours of all schedules together are one timer of the zone. Keeps a schedule out of a schedule.
    Hour,
}

impl Alarm {
    /// The part that uses it, for people.
    fn kind(self) -> &'static str {
        match self {
            Self::Walk | Self::Look => "a behaviour",
            Self::Sense => "`Watchful` or `Wary`",
            Self::Need => "`Needs`",
            Self::Hour => "`Schedule`",
        }
    }
}

/// What a behaviour is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cue {
    /// Its order has ended; never because of the SDK itself.
    Moved(MoveEnd),
    /// Its alarm rings.
    Due(Alarm),
    /// Somebody came into, or left, its sensor.
    Sensed { subject: EntityId, inside: bool },
    /// A player spoke within earshot, there.
    Heard { speaker: EntityId, at: Point },
    /// Somebody told it that this one is there.
    Alerted { who: EntityId, at: Point },
}

/// One behaviour. Every method ends at once: what takes time is an order or an alarm.
pub(crate) trait Step {
    /// Begin, or go on after a rest. It finds its own way to where it belongs.
    fn begin(&mut self, body: &mut Body<'_>);
    /// Something happened. Not called while it rests.
    fn cue(&mut self, body: &mut Body<'_>, cue: Cue);
    /// Somebody came or went while it rests, or while another part is carried out: keep count, do nothing.
    fn sensed_at_rest(&mut self, _subject: EntityId, _inside: bool) {}
    /// Nobody watches any more. Orders and alarms are cancelled by the caller.
    fn rest(&mut self, _body: &mut Body<'_>) {}
    /// Another part takes its place, people looking on or not: forget what it was about. Orders and alarms are cancelled by the caller.
    fn give_way(&mut self) {}
    /// The hour may have changed. While it rests, be where it should be by now.
    fn hour(&mut self, _body: &mut Body<'_>) {}
    /// When, in game ms after `game_ms`, the hour next changes what it does; none: never.
    fn next_hour(&self, _game_ms: u64) -> Option<u64> {
        None
    }
    /// Where it belongs; none: anywhere.
    fn post(&self, _host: &dyn Host) -> Option<Point> {
        None
    }
    /// How far its sensor reaches, m; 0: it feels nobody.
    fn sensor(&self) -> f32 {
        0.0
    }
    /// The alarm that no part of it may use.
    fn alarm(&self) -> Option<Alarm> {
        None
    }
    /// What it is composed of.
    fn parts(&self) -> Vec<&Behaviour> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn parts_of_one_kind_do_not_nest() {
        let watchful = || Watchful::with(Senses::of_players());
        let wary = Wary::with(Senses::of("wolf")).during(watchful());
        let refused = Behaviour::from(wary).check(&[]).expect_err("both use the senses");
        assert_eq!(
            refused.to_string(),
            "`Watchful` or `Wary` within `Watchful` or `Wary`: parts of one kind don't nest"
        );
        let clock = Clock::day_of(Duration::from_secs(600));
        let deep = Schedule::by(clock).otherwise(Needs::of(Need::of("watch", watchful())));
        assert_eq!(Behaviour::from(deep).check(&[]), Ok(()));
    }

    #[test]
    fn the_longest_sensor_of_all_parts_is_used() {
        let hunt = Hunt::from(Point::default()).sight(12.0);
        let night = Schedule::by(Clock::day_of(Duration::from_secs(600))).between(20.0, 6.0, hunt);
        assert_eq!(Watchful::with(Senses::of_players().sight(8.0)).during(night).sensor(), 12.0);
        assert_eq!(Wary::with(Senses::of("wolf").sight(30.0)).sensor(), 0.0, "sensors feel players alone");
    }
}
