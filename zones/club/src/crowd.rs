//! The regulars: what each of them wants by the hour. The SDK moves them; nothing here is called from tick to tick, and nobody moves
//! while no guest looks on.

use std::time::Duration;

use wod_zone::behaviour::{Behaviour, Clock, Need, Needs, Schedule, Stand, Wander};
use wod_zone::{Ctx, Npc, Point, Result, Spawn, Tag};

use crate::Club;
use crate::music::{SETS, Set};

/// Name and look of each.
const REGULARS: [(&str, &str); 10] = [
    ("Ines", "silver shoes"),
    ("Kolya", "shirt from another decade"),
    ("Bee", "braids, paint"),
    ("Tomasz", "apron under the coat"),
    ("Ruth", "reading glasses, up"),
    ("Dov", "rings on every finger but one"),
    ("Amparo", "red gloves"),
    ("Little Sam", "not little"),
    ("Yuki", "umbrella, closed"),
    ("The Consul", "sash, slightly torn"),
];
/// What they do, seen by those near, when they turn from one thing to another.
const GESTURES: [&str; 5] = [
    "has had enough of that, for a while.",
    "laughs at something nobody said.",
    "counts to four, and goes.",
    "looks at the ceiling as if it might come down.",
    "mouths the words, and gets them wrong.",
];

/// Lets them in.
pub(crate) fn gather(ctx: &mut Ctx<Club>) -> Result<Vec<Npc>> {
    let floor = ctx.place("floor")?;
    let mut crowd = Vec::new();
    for (index, (name, look)) in REGULARS.iter().enumerate() {
        // In two rows, to begin with.
        let (row, column) = ((index / 5) as f32, (index % 5) as f32);
        let at = Point::new(floor.at.x + 2.5 * (column - 2.0), floor.at.y + 3.0 * (row - 0.5));
        crowd.push(ctx.spawn_npc(Spawn::new(name, at).tag(Tag::near("look", *look)))?);
    }
    keep_hours(ctx, &crowd)?;
    Ok(crowd)
}

/// Gives each what she does by the hour.
pub(crate) fn keep_hours(ctx: &mut Ctx<Club>, crowd: &[Npc]) -> Result {
    let clock = Clock::of(ctx);
    for (index, guest) in crowd.iter().enumerate() {
        let mut hours = Schedule::by(clock);
        for set in &SETS {
            hours = hours.between(set.from, set.until, wants(ctx, index, set)?);
        }
        ctx.behave(*guest, hours)?;
    }
    Ok(())
}

/// One of them turns to something else; now and then that is worth a gesture.
pub(crate) fn mutter(ctx: &mut Ctx<Club>, npc: Npc) -> Result {
    if !ctx.one_in(4) {
        return Ok(());
    }
    let gesture = ctx.pick(&GESTURES).copied().unwrap_or_default();
    ctx.emote(npc, gesture)
}

/// What the one of this number wants during a set: to dance, to drink, to sit in a corner. When nothing plays, only the last.
fn wants(ctx: &Ctx<Club>, index: usize, set: &Set) -> Result<Behaviour> {
    let (floor, bar, corners) = (ctx.place("floor")?, ctx.places("bar"), ctx.places("corner"));
    let spot = |places: &[wod_zone::Place]| places.get(index % places.len().max(1)).map(|place| place.at);
    let bar = spot(&bar).ok_or("the map has no place `bar`")?;
    let corner = spot(&corners).ok_or("the map has no place `corner`")?;
    if set.pace == 0.0 {
        return Ok(Stand::at(corner).into());
    }
    // Not all of them thirsty at once: each has another rhythm.
    let stagger = Duration::from_secs(15 * index as u64);
    let dance = Wander::about(floor.at, floor.radius).pace(set.pace).pausing(Duration::from_secs(2));
    let needs =
        Needs::of(Need::of("dance", dance).full_in(Duration::from_secs(60)).met_in(Duration::from_secs(240)).at(0.8))
            .and(
                Need::of("drink", Stand::at(bar))
                    .full_in(Duration::from_secs(150) + stagger)
                    .met_in(Duration::from_secs(20)),
            )
            .and(
                Need::of("talk", Stand::at(corner))
                    .full_in(Duration::from_secs(240) + stagger)
                    .met_in(Duration::from_secs(40)),
            )
            .margin(0.2);
    Ok(needs.into())
}
