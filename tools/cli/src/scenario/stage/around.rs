//! What is around the zone: whoever reads what a tick sets off, and the host when the module has failed.

use std::sync::Arc;

use wod_protocol::bus::{Attribute, ZoneFrame, ZoneItem, ZoneStream};
use wod_sim::io::{Effects, Input, Outcome, Report};
use wod_sim::module::LogLevel;
use wod_sim::zone::Zone;

use super::{FAULTS, Failure, HERE, Sight, Stage};
use crate::scenario::versions::{Replayed, kind_of};

impl Stage {
    pub(super) fn note_faults(&mut self, outcome: &Outcome) {
        // In the tick of a swap, too, the version that is told something is the one that runs after it.
        let version = self.zone.module_digest();
        let of_swap = outcome.swap.as_ref().and_then(|swap| swap.as_ref().err());
        for report in &self.effects.reports {
            let seconds = self.zone.game_ms() as f64 / 1000.0;
            match report {
                Report::Fault(fault, event) => {
                    let Some(version) = version.filter(|_| of_swap != Some(fault)) else { continue };
                    let event = event.as_ref().map(kind_of);
                    self.failures.push(Failure { version, seconds, event, fault: fault.clone() });
                }
                Report::Log(LogLevel::Error, text, _) => self.errors.push((seconds, text.clone())),
                _ => {}
            }
        }
        if outcome.swap.is_some() {
            self.replaced = outcome.swap.clone();
        }
        let failed = self.failures.iter().filter(|failure| Some(failure.version) == version).count();
        if failed > FAULTS {
            self.over = Some(format!("the version that ran failed {failed} times, as the faults say"));
        }
    }

    /// Brings what the tick set off to players, store and the zone beyond.
    pub(super) fn deliver(&mut self) {
        let effects = std::mem::take(&mut self.effects);
        for (_, frame) in &effects.frames {
            self.look(frame);
            self.players.iter_mut().for_each(|player| player.read(frame));
        }
        for (request, wish) in &effects.store {
            let answer = self.store.answer(HERE, wish);
            self.inbox.push(Input::Store { request: *request, answer });
        }
        effects.streams.iter().for_each(|stream| self.take_beyond(stream));
        self.answered.extend(effects.answers.iter().cloned());
        self.effects = effects;
    }

    fn look(&mut self, frame: &ZoneFrame) {
        for card in &frame.cards {
            self.sights.insert(card.id, Sight { name: card.name.clone(), at: card.at, verbs: card.verbs.clone() });
        }
        for moved in &frame.moved {
            if let Some(sight) = self.sights.get_mut(&moved.id) {
                sight.at = moved.at;
            }
        }
        for change in &frame.attributes {
            let Some(sight) = self.sights.get_mut(&change.id) else { continue };
            match &change.what {
                Attribute::Verbs(verbs) => sight.verbs.clone_from(verbs),
                Attribute::Name(name) => sight.name.clone_from(name),
                _ => {}
            }
        }
        if let Some(info) = &frame.info {
            self.closed_barriers = info.barriers.iter().cloned().collect();
        }
        for (barrier, closed) in &frame.barriers {
            if *closed {
                self.closed_barriers.insert(barrier.clone());
            } else {
                self.closed_barriers.remove(barrier);
            }
        }
    }

    /// The zone beyond takes and acknowledges everything. Who comes there logs out at once, so that she can come back.
    fn take_beyond(&mut self, stream: &ZoneStream) {
        let mut receipts = Vec::new();
        for (_, item) in &stream.items {
            match item {
                ZoneItem::Player(player) => {
                    self.store.moved_on(player, stream.to);
                    self.store.set_offline(&player.sub);
                }
                ZoneItem::Message { order, .. } => receipts.push(ZoneItem::Receipt { order: *order, delivered: true }),
                _ => {}
            }
        }
        let after = self.sent_from_beyond;
        let items: Vec<_> = (after + 1..).zip(receipts).collect();
        self.sent_from_beyond += items.len() as u64;
        let acked = stream.items.last().map_or(stream.after, |(number, _)| *number);
        let part = ZoneStream { from: stream.to, to: HERE, after, items, acked, settled: after };
        self.inbox.push(Input::Stream(part));
    }

    /// As a host does after a fault: a copy lives the journal again, and its instance stands as before the fault.
    pub(super) fn rebuild(&mut self) {
        let mut copy = Zone::new(Arc::clone(&self.world), HERE);
        let mut effects = Effects::default();
        for entry in &self.journal {
            if let Err(diverged) = copy.replay(entry, &mut Replayed(&self.versions), &mut effects) {
                self.over = Some(format!("a replay comes out otherwise: {diverged}"));
                return;
            }
        }
        let Some((module, digest)) = copy.take_parked_module().zip(self.zone.module_digest()) else {
            self.over = Some("a replay comes out otherwise: it has no module".to_owned());
            return;
        };
        self.versions.put_rebuilt(&digest, module);
        self.inbox.push(Input::Rebuilt);
    }
}
