//! [`Census`]: where every thing is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::goods::{Carries, Purse, ThingId};
use crate::zone::Zone;

/// Who has what: counts a zone's things, or a whole world's, and finds what is there twice. For operators' questions and tests.
///
/// As text, a line a thing: `ID COUNT KIND<tab>HOLDER`.
///
/// ```
/// use wod_zone::goods::{Census, Purse};
/// let mut census = Census::default();
/// census.count("the till", &Purse::default());
/// assert_eq!((census.total("coin"), census.doubled().len()), (0, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    things: BTreeMap<ThingId, Counted>,
    doubled: Vec<ThingId>,
}

/// A thing that was counted.
///
/// ```
/// use wod_zone::goods::Census;
/// let census: Census = "5f0c0000000000000000000000000001 7 coin\tthe till\n".parse()?;
/// let counted = census.things().values().next().expect("one line");
/// assert_eq!((counted.holder.as_str(), counted.kind.as_str(), counted.count), ("the till", "coin", 7));
/// # Ok::<(), wod_zone::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Where it is, in the counter's words.
    pub holder: String,
    /// What it is.
    pub kind: String,
    /// How many.
    pub count: u32,
}

impl Census {
    /// Counts what is in a purse.
    pub fn count(&mut self, holder: &str, purse: &Purse) {
        for thing in purse.things() {
            let counted = Counted { holder: holder.to_owned(), kind: thing.kind().to_owned(), count: thing.count() };
            self.add(thing.id(), counted);
        }
    }

    /// What another census has counted counts, too.
    ///
    /// ```
    /// use wod_zone::goods::Census;
    /// // Two zones have answered `wod ask`: is anything in both?
    /// let mut world: Census = "5f0c0000000000000000000000000001 7 coin\tAnn\n".parse()?;
    /// world.add_all("5f0c0000000000000000000000000001 7 coin\tthe docks' chest\n".parse()?);
    /// assert_eq!(world.doubled().len(), 1);
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    pub fn add_all(&mut self, other: Self) {
        self.doubled.extend(other.doubled);
        for (id, counted) in other.things {
            self.add(id, counted);
        }
    }

    /// What was counted more than once: must be empty.
    pub fn doubled(&self) -> &[ThingId] {
        &self.doubled
    }

    /// Everything that was counted.
    ///
    /// ```
    /// use wod_zone::goods::Census;
    /// /// Who has something of this kind.
    /// fn holders<'a>(census: &'a Census, kind: &str) -> Vec<&'a str> {
    ///     census.things().values().filter(|thing| thing.kind == kind).map(|thing| thing.holder.as_str()).collect()
    /// }
    /// let census: Census = "5f0c0000000000000000000000000001 1 crown\tthe prince\n".parse()?;
    /// assert_eq!(holders(&census, "crown"), ["the prince"]);
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    pub fn things(&self) -> &BTreeMap<ThingId, Counted> {
        &self.things
    }

    /// How many of a kind there are.
    pub fn total(&self, kind: &str) -> u64 {
        let of_kind = self.things.values().filter(|counted| counted.kind == kind);
        of_kind.map(|counted| u64::from(counted.count)).sum()
    }

    /// How many of a kind a holder has.
    ///
    /// ```
    /// use wod_zone::goods::Census;
    /// let census: Census = "5f0c0000000000000000000000000001 7 coin\tAnn\n".parse()?;
    /// assert_eq!((census.held("Ann", "coin"), census.held("Bob", "coin")), (7, 0));
    /// # Ok::<(), wod_zone::Error>(())
    /// ```
    pub fn held(&self, holder: &str, kind: &str) -> u64 {
        let held = self.things.values().filter(|counted| counted.holder == holder && counted.kind == kind);
        held.map(|counted| u64::from(counted.count)).sum()
    }

    fn add(&mut self, id: ThingId, counted: Counted) {
        if self.things.insert(id, counted).is_some() {
            self.doubled.push(id);
        }
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is there twice is written twice, so that it reads as it was counted.
        let doubled = self.doubled.iter().filter_map(|id| self.things.get_key_value(id));
        for (id, Counted { holder, kind, count }) in self.things.iter().chain(doubled) {
            writeln!(f, "{id} {count} {kind}\t{holder}")?;
        }
        Ok(())
    }
}

impl FromStr for Census {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut census = Self::default();
        for line in text.lines() {
            let parts = || {
                let (id, rest) = line.split_once(' ')?;
                let (count, rest) = rest.split_once(' ')?;
                let (kind, holder) = rest.split_once('\t')?;
                let counted = Counted { holder: holder.into(), kind: kind.into(), count: count.parse().ok()? };
                Some((id.parse().ok()?, counted))
            };
            let (id, counted) = parts().ok_or_else(|| Error::Other(format!("no line of a census: `{line}`")))?;
            census.add(id, counted);
        }
        Ok(census)
    }
}

impl<Z: Zone> Ctx<'_, Z>
where
    Z::Player: Carries,
{
    /// What the players here carry, by their names, and what containers hold, as `container N`. Of purses in the zone's own struct
    /// nothing is known here: [`Census::count`] them, too.
    ///
    /// ```
    /// # use wod_zone::goods::Carries;
    /// # use wod_zone::{Ctx, Zone};
    /// fn answer<Z: Zone<Player: Carries>>(ctx: &Ctx<Z>) -> String {
    ///     ctx.census().to_string()
    /// }
    /// ```
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for slot in self.memory.players.values() {
            census.count(&slot.name, slot.state.purse());
        }
        for (object, container) in &self.memory.core.parts.objects.containers {
            census.count(&format!("container {object}"), &container.goods);
        }
        census
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use crate::goods::Thing;

    #[test]
    fn a_census_reads_as_it_was_written_and_finds_what_is_there_twice() {
        let mut purse = Purse::default();
        purse.put(Thing::new(ThingId::of(1), "old coin", Some(3)).unwrap()).unwrap();
        purse.put(Thing::new(ThingId::of(2), "key", None).unwrap()).unwrap();
        let mut census = Census::default();
        census.count("Ann of the Docks", &purse);
        let read: Census = census.to_string().parse().unwrap();
        assert_eq!(read, census);
        assert_eq!((read.total("old coin"), read.held("Ann of the Docks", "key"), read.held("Bob", "key")), (3, 1, 0));
        census.add_all(read);
        assert_eq!(census.doubled(), [ThingId::of(1), ThingId::of(2)]);
        assert_eq!(census.to_string().parse::<Census>().unwrap().doubled(), census.doubled());
        assert!("nonsense".parse::<Census>().is_err());
    }
}
