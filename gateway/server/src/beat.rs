//! The gateway's heartbeat: operators see it, and zones learn from its end that the gateway's connections are lost.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_protocol::ids::GatewayId;
use wod_protocol::registry::GatewayBeat;

use crate::Addresses;
use crate::metrics::Metrics;

/// How often a gateway tells that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How long that holds.
const BEAT_TTL: Duration = Duration::from_secs(3);

/// The kind that gateways' heartbeats have.
pub(crate) const KIND: &str = "gateway";

pub(crate) struct Beat {
    pub(crate) id: GatewayId,
    pub(crate) region: String,
    pub(crate) public: String,
    pub(crate) max_connections: usize,
    pub(crate) addresses: Addresses,
    pub(crate) began: Instant,
    pub(crate) backplane: Backplane,
    pub(crate) metrics: Metrics,
    pub(crate) drain: CancellationToken,
}

impl Beat {
    /// Tells it once. A failure is logged only: the next one comes within a second.
    pub(crate) async fn tell(&self) {
        let beat = GatewayBeat {
            gateway: self.id.clone(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            listen: self.addresses.listen.to_string(),
            admin: self.addresses.admin.map(|address| address.to_string()).unwrap_or_default(),
            uptime_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            connections: u32::try_from(self.metrics.connections()).unwrap_or(u32::MAX),
            region: self.region.clone(),
            public: self.public.clone(),
            players: u32::try_from(self.metrics.players()).unwrap_or(u32::MAX),
            max_connections: u32::try_from(self.max_connections).unwrap_or(u32::MAX),
            silent: self.metrics.silent(),
            set_back: self.metrics.set_back(),
            memory_bytes: memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64),
            draining: self.drain.is_cancelled(),
        };
        let body = rmp_serde::to_vec_named(&beat).expect("a heartbeat has only plain values");
        if let Err(error) = self.backplane.beat(KIND, self.id.as_str(), body.into(), BEAT_TTL).await {
            tracing::debug!(%error, "a heartbeat was not stored");
        }
    }

    /// Tells it every second until stopped, and then that it is over.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut beat = tokio::time::interval(BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = beat.tick() => self.tell().await,
            }
        }
        if let Err(error) = self.backplane.end_beat(KIND, self.id.as_str()).await {
            tracing::debug!(%error, "the heartbeat runs out by itself");
        }
    }
}
