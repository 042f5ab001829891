//! Everything this host sends to other processes: one envelope per destination and flush.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_protocol::bus::{Envelope, Part, Process};
use wod_protocol::limits::FLUSH_INTERVAL;

/// Parts that may wait for one destination between two flushes; more are dropped and counted. Receivers find the gap.
const PARTS_PER_FLUSH: usize = 8_192;

/// Cheap handle. Order is kept per destination.
#[derive(Clone)]
pub(crate) struct Postman {
    waiting: Arc<Mutex<BTreeMap<Process, Vec<Part>>>>,
}

impl Postman {
    pub(crate) fn new() -> Self {
        Self { waiting: Arc::default() }
    }

    pub(crate) fn send(&self, to: Process, part: Part) {
        let mut waiting = self.waiting.lock();
        let parts = waiting.entry(to).or_default();
        if parts.len() < PARTS_PER_FLUSH {
            parts.push(part);
        } else {
            metrics::counter!("wod_host_parts_dropped_total").increment(1);
        }
    }

    /// Flushes until cancelled, and once more then.
    pub(crate) async fn run(self, me: Process, backplane: Backplane, stop: CancellationToken) {
        let mut flush = tokio::time::interval(FLUSH_INTERVAL);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let last = tokio::select! {
                biased;
                _ = flush.tick() => false,
                () = stop.cancelled() => true,
            };
            let waiting = std::mem::take(&mut *self.waiting.lock());
            // All at once: however many processes there are, a flush takes one way to the store and back.
            let envelopes =
                waiting.into_iter().map(|(to, parts)| publish(&backplane, to, Envelope { from: me.clone(), parts }));
            join_all(envelopes).await;
            if last {
                return;
            }
        }
    }
}

/// Nothing is lost for good when it fails: frames are numbered and streams repeat.
async fn publish(backplane: &Backplane, to: Process, envelope: Envelope) {
    let sent = match envelope.encode() {
        Ok(bytes) => backplane.publish(&to, bytes).await.map_err(anyhow::Error::new),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = sent {
        tracing::debug!(%to, error = format!("{error:#}"), "an envelope was not published");
        metrics::counter!("wod_host_envelopes_lost_total").increment(1);
    }
}
