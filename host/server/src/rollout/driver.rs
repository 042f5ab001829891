//! Drives rollouts: every host looks at all records, and goes on with one whose driver has fallen silent. Time is each host's own: what
//! counts is that a record has not changed for a while, so clocks need not agree.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wod_backplane::Error;
use wod_protocol::ids::Generation;

use super::{PauseOn, Progress, Rollout, State, decode, encode, key};
use crate::host::Host;
use crate::notice::Notice;

/// How often records are looked at, and how often a driver says that it drives.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A record that has not changed for so long has no driver.
const SILENCE: Duration = Duration::from_secs(5);
/// How often a zone is tried that can't be reached, and the wait between.
const TRIES: u32 = 10;
const RETRY: Duration = Duration::from_secs(2);
/// How long a connection to a host may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Looks after rollouts until cancelled. `admin`: where this host's own API answers.
pub(crate) async fn run(host: Arc<Host>, admin: SocketAddr, stop: CancellationToken) {
    let driven: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let mut seen: BTreeMap<String, (Bytes, Instant)> = BTreeMap::new();
    let mut driving = JoinSet::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(look.tick()).await.is_some() {
        while let Some(ended) = driving.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "driving a rollout failed");
            }
        }
        let stored = match host.backplane.values("rollout/").await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::debug!(%error, "rollouts can't be read; trying again");
                continue;
            }
        };
        seen.retain(|key, _| stored.iter().any(|(known, _)| known == key));
        for (key, bytes) in stored {
            let (known, since) = seen.entry(key.clone()).or_insert_with(|| (bytes.clone(), Instant::now()));
            if *known != bytes {
                (*known, *since) = (bytes.clone(), Instant::now());
            }
            let since = *since;
            let mut rollout = match decode(&bytes) {
                Ok(rollout) => rollout,
                Err(error) => {
                    tracing::warn!(key, error = format!("{error:#}"), "a rollout can't be driven by this program");
                    continue;
                }
            };
            let orphan = rollout.driver.is_none() || since.elapsed() > SILENCE;
            if !rollout.state.needs_driving() || !orphan || driven.lock().contains(&rollout.id) {
                continue;
            }
            rollout.driver = Some(host.config.host.clone());
            rollout.beat += 1;
            let taken = encode(&rollout);
            // Another host may be quicker.
            if host.backplane.replace_value(&key, Some(bytes), taken.clone()).await.is_err() {
                continue;
            }
            tracing::info!(rollout = rollout.id, module = rollout.module, "driving a rollout");
            driven.lock().insert(rollout.id.clone());
            let (host, driven, stop) = (host.clone(), driven.clone(), stop.clone());
            driving.spawn(async move {
                let id = rollout.id.clone();
                let mut driver = Driver::new(host, admin, rollout, taken);
                match stop.run_until_cancelled(driver.drive()).await {
                    Some(Ok(())) => tracing::info!(rollout = id, state = ?driver.rollout.state, "the rollout rests"),
                    Some(Err(error)) => {
                        tracing::warn!(rollout = id, error = format!("{error:#}"), "not driven by this host any more");
                    }
                    None => tracing::info!(rollout = id, "left to another host"),
                }
                driven.lock().remove(&id);
            });
        }
    }
    driving.shutdown().await;
}

/// One rollout, driven by this host for as long as the record is what it last wrote, or an operator changed only its state.
struct Driver {
    host: Arc<Host>,
    api: String,
    http: reqwest::Client,
    rollout: Rollout,
    stored: Bytes,
}

/// How a zone is, as the API tells it.
#[derive(Debug, Deserialize)]
struct ZoneRow {
    name: String,
    module: Option<String>,
    generation: Generation,
    #[serde(default)]
    on_probation: bool,
    #[serde(default)]
    trouble: Vec<String>,
}

/// What became of one zone.
type Ended = (String, Progress);

impl Driver {
    fn new(host: Arc<Host>, admin: SocketAddr, rollout: Rollout, stored: Bytes) -> Self {
        let http = reqwest::Client::builder().connect_timeout(CONNECT).build();
        let http = http.expect("a client without proxies or certificates of its own");
        Self { host, api: format!("http://{admin}/api"), http, rollout, stored }
    }

    /// Until it is over, or an operator is needed.
    async fn drive(&mut self) -> anyhow::Result<()> {
        loop {
            match &self.rollout.state {
                State::Running => match self.rollout.waves.get(self.rollout.wave).cloned() {
                    Some(zones) => self.wave(&zones).await?,
                    None => self.update(|rollout| rollout.state = State::Done).await?,
                },
                State::RollingBack(_) => self.roll_back().await?,
                State::Paused(_) | State::Done | State::Stopped(_) => return Ok(()),
            }
        }
    }

