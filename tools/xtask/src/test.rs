//! `cargo xtask test`: everything that must hold, in the order in which it is quickest to hear of a failure.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::shell::{Count, Line};
use crate::{machine, paths, tidy};

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out what needs real processes (the end-to-end tests)
    #[arg(long)]
    quick: bool,
}

const WASM: &str = "--target wasm32-unknown-unknown";
const NEXTEST: &str = "cargo nextest run --no-fail-fast --no-tests=pass --cargo-quiet";
const CARGO_TEST: &str = "cargo test --no-fail-fast --quiet --all-targets";
/// The end-to-end tests without nextest; filters follow.
const E2E_TEST: &str =
    "cargo test --no-fail-fast --quiet --package wod-tests --test e2e -- --test-threads 1 --nocapture";

enum Work {
    Run(Line),
    Own { repeat: &'static str, run: fn() -> anyhow::Result<()> },
}

struct Step {
    name: &'static str,
    work: Work,
}

/// Runs every step; stops at the first failure and says how to repeat it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let begin = Instant::now();
    let steps = steps(args);
    let mut total = Count::default();
    let mut failed = None;
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {}/{}  {}", index + 1, steps.len(), step.name);
        let step_begin = Instant::now();
        let count = step.run();
        match count {
            Ok(count) => {
                total.passed += count.passed;
                total.failed += count.failed;
                println!("== {} in {}", if count.failed == 0 { "ok" } else { "FAILED" }, seconds(step_begin.elapsed()));
                if count.failed == 0 {
                    continue;
                }
            }
            Err(error) => {
                total.failed += 1;
                println!("== FAILED in {}: {error:#}", seconds(step_begin.elapsed()));
            }
        }
        failed = Some(step);
        break;
    }
    println!("\nall of it took {}", seconds(begin.elapsed()));
    if let Some(step) = failed {
        println!("`{}` failed; repeat it with:\n  {}", step.name, step.repeat());
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(if failed.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `cargo xtask fmt`.
pub(crate) fn format() -> anyhow::Result<ExitCode> {
    Line::new("cargo fmt --all").run()?;
    Line::new("cargo fmt --all").dir("zones").run()?;
    Ok(ExitCode::SUCCESS)
}

fn steps(args: &Args) -> Vec<Step> {
    let line = |name, words: &str| Step { name, work: Work::Run(Line::new(words)) };
    let zones = |name, words: &str| Step { name, work: Work::Run(Line::new(words).dir("zones")) };
    let web = |name, words: &str| Step { name, work: Work::Run(Line::new(words).dir("gateway/web")) };
    let own = |name, repeat, run| Step { name, work: Work::Own { repeat, run } };
    let build_zones =
        Line::new("").arg(paths::wod("debug")).arg("zone").arg("build").arg("zones").arg("--out").arg(paths::zones());
    let on_processes = |line: Line| {
        line.env("WOD_BIN", paths::wod("debug")).env("WOD_MODULES", paths::zones()).env("WOD_WEB", paths::web())
    };
    let end_to_end = on_processes(tests_of(true));
    let mut steps = vec![
        own("what the tests need", "cargo xtask test", prepare),
        line("format", "cargo fmt --all --check"),
        zones("format of the zones", "cargo fmt --all --check"),
        own("rules of the house", "cargo xtask tidy", tidy::check),
        line("clippy", "cargo clippy --workspace --all-targets --quiet -- -D warnings"),
        zones("clippy of the zones", "cargo clippy --workspace --all-targets --quiet -- -D warnings"),
        zones("clippy of the zones as wasm", &format!("cargo clippy --workspace --lib --quiet {WASM} -- -D warnings")),
        // One selection of packages for everything below: another would mean other features, and wasmtime built twice.
        line("build everything", "cargo build --workspace --all-targets --quiet"),
        Step { name: "build the zones", work: Work::Run(build_zones) },
        Step { name: "unit, property and snapshot tests", work: Work::Run(tests_of(false)) },
        line("examples in the documentation", "cargo test --workspace --doc --quiet"),
        zones("tests of the zones", &format!("{} --workspace", runner())),
        web("types of the web client", "npm run --silent check"),
        web("tests of the web client", "npm test --silent"),
    ];
    if !args.quick {
        steps.push(Step { name: "end to end, on real processes", work: Work::Run(end_to_end) });
        let browser = on_processes(Line::new("npm test --silent").dir("tests/browser"));
        steps.push(Step { name: "end to end, in a real browser", work: Work::Run(browser) });
    }
    steps
}

/// The workspace's tests but for the end-to-end ones, or those alone: one at a time, each has a world of its own.
fn tests_of(end_to_end: bool) -> Line {
    let words = match (has_nextest(), end_to_end) {
        (true, false) => format!("{NEXTEST} --workspace -E not(package(wod-tests))"),
        (true, true) => format!("{NEXTEST} --workspace --test-threads 1 -E package(wod-tests)"),
        (false, false) => format!("{CARGO_TEST} --workspace --exclude wod-tests"),
        (false, true) => format!("{CARGO_TEST} --package wod-tests -- --test-threads 1"),
    };
    Line::new(&words)
}

/// The end-to-end tests of deployments and rollbacks, longer than in `cargo xtask test` and with the figures they print; on the
/// release form of `wod`.
pub(crate) fn deployments() -> Line {
    let words = match has_nextest() {
        true => format!("{NEXTEST} --workspace --no-capture -E package(wod-tests)&test(/^deploy::/)"),
        false => format!("{E2E_TEST} deploy::"),
    };
    Line::new(&words).env("WOD_BIN", paths::wod("release")).env("WOD_ROUNDS", "10")
}

/// The end-to-end tests of what dies, hangs and restarts, under so many players; those with `only` in their names.
pub(crate) fn chaos(players: u32, only: Option<&str>) -> Line {
    let words = match (has_nextest(), only) {
        (true, _) => {
            format!("{NEXTEST} --workspace --no-capture -E package(wod-tests)&test(/^(chaos|partitions|handoff)::/)")
        }
        // Its words select what has any of them in its name.
        (false, None) => format!("{E2E_TEST} chaos:: partitions:: handoff::"),
        (false, Some(_)) => E2E_TEST.to_owned(),
    };
    let line = only
        .into_iter()
        .fold(Line::new(&words), Line::arg)
        .env("WOD_BIN", paths::wod("release"))
        .env("WOD_MODULES", paths::zones());
    line.env("WOD_CHAOS_BOTS", players.to_string())
}

fn runner() -> &'static str {
    if has_nextest() { NEXTEST } else { CARGO_TEST }
}

fn has_nextest() -> bool {
    Line::new("cargo nextest --version").output().is_some()
}

fn prepare() -> anyhow::Result<()> {
    machine::wasm_target()?;
    machine::node()?;
    machine::redis()?;
    machine::network_and_clocks()?;
    machine::chromium()?;
    machine::npm_packages("tools/test-client")?;
    machine::npm_packages("tests/browser")?;
    machine::web_client()
}

impl Step {
    fn run(&self) -> anyhow::Result<Count> {
        match &self.work {
            Work::Own { run, .. } => run().map(|()| Count::default()),
            Work::Run(line) => {
                let (status, count) = line.run_counting()?;
                if !status.success() && count.failed == 0 {
                    anyhow::bail!("{status}");
                }
                Ok(count)
            }
        }
    }

    fn repeat(&self) -> String {
        match &self.work {
            Work::Own { repeat, .. } => (*repeat).to_owned(),
            Work::Run(line) => line.typed(),
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
