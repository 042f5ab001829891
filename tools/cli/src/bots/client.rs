//! A bot's socket: connects, carries messages, comes back when the protocol says so.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use wod_protocol::client::{ClientMsg, ServerMsg};

use super::bot::{Bot, Out, Phase};
use super::checks::FaultKind;
use super::clock::Micros;
use super::run::Shared;
use super::wire::{self, Incoming};

/// Connecting, or one write, may take this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest frame a bot takes: a full roster of 128 with long texts.
const FRAME_BYTES: usize = 1024 * 1024;
/// Waiting times before coming back, ms: doubled each time, with jitter by the bot's index.
const BACK_OFF_MS: std::ops::RangeInclusive<u64> = 100..=3_000;
/// Source addresses that bots spread over: a port is unique per source and destination address.
const SOURCES: usize = 64;

type Socket = WebSocketStream<TcpStream>;

/// Where a gateway listens.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    /// `ws://…`
    pub(crate) url: String,
    pub(super) address: SocketAddr,
}

impl Gateway {
    /// Reads a `ws://host:port/path` and looks its host up.
    pub(crate) async fn find(url: &str) -> anyhow::Result<Self> {
        let request = url.into_client_request().with_context(|| format!("`{url}` is not a WebSocket URL"))?;
        let uri = request.uri();
        ensure!(uri.scheme_str() == Some("ws"), "`{url}`: bots speak ws:// only; point them behind the TLS proxy");
        let host = uri.host().with_context(|| format!("`{url}` names no host"))?.trim_matches(['[', ']']);
        let place = (host, uri.port_u16().unwrap_or(80));
        let mut found =
            tokio::net::lookup_host(place).await.with_context(|| format!("can't find the host of `{url}`"))?;
        let address = found.next().with_context(|| format!("the host of `{url}` has no address"))?;
        Ok(Self { url: url.to_owned(), address })
    }

    /// Whether anybody listens there.
    pub(crate) async fn reach(&self) -> anyhow::Result<()> {
        let connected = timeout(PATIENCE, TcpStream::connect(self.address)).await;
        connected
            .context("no answer in 10 s")
            .and_then(|result| Ok(result?))
            .with_context(|| format!("can't reach {}", self.url))?;
        Ok(())
    }
}

/// How a connection ended.
enum End {
    /// The run is over and the bot has said `bye`.
    Done,
    /// Lost, or closed with this code.
    Closed(Option<u16>, Option<u32>),
}

/// Lives one bot's life, until the run is over or it may not come back.
pub(super) async fn live(mut bot: Bot, shared: &Shared, index: usize) {
    let mut out = Out::default();
    let mut failures = 0;
    let mut gateway = index;
    let mut given_up = false;
    while !shared.is_over() {
        match connect(shared, gateway, index).await {
            Ok(socket) => {
                let session = Session { socket, shared, out: &mut out, retry_ms: None };
                match session.run(&mut bot, index).await {
                    Ok(End::Done) => break,
                    Ok(End::Closed(code, retry_ms)) => {
                        given_up = !come_back(&mut bot, shared, code);
                        shared.set_state(index, &bot);
                        if given_up {
                            break;
                        }
                        failures = if code == Some(4103) { failures + 1 } else { 1 };
                        pause(shared, index, failures, retry_ms).await;
                    }
                    Err(error) => {
                        shared.fault(&bot, FaultKind::Malformed, format!("{error:#}"));
                        given_up = true;
                        break;
                    }
                }
            }
            Err(error) => {
                bot.counters.connects_failed += 1;
                shared.note_connect_error(&error);
                failures += 1;
                pause(shared, index, failures, None).await;
            }
        }
        gateway += 1;
    }
    if !bot.is_in() && !given_up && !shared.was_interrupted() {
        shared.fault(&bot, FaultKind::Absent, "was not in the world at the end".into());
    }
    if !given_up {
        bot.finish(&mut out);
    }
    shared.collect(&bot, &mut out);
    shared.count(&bot.counters);
}

/// Counts the end of a connection; whether the bot may come back.
fn come_back(bot: &mut Bot, shared: &Shared, code: Option<u16>) -> bool {
    let reason = code.map_or_else(|| "lost".to_owned(), |code| code.to_string());
    *bot.counters.disconnects.entry(reason.clone()).or_default() += 1;
    let was_in = bot.is_in();
    bot.disconnected(&shared.atlas);
    match code {
        Some(4104) => {
            if shared.plan.may_be_set_back {
                bot.count_what_is_gone();
            } else {
                shared.fault(bot, FaultKind::SessionLost, "resume impossible (4104)".into());
            }
            bot.forget_session();
            true
        }
        // Full before it was in: it waits in front of the door.
        Some(4103) if !was_in => true,
        Some(4100..=4199) | None if shared.plan.reconnect => true,
        _ => {
            shared.fault(bot, FaultKind::Disconnected, format!("the connection ended: {reason}"));
            false
        }
    }
}

