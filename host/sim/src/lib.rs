//! The zone: a deterministic state machine. `state(t+1), effects(t) = step(state(t), inputs(t))`.
//!
//! No clock, no socket, no thread, no global randomness, no iteration over unordered maps: time is the tick number,
//! randomness a seeded generator in the state, positions are integers. What goes in and comes out is [`io`]; the zone's module
//! (game logic) stands behind the trait in [`module`]; the host journals inputs and outcome and can replay every tick.

pub mod io;
pub mod module;
pub mod space;
pub mod zone;
