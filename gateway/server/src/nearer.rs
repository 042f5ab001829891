//! Looks, by the gateways' heartbeats, where players of other regions had better connect.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_protocol::registry::GatewayBeat;

use crate::beat::KIND;

/// How often it looks. A gateway that dies in between may still be told of: its players come back here.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Tells the driver of every change until stopped.
pub(crate) async fn watch(
    backplane: Backplane,
    own: String,
    nearer_tx: watch::Sender<Vec<(String, String)>>,
    stop: CancellationToken,
) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = stop.cancelled() => return,
        }
        let gateways = match backplane.beats(KIND).await {
            Ok(beats) => choose(&own, &beats),
            Err(error) => {
                tracing::debug!(%error, "the gateways' heartbeats could not be read: nobody is sent on");
                Vec::new()
            }
        };
        nearer_tx.send_if_modified(|told| {
            let news = *told != gateways;
            *told = gateways;
            news
        });
    }
}

/// Of every other region the gateway with the fewest connections that takes more, in order of regions.
fn choose(own: &str, beats: &[(String, Bytes)]) -> Vec<(String, String)> {
    let mut best: BTreeMap<String, GatewayBeat> = BTreeMap::new();
    for (name, body) in beats {
        let beat: GatewayBeat = match rmp_serde::from_slice(body) {
            Ok(beat) => beat,
            Err(error) => {
                tracing::debug!(gateway = name, %error, "a heartbeat does not decode");
                continue;
            }
        };
        let foreign = !beat.region.is_empty() && beat.region != own && !beat.public.is_empty();
        if !foreign || beat.draining || beat.connections >= beat.max_connections {
            continue;
        }
        let rank = |beat: &GatewayBeat| (beat.connections, beat.gateway.clone());
        if best.get(&beat.region).is_none_or(|known| rank(&beat) < rank(known)) {
            best.insert(beat.region.clone(), beat);
        }
    }
    best.into_iter().map(|(region, beat)| (region, beat.public)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(id: &str, region: &str, public: &str, connections: u32, draining: bool) -> (String, Bytes) {
        let beat = GatewayBeat {
            gateway: id.into(),
            build: "1".into(),
            listen: "127.0.0.1:7700".into(),
            admin: String::new(),
            uptime_ms: 0,
            connections,
            region: region.into(),
            public: public.into(),
            players: 0,
            max_connections: 100,
            silent: Vec::new(),
            set_back: Vec::new(),
            memory_bytes: 0,
            draining,
        };
        (id.into(), rmp_serde::to_vec_named(&beat).expect("plain values").into())
    }

    #[test]
    fn of_each_other_region_the_emptiest_gateway_that_takes_players_is_told_of() {
        let beats = [
            beat("home", "nyc", "ws://nyc/ws", 0, false),
            beat("la-busy", "la", "ws://la-busy/ws", 60, false),
            beat("la-calm", "la", "ws://la-calm/ws", 7, false),
            beat("la-draining", "la", "ws://la-draining/ws", 0, true),
            beat("la-private", "la", "", 0, false),
            beat("sf-full", "sf", "ws://sf/ws", 100, false),
            beat("nowhere", "", "ws://nowhere/ws", 0, false),
            ("garbage".into(), Bytes::from_static(b"?")),
        ];
        assert_eq!(choose("nyc", &beats), [("la".to_owned(), "ws://la-calm/ws".to_owned())]);
    }
}
