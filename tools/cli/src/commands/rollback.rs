//! `wod rollback ZONE`: the version before the last swap again.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod rollback`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For example nyc.elysium
    #[arg(value_name = "ZONE")]
    zone: String,
    /// Do not carry the newer version's state back: let the version before live again what has happened since the swap.
    /// Done by itself where the version before can't load the newer one's state. Only during probation
    #[arg(long)]
    rewind: bool,
    /// Rewind though players left with things or messages reached other zones since: those may be lost or doubled
    #[arg(long)]
    accept_loss: bool,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct SteppedBack {
    how: String,
    generation: u32,
    digest: String,
    pause_ms: f64,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let path = zone_path(&self.zone, "/rollback")?;
        let wish = json!({ "rewind": self.rewind, "accept_loss": self.accept_loss });
        block_on(async {
            let back: SteppedBack = self.server.request_patiently(&path, Body::Json(wish)).await?;
            if self.json {
                output::json(&back);
                return Ok(());
            }
            output::line(format_args!(
                "{} runs digest {} again as generation {} ({}); it stood still for {:.1} ms",
                self.zone,
                back.digest.get(..16).unwrap_or(&back.digest),
                back.generation,
                back.how,
                back.pause_ms
            ));
            Ok(())
        })
    }
}
