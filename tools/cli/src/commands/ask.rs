//! `wod ask ZONE TEXT`: asks a zone's module something and prints its reply.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod ask`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For example nyc.elysium
    #[arg(value_name = "ZONE")]
    zone: String,
    /// What the module is asked; which questions it knows is the module's
    #[arg(value_name = "TEXT", required = true)]
    text: Vec<String>,
    /// Who asks, as the module is told
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    operator: String,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    reply: String,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let path = zone_path(&self.zone, "/ask")?;
        block_on(async {
            let question = serde_json::json!({ "text": self.text.join(" "), "operator": self.operator });
            let answer: Answer = self.server.request(Method::POST, &path, Body::Json(question)).await?;
            if self.json {
                output::json(&answer);
            } else {
                output::line(answer.reply);
            }
            Ok(())
        })
    }
}
