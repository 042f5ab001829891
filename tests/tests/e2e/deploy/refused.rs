//! Modules that fail at any step of their way into a zone: the zone goes on as if they had never been.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wod_protocol::ids::Digest;
use wod_sim::io::Input;
use wod_sim::module::FaultKind;
use wod_tests::bazaar::{FAIR, MARKET};
use wod_tests::cluster::run_wod;

use super::market::{Market, edition};
use super::shopper::{Shopper, settle, trade, trade_for};
use super::twin::{Past, Tap, Twin};

/// A zone whose tick is so late has stopped, on a busy machine too, ms.
const STOPPED_MS: f64 = 1_000.0;
/// Acts of each player around an attempt.
const ACTS: u64 = 8;
/// Ticks in which a version on probation must have shown what is wrong with it: two windows of its pace.
const PROBATION: u32 = 400;

/// A file that is to be refused before it is in any zone, and what is said of it.
struct Bad {
    what: &'static str,
    file: PathBuf,
    /// Signs it; none: nobody.
    key: Option<PathBuf>,
    says: &'static str,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_is_refused_leaves_no_trace_in_the_zone() {
    let endless = endless();
    let market = Market::signed("one").await;
    let tap = Tap::open(&market.cluster.redis.as_ref().unwrap().url()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut shoppers = shoppers(&market).await;
    trade_for(&mut shoppers, ACTS).await;
    let before = market.zone(MARKET).await;

    for Bad { what, file, key, says } in bad_files(&market, folder.path(), endless).await {
        let (file, key) = (file.display().to_string(), key.map(|key| key.display().to_string()));
        let mut args = vec!["publish", &file];
        args.extend(key.iter().flat_map(|key| ["--key", key]));
        let (code, answer) = trade(&mut shoppers, market.cluster.operator(&args)).await.unwrap();
        assert_eq!(code, 4, "{what}: {answer}");
        assert!(answer.to_string().contains(says), "{what}: {answer}");
        tell(what, &market, &mut shoppers, &answer.to_string()).await;
    }
    // Its signature is of another file.
    let signature = std::fs::read_to_string(market.cluster.folder.path().join("modules/one.wasm.sig")).unwrap();
    let (status, answer) = trade(&mut shoppers, upload(&market, &edition("two"), signature.trim())).await;
    assert!(status == 422 && answer.contains("is of other bytes"), "{status}: {answer}");
    tell("a signature of other bytes", &market, &mut shoppers, &answer).await;

    for (name, says) in [("traps_in_load", "the scales are broken"), ("hangs_in_load", "out of time")] {
        let module = market.publish_edition(name).await;
        let (code, answer) = trade(&mut shoppers, market.deploy(&module, 0)).await.unwrap_err();
        assert_eq!(code, 4, "{name}: {answer}");
        assert!(answer.contains("dry_run") && answer.contains(says), "{name}: {answer}");
        tell(name, &market, &mut shoppers, &answer).await;
    }
    let after = market.zone(MARKET).await;
    for same in ["module", "generation", "epoch"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(market.worst("wod_zone_late_seconds", 1).await < STOPPED_MS);

    let past = tap.close().await;
    left_no_trace(&past, "one");
    refused_by_the_zone_itself(&past);
}

/// Nothing but its first module was ever put into the zone: its past is, entry for entry, one in which nobody tried.
fn left_no_trace(past: &Past, first: &str) {
    let first = digest(first);
    let tried =
        past.entries.iter().flat_map(|entry| &entry.inputs).filter(|input| {
            input.replaces_module() && !matches!(input, Input::Swap { digest, .. } if *digest == first)
        });
    assert_eq!(tried.collect::<Vec<_>>(), Vec::<&Input>::new());
}

/// Where all that is asked before has found nothing: the zone, too, is after a refused swap as if nobody had tried.
fn refused_by_the_zone_itself(past: &Past) {
    let bad = [("traps_in_load", FaultKind::Trap), ("hangs_in_load", FaultKind::OutOfTime)];
    let editions = ["one", "traps_in_load", "hangs_in_load"];
    let [mut without, mut with] = [(); 2].map(|()| Twin::new(past, "one", &editions));
    let journal = &past.entries;
    let mut tried = Vec::new();
    for (index, entry) in journal.iter().enumerate() {
        without.live(entry);
        // Once a third of the way, once at two thirds.
        let now = (1..=2).position(|third| index == journal.len() * third / 3);
        match now.map(|now| bad[now]) {
            Some((name, kind)) => {
                let fault = with.live_with(entry, digest(name));
                assert_eq!(fault.kind, kind, "{fault}");
                tried.push(format!("{name}: {fault}"));
            }
            None => with.live(entry),
        }
    }
    assert_eq!(tried.len(), bad.len());
    let (without, with) = (without.hash(), with.hash());
    assert_eq!(without, with, "{tried:?}");
    eprintln!(
        "state hash after {} journal entries: {without:016x}; with {} swaps tried by the zone itself in between: {with:016x} ({})",
        journal.len(),
        tried.len(),
        tried.join("; ")
    );
}

/// It was in the zone, so the zone's generation has grown by two and its journal tells of it; what is compared is all that players
/// have and are told: goods, effects of commands, positions, numbers.
#[tokio::test]
async fn a_module_that_fails_in_the_zone_goes_and_takes_nothing_with_it() {
    let market = Market::open("one").await;
    let mut shoppers = shoppers(&market).await;
    let mut generation = 0;
    trade_for(&mut shoppers, ACTS).await;
    for (name, says) in [
        ("traps_in_first_tick", "it failed on probation"),
        ("bomb", "it failed on probation"),
        ("slow", "it failed on probation"),
        ("sluggish", "it is too slow"),
    ] {
        let module = market.publish_edition(name).await;
        let (code, answer) = trade(&mut shoppers, market.deploy(&module, PROBATION)).await.unwrap_err();
        assert_eq!(code, 4, "{name}: {answer}");
        assert!(answer.contains("it did not settle"), "{name}: {answer}");
        generation += 2;
        let back = |row: &Value| row["generation"] == generation && row["trouble"].to_string().contains(says);
        let row = trade(&mut shoppers, market.until(says, back)).await;
        assert_eq!(row["module_name"], "bazaar 1.0.0", "{name}");
        tell(name, &market, &mut shoppers, &row["trouble"].to_string()).await;
    }
    assert!(market.worst("wod_zone_late_seconds", 1).await < STOPPED_MS);
}

#[tokio::test]
async fn a_version_that_can_not_be_saved_can_not_be_replaced_and_loses_nothing() {
    let market = Market::signed("traps_in_save").await;
    let tap = Tap::open(&market.cluster.redis.as_ref().unwrap().url()).await;
    let mut shoppers = shoppers(&market).await;
    trade_for(&mut shoppers, ACTS).await;
    let two = market.publish_edition("two").await;
    for _ in 0..3 {
        let (code, answer) = trade(&mut shoppers, market.deploy(&two, 0)).await.unwrap_err();
        assert_eq!(code, 4, "{answer}");
        assert!(answer.contains("dry_run") && answer.contains("the ledger is closed"), "{answer}");
    }
    let row = market.zone(MARKET).await;
    assert_eq!((&row["module_name"], &row["generation"]), (&"bazaar 1.8.0".into(), &0.into()), "{row}");
    tell("old save traps", &market, &mut shoppers, &row["trouble"].to_string()).await;
    left_no_trace(&tap.close().await, "traps_in_save");
}

fn digest(name: &str) -> Digest {
    Digest::of(&std::fs::read(edition(name)).unwrap())
}

async fn shoppers(market: &Market) -> Vec<Shopper> {
    let mut shoppers = Vec::new();
    for (index, name) in ["Ann", "Bob"].into_iter().enumerate() {
        shoppers.push(Shopper::new(market, name, 60 + index as u64).await);
    }
    shoppers
}

/// Everybody's account is straight, and they trade on.
async fn tell(what: &str, market: &Market, shoppers: &mut [Shopper], answer: &str) {
    let (before, _) =
        settle(market, shoppers).await.unwrap_or_else(|error| panic!("{what}: {error:#}\n{}", market.cluster.logs()));
    trade_for(shoppers, ACTS).await;
    let (after, _) =
        settle(market, shoppers).await.unwrap_or_else(|error| panic!("{what}: {error:#}\n{}", market.cluster.logs()));
    assert!(after > before, "{what}: nobody's command takes effect any more");
    let [late, beside] =
        [market.worst("wod_zone_late_seconds", 1).await, market.worst("wod_zone_tick_seconds", 2).await];
    let row = market.zone(FAIR).await;
    let gap = shoppers.iter().map(|shopper| shopper.longest_gap).max().unwrap_or_default();
    shoppers.iter_mut().for_each(Shopper::forget_gap);
    let answer: String = answer.chars().take(160).collect();
    eprintln!(
        "{what}: {after} commands took effect once, goods and accounts straight; {MARKET}'s ticks late by {late:.1} ms at most, gap in updates \
         {gap:.0?}; {FAIR}'s ticks took p99 {:.1}, max {beside:.1} ms of 50 | {answer}",
        row["tick_p99_us"].as_f64().unwrap() / 1000.0
    );
}

async fn bad_files(market: &Market, folder: &Path, endless: Vec<u8>) -> Vec<Bad> {
    let foreign_key = folder.join("foreign");
    run_wod(&["keys".into(), "new".into(), foreign_key.display().to_string()]).await.unwrap();
    let file = |name: &str, bytes: Vec<u8>| {
        let file = folder.join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let import = r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#;
    let ours = || Some(market.cluster.key());
    vec![
        Bad { what: "unsigned", file: edition("two"), key: None, says: "is not signed" },
        Bad { what: "a key that nobody trusts", file: edition("two"), key: Some(foreign_key), says: "does not trust" },
        Bad {
            what: "foreign import",
            file: file("import.wasm", wat::parse_str(import).unwrap()),
            key: ours(),
            says: "wasi:clocks",
        },
        Bad { what: "endless compile", file: file("endless.wasm", endless), key: ours(), says: "took over 30 s" },
    ]
}

/// A component whose only function is loops in loops, each of which changes every one of its variables: some megabytes that no
/// compiler comes to an end with.
fn endless() -> Vec<u8> {
    const LOOPS: usize = 1000;
    const VARIABLES: usize = 300;
    let one = |variable: usize| {
        format!("(local.set {} (f64.add (local.get 0) (local.get {variable})))", 1 + variable % VARIABLES)
    };
    let body =
        format!("{} (br_if 0 (f64.eq (local.get 0) (local.get 1))) end ", (1..=VARIABLES).map(one).collect::<String>());
    let wat = format!(
        "(component (core module (func (param f64) (local {}) {} {}))
           (instance $nothing) (export \"wod:zone/logic@1.0.0\" (instance $nothing)))",
        "f64 ".repeat(VARIABLES),
        "loop ".repeat(LOOPS),
        body.repeat(LOOPS),
    );
    wat::parse_str(wat).unwrap()
}

/// Uploads a file with this signature; status and answer.
async fn upload(market: &Market, file: &Path, signature: &str) -> (u16, String) {
    let url = format!("http://{}/api/modules", market.cluster.admin);
    let request =
        reqwest::Client::new().post(url).header("x-wod-signature", signature).body(std::fs::read(file).unwrap());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
