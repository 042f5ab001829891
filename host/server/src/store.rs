//! Carries out what zones want of the store: players' records and names. Every operation is idempotent, because a zone
//! repeats each request until an answer is in its journal.

use wod_backplane::{Backplane, Error, Version};
use wod_protocol::bus::Traveller;
use wod_protocol::ids::{EntityId, Hop, Sub, ZoneNo};
use wod_protocol::name::{index_keys, lookup_keys};
use wod_protocol::record::{Place, PlayerRecord};
use wod_sim::io::{StoreAnswer, StoreRequest};

/// Tries of one compare-and-set before the zone's own repeat takes over.
const CAS_TRIES: usize = 8;

/// Carries out one request of `zone`. An error is worth a repeat.
pub(crate) async fn execute(
    backplane: &Backplane,
    zone: ZoneNo,
    request: StoreRequest,
) -> Result<StoreAnswer, StoreError> {
    match request {
        StoreRequest::Claim { sub, name, guest, new_id } => claim(backplane, zone, sub, name, guest, new_id).await,
        StoreRequest::Arrived(player) => put(backplane, *player, Place::Zone(zone), zone).await,
        StoreRequest::Present(player, place) => confirm(backplane, *player, place, zone).await,
        StoreRequest::Offline(player) if player.guest => forget(backplane, *player).await,
        StoreRequest::Offline(player) => put(backplane, *player, Place::Offline, zone).await,
        StoreRequest::FindName(name) => find(backplane, &name).await,
    }
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the backplane: {0}")]
    Backplane(#[from] Error),
    #[error("the record of `{0}` does not decode: {1}")]
    Record(Sub, rmp_serde::decode::Error),
    #[error("the record of `{0}` changes too often")]
    Contended(Sub),
    #[error("`{0}` is being deleted")]
    Deleting(Sub),
}

/// A player's record, and the version to replace it by.
pub(crate) async fn read(backplane: &Backplane, sub: &Sub) -> Result<Option<(Version, PlayerRecord)>, StoreError> {
    let Some((version, bytes)) = backplane.record(sub).await? else { return Ok(None) };
    let record = PlayerRecord::decode(&bytes).map_err(|error| StoreError::Record(sub.clone(), error))?;
    Ok(Some((version, record)))
}

/// False: somebody else was quicker.
pub(crate) async fn write(
    backplane: &Backplane,
    sub: &Sub,
    expected: Version,
    record: &PlayerRecord,
) -> Result<bool, StoreError> {
    match backplane.put_record(sub, expected, record.encode().into()).await {
        Ok(_) => Ok(true),
        Err(Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes these keys of the index of names for a player, all or none of them. Otherwise: who has one.
pub(crate) async fn reserve(backplane: &Backplane, keys: &[String], sub: &Sub) -> Result<Option<Sub>, Error> {
    for (taken, key) in keys.iter().enumerate() {
        if let Some(holder) = backplane.reserve_name(key, sub).await? {
            release(backplane, &keys[..taken], sub).await?;
            return Ok(Some(holder));
        }
    }
    Ok(None)
}

/// Gives keys of the index of names back, as far as they are hers.
pub(crate) async fn release(backplane: &Backplane, keys: &[String], sub: &Sub) -> Result<(), Error> {
    for key in keys {
        backplane.release_name(key, sub).await?;
    }
    Ok(())
}

/// Takes these keys of a player's own name, as far as nobody else has them: the rule of names, or what the store knows, was another
/// when she came by it.
async fn hold(backplane: &Backplane, record: &mut PlayerRecord, keys: Vec<String>) -> Result<(), Error> {
    let sub = record.player.sub.clone();
    for key in keys {
        match backplane.reserve_name(&key, &sub).await? {
            Some(other) => {
                let name = &record.player.name;
                tracing::warn!(%sub, %other, name, "somebody else came by that name, or one that looks like it, before she took it");
            }
            None if record.keys.contains(&key) => {}
            None => record.keys.push(key),
        }
    }
    Ok(())
}

async fn claim(
    backplane: &Backplane,
    zone: ZoneNo,
    sub: Sub,
    name: String,
    guest: bool,
    new_id: EntityId,
) -> Result<StoreAnswer, StoreError> {
    for _ in 0..CAS_TRIES {
        let (version, mut record, new) = match read(backplane, &sub).await? {
            Some((_, record)) if record.deleted && !record.keys.is_empty() => return Err(StoreError::Deleting(sub)),
            Some((version, record)) if !record.deleted => (version, record, false),
            stored => {
                let keys = index_keys(&name);
                if reserve(backplane, &keys, &sub).await?.is_some() {
                    return Ok(StoreAnswer::NameTaken);
                }
                let fresh = PlayerRecord::new(sub.clone(), name.clone(), guest, new_id, zone);
                let version = stored.map_or(Version::ABSENT, |(version, _)| version);
                (version, PlayerRecord { keys, ..fresh }, true)
            }
        };
        match record.place {
            Place::Zone(other) if other != zone => return Ok(StoreAnswer::Elsewhere(other)),
            // The answer to an earlier claim of ours was lost: the record still holds all of her.
            Place::Zone(_) => {
                return Ok(StoreAnswer::Claimed { player: Box::new(record.player), new: record.hop == Hop(1) });
            }
            Place::Offline => {
                let mut keys = index_keys(&record.player.name);
                keys.retain(|key| !record.keys.contains(key));
                hold(backplane, &mut record, keys).await?;
                record.place = Place::Zone(zone);
                record.hop = record.hop.next();
                record.player.hop = record.hop;
                if write(backplane, &sub, version, &record).await? {
                    return Ok(StoreAnswer::Claimed { player: Box::new(record.player), new });
                }
            }
        }
    }
    Err(StoreError::Contended(sub))
}

/// She is in that place by that hand-off, whatever else the store knows of her, unless it knows a later one.
async fn confirm(
    backplane: &Backplane,
    player: Traveller,
    place: Place,
    zone: ZoneNo,
) -> Result<StoreAnswer, StoreError> {
    let sub = player.sub.clone();
    for _ in 0..CAS_TRIES {
        let stored = read(backplane, &sub).await?;
        let (version, before) = match &stored {
            Some((_, record)) if is_another(record, &player) => return Ok(StoreAnswer::Outdated(player.hop.next())),
            Some((_, record)) if record.hop > player.hop => return Ok(StoreAnswer::Outdated(record.hop)),
            Some((version, record)) if record.hop == player.hop && record.place == place => {
                if record.player.name == player.name {
                    return Ok(StoreAnswer::Stored);
                }
                // An operator has given her another name.
                (*version, Some(place))
            }
            // Two histories: the one that the store knows goes on.
            Some((_, record)) if record.hop == player.hop => return Ok(StoreAnswer::Outdated(record.hop.next())),
            Some((version, record)) => (*version, Some(record.place)),
            None => (Version::ABSENT, None),
        };
        let last = match place {
            Place::Zone(there) => there,
            Place::Offline => zone,
        };
        let mut record = with_what_is_known(&stored, player.clone(), place, last);
        let keys = index_keys(&player.name);
        hold(backplane, &mut record, keys).await?;
        if write(backplane, &sub, version, &record).await? {
            return Ok(match before {
                Some(was @ Place::Zone(other)) if was != place => StoreAnswer::Moved(other),
                _ => StoreAnswer::Stored,
            });
        }
    }
    Err(StoreError::Contended(sub))
}

async fn put(backplane: &Backplane, player: Traveller, place: Place, zone: ZoneNo) -> Result<StoreAnswer, StoreError> {
    let sub = player.sub.clone();
    for _ in 0..CAS_TRIES {
        let stored = read(backplane, &sub).await?;
        // A guest's name goes to the next who wants it: a late repeat must not touch her record, nor bring back a deleted one.
        let another = stored.as_ref().map_or(player.guest, |(_, record)| is_another(record, &player));
        if another {
            return Ok(StoreAnswer::Outdated(player.hop.next()));
        }
        let version = match &stored {
            Some((_, record)) if record.hop > player.hop => return Ok(StoreAnswer::Outdated(record.hop)),
            Some((_, record)) if record.hop == player.hop && record.place == place => return Ok(StoreAnswer::Stored),
            Some((version, _)) => *version,
            None => Version::ABSENT,
        };
        let record = with_what_is_known(&stored, player.clone(), place, zone);
        if write(backplane, &sub, version, &record).await? {
            return Ok(StoreAnswer::Stored);
        }
    }
    Err(StoreError::Contended(sub))
}

/// Whether the record is of somebody else by the same `sub`: one who came after her, or nobody any more.
fn is_another(record: &PlayerRecord, player: &Traveller) -> bool {
    record.deleted || record.player.id != player.id
}

/// Her record as she is now.
fn with_what_is_known(
    stored: &Option<(Version, PlayerRecord)>,
    player: Traveller,
    place: Place,
    zone: ZoneNo,
) -> PlayerRecord {
    match stored {
        Some((_, record)) => record.updated(player, place, zone),
        None => PlayerRecord::of(player, place, zone),
    }
}

/// A guest leaves nothing behind.
async fn forget(backplane: &Backplane, player: Traveller) -> Result<StoreAnswer, StoreError> {
    for _ in 0..CAS_TRIES {
        let mut keys = index_keys(&player.name);
        match read(backplane, &player.sub).await? {
            // The name is the next guest's by now.
            Some((_, record)) if record.player.id != player.id => return Ok(StoreAnswer::Stored),
            Some((_, record)) if record.hop > player.hop => return Ok(StoreAnswer::Outdated(record.hop)),
            Some((version, record)) => match backplane.delete_record(&player.sub, version).await {
                Ok(()) => keys = record.held_keys(),
                Err(Error::Conflict { .. }) => continue,
                Err(error) => return Err(error.into()),
            },
            None => {}
        }
        release(backplane, &keys, &player.sub).await?;
        return Ok(StoreAnswer::Stored);
    }
    Err(StoreError::Contended(player.sub))
}

/// The record of whoever bears this name, or has borne it.
pub(crate) async fn find_record(backplane: &Backplane, name: &str) -> Result<Option<PlayerRecord>, StoreError> {
    for key in lookup_keys(name) {
        if let Some(sub) = backplane.name_owner(&key).await?
            && let Some((_, record)) = read(backplane, &sub).await?
        {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Who bears a name, and where she is; none: nobody.
pub(crate) async fn whereabouts(backplane: &Backplane, name: &str) -> Result<Option<(Sub, Place)>, StoreError> {
    Ok(find_record(backplane, name).await?.map(|record| (record.player.sub, record.place)))
}

/// Mutes a player who is nowhere, or ends that (0 ms): her next login begins so. False: she is not nowhere any more.
pub(crate) async fn mute_offline(backplane: &Backplane, sub: &Sub, ms: u64, reason: &str) -> Result<bool, StoreError> {
    for _ in 0..CAS_TRIES {
        let Some((version, mut record)) = read(backplane, sub).await? else { return Ok(false) };
        if record.place != Place::Offline {
            return Ok(false);
        }
        let muted = &mut record.player.muted;
        muted.by_operator = ms;
        muted.reason = if ms == 0 { String::new() } else { reason.to_owned() };
        if write(backplane, sub, version, &record).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Contended(sub.clone()))
}

async fn find(backplane: &Backplane, name: &str) -> Result<StoreAnswer, StoreError> {
    let found = find_record(backplane, name).await?.filter(|record| !record.deleted);
    let Some(record) = found else { return Ok(StoreAnswer::NotFound) };
    let zone = match record.place {
        Place::Zone(zone) => Some(zone),
        Place::Offline => None,
    };
    Ok(StoreAnswer::Found { id: record.player.id, zone })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says more by panicking")]
mod tests {
    use super::*;

    const HERE: ZoneNo = ZoneNo(1);
    const THERE: ZoneNo = ZoneNo(2);

    async fn claim_ann(backplane: &Backplane, zone: ZoneNo, guest: bool, new_id: u64) -> StoreAnswer {
        let sub = Sub::from(if guest { "guest:ann" } else { "ann" });
        let request = StoreRequest::Claim { sub, name: "Ann".into(), guest, new_id: EntityId(new_id) };
        execute(backplane, zone, request).await.unwrap()
    }

    async fn claimed(backplane: &Backplane, guest: bool, new_id: u64) -> Traveller {
        match claim_ann(backplane, HERE, guest, new_id).await {
            StoreAnswer::Claimed { player, .. } => *player,
            other => panic!("{other:?}"),
        }
    }

    fn later(player: &Traveller) -> Box<Traveller> {
        Box::new(Traveller { hop: player.hop.next(), ..player.clone() })
    }

    #[tokio::test]
    async fn a_repeated_claim_is_one_claim_and_another_zone_is_sent_here() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let ann = claimed(&backplane, false, 7).await;
        assert_eq!(claimed(&backplane, false, 8).await, ann, "the second new id is not used");
        assert_eq!(claim_ann(&backplane, THERE, false, 9).await, StoreAnswer::Elsewhere(HERE));
        assert_eq!(claim_ann(&backplane, HERE, true, 10).await, StoreAnswer::NameTaken);
    }

    #[tokio::test]
    async fn a_late_repeat_of_an_arrival_does_not_undo_a_logout() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let ann = claimed(&backplane, false, 7).await;
        let arrived = later(&ann);
        let gone = later(&arrived);
        let arrive = StoreRequest::Arrived(arrived);
        assert_eq!(execute(&backplane, THERE, arrive.clone()).await.unwrap(), StoreAnswer::Stored);
        let leave = StoreRequest::Offline(gone.clone());
        assert_eq!(execute(&backplane, THERE, leave.clone()).await.unwrap(), StoreAnswer::Stored);
        assert_eq!(execute(&backplane, THERE, leave).await.unwrap(), StoreAnswer::Stored);
        assert_eq!(execute(&backplane, THERE, arrive).await.unwrap(), StoreAnswer::Outdated(gone.hop));
    }

    #[tokio::test]
    async fn a_late_repeat_of_a_guests_logout_leaves_the_next_bearer_of_her_name_alone() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let first = claimed(&backplane, true, 7).await;
        let leave = StoreRequest::Offline(later(&first));
        assert_eq!(execute(&backplane, HERE, leave.clone()).await.unwrap(), StoreAnswer::Stored);
        let second = claimed(&backplane, true, 8).await;
        assert_eq!(second.id, EntityId(8));
        assert_eq!(execute(&backplane, HERE, leave).await.unwrap(), StoreAnswer::Stored);
        let stale = StoreRequest::Arrived(later(&first));
        assert!(matches!(execute(&backplane, HERE, stale).await.unwrap(), StoreAnswer::Outdated(_)));
        let found = execute(&backplane, THERE, StoreRequest::FindName("ANN".into())).await.unwrap();
        assert_eq!(found, StoreAnswer::Found { id: second.id, zone: Some(HERE) });
    }

    #[tokio::test]
    async fn who_is_nowhere_is_muted_in_her_record_and_who_is_not_is_left_to_her_zone() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let ann = claimed(&backplane, false, 7).await;
        let here = Some((ann.sub.clone(), Place::Zone(HERE)));
        assert_eq!(whereabouts(&backplane, " ANN").await.unwrap(), here);
        assert_eq!(whereabouts(&backplane, "Bob").await.unwrap(), None);
        assert!(!mute_offline(&backplane, &ann.sub, 1, "").await.unwrap());
        let leave = StoreRequest::Offline(later(&ann));
        assert_eq!(execute(&backplane, HERE, leave.clone()).await.unwrap(), StoreAnswer::Stored);
        assert!(mute_offline(&backplane, &ann.sub, 600_000, "spam").await.unwrap());
        assert_eq!(execute(&backplane, HERE, leave).await.unwrap(), StoreAnswer::Stored, "a late repeat");
        let back = claimed(&backplane, false, 8).await;
        assert_eq!((back.muted.by_operator, back.muted.reason.as_str()), (600_000, "spam"));
    }

    #[tokio::test]
    async fn of_two_histories_the_one_with_more_hand_offs_is_stored_and_the_other_hears_of_it() {
        let backplane = Backplane::embedded(None).await.unwrap();
        let ann = claimed(&backplane, true, 7).await;
        let in_zone = |player: &Traveller, zone| StoreRequest::Present(Box::new(player.clone()), Place::Zone(zone));
        assert_eq!(execute(&backplane, HERE, in_zone(&ann, HERE)).await.unwrap(), StoreAnswer::Stored);
        let further = *later(&ann);
        let there = execute(&backplane, THERE, in_zone(&further, THERE)).await.unwrap();
        assert_eq!(there, StoreAnswer::Moved(HERE), "the store had forgotten her crossing");
        assert_eq!(execute(&backplane, THERE, in_zone(&further, THERE)).await.unwrap(), StoreAnswer::Stored);
        assert_eq!(execute(&backplane, HERE, in_zone(&ann, HERE)).await.unwrap(), StoreAnswer::Outdated(further.hop));
        assert!(matches!(execute(&backplane, HERE, in_zone(&further, HERE)).await.unwrap(), StoreAnswer::Outdated(_)));
        let (version, _) = backplane.record(&ann.sub).await.unwrap().unwrap();
        backplane.delete_record(&ann.sub, version).await.unwrap();
        assert_eq!(
            execute(&backplane, THERE, in_zone(&further, THERE)).await.unwrap(),
            StoreAnswer::Stored,
            "also all of her"
        );
    }
}
