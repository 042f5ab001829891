//! The docks at night: crates to carry for coin, containers that are not yours, a broker, a watchman, and a way to Los Angeles that
//! has no windows.
//!
//! `work` is honest, `finds` is not, `passage` leads away. This file says who stands where and ties the zone's events to them.
//! What people say is in `dialogue/`, a file for each.

use serde::{Deserialize, Serialize};
use wod_zone::behaviour::{Behaved, Patrol, Senses, Watchful};
use wod_zone::dialogue::Value;
use wod_zone::goods::{Carries, Purse};
use wod_zone::objects::{Board, Door};
use wod_zone::trade::{Dealt, GIVE, TRADE};
use wod_zone::verbs::Deed;
use wod_zone::{
    Ctx, DialogueCall, DialogueCommand, EnterReason, Error, Interaction, Npc, Object, OrderId, Player, Result, Setting,
    Spawn, Tag, Zone,
};

mod finds;
mod passage;
mod work;

pub use passage::{Passenger, TOPIC};

/// What everybody here is paid in, and pays with.
pub const COIN: &str = "coin";
/// How near one must be to be talked to, m.
const TALKING_DISTANCE: f32 = 4.0;
/// Who can be talked to: the place where she stands, her name and look, and the node of `dialogue/` that she begins with.
const PEOPLE: [(&str, &str, &str, &str); 4] = [
    ("foreman", "Bea Tolliver", "hard hat, clipboard", "Bea"),
    ("broker", "Mr. Lisle", "fur collar, loupe", "Lisle"),
    ("loadmaster", "Sabine", "cold-store coat", "Sabine"),
    ("rounds", "Halloran", "oilskin, lantern, book", "Halloran"),
];

/// Who works here, and what stands about.
#[derive(Serialize, Deserialize)]
pub struct Docks {
    /// In the order of [`PEOPLE`].
    people: Vec<Npc>,
    /// Crates to be carried.
    pile: Object,
    /// Where they are carried to.
    scale: Object,
    /// Containers that nobody has asked for in years.
    lost: Vec<Object>,
}

/// What the docks remember of somebody.
#[derive(Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Docker {
    /// Coins, and what she has found. Kept with her wherever she goes; usable here.
    pub purse: Purse,
    /// She has a crate in her arms.
    pub loaded: bool,
    /// Crates she brought to the scale.
    pub crates: u32,
    /// Crates she left lying.
    pub dropped: u32,
    /// Times Halloran saw her at a seal.
    pub caught: u32,
    /// Times she went by container.
    pub passages: u32,
}

/// The SDK moves things in and out of what is named here, so that none gets lost.
impl Carries for Docker {
    fn purse(&self) -> &Purse {
        &self.purse
    }
    fn purse_mut(&mut self) -> &mut Purse {
        &mut self.purse
    }
}

/// What the docks wait for.
#[derive(Serialize, Deserialize)]
pub enum Timer {
    /// Somebody puts a new seal on this container, and something into it.
    Reseal(Object),
}

