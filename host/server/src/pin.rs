//! What a rewind would need: the snapshot of before a swap, kept until the new version has settled, and with it the journal since.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wod_backplane::Backplane;
use wod_protocol::ids::{Digest, JournalIndex, ZoneNo};

use crate::follower::{Follower, Source};
use crate::port::ZonePort;

/// Where a rewind of a zone begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    /// The entry it stands after.
    at: JournalIndex,
    /// A blob; none: the zone's journal begins here.
    snapshot: Option<Digest>,
}

fn key(zone: ZoneNo) -> String {
    format!("rewind/{zone}")
}

/// Keeps the zone's newest snapshot; call it before a swap. One that is kept already, for a version that has not settled, stays.
pub(crate) async fn keep(backplane: &Backplane, port: &ZonePort) -> anyhow::Result<()> {
    if port.pinned().is_some() {
        return Ok(());
    }
    // Until it is known which entry, none may go.
    port.pin(Some(JournalIndex(0)));
    let stored = async {
        let snapshot = backplane.snapshot(port.zone).await.context("reading the snapshot")?;
        let (at, snapshot) = snapshot.map_or((JournalIndex(0), None), |(at, bytes)| (at, Some(bytes)));
        let digest = snapshot.as_ref().map(|bytes| Digest::of(bytes));
        if let (Some(digest), Some(bytes)) = (digest, snapshot) {
            backplane.put_blob(digest, bytes).await.context("keeping the snapshot of before the swap")?;
        }
        let pin = rmp_serde::to_vec(&Pin { at, snapshot: digest }).expect("a pin has no unserialisable value");
        backplane.put_value(&key(port.zone), pin.into()).await.context("keeping the snapshot of before the swap")?;
        anyhow::Ok(at)
    };
    let kept = stored.await;
    port.pin(kept.as_ref().ok().copied());
    kept.map(drop)
}

/// Where what is kept for the zone begins; none: nothing is.
pub(crate) async fn find(backplane: &Backplane, zone: ZoneNo) -> anyhow::Result<Option<JournalIndex>> {
    Ok(read(backplane, zone).await?.map(|pin| pin.at))
}

/// Nothing would be rewound any more.
pub(crate) async fn release(backplane: &Backplane, port: &ZonePort) -> anyhow::Result<()> {
    if port.pinned().is_none() {
        return Ok(());
    }
    if let Some(Pin { snapshot, .. }) = read(backplane, port.zone).await? {
        backplane.delete_value(&key(port.zone)).await.context("letting a kept snapshot go")?;
        if let Some(digest) = snapshot {
            backplane.delete_blob(digest).await.context("letting a kept snapshot go")?;
        }
    }
    port.pin(None);
    Ok(())
}

/// A copy of the zone as it stood at that snapshot. Blocks.
pub(crate) fn follow(source: Source, port: &Arc<ZonePort>) -> anyhow::Result<Follower> {
    let Source { backplane, threads, .. } = &source;
    let pin = threads.block_on(read(backplane, port.zone))?;
    let pin = pin.context("no snapshot of before the swap is kept: the version has settled")?;
    let snapshot = match pin.snapshot {
        None => None,
        Some(digest) => {
            let bytes = threads.block_on(backplane.blob(digest)).context("reading the snapshot of before the swap")?;
            Some(bytes.context("the snapshot of before the swap is gone")?)
        }
    };
    Follower::open_at(source, port.zone, pin.at, snapshot)
}

async fn read(backplane: &Backplane, zone: ZoneNo) -> anyhow::Result<Option<Pin>> {
    let stored = backplane.value(&key(zone)).await.context("looking for the snapshot of before the swap")?;
    let decode = |stored: Bytes| {
        let decoded = rmp_serde::from_slice(&stored);
        decoded
            .inspect_err(
                |error| tracing::warn!(%zone, %error, "what is kept for a rewind does not decode: it is of no use"),
            )
            .ok()
    };
    Ok(stored.and_then(decode))
}
