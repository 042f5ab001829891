//! `wod publish FILE.wasm`: a module, signed, under its own name and version, for good.

use std::path::PathBuf;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::keys::{Key, read_module};
use crate::admin::{Body, Server, block_on};
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod publish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Component files, as `wod zone build` makes them
    #[arg(value_name = "FILE.wasm", required = true)]
    files: Vec<PathBuf>,
    /// Publish it as VERSION+EDITION: for what `wod zone build --content` made, whose code, and so its version, are as before
    #[arg(long, value_name = "EDITION", value_parser = edition)]
    edition: Option<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct Published {
    name: String,
    version: String,
    digest: String,
    bytes: u64,
    schema: u32,
    signer: Option<String>,
    new: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        block_on(async {
            let mut all = Vec::new();
            let query = self.edition.as_ref().map(|edition| format!("?edition={edition}")).unwrap_or_default();
            let path = format!("/api/modules{query}");
            for file in &self.files {
                let bytes = read_module(file)?;
                let signature = self.key.sign(&bytes)?;
                let published: Published =
                    self.server.request(Method::POST, &path, Body::Module(bytes, signature.map(Box::new))).await?;
                if !self.json {
                    output::line(format_args!(
                        "{}@{} {} ({}, schema {}, {}, digest {})",
                        published.name,
                        published.version,
                        if published.new { "is published" } else { "was published before" },
                        output::bytes(published.bytes),
                        published.schema,
                        published.signer.as_ref().map_or("not signed".into(), |signer| format!("signed by {signer}")),
                        published.digest.get(..16).unwrap_or(&published.digest),
                    ));
                }
                all.push(published);
            }
            if self.json {
                output::json(&all);
            }
            Ok(())
        })
    }
}

/// As what follows the + of a version.
fn edition(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    match !text.is_empty() && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("use letters, digits, . and -".to_owned()),
    }
}