impl Zone for Docks {
    const NAME: &'static str = "docks";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const VERBS: &'static [&'static str] = &[
        "talk", "lift", "weigh", "pry", // ours
        TRADE, GIVE, // between players
        "open", "close", "take", "put", // containers
        "read", "post", "remove", // the notice board
    ];
    const CONFIG: &'static [Setting] = &[
        Setting::int("wage", "Coins for a crate brought to the scale.", 3),
        Setting::int("fare", "Coins for the way to Los Angeles.", 9),
        Setting::int("crowbar", "Coins for a crowbar at Mr. Lisle's.", 6),
        Setting::number(
            "reseal_minutes",
            "Minutes of game time after which a container has a new seal, and something in it.",
            10.0,
        ),
        Setting::text("harbor", "The zone that is told who comes by container; empty: none.", "la.harbor"),
    ];

    type Timer = Timer;
    type Player = Docker;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let mut people = Vec::new();
        for (place, name, look, _) in PEOPLE {
            let spawn = Spawn::new(name, ctx.place(place)?.at).tag(Tag::near("look", look));
            people.push(ctx.spawn_npc(spawn.verb("talk", "Talk", TALKING_DISTANCE))?);
        }
        let rounds = Patrol::along("rounds").pace(1.3);
        ctx.behave(people[3], Watchful::with(Senses::of_players().sight(finds::SIGHT)).during(rounds))?;
        let (pile, scale) = work::place(ctx)?;
        ctx.add_board(Board::new("Notice board", ctx.place("board")?.at))?;
        let doorway = ctx.place("reefer-doorway")?.at;
        ctx.add_door(Door::new(passage::DOOR, doorway).width(3.0).stays_open(passage::DOOR_OPEN))?;
        Ok(Self { people, pile, scale, lost: finds::place(ctx)? })
    }

    fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, how: EnterReason) -> Result {
        ctx.offer_trade(player)?;
        ctx.tell_purse(player)?;
        if how != EnterReason::Resumed && ctx.player(player)?.loaded {
            self.left_it_lying(ctx, player)?;
        }
        Ok(())
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        match interaction.verb.as_str() {
            "talk" => self.talk(ctx, interaction),
            "lift" if self.pile == interaction.target => work::lift(ctx, interaction),
            "weigh" if self.scale == interaction.target => self.weigh(ctx, interaction),
            "pry" => self.pry(ctx, interaction),
            TRADE | GIVE => {
                if let Some(Dealt::Traded { .. }) = ctx.deal(interaction)? {
                    ctx.count("trades", 1);
                }
                Ok(())
            }
            // The SDK knows what containers and the notice board do.
            _ => match ctx.use_object(interaction)? {
                true => Ok(()),
                false => Err(Error::to_player("That can't be done with it.")),
            },
        }
    }

    /// What takes time is done: lifting, and breaking a seal.
    fn completed(&mut self, ctx: &mut Ctx<Self>, deed: &Deed) -> Result {
        match deed.verb.as_str() {
            "lift" => work::lifted(ctx, deed.player),
            "pry" => self.pried(ctx, deed),
            other => Err(format!("nothing comes of `{other}`").into()),
        }
    }

    fn behaved(&mut self, ctx: &mut Ctx<Self>, npc: Npc, what: Behaved) -> Result {
        // The others do nothing by themselves; of what he reports only this matters.
        let Behaved::Noticed(who) = what else { return Ok(()) };
        match ctx.as_player(who) {
            Some(player) if npc == self.halloran() => self.caught_at_it(ctx, player),
            _ => Ok(()),
        }
    }

    fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        match (command.name.as_str(), words.as_slice()) {
            ("board", [declared]) => self.board(ctx, command.player, declared),
            ("sell", []) => finds::sell(ctx, command.player),
            ("buy", [finds::CROWBAR]) => finds::buy_crowbar(ctx, command.player),
            _ => Err(format!("no command: {} {}", command.name, command.words.join(" ")).into()),
        }
    }

    fn function(&mut self, ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<Value>> {
        let docker = ctx.player(call.player)?;
        // Amounts are small: exact in the dialogues' numbers, which have 24 bits.
        let number = |amount: u64| Some(Value::Number(amount as f32));
        Ok(match (call.name.as_str(), call.values.as_slice()) {
            ("loaded", []) => Some(docker.loaded.into()),
            ("crates", []) => number(docker.crates.into()),
            ("dropped", []) => number(docker.dropped.into()),
            ("caught", []) => number(docker.caught.into()),
            ("passages", []) => number(docker.passages.into()),
            ("coins", []) => number(docker.purse.count_of(COIN)),
            ("found", []) => number(finds::worth(&docker.purse).0),
            ("offer", []) => number(finds::worth(&docker.purse).1),
            ("has", [Value::Text(kind)]) => Some((docker.purse.count_of(kind) > 0).into()),
            ("price", [Value::Text(kind)]) if kind == finds::CROWBAR => number(price(ctx, "crowbar").into()),
            ("wage", []) => number(price(ctx, "wage").into()),
            ("fare", []) => number(price(ctx, "fare").into()),
            _ => None,
        })
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, timer: Timer) -> Result {
        match timer {
            Timer::Reseal(container) => finds::reseal(ctx, container),
        }
    }

    fn receipt(&mut self, ctx: &mut Ctx<Self>, _order: OrderId, delivered: bool) -> Result {
        if !delivered {
            wod_zone::warn!(ctx, "the harbor was not told of a passenger: its zone does not run");
        }
        Ok(())
    }

    fn admin(&mut self, ctx: &mut Ctx<Self>, _operator: &str, question: &str) -> Result<String> {
        match question {
            // Who has what; a thing that is there twice would be named twice.
            "goods" => Ok(ctx.census().to_string()),
            "seals" => Ok(self.seals(ctx)),
            other => Err(format!("`{other}`? The docks answer: goods, seals").into()),
        }
    }
}

impl Docks {
    fn bea(&self) -> Npc {
        self.people[0]
    }

    fn halloran(&self) -> Npc {
        self.people[3]
    }

    fn talk(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        let who = self.people.iter().zip(PEOPLE).find(|(npc, _)| **npc == interaction.target);
        let (npc, (.., node)) = who.ok_or_else(|| Error::to_player("It does not answer."))?;
        ctx.face(*npc, interaction.player())?;
        ctx.converse(interaction.player(), *npc, node)?;
        Ok(())
    }
}

/// An amount of the settings: whatever an operator writes, it is one that can be counted.
fn price(ctx: &Ctx<Docks>, setting: &str) -> u32 {
    ctx.config_number(setting).clamp(1.0, 10_000.0) as u32
}

/// Takes coins for something. An error that she reads when there are not so many.
fn pay(ctx: &mut Ctx<Docks>, player: Player, coins: u32) -> Result {
    let coins = ctx.player(player)?.purse.pick(COIN, coins)?;
    ctx.consume(player, &[coins])
}

wod_zone::export!(Docks);
