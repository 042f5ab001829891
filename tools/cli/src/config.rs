//! Settings of the processes (`dev`, `gateway`, `host`), the same names for all: flags win over the environment (`WOD_…`),
//! that over the file of `--config`, that over the defaults. Unknown keys are errors.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};
use wod_backplane::Durability;
use wod_host::signature::{Trust, TrustedKey};
use wod_protocol::world::World;

use crate::exit::{Exit, Failure};

/// Settings as flags. What is not given is left to the environment, the file and the defaults.
#[derive(Debug, Clone, Default, clap::Args, Serialize)]
pub(crate) struct Flags {
    /// Settings file (TOML), with these names and `_` for `-`; also WOD_CONFIG
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where players connect [default: 127.0.0.1:7700; hosts have no players]
    #[arg(long, value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// Where operators connect; never reachable for players [default: 127.0.0.1:7701, gateways 127.0.0.1:7702]
    #[arg(long, value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<SocketAddr>,
    /// The world file; every process must have the same [default: zones/world.toml]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    world: Option<PathBuf>,
    /// The Redis that joins the processes, for example redis://127.0.0.1:6379, or redis+sentinel:// or redis+cluster:// (see
    /// DISTRIBUTED.md); `gateway` and `host` need it
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<String>,
    /// Begins every key in Redis, so that several worlds can share one [default: wod]
    #[arg(long, value_name = "PREFIX")]
    #[serde(skip_serializing_if = "Option::is_none")]
    redis_prefix: Option<String>,
    /// What "stored" means on Redis: process, replicated or fsync [default: process]
    #[arg(long, value_name = "LEVEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    durability: Option<String>,
    /// Accept a Redis without AOF: whatever happens to it, the world is lost
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_volatile: bool,
    /// Folder of this process: the world (dev) and compiled modules [default: ./data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// Folder with a <module>.wasm for every module of the world file [default: target/zones]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    modules: Option<PathBuf>,
    /// Public keys whose modules hosts run, as `wod keys new` writes them; several times or with commas
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trusted_keys: Vec<PathBuf>,
    /// Hosts tell this address, by HTTP POST of JSON, when a module was rolled back or quarantined
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    /// Folder of the built web client [default: gateway/web/dist where it exists]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    web: Option<PathBuf>,
    /// Name of this process, unique in the cluster [default: hosts: machine and admin port; gateways: gateway]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The region that this process serves first [default: all alike]
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// How players reach this gateway from anywhere, told them by other regions' gateways: ws://HOST:PORT/ws [default: not told]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<String>,
    /// Tell players who have travelled to another region of a gateway there; needs --region
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    redirect: bool,
    /// Let nobody in without a ticket
    #[arg(long)]
    #[serde(rename = "guests", skip_serializing_if = "std::ops::Not::not", serialize_with = "inverted")]
    no_guests: bool,
    /// Public key that tickets are checked with (Ed25519, PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "ticket_secret")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_key: Option<PathBuf>,
    /// Secret that tickets are checked with (HS256, 32 bytes or more); better in WOD_TICKET_SECRET than here
    #[arg(long, value_name = "SECRET")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_secret: Option<String>,
    /// Players' connections at once [default: 10000]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_connections: Option<usize>,
    /// Threads that tick zones [default: one a core]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    /// Hosts keep their zones, however uneven loads are
    #[arg(long)]
    #[serde(rename = "rebalance", skip_serializing_if = "std::ops::Not::not", serialize_with = "inverted")]
    no_rebalance: bool,
}

