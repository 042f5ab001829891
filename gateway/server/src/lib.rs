//! The gateway: players' WebSockets, the web client and maps on one port, operators on another.
//!
//! A shell around the state machine in `wod-gateway-core`. The way of one message: [`listener`] → [`public`] (upgrade) →
//! [`connection`] (reads) → [`driver`] (the core, its effects) → [`outbound`] → [`connection`] (writes).

mod admin;
mod beat;
mod config;
mod connection;
mod driver;
mod listener;
mod metrics;
mod nearer;
mod outbound;
mod public;
mod service;
#[cfg(feature = "testing")]
pub mod testing;
mod ticket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use rand::RngExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wod_backplane::Backplane;
use wod_gateway_core::Seeds;
use wod_protocol::ids::GatewayId;

pub use config::GatewayConfig;

use driver::SeedSource;
use service::{Place, Service};
use ticket::{TicketVerifier, Tickets};

/// Time for connections to close when the gateway stops; then they are cut.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

/// Connections beyond those of players in the world: page, maps, health, and players to whom "full" must be said.
const SPARE_CONNECTIONS: usize = 1024;

/// Where a gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For players.
    pub listen: SocketAddr,
    /// For operators.
    pub admin: Option<SocketAddr>,
}

/// Runs a gateway until `stop`; then every client is told to resume elsewhere (4100). `ready` gets the addresses once both
/// ports answer.
///
/// # Errors
/// When a setting is impossible, a port is taken, or the backplane can't be used (at the start) or was closed.
pub async fn run(
    config: GatewayConfig,
    backplane: Backplane,
    stop: CancellationToken,
    ready: oneshot::Sender<Addresses>,
) -> anyhow::Result<()> {
    config.check()?;
    let id = GatewayId::from(format!("{}-{:08x}", config.id, rand::rng().random::<u32>()));
    let tickets = Tickets::Signed(Arc::new(TicketVerifier::new(config.ticket_key.as_deref())?));
    let listener = bind(config.listen, "--listen").await?;
    let admin_listener = match config.admin {
        Some(address) => Some(bind(address, "--admin").await?),
        None => None,
    };
    let addresses = Addresses {
        listen: listener.local_addr()?,
        admin: admin_listener.as_ref().map(TcpListener::local_addr).transpose()?,
    };
    let settings = wod_gateway_core::Config {
        gateway: id.clone(),
        region: config.region.clone(),
        world: config.world.clone(),
        allow_guests: config.allow_guests,
        max_connections: config.max_connections,
    };
    let place = Place {
        region: config.region.clone(),
        public: config.public.clone().unwrap_or_default(),
        redirect: config.redirect,
        addresses,
    };
    let Service { driver_tx, metrics, drain, end, mut tasks } =
        Service::start(settings, backplane.clone(), tickets, seeds(), place).await?;
    let leaving = CancellationToken::new();
    let connections = TaskTracker::new();
    let public = Arc::new(public::Public {
        backplane: backplane.clone(),
        driver_tx,
        metrics: metrics.clone(),
        drain: drain.clone(),
        connections: connections.clone(),
        next_conn: AtomicU64::new(1),
        notice: config.notice.clone(),
    });
    let limit = config.max_connections.saturating_add(SPARE_CONNECTIONS);
    let players =
        listener::serve(listener, public::router(public, &config), connections.clone(), limit, leaving.clone());
    tasks.spawn(players.map(Ok));
    // Operators come in while players fill all the rest.
    let requests = TaskTracker::new();
    if let Some(listener) = admin_listener {
        let admin = Arc::new(admin::Admin { backplane, metrics, drain: drain.clone() });
        let operators =
            listener::serve(listener, admin::router(admin), requests.clone(), SPARE_CONNECTIONS, leaving.clone());
        tasks.spawn(operators.map(Ok));
    }
    tracing::info!(gateway = %id, listen = %addresses.listen, "players can connect");
    if ready.send(addresses).is_err() {
        tracing::debug!("nobody waits for this gateway to be ready");
    }

    let failed = tokio::select! {
        () = stop.cancelled() => None,
        ended = tasks.join_next() => ended,
    };
    drain.cancel();
    leaving.cancel();
    connections.close();
    requests.close();
    let closed = async { tokio::join!(connections.wait(), requests.wait()) };
    if failed.is_none() && tokio::time::timeout(DRAIN_GRACE, closed).await.is_err() {
        tracing::warn!(left = connections.len(), "connections that did not close in time are cut");
    }
    end.cancel();
    if let Some(ended) = failed {
        return ended.context("a task panicked")?.context("the gateway can't go on");
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a task panicked")??;
    }
    Ok(())
}

/// From the system's random source.
fn seeds() -> SeedSource {
    Box::new(|| {
        let mut rng = rand::rng();
        Seeds { session: rng.random(), nonce: rng.random(), token: rng.random() }
    })
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address}; choose another with {flag}"))
}
