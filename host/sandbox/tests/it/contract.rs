//! What a zone may rely on.

use std::thread;

use bytes::Bytes;
use wod_protocol::client::{ChatMode, TagValue};
use wod_protocol::ids::{EntityId, Seq, Token};
use wod_sandbox::Limits;
use wod_sim::module::{EnterReason, Event, LeaveReason, MoveEnd, Point, Saved, StartReason};

use crate::host::Host;
use crate::support::{ask, attacker, instance, setup, tick};

/// One of each, with contents that are easy to find again.
pub(crate) fn every_event() -> Vec<Event> {
    let (player, npc) = (EntityId(11), EntityId(22));
    let config = vec![("greeting".into(), TagValue::Text("hush".into())), ("guards".into(), TagValue::Int(-2))];
    vec![
        Event::Started { reason: StartReason::Swapped, players: vec![player], mine: vec![npc, EntityId(23)] },
        Event::ConfigChanged(config.clone()),
        Event::Started { reason: StartReason::ResumedWithoutMemory, players: vec![], mine: vec![EntityId(24)] },
        Event::Entered { player, name: "Ann".into(), saved: Bytes::from_static(&[9, 8]), reason: EnterReason::Portal },
        Event::Left { player, reason: LeaveReason::TimedOut },
        Event::SensorEntered { sensor: npc, subject: player },
        Event::SensorLeft { sensor: npc, subject: player },
        Event::Heard { listener: npc, speaker: player, mode: ChatMode::Whisper, text: "psst".into() },
        Event::Interacted { player, seq: Seq(5), target: npc, verb: "talk".into(), args: "{\"a\":1}".into() },
        Event::Chose { player, seq: Seq(6), dialogue: Token(7), choice: None },
        Event::Chose { player, seq: Seq(8), dialogue: Token(7), choice: Some("yes".into()) },
        Event::Moved { npc, order: Token(9), end: MoveEnd::NoWay, at: Point { x: 1.5, y: -2.5 } },
        Event::Observed { entity: npc, by_anyone: true },
        Event::Timer(Token(10)),
        Event::Message { id: 4, sender: "nyc.docks".into(), topic: "cargo".into(), body: Bytes::from_static(b"x") },
        Event::Receipt { order: Token(12), delivered: false },
        Event::ConfigChanged(vec![("open".into(), TagValue::Flag(true)), ("rate".into(), TagValue::Number(0.5))]),
        Event::Other { name: "eclipse".into(), json: "[]".into() },
    ]
}

#[test]
fn every_event_arrives_whole_and_in_order() {
    let (host, result) = tick(&mut *instance(), &every_event());
    assert_eq!(result, Ok(()));
    let said = host.replies.join("\n");
    let expected = include_str!("every_event.txt");
    assert_eq!(said, expected.trim_end(), "\n{said}\n");
}

#[test]
fn the_description_is_the_modules_own() {
    let module = instance();
    let description = module.description();
    assert_eq!((description.name.as_str(), description.schema), ("attacker", 1));
    assert_eq!(description.verbs, ["poke"]);
    assert_eq!(description.config[0].default, TagValue::Text(String::new()));
}

#[test]
fn state_moves_from_one_instance_to_another_through_save_and_load() {
    let mut old = instance();
    old.init(&setup(""), Box::new(Host::default())).result.unwrap();
    ask(&mut *old, &["add:40", "add:2"]).1.unwrap();
    let saved = old.save().unwrap();
    assert_eq!(saved, Saved { schema: 1, bytes: 42_u64.to_le_bytes().to_vec() });
    assert_eq!(old.save().unwrap(), saved, "saving changes nothing");

    let mut new = instance();
    new.load(&setup(""), &saved).unwrap();
    let (host, result) = ask(&mut *new, &["add:1"]);
    assert_eq!(result, Ok(()));
    assert!(host.replies[0].starts_with("43 "), "{:?}", host.replies);
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut module = instance();
        let mut heard = Vec::new();
        for _ in 0..50 {
            let (host, result) = ask(&mut *module, &["add:3", "floats", "odd-arguments", "flood-acts"]);
            assert_eq!(result, Ok(()));
            heard.push(host);
            heard.push(tick(&mut *module, &every_event()).0);
        }
        (heard, module.save().unwrap())
    };
    assert_eq!(run(), run());
}

#[test]
fn every_nan_is_the_canonical_one() {
    let (host, _) = ask(&mut *instance(), &["floats"]);
    assert_eq!(host.replies, ["[7ff8000000000000, 7ff8000000000000, 7ff8000000000000, 7ff8000000000000]"]);
}

#[test]
fn hundreds_of_instances_live_side_by_side() {
    let mut modules: Vec<_> = (0..400).map(|_| instance()).collect();
    for (number, module) in modules.iter_mut().enumerate() {
        ask(&mut **module, &[&format!("add:{number}")]).1.unwrap();
    }
    for (number, module) in modules.iter_mut().enumerate() {
        assert_eq!(module.save().unwrap().bytes, (number as u64).to_le_bytes());
    }
}

#[test]
fn instances_run_at_the_same_time_and_may_change_threads() {
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let mut module = instance();
            thread::spawn(move || {
                for _ in 0..500 {
                    ask(&mut *module, &[&format!("add:{number}")]).1.unwrap();
                }
                module
            })
        })
        .collect();
    for (number, thread) in threads.into_iter().enumerate() {
        let mut module = thread.join().unwrap();
        assert_eq!(module.save().unwrap().bytes, (500 * number as u64).to_le_bytes());
    }
}

#[test]
fn a_module_outlives_the_sandbox_that_made_it_and_its_clock_with_it() {
    let sandbox = wod_sandbox::Sandbox::new(wod_sandbox::SandboxOptions::default()).unwrap();
    let compiled = sandbox.compile(crate::support::attacker_file()).unwrap();
    drop(sandbox);
    let mut module = compiled.instantiate(&crate::support::impatient()).unwrap();
    drop(compiled);
    ask(&mut *module, &["add:1"]).1.unwrap();
    // Without a clock this would never end.
    ask(&mut *module, &["loop"]).1.unwrap_err();
}

#[test]
fn the_digest_is_the_whole_files() {
    let digest = wod_protocol::ids::Digest::of(crate::support::attacker_file());
    assert_eq!(attacker().digest(), digest);
    assert!(attacker().map().is_none());
    assert!(attacker().instantiate(&Limits::default()).is_ok());
}
