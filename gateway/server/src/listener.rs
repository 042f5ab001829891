//! Accepts TCP connections and serves HTTP/1.1 on them.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// From `accept` to the end of a request's head, also between two requests of one connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed `accept` (out of file descriptors, mostly), the next one waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until stopped; requests under way may end, their tasks are in `tasks`. While there are `limit` tasks (a player's
/// connection is two for a moment), further connections are dropped at once.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tasks: TaskTracker,
    limit: usize,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok(_) if tasks.len() >= limit => tracing::debug!(limit, "a connection over the limit was dropped"),
            Ok((stream, _)) => {
                tasks.spawn(serve_connection(stream, router.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Each message is written whole; waiting for more would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    tokio::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            served = &mut connection => {
                if let Err(error) = served {
                    tracing::debug!(%error, "an HTTP connection broke");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
