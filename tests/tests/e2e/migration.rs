//! Zones move between hosts while people walk and talk in them.

use serde_json::Value;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;

fn is_migrated(message: &Value) -> bool {
    message["t"] == "zone" && message["reason"] == "migrated"
}

#[tokio::test]
async fn a_zone_moves_to_another_host_and_back_and_nobody_in_it_loses_a_line_or_a_step() {
    let cluster = Cluster::distributed().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let mut bob = Client::guest(&cluster.url(1), "Bob", Encoding::MessagePack).await.unwrap();
    let zone = ann.zone["zone"].as_str().unwrap().to_owned();
    let start = ann.at;
    let moves = ["host-la", "host-nyc", "host-la", "host-nyc"];
    for (round, host) in moves.iter().enumerate() {
        ann.chat("shout", &format!("line {round}")).await.unwrap();
        let order = ["migrate", zone.as_str(), host];
        let walk = async {
            // To and fro, at full speed, all the while.
            for side in [3.0, 0.0] {
                ann.walk_to(start.0 + side, start.1).await.unwrap();
            }
        };
        let (moved, ()) = tokio::join!(cluster.operator(&order), walk);
        let (code, answer) = moved.unwrap();
        assert_eq!((code, answer["host"].as_str()), (0, Some(*host)), "{answer}\n{}", cluster.logs());
        println!("to {host}: ready after {} ms, stood still for {} ms", answer["prepared_ms"], answer["pause_ms"]);
        bob.until("the zone anew", is_migrated).await.unwrap();
    }
    ann.chat("shout", "the end").await.unwrap();
    bob.until("the last line", |message| message["text"] == "the end").await.unwrap();
    ann.settled().await.unwrap();
    assert_eq!(ann.seen.iter().filter(|message| is_migrated(message)).count(), moves.len());
    let lines = bob.seen.iter().filter(|message| message["t"] == "chat" && message["name"] == "Ann").count();
    assert_eq!(lines, moves.len() + 1, "every line once");
    assert_eq!(ann.seen.iter().filter(|message| message["t"] == "correct").count(), 0, "no honest step is taken back");
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}

#[tokio::test]
async fn a_host_is_drained_and_ended_while_people_play_in_its_zones() {
    let mut cluster = Cluster::distributed().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    cluster.admin = cluster.hosts[1].0;
    let (code, _) = cluster.operator(&["drain", "host-nyc"]).await.unwrap();
    assert_eq!(code, 0, "{}", cluster.logs());
    let hosts = cluster.api("hosts").await.unwrap();
    let zones = |name: &str| {
        let host = hosts.as_array().unwrap().iter().find(|host| host["host"] == name).unwrap();
        host["zones"].as_array().unwrap().len()
    };
    assert_eq!((zones("host-nyc"), zones("host-la")), (0, 3));
    assert_eq!(cluster.hosts[0].1.terminate().await.unwrap(), 0);
    ann.chat("say", "still here").await.unwrap();
    ann.until("her own line", |message| message["text"] == "still here").await.unwrap();
    ann.settled().await.unwrap();
    assert_eq!(ann.faults, Vec::<String>::new());
}
