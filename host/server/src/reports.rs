//! What a zone and its module report, for operators: log lines, metrics, troubles. Each names the module and its generation.

use wod_protocol::ids::{Digest, Generation, ZoneNo};
use wod_sim::io::Report;
use wod_sim::module::LogLevel;

use crate::signature::hex;

/// Bytes of an event that are written down.
const EVENT_BYTES: usize = 1024;

/// Which module a zone ran.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ModuleLabel {
    pub(crate) digest: Option<Digest>,
    pub(crate) generation: Generation,
}

impl std::fmt::Display for ModuleLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.digest {
            Some(digest) => write!(f, "{digest}"),
            None => f.write_str("none"),
        }
    }
}

/// Logs and counts.
pub(crate) fn publish(zone: ZoneNo, module: &ModuleLabel, report: &Report) {
    let generation = module.generation;
    let labels = |name: &str| {
        let generation = generation.to_string();
        [
            ("zone", zone.to_string()),
            ("module", module.to_string()),
            ("generation", generation),
            ("name", name.to_owned()),
        ]
    };
    match report {
        Report::Log(level, message, fields) => match level {
            LogLevel::Error => tracing::error!(target: "module", %zone, %module, %generation, ?fields, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "module", %zone, %module, %generation, ?fields, "{message}"),
            LogLevel::Info => tracing::info!(target: "module", %zone, %module, %generation, ?fields, "{message}"),
            LogLevel::Debug => tracing::debug!(target: "module", %zone, %module, %generation, ?fields, "{message}"),
        },
        Report::LogDropped(count) => {
            tracing::warn!(target: "module", %zone, %module, %generation, count, "log lines over the limit dropped");
        }
        Report::Count(name, by) => metrics::counter!("wod_module_count_total", &labels(name)).increment(*by),
        Report::Gauge(name, value) => metrics::gauge!("wod_module_gauge", &labels(name)).set(*value),
        Report::Observe(name, value) => metrics::histogram!("wod_module_histogram", &labels(name)).record(*value),
        Report::Fault(fault, event) => {
            let bytes =
                event.as_ref().map(|event| rmp_serde::to_vec(event).expect("an event has no unserialisable value"));
            let bytes = bytes.map(|bytes| hex(&bytes[..bytes.len().min(EVENT_BYTES)]));
            tracing::error!(%zone, %module, %generation, %fault, ?event, bytes, "the module failed");
            metrics::counter!("wod_module_faults_total", &labels(&fault.kind.to_string())).increment(1);
        }
        Report::Blocked { player, verb } => {
            tracing::warn!(%zone, %module, %generation, %player, verb, "a player's verb is blocked: the module fails at it");
        }
    }
}

/// What operators are shown for some time.
pub(crate) fn trouble(report: &Report) -> Option<String> {
    match report {
        Report::Fault(fault, None) => Some(format!("module: {fault}")),
        Report::Fault(fault, Some(event)) => Some(format!("module: {fault} at {event:?}")),
        Report::Blocked { player, verb } => Some(format!(
            "verb `{verb}` of player {player} is blocked until the module is replaced: it fails each time"
        )),
        _ => None,
    }
}
