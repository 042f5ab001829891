//! Modules of other hosts' zones, compiled before they are needed: whoever takes a zone over then does not compile first. One at a
//! time, in processes that leave the processor to zones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wod_protocol::ids::Digest;
use wod_protocol::registry::HostLoad;

use crate::host::Host;
use crate::modules::COMPILED;

/// How often other hosts' modules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most modules that stand by: the others that a process keeps are for its own zones, and for versions that are tried.
const STANDING_BY: usize = COMPILED / 2;
/// A module that can't be had is not tried again for so long.
const RETRY: Duration = Duration::from_secs(60);

pub(crate) async fn run(host: Arc<Host>, stop: CancellationToken) {
    let mut failed: BTreeMap<Digest, Instant> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(look.tick()).await.is_some() {
        failed.retain(|_, at| at.elapsed() < RETRY);
        let missing = wanted(&host.directory.hosts())
            .into_iter()
            .find(|digest| !failed.contains_key(digest) && !host.modules.is_ready(digest));
        let Some(digest) = missing else { continue };
        match stop.run_until_cancelled(host.modules.make_ready(digest)).await {
            Some(Ok(())) => tracing::debug!(module = %digest, "compiled, should a zone that runs it come here"),
            Some(Err(error)) => {
                // Whoever takes such a zone over tries again, and says so to operators.
                tracing::warn!(module = %digest, "a module of another host's zone can't be had here: {error:#}");
                failed.insert(digest, Instant::now());
            }
            None => return,
        }
    }
}

/// What zones of the cluster run: what most hosts do first.
fn wanted(hosts: &[HostLoad]) -> Vec<Digest> {
    let mut users: BTreeMap<Digest, usize> = BTreeMap::new();
    for digest in hosts.iter().flat_map(|host| &host.modules) {
        *users.entry(*digest).or_default() += 1;
    }
    let mut wanted: Vec<(Digest, usize)> = users.into_iter().collect();
    wanted.sort_by_key(|(digest, users)| (std::cmp::Reverse(*users), *digest));
    wanted.truncate(STANDING_BY);
    wanted.into_iter().map(|(digest, _)| digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_hosts_run_stands_by_and_no_more_than_there_is_room_for() {
        let digest = |name: &str| Digest::of(name.as_bytes());
        let host = |name: &str, modules: Vec<Digest>| HostLoad {
            host: name.into(),
            region: String::new(),
            workers: 1,
            draining: false,
            zones: Vec::new(),
            modules,
        };
        let rare: Vec<Digest> = (0..100).map(|number| digest(&format!("rare {number}"))).collect();
        let hosts = [host("a", [rare, vec![digest("common")]].concat()), host("b", vec![digest("common")])];
        let wanted = wanted(&hosts);
        assert_eq!(wanted[0], digest("common"));
        assert_eq!(wanted.len(), STANDING_BY);
    }
}
