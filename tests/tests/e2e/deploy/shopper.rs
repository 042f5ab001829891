//! A player who takes, puts back, talks and walks, and keeps account: every command of hers takes effect once or is rejected, in
//! its order, and she has what she was told to have.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use wod_tests::bazaar;
use wod_tests::chance::Chance;
use wod_tests::client::{Client, Encoding};

use super::market::Market;

/// Near enough to use a stall: its reach is 20 m.
const ARM: f64 = 19.0;
/// The longest time that one step makes up for.
const STRIDE: Duration = Duration::from_millis(300);
/// A position's grain, m.
const GRAIN: f64 = 0.01;
/// A step to or fro, m.
const STROLL: f64 = 0.25;
/// How far she may have gone on while a `zone` was on its way to her, m.
const UNDER_WAY: f64 = 6.0;

pub(crate) struct Shopper {
    pub(crate) client: Client,
    pub(crate) name: &'static str,
    chance: Chance,
    /// Verbs and answers without effect or reject yet.
    open: BTreeSet<u64>,
    said: BTreeMap<u64, String>,
    /// Counts of what came.
    pub(crate) effects: u64,
    pub(crate) rejects: Vec<(u64, String)>,
    /// What she has, as she was told last.
    pub(crate) bag: BTreeSet<u64>,
    talk: Option<(u64, Vec<String>)>,
    /// Where she is going, in metres east; she stops there.
    pub(crate) toward: Option<f64>,
    /// Otherwise she steps to and fro, so that the others see something move.
    pub(crate) strolls: bool,
    walked: Instant,
    /// Her last claim.
    claimed: (f64, f64),
    /// The longest time without an update while she listened, and since when.
    pub(crate) longest_gap: Duration,
    updated: Option<Instant>,
    read: u64,
}

impl Shopper {
    pub(crate) async fn new(market: &Market, name: &'static str, seed: u64) -> Self {
        let client = Client::guest(&market.url(), name, Encoding::MessagePack).await.unwrap();
        let claimed = client.at;
        Self {
            claimed,
            client,
            name,
            chance: Chance::new(seed),
            open: BTreeSet::new(),
            said: BTreeMap::new(),
            effects: 0,
            rejects: Vec::new(),
            bag: BTreeSet::new(),
            talk: None,
            toward: None,
            strolls: name == "Bob",
            walked: Instant::now(),
            longest_gap: Duration::ZERO,
            updated: None,
            read: 0,
        }
    }

    /// Does something at random and listens for a while.
    pub(crate) async fn act(&mut self) -> anyhow::Result<()> {
        self.walk().await?;
        match self.chance.below(6) {
            0 | 1 => self.use_stall("take").await?,
            2 => self.use_stall("put").await?,
            3 | 4 => self.talk().await?,
            _ => self.say().await?,
        }
        let time = Duration::from_millis(100 + self.chance.below(100));
        self.listen(time).await
    }

    /// A verb at the nearest stall; nothing when none is near.
    pub(crate) async fn use_stall(&mut self, verb: &str) -> anyhow::Result<()> {
        let Some(target) = self.stall() else { return Ok(()) };
        let seq = self.client.command(json!({ "t": "interact", "target": target, "verb": verb })).await?;
        self.open.insert(seq);
        Ok(())
    }

    /// Answers what she was asked, or begins to talk.
    async fn talk(&mut self) -> anyhow::Result<()> {
        let Some((dialogue, options)) = self.talk.take() else { return self.use_stall("talk").await };
        let option = &options[self.chance.below(options.len() as u64) as usize];
        let seq = self.client.command(json!({ "t": "choose", "dialogue": dialogue, "option": option })).await?;
        self.open.insert(seq);
        Ok(())
    }

    pub(crate) async fn say(&mut self) -> anyhow::Result<()> {
        let text = format!("{} says {}", self.name, self.client.seq + 1);
        let seq = self.client.chat("say", &text).await?;
        self.said.insert(seq, text);
        Ok(())
    }

    /// On her way, as far as she has come since the last step.
    async fn walk(&mut self) -> anyhow::Result<()> {
        let since = self.walked.elapsed().min(STRIDE).as_secs_f64();
        self.walked = Instant::now();
        let (x, y) = self.client.at;
        let Some(goal) = self.toward else {
            if self.strolls {
                let step = if y > 20.0 { -STROLL } else { STROLL };
                self.claimed = (x, y + step);
                self.client.claim(x, y + step).await?;
            }
            return Ok(());
        };
        let step = since * self.client.zone["speed"].as_f64().context("zone.speed")? * 0.9;
        if (goal - x).abs() <= step {
            self.toward = None;
        }
        self.claimed = (x + (goal - x).clamp(-step, step), y);
        self.client.claim(self.claimed.0, self.claimed.1).await
    }

    /// Walks there and does nothing else; over the border where that is the way.
    pub(crate) async fn walk_to(&mut self, x: f64) -> anyhow::Result<()> {
        self.toward = Some(x);
        while self.toward.is_some() {
            self.walk().await?;
            self.listen(Duration::from_millis(100)).await?;
        }
        Ok(())
    }

    pub(crate) async fn listen(&mut self, time: Duration) -> anyhow::Result<()> {
        self.client.listen(time).await?;
        self.take_note()
    }

