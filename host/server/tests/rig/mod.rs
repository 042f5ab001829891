//! Hosts in this process on a backplane in memory, and what operators do with them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, reason = "a test says more by panicking")]

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
use wod_host::signature::{HEADER, Signature, Trust};
use wod_host::{HostConfig, REPLAY_BUDGET};
use wod_protocol::ids::HostId;
use wod_protocol::world::World;
use wod_sandbox::{Limits, SandboxOptions};

/// A condition that never comes true fails the test after this time.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Running hosts; operators ask the first.
pub struct Rig {
    pub backplane: Backplane,
    pub hosts: Vec<Running>,
    http: reqwest::Client,
    folder: TempDir,
}

/// One of them.
pub struct Running {
    pub admin: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// The module of all zones here.
pub fn attacker() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(wod_sandbox::testing::attacker)
}

/// A world of so many zones: `lab.a`, `lab.b` and so on.
pub fn world(zones: u8) -> Arc<World> {
    let zone = |number: u8| {
        let (name, x) = (char::from(b'a' + number), u32::from(number) * 100);
        format!(
            "[[zone]]\nname = \"lab.{name}\"\nnumber = {}\nmodule = \"attacker\"\norigin = [{x}, 0]\nsize = [50, 50]\n",
            number + 1
        )
    };
    let zones: String = (0..zones).map(zone).collect();
    Arc::new(World::parse(&format!("start = \"lab.a\"\n{zones}")).unwrap())
}

/// What hosts are started with.
pub fn config(host: &str, zones: u8) -> HostConfig {
    HostConfig {
        host: HostId::from(host),
        region: String::new(),
        admin: "127.0.0.1:0".parse().unwrap(),
        world: world(zones),
        modules: "set by the rig".into(),
        follow_modules: false,
        trust: Trust::Anybody,
        webhook: None,
        workers: 1,
        limits: Limits::default(),
        sandbox: SandboxOptions::default(),
        replay_budget: REPLAY_BUDGET,
        replay_entries: wod_host::REPLAY_ENTRIES,
        foreign_grace: Duration::from_secs(5),
        rebalance: false,
    }
}

impl Rig {
    /// One host with one zone, which answers.
    pub async fn start(replay_budget: Duration) -> Self {
        let rig = Self::of(vec![HostConfig { replay_budget, ..config("lab", 1) }], None).await;
        assert_eq!(rig.add(1).await, 1);
        rig
    }

    /// These hosts, on one backplane. `signature`: of the module in their folder.
    pub async fn of(configs: Vec<HostConfig>, signature: Option<Signature>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("attacker.wasm"), attacker()).unwrap();
        if let Some(signature) = signature {
            std::fs::write(folder.path().join("attacker.wasm.sig"), signature.to_string()).unwrap();
        }
        let backplane = Backplane::embedded(None).await.unwrap();
        let mut rig = Self { backplane, hosts: Vec::new(), http: reqwest::Client::new(), folder };
        for config in configs {
            rig = rig.and(config).await;
        }
        rig
    }

    /// One host more.
    pub async fn and(mut self, config: HostConfig) -> Self {
        let config = HostConfig { modules: self.folder.path().to_owned(), ..config };
        let (stop, (ready_tx, ready_rx)) = (CancellationToken::new(), oneshot::channel());
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let task = tokio::spawn(wod_host::run(config, self.backplane.clone(), metrics, stop.clone(), ready_tx));
        self.hosts.push(Running { admin: ready_rx.await.unwrap(), stop, task });
        self
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/api/{path}", self.hosts[0].admin)
    }

    /// A request that operators make: its answer, or the refusal.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Value> {
        read(self.http.post(self.url(path)).json(body)).await
    }

    pub async fn get(&self, path: &str) -> Value {
        read(self.http.get(self.url(path))).await.unwrap()
    }

    pub async fn ask_in(&self, zone: &str, text: &str) -> Result<String, String> {
        let answer = self.post(&format!("zones/{zone}/ask"), &json!({ "text": text })).await;
        let text = |answer: Value, key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        answer.map(|answer| text(answer, "reply")).map_err(|answer| text(answer, "error"))
    }

    pub async fn ask(&self, text: &str) -> Result<String, String> {
        self.ask_in("lab.a", text).await
    }

    /// What the module's counter says after adding to it, as soon as the module answers.
    pub async fn add_in(&self, zone: &str, number: u64) -> u64 {
        let begin = Instant::now();
        loop {
            match self.ask_in(zone, &format!("add:{number}")).await {
                Ok(reply) => return reply.split(' ').next().unwrap().parse().unwrap(),
                Err(error) => assert!(begin.elapsed() < DEADLINE, "{error}"),
            }
        }
    }

    pub async fn add(&self, number: u64) -> u64 {
        self.add_in("lab.a", number).await
    }

    /// A setting of the module.
    pub async fn set(&self, zone: &str, key: &str, value: &str) {
        self.post(&format!("zones/{zone}/config"), &json!({ key: value })).await.unwrap();
    }

    pub async fn zone_named(&self, name: &str) -> Value {
        let zones = self.get("zones").await;
        zones.as_array().unwrap().iter().find(|zone| zone["name"] == name).unwrap().clone()
    }

    pub async fn zone(&self) -> Value {
        self.zone_named("lab.a").await
    }

    pub async fn until_in(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let zone = self.zone_named(name).await;
            if holds(&zone) {
                return zone;
            }
            assert!(begin.elapsed() < DEADLINE, "{what}: {zone}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.until_in("lab.a", what, holds).await
    }

    pub async fn swap(&self, component: Vec<u8>) -> Result<Value, Value> {
        read(self.http.put(self.url("zones/lab.a/module")).body(component)).await
    }

    pub async fn publish(&self, component: Vec<u8>, signature: Option<Signature>) -> Result<Value, Value> {
        self.publish_as("modules", component, signature).await
    }

    pub async fn publish_as(
        &self,
        path: &str,
        component: Vec<u8>,
        signature: Option<Signature>,
    ) -> Result<Value, Value> {
        let request = self.http.post(self.url(path)).body(component);
        let sign =
            |request: reqwest::RequestBuilder, signature: &Signature| request.header(HEADER, signature.to_string());
        read(signature.iter().fold(request, sign)).await
    }

    /// Every line that a deployment tells, to its end.
    pub async fn deploy(&self, zone: &str, order: &Value) -> Vec<Value> {
        let answer = self.http.post(self.url(&format!("zones/{zone}/deploy"))).json(order).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        let text = answer.text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The first host stops in good order; operators ask the next.
    pub async fn end_first(&mut self) {
        let first = self.hosts.remove(0);
        first.stop.cancel();
        tokio::time::timeout(DEADLINE, first.task).await.unwrap().unwrap().unwrap();
    }

    pub async fn end(mut self) {
        while !self.hosts.is_empty() {
            self.end_first().await;
        }
        drop(self.folder);
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Value, Value> {
    let answer = request.send().await.unwrap();
    let good = answer.status().is_success();
    let answer = answer.json().await.unwrap();
    if good { Ok(answer) } else { Err(answer) }
}

pub fn has_trouble(zone: &Value, text: &str) -> bool {
    zone["trouble"].as_array().unwrap().iter().any(|trouble| trouble.as_str().unwrap().contains(text))
}
