//! The operators' HTTP API. Any host answers for the whole cluster: it reads the heartbeats, and passes on what another host's
//! zone has to do. Errors are `{"error": …, "hint": …}`.

mod hosts;
mod lists;
mod modules;
mod mutes;
mod players;
mod rollouts;
mod zones;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wod_protocol::limits::MODULE_BYTES;
use wod_protocol::registry::HostBeat;

use crate::host::Host;
use crate::port::ZonePort;

/// How long an operator waits for a zone's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long another host may take to begin its answer to what was passed on to it.
const PASS_ON_TIMEOUT: Duration = Duration::from_secs(600);
const PASS_ON_CONNECT: Duration = Duration::from_secs(2);
const PASS_ON_KEEPALIVE: Duration = Duration::from_secs(10);
/// How long an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Marks a request that another host passed on, so that two hosts never pass it to and fro.
const PASSED_ON: &str = "x-wod-passed-on";

#[derive(Clone)]
struct Admin {
    host: Arc<Host>,
    metrics: PrometheusHandle,
    http: reqwest::Client,
    /// The host ends: nobody waits any longer.
    stop: CancellationToken,
}

/// Serves until cancelled.
pub(crate) async fn serve(listener: TcpListener, host: Arc<Host>, metrics: PrometheusHandle, stop: CancellationToken) {
    let http = reqwest::Client::builder().connect_timeout(PASS_ON_CONNECT).tcp_keepalive(PASS_ON_KEEPALIVE).build();
    let http = http.expect("a client without proxies or certificates of its own");
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(lists::readyz))
        .route("/metrics", get(|State(admin): State<Admin>| async move { admin.metrics.render() }))
        .route("/api/zones", get(lists::zones))
        .route("/api/hosts", get(lists::hosts))
        .route("/api/gateways", get(lists::gateways))
        .route("/api/players", get(lists::players))
        .route("/api/players/mute", post(mutes::mute))
        .route("/api/players/unmute", post(mutes::unmute))
        .route("/api/players/{name}", get(players::export).delete(players::delete))
        .route("/api/players/{name}/rename", post(players::rename))
        .route("/api/modules", get(lists::modules).post(modules::publish))
        .route("/api/rollouts", get(rollouts::list).post(rollouts::begin))
        .route("/api/rollouts/{id}", get(rollouts::show))
        .route("/api/rollouts/{id}/resume", post(rollouts::resume))
        .route("/api/rollouts/{id}/abort", post(rollouts::abort))
        .route("/api/zones/{name}/module", put(modules::swap))
        .route("/api/zones/{name}/deploy", post(modules::deploy))
        .route("/api/zones/{name}/rollback", post(modules::rollback))
        .route("/api/zones/{name}/migrate", post(zones::migrate))
        .route("/api/hosts/{id}/drain", post(hosts::drain))
        .route("/api/zones/{name}/config", post(zones::configure))
        .route("/api/zones/{name}/ask", post(zones::ask))
        .route("/api/zones/{name}/player", post(players::attend))
        .route("/api/zones/{name}/logs", post(zones::logs))
        .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "no such page", "the API is under /api/") })
        .layer(DefaultBodyLimit::max(MODULE_BYTES))
        .with_state(Admin { host, metrics, http, stop: stop.clone() });
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

fn accept(queued: bool) -> Result<(), Failure> {
    let full = || Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the zone takes no inputs now", "try again");
    queued.then_some(()).ok_or_else(full)
}

async fn wait(zone: &str, answer: tokio::sync::oneshot::Receiver<Result<String, String>>) -> Result<String, Failure> {
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| timed_out(zone, ANSWER_TIMEOUT))?;
    answer
        .context("the zone was let go")?
        .map_err(|refusal| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, refusal, ""))
}

fn timed_out(zone: &str, patience: Duration) -> Failure {
    let hint = "`wod zones` shows whether it ticks; what was asked may still take effect";
    Failure::new(StatusCode::GATEWAY_TIMEOUT, format!("zone `{zone}` has not answered in {patience:?}"), hint)
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a Bytes, shape: &str) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::new(StatusCode::BAD_REQUEST, format!("the body does not parse: {error}"), format!("send {shape}"))
    })
}

