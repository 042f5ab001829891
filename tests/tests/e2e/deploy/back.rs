//! The way back at a random moment of probation, while players trade and cross the border.

use wod_tests::bazaar::MARKET;
use wod_tests::chance::Chance;

use super::market::Market;
use super::shopper::{Shopper, settle, trade, trade_for};

/// Ticks; longer than any round here takes.
const PROBATION: u32 = 12_000;
/// Acts of each player between swap and rollback, at the most.
const ACTS: u64 = 40;
const SEED: u64 = 20;
/// East and west of the border, metres east; both near a stall.
const WEST: f64 = 52.0;
const EAST: f64 = 68.0;

/// Rollbacks of a test: `WOD_ROUNDS`, else a few.
fn rounds() -> u64 {
    std::env::var("WOD_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

/// Two who stay, and two who cross.
async fn shoppers(market: &Market) -> Vec<Shopper> {
    let mut shoppers = Vec::new();
    for (index, name) in ["Ann", "Bob", "Cid", "Dee"].into_iter().enumerate() {
        shoppers.push(Shopper::new(market, name, SEED + index as u64).await);
    }
    shoppers
}

#[tokio::test]
async fn a_rollback_that_carries_the_state_back_changes_nothing_of_players_and_goods() {
    let market = Market::open("carrying").await;
    let two = market.publish_edition("two").await;
    let mut shoppers = shoppers(&market).await;
    let (mut chance, mut pauses, mut crossings) = (Chance::new(SEED), Vec::new(), 0);
    for round in 0..rounds() {
        for crossing in &mut shoppers[2..] {
            crossings += 1;
            crossing.toward = Some(if crossing.client.at.0 < 60.0 { EAST } else { WEST });
        }
        trade(&mut shoppers, market.swap(&two, PROBATION)).await;
        trade_for(&mut shoppers, chance.below(ACTS)).await;
        let back = trade(&mut shoppers, market.roll_back(&[])).await.unwrap();
        assert_eq!((&back["how"], &back["generation"]), (&"carried".into(), &(2 * round + 2).into()), "{back}");
        pauses.push(back["pause_ms"].as_f64().unwrap());
        trade_for(&mut shoppers, chance.below(ACTS / 4)).await;
        settle(&market, &mut shoppers)
            .await
            .unwrap_or_else(|error| panic!("round {round}: {error:#}\n{}", market.cluster.logs()));
    }
    tell("carried back", &market, &mut shoppers, crossings, &pauses).await;
}

#[tokio::test]
async fn a_rewind_changes_nothing_of_players_and_goods() {
    let market = Market::open("one").await;
    let two = market.publish_edition("two").await;
    let mut shoppers = shoppers(&market).await;
    let (mut chance, mut pauses, mut crossings) = (Chance::new(SEED + 10), Vec::new(), 0);
    for round in 0..rounds() {
        for crossing in &mut shoppers[2..] {
            crossing.walk_to(EAST).await.unwrap();
            assert_eq!(crossing.client.zone["zone"], "nyc.fair");
        }
        trade(&mut shoppers, market.swap(&two, PROBATION)).await;
        for crossing in &mut shoppers[2..] {
            crossings += 1;
            crossing.toward = Some(WEST);
        }
        trade_for(&mut shoppers, chance.below(ACTS)).await;
        let back = trade(&mut shoppers, market.roll_back(&[])).await.unwrap();
        assert_eq!((&back["how"], &back["generation"]), (&"rewound".into(), &(2 * round + 2).into()), "{back}");
        pauses.push(back["pause_ms"].as_f64().unwrap());
        trade_for(&mut shoppers, chance.below(ACTS / 4)).await;
        settle(&market, &mut shoppers)
            .await
            .unwrap_or_else(|error| panic!("round {round}: {error:#}\n{}", market.cluster.logs()));
    }
    tell("rewound", &market, &mut shoppers, crossings, &pauses).await;
}

#[tokio::test]
async fn a_rewind_is_refused_when_somebody_has_left_with_goods_unless_that_is_accepted() {
    let market = Market::open("one").await;
    let two = market.publish_edition("two").await;
    let mut shoppers = shoppers(&market).await;
    trade(&mut shoppers, market.swap(&two, PROBATION)).await;
    trade_for(&mut shoppers, ACTS).await;
    let leaving = &mut shoppers[3];
    while leaving.bag.is_empty() {
        leaving.use_stall("take").await.unwrap();
        leaving.settle().await.unwrap();
    }
    leaving.walk_to(EAST).await.unwrap();
    let refused = trade(&mut shoppers, market.roll_back(&[])).await.unwrap_err();
    assert!(refused.contains("1 players have left with something saved for them"), "{refused}");
    let (before, _) = settle(&market, &mut shoppers).await.unwrap();
    let row = market.zone(MARKET).await;
    assert_eq!((&row["module_name"], &row["generation"]), (&"bazaar 2.0.0".into(), &1.into()), "{row}");

    let back = trade(&mut shoppers, market.roll_back(&["--accept-loss"])).await.unwrap();
    assert_eq!(back["how"], "rewound");
    trade_for(&mut shoppers, ACTS / 4).await;
    let (after, _) = settle(&market, &mut shoppers).await.unwrap();
    assert!(after > before, "they trade on");
    tell("refused, then rewound", &market, &mut shoppers, 1, &[back["pause_ms"].as_f64().unwrap()]).await;
}

async fn tell(how: &str, market: &Market, shoppers: &mut [Shopper], crossings: usize, pauses: &[f64]) {
    let (effects, census) = settle(market, shoppers).await.unwrap();
    let carried = census.values().filter(|who| !who.starts_with("stall")).count();
    let (commands, messages) = shoppers.iter().fold((0, 0), |(c, n), s| (c + s.client.seq, n + s.client.n));
    eprintln!(
        "{how}: {} rollbacks under {} players, {crossings} border crossings, {commands} commands ({effects} took effect once, {} rejected, \
         the rest lines heard once), {messages} reliable messages in order; {} items, {carried} with players: each in one place; \
         no correction; pauses {pauses:.1?} ms",
        pauses.len(),
        shoppers.len(),
        shoppers.iter().map(|shopper| shopper.rejects.len()).sum::<usize>(),
        census.len(),
    );
}
