//! What there is: zones, hosts, gateways, players, modules.

use std::collections::BTreeMap;

use anyhow::Context as _;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use wod_protocol::ids::{Digest, GatewayId, Generation};
use wod_protocol::registry::{GatewayBeat, HostBeat, REAL_TIME, ZoneBeat};
use wod_protocol::world;

use super::{Admin, Failure, decode_beats, host_beats};
use crate::releases;

/// A zone, and the host that runs it.
#[derive(Serialize)]
struct ZoneRow {
    host: Option<String>,
    region: String,
    #[serde(flatten)]
    beat: ZoneBeat,
}

#[derive(Serialize)]
struct PlayerRow<'a> {
    name: &'a str,
    zone: &'a str,
    host: &'a str,
    /// None: her connection is lost, and the zone waits for a resume.
    gateway: Option<&'a str>,
}

pub(super) async fn readyz(State(admin): State<Admin>) -> Response {
    let beats = host_beats(&admin.host).await;
    let owned: usize = beats.map_or(0, |hosts| hosts.iter().map(|host| host.zones.len()).sum());
    let wanted = admin.host.config.world.zones.len();
    let status = if owned >= wanted { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{owned} of {wanted} zones run\n")).into_response()
}

pub(super) async fn zones(State(admin): State<Admin>) -> Result<Response, Failure> {
    let (hosts, gateways) = (host_beats(&admin.host).await?, gateway_beats(&admin).await?);
    let mut rows: Vec<ZoneRow> = admin.host.config.world.zones.iter().map(|zone| row(zone, &hosts)).collect();
    for ZoneRow { beat, .. } in &mut rows {
        let unheard = gateways.iter().filter(|gateway| gateway.silent.contains(&beat.zone));
        beat.trouble.extend(unheard.map(|gateway| format!("its frames don't arrive at gateway {}", gateway.gateway)));
        let set_back = gateways.iter().flat_map(|gateway| gateway.set_back.iter().map(move |lost| (gateway, lost)));
        let set_back = set_back.filter(|(_, (zone, _))| *zone == beat.zone);
        beat.trouble.extend(set_back.map(|(gateway, (_, ticks))| {
            format!("was set back: {ticks} ticks that players at gateway {} had seen are lost", gateway.gateway)
        }));
    }
    Ok(Json(rows).into_response())
}

fn row(zone: &world::Zone, hosts: &[HostBeat]) -> ZoneRow {
    let running = hosts.iter().flat_map(|host| host.zones.iter().map(move |beat| (host, beat)));
    let newest = running.filter(|(_, beat)| beat.zone == zone.number).max_by_key(|(_, beat)| beat.epoch);
    let (host, beat) = match newest {
        Some((host, beat)) => (Some(host.host.to_string()), beat.clone()),
        None => (None, unowned(zone)),
    };
    ZoneRow { host, region: zone.region().to_owned(), beat }
}

fn unowned(zone: &world::Zone) -> ZoneBeat {
    ZoneBeat {
        zone: zone.number,
        name: zone.name.clone(),
        epoch: Default::default(),
        tick: Default::default(),
        module: None,
        module_name: String::new(),
        generation: Generation(0),
        on_probation: false,
        shelved: false,
        players: Vec::new(),
        entities: 0,
        degraded: 0,
        dilation: REAL_TIME,
        tick_p50_us: 0,
        tick_p99_us: 0,
        load: 0,
        worker: 0,
        waiting: 0,
        uncommitted: 0,
        trouble: vec!["no host runs it".to_owned()],
        asleep: false,
    }
}

pub(super) async fn hosts(State(admin): State<Admin>) -> Result<Response, Failure> {
    Ok(Json(host_beats(&admin.host).await?).into_response())
}

pub(super) async fn gateways(State(admin): State<Admin>) -> Result<Response, Failure> {
    Ok(Json(gateway_beats(&admin).await?).into_response())
}

async fn gateway_beats(admin: &Admin) -> anyhow::Result<Vec<GatewayBeat>> {
    let beats = admin.host.backplane.beats("gateway").await.context("reading the gateways' heartbeats")?;
    Ok(decode_beats(beats))
}

pub(super) async fn players(State(admin): State<Admin>) -> Result<Response, Failure> {
    let hosts = host_beats(&admin.host).await?;
    let mut rows: Vec<PlayerRow<'_>> = Vec::new();
    for host in &hosts {
        for zone in &host.zones {
            rows.extend(zone.players.iter().map(|player| PlayerRow {
                name: &player.name,
                zone: zone.name.as_str(),
                host: host.host.as_str(),
                gateway: player.gateway.as_ref().map(GatewayId::as_str),
            }));
        }
    }
    rows.sort_by_key(|row| row.name);
    Ok(Json(rows).into_response())
}

/// A module that was published, or that a zone runs.
#[derive(Serialize)]
struct ModuleRow {
    name: String,
    version: String,
    digest: Digest,
    /// Of the file; none: not in the backplane.
    bytes: Option<u64>,
    schema: Option<u32>,
    /// False: it came from a host's folder of modules.
    published: bool,
    /// Whom this host trusts; none: nobody, or signatures are not asked for.
    signer: Option<String>,
    /// Why this host would not run it.
    refused: Option<String>,
    /// Zones that run it.
    zones: Vec<String>,
}

pub(super) async fn modules(State(admin): State<Admin>) -> Result<Response, Failure> {
    let host = &admin.host;
    let mut running: BTreeMap<Digest, (String, Vec<String>)> = BTreeMap::new();
    for zone in host_beats(host).await?.into_iter().flat_map(|host| host.zones) {
        if let Some(digest) = zone.module {
            let entry = running.entry(digest).or_insert_with(|| (zone.module_name.clone(), Vec::new()));
            entry.1.push(zone.name.to_string());
        }
    }
    let mut rows = Vec::new();
    for release in releases::list(&host.backplane).await? {
        let zones = running.remove(&release.digest).map(|(_, zones)| zones).unwrap_or_default();
        rows.push(ModuleRow {
            name: release.name,
            version: release.version,
            digest: release.digest,
            bytes: Some(release.bytes),
            schema: Some(release.schema),
            published: true,
            signer: None,
            refused: None,
            zones,
        });
    }
    for (digest, (name, zones)) in running {
        let (name, version) = name.split_once(' ').unwrap_or((&name, ""));
        rows.push(ModuleRow {
            name: name.to_owned(),
            version: version.to_owned(),
            digest,
            bytes: None,
            schema: None,
            published: false,
            signer: None,
            refused: None,
            zones,
        });
    }
    let signatures = releases::all_signatures(&host.backplane).await?;
    for row in &mut rows {
        match host.modules.vouched(row.digest, signatures.get(&row.digest).map_or(&[], Vec::as_slice)) {
            Ok(signer) => row.signer = signer,
            Err(refusal) => row.refused = Some(refusal),
        }
    }
    Ok(Json(rows).into_response())
}
