//! A market whose goods must never be lost or doubled, in several editions that differ by an [`Edition`].
//!
//! Each item has a number of its own and is with a stall (the zone's state) or in a player's bag (saved with her, so it crosses
//! borders as she does). Every verb and every answer in a dialogue that took effect is acknowledged to its player by the reliable
//! event `used`, with the number of her command and how many of hers took effect so far ([`Receipt`]).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wod_zone::behaviour::Wander;
use wod_zone::dialogue::{Answer, Node, Script};
use wod_zone::{
    Choice, Command, Ctx, Error, Interaction, Npc, Player, Point, Result, Setting, Spawn, StartReason, Zone,
};

pub use crate::saved::{One, Two};

mod saved;

/// What an edition has of its own. The hooks do nothing unless it says otherwise.
pub trait Edition: 'static {
    const VERSION: &'static str;
    const SCHEMA: u32 = 1;
    /// Schemas of others that it reads.
    const READS: &'static [u32] = &[];

    /// Its state is read.
    fn loading() {}
    /// Its state is written.
    fn saving() {}
    /// Its first event.
    fn started() {}
    /// Once a tick.
    fn beat() {}
    /// A player used a verb.
    fn used(_verb: &str, _player: &str) {}
}

/// How far away one may stand, metres.
const REACH: f32 = 20.0;
/// How far people stroll from where they were born, metres.
const STROLL: f32 = 6.0;
/// One tick of 20 Hz.
const BEAT: Duration = Duration::from_millis(50);

static BARTER: Script = Script::new(
    "barter",
    &[
        Node::new(
            "offer",
            "Fresh figs, {name}?",
            &[Answer::to("how-much", "How much?", "price"), Answer::end("no", "No.")],
        ),
        Node::new(
            "price",
            "For you, {name}: nothing.",
            &[Answer::to("again", "Say that again.", "offer"), Answer::end("bye", "Too much.")],
        ),
    ],
);

/// The market.
pub struct Bazaar<E> {
    stalls: Vec<Stall>,
    people: Vec<Npc>,
    edition: std::marker::PhantomData<E>,
}

/// Who sells, and what is left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stall {
    keeper: Npc,
    items: BTreeSet<u64>,
}

/// A player's bag.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bag {
    items: BTreeSet<u64>,
    /// Her verbs and answers that took effect, in every zone.
    used: u64,
}

/// The event `used`.
#[derive(Serialize)]
struct Receipt<'a> {
    /// The command's.
    seq: u64,
    /// How many of hers took effect, with this one.
    nth: u64,
    /// What she has now.
    items: &'a BTreeSet<u64>,
}

