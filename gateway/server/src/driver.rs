//! The one task that owns the core: feeds it events, one after the other, and performs its effects without waiting.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wod_backplane::{Backplane, Health, Inbox, InboxEvent};
use wod_gateway_core::io::BackplaneAway;
use wod_gateway_core::limits::TICK_INTERVAL;
use wod_gateway_core::{ConnId, Core, Effect, Event, Seeds, Whereabouts};
use wod_protocol::bus::{Envelope, Process};
use wod_protocol::client::Encoding;
use wod_protocol::ids::{Sub, ZoneNo};
use wod_protocol::limits::FLUSH_INTERVAL;
use wod_protocol::record::PlayerRecord;

use crate::metrics::Metrics;
use crate::outbound::Outbound;
use crate::ticket::Tickets;

/// Events of all connections that may wait for the driver. Full: readers wait, and with them their clients' TCP.
pub(crate) const CONNECTION_QUEUE: usize = 4096;
/// Envelopes from the bus that may wait for the driver. Full: newer ones are dropped, and asked for again.
pub(crate) const INBOX_QUEUE: usize = 4096;
/// Envelopes to hosts that may wait to be published. Full: newer ones are dropped; what matters in them is sent again.
pub(crate) const PUBLISH_QUEUE: usize = 1024;

/// From the connections' tasks, each one's in order.
pub(crate) enum FromConnection {
    /// Its first word.
    Opened {
        conn: ConnId,
        encoding: Encoding,
        /// Where its messages go.
        outbound: Outbound,
    },
    /// Everything after.
    Event(Event),
}

/// Where every new connection's random numbers come from.
pub(crate) type SeedSource = Box<dyn FnMut() -> Seeds + Send>;

/// What the driver listens to.
pub(crate) struct Sources {
    pub(crate) connection_rx: mpsc::Receiver<FromConnection>,
    pub(crate) inbox: Inbox,
    pub(crate) health: watch::Receiver<Health>,
    /// Other regions' gateways; closed where nobody is sent on to them.
    pub(crate) nearer: watch::Receiver<Vec<(String, String)>>,
    /// Cancelled: send every client elsewhere.
    pub(crate) drain: CancellationToken,
    /// Cancelled: end.
    pub(crate) stop: CancellationToken,
}

/// The core and what its effects need.
pub(crate) struct Driver {
    core: Core,
    began: Instant,
    backplane: Backplane,
    tickets: Tickets,
    seeds: SeedSource,
    outbounds: BTreeMap<ConnId, Outbound>,
    publish_tx: mpsc::Sender<(Process, Bytes)>,
    /// Questions to the backplane; each ends with its answer. At most one per connection and one per zone.
    lookups: JoinSet<Event>,
    metrics: Metrics,
    effects: Vec<Effect>,
}

/// When clients of a gateway that goes away shall come back, ms: its successor may need a moment.
const DRAIN_RETRY_MS: u32 = 1_500;

impl Driver {
    pub(crate) fn new(
        core: Core,
        backplane: Backplane,
        tickets: Tickets,
        seeds: SeedSource,
        publish_tx: mpsc::Sender<(Process, Bytes)>,
        metrics: Metrics,
    ) -> Self {
        Self {
            core,
            began: Instant::now(),
            backplane,
            tickets,
            seeds,
            outbounds: BTreeMap::new(),
            publish_tx,
            lookups: JoinSet::new(),
            metrics,
            effects: Vec::new(),
        }
    }

