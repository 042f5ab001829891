//! The way of a module into a zone: fetch → verify → compile → check → dry run → shadow → swap → probation → settled. Every step
//! says how it went; up to the swap none of them touches the zone.
//!
//! Dry run and shadow happen in a copy of the zone that follows its journal, on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use wod_protocol::ids::{Digest, Generation, JournalIndex, Tick};
use wod_sandbox::Compiled;
use wod_sim::io::{Entry, Input};
use wod_sim::module::Description;
use wod_sim::zone::{Comparison, Rehearsal, Zone};

use crate::follower::Follower;
use crate::host::Host;
use crate::pin;
use crate::port::ZonePort;
use crate::releases::{self, ModuleRef};
use crate::rollout;
use crate::runner::Replaced;

/// Lines on their way to whoever asked; more wait.
pub(crate) const LINES: usize = 64;
/// Longest probation, ticks: an hour at 20 Hz. Until it is over the journal grows.
const PROBATION: u32 = 72_000;
/// Longest shadow run, ticks: the journal keeps what it needs for about that long.
const SHADOW: u32 = 12_000;
/// How long a zone may take to carry a swap out.
const SWAP_TIME: Duration = Duration::from_secs(10);
/// Entries of the journal that a shadow run may be behind, once it has caught up; then it gives up.
const SHADOW_LAG: usize = 200;
/// What it may take to catch up.
const CATCH_UP: Duration = Duration::from_secs(30);
/// How often the journal is looked at.
const SHADOW_POLL: Duration = Duration::from_millis(50);
/// Nothing was journaled for so long: nobody is there, or nothing happens.
const SHADOW_QUIET: Duration = Duration::from_secs(3);
/// A shadow run of so many ticks waits so many times as long for them: only what is journaled is seen.
const SHADOW_PATIENCE: u32 = 3;
/// How often a version that fails beside the zone is begun anew.
const SHADOW_TRIES: u64 = 3;
/// About a third of a worker's share of a busy processor.
const NICENESS: i32 = 5;

/// What an operator wants.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// `NAME@VERSION`, or a digest.
    pub(crate) module: String,
    /// Ticks to compare before the swap; 0: none.
    #[serde(default)]
    pub(crate) shadow: u32,
    /// Ticks until the new version is settled; 0: at once.
    #[serde(default)]
    pub(crate) probation: u32,
    /// Stop before the swap.
    #[serde(default)]
    pub(crate) plan: bool,
    /// The rollout that this is part of: no swap once that does not run any more.
    #[serde(default)]
    pub(crate) rollout: Option<String>,
}

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Fetch,
    Verify,
    Compile,
    Check,
    DryRun,
    Shadow,
    Swap,
    Probation,
    Settled,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    step: Step,
    /// `begun`, `done`, `skipped` or `failed`.
    state: &'static str,
    /// What this step took, milliseconds; 0 when it has just begun.
    ms: f64,
    /// For people.
    text: String,
    /// For programs: what was found out.
    #[serde(skip_serializing_if = "Value::is_null")]
    facts: Value,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Swapped {
    pub(crate) generation: Generation,
    pub(crate) digest: String,
    pub(crate) module: String,
    pub(crate) pause_ms: f64,
}

/// A step failed: which, and what to do about it.
pub(crate) struct Failed {
    pub(crate) step: Step,
    pub(crate) error: anyhow::Error,
    pub(crate) hint: &'static str,
    /// It says nothing about the module: how the zone stands now decides.
    pub(crate) open: bool,
}

impl Failed {
    fn new(step: Step, error: anyhow::Error, hint: &'static str) -> Self {
        Self { step, error, hint, open: false }
    }
}

/// One deployment under way. It goes on when whoever asked has gone.
pub(crate) struct Deployment {
    host: Arc<Host>,
    port: Arc<ZonePort>,
    lines_tx: mpsc::Sender<Line>,
}

impl Deployment {
    pub(crate) fn new(host: Arc<Host>, port: Arc<ZonePort>) -> (Self, mpsc::Receiver<Line>) {
        let (lines_tx, lines_rx) = mpsc::channel(LINES);
        (Self { host, port, lines_tx }, lines_rx)
    }

