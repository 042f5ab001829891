//! Operators rename, export and delete characters with `wod`, while these play on two hosts and two gateways with Redis.

use std::process::Command;

use serde_json::{Value, json};
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, TICKET_SECRET, wod};

async fn login(url: &str, sub: &str, name: &str) -> anyhow::Result<Client> {
    let ticket =
        Command::new(wod()?).args(["ticket", "--secret", TICKET_SECRET, "--sub", sub, "--name", name]).output()?;
    let ticket = String::from_utf8(ticket.stdout)?;
    Client::login(url, json!({ "t": "hello", "ticket": ticket.trim() }), Encoding::Json).await
}

#[tokio::test]
async fn a_character_is_renamed_exported_and_deleted_while_she_plays() {
    let cluster = Cluster::distributed().await.unwrap();
    let mut ann = login(&cluster.url(0), "1", "Ann").await.unwrap();
    let mut bob = login(&cluster.url(1), "2", "Bob").await.unwrap();
    let id = ann.you();
    if bob.near("Ann").is_none() {
        bob.until("Ann in Bob's roster", |m| m["t"] == "roster" && m["enter"].to_string().contains("\"Ann\""))
            .await
            .unwrap();
    }
    assert!(login(&cluster.url(0), "3", "B0b").await.is_err(), "it looks like Bob's");
    let (code, refusal) = cluster.operator(&["players", "rename", "Ann", "B0B"]).await.unwrap();
    assert_eq!(code, 4, "{refusal}");
    let (code, done) = cluster.operator(&["players", "rename", "Ann", "Bea"]).await.unwrap();
    assert_eq!((code, &done["to"]), (0, &json!("Bea")), "{done}");
    let renamed = |m: &Value| m["t"] == "name" && m["id"] == id && m["name"] == "Bea";
    ann.until("her own new name", renamed).await.unwrap();
    bob.until("her new name", renamed).await.unwrap();
    for name in ["bea", "Ann"] {
        let text = format!("psst {name}");
        bob.command(json!({ "t": "chat", "mode": "whisper", "to": name, "text": text })).await.unwrap();
        ann.until("the whisper", |m| m["t"] == "chat" && m["text"] == text).await.unwrap();
    }

    let file = cluster.folder.path().join("bea.json");
    let (code, _) = cluster.operator(&["players", "export", "Bea", "-o", file.to_str().unwrap()]).await.unwrap();
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((code, &kept["name"], &kept["sub"], &kept["player"]["id"]), (0, &json!("Bea"), &json!("1"), &json!(id)));
    assert!(kept["as_of"].is_object(), "{kept}");

    let (code, _) = cluster.operator(&["players", "delete", "Bea"]).await.unwrap();
    assert_eq!(code, 2, "not without --yes");
    let (code, done) = cluster.operator(&["players", "delete", "Bea", "--yes"]).await.unwrap();
    assert_eq!((code, &done["kicked"]), (0, &json!(true)), "{done}");
    assert_eq!(ann.closed().await.unwrap(), 4004);
    assert_eq!(cluster.operator(&["players", "export", "Bea"]).await.unwrap().0, 3);
    let anew = login(&cluster.url(1), "1", "Ann").await.unwrap();
    assert_ne!(anew.you(), id, "somebody new");
    assert_eq!(bob.faults, Vec::<String>::new());
}
