//! Whom nobody hears: muted by a zone's module, or by an operator. What is left of it goes with the player, in game time: zones count
//! their ticks each for itself.

use wod_protocol::bus::Muted;
use wod_protocol::ids::{EntityId, Tick};
use wod_protocol::record::fold_name;

use super::Zone;
use super::checks::check_text;
use super::limits::{MUTE_MS, REASON_CHARS};
use super::state::{Player, Silenced, State};

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

impl Zone {
    /// Why nobody hears her now, in words for her; none: she is heard.
    pub(super) fn why_muted(&self, id: EntityId) -> Option<String> {
        let muted = self.muted(self.state.players.get(&id)?);
        if muted.by_operator > 0 {
            let colon = if muted.reason.is_empty() { "" } else { ": " };
            return Some(format!("an operator has muted you for {}{colon}{}", span(muted.by_operator), muted.reason));
        }
        (muted.by_module > 0).then(|| format!("you are muted for {}", span(muted.by_module)))
    }

    /// An operator mutes a player, or lets her be heard again.
    pub(super) fn silence(&mut self, request: u64, name: &str, ms: u64, reason: &str) {
        let answer = self.try_silence(name, ms, reason);
        self.answer(request, answer);
    }

    fn try_silence(&mut self, name: &str, ms: u64, reason: &str) -> Result<String, String> {
        if ms > MUTE_MS {
            return Err(format!("nobody is muted for over {}", span(MUTE_MS)));
        }
        if check_text(reason, REASON_CHARS).is_err() || reason.contains('\n') {
            return Err(format!("a reason has at most {REASON_CHARS} characters, none of them control characters"));
        }
        let nobody = || format!("no player of the name `{name}` is in this zone now");
        let id = self.state.names.get(&fold_name(name)).copied().ok_or_else(nobody)?;
        let until = self.muted_until(ms);
        let State { players, scene, .. } = &mut self.state;
        let (Some(player), Some(entity)) = (players.get_mut(&id), scene.entities.get(&id)) else {
            return Err(nobody());
        };
        let reason = if ms == 0 { "" } else { reason };
        player.silenced = Silenced { until, reason: reason.to_owned() };
        let name = &entity.name;
        Ok(if ms == 0 { format!("{name} is heard again") } else { format!("{name} is muted for {}", span(ms)) })
    }

    /// What is left of a player's mutes, to go with her.
    pub(super) fn muted(&self, player: &Player) -> Muted {
        let left = |until: Tick| {
            let ticks = until.0.saturating_sub(self.state.tick.0);
            ticks.saturating_mul(1000) / self.rules.second()
        };
        let by_operator = left(player.silenced.until);
        let reason = if by_operator == 0 { String::new() } else { player.silenced.reason.clone() };
        Muted { by_module: left(player.muted_until), by_operator, reason }
    }

    /// The tick until which a mute lasts of which so much is left.
    pub(super) fn muted_until(&self, left_ms: u64) -> Tick {
        match left_ms {
            0 => Tick(0),
            ms => Tick(self.state.tick.0.saturating_add(self.rules.ticks(ms))),
        }
    }
}

/// A time in words, rounded up to what one would say.
fn span(ms: u64) -> String {
    match ms {
        0..=MINUTE_MS => format!("{} s", ms.div_ceil(SECOND_MS)),
        ms if ms <= 2 * HOUR_MS => format!("{} min", ms.div_ceil(MINUTE_MS)),
        ms if ms <= 48 * HOUR_MS => format!("{} h", ms.div_ceil(HOUR_MS)),
        ms => format!("{} days", ms.div_ceil(24 * HOUR_MS)),
    }
}