    /// All of it. None: it was a plan.
    pub(crate) async fn run(self, order: Order) -> Result<Option<Swapped>, Failed> {
        let done = self.steps(&order).await;
        if let Err(Failed { step, error, hint, open }) = &done {
            let error = format!("{error:#}");
            tracing::warn!(zone = %self.port.zone, module = order.module, ?step, error, "a deployment failed");
            self.say(*step, "failed", Duration::ZERO, error, json!({ "hint": hint, "open": open })).await;
        }
        done
    }

    async fn steps(&self, order: &Order) -> Result<Option<Swapped>, Failed> {
        // A zone that was just taken over has not said yet what it runs.
        let mut standing = self.port.standing.subscribe();
        let known = tokio::time::timeout(SWAP_TIME, standing.wait_for(|standing| standing.known)).await;
        known.ok().and_then(Result::ok).map(drop).ok_or_else(|| Failed {
            open: true,
            ..Failed::new(Step::Fetch, anyhow!("the zone is not ready"), "try again in some seconds")
        })?;
        let digest = self.load(order).await?;
        let compiled = self.check(order, digest).await?;
        if self.port.standing.borrow().digest.is_none() {
            self.say(Step::DryRun, "skipped", Duration::ZERO, "the zone has no module yet".into(), Value::Null).await;
        } else {
            self.try_out(order, digest).await?;
        }
        if order.plan {
            return Ok(None);
        }
        let swapped = self.swap(order, &compiled).await?;
        self.settle(order, &swapped).await?;
        Ok(Some(swapped))
    }

    /// Fetch, verify, compile.
    async fn load(&self, order: &Order) -> Result<Digest, Failed> {
        let modules = &self.host.modules;
        let fetch = async {
            if order.probation > PROBATION || order.shadow > SHADOW {
                bail!("at most {SHADOW} ticks of shadow and {PROBATION} of probation");
            }
            let module: ModuleRef = order.module.parse()?;
            let digest = releases::resolve(&self.host.backplane, &module).await?;
            let digest =
                digest.with_context(|| format!("{module} was never published; `wod modules` lists what was"))?;
            Ok((digest, modules.fetch(digest).await?))
        };
        let (digest, bytes) = self
            .step(Step::Fetch, "publish it first: `wod publish FILE`", fetch, |(digest, bytes)| {
                (
                    format!("{} bytes, digest {digest}", bytes.len()),
                    json!({ "digest": digest.to_string(), "bytes": bytes.len() }),
                )
            })
            .await?;
        let signed = |signer: &Option<String>| match signer {
            Some(signer) => (format!("signed by {signer}"), json!({ "signer": signer })),
            None => ("not signed; this host asks for no signatures".into(), Value::Null),
        };
        self.step(Step::Verify, "have it signed by somebody whom the hosts trust", modules.verify(digest), signed)
            .await?;
        let ready = modules.ready(&digest).is_some();
        let compile = async { if ready { Ok(()) } else { modules.compile(bytes).await.map(drop) } };
        let about = |_: &()| (if ready { "compiled before" } else { "compiled" }.into(), Value::Null);
        self.step(Step::Compile, "`wod zone check FILE` explains findings one by one", compile, about).await?;
        Ok(digest)
    }

