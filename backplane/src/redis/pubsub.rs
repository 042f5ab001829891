//! Inboxes over Redis pub/sub.
//!
//! A subscriber that receives nothing can't tell peace from a dead connection, and the client library's own reconnecting
//! subscriber was seen to stay deaf after a long outage. So each inbox has a task with a connection of its own: it asks
//! for a PONG every 400 ms, rebuilds connection and subscription when none comes, for ever, and marks the gap.
//!
//! The library's receive queue is unbounded, and Redis cuts a subscriber that lags by 32 MB: the task moves every message
//! into our bounded queue as soon as it is there, and never waits.

use std::sync::Arc;

use ::redis::aio::{PubSubSink, PubSubStream};
use ::redis::{Client, Value};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{CONNECT_TIMEOUT, RETRY_DELAY, WATCHDOG_INTERVAL, WATCHDOG_TIMEOUT};
use crate::error::{Error, Source};
use crate::inbox::{Inbox, InboxQueue};

/// Opens an inbox on a channel. The subscriber ends with the inbox or with `cancel`.
pub(super) async fn subscribe(
    client: Client,
    channel: String,
    capacity: usize,
    cancel: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<Inbox, Error> {
    const OPERATION: &str = "subscribe";
    if cancel.is_cancelled() {
        return Err(Error::Closed { operation: OPERATION });
    }
    let opened = Subscription::open(&client, &channel).await;
    let subscription = opened.map_err(|source| Error::Away { operation: OPERATION, source: Some(source) })?;
    let queue = InboxQueue::new(capacity);
    let cancel = cancel.child_token();
    let subscriber = Subscriber { client, channel, queue: queue.clone() };
    let ended = cancel.clone();
    tasks.spawn(async move {
        ended.run_until_cancelled(subscriber.run(subscription)).await;
        subscriber.queue.close();
    });
    Ok(Inbox::new(queue, Some(cancel.drop_guard())))
}

struct Subscriber {
    client: Client,
    channel: String,
    queue: Arc<InboxQueue>,
}

impl Subscriber {
    /// Ends only by being cancelled.
    async fn run(&self, mut subscription: Subscription) {
        loop {
            subscription.receive_until_lost(&self.queue).await;
            self.queue.set_connected(false);
            tracing::warn!(channel = %self.channel, "the inbox is disconnected");
            subscription = loop {
                match Subscription::open(&self.client, &self.channel).await {
                    Ok(subscription) => break subscription,
                    Err(error) => tracing::debug!(channel = %self.channel, %error, "the inbox can't reconnect yet"),
                }
                sleep(RETRY_DELAY).await;
            };
            // Before anything that arrives over the new connection.
            self.queue.push_unknown_gap();
            self.queue.set_connected(true);
            tracing::info!(channel = %self.channel, "the inbox is connected again");
        }
    }
}

/// A connection that is subscribed, as confirmed by Redis.
struct Subscription {
    sink: PubSubSink,
    stream: PubSubStream,
}

impl Subscription {
    async fn open(client: &Client, channel: &str) -> Result<Self, Source> {
        let open = async {
            let (mut sink, stream) = client.get_async_pubsub().await?.split();
            sink.subscribe(channel).await?;
            Ok(Self { sink, stream })
        };
        timeout(CONNECT_TIMEOUT, open).await?
    }

    async fn receive_until_lost(&mut self, queue: &InboxQueue) {
        let receive = async {
            while let Some(message) = self.stream.next().await {
                queue.push(Bytes::copy_from_slice(message.get_payload_bytes()));
            }
        };
        let watch = async {
            loop {
                sleep(WATCHDOG_INTERVAL).await;
                if !matches!(timeout(WATCHDOG_TIMEOUT, self.sink.ping::<Value>()).await, Ok(Ok(_))) {
                    return;
                }
            }
        };
        tokio::select! {
            () = receive => {}
            () = watch => {}
        }
    }
}
