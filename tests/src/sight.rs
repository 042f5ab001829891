//! What a player sees of those who move, held against the promise of PROTOCOL.md: whoever moves is told of at least every 4
//! ticks, and always where it comes to rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::route::{Spot, distance};

/// A moving entity is told of at least so often, ticks.
const PROMISED_TICKS: f64 = 4.0;
/// Positions are kept to 1/256 m, twice.
const GRAIN: f64 = 2.0 / 256.0;

/// A player's record of the `update`s that came.
#[derive(Debug, Default)]
pub struct Sight {
    entities: BTreeMap<u64, Seen>,
    last: Option<(u64, Instant)>,
    /// How many there were.
    pub updates: u64,
    /// How many told of a zone slower than real time.
    pub dilated: u64,
    /// The longest time without one.
    pub longest_gap: Duration,
    /// What was wrong.
    pub faults: Vec<String>,
}

/// What was seen of one entity.
#[derive(Debug, Default)]
struct Seen {
    updates: u64,
    last: Option<(u64, Spot)>,
    /// Between two updates: ticks, and metres.
    steps: Vec<(u64, f64)>,
}

impl Sight {
    /// Takes a message that has just come.
    pub fn note(&mut self, message: &Value) {
        match message["t"].as_str() {
            Some("roster") => self.note_roster(message),
            Some("update") => self.note_update(message),
            Some("zone" | "paused" | "correct") => self.faults.push(format!("disturbed by {message}")),
            _ => {}
        }
    }

    /// Updates of one entity.
    pub fn updates_of(&self, entity: u64) -> u64 {
        self.entities.get(&entity).map_or(0, |seen| seen.updates)
    }

    /// The longest walk of an entity between two updates of it, in ticks: 1 when it was told of at every tick. An entity that
    /// rested for long before an update has moved for as many ticks as it has come far, at its fastest.
    pub fn unseen_ticks(&self, entity: u64) -> f64 {
        self.entities.get(&entity).map_or(0.0, Seen::unseen_ticks)
    }

    /// Every promise that was not kept.
    pub fn broken_promises(&self) -> Vec<String> {
        let walks = self.entities.iter().map(|(id, seen)| (id, seen.unseen_ticks()));
        let unseen = walks.filter(|(_, ticks)| *ticks > PROMISED_TICKS);
        let unseen = unseen.map(|(id, ticks)| format!("{id} walked for {ticks:.1} ticks without an update"));
        self.faults.iter().cloned().chain(unseen).collect()
    }

    fn note_roster(&mut self, message: &Value) {
        let left = message["leave"].as_array().into_iter().flatten();
        let entered = message["enter"].as_array().into_iter().flatten().map(|entry| &entry["id"]);
        for id in left.chain(entered).filter_map(Value::as_u64) {
            self.lose_track(id);
        }
    }

    fn note_update(&mut self, message: &Value) {
        let now = Instant::now();
        let tick = message["tick"].as_u64().unwrap_or(0);
        if let Some((last_tick, last)) = self.last.replace((tick, now)) {
            self.longest_gap = self.longest_gap.max(now - last);
            if tick <= last_tick {
                self.faults.push(format!("an update of tick {tick} after one of {last_tick}"));
            }
        }
        self.updates += 1;
        self.dilated += u64::from(message["dilation"].is_number());
        for entry in message["e"].as_array().into_iter().flatten() {
            let (Some(id), Some(x), Some(y)) = (entry[0].as_u64(), entry[1].as_f64(), entry[2].as_f64()) else {
                self.faults.push(format!("an update that does not say who is where: {entry}"));
                continue;
            };
            if entry[4].as_u64().is_some_and(|flags| flags & 1 == 1) {
                self.lose_track(id);
            }
            let seen = self.entities.entry(id).or_default();
            seen.updates += 1;
            if let Some((before, from)) = seen.last.replace((tick, (x, y)))
                && before < tick
            {
                seen.steps.push((tick - before, distance(from, (x, y))));
            }
        }
    }

    /// It jumped, or was away: how it got to where it is seen next says nothing.
    fn lose_track(&mut self, id: u64) {
        if let Some(seen) = self.entities.get_mut(&id) {
            seen.last = None;
        }
    }
}

impl Seen {
    fn unseen_ticks(&self) -> f64 {
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let fastest = most(&mut self.steps.iter().map(|(ticks, metres)| metres / *ticks as f64));
        let furthest = most(&mut self.steps.iter().map(|(_, metres)| *metres));
        if furthest > GRAIN { (furthest - GRAIN) / fastest } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sight(updates: &[(u64, f64)]) -> Sight {
        let mut sight = Sight::default();
        for (tick, x) in updates {
            sight.note(&json!({ "t": "update", "tick": tick, "e": [[7, x, 0.0, 0.0]] }));
        }
        sight
    }

    #[test]
    fn a_skipped_update_is_noticed_and_a_rest_is_none() {
        let none = Vec::<String>::new();
        assert_eq!(sight(&[(1, 0.1), (2, 0.2), (6, 0.6), (7, 0.7)]).broken_promises(), none);
        assert_eq!(
            sight(&[(1, 0.1), (2, 0.2), (99, 0.5), (100, 0.6)]).broken_promises(),
            none,
            "it stood until tick 95"
        );
        assert_eq!(sight(&[(1, 0.1), (2, 0.2), (7, 0.7)]).broken_promises().len(), 1);
        assert_eq!(sight(&[(2, 0.2), (2, 0.3)]).broken_promises().len(), 1, "the same tick twice");
    }
}