    /// It is what was named, and fits the zone.
    async fn check(&self, order: &Order, digest: Digest) -> Result<Arc<Compiled>, Failed> {
        let host = &self.host;
        let check = async {
            let compiled = host.modules.ready(&digest).context("it is not compiled any more; try again")?;
            let zone = host.config.world.zone(self.port.zone).context("the world file has no such zone")?;
            let about = host.modules.describe(&compiled).await?;
            if let Ok(ModuleRef::Release { name, version }) = order.module.parse()
                && (about.name != name || !releases::is_of(&version, &about.version))
            {
                bail!(
                    "published as {name}@{version}, it calls itself {} {}: somebody changed the record",
                    about.name,
                    about.version
                );
            }
            if let Some(map) = compiled.map().filter(|packed| packed.map.size != zone.size) {
                bail!("its map measures {:?} m, the world file has {:?} m for {}", map.map.size, zone.size, zone.name);
            }
            host.modules.offer_map(&compiled, zone).await?;
            Ok((compiled, about))
        };
        let about = |(_, about): &(Arc<Compiled>, Description)| {
            let Description { name, version, schema, verbs, config } = about;
            let text = format!("{name} {version}, schema {schema}, {} verbs, {} settings", verbs.len(), config.len());
            (text, json!({ "name": name, "version": version, "schema": schema }))
        };
        Ok(self.step(Step::Check, "build it for this zone's map and this host's zone-api", check, about).await?.0)
    }

    /// Dry run and shadow, in a copy of the zone.
    async fn try_out(&self, order: &Order, digest: Digest) -> Result<(), Failed> {
        let begun = Instant::now();
        self.say(Step::DryRun, "begun", Duration::ZERO, "copying the zone as it stands".into(), Value::Null).await;
        let (source, port) = (self.host.source(), self.port.clone());
        let _trial = self.host.trials.acquire().await.map_err(|closed| Failed::new(Step::DryRun, closed.into(), ""))?;
        let opened = self.host.threads.run(format!("dry-run-{}", port.zone), move || {
            be_nice();
            let mut follower = Follower::open(source, port.zone)?;
            follower.advance()?;
            let Follower { zone, modules, .. } = &mut follower;
            let zone = zone.as_mut().context("nothing of the zone is stored yet; try again in a second")?;
            let running = zone.module_digest();
            let rehearsal =
                zone.rehearse(digest, modules).map_err(|fault| anyhow!("the swap would be refused: {fault}"))?;
            let save = running.map(|running| modules.meter(&running).save()).unwrap_or_default();
            let load = modules.meter(&digest).load();
            Ok((follower, rehearsal, save + load))
        });
        let hint = "the old module goes on; mend the new one (`wod zone check NEW --against OLD` plays it through)";
        let failed = |error| Failed::new(Step::DryRun, error, hint);
        let (follower, rehearsal, carrying) = opened.await.map_err(failed)?;
        let tick = self.port.status(|beat| beat.tick_p50_us).unwrap_or(0);
        let pause = carrying + Duration::from_micros(u64::from(tick));
        let facts = changes(&rehearsal, pause);
        let text = format!(
            "it loads what {} {} saves ({} bytes, schema {} to {}); the zone would stand still for about {:.1} ms",
            rehearsal.running.name,
            rehearsal.running.version,
            rehearsal.saved_bytes,
            rehearsal.running.schema,
            rehearsal.other.schema,
            millis(pause),
        );
        self.say(Step::DryRun, "done", begun.elapsed(), text, facts).await;
        if order.shadow > 0 { self.shadow(order, digest, follower).await } else { Ok(()) }
    }

    async fn shadow(&self, order: &Order, digest: Digest, follower: Follower) -> Result<(), Failed> {
        let begun = Instant::now();
        let ticks = order.shadow;
        let text = format!("comparing {ticks} ticks");
        self.say(Step::Shadow, "begun", Duration::ZERO, text, Value::Null).await;
        let hz = self.host.config.world.zone(self.port.zone).map_or(20, |zone| zone.tick_hz);
        let patience = Duration::from_secs(1) * (ticks * SHADOW_PATIENCE).div_ceil(hz) + CATCH_UP;
        let run = self.host.threads.run(format!("shadow-{}", self.port.zone), move || {
            be_nice();
            Shadow { follower, digest, patience }.run(ticks)
        });
        let hint = "swap without --shadow, or try again when the zone is quieter";
        let failed = |error| Failed::new(Step::Shadow, error, hint);
        let seen = run.await.map_err(failed)?;
        let text = seen.to_string();
        let facts = serde_json::to_value(&seen).expect("a comparison has text keys");
        self.say(Step::Shadow, "done", begun.elapsed(), text, facts).await;
        if seen.comparison.faults > 0 {
            let error = anyhow!("it failed {} times beside the zone", seen.comparison.faults);
            return Err(Failed::new(Step::Shadow, error, "the old module goes on; mend the new one"));
        }
        Ok(())
    }

