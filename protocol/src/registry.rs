//! What processes tell about themselves once a second, and who owns which zone.

use serde::{Deserialize, Serialize};

use crate::ids::{Digest, Epoch, GatewayId, Generation, HostId, Tick, ZoneName, ZoneNo};

/// A zone's owner as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The host.
    pub host: HostId,
    /// Its fencing epoch.
    pub epoch: Epoch,
}

/// A zone host's heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostBeat {
    /// The host.
    pub host: HostId,
    /// Version of the program.
    pub build: String,
    /// The region it serves first.
    pub region: String,
    /// Where its admin HTTP API listens, `ip:port`.
    pub admin: String,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Resident memory, bytes.
    pub memory_bytes: u64,
    /// Load of each worker, per mille of its time.
    #[serde(default)]
    pub workers: Vec<u32>,
    /// How long the newest messages waited in its inbox, ms.
    #[serde(default)]
    pub inbox_lag_ms: u32,
    /// It takes no zones and gives away what it has.
    #[serde(default)]
    pub draining: bool,
    /// Zones it owns.
    pub zones: Vec<ZoneBeat>,
}

/// How busy a zone host is, in few bytes: what hosts decide by who takes which zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLoad {
    /// The host.
    pub host: HostId,
    /// The region it serves first; empty: all alike.
    pub region: String,
    /// Threads that tick zones.
    pub workers: u32,
    /// It takes no zones and gives away what it has.
    pub draining: bool,
    /// Zones it owns.
    pub zones: Vec<ZoneLoad>,
    /// What these run, each once: other hosts have it compiled, should a zone come to them.
    #[serde(default)]
    pub modules: Vec<Digest>,
}

/// How busy a zone keeps its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneLoad {
    /// The zone.
    pub zone: ZoneNo,
    /// Per mille of one worker's time, measured over the last seconds.
    pub load: u32,
    /// Players in it.
    pub players: u32,
}

/// One zone in its host's heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneBeat {
    /// Its number.
    pub zone: ZoneNo,
    /// Its name.
    pub name: ZoneName,
    /// Owner's epoch.
    pub epoch: Epoch,
    /// The last committed tick.
    pub tick: Tick,
    /// Its module's digest; none: runs without a module.
    pub module: Option<Digest>,
    /// The module's own name and version, `name version`.
    pub module_name: String,
    /// How many times it was replaced.
    pub generation: Generation,
    /// Its module is not settled yet: a fault or a slower pace brings the version before back.
    #[serde(default)]
    pub on_probation: bool,
    /// Its module failed too often: the zone goes on without it.
    #[serde(default)]
    pub shelved: bool,
    /// The players in it, link-dead ones included.
    pub players: Vec<PlayerBeat>,
    /// Characters and things.
    pub entities: u32,
    /// What it leaves out because it is too full: 0 nothing, 1 some moves of those far from everybody, 2 also all but the nearest
    /// in rosters.
    #[serde(default)]
    pub degraded: u8,
    /// Per mille of real time it runs at; under 1000: time dilation.
    #[serde(default = "real_time")]
    pub dilation: u16,
    /// Duration of a tick, µs, over the last 1,024 ticks.
    pub tick_p50_us: u32,
    /// The same, 99th percentile.
    pub tick_p99_us: u32,
    /// Per mille of one worker's time that it takes.
    #[serde(default)]
    pub load: u32,
    /// Which of its host's workers ticks it, from 0.
    #[serde(default)]
    pub worker: u32,
    /// Inputs waiting for its next tick.
    #[serde(default)]
    pub waiting: u32,
    /// Ticks waiting for the journal.
    pub uncommitted: u32,
    /// What is wrong with it, for people; empty: healthy.
    pub trouble: Vec<String>,
    /// Nobody in it and nothing to do.
    pub asleep: bool,
}

/// A player in her zone's heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerBeat {
    /// Her name.
    pub name: String,
    /// Through which gateway she is connected; none: her connection is lost, and the zone waits for a resume.
    pub gateway: Option<GatewayId>,
}

/// Per mille: as fast as real time.
pub const REAL_TIME: u16 = 1000;

fn real_time() -> u16 {
    REAL_TIME
}

/// A gateway's heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayBeat {
    /// The gateway.
    pub gateway: GatewayId,
    /// Version of the program.
    pub build: String,
    /// Where players reach it, `ip:port`.
    pub listen: String,
    /// Where its admin HTTP API listens, `ip:port`.
    pub admin: String,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Connections now.
    pub connections: u32,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// How players reach it, wherever they are: the URL of its WebSocket. Empty: other gateways don't tell them of it.
    #[serde(default)]
    pub public: String,
    /// Players in the world through it.
    #[serde(default)]
    pub players: u32,
    /// Connections at once that it takes.
    #[serde(default)]
    pub max_connections: u32,
    /// Zones with players of its from which no frame has come for some seconds.
    #[serde(default)]
    pub silent: Vec<ZoneNo>,
    /// Zones whose new owners lately did not know what players of its had seen: how many ticks.
    #[serde(default)]
    pub set_back: Vec<(ZoneNo, u64)>,
    /// Resident memory, bytes.
    #[serde(default)]
    pub memory_bytes: u64,
    /// Whether it is draining.
    pub draining: bool,
}
