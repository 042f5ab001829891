//! `wod bots` as players who check every promise while something goes wrong, and what they found.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::cluster::{Cluster, signal, until, wod};

/// Joining and finding out what leads where, at most. Then it begins; who is on the way home walks on and is measured all the same.
const SETTLE: Duration = Duration::from_secs(40);
/// Their last acks, and the report.
const REPORT: Duration = Duration::from_secs(60);

/// Running bots; killed when dropped.
pub struct Bots {
    child: Child,
    words: PathBuf,
    report: PathBuf,
}

/// What the bots found: in a lap, or in the last one and in all of it what shows only at the end.
pub struct Found(Value);

impl Bots {
    /// Sends so many to the cluster's gateways, in turn, and returns when they live there. `further`: more arguments.
    pub async fn start(cluster: &Cluster, count: usize, further: &[&str]) -> anyhow::Result<Self> {
        let urls: Vec<String> = (0..cluster.gateways.len()).map(|gateway| cluster.url(gateway)).collect();
        let file = |name: &str| cluster.folder.path().join(name);
        let (words, report) = (file("bots.log"), file("bots.json"));
        let child = Command::new(wod()?)
            .args(["bots", "--url", &urls.join(","), "--count", &count.to_string(), "--settle"])
            // They live until they are told to end.
            .args([&SETTLE.as_secs().to_string(), "--seconds", "86400", "--join-rate", "50", "--json"])
            .args(["--verb-rate", "0.1", "--cross", "0.05", "--processes", "1"])
            .args(further)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&report)?)
            .stderr(std::fs::File::create(&words)?)
            .kill_on_drop(true)
            .spawn()
            .context("starting wod bots")?;
        let mut bots = Self { child, words, report };
        let zones = cluster.api_of_any_host("zones").await?.as_array().map_or(0, Vec::len);
        let mut enough = false;
        let joining = SETTLE + Duration::from_secs(count as u64 / 50) + REPORT;
        until(joining, "bots that live there", async || {
            if let Some(status) = bots.child.try_wait()? {
                bail!("they ended with {status}");
            }
            if !enough && bots.words().lines().last().is_some_and(|line| zones_found(line) >= zones) {
                enough = true;
                signal(bots.child.id(), "USR1").await?;
            }
            Ok(bots.words().contains("measuring"))
        })
        .await
        .with_context(|| bots.words())?;
        Ok(bots)
    }

    /// What they found since the last lap; counting begins anew.
    pub async fn lap(&mut self) -> anyhow::Result<Found> {
        let before = self.reports()?.len();
        signal(self.child.id(), "USR1").await?;
        until(REPORT, "a lap of the bots", async || Ok(self.reports()?.len() > before))
            .await
            .with_context(|| self.words())?;
        self.reports()?.pop().map(Found).context("it was there")
    }

    /// Tells them to end, and waits for what they found.
    pub async fn report(mut self) -> anyhow::Result<Found> {
        let before = self.reports()?.len();
        signal(self.child.id(), "INT").await?;
        let ended = tokio::time::timeout(REPORT, self.child.wait()).await;
        ended.context("the bots do not end")?.context("waiting for the bots")?;
        let last = self.reports()?.into_iter().nth(before);
        last.map(Found).with_context(|| format!("no report:\n{}", self.words()))
    }

    /// One for each lap, and the last one. An error while one is being written.
    fn reports(&self) -> anyhow::Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.report)?;
        let reports = serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>();
        reports.with_context(|| format!("no report: {text}"))
    }

    fn words(&self) -> String {
        std::fs::read_to_string(&self.words).unwrap_or_default()
    }
}

/// How many zones they have found, by a line of theirs: `bots: settling: 200 of 200 in, 3 zone(s) found, 180 at home`.
fn zones_found(line: &str) -> usize {
    let count = line.split_once(" zone(s) found").and_then(|(line, _)| line.rsplit(' ').next());
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

impl Found {
    /// How many others each had around it, on average.
    pub fn neighbours(&self) -> f64 {
        self.0["neighbours"].as_f64().unwrap_or(0.0)
    }

    /// How long it took until they lived there.
    pub fn settled_after(&self) -> Duration {
        Duration::from_secs_f64(self.0["settling_seconds"].as_f64().unwrap_or(0.0))
    }

    /// The longest time that any of them was without an update while another walked about before its eyes; a change of the
    /// gateway counts.
    pub fn longest_gap(&self) -> Duration {
        Duration::from_secs_f64(self.0["longest_gap_ms"].as_f64().unwrap_or(0.0) / 1000.0)
    }

    /// Connections that ended.
    pub fn sockets_lost(&self) -> u64 {
        self.0["disconnects"].as_object().map_or(0, |all| all.values().filter_map(Value::as_u64).sum())
    }

    /// How they ended: `lost`, or the code of the close; none: `{}`.
    pub fn how_sockets_ended(&self) -> String {
        self.0["disconnects"].to_string()
    }

    /// Commands that were lost, commands that took effect twice.
    pub fn commands(&self) -> [u64; 2] {
        [self.faults(&["unacked", "line_lost", "effect_lost", "bad_ack"]), self.faults(&["effect_twice", "doubled"])]
    }

    /// Reliable messages that are missing, or came in another order.
    pub fn messages_lost(&self) -> u64 {
        self.faults(&["gap", "reordered"])
    }

    /// Broken promises of every kind, as text; empty when all were kept.
    pub fn broken(&self) -> String {
        let faults = self.0["faults"].as_array().into_iter().flatten().take(10);
        let faults: Vec<String> = faults.map(|fault| format!("  {fault}\n")).collect();
        if faults.is_empty() { String::new() } else { format!("{}\n{}", self.0["fault_counts"], faults.concat()) }
    }

    /// How often a player was told that her zone stands still.
    pub fn pauses(&self) -> u64 {
        self.0["pauses"].as_u64().unwrap_or(0)
    }

    /// Sessions that the world's store had lost, and commands that went with them.
    pub fn set_back(&self) -> [u64; 2] {
        ["set_backs", "gone_commands"].map(|key| self.0[key].as_u64().unwrap_or(0))
    }

    /// Lines said, and heard.
    pub fn lines(&self) -> [u64; 2] {
        ["lines_said", "lines_heard"].map(|key| self.0[key].as_u64().unwrap_or(0))
    }

    fn faults(&self, kinds: &[&str]) -> u64 {
        kinds.iter().map(|kind| self.0["fault_counts"][kind].as_u64().unwrap_or(0)).sum()
    }
}
