//! What reaches the minds of a zone's NPCs: events, alarms, hours.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alarm, Body, Cue, Step};
use crate::ctx::{self, Ctx};
use crate::handle::{EntityId, Npc, Token};
use crate::memory::Pending;
use crate::types::{ChatMode, LogLevel};
use crate::zone::{Moved, Zone};

/// The one timer for the hours of all schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hours {
    token: Token,
    /// When it rings, game ms.
    due_ms: u64,
}

/// An order has ended. False: it was not a behaviour's.
pub(crate) fn moved<Z: Zone>(ctx: &mut Ctx<'_, Z>, moved: Moved) -> bool {
    let Some(mind) = ctx.memory.core.minds.get(&moved.npc) else {
        return false;
    };
    // Otherwise it is an order that the behaviour itself replaced or halted.
    if mind.order == Some(moved.order) {
        with_mind(ctx, moved.npc, |step, body| {
            *body.order = None;
            step.cue(body, Cue::Moved(moved.end));
        });
    }
    true
}

/// Somebody came into, or left, an NPC's sensor.
pub(crate) fn sensed<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, subject: EntityId, inside: bool) {
    with_mind(ctx, npc, |step, body| match body.watched {
        true => step.cue(body, Cue::Sensed { subject, inside }),
        false => step.sensed_at_rest(subject, inside),
    });
}

/// An NPC heard a player. Emotes are seen, not heard.
pub(crate) fn heard<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, speaker: EntityId, mode: ChatMode) {
    if mode == ChatMode::Emote || !ctx.memory.core.minds.contains_key(&npc) {
        return;
    }
    if let Some(at) = ctx.at(speaker) {
        cue_if_watched(ctx, npc, Cue::Heard { speaker, at });
    }
}

/// An alarm rings.
pub(crate) fn due<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, alarm: Alarm) {
    with_mind(ctx, npc, |step, body| {
        body.alarms.remove(&alarm);
        step.cue(body, Cue::Due(alarm));
    });
}

/// Somebody, or nobody any more, has an entity in sight.
pub(crate) fn observed<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, by_anyone: bool) {
    let core = &mut ctx.memory.core;
    // Also of one without a behaviour: it may get one while somebody looks.
    if by_anyone {
        core.watched.insert(npc);
    } else {
        core.watched.remove(&npc);
    }
    match core.minds.get_mut(&npc) {
        Some(mind) if mind.watched != by_anyone => mind.watched = by_anyone,
        _ => return,
    }
    with_mind(ctx, npc, |step, body| {
        if by_anyone {
            step.begin(body);
        } else {
            body.drop_all();
            step.rest(body);
        }
    });
}

/// Tells a behaviour something unless it rests.
pub(super) fn cue_if_watched<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, cue: Cue) {
    if ctx.memory.core.minds.get(&npc).is_some_and(|mind| mind.watched) {
        with_mind(ctx, npc, |step, body| step.cue(body, cue));
    }
}

/// Keeps the timer of the hours: it runs while there is a player in the zone to see what an hour changes, and a schedule. When it
/// rings, and when the first player comes, every NPC with a schedule turns to what the hour demands; those whom nobody sees are there
/// at once. With no player in the zone nothing is called.
pub(crate) fn wind_hours<Z: Zone>(ctx: &mut Ctx<'_, Z>) {
    if ctx.memory.players.is_empty() {
        stop_hours(ctx);
    } else if !hours_pending(ctx) {
        strike(ctx);
    }
}

/// As [`wind_hours`], for an NPC that has just got its behaviour: its hour may change before all others'.
pub(super) fn wind_hours_for<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc) {
    let core = &ctx.memory.core;
    let mind = core.minds.get(&npc);
    let Some(next) = mind.and_then(|mind| mind.behaviour.step().next_hour(ctx.frame.game_ms)) else {
        return;
    };
    if core.hours.is_some_and(|hours| next < hours.due_ms) {
        stop_hours(ctx);
    }
    wind_hours(ctx);
}

fn hours_pending<Z: Zone>(ctx: &Ctx<'_, Z>) -> bool {
    let core = &ctx.memory.core;
    core.hours.is_some_and(|hours| core.timers.contains_key(&hours.token))
}

fn stop_hours<Z: Zone>(ctx: &mut Ctx<'_, Z>) {
    if let Some(Hours { token, .. }) = ctx.memory.core.hours.take()
        && ctx.memory.core.timers.remove(&token).is_some()
    {
        ctx.host.cancel_timer(token);
    }
}

/// Every NPC with a schedule turns to what the hour demands; the timer is set for the next change.
fn strike<Z: Zone>(ctx: &mut Ctx<'_, Z>) {
    let now = ctx.frame.game_ms;
    ctx.memory.core.hours = None;
    let minds = ctx.memory.core.minds.iter();
    let scheduled = minds.filter(|(_, mind)| mind.behaviour.step().next_hour(now).is_some());
    let scheduled: Vec<Npc> = scheduled.map(|(npc, _)| *npc).collect();
    for npc in &scheduled {
        with_mind(ctx, *npc, |step, body| step.hour(body));
    }
    let minds = &ctx.memory.core.minds;
    let next = scheduled.iter().filter_map(|npc| minds.get(npc)?.behaviour.step().next_hour(now)).min();
    let Some(due_ms) = next else {
        return;
    };
    let token = ctx.memory.core.token();
    let after = Duration::from_millis(due_ms.saturating_sub(now));
    match ctx.host.set_timer(token, ctx::ticks(ctx.setup.tick_hz, after), None) {
        Ok(()) => {
            ctx.memory.core.timers.insert(token, Pending::Hours);
            ctx.memory.core.hours = Some(Hours { token, due_ms });
        }
        Err(refusal) => {
            ctx.host.log(LogLevel::Warn, format!("no timer for the hours of schedules: {refusal}"), Vec::new());
        }
    }
}

/// Runs `change` on an NPC's behaviour and keeps what it reports; without one, nothing happens.
pub(super) fn with_mind<Z: Zone>(ctx: &mut Ctx<'_, Z>, npc: Npc, change: impl FnOnce(&mut dyn Step, &mut Body<'_>)) {
    let Some(mut mind) = ctx.memory.core.minds.remove(&npc) else {
        return;
    };
    let mut body = Body {
        host: ctx.host,
        core: &mut ctx.memory.core,
        setup: ctx.setup,
        game_ms: ctx.frame.game_ms,
        npc,
        watched: mind.watched,
        order: &mut mind.order,
        alarms: &mut mind.alarms,
        reports: Vec::new(),
    };
    change(mind.behaviour.step_mut(), &mut body);
    let reports = body.reports;
    ctx.memory.core.minds.insert(npc, mind);
    ctx.memory.reports.extend(reports.into_iter().map(|report| (npc, report)));
}
