//! What operators set in a zone, and ask its module.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use wod_protocol::client::TagValue;
use wod_protocol::ids::HostId;
use wod_sim::io::Input;

use super::{Admin, Failure, Instead, accept, find, parse, wait};
use crate::logs::Query;
use crate::migration;

pub(super) async fn configure(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &name, request).await?;
    let values: BTreeMap<String, TagValue> =
        parse(&bytes, r#"{"key": value, …}, values true/false, numbers or texts"#)?;
    let (request, answer) = admin.host.operators.ask(port.zone);
    accept(port.push(Input::Config { request, values: values.into_iter().collect() }))?;
    let set = wait(&name, answer).await?;
    Ok(Json(json!({ "reply": set })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Migrate {
    to: HostId,
}

/// Moves the zone to another host.
pub(super) async fn migrate(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &name, request).await?;
    let Migrate { to } = parse(&bytes, r#"{"to": "a host's name"}"#)?;
    let host = admin.host.clone();
    // It goes on should the operator not wait.
    let moving =
        tokio::spawn(async move { migration::migrate(&host, &port, &to, true).await.map(|moved| (to, moved)) });
    let refused = |error: anyhow::Error| {
        let hint = "`wod zones` shows who runs it, `wod hosts` who is alive";
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}"), hint)
    };
    let (to, moved) = moving.await.map_err(anyhow::Error::from)?.map_err(refused)?;
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let answer = json!({ "host": to, "prepared_ms": millis(moved.prepared), "pause_ms": millis(moved.pause) });
    Ok(Json(answer).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    text: String,
    #[serde(default)]
    operator: String,
}

/// The last lines of the zone's module, and those that come.
pub(super) async fn logs(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &name, request).await?;
    let query: Query = parse(&bytes, r#"{"after": null, "level": "info", "since_ms": 0, "last": null, "wait_ms": 0}"#)?;
    let logs = &admin.host.logs;
    let excerpt = match admin.stop.run_until_cancelled(logs.read(port.zone, &query)).await {
        Some(excerpt) => excerpt,
        None => logs.read(port.zone, &Query { wait_ms: 0, ..query }).await,
    };
    Ok(Json(json!({ "host": admin.host.config.host, "excerpt": excerpt })).into_response())
}

pub(super) async fn ask(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let (port, bytes) = find(&admin, &name, request).await?;
    let Question { text, operator } = parse(&bytes, r#"{"text": "…", "operator": "…"}"#)?;
    let (request, answer) = admin.host.operators.ask(port.zone);
    accept(port.push(Input::Ask { request, operator, text }))?;
    let reply = wait(&name, answer).await?;
    Ok(Json(json!({ "reply": reply })).into_response())
}
