//! What operators do to players' records: give another name, delete. Only to who is nowhere; who is in a zone is that zone's, and it is
//! asked first (`admin/players.rs`).
//!
//! Each of these can be interrupted anywhere, and done again: a new name's keys are written into the record before anybody bears the
//! name, and what is left of a deleted player names the keys until they are given back.

use wod_backplane::Backplane;
use wod_protocol::ids::{Sub, ZoneNo};
use wod_protocol::name::index_keys;
use wod_protocol::record::{Place, PlayerRecord};

use crate::store::{StoreError, read, release, reserve, write};

/// Most former names that stay a player's.
pub(crate) const FORMER_NAMES: usize = 16;
/// Tries of one compare-and-set.
const CAS_TRIES: usize = 8;

/// How a name was prepared, or given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rename {
    /// She is called so.
    Done,
    /// The name is kept for her. She is in that zone, which has to give it to her.
    InZone(ZoneNo),
    /// Somebody else has it, or one that looks like it.
    Taken,
    /// She has had so many names that another can't be kept for her.
    TooMany,
    /// A guest's record lasts as long as she plays under that name.
    Guest,
    /// There is no such player.
    Nobody,
}

/// Keeps a name for a player and, if she is nowhere, gives it to her. `to` is a good name in its canonical form.
pub(crate) async fn rename(backplane: &Backplane, sub: &Sub, to: &str) -> Result<Rename, StoreError> {
    for _ in 0..CAS_TRIES {
        let Some((version, record)) = read(backplane, sub).await?.filter(|(_, record)| !record.deleted) else {
            return Ok(Rename::Nobody);
        };
        if record.player.guest {
            return Ok(Rename::Guest);
        }
        let anew = record.player.name != to;
        if anew && record.former.len() >= FORMER_NAMES && !record.former.iter().any(|name| name == to) {
            return Ok(Rename::TooMany);
        }
        let mut keys = record.held_keys();
        let more: Vec<String> = index_keys(to).into_iter().filter(|key| !keys.contains(key)).collect();
        if reserve(backplane, &more, sub).await?.is_some() {
            return Ok(Rename::Taken);
        }
        keys.extend(more);
        let (next, done) = match record.place {
            Place::Offline => {
                let mut player = record.player.clone();
                to.clone_into(&mut player.name);
                (record.updated(player, Place::Offline, record.zone), Rename::Done)
            }
            Place::Zone(zone) => (record.clone(), Rename::InZone(zone)),
        };
        let next = PlayerRecord { keys, ..next };
        if next == record || write(backplane, sub, version, &next).await? {
            return Ok(done);
        }
    }
    Err(StoreError::Contended(sub.clone()))
}

/// How far a player is deleted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delete {
    /// Nothing of her is left but the mark that she was deleted.
    Done,
    /// She is in that zone, which has to let her go first.
    InZone(ZoneNo),
    /// There is no such player, or not any more.
    Nobody,
}

