//! Two players trade, and at each step a host is killed, the module is replaced, one of them goes over the border, or the connection of
//! one breaks: everything is there afterwards, and once; a trade has been done for both or for neither. The tick that does it is also cut
//! short where it becomes durable: a relay between host and Redis stands still before or behind that very append, and the host dies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use wod_backplane::testing::RedisServer;
use wod_tests::bazaar::ask;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, Surroundings, until};
use wod_tests::tap::Tap;

const WEST: &str = "nyc.west";
const EAST: &str = "nyc.east";
/// Where the two zones meet, m east.
const BORDER: f64 = 60.0;
/// Where Ann stands, one step from the border, and Bob, within arm's length; both so far north.
const ANN_AT: f64 = BORDER - 0.3;
const BOB_AT: f64 = BORDER - 2.0;
const NORTH: f64 = 12.0;
/// A host that was killed is replaced, or there again, and everybody plays on.
const WHOLE: Duration = Duration::from_secs(40);

const HOSTS: [&str; 2] = ["host-1", "host-2"];
/// The append that is waited for comes.
const APPEND: Duration = Duration::from_secs(20);

/// How far a trade has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Asked,
    LaidOut,
    OneAccepted,
    /// Sent by both at once, and not waited for.
    BothAccepting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// `kill -9` of the host that has the zone.
    Kill,
    /// Another version of the module.
    Swap,
    /// Ann goes over the border, and comes back.
    Crossing,
    /// Bob's socket is dropped, and he resumes at the other gateway.
    Cut,
}

/// Both are there, and everything that can be had is counted.
struct Stage {
    cluster: Cluster,
    /// Between each host and Redis.
    taps: [Tap; 2],
    _modules: TempDir,
    component: Vec<u8>,
    people: [Client; 2],
    /// Bob's.
    gateway: usize,
    swaps: u8,
    /// Every thing and how many of it there must be.
    goods: Goods,
}

const ANN: usize = 0;
const BOB: usize = 1;
const NAMES: [&str; 2] = ["Ann", "Bob"];

/// What there is: rings by their ids, coins by their number; and what each of the two has of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Goods {
    rings: BTreeSet<String>,
    coins: u64,
    held: BTreeMap<String, (BTreeSet<String>, u64)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_that_is_interrupted_at_any_step_doubles_nothing_and_loses_nothing() {
    let redis = RedisServer::start().await.unwrap();
    let mut stage = Stage::set(&redis).await.unwrap();
    for step in [Step::Asked, Step::LaidOut, Step::OneAccepted, Step::BothAccepting] {
        for blow in [Blow::Kill, Blow::Swap, Blow::Crossing, Blow::Cut] {
            let begun = Instant::now();
            let traded = stage.interrupt(step, blow).await;
            let traded =
                traded.unwrap_or_else(|error| panic!("{step:?}, {blow:?}: {error:#}\n{}", stage.cluster.logs()));
            let what = if traded { "both have traded" } else { "nothing has changed hands" };
            println!("{step:?}, {blow:?}: {what}, all counted after {:.1} s", begun.elapsed().as_secs_f64());
        }
    }
    for passes in [false, true] {
        let begun = Instant::now();
        let side = if passes { "behind" } else { "before" };
        let done = stage.interrupt_the_append(passes).await;
        done.unwrap_or_else(|error| panic!("{side} the append: {error:#}\n{}", stage.cluster.logs()));
        println!("{side} the append: both have traded, all counted after {:.1} s", begun.elapsed().as_secs_f64());
    }
}