    async fn swap(&self, order: &Order, compiled: &Compiled) -> Result<Swapped, Failed> {
        let begun = Instant::now();
        let hint = "the old module goes on; mend the new one and try again";
        let swapped = self.try_swap(order, compiled.digest()).await;
        let (swapped, text) =
            swapped.map_err(|(error, open)| Failed { open, ..Failed::new(Step::Swap, error, hint) })?;
        let facts = serde_json::to_value(&swapped).expect("it has text keys");
        self.say(Step::Swap, "done", begun.elapsed(), text, facts).await;
        Ok(swapped)
    }

    /// What runs then, and for people; or why not, and whether it may still come.
    async fn try_swap(&self, order: &Order, digest: Digest) -> Result<(Swapped, String), (anyhow::Error, bool)> {
        let Self { host, port, .. } = self;
        let no = |error: anyhow::Error| (error, false);
        let replacing = port.replacing.clone().lock_owned().await;
        if let Some(id) = &order.rollout
            && !rollout::is_running(&host.backplane, id).await.map_err(no)?
        {
            return Err(no(anyhow!("rollout {id} was stopped meanwhile")));
        }
        let standing = port.standing.borrow().clone();
        let module = || port.status(|beat| beat.module_name.clone()).unwrap_or_default();
        if standing.digest == Some(digest) && standing.terms.shelved.is_none() {
            // A second swap to it would make it the version before itself.
            let generation = standing.generation;
            let swapped = Swapped { generation, digest: digest.to_string(), module: module(), pause_ms: 0.0 };
            return Ok((swapped, "the zone runs it already".to_owned()));
        }
        if order.probation > 0 {
            pin::keep(&host.backplane, port).await.map_err(no)?;
        }
        let input = Input::Swap { digest, probation: order.probation };
        let mut done = host.operators.await_replacement(port.zone, input.clone());
        if !port.push(input) {
            return Err(no(anyhow!("the zone takes no inputs now")));
        }
        let Ok(answered) = tokio::time::timeout(SWAP_TIME, &mut done).await else {
            // Until it is known what came of it, nobody else replaces the module, and what a rewind needs is kept.
            let (host, port) = (host.clone(), port.clone());
            tokio::spawn(async move {
                let refused = done.await.is_ok_and(|result| result.is_err());
                release_if(refused, &host, &port).await;
                drop(replacing);
            });
            return Err((anyhow!("the zone has not answered in {SWAP_TIME:?}; the swap may still take effect"), true));
        };
        let result = answered.map_err(|_| (anyhow!("the zone was let go"), true))?;
        release_if(result.is_err(), host, port).await;
        let Replaced { generation, pause } = result.map_err(|fault| no(anyhow!("the swap was refused: {fault}")))?;
        let swapped = Swapped { generation, digest: digest.to_string(), module: module(), pause_ms: millis(pause) };
        let zone = host.config.world.zone(port.zone).map(|zone| zone.name.to_string());
        tracing::info!(zone, %generation, module = %digest, pause_ms = swapped.pause_ms, "module swapped");
        let Swapped { module, pause_ms, .. } = &swapped;
        let text = format!("runs {module} as generation {generation}; the zone stood still for {pause_ms:.1} ms");
        Ok((swapped, text))
    }

