//! Two bazaars on one host, whose modules are replaced.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::ensure;
use serde_json::Value;
use tempfile::TempDir;
use wod_tests::bazaar::{self, MARKET};
use wod_tests::client::PATIENCE;
use wod_tests::cluster::{Cluster, until};

/// The two zones with this edition; `signed`: on a host that runs only what the cluster's key has signed, with a Redis.
pub(crate) struct Market {
    pub(crate) cluster: Cluster,
    _folder: TempDir,
}

/// An edition's component file, built when it is first asked for.
pub(crate) fn edition(name: &str) -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let file = FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().join(format!("{name}.wasm"));
    if !file.exists() {
        let component = wod_sandbox::testing::component("tests/modules/bazaar", &format!("examples/{name}.wasm"));
        std::fs::write(&file, component).unwrap();
    }
    file
}

fn folder(name: &str) -> (TempDir, PathBuf) {
    bazaar::folder(name, &std::fs::read(edition(name)).unwrap()).unwrap()
}

impl Market {
    pub(crate) async fn open(edition: &str) -> Self {
        let (folder, world) = folder(edition);
        Self { cluster: Cluster::dev_of(&world, folder.path()).await.unwrap(), _folder: folder }
    }

    pub(crate) async fn signed(edition: &str) -> Self {
        let (folder, world) = folder(edition);
        Self { cluster: Cluster::signed_of(&world, folder.path()).await.unwrap(), _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.url(0)
    }

    /// Publishes a file, signed where that is asked for; `NAME@VERSION`.
    pub(crate) async fn publish(&self, file: &Path) -> Result<String, String> {
        let (file, key) = (file.display().to_string(), self.cluster.key());
        let mut args = vec!["publish", &file];
        let key = key.exists().then(|| key.display().to_string());
        args.extend(key.iter().flat_map(|key| ["--key", key]));
        let (code, answer) = self.cluster.operator(&args).await.unwrap();
        let text = |key: &str| answer[0][key].as_str().map(str::to_owned);
        match (code, text("name").zip(text("version"))) {
            (0, Some((name, version))) => Ok(format!("{name}@{version}")),
            _ => Err(format!("code {code}: {answer}")),
        }
    }

    /// Publishes an edition.
    pub(crate) async fn publish_edition(&self, name: &str) -> String {
        self.publish(&edition(name)).await.unwrap()
    }

    /// Deploys a published module to [`MARKET`]: the steps' lines, when it settled, or those and the exit code.
    pub(crate) async fn deploy(&self, module: &str, probation: u32) -> Result<Vec<Value>, (i32, String)> {
        let probation = probation.to_string();
        let (code, answer) = self.cluster.operator(&["swap", MARKET, module, "--probation", &probation]).await.unwrap();
        match (code, answer) {
            (0, Value::Array(lines)) => Ok(lines),
            (code, answer) => Err((code, answer.to_string())),
        }
    }

    /// Orders a deployment and goes when the swap is done; it goes on.
    pub(crate) async fn swap(&self, module: &str, probation: u32) -> Value {
        let url = format!("http://{}/api/zones/{MARKET}/deploy", self.cluster.admin);
        let order = serde_json::json!({ "module": module, "probation": probation });
        let mut answer =
            reqwest::Client::new().post(url).json(&order).send().await.unwrap().error_for_status().unwrap();
        let mut told = Vec::new();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            told.extend_from_slice(&chunk);
            let lines = told.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
            for line in lines {
                assert_ne!(line["state"], "failed", "{line}\n{}", self.cluster.logs());
                if line["step"] == "swap" {
                    return line["facts"].clone();
                }
            }
        }
        panic!("the host broke off: {}", String::from_utf8_lossy(&told));
    }

    pub(crate) async fn roll_back(&self, options: &[&str]) -> Result<Value, String> {
        let args: Vec<&str> = ["rollback", MARKET].iter().chain(options).copied().collect();
        let (code, answer) = self.cluster.operator(&args).await.unwrap();
        if code == 0 { Ok(answer) } else { Err(format!("code {code}: {answer}")) }
    }

    pub(crate) async fn zone(&self, name: &str) -> Value {
        let zones = self.cluster.api("zones").await.unwrap();
        zones.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    }

    /// Waits until [`MARKET`]'s row of the zones, which is made once a second, is so.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let found = RefCell::new(Value::Null);
        let look = async || {
            let row = self.zone(MARKET).await;
            ensure!(holds(&row), "{row}");
            found.replace(row);
            Ok(true)
        };
        if let Err(error) = until(PATIENCE, what, look).await {
            panic!("{error:#}\n{}", self.cluster.logs());
        }
        found.into_inner()
    }

    pub(crate) async fn ask(&self, zone: &str, question: &str) -> String {
        bazaar::ask(&self.cluster, zone, question).await.unwrap()
    }

    /// A figure of the host's metrics: the largest of a zone's ticks so far, ms.
    pub(crate) async fn worst(&self, metric: &str, zone: u32) -> f64 {
        let metrics =
            reqwest::get(format!("http://{}/metrics", self.cluster.admin)).await.unwrap().text().await.unwrap();
        let head = format!("{metric}{{zone=\"{zone}\",");
        let worst = |line: &str| line.strip_prefix(&head)?.split_once("quantile=\"1\"} ")?.1.parse::<f64>().ok();
        let worst = metrics.lines().filter_map(worst).reduce(f64::max);
        worst.unwrap_or_else(|| panic!("no {head}")) * 1000.0
    }
}
