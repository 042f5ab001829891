//! What somebody remembers for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::handle::EntityId;
use crate::types::Point;

/// Most traces of a memory.
const MOST: usize = 256;

/// Something remembered: of whom, what, where, since when.
///
/// ```
/// use wod_zone::{EntityId, Point};
/// use wod_zone::behaviour::Trace;
/// #[derive(Clone, PartialEq)]
/// enum What { Stole, Helped }
/// let trace = Trace::of(EntityId(42), What::Stole).at(Point::new(3.0, 4.0)).strength(0.5);
/// assert_eq!(trace.place, Some(Point::new(3.0, 4.0)));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace<W> {
    /// Of whom.
    pub who: EntityId,
    /// What: the author's own type.
    pub what: W,
    /// Where; none: that does not matter.
    pub place: Option<Point>,
    /// How strong it was at first, 0 to 1.
    pub strength: f32,
    /// When that was, game ms.
    pub when_ms: u64,
}

impl<W> Trace<W> {
    /// Of this one, at full strength.
    pub fn of(who: impl Into<EntityId>, what: W) -> Self {
        Self { who: who.into(), what, place: None, strength: 1.0, when_ms: 0 }
    }

    /// It was there.
    #[must_use]
    pub fn at(mut self, place: Point) -> Self {
        self.place = Some(place);
        self
    }

    /// As strong as this, 0 to 1: what is weaker is forgotten sooner.
    #[must_use]
    pub fn strength(mut self, strength: f32) -> Self {
        self.strength = strength.clamp(0.0, 1.0);
        self
    }
}

/// A memory that fades: what is noted loses its strength evenly with game time, and is gone after a while.
///
/// Of one and the same thing (who and what) the last counts. It holds a bounded number of traces; when it is full, the weakest goes.
/// A value for the zone's own struct: nothing ticks, for how strong a trace is follows from the time.
///
/// ```
/// # use std::time::Duration;
/// # use serde::{Deserialize, Serialize};
/// use wod_zone::{EntityId, Point};
/// use wod_zone::behaviour::{FadingMemory, Trace};
///
/// #[derive(Clone, PartialEq, Serialize, Deserialize)]
/// enum What { Insult, Gift }
///
/// let (ann, minute) = (EntityId(42), 60_000);
/// let mut prince = FadingMemory::over(Duration::from_secs(600)).holding(32);
/// prince.note(0, Trace::of(ann, What::Insult));
/// assert_eq!(prince.strength(5 * minute, ann, &What::Insult), 0.5);
/// assert_eq!(prince.strength(5 * minute, ann, &What::Gift), 0.0);
/// assert_eq!(prince.recall(10 * minute).count(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FadingMemory<W> {
    span_ms: u64,
    holds: usize,
    traces: Vec<Trace<W>>,
}

impl<W: PartialEq> FadingMemory<W> {
    /// A memory in which the strongest trace lasts so long; it holds 16.
    pub fn over(span: Duration) -> Self {
        let span_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { span_ms, holds: 16, traces: Vec::new() }
    }

    /// The strongest trace lasts so long.
    #[must_use]
    pub(super) fn fading_over(self, span: Duration) -> Self {
        Self { span_ms: Self::over(span).span_ms, ..self }
    }

    /// Holds so many traces, 1 to 256.
    #[must_use]
    pub fn holding(mut self, traces: usize) -> Self {
        self.holds = traces.clamp(1, MOST);
        self
    }

    /// Remembers something from `now` on ([`Ctx::game_ms`](crate::Ctx::game_ms)). True when it was not remembered before; of what was,
    /// place and time are those of now, and it is no weaker than it was.
    pub fn note(&mut self, now: u64, trace: Trace<W>) -> bool {
        self.take_in(now, Trace { when_ms: now, ..trace })
    }

