//! Who vouches for a module: Ed25519 signatures of module files, and the keys that a host trusts.
//!
//! Signed is `wod module` with a zero byte, then the file's 32-byte [`Digest`]: so a signature is good for one file, and for
//! nothing else that the same key may sign.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use wod_protocol::ids::Digest;

/// What is signed begins with this.
const DOMAIN: &[u8] = b"wod module\0";
/// The HTTP header of an upload that carries its signature.
pub const HEADER: &str = "x-wod-signature";

/// One signature of one file. As text: public key and signature in hex digits, with a space between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    key: VerifyingKey,
    proof: ed25519_dalek::Signature,
}

impl Signature {
    /// Signs a file's digest with a private key (PKCS #8 PEM).
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn sign(digest: Digest, private_pem: &str) -> anyhow::Result<Self> {
        let key = SigningKey::from_pkcs8_pem(private_pem).context("not an Ed25519 private key in PEM (PKCS #8)")?;
        Ok(Self { key: key.verifying_key(), proof: key.sign(&message(digest)) })
    }

    /// Its key's id: the first 16 hex digits of the public key.
    pub fn key_id(&self) -> String {
        key_id(&self.key)
    }

    /// Whether it is of the file with this digest.
    pub(crate) fn proves(&self, digest: Digest) -> bool {
        self.key.verify_strict(&message(digest), &self.proof).is_ok()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", hex(self.key.as_bytes()), hex(&self.proof.to_bytes()))
    }
}

impl FromStr for Signature {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (key, proof) = text.trim().split_once(' ').context("a signature is a public key, a space, and a proof")?;
        let key = unhex::<32>(key).context("its public key is not 64 hex digits")?;
        let proof = unhex::<64>(proof).context("its proof is not 128 hex digits")?;
        let key = VerifyingKey::from_bytes(&key).context("its public key is no Ed25519 key")?;
        Ok(Self { key, proof: ed25519_dalek::Signature::from_bytes(&proof) })
    }
}

/// Whose modules a host runs.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Everybody's, signed or not: on an author's own machine alone.
    Anybody,
    /// Those of whoever holds one of these keys.
    Keys(Vec<TrustedKey>),
}

/// A public key and what people call it.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    name: String,
    key: VerifyingKey,
}

impl TrustedKey {
    /// Reads a public key file (SPKI PEM), as `wod keys new` writes it; it is called like the file.
    ///
    /// # Errors
    /// When the file can't be read or holds something else.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read_to_string(file).with_context(|| format!("can't read the key {}", file.display()))?;
        let key = VerifyingKey::from_public_key_pem(&pem).with_context(|| {
            format!("{} is no Ed25519 public key in PEM; `wod keys new` writes one", file.display())
        })?;
        let name = file.file_stem().map_or_else(|| key_id(&key), |stem| stem.to_string_lossy().into_owned());
        Ok(Self { name, key })
    }
}

impl Trust {
    /// Who vouches for the file with this digest, of those trusted; nobody needs to where anybody is trusted.
    ///
    /// # Errors
    /// Why it must not run, for people.
    pub fn check(&self, digest: Digest, signatures: &[Signature]) -> anyhow::Result<Option<String>> {
        let good = || signatures.iter().filter(|signature| signature.proves(digest));
        let keys = match self {
            Self::Anybody => return Ok(good().next().map(Signature::key_id)),
            Self::Keys(keys) => keys,
        };
        let trusted = |signature: &Signature| keys.iter().find(|trusted| trusted.key == signature.key);
        if let Some(signer) = good().find_map(trusted) {
            return Ok(Some(signer.name.clone()));
        }
        if signatures.is_empty() {
            bail!("module {digest} is not signed: publish it with `wod publish FILE --key KEY`");
        }
        if let Some(foreign) = good().next() {
            bail!(
                "module {digest} is signed by key {}, which this host does not trust: add its public key to --trusted-keys, \
                 or have it signed by somebody who is trusted",
                foreign.key_id()
            );
        }
        bail!("the signature of module {digest} is of other bytes: sign the file as it is now");
    }
}

fn message(digest: Digest) -> Vec<u8> {
    [DOMAIN, &digest.0].concat()
}

fn key_id(key: &VerifyingKey) -> String {
    hex(&key.as_bytes()[..8])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use ed25519_dalek::pkcs8::EncodePrivateKey as _;

    use super::*;

    fn private(seed: u8) -> String {
        SigningKey::from_bytes(&[seed; 32]).to_pkcs8_pem(Default::default()).unwrap().to_string()
    }

    fn trusting(seed: u8) -> Trust {
        let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        Trust::Keys(vec![TrustedKey { name: "team".into(), key }])
    }

    #[test]
    fn only_a_trusted_signature_of_these_very_bytes_is_good() {
        let (ours, altered) = (Digest::of(b"module"), Digest::of(b"module, altered"));
        let signature = Signature::sign(ours, &private(1)).unwrap();
        assert_eq!(trusting(1).check(ours, &[signature]).unwrap(), Some("team".into()));
        let refusal = |trust: &Trust, digest, signatures: &[Signature]| {
            trust.check(digest, signatures).expect_err("refused").to_string()
        };
        assert!(refusal(&trusting(1), ours, &[]).contains("is not signed"));
        assert!(refusal(&trusting(1), altered, &[signature]).contains("is of other bytes"));
        let foreign = refusal(&trusting(2), ours, &[signature]);
        assert!(foreign.contains(&format!("signed by key {}, which this host does not trust", signature.key_id())));
        let both = [Signature::sign(ours, &private(2)).unwrap(), signature];
        assert!(trusting(1).check(ours, &both).is_ok(), "one of several is enough");
        assert!(Trust::Anybody.check(altered, &[]).is_ok());
    }

    #[test]
    fn a_signature_survives_being_text_and_garbage_is_none() {
        let signature = Signature::sign(Digest::of(b"module"), &private(1)).unwrap();
        assert_eq!(signature.to_string().parse::<Signature>().unwrap(), signature);
        let text = signature.to_string();
        for garbage in ["", " ", "ab cd", &text[1..], &text.replace(' ', ""), &text.replace('a', "ä")] {
            assert!(garbage.parse::<Signature>().is_err(), "{garbage}");
        }
    }
}
