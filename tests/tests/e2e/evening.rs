//! What three clients of somebody else do in an evening (`tools/test-client/evening.js`, written from PROTOCOL.md): two meet, talk at
//! every range, trade, and whisper over the ocean; a third goes on with a dialogue after a swap of the zone's module.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use wod_tests::cluster::{Cluster, modules, root};

const DOCKS: &str = "nyc.docks";
/// Coins for a crate: enough for a crowbar, and for the way to Los Angeles.
const WAGE: &str = "20";
/// They walk some 500 m, and carry crates.
const EVENING: Duration = Duration::from_secs(300);

#[tokio::test]
async fn outside_clients_meet_talk_trade_whisper_over_the_ocean_and_resume_in_mid_dialogue_after_a_swap() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world.toml");
    let sample = std::fs::read_to_string(root().join("zones/world.toml")).unwrap();
    let begins_there = sample
        .replace("start = \"nyc.elysium\"", &format!("start = \"{DOCKS}\""))
        .replace("module = \"docks\"", &format!("module = \"docks\"\nconfig = {{ wage = {WAGE} }}"));
    assert_ne!(begins_there, sample);
    std::fs::write(&world, begins_there).unwrap();
    let cluster = Cluster::regional_of(&world).await.unwrap();

    let played = tokio::time::timeout(EVENING, play(&cluster)).await.context("the evening does not end");
    played.flatten().unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.logs()));
}

async fn play(cluster: &Cluster) -> anyhow::Result<()> {
    let mut clients = Command::new("node")
        .arg(root().join("tools/test-client/evening.js"))
        .args(["--new-york", &cluster.url(0), "--los-angeles", &cluster.url(1), "--wage", WAGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting node")?;
    let mut input = clients.stdin.take().context("its input")?;
    let mut lines = BufReader::new(clients.stdout.take().context("its output")?).lines();
    let mut swapped = false;
    while let Some(line) = lines.next_line().await? {
        println!("{line}");
        if line == format!("swap {DOCKS} now") {
            swap(cluster).await?;
            swapped = true;
            input.write_all(b"swapped\n").await?;
        }
    }
    let status = clients.wait().await?;
    ensure!(status.success() && swapped, "the clients ended with {status}: see what they said");
    Ok(())
}

/// As an operator does when writers have new words: the same code under its version, another edition of it.
async fn swap(cluster: &Cluster) -> anyhow::Result<()> {
    let component = std::fs::read(modules().join("docks.wasm"))?;
    let file = cluster.folder.path().join("docks.wasm");
    std::fs::write(&file, wod_sandbox::with_content(&component, "notes", b"another edition"))?;
    let (file, key) = (file.display().to_string(), cluster.key().display().to_string());
    let (code, told) = cluster.operator(&["publish", &file, "--key", &key, "--edition", "evening"]).await?;
    let text = |key: &str| told[0][key].as_str().with_context(|| format!("publishing ended with {code}: {told}"));
    let release = format!("{}@{}", text("name")?, text("version")?);
    // Not on probation: that would outlast the evening.
    let (code, told) = cluster.operator(&["swap", DOCKS, &release, "--probation", "0"]).await?;
    ensure!(code == 0, "swapping ended with {code}: {told}");
    Ok(())
}
