//! Who is connected to the modelled store, what is under way, and what time it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use wod_protocol::bus::Process;
use wod_protocol::limits::LEASE_TTL;

use super::faults::{Bug, Fate, Passage, Weather};
use super::store::{Moment, Store};
use super::{Observed, Observer, Tamper};
use crate::error::Error;
use crate::inbox::InboxQueue;
use crate::types::Health;

/// Whose clock the store follows.
pub(super) enum Clock {
    /// The simulator's, which tells it.
    Told(Duration),
    /// That of the runtime which asks, counted from here.
    Tokio(Instant),
}

/// An operation that is carried out later than its caller waits.
pub(super) struct Belated {
    /// Whose it is.
    pub(super) connection: u64,
    pub(super) operation: &'static str,
    pub(super) about: String,
    pub(super) apply: Box<Apply>,
}

type Apply = dyn FnOnce(&mut Store, &Moment) -> Result<(), Error> + Send;

/// All of the simulation.
pub(super) struct Network {
    clock: Clock,
    pub(super) rng: ChaCha8Rng,
    pub(super) store: Store,
    /// What a replica has that did not get the last writes.
    pub(super) replica: Option<Store>,
    /// Of the store.
    history: u64,
    /// The store is away for everybody.
    pub(super) away: bool,
    /// Processes that are cut off from a store which is there for others.
    pub(super) cut: BTreeSet<Arc<str>>,
    pub(super) weather: Weather,
    pub(super) bug: Option<Bug>,
    pub(super) tamper: Option<Tamper>,
    pub(super) connections: BTreeMap<u64, Connection>,
    under_way: BTreeMap<(Duration, u64), UnderWay>,
    /// Counts connections, what is under way, and writes: never the same number twice.
    counter: u64,
    pub(super) observer: Option<Observer>,
}

/// One handle's.
pub(super) struct Connection {
    pub(super) process: Arc<str>,
    /// Since when it is up; none while it is not.
    pub(super) since: Option<Duration>,
    /// Tells an answer that was asked for before an outage.
    pub(super) generation: u32,
    pub(super) health: watch::Sender<Health>,
    /// How often it has met another history.
    pub(super) incarnation: watch::Sender<u64>,
    history: u64,
    /// Told when it comes up. Not by `health`: a watch wakes those who wait in an order of its own random choice.
    pub(super) came_up: Arc<Notify>,
    inboxes: Vec<(Process, Weak<InboxQueue>)>,
    /// By sender: the last of its messages arrives then, and none that it sends later does so earlier.
    arrivals: BTreeMap<Arc<str>, Duration>,
}

enum UnderWay {
    Letter { to: Process, bytes: Bytes },
    Gap { to: Process },
    Operation(Belated),
}

impl Network {
    pub(super) fn new(seed: u64, clock: Clock, weather: Weather) -> Self {
        Self {
            clock,
            rng: ChaCha8Rng::seed_from_u64(seed),
            store: Store::default(),
            replica: None,
            history: 0,
            away: false,
            cut: BTreeSet::new(),
            weather,
            bug: None,
            tamper: None,
            connections: BTreeMap::new(),
            under_way: BTreeMap::new(),
            counter: 0,
            observer: None,
        }
    }