/// Deletes a player who is nowhere, and gives back all her names.
pub(crate) async fn delete(backplane: &Backplane, sub: &Sub) -> Result<Delete, StoreError> {
    for _ in 0..CAS_TRIES {
        let Some((version, record)) = read(backplane, sub).await? else { return Ok(Delete::Nobody) };
        if !record.deleted {
            match record.place {
                Place::Zone(zone) => return Ok(Delete::InZone(zone)),
                // From here on a login waits; then her names are given back.
                Place::Offline => write(backplane, sub, version, &record.tombstone()).await?,
            };
            continue;
        }
        if record.keys.is_empty() {
            // Her login comes through from here on, or has come already.
            return Ok(Delete::Done);
        }
        release(backplane, &record.keys, sub).await?;
        if write(backplane, sub, version, &PlayerRecord { keys: Vec::new(), ..record }).await? {
            return Ok(Delete::Done);
        }
    }
    Err(StoreError::Contended(sub.clone()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use bytes::Bytes;
    use wod_protocol::bus::Traveller;
    use wod_protocol::ids::EntityId;
    use wod_sim::io::{StoreAnswer, StoreRequest};

    use super::*;
    use crate::store::{execute, find_record};

    const HERE: ZoneNo = ZoneNo(1);

    async fn store() -> Backplane {
        Backplane::embedded(None).await.unwrap()
    }

    async fn try_login(backplane: &Backplane, sub: &str, name: &str, new_id: u64) -> Result<StoreAnswer, StoreError> {
        let guest = sub.starts_with("guest:");
        let request = StoreRequest::Claim { sub: sub.into(), name: name.into(), guest, new_id: EntityId(new_id) };
        execute(backplane, HERE, request).await
    }

    async fn login(backplane: &Backplane, sub: &str, name: &str, new_id: u64) -> Traveller {
        match try_login(backplane, sub, name, new_id).await.unwrap() {
            StoreAnswer::Claimed { player, .. } => *player,
            other => panic!("{other:?}"),
        }
    }

    async fn logout(backplane: &Backplane, player: &Traveller) -> StoreRequest {
        let player = Traveller { hop: player.hop.next(), ..player.clone() };
        let leave = StoreRequest::Offline(Box::new(player));
        assert_eq!(execute(backplane, HERE, leave.clone()).await.unwrap(), StoreAnswer::Stored);
        leave
    }

    async fn owner(backplane: &Backplane, name: &str) -> Option<String> {
        find_record(backplane, name).await.unwrap().map(|record| record.player.sub.to_string())
    }

    #[tokio::test]
    async fn who_is_nowhere_gets_her_new_name_at_once_and_keeps_the_former_ones() {
        let backplane = store().await;
        let ann = login(&backplane, "1", "Ann", 7).await;
        logout(&backplane, &ann).await;
        let sub = Sub::from("1");
        assert_eq!(rename(&backplane, &sub, "Bea").await.unwrap(), Rename::Done);
        assert_eq!(rename(&backplane, &sub, "Bea").await.unwrap(), Rename::Done, "a repeat");
        for name in ["Ann", "ann", "Bea", "BEA"] {
            assert_eq!(owner(&backplane, name).await.as_deref(), Some("1"), "{name}");
        }
        assert_eq!(try_login(&backplane, "2", "\u{410}NN", 8).await.unwrap(), StoreAnswer::NameTaken);
        let again = login(&backplane, "1", "whatever her ticket says", 9).await;
        assert_eq!((again.name.as_str(), again.id), ("Bea", EntityId(7)));
        logout(&backplane, &again).await;
        assert_eq!(rename(&backplane, &sub, "Ann").await.unwrap(), Rename::Done);
        let record = find_record(&backplane, "ann").await.unwrap().unwrap();
        assert_eq!((record.player.name.as_str(), record.former), ("Ann", vec!["Bea".to_owned()]));
    }

    #[tokio::test]
    async fn a_name_that_somebody_has_or_that_looks_like_it_is_not_given_and_nothing_is_kept_of_the_try() {
        let backplane = store().await;
        login(&backplane, "1", "Ann", 7).await;
        login(&backplane, "2", "lan", 8).await;
        login(&backplane, "guest:cal", "Cal", 9).await;
        assert_eq!(rename(&backplane, &"1".into(), "Ian").await.unwrap(), Rename::Taken);
        assert_eq!(rename(&backplane, &"1".into(), "LAN").await.unwrap(), Rename::Taken);
        assert_eq!(rename(&backplane, &"guest:cal".into(), "Dan").await.unwrap(), Rename::Guest);
        assert_eq!(rename(&backplane, &"3".into(), "Dan").await.unwrap(), Rename::Nobody);
        assert_eq!(backplane.name_owner("ian").await.unwrap(), None, "free again");
        assert_eq!(owner(&backplane, "ann").await.as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_failed_try_of_a_name_like_her_own_does_not_give_her_own_back() {
        let backplane = store().await;
        let ian = login(&backplane, "1", "ian", 7).await;
        login(&backplane, "2", "lan", 8).await;
        logout(&backplane, &ian).await;
        assert_eq!(rename(&backplane, &"1".into(), "Ian").await.unwrap(), Rename::Taken, "it looks like lan");
        assert_eq!(owner(&backplane, "ian").await.as_deref(), Some("1"));
    }

    /// "Ian" and "lan" with a number behind: as spelled two names, and alike.
    async fn race(backplane: &Backplane, number: u32) {
        let (mine, theirs) = (format!("Ian{number}"), format!("lan{number}"));
        let (ann_sub, other) = (format!("ann{number}"), format!("other{number}"));
        let ann = login(backplane, &ann_sub, &format!("Ann{number}"), 7).await;
        logout(backplane, &ann).await;
        let sub = Sub::from(ann_sub.as_str());
        let (renamed, let_in) = tokio::join!(rename(backplane, &sub, &mine), try_login(backplane, &other, &theirs, 8));
        let owners = (owner(backplane, &mine).await, owner(backplane, &theirs).await);
        match (renamed.unwrap(), let_in.unwrap()) {
            (Rename::Done, StoreAnswer::NameTaken) => assert_eq!(owners, (Some(ann_sub), None)),
            (Rename::Taken, StoreAnswer::Claimed { .. }) => assert_eq!(owners, (None, Some(other))),
            unexpected => panic!("{unexpected:?}"),
        }
    }

    #[tokio::test]
    async fn of_a_new_name_and_a_first_login_that_looks_like_it_one_comes_through() {
        let redis = wod_backplane::testing::RedisServer::start().await.unwrap();
        let redis = Backplane::redis(&redis.url(), wod_backplane::RedisOptions::default()).await.unwrap();
        for backplane in [store().await, redis] {
            for number in 0..20 {
                race(&backplane, number).await;
            }
        }
    }

    #[tokio::test]
    async fn who_is_in_a_zone_is_renamed_there_and_her_record_learns_it_from_the_zone() {
        let backplane = store().await;
        let ann = login(&backplane, "1", "Ann", 7).await;
        assert_eq!(rename(&backplane, &"1".into(), "Bea").await.unwrap(), Rename::InZone(HERE));
        assert_eq!(try_login(&backplane, "2", "Bea", 8).await.unwrap(), StoreAnswer::NameTaken, "it is kept for her");
        let renamed = Box::new(Traveller { name: "Bea".into(), ..ann.clone() });
        let told = StoreRequest::Present(renamed.clone(), Place::Zone(HERE));
        for _ in 0..2 {
            assert_eq!(execute(&backplane, HERE, told.clone()).await.unwrap(), StoreAnswer::Stored);
        }
        let record = find_record(&backplane, "bea").await.unwrap().unwrap();
        assert_eq!((record.player.name.as_str(), record.former), ("Bea", vec!["Ann".to_owned()]));
        assert_eq!(record.place, Place::Zone(HERE));
    }

    #[tokio::test]
    async fn a_deleted_player_is_gone_with_all_her_names_and_begins_anew() {
        let backplane = store().await;
        let mut ann = login(&backplane, "1", "Ann", 7).await;
        assert_eq!(delete(&backplane, &"1".into()).await.unwrap(), Delete::InZone(HERE));
        ann.saved.insert("elysium".into(), Bytes::from_static(b"secret"));
        let leave = logout(&backplane, &ann).await;
        rename(&backplane, &"1".into(), "Bea").await.unwrap();
        for _ in 0..2 {
            assert_eq!(delete(&backplane, &"1".into()).await.unwrap(), Delete::Done);
        }
        assert_eq!((owner(&backplane, "Ann").await, owner(&backplane, "Bea").await), (None, None));
        let (_, left) = backplane.record(&"1".into()).await.unwrap().unwrap();
        let has = |text: &[u8]| left.windows(text.len()).any(|window| window == text);
        assert!(!has(b"secret") && !has(b"Ann") && !has(b"Bea"));
        // A zone that has not heard the answer says again that she left; or a store that lost its end is told again.
        let late =
            [leave, StoreRequest::Arrived(Box::new(ann.clone())), StoreRequest::Present(Box::new(ann), Place::Offline)];
        for late in late {
            assert!(
                matches!(execute(&backplane, HERE, late.clone()).await.unwrap(), StoreAnswer::Outdated(_)),
                "{late:?}"
            );
        }
        login(&backplane, "2", "Ann", 8).await;
        let anew = login(&backplane, "1", "Bea", 9).await;
        assert_eq!((anew.id, anew.saved.len()), (EntityId(9), 0));
        assert_eq!(delete(&backplane, &"nobody".into()).await.unwrap(), Delete::Nobody);
    }

    #[tokio::test]
    async fn a_deletion_that_broke_off_is_finished_by_the_next_and_no_login_comes_between() {
        let backplane = store().await;
        let ann = login(&backplane, "1", "Ann", 7).await;
        logout(&backplane, &ann).await;
        let sub = Sub::from("1");
        let (version, record) = read(&backplane, &sub).await.unwrap().unwrap();
        assert!(write(&backplane, &sub, version, &record.tombstone()).await.unwrap());
        let refused = try_login(&backplane, "1", "Ann", 8).await.unwrap_err();
        assert!(matches!(refused, StoreError::Deleting(_)), "{refused}");
        assert_eq!(owner(&backplane, "Ann").await.as_deref(), Some("1"), "it can still be named");
        assert_eq!(delete(&backplane, &sub).await.unwrap(), Delete::Done);
        login(&backplane, "2", "Ann", 9).await;
    }

    #[tokio::test]
    async fn names_of_before_there_were_looks_are_found_and_get_them_at_the_next_login() {
        let backplane = store().await;
        // As the first schema had it: the index knows spellings alone.
        let ann = std::fs::read("../../protocol/tests/fixtures/record-schema-1.msgpack").unwrap();
        let sub = Sub::from("issuer|ann");
        backplane.put_record(&sub, wod_backplane::Version::ABSENT, ann.into()).await.unwrap();
        backplane.reserve_name("änn o'hara", &sub).await.unwrap();
        assert_eq!(owner(&backplane, "ÄNN O'Hara").await.as_deref(), Some("issuer|ann"));
        assert_eq!(try_login(&backplane, "2", "änn o'hara", 8).await.unwrap(), StoreAnswer::NameTaken);
        // She stood in zone 7; there she logs out and comes again.
        let (_, record) = read(&backplane, &sub).await.unwrap().unwrap();
        assert!(record.keys.is_empty());
        logout(&backplane, &record.player).await;
        login(&backplane, "issuer|ann", "", 9).await;
        let (_, record) = read(&backplane, &sub).await.unwrap().unwrap();
        assert_eq!(record.keys, index_keys("Änn O'Hara"));
        assert_eq!(try_login(&backplane, "3", "Änn 0'Hara", 10).await.unwrap(), StoreAnswer::NameTaken);
    }
}
