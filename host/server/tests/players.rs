//! What operators do to players through the hosts' HTTP API, whichever host runs their zones.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

mod rig;

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use rig::{DEADLINE, Rig, config};
use serde_json::{Value, json};
use wod_protocol::bus::{AttachProof, AttachRequest, DetachReason, Envelope, GatewayInput, Part, Process, ToZone};
use wod_protocol::ids::{AttachNo, GatewayId, HostId, Nonce, SessionId, Sub, ZoneNo};

/// A gateway of which nothing is known but what it sends.
const GATEWAY: &str = "elsewhere";
const HOSTS: [&str; 2] = ["one", "two"];

async fn start() -> Rig {
    let rig = Rig::of(HOSTS.map(|host| config(host, 2)).to_vec(), None).await;
    for zone in ["lab.a", "lab.b"] {
        rig.add_in(zone, 1).await;
    }
    // Hosts take its players' connections for standing.
    rig.backplane.beat("gateway", GATEWAY, Bytes::new(), Duration::from_secs(600)).await.unwrap();
    rig
}

async fn request(rig: &Rig, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = reqwest::Client::new().request(method, rig.url(path));
    let answer = body.iter().fold(request, |request, body| request.json(body)).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn export(rig: &Rig, name: &str) -> (StatusCode, Value) {
    request(rig, Method::GET, &format!("players/{name}"), None).await
}

async fn rename(rig: &Rig, from: &str, to: &str) -> (StatusCode, Value) {
    request(rig, Method::POST, &format!("players/{from}/rename"), Some(json!({ "to": to }))).await
}

/// Whoever runs the zone gets it.
async fn send(rig: &Rig, zone: ZoneNo, input: GatewayInput) {
    let part = Part::ToZone(ToZone { zone, inputs: vec![input] });
    let from = Process::Gateway(GatewayId::from(GATEWAY));
    let bytes = Envelope { from, parts: vec![part] }.encode().unwrap();
    for host in HOSTS {
        // A host that does not run the zone drops it.
        let _ = rig.backplane.publish(&Process::Host(HostId::from(host)), bytes.clone()).await;
    }
}

/// Logs in, and returns what is kept of her when she stands there.
async fn enter(rig: &Rig, zone: ZoneNo, sub: &str, name: &str, session: u64) -> Value {
    let request = AttachRequest {
        session: SessionId(session),
        nonce: Nonce(session),
        gateway: GatewayId::from(GATEWAY),
        sub: Sub::from(sub),
        name: name.into(),
        guest: false,
        proof: AttachProof::Login,
        token_hash: [7; 32],
    };
    let begun = Instant::now();
    loop {
        send(rig, zone, GatewayInput::Attach(Box::new(request.clone()))).await;
        let (status, kept) = export(rig, name).await;
        if status.is_success() && kept["as_of"].is_object() {
            return kept;
        }
        assert!(begun.elapsed() < DEADLINE, "{name} is not in the world: {kept}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_is_exported_renamed_and_deleted_wherever_she_is() {
    let rig = start().await;
    for (zone, number, sub, name, new) in [("lab.a", 1, "1", "Ann", "Bea"), ("lab.b", 2, "2", "Cal", "Dan")] {
        let kept = enter(&rig, ZoneNo(number), sub, name, 10 + u64::from(number)).await;
        assert_eq!(
            (&kept["schema"], &kept["name"], &kept["sub"], &kept["zone"]),
            (&json!(1), &json!(name), &json!(sub), &json!(zone))
        );
        assert_eq!(kept["former_names"], json!([]));
        let id = kept["player"]["id"].clone();
        assert!(id.is_u64() && kept["player"]["session"].is_null() && kept["player"]["saved"].is_null());

        let (status, done) = rename(&rig, name, new).await;
        assert_eq!((status, &done["to"]), (StatusCode::OK, &json!(new)), "{done}");
        for asked in [new, name] {
            let (_, kept) = export(&rig, asked).await;
            assert_eq!((&kept["name"], &kept["player"]["id"]), (&json!(new), &id));
        }
        let begun = Instant::now();
        while export(&rig, new).await.1["former_names"] != json!([name]) {
            assert!(begun.elapsed() < DEADLINE, "her record never learns the new name");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    // Names that are taken, bad, or nobody's.
    let (status, refusal) = rename(&rig, "Dan", "B\u{415}A").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refusal}");
    assert!(refusal["error"].as_str().unwrap().contains("one script"), "{refusal}");
    let (status, refusal) = rename(&rig, "Dan", "ann").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "it stays hers who had it: {refusal}");
    assert_eq!(rename(&rig, "Nobody", "Eve").await.0, StatusCode::NOT_FOUND);
    assert_eq!(export(&rig, "Nobody").await.0, StatusCode::NOT_FOUND);

    // Bea leaves; Dan is thrown out to be deleted.
    let bye = GatewayInput::Detach { session: SessionId(11), attach: AttachNo(1), why: DetachReason::Bye };
    send(&rig, ZoneNo(1), bye).await;
    let begun = Instant::now();
    let kept = loop {
        let (_, kept) = export(&rig, "Bea").await;
        if kept["zone"].is_null() {
            break kept;
        }
        assert!(begun.elapsed() < DEADLINE, "{kept}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(kept["as_of"].is_null() && kept["record"]["hop"].is_u64() && kept["last_zone"] == json!("lab.a"), "{kept}");
    assert_eq!(rename(&rig, "bea", "Ann").await.0, StatusCode::OK, "one of her own, nowhere");
    for (name, kicked) in [("Ann", false), ("Dan", true)] {
        let (status, done) = request(&rig, Method::DELETE, &format!("players/{name}"), None).await;
        assert_eq!((status, &done["kicked"]), (StatusCode::OK, &json!(kicked)), "{done}");
        assert_eq!(export(&rig, name).await.0, StatusCode::NOT_FOUND);
        assert_eq!(request(&rig, Method::DELETE, &format!("players/{name}"), None).await.0, StatusCode::NOT_FOUND);
    }
    // Who comes again is somebody new, and every name is free.
    let anew = enter(&rig, ZoneNo(1), "2", "Bea", 20).await;
    assert_eq!((&anew["former_names"], &anew["sub"]), (&json!([]), &json!("2")));
    rig.end().await;
}
