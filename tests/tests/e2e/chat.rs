//! Who hears whom, over real processes: ignore lists, operators' mutes, and the last lines for a page that was loaded anew.

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::Cluster;

async fn two(cluster: &Cluster) -> (Client, Client) {
    let ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let bob = Client::guest(&cluster.url(0), "Bob", Encoding::MessagePack).await.unwrap();
    (ann, bob)
}

fn of_type(t: &str) -> impl Fn(&Value) -> bool + '_ {
    move |message| message["t"] == t
}

fn says(text: &str) -> impl Fn(&Value) -> bool + '_ {
    move |message| message["t"] == "chat" && message["text"] == text
}

#[tokio::test]
async fn a_player_hears_nothing_of_whom_she_ignores_until_she_hears_him_again() {
    let cluster = Cluster::dev().await.unwrap();
    let (mut ann, mut bob) = two(&cluster).await;
    ann.command(json!({ "t": "ignore", "name": "bob" })).await.unwrap();
    let ignored = ann.until("the list", of_type("ignored")).await.unwrap();
    assert_eq!(ignored["names"], json!(["Bob"]));
    for mode in ["say", "shout", "emote"] {
        bob.chat(mode, "unheard").await.unwrap();
    }
    bob.command(json!({ "t": "chat", "mode": "whisper", "to": "Ann", "text": "unheard" })).await.unwrap();
    bob.until("his own whisper", |message| message["mode"] == "whisper").await.unwrap();
    ann.command(json!({ "t": "unignore", "name": "Bob" })).await.unwrap();
    let ignored = ann.until("the list", of_type("ignored")).await.unwrap();
    assert_eq!(ignored["names"], json!([]));
    assert!(!ann.seen.iter().any(says("unheard")), "not a line of his came before she was told that");
    bob.chat("shout", "heard").await.unwrap();
    ann.until("Bob", says("heard")).await.unwrap();
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}

#[tokio::test]
async fn an_operator_mutes_a_player_and_lets_him_be_heard_again() {
    let cluster = Cluster::dev().await.unwrap();
    let (mut ann, mut bob) = two(&cluster).await;
    let (exit, done) = cluster.operator(&["mute", "bob", "--for", "10m", "--reason", "spam"]).await.unwrap();
    assert_eq!((exit, &done["reply"]), (0, &json!("Bob is muted for 10 min")));
    bob.chat("shout", "unheard").await.unwrap();
    let refused = bob.until("a refusal", of_type("reject")).await.unwrap();
    assert_eq!(refused["code"], "muted");
    assert_eq!(refused["message"], "an operator has muted you for 10 min: spam");
    let (exit, done) = cluster.operator(&["unmute", "Bob"]).await.unwrap();
    assert_eq!((exit, &done["reply"]), (0, &json!("Bob is heard again")));
    bob.chat("shout", "heard").await.unwrap();
    ann.until("Bob", says("heard")).await.unwrap();
    assert!(!ann.seen.iter().any(says("unheard")));
    let (exit, said) = cluster.operator(&["mute", "Nobody", "--for", "1h"]).await.unwrap();
    assert!(exit != 0 && said.to_string().contains("nobody is called `Nobody`"), "{exit}: {said}");
}

#[tokio::test]
async fn a_page_that_was_loaded_anew_gets_the_last_lines_once() {
    let cluster = Cluster::dev().await.unwrap();
    let (mut ann, mut bob) = two(&cluster).await;
    for text in ["one", "two"] {
        bob.chat("shout", text).await.unwrap();
        ann.until("Bob", says(text)).await.unwrap();
    }
    let resume =
        json!({ "session": ann.welcome["session"], "token": ann.welcome["token"], "n": ann.n, "history": true });
    let (n, bobs) = (ann.n, bob.you());
    drop(ann);
    let mut ann =
        Client::login(&cluster.url(0), json!({ "t": "hello", "resume": resume }), Encoding::MessagePack).await.unwrap();
    ann.n = n;
    let history = ann.receive().await.unwrap();
    let line = |text: &str| json!({ "from": bobs, "name": "Bob", "mode": "shout", "text": text });
    assert_eq!(history, json!({ "t": "history", "lines": [line("one"), line("two")] }));
    bob.chat("shout", "three").await.unwrap();
    ann.until("Bob", says("three")).await.unwrap();
    assert!(!ann.seen.iter().any(|message| message["t"] == "chat" && message["text"] != "three"));
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}
