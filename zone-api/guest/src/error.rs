//! The one error type of handlers.

use crate::types::Refusal;

/// What a handler returns: `Ok(())`, or why it gave up. The SDK writes the error to the zone's log, with the handler's name.
///
/// ```
/// use wod_zone::{Ctx, Npc, Result, Spawn, Zone};
/// /// Every step may fail; `?` hands the reason on to the log.
/// fn open_the_bar<Z: Zone>(ctx: &mut Ctx<Z>) -> Result<Npc> {
///     let counter = ctx.place("counter")?.at;
///     ctx.spawn_npc(Spawn::new("Barkeeper", counter))
/// }
/// ```
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Why something did not work.
///
/// Refusals and texts convert by `?`:
///
/// ```
/// use wod_zone::{Refusal, Result};
/// fn handler(spawned: std::result::Result<u32, Refusal>) -> Result<u32> {
///     Ok(spawned?)
/// }
/// assert_eq!(handler(Err(Refusal::Blocked)).unwrap_err().to_string(), "inside a wall");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The host refused an act.
    Refused(Refusal),
    /// A state could not be read or written.
    State(String),
    /// For the player whose command it was: she reads this text. Not logged.
    ToPlayer(String),
    /// Anything else, in the author's words.
    Other(String),
}

impl Error {
    /// An error whose text the player reads whose command was being handled (a `reject` with code `refused`).
    ///
    /// ```
    /// use wod_zone::{Error, Result};
    /// fn pour(open: bool) -> Result {
    ///     if open { Ok(()) } else { Err(Error::to_player("The bar is closed.")) }
    /// }
    /// assert_eq!(pour(false).unwrap_err().to_string(), "The bar is closed.");
    /// ```
    pub fn to_player(text: impl Into<String>) -> Self {
        Self::ToPlayer(text.into())
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::State(text) | Self::ToPlayer(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::State(_) | Self::ToPlayer(_) | Self::Other(_) => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

impl From<rmp_serde::encode::Error> for Error {
    fn from(error: rmp_serde::encode::Error) -> Self {
        Self::State(format!("state does not encode: {error}"))
    }
}

impl From<rmp_serde::decode::Error> for Error {
    fn from(error: rmp_serde::decode::Error) -> Self {
        Self::State(format!("state does not decode: {error}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(format!("JSON: {error}"))
    }
}
