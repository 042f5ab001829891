//! How `wod` ends: one exit code a kind of failure, and an error that says what to do next.

use std::fmt;
use std::process::ExitCode;

/// Listed in `wod --help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  ok
  1  failed
  2  wrong usage
  3  not found: no such zone, file or player
  4  refused by the server
  5  the server can't be reached
  6  faults found (`bots`, `zone check`)";

/// Why a command did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything without a code of its own.
    Failed = 1,
    /// Arguments that clap can't judge alone.
    Usage = 2,
    /// What was named is not there.
    NotFound = 3,
    /// The server understood and said no.
    Refused = 4,
    /// No answer from the server.
    Unreachable = 5,
    /// The command ran to its end and found faults.
    Faults = 6,
}

/// A failed command: what failed, why, and what the person at the keyboard does next.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

/// What every command returns.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure of this kind.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), hint: None }
    }

    /// A failure that is told by its text alone.
    pub(crate) fn text(exit: Exit, text: impl Into<String>) -> Self {
        Self::new(exit, anyhow::Error::msg(text.into()))
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints it for people, on standard error, and gives the process's exit code.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {self}");
        ExitCode::from(self.exit as u8)
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

/// The error with its causes on one line, what to do next on another.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  help: {hint}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, error)
    }
}
