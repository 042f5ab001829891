//! The court: a prince who remembers who kept the customs and who did not, two who pull at his sleeves, and what one is called for it.
//!
//! Standing goes up by bowing and down by raised voices, by speaking before one has bowed and by stepping on the carpet. Each counts
//! once a visit, so that nobody climbs or falls by repeating herself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use wod_zone::{ChatMode, Ctx, EntityId, Heard, Npc, Player, Result, Sensed, Spawn, Tag};

use crate::{Elysium, TALKING_DISTANCE};

/// From further away the Prince does not hear what one says, m.
const EARSHOT: f32 = 5.0;
/// Standing neither rises above this nor falls below its negative.
const STANDING_MOST: i32 = 10;
/// From here on one is in favour,
const FAVOUR: i32 = 3;
/// and from here down out of it.
const DISFAVOUR: i32 = -FAVOUR;

/// Those who hold court, and what they have seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Court {
    prince: Npc,
    sorrel: Npc,
    corvin: Npc,
    /// What the Prince has seen tonight, of each guest who is here.
    seen: BTreeMap<Player, BTreeSet<Conduct>>,
    /// What he remembers, the latest last.
    ledger: VecDeque<Entry>,
    /// How many have declared for each side.
    sorrels: u32,
    corvins: u32,
}

/// How somebody behaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Conduct {
    /// Bowed.
    Bowed,
    /// Said that she would not.
    Slighted,
    /// Spoke to the Prince before she had bowed.
    Spoke,
    /// Stepped before the throne before she had bowed.
    Stepped,
    /// Raised her voice.
    Shouted,
}

/// Whom somebody has declared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Lady Sorrel's.
    OldCourt,
    /// Corvin's.
    NightMarket,
}

/// A line of the Prince's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    guest: Player,
    name: String,
    what: Conduct,
}

/// Older entries are forgotten.
const LEDGER: usize = 64;

impl Conduct {
    /// What it does to one's standing.
    fn weight(self) -> i32 {
        match self {
            Self::Bowed => 1,
            Self::Spoke | Self::Stepped => -1,
            Self::Shouted | Self::Slighted => -2,
        }
    }

    /// As the Prince tells it, after a name.
    fn told(self) -> &'static str {
        match self {
            Self::Bowed => "bowed, and meant it",
            Self::Slighted => "bows to nobody",
            Self::Spoke => "spoke before bowing",
            Self::Stepped => "walked upon the carpet as if it were a floor",
            Self::Shouted => "raised a voice in this house",
        }
    }
}

impl Side {
    /// As the dialogue names it.
    fn named(name: &str) -> Option<Self> {
        match name {
            "sorrel" => Some(Self::OldCourt),
            "corvin" => Some(Self::NightMarket),
            _ => None,
        }
    }
}

impl Court {
    /// Lets them take their places.
    pub(crate) fn assemble(ctx: &mut Ctx<Elysium>) -> Result<Self> {
        let throne = ctx.place("throne")?;
        let courtier = |name: &str, at, look: &str, title: &str| {
            let spawn = Spawn::new(name, at).tag(Tag::near("look", look)).tag(Tag::near("title", title));
            spawn.verb("talk", "Talk", TALKING_DISTANCE)
        };
        let prince = ctx.spawn_npc(courtier("Prince Ambrose", throne.at, "grey velvet, no rings", "Prince"))?;
        ctx.set_sensor(prince, throne.radius)?;
        let at = ctx.place("old-court")?.at;
        let sorrel = ctx.spawn_npc(courtier("Lady Sorrel", at, "high collar, cane", "Keeper of the old court"))?;
        let at = ctx.place("night-market")?.at;
        let corvin = ctx.spawn_npc(courtier("Corvin", at, "coat of many pockets", "Of the night market"))?;
        let (seen, ledger) = (BTreeMap::new(), VecDeque::new());
        Ok(Self { prince, sorrel, corvin, seen, ledger, sorrels: 0, corvins: 0 })
    }

