//! `cargo xtask bench`: measures a promise at its full size on this machine, and prints the figures.

mod cluster;
mod crowd;
mod swap;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::paths;
use crate::shell::Line;

/// What can be measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Swap a zone's module again and again under players who walk, talk and use dialogues; then everything that can go wrong with
    /// a swap or rollback
    Swap(swap::Args),
    /// Run worlds of several hosts and gateways over Redis: what a border costs, what passes between the processes, what a player costs as
    /// hosts and players become more, how long a crowded zone stands still while it moves
    Cluster(cluster::Args),
}

/// `cargo xtask bench …`.
pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    // From now on Ctrl-C is a message, and everything that was started is stopped.
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("can't listen for Ctrl-C")?;
    }
    match command {
        Command::Swap(args) => swap::run(args, &stop),
        Command::Cluster(args) => cluster::run(args, &stop),
    }
}

/// Whether somebody wants all of it to end.
type Stop = Arc<AtomicBool>;

/// A set of values.
struct Spread {
    p50: f64,
    p99: f64,
    max: f64,
}

fn spread(values: &[f64]) -> Spread {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // The smallest value that so many are not above.
    let of = |share: f64| {
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    };
    Spread { p50: of(0.5), p99: of(0.99), max: of(1.0) }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.1}, p99 {:.1}, max {:.1}", self.p50, self.p99, self.max)
    }
}

fn wod(words: &[&str]) -> Line {
    words.iter().fold(Line::new("").arg(paths::wod("release")), Line::arg)
}

/// Where everything of a run lies.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("wod-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("can't make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// The logs may tell why.
    fn keep(self) {
        eprintln!("the logs are in {}", self.0.display());
        std::mem::forget(self);
    }
}

impl Drop for Folder {
    /// Nothing is left behind, except after a failure or a panic.
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Err(error) = std::fs::remove_dir_all(&self.0)
        {
            eprintln!("can't remove {}: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_a_hundred_is_the_second_largest() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let Spread { p50, p99, max } = spread(&values);
        assert_eq!([p50, p99, max], [50.0, 99.0, 100.0]);
        assert_eq!(spread(&[7.0]).p99, 7.0);
    }
}
