//! Deployments and rollbacks under players who trade: two markets side by side, whose goods must never be lost or doubled.
//!
//! `refused` is what a bad module can do and must not, `back` the way back to the version before, `verb` a module that fails at
//! one player's verb. `market` are the two zones, `shopper` is a player who keeps account of what she was promised, `twin` replays
//! what happened.

mod back;
mod market;
mod refused;
mod shopper;
mod twin;
mod verb;
