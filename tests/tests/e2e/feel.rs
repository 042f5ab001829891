//! How walking feels over real sockets: who walks is left alone, who runs is soon set back, and one mistake costs one `correct`.
//!
//! All walk in one world at the same time, so that a minute of each takes a minute.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;
use wod_tests::pace::Pace;
use wod_tests::relay::{Delay, Relay};
use wod_tests::route::{Route, Spot, Walls, distance};

const MINUTE: Duration = Duration::from_secs(60);
/// Positions are kept to 1/256 m.
const GRAIN: f64 = 1.0 / 128.0;
/// The fountain on the square before Elysium.
const FOUNTAIN: Spot = (100.0, 40.0);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walkers_are_left_alone_runners_are_set_back_within_a_second_and_one_mistake_costs_one_correction() {
    let cluster = Cluster::distributed().await.unwrap();
    let [first, second] = [0, 1].map(|gateway| cluster.gateways[gateway].0);
    let mut witness = Client::guest(&cluster.url(0), "Witness", Encoding::Json).await.unwrap();

    let (house, back, pillar, post) = (house(0.15), house(0.3).reversed(), column(0.15), column(0.3));
    let through_the_house = [(92.0, 40.0), (79.0, 40.0)];
    let to_the_column = [(92.0, 60.0)];
    let walkers = async {
        tokio::join!(
            walk_with_jitter(first, "Hasty", ms(50), &house, 0.15, &through_the_house, 1),
            walk_with_jitter(second, "Steady", ms(100), &back, 0.3, &through_the_house, 2),
            walk_with_jitter(second, "Dizzy", ms(50), &pillar, 0.15, &to_the_column, 3),
            walk_with_jitter(first, "Dizzier", ms(100), &post, 0.3, &to_the_column, 4),
            run_too_fast(second),
            err_now_and_then(first),
        )
    };
    let (a, b, c, d, e, f) = tokio::select! {
        walkers = walkers => walkers,
        error = stand_by(&mut witness) => panic!("the witness: {error:?}\n{}", cluster.logs()),
    };
    let walkers = [a, b, c, d, e, f];
    for walker in walkers.map(|walker| walker.map_err(|error| format!("{error:?}\n{}", cluster.logs())).unwrap()) {
        // That nobody was corrected because nothing arrived would be no feat.
        let (name, at) = (walker.welcome["name"].as_str().unwrap(), walker.at);
        let there = |witness: &Client| {
            let entry = &witness.roster[&walker.you()];
            distance(at, (entry["x"].as_f64().unwrap(), entry["y"].as_f64().unwrap())) < GRAIN
        };
        while !there(&witness) {
            witness.receive().await.unwrap_or_else(|error| panic!("{name} is not seen at {at:?}: {error:#}"));
        }
        assert_eq!(walker.faults, Vec::<String>::new(), "{name}");
    }
    assert_eq!(witness.faults, Vec::<String>::new());
}

/// Stands and looks, and says now and then that she is there. It ends with an error only.
async fn stand_by(witness: &mut Client) -> anyhow::Result<Infallible> {
    loop {
        witness.send(&json!({ "t": "ping", "c": 1 })).await?;
        witness.listen(ms(5000)).await?;
    }
}

/// Four doorways of Elysium, turning tightly round the ends of their walls.
fn house(off: f64) -> Route {
    // Both corners of a wall's end, at x, of a wall along x from y to y + 0.5.
    Route::round(vec![
        (78.0 + off, 22.25 + off),
        (78.0 + off, 21.75 - off),
        (53.0 - off, 21.75 - off),
        (53.0 - off, 22.25 + off),
        (71.75 - off, 37.0 + off),
        (72.25 + off, 37.0 + off),
        (77.0 + off, 57.75 - off),
        (77.0 + off, 58.25 + off),
        (69.0 - off, 58.25 + off),
        (69.0 - off, 57.75 - off),
        (71.75 - off, 43.0 - off),
        (72.25 + off, 43.0 - off),
    ])
}

/// A column on the square, half a metre thick: a corner every few steps.
fn column(off: f64) -> Route {
    let (west, south, side) = (93.75 - off, 61.75 - off, 0.5 + 2.0 * off);
    Route::round(vec![(west, south), (west + side, south), (west + side, south + side), (west, south + side)])
}