    /// Reads until everything she did has been answered.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        self.client.settled().await.with_context(|| self.name.to_owned())?;
        let deadline = Instant::now() + wod_tests::client::PATIENCE;
        self.take_note()?;
        while !self.open.is_empty() || !self.said.is_empty() {
            ensure!(Instant::now() < deadline, "{}: nothing came of {:?} and {:?}", self.name, self.open, self.said);
            self.listen(Duration::from_millis(50)).await?;
        }
        ensure!(self.client.faults.is_empty(), "{}: {:?}", self.name, self.client.faults);
        ensure!(self.client.corrections.is_empty(), "{}: {:?}", self.name, self.client.corrections);
        Ok(())
    }

    /// The longest gap counts from now on.
    pub(crate) fn forget_gap(&mut self) {
        (self.longest_gap, self.updated) = (Duration::ZERO, None);
    }

    fn stall(&self) -> Option<u64> {
        let (x, y) = self.client.at;
        let away = |entry: &Value| Some((entry["x"].as_f64()? - x).hypot(entry["y"].as_f64()? - y));
        let stalls = self.client.roster.iter().filter(|(_, entry)| entry["name"] == "Keeper" && entry["ghost"] != true);
        let near = stalls.filter_map(|(id, entry)| Some((away(entry)?, *id))).filter(|(away, _)| *away < ARM);
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
    }

    /// Deals with everything that came since the last time.
    fn take_note(&mut self) -> anyhow::Result<()> {
        let seen: Vec<Value> = self.client.seen.drain(..).collect();
        for message in seen {
            self.note(&message)?;
        }
        Ok(())
    }

    fn note(&mut self, message: &Value) -> anyhow::Result<()> {
        if let Some(n) = message["n"].as_u64() {
            // A repeat, which the protocol allows.
            if n <= self.read {
                return Ok(());
            }
            self.read = n;
        }
        let seq = message["seq"].as_u64();
        match message["t"].as_str().context("t")? {
            "update" => {
                let now = Instant::now();
                let gap = self.updated.replace(now).map_or(Duration::ZERO, |before| now - before);
                self.longest_gap = self.longest_gap.max(gap);
            }
            "zone" => {
                let spot = (message["x"].as_f64().context("x")?, message["y"].as_f64().context("y")?);
                let told = ["rolled_back", "swapped"].iter().any(|reason| message["reason"] == *reason);
                let moved = (spot.0 - self.claimed.0).hypot(spot.1 - self.claimed.1);
                ensure!(!told || moved < UNDER_WAY, "{} was at {:?} and is told {message}", self.name, self.claimed);
                if told && self.toward.is_none() && !self.strolls {
                    ensure!(moved < GRAIN, "{} stands at {:?} and is told {message}", self.name, self.claimed);
                }
            }
            "reject" => {
                let seq = seq.context("seq")?;
                ensure!(self.open.remove(&seq), "{}: {message}, but it was not open", self.name);
                self.rejects.push((seq, message["code"].as_str().context("code")?.to_owned()));
            }
            "event" if message["name"] == "used" => {
                let data = &message["data"];
                let seq = data["seq"].as_u64().context("used.seq")?;
                ensure!(self.open.remove(&seq), "{}: {message}, but it was not open", self.name);
                self.effects += 1;
                ensure!(data["nth"] == self.effects, "{}: {message}, but {} took effect", self.name, self.effects);
                let items = data["items"].as_array().context("used.items")?;
                self.bag = items.iter().map(|item| item.as_u64().context("an item")).collect::<anyhow::Result<_>>()?;
            }
            "dialogue" => {
                let options = message["options"].as_array().context("options")?;
                let ids: Vec<String> =
                    options.iter().filter_map(|option| Some(option["id"].as_str()?.into())).collect();
                self.talk = (!ids.is_empty()).then(|| (message["dialogue"].as_u64().unwrap_or(0), ids));
            }
            "chat" if message["name"] == self.name => {
                let text = message["text"].as_str().context("text")?;
                let (seq, _) = self.said.pop_first().with_context(|| format!("{} hears {text} again", self.name))?;
                ensure!(text == format!("{} says {seq}", self.name), "{}: {message}, not line {seq}", self.name);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Everybody acts until `done`.
pub(crate) async fn trade<T>(shoppers: &mut [Shopper], done: impl Future<Output = T>) -> T {
    shoppers.iter_mut().for_each(|shopper| shopper.updated = None);
    let over = Cell::new(false);
    let done = async {
        let done = done.await;
        over.set(true);
        done
    };
    let acting = async {
        while !over.get() {
            all_act(shoppers).await;
        }
    };
    tokio::join!(done, acting).0
}

/// Everybody acts so many times.
pub(crate) async fn trade_for(shoppers: &mut [Shopper], acts: u64) {
    shoppers.iter_mut().for_each(|shopper| shopper.updated = None);
    for _ in 0..acts {
        all_act(shoppers).await;
    }
}

async fn all_act(shoppers: &mut [Shopper]) {
    try_join_all(shoppers.iter_mut().map(Shopper::act)).await.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Everybody stops and has her account straight with the market: the sum of effects, and who has what.
pub(crate) async fn settle(market: &Market, shoppers: &mut [Shopper]) -> anyhow::Result<(u64, BTreeMap<u64, String>)> {
    let mut effects = 0;
    for shopper in shoppers.iter_mut() {
        shopper.settle().await?;
        effects += shopper.effects;
    }
    let census = bazaar::census(&market.cluster).await?;
    for shopper in shoppers.iter_mut() {
        let hers: BTreeSet<u64> =
            census.iter().filter(|(_, who)| *who == shopper.name).map(|(item, _)| *item).collect();
        ensure!(hers == shopper.bag, "{} has {hers:?} and was told {:?}", shopper.name, shopper.bag);
        let zone = shopper.client.zone["zone"].as_str().context("zone")?.to_owned();
        let used = market.ask(&zone, &format!("used {}", shopper.name)).await;
        ensure!(used == shopper.effects.to_string(), "{}: {used} took effect, {} told", shopper.name, shopper.effects);
    }
    Ok((effects, census))
}
