//! A gateway without its sockets: the driver, what publishes for it, and its heartbeat.

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_gateway_core::{Config, Core};
use wod_protocol::bus::Process;

use crate::Addresses;
use crate::beat::Beat;
use crate::driver::{self, CONNECTION_QUEUE, Driver, FromConnection, INBOX_QUEUE, PUBLISH_QUEUE, SeedSource, Sources};
use crate::metrics::Metrics;
use crate::nearer;
use crate::ticket::Tickets;

/// What runs, and how it is reached.
pub(crate) struct Service {
    /// Where connections say what they have.
    pub(crate) driver_tx: mpsc::Sender<FromConnection>,
    pub(crate) metrics: Metrics,
    /// Cancelled: every client is sent elsewhere.
    pub(crate) drain: CancellationToken,
    /// Cancelled: the tasks end.
    pub(crate) end: CancellationToken,
    /// None of them ends by itself before it is told to.
    pub(crate) tasks: JoinSet<anyhow::Result<()>>,
}

/// Where a gateway is, as its heartbeat tells.
pub(crate) struct Place {
    pub(crate) region: String,
    /// How players reach it from anywhere; empty: others don't tell of it.
    pub(crate) public: String,
    /// Whether players who have travelled are told of gateways nearer to them.
    pub(crate) redirect: bool,
    pub(crate) addresses: Addresses,
}

impl Service {
    /// Begins.
    pub(crate) async fn start(
        config: Config,
        backplane: Backplane,
        tickets: Tickets,
        seeds: SeedSource,
        Place { region, public, redirect, addresses }: Place,
    ) -> anyhow::Result<Self> {
        let id = config.gateway.clone();
        let (me, max_connections) = (Process::Gateway(id.clone()), config.max_connections);
        let inbox = backplane.subscribe(&me, INBOX_QUEUE).await.context("opening the inbox")?;
        let metrics = Metrics::default();
        let (drain, end) = (CancellationToken::new(), CancellationToken::new());
        let (driver_tx, connection_rx) = mpsc::channel(CONNECTION_QUEUE);
        let (publish_tx, publish_rx) = mpsc::channel(PUBLISH_QUEUE);
        let driver = Driver::new(Core::new(config), backplane.clone(), tickets, seeds, publish_tx, metrics.clone());
        let (nearer_tx, nearer) = watch::channel(Vec::new());
        let sources = Sources {
            connection_rx,
            inbox,
            health: backplane.health(),
            nearer,
            drain: drain.clone(),
            stop: end.clone(),
        };
        let beat = Beat {
            id,
            region: region.clone(),
            public,
            max_connections,
            addresses,
            began: Instant::now(),
            backplane: backplane.clone(),
            metrics: metrics.clone(),
            drain: drain.clone(),
        };
        // Zones take a gateway without heartbeat for dead, so the first one comes before the first player.
        beat.tell().await;

        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run(sources));
        if redirect {
            tasks.spawn(nearer::watch(backplane.clone(), region, nearer_tx, end.clone()).map(Ok));
        }
        tasks.spawn(driver::publish(backplane, publish_rx, metrics.clone()).map(Ok));
        tasks.spawn(beat.run(end.clone()).map(Ok));
        Ok(Self { driver_tx, metrics, drain, end, tasks })
    }
}