/// What is answered instead of what a handler would.
enum Instead {
    Failure(Failure),
    /// The zone is another host's, and this is its answer.
    Answered(Response),
}

impl<T: Into<Failure>> From<T> for Instead {
    fn from(failure: T) -> Self {
        Self::Failure(failure.into())
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        match self {
            Self::Failure(failure) => failure.into_response(),
            Self::Answered(response) => response,
        }
    }
}

/// A request's head, and its whole body.
async fn read(request: Request) -> Result<(Parts, Bytes), Failure> {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(UPLOAD_TIMEOUT, axum::body::to_bytes(body, MODULE_BYTES)).await.map_err(|_| {
        Failure::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not come in {UPLOAD_TIMEOUT:?}"), "try again")
    })?;
    let bytes = read.map_err(|error| {
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body was not read: {error}"), "32 MiB is the most")
    })?;
    Ok((parts, bytes))
}

/// The zone's door and the request's body when the zone is ours, else the answer of the host whose it is.
async fn find(admin: &Admin, name: &str, request: Request) -> Result<(Arc<ZonePort>, Bytes), Instead> {
    let host = &admin.host;
    let zone = host.config.world.zone_named(name).ok_or_else(|| {
        let names: Vec<&str> = host.config.world.zones.iter().map(|zone| zone.name.as_str()).collect();
        let hint = format!("zones are: {}", names.join(", "));
        Failure::new(StatusCode::NOT_FOUND, format!("no zone is named `{name}`"), hint)
    })?;
    let passed_on = request.headers().contains_key(PASSED_ON);
    let (parts, bytes) = read(request).await?;
    if let Some(port) = host.port(zone.number) {
        return Ok((port, bytes));
    }
    let nobody = || {
        let error = format!("no host runs zone `{name}` now");
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, error, "`wod hosts` shows who is alive; try again")
    };
    // Whose it is by the store: heartbeats know of a move a second later.
    let owner = host.backplane.owner(zone.number).await.context("reading who owns the zone")?;
    let owner = owner.filter(|owner| !passed_on && owner.host != host.config.host).ok_or_else(nobody)?;
    let hosts = host_beats(host).await?;
    let owner = hosts.iter().find(|beat| beat.host == owner.host).ok_or_else(nobody)?;
    pass_on(admin, owner, parts, bytes).await
}

/// Has another host answer.
async fn pass_on<T>(admin: &Admin, owner: &HostBeat, parts: Parts, bytes: Bytes) -> Result<T, Instead> {
    let url = format!("http://{}{}", owner.admin, parts.uri.path());
    let signature = parts.headers.get(crate::signature::HEADER);
    let request = admin.http.request(parts.method, url).header(PASSED_ON, "1").body(bytes);
    let request = signature.into_iter().fold(request, |request, value| request.header(crate::signature::HEADER, value));
    let passed = tokio::time::timeout(PASS_ON_TIMEOUT, request.send()).await;
    let passed = passed.with_context(|| format!("host {} does not answer in {PASS_ON_TIMEOUT:?}", owner.host))?;
    let answer = passed.with_context(|| format!("host {} at {} does not answer", owner.host, owner.admin))?;
    let status = answer.status();
    let kind = answer.headers().get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static("application/json"));
    // As it comes: a deployment tells its steps as they happen.
    let body = Body::from_stream(answer.bytes_stream());
    Err(Instead::Answered((status, [(CONTENT_TYPE, kind)], body).into_response()))
}

async fn host_beats(host: &Host) -> anyhow::Result<Vec<HostBeat>> {
    let beats = host.backplane.beats("host").await.context("reading the hosts' heartbeats")?;
    Ok(decode_beats(beats))
}

/// A heartbeat of another program version that does not decode is left out, and said.
pub(crate) fn decode_beats<T: serde::de::DeserializeOwned>(beats: Vec<(String, Bytes)>) -> Vec<T> {
    let decode = |(id, body): (String, Bytes)| match rmp_serde::from_slice(&body) {
        Ok(beat) => Some(beat),
        Err(error) => {
            tracing::warn!(id, %error, "a heartbeat does not decode");
            None
        }
    };
    beats.into_iter().filter_map(decode).collect()
}
