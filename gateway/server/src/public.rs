//! The players' port: WebSocket at `/ws`, the web client at `/`, maps, health, notices to the zones' author.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::services::ServeDir;
use wod_backplane::{Backplane, Health};
use wod_gateway_core::ConnId;
use wod_protocol::client::Encoding;
use wod_protocol::ids::Digest;

use crate::config::GatewayConfig;
use crate::connection;
use crate::driver::FromConnection;
use crate::metrics::Metrics;

/// From the answer 101 to the first WebSocket byte at most.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(5);

/// Shared by all requests.
pub(crate) struct Public {
    pub(crate) backplane: Backplane,
    pub(crate) driver_tx: mpsc::Sender<FromConnection>,
    pub(crate) metrics: Metrics,
    /// Cancelled when the gateway takes no more players.
    pub(crate) drain: CancellationToken,
    /// Owns the connections' tasks.
    pub(crate) connections: TaskTracker,
    /// The next connection's number.
    pub(crate) next_conn: AtomicU64,
    /// See [`GatewayConfig::notice`].
    pub(crate) notice: Option<watch::Receiver<Option<String>>>,
}

pub(crate) fn router(public: Arc<Public>, config: &GatewayConfig) -> Router {
    let router = Router::new()
        .route("/ws", get(upgrade))
        .route("/maps/{digest}", get(map))
        .route("/dev/notice", get(notice))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(public);
    match &config.web_dir {
        Some(dir) => {
            let page = Router::new().fallback_service(ServeDir::new(dir)).layer(from_fn(page_headers));
            router.fallback_service(page)
        }
        None => router.route(
            "/",
            get(|| async { "World of Darkness gateway. Players connect to /ws; no web client is installed here.\n" }),
        ),
    }
}

