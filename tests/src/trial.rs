//! A world with a crowd in it that checks every promise, while one thing after the other breaks.
#![allow(clippy::print_stdout, reason = "the figures are there to be looked at")]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::bots::{Bots, Found};
use crate::cluster::{Cluster, until};

/// Bots in the tests of every day.
const BOTS: usize = 200;
/// How many, elsewhere.
const COUNT: &str = "WOD_CHAOS_BOTS";
/// Life before something breaks, and after it is whole again.
const QUIET: Duration = Duration::from_secs(2);
const AFTERWARDS: Duration = Duration::from_secs(4);
/// Until every player is connected again, and stands once.
const WHOLE: Duration = Duration::from_secs(60);
/// What two cores that also run the bots add to a standstill.
const SLACK: Duration = Duration::from_secs(3);

/// What a breakage may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The longest that any player stands still.
    pub standstill: Duration,
    /// How many players may lose their connection.
    pub sockets: u64,
    /// The store loses what nobody can put back: clients that are ahead of it begin anew, and ticks are gone. Otherwise neither may
    /// be.
    pub set_back: bool,
    /// So many players at least are told that their zone stands still.
    pub told: u64,
}

impl Bounds {
    /// Nothing but a standstill of so many seconds.
    pub fn standstill(seconds: u64) -> Self {
        Self { standstill: Duration::from_secs(seconds), sockets: 0, set_back: false, told: 0 }
    }
}

/// A world, and the crowd.
pub struct Trial {
    /// The world.
    pub cluster: Cluster,
    bots: Bots,
    /// How many players there are.
    pub bots_count: usize,
}

impl Trial {
    /// Sends the crowd in, and returns when it lives there. `further`: more arguments of the bots.
    ///
    /// # Panics
    /// When it does not, as everything here: a test says more by panicking.
    pub async fn begin(cluster: Cluster, further: &[&str]) -> Self {
        let bots_count = std::env::var(COUNT).map_or(BOTS, |count| count.parse().expect("WOD_CHAOS_BOTS is a number"));
        let bots = Bots::start(&cluster, bots_count, further).await;
        let mut bots = bots.unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.logs()));
        let found = bots.lap().await.unwrap_or_else(|error| panic!("{error:#}"));
        println!("{bots_count} bots know their way after {:.1} s", found.settled_after().as_secs_f64());
        Self { cluster, bots, bots_count }
    }

    /// Whether there is time for what takes long.
    pub fn is_long() -> bool {
        std::env::var_os(COUNT).is_some()
    }

    /// Breaks something and puts it right, unless it does that by itself; waits until every player stands once and is connected,
    /// prints what it has cost, and judges.
    pub async fn survives(&mut self, name: &str, bounds: Bounds, breaks: impl AsyncFnOnce(&mut Cluster)) {
        tokio::time::sleep(QUIET).await;
        let gone_before = self.ticks_gone().await;
        breaks(&mut self.cluster).await;
        let whole = until(WHOLE, "every player once, and connected", async || self.everybody_stands_once().await).await;
        whole.unwrap_or_else(|error| panic!("{name}: {error:#}\n{}", self.cluster.logs()));
        tokio::time::sleep(AFTERWARDS).await;
        let found = self.bots.lap().await.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let gone = self.ticks_gone().await;
        let gone: BTreeMap<&String, &u64> =
            gone.iter().filter(|(at, ticks)| gone_before.get(*at) != Some(*ticks)).collect();
        let [sessions, commands] = found.set_back();
        let mut set_back = String::new();
        if sessions > 0 || !gone.is_empty() {
            set_back = format!("; {sessions} sessions set back with {commands} commands; ticks gone {gone:?}");
        }
        println!(
            "{name:<28} {} bots: standstill {:.2} s (goal {:.0}); messages {} lost; sockets {} lost {}{set_back}",
            self.bots_count,
            found.longest_gap().as_secs_f64(),
            bounds.standstill.as_secs_f64(),
            found.messages_lost(),
            found.sockets_lost() - sessions,
            found.how_sockets_ended(),
        );
        self.judge(name, &found);
        let (gap, lost) = (found.longest_gap(), found.sockets_lost() - sessions);
        assert!(lost <= bounds.sockets, "{name}: {lost} sockets lost\n{}", self.cluster.logs());
        assert!(gap <= bounds.standstill + SLACK, "{name}: a standstill of {gap:.2?}\n{}", self.cluster.logs());
        assert!(found.pauses() >= bounds.told, "{name}: {} players were told of a pause", found.pauses());
        assert_eq!(sessions > 0, bounds.set_back, "{name}: {sessions} sessions were set back");
        assert!(!bounds.set_back || !gone.is_empty(), "{name}: nobody says how many ticks are gone");
    }

    /// The crowd falls silent and goes. Now it shows whether a command was lost, or took effect twice.
    pub async fn end(self) {
        let Self { cluster, bots, bots_count } = self;
        let found = bots.report().await.unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.logs()));
        let ([lost, doubled], [said, heard]) = (found.commands(), found.lines());
        println!(
            "{bots_count} bots ({:.0} neighbours each): commands {lost} lost, {doubled} doubled; lately {said} lines said, {heard} heard",
            found.neighbours(),
        );
        assert_eq!(found.broken(), "", "promises were broken\n{}", cluster.logs());
    }

    fn judge(&self, name: &str, found: &Found) {
        assert_eq!(found.broken(), "", "{name}: promises were broken\n{}", self.cluster.logs());
    }

    /// Whether each player is in one zone, and connected.
    async fn everybody_stands_once(&self) -> anyhow::Result<bool> {
        let players = self.cluster.api_of_any_host("players").await?;
        let players = players.as_array().context("a list of players")?;
        let mut stands: BTreeMap<&str, u32> = BTreeMap::new();
        for player in players {
            *stands.entry(player["name"].as_str().context("a player's name")?).or_default() += 1;
        }
        let twice = stands.iter().filter(|(_, times)| **times > 1).count();
        let apart = players.iter().filter(|player| player["gateway"].is_null()).count();
        ensure!(
            stands.len() == self.bots_count && twice == 0 && apart == 0,
            "{} players, {twice} in two places, {apart} without a connection",
            stands.len()
        );
        Ok(true)
    }

    /// What gateways say of zones that went on from before what their players had seen: by zone and gateway, ticks.
    async fn ticks_gone(&self) -> BTreeMap<String, u64> {
        let gateways = self.cluster.api_of_any_host("gateways").await.expect("a host answers");
        let row = |gateway: &Value| {
            let id = gateway["gateway"].as_str().unwrap_or("?").to_owned();
            let zones = gateway["set_back"].as_array().cloned().unwrap_or_default();
            zones.into_iter().map(move |zone| (format!("zone {} at {id}", zone[0]), zone[1].as_u64().unwrap_or(0)))
        };
        gateways.as_array().into_iter().flatten().flat_map(row).collect()
    }
}
