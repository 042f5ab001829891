//! A running zone moves to another host while people play in it.
//!
//! The target makes a copy of the zone and keeps it up with the journal, as a recovery would. When the copy is close behind, the
//! owner stops after a tick, and once that is durable gives its lease to the target, which replays the last few entries and
//! goes on with the next tick. So the zone stands still for little more than the way of two messages.
//!
//! Up to the transfer of the lease nothing has happened to the zone, whatever fails. From then on it is the target's: should it
//! not hear so, it finds its own lease at its next look; should it die, the zone is recovered as from any dead host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wod_backplane::Lease;
use wod_protocol::bus::{MigrationWord, Part, Process, ZoneMigration};
use wod_protocol::ids::{Epoch, HostId, JournalIndex, ZoneNo};
use wod_protocol::world;
use wod_sim::io::{Input, Took};

use crate::estate::{Coming, Estate};
use crate::follower::Follower;
use crate::host::Host;
use crate::port::ZonePort;
use crate::{load, pin};

/// How often an owner asks a target that is not ready, which is also how the target knows that it still waits.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// A target that has not been asked for this long forgets the copy.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a target may take to be ready.
const PREPARE_TIME: Duration = Duration::from_secs(60);
/// How often the copy is brought up to the journal's end.
const FOLLOW_EVERY: Duration = Duration::from_millis(20);
/// A copy that has so few entries to replay is close behind.
const CLOSE: u64 = 8;
/// How long the last step may take, from the zone's last tick here.
const HANDED_TIME: Duration = Duration::from_secs(10);
/// Words about one migration that may wait.
const WORDS: usize = 16;

/// A zone has moved.
#[derive(Debug, Clone)]
pub(crate) struct Migrated {
    /// What the target took to get ready; meanwhile the zone went on.
    pub(crate) prepared: Duration,
    /// From the zone's last tick here to the target's word that it goes on.
    pub(crate) pause: Duration,
}

/// The zone shall stop after a tick and be given to another host.
pub(crate) struct Departure {
    pub(crate) to: HostId,
    /// See [`MigrationWord::Handed`].
    pub(crate) stays: bool,
    /// Told once the lease is the other's.
    pub(crate) gone_tx: oneshot::Sender<Gone>,
    /// When the zone stood still.
    pub(crate) since: Instant,
}

/// The zone is another host's.
pub(crate) struct Gone {
    /// When it stood still.
    pub(crate) since: Instant,
    /// What the other was told, to be told again.
    pub(crate) handed: ZoneMigration,
}

/// Migrations from here that are under way: where the targets' words go.
#[derive(Default)]
pub(crate) struct Departures {
    talks: Mutex<BTreeMap<ZoneNo, Talk>>,
}

struct Talk {
    to: HostId,
    /// The zone's here, by which the target knows this migration.
    epoch: Epoch,
    words_tx: mpsc::Sender<MigrationWord>,
}

impl Departures {
    fn begin(&self, port: &ZonePort, to: &HostId) -> mpsc::Receiver<MigrationWord> {
        let (words_tx, words_rx) = mpsc::channel(WORDS);
        self.talks.lock().insert(port.zone, Talk { to: to.clone(), epoch: port.epoch, words_tx });
        words_rx
    }

    /// Forgets one that nobody listens for any more: meanwhile another of the same zone may have begun.
    fn end(&self, zone: ZoneNo) {
        let mut talks = self.talks.lock();
        if talks.get(&zone).is_some_and(|talk| talk.words_tx.is_closed()) {
            talks.remove(&zone);
        }
    }

    fn hear(&self, from: &HostId, ZoneMigration { zone, epoch, word }: ZoneMigration) {
        if let Some(talk) = self.talks.lock().get(&zone)
            && (&talk.to, talk.epoch) == (from, epoch)
            && talk.words_tx.try_send(word).is_err()
        {
            tracing::debug!(%zone, "a migration has more words than it can take; they are said again");
        }
    }
}

