//! `wod gateways`: the gateways that are alive.

use wod_protocol::registry::GatewayBeat;

use crate::admin::{Server, block_on};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod gateways`.
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
            let gateways: Vec<GatewayBeat> = self.server.get("/api/gateways").await?;
            if self.json {
                output::json(&gateways);
                return Ok(());
            }
            let rows = gateways.into_iter().map(|gateway| {
                [
                    gateway.gateway.to_string(),
                    gateway.region,
                    gateway.listen,
                    gateway.admin,
                    gateway.build,
                    output::uptime(gateway.uptime_ms),
                    output::bytes(gateway.memory_bytes),
                    gateway.connections.to_string(),
                    gateway.players.to_string(),
                    if gateway.draining { "draining" } else { "ok" }.to_owned(),
                ]
            });
            let headings = [
                "gateway",
                "region",
                "players at",
                "admin",
                "version",
                "up",
                "memory",
                "connections",
                "players",
                "state",
            ];
            output::table(headings, rows, "no gateway is alive");
            Ok(())
        })
    }
}