impl Stage {
    async fn set(redis: &RedisServer) -> anyhow::Result<Self> {
        let component = wod_sandbox::testing::component("tests/modules/exchange", "exchange.wasm");
        let modules = tempfile::tempdir()?;
        std::fs::write(modules.path().join("exchange.wasm"), &component)?;
        let world = modules.path().join("world.toml");
        std::fs::write(&world, world_file())?;
        let hosts = HOSTS.map(|host| (host, "nyc"));
        let taps = [Tap::before(redis.port()).await?, Tap::before(redis.port()).await?];
        let around = |id: &str| {
            let tap = HOSTS.iter().position(|host| *host == id).map(|host| taps[host].url());
            Surroundings { redis: tap, ..Surroundings::default() }
        };
        let cluster = Cluster::distributed_of(&world, modules.path(), &redis.url(), hosts, around).await?;
        let mut ann = Client::guest(&cluster.url(0), NAMES[ANN], Encoding::Json).await?;
        let mut bob = Client::guest(&cluster.url(1), NAMES[BOB], Encoding::MessagePack).await?;
        go(&mut ann, ANN_AT).await?;
        go(&mut bob, BOB_AT).await?;
        let people = [ann, bob];
        let mut stage =
            Self { cluster, taps, _modules: modules, component, people, gateway: 1, swaps: 0, goods: Goods::default() };
        stage.goods = stage.count().await?;
        let has = |name: &str| stage.goods.held.get(name).map(|(rings, coins)| (rings.len(), *coins));
        ensure!((has("Ann"), has("Bob")) == (Some((12, 30)), Some((12, 30))), "{:?}", stage.goods);
        Ok(stage)
    }

    /// A trade up to that step, the blow, and what has become of it. Whether the two have traded in the end.
    async fn interrupt(&mut self, step: Step, blow: Blow) -> anyhow::Result<bool> {
        self.trade_from(None, step).await?;
        let marks = [ANN, BOB].map(|who| self.people[who].seen.len());
        match blow {
            Blow::Kill => {
                let owner = self.cluster.owner_of(WEST).await?;
                self.kill(owner).await?;
                self.until_rezoned(marks, "recovered").await?;
            }
            Blow::Swap => {
                self.swap().await?;
                self.until_rezoned(marks, "swapped").await?;
            }
            Blow::Crossing => self.cross().await?,
            Blow::Cut => self.cut().await?,
        }
        for person in &mut self.people {
            plays_on(person).await?;
        }
        let mut traded = self.has_traded().await?;
        if step == Step::BothAccepting && matches!(blow, Blow::Kill | Blow::Swap) {
            ensure!(traded, "both have accepted, and nobody has gone: {:?}", self.stand());
        }
        if step < Step::BothAccepting {
            ensure!(!traded, "not both have accepted: {:?}", self.stand());
            if matches!(blow, Blow::Kill | Blow::Swap) {
                // It stands open as it was, and goes on to its end.
                self.trade_from(Some(step), Step::BothAccepting).await?;
                self.until_both("done").await?;
                traded = self.has_traded().await?;
                ensure!(traded, "it was done: {:?}", self.stand());
            }
        }
        if traded {
            self.until_both("done").await?;
        } else {
            self.call_off().await?;
            ensure!(!self.has_traded().await?, "nothing is left to be traded");
        }
        Ok(traded)
    }

    /// The tick in which both have accepted is cut short as it becomes durable. Bob's command is not acked then: it is told again, or the
    /// tick is lived again, and either way the trade is done once.
    async fn interrupt_the_append(&mut self, passes: bool) -> anyhow::Result<()> {
        self.trade_from(None, Step::OneAccepted).await?;
        let marks = [ANN, BOB].map(|who| self.people[who].seen.len());
        self.kill_at_the_append(passes).await?;
        self.until_rezoned(marks, "recovered").await?;
        for person in &mut self.people {
            plays_on(person).await?;
        }
        self.until_both("done").await?;
        ensure!(self.has_traded().await?, "it was done: {:?}", self.stand());
        Ok(())
    }

    /// Plays a trade on, from behind one step to another.
    async fn trade_from(&mut self, done: Option<Step>, to: Step) -> anyhow::Result<()> {
        for step in [Step::Asked, Step::LaidOut, Step::OneAccepted, Step::BothAccepting] {
            if step > to || done.is_some_and(|done| step <= done) {
                continue;
            }
            match step {
                Step::Asked => {
                    self.ask_to_trade().await?;
                    self.until(BOB, "asked", |trade| trade["state"] == "asked").await?;
                }
                Step::LaidOut => {
                    self.say(BOB, &Value::Null).await?;
                    self.until_both("open").await?;
                    let (coin, ring) = self.stakes()?;
                    self.say(ANN, &json!({ "do": "offer", "things": [coin] })).await?;
                    self.until(BOB, "her coin", |trade| trade["turn"] == 1).await?;
                    self.say(BOB, &json!({ "do": "offer", "things": [ring] })).await?;
                    for who in [ANN, BOB] {
                        self.until(who, "all on the table", |trade| trade["turn"] == 2).await?;
                    }
                }
                Step::OneAccepted if to == Step::OneAccepted => {
                    self.accept(ANN).await?;
                    self.until(BOB, "her acceptance", |trade| trade["theirs"]["accepted"] == true).await?;
                }
                Step::OneAccepted => {}
                Step::BothAccepting => {
                    if last_trade(&self.people[ANN])["yours"]["accepted"] != true {
                        self.accept(ANN).await?;
                    }
                    self.accept(BOB).await?;
                }
            }
        }
        Ok(())
    }

