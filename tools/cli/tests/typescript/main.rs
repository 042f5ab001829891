//! Zones in TypeScript, as they are typed: made, built, checked, and lived twice in the real simulation.
//!
//! `cargo test --workspace --test typescript -- --nocapture` prints what such a zone costs.

#![allow(clippy::unwrap_used, reason = "in tests a failed expectation is a failed test")]

mod life;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wod_protocol::bus::CommandBody;
use wod_protocol::client::TagValue;
use wod_protocol::ids::Digest;
use wod_protocol::units::Pos;
use wod_sandbox::testing::marked;
use wod_sandbox::{Compiled, Limits, Sandbox, SandboxOptions, THREAD_STACK_BYTES};
use wod_sim::io::Input;

use crate::life::Life;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../zone-api/ts/sample")
}

fn wod(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wod")).args(args).output().unwrap()
}

#[track_caller]
fn well(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{:?}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// The component's file.
#[track_caller]
fn build(zone: &Path, out: &Path, more: &[&str]) -> PathBuf {
    let [zone, out] = [zone, out].map(|path| path.to_str().unwrap());
    let text = well(&wod(&[&["zone", "build", zone, "--out", out, "--json"][..], more].concat()));
    let built: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(built.as_array().map(Vec::len), Some(1), "{built}");
    built[0]["file"].as_str().unwrap().into()
}

fn compile(file: &Path) -> Compiled {
    Sandbox::new(SandboxOptions::default()).unwrap().compile(&std::fs::read(file).unwrap()).unwrap()
}

/// What the component imports, by the component itself.
fn imports(file: &Path) -> Vec<String> {
    let decoded = wit_component::decode(&std::fs::read(file).unwrap()).unwrap();
    let resolve = decoded.resolve();
    let [(_, world)] = resolve.worlds.iter().collect::<Vec<_>>()[..] else { panic!("one world") };
    world.imports.keys().map(|key| resolve.name_world_key(key)).collect()
}

/// On a thread with the stack that modules need.
fn with_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES + (1 << 20)).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_new_zone_builds_passes_its_test_and_the_check_and_is_told_what_is_wrong_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (root, out) = (dir.path().to_str().unwrap(), dir.path().join("out"));
    well(&wod(&["zone", "new", "crypt", "--lang", "ts", "--in", root]));
    let zone = dir.path().join("crypt");
    let file = build(&zone, &out, &[]);
    assert_eq!(file, out.join("crypt.wasm"));
    well(&Command::new("npm").arg("test").current_dir(&zone).output().unwrap());
    let shown = zone.to_str().unwrap();
    well(&wod(&["zone", "test", shown, "--component", file.to_str().unwrap()]));

    // An evening in the simulation, and a swap from itself and back.
    let older = out.join("older.wasm");
    std::fs::write(&older, marked(&std::fs::read(&file).unwrap(), b'x')).unwrap();
    let [new, old] = [&file, &older].map(|path| path.to_str().unwrap());
    let report: Value = serde_json::from_str(&well(&wod(&["zone", "check", new, "--against", old, "--json"]))).unwrap();
    assert_eq!(
        (&report["new"]["module"]["name"], &report["new"]["findings"]),
        (&json!("crypt"), &json!([])),
        "{report:#}"
    );
    let swap = &report["swap"];
    assert_eq!(
        (&swap["loads"]["answer"], &swap["rolls_back"]["answer"], &swap["faults"]),
        (&json!("yes"), &json!("carries"), &json!([])),
        "{swap:#}"
    );
    assert_eq!(swap["old"]["verbs_used"], json!(["greet"]));

    // What did not change is not built anew: the same file, and nothing to swap.
    let before = std::fs::read(&file).unwrap();
    build(&zone, &out, &[]);
    assert!(std::fs::read(&file).unwrap() == before);

    let source = zone.join("src/zone.ts");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("zone.state.visitors += 1", "zone.state.visiters += 1")).unwrap();
    let failed = wod(&["zone", "build", zone.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("src/zone.ts") && said.contains("visiters"), "{said}");

    with_stack(move || {
        std::fs::write(&source, include_str!("probe.ts")).unwrap();
        what_would_differ_in_a_replay_is_refused_by_name(&compile(&build(&zone, &out, &["--quick"])));
        drop(dir);
    });
}

