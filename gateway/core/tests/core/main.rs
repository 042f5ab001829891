//! The gateway's state machine between fake clients and fake zones, event by event.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admission;
mod closing;
mod lossy;
mod nearer;
mod play;
mod repair;
mod support;
