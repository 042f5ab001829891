//! What a run found, added up over bots and processes, for people and for scripts.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::checks::{Fault, FaultKind};
use super::clock::Micros;
use crate::output;

/// Faults that are kept whole; further ones are only counted.
const FAULTS_KEPT: usize = 100;
/// Notes that are kept.
const NOTES_KEPT: usize = 20;
/// The longest latency that is told from longer ones, µs.
const LONGEST: u64 = 60_000_000;

/// What bots count.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(super) joins: u64,
    pub(super) resumes: u64,
    pub(super) set_backs: u64,
    pub(super) gone_commands: u64,
    pub(super) disconnects: BTreeMap<String, u64>,
    pub(super) connects_failed: u64,
    pub(super) moves: u64,
    /// Of them, those of the measured time.
    pub(super) measured_moves: u64,
    pub(super) updates: u64,
    pub(super) positions: u64,
    pub(super) lines_said: u64,
    pub(super) lines_heard: u64,
    pub(super) verbs: u64,
    pub(super) answers: u64,
    pub(super) effects: u64,
    pub(super) held_back: u64,
    pub(super) reliable: u64,
    pub(super) repeats: u64,
    pub(super) rejects: BTreeMap<String, u64>,
    pub(super) corrections: BTreeMap<String, u64>,
    pub(super) probes: u64,
    pub(super) crossings: u64,
    pub(super) swaps: u64,
    pub(super) recoveries: u64,
    pub(super) pauses: u64,
    pub(super) neighbours: u64,
    pub(super) neighbour_samples: u64,
    pub(super) longest_gap_us: u64,
}

impl Counters {
    fn add(&mut self, other: &Self) {
        let add_all = |into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>| {
            from.iter().for_each(|(key, count)| *into.entry(key.clone()).or_default() += count);
        };
        self.joins += other.joins;
        self.resumes += other.resumes;
        self.set_backs += other.set_backs;
        self.gone_commands += other.gone_commands;
        add_all(&mut self.disconnects, &other.disconnects);
        self.connects_failed += other.connects_failed;
        self.moves += other.moves;
        self.measured_moves += other.measured_moves;
        self.updates += other.updates;
        self.positions += other.positions;
        self.lines_said += other.lines_said;
        self.lines_heard += other.lines_heard;
        self.verbs += other.verbs;
        self.answers += other.answers;
        self.effects += other.effects;
        self.held_back += other.held_back;
        self.reliable += other.reliable;
        self.repeats += other.repeats;
        add_all(&mut self.rejects, &other.rejects);
        add_all(&mut self.corrections, &other.corrections);
        self.probes += other.probes;
        self.crossings += other.crossings;
        self.swaps += other.swaps;
        self.recoveries += other.recoveries;
        self.pauses += other.pauses;
        self.neighbours += other.neighbours;
        self.neighbour_samples += other.neighbour_samples;
        self.longest_gap_us = self.longest_gap_us.max(other.longest_gap_us);
    }
}

/// Latencies of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are legal"))
    }
}

impl Latencies {
    pub(super) fn record(&mut self, age: Micros) {
        self.0.saturating_record(age);
    }
}

/// A histogram as its filled buckets: value in µs, count.
#[derive(Serialize, Deserialize)]
struct Buckets(Vec<(u64, u64)>);

impl Serialize for Latencies {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let filled =
            self.0.iter_recorded().map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()));
        Buckets(filled.collect()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Latencies {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Buckets(filled) = Buckets::deserialize(deserializer)?;
        let mut latencies = Self::default();
        filled.into_iter().for_each(|(value, count)| latencies.0.saturating_record_n(value, count));
        Ok(latencies)
    }
}

/// What a process of bots hands to its parent, and what the last report is made of.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(super) bots: usize,
    /// How long was measured.
    pub(super) seconds: f64,
    /// How long joining and walking home took.
    pub(super) settling_seconds: f64,
    /// How many were where they belong when the measuring began.
    pub(super) settled: usize,
    pub(super) clusters: usize,
    pub(super) zones: Vec<String>,
    pub(super) counters: Counters,
    /// Counts of the measured time alone.
    pub(super) measured_updates: u64,
    pub(super) measured_positions: u64,
    pub(super) moves: Latencies,
    /// Lines said in the hearer's zone.
    pub(super) chat: Latencies,
    /// Lines said in another zone, within earshot of the border.
    pub(super) chat_across: Latencies,
    /// Times without an update around a crossing.
    pub(super) crossing_gaps: Latencies,
    pub(super) faults: Vec<Fault>,
    pub(super) fault_counts: BTreeMap<FaultKind, u64>,
    /// Corrections, where they happened: the first few.
    pub(super) notes: Vec<String>,
}