    /// All zones of the wave at once; their probations run side by side.
    async fn wave(&mut self, zones: &[String]) -> anyhow::Result<()> {
        let mut under_way = JoinSet::new();
        for name in zones {
            let progress = self.rollout.zones.get(name).cloned().unwrap_or(Progress::Waiting);
            let begun = match progress {
                Progress::Settled(_) => continue,
                Progress::Deploying(begun) => begun,
                _ => {
                    let begun = self.zone(name).await?.generation;
                    self.update(|rollout| {
                        rollout.zones.insert(name.clone(), Progress::Deploying(begun));
                    })
                    .await?;
                    begun
                }
            };
            let (api, http, rollout) = (self.api.clone(), self.http.clone(), self.rollout.clone());
            let name = name.clone();
            under_way.spawn(async move { deploy(&http, &api, &rollout, name, begun).await });
        }
        let mut beat = tokio::time::interval(LOOK_EVERY);
        let mut ended_early = BTreeSet::new();
        loop {
            let ended = tokio::select! {
                ended = under_way.join_next() => ended,
                _ = beat.tick() => {
                    self.update(|_| {}).await?;
                    if !matches!(self.rollout.state, State::Running) {
                        self.end_probations(zones, &mut ended_early).await?;
                    }
                    continue;
                }
            };
            let Some(ended) = ended else { break };
            let (name, mut progress) = ended.context("a deployment panicked")?;
            if ended_early.contains(&name) {
                progress = Progress::RolledBack;
            }
            self.update(|rollout| {
                if let Progress::Failed(why) = &progress
                    && rollout.state == State::Running
                {
                    rollout.state = State::RollingBack(format!("{name}: {why}"));
                }
                rollout.zones.insert(name.clone(), progress.clone());
            })
            .await?;
        }
        if !matches!(self.rollout.state, State::Running) {
            return Ok(());
        }
        let noticed = self.noticed(zones);
        let pauses = self.rollout.pause_on == PauseOn::Any && !noticed.is_empty();
        self.update(|rollout| {
            rollout.wave += 1;
            if pauses {
                rollout.state = State::Paused(noticed.join("; "));
            }
        })
        .await?;
        if pauses {
            self.tell("rollout_paused", noticed.join("; "));
        }
        Ok(())
    }

    /// The rollout is taken back: nobody has to wait for what these zones' versions are still on probation for.
    async fn end_probations(&self, zones: &[String], ended_early: &mut BTreeSet<String>) -> anyhow::Result<()> {
        let digest = self.rollout.digest.to_string();
        for name in zones {
            if !matches!(self.rollout.zones.get(name), Some(Progress::Deploying(_))) || ended_early.contains(name) {
                continue;
            }
            let row = self.zone(name).await?;
            if row.on_probation
                && row.module.as_ref() == Some(&digest)
                && self.post(&format!("zones/{name}/rollback"), &json!({})).await?.is_ok()
            {
                ended_early.insert(name.clone());
            }
        }
        Ok(())
    }

    fn noticed(&self, zones: &[String]) -> Vec<String> {
        let of = |name: &String| match self.rollout.zones.get(name) {
            Some(Progress::Settled(noticed)) => noticed.iter().map(|what| format!("{name}: {what}")).collect(),
            _ => Vec::new(),
        };
        zones.iter().flat_map(of).collect()
    }

    /// Every zone that runs the version is given the one before.
    async fn roll_back(&mut self) -> anyhow::Result<()> {
        let digest = self.rollout.digest.to_string();
        let names: Vec<String> = self.rollout.zones.keys().cloned().collect();
        for name in names {
            let begun = match &self.rollout.zones[&name] {
                Progress::Settled(_) => None,
                Progress::Deploying(begun) => Some(*begun),
                _ => continue,
            };
            let row = self.zone(&name).await?;
            // One that had not been swapped yet may still be.
            let untouched = begun.is_some_and(|begun| row.generation == begun);
            let progress = if row.module.as_ref() != Some(&digest) {
                if untouched { Progress::Waiting } else { Progress::RolledBack }
            } else {
                let back = self.post(&format!("zones/{name}/rollback"), &json!({})).await?;
                match back {
                    Ok(_) => Progress::RolledBack,
                    Err(refusal) => Progress::NotRolledBack(refusal),
                }
            };
            self.update(|rollout| {
                rollout.zones.insert(name.clone(), progress.clone());
            })
            .await?;
        }
        let State::RollingBack(why) = self.rollout.state.clone() else { return Ok(()) };
        self.update(|rollout| rollout.state = State::Stopped(why.clone())).await?;
        self.tell("rollout_stopped", why);
        Ok(())
    }

