//! Publishing and deploying: what is refused, what each step tells, the way back, and rollouts.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

mod rig;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use parking_lot::Mutex;
use rig::{DEADLINE, Rig, attacker, config, has_trouble};
use serde_json::{Value, json};
use wod_host::signature::{Signature, Trust, TrustedKey};
use wod_host::{HostConfig, REPLAY_BUDGET};
use wod_protocol::ids::Digest;
use wod_sandbox::testing::marked;

fn private(seed: u8) -> String {
    SigningKey::from_bytes(&[seed; 32]).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

fn trusting(seed: u8) -> Trust {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("team.pub");
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    std::fs::write(&file, key.to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    Trust::Keys(vec![TrustedKey::read(&file).unwrap()])
}

fn signed(component: &[u8], seed: u8) -> Option<Signature> {
    Some(Signature::sign(Digest::of(component), &private(seed)).unwrap())
}

fn steps(lines: &[Value]) -> Vec<(&str, &str)> {
    lines.iter().map(|line| (line["step"].as_str().unwrap(), line["state"].as_str().unwrap())).collect()
}

fn line<'a>(lines: &'a [Value], step: &str) -> &'a Value {
    lines.iter().rfind(|line| line["step"] == step).unwrap_or_else(|| panic!("no {step}: {lines:?}"))
}

/// Takes a component in, without running it anywhere; how it is called from then on.
async fn upload(rig: &Rig, component: &[u8]) -> String {
    rig.publish(component.to_vec(), None).await.unwrap()["digest"].as_str().unwrap().to_owned()
}

/// Everything that is posted there.
async fn webhook() -> (reqwest::Url, Arc<Mutex<Vec<Value>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let into = told.clone();
    let take = axum::routing::post(async move |axum::Json(notice): axum::Json<Value>| into.lock().push(notice));
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/hook", take)).await });
    (url, told)
}

