//! What an operator can set on a zone host.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wod_protocol::ids::HostId;
use wod_protocol::world::World;
use wod_sandbox::{Limits, SandboxOptions};

use crate::signature::Trust;

/// Configuration of one zone host process.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Unique among the hosts alive.
    pub host: HostId,
    /// Zones of this region are claimed at once, others only when nobody has claimed them for
    /// [`HostConfig::foreign_grace`]. Empty: all regions alike.
    pub region: String,
    /// Where the admin HTTP API listens.
    pub admin: SocketAddr,
    /// The world.
    pub world: Arc<World>,
    /// Folder with a `{module}.wasm` for every module the world file names; used by zones that never ran.
    pub modules: PathBuf,
    /// Whether a zone that already ran is given the folder's module when that differs from its own (development).
    pub follow_modules: bool,
    /// Whose modules it runs.
    pub trust: Trust,
    /// Is told by HTTP POST when a module was rolled back or quarantined. None: nobody.
    pub webhook: Option<reqwest::Url>,
    /// Threads that tick zones, 1 to 64; default: one a core.
    pub workers: usize,
    /// Bounds of every module instance.
    pub limits: Limits,
    /// How components are compiled.
    pub sandbox: SandboxOptions,
    /// A zone's snapshot is written when replaying its journal since the last would take this long. Default 100 ms.
    pub replay_budget: Duration,
    /// And after this many journal entries at the latest, at least 1. Default 10,000.
    pub replay_entries: u64,
    /// How long this host leaves an unowned zone that belongs elsewhere (to another region, to hosts the world file names) to
    /// hosts that suit it better, or, when the zone was not seen with an owner yet, to such as may come. Default 5 s.
    pub foreign_grace: Duration,
    /// Whether it gives zones away to even loads out. Draining, and operators' migrations, are always possible. Default true.
    pub rebalance: bool,
}

/// [`HostConfig::replay_budget`] unless set otherwise.
pub const REPLAY_BUDGET: Duration = Duration::from_millis(100);
/// [`HostConfig::replay_entries`] unless set otherwise.
pub const REPLAY_ENTRIES: u64 = 10_000;

/// Inputs that may wait for one zone's next tick; more are dropped and counted (every sender repeats what matters).
pub(crate) const ZONE_QUEUE: usize = 65_536;
/// Messages that may wait in this process' inbox; more are dropped and counted (resync repairs it).
pub(crate) const INBOX_QUEUE: usize = 16_384;
/// Store requests of all zones of a host that run at once; the rest wait their turn (zones repeat them).
pub(crate) const STORE_CONCURRENCY: usize = 64;
/// Copies of zones in which other versions are tried at once; more wait.
pub(crate) const TRIALS: usize = 2;
/// Zones that are brought to where their journals end at once; more wait, the least crowded last.
pub(crate) const RECOVERIES: usize = 4;
/// Words about migrations that may wait; more are dropped, and said again.
pub(crate) const MIGRATION_QUEUE: usize = 1_024;
/// A gateway whose heartbeat has been gone from the store for this long is dead: its connections are lost. Longer than a fail-over
/// of the store takes, so that a gateway that was cut off for that long finds its players as they were and need not have each let in
/// anew. Nobody waits for it: who comes back by another gateway is let in at once.
pub(crate) const GATEWAY_TTL: Duration = Duration::from_secs(6);
/// After more faults of one zone's module than this within [`FAULT_WINDOW`] it is shelved: the zone goes on without it.
pub(crate) const FAULT_STORM: usize = 10;
/// See [`FAULT_STORM`].
pub(crate) const FAULT_WINDOW: Duration = Duration::from_secs(60);
