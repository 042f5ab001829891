//! `wod hosts`: the zone hosts that are alive.

use wod_protocol::registry::HostBeat;

use crate::admin::{Server, block_on};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod hosts`.
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
            let hosts: Vec<HostBeat> = self.server.get("/api/hosts").await?;
            if self.json {
                output::json(&hosts);
                return Ok(());
            }
            let rows = hosts.into_iter().map(|host| {
                let zones: Vec<_> = host.zones.iter().map(|zone| zone.name.to_string()).collect();
                [
                    host.host.to_string(),
                    host.region,
                    host.admin,
                    host.build,
                    output::uptime(host.uptime_ms),
                    output::bytes(host.memory_bytes),
                    host.workers.iter().map(|load| format!("{}%", load / 10)).collect::<Vec<_>>().join(" "),
                    format!("{} ms", host.inbox_lag_ms),
                    if host.draining { "draining" } else { "ok" }.to_owned(),
                    zones.join(", "),
                ]
            });
            let headings = ["host", "region", "admin", "version", "up", "memory", "load", "lag", "state", "zones"];
            output::table(headings, rows, "no host is alive");
            Ok(())
        })
    }
}
