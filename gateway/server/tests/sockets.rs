//! A running gateway over real sockets, on the embedded backplane, with a fake zone host behind it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;
use wod_backplane::{Backplane, Claim, InboxEvent};
use wod_gateway::{Addresses, GatewayConfig};
use wod_protocol::bus::*;
use wod_protocol::client::*;
use wod_protocol::codec::{decode_server, encode_client};
use wod_protocol::ids::*;
use wod_protocol::registry::GatewayBeat;
use wod_protocol::units::{Heading, Pos};
use wod_protocol::world::World;

const WORLD: &str = r#"
start = "nyc.elysium"
[[zone]]
name = "nyc.elysium"
number = 1
module = "elysium"
origin = [0.0, 0.0]
size = [100.0, 100.0]
"#;
const ZONE: ZoneNo = ZoneNo(1);

/// Longest wait for anything that must happen.
const DEADLINE: Duration = Duration::from_secs(20);

struct Gateway {
    addresses: Addresses,
    backplane: Backplane,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    web: tempfile::TempDir,
}

impl Gateway {
    async fn start() -> Self {
        let backplane = Backplane::embedded(None).await.unwrap();
        let stop = CancellationToken::new();
        let (ready_tx, ready_rx) = oneshot::channel();
        let web = tempfile::tempdir().unwrap();
        std::fs::create_dir(web.path().join("assets")).unwrap();
        std::fs::write(web.path().join("assets/page-1a2b.js"), "run()").unwrap();
        std::fs::write(web.path().join("index.html"), "<title>the page</title>").unwrap();
        let config = GatewayConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin: Some("127.0.0.1:0".parse().unwrap()),
            world: Arc::new(World::parse(WORLD).unwrap()),
            web_dir: Some(web.path().to_owned()),
            ..GatewayConfig::default()
        };
        let running = tokio::spawn(wod_gateway::run(config, backplane.clone(), stop.clone(), ready_tx));
        let addresses = ready_rx.await.unwrap();
        Self { addresses, backplane, stop, running, web }
    }

    async fn stop(self) {
        self.stop.cancel();
        within(self.running).await.unwrap().unwrap();
        drop(self.web);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.listen)
    }

    fn admin(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.admin.unwrap())
    }

    async fn connect(&self, protocol: Option<&str>) -> Result<Client, Error> {
        let mut request = format!("ws://{}/ws", self.addresses.listen).into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (socket, _) = within(tokio_tungstenite::connect_async(request)).await?;
        let encoding = if protocol == Some("wod.v1.msgpack") { Encoding::MessagePack } else { Encoding::Json };
        Ok(Client { socket, encoding })
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it must not take so long")
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
}

impl Client {
    async fn send(&mut self, message: &ClientMsg) {
        let bytes = encode_client(self.encoding, message);
        let message = match self.encoding {
            Encoding::Json => Message::Text(bytes.try_into().unwrap()),
            Encoding::MessagePack => Message::Binary(bytes),
        };
        self.socket.send(message).await.unwrap();
    }

