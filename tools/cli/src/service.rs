//! What the processes of a world have in common: logs, metrics, the backplane, and ending when asked to.

use std::future::Future;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use wod_backplane::{Backplane, RedisOptions};
use wod_gateway::GatewayConfig;
use wod_host::HostConfig;
use wod_host::signature::Trust;
use wod_protocol::ids::HostId;
use wod_protocol::world::World;
use wod_sandbox::{ChildCompiler, Compiler, Limits, SandboxOptions};

use crate::config::Settings;
use crate::exit::{Exit, Failure, Outcome};

/// The hidden command on which this program compiles one module and ends.
pub(crate) const COMPILE_CHILD: &str = "compile-child";
/// A histogram that nothing was recorded in for so long is not shown any more.
const IDLE_SERIES: Duration = Duration::from_secs(3600);
/// How long a host leaves zones of another region to the hosts there.
const FOREIGN_GRACE: Duration = Duration::from_secs(5);

/// Runs a process until it ends, or until SIGTERM or Ctrl-C cancels the token it is given and it has drained.
pub(crate) fn run<F>(quiet: &str, main: impl FnOnce(CancellationToken) -> F) -> Outcome
where
    F: Future<Output = Outcome>,
{
    start_logging(quiet);
    let runtime = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
        let main = main(stop.clone());
        tokio::pin!(main);
        loop {
            tokio::select! {
                ended = &mut main => return ended,
                result = tokio::signal::ctrl_c() => result.context("can't listen for Ctrl-C")?,
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                return Err(Failure::text(Exit::Failed, "told to stop twice: ended without draining"));
            }
            tracing::info!("stopping; once more ends at once");
            stop.cancel();
        }
    })
}

/// Logs to standard error: for people on a terminal, otherwise JSON. `RUST_LOG` chooses what; `quiet` is the default.
fn start_logging(quiet: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { logs.init() } else { logs.json().init() }
}

/// The process's metrics, which admin ports show.
pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    // Each version of a module has series of its own.
    let builder = PrometheusBuilder::new().idle_timeout(MetricKindMask::HISTOGRAM, Some(IDLE_SERIES));
    builder.install_recorder().context("can't install the metrics recorder")
}

/// Connects to the Redis of the settings.
pub(crate) async fn connect(settings: &Settings, command: &str) -> Result<Backplane, Failure> {
    let Some(url) = &settings.redis else {
        return Err(Failure::text(Exit::Usage, format!("`wod {command}` needs a Redis: give --redis URL")).hint(
            "`wod dev` runs a whole world in one process without Redis; `cargo xtask distributed` starts a cluster",
        ));
    };
    let options = RedisOptions {
        prefix: settings.redis_prefix.clone(),
        durability: settings.durability.into(),
        allow_no_persistence: settings.allow_volatile,
    };
    Backplane::redis(url, options).await.map_err(|error| {
        let exit = if error.is_transient() { Exit::Unreachable } else { Exit::Failed };
        Failure::new(
            exit,
            anyhow::Error::new(error).context(format!("can't use the Redis at {}", without_password(url))),
        )
    })
}

/// The gateway's part of the settings.
pub(crate) fn gateway_config(settings: &Settings, world: Arc<World>) -> anyhow::Result<GatewayConfig> {
    Ok(GatewayConfig {
        listen: settings.listen,
        admin: Some(settings.admin),
        id: settings.id.clone().unwrap_or_else(|| "gateway".into()),
        region: settings.region.clone(),
        public: settings.public.clone(),
        redirect: settings.redirect,
        world,
        allow_guests: settings.guests,
        ticket_key: settings.read_ticket_key()?,
        web_dir: settings.web.clone(),
        max_connections: settings.max_connections,
        notice: None,
    })
}

/// The host's part of the settings. `follow_modules`: see [`HostConfig::follow_modules`].
pub(crate) fn host_config(
    settings: &Settings,
    world: Arc<World>,
    trust: Trust,
    follow_modules: bool,
) -> anyhow::Result<HostConfig> {
    let program = std::env::current_exe().context("can't find this program's own file")?;
    let child = ChildCompiler::new(program, vec![COMPILE_CHILD.into()]);
    let host = settings.id.clone().map_or_else(|| default_host_id(settings), Ok)?;
    let compiled = settings.data.join("compiled").join(&host);
    std::fs::create_dir_all(&compiled).with_context(|| format!("can't make the folder {}", compiled.display()))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(HostConfig {
        host: HostId::from(host),
        region: settings.region.clone(),
        admin: settings.admin,
        world,
        modules: settings.modules.clone(),
        follow_modules,
        trust,
        webhook: settings.webhook.as_deref().map(str::parse).transpose().context("webhook is no URL")?,
        workers: if settings.workers == 0 { cores } else { settings.workers },
        limits: Limits::default(),
        sandbox: SandboxOptions { compiler: Compiler::Child(child), cache: Some(compiled) },
        replay_budget: wod_host::REPLAY_BUDGET,
        replay_entries: wod_host::REPLAY_ENTRIES,
        foreign_grace: FOREIGN_GRACE,
        rebalance: settings.rebalance,
    })
}

/// The same after every restart, so that a restarted host takes its zones back at once.
fn default_host_id(settings: &Settings) -> anyhow::Result<String> {
    let machine =
        std::fs::read_to_string("/proc/sys/kernel/hostname").context("can't read this machine's name; give --id")?;
    Ok(format!("{}-{}", machine.trim(), settings.admin.port()))
}

/// `redis://user:secret@host` → `redis://…@host`.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("redis://me:secret@host:6379/1"), "redis://…@host:6379/1");
        assert_eq!(without_password("redis://host:6379"), "redis://host:6379");
    }
}
