//! A module is replaced while people talk: no socket, no command and no reliable message is lost.

use serde_json::Value;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, modules};

/// The same component with another digest: a custom section more.
fn variant(component: &[u8], mark: u8) -> Vec<u8> {
    let name = b"test:mark";
    let mut section = vec![0, name.len() as u8 + 2, name.len() as u8];
    section.extend_from_slice(name);
    section.push(mark);
    [component, &section].concat()
}

#[tokio::test]
async fn twenty_swaps_lose_no_socket_no_command_and_no_message() {
    let cluster = Cluster::dev().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let mut bob = Client::guest(&cluster.url(0), "Bob", Encoding::MessagePack).await.unwrap();
    let zone = ann.zone["zone"].as_str().unwrap().to_owned();
    let component = std::fs::read(modules().join("elysium.wasm")).unwrap();
    for round in 1..=20 {
        let file = cluster.folder.path().join(format!("variant-{round}.wasm"));
        std::fs::write(&file, variant(&component, round)).unwrap();
        ann.chat("shout", &format!("before swap {round}")).await.unwrap();
        let (code, answer) = cluster.operator(&["swap", &zone, file.to_str().unwrap()]).await.unwrap();
        assert_eq!((code, answer["generation"].as_u64()), (0, Some(u64::from(round))), "{answer}\n{}", cluster.logs());
        for client in [&mut ann, &mut bob] {
            let swapped = |message: &Value| message["t"] == "zone" && message["reason"] == "swapped";
            let zone = client.until("the zone anew", swapped).await.unwrap();
            assert_eq!(zone["generation"].as_u64(), Some(u64::from(round)));
        }
    }
    ann.chat("shout", "the end").await.unwrap();
    bob.until("the last line", |message| message["text"] == "the end").await.unwrap();
    ann.settled().await.unwrap();
    let lines = bob.seen.iter().filter(|message| message["t"] == "chat" && message["name"] == "Ann").count();
    assert_eq!(lines, 21, "every line once");
    assert_eq!((ann.faults.clone(), bob.faults.clone()), (vec![], vec![]));
}

#[tokio::test]
async fn a_module_that_fails_any_check_is_refused_and_the_old_one_goes_on() {
    let cluster = Cluster::dev().await.unwrap();
    let mut ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let zone = ann.zone["zone"].as_str().unwrap().to_owned();
    let component = std::fs::read(modules().join("elysium.wasm")).unwrap();
    let core_module = b"\0asm\x01\0\0\0".to_vec();
    let cases = [
        ("empty", Vec::new()),
        ("core", core_module),
        ("cut", component[..component.len() / 2].to_vec()),
        ("text", b"hi".to_vec()),
    ];
    for (name, bytes) in cases {
        let file = cluster.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&file, bytes).unwrap();
        let (code, answer) = cluster.operator(&["swap", &zone, file.to_str().unwrap()]).await.unwrap();
        assert_eq!(code, 4, "{name}: {answer}");
    }
    ann.chat("say", "untroubled").await.unwrap();
    ann.until("her own line", |message| message["text"] == "untroubled").await.unwrap();
    let zones = cluster.api("zones").await.unwrap();
    let running = zones.as_array().unwrap().iter().find(|row| row["name"] == zone.as_str()).unwrap();
    assert_eq!(running["generation"], 0);
}
