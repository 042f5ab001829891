//! The admin HTTP API as a client: any host, or the `wod dev` process, answers for the whole cluster.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wod_host::signature::{HEADER, Signature};

use crate::exit::{Exit, Failure, Outcome};

/// A host waits up to 10 s for a zone, compiles for up to 30, and another host may pass the request on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the admin API is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Server {
    /// Admin address of any zone host or of `wod dev`
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7701", env = "WOD_SERVER", global = true)]
    server: String,
}

/// What to send.
pub(crate) enum Body {
    Nothing,
    Json(serde_json::Value),
    /// A component file, and who signed it.
    Module(Vec<u8>, Option<Box<Signature>>),
}

/// How the API says no.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    hint: String,
}

impl Server {
    /// The admin API at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { server: format!("http://{address}") }
    }

    /// Reads a list or a thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.request(Method::GET, path, Body::Nothing).await
    }

    /// Asks the server; its refusal becomes a failure with the server's own hint.
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, Failure> {
        self.answer(self.send(method, path, body, Some(PATIENCE)).await?).await
    }

    async fn answer<T: DeserializeOwned>(&self, response: reqwest::Response) -> Result<T, Failure> {
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(error))?;
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| self.unexpected(error))
    }

    /// The same for what may take long: only the connection has a limit.
    pub(crate) async fn request_patiently<T: DeserializeOwned>(&self, path: &str, body: Body) -> Result<T, Failure> {
        self.answer(self.send(Method::POST, path, body, None).await?).await
    }

    /// The same for an answer of one JSON value a line: each is handed on as it comes, however long that takes.
    pub(crate) async fn follow<T: DeserializeOwned>(
        &self,
        path: &str,
        body: serde_json::Value,
        mut line: impl FnMut(T),
    ) -> Outcome {
        let response = self.send(Method::POST, path, Body::Json(body), None).await?;
        let status = response.status();
        if !status.is_success() {
            let body = response.bytes().await.map_err(|error| self.unreachable(error))?;
            return Err(refused(status, &body));
        }
        let mut chunks = response.bytes_stream();
        let mut rest = Vec::new();
        while let Some(chunk) = chunks.next().await {
            rest.extend(chunk.map_err(|error| self.unreachable(error))?);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let whole: Vec<u8> = rest.drain(..=end).collect();
                line(serde_json::from_slice(&whole).map_err(|error| self.unexpected(error))?);
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
        patience: Option<Duration>,
    ) -> Result<reqwest::Response, Failure> {
        let url = format!("{}{path}", self.server.trim_end_matches('/'));
        let client = reqwest::Client::builder().connect_timeout(PATIENCE);
        let client = patience.into_iter().fold(client, reqwest::ClientBuilder::timeout);
        let request = client.build().context("can't make an HTTP client")?.request(method, &url);
        let request = match body {
            Body::Nothing => request,
            Body::Json(value) => request.json(&value),
            Body::Module(bytes, signature) => {
                let request = request.header("content-type", "application/wasm").body(bytes);
                signature.iter().fold(request, |request, signature| request.header(HEADER, signature.to_string()))
            }
        };
        request.send().await.map_err(|error| self.unreachable(error))
    }

    fn unexpected(&self, error: serde_json::Error) -> Failure {
        let what = format!("{} answers something else than expected", self.server);
        Failure::new(Exit::Failed, anyhow!(error).context(what))
            .hint("is this the admin address of a zone host of the same version?")
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let text = format!("no answer from {}", self.server);
        Failure::new(Exit::Unreachable, anyhow::Error::new(error.without_url()).context(text)).hint(
            "start a world with `cargo xtask dev`, or name a zone host's admin address with --server or WOD_SERVER",
        )
    }
}

/// Runs an operator's command.
pub(crate) fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("can't start the runtime")?;
    runtime.block_on(work)
}

/// A zone's name as part of a path: world files allow only letters that need no escaping, everything else names no zone.
pub(crate) fn zone_path(zone: &str, rest: &str) -> Result<String, Failure> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if zone.is_empty() || !zone.bytes().all(legal) {
        return Err(Failure::text(Exit::NotFound, format!("no zone is named `{zone}`")).hint("`wod zones` lists them"));
    }
    Ok(format!("/api/zones/{zone}{rest}"))
}

/// Any text as one segment of a path.
pub(crate) fn path_segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let exit = match status {
        StatusCode::NOT_FOUND => Exit::NotFound,
        status if status.is_client_error() => Exit::Refused,
        _ => Exit::Failed,
    };
    let Ok(Refusal { error, hint }) = serde_json::from_slice(body) else {
        return Failure::text(exit, format!("the server answers {status}: {}", String::from_utf8_lossy(body).trim()));
    };
    let failure = Failure::text(exit, error);
    if hint.is_empty() { failure } else { failure.hint(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_word_decides_the_exit_code_and_its_hint_is_kept() {
        let body = br#"{"error": "no zone is named `x`", "hint": "zones are: a.b"}"#;
        let failure = refused(StatusCode::NOT_FOUND, body);
        assert_eq!(failure.exit(), Exit::NotFound);
        assert!(format!("{failure:?}").contains("zones are: a.b"));
        assert_eq!(refused(StatusCode::UNPROCESSABLE_ENTITY, b"{}").exit(), Exit::Refused);
        assert_eq!(refused(StatusCode::BAD_GATEWAY, b"<html>").exit(), Exit::Failed);
    }

    #[test]
    fn what_can_be_no_zone_is_never_put_into_a_path() {
        assert_eq!(
            zone_path("nyc.elysium", "/ask").map_err(|failure| failure.exit()),
            Ok("/api/zones/nyc.elysium/ask".into())
        );
        assert_eq!(path_segment("Änn O'H/../?"), "%C3%84nn%20O%27H%2F%2E%2E%2F%3F");
        assert!(zone_path("../hosts", "").is_err() && zone_path("", "").is_err() && zone_path("a b?", "").is_err());
    }
}
