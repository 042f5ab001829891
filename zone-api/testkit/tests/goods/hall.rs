//! A hall at a border, with everything that goods can be in.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wod_testkit::{TagValue, World, WorldBuilder};
use wod_zone::goods::{Carries, Census, PLAYER_BYTES, Purse};
use wod_zone::objects::{Board, Container, Door};
use wod_zone::trade::Dealt;
use wod_zone::verbs::{Begun, Deed, Interruption, Need, Rule};
use wod_zone::{Ctx, EnterReason, Error, Interaction, Object, Player, Result, Setting, Spawn, Tag, Zone};

/// Where the two zones meet, m east.
pub(crate) const BORDER: f32 = 200.0;
/// As far from it as everybody stands, m: one step leads over it.
pub(crate) const STEP: f32 = 0.1;
/// How far north everybody stands, m.
pub(crate) const NORTH: f32 = 100.0;
/// What everybody is given who comes for the first time.
pub(crate) const COINS: u32 = 20;
/// What the SDK keeps beside a guest, and the length of a long diary, bytes.
const FRAME: usize = 30;

#[derive(Serialize, Deserialize)]
pub(crate) struct Hall {
    chest: Object,
    safe: Object,
    /// What has come of deeds and deals.
    log: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Guest {
    purse: Purse,
    known: bool,
    has_picks: bool,
    diary: String,
}

impl Carries for Guest {
    fn purse(&self) -> &Purse {
        &self.purse
    }
    fn purse_mut(&mut self) -> &mut Purse {
        &mut self.purse
    }
}

/// Takes three seconds, of somebody who can do it, to what is locked.
pub(crate) static PICK: Rule<Guest> = Rule::new("pick")
    .within(2.5)
    .in_sight()
    .needs(&[
        Need::Tag("locked", "It is not locked."),
        Need::TagIs("make", "iron", "That is no iron lock."),
        Need::NoTag("watched", "Somebody watches it."),
        Need::Player(|guest: &Guest| guest.has_picks, "You have nothing to pick a lock with."),
    ])
    .takes(Duration::from_secs(3))
    .cooldown(Duration::from_secs(20))
    .seen("kneels down before the lock");

pub(crate) static KNOCK: Rule<Guest> = Rule::new("knock").cooldown(Duration::from_secs(5)).seen("knocks");

/// What `bet` wants to know.
#[derive(Deserialize)]
struct Bet {
    coins: u32,
}

/// What `write` leaves free.
#[derive(Deserialize)]
#[serde(untagged)]
enum Left {
    Bytes(usize),
    FarTooMuch(#[expect(dead_code, reason = "any text will do")] String),
}

impl Zone for Hall {
    const NAME: &'static str = "hall";
    const VERBS: &'static [&'static str] = &[
        "trade", "give", "open", "close", "take", "put", "read", "post", "remove", "pick", "knock", "bet", "equip",
        "hurt", "write", "break",
    ];
    const CONFIG: &'static [Setting] = &[Setting::flag("watched", "Whether somebody watches the safe.", false)];
    type Timer = ();
    type Player = Guest;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let at = ctx.place("hall")?.at;
        let chest = ctx.add_container(Container::new("Chest", at).room(6))?;
        ctx.mint(chest, "lamp")?;
        ctx.mint(chest, "lamp")?;
        ctx.mint_stack(chest, "coin", 15)?;
        let coffer = ctx.add_container(Container::new("Coffer", at).locked_by("key"))?;
        ctx.mint(coffer, "crown")?;
        ctx.add_board(Board::new("Board", at))?;
        let mut safe = Spawn::new("Safe", at).tag(Tag::near("locked", true)).tag(Tag::near("make", "iron"));
        for verb in ["pick", "knock", "bet", "equip", "hurt", "write", "break"] {
            safe = safe.verb(verb, verb, 4.0);
        }
        let safe = ctx.spawn_object(safe)?;
        if let Ok(doorway) = ctx.place("doorway") {
            let door = Door::new("door", doorway.at).shown_as("Door").stays_open(Duration::from_secs(5));
            ctx.add_door(door.locked_by("key").width(1.5).reach(4.0))?;
        }
        Ok(Self { chest, safe, log: Vec::new() })
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
        ctx.offer_trade(player)?;
        if !std::mem::replace(&mut ctx.player_mut(player)?.known, true) {
            ctx.mint_stack(player, "coin", COINS)?;
            ctx.mint(player, "key")?;
        }
        ctx.tell_purse(player)
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        if let Some(dealt) = ctx.deal(interaction)? {
            match dealt {
                Dealt::Talked => {}
                Dealt::Traded { player, with } => {
                    self.log.push(format!("{} trades with {}", ctx.name(player), ctx.name(with)))
                }
                Dealt::Given { player, to } => self.log.push(format!("{} gives to {}", ctx.name(player), ctx.name(to))),
            }
            return Ok(());
        }
        if ctx.use_object(interaction)? {
            return Ok(());
        }
        let player = interaction.player();
        match interaction.verb.as_str() {
            "pick" => match ctx.attempt(&PICK, interaction)? {
                Begun::Now => panic!("it takes three seconds"),
                Begun::Later => Ok(()),
            },
            "knock" => {
                let begun = ctx.attempt(&KNOCK, interaction)?;
                self.log.push(format!("{begun:?}"));
                Ok(())
            }
            "bet" => {
                let coins = ctx.player(player)?.purse.pick("coin", interaction.args_as::<Bet>()?.coins)?;
                ctx.transfer(player, self.chest, &[coins])
            }
            "equip" => {
                ctx.player_mut(player)?.has_picks = true;
                Ok(())
            }
            "hurt" => {
                ctx.interrupt(player, Interruption::Hurt);
                Ok(())
            }
            // So much that only so many bytes are left of what is kept with her.
            "write" => {
                let left: Left = interaction.args_as()?;
                let guest = ctx.player_mut(player)?;
                let left = match left {
                    Left::Bytes(left) => left,
                    Left::FarTooMuch(_) => {
                        guest.diary = "x".repeat(2 * PLAYER_BYTES);
                        return Ok(());
                    }
                };
                guest.diary.clear();
                let used = wod_zone::encode(&*guest)?.len() + FRAME;
                guest.diary = "x".repeat(PLAYER_BYTES.saturating_sub(used + left));
                Ok(())
            }
            "break" => panic!("the safe falls over"),
            _ => Err(Error::to_player("Nobody here does that.")),
        }
    }

