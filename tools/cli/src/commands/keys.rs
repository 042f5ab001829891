//! `wod keys …`: what modules are signed with.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use wod_host::signature::Signature;
use wod_protocol::ids::Digest;

use crate::exit::{Exit, Failure, Outcome};
use crate::{keyfile, output};

/// The commands under `wod keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an Ed25519 key: FILE signs (keep it secret), FILE.pub is for the hosts' --trusted-keys
    New {
        /// Where it goes
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Sign module files for a host's --modules folder: writes FILE.sig beside each
    Sign {
        /// Component files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        key: Key,
    },
}

/// What signs.
#[derive(Debug, clap::Args)]
pub(crate) struct Key {
    /// Private key (Ed25519, PEM), as `wod keys new` makes it
    #[arg(long, value_name = "FILE", env = "WOD_KEY")]
    key: Option<PathBuf>,
}

impl Key {
    /// The file's signature; none when there is no key.
    pub(crate) fn sign(&self, bytes: &[u8]) -> anyhow::Result<Option<Signature>> {
        let Some(file) = &self.key else { return Ok(None) };
        let pem = std::fs::read_to_string(file).with_context(|| format!("can't read the key {}", file.display()))?;
        Signature::sign(Digest::of(bytes), &pem).map(Some).with_context(|| format!("{}", file.display()))
    }
}

impl Command {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::New { file } => {
                let public = keyfile::make(&file)?;
                let [secret, public] = [file.display(), public.display()];
                output::line(format_args!(
                    "{secret} signs modules (keep it secret); {public} is for the hosts' --trusted-keys"
                ));
                Ok(())
            }
            Self::Sign { files, key } => {
                for file in files {
                    let signature = key.sign(&read_module(&file)?)?;
                    let signature =
                        signature.ok_or_else(|| Failure::text(Exit::Usage, "nothing to sign with: give --key FILE"))?;
                    let path = PathBuf::from(format!("{}.sig", file.display()));
                    std::fs::write(&path, format!("{signature}\n"))
                        .with_context(|| format!("can't write {}", path.display()))?;
                    output::line(format_args!("{} is signed by key {}", file.display(), signature.key_id()));
                }
                Ok(())
            }
        }
    }
}

/// A component file.
pub(crate) fn read_module(file: &Path) -> Result<Vec<u8>, Failure> {
    match std::fs::read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::text(Exit::NotFound, format!("there is no file {}", file.display()))
                .hint("`wod zone build` makes it"))
        }
        read => Ok(read.with_context(|| format!("can't read {}", file.display()))?),
    }
}
