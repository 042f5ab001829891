//! What a gateway is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wod_protocol::world::World;

/// Shortest HS256 secret, bytes: as long as the hash.
const SECRET_BYTES: usize = 32;
/// Longest name of a gateway.
const ID_BYTES: usize = 64;
/// Longest public address, bytes.
const PUBLIC_BYTES: usize = 256;

/// A gateway's settings. In files every field but `world` has a default; unknown keys are errors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Where players connect: WebSocket, web client and maps. Port 0: any free one. Default `127.0.0.1:7700`.
    pub listen: SocketAddr,
    /// Where operators connect: metrics, health, drain. Never reachable for players. None: nowhere. Default none.
    pub admin: Option<SocketAddr>,
    /// The gateway's name, at most 64 letters, digits, `-` and `_`. The process adds a random part, so that zones can tell
    /// it from its former self. Default `gateway`.
    pub id: String,
    /// The region whose players it is nearest to. Default empty.
    pub region: String,
    /// How players reach it from anywhere, `ws://host:port/ws` or `wss://…`: what other regions' gateways tell them. None: they
    /// don't tell of it. Default none.
    pub public: Option<String>,
    /// Whether players who have travelled to another region are told of a gateway there (4100 with its address); needs a region.
    /// Default false.
    pub redirect: bool,
    /// The world; every process must have the same. Not read from the gateway's own settings.
    #[serde(skip, default = "no_world")]
    pub world: Arc<World>,
    /// Whether a name without a ticket lets one in. Default true.
    pub allow_guests: bool,
    /// What tickets are checked with: the PEM text of an Ed25519 public key (EdDSA), or a secret of at least 32 bytes (HS256).
    /// None: tickets are refused. Default none.
    pub ticket_key: Option<String>,
    /// The folder of the built web client, served at `/`. None: a line of text stands there. Default none.
    pub web_dir: Option<PathBuf>,
    /// Players' connections at once, 1 to 1,000,000; further ones are closed with 4103. Mind the process's limit of open
    /// files. Default 10,000.
    pub max_connections: usize,
    /// Development: what the page tells the zones' author, plain text; nothing while all is well. None: the page is told that
    /// it need not ask again. Not read from the gateway's own settings. Default none.
    #[serde(skip)]
    pub notice: Option<watch::Receiver<Option<String>>>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            admin: None,
            id: "gateway".to_owned(),
            region: String::new(),
            public: None,
            redirect: false,
            world: no_world(),
            allow_guests: true,
            ticket_key: None,
            web_dir: None,
            max_connections: 10_000,
            notice: None,
        }
    }
}

impl GatewayConfig {
    /// Checks every constraint above; the error says which setting is wrong and how to mend it.
    ///
    /// # Errors
    /// For the first setting that is impossible.
    pub fn check(&self) -> anyhow::Result<()> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        anyhow::ensure!(
            !self.id.is_empty() && self.id.len() <= ID_BYTES && self.id.bytes().all(legal),
            "id = \"{}\": a gateway's name is 1 to {ID_BYTES} letters, digits, - and _",
            self.id
        );
        anyhow::ensure!(
            (1..=1_000_000).contains(&self.max_connections),
            "max_connections = {}: choose 1 to 1,000,000",
            self.max_connections
        );
        if let Some(url) = &self.public {
            let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://"));
            anyhow::ensure!(
                rest.is_some_and(|rest| !rest.is_empty() && url.len() <= PUBLIC_BYTES)
                    && url.bytes().all(|b| b.is_ascii_graphic()),
                "public = \"{url}\": give the WebSocket address that players can reach, such as ws://la.example.org:7700/ws"
            );
        }
        anyhow::ensure!(
            !self.redirect || !self.region.is_empty(),
            "redirect: a gateway without a region can't know who is nearer to another; give --region too"
        );
        if let Some(key) = &self.ticket_key {
            anyhow::ensure!(
                key.starts_with("-----BEGIN") || key.len() >= SECRET_BYTES,
                "ticket_key: an HS256 secret has at least {SECRET_BYTES} bytes; an Ed25519 key begins with -----BEGIN PUBLIC KEY-----"
            );
        }
        if let Some(dir) = &self.web_dir {
            anyhow::ensure!(
                dir.join("index.html").is_file(),
                "web_dir: there is no index.html in {}; build the web client, or leave web_dir out",
                dir.display()
            );
        }
        anyhow::ensure!(
            self.world.zone_named(self.world.start.as_str()).is_some(),
            "the world has no start zone: give the gateway the world file that the hosts have"
        );
        Ok(())
    }
}

/// Stands in until the caller sets the world; [`GatewayConfig::check`] refuses it.
fn no_world() -> Arc<World> {
    Arc::new(World { start: "".into(), ranges: Default::default(), zones: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> GatewayConfig {
        let world =
            "start = \"a.b\"\n[[zone]]\nname = \"a.b\"\nnumber = 1\nmodule = \"m\"\norigin = [0, 0]\nsize = [9, 9]";
        GatewayConfig { world: Arc::new(World::parse(world).expect("a good world")), ..GatewayConfig::default() }
    }

    #[test]
    fn every_impossible_setting_is_refused_by_name() {
        assert!(good().check().is_ok());
        let flaws: [(&str, GatewayConfig); 7] = [
            ("id", GatewayConfig { id: "a b".into(), ..good() }),
            ("public", GatewayConfig { public: Some("la.example.org:7700".into()), ..good() }),
            ("redirect", GatewayConfig { redirect: true, ..good() }),
            ("max_connections", GatewayConfig { max_connections: 0, ..good() }),
            ("ticket_key", GatewayConfig { ticket_key: Some("short".into()), ..good() }),
            ("web_dir", GatewayConfig { web_dir: Some("/nonexistent".into()), ..good() }),
            ("world", GatewayConfig { world: no_world(), ..good() }),
        ];
        for (name, config) in flaws {
            let error = config.check().expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
