//! Dialogues with NPCs. Writers write them in [Yarn](https://docs.yarnspinner.dev), a plain text format; programmers who want a
//! small fixed tree in their code write a [`Script`].
//!
//! # Yarn
//!
//! Every `.yarn` file of the zone's `dialogue/` folder is compiled and packed by `wod zone build`; `wod dialogue FILE` plays one in
//! the terminal. [`Ctx::converse`] begins a talk of a player and an NPC at a node:
//!
//! ```text
//! title: Doorkeeper
//! ---
//! <<declare $trusted = false>>
//! <<if $trusted>>
//!     {player()}. Go in.
//!     <<open_door salon>>
//! <<else>>
//!     The salon is for friends of the house.
//!     -> Is it warm in there?
//!         It is {temperature()} degrees warmer than you look.
//!     -> Marguerite sends me. <<if visited("Marguerite")>>
//!         <<set $trusted = true>>
//!         <<jump Doorkeeper>>
//!     -> Good night.
//! <<endif>>
//! ===
//! ```
//!
//! The zone begins it, and does what it commands:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use wod_zone::dialogue::Value;
//! use wod_zone::{Ctx, DialogueCall, DialogueCommand, Interaction, Npc, Result, Zone};
//!
//! #[derive(Serialize, Deserialize)]
//! struct House {
//!     doorkeeper: Npc,
//! }
//!
//! impl Zone for House {
//!     const NAME: &'static str = "house";
//!     const VERBS: &'static [&'static str] = &["talk"];
//!     # type Timer = ();
//!     # type Player = ();
//!     # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self { doorkeeper: Npc(7) }) }
//!
//!     fn interacted(&mut self, ctx: &mut Ctx<Self>, interaction: &Interaction) -> Result {
//!         ctx.converse(interaction.player(), self.doorkeeper, "Doorkeeper")?;
//!         Ok(())
//!     }
//!
//!     fn command(&mut self, ctx: &mut Ctx<Self>, command: &DialogueCommand) -> Result {
//!         match (command.name.as_str(), command.words.as_slice()) {
//!             ("open_door", [barrier]) => ctx.open_door(barrier),
//!             _ => Err(format!("no command `{}`", command.name).into()),
//!         }
//!     }
//!
//!     fn function(&mut self, _ctx: &mut Ctx<Self>, call: &DialogueCall) -> Result<Option<Value>> {
//!         Ok((call.name == "temperature").then_some(Value::Number(12.0)))
//!     }
//! }
//! ```
//!
//! - Lines up to the next answers are one text; a long one turns pages. `Marek: Go in.` is said without the name by Marek.
//! - Answers whose condition does not hold are not shown. When none is left the talk is over.
//! - Variables belong to the player: kept like [`Zone::Player`], over logins and in all zones of the module. Those that begin with
//!   `$zone_` are the zone's. `visited("Node")` and `visited_count("Node")` are the player's.
//! - `<<command words>>` goes to [`Zone::command`], functions that Yarn does not know to [`Zone::function`]. `player()` and `npc()` are
//!   their names.
//! - Several players talk with one NPC at once, each for herself. Where each stands is part of the saved state: a talk goes on
//!   after a crash, a swap, a move, a lost connection. After a swap to another text an answer that was already read leads where
//!   the new text says; one that was taken back ends the talk. Tag a line (`-> Yes. #line:accept`) to change its words and keep its
//!   answer; without a tag an answer is known by its words.
//! - Of a player beyond a border nothing is remembered, so she can't be talked to.

mod book;
mod functions;
mod script;
mod talk;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use book::{Book, CONTENT, Node as BookNode, Offer, Part, Step, Value};
pub use functions::visits;
pub use script::{Answer, Node, Script, When};
pub use talk::{CONTINUE, Lost, Said, Talk, Teller, Way};

pub(crate) use script::OpenDialogue;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::handle::{DialogueId, Npc, Player};
use crate::zone::{Command, DialogueCall, DialogueCommand, Zone};

/// What the names of the zone's own variables begin with.
const ZONE_VARIABLE: &str = "$zone_";
/// Most variables of a player, and of a zone.
const VARIABLES: usize = 256;
/// Longest text of a variable, bytes.
const VARIABLE_BYTES: usize = 256;

/// A talk that a player is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) player: Player,
    npc: Npc,
    talk: Talk,
}