/// A player who has gone to where she begins: first to the x of the first of these points, clear of the fountain.
async fn place(url: &str, name: &str, way: &[Spot]) -> anyhow::Result<Client> {
    let mut client = Client::guest(url, name, Encoding::MessagePack).await?;
    let aside = way.first().map(|first| (first.0, client.at.1));
    for (x, y) in aside.iter().chain(way) {
        client.walk_to(*x, *y).await.with_context(|| format!("{name} on her way"))?;
    }
    Ok(client)
}

fn speed(client: &Client) -> anyhow::Result<f64> {
    client.zone["speed"].as_f64().context("zone.speed")
}

/// A minute at full speed round corners, each claim up to 200 ms under way: never a `correct`.
async fn walk_with_jitter(
    gateway: SocketAddr,
    name: &str,
    period: Duration,
    route: &Route,
    off: f64,
    way: &[Spot],
    seed: u64,
) -> anyhow::Result<Client> {
    let relay = Relay::before(gateway, Delay { least: Duration::ZERO, jitter: ms(200) }, Delay::NONE, seed).await?;
    let (x, y) = route.at(0.0);
    let mut client = place(&relay.url(), name, &[way, &[(x, y)]].concat()).await?;
    let speed = speed(&client)?;
    let walls = Walls::of(gateway, &client.zone).await?;
    route.check(&walls, speed * Pace::longest_step(period).as_secs_f64(), off)?;

    let (begin, first, mut walked, mut pace) = (Instant::now(), client.m, 0.0, Pace::new(period));
    while begin.elapsed() < MINUTE {
        walked += speed * pace.step(&mut client, |_| {}).await?.as_secs_f64();
        ensure!(client.corrections.is_empty(), "{name}, seed {seed}, after {walked} m: {:?}", client.corrections);
        let (x, y) = route.at(walked);
        client.claim(x, y).await?;
    }
    // The last of them come as late as they may.
    client.listen(ms(1000)).await?;
    ensure!(client.corrections.is_empty(), "{name}, seed {seed}, at the end: {:?}", client.corrections);
    let (claims, took) = (client.m - first, begin.elapsed().as_secs_f64() - 1.0);
    let corners = walked / route.length() * route.corners() as f64;
    eprintln!(
        "{name}: {walked:.0} m round {corners:.0} corners, {off} m off, {claims} claims in {took:.1} s, of which this process was \
         held up for {:.1?}; 0-200 ms of jitter, seed {seed}: no correction",
        pace.lost
    );
    Ok(client)
}

/// Runs at 1.5 times her speed, again and again, rested each time. No claim that she makes after a second of it is accepted.
async fn run_too_fast(gateway: SocketAddr) -> anyhow::Result<Client> {
    // Clear of walls for 26 m.
    let (west, east, y) = (92.0, 118.0, 45.0);
    let mut client = place(&format!("ws://{gateway}/ws"), "Runner", &[(west, y)]).await?;
    let (begin, speed) = (Instant::now(), speed(&client)?);
    let (mut claimed, mut told): (Vec<u128>, Vec<u128>) = (Vec::new(), Vec::new());
    while begin.elapsed() < MINUTE {
        client.listen(ms(1000)).await?;
        let runs = claimed.len();
        let period = ms(if runs.is_multiple_of(2) { 50 } else { 100 });
        let (from, way) = (client.at.0, if client.at.0 < f64::midpoint(west, east) { 1.0 } else { -1.0 });
        let (start, mut pace, mut sent) = (Instant::now(), Pace::new(period), BTreeMap::new());
        let mut corrected = None;
        client.claim(from, y).await?;
        while corrected.is_none() {
            let mut note = |message: &Value| {
                if message["t"] == "correct" && corrected.is_none() {
                    corrected = Some((message.clone(), start.elapsed()));
                }
            };
            pace.step(&mut client, &mut note).await?;
            if corrected.is_none() {
                let since = start.elapsed();
                let x = from + way * 1.5 * speed * since.as_secs_f64();
                ensure!((west - 1.0..=east + 1.0).contains(&x), "run {runs}: not corrected until x = {x}");
                client.claim(x, y).await?;
                sent.insert(client.m, since);
            }
        }
        let (correct, when) = corrected.context("a correction")?;
        ensure!(correct["why"] == "too_fast", "run {runs}: {correct}");
        let refused = correct["m"].as_u64().context("correct.m")?;
        let since = sent.get(&refused).with_context(|| format!("run {runs}: {correct} refuses what was not run"))?;
        let last_accepted = sent.range(..refused).next_back().map_or(Duration::ZERO, |(_, since)| *since);
        ensure!(last_accepted < ms(1000), "run {runs}: after {last_accepted:?} of it a claim was accepted");
        let ahead = distance(client.at, (from + way * 1.5 * speed * last_accepted.as_secs_f64(), y));
        ensure!(ahead < GRAIN, "run {runs}: she is set back to where she last was, not {ahead} m from it");
        claimed.push(since.as_millis());
        told.push(when.as_millis());
    }
    ensure!(client.corrections.len() == claimed.len(), "one correction a run: {:?}", client.corrections);
    ensure!(claimed.len() >= 10, "{} runs", claimed.len());
    eprintln!(
        "Runner: {} runs at {:.1} m/s; refused what she claimed after {} of it; corrected after {}",
        claimed.len(),
        1.5 * speed,
        spread(claimed),
        spread(told)
    );
    Ok(client)
}

