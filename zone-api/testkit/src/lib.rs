//! Tests zones in a plain `cargo test`: the very code that becomes the module, in the very simulation that hosts run.
//!
//! There is no second simulation and no wasm: [`World`] adapts a guest [`Zone`](wod_zone::Zone) to the simulation's module
//! border and plays everything around it: players and their clients, gateway, store, other zones, operators, and what befalls
//! hosts. Time is the tick number, so every run is the same.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use wod_testkit::World;
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
//! let mut world = World::of::<Porch>().place("porch", 50.0, 50.0, 0.0).spawn(52.0, 50.0).start();
//! let ann = world.player("Ann").waits(1.0);
//! assert_eq!(ann.last_line_of("Ada"), "Evening, Ann.");
//! world.crash();
//! assert!(world.player("Ann").sees("Ada"));
//! ```
//!
//! For what reads better than it asserts, snapshot the [`World::transcript`] with insta.

mod build;
mod client;
mod convert;
mod module;
mod modules;
mod person;
mod scene;
mod store;
mod world;

pub use build::WorldBuilder;
pub use client::{Client, Dialogue, GATEWAY, Line};
pub use modules::Work;
pub use person::Person;
pub use scene::Sight;
pub use store::Store;
pub use wod_protocol::client::{ChatMode, DialogueOption, TagValue};
pub use wod_sim::module::LogLevel;
pub use world::{Letter, World};
