//! The operators' HTTP API. Any host answers for the whole cluster: it reads the heartbeats, and passes on what another host's
//! zone has to do. Errors are `{"error": …, "hint": …}`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wod_protocol::client::TagValue;
use wod_protocol::ids::Generation;
use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::registry::{GatewayBeat, HostBeat, ZoneBeat};
use wod_protocol::world;
use wod_sim::io::Input;

use crate::host::Host;
use crate::port::ZonePort;

/// How long an operator waits for a zone's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long another host may take to answer what was passed on to it.
const PASS_ON_TIMEOUT: Duration = Duration::from_secs(60);
const PASS_ON_CONNECT: Duration = Duration::from_secs(2);
/// How long an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Marks a request that another host passed on, so that two hosts never pass it to and fro.
const PASSED_ON: &str = "x-wod-passed-on";

#[derive(Clone)]
struct Admin {
    host: Arc<Host>,
    metrics: PrometheusHandle,
    http: reqwest::Client,
}

/// Serves until cancelled.
pub(crate) async fn serve(listener: TcpListener, host: Arc<Host>, metrics: PrometheusHandle, stop: CancellationToken) {
    let http = reqwest::Client::builder().connect_timeout(PASS_ON_CONNECT).timeout(PASS_ON_TIMEOUT).build();
    let http = http.expect("a client without proxies or certificates of its own");
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(|State(admin): State<Admin>| async move { admin.metrics.render() }))
        .route("/api/zones", get(zones))
        .route("/api/hosts", get(hosts))
        .route("/api/gateways", get(gateways))
        .route("/api/players", get(players))
        .route("/api/zones/{name}/module", put(swap))
        .route("/api/zones/{name}/config", post(configure))
        .route("/api/zones/{name}/ask", post(ask))
        .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "no such page", "the API is under /api/") })
        .layer(DefaultBodyLimit::max(MODULE_BYTES))
        .with_state(Admin { host, metrics, http });
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "the admin API has ended");
    }
}

/// What went wrong, and what to do about it.
struct Failure {
    status: StatusCode,
    error: String,
    hint: String,
}

impl Failure {
    fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: hint.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{error:#}"),
            "try again; if it stays, look at the host's log",
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.error, "hint": self.hint }))).into_response()
    }
}

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
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let beats = host_beats(&admin.host).await;
    let owned: usize = beats.map_or(0, |hosts| hosts.iter().map(|host| host.zones.len()).sum());
    let wanted = admin.host.config.world.zones.len();
    let status = if owned >= wanted { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{owned} of {wanted} zones run\n")).into_response()
}

async fn zones(State(admin): State<Admin>) -> Result<Response, Failure> {
    let hosts = host_beats(&admin.host).await?;
    let rows: Vec<ZoneRow> = admin.host.config.world.zones.iter().map(|zone| row(zone, &hosts)).collect();
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
        players: Vec::new(),
        entities: 0,
        tick_p50_us: 0,
        tick_p99_us: 0,
        uncommitted: 0,
        trouble: vec!["no host runs it".to_owned()],
        asleep: false,
    }
}

async fn hosts(State(admin): State<Admin>) -> Result<Response, Failure> {
    Ok(Json(host_beats(&admin.host).await?).into_response())
}

async fn gateways(State(admin): State<Admin>) -> Result<Response, Failure> {
    let beats = admin.host.backplane.beats("gateway").await.context("reading the gateways' heartbeats")?;
    let beats: Vec<GatewayBeat> = decode_beats(beats);
    Ok(Json(beats).into_response())
}

async fn players(State(admin): State<Admin>) -> Result<Response, Failure> {
    let hosts = host_beats(&admin.host).await?;
    let mut rows: Vec<PlayerRow<'_>> = Vec::new();
    for host in &hosts {
        for zone in &host.zones {
            let (host, zone, names) = (host.host.as_str(), zone.name.as_str(), &zone.players);
            rows.extend(names.iter().map(|name| PlayerRow { name, zone, host }));
        }
    }
    rows.sort_by_key(|row| row.name);
    Ok(Json(rows).into_response())
}

#[derive(Serialize)]
struct Swapped {
    generation: Generation,
    digest: String,
    module: String,
    pause_ms: f64,
}

async fn swap(State(admin): State<Admin>, Path(name): Path<String>, request: Request) -> Result<Response, Failure> {
    let (port, bytes) = match find(&admin, &name, request).await? {
        Found::Here(port, bytes) => (port, bytes),
        Found::Answered(response) => return Ok(response),
    };
    let host = &admin.host;
    let zone = host.config.world.zone(port.zone).context("the world file has no such zone")?;
    let compiled = host.modules.publish(bytes, zone).await.map_err(|error| {
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("the module was refused: {error:#}"),
            "the running module goes on; `wod zone check FILE` explains findings one by one",
        )
    })?;
    let digest = compiled.digest();
    let input = Input::Swap { digest, probation: 0 };
    let done = host.operators.await_replacement(port.zone, input.clone());
    accept(port.push(input))?;
    let pause = tokio::time::timeout(ANSWER_TIMEOUT, done)
        .await
        .map_err(|_| timed_out(&name))?
        .context("the zone was let go")?;
    let pause = pause.map_err(|fault| {
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("the swap was refused: {fault}"),
            "the old module goes on; mend the new one and try again",
        )
    })?;
    host.troubles.clear(port.zone);
    let (module, generation) =
        port.status().map(|status| (status.module_name, status.generation)).context("the zone has not ticked yet")?;
    let swapped = Swapped { generation, digest: digest.to_string(), module, pause_ms: pause.0 as f64 / 1000.0 };
    tracing::info!(zone = name, generation = %swapped.generation, digest = swapped.digest, pause_ms = swapped.pause_ms, "module swapped");
    Ok(Json(swapped).into_response())
}

