//! Rollouts: begun, listed, resumed, aborted.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::{Admin, Failure, parse};
use crate::releases::{self, ModuleRef};
use crate::rollout::{self, Order, Rollout};

pub(super) async fn list(State(admin): State<Admin>) -> Result<Response, Failure> {
    Ok(Json(rollout::list(&admin.host.backplane).await?).into_response())
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Response, Failure> {
    let found = rollout::list(&admin.host.backplane).await?.into_iter().find(|rollout| rollout.id == id);
    found.map(|rollout| Json(rollout).into_response()).ok_or_else(|| unknown(&id))
}

/// Records it; a host takes it up within a second.
pub(super) async fn begin(State(admin): State<Admin>, bytes: Bytes) -> Result<Response, Failure> {
    let shape = r#"{"module": "NAME@VERSION", "zones": "nyc.*", "waves": ["1", "100%"], "shadow": ticks, "probation": ticks, "pause_on": "any"}"#;
    let order: Order = parse(&bytes, shape)?;
    let host = &admin.host;
    let bad = |error: anyhow::Error| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}"), "");
    let module: ModuleRef = order.module.parse().map_err(bad)?;
    let digest = releases::resolve(&host.backplane, &module).await?.ok_or_else(|| {
        Failure::new(StatusCode::NOT_FOUND, format!("{module} was never published"), "`wod modules` lists what was")
    })?;
    let planned = rollout::plan(&order, digest, &host.config.world).map_err(bad)?;
    rollout::begin(&host.backplane, &planned).await.map_err(bad)?;
    tracing::info!(rollout = planned.id, module = planned.module, zones = planned.zones.len(), "rollout begun");
    Ok(Json(planned).into_response())
}

/// An operator has looked, and lets it go on.
pub(super) async fn resume(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Response, Failure> {
    change(&admin, &id, |rollout| match rollout.state {
        rollout::State::Paused(_) => {
            rollout.state = rollout::State::Running;
            rollout.driver = None;
            Ok(())
        }
        _ => Err("it is not paused".to_owned()),
    })
    .await
}

/// Every zone that has the version is given the one before.
pub(super) async fn abort(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Response, Failure> {
    change(&admin, &id, |rollout| {
        if rollout.state.is_over() {
            return Err("it is over".to_owned());
        }
        if matches!(rollout.state, rollout::State::Paused(_)) {
            rollout.driver = None;
        }
        rollout.state = rollout::State::RollingBack("aborted by an operator".to_owned());
        Ok(())
    })
    .await
}

async fn change(
    admin: &Admin,
    id: &str,
    what: impl Fn(&mut Rollout) -> Result<(), String>,
) -> Result<Response, Failure> {
    let changed = rollout::change(&admin.host.backplane, id, what).await?.ok_or_else(|| unknown(id))?;
    let refused = |why| Failure::new(StatusCode::CONFLICT, why, "`wod rollouts` shows how it is");
    Ok(Json(changed.map_err(refused)?).into_response())
}

fn unknown(id: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is no rollout `{id}`"), "`wod rollouts` lists them")
}
