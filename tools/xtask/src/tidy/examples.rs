//! Every public item of the SDK has an example: what rustdoc knows of the crate, held against what its documentation shows.
//!
//! A module, type, trait, function or macro has an example of its own. What belongs to one (a method, a handler, a constant) has its
//! own or is used in its owner's. Fields and variants are their type's. An example is a block that `cargo test --doc` compiles.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::paths;
use crate::shell::Line;

/// The format of the JSON that is read here, `FORMAT_VERSION` of the crate `rustdoc-types`. Another toolchain may write another: see
/// there what has changed, and go with it.
const FORMAT: u32 = 57;

#[derive(Deserialize)]
struct Documented {
    root: u32,
    index: BTreeMap<u32, Item>,
    format_version: u32,
}

/// Without what is private or hidden.
#[derive(Deserialize)]
struct Item {
    name: Option<String>,
    span: Option<Span>,
    docs: Option<String>,
    /// Its kind, and what is particular to that.
    inner: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Span {
    filename: String,
    begin: (u32, u32),
}

/// Every public item of the SDK without an example.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    let rustdoc = paths::root().join("tools/xtask/rustdoc-json.sh");
    let line = Line::new("cargo rustdoc --quiet -p wod-zone --lib -- -Z unstable-options --output-format json")
        .env("RUSTDOC", rustdoc);
    line.output().with_context(|| format!("`{}` failed; run it to see why", line.typed()))?;
    let path = paths::target().join("doc/wod_zone.json");
    let json = std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let documented: Documented = serde_json::from_str(&json).context("can't read what rustdoc says")?;
    let format = documented.format_version;
    ensure!(format == FORMAT, "rustdoc writes format {format}, {} reads {FORMAT}", file!());
    Ok(judge(&documented))
}

fn judge(documented: &Documented) -> Vec<String> {
    let mut walk = Walk { index: &documented.index, seen: BTreeSet::new(), faults: Vec::new() };
    walk.visit(documented.root, "", None);
    walk.faults
}

struct Walk<'a> {
    index: &'a BTreeMap<u32, Item>,
    seen: BTreeSet<u32>,
    faults: Vec<String>,
}

impl Walk<'_> {
    /// Judges an item, and all that belongs to it. `owner` is given where its examples are good for this item too.
    fn visit(&mut self, id: u32, path: &str, owner: Option<&Item>) {
        // What is not in the index is hidden, or another crate's.
        let Some(item) = self.index.get(&id) else { return };
        let Some((kind, inner)) = item.inner.first_key_value() else { return };
        if kind == "use" {
            return self.visit_use(inner, path, owner);
        }
        if !self.seen.insert(id) {
            return;
        }
        let name = item.name.as_deref().unwrap_or_default();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") };
        let of_owner = match kind.as_str() {
            "module" | "struct" | "enum" | "union" | "trait" | "trait_alias" | "type_alias" | "macro"
            | "proc_macro" => None,
            "constant" | "static" | "assoc_const" | "assoc_type" => owner,
            // A function of a module stands for itself.
            "function" => owner.filter(|owner| !owner.inner.contains_key("module")),
            _ => return,
        };
        let shown = of_owner.is_some_and(|owner| shows(&examples(owner), name));
        if !shown && examples(item).is_empty() {
            self.faults.push(fault(item, kind, &path, of_owner.is_some()));
        }
        for part in ids(inner, "items") {
            self.visit(part, &path, Some(item));
        }
        for block in ids(inner, "impls").filter_map(|block| self.index.get(&block)) {
            let Some(inner) = block.inner.get("impl").filter(|inner| inner["trait"].is_null()) else { continue };
            for part in ids(inner, "items") {
                self.visit(part, &path, Some(item));
            }
        }
    }

    /// What is used is at home here.
    fn visit_use(&mut self, inner: &Value, path: &str, owner: Option<&Item>) {
        let Some(target) = id(&inner["id"]) else { return };
        let module = self.index.get(&target).and_then(|item| item.inner.get("module"));
        match module {
            Some(module) if inner["is_glob"] == true => {
                ids(module, "items").for_each(|part| self.visit(part, path, owner))
            }
            _ => self.visit(target, path, owner),
        }
    }
}

/// Where it is, what it lacks and how to mend it.
fn fault(item: &Item, kind: &str, path: &str, has_owner: bool) -> String {
    let place = item.span.as_ref().map(|span| format!("{}:{}: ", span.filename, span.begin.0)).unwrap_or_default();
    let kind = kind.replace('_', " ");
    let or_there = if has_owner { ", or in that of what it belongs to" } else { "" };
    format!("{place}{kind} `{path}` has no example: show what it is for in its documentation{or_there}")
}