    async fn zone(&self, name: &str) -> anyhow::Result<ZoneRow> {
        zone(&self.http, &self.api, name).await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Result<Value, String>> {
        let answer = self.http.post(format!("{}/{path}", self.api)).json(body).send().await.context("asking a host")?;
        let good = answer.status().is_success();
        let answer: Value = answer.json().await.context("a host's answer")?;
        Ok(if good { Ok(answer) } else { Err(answer["error"].as_str().unwrap_or("refused").to_owned()) })
    }

    /// Writes a change, which says at the same time that this host drives. What an operator wrote meanwhile is taken over first.
    async fn update(&mut self, change: impl Fn(&mut Rollout)) -> anyhow::Result<()> {
        let key = key(&self.rollout.id);
        let mut away_since: Option<Instant> = None;
        loop {
            let mut changed = self.rollout.clone();
            changed.beat += 1;
            change(&mut changed);
            let bytes = encode(&changed);
            match self.host.backplane.replace_value(&key, Some(self.stored.clone()), bytes.clone()).await {
                Ok(()) => {
                    (self.rollout, self.stored) = (changed, bytes);
                    return Ok(());
                }
                Err(Error::Changed { stored: Some(stored), .. }) => {
                    let theirs = decode(&stored)?;
                    if theirs.driver != self.rollout.driver {
                        bail!("host {:?} drives it", theirs.driver);
                    }
                    (self.rollout, self.stored) = (theirs, stored);
                }
                Err(error) if error.is_transient() && away_since.is_none_or(|since| since.elapsed() < SILENCE) => {
                    away_since.get_or_insert_with(Instant::now);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(error) => return Err(error).context("writing a rollout's record"),
            }
        }
    }

    fn tell(&self, event: &'static str, why: String) {
        tracing::warn!(rollout = self.rollout.id, module = self.rollout.module, why, event, "a rollout does not go on");
        let module = Some(self.rollout.digest.to_string());
        self.host.notices.tell(Notice { event, zone: None, module, generation: None, why });
    }
}

/// Gives one zone the version and waits until it is settled; after a driver died, goes on from where the zone is. `begun`: its
/// generation before.
async fn deploy(http: &reqwest::Client, api: &str, rollout: &Rollout, name: String, begun: Generation) -> Ended {
    let digest = rollout.digest.to_string();
    let mut noticed = Vec::new();
    let mut tries = 0;
    loop {
        let row = match zone(http, api, &name).await {
            Ok(row) => row,
            Err(error) if tries < TRIES => {
                tries += 1;
                tracing::info!(zone = name, tries, error = format!("{error:#}"), "a zone can't be asked; trying again");
                tokio::time::sleep(RETRY).await;
                continue;
            }
            Err(error) => return (name, Progress::Failed(format!("{error:#}"))),
        };
        let runs = row.module.as_ref() == Some(&digest);
        if runs && row.on_probation {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        if runs {
            noticed.extend(row.trouble);
            return (name, Progress::Settled(noticed));
        }
        if row.generation != begun {
            return (name, Progress::Failed("it did not settle".to_owned()));
        }
        match follow(http, api, rollout, &name, &mut noticed).await {
            Ok(None) => {}
            Ok(Some(refusal)) => return (name, Progress::Failed(refusal)),
            Err(error) => {
                tries += 1;
                if tries > TRIES {
                    return (name, Progress::Failed(format!("{error:#}")));
                }
                tracing::info!(
                    zone = name,
                    tries,
                    error = format!("{error:#}"),
                    "a deployment broke off; trying again"
                );
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// One deployment to its end: none when it settled, else the step that failed and why.
async fn follow(
    http: &reqwest::Client,
    api: &str,
    rollout: &Rollout,
    name: &str,
    noticed: &mut Vec<String>,
) -> anyhow::Result<Option<String>> {
    let order = json!({ "module": rollout.module, "shadow": rollout.shadow, "probation": rollout.probation });
    let answer = http.post(format!("{api}/zones/{name}/deploy")).json(&order).send().await.context("asking a host")?;
    if !answer.status().is_success() {
        bail!("the host answers {}", answer.status());
    }
    let mut chunks = answer.bytes_stream();
    let (mut rest, mut last) = (Vec::new(), Value::Null);
    while let Some(chunk) = chunks.next().await {
        rest.extend(chunk.context("the host broke off")?);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            last = serde_json::from_slice(&line).context("a host's answer")?;
            let facts = &last["facts"];
            let differs = !facts["differs_at"].is_null() || facts["faults"].as_u64().is_some_and(|faults| faults > 0);
            if last["step"] == "shadow" && last["state"] == "done" && differs {
                noticed.push(format!("shadow: {}", last["text"].as_str().unwrap_or_default()));
            }
        }
    }
    let text = || format!("{}: {}", last["step"].as_str().unwrap_or("?"), last["text"].as_str().unwrap_or_default());
    match (last["state"].as_str(), last["step"].as_str()) {
        (Some("failed"), _) => Ok(Some(text())),
        (_, Some("settled")) => Ok(None),
        _ => bail!("the deployment broke off after {}", text()),
    }
}

async fn zone(http: &reqwest::Client, api: &str, name: &str) -> anyhow::Result<ZoneRow> {
    let answer = http.get(format!("{api}/zones")).send().await.context("asking a host")?;
    let rows: Vec<ZoneRow> = answer.error_for_status()?.json().await.context("a host's answer")?;
    let row = rows.into_iter().find(|row| row.name == name).with_context(|| format!("there is no zone {name}"))?;
    if row.module.is_none() {
        bail!("no host runs {name} now");
    }
    Ok(row)
}
