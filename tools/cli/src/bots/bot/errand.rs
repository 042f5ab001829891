//! Where a bot is going, and why.

use super::{Phase, Scene, Task};
use crate::bots::atlas::{Atlas, ExitRef};
use crate::bots::clock::{Dice, Micros};
use crate::bots::walker::Walker;

/// How far from its home's middle a settled bot wanders, metres.
const WANDER: f64 = 4.0;
/// A way out that has not led anywhere this long after it was reached is given up.
const PATIENCE: Micros = 3_000_000;

/// Why a bot walks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Errand {
    /// Nothing yet; wanders about.
    #[default]
    Nothing,
    /// Out of this zone.
    Out {
        exit: ExitRef,
        /// Nobody knows where it leads.
        scouting: bool,
        /// The walker has its orders.
        walking: bool,
        /// Since when it stands at the end.
        arrived: Option<Micros>,
    },
    /// To its home, in this zone.
    Home { walking: bool },
    /// At home; of those who cross, ready to.
    Settled,
}

impl Errand {
    /// Once a move: whether there is something else to do.
    pub(super) fn plan(
        &mut self,
        now: Micros,
        zone: &str,
        walker: &mut Walker,
        task: &Task,
        dice: &mut Dice,
        scene: Scene<'_>,
    ) {
        match self {
            Self::Out { exit, walking, .. } if !*walking => match scene.atlas.exit(exit) {
                Some(known) if exit.zone == zone => {
                    walker.go(known.cell, Some(known.beyond));
                    *walking = true;
                }
                _ => *self = Self::Nothing,
            },
            Self::Out { exit, scouting, arrived, .. } if walker.is_idle() => {
                let since = *arrived.get_or_insert(now);
                if now >= since + PATIENCE {
                    if *scouting {
                        scene.atlas.resolve(exit, None);
                    }
                    *self = Self::Nothing;
                }
            }
            Self::Home { walking: false } => match scene.home {
                Some(home) if home.zone == zone => {
                    walker.go(home.cell, None);
                    *self = Self::Home { walking: true };
                }
                _ => *self = Self::Nothing,
            },
            Self::Home { walking: true } if walker.is_idle() => {
                walker.wander(scene.home.map(|home| home.cell), WANDER);
                *self = Self::Settled;
            }
            Self::Settled if task.scouts && scene.phase == Phase::Settling => {
                let next = Self::choose(zone, task, scene);
                if matches!(next, Self::Out { .. }) {
                    *self = next;
                }
            }
            Self::Settled if task.crosses && scene.phase == Phase::Measuring => {
                if let Some(exit) = scene.atlas.any_exit(zone, dice) {
                    *self = Self::out(exit, false);
                }
            }
            Self::Nothing => *self = Self::choose(zone, task, scene),
            Self::Out { .. } | Self::Home { .. } | Self::Settled => {}
        }
    }

    fn choose(zone: &str, task: &Task, scene: Scene<'_>) -> Self {
        if task.scouts
            && scene.phase == Phase::Settling
            && let Some(exit) = scene.atlas.unknown(zone)
        {
            let scouting = exit.zone == zone && scene.atlas.is_tried(&exit);
            return Self::out(exit, scouting);
        }
        let Some(home) = scene.home else { return Self::Nothing };
        // Those who cross are at home everywhere once the world is being measured.
        if task.crosses && scene.phase >= Phase::Measuring {
            return Self::Settled;
        }
        if home.zone == zone {
            return Self::Home { walking: false };
        }
        scene.atlas.toward(zone, &home.zone).map_or(Self::Nothing, |exit| Self::out(exit, false))
    }

    fn out(exit: ExitRef, scouting: bool) -> Self {
        Self::Out { exit, scouting, walking: false, arrived: None }
    }

    /// The world has grown, and its home is another.
    pub(super) fn moved_house(&mut self) {
        match self {
            Self::Home { .. } | Self::Settled | Self::Out { scouting: false, .. } => *self = Self::Nothing,
            Self::Out { scouting: true, .. } | Self::Nothing => {}
        }
    }

    /// It is in another zone now.
    pub(super) fn crossed(&mut self, to: &str, atlas: &Atlas) {
        if let Self::Out { exit, scouting: true, .. } = self {
            atlas.resolve(exit, Some(to));
        }
        *self = Self::Nothing;
    }

    /// Refused at the border: whether that was a scout's question and is its answer.
    pub(super) fn found_nothing(&mut self, atlas: &Atlas) -> bool {
        let Self::Out { exit, scouting: true, .. } = self else { return false };
        atlas.resolve(exit, None);
        *self = Self::Nothing;
        true
    }

    /// The walker is a new one, or stands elsewhere: it needs its orders again.
    pub(super) fn replan(&mut self) {
        match self {
            Self::Out { walking, arrived, .. } => (*walking, *arrived) = (false, None),
            Self::Home { walking } => *walking = false,
            Self::Settled => *self = Self::Nothing,
            Self::Nothing => {}
        }
    }

    /// The bot can't go on: somebody else may.
    pub(super) fn give_up(&mut self, atlas: &Atlas) {
        if let Self::Out { exit, scouting: true, .. } = self {
            atlas.give_back(exit);
        }
        *self = Self::Nothing;
    }
}
