//! The primaries of a Redis Cluster: who serves which slot, a [`Link`] to each, and the task that keeps that so.
//!
//! Why not the client library's own cluster client: it sends commands again by itself, has no watchdog, and a `WAIT` goes
//! to all primaries instead of the one that wrote. Here every command goes to the link of its key's slot. Only a command
//! that was refused with MOVED or ASK is sent once more, to whom the refusal names: it has not run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;
use futures_util::future::{pending, select_all};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::{Login, NodeAddr};
use super::connection::{CONNECT_TIMEOUT, Link, RECONNECT_PATIENCE, RETRY_DELAY};
use super::dial::Target;
use super::functions::Functions;
use super::slots::SlotMap;
use crate::error::{Error, Source};
use crate::types::{Health, RedisOptions};

/// How often a healthy cluster is asked who serves what. A MOVED, or a link that is lost, has it asked at once.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A link to a node without slots, made for an ASK, is let go after this time. Another ASK makes another.
const GUEST_KEPT: Duration = Duration::from_secs(60);

/// A cluster as it is known now, kept up by [`Cluster::keep_up`].
pub(super) struct Cluster {
    seeds: Vec<NodeAddr>,
    login: Login,
    functions: Arc<Functions>,
    options: RedisOptions,
    incarnation: Arc<watch::Sender<u64>>,
    view: watch::Sender<Arc<View>>,
    /// Links to nodes that slots are being moved to and that serve none yet, with the time they were made.
    guests: Mutex<BTreeMap<NodeAddr, (Instant, Arc<Link>)>>,
    health: watch::Sender<Health>,
    /// Who is said to know better than the view.
    hint: watch::Sender<Option<NodeAddr>>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

/// One state of the cluster.
#[derive(Default)]
struct View {
    slots: SlotMap,
    links: BTreeMap<NodeAddr, Arc<Link>>,
}

impl Cluster {
    /// Finds the cluster for the first time and connects to all its primaries.
    pub(super) async fn connect(
        seeds: Vec<NodeAddr>,
        login: Login,
        options: RedisOptions,
        incarnation: Arc<watch::Sender<u64>>,
        cancel: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Arc<Self>, Error> {
        const OPERATION: &str = "find the Redis cluster";
        let cluster = Self {
            seeds,
            login,
            functions: Arc::new(Functions::new()),
            options,
            incarnation,
            view: watch::Sender::new(Arc::default()),
            guests: Mutex::default(),
            health: watch::Sender::new(Health::Away),
            hint: watch::Sender::new(None),
            cancel: cancel.clone(),
            tasks: tasks.clone(),
        };
        let away = |source: Source| Error::Away { operation: OPERATION, source: Some(source) };
        let slots = cluster.look().await.map_err(away)?;
        if !slots.is_whole() {
            return Err(away("not every slot has a primary".into()));
        }
        let mut links = BTreeMap::new();
        for node in slots.primaries() {
            if !links.contains_key(node) {
                let link = cluster.new_link(OPERATION, node)?;
                link.connect().await?;
                links.insert(node.clone(), link);
            }
        }
        for link in links.values() {
            cluster.spawn(link);
        }
        cluster.view.send_replace(Arc::new(View { slots, links }));
        cluster.health.send_replace(Health::Connected);
        Ok(Arc::new(cluster))
    }

    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Connected while every slot is served by a primary that answers.
    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// The link to the primary of a slot.
    pub(super) fn link(&self, operation: &'static str, slot: u16) -> Result<Arc<Link>, Error> {
        let view = self.view.borrow();
        let link = view.slots.primary(slot).and_then(|node| view.links.get(node));
        let nobody = || Error::Away { operation, source: Some("no primary serves the key's slot".into()) };
        link.cloned().ok_or_else(nobody)
    }

    /// After a MOVED: the link to the slot's new primary, as soon as it is known.
    pub(super) async fn moved(
        &self,
        operation: &'static str,
        slot: u16,
        from: &NodeAddr,
        to: NodeAddr,
    ) -> Result<Arc<Link>, Error> {
        let mut views = self.view.subscribe();
        self.hint.send_replace(Some(to));
        let elsewhere = views.wait_for(|view| view.slots.primary(slot).is_some_and(|primary| primary != from));
        match timeout(RECONNECT_PATIENCE, elsewhere).await {
            Ok(Ok(_)) => self.link(operation, slot),
            _ => Err(Error::Away { operation, source: Some("the key's slot has just moved".into()) }),
        }
    }

    /// After an ASK: a link to the node that a slot is being moved to.
    pub(super) fn asked(&self, operation: &'static str, node: &NodeAddr) -> Result<Arc<Link>, Error> {
        if let Some(link) = self.view.borrow().links.get(node) {
            return Ok(link.clone());
        }
        let mut guests = self.guests.lock();
        if let Some((_, link)) = guests.get(node) {
            return Ok(link.clone());
        }
        let link = self.new_link(operation, node)?;
        self.spawn(&link);
        guests.insert(node.clone(), (Instant::now(), link.clone()));
        Ok(link)
    }

    /// Returns when the slot's primary is another node than this one.
    pub(super) async fn until_served_elsewhere(&self, slot: u16, node: &NodeAddr) {
        let mut views = self.view.subscribe();
        let elsewhere = |view: &Arc<View>| view.slots.primary(slot).is_some_and(|primary| primary != node);
        if views.wait_for(elsewhere).await.is_err() {
            pending().await // the cluster is gone, and its caller with it
        }
    }

    /// Follows the cluster's changes until cancelled.
    pub(super) async fn keep_up(&self) {
        self.cancel.run_until_cancelled(self.follow()).await;
        self.health.send_replace(Health::Away);
    }

    async fn follow(&self) {
        let mut hints = self.hint.subscribe();
        loop {
            let view = self.view.borrow().clone();
            let mut healths: Vec<_> = view.links.values().map(|link| link.health()).collect();
            let answering = healths.iter_mut().all(|health| *health.borrow_and_update() == Health::Connected);
            let health = if answering && view.slots.is_whole() { Health::Connected } else { Health::Away };
            self.health.send_if_modified(|current| std::mem::replace(current, health) != health);
            let changed = async {
                match healths.is_empty() {
                    true => pending().await,
                    false => drop(select_all(healths.iter_mut().map(|health| Box::pin(health.changed()))).await),
                }
            };
            tokio::select! {
                () = changed => {
                    // Which links are up counts at once; what it means for the slots is asked below only where one is down.
                    if view.links.values().all(|link| *link.health().borrow() == Health::Connected) {
                        continue;
                    }
                }
                // A closed channel would mean that we are gone ourselves.
                _ = hints.changed() => {}
                () = sleep(if health == Health::Connected { LOOK_INTERVAL } else { RETRY_DELAY }) => {}
            }
            match self.look().await {
                Ok(slots) => self.adopt(slots),
                Err(error) => tracing::debug!(%error, "no node says who serves the cluster's slots"),
            }
        }
    }

    /// Makes a new map the view: links to who is new, none to who serves nothing any more.
    fn adopt(&self, slots: SlotMap) {
        let now = Instant::now();
        self.guests.lock().retain(|_, (made, link)| {
            let keep = now - *made < GUEST_KEPT;
            if !keep {
                link.cancel.cancel();
            }
            keep
        });
        let view = self.view.borrow().clone();
        if view.slots == slots {
            return;
        }
        let mut links = BTreeMap::new();
        for node in slots.primaries() {
            let guest = || self.guests.lock().remove(node).map(|(_, link)| link);
            if links.contains_key(node) {
                continue;
            }
            if let Some(link) = view.links.get(node).cloned().or_else(guest) {
                links.insert(node.clone(), link);
                continue;
            }
            match self.new_link("connect to a node of the cluster", node) {
                Ok(link) => {
                    self.spawn(&link);
                    links.insert(node.clone(), link);
                }
                Err(error) => tracing::error!(%node, %error, "the cluster names a node that can't be addressed"),
            }
        }
        for (node, link) in &view.links {
            if !links.contains_key(node) {
                link.cancel.cancel();
            }
        }
        let nodes: Vec<String> = links.keys().map(ToString::to_string).collect();
        tracing::warn!(primaries = nodes.join(", "), "slots of the cluster have moved");
        // Before anybody can see the new primaries: they may be replicas that took over, and lack what had not reached them.
        self.incarnation.send_modify(|incarnation| *incarnation += 1);
        self.view.send_replace(Arc::new(View { slots, links }));
    }

    /// Asks who serves what: the node that is said to know, then those we know, then the seeds, until one answers that
    /// sees a working cluster.
    async fn look(&self) -> Result<SlotMap, Source> {
        let hinted = self.hint.borrow().clone();
        let view = self.view.borrow().clone();
        let (up, down): (Vec<_>, Vec<_>) =
            view.links.iter().partition(|(_, link)| *link.health().borrow() == Health::Connected);
        let known = up.into_iter().chain(down).map(|(node, _)| node);
        let mut asked: Vec<&NodeAddr> = Vec::new();
        let mut last: Source = "the address names no node".into();
        for node in hinted.iter().chain(known).chain(&self.seeds) {
            if asked.contains(&node) {
                continue;
            }
            asked.push(node);
            match timeout(CONNECT_TIMEOUT / 2, self.ask(node)).await {
                Ok(Ok(slots)) => return Ok(slots),
                Ok(Err(error)) => last = format!("{node}: {error}").into(),
                Err(_) => last = format!("{node} does not answer").into(),
            }
        }
        Err(last)
    }

    async fn ask(&self, node: &NodeAddr) -> Result<SlotMap, Source> {
        let client = self.login.client(node)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let info: String = ::redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await?;
        if !info.lines().any(|line| line == "cluster_state:ok") {
            return Err("the cluster is not in working order".into());
        }
        let rows: Vec<Vec<Value>> = ::redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
        SlotMap::parse(rows, node).ok_or_else(|| "the answer to CLUSTER SLOTS can't be read".into())
    }

    fn new_link(&self, operation: &'static str, node: &NodeAddr) -> Result<Arc<Link>, Error> {
        let client = self.login.client(node).map_err(|source| Error::store(operation, source))?;
        let target = Target::Node(node.clone(), client);
        let incarnation = self.incarnation.clone();
        Ok(Link::new(target, self.functions.clone(), self.options.clone(), incarnation, &self.cancel))
    }

    fn spawn(&self, link: &Arc<Link>) {
        let link = link.clone();
        self.tasks.spawn(async move { link.keep_up().await });
    }
}
