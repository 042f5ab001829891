//! What goes wrong in a run, and when: drawn from the seed before it begins.

use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use wod_backplane::simulated::Weather;

use crate::market::Version;
use crate::world::ZONES;

/// Hosts of every run.
pub(crate) const HOSTS: usize = 3;
/// Gateways of every run.
pub(crate) const GATEWAYS: usize = 2;

/// Something that happens at a time.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A host is killed, and started again after that time.
    KillHost(usize, Duration),
    /// A gateway is.
    KillGateway(usize, Duration),
    /// A host is told to end, and started again when it has.
    TerminateHost(usize),
    /// A gateway is.
    TerminateGateway(usize),
    /// A host's process stands still.
    StopHost(usize),
    /// It goes on.
    ContinueHost(usize),
    /// A gateway's process stands still.
    StopGateway(usize),
    /// It goes on.
    ContinueGateway(usize),
    /// A host can't reach the store, or can again.
    CutHost(usize, bool),
    /// A gateway can't, or can again.
    CutGateway(usize, bool),
    /// The store goes away.
    StoreAway,
    /// It is back, with everything; its process is another one.
    StoreBack(bool),
    /// The replica stops following.
    ReplicaLags,
    /// The replica is the store now.
    FailOver,
    /// Store and network are so reliable from now on.
    Weather(Weather),
    /// A zone's module is replaced, on probation for so many ticks.
    Swap(usize, Version, u32),
    /// A zone is given to a host.
    Migrate(usize, usize),
    /// A host gives its zones away, or takes some again.
    Drain(usize, bool),
}

/// Acts in the order of their times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// What happens when.
    pub(crate) acts: Vec<(Duration, Act)>,
}

/// What is rough now and then.
fn storm() -> Weather {
    Weather {
        latency_ms: 0..=4,
        slow: 50,
        very_slow: 4,
        refused: 25,
        unanswered: 25,
        belated: 8,
        delay_ms: 0..=20,
        lost: 40,
        doubled: 30,
        overtaken: 30,
        gap: 8,
    }
}

/// What is always so.
fn drizzle() -> Weather {
    Weather { refused: 1, unanswered: 1, lost: 2, doubled: 1, overtaken: 1, ..Weather::fair() }
}

impl Plan {
    /// For a run in which things go wrong until `end`. `lossy`: the store may lose its tail.
    pub(crate) fn draw(rng: &mut ChaCha8Rng, end: Duration, lossy: bool) -> Self {
        let mut plan = Self::default();
        plan.at(Duration::ZERO, Act::Weather(if rng.random_bool(0.3) { Weather::fair() } else { drizzle() }));
        for _ in 0..rng.random_range(4..12) {
            let begin = Duration::from_millis(rng.random_range(3_000..end.as_millis() as u64));
            plan.trouble(rng, begin, end);
        }
        if lossy {
            let begin = Duration::from_millis(rng.random_range(5_000..end.as_millis() as u64 - 5_000));
            let away = begin + Duration::from_millis(rng.random_range(50..1000));
            plan.at(begin, Act::ReplicaLags);
            plan.at(away, Act::StoreAway);
            plan.at(away + Duration::from_millis(rng.random_range(500..2500)), Act::FailOver);
        }
        plan.acts.sort_by_key(|(at, _)| *at);
        plan
    }

    fn at(&mut self, at: Duration, act: Act) {
        self.acts.push((at, act));
    }

    fn trouble(&mut self, rng: &mut ChaCha8Rng, begin: Duration, end: Duration) {
        let (host, gateway) = (rng.random_range(0..HOSTS), rng.random_range(0..GATEWAYS));
        let for_a_while =
            |rng: &mut ChaCha8Rng, most: u64| (begin + Duration::from_millis(rng.random_range(100..most))).min(end);
        match rng.random_range(0..26) {
            0..=2 => self.at(begin, Act::KillHost(host, Duration::from_millis(rng.random_range(100..7000)))),
            3 | 4 => self.at(begin, Act::KillGateway(gateway, Duration::from_millis(rng.random_range(100..5000)))),
            5 => self.at(begin, Act::TerminateHost(host)),
            6 => self.at(begin, Act::TerminateGateway(gateway)),
            7 | 8 => {
                self.at(begin, Act::StopHost(host));
                self.at(for_a_while(rng, 7000), Act::ContinueHost(host));
            }
            9 => {
                self.at(begin, Act::StopGateway(gateway));
                self.at(for_a_while(rng, 9000), Act::ContinueGateway(gateway));
            }
            10 | 11 => {
                self.at(begin, Act::CutHost(host, true));
                self.at(for_a_while(rng, 6000), Act::CutHost(host, false));
            }
            12 => {
                self.at(begin, Act::CutGateway(gateway, true));
                self.at(for_a_while(rng, 6000), Act::CutGateway(gateway, false));
            }
            13 => {
                self.at(begin, Act::StoreAway);
                self.at(for_a_while(rng, 6000), Act::StoreBack(rng.random_bool(0.5)));
            }
            14..=16 => {
                self.at(begin, Act::Weather(storm()));
                self.at(for_a_while(rng, 8000), Act::Weather(drizzle()));
            }
            17..=20 => self.at(begin, Act::Migrate(rng.random_range(0..ZONES.len()), host)),
            21 => {
                self.at(begin, Act::Drain(host, true));
                self.at(for_a_while(rng, 9000), Act::Drain(host, false));
            }
            _ => {
                let version = [Version::One, Version::Two, Version::Frail, Version::Frail][rng.random_range(0..4)];
                let probation = if rng.random_bool(0.5) { rng.random_range(10..200) } else { 0 };
                self.at(begin, Act::Swap(rng.random_range(0..ZONES.len()), version, probation));
            }
        }
    }
}
