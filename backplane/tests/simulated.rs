//! What the modelled store and network do to those who use them, under virtual time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use wod_backplane::simulated::{Simulation, Weather};
use wod_backplane::{Claim, Error, Health, InboxEvent, Version};
use wod_protocol::ids::{Epoch, Sub};

const STEP: Duration = Duration::from_millis(5);

/// One process's runtime, as a simulator steps it.
fn process() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[test]
fn an_unanswered_write_has_taken_effect_and_a_refused_one_has_not() {
    let simulation = Simulation::new(1);
    let backplane = simulation.connect("host");
    process().block_on(async {
        simulation.set_weather(Weather { refused: 1000, ..Weather::fair() });
        assert!(matches!(backplane.put_value("refused", bytes("x")).await, Err(Error::Away { .. })));
        simulation.set_weather(Weather { unanswered: 1000, ..Weather::fair() });
        assert!(matches!(backplane.put_value("unanswered", bytes("x")).await, Err(Error::Away { .. })));
        simulation.set_weather(Weather::fair());
        assert_eq!(backplane.value("refused").await.unwrap(), None);
        assert_eq!(backplane.value("unanswered").await.unwrap(), Some(bytes("x")));
    });
}

#[test]
fn a_belated_write_takes_effect_after_its_caller_has_given_up() {
    let simulation = Simulation::new(1);
    let backplane = simulation.connect("host");
    process().block_on(async {
        simulation.set_weather(Weather { belated: 1000, ..Weather::fair() });
        assert!(backplane.put_value("key", bytes("late")).await.unwrap_err().is_transient());
        simulation.set_weather(Weather::fair());
        backplane.put_value("key", bytes("in time")).await.unwrap();
        simulation.advance(Duration::from_secs(5));
        assert_eq!(backplane.value("key").await.unwrap(), Some(bytes("late")));
    });
}

#[test]
fn a_replica_that_lagged_has_lost_what_was_written_since() {
    let simulation = Simulation::new(1);
    let backplane = simulation.connect("host");
    let sub = Sub::from("ann");
    process().block_on(async {
        let lease = claim(&backplane, ZONE, "host").await;
        fill(&backplane, &lease, 3).await;
        let first = backplane.put_record(&sub, Version::ABSENT, bytes("first")).await.unwrap();
        simulation.begin_lagging();
        fill(&backplane, &lease, 5).await;
        let second = backplane.put_record(&sub, first, bytes("second")).await.unwrap();
        simulation.go_away();
        assert_eq!(*backplane.health().borrow(), Health::Away);
        assert!(backplane.append(&lease, at(6), bytes("six")).await.unwrap_err().is_transient());
        assert!(simulation.is_lagging());
        simulation.fail_over();
        assert_eq!(*backplane.health().borrow(), Health::Connected);
        assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(3));
        assert_eq!(*backplane.incarnation().borrow(), 1);
        assert_eq!(backplane.record(&sub).await.unwrap(), Some((first, bytes("first"))));
        let again = backplane.put_record(&sub, first, bytes("third")).await.unwrap();
        assert!(again > second, "a version of the lost tail came again");
    });
}

#[test]
fn a_lease_that_was_lost_is_put_back_and_its_epoch_not_given_again() {
    let simulation = Simulation::new(1);
    let backplane = simulation.connect("host");
    process().block_on(async {
        simulation.begin_lagging();
        let lease = claim(&backplane, ZONE, "owner").await;
        simulation.go_away();
        simulation.fail_over();
        assert!(backplane.renew(&lease).await.unwrap_err().is_fenced());
        backplane.reassert(&lease).await.unwrap();
        backplane.append(&lease, at(1), bytes("one")).await.unwrap();
        let next = claim(&backplane, ZONE, "owner").await;
        assert!(next.epoch.0 > lease.epoch.0 + 1000, "{next:?}");
        assert!(backplane.reassert(&lease).await.unwrap_err().is_fenced());
    });
}

#[test]
fn nobody_meets_the_other_state_before_the_incarnation_has_changed() {
    let simulation = Simulation::new(1);
    let backplane = simulation.connect("host");
    process().block_on(async {
        simulation.begin_lagging();
        let lease = claim(&backplane, ZONE, "owner").await;
        let incarnation = backplane.incarnation();
        // Without an outage that anybody has seen.
        simulation.fail_over();
        assert!(incarnation.has_changed().unwrap());
        assert!(backplane.renew(&lease).await.unwrap_err().is_fenced());
    });
}

