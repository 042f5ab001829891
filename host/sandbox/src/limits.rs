//! What an instance may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wod_sim::module::SAVE_BYTES;

use crate::cell::Export;

/// What one instance of a module may use. How many acts a call may give and how many lines a second it may log is the zone's
/// to decide (`HostCalls`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Linear memory, all its memories together, bytes. Default 64 MiB; at most 4 GiB.
    pub memory_bytes: usize,
    /// Linear memories. Default 4.
    pub memories: usize,
    /// Tables. Default 16.
    pub tables: usize,
    /// Elements of all tables together, 8 bytes each. Default 65,536.
    pub table_elements: usize,
    /// Core instances inside the component. Default 32.
    pub instances: usize,
    /// Live component-model handles. Default 64; the zone-api uses none.
    pub handles: usize,
    /// Lists and texts that one host call's arguments, or an export's result, may carry, bytes. Default 1 MiB.
    pub hostcall_bytes: usize,
    /// Largest saved state, bytes. Default (and most that a zone takes) 8 MiB.
    pub save_bytes: usize,
    /// How long its calls may take; none: for ever (see [`Limits::unlimited_time`]). Default [`TimeLimits::default`].
    pub time: Option<TimeLimits>,
}

/// How long an instance's calls may take, milliseconds. All but `wall_ms` is processor time of the calling thread, so that a
/// busy machine is not the module's fault. Exact to about a millisecond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeLimits {
    /// One `tick`; one `filter`. Default 20.
    pub tick_ms: u32,
    /// Instantiation with `describe`; `init`; `load`: each. Default 250.
    pub start_ms: u32,
    /// One `save`. Default 50.
    pub save_ms: u32,
    /// Any call, in real time: the last resort. Default 5,000.
    pub wall_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            memories: 4,
            tables: 16,
            table_elements: 65_536,
            instances: 32,
            handles: 64,
            hostcall_bytes: 1 << 20,
            save_bytes: SAVE_BYTES,
            time: Some(TimeLimits::default()),
        }
    }
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { tick_ms: 20, start_ms: 250, save_ms: 50, wall_ms: 5_000 }
    }
}

impl Limits {
    /// For a replay: what was out of time is in the journal, and a slower machine must not judge it anew.
    #[must_use]
    pub fn unlimited_time(self) -> Self {
        Self { time: None, ..self }
    }
}

impl TimeLimits {
    /// Processor time for one call of this export.
    pub(crate) fn cpu(&self, export: Export) -> Duration {
        Duration::from_millis(u64::from(match export {
            Export::Tick | Export::Filter => self.tick_ms,
            Export::Describe | Export::Init | Export::Load => self.start_ms,
            Export::Save => self.save_ms,
        }))
    }

    /// Real time for any call.
    pub(crate) fn wall(&self) -> Duration {
        Duration::from_millis(u64::from(self.wall_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_limits_table_keeps_the_other_defaults() {
        let limits: Limits =
            serde_json::from_str(r#"{"memory_bytes": 1048576, "time": {"tick_ms": 5}}"#).expect("parses");
        let time = TimeLimits { tick_ms: 5, ..TimeLimits::default() };
        assert_eq!(limits, Limits { memory_bytes: 1 << 20, time: Some(time), ..Limits::default() });
    }

    #[test]
    fn an_unknown_limit_is_an_error() {
        assert!(serde_json::from_str::<Limits>(r#"{"memory": 1}"#).is_err());
    }
}