impl Report {
    pub(super) fn fault(&mut self, fault: Fault) {
        *self.fault_counts.entry(fault.kind).or_default() += 1;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(fault);
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < NOTES_KEPT {
            self.notes.push(note);
        }
    }

    pub(super) fn count(&mut self, counters: &Counters) {
        self.counters.add(counters);
    }

    /// Forgets what was found so far.
    pub(super) fn begin_lap(&mut self) {
        let Self { bots, settling_seconds, settled, clusters, zones, .. } = std::mem::take(self);
        *self = Self { bots, settling_seconds, settled, clusters, zones, ..Self::default() };
    }

    /// Adds what another process found in the same run.
    pub(super) fn merge(&mut self, other: Self) {
        self.bots += other.bots;
        self.seconds = self.seconds.max(other.seconds);
        self.settling_seconds = self.settling_seconds.max(other.settling_seconds);
        self.settled += other.settled;
        self.clusters += other.clusters;
        self.zones.extend(other.zones);
        self.zones.sort();
        self.zones.dedup();
        self.counters.add(&other.counters);
        self.measured_updates += other.measured_updates;
        self.measured_positions += other.measured_positions;
        self.moves.0.add(&other.moves.0).expect("both have the same bounds");
        self.chat.0.add(&other.chat.0).expect("both have the same bounds");
        self.chat_across.0.add(&other.chat_across.0).expect("both have the same bounds");
        self.crossing_gaps.0.add(&other.crossing_gaps.0).expect("both have the same bounds");
        for (kind, count) in other.fault_counts {
            *self.fault_counts.entry(kind).or_default() += count;
        }
        other.notes.into_iter().for_each(|note| self.note(note));
        self.faults.extend(other.faults);
        self.faults.sort_by_key(|fault| fault.at_ms);
        self.faults.truncate(FAULTS_KEPT);
    }

    /// Faults of all kinds.
    pub(crate) fn fault_count(&self) -> u64 {
        self.fault_counts.values().sum()
    }

    /// The report as scripts read it. Latencies in milliseconds.
    pub(crate) fn json(&self) -> serde_json::Value {
        let counters = &self.counters;
        let mut json = serde_json::json!({
            "bots": self.bots,
            "seconds": self.seconds,
            "settling_seconds": self.settling_seconds,
            "settled": self.settled,
            "clusters": self.clusters,
            "zones": self.zones,
            "neighbours": self.neighbours(),
            "joins": counters.joins,
            "moves": counters.moves,
            "moves_per_second": ratio(counters.measured_moves, self.seconds),
            "updates": counters.updates,
            "updates_per_second": self.updates_per_second(),
            "positions": counters.positions,
            "positions_per_second": self.positions_per_second(),
            "lines_said": counters.lines_said,
            "lines_heard": counters.lines_heard,
            "verbs": counters.verbs,
            "answers": counters.answers,
            "effects": counters.effects,
            "reliable": counters.reliable,
            "repeats": counters.repeats,
            "rejects": counters.rejects,
            "corrections": counters.corrections,
            "probes": counters.probes,
            "crossings": counters.crossings,
            "swaps": counters.swaps,
            "recoveries": counters.recoveries,
            "pauses": counters.pauses,
            "disconnects": counters.disconnects,
            "connects_failed": counters.connects_failed,
            "resumes": counters.resumes,
            "set_backs": counters.set_backs,
            "gone_commands": counters.gone_commands,
            "held_back": counters.held_back,
            "longest_gap_ms": millis(counters.longest_gap_us),
            "fault_counts": self.fault_counts,
            "faults": self.faults,
            "notes": self.notes,
        });
        for (name, latencies) in [
            ("move_latency_ms", &self.moves),
            ("chat_latency_ms", &self.chat),
            ("chat_across_latency_ms", &self.chat_across),
            ("crossing_gap_ms", &self.crossing_gaps),
        ] {
            json[name] = percentiles(latencies);
        }
        json
    }

