//! What the test files share.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of this")]

use std::time::Duration;

use bytes::Bytes;
use wod_backplane::{Backplane, Claim, Error, Inbox, InboxEvent, Lease};
use wod_protocol::bus::Process;
use wod_protocol::ids::{Epoch, HostId, JournalIndex, ZoneNo};

/// A condition that never comes true fails the test after this time.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const ZONE: ZoneNo = ZoneNo(7);

pub fn host(name: &str) -> HostId {
    HostId::from(name)
}

pub fn gateway(name: &str) -> Process {
    Process::Gateway(name.into())
}

pub fn at(index: u64) -> JournalIndex {
    JournalIndex(index)
}

pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Claims a zone that is free.
pub async fn claim(backplane: &Backplane, zone: ZoneNo, name: &str) -> Lease {
    match backplane.claim(zone, &host(name), Epoch(0)).await.unwrap() {
        Claim::Won(lease) => lease,
        Claim::Held(owner, _) => panic!("zone {zone} is held by {owner:?}"),
    }
}

/// Claims a zone again and again until it is won, as a host does.
pub async fn claim_when_free(backplane: &Backplane, zone: ZoneNo, name: &str) -> Lease {
    let claiming = async {
        loop {
            match backplane.claim(zone, &host(name), Epoch(0)).await.unwrap() {
                Claim::Won(lease) => return lease,
                Claim::Held(_, remaining) => tokio::time::sleep(remaining).await,
            }
        }
    };
    within(claiming).await
}

/// Appends `entry 1`, `entry 2`, … from an empty journal on.
pub async fn fill(backplane: &Backplane, lease: &Lease, count: u64) {
    for index in 1..=count {
        backplane.append(lease, at(index), bytes(&format!("entry {index}"))).await.unwrap();
    }
}

/// All there is in a journal from `from` on.
pub async fn journal(backplane: &Backplane, zone: ZoneNo, from: u64) -> Vec<(u64, String)> {
    let entries = backplane.read_journal(zone, at(from), usize::MAX >> 16).await.unwrap();
    entries.into_iter().map(|(index, entry)| (index.0, String::from_utf8(entry.to_vec()).unwrap())).collect()
}

/// Bytes that differ everywhere, so that chunks can't be mistaken for one another.
pub fn noise(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    next.take(length).collect()
}

/// Publishes until the inbox gets it: a message that was lost on the way is no failure of the inbox.
pub async fn hears(backplane: &Backplane, inbox: &mut Inbox, name: &str, text: &str) {
    let hearing = async {
        loop {
            // Refused while the publisher's own connection is being rebuilt.
            let _ = backplane.publish(&gateway(name), bytes(text)).await;
            let event = tokio::time::timeout(Duration::from_millis(100), inbox.recv()).await;
            if event.is_ok_and(|event| event.unwrap() == InboxEvent::Message(bytes(text))) {
                return;
            }
        }
    };
    within(hearing).await;
}

/// Does an operation again for as long as it fails for the time being, as every caller does.
pub async fn insist<T>(operation: impl AsyncFn() -> Result<T, Error>) -> T {
    let insisting = async {
        loop {
            match operation().await {
                Ok(value) => return value,
                Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    within(insisting).await
}

pub async fn within<T>(condition: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, condition).await.expect("waited for too long")
}