async fn until_told(told: &Mutex<Vec<Value>>, event: &str) -> Value {
    let begin = Instant::now();
    loop {
        if let Some(notice) = told.lock().iter().find(|notice| notice["event"] == event) {
            return notice.clone();
        }
        assert!(begin.elapsed() < DEADLINE, "{event} among {:?}", told.lock());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_somebody_trusted_has_signed_is_published_and_a_version_never_changes() {
    let trust = trusting(1);
    let rig = Rig::of(vec![HostConfig { trust, ..config("lab", 1) }], signed(attacker(), 1)).await;
    assert_eq!(rig.add(1).await, 1);
    let [new, other, unsigned] = [1, 2, 3].map(|mark| marked(attacker(), mark));
    let refusal = async |component: &[u8], signature| {
        rig.publish(component.to_vec(), signature).await.unwrap_err()["error"].as_str().unwrap().to_owned()
    };
    assert!(refusal(&new, None).await.contains("is not signed"));
    assert!(refusal(&new, signed(&new, 2)).await.contains("which this host does not trust"));
    assert!(refusal(&new, signed(&other, 1)).await.contains("is of other bytes"));
    let refused = rig.swap(new.clone()).await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("is not signed"), "{refused}");

    let published = rig.publish(new.clone(), signed(&new, 1)).await.unwrap();
    assert_eq!((&published["new"], &published["signer"]), (&json!(true), &json!("team")), "{published}");
    assert_eq!(rig.publish(new.clone(), signed(&new, 1)).await.unwrap()["new"], false);
    assert!(refusal(&other, signed(&other, 1)).await.contains("versions never change"));
    let edition = rig.publish_as("modules?edition=winter.1", other.clone(), signed(&other, 1)).await.unwrap();
    assert_eq!((&edition["new"], &edition["version"]), (&json!(true), &json!("0.0.0+winter.1")));
    let refused = rig.publish_as("modules?edition=win%20ter", other.clone(), signed(&other, 1)).await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("use letters, digits and"), "{refused}");
    // A signature that proves nothing takes no good one's place.
    assert!(refusal(&new, signed(&other, 1)).await.contains("is of other bytes"));

    let lines = rig.deploy("lab.a", &json!({ "module": "attacker@0.0.0" })).await;
    let all = ["fetch", "verify", "compile", "check", "dry_run", "swap", "settled"];
    let done: Vec<&str> =
        steps(&lines).into_iter().filter(|(_, state)| *state == "done").map(|(step, _)| step).collect();
    assert_eq!(done, all, "{lines:?}");
    assert_eq!(line(&lines, "verify")["facts"]["signer"], "team");
    assert_eq!(rig.add(1).await, 2);
    let again = rig.deploy("lab.a", &json!({ "module": "attacker@0.0.0" })).await;
    assert_eq!(line(&again, "swap")["facts"]["generation"], 1, "it runs already: {again:?}");
    // What lies in the store unsigned runs nowhere either.
    let digest = Digest::of(&unsigned);
    rig.backplane.put_blob(digest, unsigned.into()).await.unwrap();
    let lines = rig.deploy("lab.a", &json!({ "module": digest.to_string() })).await;
    assert_eq!(steps(&lines).last(), Some(&("verify", "failed")), "{lines:?}");
    let lines = rig.deploy("lab.a", &json!({ "module": "attacker@9.9.9" })).await;
    assert_eq!(steps(&lines), [("fetch", "failed")], "{lines:?}");
    // The heartbeat tells.
    rig.until("the new module", |zone| zone["module"] == Digest::of(&new).to_string()).await;
    let modules = rig.get("modules").await;
    assert_eq!(modules[0]["zones"], json!(["lab.a"]), "{modules}");
    let lines = rig.deploy("lab.a", &json!({ "module": "attacker@0.0.0+winter.1" })).await;
    assert_eq!(steps(&lines).last(), Some(&("settled", "done")), "{lines:?}");
    rig.until("the edition", |zone| zone["module"] == Digest::of(&other).to_string()).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_touches_nothing_and_says_what_would_come() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    let new = upload(&rig, &marked(attacker(), 1)).await;
    let asking = async {
        for _ in 0..40 {
            rig.add(1).await;
        }
    };
    let order = json!({ "module": new, "plan": true, "shadow": 20 });
    let (lines, ()) = tokio::join!(rig.deploy("lab.a", &order), asking);
    let dry_run = &line(&lines, "dry_run")["facts"];
    assert_eq!((&dry_run["schema"], &dry_run["saved_bytes"]), (&json!([1, 1]), &json!(8)), "{lines:?}");
    assert!(dry_run["pause_ms"].as_f64().unwrap() > 0.0);
    let shadow = &line(&lines, "shadow")["facts"];
    assert!(shadow["calls"].as_u64().unwrap() > 0, "{lines:?}");
    assert_eq!((&shadow["same"], &shadow["differs_at"]), (&shadow["calls"], &Value::Null), "{lines:?}");
    assert_eq!(steps(&lines).last(), Some(&("shadow", "done")));

    // The new one would not take over here.
    rig.set("lab.a", "mode", "refuse").await;
    let lines = rig.deploy("lab.a", &json!({ "module": new })).await;
    assert_eq!(steps(&lines).last(), Some(&("dry_run", "failed")), "{lines:?}");
    assert!(lines.last().unwrap()["text"].as_str().unwrap().contains("not in this zone"), "{lines:?}");
    let zone = rig.zone().await;
    assert_eq!((&zone["generation"], &zone["trouble"]), (&json!(0), &json!([])), "{zone}");
    assert_eq!(rig.add(1).await, 42);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_on_probation_brings_the_version_before_back_with_all_that_is_known() {
    let (url, told) = webhook().await;
    let rig = Rig::of(vec![HostConfig { webhook: Some(url), ..config("lab", 1) }], None).await;
    assert_eq!(rig.add(4).await, 4);
    let before = rig.until("its first heartbeat", |zone| !zone["module"].is_null()).await;
    let new = upload(&rig, &marked(attacker(), 1)).await;
    let order = json!({ "module": new, "probation": 2000 });
    let failing = async {
        rig.until("the new version runs", |zone| zone["on_probation"] == true).await;
        assert_eq!(rig.add(3).await, 7);
        rig.ask("panic").await.unwrap_err();
    };
    let (lines, ()) = tokio::join!(rig.deploy("lab.a", &order), failing);
    assert_eq!(steps(&lines).last(), Some(&("probation", "failed")), "{lines:?}");
    let after = rig.until("the version before", |zone| zone["generation"] == 2).await;
    assert_eq!((&after["module"], &after["on_probation"]), (&before["module"], &json!(false)), "{after}");
    assert_eq!(rig.add(1).await, 8, "nothing is lost");
    assert!(has_trouble(&after, "rolled back (carried)"), "{after}");
    let notice = until_told(&told, "rolled_back").await;
    assert_eq!((&notice["zone"], &notice["module"]), (&json!("lab.a"), &json!(new)), "{notice}");
    // There is nothing before it, and an operator hears so.
    let refused = rig.post("zones/lab.a/rollback", &json!({})).await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("no version before"), "{refused}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_can_not_be_saved_does_not_get_through_its_probation() {
    let rig = Rig::of(vec![config("lab", 1)], None).await;
    assert_eq!(rig.add(4).await, 4);
    let new = upload(&rig, &marked(attacker(), 1)).await;
    // 5 s: nothing else would save it by then.
    let order = json!({ "module": new, "probation": 100 });
    let failing = async {
        rig.until("the new version runs", |zone| zone["on_probation"] == true).await;
        assert_eq!(rig.add(3).await, 7);
        // It has no answer to that, and goes on.
        rig.ask("save:panic").await.unwrap_err();
    };
    let (lines, ()) = tokio::join!(rig.deploy("lab.a", &order), failing);
    assert_eq!(steps(&lines).last(), Some(&("probation", "failed")), "{lines:?}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_version_is_taken_back_by_an_operator_on_a_host_that_never_ran_the_one_before() {
    let mut rig = Rig::of(vec![config("one", 1), config("two", 1)], None).await;
    assert_eq!(rig.add(4).await, 4);
    let owner = rig.until("its owner", |zone| !zone["host"].is_null()).await;
    let first = owner["module"].clone();
    let new = upload(&rig, &marked(attacker(), 1)).await;
    let lines = rig.deploy("lab.a", &json!({ "module": new, "probation": 20 })).await;
    assert_eq!(steps(&lines).last(), Some(&("settled", "done")), "{lines:?}");
    // A snapshot is what the other host begins with: it names the version before, and no more of it.
    if owner["host"] == "two" {
        rig.hosts.swap(0, 1);
    }
    rig.end_first().await;
    assert_eq!(rig.add(1).await, 5);
    let refused = rig.post("zones/lab.a/rollback", &json!({ "rewind": true })).await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("has settled"), "{refused}");
    let back = rig.post("zones/lab.a/rollback", &json!({})).await.unwrap();
    assert_eq!((&back["how"], &back["digest"]), (&json!("carried"), &first), "{back}");
    assert_eq!(rig.add(1).await, 6);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_fails_and_can_be_taken_back_in_no_way_is_quarantined() {
    let (url, told) = webhook().await;
    let rig = Rig::of(vec![HostConfig { webhook: Some(url), ..config("lab", 1) }], None).await;
    assert_eq!(rig.add(4).await, 4);
    let new = upload(&rig, &marked(attacker(), 1)).await;
    let order = json!({ "module": new, "probation": 2000 });
    let failing = async {
        rig.until("the new version runs", |zone| zone["on_probation"] == true).await;
        // From now on nothing loads here any more.
        rig.set("lab.a", "mode", "refuse").await;
        rig.ask("panic").await.unwrap_err();
    };
    let (lines, ()) = tokio::join!(rig.deploy("lab.a", &order), failing);
    assert_eq!(steps(&lines).last(), Some(&("probation", "failed")), "{lines:?}");
    rig.until("it runs without a module", |zone| has_trouble(zone, "quarantined")).await;
    until_told(&told, "quarantined").await;
    rig.set("lab.a", "mode", "").await;
    rig.deploy("lab.a", &json!({ "module": new })).await;
    assert_eq!(rig.add(1).await, 5, "what it knew was kept");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_version_that_does_not_save_goes_on_and_the_swap_is_refused() {
    let rig = Rig::start(REPLAY_BUDGET).await;
    for (round, mode) in ["panic", "loop", "size=9000000"].into_iter().enumerate() {
        // It has no answer to that.
        rig.ask(&format!("save:{mode}")).await.unwrap_err();
        let refused = rig.swap(marked(attacker(), 1)).await.unwrap_err();
        assert!(refused["error"].as_str().unwrap().contains("the swap would be refused"), "{mode}: {refused}");
        assert_eq!(rig.add(1).await, 2 + round as u64, "{mode}");
        assert_eq!(rig.zone().await["generation"], 0, "{mode}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_goes_from_wave_to_wave_and_outlives_its_driver() {
    let mut rig = Rig::of(vec![config("one", 4), config("two", 4)], None).await;
    for zone in ["lab.a", "lab.b", "lab.c", "lab.d"] {
        rig.add_in(zone, 1).await;
    }
    let new = rig.publish(marked(attacker(), 1), None).await.unwrap();
    let order = json!({ "module": "attacker@0.0.0", "zones": "lab.*", "waves": ["1", "50%", "100%"], "probation": 40 });
    let begun = rig.post("rollouts", &order).await.unwrap();
    let id = begun["id"].as_str().unwrap().to_owned();
    assert_eq!(begun["waves"], json!([["lab.a"], ["lab.b"], ["lab.c", "lab.d"]]));
    let twice = rig.post("rollouts", &order).await.unwrap_err();
    assert!(twice["error"].as_str().unwrap().contains(&id), "{twice}");
    let path = format!("rollouts/{id}");
    let begin = Instant::now();
    let mut moved = false;
    loop {
        let now = rig.get(&path).await;
        if now["state"]["is"] == "done" {
            break;
        }
        // Whoever drives it goes, in the middle of a wave.
        if !moved && now["wave"] == 1 && now["driver"] == "one" {
            rig.end_first().await;
            moved = true;
        } else if !moved && now["wave"] == 1 && now["driver"] == "two" {
            rig.hosts.swap(0, 1);
            rig.end_first().await;
            moved = true;
        }
        assert!(begin.elapsed() < 3 * DEADLINE, "{now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(moved);
    for zone in ["lab.a", "lab.b", "lab.c", "lab.d"] {
        let zone = rig.until_in(zone, "it runs", |zone| zone["host"] != Value::Null).await;
        assert_eq!((&zone["module"], &zone["generation"]), (&new["digest"], &json!(1)), "{zone}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_stops_a_rollout_and_takes_it_back() {
    let (url, told) = webhook().await;
    let rig = Rig::of(vec![HostConfig { webhook: Some(url), ..config("lab", 3) }], None).await;
    for zone in ["lab.a", "lab.b", "lab.c"] {
        rig.add_in(zone, 1).await;
    }
    let before = rig.until("its first heartbeat", |zone| !zone["module"].is_null()).await["module"].clone();
    rig.publish(marked(attacker(), 1), None).await.unwrap();
    let order = json!({ "module": "attacker@0.0.0", "zones": "*", "waves": ["1", "2", "100%"], "probation": 30 });
    let id = rig.post("rollouts", &order).await.unwrap()["id"].as_str().unwrap().to_owned();
    // It settles in the first zone, and fails on probation in the second.
    rig.until_in("lab.b", "the second wave", |zone| zone["on_probation"] == true).await;
    rig.ask_in("lab.b", "panic").await.unwrap_err();
    let begin = Instant::now();
    let ended = loop {
        let now = rig.get(&format!("rollouts/{id}")).await;
        if now["state"]["is"] == "stopped" {
            break now;
        }
        assert!(begin.elapsed() < DEADLINE, "{now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ended["zones"]["lab.a"]["is"], "rolled_back", "{ended}");
    assert_eq!(ended["zones"]["lab.b"]["is"], "failed", "{ended}");
    assert_eq!(ended["zones"]["lab.c"]["is"], "waiting", "{ended}");
    until_told(&told, "rollout_stopped").await;
    for (zone, generation) in [("lab.a", 2), ("lab.b", 2), ("lab.c", 0)] {
        let zone = rig.until_in(zone, "it is back", |zone| zone["generation"] == generation).await;
        assert_eq!(zone["module"], before, "{zone}");
    }
    rig.end().await;
}

/// The same component, but its answers are worded otherwise.
fn reworded(component: &[u8]) -> Vec<u8> {
    let (from, to) = (b" with ", b" WITH ");
    let mut component = component.to_vec();
    let places: Vec<usize> =
        component.windows(from.len()).enumerate().filter(|(_, part)| part == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        component[at..at + to.len()].copy_from_slice(to);
    }
    component
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_pauses_on_anything_waits_for_its_operator_where_the_shadow_run_saw_a_difference() {
    let rig = Rig::of(vec![config("lab", 2)], None).await;
    for zone in ["lab.a", "lab.b"] {
        rig.add_in(zone, 1).await;
    }
    rig.publish(reworded(attacker()), None).await.unwrap();
    let order = json!({
        "module": "attacker@0.0.0", "zones": "*", "waves": ["1", "100%"],
        "shadow": 20, "probation": 20, "pause_on": "any",
    });
    let id = rig.post("rollouts", &order).await.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("rollouts/{id}");
    // Somebody asks all the time, so that there is something to compare.
    let until = async |state: &str, zone: &str| {
        let begin = Instant::now();
        loop {
            rig.add_in(zone, 1).await;
            let now = rig.get(&path).await;
            if now["state"]["is"] == state {
                return now;
            }
            assert!(begin.elapsed() < DEADLINE, "{state}: {now}");
        }
    };
    let paused = until("paused", "lab.a").await;
    assert!(paused["state"]["why"].as_str().unwrap().contains("lab.a: shadow: "), "{paused}");
    assert_eq!(paused["zones"]["lab.b"]["is"], "waiting", "{paused}");
    rig.post(&format!("{path}/resume"), &json!({})).await.unwrap();
    let refused = rig.post(&format!("{path}/resume"), &json!({})).await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("not paused"), "{refused}");
    // It pauses after its last wave too: somebody should look.
    until("paused", "lab.b").await;
    rig.post(&format!("{path}/resume"), &json!({})).await.unwrap();
    let done = until("done", "lab.b").await;
    assert_eq!(done["zones"]["lab.b"]["is"], "settled", "{done}");
    let refused = rig.post(&format!("{path}/abort"), &json!({})).await.unwrap_err();
    assert!(refused["error"].as_str().unwrap().contains("it is over"), "{refused}");
    rig.end().await;
}
