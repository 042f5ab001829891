//! Tells somebody outside when a module was rolled back or quarantined, or a rollout stopped: an HTTP POST of JSON.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wod_protocol::ids::Generation;

/// Notices that wait to be sent; more are dropped and counted.
const QUEUE: usize = 64;
/// How often one is tried, and the first wait between two tries; each is twice the one before.
const TRIES: u32 = 4;
const RETRY: Duration = Duration::from_secs(1);
/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the webhook gets.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Notice {
    /// `rolled_back`, `not_rolled_back`, `quarantined`, `rollout_stopped`, `rollout_paused`.
    pub(crate) event: &'static str,
    pub(crate) zone: Option<String>,
    /// The digest of the module it is about.
    pub(crate) module: Option<String>,
    pub(crate) generation: Option<Generation>,
    /// For people.
    pub(crate) why: String,
}

/// Where notices are handed in.
pub(crate) struct Notices {
    /// None: nobody wants to know.
    queue: Option<mpsc::Sender<Notice>>,
}

impl Notices {
    /// The door, and what has to run for it.
    pub(crate) fn new(url: Option<reqwest::Url>) -> (Self, Option<Sender>) {
        let Some(url) = url else { return (Self { queue: None }, None) };
        let (tx, rx) = mpsc::channel(QUEUE);
        (Self { queue: Some(tx) }, Some(Sender { url, rx }))
    }

    /// Never waits.
    pub(crate) fn tell(&self, notice: Notice) {
        let Some(queue) = &self.queue else { return };
        if let Err(error) = queue.try_send(notice) {
            metrics::counter!("wod_notices_dropped_total").increment(1);
            tracing::error!(%error, "a notice for the webhook was dropped");
        }
    }
}

/// Sends them, in order.
pub(crate) struct Sender {
    url: reqwest::Url,
    rx: mpsc::Receiver<Notice>,
}

impl Sender {
    /// Until cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let http = reqwest::Client::builder().timeout(PATIENCE).build();
        let http = http.expect("a client without proxies or certificates of its own");
        while let Some(Some(notice)) = stop.run_until_cancelled(self.rx.recv()).await {
            let mut pause = RETRY;
            for left in (0..TRIES).rev() {
                let sent = http.post(self.url.clone()).json(&notice).send().await;
                let Err(error) = sent.and_then(reqwest::Response::error_for_status) else { break };
                let error = error.without_url();
                tracing::warn!(%error, left, event = notice.event, "the webhook does not take a notice");
                if left == 0 || stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    break;
                }
                pause *= 2;
            }
        }
    }
}