    /// The report as people read it.
    pub(crate) fn print(&self) {
        let counters = &self.counters;
        let row = |name: &str, value: String| [name.to_owned(), value];
        let corrections: u64 = counters.corrections.values().sum();
        output::table(
            ["what", "value"],
            [
                row("bots", format!("{} in {} clusters over {}", self.bots, self.clusters, self.zones.join(", "))),
                row(
                    "settled",
                    format!(
                        "{} after {:.1} s, then {:.1} s measured",
                        self.settled, self.settling_seconds, self.seconds
                    ),
                ),
                row("neighbours", format!("{:.1} on average", self.neighbours())),
                row("joins", counters.joins.to_string()),
                row("moves sent", counters.moves.to_string()),
                row("updates", format!("{}, {:.0} a second", counters.updates, self.updates_per_second())),
                row("positions", format!("{}, {:.0} a second", counters.positions, self.positions_per_second())),
                row("lines", format!("{} said, {} heard", counters.lines_said, counters.lines_heard)),
                row(
                    "verbs, answers in dialogues",
                    format!("{}, {}; {} said to have taken effect", counters.verbs, counters.answers, counters.effects),
                ),
                row("reliable messages", format!("{}, {} of them repeats", counters.reliable, counters.repeats)),
                row("rejects", listed(&counters.rejects)),
                row(
                    "corrections",
                    format!("{corrections}{}; {} probes", reasons(&counters.corrections), counters.probes),
                ),
                row("crossings", counters.crossings.to_string()),
                row("swaps seen", counters.swaps.to_string()),
                row("pauses, recoveries seen", format!("{}, {}", counters.pauses, counters.recoveries)),
                row("disconnects", listed(&counters.disconnects)),
                row("resumes", counters.resumes.to_string()),
                row(
                    "set back with the store",
                    format!("{}, with {} commands", counters.set_backs, counters.gone_commands),
                ),
                row("longest gap in updates", format!("{:.0} ms", millis(counters.longest_gap_us))),
            ],
            "nothing",
        );
        let latency = |name: &str, latencies: &Latencies| {
            let quantile = |q| format!("{:.1}", millis(latencies.0.value_at_quantile(q)));
            let count = latencies.0.len().to_string();
            [name.to_owned(), count, quantile(0.5), quantile(0.95), quantile(0.99), quantile(1.0)]
        };
        output::table(
            ["latency, ms", "samples", "p50", "p95", "p99", "max"],
            [
                latency("moves", &self.moves),
                latency("chat", &self.chat),
                latency("chat across a border", &self.chat_across),
                latency("gap at a crossing", &self.crossing_gaps),
            ],
            "nothing",
        );
        self.notes.iter().for_each(|note| output::line(format_args!("note: {note}")));
        let faults = self.faults.iter().map(|fault| {
            let kind = serde_json::to_value(fault.kind).expect("a kind has a name");
            let kind = kind.as_str().unwrap_or_default().to_owned();
            [format!("{:.1}", fault.at_ms as f64 / 1000.0), fault.bot.clone(), kind, fault.detail.clone()]
        });
        output::table(["at, s", "bot", "fault", "what"], faults, "no faults");
        if self.fault_count() > self.faults.len() as u64 {
            output::line(format!("{} faults in all, the first {} shown", self.fault_count(), self.faults.len()));
        }
    }

    fn neighbours(&self) -> f64 {
        ratio(self.counters.neighbours, self.counters.neighbour_samples as f64)
    }

    fn updates_per_second(&self) -> f64 {
        ratio(self.measured_updates, self.seconds)
    }

    fn positions_per_second(&self) -> f64 {
        ratio(self.measured_positions, self.seconds)
    }
}

fn ratio(count: u64, over: f64) -> f64 {
    if over > 0.0 { (count as f64 / over * 10.0).round() / 10.0 } else { 0.0 }
}

fn millis(micros: u64) -> f64 {
    (micros as f64 / 100.0).round() / 10.0
}

fn percentiles(latencies: &Latencies) -> serde_json::Value {
    let quantile = |q| millis(latencies.0.value_at_quantile(q));
    serde_json::json!({
        "samples": latencies.0.len(),
        "p50": quantile(0.5), "p95": quantile(0.95), "p99": quantile(0.99), "max": quantile(1.0),
    })
}

/// `none`, or `2 (too_many 2)`.
fn listed(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() { "none".into() } else { format!("{}{}", counts.values().sum::<u64>(), reasons(counts)) }
}

fn reasons(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let list: Vec<_> = counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    format!(" ({})", list.join(", "))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_report_survives_the_way_from_child_to_parent() {
        let mut child = Report { bots: 3, ..Report::default() };
        for age in [1_000, 20_000, 20_000, 90_000] {
            child.moves.record(age);
        }
        let fault =
            Fault { kind: FaultKind::Gap, bot: "b".into(), at_ms: 5, detail: "n 4 came where 2 was due".into() };
        child.fault(fault);
        child.counters.longest_gap_us = 70_000;
        let sent = serde_json::to_string(&child).unwrap();
        let mut parent = Report::default();
        parent.merge(serde_json::from_str(&sent).unwrap());
        parent.merge(serde_json::from_str(&sent).unwrap());
        assert_eq!((parent.bots, parent.moves.0.len(), parent.fault_count()), (6, 8, 2));
        assert_eq!(parent.json()["move_latency_ms"]["p50"], child.json()["move_latency_ms"]["p50"]);
        assert_eq!(parent.json()["longest_gap_ms"], 70.0);
    }
}
