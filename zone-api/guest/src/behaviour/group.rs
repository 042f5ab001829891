//! NPCs who tell each other what they know.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FadingMemory, Trace};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::Npc;
use crate::types::Filter;
use crate::zone::Zone;

/// Most members: as many as one query finds.
const MEMBERS: usize = 256;

/// NPCs who belong together. Each has a memory of its own; what one of them calls out, those within earshot know too.
///
/// A value for the zone's own struct. What a member knows fades like any [`FadingMemory`].
///
/// ```
/// # use std::time::Duration;
/// # use serde::{Deserialize, Serialize};
/// use wod_zone::behaviour::{Group, Trace};
/// use wod_zone::{Ctx, EntityId, Npc, Result, Zone};
///
/// #[derive(Clone, PartialEq, Serialize, Deserialize)]
/// enum What { Hunts }
///
/// fn form(folk: &[Npc]) -> Result<Group<What>> {
///     let mut group = Group::new().earshot(30.0).fading_over(Duration::from_secs(120));
///     folk.iter().try_for_each(|npc| group.join(*npc))?;
///     Ok(group)
/// }
///
/// /// One of them has seen a hunter: she shouts, and whoever hears it runs too.
/// fn alarm<Z: Zone>(ctx: &mut Ctx<Z>, group: &mut Group<What>, npc: Npc, hunter: EntityId) -> Result {
///     let at = ctx.at(hunter).unwrap_or_default();
///     group.learn(npc, ctx.game_ms(), Trace::of(hunter, What::Hunts).at(at));
///     ctx.shout(npc, "It is out!")?;
///     for other in group.call(ctx, npc) {
///         ctx.alert(other, hunter, at);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group<W> {
    earshot: f32,
    /// What a member that joins begins with.
    blank: FadingMemory<W>,
    members: BTreeMap<Npc, FadingMemory<W>>,
}

impl<W: Clone + PartialEq> Default for Group<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Clone + PartialEq> Group<W> {
    /// A group of nobody yet: calls carry 30 m, what a member knows fades over 2 min, each holds 8 traces.
    pub fn new() -> Self {
        let blank = FadingMemory::over(Duration::from_secs(120)).holding(8);
        Self { earshot: 30.0, blank, members: BTreeMap::new() }
    }

    /// Calls carry so far, m. Walls don't hinder them.
    #[must_use]
    pub fn earshot(mut self, metres: f32) -> Self {
        self.earshot = metres;
        self
    }

    /// What a member knows fades over so long. For those who join from now on.
    #[must_use]
    pub fn fading_over(mut self, span: Duration) -> Self {
        self.blank = self.blank.fading_over(span);
        self
    }

    /// Each member holds so many traces, 1 to 256. For those who join from now on.
    ///
    /// ```
    /// use wod_zone::behaviour::Group;
    /// // Rats: many, and each knows of one danger at a time.
    /// let pack = Group::<()>::new().earshot(12.0).holding(1);
    /// assert_eq!(pack.members().count(), 0);
    /// ```
    #[must_use]
    pub fn holding(mut self, traces: usize) -> Self {
        self.blank = self.blank.holding(traces);
        self
    }

    /// An NPC belongs to it, knowing nothing; of one who does already nothing changes. An error when there are 256.
    pub fn join(&mut self, npc: Npc) -> Result {
        if self.members.len() >= MEMBERS && !self.members.contains_key(&npc) {
            return Err(Error::Other(format!("a group has at most {MEMBERS} members")));
        }
        self.members.entry(npc).or_insert_with(|| self.blank.clone());
        Ok(())
    }

    /// An NPC belongs to it no more: dead, despawned, cast out.
    ///
    /// ```
    /// use wod_zone::Npc;
    /// use wod_zone::behaviour::Group;
    /// let mut gang = Group::<()>::new();
    /// gang.join(Npc(7))?;
    /// // Caught with a wire on him.
    /// gang.leave(Npc(7));
    /// assert!(!gang.has(Npc(7)));
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    pub fn leave(&mut self, npc: Npc) {
        self.members.remove(&npc);
    }