    /// Waits until the version is settled, or has been replaced.
    async fn settle(&self, order: &Order, swapped: &Swapped) -> Result<(), Failed> {
        let begun = Instant::now();
        if order.probation > 0 {
            let text = format!("for {} ticks; `wod rollback` takes it back", order.probation);
            self.say(Step::Probation, "begun", Duration::ZERO, text, Value::Null).await;
        }
        let mut standing = self.port.standing.subscribe();
        let ended = tokio::select! {
            biased;
            ended = standing.wait_for(|now| {
                now.generation != swapped.generation || now.terms.probation.is_none() || now.terms.shelved.is_some()
            }) => ended.map(|now| now.clone()).ok(),
            () = self.port.until_closed() => None,
        };
        let hint = "`wod zones` shows what the zone runs now; its host's log says why";
        let failed = |error: String| Failed::new(Step::Probation, anyhow!(error), hint);
        let Some(ended) = ended else {
            let moved = failed("the zone moved to another host: its probation goes on there".into());
            return Err(Failed { open: true, ..moved });
        };
        if ended.generation != swapped.generation || ended.terms.shelved.is_some() {
            let now = ended.digest.map_or_else(|| "none".into(), |digest| digest.to_string());
            let what = ended.terms.shelved.map_or_else(
                || format!("it did not settle: the zone runs module {now} as generation {}", ended.generation),
                |why| format!("it did not settle: {why}"),
            );
            return Err(failed(what));
        }
        self.say(
            Step::Settled,
            "done",
            begun.elapsed(),
            format!("generation {} is settled", swapped.generation),
            Value::Null,
        )
        .await;
        Ok(())
    }

    /// Does a step and tells how it went.
    async fn step<T>(
        &self,
        step: Step,
        hint: &'static str,
        work: impl Future<Output = anyhow::Result<T>>,
        about: impl FnOnce(&T) -> (String, Value),
    ) -> Result<T, Failed> {
        let begun = Instant::now();
        let done = work.await.map_err(|error| Failed::new(step, error, hint))?;
        let (text, facts) = about(&done);
        self.say(step, "done", begun.elapsed(), text, facts).await;
        Ok(done)
    }

    async fn say(&self, step: Step, state: &'static str, took: Duration, text: String, facts: Value) {
        tracing::debug!(zone = %self.port.zone, ?step, state, text, "deployment");
        let line = Line { step, state, ms: millis(took), text, facts };
        if self.lines_tx.send(line).await.is_err() {
            tracing::debug!(zone = %self.port.zone, "nobody follows this deployment any more; it goes on");
        }
    }
}

/// A swap that was refused needs no way back.
async fn release_if(refused: bool, host: &Host, port: &ZonePort) {
    if !refused || port.standing.borrow().terms.probation.is_some() {
        return;
    }
    if let Err(error) = pin::release(&host.backplane, port).await {
        let error = format!("{error:#}");
        tracing::warn!(zone = %port.zone, error, "what was kept for a rewind stays until the module is replaced");
    }
}

/// What a swap would change.
fn changes(rehearsal: &Rehearsal, pause: Duration) -> Value {
    let Rehearsal { running, other, saved_bytes } = rehearsal;
    let only = |of: &[String], not: &[String]| -> Vec<String> {
        of.iter().filter(|name| !not.contains(name)).cloned().collect()
    };
    let keys = |of: &Description| -> Vec<String> { of.config.iter().map(|key| key.name.clone()).collect() };
    let (before, after) = (keys(running), keys(other));
    let retyped = running.config.iter().filter(|old| {
        let kind = std::mem::discriminant(&old.default);
        other.config.iter().any(|new| new.name == old.name && std::mem::discriminant(&new.default) != kind)
    });
    json!({
        "from": format!("{} {}", running.name, running.version),
        "to": format!("{} {}", other.name, other.version),
        "schema": [running.schema, other.schema],
        "saved_bytes": saved_bytes,
        "pause_ms": millis(pause),
        "verbs_added": only(&other.verbs, &running.verbs),
        "verbs_removed": only(&running.verbs, &other.verbs),
        "settings_added": only(&after, &before),
        "settings_removed": only(&before, &after),
        "settings_retyped": retyped.map(|key| key.name.clone()).collect::<Vec<_>>(),
    })
}

/// A shadow run.
struct Shadow {
    follower: Follower,
    digest: Digest,
    patience: Duration,
}

/// What it saw.
#[derive(Debug, Serialize)]
struct Seen {
    /// Ticks followed, of those wanted.
    ticks: u64,
    wanted: u32,
    /// Why it ended early; none: it did not.
    cut_short: Option<String>,
    /// Processor time of a call, microseconds.
    running_us: f64,
    other_us: f64,
    #[serde(flatten)]
    comparison: Comparison,
}

