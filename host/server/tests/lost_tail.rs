//! A store that loses the last it was told, under a zone that has hardly anything to say.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

mod rig;

use std::sync::Arc;
use std::time::Duration;

use rig::{DEADLINE, config};
use tokio_util::sync::CancellationToken;
use wod_backplane::simulated::Simulation;
use wod_host::testing::{Natives, SimulatedHost};
use wod_protocol::ids::{Digest, HostId, ZoneNo};
use wod_protocol::registry::ZoneBeat;
use wod_protocol::world::Zone;
use wod_sim::module::{Description, Event, Fault, Frame, HostCalls, Module, Returned, Saved, Setup};

const ZONE: ZoneNo = ZoneNo(1);

/// A module that never does anything.
struct Quiet(Description);

struct Quiets;

impl Natives for Quiets {
    fn first(&self, _zone: &Zone) -> Digest {
        Digest::of(b"quiet")
    }

    fn instance(&self, _digest: &Digest) -> Option<Box<dyn Module>> {
        let (name, version) = ("quiet".into(), "1".into());
        Some(Box::new(Quiet(Description { name, version, schema: 1, verbs: Vec::new(), config: Vec::new() })))
    }
}

impl Module for Quiet {
    fn description(&self) -> &Description {
        &self.0
    }

    fn init(&mut self, _setup: &Setup, calls: Box<dyn HostCalls>) -> Returned {
        Returned { calls, result: Ok(()) }
    }

    fn tick(&mut self, _frame: &Frame, _events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        Returned { calls, result: Ok(()) }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        Ok(Saved { schema: 1, bytes: Vec::new() })
    }

    fn load(&mut self, _setup: &Setup, _saved: &Saved) -> Result<(), Fault> {
        Ok(())
    }
}

/// A host in this thread, under its clock.
async fn host(simulation: &Simulation, name: &str, stop: &CancellationToken) -> SimulatedHost {
    let (started_tx, started_rx) = tokio::sync::oneshot::channel();
    let (config, backplane) = (config(name, 1), simulation.connect(name));
    let started = |host| assert!(started_tx.send(host).is_ok());
    let run = SimulatedHost::run(config, backplane, Arc::new(Quiets), stop.clone(), started);
    tokio::spawn(async move { run.await.unwrap() });
    started_rx.await.unwrap()
}

async fn until(host: &SimulatedHost, what: &str, holds: impl Fn(&ZoneBeat) -> bool) -> ZoneBeat {
    let reached = async {
        loop {
            if let Some(zone) = host.zones().into_iter().find(|zone| zone.zone == ZONE && holds(zone)) {
                return zone;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reached = tokio::time::timeout(DEADLINE, reached).await;
    reached.unwrap_or_else(|_| panic!("{what}: {:?}", host.zones()))
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_has_appended_next_to_nothing_puts_back_what_was_lost_and_goes_on() {
    let (simulation, stop) = (Simulation::in_real_time(1), CancellationToken::new());
    let first = host(&simulation, "a", &stop).await;
    until(&first, "the first host has it", |zone| zone.asleep && zone.uncommitted == 0).await;
    let second = host(&simulation, "b", &stop).await;
    // Both tell how they do before one can give the other a zone.
    tokio::time::sleep(Duration::from_secs(2)).await;
    simulation.begin_lagging();
    first.migrate(ZONE, &HostId::from("b")).await.unwrap();
    let before = until(&second, "the second host has it", |zone| zone.asleep && zone.uncommitted == 0).await;

    simulation.go_away();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(simulation.is_lagging(), "else nothing is lost");
    simulation.fail_over();
    assert_eq!(simulation.owner(ZONE).unwrap().host, HostId::from("a"), "as far as the store remembers");
    let after = until(&second, "it was put back", |zone| !zone.trouble.is_empty()).await;
    assert!(after.trouble[0].contains("were appended again"), "{:?}", after.trouble);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let later = until(&second, "it is still there", |_| true).await;
    assert_eq!((later.epoch, first.zones()), (before.epoch, Vec::new()), "nobody had to recover it");
    stop.cancel();
}