    /// Who belongs to it, in order of id.
    ///
    /// ```
    /// use wod_zone::behaviour::{Chase, Group};
    /// use wod_zone::{Ctx, Player, Result, Zone};
    /// fn set_on<Z: Zone>(ctx: &mut Ctx<Z>, gang: &Group<()>, prey: Player) -> Result {
    ///     gang.members().try_for_each(|thug| ctx.behave(thug, Chase::after(prey)))
    /// }
    /// ```
    pub fn members(&self) -> impl Iterator<Item = Npc> + '_ {
        self.members.keys().copied()
    }

    /// Whether this NPC belongs to it.
    ///
    /// ```
    /// use wod_zone::Npc;
    /// use wod_zone::behaviour::Group;
    /// let mut gang = Group::<()>::new();
    /// gang.join(Npc(7))?;
    /// assert!(gang.has(Npc(7)) && !gang.has(Npc(8)));
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    pub fn has(&self, npc: Npc) -> bool {
        self.members.contains_key(&npc)
    }

    /// What a member knows; none of who is no member.
    ///
    /// ```
    /// use wod_zone::behaviour::{Group, Trace};
    /// use wod_zone::{EntityId, Npc};
    /// let (lookout, stranger) = (Npc(7), EntityId(42));
    /// let mut gang = Group::new();
    /// gang.join(lookout)?;
    /// gang.learn(lookout, 0, Trace::of(stranger, "asks questions"));
    /// let memory = gang.knows(lookout).expect("a member");
    /// assert!(memory.strength(1000, stranger, &"asks questions") > 0.9);
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    pub fn knows(&self, npc: Npc) -> Option<&FadingMemory<W>> {
        self.members.get(&npc)
    }

    /// A member has seen or heard something, at this game time. True when it did not know; false also for who is no member.
    pub fn learn(&mut self, npc: Npc, now: u64, trace: Trace<W>) -> bool {
        self.members.get_mut(&npc).is_some_and(|memory| memory.note(now, trace))
    }

    /// A member calls out all it knows. The members within earshot who did not know all of it, in order of id: they do now, as
    /// strongly as the caller. Say or shout something besides, for players to hear.
    pub fn call<Z: Zone>(&mut self, ctx: &Ctx<'_, Z>, caller: Npc) -> Vec<Npc> {
        let Some(at) = ctx.at(caller) else {
            return Vec::new();
        };
        let hearers = ctx.nearby(at, self.earshot, &Filter::npcs().except(caller), MEMBERS as u32);
        let hearers = hearers.into_iter().map(|row| Npc(row.id.0));
        self.tell(ctx.game_ms(), caller, hearers)
    }

    fn tell(&mut self, now: u64, caller: Npc, hearers: impl Iterator<Item = Npc>) -> Vec<Npc> {
        let Some(memory) = self.members.get(&caller) else {
            return Vec::new();
        };
        let known: Vec<Trace<W>> = memory.recall(now).map(|(trace, _)| trace.clone()).collect();
        let mut taught = Vec::new();
        for npc in hearers.filter(|npc| *npc != caller) {
            if let Some(memory) = self.members.get_mut(&npc) {
                // Every trace is told, also after the first that is new.
                let new = known.iter().filter(|trace| memory.take_in(now, (*trace).clone())).count();
                if new > 0 {
                    taught.push(npc);
                }
            }
        }
        taught.sort_unstable();
        taught
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::EntityId;

    const HUNTER: EntityId = EntityId(9);

    fn folk() -> Group<&'static str> {
        let mut group = Group::new().fading_over(Duration::from_secs(100));
        for npc in 1..=3 {
            group.join(Npc(npc)).expect("there is room");
        }
        group
    }

    #[test]
    fn what_one_calls_out_those_who_hear_it_know() {
        let mut group = folk();
        assert!(group.learn(Npc(1), 0, Trace::of(HUNTER, "hunts")));
        let strangers_too = [Npc(3), Npc(2), Npc(77)];
        assert_eq!(group.tell(10_000, Npc(1), strangers_too.into_iter()), [Npc(2), Npc(3)]);
        assert!(group.tell(10_000, Npc(1), strangers_too.into_iter()).is_empty(), "they know");
        let strength = group.knows(Npc(2)).map(|memory| memory.strength(10_000, HUNTER, &"hunts"));
        assert_eq!(strength, Some(0.9), "hearsay is as old as what it tells of");
    }

    #[test]
    fn what_has_faded_is_not_passed_on() {
        let mut group = folk();
        group.learn(Npc(1), 0, Trace::of(HUNTER, "hunts"));
        assert!(group.tell(100_000, Npc(1), [Npc(2)].into_iter()).is_empty());
    }

    #[test]
    fn who_has_left_neither_hears_nor_tells() {
        let mut group = folk();
        group.learn(Npc(1), 0, Trace::of(HUNTER, "hunts"));
        group.leave(Npc(2));
        assert_eq!(group.tell(0, Npc(1), [Npc(2), Npc(3)].into_iter()), [Npc(3)]);
        group.leave(Npc(1));
        assert!(group.tell(0, Npc(1), [Npc(3)].into_iter()).is_empty());
        assert!(!group.learn(Npc(1), 0, Trace::of(HUNTER, "hunts")));
    }

    #[test]
    fn a_group_has_a_bound() {
        let mut group = Group::<()>::new();
        for npc in 0..256 {
            group.join(Npc(npc)).expect("there is room");
        }
        assert!(group.join(Npc(256)).is_err() && group.join(Npc(0)).is_ok());
    }
}
