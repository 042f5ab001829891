//! Output commit: a zone's ticks leave the process in order, each only after its journal entry is durable.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wod_backplane::{Error, Lease};
use wod_protocol::bus::{Part, Process};
use wod_protocol::ids::{Digest, Epoch, HostId, JournalIndex};
use wod_protocol::limits::{LEASE_TTL, TICKS_AWAITING_JOURNAL};
use wod_protocol::registry::Owner;
use wod_sim::io::{Effects, Input};
use wod_sim::module::Fault;

use crate::host::Host;
use crate::logs::unix_ms;
use crate::migration::{self, Departure, Gone};
use crate::port::ZonePort;
use crate::recent::Recent;
use crate::reports::{self, ModuleLabel};
use crate::runner::Replaced;
use crate::standing::Standing;

/// Wait between two tries of a store that is away.
const RETRY: Duration = Duration::from_millis(100);
/// How long the last ticks of a zone that is let go are kept trying. What is not stored then was promised to nobody.
const LAST_TRIES: Duration = Duration::from_secs(10);
/// Journal bytes that go to the store in one append; one entry may be larger.
const APPEND_BYTES: usize = 512 * 1024;

/// What a zone's worker hands over, in order.
pub(crate) enum Commit {
    /// One tick.
    Tick(Box<TickCommit>),
    /// The state after the last tick handed over.
    Snapshot(Bytes),
    /// The zone stands still, to be given to another host: the last there is.
    Depart(Departure),
}

/// One tick on its way out.
pub(crate) struct TickCommit {
    /// To journal; none: the tick had no inputs and set off nothing that must not be lost.
    pub(crate) entry: Option<Bytes>,
    pub(crate) effects: Effects,
    /// The module was to be replaced in this tick.
    pub(crate) swap: Option<SwapDone>,
    /// Which module was called.
    pub(crate) module: ModuleLabel,
    /// Its name and version; empty where it has reported nothing.
    pub(crate) version: String,
    /// How the module stands from this tick on; none: as before.
    pub(crate) standing: Option<Standing>,
}

/// How a swap went.
pub(crate) struct SwapDone {
    /// The input that wished for it.
    pub(crate) input: Input,
    pub(crate) result: Result<Replaced, Fault>,
}

/// The durable side of one owned zone. Ends when the worker lets the zone go, or the zone is not ours any more.
pub(crate) struct Committer {
    pub(crate) host: Arc<Host>,
    pub(crate) port: Arc<ZonePort>,
    pub(crate) lease: Lease,
    /// The journal's last entry.
    pub(crate) end: JournalIndex,
    pub(crate) recent: Recent,
    /// [`wod_backplane::Backplane::incarnation`], watched since before `end` was read.
    pub(crate) incarnation: watch::Receiver<u64>,
    pub(crate) commit_rx: mpsc::Receiver<Commit>,
}

