//! The operators' port: metrics, health, drain.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;

use crate::metrics::Metrics;
use crate::public::readiness;

/// Shared by all requests.
pub(crate) struct Admin {
    pub(crate) backplane: Backplane,
    pub(crate) metrics: Metrics,
    pub(crate) drain: CancellationToken,
}

pub(crate) fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(|State(admin): State<Arc<Admin>>| async move { readiness(&admin.backplane, &admin.drain) }),
        )
        .route("/drain", post(drain))
        .with_state(admin)
}

async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render())
}

/// Sends all players to other gateways and takes no more. The process stays until it is stopped.
async fn drain(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> (StatusCode, &'static str) {
    if headers.contains_key(header::ORIGIN) {
        // A page in an operator's browser could post here without asking.
        return (StatusCode::FORBIDDEN, "not from a web page\n");
    }
    admin.drain.cancel();
    (StatusCode::ACCEPTED, "draining\n")
}
