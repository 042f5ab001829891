//! `wod mute NAME`: nobody hears a player for a while, wherever she goes.

use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::ticket::duration;
use crate::admin::{Body, Server, block_on};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod mute`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The player
    #[arg(value_name = "NAME")]
    name: String,
    /// For how long: seconds, or with s, m, h or d. Game time: it stands still while she is away
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Duration,
    /// For her to read when she tries to speak
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The server's word on it.
#[derive(Serialize, Deserialize)]
pub(super) struct Done {
    reply: String,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let for_ms = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        let wish = serde_json::json!({ "name": self.name, "for_ms": for_ms, "reason": self.reason });
        ask(&self.server, "/api/players/mute", wish, self.json)
    }
}

/// Has a host do it, and says what it says.
pub(super) fn ask(server: &Server, path: &str, wish: serde_json::Value, json: bool) -> Outcome {
    block_on(async {
        let done: Done = server.request(Method::POST, path, Body::Json(wish)).await?;
        if json {
            output::json(&done);
        } else {
            output::line(done.reply);
        }
        Ok(())
    })
}
