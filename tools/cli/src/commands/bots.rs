//! `wod bots`: load, and a check of every promise, over real sockets.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::ticket::Login;
use crate::bots::{self, Gateway, Plan, Report};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod bots`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Latency is counted from the time the sender was due to send to the time a neighbour has it from its \
socket; moves carry that time in their heading (steps of 250 µs, up to 16.4 s), lines as text. SIGUSR1 to a single process \
prints what was found so far and begins anew, or ends the settling; Ctrl-C ends the measuring. Exit code 6: faults found."
)]
pub(crate) struct Args {
    /// Gateways, separated by commas; bots start at them in turn
    #[arg(long, value_name = "URL", value_delimiter = ',', default_value = "ws://127.0.0.1:7700/ws", env = "WOD_URL")]
    url: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// How long to measure, once everybody is where it belongs
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Moves a second and bot, 1 to 20
    #[arg(long, default_value_t = 10.0, value_parser = rate(1.0, 20.0))]
    move_rate: f64,
    /// Lines of chat a second and bot, 0 to 2
    #[arg(long, default_value_t = 0.2, value_parser = rate(0.0, 2.0))]
    chat_rate: f64,
    /// Verbs and answers in dialogues a second and bot, 0 to 2: whatever the zone offers nearby
    #[arg(long, default_value_t = 0.0, value_parser = rate(0.0, 2.0))]
    verb_rate: f64,
    /// The zones' modules tell an event `used` with {"seq", "nth"} of every verb and answer that took effect, counted for each
    /// player: one that is missing or doubled is a fault
    #[arg(long)]
    effects: bool,
    /// Share of the bots that go from zone to zone all the time, 0 to 1
    #[arg(long, default_value_t = 0.05, value_parser = rate(0.0, 1.0))]
    cross: f64,
    /// Bots in a cluster: they stay together, each sees the others
    #[arg(long, value_name = "BOTS", default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..))]
    cluster: u32,
    /// Metres between the middles of clusters: over the range of sight, so that a bot has its cluster for neighbours
    #[arg(long, value_name = "METRES", default_value_t = 76.0, value_parser = rate(1.0, 4096.0))]
    spacing: f64,
    /// Most seconds for joining, finding out what leads where, and walking home
    #[arg(long, value_name = "SECONDS", default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..=3600))]
    settle: u32,
    /// Joins a second
    #[arg(long, default_value_t = 200.0, value_parser = rate(1.0, 10_000.0))]
    join_rate: f64,
    /// Processes to spread the bots over: a number, or `auto`: as many as the limit of open files asks for
    #[arg(long, value_name = "N", default_value = "auto", value_parser = processes)]
    processes: Processes,
    /// Count a lost connection as a fault, instead of coming back
    #[arg(long)]
    no_reconnect: bool,
    /// A session that the world's store has lost (4104) is no fault: its promises are void, it is counted, the bot enters anew
    #[arg(long)]
    may_be_set_back: bool,
    #[command(flatten)]
    login: Login,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// This is one of the processes: its first bot's number, the run's name and the zero of its clock
    #[arg(long, hide = true, num_args = 3, value_names = ["FIRST", "RUN", "EPOCH"])]
    child: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Processes {
    Auto,
    Number(usize),
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Runtime::new().context("can't start the async runtime")?;
        runtime.block_on(self.start())
    }

    async fn start(self) -> Outcome {
        if let Some(child) = &self.child {
            let report = bots::run(self.plan_of_child(child).await?).await?;
            output::line(serde_json::to_string(&report).context("can't write the report")?);
            return Ok(());
        }
        let processes = match self.processes {
            Processes::Number(number) => number.min(self.count as usize),
            Processes::Auto => bots::processes_for(self.count as usize)?,
        };
        let epoch_us =
            SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_micros() as u64;
        let prefix = run_name(epoch_us);
        let plan = self.plan(self.count as usize, 0, prefix.clone(), epoch_us).await?;
        reach(&plan.gateways).await?;
        let report = if processes <= 1 {
            bots::run(plan).await?
        } else {
            bots::run_spread(self.arguments_of_children(processes, &prefix, epoch_us)).await?
        };
        self.tell(&report)
    }

    fn tell(&self, report: &Report) -> Outcome {
        if self.json {
            output::json(&report.json());
        } else {
            report.print();
        }
        match report.fault_count() {
            0 => Ok(()),
            count => Err(Failure::text(Exit::Faults, format!("{count} fault(s) found"))),
        }
    }

    async fn plan(&self, count: usize, first: usize, prefix: String, epoch_us: u64) -> Result<Plan, Failure> {
        let mut gateways = Vec::new();
        for url in &self.url {
            let gateway = Gateway::find(url).await.map_err(|error| Failure::new(Exit::Usage, error))?;
            gateways.push(gateway);
        }
        Ok(Plan {
            gateways,
            count,
            first,
            prefix,
            epoch_us,
            measure: Duration::from_secs(self.seconds.into()),
            settle: Duration::from_secs(self.settle.into()),
            join_rate: self.join_rate,
            move_rate: self.move_rate,
            chat_rate: self.chat_rate,
            verb_rate: self.verb_rate,
            effects: self.effects,
            cross: self.cross,
            cluster: self.cluster as usize,
            spacing: self.spacing,
            reconnect: !self.no_reconnect,
            may_be_set_back: self.may_be_set_back,
            signer: self.login.signer()?.map(Arc::new),
            talk: self.child.is_none(),
        })
    }

    async fn plan_of_child(&self, child: &[String]) -> Result<Plan, Failure> {
        let [first, run, epoch] = child else { unreachable!("clap takes exactly three") };
        let first = first.parse().context("--child FIRST")?;
        self.plan(self.count as usize, first, run.clone(), epoch.parse().context("--child EPOCH")?).await
    }

    /// The bots in shares that differ by at most one.
    fn arguments_of_children(&self, processes: usize, prefix: &str, epoch_us: u64) -> Vec<Vec<String>> {
        let count = self.count as usize;
        let share = |process: usize| process * count / processes..(process + 1) * count / processes;
        (0..processes).map(share).map(|bots| self.arguments(bots, processes, prefix, epoch_us)).collect()
    }

    fn arguments(&self, bots: std::ops::Range<usize>, processes: usize, prefix: &str, epoch_us: u64) -> Vec<String> {
        let mut arguments: Vec<String> = vec!["bots".into(), "--url".into(), self.url.join(",")];
        let mut option = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        option("count", bots.len().to_string());
        option("seconds", self.seconds.to_string());
        option("move-rate", self.move_rate.to_string());
        option("chat-rate", self.chat_rate.to_string());
        option("verb-rate", self.verb_rate.to_string());
        option("cross", self.cross.to_string());
        option("cluster", self.cluster.to_string());
        option("spacing", self.spacing.to_string());
        option("settle", self.settle.to_string());
        option("join-rate", (self.join_rate / processes as f64).max(1.0).to_string());
        if let Some(key) = &self.login.key {
            option("key", key.display().to_string());
        }
        if let Some(secret) = &self.login.secret {
            option("secret", secret.clone());
        }
        if self.effects {
            arguments.push("--effects".into());
        }
        if self.no_reconnect {
            arguments.push("--no-reconnect".into());
        }
        if self.may_be_set_back {
            arguments.push("--may-be-set-back".into());
        }
        arguments.extend(["--json", "--child"].map(str::to_owned));
        arguments.extend([bots.start.to_string(), prefix.to_owned(), epoch_us.to_string()]);
        arguments
    }
}

/// `Bot` and four characters that no run in the next 20 days shares.
fn run_name(epoch_us: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = epoch_us / 1_000_000;
    let mut name = String::from("Bot");
    for _ in 0..4 {
        name.push(char::from(DIGITS[(rest % 36) as usize]));
        rest /= 36;
    }
    name
}

async fn reach(gateways: &[Gateway]) -> Outcome {
    for gateway in gateways {
        if let Err(error) = gateway.reach().await {
            return Err(Failure::new(Exit::Unreachable, error).hint(
                "start a world with `cargo xtask dev` or `cargo xtask distributed`, or name its gateway with --url",
            ));
        }
    }
    Ok(())
}

fn rate(least: f64, most: f64) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("must be a number from {least} to {most}")),
    }
}

fn processes(text: &str) -> Result<Processes, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Processes::Auto),
        Ok(number @ 1..=64) => Ok(Processes::Number(number)),
        _ => Err("must be `auto` or 1 to 64".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_bots_are_legal_names_of_players() {
        let longest = format!("{}x{}", run_name(u64::MAX), 99_999);
        assert!(wod_protocol::limits::NAME_CHARS.contains(&longest.chars().count()), "{longest}");
    }
}
