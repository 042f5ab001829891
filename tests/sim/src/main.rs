//! `wod-simulate`: runs seeds and says which fail, how, and how to repeat them.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use wod_tests_sim::{Options, Show, run};

/// Runs simulated worlds, each from one seed
#[derive(Debug, Parser)]
struct Args {
    /// How many
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// This one alone
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Let the store lose its tail in every run (true), or in none (false); otherwise in one of eight
    #[arg(long)]
    lossy: Option<bool>,
    /// Print everything that happens
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.verbose {
        let logs = tracing_subscriber::fmt().without_time().with_writer(std::io::stdout);
        logs.with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    }
    let seeds = args.seed.map_or(args.from..args.from + args.seeds, |seed| seed..seed + 1);
    let threads = if args.verbose { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
    let (begun, next) = (Instant::now(), AtomicU64::new(seeds.start));
    let work = || {
        let mut count = Count::default();
        while let seed = next.fetch_add(1, Ordering::Relaxed)
            && seeds.contains(&seed)
        {
            count.add(seed, &args);
        }
        count
    };
    let total = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let counts = workers.into_iter().map(|worker| worker.join().expect("a run catches its panics"));
        counts.fold(Count::default(), Count::plus)
    });
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds, {} failed, {} violations, in {seconds:.1} s: {:.1} seeds a second, {:.0} virtual seconds a second",
        total.done,
        total.failed,
        total.violations,
        f64::from(total.done) / seconds,
        total.time.as_secs_f64() / seconds
    );
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Count {
    done: u32,
    failed: u32,
    /// At most twenty a seed are counted.
    violations: usize,
    /// Virtual.
    time: Duration,
}

impl Count {
    /// Runs a seed and says how it went.
    fn add(&mut self, seed: u64, args: &Args) {
        let shown = args.verbose.then(|| Box::new(|line: &str| println!("{line}")) as Show);
        self.done += 1;
        match run(Options { seed, shown, lossy: args.lossy, planted: None }) {
            Ok(report) => {
                if args.seed.is_some() {
                    println!("seed {seed}: all held; {} events, trace {:016x}", report.events, report.hash);
                }
                self.time += report.time;
            }
            Err(failure) => {
                self.failed += 1;
                self.violations += failure.faults.len();
                self.time += failure.time;
                let lossy = args.lossy.map(|lossy| format!(" --lossy {lossy}")).unwrap_or_default();
                let time = failure.time.as_secs_f64();
                let faults: String = failure.faults.iter().map(|fault| format!("\n  {fault}")).collect();
                println!(
                    "seed {seed} FAILED at {time} s; repeat it with: cargo xtask sim --seed {seed}{lossy}{faults}"
                );
            }
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            failed: self.failed + other.failed,
            violations: self.violations + other.violations,
            time: self.time + other.time,
        }
    }
}
