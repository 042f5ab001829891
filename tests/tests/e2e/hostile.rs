//! Clients that break the rules are closed with the protocol's codes, and nobody else notices.

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;
use wod_tests::garbage;

#[tokio::test]
async fn rule_breakers_are_closed_with_their_codes_and_nobody_else_notices() {
    let cluster = Cluster::dev().await.unwrap();
    let url = cluster.url(0);
    let mut witness = Client::guest(&url, "Witness", Encoding::Json).await.unwrap();

    for (encoding, names) in [(Encoding::Json, "Rogue"), (Encoding::MessagePack, "Villain")] {
        for (index, (what, frame, code)) in garbage::frames(encoding).into_iter().enumerate() {
            let mut rogue = Client::guest(&url, &format!("{names} {index}"), encoding).await.unwrap();
            rogue.send_raw(frame).await.unwrap();
            assert_eq!(rogue.closed().await.unwrap(), code, "{what}");
        }
    }
    let twin = Client::guest(&url, "witness", Encoding::Json).await;
    assert!(twin.err().unwrap().to_string().contains("4001"), "a name that stands here is taken");

    witness.chat("say", "still here").await.unwrap();
    let own = |message: &Value| message["t"] == "chat" && message["text"] == "still here";
    witness.until("her own line", own).await.unwrap();
    assert_eq!(witness.faults, Vec::<String>::new());
}

#[tokio::test]
async fn commands_out_of_bounds_are_rejected_one_by_one() {
    let cluster = Cluster::dev().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::MessagePack).await.unwrap();
    let cases = [
        (json!({ "t": "chat", "mode": "say", "text": "x".repeat(501) }), "too_long"),
        (json!({ "t": "interact", "target": 1, "verb": "poke" }), "no_such_target"),
        (json!({ "t": "choose", "dialogue": 77, "option": "a" }), "no_such_dialogue"),
    ];
    for (command, code) in cases {
        let seq = ann.command(command).await.unwrap();
        let refused = ann.until(code, |message| message["t"] == "reject").await.unwrap();
        assert_eq!((refused["seq"].as_u64(), refused["code"].as_str()), (Some(seq), Some(code)));
    }
    ann.settled().await.unwrap();
}
