//! Records, names, heartbeats, blobs, values.

use std::time::Duration;

use bytes::Bytes;
use wod_backplane::{Backplane, Error, Version};
use wod_protocol::ids::{Digest, Sub};
use wod_protocol::limits::SNAPSHOT_CHUNK_BYTES;

use super::Store;
use super::common::*;

pub(super) async fn records_change_only_from_the_expected_version(_store: Store, backplane: Backplane) {
    let sub = Sub::from("player {1}: with \u{e9} and spaces");
    assert_eq!(backplane.record(&sub).await.unwrap(), None);
    assert_eq!(conflict(backplane.put_record(&sub, Version(5), bytes("x")).await), Version::ABSENT);

    let first = backplane.put_record(&sub, Version::ABSENT, bytes("first")).await.unwrap();
    assert_eq!(backplane.put_record(&sub, Version::ABSENT, bytes("first")).await.unwrap(), first, "a repeat");
    assert_eq!(conflict(backplane.put_record(&sub, Version::ABSENT, bytes("other")).await), first);
    let second = backplane.put_record(&sub, first, bytes("second")).await.unwrap();
    assert!(second > first);
    assert_eq!(backplane.put_record(&sub, first, bytes("second")).await.unwrap(), second, "a repeat");
    assert_eq!(conflict(backplane.put_record(&sub, first, bytes("late")).await), second);
    assert_eq!(backplane.record(&sub).await.unwrap(), Some((second, bytes("second"))));
    let third = backplane.put_record(&sub, second, bytes("second")).await.unwrap();
    assert!(third > second);
    assert_eq!(
        conflict(backplane.put_record(&sub, first, bytes("second")).await),
        third,
        "no repeat: one came between"
    );

    let mut writers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (backplane, sub) = (backplane.clone(), sub.clone());
        writers.spawn(async move { backplane.put_record(&sub, third, bytes(&n.to_string())).await.is_ok() });
    }
    assert_eq!(writers.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

pub(super) async fn a_version_never_returns_after_a_delete(_store: Store, backplane: Backplane) {
    let sub = Sub::from("guest:ann");
    let mut seen = Vec::new();
    for _ in 0..5 {
        let version = backplane.put_record(&sub, Version::ABSENT, bytes("ann")).await.unwrap();
        assert!(!seen.contains(&version));
        assert_eq!(conflict(backplane.delete_record(&sub, Version(version.0 + 1)).await), version);
        backplane.delete_record(&sub, version).await.unwrap();
        backplane.delete_record(&sub, version).await.unwrap();
        assert_eq!(backplane.record(&sub).await.unwrap(), None);
        seen.push(version);
    }
}

pub(super) async fn a_name_belongs_to_one_player(_store: Store, backplane: Backplane) {
    let (ann, bob) = (Sub::from("ann"), Sub::from("bob"));
    assert_eq!(backplane.reserve_name("nosferatu", &ann).await.unwrap(), None);
    assert_eq!(backplane.reserve_name("nosferatu", &ann).await.unwrap(), None);
    assert_eq!(backplane.reserve_name("nosferatu", &bob).await.unwrap(), Some(ann.clone()));
    backplane.release_name("nosferatu", &bob).await.unwrap();
    assert_eq!(backplane.name_owner("nosferatu").await.unwrap(), Some(ann.clone()));
    backplane.release_name("nosferatu", &ann).await.unwrap();
    assert_eq!(backplane.name_owner("nosferatu").await.unwrap(), None);
    assert_eq!(backplane.reserve_name("nosferatu", &bob).await.unwrap(), None);
}

pub(super) async fn keys_of_names_are_compared_byte_by_byte(_store: Store, backplane: Backplane) {
    // The spelling of a name and its looks, which begin with a space; with an accent of its own, with one apart; in braces.
    let keys = ["ian", " ian", " lan", "\u{e4}nn", " \u{e4}nn", " a\u{308}nn", "o'hara", "ann lee", "{ann}", "ann"];
    for (number, key) in keys.iter().enumerate() {
        let sub = Sub::from(format!("{number}"));
        assert_eq!(backplane.reserve_name(key, &sub).await.unwrap(), None, "{key:?}");
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(backplane.name_owner(key).await.unwrap(), Some(Sub::from(format!("{number}"))), "{key:?}");
    }
}

pub(super) async fn heartbeats_show_until_they_expire(_store: Store, backplane: Backplane) {
    let long = Duration::from_secs(600);
    backplane.beat("host", "b", bytes("old"), long).await.unwrap();
    backplane.beat("host", "b", bytes("new"), long).await.unwrap();
    backplane.beat("host", "a", bytes("a"), long).await.unwrap();
    backplane.beat("gateway", "g", bytes("g"), long).await.unwrap();
    backplane.beat("host", "short", bytes("short"), Duration::from_millis(30)).await.unwrap();
    let both = [("a".to_owned(), bytes("a")), ("b".to_owned(), bytes("new"))];
    within(async {
        while backplane.beats("host").await.unwrap() != both {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    backplane.end_beat("host", "a").await.unwrap();
    assert_eq!(backplane.beats("host").await.unwrap(), both[1..]);
    assert_eq!(backplane.beats("nothing").await.unwrap(), []);
}

pub(super) async fn blobs_are_kept_under_their_digest_only(_store: Store, backplane: Backplane) {
    let module = noise(3 * SNAPSHOT_CHUNK_BYTES + 5, 9);
    let digest = Digest::of(&module);
    assert_eq!(backplane.blob(digest).await.unwrap(), None);
    let refused = backplane.put_blob(digest, module.slice(1..)).await.unwrap_err();
    assert!(matches!(refused, Error::WrongDigest { .. }));
    for _ in 0..2 {
        backplane.put_blob(digest, module.clone()).await.unwrap();
        assert_eq!(backplane.blob(digest).await.unwrap(), Some(module.clone()));
    }
    backplane.put_blob(Digest::of(b""), Bytes::new()).await.unwrap();
    assert_eq!(backplane.blob(Digest::of(b"")).await.unwrap(), Some(Bytes::new()));
    for _ in 0..2 {
        backplane.delete_blob(digest).await.unwrap();
        assert_eq!(backplane.blob(digest).await.unwrap(), None);
    }
    backplane.put_blob(digest, module.clone()).await.unwrap();
    assert_eq!(backplane.blob(digest).await.unwrap(), Some(module));
}

pub(super) async fn values_are_listed_by_prefix(_store: Store, backplane: Backplane) {
    for (key, value) in [("zone/2", "b"), ("zone/1", "old"), ("zone/1", "a"), ("zonk", "c"), ("apple", "d")] {
        backplane.put_value(key, bytes(value)).await.unwrap();
    }
    let zones = [("zone/1".to_owned(), bytes("a")), ("zone/2".to_owned(), bytes("b"))];
    assert_eq!(backplane.values("zone/").await.unwrap(), zones);
    assert_eq!(backplane.values("").await.unwrap().len(), 4);
    backplane.delete_value("zonk").await.unwrap();
    assert_eq!(backplane.value("zonk").await.unwrap(), None);
    assert_eq!(backplane.value("zone/1").await.unwrap(), Some(bytes("a")));
}

pub(super) async fn a_value_is_replaced_only_by_who_knows_it(_store: Store, backplane: Backplane) {
    let replace = async |expected: Option<&str>, value: &str| match backplane
        .replace_value("key", expected.map(bytes), bytes(value))
        .await
    {
        Ok(()) => None,
        Err(Error::Changed { stored, .. }) => Some(stored),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(replace(Some("one"), "two").await, Some(None), "there is none");
    assert_eq!(replace(None, "one").await, None);
    assert_eq!(replace(None, "one").await, None, "a repeat");
    assert_eq!(replace(None, "two").await, Some(Some(bytes("one"))));
    assert_eq!(replace(Some("one"), "").await, None);
    assert_eq!(replace(Some("one"), "three").await, Some(Some(bytes(""))));
    assert_eq!(replace(Some(""), "three").await, None);
    assert_eq!(backplane.value("key").await.unwrap(), Some(bytes("three")));
    let rivals = (0..16).map(|rival| {
        let backplane = backplane.clone();
        tokio::spawn(async move {
            backplane.replace_value("key", Some(bytes("three")), bytes(&format!("rival {rival}"))).await
        })
    });
    let mut won = 0;
    for rival in rivals.collect::<Vec<_>>() {
        won += u32::from(rival.await.unwrap().is_ok());
    }
    assert_eq!(won, 1);
}

// ---- helpers

fn conflict<T: std::fmt::Debug>(result: Result<T, Error>) -> Version {
    match result {
        Err(Error::Conflict { stored, .. }) => stored,
        other => panic!("expected Conflict, got {other:?}"),
    }
}