/// Vite names assets after their content, so they never change; the page that names them must be asked for each time.
async fn page_headers(request: Request, next: Next) -> Response {
    let immutable = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    let lasting = immutable && response.status().is_success();
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Ready for players: the backplane answers, and nobody wants to stop.
async fn ready(State(public): State<Arc<Public>>) -> (StatusCode, &'static str) {
    readiness(&public.backplane, &public.drain)
}

pub(crate) fn readiness(backplane: &Backplane, drain: &CancellationToken) -> (StatusCode, &'static str) {
    if drain.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if *backplane.health().borrow() == Health::Away {
        (StatusCode::SERVICE_UNAVAILABLE, "the backplane is away\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// A map by its digest: bytes that never change.
async fn map(State(public): State<Arc<Public>>, Path(digest): Path<String>) -> Response {
    let Some(digest) = Digest::parse(&digest) else {
        return (StatusCode::BAD_REQUEST, "a map's digest has 64 hex digits\n").into_response();
    };
    match public.backplane.blob(digest).await {
        // Blobs are also modules' files; only maps are for players.
        Ok(Some(bytes)) if bytes.first() == Some(&b'{') => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            (headers, bytes).into_response()
        }
        Ok(_) => (StatusCode::NOT_FOUND, "there is no such map\n").into_response(),
        Err(error) => {
            tracing::warn!(%digest, %error, "a map could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "the map can't be read now\n")
                .into_response()
        }
    }
}

/// The notice to the zones' author. 204 where there will never be one: a 404 would stand in red in every player's console.
async fn notice(State(public): State<Arc<Public>>) -> Response {
    #[derive(Serialize)]
    struct Notice<'a> {
        text: Option<&'a str>,
    }
    let Some(notice) = &public.notice else { return StatusCode::NO_CONTENT.into_response() };
    let text = notice.borrow();
    ([(header::CACHE_CONTROL, "no-store")], Json(Notice { text: text.as_deref() })).into_response()
}

async fn upgrade(State(public): State<Arc<Public>>, mut request: Request) -> Response {
    let upgrade = match negotiate(request.headers()) {
        Ok(upgrade) => upgrade,
        Err((status, reason)) => {
            public.metrics.shell().refused_upgrades.fetch_add(1, Ordering::Relaxed);
            let mut response = (status, format!("{reason}\n")).into_response();
            if status == StatusCode::UPGRADE_REQUIRED {
                response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            return response;
        }
    };
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return (StatusCode::BAD_REQUEST, "this connection can't be upgraded\n").into_response();
    };
    let conn = ConnId(public.next_conn.fetch_add(1, Ordering::Relaxed));
    let driver_tx = public.driver_tx.clone();
    public.connections.spawn(async move {
        match tokio::time::timeout(UPGRADE_TIMEOUT, on_upgrade).await {
            Ok(Ok(upgraded)) => {
                let socket = websocket(upgraded).await.expect("the listener serves TCP streams only");
                connection::serve(socket, conn, upgrade.encoding, driver_tx).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "an upgrade failed"),
            Err(_) => tracing::debug!("an upgrade took too long"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, upgrade.accept);
    if let Some(protocol) = upgrade.protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    response
}

/// Speaks WebSocket on the plain TCP stream under hyper's, beginning with what hyper has read of it already.
async fn websocket(upgraded: Upgraded) -> Option<WebSocketStream<TcpStream>> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    let read = parts.read_buf.to_vec();
    let config = Some(connection::websocket_config());
    Some(WebSocketStream::from_partially_read(parts.io.into_inner(), read, Role::Server, config).await)
}

/// An upgrade that is granted.
#[derive(Debug, PartialEq)]
struct Upgrade {
    accept: HeaderValue,
    encoding: Encoding,
    /// The subprotocol to name in the answer; none when the client offered none.
    protocol: Option<&'static str>,
}

const SUBPROTOCOLS: [(&str, Encoding); 2] =
    [("wod.v1.msgpack", Encoding::MessagePack), ("wod.v1.json", Encoding::Json)];

/// Checks an upgrade's headers. Of the subprotocols that a client offers, the first that is known wins.
fn negotiate(headers: &HeaderMap) -> Result<Upgrade, (StatusCode, &'static str)> {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        return Err((StatusCode::BAD_REQUEST, "here is a WebSocket: ask for an upgrade"));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err((StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is spoken here"));
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Err((StatusCode::BAD_REQUEST, "the upgrade lacks its Sec-WebSocket-Key"));
    };
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is a legal header");
    let mut offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .peekable();
    if offered.peek().is_none() {
        return Ok(Upgrade { accept, encoding: Encoding::Json, protocol: None });
    }
    let known = offered.find_map(|name| SUBPROTOCOLS.into_iter().find(|(known, _)| *known == name));
    match known {
        Some((name, encoding)) => Ok(Upgrade { accept, encoding, protocol: Some(name) }),
        None => Err((StatusCode::BAD_REQUEST, "subprotocols here are wod.v1.msgpack and wod.v1.json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(protocol: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pairs = [
            (header::CONNECTION, "keep-alive, Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in pairs {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(protocol).expect("legal"));
        }
        headers
    }

    #[test]
    fn the_first_known_subprotocol_is_taken_and_json_without_any() {
        let cases = [
            (None, Encoding::Json, None),
            (Some("wod.v1.json"), Encoding::Json, Some("wod.v1.json")),
            (Some("wod.v9.cbor, wod.v1.msgpack,wod.v1.json"), Encoding::MessagePack, Some("wod.v1.msgpack")),
        ];
        for (offered, encoding, protocol) in cases {
            let upgrade = negotiate(&headers(offered)).expect("granted");
            assert_eq!((upgrade.encoding, upgrade.protocol), (encoding, protocol));
            assert_eq!(upgrade.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the RFC's example");
        }
    }

    #[test]
    fn unknown_subprotocols_and_what_is_no_upgrade_are_refused() {
        assert_eq!(negotiate(&headers(Some("wod.v2.json, chat"))).expect_err("refused").0, StatusCode::BAD_REQUEST);
        for missing in [header::CONNECTION, header::UPGRADE, header::SEC_WEBSOCKET_KEY] {
            let mut headers = headers(None);
            headers.remove(missing);
            assert_eq!(negotiate(&headers).expect_err("refused").0, StatusCode::BAD_REQUEST);
        }
        let mut old = headers(None);
        old.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"));
        assert_eq!(negotiate(&old).expect_err("refused").0, StatusCode::UPGRADE_REQUIRED);
    }
}