impl Shadow {
    fn run(mut self, wanted: u32) -> anyhow::Result<Seen> {
        let begun = Instant::now();
        let from = self.begin()?;
        let mut caught_up = false;
        let mut last_entry = begun;
        let cut_short = loop {
            let page = self.follower.read()?;
            if caught_up && page.len() > SHADOW_LAG {
                break Some(format!("it lagged {} entries behind the zone", page.len()));
            }
            caught_up |= page.len() < SHADOW_LAG;
            let idle = page.is_empty();
            if idle {
                std::thread::sleep(SHADOW_POLL);
            } else {
                last_entry = Instant::now();
            }
            for (index, entry) in page {
                self.follow(index, &entry)?;
            }
            if self.ticks(from) >= u64::from(wanted) {
                break None;
            }
            if self.faults() >= SHADOW_TRIES && !self.zone()?.is_comparing() {
                break Some(format!("the new version failed {} times", self.faults()));
            }
            if idle && last_entry.elapsed() > SHADOW_QUIET || begun.elapsed() > self.patience {
                break Some("so little is journaled: nobody is there, or nothing happens".to_owned());
            }
        };
        let running = self.zone()?.module_digest().context("the zone lost its module")?;
        let mean = |digest: &Digest| {
            let (calls, time) = self.follower.modules.meter(digest).ticks();
            if calls == 0 { 0.0 } else { time.as_secs_f64() * 1e6 / calls as f64 }
        };
        let (running_us, other_us) = (mean(&running), mean(&self.digest));
        let comparison = self.zone()?.comparison().cloned().context("nothing was compared")?;
        Ok(Seen { ticks: self.ticks(from), wanted, cut_short, running_us, other_us, comparison })
    }

    fn zone(&self) -> anyhow::Result<&Zone> {
        self.follower.zone.as_ref().context("nothing of the zone is stored yet")
    }

    fn ticks(&self, from: Tick) -> u64 {
        self.follower.zone.as_ref().map_or(0, |zone| zone.tick().0.saturating_sub(from.0))
    }

    fn faults(&self) -> u64 {
        self.zone().ok().and_then(Zone::comparison).map_or(0, |comparison| comparison.faults)
    }

    /// The new version takes over a copy of what the running one knows now.
    fn begin(&mut self) -> anyhow::Result<Tick> {
        let Follower { zone, modules, .. } = &mut self.follower;
        let zone = zone.as_mut().context("nothing of the zone is stored yet")?;
        zone.begin_comparison(self.digest, modules).map_err(|fault| anyhow!("the swap would be refused: {fault}"))?;
        Ok(zone.tick())
    }

    fn follow(&mut self, index: JournalIndex, entry: &Entry) -> anyhow::Result<()> {
        if entry.inputs.iter().any(Input::replaces_module) {
            bail!("the zone's module was replaced meanwhile");
        }
        self.follower.replay(index, entry)?;
        if !self.zone()?.is_comparing() && self.faults() < SHADOW_TRIES && !self.zone()?.is_module_missing() {
            self.begin()?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ticks, wanted, cut_short, running_us, other_us, comparison } = self;
        write!(f, "{ticks} of {wanted} ticks, {} calls: ", comparison.calls)?;
        match comparison.differs_at {
            None => f.write_str("the same orders")?,
            Some(tick) => {
                let otherwise = comparison.calls - comparison.same;
                write!(f, "the same up to tick {}, {otherwise} calls otherwise", tick.0.saturating_sub(1))?;
            }
        }
        if comparison.faults > 0 {
            write!(f, ", it failed {} times", comparison.faults)?;
        }
        write!(f, "; a call takes {other_us:.0} µs, the running version {running_us:.0} µs")?;
        cut_short.as_ref().map_or(Ok(()), |why| write!(f, " (cut short: {why})"))
    }
}

/// Leaves the processor to ticking zones: on Linux, this thread alone.
fn be_nice() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a background thread runs at the workers' priority");
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
