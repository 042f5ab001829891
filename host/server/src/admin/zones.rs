//! What operators set in a zone, and ask its module.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use wod_protocol::client::TagValue;
use wod_sim::io::Input;

use super::{Admin, Instead, accept, find, parse, wait};

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
struct Question {
    text: String,
    #[serde(default)]
    operator: String,
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