    /// Ann asks Bob; again, should she have asked him a moment ago.
    async fn ask_to_trade(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + WHOLE;
        loop {
            self.say(ANN, &Value::Null).await?;
            let ann = &mut self.people[ANN];
            let asked = ann.seq;
            let refused =
                |ann: &Client| ann.seen.iter().any(|message| message["t"] == "reject" && message["seq"] == asked);
            while last_trade(ann)["state"] != "asking" && !refused(ann) {
                ensure!(Instant::now() < end, "she can't ask: {}", last_trade(ann));
                ann.receive_before(Instant::now() + Duration::from_millis(100)).await?;
            }
            if !refused(ann) {
                return Ok(());
            }
            // "You can do that again in 7 s."
            ann.listen(Duration::from_millis(500)).await?;
        }
    }

    /// One coin of Ann's for one ring of Bob's, as their clients know them from the events `purse` and `goods`.
    fn stakes(&self) -> anyhow::Result<(Value, Value)> {
        let first = |who: usize, kind: &str| {
            let purse = purse_of(&self.people[who]);
            let found = purse.iter().find(|(_, thing)| thing["kind"] == kind).map(|(id, _)| id.clone());
            found.with_context(|| format!("{} has no {kind}", NAMES[who]))
        };
        Ok((json!({ "id": first(ANN, "coin")?, "count": 1 }), json!({ "id": first(BOB, "ring")? })))
    }

    /// The verb `trade` on the other.
    async fn say(&mut self, who: usize, wish: &Value) -> anyhow::Result<()> {
        let other = NAMES[1 - who];
        let person = &mut self.people[who];
        let seen = until_near(person, other).await?;
        person.command(json!({ "t": "interact", "target": seen, "verb": "trade", "args": wish })).await?;
        Ok(())
    }

    async fn accept(&mut self, who: usize) -> anyhow::Result<()> {
        let turn = last_trade(&self.people[who])["turn"].clone();
        self.say(who, &json!({ "do": "accept", "turn": turn })).await
    }

    /// How the trade stands, as each of the two was told last.
    fn stand(&self) -> [Value; 2] {
        [last_trade(&self.people[ANN]).clone(), last_trade(&self.people[BOB]).clone()]
    }

    async fn until_both(&mut self, state: &str) -> anyhow::Result<()> {
        for who in [ANN, BOB] {
            self.until(who, state, |trade| trade["state"] == state).await?;
        }
        Ok(())
    }

    /// Reads until what was told last of the trade is so.
    async fn until(&mut self, who: usize, what: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + WHOLE;
        let person = &mut self.people[who];
        while !fits(last_trade(person)) {
            if Instant::now() > end {
                let rejects: Vec<_> = person.seen.iter().filter(|message| message["t"] == "reject").collect();
                bail!("{} waits for {what} and has {}; rejects: {rejects:?}", NAMES[who], last_trade(person));
            }
            person.receive_before(Instant::now() + Duration::from_millis(100)).await?;
        }
        Ok(())
    }

    /// The blow has hit the zone that they are in: both are told why it is another now.
    async fn until_rezoned(&mut self, marks: [usize; 2], reason: &str) -> anyhow::Result<()> {
        let end = Instant::now() + WHOLE;
        for (person, mark) in self.people.iter_mut().zip(marks) {
            let told = |message: &Value| message["t"] == "zone" && message["reason"] == reason;
            while !person.seen.range(mark..).any(told) {
                ensure!(Instant::now() < end, "nobody was told that the zone was {reason}");
                person.receive_before(Instant::now() + Duration::from_millis(100)).await?;
            }
        }
        Ok(())
    }

