//! Ed25519 keys in files: the private half as PKCS #8 PEM, readable for its owner alone, the public half beside it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};

use crate::exit::{Exit, Failure};

/// Makes a new key in `file`, and its public half in `file.pub`, which this returns. Neither may exist.
pub(crate) fn make(file: &Path) -> Result<PathBuf, Failure> {
    let public = PathBuf::from(format!("{}.pub", file.display()));
    for existing in [file, &public] {
        if existing.exists() {
            return Err(Failure::text(Exit::Failed, format!("{} exists already", existing.display()))
                .hint("what is signed with it would no longer be accepted: choose another name"));
        }
    }
    let key = SigningKey::from_bytes(&rand::random());
    let private_pem = key.to_pkcs8_pem(LineEnding::LF).context("can't encode the key")?;
    let public_pem = key.verifying_key().to_public_key_pem(LineEnding::LF).context("can't encode the key")?;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    opened
        .and_then(|mut opened| opened.write_all(private_pem.as_bytes()))
        .with_context(|| format!("can't write {}", file.display()))?;
    std::fs::write(&public, public_pem).with_context(|| format!("can't write {}", public.display()))?;
    Ok(public)
}
