//! `kill -9` of the hosts while fifty clients walk and talk: nobody loses a socket or an acked command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;

const CLIENTS: usize = 50;

/// Walks to and fro and talks until told to stop; what it said and what it heard of itself.
async fn live(mut client: Client, index: usize, stop: Arc<AtomicBool>) -> (Client, Vec<String>) {
    let mut said = Vec::new();
    let home = client.at;
    while !stop.load(Ordering::Relaxed) {
        let line = format!("line {} of client {index}", said.len());
        client.chat("say", &line).await.unwrap();
        said.push(line);
        let side = if said.len() % 2 == 0 { 0.5 } else { -0.5 };
        client.claim(home.0 + side, home.1).await.unwrap();
        client.listen(Duration::from_millis(250)).await.unwrap();
    }
    client.settled().await.unwrap();
    client.listen(Duration::from_secs(2)).await.unwrap();
    (client, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_outlive_a_kill_of_both_hosts() {
    let mut cluster = Cluster::distributed().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut lives = JoinSet::new();
    for index in 0..CLIENTS {
        let encoding = if index % 2 == 0 { Encoding::Json } else { Encoding::MessagePack };
        let client = Client::guest(&cluster.url(index % 2), &format!("Client {index}"), encoding).await.unwrap();
        lives.spawn(live(client, index, stop.clone()));
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        for (_, host) in &mut cluster.hosts {
            host.kill().await.unwrap();
            host.restart().unwrap();
        }
        cluster.until_ready().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = lives.join_next().await {
        let (client, said) = ended.unwrap_or_else(|error| panic!("a client fell: {error}\n{}", cluster.logs()));
        let own = client.you();
        let heard: Vec<String> = client
            .seen
            .iter()
            .filter(|message| message["t"] == "chat" && message["from"].as_u64() == Some(own))
            .map(|message| message["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(client.acked, said.len() as u64, "every command was dealt with");
        assert_eq!(heard, said, "each line in effect once and in order");
        assert_eq!(client.faults, Vec::<String>::new());
    }
}
