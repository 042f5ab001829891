//! Drives rollouts: every host looks at all records, and goes on with one whose driver has fallen silent. Time is each host's own: what
//! counts is that a record has not changed for a while, so clocks need not agree.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
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
const TRIES: u32 = 60;
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
    host: Option<String>,
    module: Option<String>,
    generation: Generation,
    #[serde(default)]
    on_probation: bool,
    #[serde(default)]
    shelved: bool,
    #[serde(default)]
    trouble: Vec<String>,
}

impl ZoneRow {
    fn runs(&self, rollout: &Rollout) -> bool {
        self.module.as_ref() == Some(&rollout.digest.to_string())
    }
}

impl Rollout {
    /// To another state, unless an operator was quicker.
    fn go_on(&mut self, state: State) {
        if self.state == State::Running {
            self.state = state;
        }
    }
}

/// What became of a rollback.
#[derive(Debug, Deserialize)]
struct Back {
    how: String,
    generation: Generation,
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
                    None => self.update(|rollout| rollout.go_on(State::Done)).await?,
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
                Progress::Settled(_) | Progress::AlreadyThere => continue,
                Progress::Deploying(begun) => begun,
                _ => {
                    let row = self.zone(name).await?;
                    if row.runs(&self.rollout) && !row.on_probation && !row.shelved {
                        self.update(|rollout| {
                            rollout.zones.insert(name.clone(), Progress::AlreadyThere);
                        })
                        .await?;
                        continue;
                    }
                    let begun = row.generation;
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
                biased;
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
                if let Progress::Failed(why) = &progress {
                    rollout.go_on(State::RollingBack(format!("{name}: {why}")));
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
                rollout.go_on(State::Paused(noticed.join("; ")));
            }
        })
        .await?;
        if pauses {
            self.tell("rollout_paused", noticed.join("; "));
        }
        Ok(())
    }

    /// The rollout is taken back: nobody has to wait for what these zones' versions are still on probation for.
    async fn end_probations(&mut self, zones: &[String], ended_early: &mut BTreeSet<String>) -> anyhow::Result<()> {
        for name in zones {
            if !matches!(self.rollout.zones.get(name), Some(Progress::Deploying(_))) || ended_early.contains(name) {
                continue;
            }
            let row = self.zone(name).await?;
            if row.on_probation && row.runs(&self.rollout) && self.roll_zone_back(name).await?.is_ok() {
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

    /// Every zone that the rollout gave the version is given the one before.
    async fn roll_back(&mut self) -> anyhow::Result<()> {
        let names: Vec<String> = self.rollout.zones.keys().cloned().collect();
        for name in names {
            let before = self.rollout.zones[&name].clone();
            if !matches!(before, Progress::Settled(_) | Progress::Deploying(_) | Progress::Failed(_)) {
                continue;
            }
            let progress = match (self.roll_zone_back(&name).await?, before) {
                (Err(refusal), _) => Progress::NotRolledBack(refusal),
                (Ok(Back { how, .. }), _) if how != "not_needed" => Progress::RolledBack,
                // Its swap, if one is still to come, sees that the rollout does not run any more.
                (Ok(Back { generation, .. }), Progress::Deploying(begun)) if generation == begun => Progress::Waiting,
                (Ok(_), Progress::Failed(why)) => Progress::Failed(why),
                (Ok(_), _) => Progress::RolledBack,
            };
            self.update(|rollout| {
                rollout.zones.insert(name.clone(), progress.clone());
            })
            .await?;
        }
        let State::RollingBack(why) = self.rollout.state.clone() else { return Ok(()) };
        self.update(|rollout| rollout.state = State::Stopped(why.clone())).await?;
        let left = self.rollout.zones.iter().filter(|(_, progress)| matches!(progress, Progress::NotRolledBack(_)));
        let left: Vec<&str> = left.map(|(name, _)| name.as_str()).collect();
        let but = if left.is_empty() { String::new() } else { format!("; NOT rolled back: {}", left.join(", ")) };
        self.tell("rollout_stopped", format!("{why}{but}"));
        Ok(())
    }

    async fn zone(&self, name: &str) -> anyhow::Result<ZoneRow> {
        zone(&self.http, &self.api, name).await
    }

    /// Has a zone rolled back, and says meanwhile that this host drives. The inner error is the zone's refusal.
    async fn roll_zone_back(&mut self, name: &str) -> anyhow::Result<Result<Back, String>> {
        let (http, url) = (self.http.clone(), format!("{}/zones/{name}/rollback", self.api));
        let order = json!({ "of": self.rollout.digest });
        let asking = async move {
            for left in (0..TRIES).rev() {
                let answer = http.post(&url).json(&order).send().await.context("asking a host")?;
                let status = answer.status();
                if status.is_success() {
                    return Ok(Ok(answer.json().await.context("a host's answer")?));
                }
                let answer: Value = answer.json().await.context("a host's answer")?;
                let why = answer["error"].as_str().unwrap_or("refused").to_owned();
                // A zone on its way to another host, or busy, says no only for now.
                let for_now = status.is_server_error() || status == reqwest::StatusCode::CONFLICT;
                if !for_now || left == 0 {
                    return Ok(Err(why));
                }
                tokio::time::sleep(RETRY).await;
            }
            Ok(Err("refused".to_owned()))
        };
        let mut asking = std::pin::pin!(asking);
        let mut beat = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                biased;
                answered = &mut asking => return answered,
                _ = beat.tick() => self.update(|_| {}).await?,
            }
        }
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
        if row.generation != begun {
            if !row.runs(rollout) || row.shelved {
                return (name, Progress::Failed("it did not settle".to_owned()));
            }
            if !row.on_probation {
                noticed.extend(row.trouble);
                return (name, Progress::Settled(noticed));
            }
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        match follow(http, api, rollout, &row, &mut noticed).await {
            // What the zone's heartbeat says may be a second old.
            Ok(None) => {
                let trouble = zone(http, api, &name).await.map(|row| row.trouble);
                noticed.extend(trouble.unwrap_or_else(|error| vec![format!("it can't be asked: {error:#}")]));
                return (name, Progress::Settled(noticed));
            }
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
                    "a deployment broke off; looking again"
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
    row: &ZoneRow,
    noticed: &mut Vec<String>,
) -> anyhow::Result<Option<String>> {
    let name = &row.name;
    let order = json!({
        "module": rollout.digest, "shadow": rollout.shadow, "probation": rollout.probation, "rollout": rollout.id,
    });
    let answer = http.post(format!("{api}/zones/{name}/deploy")).json(&order).send().await.context("asking a host")?;
    if !answer.status().is_success() {
        bail!("the host answers {}", answer.status());
    }
    let mut chunks = answer.bytes_stream();
    let (mut rest, mut last) = (Vec::new(), Value::Null);
    // A host that stands still keeps the connection, and loses the zone.
    let mut look = tokio::time::interval(SILENCE);
    loop {
        let chunk = tokio::select! {
            biased;
            chunk = chunks.next() => chunk,
            _ = look.tick() => {
                if zone(http, api, name).await?.host != row.host {
                    bail!("the zone moved to another host");
                }
                continue;
            }
        };
        let Some(chunk) = chunk else { break };
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
        (Some("failed"), _) if last["facts"]["open"] == true => bail!("{}", text()),
        (Some("failed"), _) => Ok(Some(text())),
        (_, Some("settled")) => Ok(None),
        _ => bail!("the deployment broke off after {}", text()),
    }
}

async fn zone(http: &reqwest::Client, api: &str, name: &str) -> anyhow::Result<ZoneRow> {
    let answer = http.get(format!("{api}/zones")).send().await.context("asking a host")?;
    let rows: Vec<ZoneRow> = answer.error_for_status()?.json().await.context("a host's answer")?;
    let row = rows.into_iter().find(|row| row.name == name).with_context(|| format!("there is no zone {name}"))?;
    if row.host.is_none() || row.module.is_none() {
        bail!("no host runs {name} now, or it has no module yet");
    }
    Ok(row)
}
