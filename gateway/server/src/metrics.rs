//! The gateway's figures as Prometheus text. Rendered from the core's counters: nothing global is registered.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use wod_gateway_core::Stats;
use wod_protocol::ids::ZoneNo;

/// Figures that the driver and its neighbours keep up to date. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    core: Arc<Mutex<Stats>>,
    shell: Arc<Shell>,
}

/// What the shell itself counts.
#[derive(Default)]
pub(crate) struct Shell {
    /// Envelopes that did not decode.
    pub(crate) bad_envelopes: AtomicU64,
    /// Messages that the full inbox dropped.
    pub(crate) inbox_dropped: AtomicU64,
    /// Envelopes not published: the queue was full, or the backplane away.
    pub(crate) unpublished: AtomicU64,
    /// Upgrades refused (HTTP 400).
    pub(crate) refused_upgrades: AtomicU64,
}

impl Metrics {
    pub(crate) fn set(&self, stats: Stats) {
        *self.core.lock() = stats;
    }

    pub(crate) fn shell(&self) -> &Shell {
        &self.shell
    }

    pub(crate) fn silent(&self) -> Vec<ZoneNo> {
        self.core.lock().silent.clone()
    }

    pub(crate) fn set_back(&self) -> Vec<(ZoneNo, u64)> {
        self.core.lock().set_back.clone()
    }

    pub(crate) fn players(&self) -> u64 {
        self.core.lock().players
    }

    pub(crate) fn connections(&self) -> u64 {
        self.core.lock().connections
    }

    /// Prometheus text format, version 0.0.4.
    pub(crate) fn render(&self) -> String {
        let stats = self.core.lock().clone();
        let shell = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = String::with_capacity(4096);
        let mut figure = |kind: &str, name: &str, help: &str, value: u64| {
            writeln!(
                text,
                "# HELP wod_gateway_{name} {help}\n# TYPE wod_gateway_{name} {kind}\nwod_gateway_{name} {value}"
            )
            .expect("writing to memory can't fail");
        };
        figure("gauge", "connections", "WebSocket connections now.", stats.connections);
        figure("gauge", "silent_zones", "Zones with players here that send no frames.", stats.silent.len() as u64);
        figure("gauge", "players", "Connections in the world now.", stats.players);
        let counters = [
            ("client_messages_total", "Messages from clients.", stats.client_messages),
            ("server_messages_total", "Messages to clients.", stats.server_messages),
            ("server_bytes_total", "Bytes of messages to clients.", stats.server_bytes),
            ("zone_frames_total", "Frames from zones.", stats.zone_frames),
            ("stale_frames_total", "Frames of an older owner, or repeated.", stats.stale_frames),
            ("frame_gaps_total", "Gaps in zones' frames.", stats.frame_gaps),
            ("ticks_lost_total", "Ticks that players had seen and their zones' new owners not.", stats.ticks_lost),
            ("resyncs_total", "Resyncs asked of zones.", stats.resyncs),
            ("repeated_messages_total", "Reliable messages not sent twice.", stats.repeated_messages),
            ("message_gaps_total", "Reliable messages that came before an earlier one.", stats.message_gaps),
            ("rejected_commands_total", "Commands rejected by the gateway.", stats.rejected_commands),
            ("repeated_commands_total", "Commands given to a zone again.", stats.repeated_commands),
            ("congestions_total", "Times a client did not keep up.", stats.congestions),
            ("relocations_total", "Times a player had to be found again.", stats.relocations),
            ("sent_on_total", "Players told of a gateway that is nearer.", stats.sent_on),
            ("bad_envelopes_total", "Bus envelopes that did not decode.", shell(&self.shell.bad_envelopes)),
            ("inbox_dropped_total", "Bus envelopes dropped by the full inbox.", shell(&self.shell.inbox_dropped)),
            ("unpublished_total", "Envelopes to hosts that could not be sent.", shell(&self.shell.unpublished)),
            ("refused_upgrades_total", "WebSocket upgrades refused.", shell(&self.shell.refused_upgrades)),
        ];
        for (name, help, value) in counters {
            figure("counter", name, help, value);
        }
        text.push_str("# HELP wod_gateway_closed_total Connections closed by the gateway.\n# TYPE wod_gateway_closed_total counter\n");
        for (code, count) in &stats.closed {
            writeln!(text, "wod_gateway_closed_total{{code=\"{code}\"}} {count}")
                .expect("writing to memory can't fail");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_help_type_and_value() {
        let metrics = Metrics::default();
        let stats = Stats { connections: 3, closed: [(4101, 2)].into(), ..Stats::default() };
        metrics.set(stats);
        let text = metrics.render();
        assert!(text.contains("\nwod_gateway_connections 3\n"), "{text}");
        assert!(text.ends_with("wod_gateway_closed_total{code=\"4101\"} 2\n"), "{text}");
        let lines = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
        assert_eq!(lines("# HELP"), lines("# TYPE"));
        assert_eq!(lines("# TYPE"), lines("wod_gateway_"));
    }
}
