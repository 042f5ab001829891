//! One player, over a real socket, written from PROTOCOL.md alone: messages are plain JSON values in either encoding.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long any single message may take.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// The server closes a connection that is silent for 30 s.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Messages kept for tests to look back at.
const KEPT: usize = 100_000;

/// The two encodings, by their subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `wod.v1.json`
    Json,
    /// `wod.v1.msgpack`
    MessagePack,
}

/// A player's client.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
    /// `welcome` as it came.
    pub welcome: Value,
    /// The last `zone`.
    pub zone: Value,
    /// Who is near, by id.
    pub roster: BTreeMap<u64, Value>,
    /// Where she believes to be.
    pub at: (f64, f64),
    /// The last reliable message.
    pub n: u64,
    /// Faults of the server's numbering: a gap or a double in `n`.
    pub faults: Vec<String>,
    /// The last command sent.
    pub seq: u64,
    /// The last command acked.
    pub acked: u64,
    /// Commands not acked, to send again after a resume.
    unacked: BTreeMap<u64, Value>,
    /// The number of the last claim.
    pub m: u64,
    c: u64,
    /// Every `correct` so far.
    pub corrections: Vec<Value>,
    /// Everything received, newest last.
    pub seen: VecDeque<Value>,
    /// When she sent the last message.
    sent: Instant,
}

impl Client {
    /// Logs in as a guest.
    pub async fn guest(url: &str, name: &str, encoding: Encoding) -> anyhow::Result<Self> {
        Self::login(url, json!({ "t": "hello", "name": name, "client": "wod-tests" }), encoding).await
    }

    /// Says `hello` and waits for `welcome`, `zone` and the full roster.
    pub async fn login(url: &str, hello: Value, encoding: Encoding) -> anyhow::Result<Self> {
        let mut client = Self::connect(url, encoding).await?;
        client.begin(hello).await?;
        Ok(client)
    }

    /// Connects and says nothing.
    pub async fn connect(url: &str, encoding: Encoding) -> anyhow::Result<Self> {
        Ok(Self {
            socket: connect(url, encoding).await?,
            encoding,
            welcome: Value::Null,
            zone: Value::Null,
            roster: BTreeMap::new(),
            at: (0.0, 0.0),
            n: 0,
            faults: Vec::new(),
            seq: 0,
            acked: 0,
            unacked: BTreeMap::new(),
            m: 0,
            c: 0,
            corrections: Vec::new(),
            seen: VecDeque::new(),
            sent: Instant::now(),
        })
    }

    async fn begin(&mut self, hello: Value) -> anyhow::Result<()> {
        self.send(&hello).await?;
        self.seen.clear();
        for expected in ["welcome", "zone", "roster"] {
            let message = self.receive().await?;
            ensure!(message["t"] == expected, "after hello came {message}, not {expected}");
        }
        Ok(())
    }

    /// Drops the socket without a word and resumes, at that gateway.
    pub async fn resume(&mut self, url: &str) -> anyhow::Result<()> {
        self.socket = connect(url, self.encoding).await?;
        self.begin(json!({ "t": "hello", "resume": {
            "session": self.welcome["session"], "token": self.welcome["token"], "n": self.n,
        }}))
        .await?;
        let dealt_with = self.welcome["seq"].as_u64().context("welcome.seq")?;
        self.unacked.retain(|seq, _| *seq > dealt_with);
        for command in self.unacked.values().cloned().collect::<Vec<_>>() {
            self.send(&command).await?;
        }
        Ok(())
    }

    /// Her avatar.
    pub fn you(&self) -> u64 {
        self.welcome["you"].as_u64().unwrap_or(0)
    }