/// Moves a zone of ours to another host. `stays`: where an operator has moved it, loads don't move it on for a while. An error:
/// it did not move, unless it says otherwise.
pub(crate) async fn migrate(
    host: &Arc<Host>,
    port: &Arc<ZonePort>,
    to: &HostId,
    stays: bool,
) -> anyhow::Result<Migrated> {
    ensure!(*to != host.config.host, "host `{to}` runs it already");
    let hosts = load::read(&host.backplane).await.context("reading which hosts are alive")?;
    let names = || hosts.iter().map(|host| host.host.to_string()).collect::<Vec<_>>().join(", ");
    let target = hosts.iter().find(|host| host.host == *to);
    let target = target.with_context(|| format!("no host `{to}` is alive; there are: {}", names()))?;
    ensure!(!target.draining, "host `{to}` is being drained");
    let _replacing = port.replacing.try_lock().map_err(|_| {
        anyhow::anyhow!("its module is being replaced, or it is being moved already; try again when that is done")
    })?;
    let words_rx = host.departures.begin(port, to);
    let moved = move_to(host, port, (to, stays), words_rx).await;
    host.departures.end(port.zone);
    if let Ok(Migrated { prepared, pause }) = &moved {
        let (prepared_ms, pause_ms) = (prepared.as_millis() as u64, pause.as_secs_f64() * 1000.0);
        tracing::info!(zone = %port.zone, %to, prepared_ms, pause_ms, "the zone has moved");
        metrics::histogram!("wod_migration_pause_seconds").record(pause.as_secs_f64());
    }
    moved
}

async fn move_to(
    host: &Arc<Host>,
    port: &Arc<ZonePort>,
    (to, stays): (&HostId, bool),
    mut words_rx: mpsc::Receiver<MigrationWord>,
) -> anyhow::Result<Migrated> {
    let begun = Instant::now();
    let prepare = ZoneMigration { zone: port.zone, epoch: port.epoch, word: MigrationWord::Prepare };
    loop {
        host.postman.send(Process::Host(to.clone()), Part::Migration(prepare.clone()));
        match tokio::time::timeout(ASK_EVERY, words_rx.recv()).await {
            Ok(Some(MigrationWord::Ready)) => break,
            Ok(Some(MigrationWord::Refused(why))) => bail!("host `{to}` can't take it: {why}"),
            Ok(None) => bail!("another migration of the zone has begun"),
            _ if port.is_closed() => bail!("the zone is not ours any more"),
            _ if begun.elapsed() > PREPARE_TIME => bail!("host `{to}` was not ready in {PREPARE_TIME:?}"),
            _ => {}
        }
    }
    let prepared = begun.elapsed();
    let (gone_tx, gone_rx) = oneshot::channel();
    port.depart(Departure { to: to.clone(), stays, gone_tx, since: Instant::now() });
    let Gone { since, handed } =
        gone_rx.await.context("the zone was let go before it was handed over; who has its lease goes on with it")?;
    while since.elapsed() < HANDED_TIME {
        match tokio::time::timeout(ASK_EVERY, words_rx.recv()).await {
            Ok(Some(MigrationWord::Running)) => return Ok(Migrated { prepared, pause: since.elapsed() }),
            Ok(Some(_)) => {}
            Ok(None) => break,
            // That word, or the answer, may be lost.
            Err(_) => host.postman.send(Process::Host(to.clone()), Part::Migration(handed.clone())),
        }
    }
    bail!("the zone is host `{to}`'s, which has not said that it goes on; `wod zones` shows whether it does")
}

/// The committer has given the zone away that it owned under `epoch`, by which the target knows the migration; tells the target.
pub(crate) fn hand_over(host: &Host, epoch: Epoch, lease: &Lease, end: JournalIndex, stays: bool) -> ZoneMigration {
    let bytes = rmp_serde::to_vec(lease).expect("a lease has no unserialisable value");
    let word = MigrationWord::Handed { lease: bytes.into(), end, stays };
    let handed = ZoneMigration { zone: lease.zone, epoch, word };
    host.postman.send(Process::Host(lease.host.clone()), Part::Migration(handed.clone()));
    handed
}

/// Hears what other hosts say of migrations, until cancelled.
pub(crate) async fn run(
    estate: Arc<Estate>,
    mut migrations_rx: mpsc::Receiver<(HostId, ZoneMigration)>,
    stop: CancellationToken,
) {
    let mut arrivals: BTreeMap<(ZoneNo, Epoch), mpsc::Sender<MigrationWord>> = BTreeMap::new();
    while let Some(Some((from, migration))) = stop.run_until_cancelled(migrations_rx.recv()).await {
        let ZoneMigration { zone, epoch, word } = migration;
        arrivals.retain(|_, words_tx| !words_tx.is_closed());
        match (word, arrivals.get(&(zone, epoch))) {
            (word @ (MigrationWord::Ready | MigrationWord::Refused(_) | MigrationWord::Running), _) => {
                estate.host.departures.hear(&from, ZoneMigration { zone, epoch, word });
            }
            (word, Some(words_tx)) => {
                if words_tx.try_send(word).is_err() {
                    tracing::debug!(%zone, "a migration has more words than it can take; they are said again");
                }
            }
            (MigrationWord::Prepare, None) => {
                let (words_tx, words_rx) = mpsc::channel(WORDS);
                let arrival = Arrival { estate: estate.clone(), from, epoch, words_rx };
                match arrival.begin(zone, stop.clone()) {
                    Ok(()) => {
                        arrivals.insert((zone, epoch), words_tx);
                    }
                    Err(Refusal { arrival, why }) => arrival.say(zone, MigrationWord::Refused(why)),
                }
            }
            // Our answer was lost.
            (MigrationWord::Handed { .. }, None) if estate.host.port(zone).is_some() => {
                let word = MigrationWord::Running;
                estate.host.postman.send(Process::Host(from), Part::Migration(ZoneMigration { zone, epoch, word }));
            }
            // The copy was forgotten: the zone is ours by its lease, which the next look finds.
            (MigrationWord::Handed { .. }, None) => {
                tracing::warn!(%zone, "a zone was handed to us after we had given it up; it is recovered");
            }
        }
    }
}

