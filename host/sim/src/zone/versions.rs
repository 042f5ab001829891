//! Which version of the module runs on what terms, what a step back would return to, and what of it has failed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wod_protocol::ids::{Digest, EntityId, Tick};

use super::Zone;
use super::limits::{FAULTS_TO_BLOCK, REMEMBERED_FAULTS};
use super::state::ModuleCard;
use crate::module::{Event, Saved};

/// The versions of a zone's module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Versions {
    /// Ran before the current one, and was settled. Kept until the next swap.
    pub(super) previous: Option<ModuleCard>,
    /// The current one is on probation up to this tick; none: it is settled.
    pub(super) probation: Option<Tick>,
    /// When the previous one was left.
    since: Tick,
    /// Players who have left since with something saved for them.
    departed: u32,
    /// Messages sent to other zones at that time.
    sent_before: u64,
    /// Messages from other zones that the current version fell on: their senders were told that they failed.
    bounced: u32,
    /// How often a player's verb has brought the current one down.
    faults: BTreeMap<(EntityId, String), u8>,
}

/// The module's state while no instance of it runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shelved {
    /// None: it could not be had.
    pub(super) saved: Option<Saved>,
    /// For operators.
    pub(super) why: String,
}

/// How the zone's module version stands, for those who run the zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// What a rollback returns to; none: there is nothing to return to.
    pub previous: Option<Digest>,
    /// On probation up to this tick; none: settled.
    pub probation: Option<Tick>,
    /// When the previous version was left: a rewind begins there.
    pub since: Tick,
    /// Players who have left since with something saved for them: a rewind does not bring that back.
    pub departed: u32,
    /// Messages sent to other zones since: a rewind does not take them back.
    pub delivered: u64,
    /// Messages from other zones whose senders were told since that they failed: a rewind would take them.
    pub bounced: u32,
    /// From this tick on the module was told nothing: it failed, or was suspended.
    pub untold: Option<Tick>,
    /// Why no instance runs: the module failed too often.
    pub shelved: Option<String>,
}

impl Versions {
    /// Another version took over; `former` was running.
    pub(super) fn forward(&mut self, former: Option<ModuleCard>, now: Tick, probation: u32, sent: u64) {
        let until = (probation > 0).then_some(Tick(now.0 + u64::from(probation)));
        if self.probation.is_some() && self.previous.is_some() {
            // A version that never settled is nothing to return to: what counts is when the settled one was left.
            self.probation = until;
            self.faults = BTreeMap::new();
        } else {
            *self = Self { previous: former, probation: until, since: now, sent_before: sent, ..Self::default() };
        }
    }

    /// The version before runs again.
    pub(super) fn back(&mut self) {
        *self = Self { since: self.since, sent_before: self.sent_before, ..Self::default() };
    }

    /// Probation ends with this tick.
    pub(super) fn settle(&mut self, now: Tick) {
        if self.probation.is_some_and(|until| until <= now) {
            self.probation = None;
        }
    }

    /// A player leaves with something that the module saved for her.
    pub(super) fn note_departure(&mut self) {
        self.departed = self.departed.saturating_add(1);
    }

    /// A message that the module fell on is given back to its sender.
    pub(super) fn note_bounce(&mut self) {
        self.bounced = self.bounced.saturating_add(1);
    }

    /// The module failed at this event: the player and verb that are blocked from now on, if it was once too often.
    pub(super) fn note_fault(&mut self, event: &Event) -> Option<(EntityId, String)> {
        let key = match event {
            Event::Interacted { player, verb, .. } => (*player, verb.clone()),
            Event::Chose { player, choice, .. } => (*player, chosen(choice.as_deref())),
            _ => return None,
        };
        self.count_fault(key)
    }

    /// The module failed when it judged a line of this player. True: she is not heard any more, for that was once too often.
    pub(super) fn note_filter_fault(&mut self, speaker: EntityId) -> bool {
        self.count_fault((speaker, SPEAKING.to_owned())).is_some()
    }

    fn count_fault(&mut self, key: (EntityId, String)) -> Option<(EntityId, String)> {
        if self.faults.len() >= REMEMBERED_FAULTS && !self.faults.contains_key(&key) {
            self.faults.pop_first();
        }
        let count = self.faults.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        (*count == FAULTS_TO_BLOCK).then_some(key)
    }

    /// Whether this player may not use that verb any more.
    pub(super) fn is_blocked(&self, player: EntityId, verb: &str) -> bool {
        !self.faults.is_empty()
            && self.faults.get(&(player, verb.to_owned())).is_some_and(|count| *count >= FAULTS_TO_BLOCK)
    }
}

/// Saying something, as the verb it is where the module judges it.
pub(super) const SPEAKING: &str = "say a line";

/// An option of a dialogue, as the verb it is.
pub(super) fn chosen(option: Option<&str>) -> String {
    format!("choose {}", option.unwrap_or_default())
}

impl Zone {
    /// Whether the current version is not settled yet.
    pub fn is_on_probation(&self) -> bool {
        self.state.versions.probation.is_some()
    }

    /// Whether the zone goes on without its module.
    pub fn is_shelved(&self) -> bool {
        self.state.shelved.is_some()
    }

    /// How the zone's module version stands.
    pub fn terms(&self) -> Terms {
        let versions = &self.state.versions;
        Terms {
            previous: versions.previous.as_ref().map(|card| card.digest),
            probation: versions.probation,
            since: versions.since,
            departed: versions.departed,
            delivered: self.state.outbox.sent_messages() - versions.sent_before,
            bounced: versions.bounced,
            untold: self.state.untold,
            shelved: self.state.shelved.as_ref().map(|shelved| shelved.why.clone()),
        }
    }
}
