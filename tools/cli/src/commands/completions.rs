//! `wod completions SHELL`: what a shell needs to complete `wod …`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;
use crate::exit::Outcome;
use crate::output;

/// Arguments of `wod completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "For example: wod completions bash > ~/.local/share/bash-completion/completions/wod")]
pub(crate) struct Args {
    /// Which
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "wod", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end());
        Ok(())
    }
}