async fn configure(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (port, bytes) = match find(&admin, &name, request).await? {
        Found::Here(port, bytes) => (port, bytes),
        Found::Answered(response) => return Ok(response),
    };
    let values: BTreeMap<String, TagValue> =
        parse(&bytes, r#"{"key": value, …}, values true/false, numbers or texts"#)?;
    let (request, answer) = admin.host.operators.ask(port.zone);
    accept(port.push(Input::Config { request, values: values.into_iter().collect() }))?;
    let set = wait(&name, answer).await?;
    Ok(Json(json!({ "reply": set })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    text: String,
    #[serde(default)]
    operator: String,
}

async fn ask(State(admin): State<Admin>, Path(name): Path<String>, request: Request) -> Result<Response, Failure> {
    let (port, bytes) = match find(&admin, &name, request).await? {
        Found::Here(port, bytes) => (port, bytes),
        Found::Answered(response) => return Ok(response),
    };
    let Question { text, operator } = parse(&bytes, r#"{"text": "…", "operator": "…"}"#)?;
    let (request, answer) = admin.host.operators.ask(port.zone);
    accept(port.push(Input::Ask { request, operator, text }))?;
    let reply = wait(&name, answer).await?;
    Ok(Json(json!({ "reply": reply })).into_response())
}

fn accept(queued: bool) -> Result<(), Failure> {
    let full = || Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the zone takes no inputs now", "try again");
    queued.then_some(()).ok_or_else(full)
}

async fn wait(zone: &str, answer: tokio::sync::oneshot::Receiver<Result<String, String>>) -> Result<String, Failure> {
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| timed_out(zone))?;
    answer
        .context("the zone was let go")?
        .map_err(|refusal| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, refusal, ""))
}

fn timed_out(zone: &str) -> Failure {
    let hint = "`wod zones` shows whether it ticks; what was asked may still take effect";
    Failure::new(StatusCode::GATEWAY_TIMEOUT, format!("zone `{zone}` has not answered in {ANSWER_TIMEOUT:?}"), hint)
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a Bytes, shape: &str) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::new(StatusCode::BAD_REQUEST, format!("the body does not parse: {error}"), format!("send {shape}"))
    })
}

enum Found {
    /// Our zone, and the request's body.
    Here(Arc<ZonePort>, Bytes),
    /// Its host has answered.
    Answered(Response),
}

/// The zone's door when it is ours, else the answer of the host whose it is.
async fn find(admin: &Admin, name: &str, request: Request) -> Result<Found, Failure> {
    let host = &admin.host;
    let zone = host.config.world.zone_named(name).ok_or_else(|| {
        let names: Vec<&str> = host.config.world.zones.iter().map(|zone| zone.name.as_str()).collect();
        let hint = format!("zones are: {}", names.join(", "));
        Failure::new(StatusCode::NOT_FOUND, format!("no zone is named `{name}`"), hint)
    })?;
    let passed_on = request.headers().contains_key(PASSED_ON);
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(UPLOAD_TIMEOUT, axum::body::to_bytes(body, MODULE_BYTES)).await.map_err(|_| {
        Failure::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not come in {UPLOAD_TIMEOUT:?}"), "try again")
    })?;
    let bytes = read.map_err(|error| {
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body was not read: {error}"), "32 MiB is the most")
    })?;
    if let Some(port) = host.port(zone.number) {
        return Ok(Found::Here(port, bytes));
    }
    let nobody = || {
        let error = format!("no host runs zone `{name}` now");
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, error, "`wod hosts` shows who is alive; try again")
    };
    let hosts = host_beats(host).await?;
    let owner = hosts.iter().find(|beat| beat.zones.iter().any(|beat| beat.zone == zone.number)).ok_or_else(nobody)?;
    if passed_on || owner.host == host.config.host {
        return Err(nobody());
    }
    let url = format!("http://{}{}", owner.admin, parts.uri.path());
    let passed = admin.http.request(parts.method, url).header(PASSED_ON, "1").body(bytes).send().await;
    let answer = passed.with_context(|| format!("host {} at {} does not answer", owner.host, owner.admin))?;
    let status = answer.status();
    let body = answer.bytes().await.with_context(|| format!("host {} broke off its answer", owner.host))?;
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Ok(Found::Answered((status, headers, body).into_response()))
}

async fn host_beats(host: &Host) -> anyhow::Result<Vec<HostBeat>> {
    let beats = host.backplane.beats("host").await.context("reading the hosts' heartbeats")?;
    Ok(decode_beats(beats))
}

/// A heartbeat of another program version that does not decode is left out, and said.
fn decode_beats<T: serde::de::DeserializeOwned>(beats: Vec<(String, Bytes)>) -> Vec<T> {
    let decode = |(id, body): (String, Bytes)| match rmp_serde::from_slice(&body) {
        Ok(beat) => Some(beat),
        Err(error) => {
            tracing::warn!(id, %error, "a heartbeat does not decode");
            None
        }
    };
    beats.into_iter().filter_map(decode).collect()
}
