//! A player's connection to a gateway: what she sends and what she gets, each a little late and in order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use wod_gateway::testing::{Connection, Received};
use wod_gateway_core::ClientFrame;
use wod_protocol::client::{CloseCode, Encoding};

/// How long a message is on its way, ms.
const DELAY_MS: std::ops::RangeInclusive<u64> = 5..=60;

/// What a player finds on her connection.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A message.
    Frame(Bytes),
    /// The gateway has closed the connection.
    Closed(CloseCode),
}

/// One connection.
pub(crate) struct Link {
    connection: Connection,
    encoding: Encoding,
    up: VecDeque<(Duration, ClientFrame)>,
    down: VecDeque<(Duration, Arrival)>,
    /// The gateway takes nothing any more.
    broken: bool,
}

impl Link {
    /// Over a fresh connection.
    pub(crate) fn new(connection: Connection, encoding: Encoding) -> Self {
        Self { connection, encoding, up: VecDeque::new(), down: VecDeque::new(), broken: false }
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, now: Duration, bytes: Bytes, rng: &mut ChaCha8Rng) {
        let frame = match self.encoding {
            Encoding::Json => ClientFrame::Text(bytes),
            Encoding::MessagePack => ClientFrame::Binary(bytes),
        };
        let due = arrives(now, self.up.back().map(|(due, _)| *due), rng);
        self.up.push_back((due, frame));
    }

    /// Moves what is due. `stopped`: the gateway's process is, and sends nothing.
    pub(crate) fn pump(&mut self, now: Duration, stopped: bool, rng: &mut ChaCha8Rng) {
        while let Some((_, frame)) = self.up.pop_front_if(|(due, _)| *due <= now) {
            self.broken |= !self.connection.send(frame);
        }
        while !stopped && let Some(received) = self.connection.receive() {
            let due = arrives(now, self.down.back().map(|(due, _)| *due), rng);
            match received {
                Received::Frames(frames) => {
                    self.down.extend(frames.into_iter().map(|frame| (due, Arrival::Frame(frame))));
                }
                Received::Closed(code, _) => self.down.push_back((due, Arrival::Closed(code))),
            }
        }
    }

    /// What has arrived by now.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<Arrival> {
        self.down.pop_front_if(|(due, _)| *due <= now).map(|(_, arrival)| arrival)
    }

    /// Whether it is of no use any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }
}

fn arrives(now: Duration, after: Option<Duration>, rng: &mut ChaCha8Rng) -> Duration {
    let due = now + Duration::from_millis(rng.random_range(DELAY_MS));
    after.map_or(due, |after| due.max(after))
}
