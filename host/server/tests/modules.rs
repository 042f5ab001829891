//! A host, its store and a module that misbehaves: what the host does when things go wrong that are seldom seen together.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_backplane::faults::Fault;
use wod_host::signature::Trust;
use wod_host::{HostConfig, REPLAY_BUDGET};
use wod_protocol::ids::HostId;
use wod_protocol::world::World;
use wod_sandbox::testing::marked;
use wod_sandbox::{Limits, SandboxOptions};

const WORLD: &str = r#"
start = "lab.a"
[[zone]]
name = "lab.a"
number = 1
module = "attacker"
origin = [0, 0]
size = [50, 50]
"#;
const DEADLINE: Duration = Duration::from_secs(30);

/// A running host.
struct Rig {
    backplane: Backplane,
    admin: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    http: reqwest::Client,
    _folder: TempDir,
}

fn attacker() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(wod_sandbox::testing::attacker)
}

impl Rig {
    async fn start(replay_budget: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("attacker.wasm"), attacker()).unwrap();
        let config = HostConfig {
            host: HostId::from("lab"),
            region: String::new(),
            admin: "127.0.0.1:0".parse().unwrap(),
            world: Arc::new(World::parse(WORLD).unwrap()),
            modules: folder.path().to_owned(),
            follow_modules: false,
            trust: Trust::Anybody,
            webhook: None,
            workers: 1,
            limits: Limits::default(),
            sandbox: SandboxOptions::default(),
            replay_budget,
            foreign_grace: Duration::from_secs(5),
        };
        let backplane = Backplane::embedded(None).await.unwrap();
        let (stop, (ready_tx, ready_rx)) = (CancellationToken::new(), oneshot::channel());
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let running = tokio::spawn(wod_host::run(config, backplane.clone(), metrics, stop.clone(), ready_tx));
        let admin = ready_rx.await.unwrap();
        let rig = Self { backplane, admin, stop, running, http: reqwest::Client::new(), _folder: folder };
        assert_eq!(rig.add(1).await, 1);
        rig
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/api/{path}", self.admin)
    }

    async fn ask(&self, text: &str) -> Result<String, String> {
        let request = self.http.post(self.url("zones/lab.a/ask")).json(&json!({ "text": text }));
        let answer = request.send().await.unwrap();
        let good = answer.status().is_success();
        let answer: Value = answer.json().await.unwrap();
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        if good { Ok(text("reply")) } else { Err(text("error")) }
    }

    /// What the module's counter says after adding to it, as soon as the module answers.
    async fn add(&self, number: u64) -> u64 {
        let begin = Instant::now();
        loop {
            match self.ask(&format!("add:{number}")).await {
                Ok(reply) => return reply.split(' ').next().unwrap().parse().unwrap(),
                Err(error) => assert!(begin.elapsed() < DEADLINE, "{error}"),
            }
        }
    }

    async fn zone(&self) -> Value {
        let zones: Value = self.http.get(self.url("zones")).send().await.unwrap().json().await.unwrap();
        zones[0].clone()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let zone = self.zone().await;
            if holds(&zone) {
                return zone;
            }
            assert!(begin.elapsed() < DEADLINE, "{what}: {zone}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn swap(&self, component: Vec<u8>) -> Result<Value, Value> {
        let answer = self.http.put(self.url("zones/lab.a/module")).body(component).send().await.unwrap();
        let good = answer.status().is_success();
        let answer = answer.json().await.unwrap();
        if good { Ok(answer) } else { Err(answer) }
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.running).await.unwrap().unwrap().unwrap();
    }
}

fn has_trouble(zone: &Value, text: &str) -> bool {
    zone["trouble"].as_array().unwrap().iter().any(|trouble| trouble.as_str().unwrap().contains(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_faults_shelves_the_module_and_a_mended_one_knows_what_it_knew() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    assert_eq!(rig.add(4).await, 5);
    let begin = Instant::now();
    while !has_trouble(&rig.zone().await, "runs without its module") {
        assert!(begin.elapsed() < DEADLINE, "{}", rig.zone().await);
        rig.ask("panic").await.unwrap_err();
    }
    rig.ask("add:1").await.unwrap_err();
    let before = rig.zone().await["tick"].as_u64();
    rig.until("it goes on ticking when there is something to do", |zone| zone["tick"].as_u64() >= before).await;
    let swapped = rig.swap(marked(attacker(), 1)).await.unwrap();
    assert_eq!(swapped["generation"], 1);
    assert_eq!(rig.add(1).await, 6, "nothing it knew is lost");
    rig.until("no trouble is left", |zone| zone["trouble"].as_array().unwrap().is_empty()).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_is_tried_again_until_the_store_answers() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    rig.backplane.faults().add("read_journal", Fault::Away, 3);
    rig.ask("panic").await.unwrap_err();
    assert_eq!(rig.add(1).await, 2);
    assert_eq!(rig.backplane.faults().left("read_journal"), 0, "it was tried again and again");
    assert!(has_trouble(&rig.zone().await, "could not be rebuilt yet"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_slow_to_take_a_snapshot_holds_up_neither_answers_nor_the_lease() {
    let rig = Rig::start(Duration::ZERO).await;
    let beating = rig.until("its first heartbeat", |zone| zone["epoch"] != 0).await;
    let epoch = beating["epoch"].clone();
    // Longer than a lease lives.
    let slow = Duration::from_secs(4);
    rig.backplane.faults().add("put_snapshot", Fault::Slow(slow), 1);
    let (begin, mut sum, mut longest) = (Instant::now(), 1, Duration::ZERO);
    while begin.elapsed() < slow + Duration::from_secs(1) {
        let asked = Instant::now();
        sum += 1;
        assert_eq!(rig.add(1).await, sum);
        longest = longest.max(asked.elapsed());
    }
    assert_eq!(rig.backplane.faults().left("put_snapshot"), 0);
    assert!(longest < slow / 2, "an answer took {longest:?}");
    assert_eq!(rig.zone().await["epoch"], epoch, "the lease was kept");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_with_an_unknown_result_is_repeated_and_nothing_is_done_twice() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    for round in 2..12 {
        rig.backplane.faults().add("append_batch", Fault::Away, 2);
        assert_eq!(rig.add(1).await, round);
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_swaps_at_once_are_two_generations() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    let (a, b) = tokio::join!(rig.swap(marked(attacker(), 1)), rig.swap(marked(attacker(), 2)));
    a.unwrap();
    b.unwrap();
    let zone = rig.until("both have run", |zone| zone["generation"] == 2).await;
    assert_eq!(rig.add(1).await, 2, "{zone}");
    rig.end().await;
}
