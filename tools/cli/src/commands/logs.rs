//! `wod logs ZONE`: what a running zone's module has logged, and how it has failed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// How long a host is asked to wait for a line.
const WAIT: Duration = Duration::from_secs(20);
/// Between two tries of a host that is away, or of a zone that nobody runs.
const RETRY: Duration = Duration::from_secs(1);

/// Arguments of `wod logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The zone's name
    zone: String,
    /// Go on with what comes, until Ctrl-C; wherever the zone moves to
    #[arg(short, long)]
    follow: bool,
    /// Lines at least as loud
    #[arg(long, value_name = "LEVEL", value_enum)]
    level: Option<Level>,
    /// Lines at least as young: 90s, 10m, 2h
    #[arg(long, value_name = "AGE", value_parser = age)]
    since: Option<Duration>,
    /// At most the last so many of those that are there
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    last: usize,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Deserialize)]
struct Answer {
    host: String,
    excerpt: Excerpt,
}

#[derive(Deserialize)]
struct Excerpt {
    after: serde_json::Value,
    elsewhere: bool,
    lost: u64,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    number: u64,
    time_ms: u64,
    level: Level,
    version: String,
    generation: u64,
    message: String,
    fields: Vec<(String, String)>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async move {
            let path = zone_path(&self.zone, "/logs")?;
            let since_ms = self.since.map_or(0, |age| now_ms().saturating_sub(age.as_millis() as u64));
            let mut after = serde_json::Value::Null;
            let mut told = false;
            loop {
                // What is there comes first; then only what is new.
                let (last, wait) = if after.is_null() { (Some(self.last), Duration::ZERO) } else { (None, WAIT) };
                let query = json!({
                    "after": after, "level": self.level, "since_ms": since_ms, "last": last, "wait_ms": wait.as_millis() as u64,
                });
                match self.server.request::<Answer>(Method::POST, &path, Body::Json(query)).await {
                    Ok(Answer { host, excerpt }) => {
                        if after.is_null() && excerpt.lines.is_empty() {
                            eprintln!("--- nothing was logged yet");
                        }
                        (after, told) = (excerpt.after.clone(), false);
                        self.print(&host, &excerpt);
                    }
                    // A zone that moves, or whose host restarts, comes back.
                    Err(failure) if self.follow && !after.is_null() && is_passing(&failure) => {
                        if !std::mem::replace(&mut told, true) {
                            eprintln!("--- {failure}\n--- waiting for the zone");
                        }
                        tokio::time::sleep(RETRY).await;
                    }
                    Err(failure) => return Err(failure),
                }
                if !self.follow {
                    return Ok(());
                }
            }
        })
    }

    fn print(&self, host: &str, excerpt: &Excerpt) {
        if excerpt.elsewhere {
            eprintln!("--- the zone is now on host {host}, or that has started anew");
        }
        if excerpt.lost > 0 {
            eprintln!("--- {} lines were not kept long enough", excerpt.lost);
        }
        for line in &excerpt.lines {
            if self.json {
                output::line(serde_json::to_string(line).expect("a line has text keys"));
            } else {
                output::line(line);
            }
        }
    }
}

fn is_passing(failure: &Failure) -> bool {
    matches!(failure.exit(), Exit::Unreachable | Exit::Failed)
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = match self.level {
            Level::Error => "ERROR",
            Level::Warn => "WARN ",
            Level::Info => "INFO ",
            Level::Debug => "DEBUG",
        };
        let Self { version, generation, message, .. } = self;
        write!(f, "{} {level} {version} #{generation}  {message}", utc(self.time_ms))?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, "  {name}={value}"))
    }
}

/// `2026-11-27 03:10:22.123Z`.
fn utc(time_ms: u64) -> String {
    let (days, ms) = (time_ms / 86_400_000, time_ms % 86_400_000);
    // Years begin in March, so that the odd day is their last: 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// `90s`, `10m`, `2h`.
fn age(text: &str) -> anyhow::Result<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit()).context("name a unit: 90s, 10m, 2h")?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => bail!("`{unit}` is no unit: s, m, h and d are"),
    };
    let number: u64 = number.parse().context("begin with a number: 90s, 10m, 2h")?;
    Ok(Duration::from_secs(number.checked_mul(seconds).context("that is too long ago")?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn times_are_the_calendars() {
        assert_eq!(utc(0), "1970-01-01 00:00:00.000Z");
        assert_eq!(utc(951_782_400_000 + 86_399_999), "2000-02-29 23:59:59.999Z");
        assert_eq!(utc(1_795_749_022_123), "2026-11-27 03:10:22.123Z");
        assert_eq!(utc(4_107_542_400_000), "2100-03-01 00:00:00.000Z");
    }

    #[test]
    fn ages_have_units() {
        assert_eq!(age("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(age("2h").unwrap(), Duration::from_secs(7200));
        for wrong in ["10", "m", "1y", "99999999999999999999s", "999999999999999999h"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_reads_as_one() {
        let line = Line {
            number: 1,
            time_ms: 0,
            level: Level::Warn,
            version: "docks 1.2.0".into(),
            generation: 3,
            message: "the crane is stuck".into(),
            fields: vec![("who".into(), "Ann".into())],
        };
        assert_eq!(line.to_string(), "1970-01-01 00:00:00.000Z WARN  docks 1.2.0 #3  the crane is stuck  who=Ann");
    }
}