impl Committer {
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(TICKS_AWAITING_JOURNAL);
        let mut renew = tokio::time::interval(LEASE_TTL / 3);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut storing: Option<JoinHandle<()>> = None;
        loop {
            tokio::select! {
                biased;
                _ = renew.tick() => {
                    if let Err(error) = self.renew().await {
                        return self.lose(&error);
                    }
                }
                count = self.commit_rx.recv_many(&mut batch, TICKS_AWAITING_JOURNAL) => {
                    if count == 0 {
                        break;
                    }
                    match self.commit(&mut batch, &mut storing).await {
                        Ok(None) => {}
                        Ok(Some(departure)) => return self.give_away(departure).await,
                        Err(error) => return self.lose(&error),
                    }
                }
            }
        }
        if let Some(storing) = storing {
            join(storing).await;
        }
        // A failure leaves the lease to its time to live.
        if let Err(error) = self.host.backplane.release(&self.lease).await {
            tracing::info!(zone = %self.port.zone, %error, "the lease was not released; it runs out by itself");
        }
    }

    async fn renew(&mut self) -> Result<(), Error> {
        self.remind_a_changed_store().await?;
        match self.host.backplane.renew(&self.lease).await {
            Err(error) if !error.is_transient() => self.mend(error).await,
            _ => Ok(()),
        }
    }

    /// Journals every entry of the batch in one append, then lets the effects go.
    async fn commit(
        &mut self,
        batch: &mut Vec<Commit>,
        storing: &mut Option<JoinHandle<()>>,
    ) -> Result<Option<Departure>, Error> {
        self.remind_a_changed_store().await?;
        let mut departure = None;
        let mut entries = Vec::new();
        let mut done: Vec<Box<TickCommit>> = Vec::new();
        for item in batch.drain(..) {
            match item {
                Commit::Tick(mut tick) => {
                    entries.extend(tick.entry.take());
                    done.push(tick);
                }
                Commit::Snapshot(bytes) => {
                    self.append(std::mem::take(&mut entries)).await?;
                    for tick in done.drain(..) {
                        self.release(*tick);
                    }
                    // The journal holds everything: while one snapshot is on its way, the next is left out.
                    if storing.as_ref().is_none_or(JoinHandle::is_finished) {
                        let store =
                            store_snapshot(self.host.clone(), self.port.clone(), self.lease.clone(), self.end, bytes);
                        *storing = Some(tokio::spawn(store));
                    }
                }
                Commit::Depart(wished) => departure = Some(wished),
            }
        }
        self.append(entries).await?;
        for tick in done {
            self.release(*tick);
        }
        Ok(departure)
    }

    /// Gives the lease to another host.
    async fn give_away(&mut self, departure: Departure) {
        let Departure { to, stays, gone_tx, since } = departure;
        let seen = self.host.directory.last_owner(self.lease.zone).map_or(self.lease.epoch, |owner| owner.epoch);
        let lease = loop {
            match self.transfer(&to, seen).await {
                Ok(lease) => break lease,
                Err(error) => {
                    if let Err(error) = self.mend(error).await {
                        return self.lose(&error);
                    }
                }
            }
        };
        let handed = migration::hand_over(&self.host, self.lease.epoch, &lease, self.end, stays);
        self.host.directory.set_owner(lease.zone, Owner { host: to, epoch: lease.epoch });
        if gone_tx.send(Gone { since, handed }).is_err() {
            tracing::debug!(zone = %self.port.zone, "nobody waits for the zone to leave any more");
        }
    }

    /// Until the store has answered nobody knows whose the zone is. One that may have forgotten is reminded first: from the transfer
    /// on nobody has what it lacks.
    async fn transfer(&mut self, to: &HostId, seen: Epoch) -> Result<Lease, Error> {
        let begun = Instant::now();
        loop {
            self.remind_a_changed_store().await?;
            match self.host.backplane.transfer(&self.lease, to, seen).await {
                Err(error) if self.may_try_again(&error, begun) => self.wait(&error).await,
                answered => return answered,
            }
        }
    }

    async fn append(&mut self, entries: Vec<Bytes>) -> Result<(), Error> {
        for batch in batches(entries) {
            self.append_some(batch).await?;
        }
        Ok(())
    }

    async fn append_some(&mut self, entries: Vec<Bytes>) -> Result<(), Error> {
        let begun = Instant::now();
        while let Err(error) = self.store(self.end.next(), &entries).await {
            self.mend(error).await?;
        }
        self.end = JournalIndex(self.end.0 + entries.len() as u64);
        self.recent.extend(entries);
        metrics::histogram!("wod_journal_append_seconds").record(begun.elapsed().as_secs_f64());
        Ok(())
    }

    async fn store(&self, first: JournalIndex, entries: &[Bytes]) -> Result<(), Error> {
        self.answer(|| self.host.backplane.append_batch(&self.lease, first, entries.to_vec())).await
    }

    /// Asks until the store has answered; only a refusal is an error, and, of a zone that is let go, a store that stays away.
    async fn answer<T, F: Future<Output = Result<T, Error>>>(&self, ask: impl Fn() -> F) -> Result<T, Error> {
        let begun = Instant::now();
        loop {
            match ask().await {
                Err(error) if self.may_try_again(&error, begun) => {
                    self.wait(&error).await;
                }
                result => return result,
            }
        }
    }

    /// Of a zone that is let go, not for ever.
    fn may_try_again(&self, error: &Error, begun: Instant) -> bool {
        error.is_transient() && !(self.commit_rx.is_closed() && begun.elapsed() > LAST_TRIES)
    }

    async fn wait(&self, error: &Error) {
        metrics::counter!("wod_journal_retries_total", "zone" => self.port.zone.to_string()).increment(1);
        tracing::warn!(zone = %self.port.zone, %error, "the store does not answer; the zone waits for it");
        tokio::time::sleep(RETRY).await;
    }

    /// Asked before anything is told to the store, and with every renewal, instead of waited for: of several who wait for one change
    /// nobody knows who hears first, and a simulated life must be the same each time.
    async fn remind_a_changed_store(&mut self) -> Result<(), Error> {
        if self.incarnation.has_changed().is_ok_and(|changed| changed) {
            self.incarnation.borrow_and_update();
            self.remind_the_store().await?;
        }
        Ok(())
    }

    /// The store may have lost the last it was told: whose the zone is, the journal's end, who is in it. An error: the zone is
    /// really somebody else's.
    async fn remind_the_store(&mut self) -> Result<(), Error> {
        self.answer(|| self.host.backplane.reassert(&self.lease)).await?;
        self.put_back().await?;
        self.port.push(Input::StoreLost);
        Ok(())
    }

    /// A store that has failed over may have lost our lease, and the journal's last entries, which nobody else has: they are put
    /// back. An error: it has not; the zone is somebody else's, or more is lost than is kept.
    async fn mend(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Fenced { .. } => self.remind_the_store().await?,
            Error::NotNext { .. } if self.put_back().await? > 0 => {
                self.port.push(Input::StoreLost);
            }
            error => return Err(error),
        }
        Ok(())
    }

    /// Appends again what the journal has lost of ours; how many entries that was. First the last one that is left is compared:
    /// before we had our lease back, an older owner may have had its own back and gone on in our place. Then the zone is let
    /// go, and recovered from what is there.
    async fn put_back(&mut self) -> Result<u64, Error> {
        let end = self.answer(|| self.host.backplane.journal_end(self.lease.zone)).await?.min(self.end);
        let lost = self.end.0 - end.0;
        let diverged = Error::Diverged { operation: "compare the journal's end", at: end };
        let Some((before, entries)) = self.recent.last(lost) else { return Err(diverged) };
        // What was trimmed lies under a snapshot: whoever wrote that had a lease, and ours is good.
        if let Some(entry) = self.entry(end).await?
            && before != Some(Digest::of(&entry))
        {
            return Err(diverged);
        }
        if lost > 0 {
            let zone = self.port.zone;
            tracing::error!(%zone, lost, "the store has lost entries of the journal: they are appended again");
            let trouble = format!("the store had lost its last {lost} entries; they were appended again");
            self.host.troubles.add(zone, trouble);
            metrics::counter!("wod_journal_lost_entries_total", "zone" => zone.to_string()).increment(lost);
        }
        let mut first = end.next();
        for batch in batches(entries) {
            let count = batch.len() as u64;
            self.store(first, &batch).await?;
            first = JournalIndex(first.0 + count);
        }
        Ok(lost)
    }

    /// That entry of the journal; none: there is none, or it was trimmed.
    async fn entry(&self, at: JournalIndex) -> Result<Option<Bytes>, Error> {
        match self.answer(|| self.host.backplane.read_journal(self.lease.zone, at, 1)).await {
            Err(Error::Trimmed { .. }) => Ok(None),
            read => Ok(read?.into_iter().find(|(index, _)| *index == at).map(|(_, entry)| entry)),
        }
    }

    /// The tick is durable: its effects leave.
    fn release(&mut self, tick: TickCommit) {
        let host = &self.host;
        let zone = self.port.zone;
        if tick.swap.as_ref().is_some_and(|swap| swap.result.is_ok()) {
            // They were the former module's.
            host.troubles.clear(zone);
        }
        for (gateway, frame) in tick.effects.frames {
            host.postman.send(Process::Gateway(gateway), Part::Frame(Box::new(frame)));
        }
        for stream in tick.effects.streams {
            // Without an owner the stream waits: the zone repeats it.
            if let Some(owner) = host.directory.owner(stream.to) {
                host.postman.send(Process::Host(owner.host), Part::Stream(stream));
            }
        }
        for border in tick.effects.borders {
            if let Some(owner) = host.directory.owner(border.to) {
                host.postman.send(Process::Host(owner.host), Part::Border(Box::new(border)));
            }
        }
        for (request, wish) in tick.effects.store {
            host.clone().carry_out(self.port.clone(), request, wish);
        }
        for (request, answer) in tick.effects.answers {
            host.operators.answer(request, answer);
        }
        for report in tick.effects.reports {
            reports::publish(zone, &tick.module, &report);
            host.logs.add(zone, unix_ms(), &tick.version, tick.module.generation, &report);
            if let Some(trouble) = reports::trouble(&report) {
                host.troubles.add(zone, trouble);
            }
        }
        if let Some(standing) = tick.standing {
            self.port.standing.send_replace(standing);
        }
        if let Some(SwapDone { input, result }) = tick.swap {
            self.host.operators.replaced(self.port.zone, &input, result);
        }
    }

    /// The store refuses us: somebody else is the owner. Nothing of ours leaves any more.
    fn lose(&self, error: &Error) {
        tracing::warn!(zone = %self.port.zone, epoch = %self.lease.epoch, %error, "the zone is not ours any more");
    }
}

