//! What a page tells people to type exists.

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::paths;

/// Pages that people follow by typing.
const PAGES: &[&str] = &["README.md", "DISTRIBUTED.md", "zones/README.md"];

/// Commands on the pages that don't exist.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    let commands = paths::root().join("tools/cli/src/commands");
    let exists = |words: &[&str]| {
        // One command is one file (`zone/build.rs`, `config_set.rs`).
        let file = |name: String| commands.join(name).is_file();
        match words {
            [one, two, ..] => {
                file(format!("{one}.rs")) || file(format!("{one}/{two}.rs")) || file(format!("{one}_{two}.rs"))
            }
            [one] => file(format!("{one}.rs")) || commands.join(one).is_dir(),
            [] => true,
        }
    };
    let tasks: Vec<String> = crate::Cli::command().get_subcommands().map(|task| task.get_name().to_owned()).collect();
    let mut faults = Vec::new();
    for page in PAGES {
        let path = paths::root().join(page);
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("can't read {page}"))?;
        faults.extend(judge(page, &text, &tasks, exists));
    }
    Ok(faults)
}

fn judge(page: &str, text: &str, tasks: &[String], exists: impl Fn(&[&str]) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in code_lines(text) {
        let words: Vec<&str> = line.trim().trim_start_matches("$ ").split_whitespace().collect();
        let fault = match words.as_slice() {
            ["cargo", "xtask", task, ..] if is_word(task) && !tasks.iter().any(|known| known == task) => {
                Some(format!("`cargo xtask {task}`"))
            }
            [program, rest @ ..] if *program == "wod" || program.ends_with("/wod") => {
                let names: Vec<&str> = rest.iter().copied().take_while(|word| is_word(word)).take(2).collect();
                (!exists(&names)).then(|| format!("`wod {}`", names.join(" ")))
            }
            _ => None,
        };
        faults.extend(fault.map(|command| format!("{page}:{number}: there is no {command}")));
    }
    faults
}

/// Lines of code blocks, fenced or indented by four, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (fenced || line.starts_with("    ")).then_some((index + 1, line))
    })
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_does_not_exist_is_found_in_code_and_not_in_prose() {
        let page = "Type wod nothing.\n\n    wod zones\n    wod zone build zones\n    cargo xtask dev -- --fresh\n\n```\n$ target/release/wod fly\ncargo xtask sing\n```\n";
        let exists = |words: &[&str]| matches!(words, ["zones"] | ["zone", "build"]);
        let faults = judge("README.md", page, &["dev".to_owned()], exists);
        assert_eq!(faults, ["README.md:8: there is no `wod fly`", "README.md:9: there is no `cargo xtask sing`"]);
    }
}
