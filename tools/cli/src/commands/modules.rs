//! `wod modules`: what was published, and what runs.

use serde::{Deserialize, Serialize};

use crate::admin::{Server, block_on};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod modules`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct Module {
    name: String,
    version: String,
    digest: String,
    bytes: Option<u64>,
    schema: Option<u32>,
    published: bool,
    signer: Option<String>,
    refused: Option<String>,
    zones: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let modules: Vec<Module> = self.server.get("/api/modules").await?;
            if self.json {
                output::json(&modules);
                return Ok(());
            }
            let row = |module: Module| {
                let signer = match (&module.refused, &module.signer) {
                    (Some(_), _) => "REFUSED".to_owned(),
                    (None, Some(signer)) => signer.clone(),
                    (None, None) => "-".to_owned(),
                };
                let name = format!("{}@{}", module.name, module.version);
                [
                    if module.published { name } else { format!("({name})") },
                    module.digest[..16].to_owned(),
                    module.bytes.map_or_else(|| "-".into(), output::bytes),
                    signer,
                    module.zones.join(", "),
                ]
            };
            let headings = ["module", "digest", "size", "signer", "runs in"];
            output::table(
                headings,
                modules.into_iter().map(row),
                "nothing was published; `wod publish FILE` does that",
            );
            Ok(())
        })
    }
}