    /// Whom of the court somebody talks to: who that is, and where her dialogue begins.
    pub(crate) fn member(&self, entity: EntityId) -> Option<(Npc, &'static str)> {
        let members = [(self.prince, "Prince"), (self.sorrel, "Sorrel"), (self.corvin, "Corvin")];
        members.into_iter().find(|(npc, _)| *npc == entity)
    }

    /// A guest has gone: what was seen of her tonight was tonight.
    pub(crate) fn forget_tonight(&mut self, guest: Player) {
        self.seen.remove(&guest);
    }

    pub(crate) fn has_bowed(&self, guest: Player) -> bool {
        self.seen.get(&guest).is_some_and(|seen| seen.contains(&Conduct::Bowed))
    }

    /// Whether the Prince himself heard a line, and what it was worth.
    pub(crate) fn heard(&self, ctx: &Ctx<Elysium>, guest: Player, heard: &Heard) -> Option<Conduct> {
        let is_before_him = ctx.distance(self.prince, guest).is_some_and(|metres| metres <= EARSHOT);
        match heard.mode {
            _ if self.prince != heard.listener => None,
            ChatMode::Emote if is_bow(&heard.text) => Some(Conduct::Bowed),
            ChatMode::Say if is_before_him && !self.has_bowed(guest) => Some(Conduct::Spoke),
            _ => None,
        }
    }

    /// Whether somebody has stepped before the throne who should not have.
    pub(crate) fn stepped(&self, guest: Player, sensed: Sensed) -> Option<Conduct> {
        let unbidden = sensed.inside && self.prince == sensed.sensor && !self.has_bowed(guest);
        unbidden.then_some(Conduct::Stepped)
    }

    /// Notes it down. False: it was seen tonight already.
    fn note(&mut self, guest: Player, name: &str, what: Conduct) -> bool {
        if !self.seen.entry(guest).or_default().insert(what) {
            return false;
        }
        self.ledger.retain(|entry| entry.guest != guest || entry.what != what);
        if self.ledger.len() >= LEDGER {
            self.ledger.pop_front();
        }
        self.ledger.push_back(Entry { guest, name: name.to_owned(), what });
        true
    }

    /// Of whom the Prince speaks well to this guest, or ill.
    pub(crate) fn remembers(&self, listener: Player, well: bool) -> String {
        const TOLD: usize = 3;
        let of = |entry: &&Entry| (entry.what == Conduct::Bowed) == well;
        let tell = |entry: &Entry| {
            let who = if entry.guest == listener { "You" } else { entry.name.as_str() };
            format!("{who}: {}.", entry.what.told())
        };
        let told: Vec<String> = self.ledger.iter().rev().filter(of).take(TOLD).map(tell).collect();
        match (told.as_slice(), well) {
            ([], true) => "Nobody, so far. I keep a page free.".to_owned(),
            ([], false) => "Nobody, yet. I listen to the door when it opens.".to_owned(),
            (told, _) => told.join(" "),
        }
    }

    /// A sentence about who has the Prince's ear.
    pub(crate) fn leaning(&self) -> String {
        match self.leader() {
            Some(Side::OldCourt) => "Lady Sorrel has the longer row behind her.".to_owned(),
            Some(Side::NightMarket) => "Corvin has more friends than chairs.".to_owned(),
            None => "It stands even, and everybody is very polite.".to_owned(),
        }
    }

    fn leader(&self) -> Option<Side> {
        match self.sorrels.cmp(&self.corvins) {
            std::cmp::Ordering::Greater => Some(Side::OldCourt),
            std::cmp::Ordering::Less => Some(Side::NightMarket),
            std::cmp::Ordering::Equal => None,
        }
    }

    fn followers(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::OldCourt => &mut self.sorrels,
            Side::NightMarket => &mut self.corvins,
        }
    }

    /// For operators: the sides, then the ledger, the latest first.
    pub(crate) fn report(&self) -> String {
        let mut lines = vec![format!("old court {}, night market {}", self.sorrels, self.corvins)];
        lines.extend(self.ledger.iter().rev().map(|entry| format!("{} {}", entry.name, entry.what.told())));
        lines.join("\n")
    }
}

