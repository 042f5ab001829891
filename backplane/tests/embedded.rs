//! What only the embedded backend can get wrong: its file.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking; the victim reports on stdout")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::*;
use tempfile::TempDir;
use wod_backplane::{Backplane, Error};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

/// Set in the child that is killed: where it writes.
const VICTIM_DIR: &str = "WOD_TEST_VICTIM_DIR";

#[tokio::test]
async fn a_directory_in_use_is_refused_and_free_after_close() {
    let dir = TempDir::new().unwrap();
    let first = Backplane::embedded(Some(dir.path())).await.unwrap();
    let refused = Backplane::embedded(Some(dir.path())).await.unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused:?}");
    let clone = first.clone();
    first.close().await.unwrap();
    Backplane::embedded(Some(dir.path())).await.unwrap();
    clone.close().await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_frees_the_directory() {
    let dir = TempDir::new().unwrap();
    let first = Backplane::embedded(Some(dir.path())).await.unwrap();
    claim(&first, ZONE, "host").await;
    drop(first);
    within(async {
        while let Err(error) = Backplane::embedded(Some(dir.path())).await {
            assert!(matches!(error, Error::InUse { .. }), "{error:?}");
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_backplane_in_memory_needs_no_directory_and_forgets() {
    let backplane = Backplane::embedded(None).await.unwrap();
    let lease = claim(&backplane, ZONE, "host").await;
    fill(&backplane, &lease, 3).await;
    backplane.put_snapshot(&lease, at(3), noise(3 * SNAPSHOT_CHUNK_BYTES, 1)).await.unwrap();
    assert_eq!(journal(&backplane, ZONE, 2).await.len(), 2);
    backplane.close().await.unwrap();
    let backplane = Backplane::embedded(None).await.unwrap();
    assert_eq!(backplane.journal_end(ZONE).await.unwrap(), at(0));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error_that_names_it() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("world.redb"), noise(10_000, 3)).unwrap();
    let refused = Backplane::embedded(Some(dir.path())).await.unwrap_err();
    assert!(matches!(refused, Error::Store { .. }), "{refused:?}");
}

#[tokio::test]
async fn everything_acknowledged_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for _ in 0..3 {
        acknowledged = kill_while_it_appends(dir.path(), acknowledged + 200);
        let backplane = Backplane::embedded(Some(dir.path())).await.unwrap();
        let entries = journal(&backplane, ZONE, 1).await;
        assert!(entries.len() as u64 >= acknowledged, "{} of {acknowledged} acknowledged entries", entries.len());
        assert!((1..).zip(&entries).all(|(index, entry)| *entry == (index, format!("entry {index}"))));
        backplane.close().await.unwrap();
    }
}

/// Runs [`the_victim`] in a process of its own until it has acknowledged `enough`, kills it in mid-work, and returns the last
/// index it acknowledged.
fn kill_while_it_appends(dir: &Path, enough: u64) -> u64 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim", "--nocapture", "--ignored"])
        .env(VICTIM_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = 0;
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        if let Some(index) = line.unwrap().strip_prefix("acknowledged ") {
            last = index.parse().unwrap();
            if last == enough {
                victim.kill().unwrap();
            }
        }
    }
    victim.wait().unwrap();
    assert!(last >= enough, "the victim ended by itself after {last}");
    last
}

#[tokio::test]
#[ignore = "the child process of everything_acknowledged_survives_kill_9"]
async fn the_victim() {
    let Some(dir) = std::env::var_os(VICTIM_DIR) else { return };
    let backplane = Backplane::embedded(Some(Path::new(&dir))).await.unwrap();
    let lease = claim(&backplane, ZONE, "victim").await;
    let mut index = backplane.journal_end(ZONE).await.unwrap();
    loop {
        index = index.next();
        backplane.append(&lease, index, bytes(&format!("entry {index}"))).await.unwrap();
        println!("acknowledged {index}");
    }
}