#[test]
fn after_an_outage_only_the_last_owner_may_claim_for_three_seconds() {
    let simulation = Simulation::new(1);
    let backplane = simulation.connect("host");
    process().block_on(async {
        claim(&backplane, ZONE, "owner").await;
        simulation.go_away();
        simulation.advance(Duration::from_secs(60));
        simulation.come_back(false);
        let other = backplane.claim(ZONE, &host("other"), Epoch(0)).await.unwrap();
        assert!(matches!(other, Claim::Held(..)), "{other:?}");
        claim(&backplane, ZONE, "owner").await;
        simulation.advance(Duration::from_secs(64));
        claim(&backplane, ZONE, "other").await;
    });
}

#[test]
fn a_process_that_is_cut_off_hears_nothing_and_then_of_a_gap() {
    let simulation = Simulation::new(1);
    let (here, there) = (simulation.connect("here"), simulation.connect("there"));
    process().block_on(async {
        let mut inbox = here.subscribe(&gateway("here"), 10).await.unwrap();
        simulation.cut("here", true);
        assert!(here.publish(&gateway("here"), bytes("to myself")).await.is_err());
        assert!(here.value("key").await.unwrap_err().is_transient());
        there.publish(&gateway("here"), bytes("missed")).await.unwrap();
        simulation.advance(Duration::from_millis(100));
        simulation.cut("here", false);
        there.publish(&gateway("here"), bytes("heard")).await.unwrap();
        simulation.advance(Duration::from_millis(200));
        assert_eq!(inbox.recv().await, Some(InboxEvent::Gap { dropped: 0 }));
        assert_eq!(inbox.recv().await, Some(InboxEvent::Message(bytes("heard"))));
        assert_eq!(inbox.try_recv(), None);
    });
}

#[test]
fn messages_of_one_sender_keep_their_order_unless_the_weather_says_otherwise() {
    let arrived = |weather: Weather| {
        let simulation = Simulation::new(3);
        simulation.set_weather(weather);
        let backplane = simulation.connect("process");
        process().block_on(async {
            let mut inbox = backplane.subscribe(&gateway("g"), 200).await.unwrap();
            let mut arrived = Vec::new();
            for n in 0..100_u32 {
                backplane.publish(&gateway("g"), n.to_be_bytes().to_vec().into()).await.unwrap();
                simulation.advance(simulation.now() + STEP);
            }
            simulation.advance(simulation.now() + Duration::from_secs(1));
            while let Some(event) = inbox.try_recv() {
                if let InboxEvent::Message(message) = event {
                    arrived.push(message);
                }
            }
            arrived
        })
    };
    let fair = arrived(Weather { delay_ms: 0..=40, ..Weather::fair() });
    assert_eq!(fair.len(), 100);
    assert!(fair.is_sorted());
    let foul = arrived(Weather { lost: 100, doubled: 100, overtaken: 100, gap: 20, ..Weather::fair() });
    assert!(!foul.is_sorted());
}

#[test]
fn the_same_seed_lets_the_same_happen() {
    let run = |seed| {
        let simulation = Simulation::new(seed);
        let trace = Arc::new(Mutex::new(Vec::new()));
        let kept = trace.clone();
        simulation.observe(Box::new(move |observed| kept.lock().unwrap().push(format!("{observed:?}"))));
        let foul = Weather { refused: 100, unanswered: 100, belated: 50, slow: 50, lost: 100, ..Weather::fair() };
        simulation.set_weather(foul);
        let backplane = simulation.connect("host");
        let runtime = process();
        runtime.spawn(async move {
            for n in 0.. {
                let _ = backplane.put_value("key", bytes(&n.to_string())).await;
                let _ = backplane.publish(&gateway("g"), bytes("hello")).await;
            }
        });
        for step in 1..=2000 {
            runtime.block_on(async { tokio::time::sleep(STEP).await });
            simulation.advance(STEP * step);
        }
        drop(runtime);
        let trace = trace.lock().unwrap();
        assert!(trace.len() > 100);
        trace.clone()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
