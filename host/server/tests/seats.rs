//! A host's zones on its workers, with threads and in real time: a dense zone gets one to itself while it runs.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says more by panicking"))]

mod rig;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rig::{DEADLINE, config};
use tokio_util::sync::CancellationToken;
use wod_backplane::Backplane;
use wod_host::HostConfig;
use wod_host::testing::{Natives, SimulatedHost};
use wod_protocol::client::Kind;
use wod_protocol::ids::{Digest, Token, ZoneNo};
use wod_protocol::registry::ZoneBeat;
use wod_protocol::world::Zone;
use wod_sim::module::{
    Description, Event, Fault, Frame, Goal, HostCalls, Module, Point, Returned, Saved, Setup, Spawning,
};

/// When each zone's module was called, by digest, and how long the first zone's calls take, ms.
#[derive(Default)]
struct Furnace {
    calls: Mutex<BTreeMap<Digest, Vec<Instant>>>,
    heat_ms: AtomicU64,
}

/// Hosts' way to the modules.
struct Furnaces(Arc<Furnace>);

/// A module that is called every tick, and spends time on it.
struct Burner {
    furnace: Arc<Furnace>,
    digest: Digest,
    description: Description,
}

fn digest(zone: ZoneNo) -> Digest {
    Digest::of(&zone.0.to_le_bytes())
}

impl Natives for Furnaces {
    fn first(&self, zone: &Zone) -> Digest {
        digest(zone.number)
    }

    fn instance(&self, digest: &Digest) -> Option<Box<dyn Module>> {
        let description = Description {
            name: "burner".into(),
            version: "1".into(),
            schema: 1,
            verbs: Vec::new(),
            config: Vec::new(),
        };
        Some(Box::new(Burner { furnace: self.0.clone(), digest: *digest, description }))
    }
}

impl Module for Burner {
    fn description(&self) -> &Description {
        &self.description
    }

    fn init(&mut self, setup: &Setup, mut calls: Box<dyn HostCalls>) -> Returned {
        let (from, to) = setup.bounds;
        let at = |share: f32| Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
        let what = Spawning {
            kind: Kind::Npc,
            name: "Snail".into(),
            at: at(0.1),
            heading: 0.0,
            tags: Vec::new(),
            verbs: Vec::new(),
        };
        // Somebody who walks keeps the zone awake.
        let npc = calls.spawn(what).unwrap();
        calls.set_speed(npc, 0.01).unwrap();
        calls.go_to(npc, Goal::Point(at(0.9)), 0.1).unwrap();
        calls.set_timer(Token(1), 1, Some(1)).unwrap();
        Returned { calls, result: Ok(()) }
    }

    fn tick(&mut self, _frame: &Frame, _events: &[Event], calls: Box<dyn HostCalls>) -> Returned {
        let now = Instant::now();
        self.furnace.calls.lock().unwrap().entry(self.digest).or_default().push(now);
        let heat = if self.digest == digest(ZoneNo(1)) { self.furnace.heat_ms.load(Ordering::Relaxed) } else { 1 };
        while now.elapsed() < Duration::from_millis(heat) {
            std::hint::spin_loop();
        }
        Returned { calls, result: Ok(()) }
    }

    fn save(&mut self) -> Result<Saved, Fault> {
        Ok(Saved { schema: 1, bytes: Vec::new() })
    }

    fn load(&mut self, _setup: &Setup, _saved: &Saved) -> Result<(), Fault> {
        Ok(())
    }
}

impl Furnace {
    /// The longest that a zone stood still between two calls since then.
    fn longest_gap(&self, zone: ZoneNo, since: Instant) -> Duration {
        let calls = self.calls.lock().unwrap();
        let calls: Vec<&Instant> = calls[&digest(zone)].iter().filter(|at| **at >= since).collect();
        calls.windows(2).map(|pair| *pair[1] - *pair[0]).max().unwrap_or_default()
    }
}

struct Running {
    host: SimulatedHost,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

async fn start(workers: usize, zones: u8, furnace: &Arc<Furnace>) -> Running {
    let config = HostConfig { workers, ..config("a", zones) };
    let backplane = Backplane::embedded(None).await.unwrap();
    let (stop, (started_tx, started_rx)) = (CancellationToken::new(), tokio::sync::oneshot::channel());
    let natives = Arc::new(Furnaces(furnace.clone()));
    let running = {
        let stop = stop.clone();
        async move {
            let started = |host| assert!(started_tx.send(host).is_ok());
            SimulatedHost::run_threaded(config, backplane, natives, stop, started).await
        }
    };
    let task = tokio::spawn(running);
    Running { host: started_rx.await.unwrap(), stop, task }
}

impl Running {
    async fn until(&self, what: &str, holds: impl Fn(&[ZoneBeat]) -> bool) -> Vec<ZoneBeat> {
        let begin = Instant::now();
        loop {
            let zones = self.host.zones();
            if holds(&zones) {
                return zones;
            }
            assert!(begin.elapsed() < DEADLINE, "{what}: {:?}", seats(&zones));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap().unwrap();
    }
}

/// The zone, its worker, its load.
fn seats(zones: &[ZoneBeat]) -> Vec<(u16, u32, u32)> {
    zones.iter().map(|beat| (beat.zone.0, beat.worker, beat.load)).collect()
}

fn is_ticking(zones: &[ZoneBeat], count: usize) -> bool {
    zones.len() == count && zones.iter().all(|beat| beat.tick.0 > 20)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dense_zone_gets_a_worker_to_itself_while_it_runs() {
    let furnace = Arc::new(Furnace { heat_ms: AtomicU64::new(1), ..Furnace::default() });
    let running = start(2, 5, &furnace).await;
    let before = running.until("all zones tick", |zones| is_ticking(zones, 5)).await;
    let worker = before.iter().find(|beat| beat.zone == ZoneNo(1)).unwrap().worker;
    assert!(before.iter().any(|beat| beat.zone != ZoneNo(1) && beat.worker == worker), "{:?}", seats(&before));
    let begin = Instant::now();
    furnace.heat_ms.store(33, Ordering::Relaxed);
    let alone = |zones: &[ZoneBeat]| {
        let dense = zones.iter().find(|beat| beat.zone == ZoneNo(1)).unwrap();
        zones.iter().all(|beat| (beat.zone == dense.zone) == (beat.worker == dense.worker))
    };
    let after = running.until("the dense zone is alone", alone).await;
    eprintln!("alone after {:.1} s: {:?}", begin.elapsed().as_secs_f64(), seats(&after));
    let (left, ticks) = (Instant::now(), after.iter().map(|beat| beat.tick.0).max().unwrap());
    running.until("two seconds more", |zones| zones.iter().all(|beat| beat.tick.0 > ticks + 40)).await;
    for zone in 1..=5 {
        let whole = furnace.longest_gap(ZoneNo(zone), begin);
        let calm = furnace.longest_gap(ZoneNo(zone), left);
        eprintln!("zone {zone}: longest gap between ticks {whole:?}, after the moves {calm:?}");
        // The tick before, the dense zone's, and what this machine does besides; a recovery would take longer.
        assert!(whole < Duration::from_millis(400), "zone {zone} stood still for {whole:?}");
    }
    let zones = running.host.zones();
    assert!(alone(&zones), "and there it stays: {:?}", seats(&zones));
    assert_eq!(
        zones.iter().map(|beat| beat.epoch).collect::<Vec<_>>(),
        before.iter().map(|beat| beat.epoch).collect::<Vec<_>>(),
        "nobody was recovered"
    );
    running.end().await;
}
