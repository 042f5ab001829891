//! A TCP relay between one process and its Redis that reads along, and stands still at a chosen command: before passing it on, or
//! right behind it. Whatever is on its way then stays there, so what is killed meanwhile is killed at that very step.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// No command is longer: an append is 512 KiB at most.
const COMMAND: usize = 4 * 1024 * 1024;

/// A command to Redis, word by word.
pub type Command = Vec<Vec<u8>>;

/// A listening relay; it and its connections end when dropped.
pub struct Tap {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

struct Shared {
    trap: Mutex<Option<Trap>>,
    still_tx: watch::Sender<bool>,
}

struct Trap {
    fits: Box<dyn FnMut(&Command) -> bool + Send>,
    passes: bool,
    sprung_tx: oneshot::Sender<()>,
}

impl Tap {
    /// In front of the Redis on that port of this machine.
    pub async fn before(redis: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { trap: Mutex::new(None), still_tx: watch::Sender::new(false) });
        let mut accepting = JoinSet::new();
        let all = shared.clone();
        accepting.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((process, _)) = listener.accept().await {
                let shared = all.clone();
                lines.spawn(async move {
                    if let Err(error) = carry(process, redis, &shared).await {
                        eprintln!("tap: {error:#}");
                    }
                });
            }
        });
        Ok(Self { address, shared, _accepting: accepting })
    }

    /// `redis://…`
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Stands still at the first command that fits: behind it where it `passes`, else before it. Ends when that has come to be.
    pub fn trap(&self, passes: bool, fits: impl FnMut(&Command) -> bool + Send + 'static) -> oneshot::Receiver<()> {
        let (sprung_tx, sprung_rx) = oneshot::channel();
        *self.shared.trap() = Some(Trap { fits: Box::new(fits), passes, sprung_tx });
        sprung_rx
    }

    /// Goes on.
    pub fn go_on(&self) {
        self.shared.trap().take();
        self.shared.still_tx.send_replace(false);
    }
}

impl Shared {
    fn trap(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        // Nothing can panic while it is held but a test's own condition.
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trap, when this command springs it.
    fn springs(&self, command: &Command) -> Option<Trap> {
        let mut trap = self.trap();
        let fits = trap.as_mut().is_some_and(|trap| (trap.fits)(command));
        if fits { trap.take() } else { None }
    }

    async fn until_it_goes_on(&self) {
        // The sender lives as long as we do.
        let mut still = self.still_tx.subscribe();
        if still.wait_for(|still| !still).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn carry(process: TcpStream, redis: u16, shared: &Shared) -> anyhow::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", redis)).await.context("Redis is away")?;
    process.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_process, to_process), (from_server, to_server)) = (process.into_split(), server.into_split());
    // Either side's end is the other's.
    tokio::select! {
        ended = commands(from_process, to_server, shared) => ended,
        ended = answers(from_server, to_process, shared) => ended,
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) -> anyhow::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while from.read_buf(&mut chunk).await? > 0 {
        shared.until_it_goes_on().await;
        if to.write_all(&chunk).await.is_err() {
            return Ok(());
        }
        chunk.clear();
    }
    Ok(())
}

async fn commands(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) -> anyhow::Result<()> {
    let mut waiting = Vec::with_capacity(CHUNK);
    loop {
        // A process that is killed breaks its connections off.
        match from.read_buf(&mut waiting).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
        while let Some((command, length)) = first(&waiting)? {
            shared.until_it_goes_on().await;
            let sprung = shared.springs(&command);
            if sprung.as_ref().is_none_or(|trap| trap.passes) {
                to.write_all(&waiting[..length]).await?;
            }
            if let Some(trap) = sprung {
                shared.still_tx.send_replace(true);
                // Whoever set it may be gone.
                let _ = trap.sprung_tx.send(());
                shared.until_it_goes_on().await;
                if !trap.passes {
                    to.write_all(&waiting[..length]).await?;
                }
            }
            waiting.drain(..length);
        }
        anyhow::ensure!(waiting.len() <= COMMAND, "a command over {COMMAND} bytes");
    }
}

/// The first whole command of these bytes (an array of bulk strings, as every client sends it), and its length.
fn first(bytes: &[u8]) -> anyhow::Result<Option<(Command, usize)>> {
    let mut at = 0;
    let Some(count) = number(bytes, &mut at, b'*')? else { return Ok(None) };
    let mut command = Vec::with_capacity(count.min(1024));
    for _ in 0..count {
        let Some(length) = number(bytes, &mut at, b'$')? else { return Ok(None) };
        let Some(word) = bytes.get(at..at + length) else { return Ok(None) };
        if bytes.len() < at + length + 2 {
            return Ok(None);
        }
        command.push(word.to_vec());
        at += length + 2;
    }
    Ok(Some((command, at)))
}

/// `*3\r\n`, `$12\r\n`; none: not all of it is there.
fn number(bytes: &[u8], at: &mut usize, mark: u8) -> anyhow::Result<Option<usize>> {
    let rest = &bytes[*at..];
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    anyhow::ensure!(rest[0] == mark, "not a command: {:?}", String::from_utf8_lossy(&rest[..end.min(40)]));
    *at += end + 2;
    Ok(Some(std::str::from_utf8(&rest[1..end])?.parse()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_command_is_read_as_soon_as_it_is_whole() {
        let bytes = b"*2\r\n$4\r\nPING\r\n$3\r\na\r\n\r\n*1\r\n$1\r\nx\r\n";
        let (command, length) = first(bytes).unwrap().unwrap();
        assert_eq!((command, length), (vec![b"PING".to_vec(), b"a\r\n".to_vec()], 23));
        assert_eq!(first(&bytes[length..]).unwrap().unwrap().0, [b"x".to_vec()]);
        assert!((0..23).all(|cut| first(&bytes[..cut]).unwrap().is_none()));
        assert!(first(b"+OK\r\n").is_err());
    }
}
