//! `wod swap ZONE FILE.wasm`: replaces a running zone's module.

use std::path::PathBuf;

use anyhow::Context as _;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod swap`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For example nyc.elysium
    #[arg(value_name = "ZONE")]
    zone: String,
    /// Component file, as `wod zone build` makes it
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How the admin API says that the zone runs the new module.
#[derive(Serialize, Deserialize)]
pub(crate) struct Swapped {
    pub(crate) generation: u32,
    digest: String,
    #[serde(default)]
    pub(crate) module: String,
    /// How long the zone stood still for it.
    pub(crate) pause_ms: f64,
}

/// Replaces the module of a running zone with this component.
///
/// # Errors
/// The server's refusal: the old module goes on.
pub(crate) async fn swap(server: &Server, zone: &str, component: Vec<u8>) -> Result<Swapped, Failure> {
    server.request(Method::PUT, &zone_path(zone, "/module")?, Body::Bytes(component)).await
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let bytes = match std::fs::read(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::text(Exit::NotFound, format!("there is no file {}", self.file.display()))
                    .hint("`wod zone build` makes it"));
            }
            read => read.with_context(|| format!("can't read {}", self.file.display()))?,
        };
        block_on(async {
            let swapped = swap(&self.server, &self.zone, bytes).await?;
            if self.json {
                output::json(&swapped);
                return Ok(());
            }
            output::line(format_args!(
                "{} runs {} (generation {}, digest {}); it stood still for {:.1} ms",
                self.zone,
                swapped.module,
                swapped.generation,
                swapped.digest.get(..16).unwrap_or(&swapped.digest),
                swapped.pause_ms
            ));
            Ok(())
        })
    }
}
