//! `wod rollouts`: those under way, and the last that ended.

use crate::admin::{Server, block_on};
use crate::commands::rollout::Rollout;
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod rollouts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let rollouts: Vec<Rollout> = self.server.get("/api/rollouts").await?;
            if self.json {
                output::json(&rollouts);
                return Ok(());
            }
            output::table(
                ["id", "module", "wave", "zones", "state"],
                rollouts.iter().map(Rollout::row),
                "there was no rollout; `wod rollout MODULE` begins one",
            );
            Ok(())
        })
    }
}
