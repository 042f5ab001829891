//! What operators do to a player, wherever she is: her zone does it, or her record if she is nowhere.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use wod_protocol::ids::Sub;
use wod_protocol::record::Place;
use wod_sim::io::Input;

use super::{Admin, Failure, Instead, accept, find, parse, read, wait};
use crate::store;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mute {
    name: String,
    /// Milliseconds of game time.
    for_ms: u64,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unmute {
    name: String,
}

/// Nobody hears her for so long.
pub(super) async fn mute(State(admin): State<Admin>, request: Request) -> Result<Response, Instead> {
    silence(admin, request, |bytes| {
        let mute: Mute = parse(bytes, r#"{"name": "…", "for_ms": 600000, "reason": "…"}"#)?;
        if mute.for_ms == 0 {
            let error = Failure::new(StatusCode::BAD_REQUEST, "a mute of no time", "/api/players/unmute ends one");
            return Err(error);
        }
        Ok(mute)
    })
    .await
}

/// She is heard again, as far as operators are concerned.
pub(super) async fn unmute(State(admin): State<Admin>, request: Request) -> Result<Response, Instead> {
    silence(admin, request, |bytes| {
        let Unmute { name } = parse(bytes, r#"{"name": "…"}"#)?;
        Ok(Mute { name, for_ms: 0, reason: String::new() })
    })
    .await
}

async fn silence(
    admin: Admin,
    request: Request,
    wish: impl FnOnce(&bytes::Bytes) -> Result<Mute, Failure>,
) -> Result<Response, Instead> {
    let (parts, bytes) = read(request).await?;
    let Mute { name, for_ms: ms, reason } = wish(&bytes)?;
    let name = name.trim().to_owned();
    match locate(&admin, &name).await? {
        (sub, Place::Offline) => mute_offline(&admin, &name, &sub, ms, &reason).await,
        (_, Place::Zone(number)) => {
            let zone = admin.host.config.world.zone(number).ok_or_else(|| {
                let error = format!("`{name}` is in zone {number}, which this host's world file does not have");
                Failure::new(StatusCode::SERVICE_UNAVAILABLE, error, "ask a host with the newest world file")
            })?;
            let zone = zone.name.to_string();
            // Its owner, another host maybe, looks her up again.
            let (port, _) = find(&admin, &zone, Request::from_parts(parts, Body::from(bytes))).await?;
            let (request, answer) = admin.host.operators.ask(port.zone);
            accept(port.push(Input::Mute { request, name, ms, reason }))?;
            let done = wait(&zone, answer).await.map_err(|failure| match failure.status {
                StatusCode::UNPROCESSABLE_ENTITY => {
                    Failure { hint: "if she is on her way to another zone, try again".to_owned(), ..failure }
                }
                _ => failure,
            })?;
            Ok(Json(json!({ "reply": done })).into_response())
        }
    }
}

async fn locate(admin: &Admin, name: &str) -> Result<(Sub, Place), Failure> {
    let found = store::whereabouts(&admin.host.backplane, name).await.map_err(anyhow::Error::from)?;
    found.ok_or_else(|| {
        let hint = "`wod players` lists those who are in the world";
        Failure::new(StatusCode::NOT_FOUND, format!("nobody is called `{name}`"), hint)
    })
}

async fn mute_offline(admin: &Admin, name: &str, sub: &Sub, ms: u64, reason: &str) -> Result<Response, Instead> {
    let written = store::mute_offline(&admin.host.backplane, sub, ms, reason).await.map_err(anyhow::Error::from)?;
    if !written {
        let failure = Failure::new(StatusCode::CONFLICT, format!("`{name}` has just come into the world"), "try again");
        return Err(failure.into());
    }
    let done = if ms == 0 { "will be heard" } else { "will be muted" };
    Ok(Json(json!({ "reply": format!("{name} is not in the world now and {done} when she comes") })).into_response())
}