async fn pause(shared: &Shared, index: usize, failures: u32, retry_ms: Option<u32>) {
    let back_off = (BACK_OFF_MS.start() << failures.min(5)).min(*BACK_OFF_MS.end());
    let jitter = (index as u64 * 37) % (back_off / 2 + 1);
    let wait = u64::from(retry_ms.unwrap_or(0)) + back_off / 2 + jitter;
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(wait)) => {}
        () = shared.over() => {}
    }
}

async fn connect(shared: &Shared, gateway: usize, index: usize) -> anyhow::Result<Socket> {
    let gateway = &shared.plan.gateways[gateway % shared.plan.gateways.len()];
    let socket = if gateway.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let IpAddr::V4(address) = gateway.address.ip()
        && address.is_loopback()
    {
        let source = Ipv4Addr::new(127, 0, 0, (1 + index % SOURCES) as u8);
        socket.bind((source, 0).into()).context("can't bind a source address")?;
    }
    socket.set_nodelay(true)?;
    let handshake = async {
        let stream = socket.connect(gateway.address).await?;
        let mut request = gateway.url.as_str().into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("wod.v1.msgpack"));
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_write_buffer_size(256 * 1024)
            .max_message_size(Some(FRAME_BYTES))
            .max_frame_size(Some(FRAME_BYTES));
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        anyhow::Ok(socket)
    };
    timeout(PATIENCE, handshake)
        .await
        .context("no answer in 10 s")?
        .with_context(|| format!("can't connect to {}", gateway.url))
}

/// One connection.
struct Session<'a> {
    socket: Socket,
    shared: &'a Shared,
    out: &'a mut Out,
    retry_ms: Option<u32>,
}

impl Session<'_> {
    async fn run(mut self, bot: &mut Bot, index: usize) -> anyhow::Result<End> {
        let shared = self.shared;
        let mut entries = Vec::new();
        let mut admitted = Some(Instant::now() + PATIENCE);
        if self.send(&bot.hello()).await.is_err() {
            return Ok(End::Closed(None, None));
        }
        loop {
            let due = admitted.unwrap_or_else(|| shared.clock.instant(bot.next_due()));
            tokio::select! {
                biased;
                () = shared.over() => {
                    // The run is over whether or not the server hears this.
                    let _ = self.send(&ClientMsg::Bye {}).await;
                    let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
                    return Ok(End::Done);
                }
                frame = self.socket.next() => {
                    let now = shared.clock.now();
                    match frame {
                        Some(Ok(Message::Binary(frame))) => self.receive(bot, now, &frame, &mut entries, index)?,
                        Some(Ok(Message::Close(frame))) => return Ok(self.closed(frame)),
                        Some(Ok(Message::Text(_))) => anyhow::bail!("a text frame on a connection that speaks MessagePack"),
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                        Some(Err(_)) | None => return Ok(End::Closed(None, self.retry_ms)),
                    }
                    if bot.is_in() {
                        admitted = None;
                    }
                }
                () = tokio::time::sleep_until(due) => {
                    if admitted.is_some() {
                        // Nobody let it in: try again elsewhere.
                        return Ok(End::Closed(None, None));
                    }
                    shared.with_scene(index, |scene| bot.on_time(shared.clock.now(), scene, self.out));
                    shared.set_state(index, bot);
                    shared.hand_in(index, bot);
                }
            }
            if self.flush(bot).await.is_err() {
                return Ok(End::Closed(None, self.retry_ms));
            }
        }
    }

    fn receive(
        &mut self,
        bot: &mut Bot,
        now: Micros,
        frame: &Bytes,
        entries: &mut Vec<wod_protocol::client::UpdateEntry>,
        index: usize,
    ) -> anyhow::Result<()> {
        match wire::decode(frame, entries)? {
            Incoming::Update { dilation } => {
                bot.on_update(now, entries, dilation, self.shared.phase(), self.out);
                if self.shared.phase() == Phase::Measuring {
                    self.shared.count_measured(entries.len());
                }
            }
            Incoming::Other(Some(message)) => {
                match &*message {
                    ServerMsg::Zone(info) => self.shared.visit(info),
                    ServerMsg::Bye { retry_ms, .. } => self.retry_ms = *retry_ms,
                    _ => {}
                }
                self.shared.with_scene(index, |scene| bot.on_message(now, *message, scene, self.out));
            }
            Incoming::Other(None) => {}
        }
        Ok(())
    }

    fn closed(&self, frame: Option<CloseFrame>) -> End {
        End::Closed(frame.map(|frame| u16::from(frame.code)), self.retry_ms)
    }

    /// Sends what came of an event, and hands samples and faults on.
    async fn flush(&mut self, bot: &Bot) -> anyhow::Result<()> {
        self.shared.collect(bot, self.out);
        if self.out.send.is_empty() {
            return Ok(());
        }
        let messages = std::mem::take(&mut self.out.send);
        for message in &messages {
            self.send(message).await?;
        }
        self.out.send = messages;
        self.out.send.clear();
        Ok(())
    }

    async fn send(&mut self, message: &ClientMsg) -> anyhow::Result<()> {
        let frame = Message::Binary(wire::encode(message).into());
        timeout(PATIENCE, self.socket.send(frame)).await.context("a write took over 10 s")??;
        Ok(())
    }
}
