//! The modelled backend, for simulations: a store and a network in memory, whose every delay, loss and outage comes from one
//! seed. Held to the same conformance suite as the others.
//!
//! The simulator owns a [`Simulation`]: it says what time it is, lets messages arrive ([`Simulation::advance`]) and makes the
//! store go away, forget or be cut off. Each simulated process gets a handle of its own ([`Simulation::connect`]), whose
//! operations take their time on the clock of the runtime that asks. Nothing here reads another clock or random source.

mod faults;
mod handle;
mod network;
mod store;
mod zones;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;
use wod_protocol::ids::{Epoch, Sub, ZoneNo};
use wod_protocol::registry::Owner;

pub use faults::{Bug, Weather};
pub(crate) use handle::Simulated;

use crate::Backplane;
use network::{Clock, Network};

/// The store and the network between simulated processes. Clones are the same one.
#[derive(Clone)]
pub struct Simulation {
    network: Arc<Mutex<Network>>,
}

/// Something that reached the store or the network.
#[derive(Debug)]
pub struct Observed<'a> {
    /// When, by the store's clock.
    pub at: Duration,
    /// Whose doing it was; empty for an operation whose caller has given up.
    pub process: &'a str,
    /// What.
    pub operation: &'static str,
    /// To what, and how it went if not well.
    pub detail: &'a str,
    /// Of a message: itself.
    pub message: Option<&'a Bytes>,
}

/// Told of everything that reaches the store or the network, in order.
pub type Observer = Box<dyn FnMut(&Observed<'_>) + Send>;

/// Changes what is published, on purpose; none: it goes as it is.
pub type Tamper = Box<dyn FnMut(&Bytes) -> Option<Bytes> + Send>;

impl Simulation {
    /// A store without anything in it, at time zero, in fair weather.
    pub fn new(seed: u64) -> Self {
        Self::over(Network::new(seed, Clock::Told(Duration::ZERO), Weather::fair()))
    }

    /// One that follows the clock of the runtime this is called on, delivers at once and never fails.
    pub fn in_real_time(seed: u64) -> Self {
        Self::over(Network::new(seed, Clock::Tokio(Instant::now()), Weather::still()))
    }

    fn over(network: Network) -> Self {
        Self { network: Arc::new(Mutex::new(network)) }
    }

    /// A new connection of a process. The last clone dropped ends it and its inboxes.
    pub fn connect(&self, process: &str) -> Backplane {
        Backplane::simulated(Simulated::connect(self.network.clone(), process))
    }

    /// What the store's clock shows.
    pub fn now(&self) -> Duration {
        self.network.lock().now()
    }

    /// It is that late now: messages that are due arrive.
    pub fn advance(&self, to: Duration) {
        self.network.lock().advance(to);
    }

    /// What goes wrong from now on, and how often.
    pub fn set_weather(&self, weather: Weather) {
        self.network.lock().weather = weather;
    }

    /// What the store does wrong on purpose from now on.
    pub fn plant(&self, bug: Bug) {
        self.network.lock().bug = Some(bug);
    }

    /// Who changes messages on their way from now on.
    pub fn tamper(&self, tamper: Tamper) {
        self.network.lock().tamper = Some(tamper);
    }

    /// Who is told of everything from now on.
    pub fn observe(&self, observer: Observer) {
        self.network.lock().observer = Some(observer);
    }

    /// The store goes away for everybody, and keeps what it has.
    pub fn go_away(&self) {
        let mut network = self.network.lock();
        network.away = true;
        network.settle();
    }

    /// It is back. `restarted`: its process is another one, which has lost nothing, but nobody can know that.
    pub fn come_back(&self, restarted: bool) {
        let mut network = self.network.lock();
        network.away = false;
        if restarted {
            network.begin_history();
        }
        network.settle();
    }

    /// The replica lags behind from now on: what is written after this is lost by [`Self::fail_over`].
    pub fn begin_lagging(&self) {
        let mut network = self.network.lock();
        network.replica = Some(network.store.clone());
    }

    /// Whether [`Self::fail_over`] would lose anything.
    pub fn is_lagging(&self) -> bool {
        self.network.lock().replica.is_some()
    }

    /// The replica takes the place of the store, and everybody has to connect anew.
    pub fn fail_over(&self) {
        let mut network = self.network.lock();
        network.away = true;
        network.settle();
        if let Some(replica) = network.replica.take() {
            network.store = replica;
            network.begin_history();
        }
        network.away = false;
        network.settle();
    }

    /// Cuts a process off from the store, or ends that.
    pub fn cut(&self, process: &str, cut: bool) {
        let mut network = self.network.lock();
        if cut {
            network.cut.insert(process.into());
        } else {
            network.cut.remove(process);
        }
        network.settle();
    }

    // ---- what checks look at

    /// A zone's whole journal, also what was trimmed, each entry with the epoch it was written under.
    pub fn history(&self, zone: ZoneNo) -> Vec<(Epoch, Bytes)> {
        self.network.lock().store.history(zone).to_vec()
    }

    /// Entries in a zone's journal.
    pub fn history_len(&self, zone: ZoneNo) -> usize {
        self.network.lock().store.history(zone).len()
    }

    /// The entries from `skip` on.
    pub fn history_from(&self, zone: ZoneNo, skip: usize) -> Vec<(Epoch, Bytes)> {
        self.network.lock().store.history(zone).iter().skip(skip).cloned().collect()
    }

    /// All players' records.
    pub fn records(&self) -> Vec<(Sub, Bytes)> {
        self.network.lock().store.records()
    }

    /// Who holds a running lease of the zone.
    pub fn owner(&self, zone: ZoneNo) -> Option<Owner> {
        let network = self.network.lock();
        network.store.owners(&[zone], network.now()).pop().flatten()
    }
}
