//! Two bazaars (`tests/modules/bazaar`) side by side in one region, 60 m wide each: where every item is can be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::cluster::Cluster;

/// The zone in the west, where players begin.
pub const MARKET: &str = "nyc.market";
/// Its neighbour in the east.
pub const FAIR: &str = "nyc.fair";
/// Items of each.
pub const ITEMS: u64 = 40;
/// How wide each is, m.
pub const WIDTH: f64 = 60.0;

/// An edition's component file, built when it is first asked for.
pub fn edition(name: &str) -> anyhow::Result<PathBuf> {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder can be made"));
    let file = folder.path().join(format!("{name}.wasm"));
    if !file.exists() {
        let component = wod_sandbox::testing::component("tests/modules/bazaar", &format!("examples/{name}.wasm"));
        std::fs::write(&file, component)?;
    }
    Ok(file)
}

/// The world file's text, both zones with that edition.
pub fn world(edition: &str) -> String {
    let zone = |name: &str, number: u32, x: f64, first: u64| {
        format!(
            "[[zone]]\nname = \"{name}\"\nnumber = {number}\nmodule = \"{edition}\"\norigin = [{x}, 0.0]\nsize = [{WIDTH}, 40.0]\n\
             config = {{ stalls = 2, items = {ITEMS}, first_item = {first}, people = 9 }}\n"
        )
    };
    format!("start = \"{MARKET}\"\n{}{}", zone(MARKET, 1, 0.0, 1), zone(FAIR, 2, WIDTH, 1001))
}

/// A folder of modules with that edition, and the world file in it.
pub fn folder(name: &str) -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    std::fs::copy(edition(name)?, folder.path().join(format!("{name}.wasm")))?;
    let file = folder.path().join("world.toml");
    std::fs::write(&file, world(name))?;
    Ok((folder, file))
}

/// What a zone's module answers an operator.
pub async fn ask(cluster: &Cluster, zone: &str, question: &str) -> anyhow::Result<String> {
    let (code, answer) = cluster.operator(&["ask", zone, question]).await?;
    ensure!(code == 0, "{zone} {question}: {answer}\n{}", cluster.logs());
    Ok(answer["reply"].as_str().with_context(|| format!("no reply: {answer}"))?.to_owned())
}

/// Where every item is, by its number; an error when one is in two places or gone, or when somebody is on her way.
pub async fn census(cluster: &Cluster) -> anyhow::Result<BTreeMap<u64, String>> {
    let mut found = BTreeMap::new();
    for zone in [MARKET, FAIR] {
        for (index, line) in ask(cluster, zone, "items").await?.lines().enumerate() {
            let (who, items) = line.split_once(':').context("a line names who has what")?;
            let who = if who == "stall" { format!("stall {index} of {zone}") } else { who.to_owned() };
            for item in items.split_whitespace() {
                let before = found.insert(item.parse::<u64>()?, who.clone());
                ensure!(before.is_none(), "item {item} is with {who} and with {before:?}");
            }
        }
    }
    let all: Vec<u64> = (1..=ITEMS).chain(1001..1001 + ITEMS).collect();
    let gone: Vec<&u64> = all.iter().filter(|item| !found.contains_key(item)).collect();
    ensure!(gone.is_empty() && found.len() == all.len(), "gone: {gone:?}; {} items", found.len());
    Ok(found)
}
