//! What was said to a character outlives `kill -9` of everything, and a dialogue goes on where it was.

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;

fn dialogue(message: &Value) -> bool {
    message["t"] == "dialogue"
}

#[tokio::test]
async fn a_dialogue_and_what_was_asked_in_it_survive_a_kill_of_the_whole_world() {
    let mut cluster = Cluster::dev().await.unwrap();
    let url = cluster.url(0);
    let mut ann = Client::guest(&url, "Ann", Encoding::MessagePack).await.unwrap();
    // Through the entrance, to the host of the house.
    for (x, y) in [(92.0, ann.at.1), (92.0, 40.0), (68.0, 40.0)] {
        ann.walk_to(x, y).await.unwrap();
    }
    let host = ann.near("Marguerite").expect("the host stands in the hall");
    ann.command(json!({ "t": "interact", "target": host, "verb": "talk" })).await.unwrap();
    let first = ann.until("the host's first words", dialogue).await.unwrap();
    assert!(first["text"].as_str().unwrap().starts_with("So you are Ann."), "{first}");
    let talk = first["dialogue"].clone();
    ann.command(json!({ "t": "choose", "dialogue": talk, "option": "rules" })).await.unwrap();
    let rules = ann.until("the rules", dialogue).await.unwrap();
    ann.settled().await.unwrap();

    cluster.gateways[0].1.kill().await.unwrap();
    cluster.gateways[0].1.restart().unwrap();
    cluster.until_ready().await.unwrap();

    let (code, answer) = cluster.operator(&["ask", "nyc.elysium", "questions"]).await.unwrap();
    assert_eq!(code, 0, "{answer}");
    assert!(answer.to_string().contains("Ann asked about the rules"), "{answer}");
    let session = ann.welcome["session"].clone();
    ann.resume(&url).await.unwrap();
    assert_eq!(ann.welcome["session"], session, "the same session, in another process");
    assert_eq!(rules["dialogue"], talk);
    ann.command(json!({ "t": "choose", "dialogue": talk, "option": "back-from-rules" })).await.unwrap();
    let again = ann.until("the dialogue to go on", dialogue).await.unwrap();
    assert!(again["text"].as_str().unwrap().starts_with("Ann. Sit by me."), "{again}");
    assert_eq!(ann.faults, Vec::<String>::new());

    let exit = cluster.gateways[0].1.terminate().await.unwrap();
    assert_eq!(exit, 0, "SIGTERM drains and ends well");
}
