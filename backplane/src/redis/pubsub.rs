//! Inboxes over Redis's sharded pub/sub: a channel lives where a key of its name would, in a cluster as on a single server.
//!
//! A subscriber that receives nothing can't tell peace from a dead connection, and the client library's own reconnecting
//! subscriber was seen to stay deaf after a long outage. So each inbox has a task with a connection of its own: it asks
//! for a PONG every 400 ms, rebuilds connection and subscription when none comes or the channel is served elsewhere, for
//! ever, and marks the gap.
//!
//! Redis cuts a subscriber that lags by 32 MB: the connection moves every message into our bounded queue as soon as it is
//! there, and never waits.

use std::sync::Arc;

use ::redis::aio::{AsyncPushSender, MultiplexedConnection};
use ::redis::{AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, PushKind, RedisError, Value};
use bytes::Bytes;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{CONNECT_TIMEOUT, Connections, RETRY_DELAY, WATCHDOG_INTERVAL, WATCHDOG_TIMEOUT};
use super::nodes::Nodes;
use crate::error::{Error, Source};
use crate::inbox::{Inbox, InboxQueue};

const OPERATION: &str = "subscribe";

/// Opens an inbox on a channel. The subscriber ends with the inbox or with `cancel`.
pub(super) async fn subscribe(
    nodes: Nodes,
    channel: String,
    capacity: usize,
    cancel: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<Inbox, Error> {
    if cancel.is_cancelled() {
        return Err(Error::Closed { operation: OPERATION });
    }
    let queue = InboxQueue::new(capacity);
    let subscriber = Subscriber { nodes, channel, queue: queue.clone() };
    let subscription = subscriber.open(false).await;
    let subscription = subscription.map_err(|source| Error::Away { operation: OPERATION, source: Some(source) })?;
    let cancel = cancel.child_token();
    let ended = cancel.clone();
    tasks.spawn(async move {
        ended.run_until_cancelled(subscriber.run(subscription)).await;
        subscriber.queue.close();
    });
    Ok(Inbox::new(queue, Some(cancel.drop_guard())))
}

struct Subscriber {
    nodes: Nodes,
    channel: String,
    queue: Arc<InboxQueue>,
}

/// A connection that is subscribed, as confirmed by Redis. Messages go from it straight into the queue.
struct Subscription {
    connection: MultiplexedConnection,
    /// Cancelled when the connection has ended or Redis has ended the subscription.
    ended: CancellationToken,
    /// Of the server that serves the channel.
    server: Connections,
}

impl Subscriber {
    /// Ends only by being cancelled.
    async fn run(&self, mut subscription: Subscription) {
        loop {
            self.until_lost(&mut subscription).await;
            // Not a message more from it, now that a gap will be marked.
            drop(subscription);
            self.queue.set_connected(false);
            tracing::warn!(channel = %self.channel, "the inbox is disconnected");
            subscription = loop {
                match self.open(true).await {
                    Ok(subscription) => break subscription,
                    Err(error) => tracing::debug!(channel = %self.channel, %error, "the inbox can't reconnect yet"),
                }
                sleep(RETRY_DELAY).await;
            };
            tracing::info!(channel = %self.channel, "the inbox is connected again");
        }
    }

    /// Subscribes at whoever serves the channel; `again`: and marks the gap, before anything that arrives from there.
    async fn open(&self, again: bool) -> Result<Subscription, Source> {
        let open = async {
            let server = self.nodes.link(OPERATION, &self.channel)?.connections(OPERATION).await?;
            let ended = CancellationToken::new();
            let push = pushes(self.queue.clone(), again, ended.clone());
            let mut connection = connect(&server.client, push).await?;
            // Wrong when the channel has just moved: the look at the cluster's slots that is due anyway says where to.
            ::redis::cmd("SSUBSCRIBE").arg(&self.channel).query_async::<Value>(&mut connection).await?;
            Ok(Subscription { connection, ended, server })
        };
        timeout(CONNECT_TIMEOUT, open).await?
    }

    async fn until_lost(&self, subscription: &mut Subscription) {
        let Subscription { connection, ended, server } = subscription;
        let watch = async {
            loop {
                sleep(WATCHDOG_INTERVAL).await;
                let pong = timeout(WATCHDOG_TIMEOUT, ::redis::cmd("PING").exec_async(connection)).await;
                if !matches!(pong, Ok(Ok(()))) {
                    return;
                }
            }
        };
        tokio::select! {
            () = ended.cancelled() => {}
            () = watch => {}
            () = self.nodes.until_elsewhere(&self.channel, server) => {}
        }
    }
}

/// What becomes of everything that Redis sends unasked, in its order.
fn pushes(queue: Arc<InboxQueue>, again: bool, ended: CancellationToken) -> impl AsyncPushSender {
    move |PushInfo { kind, data }| {
        match (kind, data.into_iter().nth(1)) {
            (PushKind::SMessage, Some(Value::BulkString(payload))) => queue.push(Bytes::from(payload)),
            // The confirmation. Nothing was heard up to here, and everything is from here on.
            (PushKind::SSubscribe, _) => {
                queue.set_connected(true);
                if again {
                    queue.push_unknown_gap();
                }
            }
            (PushKind::Disconnection | PushKind::SUnsubscribe, _) => ended.cancel(),
            _ => {}
        }
        Ok::<_, std::convert::Infallible>(())
    }
}

/// RESP3, because only there answers to PINGs and messages share a connection.
async fn connect(client: &Client, push: impl AsyncPushSender) -> Result<MultiplexedConnection, RedisError> {
    let info = client.get_connection_info();
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let client = Client::open(info.clone().set_redis_settings(settings))?;
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_push_sender(push);
    client.get_multiplexed_async_connection_with_config(&config).await
}