    async fn receive(&mut self) -> ServerMsg {
        match within(self.socket.next()).await.unwrap().unwrap() {
            Message::Text(text) if self.encoding == Encoding::Json => {
                decode_server(self.encoding, text.as_bytes()).unwrap()
            }
            Message::Binary(bytes) if self.encoding == Encoding::MessagePack => {
                decode_server(self.encoding, &bytes).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The code of the close frame, after whatever else came.
    async fn closed(&mut self) -> u16 {
        loop {
            match within(self.socket.next()).await.unwrap().unwrap() {
                Message::Close(Some(frame)) => return frame.code.into(),
                Message::Close(None) => panic!("closed without a code"),
                _ => {}
            }
        }
    }
}

fn hello(name: &str) -> ClientMsg {
    ClientMsg::Hello { ticket: None, name: Some(name.into()), resume: None, client: None }
}

/// Lets everybody in, acks every command and says every line of chat to its speaker; floods who asks for it.
async fn run_zone(backplane: Backplane) {
    let host = HostId::from("host");
    let me = Process::Host(host.clone());
    let mut inbox = backplane.subscribe(&me, 1000).await.unwrap();
    let Claim::Won(lease) = backplane.claim(ZONE, &host, Epoch(0)).await.unwrap() else { panic!() };
    let (mut seq, mut players, mut n) = (0, 0, 0);
    while let Some(event) = inbox.recv().await {
        let InboxEvent::Message(bytes) = event else { continue };
        let envelope = Envelope::decode(&bytes).unwrap();
        for part in envelope.parts {
            let Part::ToZone(ToZone { inputs, .. }) = part else { panic!() };
            for input in inputs {
                seq += 1;
                let mut frame = empty_frame(&host, lease.epoch, seq);
                match input {
                    GatewayInput::Attach(request) => {
                        players += 1;
                        frame.attached = vec![attached(&request, players)];
                        frame.info = Some(Box::new(ZoneCard {
                            map: Digest::of(b"{}"),
                            barriers: vec![],
                            module: "test".into(),
                            version: "1".into(),
                        }));
                        frame.rosters =
                            vec![RosterChange { session: request.session, full: true, enter: vec![], leave: vec![] }];
                    }
                    GatewayInput::Command { session, body: CommandBody::Chat { mode, text, .. }, .. }
                        if text == "flood" =>
                    {
                        // More than the kernel buffers for a connection, in many frames.
                        for _ in 0..40 {
                            let text = "x".repeat(50_000);
                            let line = MessageBody::Chat { from: EntityId(1), name: "Ann".into(), mode, text };
                            let mut flood = empty_frame(&host, lease.epoch, seq);
                            flood.messages =
                                (n + 1..=n + 10).map(|n| (line.clone(), vec![(session, MsgNo(n))])).collect();
                            let part = Part::Frame(Box::new(flood));
                            let reply = Envelope { from: me.clone(), parts: vec![part] };
                            backplane.publish(&envelope.from, reply.encode().unwrap()).await.unwrap();
                            (seq, n) = (seq + 1, n + 10);
                        }
                        continue;
                    }
                    GatewayInput::Command { session, seq, body: CommandBody::Chat { mode, text, .. }, .. } => {
                        n += 1;
                        let line = MessageBody::Chat { from: EntityId(1), name: "Ann".into(), mode, text };
                        frame.messages = vec![(line, vec![(session, MsgNo(n))])];
                        frame.acks = vec![(session, seq)];
                    }
                    _ => continue,
                }
                let reply = Envelope { from: me.clone(), parts: vec![Part::Frame(Box::new(frame))] };
                backplane.publish(&envelope.from, reply.encode().unwrap()).await.unwrap();
            }
        }
    }
}

fn attached(request: &AttachRequest, number: u64) -> Attached {
    Attached {
        session: request.session,
        nonce: Some(request.nonce),
        sub: request.sub.clone(),
        attach: AttachNo(1),
        you: EntityId::new(ZONE, number),
        name: request.name.clone(),
        seq: Seq(0),
        n: MsgNo(u64::MAX),
        at: Pos::from_metres(5.0, 5.0),
        heading: Heading(0),
        c: CorrectionNo(0),
        speed: 6 * 256,
        reason: ZoneReason::Entered,
    }
}

fn empty_frame(host: &HostId, epoch: Epoch, seq: u64) -> ZoneFrame {
    ZoneFrame {
        zone: ZONE,
        epoch,
        generation: Generation(0),
        seq,
        owner: host.clone(),
        tick: Tick(seq),
        game_ms: 50 * seq,
        dilation: 1000,
        attached: vec![],
        refused: vec![],
        rezoned: vec![],
        info: None,
        cards: vec![],
        rosters: vec![],
        moved: vec![],
        attributes: vec![],
        barriers: vec![],
        corrections: vec![],
        messages: vec![],
        latest: vec![],
        acks: vec![],
        gone: vec![],
        histories: vec![],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn players_of_both_encodings_come_in_talk_and_leave() {
    let gateway = Gateway::start().await;
    let zone = tokio::spawn(run_zone(gateway.backplane.clone()));
    for (name, protocol) in [("Ann", None), ("Bob", Some("wod.v1.json")), ("Eve", Some("wod.v1.msgpack"))] {
        let mut client = gateway.connect(protocol).await.unwrap();
        client.send(&hello(name)).await;
        let ServerMsg::Welcome { seq: Seq(0), .. } = client.receive().await else { panic!() };
        let ServerMsg::Zone(info) = client.receive().await else { panic!() };
        assert_eq!((info.zone.as_str(), info.x), ("nyc.elysium", 5.0));
        let ServerMsg::Roster { full: true, .. } = client.receive().await else { panic!() };
        client.send(&ClientMsg::Ping { c: 5 }).await;
        assert!(matches!(client.receive().await, ServerMsg::Pong { c: 5, .. }));
        client.send(&ClientMsg::Bye {}).await;
        assert_eq!(client.closed().await, 1000);
    }
    zone.abort();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_goes_to_the_zone_and_comes_back_with_its_ack() {
    let gateway = Gateway::start().await;
    let zone = tokio::spawn(run_zone(gateway.backplane.clone()));
    let mut client = gateway.connect(Some("wod.v1.msgpack")).await.unwrap();
    client.send(&hello("Ann")).await;
    for _ in 0..3 {
        client.receive().await;
    }
    client.send(&ClientMsg::Chat { seq: Seq(1), mode: ChatMode::Say, text: "héllo".into(), to: None }).await;
    let ServerMsg::Chat { n: MsgNo(1), text, .. } = client.receive().await else { panic!() };
    assert_eq!(text, "héllo");
    assert_eq!(client.receive().await, ServerMsg::Ack { seq: Seq(1) });
    zone.abort();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_unknown_subprotocols_are_refused_with_400() {
    let gateway = Gateway::start().await;
    let error = gateway.connect(Some("wod.v2.json")).await.err().unwrap();
    let Error::Http(response) = error else { panic!("{error:?}") };
    assert_eq!(response.status(), 400);
    let plain = reqwest::get(gateway.url("/ws")).await.unwrap();
    assert_eq!(plain.status(), 400);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_closed_with_their_codes() {
    let gateway = Gateway::start().await;
    let cases = [
        (Message::Text("{".into()), 4000),
        (Message::Binary(vec![1, 2, 3].into()), 4000),
        (Message::Text("x".repeat(16 * 1024 + 1).into()), 1009),
        (Message::Text("x".repeat(100 * 1024).into()), 1009),
    ];
    for (message, code) in cases {
        let mut client = gateway.connect(None).await.unwrap();
        client.socket.send(message).await.unwrap();
        assert_eq!(client.closed().await, code);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_malformed() {
    let gateway = Gateway::start().await;
    let mut stream = TcpStream::connect(gateway.addresses.listen).await.unwrap();
    let head = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The first frame comes with the head: text, masked with zeros, one byte 0xff.
    let mut bytes = head.as_bytes().to_vec();
    bytes.extend([0x81, 0x81, 0, 0, 0, 0, 0xff]);
    stream.write_all(&bytes).await.unwrap();
    let mut received = Vec::new();
    within(stream.read_to_end(&mut received)).await.unwrap();
    let text = String::from_utf8_lossy(&received);
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    assert!(text.contains(r#""code":4000"#), "{text}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_maps_and_health_stand_beside_the_websocket() {
    let gateway = Gateway::start().await;
    let page = reqwest::get(gateway.url("/")).await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html");
    assert_eq!(page.headers()["cache-control"], "no-cache");
    let script = reqwest::get(gateway.url("/assets/page-1a2b.js")).await.unwrap();
    assert!(script.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(page.text().await.unwrap(), "<title>the page</title>");
    assert_eq!(reqwest::get(gateway.url("/../Cargo.toml")).await.unwrap().status(), 404);

    let never = reqwest::get(gateway.url("/dev/notice")).await.unwrap();
    assert_eq!(never.status(), 204, "no notices outside of development");

    let map = Bytes::from_static(br#"{"size":[1,1]}"#);
    gateway.backplane.put_blob(Digest::of(&map), map.clone()).await.unwrap();
    let answer = reqwest::get(gateway.url(&format!("/maps/{}", Digest::of(&map)))).await.unwrap();
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.bytes().await.unwrap(), map);
    let module = Bytes::from_static(b"\0asm");
    gateway.backplane.put_blob(Digest::of(&module), module.clone()).await.unwrap();
    for (path, status) in [
        (format!("/maps/{}", Digest::of(&module)), 404),
        (format!("/maps/{}", Digest::of(b"?")), 404),
        ("/maps/short".into(), 400),
        ("/healthz".into(), 200),
        ("/readyz".into(), 200),
        ("/metrics".into(), 404),
    ] {
        assert_eq!(reqwest::get(gateway.url(&path)).await.unwrap().status(), status, "{path}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_metrics_and_drain() {
    let gateway = Gateway::start().await;
    let mut client = gateway.connect(None).await.unwrap();
    let metrics = || async { reqwest::get(gateway.admin("/metrics")).await.unwrap().text().await.unwrap() };
    within(async { while !metrics().await.contains("\nwod_gateway_connections 1\n") {} }).await;
    let http = reqwest::Client::new();
    let forged = http.post(gateway.admin("/drain")).header("origin", "http://evil").send().await.unwrap();
    assert_eq!(forged.status(), 403);
    assert_eq!(http.post(gateway.admin("/drain")).send().await.unwrap().status(), 202);
    let ServerMsg::Bye { code: 4100, retry_ms: Some(_), .. } = client.receive().await else { panic!() };
    assert_eq!(client.closed().await, 4100);
    assert_eq!(reqwest::get(gateway.url("/readyz")).await.unwrap().status(), 503);
    assert_eq!(reqwest::get(gateway.admin("/healthz")).await.unwrap().status(), 200);
    let mut late = gateway.connect(None).await.unwrap();
    assert_eq!(late.closed().await, 4100);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_sends_clients_elsewhere_and_ends_the_heartbeat() {
    let gateway = Gateway::start().await;
    let mut client = gateway.connect(Some("wod.v1.msgpack")).await.unwrap();
    let beats = gateway.backplane.beats("gateway").await.unwrap();
    let beat: GatewayBeat = rmp_serde::from_slice(&beats[0].1).unwrap();
    assert_eq!(beat.listen, gateway.addresses.listen.to_string());
    assert!(beat.gateway.as_str().starts_with("gateway-"));
    client.send(&hello("Ann")).await;
    client.send(&ClientMsg::Ping { c: 0 }).await;
    assert!(matches!(client.receive().await, ServerMsg::Pong { .. }));
    gateway.stop.cancel();
    assert_eq!(client.closed().await, 4100);
    let backplane = gateway.backplane.clone();
    gateway.stop().await;
    assert!(backplane.beats("gateway").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_closed_as_too_slow_and_disturbs_nobody() {
    let gateway = Gateway::start().await;
    let zone = tokio::spawn(run_zone(gateway.backplane.clone()));
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(gateway.addresses.listen).await.unwrap();
    let url = format!("ws://{}/ws", gateway.addresses.listen);
    let (socket, _) = tokio_tungstenite::client_async(url, MaybeTlsStream::Plain(stream)).await.unwrap();
    let mut deaf = Client { socket, encoding: Encoding::Json };
    deaf.send(&hello("Deaf")).await;
    deaf.send(&ClientMsg::Chat { seq: Seq(1), mode: ChatMode::Say, text: "flood".into(), to: None }).await;
    let metrics = || async { reqwest::get(gateway.admin("/metrics")).await.unwrap().text().await.unwrap() };
    within(async { while !metrics().await.contains("wod_gateway_closed_total{code=\"4101\"} 1\n") {} }).await;

    let mut other = gateway.connect(None).await.unwrap();
    other.send(&hello("Other")).await;
    assert!(matches!(other.receive().await, ServerMsg::Welcome { .. }));
    drop(deaf);
    zone.abort();
    gateway.stop().await;
}
