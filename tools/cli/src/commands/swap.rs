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

#[derive(Serialize, Deserialize)]
struct Swapped {
    generation: u32,
    digest: String,
    #[serde(default)]
    module: String,
    pause_ms: f64,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let path = zone_path(&self.zone, "/module")?;
        let bytes = match std::fs::read(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::text(Exit::NotFound, format!("there is no file {}", self.file.display()))
                    .hint("`wod zone build` makes it"));
            }
            read => read.with_context(|| format!("can't read {}", self.file.display()))?,
        };
        block_on(async {
            let swapped: Swapped = self.server.request(Method::PUT, &path, Body::Bytes(bytes)).await?;
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