/// A talk that is about to begin.
pub(crate) struct Opening {
    id: DialogueId,
    player: Player,
    npc: Npc,
    node: String,
}

impl<Z: Zone> Ctx<'_, Z> {
    /// Begins a talk of a player and an NPC at a node of the zone's Yarn files, as soon as the running handler has returned. One of
    /// the two that is open begins anew.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Interaction, Npc, Result, Zone};
    /// fn interacted<Z: Zone>(ctx: &mut Ctx<Z>, doorkeeper: Npc, interaction: &Interaction) -> Result {
    ///     ctx.face(doorkeeper, interaction.player())?;
    ///     ctx.converse(interaction.player(), doorkeeper, "Doorkeeper")?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// There is no such node, or the player is not in this zone.
    pub fn converse(&mut self, player: Player, npc: Npc, node: &str) -> Result<DialogueId> {
        self.player(player)?;
        self.book()?.node(node)?;
        let known = self.memory.core.talks.iter().find(|(_, open)| open.player == player && open.npc == npc);
        let known = known.map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| self.memory.core.token().into());
        self.memory.opening.push_back(Opening { id, player, npc, node: node.to_owned() });
        Ok(id)
    }

    /// A dialogue's variable, with its `$`: the player's, or the zone's for `$zone_…`. None: nobody has set it and no Yarn file
    /// declares it.
    ///
    /// ```
    /// # use wod_zone::dialogue::Value;
    /// # use wod_zone::{Ctx, Player, Zone};
    /// /// `<<set $trusted = true>>` in a Yarn file opens a real door.
    /// fn may_pass<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> bool {
    ///     ctx.variable(player, "$trusted") == Some(Value::Flag(true))
    /// }
    /// ```
    pub fn variable(&mut self, player: Player, name: &str) -> Option<Value> {
        let variables = if name.starts_with(ZONE_VARIABLE) {
            &self.memory.core.variables
        } else {
            &self.memory.players.get(&player)?.variables
        };
        match variables.get(name) {
            Some(value) => Some(value.clone()),
            None => self.book().ok()?.variables.get(name).cloned(),
        }
    }

    /// Sets a dialogue's variable, with its `$`: the player's, or the zone's for `$zone_…`.
    ///
    /// ```
    /// # use wod_zone::{Ctx, Player, Result, Zone};
    /// /// Everybody's dialogues know of it from now on: `<<if $zone_prince_is_dead>>`.
    /// fn prince_dies<Z: Zone>(ctx: &mut Ctx<Z>, killer: Player) -> Result {
    ///     ctx.set_variable(killer, "$zone_prince_is_dead", true)?;
    ///     ctx.set_variable(killer, "$guilt", 1.0)
    /// }
    /// ```
    ///
    /// # Errors
    /// She is not in this zone; or over a bound: 256 variables, 256 bytes of text each.
    pub fn set_variable(&mut self, player: Player, name: &str, value: impl Into<Value>) -> Result {
        let value = value.into();
        if matches!(&value, Value::Text(text) if text.len() > VARIABLE_BYTES) {
            return Err(format!("`{name}` would be longer than {VARIABLE_BYTES} bytes").into());
        }
        if self.variable(player, name).as_ref() == Some(&value) {
            return Ok(());
        }
        let variables = if name.starts_with(ZONE_VARIABLE) {
            &mut self.memory.core.variables
        } else {
            &mut self.slot_mut(player)?.variables
        };
        if variables.len() >= VARIABLES && !variables.contains_key(name) {
            return Err(format!("`{name}` would be one variable more than {VARIABLES}").into());
        }
        variables.insert(name.to_owned(), value);
        Ok(())
    }

    /// The zone's dialogues, read when they are first asked for; a zone without any has an empty book.
    pub(crate) fn book(&mut self) -> Result<Arc<Book>> {
        if let Some(book) = &self.memory.book {
            return Ok(Arc::clone(book));
        }
        let book = match self.host.content(CONTENT) {
            Some(bytes) => Book::decode(&bytes)?,
            None => Book::default(),
        };
        Ok(Arc::clone(self.memory.book.insert(Arc::new(book))))
    }
}

