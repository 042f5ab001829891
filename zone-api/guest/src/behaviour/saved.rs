//! Minds as SDKs of before saved them: what must load for ever. Tests only.
//!
//! The types here are those of the SDK before there were schedules, needs and senses, field for field. They are never changed; a new
//! version whose saved form differs adds its own beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::{Alarm, Behaviour, Hunt, Patrol};
use crate::handle::{Npc, Token};
use crate::memory::{Core, Pending, decode, encode};
use crate::types::Point;

#[derive(Serialize)]
struct OldCore {
    last_token: u64,
    timers: BTreeMap<u64, OldPending>,
    dialogues: BTreeMap<u64, ()>,
    minds: BTreeMap<u64, OldMind>,
}

#[derive(Serialize)]
enum OldPending {
    Mind(u64, OldAlarm),
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
enum OldAlarm {
    Walk,
    Look,
}

#[derive(Serialize)]
struct OldMind {
    behaviour: OldBehaviour,
    watched: bool,
    order: Option<u64>,
    alarms: BTreeMap<OldAlarm, u64>,
}

#[derive(Serialize)]
enum OldBehaviour {
    Patrol(OldPatrol),
    Hunt(OldHunt),
}

#[derive(Serialize)]
struct OldPatrol {
    places: String,
    pause: Duration,
    pace: f32,
    next: usize,
}

#[derive(Serialize)]
struct OldHunt {
    home: Point,
    sight: f32,
    reach: f32,
    pace: f32,
    rest: Duration,
    routine: OldRoutine,
    mood: OldMood,
    near: BTreeSet<u64>,
    sated: Option<(u64, u64)>,
}

#[derive(Serialize)]
enum OldRoutine {
    Patrol(OldPatrol),
}

#[derive(Serialize)]
enum OldMood {
    Chasing(OldChase),
}

#[derive(Serialize)]
struct OldChase {
    target: u64,
    pace: f32,
    reach: f32,
    sight: f32,
    last_seen: Option<Point>,
    blind: u8,
}

fn beat(next: usize) -> OldPatrol {
    OldPatrol { places: "beat".to_owned(), pause: Duration::from_secs(4), pace: 1.4, next }
}

/// A watchman between two stops whom nobody sees, and a hunter in mid-chase.
fn old_core() -> OldCore {
    let watchman =
        OldMind { behaviour: OldBehaviour::Patrol(beat(2)), watched: false, order: None, alarms: BTreeMap::new() };
    let chase =
        OldChase { target: 42, pace: 5.5, reach: 1.5, sight: 30.0, last_seen: Some(Point::new(3.0, 4.0)), blind: 1 };
    let hunt = OldHunt {
        home: Point::new(10.0, 10.0),
        sight: 20.0,
        reach: 1.5,
        pace: 5.5,
        rest: Duration::from_secs(45),
        routine: OldRoutine::Patrol(beat(0)),
        mood: OldMood::Chasing(chase),
        near: BTreeSet::from([42]),
        sated: Some((41, 90_000)),
    };
    let alarms = BTreeMap::from([(OldAlarm::Look, 12), (OldAlarm::Walk, 11)]);
    let hunter = OldMind { behaviour: OldBehaviour::Hunt(hunt), watched: true, order: Some(77), alarms };
    OldCore {
        last_token: 12,
        timers: BTreeMap::from([(11, OldPending::Mind(2, OldAlarm::Walk)), (12, OldPending::Mind(2, OldAlarm::Look))]),
        dialogues: BTreeMap::new(),
        minds: BTreeMap::from([(1, watchman), (2, hunter)]),
    }
}

#[test]
fn minds_saved_before_there_were_schedules_go_on_where_they_were() {
    let bytes = encode(&old_core()).expect("it encodes");
    let core: Core = decode(&bytes).expect("what was saved can be loaded");
    let (watchman, hunter) = (&core.minds[&Npc(1)], &core.minds[&Npc(2)]);
    let Behaviour::Patrol(patrol) = &watchman.behaviour else {
        panic!("no patrol: {watchman:?}");
    };
    // Two stops done, the third ahead.
    let expected: Patrol = decode(&encode(&beat(2)).expect("it encodes")).expect("it decodes");
    assert_eq!(*patrol, expected);
    assert!(matches!(&hunter.behaviour, Behaviour::Hunt(hunt) if *hunt != Hunt::from(Point::new(10.0, 10.0))));
    assert_eq!((hunter.watched, watchman.watched), (true, false));
    assert_eq!(hunter.alarms, BTreeMap::from([(Alarm::Walk, Token(11)), (Alarm::Look, Token(12))]));
    assert_eq!(core.timers[&Token(12)], Pending::Mind(Npc(2), Alarm::Look));
    let again: Core = decode(&encode(&core).expect("it encodes")).expect("it decodes");
    assert_eq!(again, core);
}
