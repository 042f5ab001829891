//! `wod unmute NAME`: ends what `wod mute` began.

use super::mute::ask;
use crate::admin::Server;
use crate::exit::Outcome;

/// Arguments of `wod unmute`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The player
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        ask(&self.server, "/api/players/unmute", serde_json::json!({ "name": self.name }), self.json)
    }
}
