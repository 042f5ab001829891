//! Everything other processes send to this host: envelopes to the doors of its zones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_backplane::{Inbox, InboxEvent};
use wod_protocol::bus::{Envelope, Part, Process, ZoneMigration};
use wod_protocol::ids::{GatewayId, HostId};
use wod_protocol::registry::GatewayBeat;
use wod_sim::io::Input;

use crate::admin::decode_beats;
use crate::autoscale;
use crate::config::GATEWAY_TTL;
use crate::host::Host;

/// Reads the inbox until cancelled.
pub(crate) async fn run(
    host: Arc<Host>,
    mut inbox: Inbox,
    migrations_tx: mpsc::Sender<(HostId, ZoneMigration)>,
    stop: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            event = inbox.recv() => event,
        };
        match event {
            Some(InboxEvent::Message(bytes)) => {
                let lag = inbox.lag().as_millis().min(u128::from(u32::MAX)) as u32;
                host.inbox_lag.fetch_max(lag, Ordering::Relaxed);
                deliver(&host, &migrations_tx, &bytes);
            }
            Some(InboxEvent::Gap { dropped }) => {
                tracing::warn!(dropped, "messages to this host were lost; their senders repeat what matters");
                metrics::counter!("wod_host_inbox_dropped_total").increment(dropped);
            }
            None => return,
        }
    }
}

fn deliver(host: &Host, migrations_tx: &mpsc::Sender<(HostId, ZoneMigration)>, bytes: &Bytes) {
    let envelope = match Envelope::decode(bytes) {
        Ok(envelope) => envelope,
        Err(error) => {
            tracing::warn!(%error, "an envelope does not decode; it is dropped");
            metrics::counter!("wod_host_bad_envelopes_total").increment(1);
            return;
        }
    };
    for part in envelope.parts {
        match part {
            Part::ToZone(to_zone) => {
                let Process::Gateway(gateway) = &envelope.from else {
                    tracing::warn!(from = %envelope.from, "players' inputs from a process that is no gateway; dropped");
                    continue;
                };
                // Not ours (any more): the gateway looks the owner up when no frame answers.
                if let Some(port) = host.port(to_zone.zone) {
                    port.extend(
                        to_zone.inputs.into_iter().map(|input| Input::Gateway { gateway: gateway.clone(), input }),
                    );
                }
            }
            Part::Stream(stream) => {
                if let Some(port) = host.port(stream.to) {
                    port.push(Input::Stream(stream));
                }
            }
            Part::Border(frame) => {
                if let Some(port) = host.port(frame.to) {
                    port.push(Input::Border(frame));
                }
            }
            Part::Migration(migration) => {
                let Process::Host(from) = &envelope.from else {
                    tracing::warn!(from = %envelope.from, "a migration from a process that is no host; dropped");
                    continue;
                };
                if migrations_tx.try_send((from.clone(), migration)).is_err() {
                    metrics::counter!("wod_host_migration_words_dropped_total").increment(1);
                }
            }
            Part::Frame(_) | Part::Notice(_) => {
                tracing::warn!(from = %envelope.from, "a part for gateways came to a host; dropped");
            }
        }
    }
}

/// The signal for whatever starts and stops machines.
fn show_wanted(host: &Host, gateways: &[GatewayBeat]) {
    let unowned = host.zones.iter().filter(|zone| host.directory.owner(**zone).is_none()).count();
    metrics::gauge!("wod_wanted_hosts").set(autoscale::wanted_hosts(&host.directory.hosts(), unowned) as f64);
    metrics::gauge!("wod_wanted_gateways").set(autoscale::wanted_gateways(gateways) as f64);
}

/// Tells every zone of gateways that died: once when their heartbeats end, and about unknown ones after a restart.
pub(crate) async fn watch_gateways(host: Arc<Host>, stop: CancellationToken) {
    let mut seen: BTreeMap<GatewayId, Instant> = BTreeMap::new();
    let mut look = tokio::time::interval(GATEWAY_TTL / 3);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = look.tick() => {}
            () = stop.cancelled() => return,
        }
        let beats = match host.backplane.beats("gateway").await {
            Ok(beats) => beats,
            Err(error) => {
                tracing::debug!(%error, "heartbeats can't be read");
                // Without a look nobody is dead.
                let now = Instant::now();
                seen.values_mut().for_each(|at| *at = now);
                continue;
            }
        };
        let now = Instant::now();
        seen.extend(beats.iter().map(|(id, _)| (GatewayId::from(id.as_str()), now)));
        show_wanted(&host, &decode_beats(beats));
        for port in host.ports() {
            for gateway in port.gateways() {
                seen.entry(gateway).or_insert(now);
            }
        }
        let dead: Vec<GatewayId> =
            seen.iter().filter(|(_, at)| now.duration_since(**at) > GATEWAY_TTL).map(|(id, _)| id.clone()).collect();
        for gateway in dead {
            seen.remove(&gateway);
            tracing::warn!(%gateway, "the gateway is gone: its players' connections are lost");
            for port in host.ports().iter().filter(|port| port.gateways().contains(&gateway)) {
                port.push(Input::GatewayLost(gateway.clone()));
            }
        }
    }
}