/// Where one claims to be, instead of where one is.
type Mistake = fn(Spot) -> Spot;

/// Walks round the fountain at a round trip of 200 ms and claims now and then to be where she can't be, then goes on from
/// there, for she does not know better yet.
async fn err_now_and_then(gateway: SocketAddr) -> anyhow::Result<Client> {
    const UNDER_WAY: Delay = Delay { least: ms(100), jitter: Duration::ZERO };
    const PERIOD: Duration = ms(50);
    let relay = Relay::before(gateway, UNDER_WAY, UNDER_WAY, 5).await?;
    let route = Route::polygon(FOUNTAIN, 4.8, 12);
    let start = route.at(0.0);
    let mut client = place(&relay.url(), "Erring", &[(106.0, start.1), start]).await?;
    let speed = speed(&client)?;
    let walls = Walls::of(gateway, &client.zone).await?;
    route.check(&walls, speed * Pace::longest_step(PERIOD).as_secs_f64(), 0.8)?;

    let mistakes: [(&str, Mistake); 3] = [
        ("wall", |(x, y)| (x + (FOUNTAIN.0 - x) * 0.3, y + (FOUNTAIN.1 - y) * 0.3)),
        ("too_fast", |(x, y)| (2.0 * FOUNTAIN.0 - x, 2.0 * FOUNTAIN.1 - y)),
        ("out_of_bounds", |(x, y)| (x, y - 50.0)),
    ];
    let (begin, mut walked, mut pace) = (Instant::now(), 0.0, Pace::new(PERIOD));
    let (mut under_way, mut told) = (Vec::new(), Vec::new());
    for (why, mistake) in mistakes.into_iter().cycle() {
        if begin.elapsed() > MINUTE {
            break;
        }
        let made = told.len();
        // An honest stretch, longer than everything under way.
        for _ in 0..30 {
            walked += speed * pace.step(&mut client, |_| {}).await?.as_secs_f64();
            ensure!(client.corrections.len() == made, "{:?} after {made} mistakes", client.corrections.last());
            let (x, y) = route.at(walked);
            client.claim(x, y).await?;
        }
        let (honest, honest_m, erred) = (client.at, client.m, Instant::now());
        let mut astray = walked;
        while client.corrections.len() == made {
            astray += speed * pace.step(&mut client, |_| {}).await?.as_secs_f64();
            if client.corrections.len() == made {
                let (x, y) = mistake(route.at(astray));
                client.claim(x, y).await?;
                ensure!(client.m - honest_m < 100, "no correction of {:?}, which should be `{why}`", (x, y));
            }
        }
        let correct = &client.corrections[made];
        ensure!(correct["why"] == why && correct["m"] == honest_m + 1, "not `{why}` of {}: {correct}", honest_m + 1);
        ensure!(distance(client.at, honest) < GRAIN, "back to {honest:?}: {correct}");
        under_way.push(u128::from(client.m - honest_m - 1));
        told.push(erred.elapsed().as_millis());
    }
    client.listen(ms(1000)).await?;
    ensure!(client.corrections.len() == told.len(), "{} of {} mistakes", client.corrections.len(), told.len());
    ensure!(told.len() >= 10, "{} mistakes", told.len());
    ensure!(under_way.iter().all(|moves| *moves >= 1), "moves with the old c were under way: {under_way:?}");
    eprintln!(
        "Erring: {} mistakes at a round trip of 200 ms, as many corrections, each after {}; moves under way with the old c: {}",
        told.len(),
        spread(told),
        under_way.iter().sum::<u128>(),
    );
    Ok(client)
}

fn spread(mut times: Vec<u128>) -> String {
    times.sort_unstable();
    let of = |share: usize| times[(times.len() - 1) * share / 100];
    format!("{}-{} ms (median {})", of(0), of(100), of(50))
}
