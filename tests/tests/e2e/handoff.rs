//! A player goes from one host to the other, and a process dies at each step of that, before or right behind it: a relay between the
//! process and its Redis waits for the step's own command, stands still there, and the process is killed. She is in one place
//! afterwards, with all that is hers: both zones are bazaars, and before each crossing she takes one more item along.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use wod_backplane::testing::RedisServer;
use wod_tests::bazaar::{self, FAIR};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, Surroundings, until};
use wod_tests::tap::{Command, Tap};

/// The zones' owners in this test.
const HOSTS: [&str; 2] = ["host-nyc", "host-la"];
const STEP: Duration = Duration::from_secs(20);
const WHOLE: Duration = Duration::from_secs(40);
/// Where she turns on either side of the border, m east, and how far north; a stall's reach is 20 m.
const WEST: f64 = 57.0;
const EAST: f64 = 63.0;
const NORTH: f64 = 12.0;
/// In so long every host that lives has told twice whom it has.
const HEARTBEATS: Duration = Duration::from_secs(2);

/// What a process tells Redis at a step of a hand-off. Who leaves is the source's, who comes the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The source, which has journaled that she is gone, sends her to the target.
    Sent,
    /// The target journals that she has come.
    Arrived,
    /// The target tells her gateway.
    Shown,
    /// The target writes into her record where she is.
    Recorded,
    /// The target acknowledges her to the source.
    Acknowledged,
    /// The source journals that.
    Settled,
}

impl Step {
    /// Which of source and target speaks.
    fn side(self) -> usize {
        usize::from(!matches!(self, Self::Sent | Self::Settled))
    }

    /// Whether this is its command. `other`: of the two hosts the one that does not speak.
    fn is(self, command: &Command, player: &str, other: &str) -> bool {
        let has = |word: &[u8], needle: &str| word.windows(needle.len()).any(|part| part == needle.as_bytes());
        let (first, second) = (&command[0], command.get(1).map_or(&[][..], Vec::as_slice));
        let says = |needle: &str| command.iter().skip(2).any(|word| has(word, needle));
        let published = |to: &str| first == b"SPUBLISH" && has(second, to);
        let called = |name: &str| first == b"FCALL" && second.ends_with(name.as_bytes());
        match self {
            Self::Sent => published(other) && says("Player") && says(player),
            Self::Arrived => called("_append") && says("Player") && says(player),
            Self::Shown => published("gw-") && says(player),
            Self::Recorded => called("_put_record") && says(player),
            Self::Acknowledged => published(other) && says("Stream"),
            Self::Settled => called("_append") && says("Stream"),
        }
    }
}

