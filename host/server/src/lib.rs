//! The zone host: owns zones, ticks them on worker threads, journals every tick before its effects leave, recovers zones from
//! snapshot and journal, replaces their modules, and answers operators.
//!
//! The way of one input: [`ingress`] → the zone's door ([`port`]) → [`runner`] on a [`worker`] → [`committer`] (journal, then
//! effects) → [`postman`]. Who owns which zone is decided in [`ownership`], which worker ticks it in [`seats`].

mod admin;
mod autoscale;
mod balance;
mod beat;
mod characters;
mod committer;
mod config;
mod deploy;
mod estate;
mod follower;
mod host;
mod ingress;
mod load;
mod logs;
mod migration;
mod modules;
mod notice;
mod ownership;
mod pin;
mod placement;
mod port;
mod postman;
mod pressure;
mod recent;
mod releases;
mod reports;
mod rescue;
mod rollout;
mod runner;
mod seats;
pub mod signature;
mod standby;
mod standing;
mod stopwatch;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod threads;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_backplane::{Backplane, Inbox};
use wod_protocol::bus::Process;
use wod_protocol::registry::HostBeat;
use wod_sandbox::Sandbox;

pub use config::{HostConfig, REPLAY_BUDGET, REPLAY_ENTRIES};

use config::{INBOX_QUEUE, MIGRATION_QUEUE};
use estate::Estate;
use host::Host;
use modules::ModuleStore;
use notice::Notices;
use threads::Threads;
use worker::Workers;

/// How often a host tells how it does, and how long that holds.
const BEAT_EVERY: Duration = Duration::from_secs(1);
const BEAT_TTL: Duration = Duration::from_secs(3);
const METRICS_EVERY: Duration = Duration::from_secs(5);

/// Runs a zone host until cancelled; then every zone's last tick is stored and its lease released. `ready` gets the admin
/// API's address once it answers.
pub async fn run(
    config: HostConfig,
    backplane: Backplane,
    metrics: PrometheusHandle,
    stop: CancellationToken,
    ready: oneshot::Sender<SocketAddr>,
) -> anyhow::Result<()> {
    let me = Process::Host(config.host.clone());
    let sandbox = Arc::new(Sandbox::new(config.sandbox.clone()).context("starting the sandbox")?);
    let modules = ModuleStore::new(sandbox, config.limits.clone(), backplane.clone(), config.trust.clone());
    let workers = Workers::start(config.workers).context("starting worker threads")?;
    let listener = TcpListener::bind(config.admin)
        .await
        .with_context(|| format!("listening on {} for operators; choose another with --admin", config.admin))?;
    let admin = listener.local_addr()?;
    let inbox = backplane.subscribe(&me, INBOX_QUEUE).await.context("opening this host's inbox")?;
    let (notices, webhook) = Notices::new(config.webhook.clone());
    let host = Arc::new(Host::new(config, backplane, modules, notices, Threads::Many(Handle::current())));

    let serving = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(rollout::run(host.clone(), admin, stop.clone()));
    if let Some(webhook) = webhook {
        tasks.spawn(webhook.run(serving.clone()));
    }
    tasks.spawn(keep_metrics(metrics.clone(), serving.clone()));
    tasks.spawn(admin::serve(listener, host.clone(), metrics, serving.clone()));
    if ready.send(admin).is_err() {
        tracing::debug!("nobody waits for this host to be ready");
    }
    tend(host, workers, inbox, admin, tasks, serving, stop).await
}

/// Owns zones and serves them until `stop` is cancelled, then cancels `serving`: what serves zones outlives what gives them
/// work, because the last ticks still have to leave.
async fn tend(
    host: Arc<Host>,
    workers: Workers,
    inbox: Inbox,
    admin: SocketAddr,
    mut tasks: JoinSet<()>,
    serving: CancellationToken,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let me = Process::Host(host.config.host.clone());
    tasks.spawn(host.postman.clone().run(me, host.backplane.clone(), serving.clone()));
    let (migrations_tx, migrations_rx) = mpsc::channel(MIGRATION_QUEUE);
    if workers.count() > 1 {
        tasks.spawn(seats::run(host.clone(), workers.count(), stop.clone()));
    }
    let estate = Estate::new(host.clone(), workers);
    tasks.spawn(ingress::run(host.clone(), inbox, migrations_tx, serving.clone()));
    tasks.spawn(migration::run(estate.clone(), migrations_rx, stop.clone()));
    tasks.spawn(balance::run(host.clone(), stop.clone()));
    tasks.spawn(ingress::watch_gateways(host.clone(), stop.clone()));
    tasks.spawn(standby::run(host.clone(), stop.clone()));
    tasks.spawn(beat(host.clone(), admin, stop.clone()));
    let mut owning = std::pin::pin!(ownership::run(estate, stop.clone()));
    let mut failure = None;
    loop {
        tokio::select! {
            biased;
            () = &mut owning => break,
            Some(ended) = tasks.join_next() => {
                if !stop.is_cancelled() {
                    tracing::error!("a task of this host ended: its zones are given up, others can take them over");
                    failure = Some(anyhow::anyhow!("a task of the host ended early"));
                    stop.cancel();
                }
                if let Err(error) = ended {
                    failure = Some(anyhow::Error::new(error).context("a task of the host failed"));
                }
            }
        }
    }
    serving.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.context("a task of the host failed")?;
    }
    failure.map_or(Ok(()), Err)
}

/// Folds what was measured into the histograms, so that it does not pile up until somebody looks.
async fn keep_metrics(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut every = tokio::time::interval(METRICS_EVERY);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        metrics.run_upkeep();
    }
}

async fn beat(host: Arc<Host>, admin: SocketAddr, stop: CancellationToken) {
    let begun = Instant::now();
    let id = host.config.host.as_str();
    let mut every = tokio::time::interval(BEAT_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = every.tick() => {}
            () = stop.cancelled() => break,
        }
        let beat = HostBeat {
            host: host.config.host.clone(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            region: host.config.region.clone(),
            admin: admin.to_string(),
            uptime_ms: begun.elapsed().as_millis() as u64,
            memory_bytes: memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64),
            workers: host.worker_loads(),
            inbox_lag_ms: host.inbox_lag.swap(0, Ordering::Relaxed),
            draining: host.is_draining(),
            zones: host.beats(),
        };
        let body = rmp_serde::to_vec_named(&beat).expect("a heartbeat has no unserialisable value");
        let told = async {
            load::tell(&host.backplane, &host.load()).await?;
            host.backplane.beat("host", id, body.into(), BEAT_TTL).await
        };
        if let Err(error) = told.await {
            tracing::warn!(%error, "the heartbeat was not stored");
        }
    }
    let ended = async {
        load::end(&host.backplane, id).await?;
        host.backplane.end_beat("host", id).await
    };
    if let Err(error) = ended.await {
        tracing::debug!(%error, "the heartbeat ends by itself");
    }
}
