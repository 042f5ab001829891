//! A talk with an NPC goes on where it was: over a lost connection and a swap in the middle of it.

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, modules};
use wod_tests::route::Walls;

/// Before Marguerite of `elysium`, near enough to talk.
const BEFORE_HOST: (f64, f64) = (68.0, 40.0);

fn says(text: &'static str) -> impl Fn(&Value) -> bool {
    move |message| message["t"] == "dialogue" && message["text"].as_str().is_some_and(|said| said.starts_with(text))
}

async fn answer(client: &mut Client, open: &Value, text: &str) {
    let options = open["options"].as_array().unwrap();
    let option = options.iter().find(|option| option["text"] == text).unwrap_or_else(|| panic!("`{text}`: {open}"));
    let choose = json!({ "t": "choose", "dialogue": open["dialogue"], "option": option["id"] });
    client.command(choose).await.unwrap();
}

#[tokio::test]
async fn a_talk_outlives_a_lost_connection_and_a_swap() {
    let cluster = Cluster::dev().await.unwrap();
    let url = cluster.url(0);
    let mut ann = Client::guest(&url, "Ann", Encoding::Json).await.unwrap();
    let walls = Walls::of(cluster.gateways[0].0, &ann.zone).await.unwrap();
    for (x, y) in walls.way(ann.at, BEFORE_HOST).unwrap() {
        ann.walk_to(x, y).await.unwrap();
    }
    let host = ann.near("Marguerite").unwrap();
    ann.command(json!({ "t": "interact", "target": host, "verb": "talk" })).await.unwrap();
    let open = ann.until("the first words", says("So you are Ann.")).await.unwrap();
    answer(&mut ann, &open, "What is behind that door?").await;
    let open = ann.until("what is behind it", says("Behind Marek.")).await.unwrap();

    // The module is replaced; then her connection goes, and she comes back on another.
    let component = std::fs::read(modules().join("elysium.wasm")).unwrap();
    let file = cluster.folder.path().join("elysium-again.wasm");
    std::fs::write(&file, wod_sandbox::with_content(&component, "notes", b"another digest")).unwrap();
    let zone = ann.zone["zone"].as_str().unwrap().to_owned();
    let (code, told) = cluster.operator(&["swap", &zone, file.to_str().unwrap()]).await.unwrap();
    assert_eq!((code, told["generation"].as_u64()), (0, Some(1)), "{told}\n{}", cluster.logs());
    ann.resume(&url).await.unwrap();

    answer(&mut ann, &open, "I am looking for someone.").await;
    let open = ann.until("the word", says("Everybody who is any use to me is.")).await.unwrap();
    answer(&mut ann, &open, "Thank you.").await;
    let open = ann.until("the beginning, of one who is known", says("Ann. Sit by me.")).await.unwrap();
    assert!(open["options"].to_string().contains("Who else has been asking?"), "she is remembered: {open}");
    answer(&mut ann, &open, "Nothing. Good night.").await;
    let over = ann.until("the end", |message| message["t"] == "dialogue").await.unwrap();
    assert_eq!(over["options"], json!([]));
    assert!(ann.faults.is_empty(), "{:?}", ann.faults);
}
