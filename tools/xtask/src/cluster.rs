//! Processes that this program started: each by its own id, stopped in the reverse order of their start.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Time for a process to drain and end by itself; then it is killed.
const DRAIN: Duration = Duration::from_secs(15);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Running processes. Dropped, they are stopped.
#[derive(Default)]
pub(crate) struct Cluster {
    processes: Vec<Process>,
}

struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Cluster {
    /// Starts a program with its output in `{logs}/{name}.log`, and returns its process id.
    ///
    /// It gets a process group of its own, so that Ctrl-C on the terminal reaches this program alone.
    pub(crate) fn start(&mut self, name: &str, logs: &Path, command: &mut Command) -> anyhow::Result<u32> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        let errors = file.try_clone().context("can't share the log file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        let id = child.id();
        self.processes.push(Process { name: name.to_owned(), child, log });
        Ok(id)
    }

    /// Waits until the condition holds; an error when a process ends meanwhile, or after `patience`.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !holds() {
            if let Some(dead) = self.dead()? {
                bail!("{dead}");
            }
            if Instant::now() >= deadline {
                bail!("{what} did not come about in {} s; the logs are in {}", patience.as_secs(), self.logs());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The first process that has ended, with the end of its log.
    pub(crate) fn dead(&mut self) -> anyhow::Result<Option<String>> {
        for process in &mut self.processes {
            if let Some(status) = process.child.try_wait().context("can't ask how a process is")? {
                let log = std::fs::read_to_string(&process.log).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(15)..].join("\n  ");
                return Ok(Some(format!("{} ended ({status}); its last words:\n  {tail}", process.name)));
            }
        }
        Ok(None)
    }

    /// Asks each process to end, the latest first, and waits for it.
    pub(crate) fn stop(&mut self) {
        while let Some(mut process) = self.processes.pop() {
            match process.stop() {
                Ok(status) if status.success() => {}
                Ok(status) => eprintln!("{} ended with {status}: see {}", process.name, process.log.display()),
                Err(error) => eprintln!("{}: {error:#}", process.name),
            }
        }
    }

    fn logs(&self) -> String {
        self.processes
            .first()
            .and_then(|process| process.log.parent())
            .map_or_else(String::new, |dir| dir.display().to_string())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Process {
    fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process id is positive")?;
        kill_process(id, Signal::TERM).context("can't send SIGTERM")?;
        let deadline = Instant::now() + DRAIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                eprintln!("{} did not end in {} s and is killed", self.name, DRAIN.as_secs());
                self.child.kill().context("can't kill it")?;
                return self.child.wait().context("can't wait for it");
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Starts a Redis that keeps everything in this folder, as a live world's does; its process id and port.
pub(crate) fn start_redis(cluster: &mut Cluster, folder: &Path) -> anyhow::Result<(u32, u16)> {
    let port = free_port()?;
    let mut redis = Command::new("redis-server");
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", "", "--dir"]);
    let id = cluster.start("redis", folder, redis.arg(folder))?;
    cluster.wait_until("Redis", Duration::from_secs(30), || !is_free(port))?;
    Ok((id, port))
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("there is no free port")?;
    Ok(listener.local_addr().context("a listener has an address")?.port())
}

/// Whether nobody listens there.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The status of a GET of this path; none when nobody answers.
pub(crate) fn http_status(port: u16, path: &str) -> Option<u16> {
    http_get(port, path).ok().map(|(status, _)| status)
}

/// The status and body of a GET of this path.
pub(crate) fn http_get(port: u16, path: &str) -> anyhow::Result<(u16, String)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).context("nobody listens")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // Of 1.0, so that the body comes in one piece.
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("no whole answer")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no HTTP status")?;
    Ok((status, body.to_owned()))
}
