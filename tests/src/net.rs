//! A network on one machine: every process in a network namespace of its own, with its own address, all behind one bridge.
//! Cables can be pulled, and packets between two made to vanish.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::cluster::Surroundings;

/// The network. Everything of it carries the test's process id, and goes when it is dropped.
pub struct Net {
    prefix: String,
    subnet: [u8; 3],
    nodes: Vec<&'static str>,
}

impl Net {
    /// A bridge that this process is connected to. None: this kernel, or who runs the test, allows no namespaces; that is said.
    pub fn lay() -> anyhow::Result<Option<Self>> {
        let pid = std::process::id();
        let prefix = format!("wod{pid}");
        let subnet = [10, 64 + (pid % 128) as u8, (pid / 128 % 256) as u8];
        let net = Self { prefix, subnet, nodes: Vec::new() };
        if let Err(error) = run(&["ip", "netns", "add", &net.space("switch")]) {
            eprintln!("SKIPPED: no network namespaces here: {error:#}");
            return Ok(None);
        }
        net.switch(&["link", "add", "br0", "type", "bridge"])?;
        net.switch(&["link", "set", "br0", "up"])?;
        let (switch, own, address) = (net.space("switch"), net.prefix.clone(), format!("{}/24", net.address_of(1)));
        run(&["ip", "link", "add", &own, "type", "veth", "peer", "name", "p-test", "netns", &switch])?;
        run(&["ip", "addr", "add", &address, "dev", &own])?;
        run(&["ip", "link", "set", &own, "up"])?;
        net.switch(&["link", "set", "p-test", "master", "br0", "up"])?;
        Ok(Some(net))
    }

    /// One more namespace on the bridge; names are short.
    pub fn add(&mut self, name: &'static str) -> anyhow::Result<Surroundings> {
        let (space, switch, port) = (self.space(name), self.space("switch"), format!("p-{name}"));
        run(&["ip", "netns", "add", &space])?;
        self.nodes.push(name);
        let address = self.address(name);
        let inside = |args: &[&str]| run(&[&["ip", "-n", &space], args].concat());
        inside(&["link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &switch])?;
        inside(&["addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["link", "set", "lo", "up"])?;
        self.switch(&["link", "set", &port, "master", "br0", "up"])?;
        Ok(Surroundings { namespace: Some((space, address)), ..Surroundings::default() })
    }

    /// The address of this test, from which its players come.
    pub fn test(&self) -> Ipv4Addr {
        self.address_of(1)
    }

    /// The address of one of the namespaces.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn address(&self, name: &str) -> Ipv4Addr {
        let index = self.nodes.iter().position(|node| *node == name).expect("it was added");
        self.address_of(u8::try_from(index).expect("a small network") + 10)
    }

    /// Pulls the cable of one of them, or puts it in again. Packets vanish; nobody is told.
    pub fn plug(&self, name: &str, plugged: bool) -> anyhow::Result<()> {
        self.switch(&["link", "set", &format!("p-{name}"), if plugged { "up" } else { "down" }])
    }

    /// What passes between one of them and that address vanishes, in both directions, from now on.
    pub fn block(&self, name: &str, peer: Ipv4Addr) -> anyhow::Result<()> {
        let rules = format!(
            "table inet cut {{\n\
             chain in {{ type filter hook input priority 0; ip saddr {peer} drop; }}\n\
             chain out {{ type filter hook output priority 0; ip daddr {peer} drop; }}\n}}\n"
        );
        self.nft(name, &[&rules])
    }

    /// Everything passes again.
    pub fn unblock(&self, name: &str) -> anyhow::Result<()> {
        self.nft(name, &["delete table inet cut"])
    }

    fn nft(&self, name: &str, rules: &[&str]) -> anyhow::Result<()> {
        run(&[&["ip", "netns", "exec", &self.space(name), "nft"], rules].concat())
    }

    fn switch(&self, args: &[&str]) -> anyhow::Result<()> {
        run(&[&["ip", "-n", &self.space("switch")], args].concat())
    }

    fn space(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn address_of(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(a, b, c, last)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // With the namespaces their ends of the cables go, and with these the other ends.
        for name in self.nodes.iter().chain(&["switch"]) {
            if let Err(error) = run(&["ip", "netns", "del", &self.space(name)]) {
                eprintln!("a namespace is left behind: {error:#}");
            }
        }
    }
}

fn run(words: &[&str]) -> anyhow::Result<()> {
    let (program, args) = words.split_first().context("a program")?;
    let output = Command::new(program).args(args).output().with_context(|| format!("{program} can't be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", words.join(" "), said.trim());
    Ok(())
}