    /// Learns what somebody else remembers since some earlier time. True when it was not remembered before; what is remembered better
    /// already stays.
    pub(super) fn take_in(&mut self, now: u64, trace: Trace<W>) -> bool {
        let span_ms = self.span_ms;
        self.traces.retain(|known| strength(known, span_ms, now) > 0.0);
        let known = self.traces.iter_mut().find(|known| known.who == trace.who && known.what == trace.what);
        if let Some(known) = known {
            if trace.when_ms >= known.when_ms {
                let before = strength(known, span_ms, trace.when_ms);
                let stronger = before.max(trace.strength);
                *known = Trace { strength: stronger, ..trace };
            }
            return false;
        }
        if strength(&trace, span_ms, now) <= 0.0 {
            return false;
        }
        if self.traces.len() >= self.holds && !self.drop_weaker_than(now, strength(&trace, span_ms, now)) {
            return false;
        }
        self.traces.push(trace);
        true
    }

    /// Makes room. False: everything else is stronger.
    fn drop_weaker_than(&mut self, now: u64, newcomer: f32) -> bool {
        let strengths = self.traces.iter().map(|trace| strength(trace, self.span_ms, now));
        let weakest = strengths.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
        match weakest {
            Some((index, weakest)) if weakest <= newcomer => {
                self.traces.remove(index);
                true
            }
            _ => false,
        }
    }

    /// All that is not forgotten yet, with how strong it is now, over 0 and up to 1. In the order in which it was learnt.
    pub fn recall(&self, now: u64) -> impl Iterator<Item = (&Trace<W>, f32)> {
        let strengths = self.traces.iter().map(move |trace| (trace, strength(trace, self.span_ms, now)));
        strengths.filter(|(_, strength)| *strength > 0.0)
    }

    /// What is remembered best; of equals the first that was learnt.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::EntityId;
    /// use wod_zone::behaviour::{FadingMemory, Trace};
    /// let mut grudges = FadingMemory::over(Duration::from_secs(600));
    /// grudges.note(0, Trace::of(EntityId(42), "spilt a drink").strength(0.3));
    /// grudges.note(1000, Trace::of(EntityId(43), "burnt down the house"));
    /// assert_eq!(grudges.strongest(2000).map(|grudge| grudge.who), Some(EntityId(43)));
    /// ```
    pub fn strongest(&self, now: u64) -> Option<&Trace<W>> {
        // `max_by` would take the last of equals.
        let best = self.recall(now).reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(trace, _)| trace)
    }

    /// How strong this is now, 0 to 1; 0: it is not remembered.
    pub fn strength(&self, now: u64, who: impl Into<EntityId>, what: &W) -> f32 {
        let who = who.into();
        self.recall(now)
            .find(|(trace, _)| trace.who == who && trace.what == *what)
            .map_or(0.0, |(_, strength)| strength)
    }

    /// Where this one was when she was last noted with a place; none: that is not remembered.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::behaviour::{FadingMemory, Trace};
    /// use wod_zone::{EntityId, Point};
    /// let mut seen = FadingMemory::over(Duration::from_secs(600));
    /// seen.note(0, Trace::of(EntityId(42), "passed").at(Point::new(3.0, 4.0)));
    /// seen.note(9000, Trace::of(EntityId(42), "ran").at(Point::new(30.0, 4.0)));
    /// // Where a detective would ask first.
    /// assert_eq!(seen.last_place(10_000, EntityId(42)), Some(Point::new(30.0, 4.0)));
    /// ```
    pub fn last_place(&self, now: u64, who: impl Into<EntityId>) -> Option<Point> {
        let who = who.into();
        let of_her = self.recall(now).map(|(trace, _)| trace).filter(|trace| trace.who == who && trace.place.is_some());
        of_her.max_by_key(|trace| trace.when_ms).and_then(|trace| trace.place)
    }

    /// Forgets everything of this one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use wod_zone::EntityId;
    /// use wod_zone::behaviour::{FadingMemory, Trace};
    /// let mut witness = FadingMemory::over(Duration::from_secs(600));
    /// witness.note(0, Trace::of(EntityId(42), "did it"));
    /// // A look in the eyes, and she knows nothing.
    /// witness.forget(EntityId(42));
    /// assert_eq!(witness.recall(0).count(), 0);
    /// ```
    pub fn forget(&mut self, who: impl Into<EntityId>) {
        let who = who.into();
        self.traces.retain(|trace| trace.who != who);
    }
}

