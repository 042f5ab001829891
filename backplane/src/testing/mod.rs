//! Real Redises for tests: started on free ports in directories of their own, killed, hung and brought back at will.

mod cluster;
mod sentinels;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use cluster::RedisCluster;
pub use sentinels::RedisSentinels;

/// Starting includes loading the append-only file.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two looks at whether it is up.
const POLL: Duration = Duration::from_millis(20);
/// Another process may take the free port before Redis does.
const PORT_ATTEMPTS: usize = 5;

/// A `redis-server` process on loopback. Dropping it kills the process and deletes its directory.
#[derive(Debug)]
pub struct RedisServer {
    dir: TempDir,
    port: u16,
    address: Ipv4Addr,
    /// A network namespace (iproute2's); none: the caller's.
    namespace: Option<String>,
    arguments: Vec<String>,
    /// Name of a file with more configuration, where there is one.
    configuration: Option<&'static str>,
    /// None while it is down.
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one with an append-only file, synced every second.
    ///
    /// # Errors
    /// When `redis-server` is not installed or does not come up.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(&["--appendonly", "yes"]).await
    }

    /// Starts one with these arguments added to port and directory: `&["--appendonly", "no"]`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(arguments: &[&str]) -> io::Result<Self> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::new(arguments)?.on_a_free_port().await
    }

    /// Starts one with an append-only file in a network namespace, at an address that the caller reaches.
    ///
    /// # Errors
    /// As [`Self::start`], and when this process may not enter the namespace.
    pub async fn start_in(namespace: &str, address: Ipv4Addr) -> io::Result<Self> {
        let arguments = ["--appendonly", "yes", "--protected-mode", "no"].map(str::to_owned).to_vec();
        let mut server = Self::new(arguments)?;
        (server.address, server.namespace) = (address, Some(namespace.to_owned()));
        server.on_a_free_port().await
    }

    fn new(arguments: Vec<String>) -> io::Result<Self> {
        let (dir, address) = (tempfile::tempdir()?, Ipv4Addr::LOCALHOST);
        Ok(Self { dir, port: 0, address, namespace: None, arguments, configuration: None, process: None })
    }

    /// Starts one with a configuration file: sentinels write into theirs.
    async fn start_configured(arguments: &[&str], configuration: &str) -> io::Result<Self> {
        const FILE: &str = "redis.conf";
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self::new(arguments)?;
        server.configuration = Some(FILE);
        std::fs::write(server.dir.path().join(FILE), configuration)?;
        server.on_a_free_port().await
    }

    async fn on_a_free_port(self) -> io::Result<Self> {
        let mut server = self;
        let mut last = io::Error::other("no port was tried");
        for _ in 0..PORT_ATTEMPTS {
            server.port = free_port()?;
            match server.restart().await {
                Ok(()) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// `redis://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}:{}", self.address, self.port)
    }

    /// Its port, the same after every restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id; none while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When the process can't be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Returns when everything acknowledged is in its file. While a sync is under way Redis keeps what comes in memory, and a
    /// kill takes that.
    ///
    /// # Errors
    /// When that does not come to be.
    pub async fn until_written(&self) -> io::Result<()> {
        until("everything is in the file", async || self.says(&["INFO"], "aof_buffer_length:0").await).await
    }

    /// Starts it again, on the same port and directory, and waits until it answers. Kills it first when it is up.
    ///
    /// # Errors
    /// When it does not come up; its log is in the error.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.kill()?;
        let mut command = match &self.namespace {
            Some(namespace) => {
                // It becomes the server: the process id stays.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, "redis-server"]);
                command
            }
            None => Command::new("redis-server"),
        };
        let process = command
            .current_dir(self.dir.path())
            .args(self.configuration)
            .args(["--port", &self.port.to_string(), "--bind", &self.address.to_string()])
            .args(["--save", "", "--logfile", "redis.log"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("redis-server can't be started: {error}")))?;
        self.process = Some(process);
        match timeout(START_TIMEOUT, self.until_it_answers()).await {
            Ok(answered) => answered,
            Err(_) => Err(self.failure("did not answer in time")),
        }
    }

    /// Hangs it (SIGSTOP): connections stay open, nothing is answered.
    ///
    /// # Errors
    /// When it is down.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When it is down.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends it one command and returns the answer, a list flattened to its texts.
    ///
    /// # Errors
    /// When it is down, or refuses the command.
    pub async fn command(&self, words: &[&str]) -> io::Result<Vec<String>> {
        let answer: ::redis::Value = self.ask(words).await?;
        match answer {
            ::redis::Value::Array(_) => ::redis::from_redis_value(answer).map_err(io::Error::other),
            single => Ok(vec![::redis::from_redis_value(single).map_err(io::Error::other)?]),
        }
    }

    async fn ask<T: ::redis::FromRedisValue>(&self, words: &[&str]) -> io::Result<T> {
        let client = ::redis::Client::open(self.url()).map_err(io::Error::other)?;
        let mut connection = client.get_multiplexed_async_connection().await.map_err(io::Error::other)?;
        let (name, arguments) = words.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let mut command = ::redis::cmd(name);
        command.arg(arguments);
        command.query_async(&mut connection).await.map_err(io::Error::other)
    }

    /// Whether the answer to a command has a line, or a text, like this one.
    async fn says(&self, command: &[&str], wanted: &str) -> bool {
        let answer = self.command(command).await.unwrap_or_default();
        answer.iter().flat_map(|text| text.lines()).any(|line| line == wanted)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let process = self.process.as_ref().ok_or_else(|| io::Error::other("redis-server is down"))?;
        kill_process(Pid::from_child(process), signal)?;
        Ok(())
    }

    async fn until_it_answers(&mut self) -> io::Result<()> {
        loop {
            if let Some(process) = &mut self.process
                && let Some(status) = process.try_wait()?
            {
                return Err(self.failure(&format!("ended with {status}")));
            }
            if ping(self.address, self.port).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn failure(&self, what: &str) -> io::Error {
        let log = std::fs::read_to_string(self.dir.path().join("redis.log")).unwrap_or_default();
        io::Error::other(format!("redis-server {what}; its log:\n{log}"))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            tracing::error!(%error, port = self.port, "redis-server was left running");
        }
    }
}

/// Waits for a condition that other processes bring about.
async fn until(what: &str, condition: impl AsyncFn() -> bool) -> io::Result<()> {
    let met = async {
        while !condition().await {
            tokio::time::sleep(POLL).await;
        }
    };
    timeout(START_TIMEOUT, met).await.map_err(|_| io::Error::other(format!("not in time: {what}")))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Refused while it loads its file.
async fn ping(address: Ipv4Addr, port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((address, port)).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    if &answer == b"+PONG" { Ok(()) } else { Err(io::Error::other("not ready")) }
}
