//! A zone module that attacks its host: the zone, its neighbour and its players go on, and operators see what happened.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, root, until};

const WORLD: &str = r#"
start = "lab.a"
[[zone]]
name = "lab.a"
number = 1
module = "attacker"
origin = [0, 0]
size = [50, 50]
[[zone]]
name = "lab.b"
number = 2
module = "attacker"
origin = [100, 0]
size = [50, 50]
"#;

/// The module that the sandbox's own tests attack with, as a component in `folder`.
fn attacker(folder: &Path) -> PathBuf {
    let target = root().join("target/attacker");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--target", "wasm32-unknown-unknown", "--manifest-path"])
        .arg(root().join("host/sandbox/tests/attacker/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(built.success());
    let core = std::fs::read(target.join("wasm32-unknown-unknown/release/wod_attacker.wasm")).unwrap();
    let component = wit_component::ComponentEncoder::default().validate(true).module(&core).unwrap().encode().unwrap();
    let file = folder.join("attacker.wasm");
    std::fs::write(&file, component).unwrap();
    file
}

/// What the module's counter says after adding to it.
async fn add(cluster: &Cluster, zone: &str, number: u64) -> u64 {
    let (code, answer) = cluster.operator(&["ask", zone, &format!("add:{number}")]).await.unwrap();
    assert_eq!(code, 0, "{answer}\n{}", cluster.logs());
    let text = answer["reply"].as_str().unwrap_or_else(|| panic!("no reply: {answer}"));
    text.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_attacks_in_every_way_is_rebuilt_with_what_it_knew() {
    let folder = tempfile::tempdir().unwrap();
    let component = attacker(folder.path());
    let world = folder.path().join("world.toml");
    std::fs::write(&world, WORLD).unwrap();
    let cluster = Cluster::dev_of(&world, folder.path()).await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    assert_eq!(add(&cluster, "lab.a", 5).await, 5);

    let attacks = ["panic", "loop", "recurse", "grow", "flood", "big-list"];
    let asked = async |attack: &'static str| (attack, cluster.operator(&["ask", "lab.a", attack]).await.unwrap());
    let [a, b, c, d, e, f] = attacks;
    let (a, b, c, d, e, f, neighbour) =
        tokio::join!(asked(a), asked(b), asked(c), asked(d), asked(e), asked(f), add(&cluster, "lab.b", 7));
    for (attack, (code, answer)) in [a, b, c, d, e, f] {
        assert_ne!(code, 0, "{attack} was answered: {answer}");
    }
    assert_eq!(neighbour, 7, "the zone beside it has noticed nothing");
    assert_eq!(add(&cluster, "lab.a", 1).await, 6, "rebuilt from the journal, without what broke it");

    ann.chat("say", "still here").await.unwrap();
    ann.until("her own line", |message| message["text"] == "still here").await.unwrap();
    assert_eq!(ann.faults, Vec::<String>::new());
    // Heartbeats tell operators, once a second.
    // Memory without end is out of time before it is out of memory here.
    let kinds = ["trap", "out of time", "stack overflow", "host call too large"];
    let shown = async || {
        let zones = cluster.api("zones").await?;
        let row = zones.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "lab.a"));
        let trouble = row.map_or_else(String::new, |row| row["trouble"].to_string());
        anyhow::ensure!(kinds.iter().all(|kind| trouble.contains(kind)), "{trouble}");
        Ok(true)
    };
    until(Duration::from_secs(10), "every kind of fault in `wod zones`", shown).await.unwrap();

    // Its `save` fails when it is to be replaced: the swap is refused, and the old one goes on with what it knew.
    let (code, answer) = cluster.operator(&["ask", "lab.a", "save:panic"]).await.unwrap();
    assert_ne!(code, 0, "the attacker does not reply to that: {answer}");
    let next = folder.path().join("next.wasm");
    let mark = [&[0, 2, 1][..], b"x"].concat();
    std::fs::write(&next, [std::fs::read(&component).unwrap(), mark].concat()).unwrap();
    let swap = ["swap", "lab.a", next.to_str().unwrap()];
    let (code, answer): (i32, Value) = cluster.operator(&swap).await.unwrap();
    assert_eq!(code, 4, "{answer}");
    // The rebuilt instance has been told the same again, so it still will not save; but it knows what it knew.
    assert_eq!(add(&cluster, "lab.a", 1).await, 7);
}