/// How strong a trace is now.
fn strength<W>(trace: &Trace<W>, span_ms: u64, now: u64) -> f32 {
    let age = now.saturating_sub(trace.when_ms);
    if age >= span_ms {
        return 0.0;
    }
    (f64::from(trace.strength) - age as f64 / span_ms as f64).max(0.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: EntityId = EntityId(1);
    const BOB: EntityId = EntityId(2);

    fn memory() -> FadingMemory<&'static str> {
        FadingMemory::over(Duration::from_secs(100)).holding(3)
    }

    #[test]
    fn a_trace_fades_evenly_and_is_gone() {
        let mut memory = memory();
        assert!(memory.note(1000, Trace::of(ANN, "seen").strength(0.5)));
        let strengths = [1000, 26_000, 51_000].map(|now| memory.strength(now, ANN, &"seen"));
        assert_eq!(strengths, [0.5, 0.25, 0.0]);
        assert_eq!(memory.recall(51_000).count(), 0);
        assert!(memory.note(51_000, Trace::of(ANN, "seen")), "what was forgotten is new");
    }

    #[test]
    fn what_is_noted_again_is_fresh_and_no_weaker() {
        let mut memory = memory();
        memory.note(0, Trace::of(ANN, "seen").at(Point::new(1.0, 1.0)));
        assert!(!memory.note(10_000, Trace::of(ANN, "seen").strength(0.1).at(Point::new(2.0, 2.0))));
        assert_eq!(memory.strength(10_000, ANN, &"seen"), 0.9);
        assert_eq!(memory.last_place(10_000, ANN), Some(Point::new(2.0, 2.0)));
    }

    #[test]
    fn a_full_memory_lets_the_weakest_go() {
        let mut memory = memory();
        memory.note(0, Trace::of(ANN, "seen"));
        memory.note(0, Trace::of(ANN, "heard").strength(0.2));
        memory.note(0, Trace::of(BOB, "seen").strength(0.6));
        assert!(!memory.note(0, Trace::of(BOB, "smelt").strength(0.1)), "weaker than all");
        assert!(memory.note(0, Trace::of(BOB, "heard").strength(0.3)));
        let kept: Vec<_> = memory.recall(0).map(|(trace, _)| (trace.who, trace.what)).collect();
        assert_eq!(kept, [(ANN, "seen"), (BOB, "seen"), (BOB, "heard")]);
    }

    #[test]
    fn the_strongest_is_the_first_of_equals() {
        let mut memory = memory();
        memory.note(0, Trace::of(ANN, "heard").strength(0.5));
        memory.note(0, Trace::of(BOB, "seen"));
        memory.note(0, Trace::of(ANN, "seen"));
        assert_eq!(memory.strongest(0).map(|trace| trace.who), Some(BOB));
        memory.forget(BOB);
        assert_eq!(memory.strongest(0).map(|trace| trace.what), Some("seen"));
    }

    #[test]
    fn hearsay_older_than_what_is_known_changes_nothing() {
        let mut memory = memory();
        memory.note(20_000, Trace::of(ANN, "seen").at(Point::new(2.0, 2.0)));
        let old = Trace { when_ms: 10_000, ..Trace::of(ANN, "seen").at(Point::new(1.0, 1.0)) };
        assert!(!memory.take_in(30_000, old));
        assert_eq!(memory.last_place(30_000, ANN), Some(Point::new(2.0, 2.0)));
    }
}