fn ids<'a>(inner: &'a Value, list: &str) -> impl Iterator<Item = u32> + use<'a> {
    inner[list].as_array().into_iter().flatten().filter_map(id)
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// What readers see of the Rust code that is compiled as a test.
fn examples(item: &Item) -> String {
    let mut shown = String::new();
    let mut block = None;
    for line in item.docs.iter().flat_map(|docs| docs.lines()).map(str::trim) {
        match (line.strip_prefix("```"), block) {
            (Some(info), None) => block = Some(is_tested(info)),
            (Some(_), Some(_)) => block = None,
            (None, Some(true)) if line != "#" && !line.starts_with("# ") => {
                shown.push_str(line);
                shown.push('\n');
            }
            (None, _) => {}
        }
    }
    shown
}

/// Whether what stands after the fence makes the block a test.
fn is_tested(info: &str) -> bool {
    let is_rust = |word: &str| matches!(word, "rust" | "should_panic" | "no_run") || word.starts_with("edition");
    info.split([',', ' ']).filter(|word| !word.is_empty()).all(is_rust)
}

/// Whether code uses this name: as a method, by its path or where it is defined. A name with a capital is nothing else anywhere.
fn shows(code: &str, name: &str) -> bool {
    let is_in_a_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_whole = !before.ends_with(is_in_a_word) && !after.starts_with(is_in_a_word);
        let is_meant =
            name.starts_with(char::is_uppercase) || [".", "::", "fn "].iter().any(|mark| before.ends_with(mark));
        is_whole && is_meant
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use serde_json::json;

    use super::*;

    const EXAMPLE: &str = "What it is for.\n\n```\n# use wod_zone::Lamp;\nlet lamp = Lamp::new().lit();\n```";

    /// A crate with one struct, `Lamp`, used from a private module, and its method `lit`.
    fn lamp(of_struct: &str, of_method: &str) -> Vec<String> {
        let span = |line: u32| json!({ "filename": "src/lamp.rs", "begin": [line, 1], "end": [line, 9] });
        let documented = json!({
            "format_version": FORMAT,
            "root": 0,
            "index": {
                "0": { "name": "wod_zone", "span": span(1), "docs": EXAMPLE, "inner": { "module": { "items": [1, 9] } } },
                "1": { "name": null, "span": span(2), "docs": null, "inner": { "use": { "id": 2, "is_glob": false } } },
                "2": { "name": "Lamp", "span": span(7), "docs": of_struct, "inner": { "struct": { "impls": [3, 4] } } },
                "3": { "name": null, "span": span(8), "docs": null, "inner": { "impl": { "trait": null, "items": [5] } } },
                "4": { "name": null, "span": span(9), "docs": null, "inner": { "impl": { "trait": {}, "items": [6] } } },
                "5": { "name": "lit", "span": span(12), "docs": of_method, "inner": { "function": {} } },
                "6": { "name": "fmt", "span": span(13), "docs": null, "inner": { "function": {} } },
            },
        });
        judge(&serde_json::from_value(documented).unwrap())
    }

    #[test]
    fn an_item_without_an_example_is_a_fault_named_with_its_place() {
        assert!(lamp(EXAMPLE, EXAMPLE).is_empty());
        let faults = lamp("A lamp.", EXAMPLE);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("src/lamp.rs:7: struct `wod_zone::Lamp` has no example"), "{}", faults[0]);
        let faults = lamp("A lamp.", "Is on.");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[1].starts_with("src/lamp.rs:12: function `wod_zone::Lamp::lit` has no example"),
            "{}",
            faults[1]
        );
    }

    #[test]
    fn a_method_may_be_shown_by_its_type_but_not_in_lines_that_nobody_sees() {
        assert!(lamp(EXAMPLE, "Is on.").is_empty());
        assert_eq!(lamp("```\n# lamp.lit();\nlet lamp = Lamp::new();\n```", "Is on.").len(), 1);
        assert_eq!(lamp("```\nlet lit = lamp.lit_up();\n```", "Is on.").len(), 1);
    }

    #[test]
    fn what_is_not_compiled_is_no_example() {
        for fence in ["ignore", "text", "json", "compile_fail"] {
            assert_eq!(lamp(&EXAMPLE.replacen("```", &format!("```{fence}"), 1), EXAMPLE).len(), 1, "{fence}");
        }
        assert!(lamp(&EXAMPLE.replacen("```", "```rust,no_run", 1), "Is on.").is_empty());
    }
}
