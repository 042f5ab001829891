//! `wod players [NAME]`: who is in the world, and where; and what an operator does to one player, wherever she is.

use std::path::PathBuf;

use anyhow::Context as _;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::{Body, Server, block_on, path_segment};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Arguments of `wod players`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Only the player of this name, in whatever case
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What is done to one player.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write everything that is kept of a player, as JSON
    Export {
        /// Her name, or one that she had before
        #[arg(value_name = "NAME")]
        name: String,
        /// Write to FILE instead of printing it
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Give a player another name; the former one stays hers
    Rename {
        /// Her name, or one that she had before
        #[arg(value_name = "OLD")]
        old: String,
        /// 2 to 24 characters of one script, and not like anybody else's
        #[arg(value_name = "NEW")]
        new: String,
    },
    /// Delete a player and everything kept of her; her next login begins anew
    Delete {
        /// Her name, or one that she had before
        #[arg(value_name = "NAME")]
        name: String,
        /// There is no way back: say that you mean it
        #[arg(long)]
        yes: bool,
    },
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
            match self.command {
                Some(command) => command.run(&self.server, self.json).await,
                None => list(&self.server, self.name, self.json).await,
            }
        })
    }
}

async fn list(server: &Server, name: Option<String>, json: bool) -> Outcome {
    let mut players: Vec<Player> = server.get("/api/players").await?;
    if let Some(name) = name {
        players.retain(|player| player.name.to_lowercase() == name.to_lowercase());
        if players.is_empty() {
            return Err(Failure::text(Exit::NotFound, format!("nobody in the world is named `{name}`"))
                .hint("`wod players` lists everybody"));
        }
    }
    if json {
        output::json(&players);
        return Ok(());
    }
    let rows = players.into_iter().map(|player| {
        let gateway = player.gateway.unwrap_or_else(|| "– (connection lost)".into());
        [player.name, player.zone, player.host, gateway]
    });
    output::table(["player", "zone", "host", "gateway"], rows, "nobody is in the world");
    Ok(())
}

impl Command {
    async fn run(self, server: &Server, json: bool) -> Outcome {
        match self {
            Self::Export { name, output } => {
                let export: Value = server.get(&path(&name, "")).await?;
                let Some(file) = output else {
                    output::json(&export);
                    return Ok(());
                };
                let text = serde_json::to_string_pretty(&export).context("what the server sent has no text")?;
                std::fs::write(&file, text + "\n").with_context(|| format!("can't write {}", file.display()))?;
                if json {
                    output::json(&json!({ "file": file }));
                } else {
                    output::line(format_args!("everything kept of {name} is in {}", file.display()));
                }
                Ok(())
            }
            Self::Rename { old, new } => {
                let body = Body::Json(json!({ "to": new }));
                let done: Value = server.request(Method::POST, &path(&old, "/rename"), body).await?;
                if json {
                    output::json(&done);
                } else {
                    let text = |key: &str| done[key].as_str().unwrap_or_default().to_owned();
                    output::line(format_args!("{} is called {} now", text("from"), text("to")));
                }
                Ok(())
            }
            Self::Delete { name, yes: false, .. } => {
                let error = format!("everything kept of `{name}` would be lost for good");
                Err(Failure::text(Exit::Usage, error)
                    .hint("say --yes if you mean it; `wod players export` keeps a copy of her data"))
            }
            Self::Delete { name, .. } => {
                let done: Value = server.request(Method::DELETE, &path(&name, ""), Body::Nothing).await?;
                if json {
                    output::json(&done);
                } else {
                    let kicked =
                        if done["kicked"] == true { "; she was in the world, and is not any more" } else { "" };
                    output::line(format_args!("{name} is deleted{kicked}"));
                }
                Ok(())
            }
        }
    }
}

fn path(name: &str, rest: &str) -> String {
    format!("/api/players/{}{rest}", path_segment(name))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Wod {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &[&str]) -> Result<Args, clap::Error> {
        Wod::try_parse_from([&["players"], line].concat()).map(|wod| wod.args)
    }

    #[test]
    fn a_name_lists_and_a_command_acts() {
        assert_eq!(parse(&["Ann"]).map(|args| args.name).ok().flatten().as_deref(), Some("Ann"));
        let args = parse(&["rename", "Ann", "Bea", "--json", "--server", "http://there"]).expect("a command");
        assert!(
            args.json && matches!(args.command, Some(Command::Rename { old, new }) if old == "Ann" && new == "Bea")
        );
        assert!(parse(&["export"]).is_err() && parse(&["rename", "Ann"]).is_err());
    }

    #[test]
    fn nobody_is_deleted_without_a_word_of_consent() {
        let args = parse(&["delete", "Ann"]).expect("a command");
        assert_eq!(args.run().map_err(|failure| failure.exit()), Err(Exit::Usage));
    }
}
