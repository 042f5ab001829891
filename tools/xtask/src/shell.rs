//! Running programs: said aloud, watched, and counted.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail};

use crate::paths;

/// A program and its arguments, to run in a folder of the repository.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    words: Vec<String>,
    dir: &'static str,
    envs: Vec<(String, String)>,
}

/// Tests counted in a program's output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Line {
    /// From words separated by spaces; runs in the repository's root.
    pub(crate) fn new(words: &str) -> Self {
        Self { words: words.split_whitespace().map(str::to_owned).collect(), dir: "", envs: Vec::new() }
    }

    /// Adds one argument, which may hold spaces.
    #[must_use]
    pub(crate) fn arg(mut self, argument: impl AsRef<Path>) -> Self {
        self.words.push(argument.as_ref().display().to_string());
        self
    }

    /// Runs in this folder of the repository.
    #[must_use]
    pub(crate) fn dir(mut self, dir: &'static str) -> Self {
        self.dir = dir;
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.envs.push((name.to_owned(), value.as_ref().display().to_string()));
        self
    }

    /// As a person types it.
    pub(crate) fn typed(&self) -> String {
        let dir = if self.dir.is_empty() { String::new() } else { format!("cd {} && ", self.dir) };
        let envs: String = self.envs.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        let words: Vec<String> = self.words.iter().map(|word| quoted(word)).collect();
        format!("{dir}{envs}{}", words.join(" "))
    }

    /// Ready to run.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(paths::root().join(self.dir));
        command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        // What `cargo run` set for this package is not meant for the programs it starts.
        command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_PKG_NAME");
        command
    }

    /// Runs it on the terminal; an error when it fails.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let status = self.command().status().with_context(|| format!("can't run `{}`", self.words[0]))?;
        self.judge(status)
    }

    /// Runs it quietly and returns its standard output; none when it fails or is not there.
    pub(crate) fn output(&self) -> Option<String> {
        let output = self.command().stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it, passes its output on, and counts the tests in it.
    pub(crate) fn run_counting(&self) -> anyhow::Result<(ExitStatus, Count)> {
        let mut command = self.command();
        if std::io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1");
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't run `{}`", self.words[0]))?;
        let stdout = child.stdout.take().context("its standard output is piped")?;
        let stderr = child.stderr.take().context("its standard error is piped")?;
        let (a, b) = std::thread::scope(|scope| {
            let stderr = scope.spawn(move || pass_on(stderr, std::io::stderr()));
            let stdout = pass_on(stdout, std::io::stdout());
            (stdout, stderr.join().unwrap_or_else(|_| Err(anyhow::anyhow!("reading standard error panicked"))))
        });
        let (a, b) = (a?, b?);
        let status = child.wait().with_context(|| format!("can't wait for `{}`", self.words[0]))?;
        Ok((status, Count { passed: a.passed + b.passed, failed: a.failed + b.failed }))
    }

    fn judge(&self, status: ExitStatus) -> anyhow::Result<()> {
        if !status.success() {
            bail!("`{}` failed ({status})", self.typed());
        }
        Ok(())
    }
}

fn pass_on(from: impl Read, mut to: impl std::io::Write) -> anyhow::Result<Count> {
    let mut count = Count::default();
    for line in BufReader::new(from).split(b'\n') {
        let line = line.context("can't read its output")?;
        to.write_all(&line).and_then(|()| to.write_all(b"\n")).context("can't pass its output on")?;
        let line = without_colours(&String::from_utf8_lossy(&line));
        if let Some(found) = count_in(&line) {
            count.passed += found.passed;
            count.failed += found.failed;
        }
    }
    to.flush().context("can't pass its output on")?;
    Ok(count)
}

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// The tests that a line of `cargo test`, `cargo nextest` or `vitest` sums up.
fn count_in(line: &str) -> Option<Count> {
    // Indented, it is what a failed test of nextest printed, and is in nextest's own summary.
    let is_cargos = line.starts_with("test result:");
    let line = line.trim();
    let is_summary =
        is_cargos || (line.starts_with("Summary [") && line.contains(" run: ")) || line.starts_with("Tests  ");
    is_summary.then(|| Count { passed: number_before(line, "passed"), failed: number_before(line, "failed") })
}

/// `4` of `… 4 passed …`; 0 when the word is not there.
fn number_before(line: &str, word: &str) -> u64 {
    let mut before = "";
    for part in line.split([' ', ';', ',', '|']).filter(|part| !part.is_empty()) {
        if part == word {
            return before.parse().unwrap_or(0);
        }
        before = part;
    }
    0
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runners_summary_is_counted() {
        let count = |passed, failed| Some(Count { passed, failed });
        assert_eq!(count_in("test result: FAILED. 31 passed; 1 failed; 0 ignored; 0 measured"), count(31, 1));
        let summary =
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.120s] 5 tests run: 4 passed (1 slow), 1 failed, 2 skipped";
        assert_eq!(count_in(&without_colours(summary)), count(4, 1));
        assert_eq!(count_in("      Tests  1 failed | 11 passed (12)"), count(11, 1));
        assert_eq!(count_in("    test result: FAILED. 0 passed; 1 failed; 0 ignored"), None);
        assert_eq!(count_in(" Test Files  2 passed (2)"), None);
        assert_eq!(count_in("running 32 tests"), None);
    }

    #[test]
    fn a_line_can_be_typed_again() {
        let line = Line::new("npm run build").dir("gateway/web").env("WOD_BIN", "/x/wod");
        assert_eq!(line.typed(), "cd gateway/web && WOD_BIN=/x/wod npm run build");
    }
}