impl Elysium {
    /// The Prince sees how somebody behaves: he remembers it, and she is called otherwise.
    pub(crate) fn conduct(&mut self, ctx: &mut Ctx<Self>, guest: Player, what: Conduct) -> Result {
        let name = ctx.name(guest).to_owned();
        let Some(court) = &mut self.court else { return Ok(()) };
        if !court.note(guest, &name, what) {
            return Ok(());
        }
        let prince = court.prince;
        let known = ctx.player_mut(guest)?;
        known.standing = (known.standing + what.weight()).clamp(-STANDING_MOST, STANDING_MOST);
        match what {
            Conduct::Bowed => {
                ctx.emote(prince, format!("inclines his head to {name}, by a width that is measured."))?
            }
            Conduct::Spoke | Conduct::Stepped => {
                ctx.emote(prince, format!("looks at {name} until the room has seen it."))?
            }
            Conduct::Slighted | Conduct::Shouted => {
                ctx.emote(prince, format!("writes something on nothing, and it has {name}'s name in it."))?
            }
        }
        self.entitle(ctx, guest)
    }

    /// Somebody declares for a side; the court notices when that tips it.
    pub(crate) fn take_side(&mut self, ctx: &mut Ctx<Self>, guest: Player, name: &str) -> Result {
        let side = Side::named(name).ok_or_else(|| format!("no side `{name}`"))?;
        let Some(court) = &mut self.court else { return Ok(()) };
        let before = court.leader();
        if let Some(former) = ctx.player_mut(guest)?.side.replace(side) {
            let followers = court.followers(former);
            *followers = followers.saturating_sub(1);
        }
        *court.followers(side) += 1;
        let (prince, leads, leaning) = (court.prince, court.leader(), court.leaning());
        if leads != before {
            ctx.say(prince, format!("I hear chairs being moved. {leaning}"))?;
        }
        self.entitle(ctx, guest)
    }

    pub(crate) fn sides_with(&self, ctx: &Ctx<Self>, guest: Player, name: &str) -> Result<bool> {
        Ok(ctx.player(guest)?.side.is_some_and(|side| Side::named(name) == Some(side)))
    }

    /// What everybody near reads of her, in other zones too: the tag `title` goes along.
    pub(crate) fn entitle(&self, ctx: &mut Ctx<Self>, guest: Player) -> Result {
        let title = ctx.player(guest)?.title();
        ctx.set_tag(guest, Tag::near("title", title))
    }
}

impl crate::Acquaintance {
    /// What she is called in this house.
    pub(crate) fn title(&self) -> &'static str {
        match (self.standing, self.side) {
            (..=DISFAVOUR, _) => "Out of favour",
            (FAVOUR.., Some(Side::OldCourt)) => "Sworn to the old court",
            (FAVOUR.., Some(Side::NightMarket)) => "Free of the night market",
            (FAVOUR.., None) => "In the Prince's favour",
            (_, Some(Side::OldCourt)) => "Seen with Lady Sorrel",
            (_, Some(Side::NightMarket)) => "Seen with Corvin",
            (_, None) => "Guest of the house",
        }
    }
}

/// Whether an emote is a bow, as people write it after their names: `bows deeply`.
fn is_bow(emote: &str) -> bool {
    let first = emote.split_whitespace().next().unwrap_or_default().to_lowercase();
    ["bow", "kneel", "curts", "genuflect"].iter().any(|word| first.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Acquaintance;

    #[test]
    fn a_bow_is_what_begins_like_one() {
        assert!(is_bow("bows deeply") && is_bow("Kneels.") && is_bow("curtsies"));
        assert!(!is_bow("does not bow") && !is_bow(""));
    }

    #[test]
    fn titles_follow_standing_and_side() {
        let title = |standing, side| Acquaintance { standing, side, ..Acquaintance::default() }.title();
        assert_eq!(title(0, None), "Guest of the house");
        assert_eq!(title(FAVOUR, Some(Side::NightMarket)), "Free of the night market");
        assert_eq!(title(FAVOUR - 1, Some(Side::OldCourt)), "Seen with Lady Sorrel");
        assert_eq!(title(DISFAVOUR, Some(Side::OldCourt)), "Out of favour");
    }
}