    pub(super) fn now(&self) -> Duration {
        match self.clock {
            Clock::Told(now) => now,
            Clock::Tokio(began) => began.elapsed(),
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn observe(&mut self, process: &str, operation: &'static str, detail: &str, message: Option<&Bytes>) {
        let at = self.now();
        if let Some(observer) = &mut self.observer {
            observer(&Observed { at, process, operation, detail, message });
        }
    }

    /// What an operation of this connection finds now.
    pub(super) fn moment(&mut self, connection: u64) -> Moment {
        let now = self.now();
        let since = self.connections.get(&connection).and_then(|connection| connection.since);
        let hold_off = since.map_or(LEASE_TTL, |since| LEASE_TTL.saturating_sub(now - since));
        let (version, token) = (self.next_number(), self.rng.random_range(1..1 << 53));
        Moment { now, hold_off, history: self.history, token, version, bug: self.bug }
    }

    /// The store is another one now, or has been started anew.
    pub(super) fn begin_history(&mut self) {
        self.history += 1;
    }

    // ---- connections

    pub(super) fn connect(&mut self, process: &str) -> u64 {
        let id = self.next_number();
        let up = !self.away && !self.cut.contains(process);
        let health = watch::Sender::new(if up { Health::Connected } else { Health::Away });
        let connection = Connection {
            process: process.into(),
            since: up.then(|| self.now()),
            generation: 0,
            health,
            incarnation: watch::Sender::new(0),
            history: self.history,
            came_up: Arc::default(),
            inboxes: Vec::new(),
            arrivals: BTreeMap::new(),
        };
        self.connections.insert(id, connection);
        id
    }

    /// The handle is gone; its inboxes end.
    pub(super) fn disconnect(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            connection.health.send_replace(Health::Away);
            for queue in connection.inboxes.iter().filter_map(|(_, queue)| queue.upgrade()) {
                queue.close();
            }
        }
    }

    /// What a change of [`Self::away`] or [`Self::cut`] makes of the connections.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        for connection in self.connections.values_mut() {
            let up = !self.away && !self.cut.contains(&connection.process);
            if up == connection.since.is_some() {
                continue;
            }
            connection.since = up.then_some(now);
            connection.generation += 1;
            for queue in connection.inboxes.iter().filter_map(|(_, queue)| queue.upgrade()) {
                if up {
                    queue.push_unknown_gap();
                }
                queue.set_connected(up);
            }
            if up && connection.history != self.history {
                connection.history = self.history;
                connection.incarnation.send_modify(|incarnation| *incarnation += 1);
            }
            connection.health.send_replace(if up { Health::Connected } else { Health::Away });
            if up {
                connection.came_up.notify_waiters();
            }
        }
    }

    /// What becomes of an operation that is asked for now.
    pub(super) fn plan(&mut self) -> (Duration, Duration, Fate) {
        self.weather.operation(&mut self.rng)
    }

    /// Carries it out when that time has passed, if the store is there then.
    pub(super) fn belate(&mut self, after: Duration, belated: Belated) {
        let key = (self.now() + after, self.next_number());
        self.under_way.insert(key, UnderWay::Operation(belated));
    }

    // ---- messages

    pub(super) fn subscribe(&mut self, id: u64, me: &Process, capacity: usize) -> Result<Arc<InboxQueue>, Error> {
        const OPERATION: &str = "subscribe";
        let connection = self.connections.get_mut(&id).ok_or(Error::Closed { operation: OPERATION })?;
        if connection.since.is_none() {
            return Err(Error::Away { operation: OPERATION, source: None });
        }
        let queue = InboxQueue::new(capacity);
        connection.inboxes.retain(|(_, queue)| queue.strong_count() > 0);
        connection.inboxes.push((me.clone(), Arc::downgrade(&queue)));
        Ok(queue)
    }

    pub(super) fn publish(&mut self, id: u64, to: &Process, bytes: Bytes) -> Result<(), Error> {
        const OPERATION: &str = "publish";
        let now = self.now();
        let bytes = self.tamper.as_mut().and_then(|tamper| tamper(&bytes)).unwrap_or(bytes);
        let Passage { delays, in_order, gap } = self.weather.message(&mut self.rng);
        let from = self.connections.get_mut(&id).ok_or(Error::Closed { operation: OPERATION })?;
        if from.since.is_none() {
            return Err(Error::Away { operation: OPERATION, source: None });
        }
        let process = from.process.clone();
        for delay in delays {
            let mut arrives = now + delay;
            if in_order {
                let last = from.arrivals.entry(to.to_string().into()).or_default();
                arrives = arrives.max(*last);
                *last = arrives;
            }
            self.counter += 1;
            let what = match gap {
                true => UnderWay::Gap { to: to.clone() },
                false => UnderWay::Letter { to: to.clone(), bytes: bytes.clone() },
            };
            self.under_way.insert((arrives, self.counter), what);
        }
        if self.observer.is_some() {
            let detail = format!("to {to} {} B {:016x}", bytes.len(), xxhash_rust::xxh3::xxh3_64(&bytes));
            self.observe(&process, OPERATION, &detail, Some(&bytes));
        }
        if matches!(self.clock, Clock::Tokio(_)) {
            self.deliver();
        }
        Ok(())
    }

    /// The simulator says how late it is; what is due arrives.
    pub(super) fn advance(&mut self, to: Duration) {
        if let Clock::Told(now) = &mut self.clock {
            *now = to.max(*now);
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        let now = self.now();
        while let Some(first) = self.under_way.first_entry().filter(|first| first.key().0 <= now) {
            match first.remove() {
                UnderWay::Letter { to, bytes } => {
                    self.each_inbox(&to, |queue| queue.push(bytes.clone()));
                }
                UnderWay::Gap { to } => self.each_inbox(&to, InboxQueue::push_unknown_gap),
                UnderWay::Operation(Belated { connection, operation, about, apply }) => {
                    let moment = self.moment(connection);
                    if !self.away {
                        let result = apply(&mut self.store, &moment);
                        self.observe("", operation, &format!("{about}, belated: {result:?}"), None);
                    }
                }
            }
        }
    }

    fn each_inbox(&mut self, to: &Process, put: impl Fn(&InboxQueue)) {
        for connection in self.connections.values().filter(|connection| connection.since.is_some()) {
            let mine = connection.inboxes.iter().filter(|(of, _)| of == to);
            mine.filter_map(|(_, queue)| queue.upgrade()).for_each(|queue| put(&queue));
        }
    }
}