    fn completed(&mut self, ctx: &mut Ctx<Self>, deed: &Deed) -> Result {
        if ctx.config_flag("watched") {
            return Err(Error::to_player("They saw you."));
        }
        self.log.push(format!("{} did {}", ctx.name(deed.player), deed.verb));
        ctx.remove_tag(self.safe, "locked")
    }

    fn interrupted(&mut self, ctx: &mut Ctx<Self>, deed: &Deed, why: Interruption) -> Result {
        self.log.push(format!("{} did not {}: {why:?}", ctx.name(deed.player), deed.verb));
        Ok(())
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        Ok(match question {
            "census" => ctx.census().to_string(),
            _ => self.log.join("; "),
        })
    }
}

fn builder(zone: &str, near: f64) -> WorldBuilder {
    let world = World::of::<Hall>().world("tests/goods/world.toml", zone);
    world.place("hall", near, NORTH.into(), 0.0).spawn(near, NORTH.into())
}

/// The hall west of the border: people stand one step from it.
pub(crate) fn west() -> WorldBuilder {
    builder("port.west", f64::from(BORDER - STEP))
}

/// The hall east of it.
pub(crate) fn east() -> WorldBuilder {
    builder("port.east", f64::from(STEP))
}

/// Where everything is.
pub(crate) fn census(world: &mut World) -> Census {
    let census: Census = world.ask("census").unwrap().parse().unwrap();
    assert!(census.doubled().is_empty(), "{census}");
    census
}

/// A pick of the first thing of a kind that somebody has, as clients write it.
pub(crate) fn pick(census: &Census, holder: &str, kind: &str) -> Value {
    let mut things = census.things().iter();
    let found = things.find(|(_, counted)| counted.holder == holder && counted.kind == kind);
    json!({ "id": found.unwrap_or_else(|| panic!("{holder} has no {kind}: {census}")).0 })
}

/// The same, so many of a stack.
pub(crate) fn some(census: &Census, holder: &str, kind: &str, count: u32) -> Value {
    let mut pick = pick(census, holder, kind);
    pick["count"] = count.into();
    pick
}

/// The last event of that name that somebody was told; null: none.
pub(crate) fn last_told(world: &mut World, who: &str, event: &str) -> Value {
    let person = world.player(who);
    let told = person.events().iter().rev().find(|(name, _)| name == event);
    told.map_or(Value::Null, |(_, data)| data.clone())
}

/// Whether an entity's tag is set, as people see it; none: it has no such tag.
pub(crate) fn flag(world: &World, name: &str, tag: &str) -> Option<bool> {
    match world.npc(name).tags.get(tag) {
        Some(TagValue::Flag(flag)) => Some(*flag),
        _ => None,
    }
}

/// What somebody was refused last.
pub(crate) fn last_refusal(world: &mut World, who: &str) -> String {
    world.player(who).refusals().last().map(|(_, text)| text.clone()).unwrap_or_default()
}
