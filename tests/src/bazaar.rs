//! Two bazaars (`tests/modules/bazaar`) side by side in one region, 60 m wide each: where every item is can be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::cluster::Cluster;

/// The zone in the west, where players begin.
pub const MARKET: &str = "nyc.market";
/// Its neighbour in the east.
pub const FAIR: &str = "nyc.fair";
/// Items of each.
const ITEMS: u64 = 40;
/// How wide each is, m.
const WIDTH: f64 = 60.0;

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

/// A folder of modules with that edition, which is this component, and the world file in it.
pub fn folder(name: &str, component: &[u8]) -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(format!("{name}.wasm")), component)?;
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
