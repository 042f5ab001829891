//! Kit, behind the crates: gets out when the inspector eats, is found when somebody tells him, and is back after a while.
//!
//! The zone moves her by itself: orders, and what became of them. Behaviours would do for less of a plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_zone::{Ctx, EntityId, MoveEnd, Moved, Npc, OrderId, Result, Spawn, Tag};

use crate::{Harbor, TALKING_DISTANCE, Timer};

/// From when the gate opens to when she dares.
pub(crate) const COURAGE: Duration = Duration::from_secs(1);
/// How long she eats, or is asked questions, before she is behind the crates again.
const AWAY: Duration = Duration::from_secs(300);
/// Until somebody looks elsewhere.
const UNSEEN: Duration = Duration::from_secs(10);
/// People run 6 m/s; she is quicker than she looks.
const PACE: f32 = 4.5;

/// Kit, and what is up with her.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kit {
    npc: Npc,
    state: State,
    /// Somebody has her in sight.
    is_seen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Behind the crates.
    Hiding,
    /// On her way to the stall.
    Running(OrderId),
    /// At the stall, eating.
    Out,
    /// On her way to the inspector's desk, or there.
    Found,
}

impl Kit {
    pub(crate) fn hide(ctx: &mut Ctx<Harbor>) -> Result<Self> {
        let at = ctx.place("hiding-place")?.at;
        let spawn =
            Spawn::new("Kit", at).tag(Tag::near("look", "somebody's coat")).verb("talk", "Whisper", TALKING_DISTANCE);
        let npc = ctx.spawn_npc(spawn)?;
        ctx.set_speed(npc, PACE)?;
        Ok(Self { npc, state: State::Hiding, is_seen: false })
    }

    /// She herself, if it is she.
    pub(crate) fn npc_if(&self, entity: EntityId) -> Option<Npc> {
        (self.npc == entity).then_some(self.npc)
    }

    pub(crate) fn is_hiding(&self) -> bool {
        self.state == State::Hiding
    }

    pub(crate) fn is_out(&self) -> bool {
        self.state == State::Out
    }

    pub(crate) fn observed(&mut self, entity: EntityId, by_anyone: bool) {
        if self.npc == entity {
            self.is_seen = by_anyone;
        }
    }
}

impl Harbor {
    pub(crate) fn kit_slips(&mut self, ctx: &mut Ctx<Self>) -> Result {
        if self.kit.is_hiding() {
            // Near Pilar, not upon her.
            let order = ctx.go_to(self.kit.npc, "stall", 3.0)?;
            self.kit.state = State::Running(order);
        }
        Ok(())
    }

    pub(crate) fn kit_moved(&mut self, ctx: &mut Ctx<Self>, moved: Moved) -> Result {
        if self.kit.state != State::Running(moved.order) {
            return Ok(());
        }
        match moved.end {
            MoveEnd::Arrived => {
                self.kit.state = State::Out;
                ctx.emote(self.kit.npc, "sits down as if she had always sat there.")?;
                ctx.count("kit_out", 1);
                ctx.after(AWAY, Timer::KitReturns)?;
                Ok(())
            }
            // The gate fell shut before her: back, until there is another bowl.
            _ => {
                self.kit.state = State::Hiding;
                ctx.go_to(self.kit.npc, "hiding-place", 0.5).map(drop)
            }
        }
    }

    /// Somebody has told the inspector.
    pub(crate) fn kit_is_found(&mut self, ctx: &mut Ctx<Self>) -> Result {
        if !self.kit.is_hiding() {
            return Ok(());
        }
        self.kit.state = State::Found;
        ctx.shout(self.calder(), "You behind the crates. Yes. Bring the coat, it's cold in here.")?;
        ctx.go_to(self.kit.npc, "officer", 2.0)?;
        ctx.count("kit_found", 1);
        ctx.after(AWAY, Timer::KitReturns)?;
        Ok(())
    }

    /// She comes back while nobody looks.
    pub(crate) fn kit_returns(&mut self, ctx: &mut Ctx<Self>) -> Result {
        if self.kit.is_seen {
            ctx.after(UNSEEN, Timer::KitReturns)?;
            return Ok(());
        }
        self.kit.state = State::Hiding;
        let at = ctx.place("hiding-place")?.at;
        ctx.put(self.kit.npc, at)
    }
}