/// Of `probe.ts`.
fn what_would_differ_in_a_replay_is_refused_by_name(probe: &Compiled) {
    let mut life = Life::open(probe);
    let instead = [
        ("now", "zone.frame.gameMs"),
        ("date", "zone.frame.gameMs"),
        ("date as text", "zone.frame.gameMs"),
        ("date by the back door", "zone.frame.gameMs"),
        ("performance", "zone.frame.gameMs"),
        ("timeout", "act.setTimer"),
        ("crypto", "random.next"),
        ("fetch", "nothing but the host"),
        ("weak", "no part of its state"),
    ];
    for (deed, instead) in instead {
        let answer = life.ask(deed).unwrap();
        assert!(answer.starts_with("Error: ") && answer.contains(instead), "{deed}: {answer}");
    }
    assert_eq!(life.ask("date of a number").unwrap(), "1970-01-02T00:00:00.000Z");
    assert_eq!(life.ask("nonsense").unwrap(), "no such deed: nonsense");
    assert_eq!(life.ask("log").unwrap(), "logged");
    assert_eq!(life.lines, ["a line 1 {\"deep\":[\"2n\"]}"]);

    // The engine's own generator would go on from its seed in a new instance; the host's goes on where it was.
    let first = life.ask("random").unwrap();
    let snapshot = (life.zone.snapshot().unwrap(), life.journal.len());
    let second = life.ask("random").unwrap();
    assert_ne!(first, second);
    let state = life.zone.state_hash();
    assert_eq!(life.again(None).unwrap(), state);
    assert_eq!(life.again(Some((&snapshot.0, snapshot.1))).unwrap(), state);

    // A fault tells the error, the function, the file and the line.
    let place =
        include_str!("probe.ts").lines().position(|line| line.contains("as { length: number }).length")).unwrap() + 1;
    fails(probe, "fault", &["TypeError", &format!("reckon (src/zone.ts:{place})")]);
    fails(probe, "deep", &["too much recursion"]);
    // What JSON would lose is the fault of the event that made it so, and named; deeper in the state it is found when that is saved.
    fails(probe, "a map", &["`odd` is a Map"]);
    fails(probe, "not a number", &["`odd` is NaN"]);
    let mut life = Life::open(probe);
    life.ask("deep nan").unwrap();
    let fault = life.zone.snapshot().unwrap_err().to_string();
    assert!(fault.contains("NaN"), "{fault}");
}

#[track_caller]
fn fails(probe: &Compiled, deed: &str, words: &[&str]) {
    let mut life = Life::open(probe);
    life.input(Input::Ask { request: 1, operator: "test".into(), text: deed.into() });
    life.until("a fault", |life| !life.faults.is_empty());
    let fault = life.faults[0].to_string();
    assert!(words.iter().all(|word| fault.contains(word)), "{fault}");
    assert_eq!(life.faults[0].event, Some(0));
}

#[test]
fn the_sample_lives_the_same_again_from_its_journal_and_from_a_snapshot_and_its_cost_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let file = build(&sample(), dir.path(), &[]);
    let built = begin.elapsed();
    // Its own tests, and those of the SDK.
    well(&Command::new("npm").arg("test").current_dir(sample()).output().unwrap());
    let imports = imports(&file);
    assert!(imports.iter().all(|name| name.starts_with("wod:zone/")), "{imports:?}");
    assert!(imports.iter().any(|name| name.starts_with("wod:zone/act@")), "{imports:?}");
    let bytes = std::fs::metadata(&file).unwrap().len();
    eprintln!("component: {} MB, built (or found unchanged) in {:.1} s", bytes / 1_000_000, built.as_secs_f64());
    with_stack(move || {
        let begin = Instant::now();
        let compiled = compile(&file);
        eprintln!("compiled in {:.1} s", begin.elapsed().as_secs_f64());
        lives_twice(&compiled);
        costs(&compiled);
    });
}