    /// Runs until told to stop. An error means that the gateway can't go on.
    pub(crate) async fn run(mut self, sources: Sources) -> anyhow::Result<()> {
        let Sources { mut connection_rx, mut inbox, mut health, mut nearer, drain, stop } = sources;
        let mut flush = tokio::time::interval(FLUSH_INTERVAL);
        let mut tick = tokio::time::interval(TICK_INTERVAL);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut draining = false;
        if *health.borrow_and_update() == Health::Away {
            self.handle(Event::Backplane { away: true });
        }
        let mut clients_first = false;
        loop {
            // In this order, so that the same events lead to the same run. What comes rarely is first; only clients and zones can
            // come without end, and they take turns.
            clients_first = !clients_first;
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.handle(Event::Flush);
                    return Ok(());
                }
                () = drain.cancelled(), if !draining => {
                    draining = true;
                    self.handle(Event::Drain { retry_ms: DRAIN_RETRY_MS });
                }
                Ok(()) = health.changed() => {
                    let away = *health.borrow_and_update() == Health::Away;
                    tracing::info!(away, "the backplane's health has changed");
                    self.handle(Event::Backplane { away });
                }
                Ok(()) = nearer.changed() => {
                    let gateways = nearer.borrow_and_update().clone();
                    self.handle(Event::Nearer(gateways));
                }
                _ = flush.tick() => self.handle(Event::Flush),
                _ = tick.tick() => {
                    self.handle(Event::Tick);
                    self.metrics.set(self.core.stats());
                    self.metrics.shell().inbox_dropped.store(inbox.dropped(), Ordering::Relaxed);
                }
                Some(answer) = self.lookups.join_next() => match answer {
                    Ok(answer) => self.handle(answer),
                    Err(error) => anyhow::bail!("a look-up failed: {error}"),
                },
                word = next_word(&mut connection_rx, &mut inbox, clients_first) => match word {
                    Word::Client(FromConnection::Opened { conn, encoding, outbound }) => {
                        self.open(conn, encoding, outbound);
                    }
                    Word::Client(FromConnection::Event(event)) => self.handle(event),
                    Word::Zone(Some(event)) => self.receive(event),
                    Word::Zone(None) => anyhow::bail!("the backplane was closed"),
                },
            }
        }
    }

    fn open(&mut self, conn: ConnId, encoding: Encoding, outbound: Outbound) {
        self.outbounds.insert(conn, outbound);
        let seeds = (self.seeds)();
        self.handle(Event::Opened { conn, encoding, seeds });
    }

    fn receive(&mut self, event: InboxEvent) {
        match event {
            InboxEvent::Message(bytes) => match Envelope::decode(&bytes) {
                Ok(envelope) => self.handle(Event::Envelope(envelope)),
                Err(error) => {
                    self.metrics.shell().bad_envelopes.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "an envelope from the bus does not decode");
                }
            },
            InboxEvent::Gap { dropped } => {
                tracing::warn!(dropped, "envelopes from the bus were lost");
                self.handle(Event::Missed);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        if let Event::Closed { conn } = event {
            self.outbounds.remove(&conn);
        }
        let mut effects = std::mem::take(&mut self.effects);
        self.core.handle(self.began.elapsed(), event, &mut effects);
        // A congestion found while sending is the core's next event.
        let mut congested = Vec::new();
        for effect in effects.drain(..) {
            congested.extend(self.perform(effect));
        }
        self.effects = effects;
        for conn in congested {
            self.handle(Event::Congested { conn });
        }
    }

    /// Does it, at once. The connection that it congested, if any.
    fn perform(&mut self, effect: Effect) -> Option<ConnId> {
        match effect {
            Effect::Send { conn, frames } => {
                return self.outbounds.get(&conn).filter(|outbound| outbound.push(frames)).map(|_| conn);
            }
            Effect::Close { conn, code, reason } => {
                if let Some(outbound) = self.outbounds.remove(&conn) {
                    outbound.close(code, reason);
                }
            }
            Effect::VerifyTicket { conn, ticket } => {
                self.check(conn, ticket);
            }
            Effect::ReadRecord { conn, sub } => {
                self.lookups.spawn(read_record(self.backplane.clone(), conn, sub));
            }
            Effect::LookupOwner(zone) => {
                self.lookups.spawn(look_up(self.backplane.clone(), zone));
            }
            Effect::Publish { to, envelope } => self.publish(Process::Host(to), &envelope),
        }
        None
    }

    fn check(&mut self, conn: ConnId, ticket: String) {
        match &self.tickets {
            Tickets::Signed(verifier) => {
                let verifier = verifier.clone();
                // Checking a signature takes some ten microseconds; a flood of logins must not hold the others up.
                self.lookups.spawn_blocking(move || Event::Verdict { conn, verdict: verifier.verify(&ticket) });
            }
            #[cfg(feature = "testing")]
            Tickets::Believed => {
                self.lookups.spawn(async move { Event::Verdict { conn, verdict: crate::ticket::believe(&ticket) } });
            }
        }
    }

    fn publish(&self, to: Process, envelope: &Envelope) {
        let lost = match envelope.encode() {
            Ok(bytes) => self.publish_tx.try_send((to, bytes)).is_err(),
            Err(error) => {
                tracing::error!(%error, "an envelope does not encode");
                true
            }
        };
        if lost {
            self.metrics.shell().unpublished.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// From either side.
enum Word {
    Client(FromConnection),
    /// None: the backplane was closed.
    Zone(Option<InboxEvent>),
}

/// The next of the clients' words and of the zones'; where both have some, that of the side which is first this time. Safe to
/// cancel.
async fn next_word(clients: &mut mpsc::Receiver<FromConnection>, zones: &mut Inbox, clients_first: bool) -> Word {
    let client = async {
        match clients.recv().await {
            Some(word) => Word::Client(word),
            // Nobody can connect any more; the driver is about to be told to stop.
            None => std::future::pending().await,
        }
    };
    let zone = async { Word::Zone(zones.recv().await) };
    if clients_first {
        tokio::select! { biased; word = client => word, word = zone => word }
    } else {
        tokio::select! { biased; word = zone => word, word = client => word }
    }
}

/// Publishes until the driver is gone: whatever waits at once, so that a flush takes one way to the store and back however many
/// hosts there are; in order.
pub(crate) async fn publish(backplane: Backplane, mut publish_rx: mpsc::Receiver<(Process, Bytes)>, metrics: Metrics) {
    let mut waiting = Vec::new();
    while publish_rx.recv_many(&mut waiting, PUBLISH_QUEUE).await > 0 {
        let envelopes = waiting.drain(..).map(|(to, bytes)| {
            let (backplane, metrics) = (&backplane, &metrics);
            async move {
                if let Err(error) = backplane.publish(&to, bytes).await {
                    metrics.shell().unpublished.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(%to, %error, "an envelope was not published");
                }
            }
        });
        join_all(envelopes).await;
    }
}

async fn read_record(backplane: Backplane, conn: ConnId, sub: Sub) -> Event {
    let found = match backplane.record(&sub).await {
        Ok(None) => Ok(None),
        Ok(Some((_, bytes))) => match PlayerRecord::decode(&bytes) {
            Ok(record) if record.deleted => Ok(None),
            Ok(record) => Ok(Some(Whereabouts { place: record.place, zone: record.zone })),
            Err(error) => {
                tracing::error!(%sub, %error, "a player's record does not decode");
                Err(BackplaneAway)
            }
        },
        Err(error) => {
            tracing::warn!(%sub, %error, "a player's record could not be read");
            Err(BackplaneAway)
        }
    };
    Event::Record { conn, found }
}

async fn look_up(backplane: Backplane, zone: ZoneNo) -> Event {
    let owner = backplane.owner(zone).await.unwrap_or_else(|error| {
        tracing::debug!(%zone, %error, "a zone's owner could not be looked up");
        None
    });
    Event::Owner { zone, owner }
}
