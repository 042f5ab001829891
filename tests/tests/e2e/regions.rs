//! Two regions, each with a gateway of its own: who travels goes on at the one there.

use serde_json::json;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, until};

/// From the road at Elysium's eastern edge to the station of New York, round the houses.
const TO_THE_TRAIN: [(f64, f64); 5] = [(123.0, 45.0), (194.0, 40.0), (194.0, 14.5), (222.0, 14.5), (222.0, 21.5)];

#[tokio::test]
async fn who_takes_the_train_to_los_angeles_plays_on_through_the_gateway_there_and_is_heard_in_new_york() {
    let cluster = Cluster::regional().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let (you, session) = (ann.you(), ann.welcome["session"].clone());
    for (x, y) in [(92.0, ann.at.1), (92.0, 45.0), (118.0, 45.0)].into_iter().chain(TO_THE_TRAIN) {
        ann.walk_to(x, y).await.unwrap();
        if ann.zone["zone"] == "nyc.streets" && (x, y) == TO_THE_TRAIN[0] {
            // The border has cut that way short.
            ann.walk_to(x, y).await.unwrap();
        }
    }
    if ann.zone["zone"] != "la.streets" {
        ann.until("Los Angeles", |message| message["zone"] == "la.streets").await.unwrap();
    }
    ann.chat("say", "so this is it").await.unwrap();
    ann.settled().await.unwrap();

    let bye = ann.until("the way to a nearer gateway", |message| message["t"] == "bye").await.unwrap();
    assert_eq!((bye["code"].as_u64(), bye["gateway"].as_str()), (Some(4100), Some(cluster.url(1).as_str())));
    assert_eq!(ann.closed().await.unwrap(), 4100);
    ann.resume(bye["gateway"].as_str().unwrap()).await.unwrap();
    assert_eq!((ann.zone["zone"].as_str(), ann.zone["reason"].as_str()), (Some("la.streets"), Some("resumed")));
    assert_eq!((ann.you(), ann.welcome["session"].clone()), (you, session));

    // Only now: a client that nobody reads is closed after 30 s.
    let mut bob = Client::guest(&cluster.url(0), "Bob", Encoding::MessagePack).await.unwrap();
    let whisper = |to: &str, text: &str| json!({ "t": "chat", "mode": "whisper", "to": to, "text": text });
    ann.command(whisper("Bob", "the sun never rises here either")).await.unwrap();
    bob.until("a whisper from Los Angeles", |message| message["text"] == "the sun never rises here either")
        .await
        .unwrap();
    bob.command(whisper("Ann", "come home")).await.unwrap();
    ann.until("the answer from New York", |message| message["text"] == "come home").await.unwrap();
    ann.settled().await.unwrap();

    until(std::time::Duration::from_secs(5), "one Ann, through the second gateway", async || {
        let players = cluster.api("players").await?;
        let rows: Vec<_> = players.as_array().unwrap().iter().filter(|row| row["name"] == "Ann").collect();
        Ok(rows.len() == 1 && rows[0]["gateway"].as_str().is_some_and(|gateway| gateway.starts_with("gw-2")))
    })
    .await
    .unwrap();
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}