fn lives_twice(compiled: &Compiled) {
    let mut life = Life::open(compiled);
    let ann = life.player("Ann");
    let bob = life.player("Bob");
    for who in [ann, bob] {
        life.walk(who, &[[20.0, 9.0], [20.0, 17.0]]);
    }
    let broker = life.npc(ann);
    let talk = || CommandBody::Interact { target: broker, verb: "talk".into(), args: "null".into() };
    let pawn = |life: &mut Life, who: usize| {
        life.players[who].dialogue = None;
        life.command(who, talk());
        life.until("an offer", |life| life.players[who].dialogue.is_some());
        let dialogue = life.players[who].dialogue.as_ref().unwrap().id;
        life.command(who, CommandBody::Choose { dialogue, option: Some("pawn".into()) });
        life.until("a ticket", |life| life.players[who].is_answered());
    };
    pawn(&mut life, ann);
    let snapshot = (life.zone.snapshot().unwrap(), life.journal.len());

    // Greetings and things are drawn by chance; the shop shuts and opens; another instance takes over and gives back.
    pawn(&mut life, bob);
    life.input(Input::Config { request: 900, values: vec![("minutes".into(), TagValue::Int(1))] });
    life.input(Input::Swap { digest: Digest::of(b"another"), probation: 0 });
    life.until("a swap", |life| life.zone.module_digest() == Some(Digest::of(b"another")));
    pawn(&mut life, ann);
    (0..1300).for_each(|_| life.tick());
    life.input(Input::RollBack);
    life.until("a roll-back", |life| life.zone.module_digest() == Some(compiled.digest()));
    assert_eq!(life.ask("tickets").unwrap(), "3");
    assert!(life.faults.is_empty() && life.lines.is_empty(), "{:?}; {:?}", life.faults, life.lines);

    let state = life.zone.state_hash();
    assert_eq!(life.again(None).unwrap(), state, "from the beginning");
    assert_eq!(life.again(Some((&snapshot.0, snapshot.1))).unwrap(), state, "from a snapshot");
}

/// Prints what it costs; how much that may be is for its readers to judge.
fn costs(compiled: &Compiled) {
    let each = |name: &str, mut times: Vec<Duration>| {
        assert!(!times.is_empty(), "{name}: never happened");
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        eprintln!("{name}: p50 {:.0} us, p99 {:.0} us ({} times)", at(50), at(99), times.len());
    };
    let timed = |times: usize, call: &mut dyn FnMut()| -> Vec<Duration> {
        let time = |_| {
            let begin = Instant::now();
            call();
            begin.elapsed()
        };
        (0..times).map(time).collect()
    };
    each("instantiate and drop", timed(50, &mut || drop(compiled.instantiate(&Limits::default()).unwrap())));

    let mut life = Life::open(compiled);
    let first = life.player("Ann");
    let broker = life.npc(first);
    let mut crowd: Vec<usize> = (1..100).map(|number| life.player(&format!("Ann{number}"))).collect();
    crowd.push(first);
    for who in &crowd {
        life.players[*who].way = [[20.0, 9.0], [20.0, 17.0]].map(|[x, y]| Pos::from_metres(x, y)).into();
    }
    life.until("the crowd", |life| life.players.iter().all(|player| player.way.is_empty()));
    (0..20).for_each(|_| life.tick());
    life.take_calls();
    for _ in 0..50 {
        life.ask("tickets").unwrap();
        for who in &crowd {
            let body = CommandBody::Interact { target: broker, verb: "talk".into(), args: "null".into() };
            life.command(*who, body);
        }
        life.tick();
    }
    let calls = life.take_calls();
    let of = |events: usize| -> Vec<Duration> {
        calls.iter().filter(|(count, _)| *count == events).map(|(_, time)| *time).collect()
    };
    each("tick with 1 event, which is answered", of(1));
    each("tick with 100 events, each answered by a dialogue", of(crowd.len()));
    each("snapshot (save) with 100 players", timed(50, &mut || drop(life.zone.snapshot().unwrap())));
    assert!(life.faults.is_empty(), "{:?}", life.faults);
}