    /// Bob accepts what Ann has accepted, and the host dies before or right behind the append of that tick.
    async fn kill_at_the_append(&mut self, passes: bool) -> anyhow::Result<()> {
        let owner = self.cluster.owner_of(WEST).await?;
        let has = |word: &[u8], needle: &[u8]| word.windows(needle.len()).any(|part| part == needle);
        let sprung = self.taps[owner].trap(passes, move |command| {
            let appends = command.get(1).is_some_and(|name| name.ends_with(b"_append"));
            command[0] == b"FCALL" && appends && command.iter().any(|word| has(word, b"accept"))
        });
        self.accept(BOB).await?;
        tokio::time::timeout(APPEND, sprung).await.context("the append does not come")??;
        self.kill(owner).await
    }

    async fn kill(&mut self, owner: usize) -> anyhow::Result<()> {
        let process = &mut self.cluster.hosts[owner].1;
        process.kill().await?;
        self.taps.iter().for_each(Tap::go_on);
        process.restart()?;
        self.cluster.until_host_is_ready(owner).await?;
        let answer = async || {
            for zone in [WEST, EAST] {
                ask(&self.cluster, zone, "census").await?;
            }
            Ok(true)
        };
        until(WHOLE, "both zones answer", answer).await
    }

    async fn swap(&mut self) -> anyhow::Result<()> {
        self.swaps += 1;
        let file = self.cluster.folder.path().join(format!("exchange-{}.wasm", self.swaps));
        std::fs::write(&file, wod_sandbox::testing::marked(&self.component, self.swaps))?;
        let (file, key) = (file.display().to_string(), self.cluster.key().display().to_string());
        let (code, answer) = self.cluster.operator(&["swap", WEST, &file, "--key", &key]).await?;
        ensure!(code == 0, "{answer}");
        Ok(())
    }

    async fn cross(&mut self) -> anyhow::Result<()> {
        let ann = &mut self.people[ANN];
        // Right behind what she has just sent.
        ann.claim(BORDER + 0.3, NORTH).await?;
        let end = Instant::now() + WHOLE;
        while ann.zone["zone"] != EAST {
            ensure!(Instant::now() < end, "she has not come over: {:?}", ann.corrections);
            ann.receive_before(Instant::now() + Duration::from_millis(100)).await?;
        }
        plays_on(ann).await?;
        // In the other zone everything is there, too.
        self.check().await?;
        let ann = &mut self.people[ANN];
        go(ann, ANN_AT).await?;
        ensure!(ann.zone["zone"] == WEST, "she is back in {}", ann.zone["zone"]);
        Ok(())
    }

    async fn cut(&mut self) -> anyhow::Result<()> {
        self.gateway = 1 - self.gateway;
        let bob = &mut self.people[BOB];
        // A client keeps what it knows; this one's record begins anew.
        let known = std::mem::take(&mut bob.seen);
        bob.resume(&self.cluster.url(self.gateway)).await?;
        known.into_iter().rev().for_each(|message| bob.seen.push_front(message));
        Ok(())
    }

    /// Ends what stands open, if anything does.
    async fn call_off(&mut self) -> anyhow::Result<()> {
        if self.stand().iter().all(|trade| trade["state"] == "ended") {
            return Ok(());
        }
        self.say(ANN, &json!({ "do": "cancel" })).await?;
        self.until_both("ended").await
    }

    /// Whether one trade was done since the last look: one coin for one ring, or nothing at all.
    async fn has_traded(&mut self) -> anyhow::Result<bool> {
        let now = self.check().await?;
        let before = std::mem::replace(&mut self.goods, now.clone());
        if now == before {
            return Ok(false);
        }
        let held = |goods: &Goods, name: &str| goods.held.get(name).cloned().unwrap_or_default();
        let [(ann_rings, ann_coins), (bob_rings, bob_coins)] = NAMES.map(|name| held(&before, name));
        let [(ann_rings_now, ann_coins_now), (bob_rings_now, bob_coins_now)] = NAMES.map(|name| held(&now, name));
        let sold: BTreeSet<String> = bob_rings.difference(&bob_rings_now).cloned().collect();
        let bought: BTreeSet<String> = ann_rings_now.difference(&ann_rings).cloned().collect();
        ensure!(sold.len() == 1 && sold == bought, "half a trade: {before:?} became {now:?}");
        ensure!(
            (ann_coins_now + 1, bob_coins_now) == (ann_coins, bob_coins + 1),
            "half a trade: {before:?} became {now:?}"
        );
        Ok(true)
    }