/// Settings, put together and checked as far as one process can.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) world: PathBuf,
    pub(crate) redis: Option<String>,
    pub(crate) redis_prefix: String,
    pub(crate) durability: Level,
    pub(crate) allow_volatile: bool,
    pub(crate) data: PathBuf,
    pub(crate) modules: PathBuf,
    pub(crate) trusted_keys: Vec<PathBuf>,
    pub(crate) webhook: Option<String>,
    pub(crate) web: Option<PathBuf>,
    pub(crate) id: Option<String>,
    pub(crate) region: String,
    pub(crate) public: Option<String>,
    pub(crate) redirect: bool,
    pub(crate) guests: bool,
    pub(crate) ticket_key: Option<PathBuf>,
    pub(crate) ticket_secret: Option<String>,
    pub(crate) max_connections: usize,
    /// 0: one a core.
    pub(crate) workers: usize,
    pub(crate) rebalance: bool,
}

/// [`Durability`] as settings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Process,
    Replicated,
    Fsync,
}

impl From<Level> for Durability {
    fn from(level: Level) -> Self {
        match level {
            Level::Process => Self::Process,
            Level::Replicated => Self::Replicated,
            Level::Fsync => Self::Fsync,
        }
    }
}

/// Which process is being set up: their ports differ, so that one of each runs on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Dev,
    Gateway,
    Host,
}

/// Keys that the environment may set, as `WOD_LISTEN` and so on.
const KEYS: &[&str] = &[
    "listen",
    "admin",
    "world",
    "redis",
    "redis_prefix",
    "durability",
    "allow_volatile",
    "data",
    "modules",
    "trusted_keys",
    "webhook",
    "web",
    "id",
    "region",
    "public",
    "redirect",
    "guests",
    "ticket_key",
    "ticket_secret",
    "max_connections",
    "workers",
    "rebalance",
];

impl Settings {
    fn defaults(role: Role) -> Self {
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let web = PathBuf::from("gateway/web/dist");
        Self {
            listen: local(7700),
            admin: local(if role == Role::Gateway { 7702 } else { 7701 }),
            world: "zones/world.toml".into(),
            redis: None,
            redis_prefix: "wod".into(),
            durability: Level::Process,
            allow_volatile: false,
            data: "data".into(),
            modules: "target/zones".into(),
            trusted_keys: Vec::new(),
            webhook: None,
            web: web.join("index.html").is_file().then_some(web),
            id: None,
            region: String::new(),
            public: None,
            redirect: false,
            guests: true,
            ticket_key: None,
            ticket_secret: None,
            max_connections: 10_000,
            workers: 0,
            rebalance: true,
        }
    }

    /// Reads the world file.
    pub(crate) fn read_world(&self) -> Result<Arc<World>, Failure> {
        let path = self.world.display();
        let text = std::fs::read_to_string(&self.world).map_err(|error| {
            Failure::new(Exit::NotFound, anyhow::Error::new(error).context(format!("can't read the world file {path}")))
                .hint("name it with --world; the sample world is zones/world.toml in the repository")
        })?;
        let world = World::parse(&text).with_context(|| format!("the world file {path}"))?;
        Ok(Arc::new(world))
    }

    /// Whose modules this process runs.
    pub(crate) fn read_trust(&self, allow_unsigned: bool) -> Result<Trust, Failure> {
        if self.trusted_keys.is_empty() {
            let missing = "no trusted_keys: a host runs only modules that somebody it trusts has signed";
            return if allow_unsigned {
                Ok(Trust::Anybody)
            } else {
                Err(Failure::text(Exit::Usage, missing).hint(
                    "make a key with `wod keys new FILE`, sign the modules with `wod keys sign`, and give --trusted-keys FILE.pub; \
                     on your own machine `wod dev --allow-unsigned` runs anything",
                ))
            };
        }
        let keys = self.trusted_keys.iter().map(|file| TrustedKey::read(file)).collect::<anyhow::Result<_>>()?;
        Ok(Trust::Keys(keys))
    }

    /// What tickets are checked with: a PEM text or a secret.
    pub(crate) fn read_ticket_key(&self) -> anyhow::Result<Option<String>> {
        match (&self.ticket_key, &self.ticket_secret) {
            (Some(_), Some(_)) => anyhow::bail!("ticket_key and ticket_secret are both set: choose one"),
            (Some(file), None) => std::fs::read_to_string(file)
                .map(Some)
                .with_context(|| format!("can't read ticket_key {}", file.display())),
            (None, secret) => Ok(secret.clone()),
        }
    }
}

