//! A clerk who keeps a book that players sign. What differs between its editions is an [`Edition`].

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wod_zone::dialogue::{Answer, Node, Script};
use wod_zone::{Ctx, Error, Interaction, Npc, Point, Result, Setting, Spawn, Zone};

/// What an edition has of its own; its value is part of the saved state.
pub trait Edition: Default + Serialize + DeserializeOwned + 'static {
    const SCHEMA: u32 = 1;
    const VERBS: &'static [&'static str] = &["sign"];
    const CONFIG: &'static [Setting] = &[Setting::int("fee", "What a signature costs.", 5)];

    /// As [`Zone::migrate`]; by default no other schema is read.
    fn migrate(schema: u32, _bytes: &[u8]) -> Result<Ledger<Self>> {
        Err(Error::State(format!("the book has schema {schema}, this clerk reads {}", Self::SCHEMA)))
    }

    /// Somebody signs.
    fn sign() {}

    /// The hour strikes.
    fn strike() {}
}

static THANKS: Script = Script::new(
    "thanks",
    &[Node::new("thanks", "Anything else, {name}?", &[Answer::to("yes", "Yes.", "thanks"), Answer::end("no", "No.")])],
);
/// An hour of the clerk's.
const HOUR: Duration = Duration::from_secs(10);

/// The book.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Ledger<E: Edition> {
    pub clerk: Npc,
    pub signatures: u32,
    #[serde(default)]
    pub edition: E,
}

/// What the clerk remembers of a player.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Signer {
    signatures: u32,
}

impl<E: Edition> Zone for Ledger<E> {
    const NAME: &'static str = "ledger";
    const SCHEMA: u32 = E::SCHEMA;
    const VERBS: &'static [&'static str] = E::VERBS;
    const CONFIG: &'static [Setting] = E::CONFIG;
    const SCRIPTS: &'static [&'static Script] = &[&THANKS];

    type Timer = ();
    type Player = Signer;

    fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
        let (low, high) = ctx.bounds();
        let desk = Point::new((low.x + high.x) / 2.0 + 20.0, (low.y + high.y) / 2.0);
        let clerk = Spawn::new("Clerk", desk);
        let clerk = E::VERBS.iter().fold(clerk, |clerk, verb| clerk.verb(verb, verb, 4.0));
        ctx.every(HOUR, ())?;
        Ok(Self { clerk: ctx.spawn_npc(clerk)?, signatures: 0, edition: E::default() })
    }

    fn migrate(schema: u32, bytes: &[u8]) -> Result<Self> {
        E::migrate(schema, bytes)
    }

    fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
        E::sign();
        self.signatures += 1;
        ctx.player_mut(interaction.player())?.signatures += 1;
        ctx.talk(interaction.player(), self.clerk, &THANKS)?;
        Ok(())
    }

    fn timer(&mut self, ctx: &mut Ctx<Self>, (): ()) -> Result {
        E::strike();
        ctx.say(self.clerk, format!("That makes {}.", self.signatures))
    }

    fn admin(&mut self, _ctx: &mut Ctx<Self>, _operator: &str, _question: &str) -> Result<String> {
        Ok(self.signatures.to_string())
    }
}
