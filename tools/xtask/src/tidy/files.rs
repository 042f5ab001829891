//! Every file is a sitting's read, says first what it is for, and hides nothing unfinished.

use anyhow::Context as _;

use crate::paths;
use crate::shell::Line;

/// A longer file is a fault.
const LONGEST: usize = 800;
/// A longer file is worth a thought.
const LONG: usize = 600;
/// A test that another test starts as a process of its own is rightly left out of the ordinary run, and says so.
const A_CHILD: &str = "\"the child process of ";
const SOURCES: &[&str] = &["rs", "ts", "js", "css", "wit", "py"];

/// Every fault; warnings are printed.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    // Files that are new and not yet added are checked too; ignored ones are not ours.
    let list =
        Line::new("git ls-files --cached --others --exclude-standard").output().context("`git ls-files` failed")?;
    let mut faults = Vec::new();
    for name in list.lines().filter(|name| is_source(name)) {
        let Ok(text) = std::fs::read_to_string(paths::root().join(name)) else {
            // Deleted, but not yet committed so.
            continue;
        };
        faults.extend(judge(name, &text));
    }
    Ok(faults)
}

fn is_source(name: &str) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default();
    SOURCES.contains(&extension)
}

fn judge(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        faults.push(format!("{name}: {lines} lines are no sitting's read: split it by state or interface"));
    } else if lines > LONG {
        println!("  note: {name} has {lines} lines");
    }
    let is_rust = name.ends_with(".rs");
    let is_root = name.ends_with("src/lib.rs") || name.ends_with("src/main.rs");
    if is_root && !text.starts_with("//!") {
        faults.push(format!("{name}: a crate says in its first line what it is for: begin with `//!`"));
    }
    // Put together here, so that this file does not name them.
    for unfinished in [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ign", "ore")] {
        let counts = |line: &str| line.contains(unfinished) && !line.contains(A_CHILD);
        if is_rust && let Some(line) = text.lines().position(counts) {
            faults.push(format!("{name}:{}: `{unfinished}`: finish it, or leave it out", line + 1));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_an_unfinished_and_a_nameless_file_are_faults() {
        assert_eq!(judge("a/src/x.rs", &"\n".repeat(801)).len(), 1);
        assert!(judge("a/src/x.rs", &"\n".repeat(800)).is_empty());
        assert_eq!(judge("a/src/lib.rs", "mod x;\n").len(), 1);
        assert!(judge("a/src/lib.rs", "//! What it is for.\n").is_empty());
        assert!(judge("a/src/x.rs", concat!("fn f() { todo", "!() }"))[0].starts_with("a/src/x.rs:1:"));
        assert!(judge("a/tests/x.rs", concat!("#[ign", "ore = \"the child process of the test above\"]")).is_empty());
    }
}
