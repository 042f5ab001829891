//! A module that fails at one player's verb.

use std::time::Duration;

use serde_json::Value;

use super::market::Market;
use super::shopper::{Shopper, settle, trade, trade_for};

/// Longest time without an update that is no more than a hitch, on a busy machine.
const HITCH: Duration = Duration::from_secs(1);
/// Acts of each player around a fault.
const ACTS: u64 = 10;

async fn shoppers(market: &Market) -> Vec<Shopper> {
    let mut shoppers = Vec::new();
    for (index, name) in ["Ann", "Bob", "Mallory"].into_iter().enumerate() {
        shoppers.push(Shopper::new(market, name, 40 + index as u64).await);
    }
    shoppers
}

#[tokio::test]
async fn whoever_uses_the_verb_is_rejected_and_everybody_else_sees_a_hitch_at_most() {
    let market = Market::open("one").await;
    let cracked = market.publish_edition("traps_on_verb").await;
    let mut shoppers = shoppers(&market).await;
    // Settled at once: nothing is there to return to by itself.
    market.deploy(&cracked, 0).await.unwrap();
    let quiet = trade_gap(&mut shoppers).await;
    let mut hitches = Vec::new();
    for ring in 1..=4 {
        let mallory = &mut shoppers[2];
        let before = mallory.rejects.len();
        mallory.use_stall("ring").await.unwrap();
        let seq = mallory.client.seq;
        hitches.push(trade_gap(&mut shoppers).await);
        settle(&market, &mut shoppers).await.unwrap_or_else(|error| panic!("{error:#}\n{}", market.cluster.logs()));
        let mallory = &shoppers[2];
        let code =
            mallory.rejects[before..].iter().find(|(rejected, _)| *rejected == seq).map(|(_, code)| code.as_str());
        assert_eq!(code, Some("module_fault"), "ring {ring}: {:?}", mallory.rejects);
        // Everybody else may ring.
        let ann = &mut shoppers[0];
        let rung = ann.effects;
        ann.use_stall("ring").await.unwrap();
        ann.settle().await.unwrap();
        assert_eq!(ann.effects, rung + 1, "{:?}", ann.rejects);
    }
    let told = |row: &Value| row["trouble"].to_string().contains("verb `ring` of player");
    let row = market.until("operators are told of it", told).await;
    assert_eq!((&row["module_name"], &row["generation"]), (&"bazaar 1.9.0".into(), &1.into()), "{row}");
    assert!(hitches.iter().all(|hitch| *hitch < HITCH), "{hitches:?}");
    eprintln!(
        "verb: 4 rings of Mallory, 4 rejects; longest gap in the others' updates {hitches:.0?}, {quiet:.0?} without a fault; blocked after 2"
    );
}

#[tokio::test]
async fn on_probation_it_brings_the_version_before_back() {
    let market = Market::open("one").await;
    let cracked = market.publish_edition("traps_on_verb").await;
    let mut shoppers = shoppers(&market).await;
    trade(&mut shoppers, market.swap(&cracked, 12_000)).await;
    trade_for(&mut shoppers, ACTS).await;
    shoppers[2].use_stall("ring").await.unwrap();
    let seq = shoppers[2].client.seq;
    let told = |row: &Value| row["trouble"].to_string().contains("rolled back (carried): it failed on probation");
    let row = trade(&mut shoppers, market.until("the version before runs again", told)).await;
    assert_eq!((&row["module_name"], &row["generation"]), (&"bazaar 1.0.0".into(), &2.into()), "{row}");
    settle(&market, &mut shoppers).await.unwrap_or_else(|error| panic!("{error:#}\n{}", market.cluster.logs()));
    let rejected = shoppers[2].rejects.iter().find(|(rejected, _)| *rejected == seq);
    assert_eq!(rejected, Some(&(seq, "module_fault".to_owned())), "the old version is not told what broke the new one");
    eprintln!("verb on probation: rolled back by itself; {} rejects of Mallory", shoppers[2].rejects.len());
}

/// Trades for a while; the longest time that Ann and Bob went without an update.
async fn trade_gap(shoppers: &mut [Shopper]) -> Duration {
    for shopper in shoppers.iter_mut() {
        shopper.forget_gap();
    }
    trade_for(shoppers, ACTS).await;
    shoppers[..2].iter().map(|shopper| shopper.longest_gap).max().unwrap_or_default()
}
