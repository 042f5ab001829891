//! Two players meet in the world that `wod dev` starts, and talk.

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;

fn heard<'a>(mode: &'a str, text: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |message| message["t"] == "chat" && message["mode"] == mode && message["text"] == text
}

#[tokio::test]
async fn players_of_both_encodings_meet_walk_and_talk() {
    let cluster = Cluster::dev().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let mut bob = Client::guest(&cluster.url(0), "Bob", Encoding::MessagePack).await.unwrap();

    let met = |message: &Value| message["t"] == "roster" && message["enter"].to_string().contains("\"Bob\"");
    if ann.near("Bob").is_none() {
        ann.until("Bob in Ann's roster", met).await.unwrap();
    }
    assert_eq!(bob.near("Ann"), Some(ann.you()), "one id for everybody");

    let distance = |ann: &Client, bob: &Client| (ann.at.0 - bob.at.0).hypot(ann.at.1 - bob.at.1);
    if distance(&ann, &bob) > 12.0 {
        ann.chat("say", "too far for a say").await.unwrap();
    }
    // Around the fountain between the spawn points.
    bob.walk_to(94.0, bob.at.1).await.unwrap();
    bob.walk_to(94.0, ann.at.1).await.unwrap();
    assert!(distance(&ann, &bob) < 4.0, "Bob walks up to Ann without a correction");
    for mode in ["say", "emote", "shout"] {
        let line = format!("a {mode} of Ann's");
        ann.chat(mode, &line).await.unwrap();
        let echo = ann.until("her own line", heard(mode, &line)).await.unwrap();
        let line = bob.until("Ann's line", heard(mode, &line)).await.unwrap();
        assert_eq!((echo["from"].as_u64(), line["name"].as_str()), (Some(ann.you()), Some("Ann")));
    }
    ann.command(json!({ "t": "chat", "mode": "whisper", "to": "bob", "text": "psst" })).await.unwrap();
    bob.until("the whisper", heard("whisper", "psst")).await.unwrap();
    ann.command(json!({ "t": "chat", "mode": "whisper", "to": "Nobody", "text": "?" })).await.unwrap();
    let refused = ann.until("the whisper's refusal", |message| message["t"] == "reject").await.unwrap();
    assert_eq!(refused["code"], "no_such_player");
    ann.settled().await.unwrap();

    let (x, y) = ann.at;
    ann.walk_to(x + 1.0, y).await.unwrap();
    let id = ann.you();
    let arrived = |message: &Value| {
        let entries = message["e"].as_array().into_iter().flatten();
        message["t"] == "update"
            && entries.into_iter().any(|e| e[0] == id && (e[1].as_f64().unwrap() - x - 1.0).abs() < 0.02)
    };
    bob.until("Ann's last position", arrived).await.unwrap();

    assert!(!bob.seen.iter().any(|message| message["text"] == "too far for a say"), "a say carries 10 m");
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}

#[tokio::test]
async fn a_player_cut_off_resumes_and_loses_nothing() {
    let cluster = Cluster::dev().await.unwrap();
    let url = cluster.url(0);
    let mut ann = Client::guest(&url, "Ann", Encoding::MessagePack).await.unwrap();
    let mut bob = Client::guest(&url, "Bob", Encoding::Json).await.unwrap();
    ann.chat("shout", "before").await.unwrap();
    bob.until("the line before", heard("shout", "before")).await.unwrap();

    // Bob's connection goes without a word while both talk.
    let session = bob.welcome["session"].clone();
    bob.chat("shout", "said into a dying line").await.unwrap();
    bob.resume(&url).await.unwrap();
    assert_eq!(bob.welcome["session"], session);
    ann.chat("shout", "while away").await.unwrap();
    bob.until("what was said meanwhile", heard("shout", "while away")).await.unwrap();
    bob.settled().await.unwrap();

    let lines = |client: &Client| client.seen.iter().filter(|m| m["text"] == "said into a dying line").count();
    if lines(&ann) == 0 {
        ann.until("Bob's last line", heard("shout", "said into a dying line")).await.unwrap();
    }
    ann.listen(std::time::Duration::from_millis(500)).await.unwrap();
    assert_eq!(lines(&ann), 1, "sent again, in effect once");
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));

    // A token that is no longer good, and one that never was.
    bob.send(&json!({ "t": "bye" })).await.unwrap();
    let hello = json!({ "t": "hello", "resume": { "session": session, "token": "guess", "n": 0 } });
    let refused = Client::login(&url, hello, Encoding::Json).await;
    assert!(refused.is_err(), "a wrong token must not let anybody in");
}