impl Flags {
    /// Puts flags, environment, file and defaults together.
    pub(crate) fn settings(&self, role: Role) -> Result<Settings, Failure> {
        let config = self.config.clone().or_else(|| std::env::var_os("WOD_CONFIG").map(PathBuf::from));
        let figment = layers(role, config.as_deref(), self)?;
        figment.extract().map_err(|error| {
            Failure::text(Exit::Usage, explain(&error)).hint("`wod dev --help` lists every setting; files use _ for -")
        })
    }
}

fn layers(role: Role, config: Option<&Path>, flags: &Flags) -> Result<Figment, Failure> {
    let mut figment = Figment::from(Serialized::defaults(Settings::defaults(role)));
    if let Some(file) = config {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let error = anyhow::Error::new(error).context(format!("can't read the settings file {}", file.display()));
            Failure::new(Exit::NotFound, error)
        })?;
        figment = figment.merge(Toml::string(&text));
    }
    Ok(figment.merge(Env::prefixed("WOD_").only(KEYS)).merge(Serialized::defaults(flags)))
}

/// All that is wrong, one a line, with where it was said.
fn explain(error: &figment::Error) -> String {
    let lines: Vec<String> = error.clone().into_iter().map(|error| error.to_string()).collect();
    lines.join("\n       ")
}

fn inverted<S: serde::Serializer>(no: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(!no)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::result_large_err,
        reason = "a failed unwrap fails the test; figment's own type"
    )]

    use super::*;
    use clap::Parser;
    use figment::Jail;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        flags: Flags,
    }

    fn settings(arguments: &[&str]) -> Result<Settings, Failure> {
        let program = Program::try_parse_from([&["wod"], arguments].concat()).unwrap();
        program.flags.settings(Role::Dev)
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        Jail::expect_with(|jail| {
            jail.create_file(
                "wod.toml",
                "listen = '127.0.0.1:1'\nadmin = '127.0.0.1:1'\nregion = 'nyc'\nguests = false\n",
            )?;
            jail.set_env("WOD_LISTEN", "127.0.0.1:2");
            jail.set_env("WOD_ADMIN", "127.0.0.1:2");
            let settings = settings(&["--config", "wod.toml", "--admin", "127.0.0.1:3"]).unwrap();
            assert_eq!([settings.listen.port(), settings.admin.port()], [2, 3]);
            assert_eq!((settings.region.as_str(), settings.guests), ("nyc", false));
            Ok(())
        });
    }

    #[test]
    fn a_partial_file_leaves_the_defaults_and_an_unknown_key_is_refused_by_name() {
        Jail::expect_with(|jail| {
            jail.create_file("good.toml", "durability = 'fsync'\n")?;
            let good = settings(&["--config", "good.toml"]).unwrap();
            assert_eq!((good.durability, good.listen.port()), (Level::Fsync, 7700));
            jail.create_file("bad.toml", "lisen = '127.0.0.1:1'\n")?;
            let bad = settings(&["--config", "bad.toml"]).unwrap_err();
            assert_eq!(bad.exit(), Exit::Usage);
            assert!(format!("{bad:?}").contains("lisen"), "{bad:?}");
            assert_eq!(settings(&["--config", "none.toml"]).unwrap_err().exit(), Exit::NotFound);
            Ok(())
        });
    }

    #[test]
    fn no_guests_is_the_flag_for_guests_is_false() {
        Jail::expect_with(|jail| {
            assert!(settings(&[]).unwrap().guests);
            assert!(!settings(&["--no-guests"]).unwrap().guests);
            jail.set_env("WOD_GUESTS", "false");
            assert!(!settings(&[]).unwrap().guests);
            Ok(())
        });
    }
}
