//! One player's WebSocket: reads events for the core, writes what the core queued.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use wod_gateway_core::{ClientFrame, ConnId, Event};
use wod_protocol::client::Encoding;
use wod_protocol::limits::CLIENT_FRAME_BYTES;

use crate::driver::FromConnection;
use crate::outbound::{Next, Outbound};

/// Time for the last words and the closing handshake; then the socket is dropped.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// The core refuses messages over `CLIENT_FRAME_BYTES` with a proper close; the socket itself only gives up far above.
/// Small buffers: the defaults take 128 KiB for each connection at once.
pub(crate) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(512 * 1024)
        .max_message_size(Some(4 * CLIENT_FRAME_BYTES))
        .max_frame_size(Some(4 * CLIENT_FRAME_BYTES))
}

/// Serves a connection until either side has ended it.
pub(crate) async fn serve<S>(
    socket: WebSocketStream<S>,
    conn: ConnId,
    encoding: Encoding,
    driver_tx: mpsc::Sender<FromConnection>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let outbound = Outbound::default();
    let opened = FromConnection::Opened { conn, encoding, outbound: outbound.clone() };
    if driver_tx.send(opened).await.is_err() {
        return; // The driver has stopped, and the process with it.
    }
    let (sink, stream) = socket.split();
    tokio::select! {
        () = read(stream, conn, &driver_tx) => {}
        () = write(sink, conn, encoding, &driver_tx, &outbound) => {}
    }
    if driver_tx.send(FromConnection::Event(Event::Closed { conn })).await.is_err() {
        tracing::debug!(conn = conn.0, "the driver stopped before the connection");
    }
}

/// Until the client closes or its connection breaks.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: SplitStream<WebSocketStream<S>>,
    conn: ConnId,
    driver_tx: &mpsc::Sender<FromConnection>,
) {
    while let Some(message) = stream.next().await {
        // After an error nothing more can be read; the core closes, and the writer says so.
        let last = message.is_err();
        let event = match message {
            Ok(Message::Text(text)) => Event::Frame { conn, frame: ClientFrame::Text(text.into()) },
            Ok(Message::Binary(bytes)) => Event::Frame { conn, frame: ClientFrame::Binary(bytes) },
            Ok(Message::Ping(_) | Message::Pong(_)) => Event::Heard { conn },
            // Reading on sends the answer and then ends.
            Ok(Message::Close(_) | Message::Frame(_)) => continue,
            Err(Error::Capacity(_)) => Event::TooBig { conn },
            // Not text: the core says so and closes.
            Err(Error::Utf8(_)) => Event::Frame { conn, frame: ClientFrame::Text(vec![0xff].into()) },
            Err(_) => return,
        };
        if driver_tx.send(FromConnection::Event(event)).await.is_err() {
            return;
        }
        if last {
            std::future::pending::<()>().await;
        }
    }
}

/// Until the connection breaks, or [`CLOSE_GRACE`] after the core has closed it.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    conn: ConnId,
    encoding: Encoding,
    driver_tx: &mpsc::Sender<FromConnection>,
    outbound: &Outbound,
) {
    let writing = async {
        loop {
            match outbound.next().await {
                Next::Frames(frames) => {
                    let mut bytes = 0;
                    for frame in frames {
                        bytes += frame.len();
                        sink.feed(message(encoding, frame)).await?;
                    }
                    sink.flush().await?;
                    let writable = FromConnection::Event(Event::Writable { conn });
                    if outbound.written(bytes) && driver_tx.send(writable).await.is_err() {
                        return Ok(());
                    }
                }
                Next::Close(code, reason) => {
                    let frame = CloseFrame { code: WireCode::from(code.number()), reason: reason.into() };
                    sink.send(Message::Close(Some(frame))).await?;
                    // The client answers, and the reader ends.
                    std::future::pending::<()>().await;
                }
            }
        }
    };
    let written: Result<(), Error> = tokio::select! {
        written = writing => written,
        () = outlived(outbound) => Ok(()),
    };
    if let Err(error) = written {
        tracing::debug!(conn = conn.0, %error, "the connection broke");
    }
}

/// Returns [`CLOSE_GRACE`] after the core has closed the connection.
async fn outlived(outbound: &Outbound) {
    outbound.closing().await;
    tokio::time::sleep(CLOSE_GRACE).await;
}

fn message(encoding: Encoding, bytes: bytes::Bytes) -> Message {
    match encoding {
        Encoding::Json => Message::Text(Utf8Bytes::try_from(bytes).expect("the codec writes UTF-8")),
        Encoding::MessagePack => Message::Binary(bytes),
    }
}
