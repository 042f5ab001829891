//! A process's inbox: a bounded queue between the bus and the process.
//!
//! The bus must never wait for a slow reader (a Redis subscriber that is not drained is cut off, after eating memory), so
//! a full queue drops what comes newest and leaves a mark with the count where the loss happened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

/// What a process finds in its inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxEvent {
    /// A message, whole.
    Message(Bytes),
    /// Messages are missing here: the queue was full, or the connection was lost and is back.
    Gap {
        /// How many were dropped by the full queue; 0 when the connection was lost and nobody can know.
        dropped: u64,
    },
}

/// The receiving end of a process's inbox. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Inbox {
    queue: Arc<InboxQueue>,
    /// Ends the subscriber's task, where the backend has one.
    _subscriber: Option<DropGuard>,
}

impl Inbox {
    pub(crate) fn new(queue: Arc<InboxQueue>, subscriber: Option<DropGuard>) -> Self {
        Self { queue, _subscriber: subscriber }
    }

    /// The next event; none once the backplane is closed and everything was taken. Safe to cancel.
    pub async fn recv(&mut self) -> Option<InboxEvent> {
        loop {
            if let Some(event) = self.queue.pop() {
                return Some(event);
            }
            if self.queue.is_closed() {
                return None;
            }
            // A permit is kept when the push came after the look above, so no wake-up is lost.
            self.queue.pushed.notified().await;
        }
    }

    /// The next event if there is one now.
    pub fn try_recv(&mut self) -> Option<InboxEvent> {
        self.queue.pop()
    }

    /// How long the event that was taken last had waited.
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.queue.lag_us.load(Ordering::Relaxed))
    }

    /// Messages dropped so far because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// Whether messages can arrive at this moment.
    pub fn is_connected(&self) -> bool {
        self.queue.connected.load(Ordering::Relaxed)
    }
}

/// The queue itself, shared with whatever feeds it. Bounded by `capacity` messages and as many gaps plus one.
#[derive(Debug)]
pub(crate) struct InboxQueue {
    capacity: usize,
    state: Mutex<State>,
    pushed: Notify,
    dropped: AtomicU64,
    /// How long the last one taken had waited.
    lag_us: AtomicU64,
    connected: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Each with the time it came.
    events: VecDeque<(Instant, InboxEvent)>,
    /// Messages among the events; gaps don't count against the capacity.
    messages: usize,
    closed: bool,
}

impl InboxQueue {
    /// `capacity` in messages, at least 1.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity: capacity.max(1),
            state: Mutex::default(),
            pushed: Notify::new(),
            dropped: AtomicU64::new(0),
            lag_us: AtomicU64::new(0),
            connected: AtomicBool::new(true),
        })
    }

    pub(crate) fn push(&self, message: Bytes) {
        {
            let mut state = self.state.lock();
            if state.messages < self.capacity {
                state.messages += 1;
                state.events.push_back((Instant::now(), InboxEvent::Message(message)));
            } else {
                state.mark_gap(1);
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.pushed.notify_one();
    }

    /// The connection was lost for a while; what came in the meantime is gone.
    pub(crate) fn push_unknown_gap(&self) {
        self.state.lock().mark_gap(0);
        self.pushed.notify_one();
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }

    /// No more will come.
    pub(crate) fn close(&self) {
        self.set_connected(false);
        self.state.lock().closed = true;
        self.pushed.notify_one();
    }

    fn pop(&self) -> Option<InboxEvent> {
        let mut state = self.state.lock();
        let (at, event) = state.events.pop_front()?;
        self.lag_us.store(at.elapsed().as_micros() as u64, Ordering::Relaxed);
        if matches!(event, InboxEvent::Message(_)) {
            state.messages -= 1;
        }
        Some(event)
    }

    fn is_closed(&self) -> bool {
        let state = self.state.lock();
        state.closed && state.events.is_empty()
    }
}

impl State {
    fn mark_gap(&mut self, more: u64) {
        match self.events.back_mut() {
            Some((_, InboxEvent::Gap { dropped })) => *dropped += more,
            _ => self.events.push_back((Instant::now(), InboxEvent::Gap { dropped: more })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: u8) -> Bytes {
        Bytes::copy_from_slice(&[n])
    }

    #[tokio::test]
    async fn a_gap_stands_where_the_messages_are_missing() {
        let queue = InboxQueue::new(2);
        let mut inbox = Inbox::new(queue.clone(), None);
        for n in 1..=5 {
            queue.push(message(n));
        }
        assert_eq!(inbox.recv().await, Some(InboxEvent::Message(message(1))));
        queue.push(message(6));
        queue.close();
        assert_eq!(inbox.recv().await, Some(InboxEvent::Message(message(2))));
        assert_eq!(inbox.recv().await, Some(InboxEvent::Gap { dropped: 3 }));
        assert_eq!(inbox.recv().await, Some(InboxEvent::Message(message(6))));
        assert_eq!(inbox.recv().await, None);
        assert_eq!(inbox.dropped(), 3);
    }

    #[test]
    fn a_queue_nobody_reads_stays_bounded() {
        let queue = InboxQueue::new(4);
        for _ in 0..1000 {
            queue.push(message(0));
            queue.push_unknown_gap();
        }
        assert!(queue.state.lock().events.len() <= 2 * 4 + 1);
    }
}
