//! Addresses of a Redis: one server, the primary that sentinels name, or a cluster.
//!
//! | address | what it is |
//! |---|---|
//! | `redis://[user:password@]host[:port][/db]` | one server |
//! | `redis+sentinel://[user:password@]host[:port],host[:port]…/NAME[/db]` | the primary called NAME of these sentinels |
//! | `redis+cluster://[user:password@]host[:port],host[:port]…` | the cluster that these nodes belong to |
//!
//! User and password are those of the Redis servers; sentinels are asked without. Ports default to 6379, those of
//! sentinels to 26379. In user and password `@ : / % ,` are written as `%40` and so on.

use ::redis::{Client, RedisError};

use crate::error::Error;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
const OPERATION: &str = "read the Redis address";

/// A parsed address.
#[derive(Debug)]
pub(super) enum Address {
    /// One server, always the same.
    Server(Client),
    /// Whoever the sentinels say is the primary.
    Sentinels { sentinels: Vec<NodeAddr>, name: String, login: Login },
    /// Some nodes of a cluster, enough to find the others.
    Cluster { seeds: Vec<NodeAddr>, login: Login },
}

/// `host:port` of one server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeAddr(String);

/// What is said to every server on connecting.
#[derive(Clone, Default)]
pub(super) struct Login {
    /// `user:password@` as in the address, or nothing.
    credentials: String,
    /// `/db`, or nothing.
    database: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        if let Some(rest) = url.strip_prefix("redis+sentinel://") {
            let (credentials, rest) = split_credentials(rest);
            let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (name, database) = path.split_once('/').unwrap_or((path, ""));
            if name.is_empty() || name.contains(['?', '#']) {
                return Err(wrong("the primary's name is missing: redis+sentinel://HOST:26379,HOST:26379/NAME"));
            }
            if !database.is_empty() && database.parse::<u32>().is_err() {
                return Err(wrong("what follows the primary's name must be a database's number"));
            }
            let database = if database.is_empty() { String::new() } else { format!("/{database}") };
            let sentinels = nodes(hosts, SENTINEL_PORT)?;
            Ok(Self::Sentinels { sentinels, name: name.to_owned(), login: Login { credentials, database } })
        } else if let Some(rest) = url.strip_prefix("redis+cluster://") {
            let (credentials, rest) = split_credentials(rest);
            let hosts = rest.strip_suffix('/').unwrap_or(rest);
            if hosts.contains(['/', '?', '#']) {
                return Err(wrong(
                    "a cluster has one database: redis+cluster://HOST:6379,HOST:6379 and nothing behind",
                ));
            }
            let seeds = nodes(hosts, REDIS_PORT)?;
            Ok(Self::Cluster { seeds, login: Login { credentials, database: String::new() } })
        } else {
            Client::open(url).map(Self::Server).map_err(|source| Error::store(OPERATION, source))
        }
    }
}

impl NodeAddr {
    /// From what a server says of itself or of another; IPv6 addresses come without brackets.
    pub(super) fn new(host: &str, port: u16) -> Self {
        if host.contains(':') && !host.starts_with('[') {
            return Self(format!("[{host}]:{port}"));
        }
        Self(format!("{host}:{port}"))
    }

    /// From `host:port` in a redirection; a server that does not know its own host leaves it out, and then means the one
    /// that was `asked`.
    pub(super) fn redirected(text: &str, asked: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = if host.is_empty() { asked.host() } else { host };
        Some(Self::new(host, port.parse().ok()?))
    }

    /// The host, an IPv6 address in brackets.
    pub(super) fn host(&self) -> &str {
        self.0.rsplit_once(':').map_or(self.0.as_str(), |(host, _)| host)
    }
}

impl std::fmt::Display for NodeAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Login {
    pub(super) fn client(&self, node: &NodeAddr) -> Result<Client, RedisError> {
        Client::open(format!("redis://{}{node}{}", self.credentials, self.database))
    }
}

/// Says nothing of the credentials: logs show addresses.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(…)")
    }
}

fn wrong(what: &'static str) -> Error {
    Error::store(OPERATION, what)
}

fn split_credentials(rest: &str) -> (String, &str) {
    match rest.split_once('@') {
        Some((credentials, rest)) => (format!("{credentials}@"), rest),
        None => (String::new(), rest),
    }
}

fn nodes(hosts: &str, default_port: u16) -> Result<Vec<NodeAddr>, Error> {
    hosts.split(',').map(|text| node(text, default_port)).collect()
}

fn node(text: &str, default_port: u16) -> Result<NodeAddr, Error> {
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (text, Some(default_port)),
    };
    match port {
        Some(port) if !host.is_empty() => Ok(NodeAddr::new(host, port)),
        _ => {
            Err(Error::store(OPERATION, format!("{text:?} is not HOST or HOST:PORT; several are separated by commas")))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn sentinels_have_a_default_port_and_name_their_primary() {
        let url = "redis+sentinel://me:s%2Fecret@one,two:5000,[::1]:5001/world/3";
        let Ok(Address::Sentinels { sentinels, name, login }) = Address::parse(url) else { panic!("not understood") };
        let sentinels: Vec<_> = sentinels.iter().map(ToString::to_string).collect();
        assert_eq!(sentinels, ["one:26379", "two:5000", "[::1]:5001"]);
        assert_eq!(name, "world");
        let client = login.client(&NodeAddr::new("10.0.0.1", 6379)).unwrap();
        let settings = client.get_connection_info().redis_settings();
        assert_eq!((settings.username(), settings.password(), settings.db()), (Some("me"), Some("s/ecret"), 3));
    }

    #[test]
    fn a_cluster_is_its_first_known_nodes() {
        let Ok(Address::Cluster { seeds, .. }) = Address::parse("redis+cluster://one,two:7001/") else {
            panic!("not understood")
        };
        assert_eq!(seeds, [NodeAddr::new("one", 6379), NodeAddr::new("two", 7001)]);
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        let said = |url: &str| {
            let error = Address::parse(url).unwrap_err();
            std::error::Error::source(&error).map(ToString::to_string).unwrap()
        };
        assert!(said("redis+sentinel://one,two").contains("name is missing"));
        assert!(said("redis+sentinel://one/world/first").contains("database's number"));
        assert!(said("redis+sentinel://one,,two/world").contains("HOST:PORT"));
        assert!(said("redis+cluster://one:port").contains("HOST:PORT"));
        assert!(said("redis+cluster://one/3").contains("one database"));
    }

    #[test]
    fn a_redirection_without_a_host_means_the_one_that_was_asked() {
        let asked = NodeAddr::new("10.0.0.1", 7000);
        assert_eq!(NodeAddr::redirected("10.0.0.2:7001", &asked), Some(NodeAddr::new("10.0.0.2", 7001)));
        assert_eq!(NodeAddr::redirected(":7001", &asked), Some(NodeAddr::new("10.0.0.1", 7001)));
        assert_eq!(NodeAddr::redirected("nonsense", &asked), None);
    }
}
