//! Walking from zone to zone, over a border and through a portal to another host.

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;

#[tokio::test]
async fn a_player_walks_over_the_border_and_back_and_stays_one() {
    let cluster = Cluster::distributed().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let mut bob = Client::guest(&cluster.url(1), "Bob", Encoding::MessagePack).await.unwrap();
    let (you, session) = (ann.you(), ann.welcome["session"].clone());
    // The road to the streets begins at elysium's eastern edge, x = 120, 34 to 46 m north.
    for (x, y) in [(92.0, ann.at.1), (92.0, 45.0), (118.0, 45.0)] {
        ann.walk_to(x, y).await.unwrap();
    }
    for round in 0..3 {
        ann.walk_to(123.0, 45.0).await.unwrap();
        assert_eq!(ann.zone["zone"], "nyc.streets", "round {round}");
        assert_eq!(ann.zone["reason"], "crossed");
        // Commands sent on either side are dealt with where she is now.
        ann.chat("say", &format!("over, {round}")).await.unwrap();
        ann.settled().await.unwrap();
        bob.command(json!({ "t": "chat", "mode": "whisper", "to": "Ann", "text": format!("there {round}") }))
            .await
            .unwrap();
        let line = format!("there {round}");
        ann.until("a whisper over the border", |message| message["text"] == line.as_str()).await.unwrap();
        ann.walk_to(117.0, 45.0).await.unwrap();
        assert_eq!(ann.zone["zone"], "nyc.elysium", "round {round}");
    }
    assert_eq!((ann.you(), ann.welcome["session"].clone()), (you, session));
    let corrections = ann.seen.iter().filter(|message| message["t"] == "correct").count();
    assert_eq!(corrections, 0, "nobody corrects an honest walk over a border");
    let avatars = |rows: &Value| rows.as_array().unwrap().iter().filter(|row| row["name"] == "Ann").count();
    wod_tests::cluster::until(std::time::Duration::from_secs(5), "one Ann in the whole world", async || {
        Ok(avatars(&cluster.api("players").await?) == 1)
    })
    .await
    .unwrap();
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}

#[tokio::test]
async fn people_on_both_sides_of_a_border_see_and_hear_each_other() {
    let cluster = Cluster::distributed().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let mut bob = Client::guest(&cluster.url(1), "Bob", Encoding::MessagePack).await.unwrap();
    for client in [&mut ann, &mut bob] {
        for (x, y) in [(92.0, client.at.1), (92.0, 45.0), (118.0, 45.0)] {
            client.walk_to(x, y).await.unwrap();
        }
    }
    let is_ghost = |client: &Client, name: &str| {
        let rosters = client.seen.iter().filter(|message| message["t"] == "roster");
        let cards = rosters.flat_map(|message| message["enter"].as_array().unwrap());
        cards.rev().find(|card| card["name"] == name).map(|card| card["ghost"] == true)
    };
    ann.listen(std::time::Duration::from_millis(300)).await.unwrap();
    assert_eq!(is_ghost(&ann, "Bob"), Some(false));
    bob.walk_to(122.0, 45.0).await.unwrap();
    assert_eq!(bob.zone["zone"], "nyc.streets");
    ann.chat("say", "on that side?").await.unwrap();
    bob.until("a line from over the border", |message| message["text"] == "on that side?").await.unwrap();
    bob.chat("emote", "waves").await.unwrap();
    ann.until("a gesture over the border", |message| message["text"] == "waves").await.unwrap();
    assert_eq!((is_ghost(&ann, "Bob"), is_ghost(&bob, "Ann")), (Some(true), Some(true)));
    let rosters = ann.seen.iter().filter(|message| message["t"] == "roster");
    let left = rosters.flat_map(|message| message["leave"].as_array().unwrap());
    assert_eq!(left.filter(|id| id.as_u64() == Some(bob.you())).count(), 0, "she saw him all the way");
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}
