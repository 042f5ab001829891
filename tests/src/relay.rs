//! A bad line between a player and her gateway: a TCP relay that delays what passes, and keeps its order.
//!
//! As on a real line, who is delayed also delays those behind her: TCP delivers in order.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::chance::Chance;

/// Chunks on their way in one direction; when there are more, the relay stops to read, as a full line does.
const CHUNKS: usize = 1024;
/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// How long what passes in one direction is under way: `least`, and up to `jitter` more by chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delay {
    /// Always.
    pub least: Duration,
    /// At most so much in addition.
    pub jitter: Duration,
}

impl Delay {
    /// No delay.
    pub const NONE: Self = Self { least: Duration::ZERO, jitter: Duration::ZERO };

    fn draw(self, chance: &mut Chance) -> Duration {
        let jitter = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX - 1);
        self.least + Duration::from_micros(chance.below(jitter + 1))
    }
}

/// A listening relay; it and its connections end when dropped.
pub struct Relay {
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Relay {
    /// In front of a gateway. `up` is the way to it, `down` the way back; the seed decides every delay.
    pub async fn before(gateway: SocketAddr, up: Delay, down: Delay, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut chance = Chance::new(seed);
            let mut lines = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let chances = (Chance::new(chance.below(u64::MAX)), Chance::new(chance.below(u64::MAX)));
                // A line that breaks ends both sockets: each side sees that by itself.
                lines.spawn(async move { carry(client, gateway, (up, chances.0), (down, chances.1)).await.ok() });
            }
        });
        Ok(Self { address, _accepting: accepting })
    }

    /// The WebSocket address in place of the gateway's.
    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }
}

async fn carry(
    client: TcpStream,
    gateway: SocketAddr,
    up: (Delay, Chance),
    down: (Delay, Chance),
) -> io::Result<((), ())> {
    let server = TcpStream::connect(gateway).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::try_join!(pump(from_client, to_server, up), pump(from_server, to_client, down))
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, (delay, mut chance): (Delay, Chance)) -> io::Result<()> {
    let (chunk_tx, mut chunk_rx) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
    let read = async move {
        let mut due = Instant::now();
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            if from.read_buf(&mut chunk).await? == 0 {
                return Ok(());
            }
            due = due.max(Instant::now() + delay.draw(&mut chance));
            if chunk_tx.send((due, chunk)).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some((due, chunk)) = chunk_rx.recv().await {
            sleep_until(due).await;
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[tokio::test]
    async fn what_passes_is_delayed_and_keeps_its_order() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let delay = Delay { least: Duration::from_millis(30), jitter: Duration::from_millis(30) };
        let relay = Relay::before(server.local_addr().unwrap(), delay, Delay::NONE, 1).await.unwrap();
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        let (mut taken, _) = server.accept().await.unwrap();
        let mut sent = Vec::new();
        for number in 0..20_u8 {
            sent.push(Instant::now());
            client.write_all(&[number]).await.unwrap();
            tokio::task::yield_now().await;
        }
        for (number, sent) in (0..).zip(sent) {
            assert_eq!(taken.read_u8().await.unwrap(), number);
            assert!(sent.elapsed() >= delay.least, "{:?}", sent.elapsed());
        }
    }
}