impl<E: Edition> Zone for Bazaar<E> {
    const NAME: &'static str = "bazaar";
    const VERSION: &'static str = E::VERSION;
    const SCHEMA: u32 = E::SCHEMA;
    const VERBS: &'static [&'static str] = &["take", "put", "talk", "ring"];
    const CONFIG: &'static [Setting] = &[
        Setting::int("stalls", "How many stalls.", 2),
        Setting::int("items", "How many items, all stalls together, when the zone opens.", 0),
        Setting::int("first_item", "The number of the first.", 1),
        Setting::int("people", "How many people stroll about.", 0),
    ];
    const SCRIPTS: &'static [&'static Script] = &[&BARTER];

    type Timer = ();
    type Player = Bag;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let [stalls, items, first, people] =
            ["stalls", "items", "first_item", "people"].map(|name| ctx.config_number(name) as u64);
        let mut stalls: Vec<Stall> = spots(ctx, stalls)
            .map(|at| {
                let keeper = Spawn::new("Keeper", at).verb("take", "Take", REACH).verb("put", "Put back", REACH);
                let keeper = keeper.verb("talk", "Talk", REACH).verb("ring", "Ring the bell", REACH);
                Ok(Stall { keeper: ctx.spawn_npc(keeper)?, items: BTreeSet::new() })
            })
            .collect::<Result<_>>()?;
        for (item, stall) in (first..first + items).zip((0..stalls.len()).cycle()) {
            stalls[stall].items.insert(item);
        }
        let people = spots(ctx, people)
            .map(|at| {
                let npc = ctx.spawn_npc(Spawn::new("Passer-by", at).verb("talk", "Talk", REACH))?;
                ctx.behave(npc, Wander::about(at, STROLL).pausing(Duration::from_secs(2)))?;
                Ok(npc)
            })
            .collect::<Result<_>>()?;
        ctx.every(BEAT, ())?;
        Ok(Self { stalls, people, edition: std::marker::PhantomData })
    }

    fn migrate(schema: u32, bytes: &[u8]) -> Result<Self> {
        E::loading();
        match schema {
            _ if !E::READS.contains(&schema) => Err(Error::State(format!("no way from schema {schema}"))),
            1 => wod_zone::decode::<One>(bytes).map(Self::from),
            _ => wod_zone::decode::<Two>(bytes).map(Self::from),
        }
    }

    fn started(&mut self, _ctx: &mut Ctx<Self>, _why: StartReason, _players: &[Player]) -> Result {
        E::started();
        Ok(())
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let player = interaction.player();
        E::used(&interaction.verb, ctx.name(player));
        let stall = self.stalls.iter_mut().find(|stall| stall.keeper.id() == interaction.target);
        match (interaction.verb.as_str(), stall) {
            ("take", Some(stall)) => {
                let item = stall.items.pop_first().ok_or_else(|| Error::to_player("Sold out."))?;
                ctx.player_mut(player)?.items.insert(item);
            }
            ("put", Some(stall)) => {
                let item = ctx.player_mut(player)?.items.pop_first();
                stall.items.insert(item.ok_or_else(|| Error::to_player("Your bag is empty."))?);
            }
            ("talk", _) => {
                let npc = self.npc(interaction).ok_or_else(|| Error::to_player("Nobody answers."))?;
                ctx.talk(player, npc, &BARTER)?;
            }
            ("ring", _) => {}
            _ => return Err(Error::to_player("That is not for sale.")),
        }
        acknowledge(ctx, interaction.command)
    }

    fn chose(&mut self, ctx: &mut Ctx<Self>, choice: &Choice) -> Result {
        acknowledge(ctx, choice.command)
    }

    fn timer(&mut self, _ctx: &mut Ctx<Self>, (): ()) -> Result {
        E::beat();
        Ok(())
    }

    /// `items`: where each is, a line a stall and a line for whoever has any. `used NAME`: how many commands of hers took effect.
    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        if let Some(name) = question.strip_prefix("used ") {
            let player = ctx.players().find(|player| ctx.name(*player) == name);
            return Ok(ctx.player(player.ok_or("she is not here")?)?.used.to_string());
        }
        let stalls = self.stalls.iter().map(|stall| ("stall".to_owned(), &stall.items));
        let players =
            ctx.players().filter_map(|player| Some((ctx.name(player).to_owned(), &ctx.player(player).ok()?.items)));
        let lines = stalls.chain(players.filter(|(_, items)| !items.is_empty())).map(|(who, items)| {
            let items: Vec<String> = items.iter().map(u64::to_string).collect();
            format!("{who}: {}", items.join(" "))
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

impl<E: Edition> Bazaar<E> {
    fn npc(&self, interaction: &Interaction) -> Option<Npc> {
        let keepers = self.stalls.iter().map(|stall| stall.keeper);
        keepers.chain(self.people.iter().copied()).find(|npc| npc.id() == interaction.target)
    }
}

fn acknowledge<E: Edition>(ctx: &mut Ctx<Bazaar<E>>, Command { player, seq }: Command) -> Result {
    let bag = ctx.player_mut(player)?;
    bag.used += 1;
    let (nth, items) = (bag.used, bag.items.clone());
    ctx.tell(player, "used", &Receipt { seq, nth, items: &items })
}

/// So many spots, evenly over the zone.
fn spots<E: Edition>(ctx: &Ctx<Bazaar<E>>, count: u64) -> impl Iterator<Item = Point> + use<E> {
    let (low, high) = ctx.bounds();
    let side = (1..=count).find(|side| side * side >= count).unwrap_or(1);
    let part = move |low: f32, high: f32, index: u64| low + (high - low) * (index as f32 + 0.5) / side as f32;
    (0..count).map(move |index| Point::new(part(low.x, high.x, index % side), part(low.y, high.y, index / side)))
}

impl<E: Edition> Serialize for Bazaar<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        E::saving();
        match E::SCHEMA {
            1 => One::from(self).serialize(serializer),
            _ => Two::from(self).serialize(serializer),
        }
    }
}

impl<'de, E: Edition> Deserialize<'de> for Bazaar<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        E::loading();
        match E::SCHEMA {
            1 => One::deserialize(deserializer).map(Self::from),
            _ => Two::deserialize(deserializer).map(Self::from),
        }
    }
}
