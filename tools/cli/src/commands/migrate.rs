//! `wod migrate ZONE HOST`: moves a running zone to another host, with everybody in it.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod migrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For example nyc.elysium
    #[arg(value_name = "ZONE")]
    zone: String,
    /// The host that shall run it, as `wod hosts` names it
    #[arg(value_name = "HOST")]
    host: String,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct Moved {
    host: String,
    prepared_ms: f64,
    pause_ms: f64,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let path = zone_path(&self.zone, "/migrate")?;
        block_on(async {
            let wish = Body::Json(serde_json::json!({ "to": self.host }));
            let moved: Moved = self.server.request(Method::POST, &path, wish).await?;
            if self.json {
                output::json(&moved);
            } else {
                let Moved { host, prepared_ms, pause_ms } = moved;
                output::line(format!(
                    "{} runs on {host}; it was ready after {prepared_ms:.0} ms, the zone stood still for {pause_ms:.1} ms",
                    self.zone
                ));
            }
            Ok(())
        })
    }
}
