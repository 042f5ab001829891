//! What was published: modules by name and version, and who signed them. In the backplane, so that every host knows the same.
//!
//! `release/NAME/VERSION` is written once; `signature/DIGEST/KEY` once a signer.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wod_backplane::{Backplane, Error};
use wod_protocol::ids::Digest;
use wod_sim::module::Description;

use crate::signature::Signature;

/// A module as operators name it: `elysium@1.4.0`, or the 64 hex digits of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModuleRef {
    Release { name: String, version: String },
    File(Digest),
}

/// A published version of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) digest: Digest,
    /// Of the file.
    pub(crate) bytes: u64,
    /// Of its saved state.
    pub(crate) schema: u32,
}

impl FromStr for ModuleRef {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some(digest) = Digest::parse(text) {
            return Ok(Self::File(digest));
        }
        match text.split_once('@') {
            Some((name, version)) if is_plain(name) && is_plain(version) => {
                Ok(Self::Release { name: name.into(), version: version.into() })
            }
            _ => {
                bail!("`{text}` names no module: write NAME@VERSION (`wod modules` lists them) or its 64 digit digest")
            }
        }
    }
}

impl fmt::Display for ModuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { name, version } => write!(f, "{name}@{version}"),
            Self::File(digest) => digest.fmt(f),
        }
    }
}

/// Whether a name or version can be typed, and be part of a key.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// Another edition of a version.
pub(crate) fn edition_of(version: &str, edition: &str) -> String {
    format!("{version}+{edition}")
}

/// Whether what was published so calls itself by that version: it is that, or an edition of it.
pub(crate) fn is_of(published: &str, version: &str) -> bool {
    published.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// Puts a module under its own name and version, once and for ever; false: it stands there already.
pub(crate) async fn put(
    backplane: &Backplane,
    digest: Digest,
    bytes: u64,
    about: &Description,
) -> anyhow::Result<bool> {
    let Description { name, version, schema, .. } = about;
    if !is_plain(name) || !is_plain(version) {
        bail!("the module calls itself `{name}` `{version}`: use letters, digits and . - _ + in both, 64 at most");
    }
    let release = Release { name: name.clone(), version: version.clone(), digest, bytes, schema: *schema };
    let module = ModuleRef::Release { name: name.clone(), version: version.clone() };
    if resolve(backplane, &module).await? == Some(digest) {
        return Ok(false);
    }
    let encoded = rmp_serde::to_vec_named(&release).expect("a release has no unserialisable value");
    match backplane.replace_value(&key(name, version), None, encoded.into()).await {
        Ok(()) => Ok(true),
        Err(Error::Changed { .. }) => {
            bail!(
                "{name}@{version} was published before, and versions never change: give this one a version of its own, or, \
                 where only its map or texts are others, an edition of it (--edition)"
            )
        }
        Err(error) => Err(error).context("publishing a module"),
    }
}

/// The digest of what was named. A file's own digest needs no release.
pub(crate) async fn resolve(backplane: &Backplane, module: &ModuleRef) -> anyhow::Result<Option<Digest>> {
    let (name, version) = match module {
        ModuleRef::File(digest) => return Ok(Some(*digest)),
        ModuleRef::Release { name, version } => (name, version),
    };
    let stored = backplane.value(&key(name, version)).await.context("looking a module up")?;
    Ok(stored.map(|stored| decode(&stored)).transpose()?.map(|release| release.digest))
}

/// All of them, in order of name and version.
pub(crate) async fn list(backplane: &Backplane) -> anyhow::Result<Vec<Release>> {
    let stored = backplane.values("release/").await.context("listing modules")?;
    let read = |(key, stored): &(String, Bytes)| {
        decode(stored).inspect_err(|error| tracing::warn!(key, %error, "left out of the list")).ok()
    };
    Ok(stored.iter().filter_map(read).collect())
}

/// Keeps a signature; the caller has checked it.
pub(crate) async fn put_signature(backplane: &Backplane, digest: Digest, signature: &Signature) -> anyhow::Result<()> {
    let key = format!("signature/{digest}/{}", signature.key_id());
    backplane.put_value(&key, signature.to_string().into()).await.context("storing a signature")
}

/// Everybody's signatures of a file.
pub(crate) async fn signatures(backplane: &Backplane, digest: Digest) -> anyhow::Result<Vec<Signature>> {
    let stored = backplane.values(&format!("signature/{digest}/")).await.context("reading signatures")?;
    Ok(stored.iter().filter_map(parse).collect())
}

/// Everybody's signatures of everything.
pub(crate) async fn all_signatures(backplane: &Backplane) -> anyhow::Result<BTreeMap<Digest, Vec<Signature>>> {
    let mut all: BTreeMap<Digest, Vec<Signature>> = BTreeMap::new();
    for stored in backplane.values("signature/").await.context("reading signatures")? {
        let of = stored.0.split('/').nth(1).and_then(Digest::parse);
        if let Some((digest, signature)) = of.zip(parse(&stored)) {
            all.entry(digest).or_default().push(signature);
        }
    }
    Ok(all)
}

/// Somebody's damage must not outweigh another's good signature.
fn parse((key, text): &(String, Bytes)) -> Option<Signature> {
    let parsed = std::str::from_utf8(text).map_err(anyhow::Error::from).and_then(str::parse);
    parsed.inspect_err(|error| tracing::warn!(key, %error, "a stored signature does not parse")).ok()
}

fn key(name: &str, version: &str) -> String {
    format!("release/{name}/{version}")
}

fn decode(stored: &[u8]) -> anyhow::Result<Release> {
    rmp_serde::from_slice(stored).context("a published module's record does not decode")
}