struct Stage {
    cluster: Cluster,
    taps: [Tap; 2],
    ann: Client,
    /// Through which she plays.
    gateway: usize,
    /// What she has taken.
    bag: BTreeSet<u64>,
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// Of the two hosts the one whose command it is.
    Speaker,
    Other,
    Gateway,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_off_that_is_interrupted_at_any_step_leaves_one_avatar_with_all_that_is_hers() {
    let redis = RedisServer::start().await.unwrap();
    let taps = [Tap::before(redis.port()).await.unwrap(), Tap::before(redis.port()).await.unwrap()];
    let around = |id: &str| {
        let tap = HOSTS.iter().position(|host| *host == id).map(|host| taps[host].url());
        Surroundings { redis: tap, ..Surroundings::default() }
    };
    let hosts = [(HOSTS[0], "nyc"), (HOSTS[1], "la")];
    let component = wod_sandbox::testing::component("tests/modules/bazaar", "examples/carrying.wasm");
    let (modules, world) = bazaar::folder("carrying", &component).unwrap();
    let cluster = Cluster::distributed_of(&world, modules.path(), &redis.url(), hosts, around).await.unwrap();
    let (code, moved) = cluster.operator(&["migrate", FAIR, HOSTS[1]]).await.unwrap();
    assert_eq!(code, 0, "{moved}");
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    ann.walk_to(WEST, NORTH).await.unwrap();
    let mut stage = Stage { cluster, taps, ann, gateway: 0, bag: BTreeSet::new() };
    use Step::{Acknowledged, Arrived, Recorded, Sent, Settled, Shown};
    for step in [Sent, Arrived, Shown, Recorded, Acknowledged, Settled] {
        // Before its command, right behind it, and behind it the one that is spoken to.
        for (passes, victim) in [(false, Victim::Speaker), (true, Victim::Speaker), (true, Victim::Other)] {
            stage.interrupt(step, passes, victim).await;
        }
    }
    // The gateway's side: it has not been told that she has come, or has just been told.
    for (step, passes) in [(Sent, true), (Shown, false), (Shown, true)] {
        stage.interrupt(step, passes, Victim::Gateway).await;
    }
}

impl Stage {
    /// Ann crosses, and one of the hosts dies at that step.
    async fn interrupt(&mut self, step: Step, passes: bool, victim: Victim) {
        let begun = Instant::now();
        let what = format!("{step:?}, {} it, {victim:?} dies", if passes { "behind" } else { "before" });
        let source = usize::from(self.ann.zone["zone"] == FAIR);
        let sides = [source, 1 - source];
        let (at, other) = (sides[step.side()], sides[1 - step.side()]);
        // What she has when she leaves.
        let (you, session) = (self.ann.you(), self.ann.welcome["session"].clone());
        self.take_one().await.unwrap_or_else(|error| panic!("{what}: {error:#}\n{}", self.cluster.logs()));
        let line = self.ann.chat("say", &what).await.unwrap();
        self.ann.settled().await.unwrap();

        // Acknowledgement and its journaling are known by what has gone before them: her record.
        let recorded = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let after_record = matches!(step, Step::Acknowledged | Step::Settled);
        if after_record {
            let seen = recorded.clone();
            let watch = move |command: &Command| {
                if Step::Recorded.is(command, "guest:ann", HOSTS[other]) {
                    seen.store(true, std::sync::atomic::Ordering::SeqCst);
                }
                false
            };
            if step == Step::Settled {
                drop(self.taps[sides[1]].trap(true, watch));
            }
        }
        let (seen, other_name) = (recorded.clone(), HOSTS[other]);
        let sprung = self.taps[at].trap(passes, move |command| {
            if after_record && step == Step::Acknowledged && Step::Recorded.is(command, "guest:ann", other_name) {
                seen.store(true, std::sync::atomic::Ordering::SeqCst);
            }
            let may = !after_record || seen.load(std::sync::atomic::Ordering::SeqCst);
            may && step.is(command, "guest:ann", other_name)
        });
        let x = if source == 0 { EAST } else { WEST };
        let crossing = async {
            tokio::select! {
                sprung = tokio::time::timeout(STEP, sprung) => sprung.expect("the step comes").expect("the trap stands"),
                () = walk(&mut self.ann, x) => unreachable!("she walks for ever"),
            }
        };
        crossing.await;
        let gateway = self.gateway;
        let process = match victim {
            Victim::Speaker => &mut self.cluster.hosts[at].1,
            Victim::Other => &mut self.cluster.hosts[other].1,
            Victim::Gateway => &mut self.cluster.gateways[gateway].1,
        };
        process.kill().await.unwrap();
        self.taps.iter().for_each(Tap::go_on);
        process.restart().unwrap();
        if victim == Victim::Gateway {
            self.gateway = 1 - gateway;
            let resumed = self.ann.resume(&self.cluster.url(self.gateway)).await;
            resumed.unwrap_or_else(|error| panic!("{what}: {error:#}\n{}", self.cluster.logs()));
        }

        // She goes on: where she is, her next line is heard and dealt with, in its order.
        let ann = &mut self.ann;
        let next = ann.chat("say", "still here").await.unwrap();
        assert_eq!(next, line + 1, "{what}");
        let end = Instant::now() + WHOLE;
        while ann.acked < next {
            assert!(Instant::now() < end, "{what}: line {next} is not acked\n{}", self.cluster.logs());
            ann.receive_before(Instant::now() + Duration::from_millis(200)).await.unwrap();
        }
        // Until every host has told anew whom it has: what a dead one had told is shown on for a while.
        let mut since = Instant::now();
        while since.elapsed() < HEARTBEATS {
            assert!(Instant::now() < end, "{what}: not one Ann\n{}", self.cluster.logs());
            ann.listen(Duration::from_millis(200)).await.unwrap();
            if !stands_once(&self.cluster, ann).await.unwrap_or(false) {
                since = Instant::now();
            }
        }
        assert_eq!((ann.you(), ann.welcome["session"].clone()), (you, session), "{what}");
        assert_eq!(ann.faults, Vec::<String>::new(), "{what}");
        // On to where she turns in her zone, for the next time.
        let ready = async || {
            Ok(self.cluster.api_of_any_host("zones").await?.to_string().matches("no host runs it").count() == 0)
        };
        until(WHOLE, "all zones run", ready).await.unwrap();
        self.goods_are_in_order().await.unwrap_or_else(|error| panic!("{what}: {error:#}\n{}", self.cluster.logs()));
        let ann = &mut self.ann;
        println!(
            "{what}: whole again after {:.1} s, in {}, with {} items",
            begun.elapsed().as_secs_f64(),
            ann.zone["zone"],
            self.bag.len()
        );
        let x = if ann.zone["zone"] == FAIR { EAST } else { WEST };
        ann.walk_to(x, NORTH).await.unwrap();
    }

