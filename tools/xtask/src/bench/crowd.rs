//! A crowd of `wod bots`, who check every promise of the protocol while something is measured; killed when dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Stop, wod};

/// The time in which everybody must be where they belong.
const SETTLE: Duration = Duration::from_secs(300);
/// The time beyond it in which the bots must say so.
const SAY_SO: Duration = Duration::from_secs(60);
/// The time in which they must have their last acks and their report written.
const REPORT: Duration = Duration::from_secs(60);
/// How often the bots' words are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Running bots.
pub(super) struct Bots {
    child: Child,
    words: PathBuf,
    report: PathBuf,
    /// Somebody wants all of it to end.
    stop: Stop,
}

impl Bots {
    /// Sends them to the gateways at these ports, in turn, until they are told to end.
    ///
    /// `more`: further arguments of `wod bots`.
    pub(super) fn start(ports: &[u16], count: u32, more: &[&str], folder: &Path, stop: &Stop) -> anyhow::Result<Self> {
        let (words, report) = (folder.join("bots.log"), folder.join("bots.json"));
        let urls: Vec<String> = ports.iter().map(|port| format!("ws://127.0.0.1:{port}/ws")).collect();
        let mut command = wod(&["bots", "--url", &urls.join(","), "--count", &count.to_string()]).command();
        command.args(["--seconds", "86400", "--settle", &SETTLE.as_secs().to_string(), "--no-reconnect"]);
        command.args(["--processes", "1", "--json"]).args(more);
        let file = |path: &Path| File::create(path).with_context(|| format!("can't write {}", path.display()));
        let child = command.stdin(Stdio::null()).stdout(file(&report)?).stderr(file(&words)?).spawn();
        Ok(Self { child: child.context("can't start wod bots")?, words, report, stop: stop.clone() })
    }

    /// Returns when everybody is where they belong.
    pub(super) fn until_measuring(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLE + SAY_SO;
        while !self.words()?.contains("measuring") {
            self.must_live()?;
            if Instant::now() > deadline {
                bail!("the bots are not where they belong:\n{}", self.words()?);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn words(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.words).with_context(|| format!("can't read {}", self.words.display()))
    }

    /// Lets them do what they do for so long.
    pub(super) fn live_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        loop {
            self.must_live()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn must_live(&mut self) -> anyhow::Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            bail!("told to stop");
        }
        match self.child.try_wait().context("can't ask how the bots are")? {
            None => Ok(()),
            Some(status) => bail!("the bots ended ({status}):\n{}", self.words()?),
        }
    }

    /// Ends the measuring, and waits for what was found.
    pub(super) fn report(mut self) -> anyhow::Result<Value> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process id is positive")?;
        kill_process(id, Signal::INT).context("can't tell the bots to end")?;
        let deadline = Instant::now() + REPORT;
        while self.child.try_wait().context("can't ask how the bots are")?.is_none() {
            if Instant::now() > deadline {
                bail!("the bots do not end in {} s", REPORT.as_secs());
            }
            std::thread::sleep(LOOK);
        }
        let text = std::fs::read_to_string(&self.report).context("can't read the bots' report")?;
        serde_json::from_str(&text).with_context(|| format!("no report: {text}\n{}", self.words().unwrap_or_default()))
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Err(error) = self.child.kill().and_then(|()| self.child.wait())
        {
            eprintln!("can't end the bots: {error}");
        }
    }
}