/// Begins what the last handler has asked for. Its command was dealt with already: what goes wrong is for the log alone.
pub(crate) fn begin_talks<Z: Zone>(zone: &mut Z, ctx: &mut Ctx<'_, Z>) {
    while let Some(Opening { id, player, npc, node }) = ctx.memory.opening.pop_front() {
        let begun = ctx.book().and_then(|book| {
            let told = Talk::begin(&book, &node, &mut ZoneTeller { zone, ctx, player, npc });
            show(ctx, id, player, npc, told)
        });
        if let Err(error) = begun {
            crate::error!(ctx, player = player, npc = npc, "{error}");
        }
    }
}

/// Plays a player's answer in a talk of the book. An error refuses her command.
pub(crate) fn answered<Z: Zone>(
    zone: &mut Z,
    ctx: &mut Ctx<'_, Z>,
    command: Command,
    id: DialogueId,
    answer: Option<&str>,
) -> Result {
    let Some(open) = ctx.memory.core.talks.get(&id).filter(|open| open.player == command.player).cloned() else {
        return Err(Error::to_player("That is not your talk."));
    };
    let Open { player, npc, talk } = open;
    let Some(answer) = answer else {
        return close(ctx, id, player);
    };
    let book = ctx.book()?;
    match talk.way(&book, answer) {
        Ok(way) => {
            let told = way.go(&book, &mut ZoneTeller { zone, ctx, player, npc });
            show(ctx, id, player, npc, told)
        }
        Err(Lost::NotOffered) => Err(Error::to_player("That is no answer to this.")),
        Err(Lost::TakenBack) => {
            close(ctx, id, player)?;
            Err(Error::to_player("That is not what this is about any more. Speak to them again."))
        }
    }
}

/// Tells the player what came of it, and keeps where she is.
fn show<Z: Zone>(
    ctx: &mut Ctx<'_, Z>,
    id: DialogueId,
    player: Player,
    npc: Npc,
    told: Result<(Option<Talk>, Said)>,
) -> Result {
    let (talk, said) = match told {
        Ok(told) => told,
        Err(error) => {
            close(ctx, id, player)?;
            return Err(error);
        }
    };
    match talk {
        Some(talk) => {
            ctx.host.say_dialogue(player.id(), id.into(), npc.id(), said.text, said.answers)?;
            ctx.memory.core.talks.insert(id, Open { player, npc, talk });
        }
        None if said.text.is_empty() => close(ctx, id, player)?,
        None => {
            ctx.memory.core.talks.remove(&id);
            ctx.host.say_dialogue(player.id(), id.into(), npc.id(), said.text, Vec::new())?;
        }
    }
    Ok(())
}

/// Ends a talk, also one that was never shown.
fn close<Z: Zone>(ctx: &mut Ctx<'_, Z>, id: DialogueId, player: Player) -> Result {
    if ctx.memory.core.talks.remove(&id).is_some() {
        ctx.host.close_dialogue(player.id(), id.into())?;
    }
    Ok(())
}

/// The zone, as a talk meets it.
struct ZoneTeller<'a, 'c, Z: Zone> {
    zone: &'a mut Z,
    ctx: &'a mut Ctx<'c, Z>,
    player: Player,
    npc: Npc,
}

impl<Z: Zone> Teller for ZoneTeller<'_, '_, Z> {
    fn variable(&mut self, name: &str) -> Option<Value> {
        self.ctx.variable(self.player, name)
    }

    fn set_variable(&mut self, name: &str, value: Value) -> Result {
        self.ctx.set_variable(self.player, name, value)
    }

    fn function(&mut self, name: &str, values: &[Value]) -> Result<Option<Value>> {
        match (name, values) {
            ("player", []) => Ok(Some(Value::from(self.ctx.name(self.player)))),
            ("npc", []) => Ok(Some(Value::Text(self.speaker()))),
            _ => {
                let call =
                    DialogueCall { player: self.player, npc: self.npc, name: name.to_owned(), values: values.to_vec() };
                self.zone.function(self.ctx, &call)
            }
        }
    }

    fn command(&mut self, name: &str, words: &[String]) -> Result {
        let command =
            DialogueCommand { player: self.player, npc: self.npc, name: name.to_owned(), words: words.to_vec() };
        self.zone.command(self.ctx, &command)
    }

    fn random(&mut self) -> u64 {
        self.ctx.random()
    }

    fn speaker(&self) -> String {
        self.ctx.entity(self.npc).map(|view| view.name).unwrap_or_default()
    }
}