    /// Ann takes an item from the stall of her zone that is next to the border.
    async fn take_one(&mut self) -> anyhow::Result<()> {
        let ann = &mut self.ann;
        let is_near = |entry: &Value| entry["x"].as_f64().is_some_and(|x| (x - ann.at.0).abs() < 15.0);
        let mut stalls = ann.roster.iter().filter(|(_, entry)| entry["name"] == "Keeper" && entry["ghost"] != true);
        let stall = *stalls.find(|(_, entry)| is_near(entry)).context("she sees no stall near")?.0;
        let seq = ann.command(json!({ "t": "interact", "target": stall, "verb": "take" })).await?;
        let is_receipt = |message: &Value| message["name"] == "used" && message["data"]["seq"] == seq;
        let receipt = ann.until("the item", is_receipt).await?;
        let bag: BTreeSet<u64> = serde_json::from_value(receipt["data"]["items"].clone())?;
        ensure!(bag.len() == self.bag.len() + 1 && bag.is_superset(&self.bag), "{:?} and one more: {bag:?}", self.bag);
        self.bag = bag;
        Ok(())
    }

    /// Every item is in one place, what she has taken with her, and each of her verbs has taken effect once.
    async fn goods_are_in_order(&self) -> anyhow::Result<()> {
        let census = bazaar::census(&self.cluster).await?;
        let hers: BTreeSet<u64> = census.into_iter().filter(|(_, who)| who == "Ann").map(|(item, _)| item).collect();
        ensure!(hers == self.bag, "she took {:?} and has {hers:?}", self.bag);
        let zone = self.ann.zone["zone"].as_str().context("she is in a zone")?;
        let used = bazaar::ask(&self.cluster, zone, "used Ann").await?;
        ensure!(used == self.bag.len().to_string(), "{used} of {} verbs took effect", self.bag.len());
        Ok(())
    }
}

/// Whether all hosts together have one of her, connected, where her client takes her to be.
async fn stands_once(cluster: &Cluster, ann: &Client) -> anyhow::Result<bool> {
    let players = cluster.api_of_any_host("players").await?;
    let all: Vec<_> = players.as_array().into_iter().flatten().filter(|row| row["name"] == "Ann").collect();
    Ok(all.len() == 1 && all[0]["zone"] == ann.zone["zone"] && !all[0]["gateway"].is_null())
}

/// Towards x; never ends, and does not mind when nobody answers.
async fn walk(ann: &mut Client, x: f64) {
    loop {
        let step = (x - ann.at.0).clamp(-0.5, 0.5);
        ann.claim(ann.at.0 + step, NORTH).await.unwrap();
        ann.listen(Duration::from_millis(100)).await.unwrap();
    }
}
