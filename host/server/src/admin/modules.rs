//! Modules: published, given to zones, taken back.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{Admin, Failure, Instead, find, parse};
use wod_protocol::ids::Digest;

use crate::deploy::{Deployment, Failed, Line, Order};
use crate::releases;
use crate::rescue::{How, StepBack};
use crate::signature::{HEADER, Signature};

/// How long a rollback may take: a rewind lives up to an hour of ticks again.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Serialize)]
struct Published {
    name: String,
    version: String,
    digest: String,
    bytes: usize,
    schema: u32,
    signer: Option<String>,
    /// False: it had been published before.
    new: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publishing {
    /// Which one of those that have the version's code, and another map or other texts.
    edition: Option<String>,
}

/// Takes a module file for good, under the name and version that it gives itself; an edition of it as `VERSION+EDITION`.
pub(super) async fn publish(
    State(admin): State<Admin>,
    Query(Publishing { edition }): Query<Publishing>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let modules = &admin.host.modules;
    let size = bytes.len();
    let compiled = modules.upload(bytes, signature(&headers)?).await.map_err(|error| refused(&error))?;
    let mut about = modules.describe(&compiled).await.map_err(|error| refused(&error))?;
    if let Some(edition) = edition.filter(|edition| !edition.is_empty()) {
        about.version = releases::edition_of(&about.version, &edition);
    }
    let digest = compiled.digest();
    let new =
        releases::put(&admin.host.backplane, digest, size as u64, &about).await.map_err(|error| refused(&error))?;
    let signer = modules.verify(digest).await.map_err(|error| refused(&error))?;
    tracing::info!(module = %digest, name = about.name, version = about.version, signer, new, "module published");
    let (name, version, schema) = (about.name, about.version, about.schema);
    let published = Published { name, version, digest: digest.to_string(), bytes: size, schema, signer, new };
    Ok(Json(published).into_response())
}

/// Takes a file in and gives it to a zone at once, without a version of its own: development.
pub(super) async fn swap(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let headers = request.headers().clone();
    let (port, bytes) = find(&admin, &name, request).await?;
    let uploaded = admin.host.modules.upload(bytes, signature(&headers)?).await.map_err(|error| refused(&error))?;
    let order = Order { module: uploaded.digest().to_string(), shadow: 0, probation: 0, plan: false, rollout: None };
    let (deployment, lines_rx) = Deployment::new(admin.host.clone(), port);
    // Only how it ends is answered.
    drop(lines_rx);
    let done = tokio::spawn(deployment.run(order)).await.map_err(anyhow::Error::from)?;
    let swapped = done.map_err(|Failed { error, hint, .. }| Failure { hint: hint.to_owned(), ..refused(&error) })?;
    Ok(Json(swapped).into_response())
}

/// Gives a published module to a zone; answers with one line of JSON a step, as they happen.
pub(super) async fn deploy(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &name, request).await?;
    let order: Order =
        parse(&bytes, r#"{"module": "NAME@VERSION", "shadow": ticks, "probation": ticks, "plan": false}"#)?;
    let (deployment, lines_rx) = Deployment::new(admin.host.clone(), port);
    // Its last line says how it ended.
    tokio::spawn(deployment.run(order));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(ndjson(lines_rx))).into_response())
}

fn ndjson(lines_rx: mpsc::Receiver<Line>) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    futures_util::stream::unfold(lines_rx, async |mut lines_rx| {
        let line = lines_rx.recv().await?;
        let mut line = serde_json::to_vec(&line).expect("a line has text keys");
        line.push(b'\n');
        Some((Ok(Bytes::from(line)), lines_rx))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    #[serde(default)]
    of: Option<Digest>,
    #[serde(default)]
    rewind: bool,
    #[serde(default)]
    accept_loss: bool,
}

/// The version before runs again.
pub(super) async fn rollback(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &name, request).await?;
    let Rollback { of, rewind, accept_loss } = parse(&bytes, r#"{"rewind": false, "accept_loss": false}"#)?;
    let (answer_tx, answer_rx) = oneshot::channel();
    let step = StepBack { how: How { of, rewind, accept_loss }, answer_tx };
    let busy = |_| Failure::new(StatusCode::CONFLICT, "other rollbacks of this zone are under way", "try again");
    port.rescue_tx.try_send(step).map_err(busy)?;
    let answer = tokio::time::timeout(ROLLBACK_TIMEOUT, answer_rx).await;
    let answer = answer.map_err(|_| super::timed_out(&name, ROLLBACK_TIMEOUT))?.map_err(anyhow::Error::from)?;
    let hint =
        "`wod zones` shows what runs; --accept-loss takes what has left the zone for lost, --rewind does not carry";
    Ok(Json(answer.map_err(|why| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, why, hint))?).into_response())
}

fn signature(headers: &HeaderMap) -> Result<Option<Signature>, Failure> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let parsed = value.to_str().map_err(anyhow::Error::from).and_then(str::parse);
    parsed.map(Some).map_err(|error: anyhow::Error| {
        let hint = "send the public key and the signature in hex digits, with a space between";
        Failure::new(StatusCode::BAD_REQUEST, format!("{HEADER}: {error:#}"), hint)
    })
}

/// Bad modules are the sender's fault, a store that is away is not.
fn refused(error: &anyhow::Error) -> Failure {
    let away = error.chain().filter_map(|cause| cause.downcast_ref::<wod_backplane::Error>());
    let status = match away.last().is_some_and(wod_backplane::Error::is_transient) {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let hint = "the running module goes on; `wod zone check FILE` explains findings one by one";
    Failure::new(status, format!("the module was refused: {error:#}"), hint)
}