/// A zone that shall come from another host.
struct Arrival {
    estate: Arc<Estate>,
    from: HostId,
    /// The owner's.
    epoch: Epoch,
    words_rx: mpsc::Receiver<MigrationWord>,
}

/// Why a zone can't come.
struct Refusal {
    arrival: Arrival,
    why: String,
}

impl Arrival {
    fn say(&self, zone: ZoneNo, word: MigrationWord) {
        let part = Part::Migration(ZoneMigration { zone, epoch: self.epoch, word });
        self.estate.host.postman.send(Process::Host(self.from.clone()), part);
    }

    /// Gets the zone ready in a task of its own.
    fn begin(self, number: ZoneNo, stop: CancellationToken) -> Result<(), Refusal> {
        let refuse = |arrival, why: &str| Err(Refusal { arrival, why: why.to_owned() });
        if self.estate.host.is_draining() || stop.is_cancelled() {
            return refuse(self, "it is being drained");
        }
        let Some(zone) = self.estate.host.config.world.zone(number).cloned() else {
            return refuse(self, "its world file has no such zone");
        };
        let Some(coming) = self.estate.expect(number) else {
            return refuse(self, "it is taking the zone over already");
        };
        let estate = self.estate.clone();
        estate.tasks.spawn(async move {
            let mut arrival = self;
            let taken_in = Box::pin(arrival.take_in(&zone, &coming));
            match stop.run_until_cancelled(taken_in).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    let error = format!("{error:#}");
                    tracing::warn!(zone = %zone.name, from = %arrival.from, error, "the zone does not come");
                    arrival.say(number, MigrationWord::Refused(error));
                }
                None => arrival.say(number, MigrationWord::Refused("it is being stopped".to_owned())),
            }
        });
        Ok(())
    }

    async fn take_in(&mut self, zone: &world::Zone, _coming: &Coming) -> anyhow::Result<()> {
        let host = self.estate.host.clone();
        let incarnation = host.backplane.incarnation();
        let (source, number) = (host.source(), zone.number);
        let open = move || Follower::open(source, number);
        let mut copy = host.threads.run(format!("prepare-{number}"), open).await?;
        let (mut asked, mut close) = (Instant::now(), false);
        let (lease, end, stays) = loop {
            let before = copy.entries;
            copy = advance(&host, copy).await?;
            if !close && copy.entries - before <= CLOSE {
                close = true;
                self.say(number, MigrationWord::Ready);
            }
            match tokio::time::timeout(FOLLOW_EVERY, self.words_rx.recv()).await {
                Ok(Some(MigrationWord::Handed { lease, end, stays })) => break (lease, end, stays),
                Ok(Some(_)) => {
                    asked = Instant::now();
                    if close {
                        self.say(number, MigrationWord::Ready);
                    }
                }
                Ok(None) => bail!("this host ends"),
                Err(_) => ensure!(asked.elapsed() < PATIENCE, "its owner has not asked for it in {PATIENCE:?}"),
            }
        };
        let lease: Lease = rmp_serde::from_slice(&lease).context("the lease does not decode")?;
        let handed = Instant::now();
        while copy.at < end {
            ensure!(handed.elapsed() < HANDED_TIME, "the journal ends at {} where {end} was promised", copy.at);
            copy = advance(&host, copy).await?;
        }
        let pinned = pin::find(&host.backplane, number).await?;
        let owned = Input::Owned { epoch: lease.epoch, host: lease.host.clone(), how: Took::Migrated };
        if stays {
            host.leave_alone(number);
        }
        self.estate.settle(zone, lease, copy, pinned, vec![owned], incarnation);
        self.say(number, MigrationWord::Running);
        Ok(())
    }
}

/// Replays what is in the journal by now.
async fn advance(host: &Host, mut copy: Follower) -> anyhow::Result<Follower> {
    let follow = move || {
        copy.advance()?;
        Ok(copy)
    };
    host.threads.run("follow".to_owned(), follow).await
}
