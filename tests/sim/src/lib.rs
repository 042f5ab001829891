//! The simulator: gateways, zone hosts, the store and players in one thread under virtual time, all from one seed.
//!
//! What runs is the real thing: the host's ownership, recovery, runner and committer, the gateway's driver and core. Store and
//! network are a model ([`wod_backplane::simulated`]), held to the same conformance suite as the real ones. [`run`] is the table
//! of contents: processes are stepped in an order drawn anew each time, the store's clock moves on, players act, checks look.
//!
//! A failing seed is repeated by `cargo xtask sim --seed N --verbose`.

mod check;
mod cluster;
mod faults;
mod machines;
mod market;
mod panics;
mod player;
mod process;
mod tamper;
mod trace;
mod world;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
pub use wod_backplane::simulated::Bug;

use cluster::Cluster;
use faults::Plan;
pub use trace::Show;
use trace::Trace;

/// How much time passes at once for a process. What happens in it happens, for the others, at its end.
pub const STEP: Duration = Duration::from_millis(10);
/// After everything was mended, all must be quiet within this time.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks of the checks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Faults that are reported; more say nothing new.
const REPORTED: usize = 20;

/// Which run.
#[derive(Default)]
pub struct Options {
    /// Everything comes from it.
    pub seed: u64,
    /// Gets every line of the trace.
    pub shown: Option<Show>,
    /// Whether the store may lose its tail; none: one seed in eight decides that it does.
    pub lossy: Option<bool>,
    /// Something done wrong on purpose, so that the checks can be seen to find it.
    pub planted: Option<Planted>,
}

/// What can be done wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The store does it.
    Store(Bug),
    /// Now and then a coin that is given stays with the giver as well.
    CoinDoubled,
    /// Now and then a verb is acked and the module does nothing.
    CommandIgnored,
    /// Now and then the module does what a player wants twice.
    CommandRepeated,
    /// A module that takes over from another, or from itself, forgets a part of the state.
    StateForgotten,
    /// Whispers from zone to zone get lost.
    WhisperLost,
    /// Whispers from zone to zone arrive twice.
    WhisperDoubled,
    /// Now and then a line that is said is heard after the speaker's next one.
    LinesSwapped,
    /// Now and then a client does not notice what she says herself.
    LineMissed,
    /// Now and then the connection loses a message to a client.
    FrameLost,
    /// Now and then a client does not notice who enters her roster.
    RosterForgets,
    /// Hosts that were killed stay dead.
    HostsStayDead,
}

/// A run in which everything held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of everything that happened.
    pub hash: u64,
    /// How many things did.
    pub events: u64,
    /// Virtual time.
    pub time: Duration,
}

/// A run in which something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What.
    pub faults: Vec<String>,
    /// Virtual time.
    pub time: Duration,
}

/// Runs a whole life of a small world, and checks it.
///
/// # Errors
/// When something that must hold did not.
pub fn run(options: Options) -> Result<Report, Failure> {
    panics::watch();
    let trace = Trace::new(options.shown);
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let trouble_ends = Duration::from_secs(rng.random_range(15..35));
    // A store that loses its tail leaves less to be sure of: most runs are without.
    let drawn = rng.random_bool(0.125);
    let lossy = options.lossy.unwrap_or(drawn);
    let plan = Plan::draw(&mut rng, trouble_ends, lossy);
    let mut cluster = Cluster::new(&mut rng, trace.clone(), options.planted);
    // Runtimes catch the panics of their tasks; this is for those of the simulator itself.
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| live(&mut cluster, plan, trouble_ends)));
    let mut faults = cluster.faults();
    drop(cluster);
    faults.extend(panics::take());
    if let Ok(Err(unrest)) = ended {
        faults.extend(unrest);
    }
    let (hash, events) = trace.digest();
    let time = trace.now();
    faults.truncate(REPORTED);
    if faults.is_empty() { Ok(Report { hash, events, time }) } else { Err(Failure { faults, time }) }
}

/// Trouble, then quiet, then the checks of what rests. The error: what did not become right in time.
fn live(cluster: &mut Cluster, plan: Plan, trouble_ends: Duration) -> Result<(), Vec<String>> {
    let mut acts = plan.acts.into_iter().peekable();
    let mut look_at = Duration::ZERO;
    let mut mended_at = None;
    loop {
        let now = cluster.now();
        while let Some((_, act)) = acts.next_if(|(at, _)| *at <= now) {
            cluster.perform(act);
        }
        if mended_at.is_none() && now >= trouble_ends && acts.peek().is_none() {
            cluster.mend();
            mended_at = Some(now);
        }
        cluster.step();
        if now >= look_at {
            look_at = now + LOOK_EVERY;
            cluster.check_along();
            if cluster.has_faults() {
                return Ok(());
            }
            let Some(mended_at) = mended_at else { continue };
            let unrest = cluster.unrest();
            if unrest.is_empty() {
                return Ok(());
            }
            if now > mended_at + PATIENCE {
                return Err(unrest);
            }
        }
    }
}
