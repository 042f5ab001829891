//! What operators ask of a whole host.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{Admin, Failure, Instead, PASSED_ON, host_beats, parse, pass_on, read};
use crate::load;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    drain: bool,
}

/// The host gives all its zones away and takes none; or takes some again.
pub(super) async fn drain(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Instead> {
    let passed_on = request.headers().contains_key(PASSED_ON);
    let (parts, bytes) = read(request).await?;
    let host = &admin.host;
    if host.config.host.as_str() != id {
        let hosts = host_beats(host).await?;
        let other = hosts.iter().find(|beat| beat.host.as_str() == id).filter(|_| !passed_on).ok_or_else(|| {
            let names: Vec<&str> = hosts.iter().map(|beat| beat.host.as_str()).collect();
            let hint = format!("hosts alive are: {}", names.join(", "));
            Failure::new(StatusCode::NOT_FOUND, format!("no host `{id}` is alive"), hint)
        })?;
        return pass_on(&admin, other, parts, bytes).await;
    }
    let Drain { drain } = parse(&bytes, r#"{"drain": true or false}"#)?;
    host.set_draining(drain);
    tracing::info!(drain, "an operator drains this host");
    // So that nobody gives it a zone meanwhile.
    load::tell(&host.backplane, &host.load()).await.map_err(anyhow::Error::from)?;
    Ok(Json(json!({ "draining": drain, "zones": host.ports().len() })).into_response())
}
