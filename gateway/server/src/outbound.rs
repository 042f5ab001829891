//! Messages on their way to one client: filled by the driver, emptied by the connection's writer, and never waited for.
//!
//! Bounded by the core: past [`CONGESTED_BYTES`] it is told, then adds at most `SLOW_BYTES` more before it closes the
//! connection.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wod_protocol::client::CloseCode;

/// More than this waiting to be written makes a connection congested.
pub(crate) const CONGESTED_BYTES: usize = 32 * 1024;

/// A handle to the queue; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Outbound {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
    closing: CancellationToken,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    /// Bytes among the frames, and of those the writer has taken but not written.
    bytes: usize,
    congested: bool,
    close: Option<(CloseCode, String)>,
}

/// What the writer shall do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// Write these, then say [`Outbound::written`].
    Frames(Vec<Bytes>),
    /// Nothing more will come: write a close frame.
    Close(CloseCode, String),
}

impl Outbound {
    /// Queues messages. True when that made the connection congested.
    pub(crate) fn push(&self, frames: Vec<Bytes>) -> bool {
        let became_congested = {
            let mut state = self.shared.state.lock();
            state.bytes += frames.iter().map(Bytes::len).sum::<usize>();
            state.frames.extend(frames);
            let begins = state.bytes > CONGESTED_BYTES && !state.congested;
            state.congested |= begins;
            begins
        };
        self.shared.changed.notify_one();
        became_congested
    }

    /// Ends the queue: what is in it is written first.
    pub(crate) fn close(&self, code: CloseCode, reason: String) {
        self.shared.state.lock().close = Some((code, reason));
        self.shared.changed.notify_one();
        self.shared.closing.cancel();
    }

    /// Waits for something to do. For one writer only.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.shared.changed.notified().await;
        }
    }

    /// What is to do now, if anything.
    pub(crate) fn try_next(&self) -> Option<Next> {
        let mut state = self.shared.state.lock();
        if !state.frames.is_empty() {
            return Some(Next::Frames(state.frames.drain(..).collect()));
        }
        state.close.take().map(|(code, reason)| Next::Close(code, reason))
    }

    /// The writer has written so many bytes. True when that ended a congestion.
    pub(crate) fn written(&self, bytes: usize) -> bool {
        let mut state = self.shared.state.lock();
        state.bytes -= bytes;
        state.bytes == 0 && std::mem::take(&mut state.congested)
    }

    /// Waits until the core has closed it.
    pub(crate) async fn closing(&self) {
        self.shared.closing.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn congestion_begins_over_the_bound_and_ends_when_all_is_written() {
        let outbound = Outbound::default();
        let frame = Bytes::from(vec![0; CONGESTED_BYTES]);
        assert!(!outbound.push(vec![frame.clone()]));
        assert!(outbound.push(vec![frame.clone()]));
        assert!(!outbound.push(vec![frame.clone()]), "said once");
        let Next::Frames(frames) = outbound.next().await else { panic!() };
        assert_eq!(frames.len(), 3);
        assert!(!outbound.written(2 * CONGESTED_BYTES));
        assert!(outbound.written(CONGESTED_BYTES));
    }

    #[tokio::test]
    async fn what_was_queued_is_written_before_the_close() {
        let outbound = Outbound::default();
        outbound.push(vec![Bytes::from_static(b"last words")]);
        outbound.close(CloseCode::Kicked, "why".into());
        assert_eq!(outbound.next().await, Next::Frames(vec![Bytes::from_static(b"last words")]));
        assert_eq!(outbound.next().await, Next::Close(CloseCode::Kicked, "why".into()));
        outbound.closing().await;
    }
}