    /// Sends one message.
    pub async fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        self.sent = Instant::now();
        let frame = match self.encoding {
            Encoding::Json => Message::text(message.to_string()),
            Encoding::MessagePack => Message::binary(rmp_serde::to_vec_named(message)?),
        };
        Ok(self.socket.send(frame).await?)
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, frame: Message) -> anyhow::Result<()> {
        Ok(self.socket.send(frame).await?)
    }

    /// Sends a command with the next `seq`, which it returns.
    pub async fn command(&mut self, mut message: Value) -> anyhow::Result<u64> {
        self.seq += 1;
        message["seq"] = self.seq.into();
        self.unacked.insert(self.seq, message.clone());
        self.send(&message).await?;
        Ok(self.seq)
    }

    /// Says a line: `say`, `shout` or `emote`.
    pub async fn chat(&mut self, mode: &str, text: &str) -> anyhow::Result<u64> {
        self.command(json!({ "t": "chat", "mode": mode, "text": text })).await
    }

    /// Claims a position.
    pub async fn claim(&mut self, x: f64, y: f64) -> anyhow::Result<()> {
        self.m += 1;
        self.at = (x, y);
        self.send(&json!({ "t": "move", "m": self.m, "c": self.c, "x": x, "y": y, "h": 0.0 })).await
    }

    /// Walks straight there at her speed, ten claims a second, reading meanwhile. Ends early when the zone changes.
    pub async fn walk_to(&mut self, x: f64, y: f64) -> anyhow::Result<()> {
        let zone = self.zone["zone"].clone();
        let step = self.zone["speed"].as_f64().context("zone.speed")? * 0.1 * 0.95;
        let steps = ((x - self.at.0).hypot(y - self.at.1) / step).ceil() as usize + 10;
        for _ in 0..steps {
            let (dx, dy) = (x - self.at.0, y - self.at.1);
            let left = dx.hypot(dy);
            if left < 0.01 || self.zone["zone"] != zone {
                return Ok(());
            }
            let share = (step / left).min(1.0);
            self.claim(self.at.0 + dx * share, self.at.1 + dy * share).await?;
            self.listen(Duration::from_millis(100)).await?;
        }
        bail!("not at ({x}, {y}) after {steps} steps but at {:?}; corrections: {:?}", self.at, self.corrections)
    }

    /// The next message, whatever it is.
    pub async fn receive(&mut self) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let frame = tokio::time::timeout(left, self.socket.next()).await.context("the server is silent")?;
            let message: Value = match frame.context("the connection is closed")?? {
                Message::Text(text) if self.encoding == Encoding::Json => serde_json::from_str(&text)?,
                Message::Binary(bytes) if self.encoding == Encoding::MessagePack => rmp_serde::from_slice(&bytes)?,
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(frame) => bail!("closed: {:?}", frame.map(|frame| u16::from(frame.code))),
                other => bail!("a frame of the wrong kind: {other:?}"),
            };
            self.note(&message).await?;
            return Ok(message);
        }
    }

    /// Reads until a message fits; looks at those already seen since `mark` first.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let message = self.receive().await.with_context(|| format!("waiting for {what}"))?;
            if fits(&message) {
                return Ok(message);
            }
        }
        bail!("no {what} within {PATIENCE:?}; last came {:?}", self.seen.iter().rev().take(5).collect::<Vec<_>>())
    }

    /// Reads for that long. Who has long been silent sends a ping first, as every client does.
    pub async fn listen(&mut self, time: Duration) -> anyhow::Result<()> {
        if self.sent.elapsed() > PING_EVERY {
            self.send(&json!({ "t": "ping", "c": 0 })).await?;
        }
        let end = Instant::now() + time;
        while self.receive_before(end).await?.is_some() {}
        Ok(())
    }

    /// The next message, if one comes before this instant.
    pub async fn receive_before(&mut self, end: Instant) -> anyhow::Result<Option<Value>> {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::timeout(left, self.receive()).await.ok().transpose()
    }

    /// Waits until every command is acked.
    pub async fn settled(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.acked < self.seq {
            ensure!(Instant::now() < deadline, "command {} is not acked", self.acked + 1);
            self.receive().await?;
        }
        Ok(())
    }

    /// The close code with which the server ends the connection.
    pub async fn closed(&mut self) -> anyhow::Result<u16> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.context("it stays open")? {
                Some(Ok(Message::Close(Some(frame)))) => return Ok(frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(error)) => bail!("broken off without a close code: {error}"),
                None => bail!("ended without a close code"),
            }
        }
        bail!("it stays open")
    }

    /// The name of somebody near, with her id.
    pub fn near(&self, name: &str) -> Option<u64> {
        self.roster.iter().find(|(_, entry)| entry["name"] == name).map(|(id, _)| *id)
    }

    async fn note(&mut self, message: &Value) -> anyhow::Result<()> {
        let number = |field: &str| message[field].as_u64();
        match message["t"].as_str().context("a message without t")? {
            "welcome" => {
                self.welcome = message.clone();
                self.acked = self.acked.max(number("seq").unwrap_or(0));
            }
            "zone" => {
                self.zone = message.clone();
                self.roster.clear();
                self.place(message);
            }
            "correct" => {
                self.corrections.push(message.clone());
                self.place(message);
            }
            "roster" => {
                if message["full"] == true {
                    self.roster.clear();
                }
                for entry in message["enter"].as_array().into_iter().flatten() {
                    self.roster.insert(entry["id"].as_u64().context("roster id")?, entry.clone());
                }
                for id in message["leave"].as_array().into_iter().flatten() {
                    self.roster.remove(&id.as_u64().context("roster id")?);
                }
            }
            "update" => {
                for entry in message["e"].as_array().into_iter().flatten() {
                    let id = entry[0].as_u64().context("update id")?;
                    match self.roster.get_mut(&id) {
                        Some(known) => {
                            known["x"] = entry[1].clone();
                            known["y"] = entry[2].clone();
                        }
                        None => self.faults.push(format!("an update of {id}, who is not in the roster")),
                    }
                }
            }
            "ack" => {
                self.acked = self.acked.max(number("seq").unwrap_or(0));
                self.unacked.retain(|seq, _| *seq > self.acked);
            }
            _ => {}
        }
        if let Some(n) = number("n") {
            if n == self.n + 1 {
                self.n = n;
                self.send(&json!({ "t": "ack", "n": n })).await?;
            } else if n > self.n {
                self.faults.push(format!("after n {} came {n}: {message}", self.n));
                self.n = n;
            }
        }
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(message.clone());
        Ok(())
    }

    fn place(&mut self, message: &Value) {
        self.at = (message["x"].as_f64().unwrap_or(0.0), message["y"].as_f64().unwrap_or(0.0));
        self.c = message["c"].as_u64().unwrap_or(self.c);
    }
}

async fn connect(url: &str, encoding: Encoding) -> anyhow::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let mut request = url.into_client_request()?;
    let protocol = match encoding {
        Encoding::Json => "wod.v1.json",
        Encoding::MessagePack => "wod.v1.msgpack",
    };
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse()?);
    let (socket, response) = tokio_tungstenite::connect_async(request).await.context("connecting")?;
    let chosen = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    ensure!(chosen == Some(protocol), "asked for {protocol}, got {chosen:?}");
    Ok(socket)
}
