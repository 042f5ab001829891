//! Timers that carry data. The host counts; the values are part of the saved state.

use std::time::Duration;

use serde_bytes::ByteBuf;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::handle::TimerId;
use crate::memory::{Pending, encode};
use crate::zone::Zone;

impl<Z: Zone> Ctx<'_, Z> {
    /// Gives `timer` to [`Zone::timer`] after so long, once. Wakes a sleeping zone; survives crashes, swaps and moves.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// #[derive(Serialize, Deserialize)]
    /// enum Timer { LastOrders { asked_by: Player } }
    ///
    /// fn ring<Z: Zone<Timer = Timer>>(ctx: &mut Ctx<Z>, asked_by: Player) -> Result {
    ///     ctx.after(Duration::from_secs(300), Timer::LastOrders { asked_by })?;
    ///     Ok(())
    /// }
    /// ```
    pub fn after(&mut self, delay: Duration, timer: Z::Timer) -> Result<TimerId> {
        self.set_timer(delay, timer, false)
    }

    /// Gives a copy of `timer` to [`Zone::timer`] again and again, first after one period. Such a zone never sleeps.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # use wod_zone::{Ctx, Result, TimerId, Zone};
    /// #[derive(Serialize, Deserialize)]
    /// enum Timer { TramComes }
    ///
    /// fn timetable<Z: Zone<Timer = Timer>>(ctx: &mut Ctx<Z>) -> Result<TimerId> {
    ///     ctx.every(Duration::from_secs(240), Timer::TramComes)
    /// }
    /// ```
    pub fn every(&mut self, period: Duration, timer: Z::Timer) -> Result<TimerId> {
        self.set_timer(period, timer, true)
    }

    /// Forgets a timer; nothing happens when it was due already.
    ///
    /// ```
    /// # use wod_zone::{Ctx, TimerId, Zone};
    /// /// She has paid in time: nobody is sent after her.
    /// fn paid<Z: Zone>(ctx: &mut Ctx<Z>, collectors_come: TimerId) {
    ///     ctx.cancel(collectors_come);
    /// }
    /// ```
    pub fn cancel(&mut self, timer: TimerId) {
        if self.memory.core.timers.remove(&timer.into()).is_some() {
            self.host.cancel_timer(timer.into());
        }
    }

    /// Whether a timer is still to come.
    ///
    /// ```
    /// # use wod_zone::{Ctx, TimerId, Zone};
    /// fn is_bomb_ticking<Z: Zone>(ctx: &Ctx<Z>, fuse: Option<TimerId>) -> bool {
    ///     fuse.is_some_and(|fuse| ctx.is_pending(fuse))
    /// }
    /// ```
    pub fn is_pending(&self, timer: TimerId) -> bool {
        self.memory.core.timers.contains_key(&timer.into())
    }

    fn set_timer(&mut self, delay: Duration, timer: Z::Timer, every: bool) -> Result<TimerId> {
        let value = ByteBuf::from(encode(&timer)?);
        let ticks = self.ticks(delay);
        let token = self.memory.core.token();
        self.host.set_timer(token, ticks, every.then_some(ticks))?;
        self.memory.core.timers.insert(token, Pending::Zone { value, every });
        Ok(token.into())
    }
}