impl Drop for Committer {
    /// However it ends, the zone can be adopted again.
    fn drop(&mut self) {
        self.host.forget(&self.port);
    }
}

/// In parts that one append takes.
fn batches(entries: Vec<Bytes>) -> impl Iterator<Item = Vec<Bytes>> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Bytes| {
            bytes += entry.len();
            bytes <= APPEND_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let later = rest.split_off(count);
        let batch = std::mem::replace(&mut rest, later);
        (!batch.is_empty()).then_some(batch)
    })
}

async fn join(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "storing a snapshot failed");
    }
}

async fn store_snapshot(host: Arc<Host>, port: Arc<ZonePort>, lease: Lease, at: JournalIndex, bytes: Bytes) {
    let size = bytes.len();
    let stored = async {
        host.backplane.put_snapshot(&lease, at, bytes).await?;
        let kept = host.backplane.snapshots(lease.zone).await?;
        let needed = kept.iter().chain(port.pinned().iter()).min().copied();
        if let Some(oldest) = needed {
            host.backplane.trim_journal(&lease, oldest.next()).await?;
        }
        Ok::<_, Error>(())
    };
    match stored.await {
        Ok(()) => tracing::debug!(zone = %lease.zone, %at, size, "snapshot stored"),
        // The journal still holds everything; the next snapshot tries again.
        Err(error) => tracing::warn!(zone = %lease.zone, %error, "the snapshot was not stored"),
    }
}
