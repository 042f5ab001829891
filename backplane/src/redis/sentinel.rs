//! Who the primary is, by the word of sentinels.
//!
//! The client library does not follow a fail-over: so the sentinels are asked before every (re)connect, and once a second
//! while connected, because a primary that was cut off from everybody but us goes on answering.

use std::time::Duration;

use ::redis::{AsyncConnectionConfig, Client, RedisError};
use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::address::{Login, NodeAddr};
use crate::error::Source;

/// A sentinel that has not answered by then is not waited for.
const ASK_TIMEOUT: Duration = Duration::from_millis(400);
/// How often they are asked whether the primary is still the same.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// The sentinels of one primary.
#[derive(Debug)]
pub(super) struct Sentinels {
    nodes: Vec<(NodeAddr, Client)>,
    name: String,
    login: Login,
}

impl Sentinels {
    pub(super) fn new(nodes: Vec<NodeAddr>, name: String, login: Login) -> Result<Self, RedisError> {
        let client = |node: NodeAddr| Ok((node.clone(), Login::default().client(&node)?));
        let nodes = nodes.into_iter().map(client).collect::<Result<_, RedisError>>()?;
        Ok(Self { nodes, name, login })
    }

    /// What logs call them.
    pub(super) fn describe(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|(node, _)| node.to_string()).collect();
        format!("{} of sentinels {}", self.name, nodes.join(", "))
    }

    /// The primary as of the newest fail-over that any of them knows of.
    pub(super) async fn primary(&self) -> Result<(NodeAddr, Client), Source> {
        let answers = join_all(self.nodes.iter().map(|(node, client)| async move {
            let answer = timeout(ASK_TIMEOUT, ask(client, &self.name)).await;
            let answer = answer.map_err(Source::from).and_then(|answer| answer);
            answer.map_err(|error| format!("sentinel {node}: {error}"))
        }));
        let (known, failures): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        // The epoch grows with every fail-over, so one that was cut off is outvoted by any that was not.
        let newest = known.into_iter().flatten().flatten().max_by_key(|known| known.epoch);
        let Some(newest) = newest else {
            let failures: Vec<String> = failures.into_iter().filter_map(Result::err).collect();
            return Err(match failures.is_empty() {
                true => format!("no sentinel knows a primary called {:?}", self.name).into(),
                false => failures.join("; ").into(),
            });
        };
        let client = self.login.client(&newest.primary)?;
        Ok((newest.primary, client))
    }

    /// Returns when they name another primary than this one.
    pub(super) async fn until_another_than(&self, primary: &NodeAddr) {
        let mut asking = interval(ASK_INTERVAL);
        asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            asking.tick().await;
            match self.primary().await {
                Ok((named, _)) if named != *primary => {
                    tracing::warn!(former = %primary, primary = %named, "the sentinels name another primary");
                    return;
                }
                Ok(_) => {}
                // They are not needed as long as the primary itself answers.
                Err(error) => tracing::debug!(%error, "no sentinel says who the primary is"),
            }
        }
    }
}

/// What one sentinel knows.
struct Known {
    primary: NodeAddr,
    epoch: u64,
}

/// None: it does not watch a primary of that name.
async fn ask(client: &Client, name: &str) -> Result<Option<Known>, Source> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ASK_TIMEOUT));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut get = ::redis::cmd("SENTINEL");
    get.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    // Unlike the other command this one names the new primary while a fail-over is still being finished.
    let Some((host, port)): Option<(String, u16)> = get.query_async(&mut connection).await? else { return Ok(None) };
    let mut about = ::redis::cmd("SENTINEL");
    about.arg("MASTER").arg(name);
    let facts: Vec<String> = about.query_async(&mut connection).await?;
    // A sentinel that tells no epoch is believed last.
    let epoch = facts.chunks_exact(2).find(|fact| fact[0] == "config-epoch").and_then(|fact| fact[1].parse().ok());
    Ok(Some(Known { primary: NodeAddr::new(&host, port), epoch: epoch.unwrap_or(0) }))
}