    /// Everything is there, and once.
    async fn check(&self) -> anyhow::Result<Goods> {
        let now = self.count().await?;
        ensure!(now.coins == self.goods.coins, "{} coins became {}", self.goods.coins, now.coins);
        ensure!(now.rings == self.goods.rings, "rings: {:?} became {:?}", self.goods.rings, now.rings);
        Ok(now)
    }

    /// What both zones' modules say who has what. An error when something is in two places.
    async fn count(&self) -> anyhow::Result<Goods> {
        let mut goods = Goods::default();
        let mut seen = BTreeSet::new();
        for zone in [WEST, EAST] {
            for line in ask(&self.cluster, zone, "census").await?.lines() {
                let (thing, holder) = line.split_once('\t').context("a line names the holder")?;
                let words: Vec<&str> = thing.split(' ').collect();
                let [id, count, kind] = words[..] else { bail!("not a thing: {line}") };
                ensure!(seen.insert(id.to_owned()), "{id} is there twice: {line}");
                let held = goods.held.entry(holder.to_owned()).or_default();
                let count: u64 = count.parse()?;
                if kind == "ring" {
                    held.0.insert(id.to_owned());
                    goods.rings.insert(id.to_owned());
                } else {
                    held.1 += count;
                    goods.coins += count;
                }
            }
        }
        Ok(goods)
    }
}

fn world_file() -> String {
    let zone = |name: &str, number: u32, x: f64| {
        format!(
            "[[zone]]\nname = \"{name}\"\nnumber = {number}\nmodule = \"exchange\"\norigin = [{x}, 0.0]\nsize = [{BORDER}, 40.0]\n"
        )
    };
    format!("start = \"{WEST}\"\n{}{}", zone(WEST, 1, 0.0), zone(EAST, 2, BORDER))
}

/// The last event `trade`; null: none.
fn last_trade(person: &Client) -> &Value {
    let told = person.seen.iter().rev().find(|message| message["t"] == "event" && message["name"] == "trade");
    told.map_or(&Value::Null, |message| &message["data"])
}

/// What her client knows that she has: pages of `purse`, and what `goods` has changed since.
fn purse_of(person: &Client) -> BTreeMap<String, Value> {
    let mut purse = BTreeMap::new();
    for message in person.seen.iter().filter(|message| message["t"] == "event") {
        let data = &message["data"];
        let things = match message["name"].as_str() {
            Some("purse") => {
                if data["page"] == 0 {
                    purse.clear();
                }
                &data["things"]
            }
            Some("goods") => {
                for id in data["gone"].as_array().into_iter().flatten() {
                    purse.remove(id.as_str().unwrap_or_default());
                }
                &data["set"]
            }
            _ => continue,
        };
        for thing in things.as_array().into_iter().flatten() {
            purse.insert(thing["id"].as_str().unwrap_or_default().to_owned(), thing.clone());
        }
    }
    purse
}

/// Her next line is heard and dealt with, and the protocol's numbers are whole.
async fn plays_on(person: &mut Client) -> anyhow::Result<()> {
    let next = person.chat("say", "still here").await?;
    let end = Instant::now() + WHOLE;
    while person.acked < next {
        ensure!(Instant::now() < end, "line {next} is not acked");
        person.receive_before(Instant::now() + Duration::from_millis(100)).await?;
    }
    ensure!(person.faults.is_empty(), "{:?}", person.faults);
    Ok(())
}

/// Reads until she has somebody in sight; her id.
async fn until_near(person: &mut Client, name: &str) -> anyhow::Result<u64> {
    let end = Instant::now() + WHOLE;
    loop {
        // A ghost is somebody in the other zone.
        let near = person.near(name).filter(|id| person.roster[id]["ghost"] != true);
        if let Some(id) = near {
            return Ok(id);
        }
        ensure!(Instant::now() < end, "{name} is not in sight: {:?}", person.roster);
        person.receive_before(Instant::now() + Duration::from_millis(100)).await?;
    }
}

/// Walks there along the border, over it where that is the way.
async fn go(person: &mut Client, x: f64) -> anyhow::Result<()> {
    const LEGS: usize = 5;
    for _ in 0..LEGS {
        person.walk_to(x, NORTH).await?;
        if (person.at.0 - x).hypot(person.at.1 - NORTH) < 0.05 {
            return Ok(());
        }
    }
    bail!("she is at {:?} and not at {x}", person.at)
}
