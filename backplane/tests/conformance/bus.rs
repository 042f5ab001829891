//! Inboxes.

use wod_backplane::{Backplane, Error, Health, InboxEvent};

use super::Store;
use super::common::*;

pub(super) async fn a_message_arrives_in_the_inbox_it_was_sent_to(_store: Store, backplane: Backplane) {
    let mut here = backplane.subscribe(&gateway("here"), 10).await.unwrap();
    let mut there = backplane.subscribe(&gateway("there"), 10).await.unwrap();
    assert!(here.is_connected());
    backplane.publish(&gateway("nobody"), bytes("lost")).await.unwrap();
    backplane.publish(&gateway("here"), bytes("one")).await.unwrap();
    backplane.publish(&gateway("here"), bytes("two")).await.unwrap();
    backplane.publish(&gateway("there"), bytes("three")).await.unwrap();
    assert_eq!(within(here.recv()).await, Some(InboxEvent::Message(bytes("one"))));
    assert_eq!(within(here.recv()).await, Some(InboxEvent::Message(bytes("two"))));
    assert_eq!(within(there.recv()).await, Some(InboxEvent::Message(bytes("three"))));
    assert_eq!(here.try_recv(), None);
}

pub(super) async fn a_full_inbox_drops_the_newest_and_says_how_many(_store: Store, backplane: Backplane) {
    let mut inbox = backplane.subscribe(&gateway("slow"), 4).await.unwrap();
    let mut witness = backplane.subscribe(&gateway("witness"), 4).await.unwrap();
    for n in 1..=10 {
        backplane.publish(&gateway("slow"), bytes(&n.to_string())).await.unwrap();
    }
    within(async {
        while inbox.dropped() < 6 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The bus did not wait for the slow one.
    backplane.publish(&gateway("witness"), bytes("hello")).await.unwrap();
    assert_eq!(within(witness.recv()).await, Some(InboxEvent::Message(bytes("hello"))));

    for n in 1..=4 {
        assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Message(bytes(&n.to_string()))));
    }
    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Gap { dropped: 6 }));
    backplane.publish(&gateway("slow"), bytes("after")).await.unwrap();
    assert_eq!(within(inbox.recv()).await, Some(InboxEvent::Message(bytes("after"))));
}

pub(super) async fn closing_ends_the_inboxes(_store: Store, backplane: Backplane) {
    let mut inbox = backplane.subscribe(&gateway("here"), 4).await.unwrap();
    let clone = backplane.clone();
    backplane.close().await.unwrap();
    assert_eq!(within(inbox.recv()).await, None);
    assert!(!inbox.is_connected());
    assert_eq!(*clone.health().borrow(), Health::Away);
    let refused = clone.put_value("key", bytes("value")).await.unwrap_err();
    assert!(matches!(refused, Error::Closed { .. } | Error::Away { .. }), "{refused:?}");
}
