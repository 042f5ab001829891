//! `wod drain HOST`: moves all zones of a host elsewhere, so that it can be stopped without anybody noticing.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use wod_protocol::registry::HostBeat;

use crate::admin::{Body, Server, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// How often it is looked how far it is; hosts tell once a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Arguments of `wod drain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// As `wod hosts` names it
    #[arg(value_name = "HOST")]
    host: String,
    /// Let it take zones again
    #[arg(long)]
    undo: bool,
    /// Return at once, not when the host is empty
    #[arg(long, conflicts_with = "undo")]
    no_wait: bool,
    /// Give up waiting after so many seconds; the host goes on
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    #[command(flatten)]
    server: Server,
    /// Print JSON: one object, when it is done
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let path = format!("/api/hosts/{}/drain", self.host);
            let _: Value = self.server.request(Method::POST, &path, Body::Json(json!({ "drain": !self.undo }))).await?;
            if self.undo {
                self.tell(format!("{} takes zones again", self.host), false, None);
                return Ok(());
            }
            if self.no_wait {
                self.tell(format!("{} is being drained", self.host), true, None);
                return Ok(());
            }
            self.wait().await
        })
    }

    fn tell(&self, text: String, draining: bool, empty_after: Option<Duration>) {
        if self.json {
            let seconds = empty_after.map(|time| time.as_secs_f64());
            output::json(&json!({ "host": self.host, "draining": draining, "empty_after_s": seconds }));
        } else {
            output::line(text);
        }
    }

    async fn wait(&self) -> Outcome {
        let begun = Instant::now();
        let mut told = usize::MAX;
        loop {
            let hosts: Vec<HostBeat> = self.server.get("/api/hosts").await?;
            let host = hosts.iter().find(|beat| beat.host.as_str() == self.host);
            let host = host.with_context(|| format!("host `{}` is not alive any more", self.host))?;
            let left = host.zones.len();
            if left == 0 && host.draining {
                let took = begun.elapsed();
                self.tell(format!("{} is empty after {:.1} s", self.host, took.as_secs_f64()), true, Some(took));
                return Ok(());
            }
            if left != told && !self.json {
                output::line(format!("{left} zones left"));
                told = left;
            }
            if begun.elapsed() > Duration::from_secs(self.timeout) {
                let names: Vec<_> = host.zones.iter().map(|zone| zone.name.to_string()).collect();
                let text = format!("{} still has {} after {} s", self.host, names.join(", "), self.timeout);
                return Err(Failure::text(Exit::Failed, text)
                    .hint("its log says why; is there another host that can take them (`wod hosts`)?"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
