//! A stream of bad input of every kind, from players and to the operators' API: who stands in the same zone sees no gap.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wod_tests::chance::Chance;
use wod_tests::client::{Client, Encoding, PATIENCE};
use wod_tests::cluster::{Cluster, modules, world};
use wod_tests::garbage;
use wod_tests::pace::Pace;
use wod_tests::sight::Sight;

const SEED: u64 = 1;
/// Times that each kind of bad input is sent.
const ROUNDS: usize = 6;
/// Damaged messages of each encoding.
const DAMAGED: usize = 200;
const PERIOD: Duration = Duration::from_millis(100);
/// A busy machine may hold up anybody for some time; who is held up for so long stands still.
const STANDSTILL: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_bad_input_of_every_kind_leaves_no_gap_in_what_a_witness_sees() {
    // Where watchmen walk all the time.
    let folder = tempfile::tempdir().unwrap();
    let usual = std::fs::read_to_string(world()).unwrap();
    let world = folder.path().join("world.toml");
    std::fs::write(&world, usual.replace(r#"start = "nyc.elysium""#, r#"start = "nyc.streets""#)).unwrap();
    let cluster = Arc::new(Cluster::dev_of(&world, &modules()).await.unwrap());
    let (url, gateway, admin) = (cluster.url(0), cluster.gateways[0].0, cluster.admin);

    let witness = Client::guest(&url, "Witness", Encoding::MessagePack).await.unwrap();
    assert_eq!(witness.zone["zone"], "nyc.streets");
    let watch = witness.near("Watchwoman Kerr").expect("she walks her round within sight");
    let neighbour = Client::guest(&url, "Neighbour", Encoding::Json).await.unwrap();

    let over = Arc::new(AtomicBool::new(false));
    let neighbour = tokio::spawn(walk_and_talk(neighbour, over.clone()));
    let watching = tokio::spawn(watch_until_the_end(witness));
    let begin = Instant::now();
    let attacks = [
        tokio::spawn(break_the_rules(url.clone())),
        tokio::spawn(knock_before_hello(url.clone())),
        tokio::spawn(send_damaged_messages(url.clone())),
        tokio::spawn(make_noise(gateway)),
        tokio::spawn(upload_garbage(admin)),
        tokio::spawn(upload_damage(admin)),
        tokio::spawn(ask_nonsense(admin)),
        tokio::spawn(swap_garbage(cluster.clone(), folder.path().to_owned())),
    ];
    let mut reports = Vec::new();
    for attack in attacks {
        reports.push(attack.await.unwrap());
    }
    let took = begin.elapsed();
    over.store(true, Relaxed);
    let (neighbour, lines, claims) = neighbour.await.unwrap().unwrap();
    let (witness, sight) = watching.await.unwrap().unwrap_or_else(|error| panic!("{error:?}\n{}", cluster.logs()));
    for report in reports {
        eprintln!("{}", report.unwrap_or_else(|error| panic!("{error:?}\n{}", cluster.logs())));
    }
    eprintln!(
        "witness: {} updates, {} of the watchwoman (at most {:.1} ticks of her walk apart), {} of the neighbour's {claims} claims, in {took:.1?}; \
         longest time without one {:.0?}; {} told of a slower zone",
        sight.updates,
        sight.updates_of(watch),
        sight.unseen_ticks(watch),
        sight.updates_of(neighbour.you()),
        sight.longest_gap,
        sight.dilated,
    );

    assert_eq!(sight.broken_promises(), Vec::<String>::new());
    assert!(sight.updates_of(watch) > 0 && sight.updates_of(neighbour.you()) > 0);
    assert!(sight.longest_gap < STANDSTILL, "{:?}", sight.longest_gap);
    let heard: Vec<&str> = witness
        .seen
        .iter()
        .filter(|message| message["name"] == "Neighbour")
        .filter_map(|m| m["text"].as_str())
        .collect();
    let said: Vec<String> = (0..lines).map(|line| format!("line {line}")).chain(["the end".to_owned()]).collect();
    assert_eq!(heard, said, "every line once, in order");
    let last = &witness.roster[&neighbour.you()];
    let (x, y) = neighbour.at;
    let off = (last["x"].as_f64().unwrap() - x).hypot(last["y"].as_f64().unwrap() - y);
    assert!(off < 1.0 / 128.0, "the neighbour's last claim, {off} m away");
    assert_eq!(neighbour.corrections, Vec::<serde_json::Value>::new());
    assert_eq!((witness.faults, neighbour.faults), (vec![], vec![]));
}

/// Walks to and fro and says a line each second, until all is over; how many lines, and how many claims.
async fn walk_and_talk(mut client: Client, over: Arc<AtomicBool>) -> anyhow::Result<(Client, u64, u64)> {
    let (from, first) = (client.at, client.m);
    let speed = client.zone["speed"].as_f64().context("zone.speed")?;
    let (mut walked, mut lines, mut pace) = (0.0, 0, Pace::new(PERIOD));
    while !over.load(Relaxed) {
        walked += speed * pace.step(&mut client, |_| {}).await?.as_secs_f64();
        // 3 m to the west and back again.
        let away = 3.0 - (walked % 6.0 - 3.0).abs();
        client.claim(from.0 - away, from.1).await?;
        if (client.m - first).is_multiple_of(10) {
            client.chat("shout", &format!("line {lines}")).await?;
            lines += 1;
        }
    }
    client.settled().await?;
    // Her last position is told of before what she says after it.
    client.listen(PERIOD * 5).await?;
    client.chat("shout", "the end").await?;
    client.settled().await?;
    let claims = client.m - first;
    Ok((client, lines, claims))
}

async fn watch_until_the_end(mut witness: Client) -> anyhow::Result<(Client, Sight)> {
    let mut sight = Sight::default();
    loop {
        let message = witness.receive().await?;
        sight.note(&message);
        if message["t"] == "chat" && message["text"] == "the end" {
            return Ok((witness, sight));
        }
    }
}

/// Every kind of frame that breaks the rules, once, by players in the world.
async fn break_the_rules(url: String) -> anyhow::Result<String> {
    let mut count = 0;
    for (encoding, names) in [(Encoding::Json, "Rogue"), (Encoding::MessagePack, "Villain")] {
        for (index, (what, frame, code)) in garbage::frames(encoding).into_iter().enumerate() {
            let mut rogue = Client::guest(&url, &format!("{names} {index}"), encoding).await?;
            rogue.send_raw(frame).await?;
            let closed = rogue.closed().await.with_context(|| what)?;
            ensure!(closed == code, "{what}: {closed}");
            count += 1;
        }
    }
    Ok(format!("{count} rule breakers in the world, each closed with its code"))
}

/// The same before `hello`, again and again.
async fn knock_before_hello(url: String) -> anyhow::Result<String> {
    let mut count = 0;
    for _ in 0..ROUNDS {
        for encoding in [Encoding::Json, Encoding::MessagePack] {
            for (what, frame, _) in garbage::frames(encoding).into_iter().filter(|(what, ..)| *what != "a second hello")
            {
                let mut stranger = Client::connect(&url, encoding).await?;
                stranger.send_raw(frame).await?;
                let closed = stranger.closed().await.with_context(|| what)?;
                ensure!([4000, 1009].contains(&closed), "{what} before hello: {closed}");
                count += 1;
            }
        }
    }
    Ok(format!("{count} rule breakers before hello, each closed"))
}

/// Damaged messages by players in the world; for each who is thrown out another one comes.
async fn send_damaged_messages(url: String) -> anyhow::Result<String> {
    let mut chance = Chance::new(SEED);
    let mut players = 0;
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let mut vandal: Option<Client> = None;
        for sent in 0..DAMAGED {
            let mut client = match vandal.take() {
                Some(client) => client,
                None => {
                    players += 1;
                    Client::guest(&url, &format!("Vandal {players}"), encoding).await?
                }
            };
            let begin = Instant::now();
            let answered = async {
                client.send_raw(garbage::damaged(encoding, &mut chance)).await?;
                client.send(&json!({ "t": "ping", "c": 99 })).await?;
                client.until("a pong", |message| message["t"] == "pong" && message["c"] == 99).await
            };
            let stays = answered.await.is_ok();
            ensure!(stays || begin.elapsed() < PATIENCE, "seed {SEED}, {encoding:?} {sent}: no answer, and no end");
            vandal = stays.then_some(client);
        }
    }
    Ok(format!("{} damaged messages in the world by {players} players, one after the other thrown out", 2 * DAMAGED))
}

/// What is no WebSocket at all.
async fn make_noise(gateway: SocketAddr) -> anyhow::Result<String> {
    let mut chance = Chance::new(SEED);
    let mut count = 0;
    for _ in 0..ROUNDS {
        for noise in garbage::noises(&mut chance) {
            let mut socket = TcpStream::connect(gateway).await?;
            // It may be closed before all of it is sent.
            socket.write_all(&noise).await.ok();
            socket.shutdown().await.ok();
            let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await;
            ensure!(ended.is_ok(), "a connection that ended with noise stays open");
            count += 1;
        }
    }
    Ok(format!("{count} connections with noise, each ended"))
}

fn module_url(admin: SocketAddr, zone: &str) -> String {
    format!("http://{admin}/api/zones/{zone}/module")
}

/// Files that no zone may run, to the zone where the witness is.
async fn upload_garbage(admin: SocketAddr) -> anyhow::Result<String> {
    let component = std::fs::read(modules().join("streets.wasm"))?;
    let (http, mut chance, mut count) = (reqwest::Client::new(), Chance::new(SEED), 0);
    let put = |bytes: Vec<u8>| http.put(module_url(admin, "nyc.streets")).body(bytes).send();
    for _ in 0..ROUNDS {
        for (what, bytes) in garbage::modules(&component, &mut chance) {
            let answer = put(bytes).await.with_context(|| what)?;
            ensure!(answer.status() == StatusCode::UNPROCESSABLE_ENTITY, "{what}: {answer:?}");
            count += 1;
        }
        // Half an upload, then nothing.
        let mut socket = TcpStream::connect(admin).await?;
        let head = "PUT /api/zones/nyc.streets/module HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
        socket.write_all(&[head.as_bytes(), &component[..1000]].concat()).await?;
        count += 1;
    }
    // The host need not read on to refuse: the answer or the end of the connection may come first.
    if let Ok(answer) = put(vec![0; 33 * 1024 * 1024]).await {
        ensure!(answer.status() == StatusCode::PAYLOAD_TOO_LARGE, "33 MiB: {answer:?}");
    }
    Ok(format!("{} uploads of garbage, each refused", count + 1))
}

/// Modules with bytes turned anywhere, to the zone beside: some are refused, others run there.
async fn upload_damage(admin: SocketAddr) -> anyhow::Result<String> {
    let component = std::fs::read(modules().join("elysium.wasm"))?;
    let (http, mut chance) = (reqwest::Client::new(), Chance::new(SEED));
    let (mut refused, mut accepted) = (0, 0);
    for index in 0..2 * ROUNDS {
        let bytes = garbage::damaged_module(&component, &mut chance);
        let answer = http.put(module_url(admin, "nyc.elysium")).body(bytes).send().await?;
        match answer.status() {
            StatusCode::UNPROCESSABLE_ENTITY => refused += 1,
            StatusCode::OK => accepted += 1,
            other => anyhow::bail!("damaged module {index} of seed {SEED}: {other}, {}", answer.text().await?),
        }
    }
    Ok(format!("{} damaged modules: {refused} refused, {accepted} in the zone beside", refused + accepted))
}

/// Nonsense to every other page of the operators' API.
async fn ask_nonsense(admin: SocketAddr) -> anyhow::Result<String> {
    let (http, mut chance, mut count) = (reqwest::Client::new(), Chance::new(SEED), 0);
    let zone = format!("http://{admin}/api/zones/nyc.streets");
    for _ in 0..ROUNDS {
        let bodies = [Vec::new(), b"{".to_vec(), b"[1]".to_vec(), br#"{"no":{}}"#.to_vec(), chance.bytes(2000)];
        let mut posts = vec![
            (format!("http://{admin}/api/zones/nowhere/ask"), b"{}".to_vec()),
            (format!("{zone}/module"), b"{}".to_vec()),
            (format!("{zone}/%2e%2e%2f%00"), b"{}".to_vec()),
        ];
        for body in bodies {
            posts.push((format!("{zone}/config"), body.clone()));
            posts.push((format!("{zone}/ask"), body));
        }
        for (page, body) in posts {
            let answer = http.post(&page).body(body).send().await?;
            ensure!(answer.status().is_client_error(), "{page}: {answer:?}");
            count += 1;
        }
    }
    Ok(format!("{count} senseless requests of operators, each refused"))
}

/// Garbage swapped in as an operator would, with `wod swap`.
async fn swap_garbage(cluster: Arc<Cluster>, folder: PathBuf) -> anyhow::Result<String> {
    let component = std::fs::read(modules().join("streets.wasm"))?;
    let mut chance = Chance::new(SEED + 1);
    let cases = garbage::modules(&component, &mut chance);
    for (what, bytes) in &cases {
        let file = folder.join("garbage.wasm");
        std::fs::write(&file, bytes)?;
        let (code, answer) = cluster.operator(&["swap", "nyc.streets", &file.display().to_string()]).await?;
        ensure!(code == 4, "{what}: {code}, {answer}");
    }
    Ok(format!("{} garbage swaps by `wod swap`, each refused", cases.len()))
}
