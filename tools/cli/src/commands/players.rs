//! `wod players [NAME]`: who is in the world, and where.

use serde::{Deserialize, Serialize};

use crate::admin::{Server, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod players`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the player of this name, in whatever case
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct Player {
    name: String,
    zone: String,
    host: String,
    gateway: Option<String>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let mut players: Vec<Player> = self.server.get("/api/players").await?;
            if let Some(name) = &self.name {
                players.retain(|player| player.name.to_lowercase() == name.to_lowercase());
                if players.is_empty() {
                    return Err(Failure::text(Exit::NotFound, format!("nobody in the world is named `{name}`"))
                        .hint("`wod players` lists everybody"));
                }
            }
            if self.json {
                output::json(&players);
                return Ok(());
            }
            let rows = players.into_iter().map(|player| {
                let gateway = player.gateway.unwrap_or_else(|| "– (connection lost)".into());
                [player.name, player.zone, player.host, gateway]
            });
            output::table(["player", "zone", "host", "gateway"], rows, "nobody is in the world");
            Ok(())
        })
    }
}
