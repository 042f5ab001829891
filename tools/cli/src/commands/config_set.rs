//! `wod config set ZONE key=value…`: a running zone's settings.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::admin::{Body, Server, block_on, zone_path};
use crate::exit::Outcome;
use crate::output;

/// The commands under `wod config`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Change settings of a zone's module while it runs
    Set(Args),
}

/// Arguments of `wod config set`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For example nyc.elysium
    #[arg(value_name = "ZONE")]
    zone: String,
    /// `true`, `false` and numbers are what they look like; everything else, and what stands in "double quotes", is a text
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = pair)]
    values: Vec<(String, serde_json::Value)>,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct Set {
    #[serde(default)]
    reply: String,
}

impl Command {
    pub(crate) fn run(self) -> Outcome {
        let Self::Set(args) = self;
        let path = zone_path(&args.zone, "/config")?;
        block_on(async {
            let values = Body::Json(args.values.into_iter().collect::<serde_json::Map<_, _>>().into());
            let set: Set = args.server.request(Method::POST, &path, values).await?;
            if args.json {
                output::json(&set);
            } else {
                output::line(if set.reply.is_empty() { "set" } else { &set.reply });
            }
            Ok(())
        })
    }
}

fn pair(text: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = text.split_once('=').ok_or("give it as key=value")?;
    if key.is_empty() {
        return Err("the key before `=` is missing".into());
    }
    let scalar = |value: &serde_json::Value| value.is_boolean() || value.is_number() || value.is_string();
    let value = serde_json::from_str(value).ok().filter(scalar).unwrap_or_else(|| value.into());
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_what_they_look_like() {
        let value = |text| pair(text).map(|(_, value)| value);
        assert_eq!(value("a=true"), Ok(json!(true)));
        assert_eq!(value("a=1.5"), Ok(json!(1.5)));
        assert_eq!(value("a=good evening"), Ok(json!("good evening")));
        assert_eq!(value("a=\"7\""), Ok(json!("7")));
        assert_eq!(value("a=[1]"), Ok(json!("[1]")));
        assert_eq!(value("a=b=c"), Ok(json!("b=c")));
        assert!(value("a").is_err() && value("=1").is_err());
    }
}
