//! The SDK for World of Darkness zones: what a content team writes its zone modules with.
//!
//! A zone is a struct that derives serde, an `impl` of [`Zone`] with the handlers it wants, and one line,
//! [`export!`]. Build it with `wod zone build`, test it with `cargo test` and the testkit: the same code, no wasm needed.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use wod_zone::{Ctx, EnterReason, Npc, Player, Result, Spawn, Zone};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Porch {
//!     host: Npc,
//! }
//!
//! impl Zone for Porch {
//!     const NAME: &'static str = "porch";
//!     type Timer = ();
//!     type Player = ();
//!
//!     fn open(ctx: &mut Ctx<Self>) -> Result<Self> {
//!         let at = ctx.place("porch")?.at;
//!         Ok(Self { host: ctx.spawn_npc(Spawn::new("Ada", at))? })
//!     }
//!
//!     fn entered(&mut self, ctx: &mut Ctx<Self>, player: Player, _how: EnterReason) -> Result {
//!         let name = ctx.name(player).to_owned();
//!         ctx.say(self.host, format!("Evening, {name}."))
//!     }
//! }
//!
//! wod_zone::export!(Porch);
//! # fn main() {}
//! ```
//!
//! | for | see |
//! |---|---|
//! | what a zone is told | [`Zone`] |
//! | what it can ask and do | [`Ctx`] |
//! | NPCs and things that the map has drawn | [`Ctx::posts`], [`Ctx::things`] |
//! | branching dialogues | [`dialogue`] |
//! | NPCs that walk, look, hunt and flee, by the hour and in groups | [`behaviour`] |
//! | verbs with conditions, and what takes time | [`verbs`] |
//! | things to carry, give and trade | [`goods`], [`trade`] |
//! | doors, notice boards, containers | [`objects`] |
//! | memory of each player | [`Zone::Player`], [`Ctx::player`] |
//! | timers that carry data | [`Zone::Timer`], [`Ctx::after`] |
//! | judging what players say | [`Zone::judge`] |
//! | new versions of the state | [`Zone::SCHEMA`], [`Zone::migrate`] |
//! | log lines | [`info!`], [`warn!`], [`error!`], [`debug!`] |

pub mod behaviour;
pub mod dialogue;
pub mod goods;
pub mod objects;
pub mod trade;
pub mod verbs;

mod call;
mod ctx;
mod drawn;
mod error;
mod handle;
mod host;
mod macros;
mod memory;
mod parts;
mod runtime;
mod types;
mod zone;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod wasm;

pub use ctx::{Ctx, Spawn};
pub use drawn::{Post, Thing};
pub use error::{Error, Result};
pub use handle::{DialogueId, EntityId, Npc, Object, OrderId, Player, RequestId, TimerId, Token};
// What `export!` and the testkit put under a zone. Authors have `Ctx`, which says the same.
#[doc(hidden)]
pub use host::Host;
pub use memory::{decode, encode};
pub use runtime::{Runtime, Snapshot};
pub use types::{
    Audience, ChatMode, Description, Destination, EnterReason, Event, Filter, Frame, Goal, Hearers, Kind, LeaveReason,
    LogLevel, MoveEnd, Neighbour, Place, Point, Refusal, Setup, Spawning, StartReason, Tag, Value, Verb, View,
};
pub use zone::{
    Choice, Command, DialogueCall, DialogueCommand, Heard, Interaction, Line, Message, Moved, ScriptSpot, Sensed,
    Setting, SettingDefault, Verdict, Zone,
};
